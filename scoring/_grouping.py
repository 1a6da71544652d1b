"""Counting kernels: forecasts in, sorted rows of (key, n, n_yes and, if weighted, w, w_yes, w2) out.

A key packs a group number and a probability in ppm into one integer, so that one sort orders a table
and one search finds a row. All sums of integers stay integers: they are exact in any order.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring import _checks
from scoring._checks import PPM, IntArray

Label = str | int
Sums = tuple[NDArray[Any], ...]

# 2**20 is the smallest power of two above a million: shifts are cheaper than divisions.
_P_BITS = 20
_CHUNK = 1 << 18


class Rows(NamedTuple):
    """Sorted distinct keys, and per key (n, n_yes) or, if weighted, (n, n_yes, w, w_yes, w2)."""

    key: IntArray
    sums: Sums

    def weighted(self) -> Sums:
        """Return all five sums; without weights every forecast weighs 1."""
        return self.sums if len(self.sums) == 5 else (*self.sums, *self.sums, self.sums[0])


def pack(group: NDArray[Any], p_ppm: NDArray[Any]) -> IntArray:
    """Return one integer per (group, p_ppm), ordered like the pair."""
    key: IntArray = (group.astype(np.int64) << _P_BITS) | p_ppm
    return key


def unpack(key: IntArray) -> tuple[IntArray, IntArray]:
    """Return (group, p_ppm) of packed keys."""
    return key >> _P_BITS, key & ((1 << _P_BITS) - 1)


def count(group: NDArray[Any], y: NDArray[Any], p_ppm: NDArray[Any], groups: int) -> Rows:
    """Count unweighted forecasts by (group, p_ppm); group numbers run from 0 to groups - 1."""
    seen = np.zeros(PPM + 1, dtype=np.bool_)
    for start in range(0, len(p_ppm), _CHUNK):
        seen[p_ppm[start : start + _CHUNK]] = True
    levels = np.flatnonzero(seen)
    cells = groups * len(levels) * 2
    if cells <= max(len(p_ppm) // 4, 1 << 16):
        return _count_cells(group, y, p_ppm, levels, cells)
    return _count_sorted(group, y, p_ppm)


def _count_cells(
    group: NDArray[Any], y: NDArray[Any], p_ppm: NDArray[Any], levels: IntArray, cells: int
) -> Rows:
    """Round numbers: one counter per (group, level, outcome). Chunks stay in the processor's cache."""
    position = np.zeros(PPM + 1, dtype=np.int64)
    position[levels] = 2 * np.arange(len(levels))
    total = np.zeros(cells, dtype=np.int64)
    cell = np.empty(min(_CHUNK, len(p_ppm)), dtype=np.int64)
    offset = np.empty_like(cell)
    for start in range(0, len(p_ppm), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(p_ppm)))
        size = rows.stop - rows.start
        # "clip" skips a bounds check that the range check of p_ppm has made.
        np.take(position, p_ppm[rows], out=cell[:size], mode="clip")
        np.multiply(group[rows], 2 * len(levels), out=offset[:size], casting="unsafe")
        cell[:size] += offset[:size]
        np.add(cell[:size], y[rows], out=cell[:size], casting="unsafe")
        total += np.bincount(cell[:size], minlength=cells)
    no, yes = total[0::2], total[1::2]
    used = np.flatnonzero(no + yes)
    key = pack(used // len(levels), levels[used % len(levels)])
    return Rows(key, ((no + yes)[used], yes[used]))


def _count_sorted(group: NDArray[Any], y: NDArray[Any], p_ppm: NDArray[Any]) -> Rows:
    """Many distinct probabilities: sort (group, p_ppm, outcome) packed into one integer."""
    packed = pack(group, p_ppm)
    packed <<= 1
    np.bitwise_or(packed, y, out=packed, casting="unsafe")
    packed.sort()
    key = packed >> 1
    starts = run_starts(key)
    n = np.diff(starts, append=len(key))
    packed &= 1
    return Rows(key[starts], (n, np.add.reduceat(packed, starts)))


def count_weighted(group: NDArray[Any], y: NDArray[Any], p_ppm: NDArray[Any], weight: NDArray[Any]) -> Rows:
    """Count weighted forecasts by (group, p_ppm)."""
    if weight.dtype.kind == "i" and int(weight.max()) ** 2 * len(weight) >= 2**63:
        heaviest = int(weight.argmax())
        raise ValueError(
            f"weight[{heaviest}] is {weight[heaviest]}: integer weights are added up exactly and these "
            "would overflow; give smaller ones or floats"
        )
    yes = y.astype(np.int64)
    return add_up(pack(group, p_ppm), (np.ones_like(yes), yes, weight, weight * yes, weight * weight))


def add_up(key: IntArray, sums: Sums) -> Rows:
    """Sort rows by key and add up those that share one; keys left without forecasts vanish."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = run_starts(ordered)
    added = tuple(np.add.reduceat(column[order], starts) for column in sums) if len(key) else sums
    kept = added[0] != 0
    return _plain(Rows(ordered[starts][kept], tuple(column[kept] for column in added)))


def combine(parts: Sequence[Rows]) -> Rows:
    """Add up several sorted row sets with the same group numbers."""
    key = np.concatenate([part.key for part in parts])
    if all(len(part.sums) == 2 for part in parts):
        columns = [part.sums for part in parts]
    else:
        columns = [part.weighted() for part in parts]
    return add_up(key, tuple(np.concatenate(column) for column in zip(*columns, strict=True)))


def _plain(rows: Rows) -> Rows:
    """Drop integer weights that are all 1, so that equal content is stored equally."""
    if len(rows.sums) == 2:
        return rows
    n, n_yes, w, _, w2 = rows.sums
    # Σw = n and Σw² = n together leave only w = 1 (Cauchy-Schwarz).
    all_one = w.dtype.kind == "i" and np.array_equal(w, n) and np.array_equal(w2, n)
    return Rows(rows.key, (n, n_yes)) if all_one else rows


def run_starts(ordered: IntArray) -> IntArray:
    """Return the position of the first of each run of equal values."""
    if not len(ordered):
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


def encode(
    values: ArrayLike, name: str, labels: Sequence[Label] | None = None
) -> tuple[NDArray[Any], tuple[Label, ...]]:
    """Return (codes, sorted labels) of names or integers; some labels may go unused.

    With `labels`, the values are integer codes that number them from 0.
    """
    array = _checks.column(values, name)
    if labels is not None:
        return _encode_coded(array, name, labels)
    if array.dtype.kind in "iu":
        low, high = int(array.min()), int(array.max())
        if high - low <= max(len(array), 1 << 16):
            return (array - low if low else array), tuple(range(low, high + 1))
        found, codes = np.unique(array, return_inverse=True)
        return codes, tuple(found.tolist())
    if array.dtype.kind not in "OUT":
        raise ValueError(f"{name}[0] is {array[0]!s}: give integers or names")
    import pandas as pd  # noqa: PLC0415 - half a second that integer codes need not pay

    objects = array.astype(object)
    _checks.refuse_first(pd.isna(objects), objects, name, "every forecast needs one")
    codes, distinct = pd.factorize(objects)
    ordered = sort_labels(distinct, name)
    return ranks(distinct, ordered)[codes], ordered


def _encode_coded(
    array: NDArray[Any], name: str, labels: Sequence[Label]
) -> tuple[NDArray[Any], tuple[Label, ...]]:
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name}[0] is {array[0]!s}: with labels, give integer codes")
    if array.min() < 0 or array.max() >= len(labels):
        _checks.refuse_first(
            (array < 0) | (array >= len(labels)), array, name, f"codes run from 0 to {len(labels) - 1}"
        )
    ordered = sort_labels(labels, "labels")
    if len(ordered) != len(labels):
        raise ValueError("labels repeat a name: each code needs its own")
    return (array if list(ordered) == list(labels) else ranks(labels, ordered)[array]), ordered


def ranks(labels: Iterable[Any], ordered: Sequence[Any]) -> IntArray:
    """Return the position of each label within `ordered`."""
    position = {label: i for i, label in enumerate(ordered)}
    return np.fromiter((position[label] for label in labels), dtype=np.int64)


def sort_labels(labels: Iterable[Any], name: str) -> tuple[Label, ...]:
    """Return distinct labels in order; names and integers do not mix."""
    distinct = set(labels)
    if all(isinstance(label, str) for label in distinct):
        return tuple(sorted(str(label) for label in distinct))
    strange = [label for label in distinct if not isinstance(label, int | np.integer)]
    if strange:
        raise ValueError(f"{name} holds {strange[0]!s}: give integers throughout, or names throughout")
    return tuple(sorted(int(label) for label in distinct))
