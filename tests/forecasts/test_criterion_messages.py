"""Every way a criterion can be wrong, with the sentence that names the place and the remedy."""

from datetime import timedelta
from typing import Any

import pytest

from forecasts import criteria
from forecasts.errors import InvalidInputError
from forecasts.exchange.files import read_document
from jobs.sources import catalogue
from tests.support.desk import Desk
from tests.support.documents import REMOVED, changed, document, event_leaf, manual, question

COUNT = event_leaf(type="count_at_least", k=3)
PLAIN = {key: value for key, value in event_leaf().items() if key not in ("filter", "event_tz")}
NUMBER = PLAIN | {"type": "numeric_threshold", "op": ">", "threshold": 4.5}
STATE = PLAIN | {"type": "state_at", "values": ["open"]}
TYPES = "event_before_deadline, count_at_least, numeric_threshold, state_at, market_mirror, manual, all, any, not"


def misspelt(value: dict[str, Any], right: str, wrong: str) -> dict[str, Any]:
    return {wrong if key == right else key: part for key, part in value.items()}


def nested(depth: int) -> Any:
    value: Any = manual()
    for _ in range(depth):
        value = {"type": "any", "of": [value]}
    return value


MESSAGES: list[tuple[Any, str]] = [
    # the whole
    ("manual", "criterion: an object with fields is needed, not 'manual'."),
    (None, "criterion: an object with fields is needed, not nothing."),
    ([manual()], "criterion: an object with fields is needed, not a list."),
    ({}, "criterion: the field 'type' is missing, which says what kind it is; add it."),
    ({"type": "hunch"}, f"criterion: there is no type 'hunch'; use one of {TYPES}."),
    ({"type": "events_before_deadline"}, "(did you mean event_before_deadline?); use one of"),
    ({"type": 5}, "criterion: there is no type '5'; use one of"),
    # fields
    (changed(event_leaf(), "grace", REMOVED), "criterion.grace: this field is missing; add it."),
    (
        changed(changed(event_leaf(), "grace", REMOVED), "max_lag", REMOVED),
        "criterion.grace: this field is missing; add it (1 more after it).",
    ),
    (misspelt(event_leaf(), "grace", "Grace"), "criterion.Grace: there is no such field (did you mean grace?)."),
    (event_leaf() | {"surprise": 1}, "criterion.surprise: there is no such field; leave it out."),
    (
        event_leaf(type="numeric_threshold"),
        "criterion.filter: there is no such field; leave it out, or use one of op, threshold.",
    ),
    (event_leaf() | {"\ud800": 1}, "criterion.\\ud800: there is no such field; leave it out."),
    (changed(event_leaf(), "filter", 5), "criterion.filter: an object with fields is needed, not 5."),
    # durations and zones
    (
        changed(event_leaf(), "grace", "a week"),
        "criterion.grace: 'a week' is not a duration; write for example P14D or PT90S.",
    ),
    (changed(event_leaf(), "grace", "P2W"), "write for example P14D or PT90S (a year, month or week in days)."),
    (changed(event_leaf(), "grace", "P1DT"), "criterion.grace: 'P1DT' is not a duration"),
    (changed(event_leaf(), "max_lag", 14), "criterion.max_lag: 14 is not a duration"),
    (
        changed(event_leaf(), "event_tz", "asia/seul"),
        "criterion.event_tz: 'asia/seul' is not an IANA time zone (did you mean Asia/Seoul?); write for example",
    ),
    (changed(event_leaf(), "event_tz", "KST+9"), "criterion.event_tz: 'KST+9' is not an IANA time zone; write"),
    # numbers
    (changed(COUNT, "k", 0), "criterion.k: Input should be greater than or equal to 1, not 0."),
    (changed(COUNT, "k", 2.0), "criterion.k: a whole number is needed, not 2.0."),
    (changed(COUNT, "k", 10**6000), "Input should be less than or equal to 1000000, not so large a number."),
    (changed(event_leaf(), "min_checks", True), "criterion.min_checks: a whole number is needed, not true."),
    (
        changed(NUMBER, "threshold", float("nan")),
        "criterion.threshold: a number that is not NaN or infinite is needed, not nan.",
    ),
    (changed(NUMBER, "threshold", "4.5"), "criterion.threshold: a number is needed, not '4.5'."),
    (changed(NUMBER, "op", "=>"), "criterion.op: Input should be '<', '<=', '>' or '>=', not '=>'."),
    # lists and texts
    ({"type": "all", "of": []}, "criterion.of: the list is too short; give at least 1, not 0."),
    ({"type": "any", "of": [manual()] * 51}, "criterion.of: the list is too long; give at most 50, not 51."),
    ({"type": "any", "of": manual()}, "criterion.of: a list is needed, not an object."),
    (changed(event_leaf(), "filter.kind", []), "criterion.filter.kind: the list is too short; give at least 1"),
    (changed(event_leaf(), "filter.kind", [5]), "criterion.filter.kind[0]: a text is needed, not 5."),
    (changed(STATE, "values", [5]), "criterion.values[0]: a text or true or false is needed, not 5."),
    (manual(" "), "criterion.proposition: String should have at least 1 character."),
    (manual("x" * 4001), "criterion.proposition: String should have at most 4000 characters."),
    (manual("a\x00"), "criterion.proposition: a text cannot contain the NUL character."),
    (manual("\ud800"), "criterion.proposition: the text contains half of a surrogate pair; remove it."),
    # combinators
    ({"type": "not"}, "criterion.criterion: this field is missing; add it."),
    (
        {"type": "all", "of": [{"type": "not", "criterion": manual()}]},
        "criterion.of[0]: a person's ruling cannot be negated; leave the not out and write the proposition",
    ),
    (
        {"type": "any", "of": [manual(), {"type": "not", "criterion": changed(COUNT, "k", 0)}]},
        "criterion.of[1].criterion.k: Input should be greater than",
    ),
    (nested(21), "criterion: it is nested more than 20 deep; write it flatter"),
    (nested(5000), "criterion: it is nested more than 20 deep; write it flatter"),
    (
        {"type": "any", "of": [{"type": "any", "of": [manual()] * 50}] * 5},
        "criterion: it has 250 parts, more than 200; ask several questions instead.",
    ),
    (
        {"type": "any", "of": [manual("x" * 4000)] * 30},
        "bytes, more than 100000; ask several questions instead.",
    ),
    # sources and their queries
    (event_leaf(source="event-tabel"), "criterion.source: there is no source 'event-tabel'; the known ones are: "),
    (event_leaf(source="event-tabel"), "(did you mean event-table?)."),
    (event_leaf(query=5), "criterion.query: an object with fields is needed, not 5."),
    (
        changed(event_leaf(), "query", {"locaton": "x"}),
        "criterion.query.locaton: there is no such field (did you mean location?).",
    ),
    (
        changed(event_leaf(), "query.format", "xml"),
        "criterion.query.format: Input should be 'csv' or 'json', not 'xml'.",
    ),
    (
        {"type": "all", "of": [manual(), changed(event_leaf(), "query.location", "ftp://x/y")]},
        "criterion.of[1].query.location: use http(s)://, a file path, or seeds: and a name.",
    ),
    (
        changed(event_leaf(), "query.watermark", {}),
        "criterion.query.watermark: the field 'from' is missing, which says what kind it is; add it.",
    ),
    (
        changed(event_leaf(), "query.watermark", {"from": "hope"}),
        "criterion.query.watermark: there is no from 'hope'; use one of fetch_time, newest_row, field.",
    ),
    (
        changed(event_leaf(), "query.columns", {"date": "day"}),
        "criterion.query.columns.date: Input should be 'id', 'occurred'",
    ),
]


def sentence(value: Any) -> str:
    with pytest.raises(InvalidInputError) as caught:
        criteria.canonical(criteria.parse(value), catalogue())
    return str(caught.value)


@pytest.mark.parametrize(("value", "says"), MESSAGES, ids=range(len(MESSAGES)))
def test_what_is_wrong_is_one_sentence_with_its_place_and_remedy(value: Any, says: str) -> None:
    message = sentence(value)
    assert says in message
    assert message.startswith("criterion")
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400
    message.encode()


def test_the_deepest_and_largest_that_is_allowed_is_taken() -> None:
    criteria.parse(nested(20))
    criteria.parse({"type": "any", "of": [{"type": "any", "of": [manual()] * 50}] * 4})
    criteria.canonical(criteria.parse({"type": "any", "of": [manual("x" * 4000)] * 24}), catalogue())


def test_registering_says_the_same_with_the_place_of_the_question(desk: Desk) -> None:
    value = document(
        questions=[question(), question("q-two", criterion={"type": "any", "of": [event_leaf(grace="x")]})]
    )
    with pytest.raises(InvalidInputError) as caught:
        desk.register(value)
    assert str(caught.value) == (
        "questions[1]: criterion.of[0].grace: 'x' is not a duration; write for example P14D or PT90S."
    )
    assert desk.rev() == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{"questions": [{"criterion": {"type": "all", "type": "any"}}]}',
            "the key 'type' stands twice in one object",
        ),
        ('{"questions": [{"criterion": ' + '{"of": [' * 50_000, "is not JSON"),
    ],
)
def test_a_file_with_a_key_twice_or_nested_without_end_is_refused(tmp_path: Any, text: str, says: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InvalidInputError, match=says):
        read_document(tmp_path / "a.json")


def test_a_grace_shorter_than_its_source_suggests_is_taken_with_a_warning(desk: Desk) -> None:
    assert catalogue().suggested_grace("event-table") == timedelta(days=14)
    twice = event_leaf(type="count_at_least", k=2)
    short = {"type": "any", "of": [manual(), event_leaf(grace="P13D"), event_leaf(grace="P14D"), twice]}
    registered = desk.register(document(questions=[question(criterion=short)]))
    assert registered.warnings == [
        "questions[0]: criterion.of[1].grace: 13 days is shorter than the 14 in which event-table has late rows; "
        "what comes later will reopen a no.",
        "questions[0]: criterion.of[3].grace: 7 days is shorter than the 14 in which event-table has late rows; "
        "what comes later will reopen a no.",
    ]
