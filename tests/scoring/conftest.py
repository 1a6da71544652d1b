from hypothesis import settings

# The first example pays for imports and compilation; how long one takes says nothing about the code.
settings.register_profile("scoring", deadline=None, max_examples=60)
settings.load_profile("scoring")
