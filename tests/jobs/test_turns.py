"""Turns: one thread works at a time, and who waits for something outside keeps nobody from working."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

from jobs.fetches import Fetches
from jobs.turns import my_turn, waiting


def test_one_works_at_a_time() -> None:
    fetches: Fetches[int, None] = Fetches(4)
    inside, most = list[int](), list[int]()

    def ask(job: int) -> None:
        inside.append(job)
        for _ in range(1000):
            most.append(len(inside))
        inside.remove(job)

    fetches.begin(ask, range(40))
    answered = 0
    while len(fetches):
        answered += len(fetches.finished(5)[0])
    assert answered == 40
    assert set(most) == {1}


def test_while_one_waits_the_others_work() -> None:
    fetches: Fetches[str, str] = Fetches(2)
    other_worked = threading.Event()

    def ask(job: str) -> str:
        if job == "waits":
            with waiting():
                assert other_worked.wait(5)
        else:
            other_worked.set()
        return job

    fetches.begin(ask, ["waits", "works"])
    answered = list[str]()
    while len(fetches):
        done, failures = fetches.finished(5)
        assert not failures
        answered += [job for job, _ in done]
    assert sorted(answered) == ["waits", "works"]


@pytest.mark.parametrize("around", [nullcontext, my_turn])
def test_the_turn_is_free_again_whatever_goes_wrong(around: Callable[[], AbstractContextManager[None]]) -> None:
    def fail() -> None:
        with around(), waiting():
            raise ValueError("the network is gone")

    with pytest.raises(ValueError, match="gone"):
        fail()
    taken = threading.Event()

    def take() -> None:
        with my_turn():
            taken.set()

    threading.Thread(target=take, daemon=True).start()
    assert taken.wait(5)
