"""The founding articles as data, and a loader that only reads."""
