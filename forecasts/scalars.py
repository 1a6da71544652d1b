"""Strict scalar types for every edge: instants with a zone, named zones, durations, probabilities, keys."""

import difflib
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

_DURATION = re.compile(
    r"^P(?=[0-9T])(?:([0-9]{1,5})D)?(?:T(?=[0-9])(?:([0-9]{1,5})H)?(?:([0-9]{1,5})M)?(?:([0-9]{1,6})S)?)?$"
)


def parse_duration(value: object) -> timedelta:
    """Read an ISO 8601 duration of days, hours, minutes and seconds.

    >>> parse_duration("P14D"), parse_duration("PT90S")
    (datetime.timedelta(days=14), datetime.timedelta(seconds=90))
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        calendar = isinstance(value, str) and re.fullmatch(r"P[0-9]+[YMW].*", value)
        hint = " (a year, month or week in days)" if calendar else ""
        raise ValueError(f"{shown(value)} is not a duration; write for example P14D or PT90S{hint}")
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
        guess = meant(value, available_timezones())
        raise ValueError(f"{shown(value)} is not an IANA time zone{guess}; write for example Asia/Seoul") from None
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


_SCHEMA_OF_A_DURATION = {
    "type": "string",
    "format": "duration",
    "pattern": _DURATION.pattern,
    "examples": ["P14D"],
}
_SCHEMA_OF_A_WORD = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\u0000]+$"}

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration),
    WithJsonSchema(_SCHEMA_OF_A_DURATION),
]
Instant = Annotated[datetime, BeforeValidator(_aware)]  # always in UTC
Zone = Annotated[
    str,
    AfterValidator(_known_zone),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]", "examples": ["UTC", "Asia/Seoul"]}),
]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000),
    AfterValidator(_printable),
    WithJsonSchema({"type": "string", "pattern": "^[^\\u0000]*[^ \\t\\r\\n\\u0000][^\\u0000]*$"}),
]
Word = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_printable),
    WithJsonSchema(_SCHEMA_OF_A_WORD),
]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_printable)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, BeforeValidator(_probability)]


class Strict(BaseModel):
    """Base of every schema: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _know_every_field(cls, value: Any) -> Any:
        """Refuse a field there is not before anything else, with the one that was meant."""
        if isinstance(value, dict):
            fields = [field.alias or name for name, field in cls.model_fields.items()]
            unknown = next((key for key in value if isinstance(key, str) and key not in fields), None)
            if unknown is not None:
                missing = [name for name in fields if name not in value]
                others = f", or use one of {', '.join(missing)}" if missing else ""
                remedy = meant(unknown, missing) or f"; leave it out{others}"
                raise PydanticCustomError(
                    "unknown_field",
                    "there is no such field{remedy}",
                    {"field": unknown.encode("utf-8", "backslashreplace").decode(), "remedy": remedy},
                )
        return value


def meant(word: str, known: Iterable[str]) -> str:
    """Return the question after the known word somebody may have meant, in brackets; empty where none is near.

    >>> meant("gracee", ["grace", "filter"]), meant("hunch", ["grace", "filter"])
    (' (did you mean grace?)', '')
    """
    near = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), near, n=1)
    return f" (did you mean {near[found[0]]}?)" if found else ""


def shown(value: object) -> str:
    """Return what was given in a few characters that any terminal can print.

    >>> shown("a week"), shown(None), shown([1, 2])
    ("'a week'", 'nothing', 'a list')
    """
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, dict | list | tuple):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) >= 10**30:
        return "so large a number"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def write_host(host: str, port: int | None = None) -> str:
    """Return the one way to write a host, or with a port one of its ports.

    >>> write_host("0:0::1", 8080), write_host("Feed.Example.")
    ('[::1]:8080', 'feed.example')
    """
    host = host.lower().rstrip(".")
    with suppress(ValueError):  # it is a name
        host = str(ip_address(host))
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


def _host(value: str) -> str:
    remedy = f"{value!r} is no host; write for example feed.example, 127.0.0.1:8080 or [::1]:8080"
    try:
        parts = urlsplit(f"//{value}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(remedy) from None
    if not host or not value.isascii() or parts.netloc != value or set(value) & set("@ *"):
        raise ValueError(remedy)
    return write_host(host, port)


Host = Annotated[str, AfterValidator(_host)]
