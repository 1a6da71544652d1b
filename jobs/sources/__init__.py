"""The sources this installation can read, one file each."""

from collections.abc import Sequence

from forecasts.errors import InvalidInputError
from forecasts.model import Source
from jobs.sources.event_table import EventTable


class Catalogue:
    """The sources by name."""

    def __init__(self, *sources: Source) -> None:
        self._sources = {source.name: source for source in sources}

    def get(self, name: str) -> Source:
        """Return the source of that name; raise `InvalidInputError` that lists the known ones."""
        try:
            return self._sources[name]
        except KeyError:
            known = ", ".join(self.names())
            raise InvalidInputError(f"there is no source {name!r}; the known ones are: {known}") from None

    def names(self) -> Sequence[str]:
        """Return the known names, sorted."""
        return sorted(self._sources)


def catalogue() -> Catalogue:
    """Return every source there is."""
    return Catalogue(EventTable())
