"""A recording of a source: a directory of dated files, each what the source answered at its instant.

A file stands for the source until the next one would have come by the recording's usual spacing. Past that, nobody
is known to have got an answer: a hole, and the time after the last file, are no answer, and not the old one.
"""

import bisect
import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from statistics import median_low

from forecasts.errors import InvalidInputError

_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".xml": "application/xml",
    ".rss": "application/rss+xml",
    ".atom": "application/atom+xml",
}
_NAME = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[Tt_ ](\d\d)[:-]?(\d\d)(?:[:-]?(\d\d)(?:[.,]\d+)?)?(Z|z|[+-]\d\d[:-]?\d\d)?)?",
    re.ASCII,
)
LATE = 1.1  # spacings after which the next file is overdue
_REMEDY = "name each file by its instant, as 2020-01-31.csv or 2020-01-31T06-00-00Z.csv.gz"


class Recording:
    """The files of a directory by instant, packed or not, and no others.

    Raises `InvalidInputError` for a directory that cannot be served.
    """

    def __init__(self, directory: Path) -> None:
        dated: dict[datetime, Path] = {}
        for path in _files(directory):
            instant = instant_in(_unpacked(path).stem)
            if instant is None:
                continue
            if not path.is_file():
                raise InvalidInputError(f"{path} is no file; {_REMEDY}.")
            if instant in dated:
                raise InvalidInputError(f"{dated[instant]} and {path} are of one instant; keep one of them.")
            dated[instant] = path
        if not dated:
            raise InvalidInputError(f"{directory} holds no dated file; {_REMEDY}.")
        kinds = sorted({_unpacked(path).suffix.lower() for path in dated.values()})
        if len(kinds) > 1:
            raise InvalidInputError(f"{directory} mixes {' and '.join(kinds)} files; keep one kind.")
        if kinds[0] not in _TYPES:
            raise InvalidInputError(f"{directory} holds {kinds[0] or 'nameless'} files; use {', '.join(_TYPES)}.")
        self.content_type = _TYPES[kinds[0]]
        self._instants = sorted(dated)
        self._paths = [dated[instant] for instant in self._instants]
        spacings = [later - earlier for earlier, later in pairwise(self._instants)]
        self._lasts = LATE * median_low(spacings or [timedelta(days=1)])
        self._read = lru_cache(maxsize=4)(_read)

    def at(self, instant: datetime) -> tuple[bytes, str] | None:
        """Return the newest file at or before an instant, and its ETag; None where it is too old to speak for it.

        It is after `LATE` times the median spacing of the files; that of a single file is a day.
        """
        place = bisect.bisect_right(self._instants, instant)
        if not place or instant >= self._instants[place - 1] + self._lasts:
            return None
        return self._read(self._paths[place - 1])

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the instant of the first file after an instant, None after the last."""
        place = bisect.bisect_right(self._instants, instant)
        return self._instants[place] if place < len(self._instants) else None


def left_out(directory: Path) -> list[str]:
    """Return the names in a directory that are no instants, which a recording there does not serve."""
    return [path.name for path in _files(directory) if instant_in(_unpacked(path).stem) is None]


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InvalidInputError(f"{directory} cannot be read ({error.strerror}).") from None


def _unpacked(path: Path) -> Path:
    """Return what a file is called without the suffix of gzip."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def _read(path: Path) -> tuple[bytes, str]:
    body = path.read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def instant_in(name: str) -> datetime | None:
    """Return the instant a file is named by, in UTC: a day is its first instant, a time without a zone is in UTC.

    Where a system forbids colons in names, hyphens or nothing stand in their place.

    >>> instant_in("2020-01-31"), instant_in("2020-01-31T06-30-00+0900")
    (datetime.datetime(2020, 1, 31, 0, 0, tzinfo=datetime.timezone.utc), \
datetime.datetime(2020, 1, 30, 21, 30, tzinfo=datetime.timezone.utc))
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else f"{zone[:3]}:{zone[-2:]}"
    try:
        return datetime.fromisoformat(
            f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{offset}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
