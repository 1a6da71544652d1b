"""A dated event table: CSV or JSON, by address or by file, with a declared watermark.

Zero rows prove nothing, a table that lost more than max(3 rows, 5 %) since the last sound answer is not
trusted, and a row whose date cannot be read is kept undated: it may lie anywhere, so it blocks a NO.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from forecasts.errors import InvalidInputError
from forecasts.model import Event, Observation
from forecasts.scalars import Word, Zone
from jobs.sources._bodies import MAX_VALUES, UnreadableError, decode, instant_of, load_json, refused, text_of
from jobs.sources._definition import About, Located
from jobs.sources._queries import (
    FetchTime,
    LocatedQuery,
    NewestRow,
    PublishedField,
    newest_row,
    read_query,
    write_query,
)
from jobs.sources._rows import COLUMNS, Column, read_rows, rows_of, snapshot

MAX_ROWS = 75_000  # in one CSV table; each costs several hundred bytes once it is read
_EMPTY: dict[Column, str] = dict.fromkeys(COLUMNS, "")


class TableQuery(LocatedQuery):
    """Where the table is, how its columns are called, and how far it is complete."""

    format: Literal["csv", "json"] = Field(
        description="csv, or json: a list of rows or an object with a list under rows"
    )
    watermark: Annotated[FetchTime | NewestRow | PublishedField, Field(discriminator="origin")] = Field(
        description="how far the table is complete"
    )
    columns: dict[Column, Word] = Field(default={}, description="the table's own names of the columns")
    zone: Zone | None = Field(default=None, description="the zone of days in rows that name none")
    kind: Word | None = Field(default=None, description="the kind of rows that name none")


class EventTable(Located):
    """Reads event tables; see the module's text."""

    name = "event-table"
    version = 1
    about = About(
        reads="A table of dated rows, as CSV or JSON, from an address or a file.",
        kind="snapshot",
        watermarks=("fetch_time", "newest_row", "field"),
        query=TableQuery,
        suggested_grace=timedelta(days=14),
    )

    def canonical(self, query: Mapping[str, object]) -> dict[str, object]:
        """Return the query in canonical form; raise `InvalidInputError` that names path and remedy."""
        table = read_query(TableQuery, query)
        if isinstance(table.watermark, PublishedField) and table.format == "csv":
            raise InvalidInputError("query.watermark.from: a CSV table publishes no field; use fetch_time")
        if isinstance(table.watermark, PublishedField) and table.watermark.name == "rows":
            raise InvalidInputError("query.watermark.name: the rows stand under rows; name the member beside them")
        return write_query(table)

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
        table = read_query(TableQuery, query)
        try:
            cells, published = _read_body(decode(body, content_type, table.format.upper()), table)
            dates = table.columns.get("occurred", "occurred")
            events, problems = read_rows(
                cells, zone=table.zone, kind=table.kind, fetched_at=fetched_at, dates=dates
            )
        except UnreadableError as error:
            return refused(body, error)
        watermark = _watermark(table, events, fetched_at, published)
        return snapshot(events, problems, watermark=watermark, seen_before=rows_of(previous), what="table")


def _read_body(text: str, table: TableQuery) -> tuple[Iterable[dict[Column, str]], object]:
    """Return the cells of the rows and, for JSON, what the table publishes as its watermark.

    Those of a CSV table are read as they are asked for: kept all at once they would take several times its size.
    """
    if not text.strip():
        return [], None
    if table.format == "csv":
        return _read_csv(text, table), None
    return _read_json(text, table)


def _read_csv(text: str, table: TableQuery) -> Iterator[dict[Column, str]]:
    if sum(map(text.count, ",\r\n")) > MAX_VALUES:
        raise UnreadableError(f"the table holds more than {MAX_VALUES} fields; ask for less")
    if max(map(text.count, "\r\n")) > MAX_ROWS:
        raise UnreadableError(f"the table holds more than {MAX_ROWS} lines; ask for less")
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, [])
        needed = {*table.columns.values(), table.columns.get("occurred", "occurred")}
        if table.kind is None:
            needed.add(table.columns.get("kind", "kind"))
        for name in sorted(needed):
            if header.count(name) != 1:
                how_many = "more than one column" if name in header else "no column"
                raise UnreadableError(f"the table has {how_many} {name!r}")
        place = {name: index for index, name in enumerate(header)}
        wanted = [(name, place[column]) for name, column in _names(table) if column in place]
        for line, row in enumerate(filter(None, reader), 2):
            if len(row) != len(header):
                raise UnreadableError(f"line {line} of the table has another number of fields than its header")
            if any(map(str.strip, row)):  # spreadsheets end with rows of nothing but commas
                yield _EMPTY | {name: text_of(row[index]) for name, index in wanted if row[index]}
    except csv.Error as error:
        raise UnreadableError(f"the answer is not CSV: {error}") from None


def _read_json(text: str, table: TableQuery) -> tuple[Iterable[dict[Column, str]], object]:
    value = load_json(text)
    published = None
    if isinstance(value, dict):
        if isinstance(table.watermark, PublishedField):
            published = value.get(table.watermark.name)
        value = value.get("rows")
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise UnreadableError("the answer is no list of rows, nor an object with a list under 'rows'")
    names = _names(table)
    cells = (_EMPTY | {name: text_of(row.get(column)) for name, column in names} for row in value)
    return cells, published


def _names(table: TableQuery) -> list[tuple[Column, str]]:
    """Return the columns that are read, each with the table's own name of it."""
    named = [(name, table.columns.get(name, name)) for name in COLUMNS]
    # A column that happens to be called id need not tell rows apart.
    return [pair for pair in named if pair[0] != "id" or "id" in table.columns]


def _watermark(table: TableQuery, events: list[Event], fetched_at: datetime, published: object) -> datetime | None:
    rule = table.watermark
    if isinstance(rule, FetchTime):
        return rule.instant(fetched_at)
    if isinstance(rule, NewestRow):
        return newest_row(events, table.zone or "UTC", fetched_at)
    complete_to = instant_of(published, "UTC") if isinstance(published, str) else None
    return min(complete_to, fetched_at) if complete_to else None
