"""Strict scalar types for every edge: instants with a zone, named zones, durations, probabilities, keys."""

import re
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

_DURATION = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?")


def parse_duration(value: object) -> timedelta:
    """Read an ISO 8601 duration of days, hours, minutes and seconds.

    >>> parse_duration("P14D"), parse_duration("PT90S")
    (datetime.timedelta(days=14), datetime.timedelta(seconds=90))
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        raise ValueError(f"{value!r} is not a duration; write for example P14D or PT90S")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def write_duration(value: timedelta) -> str:
    """Return a duration of whole seconds in one canonical ISO 8601 spelling.

    >>> write_duration(timedelta(days=14)), write_duration(timedelta(seconds=90))
    ('P14D', 'PT90S')
    """
    seconds = round(value.total_seconds())
    return f"P{seconds // 86400}D" if seconds % 86400 == 0 and seconds else f"PT{seconds}S"


def _aware(value: object) -> datetime:
    """Take an ISO 8601 text or a datetime, and refuse one without a zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a date and time; write 2019-11-01T00:00:00Z") from None
    if not isinstance(value, datetime):
        raise ValueError("a date and time is needed; write 2019-11-01T00:00:00Z")  # noqa: TRY004
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone; add Z or an offset such as +09:00")
    return value


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is not an IANA time zone; write for example Asia/Seoul") from None
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(write_duration)]
Instant = Annotated[datetime, BeforeValidator(_aware)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Strict(BaseModel):
    """Base of every schema: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
