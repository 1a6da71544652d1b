"""The USGS catalogue: zero events count when the answer counts them; what is not reviewed holds time back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from forecasts.errors import InvalidInputError
from forecasts.model import Event, Observation
from jobs.sources import get_source, usgs
from tests.jobs.sources.bodies import FETCHED, USGS_QUERY, ms, observe, quake, quakes

GENERATED = datetime(2021, 9, 10, 11, 59, tzinfo=UTC)
AT = datetime(2021, 9, 3, 3, 30, 1, tzinfo=UTC)


def seen(*features: dict[str, Any], query: dict[str, object] | None = None, **metadata: Any) -> Observation:
    found = observe("usgs", quakes(*features, **metadata), USGS_QUERY | (query or {}))
    assert found.status == "ok", found.problems
    return found


def test_a_feature_becomes_an_event() -> None:
    found = seen(quake())
    assert found.events == (
        Event(
            occurred=AT,
            kind="nuclear explosion",
            zone="UTC",
            description="M 6.3 Nuclear Explosion - 21 km ENE of a place",
            citation="https://earthquake.usgs.gov/earthquakes/eventpage/us1",
            id="us1",
        ),
    )
    assert (found.complete_from, found.watermark) == (
        datetime(2021, 9, 1, tzinfo=UTC),
        GENERATED - timedelta(days=1),
    )
    assert found.sound


def test_none_is_an_answer_where_the_answer_counts_none() -> None:
    found = seen()
    assert (found.events, found.sound) == ((), True)
    assert found.watermark == GENERATED - timedelta(days=1)


@pytest.mark.parametrize("count", [None, "0", -1, 0.5, True, 10**40])
def test_none_without_a_count_is_malformed(count: object) -> None:
    assert observe("usgs", quakes(count=count), USGS_QUERY).status == "malformed"
    assert observe("usgs", {"type": "FeatureCollection", "features": []}, USGS_QUERY).status == "malformed"


def test_more_events_than_counted_is_malformed_and_fewer_is_incomplete() -> None:
    assert observe("usgs", quakes(quake(), count=0), USGS_QUERY).status == "malformed"
    found = seen(quake(), count=3)
    assert (len(found.events), found.watermark) == (1, None)
    assert found.problems == ("the answer holds 1 of 3 rows, so it is not complete",)


def test_an_answer_that_was_cut_is_complete_to_no_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usgs, "LIMIT", 2)
    assert seen(quake("a")).watermark is not None
    assert seen(quake("a"), quake("b")).watermark is None


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"status": "deleted"}, False),
        ({"status": "REVIEWED"}, True),
        ({"magType": "mb_lg"}, True),
        ({"magType": "ml"}, False),
        ({"mag": 3.9}, False),
        ({"mag": 4}, True),
        ({"depth": 5}, True),
        ({"depth": 5.1}, False),
        ({"time": ms("2021-08-31T23:59:59Z")}, False),
    ],
)
def test_what_was_not_asked_for_is_left_out(change: dict[str, Any], kept: bool) -> None:
    found = seen(quake(**change))
    assert (len(found.events), bool(found.problems)) == (kept, not kept)
    assert found.watermark == GENERATED - timedelta(days=1)


@pytest.mark.parametrize(
    "change", [{"status": "automatic"}, {"status": None}, {"mag": None}, {"magType": None}, {"depth": None}]
)
def test_an_event_that_is_not_decided_holds_the_watermark_back(change: dict[str, Any]) -> None:
    found = seen(quake("late", "2021-09-05T00:00:00Z"), quake(**change))
    assert [event.id for event in found.events] == ["late"]
    assert found.watermark == AT


def test_automatic_events_count_where_the_query_says_so() -> None:
    found = seen(quake(status="automatic"), query={"reviewed": False})
    assert len(found.events) == 1
    assert found.watermark == GENERATED - timedelta(days=1)


def test_an_end_bounds_the_events_and_the_watermark() -> None:
    end: dict[str, object] = {"end": "2021-09-03T03:30:01Z"}
    found = seen(quake(), query=end)
    assert (found.events, found.watermark) == ((), AT)


@pytest.mark.parametrize("time", [None, "soon", 10**30, 253_402_300_799_000])
def test_an_event_without_a_time_is_undated(time: object) -> None:
    found = seen(quake(time=time))
    assert [event.occurred for event in found.events] == [None]
    assert found.problems == ("1 events without a time that can be read",)


@pytest.mark.parametrize(
    ("place", "kept", "held"),
    [
        ([129.1, 41.3, 0], True, False),
        ([129.1, 41.74, 0], True, False),  # 49 km north
        ([129.1, 41.9, 0], False, False),  # 67 km
        ([-70.0, -33.0, 10], False, False),
        (None, False, True),
        ([129.1], False, True),
        ([None, 41.3, 0], False, True),
    ],
)
def test_an_event_outside_the_circle_was_not_asked_for(place: Any, kept: bool, held: bool) -> None:
    circle: dict[str, object] = {"latitude": 41.3, "longitude": 129.1, "max_radius_km": 50}
    found = seen(quake() | {"geometry": {"coordinates": place}}, query=circle)
    assert (len(found.events) == 1, found.watermark == AT) == (kept, held)


def test_a_catalogue_that_lost_events_is_not_trusted() -> None:
    before = seen(*(quake(f"us{n}") for n in range(10)))
    found = observe("usgs", quakes(), USGS_QUERY, previous=before)
    assert (found.status, found.shrunken, found.sound) == ("ok", True, False)


def test_a_clock_of_the_catalogue_that_is_ahead_is_not_believed() -> None:
    assert seen(generated=ms("2031-01-01T00:00:00Z")).watermark == FETCHED - timedelta(days=1)


def test_the_request_names_the_parameters_of_the_service() -> None:
    location = get_source("usgs").request(USGS_QUERY, as_of=FETCHED, previous=None).location
    assert location.startswith("https://earthquake.usgs.gov/fdsnws/event/1/query?format=geojson&")
    parameters = {name: value[0] for name, value in parse_qs(urlsplit(location).query).items()}
    assert parameters == {
        "format": "geojson",
        "orderby": "time",
        "limit": "5000",
        "starttime": "2021-09-01T00:00:00Z",
        "latitude": "41.3",
        "longitude": "129.1",
        "maxradiuskm": "50.0",
        "minmagnitude": "4.0",
        "maxdepth": "5.0",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"latitude": None}, "query.max_radius_km: latitude, longitude and max_radius_km go together"),
        ({"latitude": 91}, "query.latitude"),
        ({"min_magnitude": float("nan")}, "query.min_magnitude"),
        ({"end": "2021-09-01T00:00:00Z"}, "query.end: it must lie after start"),
        ({"start": "2021-09-01T00:00:00"}, "query.start"),
        ({"watermark": {"from": "newest_row"}}, "query.watermark"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        get_source("usgs").canonical(USGS_QUERY | change)
    assert said in str(refusal.value)
