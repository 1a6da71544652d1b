"""The criterion: how a machine is to tell yes from no, as versioned JSON that is hashed and frozen."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import Field, ValidationError

from forecasts.errors import InvalidInputError
from forecasts.mistakes import first_error
from forecasts.model import SourceCatalogue
from forecasts.scalars import Duration, Strict, Text, Word, Zone, meant

MAX_DEPTH = 20  # how deep `all`, `any` and `not` may stand in each other
MAX_LEAVES = 200
MAX_BYTES = 100_000  # of canonical JSON


class EventFilter(Strict):
    """Which rows match: the kind is one of `kind`, and every name in `actors` is among the row's actors."""

    kind: Annotated[list[Word], Field(min_length=1)] = Field(description="the kinds of rows that match")
    actors: list[Word] = Field(default=[], description="names that must all be among the actors of a row")


class _SourceLeaf(Strict):
    source: Word = Field(description="which source is read, as `calledit sources` lists them")
    query: dict[str, Any] = Field(description="what the source is asked")
    grace: Duration = Field(description="how long after the deadline a no waits for what is published late")
    min_checks: Annotated[int, Field(ge=1, le=10_000)] = Field(description="how many sound checks a no needs")
    max_lag: Duration = Field(description="how long a resolved question is still watched")

    @cached_property
    def resource(self) -> tuple[str, str]:
        """The (source, canonical query) this leaf reads."""
        return self.source, canonical_json(self.query).decode()


class _EventLeaf(_SourceLeaf):
    filter: EventFilter = Field(description="which rows match")
    event_tz: Zone = Field(description="the zone of a day whose row names none")


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
    k: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="how many matching events make a yes")

    @property
    def needed(self) -> int:
        """How many matching events make a yes."""
        return self.k


class NumericThreshold(_SourceLeaf):
    """Yes when the number a source shows for the deadline compares so with `threshold`, no when it does not."""

    type: Literal["numeric_threshold"]
    op: Literal["<", "<=", ">", ">="] = Field(description="how the number compares with the threshold")
    threshold: Annotated[float, Field(allow_inf_nan=False)] = Field(description="the number it is held against")


class StateAt(_SourceLeaf):
    """Yes when what a source shows for the deadline is one of `values`, no when it is something else."""

    type: Literal["state_at"]
    values: Annotated[list[Word | bool], Field(min_length=1, max_length=100)] = Field(
        description="the states that make a yes"
    )


class MarketMirror(_SourceLeaf):
    """What a market was resolved to, when that has stood for the grace; a fraction or a refund is neither."""

    type: Literal["market_mirror"]


class Manual(Strict):
    """Decided by a named person; `proposition` says what exactly."""

    type: Literal["manual"]
    proposition: Text = Field(description="what exactly a person is to decide")


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
    return (leaf for _, leaf in _placed(criterion, "criterion"))


def _placed(criterion: Criterion, path: str) -> Iterator[tuple[str, SourceLeaf | Manual]]:
    """Yield each leaf with its place, from left to right."""
    if isinstance(criterion, All | AnyOf):
        for number, part in enumerate(criterion.of):
            yield from _placed(part, f"{path}.of[{number}]")
    elif isinstance(criterion, Not):
        yield from _placed(criterion.criterion, f"{path}.criterion")
    else:
        yield path, criterion


def warnings(criterion: Criterion, catalogue: SourceCatalogue) -> list[str]:
    """Return, in sentences, what is allowed and unwise: a grace shorter than its source suggests."""
    found = []
    for path, leaf in _placed(criterion, "criterion"):
        suggested = None if isinstance(leaf, Manual) else catalogue.suggested_grace(leaf.source)
        if not isinstance(leaf, Manual) and suggested is not None and leaf.grace < suggested:
            found.append(
                f"{path}.grace: {leaf.grace / timedelta(days=1):g} days is shorter than the "
                f"{suggested / timedelta(days=1):g} in which {leaf.source} has late rows; what comes later will "
                "reopen a no."
            )
    return found


def source_leaves(criterion: Criterion) -> list[SourceLeaf]:
    """Return the leaves a source can answer."""
    return [leaf for leaf in leaves(criterion) if not isinstance(leaf, Manual)]


def negates(criterion: Criterion) -> bool:
    """Whether a part of a criterion is turned round, so that its yes may rest on an absence."""
    if isinstance(criterion, All | AnyOf):
        return any(map(negates, criterion.of))
    return isinstance(criterion, Not)


def parse(value: object) -> Criterion:
    """Read a criterion somebody wrote; raise `InvalidInputError` that names the path and the remedy."""
    whole = {"criterion": value}
    _refuse_deep(value)
    try:
        criterion = CriterionDocument.model_validate(whole).criterion
    except ValidationError as error:
        raise InvalidInputError(first_error(error, whole)) from None
    count = sum(1 for _ in leaves(criterion))
    if count > MAX_LEAVES:
        raise InvalidInputError(
            f"criterion: it has {count} parts, more than {MAX_LEAVES}; ask several questions instead."
        )
    _refuse_negated_manual(criterion, "criterion")
    return criterion


def _refuse_deep(value: object) -> None:
    """Refuse what is nested too deep to be read, by a person or by a recursion."""
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise InvalidInputError(
                f"criterion: it is nested more than {MAX_DEPTH} deep; write it flatter (an all within an all, or "
                "an any within an any, is one list)."
            )
        parts = [
            part for item in level if isinstance(item, dict) for part in (item.get("of"), item.get("criterion"))
        ]
        lists = [inner for part in parts if isinstance(part, list) for inner in part]
        level, depth = [*lists, *(part for part in parts if isinstance(part, dict))], depth + 1


def _refuse_negated_manual(criterion: Criterion, path: str) -> None:
    """Refuse the negation of what a person decides: nobody could tell which of the two a ruling answers."""
    if isinstance(criterion, All | AnyOf):
        for number, part in enumerate(criterion.of):
            _refuse_negated_manual(part, f"{path}.of[{number}]")
    elif isinstance(criterion, Not):
        if isinstance(criterion.criterion, Manual):
            raise InvalidInputError(
                f"{path}: a person's ruling cannot be negated; leave the not out and write the proposition the "
                "other way round."
            )
        _refuse_negated_manual(criterion.criterion, f"{path}.criterion")


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

    Raises `InvalidInputError`, with the path, for an unknown source, a query its source refuses, a type that
    cannot read what the source shows, and a criterion that is too large.
    """
    found = _canonical(criterion, catalogue, "criterion")
    size = len(canonical_json(dump(found)))
    if size > MAX_BYTES:
        raise InvalidInputError(
            f"criterion: it takes {size} bytes, more than {MAX_BYTES}; ask several questions instead."
        )
    return found


def _canonical(criterion: Criterion, catalogue: SourceCatalogue, path: str) -> Criterion:
    if isinstance(criterion, All | AnyOf):
        parts = [_canonical(part, catalogue, f"{path}.of[{number}]") for number, part in enumerate(criterion.of)]
        return criterion.model_copy(update={"of": parts})
    if isinstance(criterion, Not):
        part = _canonical(criterion.criterion, catalogue, f"{path}.criterion")
        return criterion.model_copy(update={"criterion": part})
    if isinstance(criterion, Manual):
        return criterion
    try:
        source = catalogue.get(criterion.source)
    except InvalidInputError as error:
        guess = meant(criterion.source, catalogue.names())
        raise InvalidInputError(f"{path}.source: {str(error).rstrip('.')}{guess}.") from None
    try:
        query = source.canonical(criterion.query)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}.{error}") from None
    fitting = catalogue.readable_by(criterion.source, query)
    if criterion.type not in fitting:
        raise InvalidInputError(
            f"{path}.type: {criterion.type} cannot read what {criterion.source} shows; "
            f"use {' or '.join(fitting or ('manual',))}."
        )
    return criterion.model_copy(update={"query": query})
