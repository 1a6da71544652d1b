"""Turns: one thread works at a time, and who waits for something outside keeps nobody from working."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import pytest

from jobs.turns import my_turn, waiting


def test_one_works_at_a_time() -> None:
    inside, most = list[int](), list[int]()

    def work(job: int) -> None:
        with my_turn():
            inside.append(job)
            time.sleep(0.002)
            most.append(len(inside))
            inside.remove(job)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(20)))
    assert most == [1] * 20


def test_while_one_waits_the_others_work() -> None:
    worked = threading.Event()

    def wait_for_the_other() -> bool:
        with my_turn(), waiting():
            return worked.wait(5)

    def work() -> None:
        with my_turn():
            worked.set()

    with ThreadPoolExecutor(2) as pool:
        waited = pool.submit(wait_for_the_other)
        pool.submit(work).result()
        assert waited.result()


def test_who_waits_within_a_wait_takes_no_turn_from_another() -> None:
    with my_turn():
        with waiting():
            with waiting():
                pass
            with my_turn():
                pass
        taken = _taken_by_another()
        assert not taken.wait(0.05)
    assert taken.wait(5)


def _taken_by_another() -> threading.Event:
    taken = threading.Event()

    def take() -> None:
        with my_turn():
            taken.set()

    threading.Thread(target=take, daemon=True).start()
    return taken


@pytest.mark.parametrize("around", [nullcontext, my_turn])
def test_the_turn_is_free_again_whatever_goes_wrong(around: Callable[[], AbstractContextManager[None]]) -> None:
    def fail() -> None:
        with around(), waiting():
            raise ValueError("the network is gone")

    with pytest.raises(ValueError, match="gone"):
        fail()
    assert _taken_by_another().wait(5)
