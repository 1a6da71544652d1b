"""Who may propose, confirm, dispute, annul or reopen an outcome, and what follows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from forecasts import registry
from forecasts.errors import CalleditError, ConflictError, InvalidInputError, NotFoundError
from forecasts.evidence import retrieve
from forecasts.model import Interval
from forecasts.resolving import CRITERION_RULE, append_step
from forecasts.tables import Resolution
from tests.support.clocks import at
from tests.support.desk import WINDOW, Desk, question_row
from tests.support.documents import (
    chain,
    document,
    forecast,
    manual,
    question,
    rivals,
    statement,
)

Move = Callable[[Desk, str], object]


def test_no_name_at_all_is_not_the_only_question_there_is(desk: Desk) -> None:
    desk.register(document())
    with pytest.raises(NotFoundError):
        desk.propose("")


# -- propose and confirm -------------------------------------------------------------------------------------


def test_a_confirmed_outcome_and_its_scores_appear_in_one_revision(desk: Desk) -> None:
    desk.register(document())
    found = desk.resolve(desk.the_question(), occurred="2020-06-01T08:00")
    assert desk.steps(desk.the_question()) == [("proposed", "yes"), ("confirmed", "yes")]
    resolution = desk.export("resolutions")[-1]
    assert (resolution["resolver"], resolution["rule"]) == ("Carl Confirmer", "ruling")
    assert (resolution["occurred_at"], resolution["citation"]) == ("2020-06-01T08:00:00Z", "Tarn Gazette")
    assert {score["rev"] for score in desk.export("scores")} == {found.rev} == {desk.rev()}
    assert set(desk.scores().values()) == {0.09}


def test_until_it_is_confirmed_nothing_is_scored(desk: Desk) -> None:
    desk.register(document())
    desk.propose(desk.the_question())
    assert (desk.export("questions")[0]["state"], desk.export("questions")[0]["outcome"]) == ("proposed", "open")
    assert desk.export("scores") == []


@pytest.mark.parametrize("outcome", ["ambiguous", "annulled"])
def test_what_is_neither_yes_nor_no_is_never_scored(desk: Desk, outcome: Any) -> None:
    desk.register(document())
    desk.resolve(desk.the_question(), outcome)
    assert desk.export("questions")[0]["outcome"] == outcome
    assert desk.export("scores") == []


def test_the_ruling_itself_is_archived_where_no_evidence_is_given(desk: Desk) -> None:
    desk.register(document())
    for evidence, body in ((None, b'"ruled_by":"Paula Proposer"'), ((b"<html>", "text/html"), b"<html>")):
        step = registry.propose(
            desk.store,
            desk.the_question(),
            "yes",
            actor="Paula Proposer",
            citation="Tarn Gazette",
            reason="It says so.",
            window=WINDOW,
            occurred=Interval(desk.clock.now(), desk.clock.now()),
            evidence=evidence,
        )
        with desk.store.read() as session:
            assert body in retrieve(session, str(step.evidence_sha256))[0]
        desk.reopen(desk.the_question())


def test_a_second_forecast_on_a_resolved_question_is_scored_when_it_is_registered(desk: Desk) -> None:
    desk.register(document())
    desk.resolve(desk.the_question())
    told = statement("s-ben", start=60, end=80, stated_by="ben-cole")
    desk.register({"statements": [told], "forecasts": [forecast("s-ben", desk.the_question(), probability=0.5)]})
    assert sorted(desk.scores().values()) == [0.09, 0.09, 0.25, 0.25]


def proposed(desk: Desk, question_id: str) -> None:
    desk.propose(question_id)


def ripe(desk: Desk, question_id: str) -> None:
    desk.propose(question_id)
    desk.clock.forward(WINDOW)


def disputed(desk: Desk, question_id: str) -> None:
    desk.propose(question_id)
    registry.dispute(desk.store, question_id, reason="No.", actor="Dora Disputer")


def confirmed(desk: Desk, question_id: str) -> None:
    desk.resolve(question_id)


def annulled(desk: Desk, question_id: str) -> None:
    registry.annul(desk.store, question_id, reason="Broken.", actor="Olga Opener")


def by_machine(desk: Desk, question_id: str) -> None:
    with desk.store.write(actor="calledit", kind="adapter", action="check") as tx:
        append_step(
            tx,
            question_row(tx, question_id),
            "proposed",
            "yes",
            rule=CRITERION_RULE,
            reason="A row.",
            closes_at=tx.now,
        )


def untouched(desk: Desk, question_id: str) -> None:
    """Leave it open."""


def act(name: str, actor: str = "Zoe Other") -> Move:
    def move(desk: Desk, question_id: str) -> Resolution:
        if name == "propose":
            return desk.propose(question_id, actor=actor)
        if name == "confirm":
            return desk.confirm(question_id, actor=actor)
        use: Any = getattr(registry, name)
        step: Resolution = use(desk.store, question_id, reason="Because.", actor=actor)
        return step

    return move


@pytest.mark.parametrize(
    ("before", "move", "says"),
    [
        (proposed, act("propose"), "is proposed already; dispute it or reopen it first"),
        (confirmed, act("propose"), "is confirmed already; dispute it or reopen it first"),
        (disputed, act("propose", "Paula Proposer"), "neither proposed nor disputed the first"),
        (untouched, act("propose", "Ada Bell"), "Ada Bell is scored by this question and cannot rule on it"),
        (untouched, act("propose", "ada-bell"), "ada-bell is scored by this question"),
        (untouched, act("propose", "ADA BELL"), "ADA BELL is scored by this question"),
        (untouched, act("confirm"), "has no open proposal to confirm"),
        (confirmed, act("confirm"), "has no open proposal to confirm"),
        (disputed, act("confirm"), "has no open proposal to confirm"),
        (proposed, act("confirm"), "The dispute window is open until 2020-01-09T00:00:00Z; confirm after that"),
        (ripe, act("confirm", "Paula Proposer"), "Whoever proposed or disputed an outcome cannot confirm it"),
        (ripe, act("confirm", "Ada Bell"), "Ada Bell is scored by this question"),
        (by_machine, act("confirm"), "A machine's proposal is decided again and confirmed by the scheduled jobs"),
        (untouched, act("dispute"), "has no open proposal to dispute"),
        (confirmed, act("dispute"), "has no open proposal to dispute"),
        (ripe, act("dispute"), "The dispute window closed at 2020-01-09T00:00:00Z; reopen the question instead"),
        (untouched, act("reopen"), "is open already"),
        (confirmed, act("reopen", "Ada Bell"), "Ada Bell is scored by this question"),
        (annulled, act("annul"), "is annulled already"),
        (confirmed, act("annul", "Ada Bell"), "Ada Bell is scored by this question"),
    ],
)
def test_a_move_that_is_not_allowed_changes_nothing(desk: Desk, before: Any, move: Move, says: str) -> None:
    desk.register(document())
    question_id = desk.the_question()
    before(desk, question_id)
    rev, steps = desk.rev(), desk.steps(question_id)
    with pytest.raises(ConflictError, match=says):
        move(desk, question_id)
    assert (desk.rev(), desk.steps(question_id)) == (rev, steps)


@pytest.mark.parametrize("use", [act("propose"), act("confirm"), act("dispute"), act("annul"), act("reopen")])
def test_a_question_that_is_not_there_is_named(desk: Desk, use: Move) -> None:
    with pytest.raises(NotFoundError, match="There is no question 'q-x'; `calledit export questions --incl"):
        use(desk, "q-x")


@pytest.mark.parametrize("occurred", ["2019-12-31T23:59:59", "2020-07-01T00:00:00"])
def test_nothing_that_occurred_outside_the_window_is_proposed(desk: Desk, occurred: str) -> None:
    desk.register(document())
    with pytest.raises(InvalidInputError, match="outside the question's window"):
        desk.propose(desk.the_question(), occurred=occurred)
    assert desk.rev() == 1


# -- dispute, annul, reopen ----------------------------------------------------------------------------------


def test_a_dispute_calls_for_a_second_ruling_by_others(desk: Desk) -> None:
    desk.register(document())
    question_id = desk.the_question()
    disputed(desk, question_id)
    assert desk.export("questions")[0]["state"] == "disputed"
    second = desk.propose(question_id, "no", actor="Sam Second")
    assert second.rule == "second-ruling"
    desk.clock.forward(WINDOW)
    for proposer in ("Paula Proposer", "Sam Second"):
        with pytest.raises(ConflictError, match="Whoever proposed"):
            desk.confirm(question_id, actor=proposer)
    desk.confirm(question_id)
    assert desk.steps(question_id) == [
        ("proposed", "yes"),
        ("disputed", "yes"),
        ("proposed", "no"),
        ("confirmed", "no"),
    ]
    assert set(desk.scores().values()) == {0.49}


def test_after_reopening_the_first_proposer_may_propose_and_another_confirm(desk: Desk) -> None:
    desk.register(document())
    question_id = desk.the_question()
    disputed(desk, question_id)
    desk.reopen(question_id)
    desk.resolve(question_id)
    assert desk.export("questions")[0]["outcome"] == "yes"


def test_reopening_takes_the_score_out_of_the_report_and_as_of_keeps_it(desk: Desk) -> None:
    desk.register(document())
    resolved = desk.resolve(desk.the_question())
    then = desk.ledger().revisions[resolved.rev].recorded_at
    assert desk.report()["policies"]["broad"]["brier"] == pytest.approx(0.09, abs=1e-15)
    desk.reopen(desk.the_question())
    assert desk.report()["policies"]["broad"] == desk.report()["policies"]["strict"]
    assert desk.report()["policies"]["broad"]["brier"] is None
    assert desk.outcomes() == {"Does the bridge open before July 2020?": "open"}
    assert desk.report(as_of=then)["policies"]["broad"]["brier"] == pytest.approx(0.09, abs=1e-15)
    assert len(desk.export("scores", as_of=then)) == 2
    assert [score["current"] for score in desk.export("scores")] == [False, False]


def test_annulling_by_hand_takes_back_what_was_confirmed(desk: Desk) -> None:
    desk.register(document())
    confirmed(desk, desk.the_question())
    annulled(desk, desk.the_question())
    assert desk.steps(desk.the_question())[-2:] == [("reopened", None), ("confirmed", "annulled")]
    assert desk.scores() == {}
    desk.reopen(desk.the_question())
    desk.resolve(desk.the_question(), "no")
    assert set(desk.scores().values()) == {0.49}


def test_a_condition_comes_first(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    ripe(desk, ids["q-two"])
    with pytest.raises(ConflictError, match="The question's condition is still open; confirm that one first"):
        desk.confirm(ids["q-two"])
    desk.resolve(ids["q-one"], "yes", occurred="2020-01-01T18:00")
    desk.confirm(ids["q-two"])
    assert desk.steps(ids["q-two"])[-1] == ("confirmed", "yes")


def test_what_was_proposed_before_its_condition_was_met_is_held_against_it(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    ripe(desk, ids["q-two"])
    desk.resolve(ids["q-one"], "yes", occurred="2020-02-01T00:00")
    with pytest.raises(InvalidInputError, match="before the condition was met"):
        desk.confirm(ids["q-two"])


def test_what_its_condition_annulled_is_reopened_by_the_condition_only(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    desk.resolve(ids["q-one"], "no")
    with pytest.raises(ConflictError, match="annulled because its condition failed; reopen the condition"):
        desk.reopen(ids["q-two"])


def test_what_was_annulled_by_hand_follows_its_condition_when_it_is_reopened(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    annulled(desk, ids["q-two"])
    desk.resolve(ids["q-one"], "no")
    desk.reopen(ids["q-two"])
    assert desk.steps(ids["q-two"]) == [("confirmed", "annulled"), ("reopened", None), ("confirmed", "annulled")]


@pytest.mark.parametrize("text", ["a\x00b", "a\udcffb"])
def test_a_reason_that_cannot_be_stored_changes_nothing(desk: Desk, text: str) -> None:
    desk.register(document())
    question_id = desk.the_question()
    desk.propose(question_id)
    rev = desk.rev()
    for use in (registry.dispute, registry.annul, registry.reopen):
        with pytest.raises(CalleditError):
            use(desk.store, question_id, reason=text, actor="Zoe Other")
    assert desk.rev() == rev


def test_two_authors_on_one_question_do_not_touch_each_other(desk: Desk) -> None:
    value = rivals(forecast(), forecast(probability=0.1), questions=[question(criterion=manual("shared"))])
    value["statements"][1]["stated_by"] = "ben-cole"
    desk.register(value)
    desk.resolve(desk.the_question(), "no")
    briers = {slug: desk.report(slug)["policies"]["broad"]["brier"] for slug in ("ada-bell", "ben-cole")}
    assert briers == {"ada-bell": pytest.approx(0.49, abs=1e-15), "ben-cole": pytest.approx(0.01, abs=1e-15)}


def test_a_window_of_no_length_is_over_at_once(desk: Desk) -> None:
    desk.register(document())
    desk.clock.set("2020-07-01")
    registry.propose(
        desk.store,
        desk.the_question(),
        "no",
        actor="Paula Proposer",
        citation="c",
        reason="r",
        window=timedelta(0),
    )
    assert desk.confirm(desk.the_question()).outcome == "no"


def test_what_occurred_before_its_condition_was_met_is_no_ruling(desk: Desk) -> None:
    parent, child = desk.ids(chain("fire", "smoke")).values()
    desk.resolve(parent, occurred="2020-03-01T00:00:00Z")
    with pytest.raises(InvalidInputError, match="before the condition was met"):
        desk.propose(child, occurred="2020-02-01T00:00:00Z")


def test_nobody_registers_a_ruling_on_a_question_they_are_scored_by(desk: Desk) -> None:
    ruled = document(questions=[question(criterion=manual())])
    ruled["rulings"] = [
        {
            "question": ruled["questions"][0]["key"],
            "outcome": "yes",
            "occurred_at": "2020-03-01T00:00:00Z",
            "knowable_at": "2020-03-01T00:00:00Z",
            "citation": "Paper",
            "note": "It did.",
        }
    ]
    with pytest.raises(ConflictError, match="cannot rule"):
        desk.register(ruled, actor="Ada Bell")


@pytest.mark.parametrize(
    ("outcome", "occurred", "said"),
    [
        ("yes", None, "A yes says when it happened"),
        ("yes", "2020-06-25", "still to come"),
        ("no", None, "A no is possible from the deadline on"),
    ],
)
def test_nobody_rules_on_what_is_still_to_come(desk: Desk, outcome: Any, occurred: str | None, said: str) -> None:
    desk.register(document())
    when = Interval(at(occurred), at(occurred)) if occurred else None
    with pytest.raises(InvalidInputError, match=said):
        registry.propose(
            desk.store,
            desk.the_question(),
            outcome,
            actor="Paula Proposer",
            citation="Tarn Gazette",
            reason="It says so.",
            window=WINDOW,
            occurred=when,
        )
    assert desk.export("resolutions") == []


@pytest.mark.parametrize(("citation", "reason"), [("", "It says so."), ("Tarn Gazette", "  ")])
def test_an_outcome_has_a_source_and_a_reason(desk: Desk, citation: str, reason: str) -> None:
    desk.register(document())
    now = Interval(desk.clock.now(), desk.clock.now())
    with pytest.raises(InvalidInputError, match="is not usable"):
        registry.propose(
            desk.store,
            desk.the_question(),
            "yes",
            actor="Paula Proposer",
            citation=citation,
            reason=reason,
            window=WINDOW,
            occurred=now,
        )


def test_four_eyes_are_not_one_person_in_other_letters(desk: Desk) -> None:
    desk.register(document())
    ripe(desk, desk.the_question())
    with pytest.raises(ConflictError, match="cannot confirm it"):
        desk.confirm(desk.the_question(), actor="paula proposer ")


def test_whoever_proposed_takes_it_back_and_does_not_dispute_it(desk: Desk) -> None:
    desk.register(document())
    desk.propose(desk.the_question())
    with pytest.raises(ConflictError, match="takes it back with reopen"):
        registry.dispute(desk.store, desk.the_question(), reason="Changed my mind.", actor="Paula Proposer")
