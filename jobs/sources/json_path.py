"""Any JSON API: one value, or a list of rows, found by a path.

With `value` the source shows a state: a number, a word or a flag. With `rows` it shows dated events; with a
`count` or a `canary` in the same answer zero rows are an answer too, and fewer rows than the count leave the
answer without a watermark: it is incomplete.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from forecasts.errors import InvalidInputError
from forecasts.model import Event, Interval, Observation, State, iso
from forecasts.scalars import Strict, Word, Zone
from jobs.sources._bodies import (
    UnreadableError,
    decode,
    instant_of,
    load_json,
    number,
    number_in_text,
    occurrence_of,
    refused,
    since_epoch,
    text_of,
    whole_number,
)
from jobs.sources._definition import About, Located
from jobs.sources._path import AnswerPath, RowPath, compile_path
from jobs.sources._queries import FetchTime, LocatedQuery, NewestRow, newest_row, read_query, write_query
from jobs.sources._rows import COLUMNS, Column, answered, read_rows, rows_of, snapshot

_UNITS = {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1)}
_DATES: tuple[Column, ...] = ("occurred", "occurred_until", "known_at")


class PublishedPath(Strict):
    """Complete up to the instant that stands at `path`."""

    origin: Literal["field"] = Field(alias="from")
    path: AnswerPath


class JsonQuery(LocatedQuery):
    """Where the answer is, and where in it the value or the rows stand."""

    watermark: Annotated[FetchTime | NewestRow | PublishedPath, Field(discriminator="origin")] = Field(
        description="how far the answer is complete"
    )
    value: AnswerPath | None = Field(default=None, description="path of the one value to observe")
    numeric: bool = Field(default=False, description="the value is a number, also where it is written as text")
    since: AnswerPath | None = Field(default=None, description="path of the date from which the value holds")
    rows: AnswerPath | None = Field(default=None, description="path of the rows to observe")
    columns: dict[Column, RowPath] = Field(default={}, description="path of a column in its row, else @.COLUMN")
    count: AnswerPath | None = Field(default=None, description="path of the number of rows there are in all")
    canary: AnswerPath | None = Field(default=None, description="path of what every whole answer holds")
    epoch: Literal["s", "ms"] | None = Field(default=None, description="the unit of dates that are numbers")
    zone: Zone | None = Field(default=None, description="the zone of dates that name none")
    kind: Word | None = Field(default=None, description="the kind of rows that name none")


class JsonPath(Located):
    """Reads any JSON API; see the module's text."""

    name = "json-path"
    version = 1
    about = About(
        reads="One value or a list of rows in the answer of any JSON API, found by a path.",
        kind="either",
        watermarks=("fetch_time", "newest_row", "field"),
        query=JsonQuery,
        shows=("rows", "value"),
    )

    def canonical(self, query: Mapping[str, object]) -> dict[str, object]:
        """Return the query in canonical form; raise `InvalidInputError` that names path and remedy."""
        read = read_query(JsonQuery, query)
        if (read.value is None) == (read.rows is None):
            raise InvalidInputError("query: give either value (the path of one value) or rows (the path of many)")
        if read.value is not None:
            for name in ("columns", "count", "canary", "kind"):
                if getattr(read, name):
                    raise InvalidInputError(f"query.{name}: this belongs to rows; leave it out beside value")
            if isinstance(read.watermark, NewestRow):
                raise InvalidInputError("query.watermark.from: a value has no newest row; use fetch_time or field")
        elif read.numeric or read.since:
            name = "numeric" if read.numeric else "since"
            raise InvalidInputError(f"query.{name}: this belongs to value; leave it out beside rows")
        return write_query(read)

    def parse(
        self,
        body: bytes,
        *,
        query: Mapping[str, object],
        content_type: str,
        fetched_at: datetime,
        previous: Observation | None,
    ) -> Observation:
        """Read one body: the value as a state, or the rows as events."""
        read = read_query(JsonQuery, query)
        try:
            answer = load_json(decode(body, content_type, "JSON"))
            if read.value is not None:
                return _observe_value(answer, read, read.value, fetched_at)
            return _observe_rows(answer, read, fetched_at, previous)
        except UnreadableError as error:
            return refused(body, error)


def _observe_value(answer: Any, query: JsonQuery, path: str, fetched_at: datetime) -> Observation:
    value = _value(_one(answer, path, "value"), query)
    if value is None:
        return Observation("empty", problems=(f"the value at {path} is blank, which proves nothing",))
    since, problems = None, []
    if query.since is not None:
        since = _since(_one(answer, query.since, "since"), query)
        if since is None:
            problems.append(f"the date at {query.since} cannot be read")
        elif since.start > fetched_at:
            raise UnreadableError(f"the value is dated {iso(since.start)}, after the fetch")
    return Observation(
        "ok",
        state=State(value, since),
        watermark=_watermark(answer, query, [], fetched_at),
        problems=tuple(problems),
    )


def _one(answer: Any, path: str, what: str) -> Any:
    found = compile_path(path).find(answer)
    if len(found) != 1:
        raise UnreadableError(f"the path of the {what}, {path}, leads to {len(found)} values, not to one")
    return found[0]


def _value(raw: Any, query: JsonQuery) -> Decimal | str | bool | None:
    if isinstance(raw, list | dict):
        raise UnreadableError(f"the path of the value, {query.value}, leads to a list or an object")
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    exact = number_in_text(raw) if query.numeric and isinstance(raw, str) else number(raw)
    if exact is None and not (isinstance(raw, str | bool) and not query.numeric):
        raise UnreadableError(f"the value at {query.value} is no number that can be reckoned with")
    return exact if exact is not None else raw if isinstance(raw, bool) else text_of(raw)


def _since(raw: Any, query: JsonQuery) -> Interval | None:
    at = occurrence_of(_date(raw, query), query.zone)
    if at is None or (not isinstance(at, datetime) and query.zone is None):
        return None
    return Event(at, "", query.zone).interval("UTC")


def _date(raw: Any, query: JsonQuery) -> str:
    """Return a date as ISO 8601 text, whether it is text or a number in the unit of the query."""
    if query.epoch is None or isinstance(raw, str):
        return text_of(raw)
    instant = since_epoch(raw, _UNITS[query.epoch])
    return iso(instant) if instant is not None else ""


def _observe_rows(
    answer: Any, query: JsonQuery, fetched_at: datetime, previous: Observation | None
) -> Observation:
    rows = compile_path(query.rows or "$").find(answer)
    if not all(isinstance(row, dict | list) for row in rows):
        raise UnreadableError(f"what stands at {query.rows} is no list of objects or lists")
    dates = query.columns.get("occurred", "@.occurred")
    cells = _cells(rows, query)
    events, problems = read_rows(cells, zone=query.zone, kind=query.kind, fetched_at=fetched_at, dates=dates)
    watermark = _watermark(answer, query, events, fetched_at)
    before = rows_of(previous)
    if (rows and not events) or (query.count is None and (rows or query.canary is None)):
        return snapshot(events, problems, watermark=watermark, seen_before=before, what="answer")
    if query.count is not None:
        count: int | None = whole_number(_one(answer, query.count, "count"))
    elif all(found is None for found in compile_path(query.canary or "$").find(answer)):
        raise UnreadableError(f"there are no rows, nor what every whole answer holds at {query.canary}")
    else:
        count = 0
    return answered(events, problems, rows=len(rows), count=count, watermark=watermark, seen_before=before)


def _cells(rows: list[Any], query: JsonQuery) -> Iterator[dict[Column, str]]:
    paths = {name: compile_path(query.columns.get(name, f"@.{name}")) for name in COLUMNS}
    for row in rows:
        cells: dict[Column, str] = {}
        for name, path in paths.items():
            found = path.find(row) if name != "id" or name in query.columns else []
            one = found[0] if len(found) == 1 else found
            cells[name] = _date(one, query) if name in _DATES else text_of(one)
        yield cells


def _watermark(answer: Any, query: JsonQuery, events: list[Event], fetched_at: datetime) -> datetime | None:
    rule = query.watermark
    if isinstance(rule, FetchTime):
        return rule.instant(fetched_at)
    if isinstance(rule, NewestRow):
        return newest_row(events, query.zone or "UTC", fetched_at)
    found = compile_path(rule.path).find(answer)
    complete_to = instant_of(_date(found[0], query), query.zone or "UTC") if len(found) == 1 else None
    return min(complete_to, fetched_at) if complete_to else None
