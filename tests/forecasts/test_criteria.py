"""The criterion as versioned, canonical JSON."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts import criteria
from forecasts.errors import InvalidInputError
from jobs.sources import catalogue
from tests.support.documents import LOCATION, REMOVED, changed, event_leaf, manual

COUNT = event_leaf(type="count_at_least", k=3)
LEAVES = st.sampled_from([event_leaf(), COUNT, manual(), event_leaf(event_tz="Asia/Seoul")])
CRITERIA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"type": "all", "of": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"type": "any", "of": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda part: {"type": "not", "criterion": part}, inner.filter(lambda part: part["type"] != "manual")
        ),
    ),
    max_leaves=8,
)


def shuffled(value: Any, chance: random.Random) -> Any:
    """Return the same JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(part, chance) for part in value] if isinstance(value, list) else value


def stored(value: Any) -> dict[str, Any]:
    return criteria.dump(criteria.canonical(criteria.parse(value), catalogue()))


@given(CRITERIA, st.randoms(use_true_random=False))
def test_the_hash_does_not_depend_on_the_order_of_keys(value: Any, chance: random.Random) -> None:
    assert criteria.digest(stored(value)) == criteria.digest(stored(shuffled(value, chance)))


@given(CRITERIA)
def test_what_was_stored_is_read_back_the_same(value: Any) -> None:
    text = criteria.canonical_json(stored(value)).decode()
    assert criteria.dump(criteria.load(text)) == stored(value)
    assert criteria.canonical_json(json.loads(text)).decode() == text


@pytest.mark.parametrize(("path", "new"), [("grace", "P8D"), ("filter.kind", ["closing"]), ("event_tz", "UTC")])
def test_another_rule_has_another_hash(path: str, new: object) -> None:
    assert criteria.digest(stored(event_leaf())) != criteria.digest(stored(changed(event_leaf(), path, new)))


def test_two_spellings_of_one_rule_have_one_hash() -> None:
    assert criteria.digest(stored(event_leaf(grace="P7D"))) == criteria.digest(stored(event_leaf(grace="PT168H")))


SPELLINGS = st.sampled_from(
    [("P7D", "PT168H"), ("PT1H", "PT60M"), ("P1DT1H", "PT25H"), ("PT0S", "P0D"), ("PT90S", "PT1M30S")]
)


@given(SPELLINGS, SPELLINGS, st.booleans(), st.randoms(use_true_random=False))
def test_equal_durations_and_instants_in_any_order_of_keys_have_one_hash(
    grace: tuple[str, str], lag: tuple[str, str], east: bool, chance: random.Random
) -> None:
    until = "2020-07-01T09:00:00+09:00" if east else "2020-06-30T19:00:00-05:00"
    watermark = {"from": "fetch_time", "lag": lag[0], "until": "2020-07-01T00:00:00Z"}
    one = changed(event_leaf(grace=grace[0]), "query.watermark", watermark)
    same = changed(event_leaf(grace=grace[1]), "query.watermark", watermark | {"lag": lag[1], "until": until})
    assert criteria.canonical_json(stored(one)) == criteria.canonical_json(stored(shuffled(same, chance)))


def test_a_whole_number_and_the_same_with_a_point_have_one_hash() -> None:
    plain = {name: value for name, value in event_leaf().items() if name not in ("filter", "event_tz")}
    query = {"location": LOCATION, "value": "$.a", "watermark": {"from": "fetch_time", "lag": "P1D"}}
    number = plain | {"type": "numeric_threshold", "op": ">", "source": "json-path", "query": query}
    assert len({criteria.digest(stored(number | {"threshold": value})) for value in (3, 3.0)}) == 1
    assert len({criteria.digest(stored(number | {"threshold": value})) for value in (0.0, -0.0)}) == 1


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    """Keys by UTF-16 code units, numbers as ECMAScript writes them, no blanks; the sample of its section 3.2."""
    sample = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert criteria.canonical_json(sample).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert criteria.canonical_json({"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "1": 4}).decode() == (
        '{"1":4,"\u20ac":3,"\U0001f600":2,"\ufb33":1}'
    )


def test_the_language_version_is_stored_with_the_criterion() -> None:
    assert stored(manual())["version"] == 1


def test_leaves_that_read_the_same_table_share_a_resource() -> None:
    leaf = {
        "location": LOCATION,
        "watermark": {"lag": "PT24H", "from": "fetch_time"},
        "format": "csv",
        "columns": {},
    }
    pair = criteria.canonical(
        criteria.parse({"type": "all", "of": [event_leaf(), event_leaf(query=leaf), manual()]}), catalogue()
    )
    first, second = criteria.source_leaves(pair)
    assert first.resource == second.resource
    assert criteria.load_query(first.resource[1])["location"] == LOCATION


def test_leaves_are_found_at_any_depth_from_left_to_right() -> None:
    nested = criteria.parse(
        {
            "type": "any",
            "of": [manual("a"), {"type": "all", "of": [COUNT, manual("b")]}],
        }
    )
    kinds = [getattr(leaf, "proposition", "count") for leaf in criteria.leaves(nested)]
    assert kinds == ["a", "count", "b"]


def test_one_event_makes_a_yes_and_a_count_says_how_many() -> None:
    parsed = [criteria.parse(value) for value in (event_leaf(), COUNT)]
    needed = [leaf.needed for leaf in parsed if isinstance(leaf, criteria.EventLeaf)]
    assert needed == [1, 3]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"type": "hunch"},
        manual("") | {"proposition": ""},
        {"type": "all", "of": []},
        {"type": "not"},
        {"type": "any", "of": [manual()] * 51},
        changed(event_leaf(), "grace", REMOVED),
        changed(event_leaf(), "grace", "a week"),
        changed(event_leaf(), "min_checks", 0),
        changed(event_leaf(), "min_checks", True),
        changed(event_leaf(), "filter.kind", []),
        changed(event_leaf(), "event_tz", "Mars/Olympus"),
        changed(COUNT, "k", 0),
        changed(COUNT, "k", 2.0),
        event_leaf() | {"surprise": 1},
        "manual",
        None,
    ],
)
def test_a_criterion_that_breaks_the_language_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        criteria.parse(value)


def test_a_criterion_nested_without_end_is_refused() -> None:
    value: Any = manual()
    for _ in range(600):
        value = {"type": "not", "criterion": value}
    with pytest.raises(InvalidInputError):
        criteria.parse(value)


@pytest.mark.parametrize(
    ("type_", "source", "query", "says"),
    [
        ("numeric_threshold", "event-table", event_leaf()["query"], "use event_before_deadline or count_at_least"),
        ("event_before_deadline", "manual", {"location": "https://a.example"}, "use manual"),
        (
            "numeric_threshold",
            "mediawiki",
            {
                "service": "https://a.example/api.php",
                "title": "A",
                "watermark": {"from": "fetch_time", "lag": "P1D"},
            },
            "use state_at",
        ),
        (
            "count_at_least",
            "json-path",
            {"location": "https://a.example", "value": "$.a", "watermark": {"from": "fetch_time", "lag": "P1D"}},
            "use numeric_threshold or state_at or market_mirror",
        ),
        (
            "state_at",
            "json-path",
            {"location": "https://a.example", "rows": "$.a", "watermark": {"from": "fetch_time", "lag": "P1D"}},
            "use event_before_deadline or count_at_least",
        ),
    ],
)
def test_a_criterion_that_cannot_read_its_source_is_refused(
    type_: str, source: str, query: Any, says: str
) -> None:
    demands = {name: event_leaf()[name] for name in ("grace", "min_checks", "max_lag")}
    special: dict[str, dict[str, Any]] = {
        "numeric_threshold": {"op": ">", "threshold": 1.0},
        "state_at": {"values": ["a"]},
    }
    more = special.get(type_, {"filter": {"kind": ["a"]}, "event_tz": "UTC"})
    leaf = demands | more | {"type": type_, "source": source, "query": query}
    leaf |= {"k": 2} if type_ == "count_at_least" else {}
    with pytest.raises(InvalidInputError) as refusal:
        criteria.canonical(criteria.parse({"type": "all", "of": [manual(), leaf]}), catalogue())
    assert str(refusal.value) == f"criterion.of[1].type: {type_} cannot read what {source} shows; {says}."


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (event_leaf(source="crystal-ball"), "there is no source 'crystal-ball'; the known ones are: event-table"),
        (changed(event_leaf(), "query.format", "xml"), "query.format"),
        (changed(event_leaf(), "query.location", "ftp://x/y"), "query.location"),
        (changed(event_leaf(), "query", {}), "query."),
    ],
)
def test_a_source_names_what_it_cannot_ask(value: Any, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        criteria.canonical(
            criteria.parse({"type": "not", "criterion": {"type": "all", "of": [value]}}), catalogue()
        )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"a": 2**60}, {1: 2}, {"a": object()}])
def test_what_json_cannot_carry_has_no_hash(value: object) -> None:
    with pytest.raises(InvalidInputError, match="cannot be written as canonical JSON"):
        criteria.digest(value)
