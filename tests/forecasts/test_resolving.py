"""What a verdict moves, and what follows down a chain of conditions."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from forecasts import registry, resolving
from forecasts.decide import Value, Verdict, Window
from forecasts.errors import CalleditError
from forecasts.model import Interval, Outcome
from forecasts.resolving import (
    CONDITION_RULE,
    CRITERION_RULE,
    apply_verdict,
    brier_e12,
    condition_status,
    current_step,
    effective_window,
    latest_steps,
    state_of,
)
from forecasts.store import Transaction
from forecasts.tables import Question, Resolution, Resource
from tests.support.clocks import at
from tests.support.desk import WINDOW, Desk, question_row, sound_check
from tests.support.documents import chain, document, event_leaf, forecast, manual, question, rivals, statement

OCCURRED = Interval(at("2020-03-01"), at("2020-03-01"))


def says(value: Value, occurred: Interval | None = None) -> Verdict:
    return Verdict(value, f"the table says {value}", occurred, at("2020-03-02"))


def apply(desk: Desk, question_id: str, verdict: Verdict) -> Resolution | None:
    """Let a sound check say something about a question."""
    with desk.store.write(actor="calledit", kind="adapter", action="check") as tx:
        row = question_row(tx, question_id)
        check = sound_check(tx, number=tx.rev)
        step = current_step(tx.session, row)
        taken = apply_verdict(tx, row, step, verdict, check, closes_at=tx.now + WINDOW)
    desk.clock.forward(timedelta(days=1))
    return taken


def confirm_by_machine(desk: Desk, question_id: str) -> Resolution:
    with desk.store.write(actor="calledit", kind="adapter", action="confirm") as tx:
        row = question_row(tx, question_id)
        step = current_step(tx.session, row)
        assert step is not None
        taken = resolving.confirm_step(tx, row, step, check=sound_check(tx, number=tx.rev))
    desk.clock.forward(timedelta(days=1))
    return taken


@pytest.fixture
def watched(desk: Desk) -> str:
    """A question a table can answer."""
    (found,) = desk.ids(document(questions=[question(criterion=event_leaf())])).values()
    return found


def status(desk: Desk, question_id: str) -> str:
    with desk.store.write(actor="Ann", action="look") as tx:
        tx.discard()
        return condition_status(tx.session, question_row(tx, question_id))


# -- verdicts ------------------------------------------------------------------------------------------------


def test_an_unknown_moves_nothing(desk: Desk, watched: str) -> None:
    assert apply(desk, watched, says("unknown")) is None
    assert desk.steps(watched) == []


@pytest.mark.parametrize(("value", "occurred"), [("yes", OCCURRED), ("no", None)])
def test_a_decided_verdict_is_proposed_with_its_check(
    desk: Desk, watched: str, value: Value, occurred: Interval | None
) -> None:
    apply(desk, watched, says(value, occurred))
    (step,) = desk.export("resolutions")
    assert (step["state"], step["outcome"], step["rule"]) == ("proposed", value, CRITERION_RULE)
    assert (step["closes_at"], step["resolver_kind"]) == ("2020-01-09T00:00:00Z", "adapter")
    assert step["check"] == desk.export("checks")[-1]["check"]
    assert step["occurred_at"] == ("2020-03-01T00:00:00Z" if occurred else None)
    assert desk.export("scores") == []


def test_the_same_verdict_again_moves_nothing(desk: Desk, watched: str) -> None:
    apply(desk, watched, says("yes", OCCURRED))
    assert apply(desk, watched, says("yes", OCCURRED)) is None
    confirm_by_machine(desk, watched)
    assert apply(desk, watched, says("yes", OCCURRED)) is None
    assert desk.steps(watched) == [("proposed", "yes"), ("confirmed", "yes")]


def test_a_proposal_the_source_dates_anew_begins_anew(desk: Desk, watched: str) -> None:
    apply(desk, watched, says("yes", OCCURRED))
    apply(desk, watched, says("yes", Interval(at("2020-04-01"), at("2020-04-01"))))
    assert desk.steps(watched) == [("proposed", "yes"), ("reopened", None), ("proposed", "yes")]
    assert desk.export("resolutions")[-1]["occurred_at"] == "2020-04-01T00:00:00Z"


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_row_that_arrives_late_takes_a_no_back_and_proposes_yes(
    desk: Desk, watched: str, confirmed: bool
) -> None:
    apply(desk, watched, says("no"))
    if confirmed:
        confirm_by_machine(desk, watched)
    apply(desk, watched, says("yes", OCCURRED))
    assert desk.steps(watched)[-2:] == [("reopened", None), ("proposed", "yes")]
    assert "the source no longer supports no" in desk.export("resolutions")[-2]["reason"]
    assert desk.export("questions")[0]["outcome"] == "open"


def test_a_row_that_disappears_reopens_the_question(desk: Desk, watched: str) -> None:
    apply(desk, watched, says("yes", OCCURRED))
    confirm_by_machine(desk, watched)
    step = apply(desk, watched, says("unknown"))
    assert step is not None
    assert (step.state, desk.export("questions")[0]["state"]) == ("reopened", "open")


def test_a_reopened_question_is_watched_again(desk: Desk, watched: str) -> None:
    apply(desk, watched, says("no"))
    confirm_by_machine(desk, watched)
    with desk.store.queue() as session:
        session.exec(select(Resource)).one().next_due = None
    desk.reopen(watched)
    with desk.store.read() as session:
        assert session.exec(select(Resource.next_due)).one() == desk.clock.now()


def test_a_machine_leaves_rulings_disputes_and_annulments_to_people(desk: Desk, watched: str) -> None:
    desk.propose(watched, "no")
    assert apply(desk, watched, says("yes", OCCURRED)) is None
    desk.clock.forward(WINDOW)
    desk.confirm(watched)
    assert apply(desk, watched, says("yes", OCCURRED)) is None
    registry.annul(desk.store, watched, reason="Broken.", actor="Olga Opener")
    assert apply(desk, watched, says("yes", OCCURRED)) is None
    desk.reopen(watched)
    apply(desk, watched, says("yes", OCCURRED))
    registry.dispute(desk.store, watched, reason="No.", actor="Dora Disputer")
    assert apply(desk, watched, says("no")) is None
    assert apply(desk, watched, says("unknown")) is None
    assert desk.steps(watched)[-1] == ("disputed", "yes")


@pytest.mark.parametrize(
    ("occurred", "by_machine", "by_ruling"),
    [("2020-01-01T00:00:00", 0, 2), ("2020-01-01T11:59:59", 0, 2), ("2020-01-01T12:00:00", 2, 2)],
)
def test_what_may_have_come_before_the_statement_counts_by_a_ruling_only(
    desk: Desk, watched: str, occurred: str, by_machine: int, by_ruling: int
) -> None:
    apply(desk, watched, says("yes", Interval(at(occurred), at(occurred))))
    confirm_by_machine(desk, watched)
    assert len(desk.export("scores")) == by_machine
    if by_machine == 0:
        (entry,) = desk.report()["statements"][0]["forecasts"]
        assert entry["scores"]["broad"]["reason"] == "the event came before the statement, or may have"
    desk.reopen(watched)
    desk.resolve(watched, "yes", occurred=occurred)
    assert sum(score["current"] for score in desk.export("scores")) == by_ruling


def test_a_statement_made_after_the_event_is_not_confirmed_by_it(desk: Desk) -> None:
    value = rivals(forecast(), forecast(stated_at="2020-04-01T00:00:00Z"), questions=[question()])
    value["statements"][1] |= {
        "stated_by": "ben-cole",
        "stated_earliest": "2020-04-01T00:00:00Z",
        "stated_basis": "x",
    }
    (found,) = desk.ids(value).values()
    desk.resolve(found, "yes", occurred="2020-03-01")
    assert {row["author"] for row in desk.export("scores")} == {"ada-bell"}


# -- conditions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needs", "outcome", "found"),
    [
        ("yes", "yes", "met"),
        ("yes", "no", "failed"),
        ("no", "no", "met"),
        ("no", "yes", "failed"),
        ("yes", "ambiguous", "failed"),
        ("no", "annulled", "failed"),
    ],
)
def test_a_condition_is_met_by_its_outcome_alone(desk: Desk, needs: str, outcome: Outcome, found: str) -> None:
    ids = desk.ids(chain("one", "two", outcome=needs))
    assert [status(desk, ids[key]) for key in ("q-one", "q-two")] == ["none", "open"]
    desk.propose(ids["q-one"], outcome)
    assert status(desk, ids["q-two"]) == "open"
    desk.clock.forward(WINDOW)
    desk.confirm(ids["q-one"])
    assert status(desk, ids["q-two"]) == found
    annulled = [("confirmed", "annulled")] if found == "failed" else []
    assert desk.steps(ids["q-two"]) == annulled


def test_what_hung_on_a_failed_condition_is_annulled_and_never_scored(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    found = desk.resolve(ids["q-one"], "no")
    step = next(row for row in desk.export("resolutions") if row["question"] == ids["q-two"])
    assert (step["outcome"], step["rule"], step["rev"]) == ("annulled", CONDITION_RULE, found.rev)
    assert {row["question"] for row in desk.export("scores")} == {ids["q-one"]}


def test_a_failed_condition_is_followed_two_deep_and_back(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two", "three"))
    desk.propose(ids["q-three"])  # may be proposed while its condition is open
    desk.resolve(ids["q-one"], "no")
    outcomes = {key: [] if key == "q-one" else desk.steps(ids[key])[-1] for key in ids}
    assert outcomes == {"q-one": [], "q-two": ("confirmed", "annulled"), "q-three": ("confirmed", "annulled")}
    desk.reopen(ids["q-one"])
    assert [desk.steps(ids[key])[-1] for key in ids] == [("reopened", None)] * 3
    desk.resolve(ids["q-one"], "yes", occurred="2020-02-01")
    assert [status(desk, ids[key]) for key in ids] == ["none", "met", "open"]
    desk.resolve(ids["q-two"], "yes", occurred="2020-03-01")
    desk.resolve(ids["q-three"], "no")
    assert list(desk.outcomes().values()).count("yes") == 2
    assert sum(row["current"] for row in desk.export("scores")) == 6


def test_a_reopened_condition_reopens_what_was_resolved_on_it(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two", "three"))
    for key in ids:
        desk.resolve(ids[key], "yes")
    assert sum(row["current"] for row in desk.export("scores")) == 6
    desk.reopen(ids["q-one"])
    assert set(desk.outcomes().values()) == {"open"}
    assert not any(row["current"] for row in desk.export("scores"))


def test_what_was_annulled_by_hand_stays_annulled_when_its_condition_reopens(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    desk.resolve(ids["q-one"], "yes")
    registry.annul(desk.store, ids["q-two"], reason="Broken.", actor="Olga Opener")
    desk.reopen(ids["q-one"])
    assert desk.steps(ids["q-two"]) == [("confirmed", "annulled")]


def test_annulling_a_condition_annuls_what_hangs_on_it(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    desk.resolve(ids["q-one"], "yes")
    desk.resolve(ids["q-two"], "yes")
    registry.annul(desk.store, ids["q-one"], reason="Broken.", actor="Olga Opener")
    assert set(desk.outcomes().values()) == {"annulled"}


def test_a_question_registered_on_a_failed_condition_is_annulled_at_once(desk: Desk) -> None:
    value = chain("one", "two", "three")
    first = document(statements=value["statements"][:1], questions=value["questions"][:1], forecasts=[])
    ids = desk.ids(first)
    desk.resolve(ids["q-one"], "no")
    later = desk.register(value)
    assert later.added["questions"] == 2
    assert list(desk.outcomes().values()).count("annulled") == 2


def test_only_what_follows_the_condition_counts(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    base = Window(at("2020-01-01"), at("2020-01-01T12:00"), at("2020-07-01"))

    def window() -> Window | None:
        with desk.store.read() as session:
            rows = latest_steps(session, range(1, 10))
            parent, child = (
                next(row for row in session.exec(select(Question)).all() if row.public_id == ids[key])
                for key in ("q-one", "q-two")
            )
            assert effective_window(parent, None, None) == base
            return effective_window(child, parent, rows.get(parent.id))

    assert window() is None
    desk.resolve(ids["q-one"], "no")
    assert window() is None
    desk.reopen(ids["q-one"])
    desk.resolve(ids["q-one"], "yes", occurred="2020-02-01T06:00")
    just_after = at("2020-02-01T06:00") + timedelta(microseconds=1)
    assert window() == Window(just_after, just_after, base.deadline)


def test_a_condition_met_by_nothing_happening_is_met_at_its_deadline(desk: Desk) -> None:
    value = chain("one", "two", outcome="no")
    value["questions"][1]["deadline"] = "2021-01-01T00:00:00Z"
    ids = desk.ids(value)
    desk.resolve(ids["q-one"], "no")
    with desk.store.write(actor="Ann", action="look") as tx:
        tx.discard()
        parent, child = (question_row(tx, ids[key]) for key in ("q-one", "q-two"))
        window = effective_window(child, parent, current_step(tx.session, parent))
    assert window == Window(at("2020-07-01"), at("2020-07-01"), at("2021-01-01"))


MOVES: dict[str, Callable[[Desk, str, str], object]] = {
    "yes": lambda desk, question, when: desk.resolve(question, "yes", occurred=when),
    "no": lambda desk, question, _: desk.resolve(question, "no"),
    "ambiguous": lambda desk, question, _: desk.resolve(question, "ambiguous"),
    "propose": lambda desk, question, when: desk.propose(question, "yes", occurred=when),
    "reopen": lambda desk, question, _: desk.reopen(question),
    "annul": lambda desk, question, _: registry.annul(desk.store, question, reason="Broken.", actor="Olga Opener"),
}


@pytest.mark.parametrize("seed", [0, 1])
def test_whatever_is_done_to_a_chain_nothing_stands_on_what_does_not(desk: Desk, seed: int) -> None:
    """After each of many moves, refused ones among them, every question agrees with the one it hangs on."""
    chance = random.Random(seed)
    ids = list(desk.ids(chain("one", "two", "three")).values())
    done: Counter[str] = Counter()
    for _ in range(14):
        number = chance.randrange(3)
        open_now = {row["question"]: row["state"] == "open" for row in desk.export("questions")}[ids[number]]
        moves = ["yes", "yes", "yes", "no", "ambiguous", "propose"] if open_now else ["reopen", "reopen", "annul"]
        move = chance.choice(moves)
        try:
            MOVES[move](desk, ids[number], f"2020-0{2 + number}-01")
            done[move] += 1
        except CalleditError:
            done["refused"] += 1
        last = {row["question"]: row for row in desk.export("resolutions")}
        stands = [
            last[question] if question in last and last[question]["state"] == "confirmed" else None
            for question in ids
        ]
        for above, below in itertools.pairwise(stands):
            if above is None:
                assert below is None or below["rule"] == "annulment"
            elif above["outcome"] == "yes":
                assert below is None or below["rule"] != CONDITION_RULE
            else:
                assert below is not None
                assert below["outcome"] == "annulled"
        scored = {row["question"] for row in desk.export("scores") if row["current"]}
        assert scored == {row["question"] for row in stands if row and row["outcome"] in ("yes", "no")}
    assert done["yes"] + done["no"] >= 2
    assert done["reopen"] >= 1


# -- steps and scores ----------------------------------------------------------------------------------------


def test_steps_are_numbered_and_the_latest_says_the_state(desk: Desk) -> None:
    ids = desk.ids(chain("one", "two"))
    desk.resolve(ids["q-one"], "yes")
    desk.reopen(ids["q-one"])

    def states(tx: Transaction) -> list[str]:
        tx.discard()
        rows = {key: question_row(tx, ids[key]) for key in ids}
        found = latest_steps(tx.session, [row.id for row in rows.values()])
        assert {row.id: current_step(tx.session, row) for row in rows.values() if row.id in found} == found
        return [state_of(found.get(row.id)) for row in rows.values()]

    with desk.store.write(actor="Ann", action="look") as tx:
        assert states(tx) == ["open", "open"]
    assert [row["step"] for row in desk.export("resolutions")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("ppm", "outcome", "score"),
    [(0, "no", 0), (0, "yes", 10**12), (10**6, "yes", 0), (500_000, "no", 25 * 10**10), (1, "yes", 999_999**2)],
)
def test_the_score_is_an_exact_integer(ppm: int, outcome: str, score: int) -> None:
    assert brier_e12(ppm, outcome) == score


def test_resolving_again_after_reopening_scores_again_for_the_new_resolution(desk: Desk) -> None:
    (found,) = desk.ids(document(questions=[question(criterion=manual("again"))])).values()
    desk.resolve(found, "yes")
    desk.reopen(found)
    desk.resolve(found, "no")
    rows = [row for row in desk.export("scores") if row["policy"] == "broad"]
    assert sorted((row["outcome"], row["brier"], row["current"]) for row in rows) == [
        ("no", 0.49, True),
        ("yes", 0.09, False),
    ]


def test_a_statement_without_a_question_stays_without_one(desk: Desk) -> None:
    desk.register(document(statements=[statement(checkability="no")], forecasts=[]))
    (row,) = desk.export("statements")
    assert (row["question"], row["outcome"], row["scored"]) == (None, None, False)
