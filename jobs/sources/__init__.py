"""The sources this installation can read, one file each."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from forecasts.errors import InvalidInputError
from jobs.sources._definition import DefinedSource, Shown, checked
from jobs.sources._queries import lags, untold_too_long
from jobs.sources._rows import late_rows, lost_too_many
from jobs.sources.event_table import EventTable
from jobs.sources.json_path import JsonPath
from jobs.sources.manifold import Manifold
from jobs.sources.manual import Manual
from jobs.sources.mediawiki import MediaWiki
from jobs.sources.rss_atom import RssAtom
from jobs.sources.usgs import Usgs

__all__ = ["Catalogue", "catalogue", "get_source", "lags", "late_rows", "lost_too_many", "untold_too_long"]


_READABLE_BY: dict[Shown, tuple[str, ...]] = {
    "rows": ("event_before_deadline", "count_at_least"),
    "value": ("numeric_threshold", "state_at", "market_mirror"),
    "words": ("state_at",),
    "market": ("market_mirror", "state_at"),
    "page": (),
}


class Catalogue:
    """The sources by name; raises `SourceDefinitionError` where one is not defined as it must be."""

    def __init__(self, *sources: DefinedSource) -> None:
        self._sources = checked(sources)

    def get(self, name: str) -> DefinedSource:
        """Return the source of that name; raise `InvalidInputError` that lists the known ones."""
        try:
            return self._sources[name]
        except KeyError:
            known = ", ".join(self.names())
            raise InvalidInputError(f"there is no source {name!r}; the known ones are: {known}") from None

    def readable_by(self, name: str, query: Mapping[str, object]) -> Sequence[str]:
        """Return the types of criteria that can read what a source shows for a canonical query."""
        shows = self.get(name).about.shows
        return _READABLE_BY["value" if "value" in shows and "value" in query else shows[0]]

    def names(self) -> Sequence[str]:
        """Return the known names, sorted."""
        return sorted(self._sources)

    def suggested_grace(self, name: str) -> timedelta | None:
        """Return how late the rows of a source are known to come; None where nothing is known of it."""
        return self.get(name).about.suggested_grace


_ALL = Catalogue(EventTable(), JsonPath(), Manifold(), Manual(), MediaWiki(), RssAtom(), Usgs())
get_source = _ALL.get


def catalogue() -> Catalogue:
    """Return every source there is."""
    return _ALL
