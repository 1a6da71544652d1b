"""What is made once and kept: values by key in bounded room, and one look for all who ask for it together."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Recent:
    """The values used last, by key, up to a weight together; each is made once, however many ask for it at once.

    Who asks for another key never waits. What cannot be made is not kept: all who asked get the error.
    """

    def __init__(self, most: int, weigh: Callable[[Hashable, Any], int] = lambda _key, _value: 1) -> None:
        self._most = most
        self._weigh = weigh
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._weights: dict[Hashable, int] = {}  # of what is made
        self._weight = 0

    def share(self, key: Hashable, start: Callable[[], "Future[Value]"]) -> "Future[Value]":
        """Return what is kept or being made under the key, or else start to make it; nobody waits here."""
        with self._lock:
            future = self._kept.get(key)
            known = future is not None
            if future is None:
                future = self._kept[key] = start()
            self._kept.move_to_end(key)
        if not known:
            future.add_done_callback(partial(self._settle, key))
        return future

    def peek(self, key: Hashable) -> Any:
        """Return the value kept under the key; None where there is none, or none yet."""
        with self._lock:
            if key not in self._weights:
                return None
            self._kept.move_to_end(key)
            return self._kept[key].result()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value kept under the key, or make it in this thread and keep it."""
        mine: Future[Value] = Future()
        mine.set_running_or_notify_cancel()
        future = self.share(key, lambda: mine)
        if future is mine:
            try:
                mine.set_result(make())
            except BaseException as error:  # noqa: BLE001  (whatever it is, it is for those who asked)
                mine.set_exception(error)
        return future.result()

    def _settle(self, key: Hashable, future: "Future[Any]") -> None:
        with self._lock:
            if future.cancelled() or future.exception() is not None:
                del self._kept[key]
                return
            self._weights[key] = self._weigh(key, future.result())
            self._weight += self._weights[key]
            while self._weight > self._most:
                oldest = next(name for name in self._kept if name in self._weights)
                self._weight -= self._weights.pop(oldest)
                del self._kept[oldest]


class Together(Generic[Value]):
    """One look for all who ask before it begins, so that each sees what was there when they asked.

    Who asks while a look is under way shares the next one: it may have begun before what they should see.
    """

    def __init__(self, look: Callable[[], Awaitable[Value]]) -> None:
        self._look = look
        self._running: asyncio.Task[Value] | None = None
        self._next: asyncio.Task[Value] | None = None

    async def ask(self) -> Value:
        """Return what a look finds that began after this was called."""
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._after(self._running))
        return await asyncio.shield(self._next)

    async def _after(self, running: "asyncio.Task[Value] | None") -> Value:
        if running is not None and not running.done():
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        return await self._look()
