"""The pure decision, against a small oracle that applies the rules one by one."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts import criteria
from forecasts.criteria import Criterion, EventLeaf
from forecasts.decide import Reading, Verdict, Window, decide
from forecasts.model import Event, Observation
from tests.support.clocks import at
from tests.support.documents import changed, event_leaf, manual

OPENS, LATEST, DEADLINE = at("2020-01-01T00:00"), at("2020-01-03T06:00"), at("2020-01-20T15:00")
WINDOW = Window(OPENS, LATEST, DEADLINE)
GRACE = timedelta(days=7)
RIPE = DEADLINE + GRACE
LATER = RIPE + timedelta(days=1)


def leaf(k: int = 1, kind: str = "opening", actors: Sequence[str] = ()) -> EventLeaf:
    value = event_leaf(type="count_at_least", k=k, event_tz="Asia/Seoul")
    value["filter"] = {"kind": [kind], "actors": list(actors)}
    found = criteria.parse(value)
    assert isinstance(found, EventLeaf)
    return found


def reading(
    *events: Event, watermark: datetime | None = LATER, checked_at: datetime = LATER, checks: int = 2
) -> dict[tuple[str, str], Reading]:
    return {leaf().resource: Reading(Observation("ok", events, watermark), checked_at, checks)}


def verdict(*events: Event, k: int = 1, now: datetime = LATER, window: Window = WINDOW, **known: Any) -> Verdict:
    return decide(leaf(k), window, reading(*events, **known), now)


def opening(when: str | date | None, **more: Any) -> Event:
    return Event(at(when) if isinstance(when, str) else when, "opening", **more)


def after(
    *events: Event, before: tuple[Event, ...], k: int = 1, watermark: datetime | None = None, **known: Any
) -> Verdict:
    """Decide on a newer answer, with one from before it that was complete."""
    earlier = Reading(Observation("ok", before, LATER), LATER, 2)
    later = Reading(Observation("ok", events, watermark, **known), LATER, 2, earlier=earlier)
    return decide(leaf(k), WINDOW, {leaf(k).resource: later}, LATER)


# -- where an event lies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "value", "needs_person"),
    [
        ("2019-12-31T23:59:59", "no", False),
        ("2020-01-01T00:00:00", "unknown", True),  # after the earliest, not after the latest statement
        ("2020-01-03T05:59:59", "unknown", True),
        ("2020-01-03T06:00:00", "yes", False),  # closed at the beginning
        ("2020-01-20T14:59:59", "yes", False),
        ("2020-01-20T15:00:00", "no", False),  # open at the end
    ],
)
def test_the_window_is_half_open(when: str, value: str, needs_person: bool) -> None:
    found = verdict(opening(when))
    assert (found.value, found.needs_person) == (value, needs_person)


@pytest.mark.parametrize(
    ("day", "value", "needs_person"),
    [
        (date(2019, 12, 31), "no", False),  # ended 31 December, 15:00 UTC
        (date(2020, 1, 1), "unknown", True),  # lies across the opening
        (date(2020, 1, 3), "unknown", True),  # lies across the latest statement
        (date(2020, 1, 4), "yes", False),
        (date(2020, 1, 20), "yes", False),  # ends with the deadline, 15:00 UTC
        (date(2020, 1, 21), "no", False),  # begins with the deadline
    ],
)
def test_a_day_counts_when_all_of_it_lies_inside(day: date, value: str, needs_person: bool) -> None:
    found = verdict(opening(day))
    assert (found.value, found.needs_person) == (value, needs_person)


def test_a_day_across_the_deadline_is_left_to_a_person() -> None:
    found = verdict(opening(date(2020, 1, 20), zone="UTC"))
    assert (found.value, found.needs_person) == ("unknown", True)
    assert "opening on 2020-01-20 may lie inside the window or outside: a person decides" in found.reason


def test_the_launch_of_24_august_in_korea_was_on_23_august_in_utc() -> None:
    launch = Event(at("2019-08-24T06:44+09:00"), "opening")
    until_23 = Window(at("2019-08-01"), at("2019-08-01"), at("2019-08-24T00:00:00Z"))
    until_korea = Window(at("2019-08-01"), at("2019-08-01"), at("2019-08-24T00:00:00+09:00"))
    assert verdict(launch, window=until_23).value == "yes"
    assert verdict(launch, window=until_korea).value == "no"
    assert verdict(opening(date(2019, 8, 24)), window=until_23).needs_person


@pytest.mark.parametrize(
    "event",
    [Event(at("2020-01-10"), "closing"), Event(at("2020-01-10"), "Opening"), Event(at("2020-01-10"), "opening ")],
)
def test_a_row_of_another_kind_says_nothing(event: Event) -> None:
    assert verdict(event).value == "no"


def test_a_row_without_a_kind_inside_the_window_is_left_to_a_person() -> None:
    said = verdict(Event(at("2020-01-10"), ""))
    assert (said.value, said.needs_person) == ("unknown", True)
    assert "a row without a kind" in said.reason
    assert verdict(Event(at("2019-01-10"), "")).value == "no"


def test_every_named_actor_must_be_in_the_row() -> None:
    rule = leaf(actors=["Kim", "Trump"])
    both, one = (
        Event(at("2020-01-10"), "opening", actors=names) for names in (("Trump", "Moon", "Kim"), ("Kim",))
    )
    assert decide(rule, WINDOW, reading(both), LATER).value == "yes"
    assert decide(rule, WINDOW, reading(one), LATER).value == "no"


def test_a_row_without_actors_is_left_to_a_person_where_actors_are_asked_for() -> None:
    nobody = opening("2020-01-10")
    said = decide(leaf(actors=["Kim"]), WINDOW, reading(nobody), LATER)
    assert (said.value, said.needs_person) == ("unknown", True)
    assert said.reason == (
        "a row without actors on 2020-01-10T00:00:00Z may be what is asked about: a person decides"
    )
    assert decide(leaf(), WINDOW, reading(nobody), LATER).value == "yes"
    assert decide(leaf(kind="closing", actors=["Kim"]), WINDOW, reading(nobody), LATER).value == "no"


def test_a_row_that_is_said_to_be_known_only_later_is_neither_there_nor_absent() -> None:
    early = opening("2020-01-10", known_at=LATER + timedelta(seconds=1))
    said = verdict(early)
    assert (said.value, said.needs_person) == ("unknown", True)
    assert said.reason == (
        "opening on 2020-01-10T00:00:00Z is said to be known only from 2020-01-28T15:00:01Z on: a person decides"
    )
    assert verdict(early, opening("2020-01-11"), k=2).value == "unknown"
    assert verdict(opening("2020-01-10", known_at=LATER)).value == "yes"
    outside = opening("2020-01-21", known_at=LATER + timedelta(seconds=1))
    assert verdict(outside).value == "no"


def test_a_row_dated_ahead_is_an_announcement_and_no_event() -> None:
    announced = opening("2020-01-15")
    for now in (at("2020-01-14"), at("2020-01-16")):
        before = verdict(announced, now=now, checked_at=at("2020-01-14"))
        assert (before.value, before.needs_person) == ("unknown", False)
    assert verdict(announced, now=at("2020-01-15"), checked_at=at("2020-01-15")).value == "yes"


# -- when a verdict is possible --------------------------------------------------------------------------------


def test_a_yes_may_come_on_the_day_from_one_check() -> None:
    now = at("2020-01-10T01:00")
    found = verdict(opening("2020-01-10"), now=now, checked_at=now, checks=1, watermark=None)
    assert found.value == "yes"


@pytest.mark.parametrize(
    ("known", "now", "says"),
    [
        ({}, RIPE - timedelta(seconds=1), "a no is possible from 2020-01-27T15:00:00Z on"),
        ({"checked_at": RIPE - timedelta(seconds=1)}, LATER, "no sound check since the grace ended"),
        ({"checks": 1}, LATER, "1 sound checks of 2 needed"),
        ({"watermark": None}, LATER, "complete at no known instant"),
        ({"watermark": DEADLINE - timedelta(seconds=1)}, LATER, "complete only to 2020-01-20T14:59:59Z"),
    ],
)
def test_silence_is_no_no(known: dict[str, Any], now: datetime, says: str) -> None:
    found = verdict(now=now, **known)
    assert found.value == "unknown"
    assert says in found.reason


def test_a_no_needs_deadline_grace_checks_and_a_complete_source() -> None:
    found = verdict(now=RIPE, checked_at=RIPE, checks=2, watermark=DEADLINE)
    assert (found.value, found.knowable_at, found.occurred) == ("no", RIPE, None)


def test_an_undated_matching_row_blocks_a_no() -> None:
    found = verdict(opening(None))
    assert (found.value, found.needs_person) == ("unknown", True)
    assert verdict(Event(None, "closing")).value == "no"


def test_an_undated_row_does_not_block_a_yes() -> None:
    assert verdict(opening(None), opening("2020-01-10")).value == "yes"


def test_a_source_that_was_never_read_leaves_it_unknown() -> None:
    found = decide(leaf(), WINDOW, {}, LATER)
    assert (found.value, found.reason) == ("unknown", "no sound check of the source yet")


# -- what a yes says ---------------------------------------------------------------------------------------------


def test_a_count_is_dated_by_the_event_that_reaches_it() -> None:
    events = [opening(f"2020-01-{day:02}") for day in (12, 8, 10)]
    found = verdict(*events, k=2)
    assert found.occurred is not None
    assert found.occurred.start == at("2020-01-10")
    assert "(2 of 2 needed)" in found.reason
    assert verdict(*events, k=4).value == "no"


def test_a_yes_could_be_known_once_the_last_row_it_needs_was_known() -> None:
    late = opening("2020-01-08", known_at=at("2020-02-01"))
    soon = opening("2020-01-10", known_at=at("2020-01-11"))
    assert verdict(soon).knowable_at == at("2020-01-11")
    assert verdict(soon, late, k=2, checked_at=at("2020-02-02")).knowable_at == at("2020-02-01")


def test_where_a_row_does_not_say_when_it_was_known_the_check_does() -> None:
    assert verdict(opening("2020-01-10")).knowable_at == LATER


# -- what a newer answer lacks -------------------------------------------------------------------------------

FIRST, SECOND = opening("2020-01-10T00:00"), opening("2020-01-12T00:00")


def test_a_row_withdrawn_from_a_whole_answer_is_gone_though_that_is_complete_to_no_known_instant() -> None:
    assert after(before=(FIRST,)).value == "unknown"
    assert after(before=(FIRST,), partial=True).value == "yes"


def test_what_a_partial_answer_lacks_is_still_there_once() -> None:
    assert after(SECOND, before=(FIRST, SECOND), k=2, partial=True).value == "yes"
    assert after(FIRST, before=(FIRST, FIRST), k=2, partial=True).value == "yes"
    edited = opening("2020-01-10T00:00", id="8", description="edited")
    assert after(edited, before=(FIRST,), k=2, partial=True).value != "yes"


def test_what_lies_before_the_reach_of_an_answer_counts_once() -> None:
    reach = at("2020-01-11T00:00")
    assert after(SECOND, before=(FIRST,), k=2, complete_from=reach).value == "yes"
    assert after(FIRST, SECOND, before=(FIRST,), k=3, complete_from=reach).value != "yes"
    assert after(FIRST, before=(FIRST, SECOND), k=2, watermark=LATER, complete_from=reach).value == "unknown"


def test_a_no_stays_where_the_newer_answer_is_complete_to_no_known_instant() -> None:
    assert after(before=()).value == after(FIRST, before=(FIRST,), k=2).value == "no"


# ------------------------------------------------------------------------------------------------------------


def test_only_what_follows_a_condition_counts() -> None:
    window = WINDOW.after(at("2020-01-10"))
    assert verdict(opening("2020-01-09T23:59:59"), window=window).value == "no"
    assert verdict(opening("2020-01-10"), window=window).value == "yes"
    assert WINDOW.after(OPENS - GRACE) == WINDOW


# -- three-valued logic ------------------------------------------------------------------------------------------

Value = Literal["yes", "no", "unknown"]
VALUES: tuple[Value, ...] = ("yes", "no", "unknown")
RANK = {"no": 0, "unknown": 1, "yes": 2}
KNOWN = reading(Event(at("2020-01-10"), "seen"), Event(at("2020-01-12"), "seen-later"))
PARTS: dict[Value, Any] = {
    "yes": leaf(kind="seen"),
    "no": leaf(kind="absent"),
    "unknown": criteria.parse(manual()),
}
UNREAD = criteria.parse(changed(event_leaf(), "query.location", "https://events.example/unread.csv"))


def joined(kind: str, *values: Value) -> Verdict:
    parts = [PARTS[value].model_dump(mode="json") for value in values]
    return decide(criteria.parse({"type": kind, "of": parts}), WINDOW, KNOWN, LATER)


@pytest.mark.parametrize("values", list(itertools.product(VALUES, repeat=3)))
def test_all_is_the_least_and_any_the_greatest_of_its_parts(values: tuple[Value, ...]) -> None:
    assert joined("all", *values).value == min(values, key=RANK.__getitem__)
    assert joined("any", *values).value == max(values, key=RANK.__getitem__)


@pytest.mark.parametrize(("value", "negated"), [("yes", "no"), ("no", "yes"), ("unknown", "unknown")])
def test_not_turns_yes_and_no_and_leaves_unknown(value: Value, negated: Value) -> None:
    part = (UNREAD if value == "unknown" else PARTS[value]).model_dump(mode="json")
    criterion = criteria.parse({"type": "not", "criterion": part})
    assert decide(criterion, WINDOW, KNOWN, LATER).value == negated


def test_an_unknown_part_that_needs_a_person_says_so_for_the_whole() -> None:
    found = joined("all", "yes", "unknown", "unknown")
    assert (found.needs_person, found.reason) == (True, "a named person decides this")


def test_a_conjunction_is_dated_by_the_last_of_its_events() -> None:
    parts = [leaf(kind=kind).model_dump(mode="json") for kind in ("seen-later", "seen")]
    whole = decide(criteria.parse({"type": "all", "of": parts}), WINDOW, KNOWN, LATER)
    either = decide(criteria.parse({"type": "any", "of": parts}), WINDOW, KNOWN, LATER)
    assert whole.occurred is not None
    assert whole.occurred.start == at("2020-01-12")
    assert either.value == "yes"


def test_a_disjunction_is_known_with_the_first_of_its_events() -> None:
    known = reading(
        Event(at("2020-01-12"), "seen", known_at=at("2020-01-13")),
        Event(at("2020-01-10"), "seen-later", known_at=at("2020-01-15")),
    )
    parts = [leaf(kind=kind).model_dump(mode="json") for kind in ("seen-later", "seen")]
    found = decide(criteria.parse({"type": "any", "of": parts}), WINDOW, known, LATER)
    assert found.knowable_at == at("2020-01-13")


# -- trees against the tables of strong Kleene logic -------------------------------------------------------------

Tree = Any  # a letter, ("not", tree), or ("all" or "any", trees)
LETTERS = "abcdef"
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(LETTERS),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=4).map(tuple)),
    ),
    max_leaves=10,
)
KNOWLEDGE = st.fixed_dictionaries({letter: st.sampled_from(VALUES) for letter in LETTERS})
NEGATION: dict[Value, Value] = {"yes": "no", "no": "yes", "unknown": "unknown"}


def table_of(letter: str) -> dict[str, Any]:
    return changed(event_leaf(filter={"kind": ["seen"]}), "query.location", f"https://events.example/{letter}.csv")


def written(tree: Tree) -> dict[str, Any]:
    """Return a tree as a criterion: each letter is a table of its own."""
    if isinstance(tree, str):
        return table_of(tree)
    kind, parts = tree
    if kind == "not":
        return {"type": "not", "criterion": written(parts)}
    return {"type": kind, "of": [written(part) for part in parts]}


def kleene(tree: Tree, known: Mapping[str, Value]) -> Value:
    """Return the value of a tree by the tables: and is the least, or the greatest of no < unknown < yes."""
    if isinstance(tree, str):
        return known[tree]
    kind, parts = tree
    if kind == "not":
        return NEGATION[kleene(parts, known)]
    return (min if kind == "all" else max)((kleene(part, known) for part in parts), key=RANK.__getitem__)


def told(tree: Tree, known: Mapping[str, Value]) -> Verdict:
    """Decide a tree over tables that hold the event (yes), lack it (no) or were never read (unknown)."""
    seen = Event(at("2020-01-10"), "seen")
    readings = {
        leaf.resource: Reading(Observation("ok", (seen,) if known[letter] == "yes" else (), LATER), LATER, 2)
        for letter in LETTERS
        if known[letter] != "unknown"
        for leaf in criteria.source_leaves(criteria.parse(table_of(letter)))
    }
    return decide(criteria.parse(written(tree)), WINDOW, readings, LATER)


@given(TREES, KNOWLEDGE)
def test_a_tree_is_worth_what_the_tables_say(tree: Tree, known: dict[str, Value]) -> None:
    assert told(tree, known).value == kleene(tree, known)


@given(TREES, KNOWLEDGE, KNOWLEDGE)
def test_what_was_decided_without_a_leaf_stays_when_the_leaf_becomes_known(
    tree: Tree, known: dict[str, Value], later: dict[str, Value]
) -> None:
    before = told(tree, known).value
    more = {letter: later[letter] if value == "unknown" else value for letter, value in known.items()}
    assert before in ("unknown", told(tree, more).value)


@given(TREES, KNOWLEDGE)
def test_a_verdict_with_a_date_has_one_when_it_could_be_known(tree: Tree, known: dict[str, Value]) -> None:
    found = told(tree, known)
    assert (found.knowable_at is None) == (found.value == "unknown")
    assert found.reason


# -- against the oracle ------------------------------------------------------------------------------------------

KOREA = timedelta(hours=9)
INSTANTS = st.integers(min_value=-40, max_value=600).map(lambda hours: OPENS + timedelta(hours=hours))
DAYS = st.integers(min_value=-3, max_value=26).map(lambda days: OPENS.date() + timedelta(days=days))
EVENTS = st.builds(
    Event,
    occurred=st.one_of(INSTANTS, DAYS, st.none()),
    kind=st.sampled_from(["opening", "opening", "closing"]),
)
WORLDS = st.fixed_dictionaries(
    {
        "events": st.lists(EVENTS, max_size=5),
        "k": st.integers(min_value=1, max_value=3),
        "now": st.integers(min_value=0, max_value=1000).map(lambda hours: OPENS + timedelta(hours=hours)),
        "age": st.integers(min_value=0, max_value=200).map(lambda hours: timedelta(hours=hours)),
        "lag": st.one_of(st.none(), st.integers(min_value=0, max_value=400).map(lambda h: timedelta(hours=h))),
        "checks": st.integers(min_value=1, max_value=3),
    }
)


def ends(event: Event) -> tuple[datetime, datetime] | None:
    """Return first and last second of an event whose days are days in Korea."""
    if event.occurred is None:
        return None
    if isinstance(event.occurred, datetime):
        return event.occurred, event.occurred
    start = datetime(event.occurred.year, event.occurred.month, event.occurred.day, tzinfo=UTC) - KOREA
    return start, start + timedelta(days=1) - timedelta(seconds=1)


def oracle(world: dict[str, Any]) -> tuple[str, bool]:
    sure = possible = 0
    for event in world["events"]:
        if event.kind != "opening":
            continue
        found = ends(event)
        if found is None:
            possible += 1
            continue
        first, last = found
        if first > world["now"] - world["age"]:
            continue
        sure += first >= LATEST and last < DEADLINE
        possible += last >= OPENS and first < DEADLINE
    if sure >= world["k"]:
        return "yes", False
    if possible >= world["k"]:
        return "unknown", True
    checked_at = world["now"] - world["age"]
    complete = world["lag"] is not None and checked_at - world["lag"] >= DEADLINE
    ripe = checked_at >= DEADLINE + GRACE
    return ("no" if ripe and complete and world["checks"] >= 2 else "unknown"), False


def decided(world: dict[str, Any]) -> Verdict:
    checked_at = world["now"] - world["age"]
    watermark = None if world["lag"] is None else checked_at - world["lag"]
    known = reading(*world["events"], watermark=watermark, checked_at=checked_at, checks=world["checks"])
    return decide(leaf(world["k"]), WINDOW, known, world["now"])


@given(WORLDS)
def test_the_decision_is_the_oracles(world: dict[str, Any]) -> None:
    found = decided(world)
    assert (found.value, found.needs_person) == oracle(world)


@given(WORLDS)
def test_a_yes_only_from_inside_the_window_and_a_no_only_when_ripe(world: dict[str, Any]) -> None:
    found = decided(world)
    if found.value == "yes":
        assert found.occurred is not None
        assert LATEST <= found.occurred.start <= found.occurred.end <= DEADLINE
        assert found.occurred.start <= world["now"] - world["age"]
    if found.value == "no":
        assert found.occurred is None
        assert world["now"] >= RIPE
    assert found.reason


OUTSIDE = st.one_of(
    st.integers(min_value=-100, max_value=-1).map(lambda hours: OPENS + timedelta(hours=hours)),
    st.integers(min_value=0, max_value=100).map(lambda hours: DEADLINE + timedelta(hours=hours)),
    st.sampled_from([date(2019, 12, 30), date(2019, 12, 31), date(2020, 1, 21), date(2020, 2, 1)]),
)


@given(WORLDS, OUTSIDE, st.integers(min_value=0, max_value=5))
def test_a_row_outside_the_window_never_changes_the_verdict(
    world: dict[str, Any], when: datetime | date, place: int
) -> None:
    row = Event(when, "opening")
    more = world | {"events": [*world["events"][:place], row, *world["events"][place:]]}
    assert decided(more) == decided(world)


@given(WORLDS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(world: dict[str, Any], chance: Any) -> None:
    events = list(world["events"])
    chance.shuffle(events)
    one, other = decided(world), decided(world | {"events": events})
    assert (one.value, one.occurred, one.needs_person) == (other.value, other.occurred, other.needs_person)


@given(WORLDS)
def test_a_criterion_and_its_negation_are_never_both_decided_alike(world: dict[str, Any]) -> None:
    checked_at = world["now"] - world["age"]
    known = reading(*world["events"], watermark=checked_at, checked_at=checked_at, checks=world["checks"])
    rule: Criterion = leaf(world["k"])
    negation = criteria.parse({"type": "not", "criterion": rule.model_dump(mode="json")})
    plain, negated = (decide(each, WINDOW, known, world["now"]) for each in (rule, negation))
    assert {plain.value, negated.value} in ({"yes", "no"}, {"unknown"})
