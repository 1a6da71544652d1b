"""Everything that runs by itself: fetching, checking, scheduling, replaying, and the command line."""
