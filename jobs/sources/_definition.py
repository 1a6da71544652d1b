"""What each source must say of itself, and the check that refuses one that does not when it is imported."""

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, cast, get_args

from forecasts.model import Observation, Request, Source
from forecasts.scalars import Strict
from jobs.sources._queries import LocatedQuery, read_query, write_query

Kind = Literal["snapshot", "query", "either"]
Shown = Literal["rows", "value", "words", "market", "page"]
WatermarkRule = Literal["fetch_time", "newest_row", "field", "none"]
_METHODS = {
    name: set(inspect.signature(getattr(Source, name)).parameters) for name in ("canonical", "request", "parse")
}


class SourceDefinitionError(TypeError):
    """A source is not defined as it must be; the program cannot start with it."""


@dataclass(frozen=True, slots=True)
class About:
    """What a source says of itself.

    `kind` is snapshot for a source that shows all it has (zero rows prove nothing) and query for one that answers
    a question (zero rows are an answer where it counts them); `watermarks` are the rules a query may declare;
    `suggested_grace` is how late its rows are known to come.
    `shows` is what it shows, which decides the criteria that can read it.
    """

    reads: str
    kind: Kind
    watermarks: tuple[WatermarkRule, ...]
    query: type[Strict]
    suggested_grace: timedelta | None = None
    shows: tuple[Shown, ...] = ("rows",)


class DefinedSource(Source, Protocol):
    """A source that says of itself what people and the registry need to know."""

    about: About


class Queried:
    """A source whose query is canonical as its model reads it; one that asks more of it says so in `canonical`."""

    about: About

    def canonical(self, query: Mapping[str, object]) -> dict[str, object]:
        """Return the query in canonical form; raise `InvalidInputError` that names path and remedy."""
        return write_query(read_query(self.about.query, query))


class Located(Queried):
    """A source that is fetched whole from the location its query names."""

    def request(self, query: Mapping[str, object], *, as_of: datetime, previous: Observation | None) -> Request:
        """Return what to fetch: always all there is."""
        located = cast("LocatedQuery", read_query(self.about.query, query))  # as the registry has seen to
        return Request(located.location)


def checked(sources: Iterable[DefinedSource]) -> dict[str, DefinedSource]:
    """Return the sources by name; raise `SourceDefinitionError` that says what is wrong and the remedy."""
    found: dict[str, DefinedSource] = {}
    for source in sources:
        trouble = _trouble(source)
        if trouble is None and source.name in found:
            trouble = f"its name {source.name!r} is taken by {type(found[source.name]).__name__}; choose another"
        if trouble is not None:
            raise SourceDefinitionError(f"The source {type(source).__name__} cannot be used: {trouble}.")
        found[source.name] = source
    return found


def _trouble(source: object) -> str | None:
    """Return what is wrong with a source, as the end of a sentence."""
    name, about = getattr(source, "name", None), getattr(source, "about", None)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        return f"its name is {name!r}; give it one of small letters, digits and hyphens"
    version = getattr(source, "version", None)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        return f"its version is {version!r}; give it a whole number from 1 on"
    if not isinstance(about, About):
        return "it does not say what it is; add the attribute about"
    trouble = _about_trouble(about)
    if trouble is None and isinstance(source, Located) and not issubclass(about.query, LocatedQuery):
        trouble = "its query has no location to fetch; base it on LocatedQuery"
    return trouble or next(filter(None, (_method_trouble(source, name) for name in _METHODS)), None)


def _about_trouble(about: About) -> str | None:
    if not about.reads.strip():
        return "it does not say what it reads; say so in about.reads"
    if about.kind not in get_args(Kind):
        return f"its kind is {about.kind!r}; say one of {', '.join(get_args(Kind))} in about.kind"
    if not about.shows or not set(about.shows) <= set(get_args(Shown)):
        return f"it does not say what it shows; name in about.shows {', '.join(get_args(Shown))}"
    rules = set(about.watermarks)
    if not rules or not rules <= set(get_args(WatermarkRule)):
        return f"its watermark rule is not declared; name in about.watermarks {', '.join(get_args(WatermarkRule))}"
    if rules != {"none"} and "watermark" not in about.query.model_fields:
        return "its query cannot declare a watermark; add the field watermark to it"
    return None


def _method_trouble(source: object, name: str) -> str | None:
    method: Any = getattr(source, name, None)
    if not callable(method):
        return f"it has no method {name}; add it as forecasts.model.Source has it"
    missing = sorted(_METHODS[name] - {"self"} - set(inspect.signature(method).parameters))
    return f"its method {name} does not take {missing[0]}; add the parameter" if missing else None
