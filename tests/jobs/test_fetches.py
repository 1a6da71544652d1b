"""Fetches under way: of large answers no two are read at a time, and what is remembered has a bound in bytes."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from forecasts.model import Observation
from jobs.board import Seen
from jobs.fetches import Fetches
from jobs.observing import LARGE, REMEMBERED_BYTES, Observations
from jobs.sources import catalogue
from tests.support.clocks import at


@pytest.mark.parametrize("parallel", [1, 4])
def test_of_what_passes_the_gate_one_is_in_hand_at_a_time(parallel: int) -> None:
    fetches: Fetches[int, int] = Fetches(parallel)
    inside, most = set[int](), list[int]()
    lock = threading.Lock()

    def ask(job: int) -> int:
        fetches.gate.enter()
        with lock:
            inside.add(job)
            most.append(len(inside))
        return job

    fetches.begin(ask, range(6))
    done = list[int]()
    while len(done) < 6:
        answered, failures = fetches.finished(5)
        assert not failures
        for job, _ in answered:
            done.append(job)
            with lock:
                inside.discard(job)
            fetches.gate.leave()
    assert sorted(done) == list(range(6))
    assert set(most) == {1}
    assert not fetches.abandon()


def test_a_closed_gate_holds_nobody() -> None:
    fetches: Fetches[int, None] = Fetches(2)
    fetches.begin(lambda _: fetches.gate.enter(), [1, 2])
    assert fetches.finished(5)[0] == [(1, None)]
    fetches.abandon()
    assert isinstance(fetches.finished(5)[1][0][1], InterruptedError)


def test_what_is_called_off_is_not_asked_for() -> None:
    fetches: Fetches[int, None] = Fetches(1)
    fetches.begin(lambda _: fetches.gate.enter(), [1, 2])
    assert fetches.finished(5)[0] == [(1, None)]
    fetches.call_off()
    fetches.gate.leave()
    assert fetches.finished(5) == ([], [])


def asked_for(fetches: Fetches[int, int], ask: Callable[[int], int], jobs: Sequence[int]) -> list[int]:
    """Begin jobs, and return the answers as they come."""
    fetches.begin(ask, jobs)
    answers = list[int]()
    while len(fetches):
        answered, failures = fetches.finished(5)
        assert not failures
        answers += [answer for _, answer in answered]
    assert not fetches.abandon()
    return answers


def test_one_thread_asks_while_it_keeps_the_processor_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.fetches.BUSY", 0.0)  # whatever share of it this machine leaves us
    threads = set[int]()

    def ask(job: int) -> int:
        threads.add(threading.get_ident())
        time.sleep(0.002)
        return job

    assert sorted(asked_for(Fetches(8), ask, range(100))) == list(range(100))
    assert len(threads) == 1


def test_where_hosts_are_slow_many_are_asked_at_a_time() -> None:
    under_way, most = set[int](), list[int]()

    def ask(job: int) -> int:
        under_way.add(job)
        most.append(len(under_way))
        time.sleep(0.4)
        under_way.discard(job)
        return job

    assert sorted(asked_for(Fetches(8), ask, range(24))) == list(range(24))
    assert max(most) == 8


def test_a_host_that_says_nothing_keeps_the_others_waiting_for_an_instant_only() -> None:
    others_answered = threading.Event()

    def ask(job: int) -> int:
        if job == 0:
            assert others_answered.wait(10)
        elif job == 9:
            others_answered.set()
        return job

    assert sorted(asked_for(Fetches(8), ask, range(10))) == list(range(10))


def test_observations_are_remembered_up_to_a_number_of_bytes() -> None:
    observations, sound = Observations(catalogue()), Observation("ok")
    first = Seen(1, 1, at("2020-01-01"), "a" * 64, None, None, None, None, 0, None, None, 1)
    size = LARGE
    fitting = REMEMBERED_BYTES // size
    seen = [first._replace(checked_at=first.checked_at + timedelta(days=n)) for n in range(fitting + 3)]
    for check in seen:
        with observations.at_hand([(check, sound, size)]):
            assert observations.known(check) is sound
    assert [observations.known(check) is not None for check in seen] == [False] * 3 + [True] * fitting
    huge = first._replace(evidence_sha256="b" * 64)
    with observations.at_hand([(huge, sound, size + 1)]):
        assert observations.known(huge) is sound
    assert observations.known(huge) is None
