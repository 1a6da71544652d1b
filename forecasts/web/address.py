"""Where a page is: its path, what it was asked beside that, and as of which instant or revision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from urllib.parse import urlencode

from forecasts.ledger import AsOf

# The rooms of the site, in the order of its navigation.
SECTIONS = (
    ("/dossier", "Dossier"),
    ("/authors", "Authors"),
    ("/questions", "Questions"),
    ("/articles", "Articles"),
    ("/compare", "Compare"),
    ("/leaderboard", "Leaderboard"),
    ("/sources", "Sources"),
    ("/method", "Method"),
    ("/corrections", "Corrections"),
)
_LIES_IN = {"/checks": "/sources", "/statements": "/articles"}
_LAST = time(23, 59, 59, 999999, UTC)


@dataclass(frozen=True, slots=True)
class Address:
    """The address of one page; `path` is None for a page that has none of its own, as an error.

    `query` holds what the page was asked beside `as_of` and `rev`, as the words searched for.
    """

    path: str | None
    as_of: AsOf = None
    query: Mapping[str, str] = field(default_factory=dict)

    def link(self, path: str, query: Mapping[str, object] | None = None) -> str:
        """Return the address of another page in the same state of the registry.

        >>> Address("/", as_of=7).link("/questions", {"page": 2})
        '/questions?page=2&rev=7'
        """
        return _join(path, dict(query or {}) | _state(self.as_of))

    @property
    def state(self) -> dict[str, object]:
        """What a form adds to ask about the same state of the registry."""
        return _state(self.as_of)

    @property
    def now(self) -> str:
        """This page as it is now."""
        return _join(self.path or "/", self.query)

    def permanent(self, rev: int) -> str:
        """Return this page as it is at a revision, whatever is written later."""
        return _join(self.path or "/", {**self.query, "rev": rev})

    def within(self, section: str) -> bool:
        """Whether the page lies in a section of the site."""
        room = "/" + (self.path or "").split("/")[1] if self.path else ""
        return section == _LIES_IN.get(room, room)


def paged(query: Mapping[str, str], name: str, page: int) -> dict[str, str]:
    """Return a query with the number of a page under a name; the first page needs none.

    >>> paged({"q": "fares"}, "page", 2), paged({}, "page", 1)
    ({'q': 'fares', 'page': '2'}, {})
    """
    return dict(query) | ({name: str(page)} if page > 1 else {})


def end_of_day(text: str) -> datetime | None:
    """Return the last instant of a day in UTC; None where the text is no date alone.

    >>> end_of_day("2020-01-31").isoformat(), end_of_day("2020-01-31T10:00:00Z")
    ('2020-01-31T23:59:59.999999+00:00', None)
    """
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC), _LAST)
    except ValueError:
        return None


def written(as_of: datetime) -> str:
    """Return an instant as addresses write it: the end of a day as its date.

    >>> written(end_of_day("2020-01-31")), written(datetime(2020, 1, 31, tzinfo=UTC))
    ('2020-01-31', '2020-01-31T00:00:00Z')
    """
    instant = as_of.astimezone(UTC)
    return f"{instant:%Y-%m-%d}" if instant.timetz() == _LAST else instant.isoformat().replace("+00:00", "Z")


def _state(as_of: AsOf) -> dict[str, object]:
    if as_of is None:
        return {}
    return {"as_of": written(as_of)} if isinstance(as_of, datetime) else {"rev": as_of}


def _join(path: str, query: Mapping[str, object]) -> str:
    place, mark, anchor = path.partition("#")
    return f"{place}?{urlencode(query)}{mark}{anchor}" if query else path
