"""Probabilities in parts per million, and when an event occurred."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.model import PPM, Event, Interval, Observation, iso, to_ppm
from tests.support.clocks import at

SHARES = st.floats(min_value=0, max_value=1, allow_subnormal=True)


@given(SHARES)
def test_rounding_never_makes_0_or_1_of_anything_else(share: float) -> None:
    assert (to_ppm(share) == 0) == (share == 0)
    assert (to_ppm(share) == PPM) == (share == 1)


@given(SHARES, SHARES)
def test_a_greater_probability_never_gets_fewer_parts(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert to_ppm(low) <= to_ppm(high)


@given(st.integers(min_value=0, max_value=PPM))
def test_six_decimals_are_exact(ppm: int) -> None:
    assert to_ppm(ppm / PPM) == ppm
    assert to_ppm(Decimal(ppm) / PPM) == ppm


@given(SHARES.filter(lambda share: 1e-6 <= share <= 1 - 1e-6))
def test_what_is_lost_is_at_most_half_a_part(share: float) -> None:
    assert abs(to_ppm(share) - Fraction(repr(share)) * PPM) <= Fraction(1, 2)


@pytest.mark.parametrize("value", [-1e-9, 1.0000001, float("nan"), float("inf"), -float("inf"), Decimal("NaN")])
def test_what_is_no_probability_has_no_parts(value: float | Decimal) -> None:
    with pytest.raises(ValueError, match="a probability lies between 0 and 1"):
        to_ppm(value)


def test_half_a_part_goes_to_the_even_neighbour() -> None:
    assert [to_ppm(Decimal(text)) for text in ("0.0000025", "0.0000035", "0.0000005")] == [2, 4, 1]


def test_an_instant_is_written_in_utc_with_a_final_z() -> None:
    assert iso(at("2019-08-24T06:00:00+09:00")) == "2019-08-23T21:00:00Z"


def test_a_day_in_korea_begins_nine_hours_before_the_day_in_utc() -> None:
    launch = Event(date(2019, 8, 24), "launch")
    assert launch.interval("Asia/Seoul") == Interval(at("2019-08-23T15:00"), at("2019-08-24T15:00"))
    assert launch.interval("UTC") == Interval(at("2019-08-24T00:00"), at("2019-08-25T00:00"))


def test_the_zone_of_the_row_goes_before_the_zone_of_the_criterion() -> None:
    launch = Event(date(2019, 8, 24), "launch", zone="Asia/Seoul")
    assert launch.interval("America/New_York") == launch.interval("Asia/Seoul")


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2020, 3, 29), "Europe/Paris", 23),
        (date(2020, 10, 25), "Europe/Paris", 25),
        (date(2020, 6, 1), "Europe/Paris", 24),
        (date(2018, 11, 4), "America/Sao_Paulo", 23),  # no midnight: the clock went from 23:59 to 01:00
        (date(2018, 2, 17), "America/Sao_Paulo", 25),
        (date(2011, 12, 30), "Pacific/Apia", 0),  # the day Samoa left out
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it(day: date, zone: str, hours: int) -> None:
    interval = Event(day, "opening").interval(zone)
    assert interval is not None
    assert interval.end - interval.start == timedelta(hours=hours)


@given(st.dates(), st.sampled_from(["UTC", "Asia/Seoul", "America/New_York", "Pacific/Kiritimati"]))
def test_every_day_can_be_asked_for_its_interval(day: date, zone: str) -> None:
    interval = Event(day, "opening").interval(zone)
    if date(2, 1, 1) < day < date(9999, 12, 30):
        assert interval is not None
        assert interval.start < interval.end


@pytest.mark.parametrize(("day", "zone"), [(date.max, "UTC"), (date.min, "Asia/Seoul")])
def test_a_day_at_the_edge_of_the_calendar_is_as_good_as_undated(day: date, zone: str) -> None:
    assert Event(day, "opening").interval(zone) is None


def test_an_instant_is_its_own_interval_and_a_row_without_a_date_has_none() -> None:
    instant = datetime(2019, 11, 1, 6, tzinfo=UTC)
    assert Event(instant, "opening").interval("Asia/Seoul") == Interval(instant, instant)
    assert Event(None, "opening").interval("Asia/Seoul") is None


def test_people_read_the_date_as_the_row_gives_it() -> None:
    dated = [Event(occurred, "opening").dated() for occurred in (None, date(2019, 8, 24), at("2019-08-24T06:00Z"))]
    assert dated == ["an unknown date", "2019-08-24", "2019-08-24T06:00:00Z"]


@pytest.mark.parametrize("status", ["empty", "throttled", "malformed", "skewed", "error"])
def test_verdicts_are_built_on_whole_answers_only(status: str) -> None:
    assert Observation("ok").sound
    assert not Observation("ok", shrunken=True).sound
    assert not Observation(status).sound  # type: ignore[arg-type]
