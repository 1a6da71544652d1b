"""The use cases after registering: who may change what, and what follows."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forecasts import registry
from forecasts.adopting import adopt
from forecasts.errors import CalleditError, ConflictError, InvalidInputError, NotFoundError
from forecasts.evidence import retrieve
from forecasts.model import Interval
from forecasts.registry import NewNumber
from forecasts.resolving import CRITERION_RULE, append_step
from forecasts.tables import Resolution
from tests.support.clocks import at
from tests.support.desk import WINDOW, Desk, question_row
from tests.support.documents import (
    SHA256,
    TEXT,
    article,
    chain,
    coded,
    document,
    forecast,
    lexicon,
    manual,
    question,
    rivals,
    statement,
    worded,
)

Move = Callable[[Desk, str], object]


def the_forecast(desk: Desk) -> str:
    return str(desk.export("forecasts")[0]["forecast"])


def the_question(desk: Desk) -> str:
    return str(desk.export("questions")[0]["question"])


def correct(desk: Desk, number: NewNumber, forecast_id: str | None = None) -> str:
    chosen = the_forecast(desk) if forecast_id is None else forecast_id
    return registry.correct(desk.store, chosen, number, reason="Misread.", actor="Cora Corrector")


def revise(desk: Desk, number: NewNumber, stated: str, forecast_id: str | None = None, **more: Any) -> str:
    chosen = forecast_id or the_forecast(desk)
    desk.clock.instant = max(desk.clock.instant, at(stated))
    return registry.revise(desk.store, chosen, number, stated_at=at(stated), actor="Rita Registrar", **more)


def withdraw(desk: Desk, stated: str, forecast_id: str | None = None) -> str:
    chosen = forecast_id or the_forecast(desk)
    desk.clock.instant = max(desk.clock.instant, at(stated))
    return registry.withdraw(
        desk.store, chosen, stated_at=at(stated), reason="Took it back.", actor="Rita Registrar"
    )


def row(desk: Desk, public_id: str) -> dict[str, Any]:
    return next(found for found in desk.export("forecasts") if found["forecast"] == public_id)


def scores(desk: Desk) -> dict[tuple[str, str], float]:
    """Return the scores that stand now, by forecast and policy."""
    return {
        (found["forecast"], found["policy"]): found["brier"] for found in desk.export("scores") if found["current"]
    }


# -- revise, correct, withdraw -------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", ["ada-bell", "ADA BELL"])
def test_nobody_changes_their_own_forecasts(desk: Desk, actor: str) -> None:
    desk.register(document(forecasts=[worded()]))
    desk.register({"schema": 1, "lexicons": [lexicon(version="2")]})
    desk.clock.set("2020-02-01")
    chosen, number, later = the_forecast(desk), NewNumber(probability=0.1, basis="stated"), at("2020-01-20")
    before = desk.rev()
    moves: list[Callable[[], object]] = [
        lambda: registry.correct(desk.store, chosen, number, reason="R.", actor=actor),
        lambda: registry.revise(desk.store, chosen, number, stated_at=later, actor=actor),
        lambda: registry.withdraw(desk.store, chosen, stated_at=later, reason="R.", actor=actor),
        lambda: adopt(desk.store, "capphrase", reason="R.", actor=actor),
    ]
    for move in moves:
        with pytest.raises(ConflictError, match=f"{actor} is the author and cannot change their own record"):
            move()
    assert desk.rev() == before
    assert registry.correct(desk.store, chosen, number, reason="R.", actor="Ben Cole") != chosen


def test_a_revision_is_kept_beside_what_it_revises_and_the_first_counts(desk: Desk) -> None:
    desk.register(document())
    first = the_forecast(desk)
    later = revise(desk, NewNumber(probability=0.2, low=0.1, high=0.3), "2020-03-01")
    found = row(desk, later)
    assert (found["change"], found["supersedes"], found["version"]) == ("revision", first, 2)
    assert (found["stated_at"], found["probability"]) == ("2020-03-01T00:00:00Z", 0.2)
    assert (found["probability_low"], found["probability_high"], found["actor"]) == (0.1, 0.3, "Rita Registrar")
    desk.resolve(the_question(desk))
    assert set(scores(desk)) == {(first, "broad"), (first, "strict")}


def test_a_revision_may_come_from_another_statement_of_the_same_author(desk: Desk) -> None:
    desk.register(
        document(
            statements=[
                statement(),
                statement("s-again", start=60, end=80),
                statement("s-ben", start=90, end=99, stated_by="ben-cole"),
            ]
        )
    )
    again, ben = (found["statement"] for found in desk.export("statements") if found["start"] in (60, 90))
    later = revise(desk, NewNumber(phrase="may"), "2020-03-01", statement_id=again)
    assert (row(desk, later)["statement"], row(desk, later)["basis"]) == (again, "lexicon")
    with pytest.raises(InvalidInputError, match=f"Statement {ben} was made by another author"):
        revise(desk, NewNumber(probability=0.1), "2020-04-01", later, statement_id=ben)


@pytest.mark.parametrize("stated", ["2020-01-01T12:00:00", "2019-12-31", "2020-07-01T00:00:00"])
def test_a_revision_lies_between_the_forecast_and_the_deadline(desk: Desk, stated: str) -> None:
    desk.register(document())
    with pytest.raises(InvalidInputError, match="A revision lies between the forecast it revises"):
        revise(desk, NewNumber(probability=0.2), stated)
    assert desk.rev() == 1


def test_a_correction_replaces_the_number_and_keeps_the_date_actor_and_reason(desk: Desk) -> None:
    desk.register(document())
    old = row(desk, the_forecast(desk))
    new = row(desk, correct(desk, NewNumber(probability=0.4)))
    assert (new["stated_at"], new["supersedes"]) == (old["stated_at"], old["forecast"])
    assert (new["change"], new["probability"], new["reason"], new["actor"]) == (
        "correction",
        0.4,
        "Misread.",
        "Cora Corrector",
    )
    assert [entry["probability"] for found in desk.report()["statements"] for entry in found["forecasts"]] == [0.4]


def test_a_correction_rescores_at_once_and_the_old_score_is_kept(desk: Desk) -> None:
    desk.register(document())
    desk.resolve(the_question(desk))
    old = the_forecast(desk)
    before = desk.rev()
    new = correct(desk, NewNumber(probability=0.9))
    assert scores(desk) == {
        (new, "broad"): pytest.approx(0.01, abs=0),
        (new, "strict"): pytest.approx(0.01, abs=0),
    }
    assert desk.rev() == before + 1
    kept = [found for found in desk.export("scores") if found["forecast"] == old]
    assert {(found["brier"], found["current"], found["rev"]) for found in kept} == {(0.09, False, before)}


def test_a_correction_to_a_coders_reading_leaves_the_strict_policy(desk: Desk) -> None:
    desk.register(document(forecasts=[worded()]))
    desk.resolve(the_question(desk))
    assert {policy for _, policy in scores(desk)} == {"broad", "strict"}
    new = correct(desk, NewNumber(probability=0.5, low=0.4, high=0.6, basis="coder"))
    assert row(desk, new)["basis"] == "coder"
    assert set(scores(desk)) == {(new, "broad")}


def test_a_correction_may_turn_what_the_forecast_asserts(desk: Desk) -> None:
    desk.register(document(forecasts=[worded()]))
    found = row(desk, correct(desk, NewNumber(phrase="likely", lexicon="capphrase", asserts="no")))
    numbers = [found[name] for name in ("asserts", "probability_low", "probability", "probability_high")]
    assert numbers == ["no", 0.1, 0.3, 0.45]


def test_a_withdrawal_has_no_number_and_what_was_said_still_counts(desk: Desk) -> None:
    desk.register(document())
    first = the_forecast(desk)
    found = row(desk, withdraw(desk, "2020-02-01"))
    assert (found["change"], found["probability"], found["supersedes"]) == ("withdrawal", None, first)
    desk.resolve(the_question(desk))
    assert set(scores(desk)) == {(first, "broad"), (first, "strict")}


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (NewNumber(), "Give a probability, or a phrase of a lexicon."),
        (NewNumber(probability=1.2), "a probability lies between 0 and 1, not 1.2"),
        (NewNumber(probability=float("nan")), "a probability lies between 0 and 1, not nan"),
        (NewNumber(probability=0.5, low=-0.1), "a probability lies between 0 and 1, not -0.1"),
        (NewNumber(probability=0.5, low=0.6), "low, probability and high are not in order"),
        (NewNumber(phrase="with luck"), "Lexicon 'capphrase' gives no number for 'with luck'"),
        (NewNumber(phrase="likely", lexicon="moods"), "there is no lexicon 'moods'"),
        (NewNumber(phrase="likely", probability=0.7), "A phrase takes its numbers from the lexicon"),
        (NewNumber(probability=0.7, lexicon="capphrase"), "A lexicon needs a phrase"),
    ],
)
def test_a_wrong_number_changes_nothing(desk: Desk, number: NewNumber, says: str) -> None:
    desk.register(document())
    with pytest.raises(InvalidInputError, match=says):
        correct(desk, number)
    with pytest.raises(InvalidInputError, match=says):
        revise(desk, number, "2020-02-01")
    assert desk.rev() == 1


def test_only_the_latest_version_can_be_changed(desk: Desk) -> None:
    desk.register(document())
    first = the_forecast(desk)
    new = correct(desk, NewNumber(probability=0.6))
    says = rf"has a later correction \({new}\); change that one"
    with pytest.raises(ConflictError, match=says):
        correct(desk, NewNumber(probability=0.5), first)
    with pytest.raises(ConflictError, match=says):
        revise(desk, NewNumber(probability=0.5), "2020-02-01", first)
    with pytest.raises(ConflictError, match=says):
        withdraw(desk, "2020-02-01", first)
    gone = withdraw(desk, "2020-02-01", new)
    with pytest.raises(ConflictError, match="is a withdrawal; there is no number to correct"):
        correct(desk, NewNumber(probability=0.5), gone)
    with pytest.raises(ConflictError, match="was withdrawn already"):
        withdraw(desk, "2020-03-01", gone)
    back = revise(desk, NewNumber(probability=0.5), "2020-03-01", gone)
    assert row(desk, back)["version"] == 4
    with pytest.raises(InvalidInputError, match="A withdrawal comes after the forecast"):
        withdraw(desk, "2020-03-01", back)


def test_an_id_may_be_shortened_while_it_is_clear(desk: Desk) -> None:
    desk.register(chain("one", "two"))
    whole = the_forecast(desk)
    assert row(desk, correct(desk, NewNumber(probability=0.6), whole[:8]))["supersedes"] == whole
    for short, error, says in (
        ("f-", InvalidInputError, "Several forecasts begin with 'f-'; write the whole id."),
        (
            "f-nowhere",
            NotFoundError,
            "There is no forecast 'f-nowhere'; `calledit export forecasts --include-drafts` lists them.",
        ),
        ("F" + whole[1:], NotFoundError, "There is no forecast"),
        ("f_", NotFoundError, "There is no forecast"),
        ("%", NotFoundError, "There is no forecast"),
        ("", NotFoundError, "There is no forecast ''"),
    ):
        with pytest.raises(error, match=says):
            correct(desk, NewNumber(probability=0.6), short)


def test_no_name_at_all_is_not_the_only_question_there_is(desk: Desk) -> None:
    desk.register(document())
    with pytest.raises(NotFoundError):
        desk.propose("")


# -- propose and confirm -------------------------------------------------------------------------------------


def test_a_confirmed_outcome_and_its_scores_appear_in_one_revision(desk: Desk) -> None:
    desk.register(document())
    found = desk.resolve(the_question(desk), occurred="2020-06-01T08:00")
    assert desk.steps(the_question(desk)) == [("proposed", "yes"), ("confirmed", "yes")]
    resolution = desk.export("resolutions")[-1]
    assert (resolution["resolver"], resolution["rule"]) == ("Carl Confirmer", "ruling")
    assert (resolution["occurred_at"], resolution["citation"]) == ("2020-06-01T08:00:00Z", "Tarn Gazette")
    assert {score["rev"] for score in desk.export("scores")} == {found.rev} == {desk.rev()}
    assert set(scores(desk).values()) == {0.09}


def test_until_it_is_confirmed_nothing_is_scored(desk: Desk) -> None:
    desk.register(document())
    desk.propose(the_question(desk))
    assert (desk.export("questions")[0]["state"], desk.export("questions")[0]["outcome"]) == ("proposed", "open")
    assert desk.export("scores") == []


@pytest.mark.parametrize("outcome", ["ambiguous", "annulled"])
def test_what_is_neither_yes_nor_no_is_never_scored(desk: Desk, outcome: Any) -> None:
    desk.register(document())
    desk.resolve(the_question(desk), outcome)
    assert desk.export("questions")[0]["outcome"] == outcome
    assert desk.export("scores") == []


def test_the_ruling_itself_is_archived_where_no_evidence_is_given(desk: Desk) -> None:
    desk.register(document())
    for evidence, body in ((None, b'"ruled_by":"Paula Proposer"'), ((b"<html>", "text/html"), b"<html>")):
        step = registry.propose(
            desk.store,
            the_question(desk),
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
        desk.reopen(the_question(desk))


def test_a_second_forecast_on_a_resolved_question_is_scored_when_it_is_registered(desk: Desk) -> None:
    desk.register(document())
    desk.resolve(the_question(desk))
    told = statement("s-ben", start=60, end=80, stated_by="ben-cole")
    desk.register({"statements": [told], "forecasts": [forecast("s-ben", the_question(desk), probability=0.5)]})
    assert sorted(scores(desk).values()) == [0.09, 0.09, 0.25, 0.25]


def test_a_revision_of_what_strict_leaves_out_is_scored_under_strict(desk: Desk) -> None:
    desk.register(document(forecasts=[coded()]))
    desk.resolve(the_question(desk), occurred="2020-04-01")
    first = the_forecast(desk)
    later = revise(desk, NewNumber(probability=0.5), "2020-03-01")
    assert set(scores(desk)) == {(first, "broad"), (later, "strict")}


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
    question_id = the_question(desk)
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
        desk.propose(the_question(desk), occurred=occurred)
    assert desk.rev() == 1


# -- dispute, annul, reopen ----------------------------------------------------------------------------------


def test_a_dispute_calls_for_a_second_ruling_by_others(desk: Desk) -> None:
    desk.register(document())
    question_id = the_question(desk)
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
    assert set(scores(desk).values()) == {0.49}


def test_after_reopening_the_first_proposer_may_propose_and_another_confirm(desk: Desk) -> None:
    desk.register(document())
    question_id = the_question(desk)
    disputed(desk, question_id)
    desk.reopen(question_id)
    desk.resolve(question_id)
    assert desk.export("questions")[0]["outcome"] == "yes"


def test_reopening_takes_the_score_out_of_the_report_and_as_of_keeps_it(desk: Desk) -> None:
    desk.register(document())
    resolved = desk.resolve(the_question(desk))
    then = desk.ledger().revisions[resolved.rev].recorded_at
    assert desk.report()["policies"]["broad"]["brier"] == pytest.approx(0.09, abs=1e-15)
    desk.reopen(the_question(desk))
    assert desk.report()["policies"]["broad"] == desk.report()["policies"]["strict"]
    assert desk.report()["policies"]["broad"]["brier"] is None
    assert desk.outcomes() == {"Does the bridge open before July 2020?": "open"}
    assert desk.report(as_of=then)["policies"]["broad"]["brier"] == pytest.approx(0.09, abs=1e-15)
    assert len(desk.export("scores", as_of=then)) == 2
    assert [score["current"] for score in desk.export("scores")] == [False, False]


def test_annulling_by_hand_takes_back_what_was_confirmed(desk: Desk) -> None:
    desk.register(document())
    confirmed(desk, the_question(desk))
    annulled(desk, the_question(desk))
    assert desk.steps(the_question(desk))[-2:] == [("reopened", None), ("confirmed", "annulled")]
    assert scores(desk) == {}
    desk.reopen(the_question(desk))
    desk.resolve(the_question(desk), "no")
    assert set(scores(desk).values()) == {0.49}


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
    question_id = the_question(desk)
    desk.propose(question_id)
    rev = desk.rev()
    for use in (registry.dispute, registry.annul, registry.reopen):
        with pytest.raises(CalleditError):
            use(desk.store, question_id, reason=text, actor="Zoe Other")
    assert desk.rev() == rev


# -- the user's own copy -------------------------------------------------------------------------------------


def attach(desk: Desk, path: Path, **more: Any) -> str:
    return registry.attach(desk.store, "tarn-2020", path, actor="Rita Registrar", **more)


def test_with_a_copy_attached_the_quotation_is_shown(desk: Desk, tmp_path: Path) -> None:
    desk.register(document())
    path = tmp_path / "tarn.txt"
    path.write_bytes(TEXT.encode())
    assert desk.report()["statements"][0]["quotation"] is None
    assert attach(desk, path) == SHA256
    assert desk.report()["statements"][0]["quotation"] == TEXT[0:54]
    rev = desk.rev()
    attach(desk, path)
    assert desk.rev() == rev


def test_a_file_with_another_hash_becomes_an_edition_only_on_request(desk: Desk, tmp_path: Path) -> None:
    desk.register(document())
    path = tmp_path / "tarn.txt"
    path.write_bytes(TEXT.encode() + b"more")
    with pytest.raises(
        ConflictError, match="is no registered edition of 'tarn-2020': attach the exact file, or add"
    ):
        attach(desk, path)
    assert (desk.rev(), len(desk.export("articles"))) == (1, 1)
    sha256 = attach(desk, path, new_edition=True)
    assert {found["article_sha256"] for found in desk.export("articles")} == {SHA256, sha256}
    assert desk.report()["statements"][0]["quotation"] is None


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"", "is empty"), (b"a\x00b", "contains NUL characters"), (b"\xff", "is not UTF-8 text")],
)
def test_what_is_no_text_is_not_attached(desk: Desk, tmp_path: Path, body: bytes, says: str) -> None:
    desk.register(document())
    path = tmp_path / "tarn.txt"
    path.write_bytes(body)
    with pytest.raises(InvalidInputError, match=says):
        attach(desk, path, new_edition=True)
    assert desk.rev() == 1


def test_a_copy_belongs_to_its_own_article(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "tarn.txt"
    path.write_bytes(TEXT.encode())
    with pytest.raises(NotFoundError, match="There is no article 'tarn-2020'; `calledit export articles"):
        attach(desk, path)
    desk.register(document())
    desk.register({"articles": [article("other", editions=[{"sha256": "b" * 64, "characters": 9}])]})
    with pytest.raises(ConflictError, match="is an edition of another article"):
        registry.attach(desk.store, "other", path, actor="Rita Registrar")


def test_two_authors_on_one_question_do_not_touch_each_other(desk: Desk) -> None:
    value = rivals(forecast(), forecast(probability=0.1), questions=[question(criterion=manual("shared"))])
    value["statements"][1]["stated_by"] = "ben-cole"
    desk.register(value)
    desk.resolve(the_question(desk), "no")
    briers = {slug: desk.report(slug)["policies"]["broad"]["brier"] for slug in ("ada-bell", "ben-cole")}
    assert briers == {"ada-bell": pytest.approx(0.49, abs=1e-15), "ben-cole": pytest.approx(0.01, abs=1e-15)}


def test_a_window_of_no_length_is_over_at_once(desk: Desk) -> None:
    desk.register(document())
    desk.clock.set("2020-07-01")
    registry.propose(
        desk.store,
        the_question(desk),
        "no",
        actor="Paula Proposer",
        citation="c",
        reason="r",
        window=timedelta(0),
    )
    assert desk.confirm(the_question(desk)).outcome == "no"


def test_what_was_said_first_can_be_corrected_after_a_revision(desk: Desk) -> None:
    desk.register(document())
    first = the_forecast(desk)
    later = revise(desk, NewNumber(probability=0.9), "2020-02-01T00:00:00Z", first)
    corrected = correct(desk, NewNumber(probability=0.8), first)
    assert {row["forecast"] for row in desk.export("forecasts")} == {first, later, corrected}
    with pytest.raises(ConflictError, match="later correction"):
        correct(desk, NewNumber(probability=0.7), first)


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


def test_our_reading_stays_ours_in_a_correction(desk: Desk) -> None:
    desk.register(document(forecasts=[coded()]))
    with pytest.raises(InvalidInputError, match="Our own reading needs low, high"):
        correct(desk, NewNumber(probability=0.3))
    new = correct(desk, NewNumber(probability=0.3, low=0.2, high=0.4))
    assert row(desk, new)["basis"] == "coder"


def test_a_number_does_not_pass_for_words(desk: Desk) -> None:
    desk.register(document(forecasts=[worded()]))
    with pytest.raises(InvalidInputError, match="whether its basis is 'stated' or 'coder'"):
        correct(desk, NewNumber(probability=0.3))
    with pytest.raises(InvalidInputError, match="A phrase has the basis 'lexicon'"):
        correct(desk, NewNumber(phrase="Likely", basis="stated"))


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
            the_question(desk),
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
            the_question(desk),
            "yes",
            actor="Paula Proposer",
            citation=citation,
            reason=reason,
            window=WINDOW,
            occurred=now,
        )


def test_four_eyes_are_not_one_person_in_other_letters(desk: Desk) -> None:
    desk.register(document())
    ripe(desk, the_question(desk))
    with pytest.raises(ConflictError, match="cannot confirm it"):
        desk.confirm(the_question(desk), actor="paula proposer ")


def test_nobody_can_have_said_it_later_than_now(desk: Desk) -> None:
    desk.register(document())
    with pytest.raises(InvalidInputError, match="still to come"):
        registry.revise(
            desk.store,
            the_forecast(desk),
            NewNumber(probability=0.9),
            stated_at=at("2020-03-01"),
            actor="Rita Registrar",
        )


def test_whoever_proposed_takes_it_back_and_does_not_dispute_it(desk: Desk) -> None:
    desk.register(document())
    desk.propose(the_question(desk))
    with pytest.raises(ConflictError, match="takes it back with reopen"):
        registry.dispute(desk.store, the_question(desk), reason="Changed my mind.", actor="Paula Proposer")
