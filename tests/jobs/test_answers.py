"""What a check makes of the answer it gets: sound or not, changed or not, kept or blanked since.

Silence is not absence: a source that is not well leaves the question as it was.
"""

import hashlib
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from forecasts import redacting
from forecasts.errors import RedactedError
from forecasts.evidence import retrieve
from jobs.sources import catalogue
from jobs.worker import Worker
from tests.jobs import servers
from tests.jobs.servers import Talk, answer, say
from tests.jobs.tables import (
    CLOSED,
    NO,
    OPEN,
    PROPOSED_NO,
    PROPOSED_YES,
    REOPENED,
    RIPE,
    YES,
    Jobs,
    Table,
    event,
    jobs_on,
    on_sqlite,
)
from tests.support.clocks import at
from tests.support.desk import WINDOW

# -- sources that are not well --------------------------------------------------------------------------------


Bad = Callable[[Table], Talk]


def _late(table: Table) -> Talk:
    def talk(connection: Any, headers: dict[str, str]) -> None:
        connection.sendall(answer(table.body(), date=table.clock.now() - timedelta(minutes=5, seconds=1)))

    return talk


def _answers(body: Callable[[Table], bytes], status: str = "200 OK", **headers: str) -> Bad:
    def bad(table: Table) -> Talk:
        def talk(connection: Any, _headers: dict[str, str]) -> None:
            connection.sendall(answer(body(table), status, date=table.clock.now(), **headers))

        return talk

    return bad


BAD_SOURCES: dict[str, tuple[Bad, str, str]] = {
    "500": (_answers(lambda _: b"oops", "500 Internal Server Error"), "error", "the source answered 500"),
    "404": (_answers(lambda _: b"gone", "404 Not Found"), "error", "the source answered 404"),
    "206": (_answers(lambda table: table.body()[:99], "206 Partial Content"), "error", "the source answered 206"),
    "throttled": (
        _answers(lambda _: b"", "429 Too Many Requests", Retry_After="120"),
        "throttled",
        "the source answered 429, asking to wait 120 s",
    ),
    "unavailable": (_answers(lambda _: b"", "503 Service Unavailable"), "throttled", "the source answered 503"),
    "timeout": (lambda _: servers.stall(threading.Event()), "error", "no complete answer within 1 seconds"),
    "one byte at a time": (
        lambda table: servers.drip(table.body(), 0.1),
        "error",
        "no complete answer within 1 seconds",
    ),
    "reset": (lambda _: servers.reset, "error", "the request failed: "),
    "cut off": (
        _answers(lambda table: table.body(), Content_Length="100000"),
        "error",
        "the request failed: peer closed connection",
    ),
    "huge": (lambda _: servers.flood(b"x" * 65536, 999), "error", "the body is larger than 100000 bytes"),
    "empty": (_answers(lambda _: b""), "empty", "the table has no rows, which proves nothing"),
    "zero rows": (
        _answers(lambda table: table.body().splitlines(keepends=True)[0]),
        "empty",
        "the table has no rows, which proves nothing",
    ),
    "half the rows": (
        _answers(lambda table: b"".join(table.body().splitlines(keepends=True)[:7])),
        "ok",
        "the table shrank from 12 rows to 6, so it is not trusted",
    ),
    "half a row": (_answers(lambda table: table.body()[:-20]), "malformed", "line 13 of the table has another"),
    "html": (
        _answers(lambda _: b"<html>Down for maintenance</html>", content_type="text/html"),
        "malformed",
        "the answer is a page or markup, not CSV",
    ),
    "html said to be csv": (_answers(lambda _: b"<!doctype html>"), "malformed", "the answer is a page or markup"),
    "a clock that is behind": (_late, "skewed", "the source's clock says 2020-07-"),
}


@on_sqlite
@pytest.mark.parametrize("name", BAD_SOURCES)
def test_a_bad_source_leaves_the_question_open_and_says_why(jobs: Jobs, name: str) -> None:
    bad, status, problem = BAD_SOURCES[name]
    question = jobs.ask()
    jobs.work_at("2020-06-01", "2020-06-20")
    assert [check["sound"] for check in jobs.checks()] == [True, True]

    jobs.table.instead = bad(jobs.table)
    jobs.work_at("2020-07-09", "2020-07-20")
    last = jobs.checks()[-1]
    assert last["checked_at"] == "2020-07-20T00:00:00Z"
    assert (last["status"], last["sound"]) == (status, False)
    assert last["problem"].startswith(problem)
    assert jobs.steps(question) == OPEN

    jobs.table.instead = None
    jobs.work_at("2020-07-22", "2020-07-29")
    assert jobs.steps(question) == [PROPOSED_NO, NO]


@on_sqlite
@pytest.mark.parametrize("name", [name for name in BAD_SOURCES if name != "half the rows"])
def test_a_source_that_was_never_well_says_nothing(jobs: Jobs, name: str) -> None:
    bad, _, _ = BAD_SOURCES[name]
    question = jobs.ask()
    jobs.table.instead = bad(jobs.table)
    jobs.work_at(RIPE, CLOSED, "2020-08-01")
    assert [check["sound"] for check in jobs.checks()] == [False] * 3
    assert jobs.steps(question) == OPEN
    assert jobs.verdicts(question) == []


@on_sqlite
def test_no_bad_source_takes_back_what_a_good_one_said(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-03-01"))
    jobs.work_at("2020-03-02")
    for bad, _, _ in BAD_SOURCES.values():
        jobs.table.instead = bad(jobs.table)
        jobs.desk.clock.forward(timedelta(days=8))
        jobs.worker.check_round()
        jobs.worker.settle_round()
    assert jobs.steps(question) == [PROPOSED_YES]


@on_sqlite
def test_a_clock_five_minutes_off_is_near_enough(jobs: Jobs) -> None:
    jobs.ask()
    for minutes, status in ((-5, "ok"), (5, "ok"), (6, "skewed")):
        jobs.desk.clock.forward(timedelta(days=10))
        date = jobs.desk.clock.now() + timedelta(minutes=minutes)
        jobs.table.instead = say(answer(jobs.table.body(), date=date))
        jobs.worker.check_round()
        assert jobs.checks()[-1]["status"] == status


@on_sqlite
@pytest.mark.parametrize(("minutes", "age", "status"), [
    (-60, 3600, "ok"),  # of when the cache was given it
    (0, 3600, "ok"),  # of when the cache sent it on
    (-60, 3000, "skewed"),
    (10, 3600, "skewed"),
    (-60, "-3600", "skewed"),
    (-60, "soon", "skewed"),
])  # fmt: skip
def test_the_age_of_a_copy_is_no_skew(jobs: Jobs, minutes: int, age: object, status: str) -> None:
    jobs.ask()
    jobs.desk.clock.forward(timedelta(days=10))
    date = jobs.desk.clock.now() + timedelta(minutes=minutes)
    jobs.table.instead = say(answer(jobs.table.body(), date=date, Age=str(age)))
    jobs.worker.check_round()
    assert jobs.checks()[-1]["status"] == status


@on_sqlite
def test_a_copy_is_complete_no_further_than_when_it_was_made(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-06-01", "2020-06-20")
    days = timedelta(days=40)
    copy = answer(jobs.table.body(), date=at(CLOSED) - days, Age=f"{days.total_seconds():.0f}")
    jobs.table.instead = say(copy)
    jobs.work_at(RIPE, CLOSED)
    last = jobs.checks()[-1]
    assert (last["status"], at(last["watermark"])) == ("ok", at(CLOSED) - days)
    assert jobs.steps(question) == OPEN


# -- evidence and conditional requests ------------------------------------------------------------------------


@on_sqlite
def test_a_check_keeps_the_bytes_it_read(jobs: Jobs) -> None:
    jobs.ask()
    check = jobs.check_at("2020-02-01")
    with jobs.store.read() as session:
        body, content_type = retrieve(session, check["evidence_sha256"])
    assert (body, content_type) == (jobs.table.body(), "text/csv")
    assert (check["http_status"], check["rows"], check["watermark"]) == (200, 12, "2020-01-31T00:00:00Z")


@on_sqlite
def test_what_could_not_be_read_is_kept_too(jobs: Jobs) -> None:
    jobs.ask()
    jobs.table.instead = say(answer(b"<html>sorry</html>", "500 Oops", date=at("2020-02-01")))
    check = jobs.check_at("2020-02-01")
    with jobs.store.read() as session:
        assert retrieve(session, check["evidence_sha256"])[0] == b"<html>sorry</html>"


@on_sqlite
def test_an_unchanged_source_is_a_sound_check_of_what_it_said_before(jobs: Jobs) -> None:
    jobs.ask()
    first, second = jobs.check_at("2020-02-01"), jobs.check_at("2020-02-20")
    assert jobs.table.server.requests[-1]["if-none-match"]
    assert (second["http_status"], second["status"], second["sound"]) == (304, "ok", True)
    assert second["evidence_sha256"] == first["evidence_sha256"]
    assert second["rows"] == first["rows"]
    assert (first["watermark"], second["watermark"]) == ("2020-01-31T00:00:00Z", "2020-02-19T00:00:00Z")


@on_sqlite
def test_a_no_may_rest_on_nothing_but_304(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-06-01", RIPE, CLOSED)
    assert [check["http_status"] for check in jobs.checks()] == [200, 304, 304]
    assert jobs.steps(question) == [PROPOSED_NO, NO]


@on_sqlite
def test_a_304_refers_to_the_last_sound_answer_not_to_a_bad_one_since(jobs: Jobs) -> None:
    jobs.ask()
    first = jobs.check_at("2020-02-01")
    jobs.table.instead = say(answer(b"<html>", ETag='"bad"', date=at("2020-02-20")))
    jobs.check_at("2020-02-20")
    jobs.table.instead = None
    third = jobs.check_at("2020-03-10")
    assert (third["http_status"], third["evidence_sha256"]) == (304, first["evidence_sha256"])


@on_sqlite
def test_an_answer_without_a_validator_leaves_none_behind(jobs: Jobs) -> None:
    """Else a later 304 about the first body would vouch for the second."""
    question = jobs.ask()
    jobs.check_at("2020-02-01")
    jobs.table.rows.append(event("2020-02-10"))
    jobs.table.etags = False
    jobs.check_at("2020-02-20")
    jobs.table.rows.pop()
    jobs.table.etags = True
    jobs.work_at("2020-02-27")
    assert "if-none-match" not in jobs.table.server.requests[-1]
    assert jobs.steps(question) == [PROPOSED_YES, REOPENED]


@on_sqlite
def test_a_304_nobody_asked_for_is_an_error(jobs: Jobs) -> None:
    jobs.ask()
    jobs.table.etags = False
    jobs.check_at("2020-02-01")
    jobs.table.instead = say(answer(status="304 Not Modified", date=at("2020-02-20"), content_type=""))
    check = jobs.check_at("2020-02-20")
    assert (check["status"], check["sound"]) == ("error", False)
    assert check["problem"] == "the source answered 304 to an unconditional request"


@on_sqlite
def test_another_worker_reads_the_archive_as_the_first_read_the_source(jobs: Jobs, table: Table) -> None:
    question = jobs.ask()
    jobs.work_at("2020-06-01")
    with jobs_on(jobs.desk, table) as second:
        table.rows = table.rows[:6]
        assert (
            second.check_at("2020-07-10")["problem"] == "the table shrank from 12 rows to 6, so it is not trusted"
        )
    assert jobs.steps(question) == OPEN


# -- redacted answers -----------------------------------------------------------------------------------------


def redact(jobs: Jobs, sha256: str) -> None:
    redacting.redact(jobs.store, "evidence", sha256, reason="A court said so.", actor="Lex")


def another_worker(jobs: Jobs) -> Worker:
    """Return a worker that has read nothing yet."""
    return Worker(jobs.store, catalogue(), jobs.worker.fetcher, dispute_window=WINDOW)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_check_after_a_redacted_answer_asks_as_if_for_the_first_time(jobs: Jobs, restarted: bool) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-02-03"))
    first = jobs.check_at("2020-02-20")
    redact(jobs, str(first["evidence_sha256"]))
    if restarted:
        jobs.worker = another_worker(jobs)
    second = jobs.check_at("2020-03-20")
    assert "if-none-match" not in jobs.table.server.requests[-1]
    assert (second["http_status"], second["status"], second["sound"]) == (200, "ok", True)
    assert second["evidence_sha256"] == first["evidence_sha256"]
    with jobs.store.read() as session, pytest.raises(RedactedError):
        retrieve(session, str(second["evidence_sha256"]))
    jobs.work_at("2020-04-20")
    assert jobs.steps(question) == [PROPOSED_YES, YES]


def test_a_shorter_table_is_not_held_against_a_redacted_one(jobs: Jobs) -> None:
    jobs.ask()
    first = jobs.check_at("2020-02-20")
    redact(jobs, str(first["evidence_sha256"]))
    jobs.table.rows = jobs.table.rows[:3]
    second = jobs.check_at("2020-03-20")
    assert (second["rows"], second["sound"]) == (3, True)


def test_a_question_is_left_alone_while_an_answer_it_needs_is_redacted(jobs: Jobs, other: Table) -> None:
    """It reads two tables; the one that says yes is blanked, and the other is checked meanwhile."""
    question = jobs.ask(criterion=jobs.over_both(other, "any"))
    jobs.table.rows.append(event("2020-02-03"))
    jobs.work_at("2020-02-20")
    assert jobs.steps(question) == [PROPOSED_YES]
    told = next(row for row in jobs.checks() if row["rows"] == len(jobs.table.rows))
    redact(jobs, str(told["evidence_sha256"]))
    jobs.table.instead = say(answer(status="500 Internal Server Error"))
    jobs.worker = another_worker(jobs)
    jobs.work_at("2020-02-24")
    assert jobs.steps(question) == [PROPOSED_YES]
    jobs.table.instead = None
    jobs.work_at("2020-03-20")
    assert jobs.steps(question) == [PROPOSED_YES, YES]


def test_a_proposal_is_not_confirmed_by_a_check_at_which_it_could_not_be_decided(jobs: Jobs, other: Table) -> None:
    """Both tables have to say yes; the second takes it back while what the first said is blanked."""
    question = jobs.ask(criterion=jobs.over_both(other, "all"))
    for table in (jobs.table, other):
        table.rows.append(event("2020-02-03"))
    jobs.work_at("2020-02-20")
    assert jobs.steps(question) == [PROPOSED_YES]
    other.instead = say(answer(status="500 Internal Server Error"))
    jobs.work_at("2020-02-27")
    redact(jobs, hashlib.sha256(jobs.table.body()).hexdigest())
    jobs.worker = another_worker(jobs)
    jobs.table.instead, other.instead = other.instead, None
    del other.rows[-1]
    jobs.work_at("2020-03-20")
    assert jobs.steps(question) == [PROPOSED_YES]
    jobs.table.instead = None
    jobs.work_at("2020-04-20")
    assert jobs.steps(question) == [PROPOSED_YES, REOPENED]
