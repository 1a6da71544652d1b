"""When each update of a history stopped standing: sorting, and a streaming pass where one is installed."""

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring import _checks
from scoring._checks import FloatArray, IntArray

_compiled: ModuleType | None
try:
    _compiled = import_module("scoring._compiled")
except ImportError:  # the optional extra `fast` is not installed
    _compiled = None

Times = NDArray[Any]  # int64 or float64


def times(values: ArrayLike, name: str) -> Times:
    """Return times as int64 or float64; datetime64 (UTC) becomes microseconds."""
    array = np.asarray(values)
    if array.ndim > 1:
        raise ValueError(f"{name} has {array.ndim} dimensions: give one time per update, or one for all")
    if array.dtype.kind == "M":
        _checks.refuse_first(np.isnat(np.atleast_1d(array)), np.atleast_1d(array), name, "a time is missing")
        return array.astype("datetime64[us]").astype(np.int64)
    if array.dtype.kind in "iu":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind != "f":
        raise ValueError(f"{name}[0] is {array.flat[0]!s}: give numbers or datetime64 in UTC")
    _checks.refuse_first(~np.isfinite(np.atleast_1d(array)), np.atleast_1d(array), name, "times are finite")
    return array.astype(np.float64, copy=False)


def order_by(group: NDArray[Any], at: Times) -> IntArray:
    """Return the rows ordered by group, then time.

    Sorting integers that carry their row number is several times faster than sorting row numbers.
    """
    n = len(at)
    row_bits = max(n - 1, 1).bit_length()
    group_bits = max(int(group.max()), 1).bit_length()
    if at.dtype.kind == "i":
        first = int(at.min())
        time_bits = max(int(at.max()) - first, 1).bit_length()
        if group_bits + time_bits + row_bits <= 63:
            packed = (group.astype(np.int64) << time_bits) | (at - first)
            packed = (packed << row_bits) | np.arange(n)
            packed.sort()
            return _row(packed, row_bits)
    ordered = _in_order(at)
    by_time = np.arange(n) if ordered else np.argsort(at, kind="stable")
    packed = ((group if ordered else group[by_time]).astype(np.int64) << row_bits) | np.arange(n)
    packed.sort()
    row = _row(packed, row_bits)
    return row if ordered else by_time[row]


def _row(packed: IntArray, row_bits: int) -> IntArray:
    packed &= (1 << row_bits) - 1
    return packed


def _in_order(at: Times) -> bool:
    return bool((at[1:] >= at[:-1]).all())


def next_times(series: NDArray[Any], at: Times, count: int) -> Times:
    """Return for each update when its series was next updated; the latest possible time if never.

    Raises ValueError: two updates of a series at the same instant.
    """
    never = np.inf if at.dtype.kind == "f" else np.iinfo(np.int64).max
    if _compiled is not None and _in_order(at):
        upcoming = np.full(count, never, dtype=at.dtype)
        following: Times
        following, repeated = _compiled.next_times(series, at, upcoming, at.dtype.type(never))
        _refuse_repeated(int(repeated))
        return following
    order = order_by(series, at)
    ordered_at, ordered_series = at[order], series[order]
    same = ordered_series[1:] == ordered_series[:-1]
    repeated_rows = same & (ordered_at[1:] == ordered_at[:-1])
    if repeated_rows.any():
        _refuse_repeated(int(order[1:][repeated_rows].min()))
    following = np.full(len(at), never, dtype=at.dtype)
    following[order[:-1][same]] = ordered_at[1:][same]
    return following


def _refuse_repeated(row: int) -> None:
    if row >= 0:
        raise ValueError(
            f"at[{row}] repeats a time: two forecasts of one author on one question at the same instant "
            "have no order; keep the one that counts"
        )


def peer_integrals(
    question: NDArray[Any], start: Times, end: Times, unit: FloatArray, log_p: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return per standing forecast the integral of its peer score (in nats) and the time spent alone.

    Time is divided by `unit`, which is the same throughout a question. With n forecasts standing and S
    the sum of their logarithms, the score at an instant is n / (n - 1) · (l - S / n) = l · n / (n - 1) -
    S / (n - 1), and 0 when alone. Both factors are integrated once over each question, so that a forecast
    costs two look-ups however many others stand beside it.
    """
    rows = len(start)
    at = np.concatenate([start, end])
    order = order_by(np.concatenate([question, question]), at)
    forecast = order % rows
    step = np.where(order < rows, 1, -1)
    # Peer scores do not change when all logarithms shift; small numbers keep the running sum exact.
    shifted = log_p - log_p.mean()
    n, total = np.cumsum(step)[:-1], np.cumsum(step * shifted[forecast])[:-1]
    # Between questions nobody stands, so the jump in time from one to the next counts nothing.
    width = np.diff(at[order]) / unit[forecast[:-1]]
    accompanied = np.where(n > 1, width, 0.0) / np.maximum(n - 1, 1)
    mine = _running(accompanied * n)
    theirs = _running(accompanied * total)
    alone = _running(np.where(n == 1, width, 0.0))
    place = np.empty(2 * rows, dtype=np.int64)
    place[order] = np.arange(2 * rows)
    first, last = place[:rows], place[rows:]
    integral = shifted * (mine[last] - mine[first]) - (theirs[last] - theirs[first])
    return integral, alone[last] - alone[first]


def _running(values: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(values)])
