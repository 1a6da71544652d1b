"""Refusals: what comes in is checked once, and the message names the argument and the first bad position."""

from collections.abc import Sized
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

PPM = 1_000_000


def refuse_first(bad: NDArray[np.bool_], values: NDArray[Any], name: str, rule: str) -> None:
    """Raise a ValueError for the first position where `bad` holds."""
    if bad.any():
        position = tuple(int(i) for i in np.argwhere(bad)[0])
        where = ", ".join(map(str, position))
        raise ValueError(f"{name}[{where}] is {values[position]!s}: {rule}")


def column(values: ArrayLike, name: str, *, empty: bool = False) -> NDArray[Any]:
    """Return a one-dimensional array, refusing other shapes and, unless `empty`, no rows at all."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions: give one value per forecast")
    if not array.size and not empty:
        raise ValueError(f"{name} is empty: there is nothing to score")
    return array


def same_length(**columns: Sized) -> None:
    """Refuse columns whose lengths differ from the first one's."""
    (first, reference), *others = columns.items()
    for name, values in others:
        if len(values) != len(reference):
            raise ValueError(
                f"{name} has {len(values)} values but {first} has {len(reference)}: "
                f"the first unmatched position is {min(len(values), len(reference))}"
            )


def numeric(values: ArrayLike, name: str) -> FloatArray:
    """Return finite numbers as float64."""
    array = column(values, name)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}[0] is {array[0]!s}: give numbers")
    result = array.astype(np.float64)
    refuse_first(~np.isfinite(result), result, name, "numbers must be finite")
    return result


def outcomes(y: ArrayLike, name: str = "y") -> NDArray[Any]:
    """Return outcomes as given (bool, integer or float), each of them 0 or 1."""
    array = column(y, name)
    if array.dtype.kind == "b":
        return array.view(np.int8)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name}[0] is {array[0]!s}: outcomes are 0 or 1")
    if array.dtype.kind == "f" or beyond(array, 1):
        refuse_first((array != 0) & (array != 1), array, name, "outcomes are 0 or 1")
    return array


def beyond(integers: NDArray[Any], most: int) -> bool:
    """Whether some integer lies outside 0 to most: read as unsigned, negative ones are huge."""
    return bool(integers.view(integers.dtype.str.replace("i", "u")).max() > most)


def probabilities(p: ArrayLike, name: str = "p") -> FloatArray:
    """Return probabilities as float64, each within [0, 1]."""
    array = column(p, name)
    return _within_unit(array, name)


def probability_rows(P: ArrayLike, name: str = "P") -> FloatArray:
    """Return a (forecasts, options) table whose rows each add up to 1, up to rounding to the ppm."""
    table = np.asarray(P)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"{name} has shape {table.shape}: give one row per forecast, two options or more")
    if not table.shape[0]:
        raise ValueError(f"{name} is empty: there is nothing to score")
    table = _within_unit(table, name)
    total = table.sum(axis=1)
    off = np.abs(total - 1) > table.shape[1] * 0.5 / PPM + 1e-9
    refuse_first(off, total, f"the sum of {name}", "the options of a forecast add up to 1")
    return table


def _within_unit(array: NDArray[Any], name: str) -> FloatArray:
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}[0] is {array.flat[0]!s}: give numbers")
    result = array.astype(np.float64)
    refuse_first(~((result >= 0) & (result <= 1)), array, name, "probabilities lie in [0, 1]")
    return result


def ppm(values: ArrayLike, name: str = "p_ppm") -> NDArray[Any]:
    """Return probabilities in parts per million as integers, refusing fractions of one."""
    array = column(values, name)
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"{name}[0] is {array[0]!s}: give integers in parts per million, 0 to 1000000 "
            "(round(1_000_000 * p) if yours lie in [0, 1])"
        )
    if beyond(array, PPM):
        refuse_first((array < 0) | (array > PPM), array, name, "parts per million lie in 0 to 1000000")
    # Unsigned 64 bits do not mix with the signed keys they are packed into.
    return array.astype(np.int64) if array.dtype.kind == "u" else array


def weights(weight: ArrayLike | None, n: int, name: str = "weight") -> NDArray[Any] | None:
    """Return non-negative finite weights, integers as int64 and others as float64; None means all equal."""
    if weight is None:
        return None
    array = column(weight, name)
    if len(array) != n:
        raise ValueError(
            f"{name} has {len(array)} values but there are {n} forecasts: "
            f"the first unmatched position is {min(len(array), n)}"
        )
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}[0] is {array[0]!s}: give numbers")
    refuse_first(~(np.isfinite(array) & (array >= 0)), array, name, "weights are finite and not negative")
    if not array.any():
        raise ValueError(f"{name}[0] is 0 and so is every other weight: there is nothing to average")
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)


def share(value: float, name: str) -> float:
    """Return a number strictly between 0 and 1, such as a coverage."""
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}: give a number between 0 and 1, such as 0.95")
    return float(value)


def constant_within(values: NDArray[Any], group: NDArray[Any], groups: int, name: str, rule: str) -> NDArray[Any]:
    """Return the one value of each group, refusing values that differ within a group."""
    of_group = np.empty(groups, dtype=values.dtype)
    of_group[group] = values
    refuse_first(of_group[group] != values, values, name, rule)
    return of_group
