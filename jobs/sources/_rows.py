"""Rows that become events, whatever form they came in, and how many a sound source may lose."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Literal, get_args

from forecasts.model import Event, Observation
from jobs.sources._bodies import UnreadableError, instant_of, known_zone, occurrence_of

Column = Literal[
    "id", "occurred", "occurred_until", "zone", "known_at", "kind", "actors", "description", "citation"
]
COLUMNS: tuple[Column, ...] = get_args(Column)


def read_rows(
    rows: Iterable[Mapping[Column, str]], *, zone: str | None, kind: str | None, fetched_at: datetime, dates: str
) -> tuple[list[Event], list[str]]:
    """Turn rows into events, and say in sentences what was odd about them; `zone` and `kind` fill gaps.

    Raises `UnreadableError` where no row has a kind, or none a date (`dates` is where they were looked for): the
    column is not the one it was taken for.
    """
    events: list[Event] = []
    seen = set[Event]()  # of those with an id
    undated = early = kindless = twice = 0
    for cell in rows:
        event = _event(cell, zone, kind)
        if event.id:
            if event in seen:
                twice += 1
                continue
            seen.add(event)
        undated += event.interval("UTC") is None
        kindless += not event.kind
        early += event.known_at is not None and event.known_at > fetched_at
        events.append(event)
    if events and undated == len(events):
        raise UnreadableError(
            f"no row has a date that can be read in {dates!r}: name another column under columns, or write days "
            "as 2021-03-05, and instants with a zone"
        )
    if events and kindless == len(events):
        raise UnreadableError("no row has a kind: name its column under columns, or give kind")
    odd = (
        (undated, "without a date that can be read"),
        (kindless, "without a kind, which may be of any"),
        (early, "said to be known only after the fetch"),
        (twice, "that repeat a row with their id, left out"),
    )
    return events, [f"{count} rows {what}" for count, what in odd if count]


def _event(cell: Mapping[Column, str], zone: str | None, kind: str | None) -> Event:
    zone = known_zone(cell["zone"]) or zone
    occurred = occurrence_of(cell["occurred"], zone)
    until: datetime | date | None = occurrence_of(cell["occurred_until"], zone)
    if until is None and cell["occurred_until"]:
        occurred = None
    return Event(
        occurred=occurred,
        kind=cell["kind"] or kind or "",
        zone=zone,
        actors=tuple(filter(None, map(str.strip, cell["actors"].split(";")))),
        known_at=instant_of(cell["known_at"], "UTC"),
        description=cell["description"],
        citation=cell["citation"],
        until=until,
        id=cell["id"],
    )


def lost_too_many(before: int, now: int) -> bool:
    """Whether a source lost more rows than a sound one loses: more than max(3 rows, 5 %).

    >>> lost_too_many(12, 9), lost_too_many(12, 8), lost_too_many(100, 95), lost_too_many(100, 94)
    (False, True, False, True)
    """
    return before - now > max(3, before * 0.05)


def late_rows(previous: Observation, now: Observation) -> int:
    """Return how many rows are new and dated before what the source was said to be complete to.

    A row that came while another went is that one, edited or dated anew, where it has its id, else where it has
    its date, else where ids tell nothing (there are none, or most are others now) and it is the same but for the
    date.
    """
    if previous.watermark is None:
        return 0
    new, gone = _unlike(now.events, previous.events)
    new, gone = _unpaired(new, gone, lambda event: event.gist)
    if not new:
        return 0
    ids, before = ({event.id for event in found.events if event.id} for found in (now, previous))
    told_by_id = 2 * len(ids & before) >= len(before)
    keys: tuple[Callable[[Event], object], ...] = (
        lambda event: event.id or None,
        lambda event: event.occurred and (event.occurred, event.until),
        lambda event: None if event.id and told_by_id else (event.kind, event.actors, event.description),
    )
    for key in keys:
        new, gone = _unpaired(new, gone, key)
    intervals = (event.interval("UTC") for event in new)
    return sum(interval is not None and interval.end <= previous.watermark for interval in intervals)


def _unlike(new: Sequence[Event], gone: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """Return what is left of two lists without the events that are the same from their heads and ends on."""
    longest = min(len(new), len(gone))
    head = next((n for n in range(longest) if new[n] != gone[n]), longest)
    rest = longest - head
    end = next((n for n in range(rest) if new[-1 - n] != gone[-1 - n]), rest)
    return list(new[head : len(new) - end]), list(gone[head : len(gone) - end])


def _unpaired(
    new: list[Event], gone: list[Event], key: Callable[[Event], object]
) -> tuple[list[Event], list[Event]]:
    """Return the events of both lists that have none of the same key in the other; None is no key."""
    waiting: dict[object, list[Event]] = {}
    for event in gone:
        waiting.setdefault(key(event), []).append(event)
    left = []
    for event in new:
        name = key(event)
        if name is not None and waiting.get(name):
            waiting[name].pop()
        else:
            left.append(event)
    return left, [event for events in waiting.values() for event in events]


def rows_of(previous: Observation | None) -> int:
    """Return how many rows the last sound answer had."""
    return len(previous.events) if previous is not None else 0


def snapshot(
    events: list[Event], problems: list[str], *, watermark: datetime | None, seen_before: int, what: str
) -> Observation:
    """Return the observation of a source that shows all it has: zero rows prove nothing, nor does a loss."""
    if not events:
        return Observation("empty", problems=(f"the {what} has no rows, which proves nothing", *problems))
    return _observation(events, problems, watermark, seen_before, what)


def answered(
    events: list[Event],
    problems: list[str],
    *,
    rows: int,
    count: int | None,
    watermark: datetime | None,
    seen_before: int,
) -> Observation:
    """Return the observation of an answer that says itself how many rows there are.

    Fewer rows than the count: what is there is there, but the answer is complete to no instant. Raises
    `UnreadableError` where the count is none, or smaller than the number of rows.
    """
    if count is None:
        raise UnreadableError("the count of rows in the answer is no whole number")
    if rows > count:
        raise UnreadableError(f"the answer holds {rows} rows and says there are {count}")
    if rows < count:
        problems = [*problems, f"the answer holds {rows} of {count} rows, so it is not complete"]
        watermark = None
    observation = _observation(events, problems, watermark, seen_before, "answer")
    return replace(observation, partial=rows < count)


def _observation(
    events: list[Event], problems: list[str], watermark: datetime | None, before: int, what: str
) -> Observation:
    """Return an `ok` observation, shrunken where it lost too many rows since the last sound one."""
    shrunken = lost_too_many(before, len(events))
    if shrunken:
        problems = [*problems, f"the {what} shrank from {before} rows to {len(events)}, so it is not trusted"]
    return Observation(
        "ok", events=tuple(events), watermark=watermark, problems=tuple(problems), shrunken=shrunken
    )
