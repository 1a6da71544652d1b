"""Times: numbers in any unit or dates in UTC, of one kind throughout a history."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring import _checks

Times = NDArray[Any]  # int64 or float64; as read, dates are datetime64[us]

#: Times are nearer to 0 than this, so that their differences fit into 64 bits: 146,000 years of microseconds.
FARTHEST = 2**62

#: Up to here a float holds every integer.
_EXACT = 2**53


def read(values: ArrayLike, name: str, n: int) -> Times:
    """Return one time per update, or a single time (no dimensions) for all.

    Raises ValueError: another shape, neither numbers nor datetime64, missing or infinite times, times too
    far from 0, dates finer than a microsecond.
    """
    array = np.asarray(values)
    if isinstance(values, np.ma.MaskedArray):
        _checks.refuse_missing(np.ma.getmaskarray(values), name, "masked")
    if array.ndim > 1:
        raise ValueError(f"{name} has {array.ndim} dimensions: give one time per update, or one for all")
    if array.ndim and len(array) != n:
        raise ValueError(
            f"{name} has {len(array)} values but there are {n} updates: "
            f"the first unmatched position is {min(len(array), n)}"
        )
    if array.dtype.kind == "M":
        array = _microseconds(array, name)
    elif array.dtype.kind not in "iuf":
        odd = [isinstance(value, bool) or not isinstance(value, int | float) for value in array.flat]
        _refuse_first(np.array(odd), array, name, "give numbers or datetime64 in UTC, without a time zone")
    numbers = array.view(np.int64) if array.dtype.kind == "M" else array
    # NaN makes a minimum NaN, and the comparison false.
    if not (numbers.min() > -FARTHEST and numbers.max() < FARTHEST):
        near = (numbers > -FARTHEST) & (numbers < FARTHEST)
        _refuse_first(~near, array, name, "times are finite, and less than 2^62 units from 0")
    return array if array.dtype.kind == "M" else _wide(array)


def _microseconds(array: Times, name: str) -> Times:
    missing = np.isnat(array)
    if missing.any():
        _refuse_first(missing, array, name, "a time is missing")
    exact = array.astype("datetime64[us]", copy=False)
    if exact is not array:
        _refuse_first(exact.astype(array.dtype) != array, array, name, "dates are kept in microseconds; round it")
    return exact


def _wide(numbers: Times) -> Times:
    return numbers.astype(np.float64 if numbers.dtype.kind == "f" else np.int64, copy=False)


def of_one_kind(**columns: Times) -> list[Times]:
    """Return times as plain numbers, dates as microseconds; what differs from the first in kind is refused.

    Raises ValueError: dates beside numbers; beside floats, integers that no float holds.
    """
    (first, reference), *others = columns.items()
    for name, values in others:
        if _is_dates(values) != _is_dates(reference):
            raise ValueError(
                f"{name}[0] is {values.flat[0]!s}: {name} holds {_kind(values)} but {first.replace('_', ' ')} "
                f"holds {_kind(reference)}; give all times of a history in one kind"
            )
    if any(values.dtype.kind == "f" for values in columns.values()):
        for name, values in columns.items():
            if values.dtype.kind == "i" and not (values.min() >= -_EXACT and values.max() <= _EXACT):
                _refuse_first(
                    (values < -_EXACT) | (values > _EXACT),
                    values,
                    name,
                    "beside times with fractions, integers are exact up to 2^53 only; give all times in one kind",
                )
    return [values.view(np.int64) if _is_dates(values) else values for values in columns.values()]


def _is_dates(values: Times) -> bool:
    return values.dtype.kind == "M"


def _kind(values: Times) -> str:
    return "dates" if _is_dates(values) else "numbers"


def _refuse_first(bad: NDArray[np.bool_], values: Times, name: str, rule: str) -> None:
    _checks.refuse_first(np.atleast_1d(bad), np.atleast_1d(values), name, rule)
