"""Earthquakes and other seismic events from the USGS catalogue (FDSN event service, GeoJSON).

The answer says how many events it holds, so none is an answer too. Events are revised for days: with `reviewed`
(the default) one that no analyst has seen is left out and holds the watermark back to its time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field

from forecasts.errors import InvalidInputError
from forecasts.model import Event, Observation, Request, iso
from forecasts.scalars import Instant, Strict, Word
from jobs.sources._bodies import (
    UnreadableError,
    decode,
    load_json,
    member,
    number,
    refused,
    since_epoch,
    text_of,
    whole_number,
)
from jobs.sources._definition import About, Queried
from jobs.sources._queries import FetchTime, Service, read_query, write_query
from jobs.sources._rows import answered, rows_of

LIMIT = 5_000  # events in one answer
EARTH_KM = 6371.0
_MS = timedelta(milliseconds=1)
_Fit = Literal["yes", "no", "unknown"]
Degrees = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Magnitude = Annotated[float, Field(ge=-5, le=15, allow_inf_nan=False)]
Depth = Annotated[float, Field(ge=-100, le=1000, allow_inf_nan=False)]


class UsgsQuery(Strict):
    """Where, when and how strong; the names are those of the service with words apart."""

    start: Instant = Field(description="events from this instant on")
    watermark: FetchTime = Field(
        description="how long the catalogue takes to be complete, as a lag before the fetch"
    )
    end: Instant | None = Field(default=None, description="events before this instant")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(default=None, description="of the centre")
    longitude: Degrees | None = Field(default=None, description="of the centre")
    max_radius_km: Annotated[float, Field(gt=0, le=20_001)] | None = Field(
        default=None, description="farthest distance from the centre"
    )
    min_magnitude: Magnitude | None = Field(default=None, description="weakest magnitude")
    max_magnitude: Magnitude | None = Field(default=None, description="strongest magnitude")
    min_depth_km: Depth | None = Field(default=None, description="shallowest depth")
    max_depth_km: Depth | None = Field(default=None, description="deepest depth")
    magnitude_types: list[Word] = Field(default=[], description="how the types of magnitude that count begin")
    reviewed: bool = Field(default=True, description="whether only events an analyst has seen count")
    service: Service = Field(
        default="https://earthquake.usgs.gov/fdsnws/event/1/query", description="the address of the service"
    )


_PARAMETERS = {
    "start": "starttime",
    "end": "endtime",
    "latitude": "latitude",
    "longitude": "longitude",
    "max_radius_km": "maxradiuskm",
    "min_magnitude": "minmagnitude",
    "max_magnitude": "maxmagnitude",
    "min_depth_km": "mindepth",
    "max_depth_km": "maxdepth",
}


class Usgs(Queried):
    """Reads the USGS catalogue; see the module's text."""

    name = "usgs"
    version = 1
    about = About(
        reads="Seismic events in the USGS catalogue, by place, time, depth and magnitude.",
        kind="query",
        watermarks=("fetch_time",),
        query=UsgsQuery,
        suggested_grace=timedelta(days=1),
    )

    def canonical(self, query: Mapping[str, object]) -> dict[str, object]:
        """Return the query in canonical form; raise `InvalidInputError` that names path and remedy."""
        read = read_query(UsgsQuery, query)
        circle = (read.latitude, read.longitude, read.max_radius_km)
        if None in circle and circle != (None, None, None):
            raise InvalidInputError("query.max_radius_km: latitude, longitude and max_radius_km go together")
        if read.end is not None and read.end <= read.start:
            raise InvalidInputError("query.end: it must lie after start")
        return write_query(read)

    def request(self, query: Mapping[str, object], *, as_of: datetime, previous: Observation | None) -> Request:
        """Return the address of the newest events the query asks for."""
        read = read_query(UsgsQuery, query)
        given = {theirs: getattr(read, ours) for ours, theirs in _PARAMETERS.items()}
        parameters = {"format": "geojson", "orderby": "time", "limit": LIMIT} | {
            name: iso(value) if isinstance(value, datetime) else value
            for name, value in given.items()
            if value is not None
        }
        return Request(f"{read.service}?{urlencode(parameters)}")

    def parse(
        self,
        body: bytes,
        *,
        query: Mapping[str, object],
        content_type: str,
        fetched_at: datetime,
        previous: Observation | None,
    ) -> Observation:
        """Read one body; the watermark is that of the instant the answer was made, or of the fetch."""
        read = read_query(UsgsQuery, query)
        try:
            answer = load_json(decode(body, content_type, "GeoJSON"))
            features, about = _features(answer), member(answer, "metadata")
            events, problems, oldest_open = _read_features(features, read)
            made_at = min(since_epoch(member(about, "generated"), _MS) or fetched_at, fetched_at)
            complete_to = [read.watermark.instant(made_at), oldest_open, read.end]
            count = whole_number(member(about, "count"))
            if len(features) >= LIMIT:
                problems.append(f"the answer is cut at {LIMIT} events, so it is not complete")
                complete_to = []
            observation = answered(
                events,
                problems,
                rows=len(features),
                count=count,
                watermark=min((at for at in complete_to if at is not None), default=None),
                seen_before=rows_of(previous),
            )
        except UnreadableError as error:
            return refused(body, error)
        return replace(
            observation, complete_from=read.start, partial=observation.partial or len(features) >= LIMIT
        )


@dataclass(slots=True)
class _Tally:
    """What became of the features that are no events."""

    deleted: int = 0
    unasked: int = 0
    open: int = 0
    oldest_open: datetime | None = None

    def hold(self, at: datetime) -> None:
        """Count an event that may yet turn out to be one that was asked for."""
        self.open += 1
        self.oldest_open = min(self.oldest_open or at, at)


def _features(answer: Any) -> list[Any]:
    features = member(answer, "features")
    if not isinstance(features, list):
        raise UnreadableError("the answer is no GeoJSON collection of features")
    return features


def _read_features(features: list[Any], query: UsgsQuery) -> tuple[list[Event], list[str], datetime | None]:
    """Return the events, what was odd, and the time of the oldest event that is not decided yet."""
    events: list[Event] = []
    tally = _Tally()
    for feature in features:
        event = _read_feature(feature, query, tally)
        if event is not None:
            events.append(event)
    undated = sum(event.occurred is None for event in events)
    odd = (
        (undated, "without a time that can be read"),
        (tally.deleted, "deleted by the catalogue, left out"),
        (tally.unasked, "that were not asked for, left out"),
        (tally.open, "not reviewed, or without what was asked about; complete only up to the first of them"),
    )
    return events, [f"{count} events {what}" for count, what in odd if count], tally.oldest_open


def _read_feature(feature: Any, query: UsgsQuery, tally: _Tally) -> Event | None:
    properties = member(feature, "properties")
    if not isinstance(properties, dict):
        raise UnreadableError("a feature of the answer has no properties")
    status = text_of(properties.get("status")).lower()
    at = since_epoch(properties.get("time"), _MS)
    fits = _fits(properties, member(member(feature, "geometry"), "coordinates"), at, query)
    if status == "deleted":
        tally.deleted += 1
    elif fits == "no":
        tally.unasked += 1
    elif fits == "unknown" or (query.reviewed and status != "reviewed"):
        tally.hold(at or query.start)
    else:
        return Event(
            occurred=at,
            kind=text_of(properties.get("type")) or "unknown",
            zone="UTC",
            description=text_of(properties.get("title") or properties.get("place")),
            citation=text_of(properties.get("url")),
            id=text_of(member(feature, "id")),
        )
    return None


def _fits(properties: Mapping[str, Any], place: Any, at: datetime | None, query: UsgsQuery) -> _Fit:
    """Whether an event is one that was asked for; unknown where it lacks what was asked about."""
    depth = number(place[2]) if isinstance(place, list) and len(place) > 2 else None
    if at is not None and (at < query.start or (query.end is not None and at >= query.end)):
        return "no"
    answers = (
        _within(number(properties.get("mag")), query.min_magnitude, query.max_magnitude),
        _within(depth, query.min_depth_km, query.max_depth_km),
        _near(place, query),
        _begins(text_of(properties.get("magType")), query.magnitude_types),
    )
    return "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"


def _near(place: Any, query: UsgsQuery) -> _Fit:
    """Whether an event lies in the circle that was asked for, on a sphere as the service reckons, give or take."""
    if query.latitude is None or query.longitude is None or query.max_radius_km is None:
        return "yes"
    found = [number(part) for part in place[:2]] if isinstance(place, list) else []
    if len(found) < 2 or found[0] is None or found[1] is None:
        return "unknown"
    east, north = math.radians(float(found[0])), math.radians(float(found[1]))
    centre_east, centre_north = math.radians(query.longitude), math.radians(query.latitude)
    haversine = (
        math.sin((north - centre_north) / 2) ** 2
        + math.cos(north) * math.cos(centre_north) * math.sin((east - centre_east) / 2) ** 2
    )
    distance = 2 * EARTH_KM * math.asin(math.sqrt(min(max(haversine, 0.0), 1.0)))
    return "yes" if distance <= query.max_radius_km * 1.01 + 1 else "no"


def _within(value: Decimal | None, low: float | None, high: float | None) -> _Fit:
    if low is None and high is None:
        return "yes"
    if value is None:
        return "unknown"
    return "yes" if (low is None or value >= low) and (high is None or value <= high) else "no"


def _begins(text: str, beginnings: list[str]) -> _Fit:
    if not beginnings:
        return "yes"
    if not text:
        return "unknown"
    return "yes" if text.lower().startswith(tuple(word.lower() for word in beginnings)) else "no"
