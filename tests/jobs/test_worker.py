"""Checks over real sockets, and what they do to a question: silence is not absence, and nothing is doubled.

The question opens with an article of 1 January 2020 (known to the half day), its deadline is 1 July, the grace
a week; a no needs two sound checks. Its forecast says 0.7.
"""

import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from forecasts import redacting, registry
from forecasts.errors import ConflictError, InvalidInputError, RedactedError
from forecasts.evidence import retrieve
from forecasts.exchange.files import parse_document
from forecasts.model import Request, Response
from forecasts.store import Store
from forecasts.tables import Revision
from jobs.due import LEASE
from jobs.service import Service
from jobs.sources import Catalogue, catalogue
from jobs.sources.event_table import EventTable
from jobs.worker import Worker
from tests.jobs import servers
from tests.jobs.servers import Talk, answer, say
from tests.jobs.tables import Jobs, Table, event, jobs_on, table_on
from tests.support import documents as d
from tests.support.clocks import FakeClock, at
from tests.support.desk import WINDOW, Desk

OPEN: list[tuple[str, str | None]] = []
PROPOSED_YES, PROPOSED_NO = ("proposed", "yes"), ("proposed", "no")
YES, NO, ANNULLED, REOPENED = (
    ("confirmed", "yes"),
    ("confirmed", "no"),
    ("confirmed", "annulled"),
    ("reopened", None),
)

RIPE = "2020-07-08"  # the deadline and the grace
CLOSED = "2020-07-15"  # and the dispute window of what was proposed then


# -- sources that are not well -------------------------------------------------------------------------------

# What a socket does is the same over either database.
on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

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


# -- yes and no ----------------------------------------------------------------------------------------------


def test_yes_may_come_early_and_is_scored_with_its_confirmation(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-02-20")
    assert jobs.steps(question) == OPEN
    jobs.table.rows.append(event("2020-02-29T10:30"))
    jobs.work_at("2020-03-01", "2020-03-07T23:59:59")
    assert jobs.steps(question) == [PROPOSED_YES]
    assert jobs.scores(question) == []
    jobs.work_at("2020-03-08")
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    step = jobs.step(question)
    assert step["occurred_at"] == "2020-02-29T09:30:00Z"
    assert step["rule"] == "criterion/1"
    assert jobs.scores(question) == [("yes", 0.09, True)]
    (score, *_) = jobs.desk.export("scores")
    assert score["rev"] == step["rev"]


def test_no_comes_only_after_the_grace(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-06-01", "2020-07-01", "2020-07-07T23:59:59")
    assert jobs.steps(question) == OPEN
    assert jobs.verdicts(question) == [("unknown", "a no is possible from 2020-07-08T00:00:00Z on", False)]
    jobs.work_at(RIPE)
    assert jobs.steps(question) == [PROPOSED_NO]
    jobs.work_at(CLOSED)
    assert jobs.steps(question) == [PROPOSED_NO, NO]
    assert jobs.scores(question) == [("no", 0.49, True)]


def test_no_needs_its_number_of_sound_checks(jobs: Jobs) -> None:
    question = jobs.ask(criterion=jobs.leaf(min_checks=3))
    jobs.work_at(RIPE)
    assert jobs.verdicts(question)[-1][1] == "1 sound checks of 3 needed"
    jobs.table.instead = say(b"")
    jobs.work_at("2020-07-10", "2020-07-12")
    jobs.table.instead = None
    jobs.work_at("2020-07-14")
    assert jobs.steps(question) == OPEN
    jobs.work_at("2020-07-16")
    assert jobs.steps(question) == [PROPOSED_NO]


def test_no_needs_a_source_that_is_complete_to_the_deadline(jobs: Jobs) -> None:
    query = jobs.leaf()["query"] | {"watermark": {"from": "fetch_time", "lag": "P20D"}}
    question = jobs.ask(criterion=jobs.leaf(query=query))
    jobs.work_at("2020-06-01", RIPE, "2020-07-20T23:59:59")
    assert jobs.steps(question) == OPEN
    jobs.work_at("2020-07-22")
    assert jobs.steps(question) == [PROPOSED_NO]


def test_what_was_asked_before_the_grace_ended_is_no_answer_after_it(jobs: Jobs) -> None:
    """An answer speaks for the instant it was asked at, however long it took."""
    question = jobs.ask()
    jobs.work_at("2020-06-01")

    def slowly(connection: Any, _headers: dict[str, str]) -> None:
        jobs.desk.clock.set("2020-07-08T00:00:10")
        connection.sendall(answer(jobs.table.body(), date=jobs.desk.clock.now()))

    jobs.table.instead = slowly
    check = jobs.check_at("2020-07-07T23:59:50")
    assert check["checked_at"] == "2020-07-07T23:59:50Z"
    assert check["watermark"] == "2020-07-06T23:59:50Z"
    assert jobs.steps(question) == OPEN
    jobs.table.instead = None
    jobs.work_at("2020-07-10")
    assert jobs.steps(question) == [PROPOSED_NO]


def test_a_proposal_is_confirmed_only_through_a_sound_check_after_its_window(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-03-01"))
    jobs.work_at("2020-03-02")
    jobs.desk.clock.set("2020-03-10")
    jobs.worker.settle_round()
    assert jobs.steps(question) == [PROPOSED_YES]
    jobs.table.instead = say(answer(b"", "500 Oops"))
    jobs.work_at("2020-03-10", "2020-03-25")
    assert jobs.steps(question) == [PROPOSED_YES]
    jobs.table.instead = None
    jobs.work_at("2020-04-05")
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    assert jobs.step(question)["check"] == jobs.checks()[-1]["check"]


def test_an_event_that_vanishes_before_its_window_closes_is_not_confirmed(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-03-01"))
    jobs.work_at("2020-03-02")
    jobs.table.rows.pop()
    jobs.work_at("2020-03-09")
    assert jobs.steps(question) == [PROPOSED_YES, REOPENED]
    assert jobs.step(question)["reason"].startswith("the source no longer supports yes: ")


def test_a_proposal_whose_event_is_dated_anew_is_proposed_anew(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-03-01T12:00Z"))
    jobs.work_at("2020-03-02")
    jobs.table.rows[-1] = event("2020-02-28T12:00Z")
    jobs.work_at("2020-03-09")
    assert jobs.steps(question) == [PROPOSED_YES, REOPENED, PROPOSED_YES]
    jobs.work_at("2020-03-16")
    assert jobs.steps(question)[-1] == YES
    assert jobs.step(question)["occurred_at"] == "2020-02-28T12:00:00Z"


@on_sqlite
def test_the_same_verdict_is_kept_once(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-02-01", "2020-03-01", "2020-04-01")
    assert len(jobs.checks()) == 3
    assert len(jobs.verdicts(question)) == 1


# -- reversals -----------------------------------------------------------------------------------------------


def test_a_row_that_arrives_late_turns_a_no_into_a_yes(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-06-01", RIPE, CLOSED)
    assert jobs.scores(question) == [("no", 0.49, True)]
    jobs.table.rows.append(event("2020-06-30"))
    jobs.work_at("2020-08-01")
    assert jobs.steps(question) == [PROPOSED_NO, NO, REOPENED, PROPOSED_YES]
    assert jobs.scores(question) == [("no", 0.49, False)]
    jobs.work_at("2020-08-08")
    assert jobs.steps(question)[-1] == YES
    assert jobs.scores(question) == [("no", 0.49, False), ("yes", 0.09, True)]


def test_a_row_that_disappears_from_a_sound_table_takes_a_yes_back(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-03-01"))
    jobs.work_at("2020-03-02", "2020-03-09")
    assert jobs.steps(question)[-1] == YES
    jobs.table.rows.pop()
    jobs.work_at("2020-03-20")
    assert jobs.steps(question) == [PROPOSED_YES, YES, REOPENED]
    jobs.work_at(RIPE, CLOSED)
    assert jobs.steps(question) == [PROPOSED_YES, YES, REOPENED, PROPOSED_NO, NO]
    assert jobs.scores(question) == [("yes", 0.09, False), ("no", 0.49, True)]


def test_a_resolved_question_is_watched_for_its_lag_and_no_longer(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-06-01", RIPE, CLOSED)
    jobs.work_at("2020-09-12")  # the last look within 60 days of the confirmation
    assert jobs.resources()[0].next_due is not None
    jobs.work_at("2020-09-30")
    assert jobs.resources()[0].next_due is None
    jobs.table.rows.append(event("2020-06-30"))
    jobs.work_at("2020-12-01")
    assert jobs.steps(question) == [PROPOSED_NO, NO]


def test_a_question_reopened_by_hand_wakes_its_source(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-06-01", RIPE, CLOSED, "2020-09-30")
    assert jobs.resources()[0].next_due is None
    jobs.table.rows.append(event("2020-06-30"))
    jobs.desk.clock.set("2020-12-01")
    jobs.desk.reopen(question)
    jobs.work_at("2020-12-01", "2020-12-08")
    assert jobs.steps(question) == [PROPOSED_NO, NO, REOPENED, PROPOSED_YES, YES]


# -- what a machine cannot know ------------------------------------------------------------------------------


@on_sqlite
@pytest.mark.parametrize(
    "occurred",
    [
        "2020-01-01T06:00Z",  # between the earliest and the latest instant of the statement
        "2020-01-01",  # a day that begins before it
        "",  # nobody can say
    ],
)
def test_an_event_that_may_have_come_before_the_statement_needs_a_person(jobs: Jobs, occurred: str) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event(occurred))
    jobs.work_at("2020-06-01", RIPE, CLOSED)
    assert jobs.steps(question) == OPEN
    ((value, reason, needs_person),) = jobs.verdicts(question)
    assert (value, needs_person) == ("unknown", True)
    assert reason.endswith("may lie inside the window or outside: a person decides")


@on_sqlite
@pytest.mark.parametrize("occurred", ["2019-12-31T22:59Z", "2019-12-31", "2020-07-01T00:00Z", "2020-07-02"])
def test_an_event_outside_the_window_is_none(jobs: Jobs, occurred: str) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event(occurred))
    jobs.work_at("2020-06-01", "2020-07-10")
    assert jobs.steps(question) == [PROPOSED_NO]


@on_sqlite
@pytest.mark.parametrize("occurred", ["2020-01-01T12:00Z", "2020-01-02", "2020-06-30", "2020-06-30T23:59Z"])
def test_an_event_at_the_edge_of_the_window_counts(jobs: Jobs, occurred: str) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event(occurred, zone="UTC"))
    jobs.work_at("2020-07-02")
    assert jobs.steps(question) == [PROPOSED_YES]


def test_a_persons_proposal_waits_for_a_person(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-01-01T06:00Z"))
    jobs.work_at("2020-01-10")
    jobs.desk.propose(question, "yes", occurred="2020-01-01T06:00Z")
    jobs.work_at("2020-01-17", "2020-03-01", RIPE, CLOSED)
    assert jobs.steps(question) == [PROPOSED_YES]
    jobs.desk.confirm(question)
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    assert jobs.step(question)["actor"] == "Carl Confirmer"


def test_a_machine_leaves_a_dispute_to_people(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-03-01"))
    jobs.work_at("2020-03-02")
    registry.dispute(jobs.store, question, reason="It opened to feet only.", actor="Dora Doubt")
    jobs.table.rows.pop()
    jobs.work_at("2020-03-12", RIPE, CLOSED)
    assert jobs.steps(question) == [PROPOSED_YES, ("disputed", "yes")]


# -- rulings -------------------------------------------------------------------------------------------------


def rule(jobs: Jobs, kind: str = "seed", **changes: Any) -> str:
    made = d.document(rulings=[d.ruling(**changes)])
    registered = jobs.desk.register(made, actor="Rita Registrar" if kind == "person" else kind, kind=kind)  # type: ignore[arg-type]
    return registered.ids["questions"]["q-bridge"]


def test_a_founding_ruling_is_proposed_when_it_could_be_known_and_confirmed_by_the_machine(jobs: Jobs) -> None:
    question = rule(jobs)
    jobs.work_at("2020-06-01T23:59:59")
    assert jobs.steps(question) == OPEN
    jobs.work_at("2020-06-02")
    assert jobs.steps(question) == [PROPOSED_YES]
    assert jobs.step(question)["knowable_at"] == "2020-06-02T00:00:00Z"
    jobs.work_at("2020-06-08T23:59:59")
    assert jobs.steps(question) == [PROPOSED_YES]
    jobs.work_at("2020-06-09")
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    step = jobs.step(question)
    assert (step["rule"], step["citation"]) == ("ruling", "Tarn Gazette, 2 June 2020")
    with jobs.store.read() as session:
        body, content_type = retrieve(session, step["evidence_sha256"])
    assert content_type == "application/json"
    assert b"Tarn Gazette, 2 June 2020" in body
    assert hashlib.sha256(body).hexdigest() == step["evidence_sha256"]


def test_a_persons_registered_ruling_waits_for_another_person(jobs: Jobs) -> None:
    question = rule(jobs, kind="person")
    jobs.work_at("2020-06-02", "2020-06-09", "2020-08-01")
    assert jobs.steps(question) == [PROPOSED_YES]
    with pytest.raises(ConflictError, match="cannot confirm it"):
        jobs.desk.confirm(question, actor="Rita Registrar")
    jobs.desk.confirm(question)
    assert jobs.steps(question)[-1] == YES


def test_a_ruling_that_was_taken_back_is_not_proposed_again(jobs: Jobs) -> None:
    question = rule(jobs)
    jobs.work_at("2020-06-02", "2020-06-09")
    jobs.desk.reopen(question)
    jobs.work_at("2020-06-10", "2020-06-30")
    assert jobs.steps(question) == [PROPOSED_YES, YES, REOPENED]


def test_a_founding_ruling_helps_a_criterion_only_where_it_needs_a_person(jobs: Jobs) -> None:
    made = d.document(
        questions=[d.question(criterion=jobs.leaf())],
        rulings=[d.ruling(knowable_at="2020-01-03T00:00:00Z", occurred_at="2020-01-01T06:00:00Z")],
    )
    question = jobs.desk.register(made, actor="seed", kind="seed").ids["questions"]["q-bridge"]
    jobs.work_at("2020-02-01")
    assert jobs.steps(question) == OPEN
    jobs.table.rows.append(event("2020-01-01T06:00Z"))
    jobs.work_at("2020-02-10", "2020-02-17")
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    assert jobs.step(question)["rule"] == "ruling"


def test_a_ruling_the_registry_refuses_keeps_nothing_else_from_being_settled(jobs: Jobs) -> None:
    """Ada Bell ruled on what she is scored by since: refused each time, and each time the rest is settled."""
    forecast_later = d.document(
        statements=[d.statement(part=2)], questions=[d.question(criterion=d.manual("Another."))]
    )
    jobs.desk.register(forecast_later | {"forecasts": [], "rulings": [d.ruling()]}, actor="Ada Bell")
    hers = jobs.desk.register(forecast_later).ids["questions"]["q-bridge"]
    question = rule(jobs)
    for text in ("2020-06-02", "2020-06-09"):
        jobs.desk.clock.set(text)
        with pytest.raises(ConflictError, match="Ada Bell is scored by this question"):
            jobs.worker.settle_round()
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    assert jobs.steps(hers) == OPEN


# -- conditions ----------------------------------------------------------------------------------------------


@pytest.fixture
def family(jobs: Jobs) -> tuple[str, str]:
    """A question, and another that hangs on its yes: does the mayor resign once the bridge is open?"""
    parent = jobs.ask()
    child = jobs.ask(
        "mayor",
        criterion=jobs.leaf(filter={"kind": ["resignation"]}),
        condition={"question": parent, "outcome": "yes"},
    )
    return parent, child


def test_while_its_condition_is_open_nothing_is_said_of_a_question(jobs: Jobs, family: tuple[str, str]) -> None:
    _, child = family
    jobs.table.rows.append(event("2020-03-01", "resignation"))
    jobs.work_at("2020-03-02", "2020-03-09")
    assert jobs.verdicts(child) == [("unknown", "the condition has not been met", False)]
    assert jobs.steps(child) == OPEN


def test_a_condition_that_fails_annuls_and_nothing_is_scored(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows.append(event("2020-03-01", "resignation"))
    jobs.work_at("2020-06-01", RIPE, CLOSED)
    assert jobs.steps(parent)[-1] == NO
    assert jobs.steps(child) == [ANNULLED]
    assert jobs.step(child)["rule"] == "condition"
    assert jobs.step(child)["rev"] == jobs.step(parent)["rev"]
    assert jobs.scores(child) == []


def test_only_what_comes_after_the_condition_counts(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows += [event("2020-03-01", "resignation"), event("2020-04-01T10:00Z")]
    jobs.work_at("2020-04-02")
    assert jobs.steps(parent) == [PROPOSED_YES]
    assert jobs.steps(child) == OPEN
    jobs.table.rows.append(event("2020-04-01T10:01Z", "resignation"))
    jobs.work_at("2020-04-09")
    assert jobs.steps(parent) == [PROPOSED_YES, YES]
    assert jobs.steps(child) == [PROPOSED_YES]
    jobs.work_at("2020-04-16")
    assert jobs.steps(child) == [PROPOSED_YES, YES]
    assert jobs.step(child)["occurred_at"] == "2020-04-01T10:01:00Z"


def test_parent_and_child_may_be_proposed_and_confirmed_together(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows += [event("2020-03-01"), event("2020-03-05", "resignation")]
    jobs.work_at("2020-03-10", "2020-03-17")
    assert jobs.steps(parent) == jobs.steps(child) == [PROPOSED_YES, YES]


def test_a_reversed_condition_takes_what_hangs_on_it_along(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows.append(event("2020-06-30T12:00Z", "resignation"))
    jobs.work_at("2020-06-01", RIPE, CLOSED)
    assert jobs.steps(child) == [ANNULLED]
    jobs.table.rows.append(event("2020-06-10"))
    jobs.work_at("2020-08-01")
    assert jobs.steps(parent)[2:] == [REOPENED, PROPOSED_YES]
    assert jobs.steps(child) == [ANNULLED, REOPENED, PROPOSED_YES]
    jobs.work_at("2020-08-08")
    assert jobs.steps(parent)[-1] == YES
    assert jobs.steps(child) == [ANNULLED, REOPENED, PROPOSED_YES, YES]
    assert jobs.scores(child) == [("yes", 0.09, True)]


def test_a_reopened_condition_reopens_what_was_decided_on_it(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows += [event("2020-03-01"), event("2020-03-05", "resignation")]
    jobs.work_at("2020-03-10", "2020-03-17")
    del jobs.table.rows[-2]
    jobs.work_at("2020-04-01")
    assert jobs.steps(parent)[2:] == [REOPENED]
    assert jobs.steps(child)[2:] == [REOPENED]
    jobs.work_at(RIPE, CLOSED)
    assert jobs.steps(parent)[-1] == NO
    assert jobs.steps(child)[-1] == ANNULLED
    assert [current for *_, current in jobs.scores(child)] == [False]


def test_a_child_is_not_confirmed_before_its_condition(jobs: Jobs) -> None:
    parent = jobs.ask(criterion=d.manual())
    child = jobs.ask("mayor", condition={"question": parent, "outcome": "yes"})
    jobs.desk.clock.set("2020-03-02")
    jobs.desk.propose(parent, "yes", occurred="2020-03-01T00:00Z")
    jobs.table.rows.append(event("2020-03-05"))
    jobs.work_at("2020-03-10", "2020-03-17", "2020-03-30")
    assert jobs.steps(child) == [PROPOSED_YES]
    jobs.desk.confirm(parent)
    jobs.work_at("2020-03-30T00:01")
    assert jobs.steps(child) == [PROPOSED_YES, YES]


def test_a_condition_may_be_a_no(jobs: Jobs) -> None:
    parent = jobs.ask(deadline="2020-03-01T00:00:00Z")
    child = jobs.ask(
        "mayor",
        criterion=jobs.leaf(filter={"kind": ["resignation"]}),
        condition={"question": parent, "outcome": "no"},
    )
    jobs.table.rows += [event("2020-02-20", "resignation"), event("2020-03-05", "resignation")]
    jobs.work_at("2020-02-25", "2020-03-08", "2020-03-15")
    assert jobs.steps(parent) == [PROPOSED_NO, NO]
    assert jobs.steps(child) == [PROPOSED_YES, YES]
    assert jobs.step(child)["occurred_at"] == "2020-03-04T23:00:00Z"  # the one after the parent's deadline


def test_a_condition_met_only_after_the_deadline_needs_a_person(jobs: Jobs) -> None:
    parent = jobs.ask(deadline="2020-09-01T00:00:00Z")
    child = jobs.ask("mayor", condition={"question": parent, "outcome": "yes"})
    jobs.table.rows.append(event("2020-08-01"))
    jobs.work_at("2020-08-02")
    assert jobs.verdicts(child) == [("unknown", "the condition was met only after the deadline", True)]


def test_a_chain_of_conditions_moves_in_one_check(jobs: Jobs) -> None:
    """Whatever the order of their ids, each is decided after the one it hangs on."""
    chain = [jobs.ask("k0", criterion=jobs.leaf(filter={"kind": ["k0"]}))]
    for number in range(1, 6):
        leaf = jobs.leaf(filter={"kind": [f"k{number}"]})
        condition = {"question": chain[-1], "outcome": "yes"}
        chain.append(jobs.ask(f"k{number}", criterion=leaf, condition=condition))
    jobs.table.rows += [event(f"2020-03-{number + 1:02}", f"k{number}") for number in range(6)]
    jobs.work_at("2020-03-10")
    assert [jobs.steps(question) for question in chain] == [[PROPOSED_YES]] * 6
    jobs.work_at("2020-03-17")
    assert [jobs.steps(question) for question in chain] == [[PROPOSED_YES, YES]] * 6


# -- several sources -----------------------------------------------------------------------------------------


@pytest.fixture
def other(clock: FakeClock) -> Iterator[Table]:
    with table_on(clock) as table:
        yield table


def over_both(jobs: Jobs, other: Table, joined: str) -> d.Item:
    second = jobs.leaf(query=jobs.leaf()["query"] | {"location": other.url})
    return {"type": joined, "of": [jobs.leaf(), second]}


@on_sqlite
def test_all_needs_every_source(jobs: Jobs, other: Table) -> None:
    question = jobs.ask(criterion=over_both(jobs, other, "all"))
    jobs.table.rows.append(event("2020-03-01"))
    jobs.work_at("2020-03-02", "2020-03-20")
    assert jobs.steps(question) == OPEN
    other.rows.append(event("2020-03-21"))
    jobs.work_at("2020-04-02", "2020-04-09")
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    assert jobs.step(question)["occurred_at"] == "2020-03-20T23:00:00Z"


@on_sqlite
def test_a_source_that_is_down_is_no_no_of_any(jobs: Jobs, other: Table) -> None:
    question = jobs.ask(criterion=over_both(jobs, other, "any"))
    jobs.work_at("2020-06-01", "2020-06-20")
    other.instead = say(answer(b"", "500 Oops"))
    jobs.work_at("2020-07-10", "2020-07-20")
    assert jobs.steps(question) == OPEN
    other.instead = None
    jobs.work_at("2020-08-01", "2020-08-08")
    assert jobs.steps(question) == [PROPOSED_NO, NO]


def both_proposed(jobs: Jobs, other: Table) -> tuple[str, str]:
    """A condition and the question that hangs on it, each read from its own table, both proposed as yes."""
    parent = jobs.ask()
    query = jobs.leaf()["query"] | {"location": other.url}
    child = jobs.ask(
        "mayor",
        criterion=jobs.leaf(query=query, filter={"kind": ["resignation"]}),
        condition={"question": parent, "outcome": "yes"},
    )
    jobs.table.rows.append(event("2020-03-01"))
    other.rows.append(event("2020-03-05", "resignation"))
    jobs.work_at("2020-03-10", "2020-03-16")
    return parent, child


@on_sqlite
def test_a_child_is_not_confirmed_on_a_check_from_before_its_condition_was_dated_anew(
    jobs: Jobs, other: Table
) -> None:
    parent, child = both_proposed(jobs, other)
    assert jobs.steps(parent) == jobs.steps(child) == [PROPOSED_YES]
    jobs.table.rows[-1] = event("2020-03-02")
    jobs.work_at("2020-03-17", "2020-03-23")
    assert jobs.steps(parent) == [PROPOSED_YES, REOPENED, PROPOSED_YES]
    assert jobs.steps(child) == [PROPOSED_YES]
    jobs.table.rows[-1] = event("2020-03-08")
    other.instead = say(answer(status="500 Internal Server Error"))
    jobs.work_at("2020-03-24", "2020-03-31")
    assert jobs.steps(parent)[-2:] == [PROPOSED_YES, YES]
    assert jobs.steps(child) == [PROPOSED_YES]
    other.instead = None
    jobs.work_at("2020-04-10")
    assert jobs.steps(child) == [PROPOSED_YES, REOPENED]


def test_a_child_is_confirmed_by_a_check_from_after_its_condition_was_dated_anew(jobs: Jobs, other: Table) -> None:
    parent, child = both_proposed(jobs, other)
    jobs.table.rows[-1] = event("2020-03-02")
    jobs.work_at("2020-03-17", "2020-03-24", "2020-04-01")
    assert jobs.steps(parent) == [PROPOSED_YES, REOPENED, PROPOSED_YES, YES]
    assert jobs.steps(child) == [PROPOSED_YES, YES]


def test_not_turns_a_verdict_and_leaves_the_unknown(jobs: Jobs) -> None:
    question = jobs.ask(criterion={"type": "not", "criterion": jobs.leaf()})
    jobs.work_at("2020-06-01", "2020-07-07")
    assert jobs.steps(question) == OPEN
    jobs.work_at("2020-07-10")
    assert jobs.steps(question) == [PROPOSED_YES]


# -- evidence and conditional requests -----------------------------------------------------------------------


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


# -- leases --------------------------------------------------------------------------------------------------


@dataclass
class Interrupted:
    """A fetcher that lets something happen while it waits for its answer."""

    body: bytes
    meanwhile: Callable[[], object]

    def ready_at(self, location: str, now: datetime) -> datetime | None:
        return None

    def fetch(self, request: Request) -> Response:
        self.meanwhile()
        return Response(200, self.body, "text/csv", None, None, None, None)


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_whoever_lost_the_lease_writes_nothing(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.desk.clock.set("2020-03-02")

    def overtaken() -> None:
        jobs.desk.clock.forward(LEASE)
        assert jobs.worker.check_round() == 1

    late = event("2020-03-01")
    fetcher = Interrupted(jobs.table.body() + late.encode() + b"\n", overtaken)
    slow = Worker(jobs.store, catalogue(), fetcher, dispute_window=WINDOW)
    before = jobs.desk.rev()
    assert slow.check_round() == 0
    assert len(jobs.checks()) == 1
    assert jobs.desk.rev() == before + 1
    assert jobs.steps(question) == OPEN
    assert jobs.resources()[0].lease_token is None


def test_a_worker_that_lives_keeps_what_it_has_in_hand_for_as_long_as_it_takes(jobs: Jobs) -> None:
    jobs.ask()
    jobs.desk.clock.set("2020-03-02")
    taken_over = []

    def take_long() -> None:
        for _ in range(2):
            jobs.desk.clock.forward(LEASE * 0.75)
            wait_until(
                lambda: (jobs.resources()[0].lease_until or at("2020-01-01")) >= jobs.desk.clock.now() + LEASE
            )
            taken_over.append(jobs.worker.check_round())

    fetcher = Interrupted(jobs.table.body(), take_long)
    slow = Worker(jobs.store, catalogue(), fetcher, dispute_window=WINDOW, parallel=2)
    assert slow.check_round() == 1
    assert taken_over == [0, 0]
    assert jobs.resources()[0].lease_token is None


def test_a_worker_that_died_leaves_the_resource_to_the_next(jobs: Jobs) -> None:
    jobs.ask()
    jobs.desk.clock.set("2020-03-02")

    def die() -> None:
        raise KeyboardInterrupt

    dying = Worker(jobs.store, catalogue(), Interrupted(b"", die), dispute_window=WINDOW)
    with pytest.raises(KeyboardInterrupt):
        dying.check_round()
    assert jobs.worker.check_round() == 0
    jobs.desk.clock.forward(LEASE)
    assert jobs.worker.check_round() == 1
    assert jobs.checks()[-1]["due_at"] < jobs.checks()[-1]["checked_at"]


def test_two_workers_at_once_check_each_resource_once(jobs: Jobs, table: Table, clock: FakeClock) -> None:
    for number in range(15):
        leaf = jobs.leaf(query=jobs.leaf()["query"] | {"zone": "UTC", "kind": f"k{number}"})
        jobs.ask(f"k{number}", criterion=leaf)
    clock.set("2020-03-02")
    table.instead = lambda connection, _: connection.sendall(answer(table.body(), date=clock.now()))

    def work() -> int:
        mine = Store(jobs.store.url, clock)
        try:
            with jobs_on(Desk(mine, clock), table, seconds=20) as hands:
                return hands.worker.check_round()
        finally:
            mine.close()

    with ThreadPoolExecutor(2) as pool:
        written = [worker.result(60) for worker in [pool.submit(work) for _ in range(2)]]
    assert sum(written) == 15
    checks = jobs.checks()
    assert len(checks) == len({check["resource"] for check in checks}) == 15
    assert all(resource.lease_token is None for resource in jobs.resources())


def test_workers_that_settle_at_once_take_each_step_once(jobs: Jobs, clock: FakeClock) -> None:
    ruled = rule(jobs)

    def settle() -> int:
        mine = Store(jobs.store.url, clock)
        try:
            return Worker(mine, catalogue(), jobs.worker.fetcher, dispute_window=WINDOW).settle_round()
        finally:
            mine.close()

    for text, steps in (("2020-06-02", [PROPOSED_YES]), ("2020-06-09", [PROPOSED_YES, YES])):
        clock.set(text)
        with ThreadPoolExecutor(4) as pool:
            taken = [worker.result(60) for worker in [pool.submit(settle) for _ in range(4)]]
        assert jobs.steps(ruled) == steps
        assert sum(taken) == 1


def test_a_resource_that_cannot_be_read_here_leaves_the_others_their_turn(desk: Desk, table: Table) -> None:
    class Retired(EventTable):
        """A source a later installation no longer has."""

        name = "retired-table"

    with jobs_on(desk, table) as jobs:
        leaf = jobs.leaf(query=jobs.leaf()["query"] | {"zone": "UTC"}, source="retired-table")
        made = d.document(
            statements=[d.statement("s-1"), d.statement("s-2", part=2)],
            questions=[d.question("q-1", criterion=leaf), d.question("q-2", criterion=jobs.leaf())],
            forecasts=[d.forecast("s-1", "q-1"), d.forecast("s-2", "q-2")],
        )
        both = Catalogue(EventTable(), Retired())
        registry.register(desk.store, parse_document(made), catalogue=both, actor="Rita Registrar")
        desk.clock.set("2020-02-01")
        with pytest.raises(InvalidInputError, match="no source 'retired-table'"):
            jobs.worker.check_round()
        assert [check["source"] for check in jobs.checks()] == ["event-table"]
        assert jobs.worker.check_round() == 0  # it waits for its lease to end


def test_a_check_and_all_that_follows_is_one_revision(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-03-01"))
    check = jobs.check_at("2020-03-02")
    assert jobs.step(question)["rev"] == check["rev"]
    with jobs.store.read() as session:
        revision = session.exec(select(Revision).where(Revision.rev == check["rev"])).one()
    assert revision.action == "check"
    assert check["actor"] == "calledit"


# -- redacted answers ------------------------------------------------------------------------------------------


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


def test_a_question_is_left_alone_while_an_answer_it_needs_is_redacted(jobs: Jobs, clock: FakeClock) -> None:
    """It reads two tables; the one that says yes is blanked, and the other is checked meanwhile."""
    with table_on(clock) as other:
        leaves = [jobs.leaf(), jobs.leaf()]
        leaves[1]["query"] = leaves[1]["query"] | {"location": other.url}
        question = jobs.ask(criterion={"type": "any", "of": leaves})
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
    question = jobs.ask(criterion=over_both(jobs, other, "all"))
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


# -- ticking by itself -----------------------------------------------------------------------------------------


def test_a_round_that_breaks_off_says_so_in_a_sentence_and_the_next_one_goes_on(
    jobs: Jobs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    rounds, again = itertools.count(), threading.Event()

    def check_round() -> int:
        if next(rounds) == 0:
            raise RuntimeError("no\nroom")
        again.set()
        return 0

    monkeypatch.setattr(jobs.worker, "check_round", check_round)
    service = Service(jobs.worker, lambda: None, 0.05)
    try:
        assert again.wait(10)
    finally:
        assert service.drain()
    said = "this round broke off (RuntimeError: no room); the next one goes on with what is due."
    assert f"calledit check: {said}\n" in capsys.readouterr().out
    assert not caplog.records
