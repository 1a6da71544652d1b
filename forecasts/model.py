"""The words of the registry as types: what the rest of the product says about forecasts and outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

AuthorKind = Literal["person", "organisation", "anonymous", "placeholder"]
ActorKind = Literal["person", "adapter", "seed"]
CollectionMethod = Literal["complete", "random", "hand-picked"]
StatementKind = Literal[
    "unconditional",
    "conditional",
    "scenario-step",
    "chain-summary",
    "commitment",
    "scheduled-event",
    "restatement",
    "not-a-forecast",
]
Checkability = Literal["yes", "partly", "no"]
#: Whether a second person read a statement, alone: nobody did; they found the same; they differed, now settled;
#: both read the text, and only one saw this claim in it.
SecondCoding = Literal["none", "agreed", "settled", "one-of-two"]
Asserts = Literal["yes", "no"]
Basis = Literal["stated", "lexicon", "coder"]
Outcome = Literal["yes", "no", "ambiguous", "annulled"]
ForecastChange = Literal["original", "revision", "correction", "withdrawal"]
StatementChange = Literal["original", "correction"]
PublicationState = Literal["draft", "notified", "published"]
RedactedKind = Literal["evidence", "copy", "reply", "statement"]
ResolutionState = Literal["proposed", "disputed", "confirmed", "reopened"]
QuestionState = Literal["open", "proposed", "disputed", "confirmed"]
CheckStatus = Literal["ok", "empty", "throttled", "malformed", "skewed", "error"]
AlarmKind = Literal["shrunk", "lagging"]

PPM = 1_000_000


def to_ppm(probability: float | Decimal) -> int:
    """Return a probability in [0, 1] as integer parts per million.

    Rounding is half to even and never makes 0 or 1 of anything else.

    >>> to_ppm(0.3), to_ppm(1e-9), to_ppm(1.0)
    (300000, 1, 1000000)
    """
    exact = Decimal(repr(probability)) if isinstance(probability, float) else Decimal(probability)
    if not exact.is_finite() or not 0 <= exact <= 1:
        raise ValueError(f"a probability lies between 0 and 1, not {probability}")
    if exact in (0, 1):
        return int(exact) * PPM
    ppm = int((exact * PPM).to_integral_value(rounding=ROUND_HALF_EVEN))
    return min(max(ppm, 1), PPM - 1)


def iso(instant: datetime) -> str:
    """Return an aware instant as ISO 8601 in UTC with a final Z.

    >>> iso(datetime(2019, 11, 1, tzinfo=UTC))
    '2019-11-01T00:00:00Z'
    """
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open stretch of time `[start, end)` in UTC; an exact instant has `start == end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One row of an event source, dated as the row dates it: an instant, a day, or not at all.

    A day is an interval in the row's `zone`, or in the zone the criterion names where the row has none. With
    `until`, all that is known is that it occurred between the two (an `until` day included). `id` is the source's
    own key of the row; sources re-key rows, so it tells rows of one answer apart, never rows of two answers.
    """

    occurred: datetime | date | None
    kind: str
    zone: str | None = None
    actors: tuple[str, ...] = ()
    known_at: datetime | None = None
    description: str = ""
    citation: str = ""
    until: datetime | date | None = None
    id: str = ""

    def interval(self, zone: str) -> Interval | None:
        """Return when it occurred in UTC; `zone` places a day whose row names no zone.

        None where it is undated, or dated at the edge of the calendar (9999-12-31 is a way to say "unknown").
        """
        if self.occurred is None:
            return None
        named = ZoneInfo(self.zone or zone)
        try:
            start, end = _span(self.occurred, named)
            if self.until is not None:
                end = _span(self.until, named)[1]
            return Interval(start, end) if start <= end else None
        except OverflowError:
            return None

    @property
    def gist(self) -> tuple[object, ...]:
        """What makes it the same event in another answer: sources re-key rows and edit their texts."""
        return self.occurred, self.until, self.zone, self.kind, self.actors

    def dated(self) -> str:
        """Return the date as the row gives it, for people."""
        if self.occurred is None:
            return "an unknown date"
        dates = [self.occurred] if self.until is None else [self.occurred, self.until]
        return " to ".join(iso(at) if isinstance(at, datetime) else at.isoformat() for at in dates)


def _span(at: datetime | date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return start and end in UTC of an instant (both the same) or of a day in a zone."""
    return (at, at) if isinstance(at, datetime) else _span_of_day(at, zone)


@lru_cache(maxsize=4096)  # the rows of a table fall on the same days at each check
def _span_of_day(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time.min, tzinfo=zone)
    end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class State:
    """What a source says something is: a published number or word, the standing of a market or of a page.

    It has held since `since` at the latest (None where the source does not say) up to the observation's
    watermark. `probability` is the price of a market; `version` is the source's own name for this edition.
    """

    value: Decimal | str | bool
    since: Interval | None = None
    probability: Decimal | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one answer of a source says, and over which stretch of time the source is known to be complete.

    It is complete from `complete_from` (None: from the beginning) to `watermark` (None: to no known instant).
    A `partial` answer says itself that there are more rows. `problems` are sentences for people. A `shrunken`
    answer lost more rows than a sound source loses.
    """

    status: CheckStatus
    events: tuple[Event, ...] = ()
    watermark: datetime | None = None
    problems: tuple[str, ...] = ()
    shrunken: bool = False
    state: State | None = None
    complete_from: datetime | None = None
    partial: bool = False

    @property
    def sound(self) -> bool:
        """Whether verdicts may be built on it."""
        return self.status == "ok" and not self.shrunken


class Clock(Protocol):
    """Tells the time that rules use: the system's, or the simulated one of a replay."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to fetch; the validators of an earlier answer make the request conditional."""

    location: str
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What came back for one request; `problem` says in a sentence why there is no usable body.

    `retry_after` is how many seconds the source asked to be left alone, in whichever form it said so; `age` how
    many seconds a cache on the way has had the answer, by its own account.
    """

    status: int | None
    body: bytes
    content_type: str
    etag: str | None
    last_modified: str | None
    date: datetime | None
    retry_after: float | None
    problem: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    age: float = 0.0


class Fetcher(Protocol):
    """Fetches one location within caps of time and size; failures are returned, never raised."""

    def ready_at(self, location: str, now: datetime) -> datetime | None:
        """Return None where the location may be asked now (which counts as asking); else when to come back."""
        ...

    def fetch(self, request: Request) -> Response:
        """Ask for `request.location`, conditionally where a validator of an earlier answer is given."""
        ...


class Source(Protocol):
    """One kind of source: knows its query, and reads a body without touching the network.

    `version` is raised whenever the same bytes are read another way than before.
    """

    name: str
    version: int

    def canonical(self, query: Mapping[str, object]) -> dict[str, object]:
        """Return the query in canonical form; raise `InvalidInputError` that names path and remedy."""
        ...

    def request(self, query: Mapping[str, object], *, as_of: datetime, previous: Observation | None) -> Request:
        """Return what to fetch for the query."""
        ...

    def parse(
        self,
        body: bytes,
        *,
        query: Mapping[str, object],
        content_type: str,
        fetched_at: datetime,
        previous: Observation | None,
    ) -> Observation:
        """Read one body; `previous` is the last sound observation of the same resource."""
        ...


class SourceCatalogue(Protocol):
    """The sources this installation can read."""

    def get(self, name: str) -> Source:
        """Return the source of that name; raise `InvalidInputError` that lists the known ones."""
        ...

    def readable_by(self, name: str, query: Mapping[str, object]) -> Sequence[str]:
        """Return the types of criteria that can read what a source shows for a canonical query."""
        ...

    def names(self) -> Sequence[str]:
        """Return the known names, sorted."""
        ...

    def suggested_grace(self, name: str) -> timedelta | None:
        """Return how late the rows of a source are known to come; None where nothing is known of it."""
        ...
