"""Refusals: what comes in is checked once, and the message names the argument and the first bad position."""

from collections.abc import Sized
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

PPM = 1_000_000

#: Numbers beyond this could not be squared and added up, and positive weights below its inverse vanish.
LARGEST = 1e100

#: Plain numbers, of Python and of numpy.
NUMBER = (int, float, np.bool_, np.integer, np.floating)
_TYPES: list[tuple[str, Any]] = [("b", np.bool_), ("i", int), ("i", np.integer), ("f", float), ("f", np.floating)]

_PPM_RULE = "give integers in parts per million, 0 to 1000000 (round(1_000_000 * p) if yours lie in [0, 1])"
_WEIGHT_RULE = "weights are finite and not negative"
_SCALE_RULE = f"weights lie between {1 / LARGEST:g} and {LARGEST:g} or are 0; only their ratios matter"
EXACT_RULE = "integer weights are added up exactly and these would overflow; give smaller ones or floats"
_CHUNK = 1 << 16


def refuse_first(bad: NDArray[np.bool_], values: NDArray[Any], name: str, rule: str) -> None:
    """Raise a ValueError for the first position where `bad` holds."""
    if bad.any():
        position = tuple(int(i) for i in np.argwhere(bad)[0])
        where = ", ".join(map(str, position))
        raise ValueError(f"{name}[{where}] is {values[position]!s}: {rule}")


def refuse_missing(missing: NDArray[np.bool_], name: str, what: str = "missing") -> None:
    """Raise a ValueError for the first position at which a value is missing."""
    if missing.any():
        where = ", ".join(map(str, np.argwhere(missing)[0].tolist()))
        raise ValueError(f"{name}[{where}] is {what}: every forecast needs one; fill it in or leave the row out")


def as_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return an array that means what was given: nothing masked or missing, and no mixed list made alike."""
    if isinstance(values, np.ma.MaskedArray):
        refuse_missing(np.ma.getmaskarray(values), name, "masked")
        return np.asarray(values.data)
    if isinstance(values, np.ndarray):
        return np.asarray(values)
    if not isinstance(values, list | tuple):
        import narwhals as nw  # who hands in arrays need not wait for it

        series = nw.from_native(values, series_only=True, pass_through=True)
        if isinstance(series, nw.Series):
            refuse_missing(np.asarray(series.is_null().to_numpy(), dtype=np.bool_), name)
            return series.to_numpy()
        return np.asarray(values)
    types = set(map(type, values))
    if any(issubclass(kind, np.ma.MaskedArray) for kind in types):
        refuse_missing(np.array([np.ma.getmaskarray(value) for value in values]), name, "masked")
    if types <= {list, tuple}:
        types = {type(value) for row in values for value in row}
    try:
        # numpy would make [1, "a"] two strings and [500000, 0.5] two floats, and take "a\0" for "a".
        array = np.array(values, dtype=object if len(types) > 1 or str in types else None)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths or shapes: make them alike") from None
    # Of integers that no kind of its own can hold, numpy makes floats.
    return np.array(values, dtype=object) if types == {int} and array.dtype.kind == "f" else array


def column(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return a one-dimensional array, refusing other shapes and no rows at all."""
    array = as_array(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions: give one value per forecast")
    if not array.size:
        raise ValueError(f"{name} is empty: there is nothing to score")
    return array


def numbers(array: NDArray[Any], name: str, rule: str = "give numbers", *, kinds: str = "biuf") -> NDArray[Any]:
    """Return an array of numbers of the given kinds, refusing the first value that is none.

    Objects become plain numbers, unless they are integers too large for that.
    """
    if array.dtype.kind in kinds:
        return array
    if array.dtype.kind != "O":
        refuse_first(np.ones(array.shape, dtype=np.bool_), array, name, rule)
    types = tuple(kind for code, kind in _TYPES if code in kinds)
    strange = [not isinstance(v, types) or (isinstance(v, bool) and "b" not in kinds) for v in array.flat]
    refuse_first(np.reshape(strange, array.shape), array, name, rule)
    plain = np.array(array.tolist())
    all_integers = not any(isinstance(v, float | np.floating) for v in array.flat)
    return array if all_integers and plain.dtype.kind == "f" else plain


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
    array = numbers(column(values, name), name)
    if array.dtype.kind != "O":
        array = array.astype(np.float64)
    refuse_first(~(np.abs(array) <= LARGEST), array, name, f"numbers must be finite and at most {LARGEST:g}")
    return array.astype(np.float64, copy=False)


def outcomes(y: ArrayLike, name: str = "y") -> NDArray[Any]:
    """Return outcomes as given (bool, integer or float), each of them 0 or 1."""
    rule = "outcomes are 0 or 1"
    array = numbers(column(y, name), name, rule)
    if array.dtype.kind == "b":
        return array.view(np.int8)
    if array.dtype.kind in "fO" or beyond(array, 1):
        refuse_first((array != 0) & (array != 1), array, name, rule)
    return array


def beyond(integers: NDArray[Any], most: int) -> bool:
    """Whether some integer lies outside 0 to most: read as unsigned, negative ones are huge."""
    return bool(integers.view(integers.dtype.str.replace("i", "u")).max() > most)


def probabilities(p: ArrayLike, name: str = "p") -> FloatArray:
    """Return probabilities as float64, each within [0, 1]."""
    return _within_unit(column(p, name), name)


def probability_rows(P: ArrayLike, name: str = "P") -> FloatArray:
    """Return a (forecasts, options) table whose rows each add up to 1, up to rounding to the ppm."""
    table = as_array(P, name)
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
    array = numbers(array, name)
    # NaN makes a minimum NaN, and the comparison false.
    if array.dtype.kind == "O" or not (array.min() >= 0 and array.max() <= 1):
        refuse_first(~((array >= 0) & (array <= 1)), array, name, "probabilities lie in [0, 1]")
    return array.astype(np.float64, copy=False)


def ppm(values: ArrayLike, name: str = "p_ppm") -> NDArray[Any]:
    """Return probabilities in parts per million as integers, refusing fractions of one."""
    return _whole_ppm(column(values, name), name)


def ppm_rows(values: ArrayLike, name: str = "P_ppm") -> NDArray[Any]:
    """Return a (claims, lexicons) table of probabilities in parts per million."""
    table = as_array(values, name)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"{name} has shape {table.shape}: give one row per claim and one column per lexicon")
    return _whole_ppm(table, name)


def _whole_ppm(array: NDArray[Any], name: str) -> NDArray[Any]:
    array = numbers(array, name, _PPM_RULE, kinds="iu")
    if array.dtype.kind == "O" or beyond(array, PPM):
        refuse_first((array < 0) | (array > PPM), array, name, "parts per million lie in 0 to 1000000")
    # Unsigned 64 bits do not mix with the signed keys they are packed into.
    return array.astype(np.int64) if array.dtype.kind == "u" else array


def weights(weight: ArrayLike | None, n: int, name: str = "weight") -> NDArray[Any] | None:
    """Return non-negative finite weights, integers as int64 and others as float64; None means all equal."""
    if weight is None:
        return None
    array = numbers(column(weight, name), name)
    if len(array) != n:
        raise ValueError(
            f"{name} has {len(array)} values but there are {n} forecasts: "
            f"the first unmatched position is {min(len(array), n)}"
        )
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
        refuse_first(~(np.isfinite(array) & (array >= 0)), array, name, _WEIGHT_RULE)
        too_far = (array != 0) & ((array > LARGEST) | (array < 1 / LARGEST))
        refuse_first(too_far, array, name, _SCALE_RULE)
    elif array.dtype.kind != "b":
        refuse_first(array < 0, array, name, _WEIGHT_RULE)
        refuse_first(array >= 2**63, array, name, EXACT_RULE)
    if not array.any():
        raise ValueError(f"{name}[0] is 0 and so is every other weight: there is nothing to average")
    return array if array.dtype.kind == "f" else array.astype(np.int64)


def one_forecast(y: Any, p_ppm: Any, weight: Any) -> tuple[int, int, float]:
    """Return a single forecast's outcome, level and weight, refused by the same rules as columns of them."""
    if not (isinstance(y, NUMBER) and y in (0, 1)):
        raise ValueError(f"y is {y!r}: outcomes are 0 or 1")
    if not is_integer(p_ppm):
        raise ValueError(f"p_ppm is {p_ppm!r}: {_PPM_RULE}")
    if not 0 <= p_ppm <= PPM:
        raise ValueError(f"p_ppm is {p_ppm}: parts per million lie in 0 to 1000000")
    if not (isinstance(weight, NUMBER) and 0 <= weight < float("inf")):
        raise ValueError(f"weight is {weight!r}: {_WEIGHT_RULE}")
    w = float(weight) if isinstance(weight, float | np.floating) else int(weight)
    if isinstance(w, float) and w and not 1 / LARGEST <= w <= LARGEST:
        raise ValueError(f"weight is {w}: {_SCALE_RULE}")
    if isinstance(w, int) and w**2 >= 2**53:
        raise ValueError(f"weight is {w}: {EXACT_RULE}")
    return int(y), int(p_ppm), w


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether a value is an integer, of Python or of numpy; True and False are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def whole(value: Any, name: str, least: int, most: int | None = None) -> int:
    """Return an integer option such as a number of draws, from `least` up to `most`."""
    if not is_integer(value) or value < least or (most is not None and value > most):
        span = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {value!r}: give a whole number {span}")
    return int(value)


def share(value: Any, name: str) -> float:
    """Return a number strictly between 0 and 1, such as a coverage."""
    if not (isinstance(value, NUMBER) and 0 < value < 1):
        raise ValueError(f"{name} is {value!r}: give a number between 0 and 1, such as 0.95")
    return float(value)


def constant_within(values: NDArray[Any], group: NDArray[Any], groups: int, name: str, rule: str) -> NDArray[Any]:
    """Return the one value of each group, refusing values that differ within a group."""
    of_group = np.empty(groups, dtype=values.dtype)
    of_group[group] = values
    for start in range(0, len(values), _CHUNK):
        rows = slice(start, start + _CHUNK)
        if (of_group[group[rows]] != values[rows]).any():
            refuse_first(of_group[group] != values, values, name, rule)
    return of_group
