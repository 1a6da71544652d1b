"""What a report says: the numbers by hand, the funnel, and what too few claims cannot carry."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from forecasts.errors import NotFoundError
from forecasts.model import Interval
from forecasts.reports import Report
from forecasts.tables import ReplayRun
from tests.support.clocks import at
from tests.support.desk import Desk
from tests.support.documents import (
    Item,
    coded,
    collection,
    document,
    forecast,
    lexicon,
    manual,
    question,
    statement,
    worded,
)

STANDARD = lexicon(
    "icd203", version="2015", phrases=[{"phrase": "likely", "low": 0.55, "median": 0.675, "high": 0.8}]
)
EXACT = 1e-12


def many(*forecasts: Item, clusters: list[str] | None = None, **changes: Any) -> Item:
    """Return a document with a statement and a question of its own for each forecast."""
    numbered = list(enumerate(forecasts))
    return document(
        statements=[statement(f"s-{n}", start=n, end=n + 20, claim=f"Claim {n}.") for n, _ in numbered],
        questions=[
            question(
                f"q-{n}",
                title=f"Question {n}?",
                criterion=manual(f"{n}"),
                cluster=clusters[n] if clusters else f"c-{n}",
            )
            for n, _ in numbered
        ],
        forecasts=[item | {"statement": f"s-{n}", "question": f"q-{n}"} for n, item in numbered],
        **changes,
    )


def resolved(desk: Desk, value: Item, *outcomes: Any) -> dict[str, Any]:
    """Register, resolve the questions in order (None leaves one open), and return the report."""
    ids = desk.ids(value)
    for number, outcome in enumerate(outcomes):
        if outcome is not None:
            desk.propose(ids[f"q-{number}"], outcome)
    desk.clock.forward(timedelta(days=7))
    for number, outcome in enumerate(outcomes):
        if outcome is not None:
            desk.confirm(ids[f"q-{number}"])
    return desk.report()


def mean(*values: Fraction) -> float:
    return float(sum(values, Fraction(0)) / len(values))


# -- the numbers ---------------------------------------------------------------------------------------------


def test_the_numbers_of_both_policies_by_hand(desk: Desk) -> None:
    value = many(
        forecast(probability=0.9, low=0.8, high=0.95),
        worded(phrase="likely"),
        worded(phrase="may", asserts="no"),
        coded(probability=0.8, low=0.6, high=0.95),
        forecast(probability=0.5),
        clusters=["a", "a", "b", "b", "c"],
        lexicons=[lexicon(), STANDARD],
    )
    report = resolved(desk, value, "yes", "no", "yes", "no", None)
    broad, strict = report["policies"]["broad"], report["policies"]["strict"]

    scores = [
        Fraction(1, 100),
        Fraction(49, 100),
        Fraction(16, 100),
        Fraction(64, 100),
    ]  # (0.9-1)^2, 0.7^2, (0.6-1)^2, 0.8^2
    assert (broad["scored"], broad["clusters"]) == (4, 2)
    assert broad["brier"] == pytest.approx(mean(*scores), abs=EXACT)
    assert broad["brier_best"] == pytest.approx(
        mean(Fraction(5, 100) ** 2, Fraction(55, 100) ** 2, Fraction(2, 10) ** 2, Fraction(6, 10) ** 2), abs=EXACT
    )
    assert broad["brier_worst"] == pytest.approx(
        mean(Fraction(2, 10) ** 2, Fraction(9, 10) ** 2, Fraction(6, 10) ** 2, Fraction(95, 100) ** 2), abs=EXACT
    )
    assert broad["brier_over_clusters"] == pytest.approx(mean(mean_of(scores[:2]), mean_of(scores[2:])), abs=EXACT)
    assert broad["by_basis"] == {"stated": 1, "lexicon": 2, "coder": 1}
    assert broad["base_rate"] == 0.5
    reference = broad["reference"]
    assert reference["brier"] == 0.25
    assert reference["difference"] == pytest.approx(mean(*scores) - 0.25, abs=EXACT)
    assert (reference["registered"], reference["uninformed"], reference["interval"]) == (0, 4, None)
    assert reference["basis"] == "4 uninformed (always 50 %)"
    assert "always 50 %, which knows nothing, for 4 claims" in reference["sentence"]
    assert "chance alone may have made it" in reference["sentence"]

    # Words under every lexicon: capphrase reads "likely" and "may", the standard only "likely".
    assert [(row["lexicon"], row["forecasts"], row["worded"]) for row in broad["lexicons"]] == [
        ("capphrase", 2, 2),
        ("icd203", 1, 2),
    ]
    assert broad["lexicons"][1]["brier"] == pytest.approx(0.675**2, abs=EXACT)
    assert broad["lexicons"][1]["brier_as_registered"] == pytest.approx(0.49, abs=EXACT)
    assert [(row["phrase"], row["n"], row["happened"]) for row in broad["phrases"]] == [
        ("likely", 1, 0),
        ("may", 1, 0),  # said of "no", and it was yes
    ]
    assert (broad["phrases"][1]["low"], broad["phrases"][1]["high"]) == (0.2, 0.6)
    assert broad["wording"]["at_median"] == pytest.approx(mean(scores[1], scores[2]), abs=EXACT)
    assert broad["wording"]["best"] < broad["wording"]["lower"] < broad["wording"]["upper"]
    assert "not what the author had in mind" in broad["wording"]["sentence"]
    assert [row["phrase"] for row in strict["phrases"]] == ["likely"]

    assert (strict["scored"], strict["clusters"]) == (2, 1)
    assert strict["brier"] == pytest.approx(mean(*scores[:2]), abs=EXACT)
    assert strict["by_basis"] == {"stated": 1, "lexicon": 1, "coder": 0}
    reasons = [
        entry["scores"]["strict"]["reason"] for found in report["statements"] for entry in found["forecasts"]
    ]
    assert [reason is None for reason in reasons] == [True, True, False, False, False]
    assert "bare modal" in reasons[2]
    assert "our reading" in reasons[3]
    assert reasons[4] == "the question is still open"


def mean_of(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def test_a_registered_reference_takes_the_place_of_one_half(desk: Desk) -> None:
    value = many(forecast(probability=0.9), forecast(probability=0.9))
    value["questions"][0]["reference"] = {"probability": 0.8, "basis": "the market that day"}
    reference = resolved(desk, value, "yes", "yes")["policies"]["broad"]["reference"]
    assert reference["brier"] == pytest.approx(mean(Fraction(4, 100), Fraction(25, 100)), abs=EXACT)
    assert reference["basis"] == "1 registered, 1 uninformed (always 50 %)"
    assert "registered for 1 claim and always 50 %" in reference["sentence"]


def test_retrospective_criteria_are_counted_beside_every_number(desk: Desk) -> None:
    value = many(forecast(), forecast())
    value["questions"][1]["retrospective"] = True
    assert resolved(desk, value, "yes", "yes")["policies"]["broad"]["retrospective"] == 1


def test_nothing_scored_means_no_number(desk: Desk) -> None:
    report = resolved(desk, many(forecast()), None)
    numbers = report["policies"]["broad"]
    assert report["verdict"] == "Nothing Ada Bell said here has been scored yet."
    assert [numbers[name] for name in ("brier", "brier_best", "brier_worst", "interval", "base_rate")] == [
        None
    ] * 5
    assert numbers["by_basis"] == {"stated": 0, "lexicon": 0, "coder": 0}


def test_below_ten_clusters_there_is_no_interval(desk: Desk) -> None:
    report = resolved(desk, many(*[forecast()] * 10, clusters=["same", *"abcdefgh", "same"]), *["yes"] * 10)
    assert (report["policies"]["broad"]["scored"], report["policies"]["broad"]["clusters"]) == (10, 9)
    assert report["policies"]["broad"]["interval"] is None
    assert report["verdict"].startswith("Too few to judge: 10 scored claims in 9 independent groups.")
    assert "not of Ada Bell" in report["verdict"]
    assert "our reading" not in report["verdict"]  # every number is the author's own


def test_a_verdict_on_our_readings_says_that_they_are_ours(desk: Desk) -> None:
    report = resolved(desk, many(coded(), coded()), "yes", "no")
    assert report["verdict"].startswith(
        "Too few to judge: 2 scored claims in 2 independent groups. "
        "All 2 probabilities are our reading, not Ada Bell's. The mean below"
    )


def test_from_ten_clusters_on_an_interval_lies_around_the_mean(desk: Desk) -> None:
    report = resolved(desk, many(*[forecast()] * 9, coded()), *["yes", "no"] * 5)
    numbers = report["policies"]["broad"]
    low, high = numbers["interval"]
    assert 0 <= low < numbers["brier_over_clusters"] < high <= 1
    assert report["policies"]["strict"]["interval"] is None
    assert report["verdict"].startswith("10 scored claims in 10 independent groups: these claims do not tell")
    assert "1 of the 10 probabilities is our reading, not Ada Bell's. The articles" in report["verdict"]
    assert "picked by hand: every number is of these claims, not of Ada Bell" in report["verdict"]
    assert numbers["reference"]["interval"][0] < numbers["reference"]["over_clusters"]


# -- the funnel and the list -----------------------------------------------------------------------------------


def test_the_funnel_adds_up(desk: Desk) -> None:
    kinds = [forecast() for _ in range(5)] + [coded(excluded_because="rival-reading")]
    value = many(*kinds)
    value["questions"][4]["deadline"] = "2020-01-08T00:00:00Z"
    value["statements"] += [
        statement("s-vague", start=60, end=80, checkability="no"),
        statement("s-idle", start=81, end=99),
    ]
    funnel = resolved(desk, value, "yes", "no", "ambiguous", "annulled")["funnel"]
    assert funnel == {
        "statements": 8,
        "uncheckable": 1,
        "checkable": 7,
        "with_forecast": 6,
        "not_counted": 1,
        "counted": 5,
        "conditional": 0,
        "condition_met": 0,
        "condition_open": 0,
        "matured": 5,
        "overdue": 1,
        "open": 1,
        "annulled": 1,
        "ambiguous": 1,
        "scored": 2,
    }
    assert funnel["with_forecast"] == funnel["counted"] + funnel["not_counted"]
    assert funnel["counted"] == funnel["open"] + funnel["annulled"] + funnel["ambiguous"] + funnel["scored"]


def test_every_statement_is_listed_with_its_facts(desk: Desk) -> None:
    value = many(worded(), lexicons=[lexicon(), STANDARD])
    value["statements"][0] |= {"reported_via": "ben-cole"}
    (found,) = resolved(desk, value, "yes")["statements"]
    (entry,) = found["forecasts"]
    assert (found["stated_by"], found["reported_via"], found["claim"]) == ("Ada Bell", "Ben Cole", "Claim 0.")
    assert (entry["lexicon"], entry["basis_words"]) == ("capphrase 1", "words, as readers take them")
    assert entry["readings"] == [{"lexicon": "icd203 2015", "low": 0.55, "probability": 0.675, "high": 0.8}]
    assert (entry["state"], entry["outcome"], entry["how"]) == ("confirmed", "yes", "by a named person")
    assert entry["evidence_sha256"] is not None
    assert entry["scores"]["broad"] == {"counts": True, "brier": pytest.approx(0.09, abs=EXACT), "reason": None}
    assert entry["condition"] is None


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("ambiguous", "the outcome is ambiguous"), ("annulled", "the question was annulled"), (None, "still open")],
)
def test_what_has_no_score_says_why(desk: Desk, outcome: Any, reason: str) -> None:
    (found,) = resolved(desk, many(forecast()), outcome)["statements"]
    score = found["forecasts"][0]["scores"]["broad"]
    assert score["brier"] is None
    assert reason in score["reason"]


def test_a_founding_ruling_is_shown_as_one(desk: Desk) -> None:
    ids = desk.ids(many(forecast(), forecast()))
    from forecasts import registry

    registry.propose(
        desk.store,
        ids["q-0"],
        "yes",
        actor="founders",
        kind="seed",
        citation="Tarn Gazette",
        reason="It says so.",
        window=timedelta(0),
        occurred=Interval(desk.clock.now(), desk.clock.now()),
    )
    desk.confirm(ids["q-0"])
    first, second = (found["forecasts"][0] for found in desk.report()["statements"])
    assert (first["founding_ruling"], first["how"]) == (True, "founding ruling, not independently reviewed")
    assert (second["founding_ruling"], second["how"]) == (False, "no sound check has decided it yet")


def test_a_condition_is_shown_with_how_it_came_out(desk: Desk) -> None:
    value = many(forecast(), forecast(), clusters=["a", "a"])
    value["questions"][1]["condition"] = {"question": "q-0", "outcome": "no"}
    report = resolved(desk, value, "yes")
    condition = report["statements"][1]["forecasts"][0]["condition"]
    assert (condition["title"], condition["needs"], condition["outcome"]) == ("Question 0?", "no", "yes")
    assert report["statements"][1]["forecasts"][0]["how"] == "by its condition"


def test_the_collection_says_how_the_articles_were_chosen(desk: Desk) -> None:
    value = many(forecast(), collections=[collection(method="random", chosen=3, of=40)])
    (found,) = resolved(desk, value, "yes")["collections"]
    assert (found["method"], found["chosen"], found["of"]) == ("random", 3, 40)
    assert [article["key"] for article in found["articles"]] == ["tarn-2020"]


def test_conditions_are_counted_met_open_and_failed(desk: Desk) -> None:
    value = many(*[forecast()] * 6, clusters=["a"] * 6)
    for child, parent in ((3, 0), (4, 1), (5, 2)):
        value["questions"][child]["condition"] = {"question": f"q-{parent}", "outcome": "yes"}
    funnel = resolved(desk, value, "yes", "annulled", None)["funnel"]
    assert (funnel["conditional"], funnel["condition_met"], funnel["condition_open"]) == (3, 1, 1)


def test_what_is_open_may_still_move_the_mean(desk: Desk) -> None:
    report = resolved(desk, many(forecast(probability=0.9), forecast(probability=0.8)), "yes", None)
    ends = report["maturity"]["broad"]
    assert (ends["counted"], ends["scored"], ends["open"], ends["overdue"], ends["early"]) == (2, 1, 1, 0, 1)
    assert ends["best"] == pytest.approx(mean(Fraction(1, 100), Fraction(4, 100)), abs=EXACT)
    assert ends["worst"] == pytest.approx(mean(Fraction(1, 100), Fraction(64, 100)), abs=EXACT)
    assert ends["matured"] is None
    assert "1 claim of 2 that count still open" in ends["sentence"]
    assert "settled sooner" in ends["sentence"]
    desk.clock.set("2020-08-01T00:00:00Z")
    later = desk.report()["maturity"]["broad"]
    assert (later["overdue"], later["early"], later["past"]) == (1, 0, 1)
    assert later["matured"] == pytest.approx(0.01, abs=EXACT)


def test_a_deadline_that_has_passed_is_the_only_thing_the_clock_changes(desk: Desk) -> None:
    resolved(desk, many(forecast(), forecast()), "yes", None)
    before = desk.report()
    desk.clock.set("2020-07-01T00:00:00Z")
    after = desk.report()
    assert after["funnel"]["overdue"] == before["funnel"]["overdue"] + 1 == 1
    assert _timeless(after) == _timeless(before)


# -- the ledger ------------------------------------------------------------------------------------------------


def _timeless(report: Report) -> Report:
    """Leave out what follows from the clock: deadlines pass."""
    funnel = {name: count for name, count in report["funnel"].items() if name not in ("matured", "overdue")}
    clocked = ("overdue", "early", "past", "matured", "sentence")
    maturity = {
        policy: {name: value for name, value in numbers.items() if name not in clocked}
        for policy, numbers in report["maturity"].items()
    }
    return {**report, "now": None, "funnel": funnel, "maturity": maturity}


def test_as_of_gives_what_was_said_then(desk: Desk) -> None:
    ids = desk.ids(many(forecast(), forecast(probability=0.2)))
    seen = []
    for outcome, key in (("yes", "q-0"), ("no", "q-1")):
        desk.resolve(ids[key], outcome)  # type: ignore[arg-type]
        recorded = desk.ledger().revisions[desk.rev()].recorded_at
        seen.append((recorded, desk.report(), desk.export("statements")))
    desk.reopen(ids["q-0"])
    for recorded, report, statements in seen:
        again = desk.report(as_of=recorded)
        assert _timeless(again) == _timeless(report)
        assert desk.export("statements", as_of=recorded) == statements
    briers = [report["policies"]["broad"]["brier"] for _, report, _ in seen]
    assert briers == [
        pytest.approx(0.09, abs=EXACT),
        pytest.approx(mean(Fraction(9, 100), Fraction(4, 100)), abs=EXACT),
    ]
    assert desk.export("articles", as_of=at("2000-01-01")) == []


def test_what_is_not_there_is_named_with_what_is(desk: Desk) -> None:
    with pytest.raises(NotFoundError, match=r"There is no author 'eve'. Registered: none yet."):
        desk.report("eve")
    ids = desk.ids(document())
    ledger = desk.ledger()
    with pytest.raises(NotFoundError, match=r"There is no author 'eve'. Registered: ada-bell, ben-cole."):
        ledger.author("eve")
    with pytest.raises(NotFoundError, match=r"There is no article 'x'. Registered: tarn-2020."):
        ledger.article("x")
    with pytest.raises(NotFoundError, match=r"There is no question 'x'."):
        ledger.question("x")
    assert ledger.question(ids["q-bridge"]).public_id == ids["q-bridge"]
    assert ledger.article("tarn-2020").label == "A local paper on the bridge"


def test_every_page_of_a_replay_says_so(desk: Desk) -> None:
    desk.register(document())
    assert desk.report()["replay"] is None
    assert desk.ledger().now(desk.clock) == desk.clock.now()
    with desk.store.queue() as session:
        session.add(ReplayRun(run_id="r", starts_at=at("2019-02-22"), ends_at=at("2023-02-28")))
    assert "under a simulated clock from 2019-02-22 to 2023-02-28" in desk.report()["replay"]
    assert desk.ledger().now(desk.clock) == at("2023-02-28")
