"""The JSON Schema says of every criterion what the registry says of it, as far as a schema can."""

import copy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import seeds
from forecasts import criteria
from forecasts.errors import InvalidInputError
from forecasts.exchange.schema import json_schema
from jobs.sources import catalogue
from tests.forecasts.test_registering import paths
from tests.jobs.sources.test_hostile import QUERIES
from tests.support.documents import REMOVED, changed, document, event_leaf, manual

KNOWN = catalogue()
SCHEMAS = {name: KNOWN.get(name).about.query for name in KNOWN.names()}
SCHEMA = json_schema(SCHEMAS)
VALIDATOR = Draft202012Validator(SCHEMA)
FILES = Draft202012Validator(json_schema(SCHEMAS, registration=True))


def over(source: str, query: Any, kind: str = "event_before_deadline") -> dict[str, Any]:
    """Return a criterion of a type over a source."""
    own: dict[str, dict[str, Any]] = {
        "event_before_deadline": {"filter": {"kind": ["opening"], "actors": ["A"]}, "event_tz": "Asia/Seoul"},
        "count_at_least": {"filter": {"kind": ["opening"]}, "event_tz": "UTC", "k": 3},
        "numeric_threshold": {"op": ">=", "threshold": 4.5},
        "state_at": {"values": ["open", True]},
        "market_mirror": {},
    }
    shared = {"source": source, "query": query, "grace": "P14D", "min_checks": 2, "max_lag": "P30D"}
    return {"type": kind, **shared, **own[kind]}


SOUND: list[dict[str, Any]] = [
    over(name, query, kind)
    for name, queries in QUERIES.items()
    for query in queries
    for kind in KNOWN.readable_by(name, KNOWN.get(name).canonical(query))
]
SOUND += [
    manual(),
    {"type": "not", "criterion": event_leaf()},
    {
        "type": "all",
        "of": [event_leaf(), {"type": "any", "of": [manual(), {"type": "not", "criterion": SOUND[0]}]}],
    },
]


def takes(value: Any) -> bool:
    """Whether the registry takes a criterion."""
    try:
        criteria.canonical(criteria.parse(value), KNOWN)
    except InvalidInputError:
        return False
    return True


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert "discriminator" not in str(SCHEMA)


@pytest.mark.parametrize("value", SOUND, ids=lambda value: f"{value['type']}-{value.get('source', '')}")
def test_both_take_what_is_right_and_what_is_stored_of_it(value: Any) -> None:
    assert takes(value)
    VALIDATOR.validate(value)
    VALIDATOR.validate(criteria.dump(criteria.canonical(criteria.parse(value), KNOWN))["criterion"])


def test_every_criterion_of_the_founding_articles_is_valid() -> None:
    found = [
        question["criterion"] for file in seeds.documents("articles").values() for question in file["questions"]
    ]
    assert len(found) > 20
    for value in found:
        VALIDATOR.validate(value)


PLACES = [(value, path) for value in SOUND for path in paths(value)]
OTHER = st.one_of(
    st.sampled_from(
        [None, True, 0, 1, -1, 2.5, 10**20, float("nan"), "", " ", "x", "\x00", "\x1c", "P1D", "PT0S"]
    ),
    st.sampled_from(
        ["P", "P1W", "P1DT", "UTC", "2020-01-01T00:00:00+09:00", "https://a.example/b", "seeds:x", "csv"]
    ),
    st.sampled_from([[], {}, ["x"], [True], {"kind": ["a"]}, {"from": "fetch_time", "lag": "PT24H"}, REMOVED]),
    st.sampled_from([{"from": "newest_row"}, {"from": "field", "name": "at"}, {"from": "field", "path": "$.at"}]),
    st.sampled_from(["event-table", "usgs", "manual", "all", "event_before_deadline", "count_at_least"]),
    st.text(max_size=4),
    st.integers(),
    st.floats(),
    st.sampled_from(SOUND),
)


@settings(max_examples=200)
@given(st.sampled_from(PLACES), OTHER)
@example((manual(), "proposition"), "\x1c")
@example((event_leaf(), "grace"), "P1DT")
@example((event_leaf(), "filter.kind"), ["\x85"])
def test_what_the_registry_takes_the_schema_takes(place: tuple[Any, str], other: Any) -> None:
    value = changed(place[0], place[1], copy.deepcopy(other))
    if takes(value):
        VALIDATOR.validate(value)


STATE = next(value for value in SOUND if value["type"] == "numeric_threshold")
WRONG: dict[str, Any] = {
    "no type": {},
    "an unknown type": {"type": "hunch"},
    "no object": "manual",
    "nothing": None,
    "an empty list": {"type": "all", "of": []},
    "a long list": {"type": "any", "of": [manual()] * 51},
    "no part": {"type": "not"},
    "a person's ruling, negated": {"type": "not", "criterion": manual()},
    "a blank proposition": manual(" \n"),
    "a proposition with NUL": manual("a\x00"),
    "a missing field": changed(event_leaf(), "grace", REMOVED),
    "an unknown field": event_leaf() | {"gracee": "P1D"},
    "a duration in words": changed(event_leaf(), "grace", "a week"),
    "a duration in weeks": changed(event_leaf(), "grace", "P2W"),
    "a duration in nothing": changed(event_leaf(), "grace", "PT"),
    "a duration as a number": changed(event_leaf(), "max_lag", 14),
    "no checks": changed(event_leaf(), "min_checks", 0),
    "checks as a flag": changed(event_leaf(), "min_checks", True),
    "no kind": changed(event_leaf(), "filter.kind", []),
    "a kind that is a number": changed(event_leaf(), "filter.kind", [1]),
    "an empty word": changed(event_leaf(), "filter.kind", [""]),
    "a long word": changed(event_leaf(), "filter.kind", ["x" * 201]),
    "k is 0": over("event-table", QUERIES["event-table"][0], "count_at_least") | {"k": 0},
    "an operator of programmers": changed(STATE, "op", "=="),
    "a threshold in quotes": changed(STATE, "threshold", "4.5"),
    "no values": {k: v for k, v in STATE.items() if k not in ("op", "threshold")}
    | {"type": "state_at", "values": []},
    "an unknown source": event_leaf(source="crystal-ball"),
    "the query of another source": event_leaf(source="usgs"),
    "an unknown field in the query": changed(event_leaf(), "query.formt", "csv"),
    "an unknown format": changed(event_leaf(), "query.format", "xml"),
    "an unknown watermark": changed(event_leaf(), "query.watermark", {"from": "hope"}),
    "a watermark without lag": changed(event_leaf(), "query.watermark", {"from": "fetch_time"}),
    "deep inside": {"type": "all", "of": [manual(), {"type": "any", "of": [changed(event_leaf(), "grace", "x")]}]},
}


@pytest.mark.parametrize("name", WRONG)
def test_both_refuse_what_is_wrong(name: str) -> None:
    assert not takes(WRONG[name])
    assert not VALIDATOR.is_valid(WRONG[name])


@pytest.mark.parametrize(
    "value",
    [
        changed(event_leaf(), "event_tz", "Mars/Olympus"),
        changed(event_leaf(), "query.location", "ftp://a/b"),
        changed(STATE, "threshold", float("nan")),
    ],
)
def test_what_takes_knowledge_the_schema_leaves_to_the_registry(value: Any) -> None:
    assert VALIDATOR.is_valid(value)
    assert not takes(value)


def test_a_whole_registration_file_is_checked_with_its_criteria() -> None:
    sound = document()
    sound["questions"][0]["criterion"] = event_leaf()
    FILES.validate(sound)
    for path, new in (
        ("questions.0.criterion.grace", "soon"),
        ("questions.0.zone", 5),
        ("forecasts.0.asserts", "x"),
    ):
        assert not FILES.is_valid(changed(sound, path, new))
