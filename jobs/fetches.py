"""Fetches under way: several at a time in threads, or one after the other."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

LINGER = 0.1  # seconds for more to be answered, so that it is written together

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Gate:
    """Lets one in at a time; who is in may be led out by another thread. A closed gate turns everybody away."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.taken = False
        self._closed = False

    def enter(self) -> None:
        """Wait for nobody to be in, and enter; raise `InterruptedError` where the gate is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self.taken)
            if self._closed:
                raise InterruptedError("what was begun is abandoned")
            self.taken = True

    def leave(self) -> None:
        """Let the next one in."""
        with self._changed:
            self.taken = False
            self._changed.notify_all()

    def close(self) -> None:
        """Turn away who waits, and whoever comes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Fetches(Generic[Job, Answer]):
    """Asks for jobs and hands back the answers in the order in which they were begun.

    With `parallel` 1 there is no thread: what is begun is finished when `finished` is called, all of it, or up to
    the one that has passed the gate.
    """

    def __init__(self, parallel: int) -> None:
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="calledit-fetch") if parallel > 1 else None
        self.gate = Gate()
        self._begun: dict[Future[Answer], Job] = {}
        self._waiting: list[tuple[Future[Answer], Callable[[Job], Answer]]] = []

    def __len__(self) -> int:
        return len(self._begun)

    def begin(self, ask: Callable[[Job], Answer], jobs: Sequence[Job]) -> None:
        """Take on some jobs."""
        for job in jobs:
            if self._pool is not None:
                self._begun[self._pool.submit(ask, job)] = job
            else:
                future: Future[Answer] = Future()
                self._begun[future] = job
                self._waiting.append((future, ask))

    def finished(self, seconds: float) -> tuple[list[tuple[Job, Answer]], list[tuple[Job, BaseException]]]:
        """Return what has been answered, and what failed with its error, after `seconds` at the latest."""
        while self._waiting and not self.gate.taken:
            future, ask = self._waiting.pop(0)
            if future.cancelled():
                continue
            try:
                future.set_result(ask(self._begun[future]))
            except Exception as error:  # noqa: BLE001  (whatever a thread would have kept for us)
                future.set_exception(error)
        wait(self._begun, timeout=seconds, return_when=FIRST_COMPLETED)
        if self._pool is not None and not self.gate.taken:  # behind the gate nobody answers before it opens
            wait(self._begun, timeout=LINGER)
        ended = [(future, self._begun.pop(future)) for future in list(self._begun) if future.done()]
        kept = [(future, job, future.exception()) for future, job in ended if not future.cancelled()]
        return (
            [(job, future.result()) for future, job, error in kept if error is None],
            [(job, error) for _, job, error in kept if error is not None],
        )

    def call_off(self) -> None:
        """Drop what has not been asked for yet."""
        for future in self._begun:
            future.cancel()

    def abandon(self) -> bool:
        """Wait for nothing: what is still under way is answered to nobody. Return whether anything is."""
        self.gate.close()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        return any(not future.done() for future in self._begun)
