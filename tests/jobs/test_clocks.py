"""A local clock that is wrong resolves nothing early, and is forgotten once it is put right.

The source's Date header tells the true time. The deadline is 1 July 2020, the grace a week.
"""

import socket
from datetime import datetime, timedelta

import pytest

from jobs.due import LEASE
from jobs.sources import catalogue
from jobs.status import status_of
from jobs.worker import Worker
from tests.jobs.servers import answer
from tests.jobs.tables import Jobs, event
from tests.support.clocks import at
from tests.support.desk import WINDOW

WRONG = [timedelta(hours=1), timedelta(days=3653), timedelta(hours=-1), timedelta(days=-400)]


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


def tells_nothing(jobs: Jobs) -> None:
    """Have the server answer without a Date."""
    jobs.table.instead = lambda connection, _headers: connection.sendall(answer(jobs.table.body(), Date=""))


@pytest.mark.parametrize("by", WRONG, ids=str)
def test_a_wrong_clock_settles_nothing_early_where_the_source_does_not_tell_the_time(
    jobs: Jobs, by: timedelta
) -> None:
    question, true = jobs.ask(), at("2020-06-29T12:00")
    tells_nothing(jobs)
    jobs.work_at("2020-06-28")
    for hours in range(0, 24 * 16, 12):  # the grace ends on 8 July
        jobs.desk.clock.instant = true + timedelta(hours=hours) + by
        jobs.worker.check_round()
        jobs.worker.settle_round()
        if true + timedelta(hours=hours) < at("2020-07-08"):
            assert ("confirmed", "no") not in jobs.steps(question)
    jobs.table.instead = None  # it tells the time again, and so vouches for ours
    jobs.work_at("2020-07-16", "2020-07-20", "2020-07-24")
    assert jobs.steps(question) == [("proposed", "no"), ("confirmed", "no")]


def test_after_a_long_pause_a_source_that_tells_the_time_or_a_person_vouches_for_the_clock(jobs: Jobs) -> None:
    question = jobs.ask()
    tells_nothing(jobs)
    jobs.work_at("2020-06-28", "2020-08-30")
    assert [row["status"] for row in jobs.checks()] == ["ok", "skewed"]
    assert jobs.steps(question) == []
    said = status_of(jobs.store)
    assert said.clock is not None
    assert "CALLEDIT_CLOCK_SEEN" in said.clock
    seen = Worker(
        jobs.store, catalogue(), jobs.worker.fetcher, dispute_window=WINDOW, clock_seen=at("2020-08-30T01:00")
    )
    jobs.desk.clock.instant = at("2020-08-30T02:00")
    assert seen.check_round() == 1
    assert jobs.steps(question) == [("proposed", "no")]
    assert status_of(jobs.store).clock is None


def test_after_a_long_pause_a_row_as_new_as_our_clock_vouches_for_it(jobs: Jobs) -> None:
    question = jobs.ask()
    tells_nothing(jobs)
    jobs.work_at("2020-06-28")
    jobs.table.rows.append(event("2020-08-29", kind="closing"))
    jobs.work_at("2020-08-30")
    assert [row["status"] for row in jobs.checks()] == ["ok", "ok"]
    assert jobs.steps(question) == [("proposed", "no")]


@pytest.mark.parametrize(
    "rows",
    [["2020-08-27"], ["2020-08-29", "2020-12-24"], [""]],
    ids=["older than a day", "beside a plan", "undated"],
)
def test_rows_that_are_older_or_ahead_or_undated_vouch_for_nothing(jobs: Jobs, rows: list[str]) -> None:
    question = jobs.ask()
    tells_nothing(jobs)
    jobs.work_at("2020-06-28")
    jobs.table.rows += [event(row, kind="closing") for row in rows]
    jobs.desk.clock.set("2020-08-30")
    worker = Worker(jobs.store, catalogue(), jobs.worker.fetcher, dispute_window=timedelta(days=1))
    assert worker.check_round() == 1
    assert jobs.checks()[-1]["status"] == "skewed"
    assert "restart with CALLEDIT_CLOCK_SEEN=2020-08-30T00:00:00Z" in jobs.checks()[-1]["problem"]
    assert jobs.steps(question) == []


def test_a_wrong_clock_is_not_believed_for_the_rows_of_a_file(jobs: Jobs) -> None:
    question = jobs.ask()
    tells_nothing(jobs)
    jobs.table.rows.append(event("2020-06-27", kind="closing"))
    jobs.work_at("2020-06-28")
    jobs.table.rows.append(event("2020-06-28", kind="closing"))
    jobs.work_at("2020-07-20", "2030-07-20")  # it is 29 June
    assert [row["status"] for row in jobs.checks()] == ["ok", "skewed", "skewed"]
    assert jobs.steps(question) == []


def test_what_failed_by_a_clock_that_was_ahead_is_checked_again_when_that_is_right(jobs: Jobs) -> None:
    jobs.ask()
    jobs.work_at("2020-06-01")
    jobs.table.instead = lambda connection, _headers: connection.sendall(answer(status="500 Broken", Date=""))
    jobs.work_at("2030-06-01")
    assert [row["status"] for row in jobs.checks()] == ["ok", "error"]
    jobs.table.instead = None
    jobs.desk.clock.instant = at("2020-06-02")
    assert jobs.worker.check_round() == 1
    assert jobs.worker.check_round() == 0
