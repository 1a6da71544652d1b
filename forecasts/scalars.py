"""Strict scalar types for every edge: instants with a zone, named zones, durations, probabilities, keys."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)

_DURATION = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?")


def parse_duration(value: object) -> timedelta:
    """Read an ISO 8601 duration of days, hours, minutes and seconds.

    >>> parse_duration("P14D"), parse_duration("PT90S")
    (datetime.timedelta(days=14), datetime.timedelta(seconds=90))
    """
    if isinstance(value, timedelta):
        return value
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
    if not 1800 <= value.year <= 2500:
        raise ValueError(f"{value.isoformat()} lies outside the years 1800 to 2500")
    return value.astimezone(UTC)


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is not an IANA time zone; write for example Asia/Seoul") from None
    return value


def _probability(value: object) -> float:
    """Take a plain number from 0 to 1; a flag, a text, NaN or anything outside is refused."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"a probability is a number from 0 to 1, not {value!r}")
    return float(value)


def _printable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("a text cannot contain the NUL character")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(write_duration)]
Instant = Annotated[datetime, BeforeValidator(_aware)]  # always in UTC
Zone = Annotated[str, AfterValidator(_known_zone)]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000),
    AfterValidator(_printable),
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_printable)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, BeforeValidator(_probability)]


class Strict(BaseModel):
    """Base of every schema: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def first_error(error: ValidationError) -> str:
    """Return one sentence for the first thing wrong: where it stands, and what is wrong with it."""
    errors = error.errors()
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in errors[0]["loc"]).lstrip(".")
    message = errors[0]["msg"].removeprefix("Value error, ")
    more = f" ({len(errors) - 1} more after it)" if len(errors) > 1 else ""
    return f"{where or 'the document'}: {message}{more}."
