"""An RSS or Atom feed: each entry is an event that occurred when it was published.

A feed shows its newest entries and forgets the others, so it says how far back it reaches: an absence before
that proves nothing. Entities are never expanded, and an entry whose date cannot be read is kept undated.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError
from pydantic import Field

from forecasts.model import Event, Observation
from forecasts.scalars import Strict, Word, Zone
from jobs.sources._bodies import (
    MAX_TEXT,
    MAX_VALUES,
    UnreadableError,
    occurrence_of,
    placeable,
    plain_date,
    refused,
    text_of,
)
from jobs.sources._definition import About, Located
from jobs.sources._queries import FetchTime, LocatedQuery, NewestRow, newest_row, read_query
from jobs.sources._rows import snapshot

MAX_DEPTH = 100
MAX_ENTRIES = 10_000

_ATOM = ("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#")
_PLAIN = ("", "http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/", *_ATOM)
_DUBLIN = ("http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/")
_ROOTS = ("rss", "feed", "RDF")
_FIELDS = {  # what an entry calls it: what it is
    "title": "title",
    "description": "summary",
    "summary": "summary",
    "content": "summary",
    "guid": "id",
    "id": "id",
    "link": "link",
    "category": "category",
    "pubDate": "published",
    "published": "published",
    "issued": "published",
    "updated": "updated",
    "modified": "updated",
}
_DUBLIN_FIELDS = {"date": "published", "issued": "published", "modified": "updated", "subject": "category"}


class Matching(Strict):
    """An entry is of this kind when every phrase stands in its title or its summary, in any case of letters."""

    kind: Word
    phrases: Annotated[list[Word], Field(min_length=1, max_length=20)]


FeedDate = Literal["lastBuildDate", "pubDate", "updated", "modified", "date"]


class PublishedElement(Strict):
    """Complete up to the date that the feed itself carries under `name`."""

    origin: Literal["field"] = Field(alias="from")
    name: FeedDate


class RssAtomQuery(LocatedQuery):
    """Where the feed is, what its entries are to be called, and how far it is complete."""

    watermark: Annotated[FetchTime | NewestRow | PublishedElement, Field(discriminator="origin")] = Field(
        description="how far the feed is complete"
    )
    kinds: Annotated[list[Matching], Field(max_length=50)] = Field(
        default=[], description="the kind of an entry by phrases, the first that fits; otherwise it is an entry"
    )
    dated_by: Literal["published", "updated"] = Field(
        default="published", description="which of its dates an entry occurred on"
    )
    zone: Zone | None = Field(default=None, description="the zone of dates that name none")


class RssAtom(Located):
    """Reads RSS 0.9 to 2.0 and Atom; see the module's text."""

    name = "rss-atom"
    version = 1
    about = About(
        reads="The entries of an RSS or Atom feed.",
        kind="snapshot",
        watermarks=("fetch_time", "newest_row", "field"),
        query=RssAtomQuery,
    )

    def parse(
        self,
        body: bytes,
        *,
        query: Mapping[str, object],
        content_type: str,
        fetched_at: datetime,
        previous: Observation | None,
    ) -> Observation:
        """Read one body; malformed where it is no feed, empty where it has no entries.

        Of the entries seen before, those older than the feed now reaches have rolled off its end and are no loss.
        """
        read = read_query(RssAtomQuery, query)
        try:
            found = _read_xml(body)
            events, problems = _read_entries(found.entries, read)
        except UnreadableError as error:
            return refused(body, error)
        zone = read.zone or "UTC"
        reach = _reach(events, zone)
        observation = snapshot(
            events,
            problems,
            watermark=_watermark(found, read, events, fetched_at),
            seen_before=_still_expected(previous, reach, zone),
            what="feed",
        )
        return replace(observation, complete_from=reach)


@dataclass(slots=True)
class _Entry:
    """The texts of one entry by what they are."""

    texts: dict[str, str] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)


class _Collector:
    """Receives the parser's events and keeps the few texts that matter."""

    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self.dates: dict[str, str] = {}  # of the feed itself
        self._open: list[str] = []
        self._entry_depth = 0
        self._name = ""
        self._name_depth = 0
        self._parts: list[str] = []
        self._size = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take note of an element that begins."""
        space, _, name = tag.rpartition("}")
        self._open.append(name)
        depth = len(self._open)
        if depth == 1 and name not in _ROOTS:
            raise UnreadableError("the answer is XML, but no RSS or Atom feed")
        if depth > MAX_DEPTH:
            raise UnreadableError(f"the answer has elements more than {MAX_DEPTH} deep")
        if self._name:
            return
        if self._entry_depth and depth == self._entry_depth + 1:
            self._begin(_meaning(space.removeprefix("{"), name), depth, attributes)
        elif not self._entry_depth and name in ("item", "entry") and depth in (2, 3):
            if len(self.entries) == MAX_ENTRIES:
                raise UnreadableError(f"the feed has more than {MAX_ENTRIES} entries")
            self.entries.append(_Entry())
            self._entry_depth = depth
        elif not self._entry_depth and depth in (2, 3) and name in get_args(FeedDate):
            self._begin(f"feed {name}", depth, attributes)

    def _begin(self, name: str, depth: int, attributes: Mapping[str, str]) -> None:
        self._name, self._name_depth, self._parts, self._size = name, depth, [], 0
        if name == "link" and attributes.get("rel", "alternate") == "alternate":
            self.data(attributes.get("href", ""))
        elif name == "category":
            self.data(attributes.get("term", ""))

    def data(self, text: str) -> None:
        """Take some text of the element that is being read, no more of it than is kept."""
        if self._name and self._size < MAX_TEXT:
            self._parts.append(text[:MAX_TEXT])
            self._size += len(text)

    def end(self, tag: str) -> None:
        """Keep the text of an element that ends."""
        depth = len(self._open)
        self._open.pop()
        if self._name and depth == self._name_depth:
            self._keep(self._name, text_of("".join(self._parts)))
            self._name = ""
        elif depth == self._entry_depth:
            self._entry_depth = 0

    def _keep(self, name: str, text: str) -> None:
        if name.startswith("feed "):
            self.dates.setdefault(name.removeprefix("feed "), text)
        elif name == "category" and text:
            self.entries[-1].categories.append(text)
        elif text:
            self.entries[-1].texts.setdefault(name, text)

    def close(self) -> None:
        """Nothing is left to do at the end."""


def _meaning(space: str, name: str) -> str:
    """Return what an element of an entry is; an extension's own title or link is not the entry's."""
    if space in _PLAIN:
        return _FIELDS.get(name, "")
    return _DUBLIN_FIELDS.get(name, "") if space in _DUBLIN else ""


def _read_xml(body: bytes) -> _Collector:
    if body.count(b"<") + body.count(b"=") > MAX_VALUES:
        raise UnreadableError(f"the answer holds more than {MAX_VALUES} elements and attributes")
    found = _Collector()
    parser = DefusedXMLParser(target=found)
    try:
        parser.feed(body.lstrip())
        parser.close()
    except DefusedXmlException:
        raise UnreadableError("the answer defines entities, which are never expanded") from None
    except ParseError as error:
        raise UnreadableError(f"the answer is not XML: {error}") from None
    except (LookupError, ValueError):
        raise UnreadableError("the answer is XML in an encoding that is not known here") from None
    return found


def _read_entries(entries: list[_Entry], query: RssAtomQuery) -> tuple[list[Event], list[str]]:
    """Turn entries into events, and say in sentences what was odd about them.

    Raises `UnreadableError` where no entry has a date: then nobody knows how far back the feed reaches.
    """
    events: list[Event] = []
    seen: dict[str, list[object]] = {}
    undated = twice = reused = 0
    for entry in entries:
        texts = entry.texts
        occurred = read_date(texts.get(query.dated_by, ""), query.zone)
        event = Event(
            occurred=occurred,
            kind=_kind(texts, query.kinds),
            zone=query.zone,
            actors=tuple(entry.categories),
            known_at=occurred if isinstance(occurred, datetime) else None,
            description=texts.get("title", ""),
            citation=texts.get("link", ""),
            id=texts.get("id") or texts.get("link", ""),
        )
        same = seen.setdefault(event.id, []) if event.id else []
        if (told := (event.gist, event.citation)) in same:  # edited, perhaps, but the same thing
            twice += 1
            continue
        reused += bool(same)
        same.append(told)
        undated += occurred is None
        events.append(event)
    if events and undated == len(events):
        raise UnreadableError(f"no entry has a date in {query.dated_by!r} that can be read; give dated_by")
    odd = (
        (undated, f"without a date in {query.dated_by} that can be read"),
        (twice, "that repeat an earlier entry with their id, left out"),
        (reused, "with the id of an earlier entry that says something else"),
    )
    return events, [f"{count} entries {what}" for count, what in odd if count]


def _kind(texts: Mapping[str, str], kinds: list[Matching]) -> str:
    text = _folded(f"{texts.get('title', '')} {re.sub('<[^<>]*>', ' ', texts.get('summary', ''))}")
    for candidate in kinds:
        if all(_folded(phrase) in text for phrase in candidate.phrases):
            return candidate.kind
    return "entry"


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


# -- how far back, and how far forward -------------------------------------------------------------------------


def _reach(events: list[Event], zone: str) -> datetime | None:
    """Return the instant from which on the feed is complete: the date of its oldest entry.

    In a feed that is not in order (old entries may be pinned to its top) it is the newest date among the last
    quarter of the entries.
    """
    ends = [interval.end for event in events if (interval := event.interval(zone)) is not None]
    if not ends:
        return None
    if ends == sorted(ends) or ends == sorted(ends, reverse=True):
        return min(ends)
    return max(ends[-max(1, len(ends) // 4) :])


def _still_expected(previous: Observation | None, reach: datetime | None, zone: str) -> int:
    """Return how many of the entries seen before should still be in a feed that reaches back so far."""
    if previous is None:
        return 0
    if reach is None:
        return len(previous.events)
    intervals = (event.interval(zone) for event in previous.events)
    return sum(interval is None or interval.end >= reach for interval in intervals)


def _watermark(
    found: _Collector, query: RssAtomQuery, events: list[Event], fetched_at: datetime
) -> datetime | None:
    rule = query.watermark
    if isinstance(rule, FetchTime):
        return rule.instant(fetched_at)
    if isinstance(rule, NewestRow):
        return newest_row(events, query.zone or "UTC", fetched_at)
    published = read_date(found.dates.get(rule.name, ""), query.zone)
    return min(published, fetched_at) if isinstance(published, datetime) else None


# -- dates as feeds write them -----------------------------------------------------------------------------------

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_CLOCK = r"(?:[\s,T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?\s*(?P<offset>.*))?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?[\s,]*)?"
_DAY_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})[\s-]+(?P<month>[a-z]{{3,9}})\.?[\s,-]+(?P<year>\d{{4}}|\d{{2}}){_CLOCK}",
    re.IGNORECASE | re.ASCII,
)
_MONTH_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<month>[a-z]{{3,9}})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}){_CLOCK}",
    re.IGNORECASE | re.ASCII,
)
_OFFSET = re.compile(r"(?:gmt|utc|ut)?\s*([+-])(\d{2}):?(\d{2})(?:\s*\([^()]*\))?", re.IGNORECASE | re.ASCII)
_OFFSETS = {"gmt": 0, "utc": 0, "ut": 0, "z": 0} | {  # RFC 5322 section 4.3; every other name has several meanings
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip


def read_date(text: str, zone: str | None) -> datetime | date | None:
    """Read a date of RFC 822 or ISO 8601 in the forms feeds write it; what is not certain is None.

    A name of a zone that stands for several zones, a month in another language, or a date in slashes is not
    certain; a weekday that does not fit is ignored.

    >>> read_date("Mon, 6 Sept 2021 24:00 EST", None)
    datetime.datetime(2021, 9, 7, 5, 0, tzinfo=datetime.timezone.utc)
    >>> read_date("06 Sep 2021 10:00 CEST", None) is None
    True
    """
    text = " ".join(plain_date(text[:80]).split())
    iso = re.sub(r"\s*(?:Z|GMT|UTC|UT)$", "Z", re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", text))
    found = occurrence_of(iso, zone)
    match = _DAY_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    return found if found is not None or match is None else _from_parts(match, zone)


def _from_parts(match: re.Match[str], zone: str | None) -> datetime | date | None:
    month = _month(match["month"].lower())
    year = int(match["year"])
    if len(match["year"]) == 2:  # RFC 5322 section 4.3
        year += 2000 if year < 50 else 1900
    try:
        if month is None or not placeable(year):
            return None
        day = date(year, month, int(match["day"]))
        if match["hour"] is None:
            return day
        hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
        if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
            return None
        midnight = datetime(day.year, day.month, day.day, tzinfo=_zone(match["offset"], zone))
        clock = timedelta(hours=hour, minutes=minute, seconds=second)
        return (midnight + clock).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _month(name: str) -> int | None:
    for number, known in enumerate(_MONTHS, 1):
        if name in (known, known[:3]) or (name == "sept" and number == 9):
            return number
    return None


def _zone(text: str, zone: str | None) -> timezone | ZoneInfo:
    """Return the zone a text names, or the given one where it names none; raise `ValueError` otherwise."""
    text = text.strip().lower()
    if not text:
        if zone is None:
            raise ValueError("no zone")
        return ZoneInfo(zone)
    match = _OFFSET.fullmatch(text)
    if match is not None:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    if text not in _OFFSETS:
        raise ValueError("a zone of several meanings")
    return timezone(timedelta(hours=_OFFSETS[text]))
