"""What a state decides: the number, the word or the market a source shows for the deadline."""

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from forecasts import criteria
from forecasts.decide import Reading, Verdict, Window, decide
from forecasts.errors import InvalidInputError
from forecasts.model import Interval, Observation, State
from jobs.sources import catalogue
from tests.support.clocks import at
from tests.support.documents import event_leaf

OPENS, LATEST, DEADLINE = at("2020-01-01T00:00"), at("2020-01-03T06:00"), at("2020-01-20T15:00")
WINDOW = Window(OPENS, LATEST, DEADLINE)
RIPE = DEADLINE + timedelta(days=7)
LATER = RIPE + timedelta(days=1)
SHARED: dict[str, Any] = {"grace": "P7D", "min_checks": 2, "max_lag": "P1D"}
LAG = {"from": "fetch_time", "lag": "PT5M"}
MARKET = SHARED | {"type": "market_mirror", "source": "manifold", "query": {"market": "abc", "watermark": LAG}}
JSON = SHARED | {"source": "json-path", "query": {"location": "x.json", "value": "$.v", "watermark": LAG}}
NUMBER = JSON | {"type": "numeric_threshold", "op": ">=", "threshold": 5}
WORD = JSON | {"type": "state_at", "values": ["open", True]}


def instant(moment: datetime) -> Interval:
    return Interval(moment, moment)


def verdict(
    leaf: Mapping[str, Any],
    state: State | None,
    *,
    now: datetime = LATER,
    watermark: datetime | None = LATER,
    checked_at: datetime | None = None,
    checks: int = 2,
) -> Verdict:
    criterion = criteria.parse(leaf)
    observation = Observation("ok", watermark=watermark, state=state)
    readings = {
        one.resource: Reading(observation, checked_at or now, checks) for one in criteria.source_leaves(criterion)
    }
    return decide(criterion, WINDOW, readings, now)


def number(value: str, since: datetime | None = OPENS) -> State:
    return State(Decimal(value), since=instant(since) if since else None)


# -- numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "below", "equal", "above"),
    [("<", "yes", "no", "no"), ("<=", "yes", "yes", "no"), (">", "no", "no", "yes"), (">=", "no", "yes", "yes")],
)
def test_a_number_is_compared_exactly(op: str, below: str, equal: str, above: str) -> None:
    leaf = NUMBER | {"op": op, "threshold": 0.1}
    for value, expected in (("0.0999999999999999999", below), ("0.1", equal), ("0.1000000000000000001", above)):
        assert verdict(leaf, number(value)).value == expected


def test_a_number_that_was_reached_is_dated_by_the_deadline() -> None:
    found = verdict(NUMBER, number("5"))
    assert (found.occurred, found.knowable_at) == (instant(DEADLINE), RIPE)
    assert found.reason == "at the deadline the source showed 5, since 2020-01-01T00:00:00Z"
    assert verdict(NUMBER, number("4")).occurred is None


@pytest.mark.parametrize(
    ("known", "said", "person"),
    [
        ({"now": RIPE - timedelta(seconds=1)}, "an answer is possible from 2020-01-27T15:00:00Z on", False),
        ({"checked_at": RIPE - timedelta(seconds=1)}, "no sound check since the grace ended", False),
        ({"checks": 1}, "1 sound checks of 2 needed", False),
        ({"watermark": DEADLINE - timedelta(seconds=1)}, "complete only to 2020-01-20T14:59:59Z", False),
        ({"watermark": None}, "complete at no known instant", False),
        ({"state": None}, "the source shows no state", False),
        ({"state": number("5", None)}, "does not say since when", True),
        ({"state": number("5", DEADLINE + timedelta(seconds=1))}, "may have changed after the deadline", True),
        ({"state": State("five", since=instant(OPENS))}, "shows five, which is no number", True),
        ({"state": State(True, since=instant(OPENS))}, "shows True, which is no number", True),
    ],
)
def test_a_number_decides_nothing_before_all_is_known(known: dict[str, Any], said: str, person: bool) -> None:
    found = verdict(NUMBER, **({"state": number("5")} | known))
    assert (found.value, found.needs_person) == ("unknown", person)
    assert said in found.reason


def test_a_state_dated_by_a_day_across_the_deadline_is_left_to_a_person() -> None:
    across = State(Decimal(5), since=Interval(DEADLINE - timedelta(hours=3), DEADLINE + timedelta(hours=21)))
    assert verdict(NUMBER, across).needs_person


# -- words and flags -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [("open", "yes"), (True, "yes"), ("Open", "no"), ("True", "no"), (False, "no"), (Decimal(1), "no")],
)
def test_a_state_is_one_of_the_values_or_is_not(value: Any, expected: str) -> None:
    assert verdict(WORD, State(value, since=instant(OPENS))).value == expected


# -- markets ---------------------------------------------------------------------------------------------------

RESOLVED = at("2020-01-10T00:00")


def market(value: str, since: datetime | None = RESOLVED) -> State:
    return State(value, since=instant(since) if since else None, probability=Decimal("0.5"))


@pytest.mark.parametrize(
    ("value", "expected", "person"),
    [
        ("yes", "yes", False),
        ("no", "no", False),
        ("partial", "unknown", True),
        ("cancelled", "unknown", True),
        ("open", "unknown", False),
        ("closed", "unknown", False),
    ],
)
def test_a_market_is_mirrored_when_it_says_yes_or_no(value: str, expected: str, person: bool) -> None:
    found = verdict(MARKET, market(value))
    assert (found.value, found.needs_person) == (expected, person)
    assert found.occurred == (instant(RESOLVED) if expected == "yes" else None)


@pytest.mark.parametrize(
    ("known", "said", "person"),
    [
        ({"now": RESOLVED + timedelta(days=7, seconds=-1)}, "that counts from 2020-01-17T00:00:00Z on", False),
        ({"checked_at": RESOLVED}, "that counts from", False),
        ({"checks": 1}, "1 sound checks of 2 needed", False),
        ({"state": None}, "not resolved", False),
        ({"state": market("yes", None)}, "resolved at an unknown time", True),
        ({"state": market("yes", LATEST - timedelta(seconds=1))}, "before the opening", True),
    ],
)
def test_a_market_decides_nothing_too_early(known: dict[str, Any], said: str, person: bool) -> None:
    found = verdict(MARKET, **({"state": market("yes")} | known))
    assert (found.value, found.needs_person) == ("unknown", person)
    assert said in found.reason


def test_a_market_may_be_resolved_before_the_deadline_and_long_after_it() -> None:
    assert verdict(MARKET, market("no"), now=RESOLVED + timedelta(days=7)).value == "no"
    late = DEADLINE + timedelta(days=100)
    assert verdict(MARKET, market("no", late), now=late + timedelta(days=7)).value == "no"


# -- together --------------------------------------------------------------------------------------------------


def test_no_events_of_a_source_that_shows_a_state_prove_nothing() -> None:
    found = verdict(event_leaf(), market("yes"))
    assert (found.value, found.reason) == (
        "unknown",
        "the source shows a state and no events, so none of them proves nothing",
    )


def test_states_join_in_three_valued_logic() -> None:
    states = {"yes": number("6"), "no": number("4"), "unknown": number("6", None)}
    rank = ["no", "unknown", "yes"]
    for first, second in itertools.product(states, states):
        leaves = [NUMBER | {"query": NUMBER["query"] | {"location": name}} for name in ("a", "b")]
        resources = [one.resource for leaf in leaves for one in criteria.source_leaves(criteria.parse(leaf))]
        readings = {
            resource: Reading(Observation("ok", watermark=LATER, state=states[value]), LATER, 2)
            for resource, value in zip(resources, (first, second), strict=True)
        }
        for kind, choose in (("all", min), ("any", max)):
            joined = decide(criteria.parse({"type": kind, "of": leaves}), WINDOW, readings, LATER)
            assert joined.value == choose((first, second), key=rank.index)
        negated = decide(criteria.parse({"type": "not", "criterion": leaves[0]}), WINDOW, readings, LATER)
        assert rank.index(negated.value) == 2 - rank.index(first)


@pytest.mark.parametrize("leaf", [NUMBER, WORD, MARKET])
def test_a_state_criterion_is_stored_and_read_back_the_same(leaf: dict[str, Any]) -> None:
    stored = criteria.dump(criteria.canonical(criteria.parse(leaf), catalogue()))
    text = criteria.canonical_json(stored).decode()
    assert criteria.dump(criteria.load(text)) == stored


@pytest.mark.parametrize(
    ("leaf", "where"),
    [
        (NUMBER | {"threshold": float("nan")}, "threshold"),
        (NUMBER | {"threshold": "5"}, "threshold"),
        (NUMBER | {"threshold": True}, "threshold"),
        (NUMBER | {"op": "="}, "op"),
        (WORD | {"values": []}, "values"),
        (WORD | {"values": [5]}, "values"),
        (MARKET | {"filter": {"kind": ["a"]}}, "filter"),
    ],
)
def test_a_state_criterion_that_cannot_be_is_refused_with_its_place(leaf: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"^criterion\.{where}[:\[]"):
        criteria.parse(leaf)
