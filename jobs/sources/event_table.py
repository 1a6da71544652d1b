"""A dated event table: CSV or JSON, by address or by file, with a declared watermark.

Zero rows prove nothing, a table that lost more than max(3 rows, 5 %) since the last sound answer is not
trusted, and a row whose date cannot be read is kept undated: it may lie anywhere, so it blocks a NO.
"""

import csv
import io
import json
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

from forecasts.errors import InvalidInputError
from forecasts.model import Event, Observation, Request
from forecasts.scalars import Duration, Instant, Strict, Word, Zone, first_error

_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
Column = Literal["occurred", "occurred_until", "zone", "known_at", "kind", "actors", "description", "citation"]
_COLUMNS: tuple[Column, ...] = get_args(Column)


class FetchTime(Strict):
    """Complete up to the fetch less a stated lag, and never beyond `until`."""

    origin: Literal["fetch_time"] = Field(alias="from")
    lag: Duration
    until: Instant | None = None


class NewestRow(Strict):
    """Complete up to the newest row of any kind."""

    origin: Literal["newest_row"] = Field(alias="from")


class PublishedField(Strict):
    """Complete up to the instant a JSON table publishes under `name`, beside its `rows`."""

    origin: Literal["field"] = Field(alias="from")
    name: Word


class TableQuery(Strict):
    """Where the table is, how its columns are called, and how far it is complete."""

    location: Word
    format: Literal["csv", "json"]
    watermark: Annotated[FetchTime | NewestRow | PublishedField, Field(discriminator="origin")]
    columns: dict[Column, Word] = {}
    zone: Zone | None = None
    kind: Word | None = None


class _UnreadableError(Exception):
    """The body is no such table."""


class EventTable:
    """Reads event tables; see the module's text."""

    name = "event-table"

    def canonical(self, query: Mapping[str, object]) -> dict[str, object]:
        """Return the query in canonical form; raise `InvalidInputError` that names path and remedy."""
        parsed = _read_query(query)
        if isinstance(parsed.watermark, PublishedField) and parsed.format == "csv":
            raise InvalidInputError("query.watermark.from: a CSV table publishes no field; use fetch_time")
        if "://" in parsed.location and not parsed.location.startswith(("http://", "https://", "file://")):
            raise InvalidInputError("query.location: use http(s)://, a file path, or seeds: and a name")
        return parsed.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def request(self, query: Mapping[str, object], *, as_of: datetime, previous: Observation | None) -> Request:
        """Return what to fetch: always the whole table."""
        return Request(_read_query(query).location)

    def parse(
        self,
        body: bytes,
        *,
        query: Mapping[str, object],
        content_type: str,
        fetched_at: datetime,
        previous: Observation | None,
    ) -> Observation:
        """Read one body; malformed where it is no such table, empty where it has no rows."""
        table = _read_query(query)
        try:
            rows, published = _read_rows(body, content_type, table)
        except _UnreadableError as error:
            return Observation("malformed", problems=(str(error),))
        events, problems = _read_events(rows, table, fetched_at)
        if not events:
            return Observation("empty", problems=("the table has no rows, which proves nothing", *problems))
        lost = len(previous.events) - len(events) if previous else 0
        shrunken = previous is not None and lost > max(3, len(previous.events) * 0.05)
        if shrunken and previous is not None:
            problems.append(
                f"the table shrank from {len(previous.events)} rows to {len(events)}, so it is not trusted"
            )
        return Observation(
            "ok",
            events=tuple(events),
            watermark=_watermark(table, events, fetched_at, published),
            problems=tuple(problems),
            shrunken=shrunken,
        )


def _read_query(query: Mapping[str, object]) -> TableQuery:
    try:
        return TableQuery.model_validate(dict(query))
    except ValidationError as error:
        raise InvalidInputError(f"query.{first_error(error)}") from None


def _read_rows(body: bytes, content_type: str, table: TableQuery) -> tuple[list[dict[str, Any]], object]:
    """Return the rows as mappings and, for JSON, what the table publishes as its watermark."""
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        raise _UnreadableError(f"the answer is a page or markup, not {table.format.upper()}")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _UnreadableError(f"the answer is not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        return [], None
    if table.format == "csv":
        return _read_csv(text, table), None
    return _read_json(text, table)


def _read_csv(text: str, table: TableQuery) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = reader.fieldnames or []
        needed = {table.columns.get("occurred", "occurred")}
        if table.kind is None:
            needed.add(table.columns.get("kind", "kind"))
        missing = sorted(needed - set(header))
        if missing:
            raise _UnreadableError(f"the table has no column {missing[0]!r}")
        rows = list(reader)
    except csv.Error as error:
        raise _UnreadableError(f"the answer is not CSV: {error}") from None
    broken = next((n for n, row in enumerate(rows, 2) if None in row or None in row.values()), None)
    if broken is not None:
        raise _UnreadableError(f"line {broken} of the table has another number of fields than its header")
    return cast("list[dict[str, Any]]", rows)


def _read_json(text: str, table: TableQuery) -> tuple[list[dict[str, Any]], object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise _UnreadableError("the answer is not JSON") from None
    published = None
    if isinstance(value, dict):
        if isinstance(table.watermark, PublishedField):
            published = value.get(table.watermark.name)
        value = value.get("rows")
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _UnreadableError("the answer is no list of rows, nor an object with a list under 'rows'")
    return value, published


def _read_events(
    rows: list[dict[str, Any]], table: TableQuery, fetched_at: datetime
) -> tuple[list[Event], list[str]]:
    """Turn rows into events, and say in sentences what was odd about them."""
    events: list[Event] = []
    undated = early = kindless = 0
    for row in rows:
        cell = {name: _text(row.get(table.columns.get(name, name))) for name in _COLUMNS}
        kind = cell["kind"] or table.kind
        if not kind:
            kindless += 1
            continue
        known_at = _instant(cell["known_at"], "UTC")
        if known_at is not None and known_at > fetched_at:
            early += 1
            continue
        zone = _zone(cell["zone"]) or table.zone
        occurred = _occurred(cell["occurred"], zone)
        until = _occurred(cell["occurred_until"], zone)
        if until is None and cell["occurred_until"]:
            occurred = None
        undated += occurred is None
        actors = tuple(name.strip() for name in cell["actors"].split(";") if name.strip())
        events.append(Event(occurred, kind, zone, actors, known_at, cell["description"], cell["citation"], until))
    odd = (
        (undated, "without a date that can be read"),
        (kindless, "without a kind, left out"),
        (early, "said to be known only after the fetch, left out"),
    )
    return events, [f"{count} rows {what}" for count, what in odd if count]


def _text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(str(part) for part in value)
    return "" if value is None else str(value).strip()


def _zone(name: str) -> str | None:
    try:
        return ZoneInfo(name).key if name else None
    except (KeyError, ValueError, OSError):
        return None


def _occurred(text: str, zone: str | None) -> datetime | date | None:
    """Read a day or an instant; an instant without an offset needs the zone of its row.

    A date at the ends of the calendar, as in 9999-12-31 for "never", has no place in UTC and is unreadable.
    """
    text = text.translate(_HYPHENS)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        instant = _instant(text, zone)
        return instant if instant is not None and _placeable(instant.year) else None
    return day if _placeable(day.year) else None


def _placeable(year: int) -> bool:
    return MINYEAR < year < MAXYEAR


def _instant(text: str, zone: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text.translate(_HYPHENS))
        if instant.tzinfo is None:
            if zone is None:
                return None
            instant = instant.replace(tzinfo=ZoneInfo(zone))
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _watermark(table: TableQuery, events: list[Event], fetched_at: datetime, published: object) -> datetime | None:
    rule = table.watermark
    if isinstance(rule, FetchTime):
        complete = fetched_at - rule.lag
        return min(complete, rule.until) if rule.until else complete
    if isinstance(rule, PublishedField):
        complete_to = _instant(published, "UTC") if isinstance(published, str) else None
        return min(complete_to, fetched_at) if complete_to else None
    ends = (interval.end for event in events if (interval := event.interval(table.zone or "UTC")))
    return max((end for end in ends if end <= fetched_at + timedelta(days=1)), default=None)
