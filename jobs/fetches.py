"""Fetches under way: several at a time in threads, or one after the other."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

LINGER = 0.1  # seconds for more to be answered, so that it is written together
LOOK = 0.02  # seconds after which to look whether more threads would help
BUSY = 0.7  # of a processor, above which they would not
STUCK = 0.5  # seconds without any answer after which they are tried in any case

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

    A thread asks for one after the other. Others join in only where that leaves the processor idle, or nothing is
    answered, up to `parallel` of them: an interpreter runs one at a time, and threads that all have something to
    do spend half of it on handing over. With `parallel` 1 there is no thread: what is begun is finished when
    `finished` is called, all of it, or up to the one that has passed the gate.
    """

    def __init__(self, parallel: int) -> None:
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="calledit-fetch") if parallel > 1 else None
        self.gate = Gate()
        self._begun: dict[Future[Answer], Job] = {}
        self._waiting: deque[tuple[Future[Answer], Callable[[Job], Answer], Job]] = deque()
        self._parallel = parallel
        self._hands = 0  # threads that are asking
        self._lock = threading.Lock()
        self._looked_at, self._used, self._answered_at = time.monotonic(), time.process_time(), time.monotonic()

    def __len__(self) -> int:
        return len(self._begun)

    def begin(self, ask: Callable[[Job], Answer], jobs: Sequence[Job]) -> None:
        """Take on some jobs."""
        with self._lock:
            for job in jobs:
                future: Future[Answer] = Future()
                self._begun[future] = job
                self._waiting.append((future, ask, job))
            nobody_asks = self._hands == 0
        if self._waiting and nobody_asks:
            self._add_hand()

    def finished(self, seconds: float) -> tuple[list[tuple[Job, Answer]], list[tuple[Job, BaseException]]]:
        """Return what has been answered, and what failed with its error, after `seconds` at the latest."""
        if self._pool is None:
            while self._waiting and not self.gate.taken:
                self._ask_next()
        elif self._wait(seconds, FIRST_COMPLETED):
            self._wait(LINGER, ALL_COMPLETED)
        ended = [(future, self._begun.pop(future)) for future in list(self._begun) if future.done()]
        kept = [(future, job, future.exception()) for future, job in ended if not future.cancelled()]
        return (
            [(job, future.result()) for future, job, error in kept if error is None],
            [(job, error) for _, job, error in kept if error is not None],
        )

    def _wait(self, seconds: float, until: str) -> bool:
        """Wait for an answer, or for all of them unless one is at the gate; return whether there is any."""
        end, answered = time.monotonic() + seconds, False
        while self._begun and time.monotonic() < end:
            done, left = wait(self._begun, timeout=LOOK, return_when=until)
            answered = bool(done)
            if not left or (done and until == FIRST_COMPLETED) or (self.gate.taken and until == ALL_COMPLETED):
                break
            self._join_in()
        return answered

    def _join_in(self) -> None:
        """Have another thread ask where those that do leave the processor idle, or are answered nothing."""
        now, used = time.monotonic(), time.process_time()
        idle = used - self._used < BUSY * (now - self._looked_at)
        self._looked_at, self._used = now, used
        if self._waiting and self._hands < self._parallel and (idle or now - self._answered_at > STUCK):
            self._add_hand()

    def _add_hand(self) -> None:
        if self._pool is not None:
            with self._lock:
                self._hands += 1
            self._pool.submit(self._ask_all)

    def _ask_all(self) -> None:
        while self._ask_next():
            pass

    def _ask_next(self) -> bool:
        """Ask for the next job; return whether there was one."""
        with self._lock:
            if not self._waiting:
                self._hands -= 1
                return False
            future, ask, job = self._waiting.popleft()
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(ask(job))
            except Exception as error:  # noqa: BLE001  (whatever it is, it is told with the job it befell)
                future.set_exception(error)
            self._answered_at = time.monotonic()
        return True

    def call_off(self) -> None:
        """Drop what has not been asked for yet."""
        for future in self._begun:
            future.cancel()

    def abandon(self) -> bool:
        """Wait for nothing: what is still under way is answered to nobody. Return whether anything is."""
        self.gate.close()
        self.call_off()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
        return any(not future.done() for future in self._begun)
