"""Who may revise, correct or withdraw a forecast, and what follows for its scores."""

from collections.abc import Callable
from typing import Any

import pytest

from forecasts import registry
from forecasts.adopting import adopt
from forecasts.errors import ConflictError, InvalidInputError, NotFoundError
from forecasts.registry import NewNumber
from tests.support.clocks import at
from tests.support.desk import Desk
from tests.support.documents import (
    chain,
    coded,
    document,
    lexicon,
    statement,
    worded,
)


def the_forecast(desk: Desk) -> str:
    return str(desk.export("forecasts")[0]["forecast"])


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
    desk.resolve(desk.the_question())
    assert set(desk.scores()) == {(first, "broad"), (first, "strict")}


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
    desk.resolve(desk.the_question())
    old = the_forecast(desk)
    before = desk.rev()
    new = correct(desk, NewNumber(probability=0.9))
    assert desk.scores() == {
        (new, "broad"): pytest.approx(0.01, abs=0),
        (new, "strict"): pytest.approx(0.01, abs=0),
    }
    assert desk.rev() == before + 1
    kept = [found for found in desk.export("scores") if found["forecast"] == old]
    assert {(found["brier"], found["current"], found["rev"]) for found in kept} == {(0.09, False, before)}


def test_a_correction_to_a_coders_reading_leaves_the_strict_policy(desk: Desk) -> None:
    desk.register(document(forecasts=[worded()]))
    desk.resolve(desk.the_question())
    assert {policy for _, policy in desk.scores()} == {"broad", "strict"}
    new = correct(desk, NewNumber(probability=0.5, low=0.4, high=0.6, basis="coder"))
    assert row(desk, new)["basis"] == "coder"
    assert set(desk.scores()) == {(new, "broad")}


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
    desk.resolve(desk.the_question())
    assert set(desk.scores()) == {(first, "broad"), (first, "strict")}


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


def test_a_revision_of_what_strict_leaves_out_is_scored_under_strict(desk: Desk) -> None:
    desk.register(document(forecasts=[coded()]))
    desk.resolve(desk.the_question(), occurred="2020-04-01")
    first = the_forecast(desk)
    later = revise(desk, NewNumber(probability=0.5), "2020-03-01")
    assert set(desk.scores()) == {(first, "broad"), (later, "strict")}


def test_what_was_said_first_can_be_corrected_after_a_revision(desk: Desk) -> None:
    desk.register(document())
    first = the_forecast(desk)
    later = revise(desk, NewNumber(probability=0.9), "2020-02-01T00:00:00Z", first)
    corrected = correct(desk, NewNumber(probability=0.8), first)
    assert {row["forecast"] for row in desk.export("forecasts")} == {first, later, corrected}
    with pytest.raises(ConflictError, match="later correction"):
        correct(desk, NewNumber(probability=0.7), first)


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
