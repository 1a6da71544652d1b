"""What the queries of the sources are made of: a place, a path, a declared watermark."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from forecasts.errors import InvalidInputError
from forecasts.mistakes import first_error
from forecasts.model import Event
from forecasts.scalars import Duration, Instant, Strict, Word

Query = TypeVar("Query", bound=Strict)


def _fetchable(value: str) -> str:
    if value != value.strip() or not value.isprintable():
        raise ValueError("leave out spaces around it, line breaks and control characters")
    if value.startswith(("http://", "https://")) and " " in value:
        raise ValueError("write a space in an address as %20")
    if "://" in value and not value.startswith(("http://", "https://", "file://")):
        raise ValueError("use http(s)://, a file path, or seeds: and a name")
    return value


def _web_address(value: str) -> str:
    _fetchable(value)
    if not value.startswith(("http://", "https://")) or any(character in value for character in "?#"):
        raise ValueError("use an http(s):// address without parameters; they are added from the other fields")
    return value


Location = Annotated[
    str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_fetchable)
]  # anything that can be fetched
Service = Annotated[
    str, StringConstraints(min_length=1, max_length=300), AfterValidator(_web_address)
]  # to which parameters are added


class LocatedQuery(Strict):
    """A query of what is fetched whole from one place."""

    location: Location = Field(description="an http(s):// address, a file, or seeds: and a name")


class FetchTime(Strict):
    """Complete up to the fetch less a stated lag, and never beyond `until`."""

    origin: Literal["fetch_time"] = Field(alias="from")
    lag: Duration
    until: Instant | None = None

    def instant(self, fetched_at: datetime) -> datetime:
        """Return how far an answer fetched at an instant is complete; a lag beyond the calendar is year 1."""
        try:
            complete = fetched_at - self.lag
        except OverflowError:
            complete = datetime.min.replace(tzinfo=UTC)
        return min(complete, self.until) if self.until else complete


class NewestRow(Strict):
    """Complete up to the newest row of any kind."""

    origin: Literal["newest_row"] = Field(alias="from")


class PublishedField(Strict):
    """Complete up to the instant the source publishes under `name`, beside its rows."""

    origin: Literal["field"] = Field(alias="from")
    name: Word


def newest_row(events: Sequence[Event], zone: str, fetched_at: datetime) -> datetime | None:
    """Return the end of the newest row that does not lie in the future."""
    ends = (interval.end for event in events if (interval := event.interval(zone)))
    return max((end for end in ends if end - timedelta(days=1) <= fetched_at), default=None)


def lags(query: Mapping[str, object], watermark: datetime, checked_at: datetime, max_lag: timedelta) -> bool:
    """Whether a watermark lies further behind a check than `max_lag`, and than the query itself vouches for."""
    horizon = checked_at - max_lag
    if watermark >= horizon:
        return False
    vouched = _vouched(query)
    return watermark < (min(horizon, vouched.instant(checked_at)) if vouched else horizon)


def untold_too_long(
    query: Mapping[str, object], since: datetime, checked_at: datetime, max_lag: timedelta
) -> bool:
    """Whether no answer from `since` to a check told the watermark that the query declares, for too long.

    That is for longer than `max_lag`, and than the lag that the query itself vouches for.
    """
    vouched = _vouched(query)
    longest = max(max_lag, vouched.lag) if vouched else max_lag
    return query.get("watermark") is not None and checked_at - since > longest


def _vouched(query: Mapping[str, object]) -> FetchTime | None:
    """Return the rule by which a query vouches for a lag of its own, if it does."""
    rule = query.get("watermark")
    by_fetch = isinstance(rule, dict) and rule.get("from") == "fetch_time"
    return FetchTime.model_validate(rule) if by_fetch else None


_KNOWN = 4096  # queries of up to some two kilobytes
_known: dict[tuple[type[Strict], str], Strict] = {}  # each check reads the same query as the one before


def read_query(model: type[Query], query: Mapping[str, object]) -> Query:
    """Read a query; raise `InvalidInputError` that names path and remedy."""
    known = _known.get(key := (model, repr(query)))
    if isinstance(known, model):
        return known
    try:
        found = model.model_validate(dict(query))
    except ValidationError as error:
        raise InvalidInputError(f"query.{first_error(error, query)}") from None
    if len(_known) >= _KNOWN:
        _known.clear()
    _known[key] = found
    return found


def write_query(query: Strict) -> dict[str, Any]:
    """Return a query in its one canonical form: what is as by default is left out."""
    return query.model_dump(mode="json", by_alias=True, exclude_defaults=True)
