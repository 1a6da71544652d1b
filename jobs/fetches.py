"""Fetches under way: several at a time in threads, or one after the other."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from typing import Generic, TypeVar

LINGER = 0.1  # seconds without another answer after which to write those there are; else they are written together
LINGER_MOST = 0.3  # seconds after the first of them at which to write them in any case: they are held until then
LOOK = 0.02  # seconds after which to look whether more threads would help
BUSY = 0.3  # of a processor, above which they would not: on a machine with much else to do that is all there is
STUCK = 0.5  # seconds without any answer after which they are tried in any case

Job = TypeVar("Job")
Answer = TypeVar("Answer")
Ended = TypeVar("Ended")


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
        self._parallel = parallel
        self._changed = threading.Condition()
        self._count = 0  # of jobs begun
        self._waiting: deque[tuple[int, Callable[[Job], Answer], Job]] = deque()
        self._asking = 0
        self._answered: list[tuple[int, Job, Answer]] = []
        self._failed: list[tuple[int, Job, BaseException]] = []
        self._hands = 0  # threads that are asking
        self._looked_at, self._used, self._answered_at = time.monotonic(), time.process_time(), time.monotonic()

    def __len__(self) -> int:
        with self._changed:
            return len(self._waiting) + self._asking + self._ended()

    def _ended(self) -> int:
        return len(self._answered) + len(self._failed)

    def begin(self, ask: Callable[[Job], Answer], jobs: Sequence[Job]) -> None:
        """Take on some jobs."""
        with self._changed:
            self._waiting.extend((self._count + number, ask, job) for number, job in enumerate(jobs))
            self._count += len(jobs)
            nobody_asks = self._hands == 0
        if jobs and nobody_asks:
            self._add_hand()

    def finished(self, seconds: float) -> tuple[list[tuple[Job, Answer]], list[tuple[Job, BaseException]]]:
        """Return what has been answered, and what failed with its error, after `seconds` at the latest.

        Sooner where everything is answered, nothing more comes, or an answer has to be written before the next.
        """
        if self._pool is None:
            while self._waiting and not self.gate.taken:
                self._ask_next()
        else:
            self._wait(seconds)
        with self._changed:
            answered, failed = sorted(self._answered, key=itemgetter(0)), sorted(self._failed, key=itemgetter(0))
            self._answered.clear()
            self._failed.clear()
        return [(job, answer) for _, job, answer in answered], [(job, error) for _, job, error in failed]

    def _wait(self, seconds: float) -> None:
        began, ended, first_at, last_at = time.monotonic(), 0, 0.0, 0.0
        self._looked_at, self._used = began, time.process_time()
        while (now := time.monotonic()) < began + seconds:
            with self._changed:
                if self._changed.wait_for(self._is_enough, timeout=LOOK):
                    return
                if self._ended() > ended:
                    first_at, last_at, ended = first_at or now, now, self._ended()
            if ended and (now > last_at + LINGER or now > first_at + LINGER_MOST):
                return
            self._join_in()

    def _is_enough(self) -> bool:
        return not (self._waiting or self._asking) or (self.gate.taken and self._ended() > 0)

    def _join_in(self) -> None:
        """Have another thread ask where those that do leave the processor idle, or are answered nothing."""
        now, used = time.monotonic(), time.process_time()
        idle = used - self._used < BUSY * (now - self._looked_at)
        self._looked_at, self._used = now, used
        if self._waiting and self._hands < self._parallel and (idle or now - self._answered_at > STUCK):
            self._add_hand()

    def _add_hand(self) -> None:
        if self._pool is not None:
            with self._changed:
                self._hands += 1
            self._pool.submit(self._ask_all)

    def _ask_all(self) -> None:
        while self._ask_next():
            pass

    def _ask_next(self) -> bool:
        """Ask for the next job; return whether there was one."""
        with self._changed:
            if not self._waiting:
                self._hands -= 1
                return False
            number, ask, job = self._waiting.popleft()
            self._asking += 1
        try:
            answer = ask(job)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is told with the job it befell)
            self._end(self._failed, (number, job, error))
        else:
            self._end(self._answered, (number, job, answer))
        return True

    def _end(self, how: list[Ended], ended: Ended) -> None:
        with self._changed:
            how.append(ended)
            self._asking -= 1
            self._answered_at = time.monotonic()
            if self._is_enough():
                self._changed.notify_all()

    def call_off(self) -> None:
        """Drop what has not been asked for yet."""
        with self._changed:
            self._waiting.clear()

    def abandon(self) -> bool:
        """Wait for nothing: what is still under way is answered to nobody. Return whether anything is."""
        self.gate.close()
        self.call_off()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
        return self._asking > 0
