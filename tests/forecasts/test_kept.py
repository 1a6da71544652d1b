"""What is kept between requests: made once, in bounded room, and never older than the question."""

import asyncio
from collections.abc import Hashable
from threading import Barrier, Event, Thread

import pytest

from forecasts.kept import Recent, Together


def test_a_kept_value_is_made_once_and_the_oldest_goes_first() -> None:
    made: list[int] = []
    recent = Recent(2)

    def kept(key: int) -> int:
        def make_it() -> int:
            made.append(key)
            return key

        return recent.get(key, make_it)

    assert [kept(key) for key in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert made == [1, 2, 3, 2]


def test_what_is_kept_stays_within_its_weight() -> None:
    made: list[Hashable] = []

    def make(key: Hashable, size: int) -> bytes:
        made.append(key)
        return bytes(size)

    recent = Recent(100, weigh=lambda _key, value: len(value))
    for key, size in (("a", 40), ("b", 60), ("a", 40), ("c", 30), ("a", 40), ("b", 60), ("huge", 101), ("b", 60)):
        assert len(recent.get(key, lambda key=key, size=size: make(key, size))) == size  # type: ignore[misc]
    assert made == ["a", "b", "c", "b", "huge", "b"]


def test_threads_that_ask_together_share_one_value_and_others_do_not_wait() -> None:
    recent, start, go_on, made = Recent(1), Barrier(9), Event(), []

    def make() -> None:
        assert go_on.wait(20)
        made.append(1)

    def ask() -> None:
        start.wait()
        recent.get("key", make)

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    start.wait()
    assert recent.get("other", lambda: "here") == "here"
    go_on.set()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_what_cannot_be_made_is_tried_again() -> None:
    recent = Recent(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            recent.get("key", lambda: 1 // 0)
    assert recent.get("key", lambda: 1) == 1


def test_a_look_serves_those_who_asked_before_it_began_and_no_others() -> None:
    written, looks = 0, 0

    async def look() -> int:
        nonlocal looks
        looks += 1
        seen = written
        await asyncio.sleep(0.01)  # what is written from now on is not in it
        return seen

    async def readers() -> None:
        nonlocal written
        together: Together[int] = Together(look)
        first = [asyncio.create_task(together.ask()) for _ in range(50)]
        await asyncio.sleep(0.005)
        written = 1
        later = [asyncio.create_task(together.ask()) for _ in range(50)]
        assert await asyncio.gather(*first) == [0] * 50
        assert await asyncio.gather(*later) == [1] * 50
        assert await together.ask() == 1

    asyncio.run(readers())
    assert looks == 3
