"""Sorting updates into the order in which forecasts replace one another, and integrals over who stands."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring._checks import FloatArray, IntArray
from scoring._grouping import run_starts
from scoring._times import Times

compiled: ModuleType | None
try:
    compiled = import_module("scoring._compiled")
except ImportError:  # the optional extra `fast` is not installed
    compiled = None

#: Rows that are worked on at a time: a small share of all, so that temporaries are small too.
_LEAST, _MOST, _SHARE = 1 << 11, 1 << 16, 128


@dataclass(frozen=True)
class GroupedRows:
    """Row numbers group by group, and where each group starts; (n,) and (groups + 1,)."""

    rows: NDArray[Any]
    first: IntArray

    def blocks(self) -> Iterator[tuple[NDArray[Any], IntArray]]:
        """Yield the rows of some whole groups at a time, as a view, and the group of each row."""
        last = int(np.searchsorted(self.first, self.first[-1]))
        openings = np.searchsorted(self.first, np.arange(0, len(self.rows), _block(len(self.rows))))
        bounds = np.unique(np.append(openings, last)).tolist()
        for begin, stop in itertools.pairwise(bounds):
            first = self.first[begin : stop + 1]
            yield self.rows[first[0] : first[-1]], np.repeat(np.arange(begin, stop), np.diff(first))


def _block(n: int) -> int:
    return min(max(n // _SHARE, _LEAST), _MOST)


def group_rows(group: NDArray[Any], groups: int) -> GroupedRows:
    """Bring rows together group by group; within a group they keep their order.

    Row numbers take four bytes where they fit.
    """
    first = np.zeros(groups + 1, dtype=np.int64)
    np.cumsum(np.bincount(group, minlength=groups), out=first[1:])
    rows = np.empty(len(group), dtype=np.int32 if len(group) <= np.iinfo(np.int32).max else np.int64)
    free = first[:-1].copy()
    size = _block(len(group))
    for start in range(0, len(group), size):
        chunk = group[start : start + size]
        row = _stable_order(chunk)
        ordered = chunk[row]
        opening = run_starts(ordered)
        sizes = np.diff(opening, append=len(chunk))
        found = ordered[opening]
        rows[np.arange(len(chunk)) + np.repeat(free[found] - opening, sizes)] = row + start
        free[found] += sizes
    return GroupedRows(rows, first)


def order_by(group: NDArray[Any], at: Times) -> IntArray:
    """Return the rows ordered by group, then time.

    Sorting integers that carry their row number is several times faster than sorting row numbers.
    """
    row = _stable_order(group)
    ordered, time = group[row], at[row]
    if ((time[1:] >= time[:-1]) | (ordered[1:] != ordered[:-1])).all():
        return row
    by_time = _stable_order(at) if at.dtype.kind == "i" else np.argsort(at, kind="stable")
    return by_time[_stable_order(group[by_time])]


def _stable_order(numbers: NDArray[Any]) -> IntArray:
    least = int(numbers.min())
    row_bits = (len(numbers) - 1).bit_length()
    if (int(numbers.max()) - least).bit_length() + row_bits > 63:
        return np.argsort(numbers, kind="stable")
    packed = numbers.astype(np.int64)
    packed -= least
    packed <<= row_bits
    packed |= np.arange(len(numbers))
    packed.sort()
    packed &= (1 << row_bits) - 1
    return packed


def peer_integrals(
    question: NDArray[Any], start: Times, end: Times, unit: FloatArray, log_p: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return per standing forecast the integral of its peer score (in nats), and its time alone and not alone.

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
    accompanied = np.where(n > 1, width, 0.0)
    share = accompanied / np.maximum(n - 1, 1)
    ordered = question[forecast]
    jump = np.flatnonzero(ordered[1:] != ordered[:-1])
    opening = np.append(0, jump + 1)
    place = np.empty(2 * rows, dtype=np.int64)
    place[order] = np.arange(2 * rows)

    def over(values: FloatArray) -> FloatArray:
        # Starting anew with each question, sums stay small and keep their digits.
        values[jump] = -np.add.reduceat(values, opening)[:-1]
        running = np.concatenate([[0.0], np.cumsum(values)])
        result: FloatArray = running[place[rows:]] - running[place[:rows]]
        return result

    integral = shifted * over(share * n) - over(share * total)
    return integral, over(np.where(n == 1, width, 0.0)), over(accompanied)
