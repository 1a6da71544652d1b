"""A new version of a lexicon changes nobody's number until it is adopted; then each change is a correction."""

from datetime import UTC, datetime

import pytest

from forecasts import adopting, registry
from forecasts.adopting import Adopted
from forecasts.errors import InvalidInputError
from forecasts.registry import NewNumber
from tests.support.clocks import at
from tests.support.desk import Desk
from tests.support.documents import Item, document, forecast, lexicon, question, statement, worded

LIKELY, MAY, WILL = lexicon()["phrases"]
NEWER = lexicon(version="0", phrases=[LIKELY | {"median": 0.8}, WILL])  # called less than 1, registered later


def adopt(desk: Desk, key: str = "capphrase") -> Adopted:
    return adopting.adopt(desk.store, key, reason="A better survey.", actor="Cora Corrector")


def two_phrases() -> Item:
    """Return a document in which Ada says likely and may, and Ben that it is likely not to come."""
    return document(
        statements=[
            statement(),
            statement("s-mayor", start=60, end=80, hedge_phrase="may"),
            statement("s-ben", start=90, end=120, stated_by="ben-cole"),
        ],
        questions=[question(), question("q-mayor", cluster="mayor")],
        forecasts=[
            worded(),
            worded("s-mayor", "q-mayor", phrase="may"),
            worded("s-ben", asserts="no", phrase="LIKELY"),
        ],
    )


def standing(desk: Desk) -> dict[tuple[str, str], tuple[str, float, float, float]]:
    """Return version, low, probability and high of what stands, by author and phrase."""
    rows = desk.export("forecasts")
    replaced = {row["supersedes"] for row in rows if row["change"] == "correction"}
    return {
        (row["author"], row["phrase"]): (
            row["lexicon_version"],
            row["probability_low"],
            row["probability"],
            row["probability_high"],
        )
        for row in rows
        if row["forecast"] not in replaced
    }


def test_a_new_version_alone_changes_no_number(desk: Desk) -> None:
    desk.register(two_phrases())
    before = standing(desk)
    desk.register(document(lexicons=[NEWER], statements=[], questions=[], forecasts=[]))
    assert standing(desk) == before
    assert {version for version, *_ in before.values()} == {"1"}


def test_adopting_reads_each_phrase_in_the_version_registered_last(desk: Desk) -> None:
    desk.register(two_phrases())
    desk.register({"schema": 1, "lexicons": [NEWER]})
    done = adopt(desk)
    assert (done.version, len(done.corrected), done.other_number, done.left) == ("0", 2, 2, {"may": 1})
    assert standing(desk) == {
        ("ada-bell", "likely"): ("0", 0.55, 0.8, 0.9),
        ("ben-cole", "LIKELY"): ("0", 0.1, 0.2, 0.45),
        ("ada-bell", "may"): ("1", 0.2, 0.4, 0.6),
    }


def test_each_is_a_correction_with_its_date_actor_and_reason_in_one_revision(desk: Desk) -> None:
    desk.register(two_phrases())
    desk.register({"schema": 1, "lexicons": [NEWER]})
    before, rev = datetime.now(UTC), desk.rev()
    done = adopt(desk)
    assert desk.rev() == rev + 1
    rows = {row["forecast"]: row for row in desk.export("forecasts")}
    for new, old in done.corrected:
        row, was = rows[new.public_id], rows[old.public_id]
        assert (row["change"], row["supersedes"]) == ("correction", old.public_id)
        assert (row["reason"], row["actor"]) == ("A better survey.", "Cora Corrector")
        assert row["stated_at"] == was["stated_at"]
    assert len(desk.export("forecasts", as_of=before)) == len(rows) - len(done.corrected)


def test_scores_follow_and_the_old_ones_are_kept(desk: Desk) -> None:
    desk.register(two_phrases())
    desk.register({"schema": 1, "lexicons": [NEWER]})
    desk.resolve(next(row["question"] for row in desk.export("questions") if row["cluster"] == "bridge"))
    adopt(desk)
    found = [(row["brier"], row["current"]) for row in desk.export("scores") if row["policy"] == "strict"]
    assert sorted(found) == [(0.04, True), (0.09, False), (0.49, False), (0.64, True)]


def test_the_second_time_there_is_nothing_to_do(desk: Desk) -> None:
    desk.register(two_phrases())
    assert adopt(desk).corrected == []
    desk.register({"schema": 1, "lexicons": [NEWER]})
    adopt(desk)
    rev = desk.rev()
    again = adopt(desk)
    assert (again.corrected, again.left) == ([], {"may": 1})
    assert desk.rev() == rev
    desk.register({"schema": 1, "lexicons": [lexicon(version="2")]})
    assert len(adopt(desk).corrected) == 3


def test_a_version_with_the_same_numbers_is_adopted_too(desk: Desk) -> None:
    desk.register(two_phrases())
    desk.register({"schema": 1, "lexicons": [lexicon(version="2")]})
    done = adopt(desk)
    assert (len(done.corrected), done.other_number) == (3, 0)
    assert {version for version, *_ in standing(desk).values()} == {"2"}


def test_a_phrase_that_becomes_a_bare_modal_leaves_the_strict_policy(desk: Desk) -> None:
    desk.register(document(forecasts=[worded()]))
    desk.resolve(desk.the_question())
    desk.register({"schema": 1, "lexicons": [lexicon(version="2", phrases=[LIKELY | {"bare_modal": True}])]})
    assert (len(adopt(desk).corrected), adopt(desk).corrected) == (1, [])
    assert {row["policy"] for row in desk.export("scores") if row["current"]} == {"broad"}


def test_only_what_stands_in_that_lexicon_is_corrected(desk: Desk) -> None:
    other = lexicon("moods", phrases=[LIKELY])
    desk.register(
        document(
            lexicons=[lexicon(), other],
            statements=[statement(), statement("s-2", start=60, end=80), statement("s-3", start=90, end=120)],
            questions=[question(), question("q-2", cluster="two"), question("q-3", cluster="three")],
            forecasts=[worded(), worded("s-2", "q-2", lexicon="moods"), forecast("s-3", "q-3")],
        )
    )
    mine = next(row["forecast"] for row in desk.export("forecasts") if row["lexicon"] == "capphrase")
    newer = registry.correct(
        desk.store, mine, NewNumber(phrase="will happen"), reason="Misread.", actor="Cora Corrector"
    )
    desk.register({"schema": 1, "lexicons": [NEWER, lexicon("moods", version="2", phrases=[LIKELY])]})
    (changed,) = adopt(desk).corrected
    assert (changed[1].public_id, changed[0].phrase) == (newer, "will happen")


def test_what_was_said_first_and_what_was_said_later_are_both_corrected(desk: Desk) -> None:
    desk.register(document(forecasts=[worded()]))
    first = desk.export("forecasts")[0]["forecast"]
    desk.clock.instant = at("2020-04-01T00:00:00Z")
    later = registry.revise(
        desk.store, first, NewNumber(phrase="may"), stated_at=at("2020-03-01T00:00:00Z"), actor="Rita"
    )
    registry.withdraw(
        desk.store, later, stated_at=at("2020-03-15T00:00:00Z"), reason="Took it back.", actor="Rita"
    )
    desk.register({"schema": 1, "lexicons": [lexicon(version="2", phrases=[LIKELY | {"low": 0.5}, MAY])]})
    assert [old.public_id for _, old in adopt(desk).corrected] == [first, later]


def test_registering_the_same_file_again_still_changes_nothing(desk: Desk) -> None:
    desk.register(two_phrases())
    desk.register({"schema": 1, "lexicons": [NEWER]})
    adopt(desk)
    rev = desk.rev()
    assert not desk.register(two_phrases()).added
    assert desk.rev() == rev


def test_an_unknown_lexicon_or_an_empty_reason_changes_nothing(desk: Desk) -> None:
    desk.register(two_phrases())
    desk.register({"schema": 1, "lexicons": [NEWER]})
    rev = desk.rev()
    with pytest.raises(InvalidInputError, match="there is no lexicon 'moods'"):
        adopt(desk, "moods")
    with pytest.raises(InvalidInputError, match="The reason is not usable"):
        adopting.adopt(desk.store, "capphrase", reason=" ", actor="Cora Corrector")
    assert desk.rev() == rev
