"""What the event table makes of a body: never an error, never more certainty than the body carries."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.errors import InvalidInputError
from forecasts.model import Event, Observation
from jobs.sources import catalogue, late_rows
from jobs.sources.event_table import EventTable

FETCHED = datetime(2020, 6, 15, 12, tzinfo=UTC)
QUERY: dict[str, object] = {
    "location": "https://example.org/events.csv",
    "format": "csv",
    "watermark": {"from": "fetch_time", "lag": "P14D"},
}
JSON_QUERY = QUERY | {"format": "json"}
HYPHENS = "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
HEADER = "occurred,zone,known_at,kind,actors,description,citation\n"


def csv_of(*rows: str) -> bytes:
    return (HEADER + "".join(f"{row}\n" for row in rows)).encode()


def row(occurred: str = "2020-06-01", zone: str = "Asia/Seoul", known_at: str = "", kind: str = "launch") -> str:
    return f"{occurred},{zone},{known_at},{kind},North Korea,A test,KCNA"


def parse(body: bytes, query: dict[str, object] = QUERY, **changed: Any) -> Observation:
    given: dict[str, Any] = {"content_type": "text/csv", "fetched_at": FETCHED, "previous": None} | changed
    return EventTable().parse(body, query=query, **given)


def only_event(body: bytes, query: dict[str, object] = QUERY) -> Event:
    observation = parse(body, query)
    assert observation.status == "ok", observation.problems
    (event,) = observation.events
    return event


def rows_before(count: int) -> Observation:
    return parse(csv_of(*[row()] * count))


# -- rows ----------------------------------------------------------------------------------------------------


def test_a_row_becomes_an_event() -> None:
    body = csv_of('2020-06-01,Asia/Seoul,2020-06-02T00:00:00Z,summit,"Ann; Bob",They met,"Herald, 2 June"')
    assert only_event(body) == Event(
        occurred=date(2020, 6, 1),
        kind="summit",
        zone="Asia/Seoul",
        actors=("Ann", "Bob"),
        known_at=datetime(2020, 6, 2, tzinfo=UTC),
        description="They met",
        citation="Herald, 2 June",
    )


def test_json_says_the_same_as_csv() -> None:
    rows = [
        {
            "occurred": "2020-06-01",
            "zone": "Asia/Seoul",
            "known_at": None,
            "kind": "launch",
            "actors": ["North Korea"],
            "description": "A test",
            "citation": "KCNA",
        }
    ]
    from_csv = parse(csv_of(row()))
    assert parse(json.dumps(rows).encode(), JSON_QUERY) == from_csv
    assert parse(json.dumps({"rows": rows}).encode(), JSON_QUERY) == from_csv


def test_columns_may_have_other_names() -> None:
    query = QUERY | {"columns": {"occurred": "day", "actors": "who"}, "kind": "quake", "zone": "UTC"}
    event = only_event(b"day,who\n2020-06-01,A;B\n", query)
    assert (event.occurred, event.kind, event.actors, event.zone) == (date(2020, 6, 1), "quake", ("A", "B"), "UTC")


@pytest.mark.parametrize(
    ("text", "zone", "occurred"),
    [
        ("2020-06-01", "Asia/Seoul", date(2020, 6, 1)),
        ("2020\u201106\u201101", "Asia/Seoul", date(2020, 6, 1)),  # non-breaking hyphens, as a real table had
        ("2020\u201306\u221201", "Asia/Seoul", date(2020, 6, 1)),
        *((f"2020{hyphen}06{hyphen}01", "Asia/Seoul", date(2020, 6, 1)) for hyphen in HYPHENS),
        ("2020-\u00ad06-\u00ad01", "Asia/Seoul", date(2020, 6, 1)),  # where a line may be broken
        ("2020-6-1", "Asia/Seoul", date(2020, 6, 1)),
        ("2020-6-1 06:45", "Asia/Seoul", datetime(2020, 5, 31, 21, 45, tzinfo=UTC)),
        ("2020-06\u201308", "Asia/Seoul", None),  # June to August
        ("2020-06-01\u201303", "Asia/Seoul", None),
        ("2020-06-01 06:00\u201308:00", "Asia/Seoul", None),
        ("2020-06-01 12", "Asia/Seoul", None),  # the number of a footnote
        ("2020-06-01 [12]", "Asia/Seoul", None),
        ("1/6/2020", "Asia/Seoul", None),
        ("circa 2020-06-01", "Asia/Seoul", None),
        ("2019-08-24T06:45+09:00", "", datetime(2019, 8, 23, 21, 45, tzinfo=UTC)),
        ("2019-08-24T06:45", "Asia/Seoul", datetime(2019, 8, 23, 21, 45, tzinfo=UTC)),
        ("2019-08-23T21:45:00Z", "Asia/Seoul", datetime(2019, 8, 23, 21, 45, tzinfo=UTC)),
        ("2019-08-24T06:45", "", None),  # an hour that belongs to no zone
        ("2019-08-24T06:45", "Mars/Olympus", None),
        ("", "Asia/Seoul", None),
        ("about June", "Asia/Seoul", None),
        ("2020-02-30", "Asia/Seoul", None),
        ("9999-12-31", "Asia/Seoul", None),  # some tables write "never" so
        ("0001-01-01", "Asia/Seoul", None),
        ("9999-12-31T23:59:59-12:00", "Asia/Seoul", None),
    ],
)
def test_a_date_is_a_day_or_an_instant_or_not_known(text: str, zone: str, occurred: date | None) -> None:
    observation = parse(csv_of(row(text, zone), row()))
    assert ("1 rows without a date that can be read" in observation.problems) is (occurred is None)
    event = observation.events[0]
    assert event.occurred == occurred
    assert type(event.occurred) is type(occurred)


def test_an_undated_row_is_kept_and_named() -> None:
    observation = parse(csv_of(row(), row(occurred=""), row(occurred="soon")))
    assert [event.occurred for event in observation.events] == [date(2020, 6, 1), None, None]
    assert observation.problems == ("2 rows without a date that can be read",)
    assert observation.sound


def test_a_day_without_a_zone_of_its_own_takes_the_tables_or_none() -> None:
    body = csv_of(row(zone=""))
    assert only_event(body).zone is None
    assert only_event(body, QUERY | {"zone": "Asia/Seoul"}).zone == "Asia/Seoul"
    assert only_event(csv_of(row(zone="Nowhere/At_All"))).zone is None


def test_a_row_known_only_after_the_fetch_is_kept_and_named() -> None:
    at = FETCHED.isoformat()
    later = (FETCHED + timedelta(seconds=1)).isoformat()
    observation = parse(csv_of(row(known_at=at, kind="a"), row(known_at=later, kind="b")))
    assert [event.kind for event in observation.events] == ["a", "b"]
    assert observation.problems == ("1 rows said to be known only after the fetch",)


def test_a_row_without_a_kind_is_kept_as_one_of_any() -> None:
    observation = parse(csv_of(row(), row(kind="")))
    assert [event.kind for event in observation.events] == ["launch", ""]
    assert observation.problems == ("1 rows without a kind, which may be of any",)
    nameless = parse(csv_of(row(kind="")))
    assert (nameless.status, nameless.problems) == (
        "malformed",
        ("no row has a kind: name its column under columns, or give kind",),
    )


def test_only_an_exact_repetition_of_a_row_is_left_out() -> None:
    query = QUERY | {"columns": {"id": "citation"}}
    observation = parse(csv_of(row(), row(), row("2020-06-03"), row(kind="test")), query)
    assert [(event.occurred, event.kind) for event in observation.events] == [
        (date(2020, 6, 1), "launch"),
        (date(2020, 6, 3), "launch"),
        (date(2020, 6, 1), "test"),
    ]
    assert observation.problems == ("1 rows that repeat a row with their id, left out",)


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert parse(b"\xef\xbb\xbf" + csv_of(row())) == parse(csv_of(row()))


# -- bodies that are no table ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!doctype html><title>Sorry</title>", "page or markup"),
        (b"  \n<html>", "page or markup"),
        (b"\xef\xbb\xbf<html>", "no column"),
        (b"day;what\n2020-06-01;launch\n", "no column 'kind'"),
        (b"occurred,zone\n2020-06-01,UTC\n", "no column 'kind'"),
        (csv_of(row())[:-30], "line 2 of the table has another number of fields"),
        (csv_of(row() + ",more"), "line 2 of the table has another number of fields"),
        (csv_of('2020-06-01,"open quote'), "not CSV"),
        (csv_of("2020-06-01," + "x" * 200_000), "not CSV: field larger than field limit"),
        (HEADER.encode() + b"2020-06-01,\xff\xfe", "not UTF-8 text (byte 67)"),
        (csv_of(row()).decode().encode("utf-16"), "not UTF-8 text (byte 0)"),
    ],
)
def test_a_body_that_is_no_csv_table_is_malformed(body: bytes, said: str) -> None:
    observation = parse(body)
    assert observation.status == "malformed"
    assert said in observation.problems[0]
    assert not observation.sound
    assert observation.events == ()


def test_the_declared_type_is_believed_when_it_says_html() -> None:
    assert parse(csv_of(row()), content_type="text/HTML; charset=utf-8").status == "malformed"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 100_000,
        b'{"rows": ' + b"[" * 100_000,
        b"1" * 10_000,
        b"3",
        b'"rows"',
        b'{"data": []}',
        b'{"rows": {"a": 1}}',
        b"[1, 2]",
        b'[{"kind": "a"}, null]',
    ],
)
def test_json_that_is_no_list_of_rows_is_malformed(body: bytes) -> None:
    assert parse(body, JSON_QUERY).status == "malformed"


@pytest.mark.parametrize("depth", [10, 200, 450, 900, 990, 2000, 50_000])
def test_a_deep_json_value_in_a_row_is_read_or_refused(depth: int) -> None:
    body = b'[{"kind": "a", "actors": ' + b"[" * depth + b"]" * depth + b"}]"
    assert parse(body, JSON_QUERY).status in ("ok", "malformed")


def test_json_numbers_and_flags_are_no_dates() -> None:
    dates: list[object] = [1590969600000, True, "2020-06-01"]
    body = json.dumps([{"kind": "a", "occurred": value} for value in dates]).encode()
    assert [event.occurred for event in parse(body, JSON_QUERY).events] == [None, None, date(2020, 6, 1)]


def test_a_nul_which_postgresql_cannot_store_is_replaced() -> None:
    assert only_event(csv_of(row(kind="la\x00unch"))).kind == "la\ufffdunch"


@pytest.mark.parametrize("body", [b"", b" \n\n", HEADER.encode(), b"\xef\xbb\xbf"])
def test_zero_rows_prove_nothing(body: bytes) -> None:
    observation = parse(body)
    assert observation.status == "empty"
    assert not observation.sound
    assert observation.problems[0] == "the table has no rows, which proves nothing"


def test_zero_json_rows_prove_nothing() -> None:
    assert {parse(body, JSON_QUERY).status for body in (b"[]", b'{"rows": []}', b"")} == {"empty"}


# -- shrinking -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "sound"),
    [
        (10, 7, True),  # three rows may go from any table
        (10, 6, False),
        (100, 95, True),  # and of a long one 5 %
        (100, 94, False),
        (79, 75, False),  # 3.95 rows allowed, four lost
        (80, 76, True),
        (4, 1, True),
        (10, 12, True),
    ],
)
def test_a_table_that_lost_too_many_rows_is_not_trusted(before: int, after: int, sound: bool) -> None:
    observation = parse(csv_of(*[row()] * after), previous=rows_before(before))
    assert observation.sound is sound
    assert observation.status == "ok"
    assert len(observation.events) == after
    assert bool(observation.problems) is not sound


def test_a_shrunken_table_says_by_how_much() -> None:
    observation = parse(csv_of(row()), previous=rows_before(10))
    assert observation.problems == ("the table shrank from 10 rows to 1, so it is not trusted",)


# -- watermarks ------------------------------------------------------------------------------------------------


def test_a_fetch_time_watermark_is_the_fetch_less_its_lag() -> None:
    assert parse(csv_of(row())).watermark == FETCHED - timedelta(days=14)


def test_a_fetch_time_watermark_never_passes_its_end() -> None:
    watermark = {"from": "fetch_time", "lag": "P14D", "until": "2020-06-01T00:00:00Z"}
    until = datetime(2020, 6, 1, tzinfo=UTC)
    for fetched_at, expected in [
        (FETCHED, until),
        (FETCHED - timedelta(days=1), FETCHED - timedelta(days=15)),
        (FETCHED + timedelta(days=400), until),
    ]:
        body = csv_of(row())
        assert parse(body, QUERY | {"watermark": watermark}, fetched_at=fetched_at).watermark == expected


def test_a_newest_row_watermark_is_the_end_of_the_newest_row_of_any_kind() -> None:
    query = QUERY | {"watermark": {"from": "newest_row"}}
    body = csv_of(row("2020-06-10", kind="other"), row("2020-06-01"), row("", kind="undated"))
    assert parse(body, query).watermark == datetime(2020, 6, 10, 15, tzinfo=UTC)  # midnight in Seoul


def test_a_newest_row_in_the_far_future_is_no_watermark() -> None:
    query = QUERY | {"watermark": {"from": "newest_row"}}
    assert parse(csv_of(row("2020-06-10"), row("2031-01-01")), query).watermark == datetime(
        2020, 6, 10, 15, tzinfo=UTC
    )
    assert parse(csv_of(row("2031-01-01")), query).watermark is None
    assert parse(csv_of(row("")), query).watermark is None


@pytest.mark.parametrize(
    ("published", "watermark"),
    [
        ("2020-06-14T00:00:00Z", datetime(2020, 6, 14, tzinfo=UTC)),
        ("2020-06-14T09:00:00+09:00", datetime(2020, 6, 14, tzinfo=UTC)),
        ("2020-06-14T00:00:00", datetime(2020, 6, 14, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
        (20200614, None),
    ],
)
def test_a_published_watermark_is_read_beside_the_rows(published: object, watermark: datetime | None) -> None:
    query = JSON_QUERY | {"watermark": {"from": "field", "name": "complete_to"}}
    body = json.dumps({"complete_to": published, "rows": [{"occurred": "2020-06-01", "kind": "a"}]}).encode()
    assert parse(body, query).watermark == watermark


def test_a_list_publishes_no_watermark() -> None:
    query = JSON_QUERY | {"watermark": {"from": "field", "name": "complete_to"}}
    assert parse(b'[{"occurred": "2020-06-01", "kind": "a"}]', query).watermark is None


# -- queries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        QUERY,
        QUERY | {"watermark": {"from": "fetch_time", "lag": "PT336H", "until": "2023-02-28T09:00:00+09:00"}},
        QUERY | {"columns": {"kind": "type"}, "zone": "Asia/Seoul", "location": "seeds:events/korea.csv"},
        QUERY | {"columns": {}, "zone": None, "kind": None},
        JSON_QUERY | {"watermark": {"from": "field", "name": "complete_to"}},
    ],
)
def test_the_canonical_query_is_its_own_canonical_form(query: dict[str, object]) -> None:
    source = catalogue().get("event-table")
    once = source.canonical(query)
    assert source.canonical(once) == once
    json.dumps(once, allow_nan=False)


def test_two_spellings_of_one_query_are_one_resource() -> None:
    source = EventTable()
    spelt = QUERY | {"columns": {}, "watermark": {"from": "fetch_time", "lag": "PT336H"}}
    assert source.canonical(spelt) == source.canonical(QUERY)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"location": ""}, "query.location"),
        ({"location": "ftp://example.org/a.csv"}, "query.location: use http(s)://"),
        ({"format": "xlsx"}, "query.format"),
        ({"watermark": {"from": "field", "name": "a"}}, "query.watermark.from: a CSV table publishes no field"),
        ({"watermark": {"from": "guess"}}, "query.watermark"),
        ({"watermark": {"from": "fetch_time", "lag": "two weeks"}}, "is not a duration"),
        ({"columns": {"when": "day"}}, "query.columns"),
        ({"zone": "Mars/Olympus"}, "query.zone: 'Mars/Olympus' is not an IANA time zone"),
        ({"speed": 3}, "query.speed"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused_with_its_place(change: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError, match="query") as refusal:
        EventTable().canonical(QUERY | change)
    assert said in str(refusal.value)


def test_the_whole_table_is_asked_for_whatever_came_before() -> None:
    request = EventTable().request(QUERY, as_of=FETCHED, previous=rows_before(3))
    assert (request.location, request.etag, request.last_modified) == (QUERY["location"], None, None)


# -- anything at all -------------------------------------------------------------------------------------------

_cells = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "2020-06-01",
        "2020-06-01T00:00",
        "9999-12-31",
        "0001-01-01T00:00Z",
        "Asia/Seoul",
        "../etc",
        "launch",
        '"',
        "\n",
    ]
)
_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | _cells,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(HEADER[:-1].split(",")), inner),
    max_leaves=12,
)
_bodies = (
    st.binary(max_size=300)
    | st.binary(max_size=100).map(lambda tail: HEADER.encode() + tail)
    | st.lists(st.lists(_cells, min_size=7, max_size=7), max_size=4).map(
        lambda rows: csv_of(*[",".join(cells) for cells in rows])
    )
    | st.lists(st.dictionaries(st.sampled_from(HEADER[:-1].split(",")), _json), max_size=4).map(
        lambda rows: json.dumps(rows).encode()
    )
    | _json.map(lambda value: json.dumps({"rows": value, "at": value}).encode())
)


@given(
    body=_bodies,
    kind=st.sampled_from(["csv", "json"]),
    watermark=st.sampled_from([{"from": "newest_row"}, {"from": "field", "name": "at"}, QUERY["watermark"]]),
    content_type=st.text(max_size=10),
    previous=st.none() | st.integers(0, 9).map(rows_before),
)
def test_no_body_raises(
    body: bytes, kind: str, watermark: object, content_type: str, previous: Observation | None
) -> None:
    query = QUERY | {"format": kind, "watermark": watermark, "zone": "Asia/Seoul"}
    observation = parse(body, query, content_type=content_type, previous=previous)
    assert observation.status in ("ok", "empty", "malformed")
    assert (observation.status == "ok") == bool(observation.events)
    for event in observation.events:  # every one can be placed in time, or is openly undated
        assert (event.interval("Asia/Seoul") is None) == (event.occurred is None)


def interval_row(start: str, end: str) -> bytes:
    return f"occurred,occurred_until,zone,kind\n{start},{end},Asia/Seoul,launch\n".encode()


def test_a_row_may_say_only_between_which_days() -> None:
    found = only_event(interval_row("2019-12-28", "2019-12-31")).interval("UTC")
    assert found is not None
    assert (found.start, found.end) == (
        datetime(2019, 12, 27, 15, tzinfo=UTC),
        datetime(2019, 12, 31, 15, tzinfo=UTC),
    )


@pytest.mark.parametrize(("start", "end"), [("2019-12-28", "soon"), ("2019-12-28", "2019-12-01")])
def test_an_interval_that_is_none_leaves_the_row_undated(start: str, end: str) -> None:
    body = interval_row(start, end) + interval_row("2019-12-01", "2019-12-02").splitlines(keepends=True)[-1]
    assert [event.interval("UTC") is None for event in parse(body).events] == [True, False]


@pytest.mark.parametrize(
    ("rows", "columns", "problems"),
    [
        (
            [{"date": "2020-06-01"}, {"date": "2020-06-02"}],
            {},
            "no row has a date that can be read in 'occurred': ",
        ),
        ([{"occurred": "2020-06-01"}], {"occurred": "day"}, "no row has a date that can be read in 'day': "),
        ([{"day": None}, {"day": "soon"}], {"occurred": "day"}, "no row has a date that can be read in 'day': "),
    ],
)
def test_a_table_without_any_date_that_can_be_read_is_none(
    rows: list[dict[str, object]], columns: dict[str, str], problems: str
) -> None:
    body = json.dumps([{"kind": "launch"} | row for row in rows]).encode()
    found = parse(body, JSON_QUERY | {"columns": columns, "zone": "UTC"})
    assert found.status == "malformed"
    (problem,) = found.problems
    assert problem.startswith(problems)


def test_rows_that_lack_the_column_of_the_date_are_undated_and_counted() -> None:
    rows = [{"kind": "launch", "day": "2020-06-01"}, {"kind": "launch", "date": "2020-06-02"}]
    found = parse(json.dumps(rows).encode(), JSON_QUERY | {"columns": {"occurred": "day"}, "zone": "UTC"})
    assert [event.occurred for event in found.events] == [date(2020, 6, 1), None]
    assert found.problems == ("1 rows without a date that can be read",)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("day,what,state", "the table has no column 'who'"),
        ("day,what,who,day", "the table has more than one column 'day'"),
        ("day;what;who", "the table has no column 'day'"),
    ],
)
def test_a_csv_table_has_every_column_that_was_named_once(header: str, said: str) -> None:
    query = QUERY | {"columns": {"occurred": "day", "kind": "what", "actors": "who"}}
    line = ",".join(["2020-06-01", "launch", "North Korea", "x"][: header.count(",") + 1])
    found = parse(f"{header}\n{line}\n".encode(), query)
    assert (found.status, found.problems) == ("malformed", (said,))


def test_rows_of_nothing_but_commas_are_none() -> None:
    assert len(parse(csv_of(row(), ",,,,,,", " , ,,,,,")).events) == 1
    assert parse(csv_of(",,,,,,")).status == "empty"


def test_the_rows_are_no_published_watermark() -> None:
    query = JSON_QUERY | {"watermark": {"from": "field", "name": "rows"}}
    with pytest.raises(InvalidInputError, match=r"query.watermark.name: the rows stand under rows"):
        EventTable().canonical(query)


@pytest.mark.parametrize(
    ("before", "now", "late"),
    [
        ([], ["1,2020-05-01,launch,A"], 1),
        ([], ["1,2020-06-01,launch,A"], 0),  # the source was not said to be complete to it
        ([], ["1,,launch,A"], 0),
        (["1,2020-05-01,launch,A"], ["1,2020-05-01,launch,edited"], 0),
        (["1,2020-05-01,launch,A"], ["1,2020-05-01,test,A"], 0),
        (["1,2020-05-01,launch,A"], ["1,2020-05-03,launch,A"], 0),
        (["1,2020-05-01,launch,A"], ["8,2020-05-01,test,A"], 0),  # re-keyed
        (["1,,launch,A"], ["1,2020-05-03,launch,A"], 0),
        (["1,2020-05-01,launch,A"], ["2,2020-05-03,launch,A"], 1),  # one withdrawn, another new
        (["1,2020-05-01,launch,A"], ["1,2020-05-01,launch,A", "2,2020-05-01,launch,B"], 1),
        (["1,2020-05-01,launch,A"], ["1,2020-05-03,launch,A", "2,2020-05-01,launch,B"], 1),
        ([",2020-05-01,launch,A"], [",2020-05-03,launch,A"], 0),
        ([",2020-05-01,launch,A"], [",2020-05-03,launch,B"], 1),
        ([",,launch,A"], [",2020-05-03,launch,A"], 0),
        (["1,,launch,A", "2,2020-05-01,launch,B"], ["8,2020-05-03,launch,A", "9,2020-05-01,launch,B"], 0),
        (["1,2020-05-01,launch,A"], [], 0),
    ],
)
def test_only_a_new_row_is_late(before: list[str], now: list[str], late: int) -> None:
    query = QUERY | {"columns": {"id": "id", "description": "text"}, "zone": "UTC"}
    always = "99,2020-04-01,port,x"
    bodies = ("\n".join(["id,occurred,kind,text", always, *rows]).encode() for rows in (before, now))
    earlier, later = (parse(body, query) for body in bodies)
    assert late_rows(earlier, later) == late


EVENTS = st.lists(
    st.builds(
        Event,
        occurred=st.one_of(st.none(), st.dates(date(2020, 5, 1), date(2020, 5, 4))),
        kind=st.sampled_from(["launch", "test"]),
        description=st.sampled_from(["A", "B"]),
        id=st.sampled_from(["", "1", "2"]),
    ),
    max_size=5,
)


@given(before=EVENTS, now=EVENTS, around=st.integers(0, 3), behind=st.integers(0, 3))
def test_rows_that_stay_as_they_are_make_no_other_late(
    before: list[Event], now: list[Event], around: int, behind: int
) -> None:
    def observed(events: list[Event]) -> Observation:
        kept = [Event(occurred=date(2019, 1, 1 + n), kind="port", id=f"kept-{n}") for n in range(around + behind)]
        return Observation("ok", events=(*kept[:around], *events, *kept[around:]), watermark=FETCHED)

    bare = [Observation("ok", events=tuple(events), watermark=FETCHED) for events in (before, now)]
    found = late_rows(observed(before), observed(now))
    if around + behind == 0 or not any(event.id for event in (*before, *now)):
        assert found == late_rows(*bare)
    assert 0 <= found <= len(now)
    assert late_rows(observed(before), observed(before)) == 0


def test_a_published_watermark_never_passes_the_fetch() -> None:
    query = QUERY | {"format": "json", "watermark": {"from": "field", "name": "complete_to"}}
    rows = [{"occurred": "2020-06-01", "zone": "UTC", "kind": "launch"}]
    body = json.dumps({"complete_to": "2100-01-01T00:00:00Z", "rows": rows}).encode()
    assert parse(body, query, content_type="application/json").watermark == FETCHED
