"""Whatever bytes a source is given: always an observation, in bounded time and memory, and never a false `ok`."""

import json
import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.model import Observation, State
from jobs.sources import get_source
from jobs.sources.event_table import MAX_ROWS
from tests.jobs.sources import bodies
from tests.jobs.sources.test_registry import EXAMPLES

QUERIES: dict[str, list[bodies.Query]] = {name: [query] for name, (query, _) in EXAMPLES.items()}
QUERIES["event-table"] += [
    bodies.TABLE_QUERY | {"format": "json", "watermark": {"from": "field", "name": "count"}}
]
QUERIES["json-path"] += [
    bodies.JSON_VALUE_QUERY,
    {"location": "x", "value": "$", "watermark": bodies.LAG},
    {"location": "x", "rows": "$[*]", "epoch": "s", "watermark": {"from": "newest_row"}},
    {"location": "x", "rows": "$[*]", "canary": "$.dataset", "watermark": {"from": "field", "path": "$[0]"}},
]
QUERIES["rss-atom"] += [
    bodies.RSS_QUERY | {"dated_by": "updated", "zone": "Asia/Seoul", "watermark": {"from": "newest_row"}}
]
CASES = [(name, query) for name, queries in QUERIES.items() for query in queries]
REAL = [body if isinstance(body, bytes) else json.dumps(body).encode() for _, body in EXAMPLES.values()] + [
    bodies.ATOM,
    json.dumps(bodies.JSON_VALUE).encode(),
    json.dumps(bodies.resolved("YES")).encode(),
    b'{"error": {"code": "maxlag", "info": "Waiting"}}',
]
HOSTILE = {
    "deep list": b"[" * 200_000,
    "deep closed list": b"[" * 200_000 + b"]" * 200_000,
    "deep object": b'{"a":' * 200_000,
    "deep inside rows": b'{"rows": [{"kind": "a", "actors": ' + b"[" * 200_000,
    "deep inside features": b'{"features": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep XML": b"<rss>" + b"<channel>" * 200_000,
    "many lists": b"[" + b"[]," * 3_000_000 + b"[]]",
    "many objects": b'{"results": [' + b"{}," * 3_000_000 + b"{}]}",
    "many commas": b"occurred,kind\n" + b"," * 9_000_000,
    "many lines": b"occurred,kind\n" + b",\n" * 4_500_000,
    "many elements": b"<rss><channel>" + b"<item/>" * 1_200_000,
    "many attributes": b"<rss " + b" ".join(b'a%d=""' % n for n in range(900_000)) + b"/>",
    "one long text": b'"' + b"a" * 9_000_000 + b'"',
    "one long number": b"1" * 9_000_000,
    "one long fraction": b"0." + b"1" * 9_000_000,
    "a huge exponent": b'{"v": 1e999999999, "count": 1e999999999}',
    "nothing but <": b"<" * 400_000,
    "half tags in a summary": b"<rss><channel><item><description>" + b"&lt;" * 90_000 + b"</description></item>",
    "nul": b"\x00" * 1_000_000,
    "an entity bomb": b'<!DOCTYPE r [<!ENTITY a "aa">' + b"".join(
        b'<!ENTITY %c "&%c;&%c;">' % (n + 1, n, n) for n in range(97, 120)
    ) + b"]><rss><channel><item><title>&x;</title></item></channel></rss>",
}  # fmt: skip


def parse(name: str, query: bodies.Query, body: bytes, **more: Any) -> Observation:
    given: dict[str, Any] = {"content_type": "", "fetched_at": bodies.FETCHED, "previous": None} | more
    return get_source(name).parse(body, query=query, **given)


def check(name: str, found: Observation) -> None:
    """Check what holds of every observation whatsoever."""
    assert found.status in ("ok", "empty", "throttled", "malformed")
    if found.status != "ok":
        assert (found.events, found.state, found.watermark) == ((), None, None)
        assert found.problems
        assert not found.sound
    for event in found.events:  # every one can be placed in time, or is openly undated
        assert (event.interval("Asia/Seoul") is None) <= (event.occurred is None or event.until is not None)
    assert found.watermark is None or found.watermark.tzinfo == UTC
    for problem in found.problems:  # it can be kept in every database, and printed
        assert "\x00" not in problem
        problem.encode()
    for event in found.events:
        "".join((event.kind, event.description, event.citation, event.id, *event.actors)).encode()
    if isinstance(found.state, State) and isinstance(found.state.value, str):
        found.state.value.encode()
    assert name != "manual" or found.watermark is None


def test_the_largest_table_that_is_read_costs_less_than_64_mib() -> None:
    rows = 10_000  # tracing a table of full size would take long
    body = b"occurred,known_at,kind,actors,description,citation\n" + b"".join(
        b"2020-01-01,2020-01-02T00:00Z,%d,%d,%d,%d\n" % (number, number, number, number) for number in range(rows)
    )
    query: dict[str, Any] = {"location": "a.csv", "format": "csv", "zone": "UTC"}
    query["watermark"] = {"from": "fetch_time", "lag": "P1D"}
    tracemalloc.start()
    try:
        found = parse("event-table", query, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.status, len(found.events)) == ("ok", rows)
    assert peak * MAX_ROWS / rows < 64 * 1024 * 1024
    said = ("the table holds more than 75000 lines; ask for less",)
    assert parse("event-table", query, b"occurred\n" * (MAX_ROWS + 1)).problems == said


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "manual"])
def test_a_hostile_body_is_never_ok_and_costs_little(name: str, hostile: str) -> None:
    body = HOSTILE[hostile]
    tracemalloc.start()
    try:
        for query in QUERIES[name]:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            started = time.process_time()
            found = parse(name, query, body)
            took = time.process_time() - started
            _, peak = tracemalloc.get_traced_memory()
            check(name, found)
            if query.get("value") != "$":  # there any JSON scalar is the value
                assert found.status != "ok"
            assert peak - before < 64 * 1024 * 1024, query
            assert took < 10, query  # traced, which is several times slower
    finally:
        tracemalloc.stop()


_TEXTS = ["9999-12-31", "0000-00-00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "\ud800", "\x00"]
_NUMBERS = [253_402_300_799_999, -62_135_596_800_000, 10**18, 1e308, 1_630_924_200_000]
_NAMES = (
    "rows results count kind occurred series date value error code info warnings query pages revisions slots main "
    "content timestamp sha1 missing logevents id features properties geometry coordinates metadata generated time "
    "mag magType status isResolved resolution outcomeType closeTime resolutionTime probability"
)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers(-(10**40), 10**40)
    | st.text(max_size=8)
    | st.sampled_from(_TEXTS)
    | st.sampled_from(_NUMBERS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES.split()), inner, max_size=6)
    ),
    max_leaves=20,
)


def mutated(draw: st.DrawFn) -> bytes:
    """Return a real answer cut short, with some bytes overwritten, or with one of its values replaced."""
    body = draw(st.sampled_from(REAL))
    how = draw(st.sampled_from(["cut", "overwrite", "replace"]))
    if how == "cut":
        return body[: draw(st.integers(0, len(body)))]
    if how == "overwrite":
        at = draw(st.integers(0, len(body)))
        patch = draw(st.binary(max_size=6))
        return body[:at] + patch + body[at + len(patch) :]
    try:
        value = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace").encode(draw(st.sampled_from(["utf-16", "utf-32", "cp037"])))
    places = list(walk(value))
    container, key = draw(st.sampled_from(places))
    container[key] = draw(_json)
    return json.dumps(value).encode()


def walk(value: Any) -> Any:
    """Yield the place of every value inside a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from walk(inner)


@settings(max_examples=150)
@given(
    case=st.sampled_from(CASES),
    body=st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode()) | st.composite(mutated)(),
    content_type=st.sampled_from(["", "text/html; charset=latin-1", "application/json; charset=utf-7"]),
    at=st.sampled_from([bodies.FETCHED, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]),
    again=st.booleans(),
)
def test_no_body_raises(
    case: tuple[str, bodies.Query], body: bytes, content_type: str, at: datetime, again: bool
) -> None:
    name, query = case
    previous = parse(name, query, dict(zip(EXAMPLES, REAL, strict=False))[name]) if again else None
    check(name, parse(name, query, body, content_type=content_type, fetched_at=at, previous=previous))


@pytest.mark.parametrize(
    ("name", "query"), [(name, query) for name, query in CASES if query.get("watermark") == {"from": "newest_row"}]
)
def test_a_clock_at_the_end_of_the_calendar_raises_nothing(name: str, query: bodies.Query) -> None:
    body = bodies.ATOM if name == "rss-atom" else b'[{"occurred": 1630924200, "kind": "a"}]'
    found = parse(name, query, body, fetched_at=datetime(9999, 12, 31, 23, tzinfo=UTC))
    check(name, found)
    assert found.watermark is not None


@pytest.mark.parametrize("body", REAL)
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_answer_of_another_source_is_not_taken_for_ones_own(name: str, body: bytes) -> None:
    query, mine = EXAMPLES[name]
    others = {bodies.ATOM: "rss-atom", json.dumps(bodies.resolved("YES")).encode(): "manifold"}
    if body == (mine if isinstance(mine, bytes) else json.dumps(mine).encode()) or others.get(body) == name:
        return
    found = parse(name, query, body)
    assert name == "manual" or found.status in ("malformed", "throttled")


PAGES = {
    "a challenge": b"<!DOCTYPE html><html><title>Just a moment...</title><body>Checking</body></html>",
    "too many": b"<html><title>429 Too Many Requests</title></html>",
    "plain words": b"Please limit requests to one every 5 seconds.",
    "JSON": b'{"error": "rate limit exceeded"}',
    "a JSON list": b'["too many requests"]',
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "manual"])
def test_a_throttle_page_with_status_200_is_never_ok(name: str, page: str) -> None:
    for query in QUERIES[name]:
        if query.get("value") != "$":
            found = parse(name, query, PAGES[page])
            assert found.status == ("malformed" if page == "a challenge" else "throttled"), found
            assert not found.sound
