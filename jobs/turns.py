"""Turns among threads: one works at a time, and gives its turn up while it waits for something outside.

An interpreter runs one thread at a time in any case; where several want to run, it hands over between them at any
instant, which costs a third of the time of a check. With turns it has one to run, and those that wait.
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
    """Give the turn up, and take it again at the end; a thread without one need not care."""
    if not getattr(_mine, "taken", False):
        yield
        return
    _turn.release()
    try:
        yield
    finally:
        _turn.acquire()
