"""A local clock that is wrong resolves nothing early, and is forgotten once it is put right.

The source's Date header tells the true time. The deadline is 1 July 2020, the grace a week.
"""

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from jobs.due import LEASE
from tests.jobs.servers import answer
from tests.jobs.tables import Jobs, event, jobs_on, table_on
from tests.support.clocks import FakeClock, at
from tests.support.desk import Desk

WRONG = [timedelta(hours=1), timedelta(days=3653), timedelta(hours=-1), timedelta(days=-400)]


@pytest.fixture
def jobs(desk: Desk, clock: FakeClock) -> Iterator[Jobs]:
    with table_on(clock) as table, jobs_on(desk, table) as jobs:
        yield jobs


def tells(jobs: Jobs, true: datetime, *, unchanged: bool = False) -> None:
    """Have the server answer with the true time, in full or with 304."""

    def talk(connection: socket.socket, _headers: dict[str, str]) -> None:
        status = "304 Not Modified" if unchanged else "200 OK"
        connection.sendall(answer(b"" if unchanged else jobs.table.body(), status, date=true, ETag='"a"'))

    jobs.table.instead = talk


@pytest.mark.parametrize("unchanged", [False, True])
@pytest.mark.parametrize("by", WRONG, ids=str)
def test_a_wrong_clock_decides_nothing(jobs: Jobs, by: timedelta, unchanged: bool) -> None:
    question = jobs.ask()
    true = at("2020-06-29T12:00")
    tells(jobs, at("2020-06-01"))
    jobs.work_at("2020-06-01")
    tells(jobs, true, unchanged=unchanged)
    jobs.desk.clock.instant = true + by
    for _ in range(3):
        jobs.worker.check_round()
        jobs.worker.settle_round()
        jobs.desk.clock.forward(LEASE)
    assert jobs.steps(question) == []
    assert {row["status"] for row in jobs.checks()[1:]} <= {"skewed"}
    assert len(jobs.checks()) <= 5  # it is not asked over and over
    tells(jobs, true + timedelta(days=10))
    jobs.desk.clock.instant = true + timedelta(days=10)
    jobs.worker.check_round()
    assert [row["sound"] for row in jobs.checks() if row["checked_at"] == "2020-07-09T12:00:00Z"] == [True]
    assert jobs.steps(question) == [("proposed", "no")]


def test_a_wrong_clock_confirms_nothing(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-02-03"))
    tells(jobs, at("2020-02-10"))
    jobs.work_at("2020-02-10")
    tells(jobs, at("2020-02-10T01:00"))
    jobs.work_at("2030-02-10", "2030-02-18")
    assert jobs.steps(question) == [("proposed", "yes")]
