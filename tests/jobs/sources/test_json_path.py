"""Any JSON API: one value as a state, rows as events, and what an answer must hold to prove an absence."""

import contextlib
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.errors import InvalidInputError
from forecasts.model import Event, Interval, Observation, State
from jobs.sources import get_source
from jobs.sources._path import compile_path
from tests.jobs.sources.bodies import (
    FETCHED,
    JSON_ROWS_QUERY,
    JSON_VALUE,
    JSON_VALUE_QUERY,
    LAG,
    documents,
    observe,
)


def value(body: object, **query: Any) -> Observation:
    asked = {"location": "https://example.org/v", "value": "$.v", "watermark": LAG} | query
    return observe("json-path", body, asked)


def rows(body: object, previous: Observation | None = None, **query: Any) -> Observation:
    asked = {key: value for key, value in (JSON_ROWS_QUERY | query).items() if value is not None}
    return observe("json-path", body, asked, previous=previous)


# -- paths -----------------------------------------------------------------------------------------------------

ANSWER = [{"page": 1}, [{"d": "2020", "v": 1.5, "a b": [1, 2, 3]}, {"d": "2021", "v": None, "on": True}]]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [ANSWER]),
        ("$[0].page", [1]),
        ("$[-1][0].v", [1.5]),
        ("$[1][*].d", ["2020", "2021"]),
        ("$[0][*]", [1]),
        ("$[1][0]['a b'][-3]", [1]),
        ('$[1][0]["a b"][3]', []),
        ("$[1][?@.d == '2021'].v", [None]),
        ("$[1][?@.v == 1.5].d", ["2020"]),
        ("$[1][?@.v==null].d", ["2021"]),
        ("$[1][?@.on == true].d", ["2021"]),
        ("$[0][?@.page == true]", []),
        ("$[1][?@['a b'][0] == 1].d", ["2020"]),
        ("$.page", []),
        ("$[0].page.deeper", []),
        ("$[7]", []),
    ],
)
def test_a_path_leads_to_values(path: str, found: list[object]) -> None:
    assert compile_path(path).find(ANSWER) == found


def test_to_python_true_is_one_and_false_is_zero_but_not_to_a_path() -> None:
    answer = [{"v": value} for value in (0, False, 1, True)]
    for text, place in (("0", 0), ("false", 1), ("1", 2), ("true", 3)):
        (found,) = compile_path(f"$[?@.v == {text}]").find(answer)
        assert found is answer[place]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("v", "a path begins with $"),
        ("", "a path begins with $"),
        ("$..v", "'..v' is no step"),
        ("$[1:2]", "'[1:2]' is no step"),
        ("$.a[?@.b > 1]", "is no step"),
        ("$.a[?@.b == 'x' || @.c == 1]", "is no step"),
        ("$.a[?@[*] == 1]", "leads to more than one value"),
        ("$.a[?match(@.b, '(a+)+$')]", "is no step"),
        ("$" + ".a" * 21, "at most 20 steps"),
        ("$.a b", "' b' is no step"),
    ],
)
def test_what_is_no_path_is_refused_with_its_place(path: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        compile_path(path)


@given(st.text("$@.[]*?='\"ab01 -", max_size=40))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert len(compile_path(text).find(ANSWER)) <= 9  # there are not more values in it


# -- one value ---------------------------------------------------------------------------------------------------


def test_a_value_is_a_state() -> None:
    found = observe("json-path", JSON_VALUE, JSON_VALUE_QUERY)
    assert found.state == State(Decimal("5.2"))
    assert (found.sound, found.watermark) == (True, FETCHED - timedelta(days=1))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (3, Decimal(3)),
        (0.1, Decimal("0.1")),
        (True, True),
        ("open", "open"),
        ("5.2", "5.2"),
        (-0.0, Decimal("-0.0")),
    ],
)
def test_a_value_is_a_number_a_word_or_a_flag(raw: object, expected: object) -> None:
    state = value({"v": raw}).state
    assert state is not None
    assert state.value == expected
    assert type(state.value) is type(expected)


@pytest.mark.parametrize(("raw", "expected"), [("5.2", "5.2"), (" -1e3 ", "-1000"), (".5", "0.5"), (7, "7")])
def test_a_number_may_be_written_as_text(raw: object, expected: str) -> None:
    assert value({"v": raw}, numeric=True).state == State(Decimal(expected))


@pytest.mark.parametrize("raw", [None, "", "  "])
def test_a_blank_value_proves_nothing(raw: object) -> None:
    assert value({"v": raw}, numeric=True).status == "empty"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "the path of the value, $.v, leads to 0 values"),
        ({"v": [1]}, "leads to a list or an object"),
        ({"v": {}}, "leads to a list or an object"),
        ({"v": "5,2"}, "is no number"),
        ({"v": "1_000"}, "is no number"),
        ({"v": "٣"}, "is no number"),
        ({"v": "NaN"}, "is no number"),
        ({"v": True}, "is no number"),
        (b'{"v": 1e999}', "is no number that can be reckoned with"),
        (b'{"v": 1e99999999999999999999}', "not JSON"),
        (b'{"v": NaN}', "not JSON"),
        (b'{"v": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"<html>", "a page or markup"),
    ],
)
def test_what_is_no_number_is_malformed(body: object, said: str) -> None:
    found = value(body, numeric=True)
    assert (found.status, found.state) == ("malformed", None)
    assert said in found.problems[0]


def test_a_throttle_notice_under_200_is_throttled() -> None:
    assert value({"Note": "Our API rate limit is 5 requests per minute."}).status == "throttled"
    assert value(b"Please limit requests to one every 5 seconds.").status == "throttled"


@pytest.mark.parametrize(
    ("raw", "query", "start", "width"),
    [
        ("2021-09-01T10:00:00+02:00", {}, datetime(2021, 9, 1, 8, tzinfo=UTC), 0),
        ("2021-09-01", {"zone": "Asia/Seoul"}, datetime(2021, 8, 31, 15, tzinfo=UTC), 24),
        (1630483200, {"epoch": "s"}, datetime(2021, 9, 1, 8, tzinfo=UTC), 0),
        (1630483200500, {"epoch": "ms"}, datetime(2021, 9, 1, 8, 0, 0, 500_000, tzinfo=UTC), 0),
    ],
)
def test_a_value_may_be_dated(raw: object, query: dict[str, str], start: datetime, width: int) -> None:
    state = value({"v": 1, "at": raw}, since="$.at", **query).state
    assert state == State(Decimal(1), since=Interval(start, start + timedelta(hours=width)))


@pytest.mark.parametrize("raw", ["2021-09-01", "soon", None, 1630483200, "9999-12-31", "1630483200"])
def test_a_date_that_is_not_certain_is_not_guessed(raw: object) -> None:
    found = value({"v": 1, "at": raw}, since="$.at")
    assert found.state == State(Decimal(1))
    assert found.problems == ("the date at $.at cannot be read",)


def test_a_value_from_the_future_is_malformed() -> None:
    assert value({"v": 1, "at": "2021-09-10T12:00:01Z"}, since="$.at").status == "malformed"


# -- rows --------------------------------------------------------------------------------------------------------


def test_rows_become_events() -> None:
    found = rows(documents("2021-09-01", "2021-09-02"))
    assert found.events[0] == Event(
        date(2021, 9, 1), "Rule", zone="America/New_York", description="Rule 0", id="2021-0"
    )
    assert (len(found.events), found.sound, found.problems) == (2, True, ())


def test_zero_rows_are_an_answer_only_with_a_count_or_a_canary() -> None:
    assert rows(documents()).status == "ok"
    assert rows(documents(), count=None).status == "empty"
    whole = documents() | {"dataset": {"name": "rules"}}
    assert rows(whole, count=None, canary="$.dataset.name").status == "ok"
    assert rows(documents(), count=None, canary="$.dataset.name").status == "malformed"
    assert (
        rows(documents() | {"dataset": {"name": None}}, count=None, canary="$.dataset.name").status == "malformed"
    )


def test_fewer_rows_than_the_count_are_complete_to_no_instant() -> None:
    found = rows(documents("2021-09-01", count=57))
    assert (found.sound, len(found.events), found.watermark) == (True, 1, None)


@pytest.mark.parametrize("count", [0, "1", None, -1, 1.5, True])
def test_a_count_that_does_not_fit_is_malformed(count: object) -> None:
    body = documents("2021-09-01")
    body["count"] = count
    assert rows(body).status == "malformed"


def test_rows_none_of_which_can_be_read_prove_nothing() -> None:
    body = documents("2021-09-01")
    del body["results"][0]["type"]
    assert rows(body).status == "malformed"


def test_a_row_that_comes_twice_counts_once() -> None:
    body = documents("2021-09-01", "2021-09-02")
    body["results"][1]["number"] = "2021-0"
    found = rows(body)
    assert len(found.events) == 2  # an id used again for something else
    body["results"][1] = body["results"][0]
    found = rows(body)
    assert [event.occurred for event in found.events] == [date(2021, 9, 1)]
    assert found.problems == ("1 rows that repeat a row with their id, left out",)


def test_rows_that_went_missing_are_noticed() -> None:
    before = rows(documents(*["2021-09-01"] * 20))
    assert rows(documents(*["2021-09-01"] * 17), before).sound
    assert not rows(documents(*["2021-09-01"] * 16), before).sound
    assert not rows(documents(), before).sound


@pytest.mark.parametrize(
    ("rule", "watermark"),
    [
        ({"from": "newest_row"}, datetime(2021, 9, 2, 4, tzinfo=UTC)),
        ({"from": "field", "path": "$.updated"}, datetime(2021, 9, 9, 1, tzinfo=UTC)),
        ({"from": "field", "path": "$.nothing"}, None),
    ],
)
def test_the_watermark_is_the_declared_one(rule: dict[str, str], watermark: datetime | None) -> None:
    body = documents("2021-09-01") | {"updated": "2021-09-09T01:00:00Z"}
    assert rows(body, watermark=rule).watermark == watermark


def test_dates_of_rows_may_be_numbers() -> None:
    body = [
        {"kind": "a", "occurred": 1630483200},
        {"kind": "a", "occurred": 10**40},
        {"kind": "a", "occurred": None},
    ]
    query: dict[str, object] = {"location": "x.json", "rows": "$[*]", "epoch": "s", "watermark": LAG}
    found = observe("json-path", body, query)
    assert [event.occurred for event in found.events] == [datetime(2021, 9, 1, 8, tzinfo=UTC), None, None]


# -- queries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (JSON_VALUE_QUERY | {"rows": "$[*]"}, "query: give either value"),
        (JSON_VALUE_QUERY | {"value": None}, "query: give either value"),
        (JSON_VALUE_QUERY | {"count": "$.n"}, "query.count: this belongs to rows"),
        (
            JSON_VALUE_QUERY | {"watermark": {"from": "newest_row"}},
            "query.watermark.from: a value has no newest row",
        ),
        (JSON_VALUE_QUERY | {"value": "$..v"}, "query.value: '..v' is no step of a path"),
        (JSON_VALUE_QUERY | {"value": "@.v"}, "query.value: this path is looked for in the whole answer"),
        (
            JSON_ROWS_QUERY | {"columns": {"kind": "$.type"}},
            "query.columns.kind: this path is looked for in each row",
        ),
        (JSON_ROWS_QUERY | {"numeric": True}, "query.numeric: this belongs to value"),
        (JSON_ROWS_QUERY | {"since": "$.at"}, "query.since: this belongs to value"),
        (JSON_ROWS_QUERY | {"location": "gopher://x"}, "query.location: use http(s)://"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused_with_its_place(query: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        get_source("json-path").canonical(query)
    assert said in str(refusal.value)
