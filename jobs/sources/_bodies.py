"""What every source does with bytes: decode them within bounds, read instants, and say what they are not."""

import json
import re
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta
from decimal import Decimal, DecimalException
from typing import Any
from zoneinfo import ZoneInfo

from forecasts.model import Observation

MAX_VALUES = 500_000  # in one JSON body; each costs up to 120 bytes once it is read
MAX_TEXT = 4_000  # characters of one field that are kept
_THROTTLED = re.compile(
    r"rate.?limit|too many requests|throttl|slow down|limit requests|quota (?:has been )?exceeded|maxlag",
    re.IGNORECASE,
)
_HYPHEN = re.compile(
    "\u00ad?[-\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]\u00ad?|\u00ad"
)  # soft ones come in pairs
_RANGE = re.compile(  # 2021-03(dash)05 may be March to May, 10:00(dash)12:00 two hours
    "\\s*\\d{4}[^\\d\u2012-\u2015]\\d\\d?[\u2012-\u2015]\\d|.*:\\d\\d\\s*[\u2012-\u2015]\\s*\\d\\d?:\\d"
)
_UNPADDED = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?![\d-])", re.ASCII)
_DAY_AND_TIME = re.compile(r"\d{4}(-\d\d-\d\d|\d{4}|-?W\d\d-?\d)([Tt]\d| \d\d:?\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnreadableError(Exception):
    """The body is not what its source answers with."""


def refused(body: bytes, error: UnreadableError) -> Observation:
    """Return the observation for a body that cannot be read: throttled where it says so, else malformed."""
    if _THROTTLED.search(body[:4096].decode("utf-8", "replace")):
        return Observation("throttled", problems=(f"the source asks to be asked less often: {error}",))
    return Observation("malformed", problems=(str(error),))


def decode(body: bytes, content_type: str, expected: str) -> str:
    """Return the text of a body that must be UTF-8 and no markup."""
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        raise UnreadableError(f"the answer is a page or markup, not {expected}")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"the answer is not UTF-8 text (byte {error.start})") from None


def load_json(text: str) -> Any:
    """Read JSON within bounds of depth and size; numbers with a point are exact, NaN and Infinity no JSON."""
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise UnreadableError(f"the answer holds more than {MAX_VALUES} JSON values; ask for less")
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError, DecimalException):
        raise UnreadableError("the answer is not JSON") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def member(value: object, name: str) -> Any:
    """Return a member of a JSON object; None where there is none or the value is no object."""
    return value.get(name) if isinstance(value, dict) else None


def text_of(value: object) -> str:
    """Return a scalar, or the scalars of a list joined by semicolons, as text that every store can keep."""
    if type(value) is str and len(value) <= MAX_TEXT and value.isascii() and "\0" not in value:
        return value.strip()  # as nearly all of them are
    if isinstance(value, list):
        return "; ".join(filter(None, (text_of(part) for part in value if not isinstance(part, list))))[:MAX_TEXT]
    if value is None or isinstance(value, dict):
        return ""
    text = str(value)[: 4 * MAX_TEXT].strip()[:MAX_TEXT].replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def quoted(value: object) -> str:
    """Return what a source says as one short printable line for a sentence."""
    text = " ".join(text_of(value).split())
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def number(value: object) -> Decimal | None:
    """Return a JSON number of a size that can be reckoned with, exactly; a text or a flag is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    exact = Decimal(value)
    return exact if not exact or -50 <= exact.adjusted() <= 50 else None


def number_in_text(text: str) -> Decimal | None:
    """Return a number that an API writes as text, as in "3.7"."""
    if not re.fullmatch(r"\s*[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?\s*", text, re.ASCII):
        return None
    return number(Decimal(text.strip()))


def whole_number(value: object) -> int | None:
    """Return a JSON number that counts something."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def since_epoch(value: object, unit: timedelta) -> datetime | None:
    """Return the instant so many units after 1970, or None where it has no place in the calendar."""
    count = number(value)
    if count is None or abs(count) > 10**15:
        return None
    try:
        instant = _EPOCH + timedelta(microseconds=int(count * (unit // timedelta(microseconds=1))))
    except OverflowError:
        return None
    return instant if placeable(instant.year) else None


def placeable(year: int) -> bool:
    """Whether a date of that year has a place in UTC whatever its zone; 9999-12-31 is a way to say "never"."""
    return MINYEAR < year < MAXYEAR


def known_zone(name: str) -> str | None:
    """Return the IANA name of a zone if it is one."""
    try:
        return ZoneInfo(name).key if name else None
    except (KeyError, ValueError, OSError):
        return None


def plain_date(text: str) -> str:
    """Return a date with plain hyphens, and month and day in two digits; what may be a range is left as it is.

    >>> plain_date("2021\u20113\u20115"), plain_date("2021-03\u201305") == "2021-03\u201305"
    ('2021-03-05', True)
    """
    if len(text) == 10 and text[4] == text[7] == "-" and text.isascii():
        return text  # as nearly all of them are
    if _RANGE.match(text):
        return text
    return _UNPADDED.sub(
        lambda found: f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}", _HYPHEN.sub("-", text), count=1
    )


def instant_of(text: str, zone: str | None) -> datetime | None:
    """Read an ISO 8601 instant; one without an offset needs a zone."""
    if not text:
        return None
    text = plain_date(text)
    if not _DAY_AND_TIME.match(text):  # Python would take any character between them, and so read numbers as dates
        return None
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            if zone is None:
                return None
            instant = instant.replace(tzinfo=ZoneInfo(zone))
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def occurrence_of(text: str, zone: str | None) -> datetime | date | None:
    """Read a day or an instant in ISO 8601; whatever cannot be placed in time is None, never guessed."""
    if not text:
        return None
    try:
        day = date.fromisoformat(plain_date(text))
    except ValueError:
        instant = instant_of(text, zone)
        return instant if instant is not None and placeable(instant.year) else None
    return day if placeable(day.year) else None
