"""The commands of what runs by itself, one file for each kind."""
