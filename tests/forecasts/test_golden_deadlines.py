"""Golden deadlines: days in named zones against deadlines, by offsets from UTC that were written down by hand.

The second method is arithmetic on minutes: a day lasts from its midnight at the first offset to the next midnight
at the second. Nothing here asks a time zone database but the code that is tried.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from forecasts import criteria
from forecasts.criteria import EventLeaf
from forecasts.decide import Reading, Window, decide
from forecasts.model import Event, Interval, Observation
from forecasts.scalars import Instant
from tests.support.documents import event_leaf

INSTANT = TypeAdapter(Instant)
SECOND = timedelta(seconds=1)

# Zone, day, and minutes ahead of UTC at the midnight it begins with and at the one it ends with.
DAYS = [
    ("UTC", "2000-02-29", 0, 0),
    ("UTC", "2020-12-31", 0, 0),
    ("Asia/Seoul", "2020-02-29", 540, 540),
    ("America/New_York", "2020-02-29", -300, -300),
    ("Pacific/Kiritimati", "2024-02-29", 840, 840),
    ("Pacific/Kiritimati", "2020-12-31", 840, 840),
    ("Etc/GMT-14", "2020-12-31", 840, 840),
    ("Etc/GMT+12", "2020-12-31", -720, -720),
    ("Etc/GMT+12", "2024-02-29", -720, -720),
    ("Pacific/Pago_Pago", "2020-12-31", -660, -660),
    ("Pacific/Chatham", "2020-12-31", 825, 825),
    ("Asia/Kathmandu", "2020-12-31", 345, 345),
    ("Asia/Kolkata", "2020-12-31", 330, 330),
    # the spring gap; where it is at midnight, the day begins with it
    ("America/New_York", "2021-03-14", -300, -240),
    ("Europe/London", "2021-03-28", 0, 60),
    ("Europe/Paris", "2021-03-28", 60, 120),
    ("Pacific/Auckland", "2021-09-26", 720, 780),
    ("Australia/Lord_Howe", "2021-10-03", 630, 660),
    ("America/Sao_Paulo", "2018-11-04", -180, -120),
    ("Asia/Beirut", "2021-03-28", 120, 180),
    ("Asia/Tehran", "2022-03-22", 210, 270),
    # the autumn fold; where midnight comes twice, the day begins with the first
    ("America/New_York", "2021-11-07", -240, -300),
    ("Europe/London", "2021-10-31", 60, 0),
    ("Europe/Paris", "2021-10-31", 120, 60),
    ("Australia/Lord_Howe", "2021-04-04", 660, 630),
    ("America/Havana", "2021-11-07", -240, -300),
    ("America/Sao_Paulo", "2018-02-17", -120, -180),
    # zones that moved
    ("Asia/Pyongyang", "2018-05-04", 510, 540),
    ("Asia/Pyongyang", "2015-08-14", 540, 510),
    ("America/Caracas", "2016-05-01", -270, -240),
    ("Pacific/Apia", "2011-12-31", 840, 840),
]


def midnight(day: str, minutes: int) -> datetime:
    """Return the beginning of a day that is so many minutes ahead of UTC, in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(minutes=minutes)


def written(instant: datetime, minutes: int) -> str:
    """Write an instant as a document would, with the offset it has where the deadline was set."""
    sign, ahead = ("-" if minutes < 0 else "+"), abs(minutes)
    local = (instant + timedelta(minutes=minutes)).replace(tzinfo=None)
    return f"{local.isoformat()}{sign}{ahead // 60:02}:{ahead % 60:02}"


def rows() -> list[tuple[str, str, bool, str, str, str]]:
    """Return zone, day, whether the row is the day (or the last second of it), opening, deadline and verdict."""
    made = []
    for zone, day, first, last in DAYS:
        start = midnight(day, first)
        end = midnight((date.fromisoformat(day) + timedelta(days=1)).isoformat(), last)
        before, after = written(start - timedelta(days=9), first), written(end + timedelta(days=9), last)
        made += [
            (zone, day, True, before, written(end, last), "yes"),  # the deadline is the end of the day
            (zone, day, True, before, written(end - SECOND, last), "unknown"),
            (zone, day, True, before, written(start, first), "no"),  # the deadline is its beginning
            (zone, day, True, before, written(start + SECOND, first), "unknown"),
            (zone, day, True, written(start, first), after, "yes"),
            (zone, day, True, written(start + SECOND, first), after, "unknown"),
            (zone, day, True, written(end, last), after, "no"),
            (zone, day, False, before, written(end, last), "yes"),  # an instant, one second before the end
            (zone, day, False, before, written(end - SECOND, last), "no"),  # and at the deadline itself
        ]
    return made


ROWS = rows()


def test_there_are_enough_of_them() -> None:
    assert len(set(ROWS)) == len(ROWS) >= 200


@pytest.mark.parametrize(("zone", "day", "first", "last"), DAYS)
def test_a_day_lasts_from_midnight_to_midnight_where_it_is(zone: str, day: str, first: int, last: int) -> None:
    end = midnight((date.fromisoformat(day) + timedelta(days=1)).isoformat(), last)
    assert Event(date.fromisoformat(day), "x").interval(zone) == Interval(midnight(day, first), end)


def test_no_golden_deadline_is_decided_wrongly() -> None:
    wrong = []
    for zone, day, is_day, opens, deadline, expected in ROWS:
        leaf = criteria.parse(event_leaf(event_tz=zone))
        assert isinstance(leaf, EventLeaf)
        last = next(at[3] for at in DAYS if at[:2] == (zone, day))
        end = midnight((date.fromisoformat(day) + timedelta(days=1)).isoformat(), last)
        event = Event(date.fromisoformat(day) if is_day else end - SECOND, "opening")
        window = Window(*(INSTANT.validate_python(text) for text in (opens, opens, deadline)))
        later = window.deadline + timedelta(days=60)
        verdict = decide(
            leaf, window, {leaf.resource: Reading(Observation("ok", (event,), later), later, 2)}, later
        )
        if verdict.value != expected or verdict.needs_person != (expected == "unknown"):
            wrong.append((zone, day, is_day, opens, deadline, expected, verdict.value))
    assert wrong == []
