"""Corrected statements: the old reading stays, its forecasts move, and both speakers are scored again."""

from typing import Any

import pytest

from forecasts import publishing, redacting, registry
from forecasts.correcting import NewReading, correct_statement
from forecasts.corrections import correction_log, told_in_words
from forecasts.errors import ConflictError, InvalidInputError, NotFoundError
from forecasts.exchange.export import KINDS, records
from forecasts.exchange.trace import trace
from forecasts.registry import NewNumber
from forecasts.reports import author_report
from forecasts.web.lists import authors_view
from forecasts.web.pages import statement_page
from forecasts.web.views import statement_view
from tests.support.clocks import at
from tests.support.desk import Desk
from tests.support.documents import (
    Item,
    author,
    coded,
    document,
    forecast,
    lexicon,
    question,
    statement,
    worded,
)

COLE = {"stated_by": "ben-cole"}


def correct(desk: Desk, statement_id: str | None = None, actor: str = "Cora", **fields: Any) -> str:
    chosen = statement_id or desk.export("statements")[0]["statement"]
    return correct_statement(
        desk.store, chosen, NewReading(**fields), reason="The text names another.", actor=actor
    )


def forecasts(desk: Desk) -> dict[str, dict[str, Any]]:
    return {row["forecast"]: row for row in desk.export("forecasts")}


def briers(desk: Desk, policy: str = "broad") -> dict[str, float]:
    """Return the score each author has now."""
    rows = desk.export("scores")
    return {row["author"]: row["brier"] for row in rows if row["current"] and row["policy"] == policy}


def test_a_corrected_speaker_is_charged_with_forecast_and_score(desk: Desk) -> None:
    (asked,) = desk.ids(document()).values()
    desk.resolve(asked)
    old = desk.export("statements")[0]["statement"]
    before = desk.rev()
    assert briers(desk) == {"ada-bell": pytest.approx(0.09)}
    new = correct(desk, **COLE)
    (row,) = desk.export("statements")
    assert (row["statement"], row["stated_by"], row["supersedes"]) == (new, "Ben Cole", old)
    assert (row["version"], row["correction_reason"], row["actor"]) == (2, "The text names another.", "Cora")
    assert briers(desk) == {"ben-cole": pytest.approx(0.09)} == briers(desk, "strict")
    assert desk.rev() == before + 1
    assert desk.report("ada-bell")["funnel"]["statements"] == 0
    assert desk.report("ben-cole")["policies"]["strict"]["scored"] == 1
    (kept,) = [found for found in forecasts(desk).values() if found["author"] == "ada-bell"]
    (moved,) = [found for found in forecasts(desk).values() if found["author"] == "ben-cole"]
    assert (moved["change"], moved["supersedes"], moved["statement"]) == ("correction", kept["forecast"], new)


def test_the_old_reading_stays_and_says_what_replaced_it(desk: Desk) -> None:
    desk.register(document())
    old = desk.export("statements")[0]["statement"]
    new = correct(desk, claim="It is open by July.")
    told = trace(desk.ledger(), old)["statement"]
    assert (told["claim"], told["superseded_by"]) == ("The crossing is in use by mid-year.", new)
    assert trace(desk.ledger(), new)["statement"]["supersedes"] == old
    with pytest.raises(ConflictError, match=f"was corrected already; correct {new} instead"):
        correct(desk, old, claim="Again.")
    assert correct(desk, new, claim="It is open by the first of July.") not in (old, new)


def test_an_earlier_instant_has_the_earlier_reading(desk: Desk) -> None:
    desk.register(document())
    then = desk.ledger().revisions[desk.rev()].recorded_at
    before = desk.export("statements")
    correct(desk, **COLE)
    assert desk.export("statements", as_of=then) == before
    assert desk.export("forecasts", as_of=then)[0]["author"] == "ada-bell"


def both_said_it(desk: Desk) -> str:
    """Let Ada say it on 1 January with 0.7 and Ben on 1 February with 0.2, and let it come true."""
    desk.clock.set("2020-03-01")
    (asked,) = desk.ids(
        document(
            statements=[
                statement(),
                statement(
                    "s-ben",
                    start=60,
                    end=80,
                    stated_by="ben-cole",
                    stated_earliest="2020-02-01T00:00:00Z",
                    stated_basis="B",
                ),
            ],
            forecasts=[forecast(), forecast("s-ben", probability=0.2)],
        )
    ).values()
    desk.resolve(asked, occurred="2020-06-01")
    return str(asked)


def test_the_first_forecast_of_each_author_counts_after_it_as_before(desk: Desk) -> None:
    """Ada's earlier forecast turns out to be Ben's: it takes the place of his own, and gives it back again."""
    both_said_it(desk)
    assert briers(desk) == {"ada-bell": pytest.approx(0.09), "ben-cole": pytest.approx(0.64)}
    new = correct(desk, **COLE)
    assert briers(desk) == {"ben-cole": pytest.approx(0.09)}
    assert desk.report("ben-cole")["policies"]["broad"]["scored"] == 1
    reasons = {row["probability"]: row["excluded_because"] for row in desk.export("statements")}
    assert reasons == {0.7: None, 0.2: "later-forecast"}
    correct(desk, new, stated_by="ada-bell")
    assert briers(desk) == {"ada-bell": pytest.approx(0.09), "ben-cole": pytest.approx(0.64)}


def test_what_was_a_later_forecast_counts_when_the_first_is_taken_away(desk: Desk) -> None:
    desk.clock.set("2020-03-01")
    value = document(
        authors=[author(), author("ben-cole", "Ben Cole")],
        statements=[
            statement(),
            statement("s-2", start=60, end=80, stated_earliest="2020-02-01T00:00:00Z", stated_basis="B"),
        ],
        forecasts=[forecast(), forecast("s-2", probability=0.4)],
    )
    (asked,) = desk.ids(value).values()
    desk.resolve(asked, occurred="2020-06-01")
    assert briers(desk) == {"ada-bell": pytest.approx(0.09)}
    correct(desk, **COLE)
    assert briers(desk) == {"ada-bell": pytest.approx(0.36), "ben-cole": pytest.approx(0.09)}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "not-a-forecast"}, "not-a-forecast"),
        ({"checkability": "no", "checkability_reason": "Nobody counts."}, "not-checkable"),
        ({"kind": "restatement"}, "restatement"),
    ],
)
def test_what_is_no_forecast_after_all_no_longer_counts(desk: Desk, fields: Item, reason: str) -> None:
    (asked,) = desk.ids(document()).values()
    desk.resolve(asked)
    new = correct(desk, **fields)
    assert briers(desk) == {}
    assert desk.export("statements")[0]["excluded_because"] == reason
    (entry,) = desk.report()["statements"][0]["forecasts"]
    assert (entry["scores"]["broad"]["counts"], entry["scores"]["broad"]["brier"]) == (False, None)
    desk.reopen(asked)
    desk.resolve(asked)
    assert briers(desk) == {}
    correct(desk, new, kind="unconditional", checkability="yes", checkability_reason="It is public.")
    assert briers(desk) == {"ada-bell": pytest.approx(0.09)}


def test_another_date_dates_the_forecast_and_what_came_before_it_confirms_nothing(desk: Desk) -> None:
    desk.clock.set("2020-05-01")
    (asked,) = desk.ids(document()).values()
    desk.resolve(asked, occurred="2020-05-02")
    assert briers(desk)
    correct(desk, stated_earliest=at("2020-05-03"), stated_basis="The date of the interview.")
    (row,) = [found for found in forecasts(desk).values() if found["change"] == "correction"]
    assert (row["stated_earliest"], row["stated_at"]) == ("2020-05-03T00:00:00Z", "2020-05-03T00:00:00Z")
    assert briers(desk) == {}
    with pytest.raises(InvalidInputError, match=r"not before the deadline of q-\w+"):
        correct(desk, stated_earliest=at("2020-07-01"), stated_basis="Later.")


def test_revisions_corrections_and_withdrawals_move_along(desk: Desk) -> None:
    desk.register(document())
    first = next(iter(forecasts(desk)))
    mended = registry.correct(desk.store, first, NewNumber(probability=0.6), reason="Misread.", actor="Cora")
    desk.clock.set("2020-04-01")
    second = registry.revise(
        desk.store, mended, NewNumber(probability=0.3), stated_at=at("2020-02-01"), actor="Cora"
    )
    gone = registry.withdraw(desk.store, second, stated_at=at("2020-03-01"), reason="Regret.", actor="Cora")
    registry.correct(desk.store, second, NewNumber(probability=0.35), reason="Misread.", actor="Cora")
    new = correct(desk, **COLE)
    moved = {row["stated_at"][:10]: row for row in forecasts(desk).values() if row["statement"] == new}
    assert {day: (row["author"], row["change"], row["probability"]) for day, row in moved.items()} == {
        "2020-01-01": ("ben-cole", "correction", 0.6),
        "2020-02-01": ("ben-cole", "correction", 0.35),
        "2020-03-01": ("ben-cole", "withdrawal", None),
    }
    assert moved["2020-03-01"]["supersedes"] == moved["2020-02-01"]["forecast"]
    assert forecasts(desk)[gone]["author"] == "ada-bell"
    (shown,) = desk.report("ben-cole")["statements"]
    assert [entry["probability"] for entry in shown["forecasts"]] == [0.6, 0.35]


# -- registered again ----------------------------------------------------------------------------------------


def speaker(value: Item, slug: str) -> Item:
    return value | {"statements": [value["statements"][0] | {"stated_by": slug}]}


@pytest.mark.parametrize(
    "value",
    [
        document(),
        document(forecasts=[worded()]),
        document(forecasts=[coded()]),
        document(forecasts=[forecast(stated_at="2020-01-01T06:00:00Z")]),
    ],
)
def test_a_file_with_the_original_or_the_corrected_speaker_changes_nothing(desk: Desk, value: Item) -> None:
    desk.register(value)
    correct(desk, **COLE)
    desk.register({"schema": 1, "lexicons": [lexicon(version="2", title="Read anew")]})
    rev = desk.rev()
    for slug in ("ada-bell", "ben-cole"):
        again = desk.register(speaker(value, slug) | {"lexicons": []})
        assert (dict(again.added), again.unchanged["forecasts"]) == ({}, 1)
    assert desk.rev() == rev
    assert len(desk.export("statements")) == 1


def test_a_file_with_the_original_or_the_corrected_claim_changes_nothing(desk: Desk) -> None:
    value = document()
    desk.register(value)
    correct(desk, claim="It is open by July.")
    mended = value | {"statements": [value["statements"][0] | {"claim": "It is open by July."}]}
    assert not desk.register(value).added
    assert not desk.register(mended).added
    other = value | {"statements": [value["statements"][0] | {"claim": "It is open."}]}
    with pytest.raises(ConflictError, match="registered already with another claim"):
        desk.register(other)


def test_a_file_with_the_corrected_speaker_and_the_number_as_first_read_changes_nothing(desk: Desk) -> None:
    desk.register(document())
    registry.correct(
        desk.store, next(iter(forecasts(desk))), NewNumber(probability=0.6), reason="Misread.", actor="Cora"
    )
    correct(desk, **COLE)
    for probability in (0.7, 0.6):
        value = speaker(document(forecasts=[forecast(probability=probability)]), "ben-cole")
        assert not desk.register(value).added
    with pytest.raises(ConflictError, match="registered already, as f-"):
        desk.register(speaker(document(forecasts=[forecast(probability=0.9)]), "ben-cole"))


def test_a_file_registered_again_after_a_number_was_corrected_changes_nothing(desk: Desk) -> None:
    desk.register(document())
    number = NewNumber(probability=0.6)
    registry.correct(desk.store, next(iter(forecasts(desk))), number, reason="Misread.", actor="Cora")
    assert not desk.register(document()).added


def test_a_new_forecast_goes_to_the_reading_that_stands(desk: Desk) -> None:
    desk.register(document())
    old = desk.export("statements")[0]["statement"]
    new = correct(desk, **COLE)
    more = {"questions": [question("q-2", title="Other?")], "forecasts": [forecast(old, "q-2")]}
    with pytest.raises(ConflictError, match=f"the statement was corrected; give the forecast to {new}"):
        desk.register(more)
    with pytest.raises(ConflictError, match="has a primary forecast already"):
        desk.register(more | {"forecasts": [forecast(new, "q-2")]})
    told = forecast(new, "q-2", excluded_because="rival-reading")
    assert desk.register(more | {"forecasts": [told]}).added["forecasts"] == 1
    with pytest.raises(ConflictError, match=f"Statement {old} was corrected; name {new} instead"):
        registry.revise(
            desk.store,
            next(row["forecast"] for row in forecasts(desk).values() if row["statement"] == new),
            NewNumber(probability=0.1),
            stated_at=at("2020-01-01T13:00:00Z"),
            statement_id=old,
            actor="Cora",
        )


# -- what cannot be ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "says that already; nothing would change"),
        ({"stated_by": "ada-bell"}, "nothing would change"),
        ({"stated_by": "eve"}, "There is no author 'eve'"),
        ({"reported_via": "ada-bell"}, "Nobody passes on their own words"),
        ({"checkability": "no"}, "Another checkability needs its reason"),
        ({"stated_earliest": at("2020-01-01")}, "needs stated_earliest and stated_basis"),
        ({"stated_latest": at("2020-01-03"), "stated_basis": "B"}, "needs stated_earliest and stated_basis"),
        (
            {"stated_earliest": at("2020-01-03"), "stated_latest": at("2020-01-02"), "stated_basis": "B"},
            "stated_earliest lies after stated_latest",
        ),
        ({"hedge_phrase": "maybe", "clear": ["hedge_phrase"]}, "hedge_phrase is both given and cleared"),
        ({"actor": "Ben Cole", **COLE}, "is the author and cannot correct their own record"),
        ({"actor": "Ada Bell", **COLE}, "is the author and cannot correct their own record"),
    ],
)
def test_a_correction_that_cannot_be_changes_nothing(desk: Desk, fields: Item, says: str) -> None:
    desk.register(document())
    with pytest.raises((ConflictError, InvalidInputError, NotFoundError), match=says):
        correct(desk, **fields)
    assert desk.rev() == 1


def test_nobody_is_charged_with_one_span_twice(desk: Desk) -> None:
    desk.register(document(statements=[statement(), statement("s-ben", stated_by="ben-cole")]))
    mine = next(row["statement"] for row in desk.export("statements") if row["stated_by"] == "Ada Bell")
    with pytest.raises(ConflictError, match="That span is charged to the same speaker already, as s-"):
        correct(desk, mine, **COLE)


def test_whoever_is_charged_no_longer_may_rule_again(desk: Desk) -> None:
    (asked,) = desk.ids(document()).values()
    with pytest.raises(ConflictError, match="is scored by this question"):
        desk.propose(asked, actor="Ada Bell")
    correct(desk, **COLE)
    with pytest.raises(ConflictError, match="is scored by this question"):
        desk.propose(asked, actor="Ben Cole")
    desk.propose(asked, actor="Ada Bell")


# -- the log -------------------------------------------------------------------------------------------------


def test_the_log_says_who_changed_what_from_what_to_what_and_why(desk: Desk) -> None:
    (asked,) = desk.ids(document()).values()
    first = next(iter(forecasts(desk)))
    registry.correct(desk.store, first, NewNumber(probability=0.6), reason="Misread.", actor="Cora")
    step = desk.resolve(asked)
    desk.reopen(asked)
    registry.annul(desk.store, asked, reason="Broken.", actor="Olga Opener")
    new = correct(desk, **COLE)
    desk.register({"schema": 1, "lexicons": [lexicon(version="2")]})
    redacting.redact(desk.store, "evidence", str(step.evidence_sha256), reason="A leak.", actor="Lex")
    publishing.publish(desk.store, "ben-cole", no_notice="Nobody to ask.", actor="Edith")
    publishing.unpublish(desk.store, "ben-cole", reason="A doubt.", actor="Edith")
    log = correction_log(desk.ledger())
    told = [(entry["kind"], entry["actor"], entry["reason"]) for entry in log if entry["rev"] > 1]
    assert told == [
        ("forecast", "Cora", "Misread."),
        ("resolution", "Olga Opener", "A mistake."),
        ("resolution", "Olga Opener", "Broken."),
        ("statement", "Cora", "The text names another."),
        ("lexicon", "Rita Registrar", None),
        ("redaction", "Lex", "A leak."),
        ("publication", "Edith", "no notice sent: Nobody to ask."),
        ("publication", "Edith", "A doubt."),
    ]
    by_kind = {entry["kind"]: entry for entry in log}
    assert (by_kind["forecast"]["before"]["probability"], by_kind["forecast"]["after"]["probability"]) == (
        0.7,
        0.6,
    )
    assert by_kind["statement"]["before"] == {"stated_by": "Ada Bell"}
    assert by_kind["statement"]["after"] == {"stated_by": "Ben Cole"}
    assert by_kind["resolution"]["after"] == {"state": "confirmed", "outcome": "annulled"}
    assert by_kind["lexicon"]["before"] == {"version": "1"}
    line = told_in_words(by_kind["statement"])
    assert f"is {new} now (stated by: Ada Bell -> Ben Cole). Why: The text names another." in line
    assert line.endswith("[draft: not public]")
    published = next(entry for entry in log if entry["after"].get("state") == "published")
    assert "(state: draft -> published)" in told_in_words(published)
    assert [entry["rev"] for entry in log] == sorted(entry["rev"] for entry in log)
    assert {entry["kind"] for entry in correction_log(desk.ledger(as_of=at("2000-01-01")))} == set()


def test_an_authors_report_has_what_concerns_them(desk: Desk) -> None:
    desk.register(document(forecasts=[worded()]))
    correct(desk, claim="It is open by July.")
    desk.register({"schema": 1, "lexicons": [lexicon(version="2")]})
    assert [entry["kind"] for entry in desk.report()["corrections"]] == ["statement", "lexicon"]
    assert desk.report("ben-cole")["corrections"] == []
    publishing.publish(desk.store, "ada-bell", no_notice="Nobody to ask.", actor="Edith")
    assert [entry["kind"] for entry in desk.report()["corrections"]] == ["statement", "lexicon"]
    publishing.unpublish(desk.store, "ada-bell", reason="A doubt.", actor="Edith")
    assert [entry["kind"] for entry in desk.report()["corrections"]][2:] == ["publication"]


def test_a_correction_does_not_name_whose_record_is_not_public(desk: Desk) -> None:
    desk.register(document())
    old = desk.export("statements")[0]["statement"]
    publishing.publish(desk.store, "ada-bell", no_notice="Nobody to ask.", actor="Edith")
    correct(desk, **COLE)
    ledger = desk.ledger(public=True)
    (entry,) = [entry for entry in correction_log(ledger) if entry["kind"] == "statement"]
    assert (entry["after"], entry["authors"]) == ({"stated_by": "(not public)"}, ["ada-bell"])
    assert entry["reason"] == "(not public)"
    assert ledger.statements == {}
    assert trace(ledger, old)["statement"]["superseded_by"] is None


@pytest.mark.parametrize(("public", "hidden"), [("ada-bell", "Ben"), ("ben-cole", "Ada")])
def test_no_reason_names_whose_record_is_not_public(desk: Desk, public: str, hidden: str) -> None:
    desk.register(document())
    old = desk.export("statements")[0]["statement"]
    reading = NewReading(stated_by="ben-cole", claim="Ben's.")
    new = correct_statement(desk.store, old, reading, reason="Ben said it, Ada did not.", actor="Cora")
    publishing.publish(desk.store, public, no_notice="Nobody to ask.", actor="Edith")
    ledger = desk.ledger(public=True)
    mine = old if public == "ada-bell" else new
    seen = [
        author_report(ledger, public, desk.clock.now()),
        statement_view(ledger, mine),
        trace(ledger, mine),
        *(records(ledger, kind) for kind in KINDS),
        correction_log(ledger),
    ]
    assert hidden not in str(seen)
    assert "(not public)" in str(statement_view(ledger, mine))
    publishing.publish(desk.store, "ada-bell" if hidden == "Ada" else "ben-cole", no_notice="N.", actor="Edith")
    assert "Ben said it, Ada did not." in str(statement_view(desk.ledger(public=True), mine))


def test_the_log_tells_what_only_came_to_be(desk: Desk) -> None:
    desk.register(document())
    publishing.notify(desk.store, "ada-bell", how="A letter.", public_from=at("2020-02-01"), actor="Edith")
    (entry,) = correction_log(desk.ledger())
    assert "(state: draft -> notified; public from: none -> 2020-02-01T00:00:00Z; notice: none -> A letter.)" in (
        told_in_words(entry)
    )


def test_a_newer_version_of_a_lexicon_is_a_correction_and_the_first_is_none(desk: Desk) -> None:
    desk.register(document(forecasts=[worded()]))
    assert correction_log(desk.ledger()) == []
    desk.register({"schema": 1, "lexicons": [lexicon(version="2")]})
    (entry,) = correction_log(desk.ledger())
    assert (entry["kind"], entry["before"], entry["authors"]) == ("lexicon", {"version": "1"}, ["ada-bell"])
    assert "Why" not in told_in_words(entry)


def test_whoever_has_nothing_charged_to_them_any_more(desk: Desk) -> None:
    desk.register(document())
    old = desk.export("statements")[0]["statement"]
    assert [row["slug"] for row in authors_view(desk.ledger(), desk.clock.now())["authors"]["rows"]] == [
        "ada-bell"
    ]
    assert not statement_view(desk.ledger(), old)["said_by_another"]
    correct(desk, **COLE)
    ledger = desk.ledger()
    assert [row["slug"] for row in authors_view(ledger, desk.clock.now())["authors"]["rows"]] == ["ben-cole"]
    assert "What was charged to Ada Bell here has been corrected" in desk.report()["verdict"]
    assert "has been scored yet" in desk.report("ben-cole")["verdict"]
    assert "Withdrawn reading: not said by" in statement_page(statement_view(ledger, old))
    assert "Withdrawn" not in statement_page(statement_view(ledger, desk.export("statements")[0]["statement"]))
