"""A market's standing: only YES and NO are outcomes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from forecasts.errors import InvalidInputError
from forecasts.model import Interval, Observation, State
from jobs.sources import get_source
from tests.jobs.sources.bodies import FETCHED, MARKET_QUERY, market, ms, observe, resolved

AT = datetime(2021, 9, 5, 6, tzinfo=UTC)


def state(body: object) -> State:
    found = observe("manifold", body, MARKET_QUERY)
    assert found.status == "ok", found.problems
    assert found.state is not None
    return found.state


def trouble(body: object) -> Observation:
    found = observe("manifold", body, MARKET_QUERY)
    assert found.state is None
    assert not found.sound
    return found


@pytest.mark.parametrize(
    ("resolution", "value"),
    [("YES", "yes"), ("NO", "no"), ("MKT", "partial"), ("PROB", "partial"), ("CANCEL", "cancelled")],
)
def test_only_yes_and_no_are_outcomes(resolution: str, value: str) -> None:
    found = state(resolved(resolution, resolutionProbability=0.83))
    assert found == State(value, since=Interval(AT, AT), probability=Decimal("0.83"))


def test_a_fraction_may_lack_its_probability() -> None:
    assert state(resolved("MKT")).probability is None


def test_the_price_of_a_resolved_market_is_not_its_outcome() -> None:
    assert state(resolved("NO", resolutionProbability=0.97)).value == "no"


def test_an_open_market_shows_its_price() -> None:
    found = observe("manifold", market(), MARKET_QUERY)
    assert found.state == State("open", probability=Decimal("0.62"))
    assert found.watermark == FETCHED - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("closes", "value"),
    [
        (ms("2021-09-10T12:00:00Z"), "closed"),
        (ms("2021-09-10T12:00:01Z"), "open"),
        (253_402_300_799_000, "open"),  # the year 9999
        (10**30, "open"),
        (None, "open"),
    ],
)
def test_a_market_closes_at_its_time_and_some_never(closes: object, value: str) -> None:
    assert state(market(closeTime=closes)).value == value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (market(id="other"), "not about the market abc123"),
        (market(outcomeType="MULTIPLE_CHOICE"), "the market is MULTIPLE_CHOICE, not a yes/no market"),
        (resolved("answer-7"), "the market is resolved as answer-7, not known here"),
        (market(isResolved=True), "the market is resolved as nothing"),
        (market(isResolved=None), "the market is resolved as nothing"),
        (market(isResolved="false", resolution="YES"), "the market is resolved as YES, not known here"),
        (resolved("YES", resolutionTime=ms("2021-09-10T12:00:01Z")), "after the fetch"),
        ({"message": "Market not found"}, "not about the market"),
        ([], "not about the market"),
    ],
)
def test_another_answer_is_malformed(body: object, said: str) -> None:
    found = trouble(body)
    assert found.status == "malformed"
    assert said in found.problems[0]


@pytest.mark.parametrize("body", [{"message": "Too many requests"}, {"error": "Rate limit: slow down"}])
def test_a_throttle_notice_under_200_is_throttled(body: dict[str, Any]) -> None:
    assert trouble(body).status == "throttled"


@pytest.mark.parametrize("price", [1.5, -0.1, "0.5", True, None])
def test_a_price_that_is_none_is_left_out(price: object) -> None:
    assert state(market(probability=price)).probability is None


def test_the_address_is_the_market() -> None:
    request = get_source("manifold").request(MARKET_QUERY, as_of=FETCHED, previous=None)
    assert request.location == "https://api.manifold.markets/v0/market/abc123"


@pytest.mark.parametrize(
    "change", [{"market": "a/b"}, {"market": ""}, {"service": "ftp://x"}, {"watermark": None}]
)
def test_a_query_that_cannot_be_asked_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match=f"query.{next(iter(change))}"):
        get_source("manifold").canonical(MARKET_QUERY | change)
