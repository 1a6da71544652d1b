"""Long tables are worked through a few authors at a time: temporaries stay small and in the cache."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np

from scoring._counts import CountTable

P = ParamSpec("P")
R = TypeVar("R")
TableT = TypeVar("TableT", bound=CountTable[Any])


def by_blocks(compute: Callable[Concatenate[TableT, P], R]) -> Callable[Concatenate[TableT, P], R]:
    """Apply a function of a table to blocks of whole authors and join the results per author."""

    @wraps(compute)
    def run(table: TableT, *args: P.args, **options: P.kwargs) -> R:
        parts = [compute(block, *args, **options) for block in table.blocks()]
        return parts[0] if len(parts) == 1 else cast("R", _joined(parts))

    return cast("Callable[Concatenate[TableT, P], R]", run)


def _joined(parts: list[Any]) -> Any:
    first = parts[0]
    if is_dataclass(first) and not isinstance(first, type):
        joined = {f.name: _joined([getattr(part, f.name) for part in parts]) for f in fields(first)}
        return type(first)(**joined)
    if isinstance(first, tuple):
        return tuple(value for part in parts for value in part)
    return np.concatenate([np.atleast_1d(part) for part in parts])
