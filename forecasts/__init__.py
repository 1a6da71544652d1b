"""The registry: what was said, by whom, on which question, and what came of it."""
