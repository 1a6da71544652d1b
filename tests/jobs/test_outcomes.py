"""What checks over real sockets do to a question, from its proposal to a reversal.

See `Jobs.ask` for its window and grace.
"""

import hashlib
from typing import Any

import pytest

from forecasts import registry
from forecasts.errors import ConflictError
from forecasts.evidence import retrieve
from tests.jobs.servers import answer, say
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
    event,
    on_sqlite,
)
from tests.support import documents as d

# -- yes and no -----------------------------------------------------------------------------------------------


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


# -- reversals ------------------------------------------------------------------------------------------------


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


# -- what a machine cannot know -------------------------------------------------------------------------------


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


# -- rulings --------------------------------------------------------------------------------------------------


def test_a_founding_ruling_is_proposed_when_it_could_be_known_and_confirmed_by_the_machine(jobs: Jobs) -> None:
    question = jobs.rule()
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
    question = jobs.rule(kind="person")
    jobs.work_at("2020-06-02", "2020-06-09", "2020-08-01")
    assert jobs.steps(question) == [PROPOSED_YES]
    with pytest.raises(ConflictError, match="cannot confirm it"):
        jobs.desk.confirm(question, actor="Rita Registrar")
    jobs.desk.confirm(question)
    assert jobs.steps(question)[-1] == YES


def test_a_ruling_that_was_taken_back_is_not_proposed_again(jobs: Jobs) -> None:
    question = jobs.rule()
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
    question = jobs.rule()
    for text in ("2020-06-02", "2020-06-09"):
        jobs.desk.clock.set(text)
        with pytest.raises(ConflictError, match="Ada Bell is scored by this question"):
            jobs.worker.settle_round()
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    assert jobs.steps(hers) == OPEN
