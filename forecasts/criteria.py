"""The criterion: how a machine is to tell yes from no, as versioned JSON that is hashed and frozen."""

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import Field

from forecasts.errors import InvalidInputError
from forecasts.model import SourceCatalogue
from forecasts.scalars import Duration, Strict, Text, Word, Zone


class EventFilter(Strict):
    """Which rows match: the kind is one of `kind`, and every name in `actors` is among the row's actors."""

    kind: Annotated[list[Word], Field(min_length=1)]
    actors: list[Word] = []


class _SourceLeaf(Strict):
    source: Word
    query: dict[str, Any]
    grace: Duration
    min_checks: Annotated[int, Field(ge=1, le=10_000)]
    max_lag: Duration

    @cached_property
    def resource(self) -> tuple[str, str]:
        """The (source, canonical query) this leaf reads."""
        return self.source, canonical_json(self.query).decode()


class _EventLeaf(_SourceLeaf):
    filter: EventFilter
    event_tz: Zone


class EventBeforeDeadline(_EventLeaf):
    """Yes when a matching event occurs inside the question's window."""

    type: Literal["event_before_deadline"]

    @property
    def needed(self) -> int:
        """How many matching events make a yes."""
        return 1


class CountAtLeast(_EventLeaf):
    """Yes when at least `k` matching events occur inside the window; dated by the k-th."""

    type: Literal["count_at_least"]
    k: Annotated[int, Field(ge=1, le=1_000_000)]

    @property
    def needed(self) -> int:
        """How many matching events make a yes."""
        return self.k


class NumericThreshold(_SourceLeaf):
    """Yes when the number a source shows for the deadline compares so with `threshold`, no when it does not."""

    type: Literal["numeric_threshold"]
    op: Literal["<", "<=", ">", ">="]
    threshold: Annotated[float, Field(allow_inf_nan=False)]


class StateAt(_SourceLeaf):
    """Yes when what a source shows for the deadline is one of `values`, no when it is something else."""

    type: Literal["state_at"]
    values: Annotated[list[Word | bool], Field(min_length=1, max_length=100)]


class MarketMirror(_SourceLeaf):
    """What a market was resolved to, when that has stood for the grace; a fraction or a refund is neither."""

    type: Literal["market_mirror"]


class Manual(Strict):
    """Decided by a named person; `proposition` says what exactly."""

    type: Literal["manual"]
    proposition: Text


class All(Strict):
    """Yes when every part is yes, no when one is no."""

    type: Literal["all"]
    of: Annotated[list["Criterion"], Field(min_length=1, max_length=50)]


class AnyOf(Strict):
    """Yes when one part is yes, no when every part is no."""

    type: Literal["any"]
    of: Annotated[list["Criterion"], Field(min_length=1, max_length=50)]


class Not(Strict):
    """Yes when the part is no and no when it is yes; unknown stays unknown."""

    type: Literal["not"]
    criterion: "Criterion"


EventLeaf = EventBeforeDeadline | CountAtLeast
StateLeaf = NumericThreshold | StateAt
SourceLeaf = EventLeaf | StateLeaf | MarketMirror
Criterion = Annotated[
    EventBeforeDeadline | CountAtLeast | NumericThreshold | StateAt | MarketMirror | Manual | All | AnyOf | Not,
    Field(discriminator="type"),
]


class CriterionDocument(Strict):
    """A criterion with the version of the language it is written in."""

    version: Literal[1] = 1
    criterion: Criterion


def canonical_json(value: object) -> bytes:
    """Return RFC 8785 canonical JSON; raise `InvalidInputError` for what JSON cannot carry."""
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"This cannot be written as canonical JSON: {error}.") from None


def digest(value: object) -> str:
    """Return the sha256 of the canonical JSON of a value, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def leaves(criterion: Criterion) -> Iterator[SourceLeaf | Manual]:
    """Yield the leaves of a criterion from left to right."""
    if isinstance(criterion, All | AnyOf):
        for part in criterion.of:
            yield from leaves(part)
    elif isinstance(criterion, Not):
        yield from leaves(criterion.criterion)
    else:
        yield criterion


def source_leaves(criterion: Criterion) -> list[SourceLeaf]:
    """Return the leaves a source can answer."""
    return [leaf for leaf in leaves(criterion) if not isinstance(leaf, Manual)]


def negates(criterion: Criterion) -> bool:
    """Whether a part of a criterion is turned round, so that its yes may rest on an absence."""
    if isinstance(criterion, All | AnyOf):
        return any(map(negates, criterion.of))
    return isinstance(criterion, Not)


def parse(value: object) -> Criterion:
    """Read a criterion somebody wrote; raise pydantic's `ValidationError` with the path of what is wrong."""
    return CriterionDocument.model_validate({"criterion": value}).criterion


def dump(criterion: Criterion) -> dict[str, Any]:
    """Return a criterion as plain JSON values, with its language version."""
    return CriterionDocument(criterion=criterion).model_dump(mode="json")


@lru_cache(maxsize=4096)
def load(text: str) -> Criterion:
    """Read a criterion that was stored in canonical form."""
    return CriterionDocument.model_validate_json(text).criterion


def load_query(text: str) -> dict[str, Any]:
    """Read a resource's query that was stored in canonical form."""
    query: dict[str, Any] = json.loads(text)
    return query


def canonical(criterion: Criterion, catalogue: SourceCatalogue) -> Criterion:
    """Return the criterion with every query in the canonical form of its source.

    Raises `InvalidInputError` for an unknown source or a query its source refuses.
    """
    if isinstance(criterion, All | AnyOf):
        return criterion.model_copy(update={"of": [canonical(part, catalogue) for part in criterion.of]})
    if isinstance(criterion, Not):
        return criterion.model_copy(update={"criterion": canonical(criterion.criterion, catalogue)})
    if isinstance(criterion, Manual):
        return criterion
    return criterion.model_copy(update={"query": catalogue.get(criterion.source).canonical(criterion.query)})
