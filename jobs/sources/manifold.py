"""A yes/no market on Manifold: its standing, and its price.

Only `YES` and `NO` are outcomes. `MKT` and `PROB` settle at a fraction and `CANCEL` gives the stakes back: neither
says yes or no. `resolutionProbability` is the price a market was settled at, not what came true.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field, StringConstraints

from forecasts.model import Interval, Observation, Request, State, iso
from forecasts.scalars import Strict
from jobs.sources._bodies import (
    UnreadableError,
    decode,
    load_json,
    number,
    quoted,
    refused,
    since_epoch,
)
from jobs.sources._definition import About, Queried
from jobs.sources._queries import FetchTime, Service, read_query

_MS = timedelta(milliseconds=1)
_RESOLVED = {"YES": "yes", "NO": "no", "MKT": "partial", "PROB": "partial", "CANCEL": "cancelled"}


class ManifoldQuery(Strict):
    """Which market."""

    market: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")] = Field(
        description="the id of the market, as the API gives it"
    )
    watermark: FetchTime = Field(
        description="how long an answer of the API may be cached, as a lag before the fetch"
    )
    service: Service = Field(
        default="https://api.manifold.markets/v0/market", description="the address of the API"
    )


class Manifold(Queried):
    """Reads one market; see the module's text."""

    name = "manifold"
    version = 1
    about = About(
        reads="The standing of a yes/no market on Manifold: open, closed, yes, no, partial or cancelled.",
        kind="query",
        watermarks=("fetch_time",),
        query=ManifoldQuery,
        shows=("market",),
    )

    def request(self, query: Mapping[str, object], *, as_of: datetime, previous: Observation | None) -> Request:
        """Return the address of the market."""
        read = read_query(ManifoldQuery, query)
        return Request(f"{read.service}/{quote(read.market)}")

    def parse(
        self,
        body: bytes,
        *,
        query: Mapping[str, object],
        content_type: str,
        fetched_at: datetime,
        previous: Observation | None,
    ) -> Observation:
        """Read one body; malformed where it is about another market, or one that is not yes or no."""
        read = read_query(ManifoldQuery, query)
        try:
            market = _market(load_json(decode(body, content_type, "JSON")), read)
            state = _state(market, fetched_at)
        except UnreadableError as error:
            return refused(body, error)
        return Observation("ok", state=state, watermark=read.watermark.instant(fetched_at))


def _market(answer: Any, query: ManifoldQuery) -> dict[str, Any]:
    """Return the answer if it is about the market, and the market a yes/no market."""
    if not isinstance(answer, dict) or answer.get("id") != query.market:
        raise UnreadableError(f"the answer is not about the market {query.market}")
    if answer.get("outcomeType") != "BINARY":
        kind = quoted(answer.get("outcomeType")) or "of no type"
        raise UnreadableError(f"the market is {kind}, not a yes/no market (BINARY)")
    return answer


def _state(market: Mapping[str, Any], fetched_at: datetime) -> State:
    if market.get("isResolved") is False:
        closes = since_epoch(market.get("closeTime"), _MS)  # some lie beyond the calendar: never
        closed = closes is not None and closes <= fetched_at
        return State("closed" if closed else "open", probability=_probability(market, "probability"))
    standing = _RESOLVED.get(str(market.get("resolution")))
    if market.get("isResolved") is not True or standing is None:
        raise UnreadableError(
            f"the market is resolved as {quoted(market.get('resolution')) or 'nothing'}, not known here"
        )
    at = since_epoch(market.get("resolutionTime"), _MS)
    if at is not None and at > fetched_at:
        raise UnreadableError(f"the market is resolved at {iso(at)}, after the fetch")
    return State(
        standing,
        since=Interval(at, at) if at is not None else None,
        probability=_probability(market, "resolutionProbability"),
    )


def _probability(market: Mapping[str, Any], name: str) -> Decimal | None:
    value = number(market.get(name))
    return value if value is not None and 0 <= value <= 1 else None
