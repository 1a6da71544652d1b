"""Turns among threads that fetch: one works at a time, and gives its turn up while it waits for its network.

Eight threads that all have a few lines of Python to run between two packets hand the interpreter over at any
instant, which costs a third of the time of a check. With turns one has it, and the others wait. What takes long
(reading a database, parsing an answer) is no part of a turn, or it would use up the time of the others.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.Lock()
_mine = threading.local()


@contextmanager
def my_turn() -> Iterator[None]:
    """Wait for the turn, and keep it but for the stretches that are `waiting`."""
    with _turn:
        _mine.taken = True
        try:
            yield
        finally:
            _mine.taken = False


@contextmanager
def waiting() -> Iterator[None]:
    """Give the turn up, and take it again at the end; a thread that has none need not care."""
    if not getattr(_mine, "taken", False):
        yield
        return
    _mine.taken = False
    _turn.release()
    try:
        yield
    finally:
        _turn.acquire()
        _mine.taken = True
