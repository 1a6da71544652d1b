"""Counting kernels: forecasts in, sorted rows of (key, n, n_yes and, if weighted, w, w_yes, w2) out.

A key packs a group number and a probability in ppm into one integer, so that one sort orders a table
and one search finds a row. All sums of integers stay integers: they are exact in any order.
"""

import itertools
from collections import defaultdict
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
_SORTED_CHUNK = 1 << 16


class Rows(NamedTuple):
    """Sorted distinct keys, and per key (n, n_yes) or, if weighted, (n, n_yes, w, w_yes, w2).

    Long columns of small counts may be stored in narrow integers: widen them before computing.
    """

    key: IntArray
    sums: Sums

    def weighted(self) -> Sums:
        """Return all five sums, wide; without weights every forecast weighs 1."""
        sums = tuple(map(wide, self.sums))
        return sums if len(sums) == 5 else (*sums, *sums, sums[0])


def wide(column: NDArray[Any]) -> NDArray[Any]:
    """Return counts as 64-bit integers, and weights as they are."""
    return column.astype(np.int64) if column.itemsize < 8 else column


def pack(group: NDArray[Any], p_ppm: NDArray[Any]) -> IntArray:
    """Return one integer per (group, p_ppm), ordered like the pair."""
    key: IntArray = (group.astype(np.int64) << _P_BITS) | p_ppm
    return key


def level_of(key: IntArray) -> IntArray:
    """Return the p_ppm of packed keys."""
    return key & ((1 << _P_BITS) - 1)


def unpack(key: IntArray) -> tuple[IntArray, IntArray]:
    """Return (group, p_ppm) of packed keys."""
    return key >> _P_BITS, level_of(key)


def count(group: NDArray[Any], y: NDArray[Any], p_ppm: NDArray[Any], groups: int) -> Rows:
    """Count unweighted forecasts by (group, p_ppm); group numbers run from 0 to groups - 1."""
    cells = _count_cells(group, y, p_ppm, groups)
    return _count_sorted(group, y, p_ppm) if cells is None else cells


def _count_cells(group: NDArray[Any], y: NDArray[Any], p_ppm: NDArray[Any], groups: int) -> Rows | None:
    """Round numbers: one counter per (level, group, outcome); None if there are too many for that.

    Levels are numbered as they turn up, and chunks stay in the processor's cache: the columns are read
    once.
    """
    most = max(len(p_ppm) // 4, 1 << 16)
    position = np.full(PPM + 1, -1, dtype=np.int64)
    levels = np.zeros(0, dtype=np.int64)
    total = np.zeros(0, dtype=np.int64)
    cell = np.empty(min(_CHUNK, len(p_ppm)), dtype=np.int64)
    offset = np.empty_like(cell)
    for start in range(0, len(p_ppm), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(p_ppm)))
        chunk, shift = cell[: rows.stop - start], offset[: rows.stop - start]
        # "clip" skips a bounds check that the range check of p_ppm has made.
        np.take(position, p_ppm[rows], out=chunk, mode="clip")
        if chunk.min() < 0:
            unknown = np.zeros(PPM + 1, dtype=np.bool_)
            unknown[p_ppm[rows][chunk < 0]] = True
            new = np.flatnonzero(unknown)
            position[new] = 2 * groups * np.arange(len(levels), len(levels) + len(new))
            levels = np.concatenate([levels, new])
            if 2 * groups * len(levels) > most:
                return None
            total = np.concatenate([total, np.zeros(2 * groups * len(new), dtype=np.int64)])
            np.take(position, p_ppm[rows], out=chunk, mode="clip")
        np.multiply(group[rows], 2, out=shift, dtype=np.int64, casting="unsafe")
        chunk += shift
        np.add(chunk, y[rows], out=chunk, casting="unsafe")
        total += np.bincount(chunk, minlength=len(total))
    order = np.argsort(levels)
    by_group = total.reshape(len(levels), groups, 2)[order].transpose(1, 0, 2)
    number, level = np.nonzero(by_group.any(axis=2))
    no, yes = by_group[number, level].T
    return Rows(pack(number, levels[order][level]), (no + yes, np.ascontiguousarray(yes)))


def _count_sorted(group: NDArray[Any], y: NDArray[Any], p_ppm: NDArray[Any]) -> Rows:
    """Many distinct probabilities: sort (group, p_ppm, outcome) packed into one integer.

    Keys are written over the packed integers they come from, and counts are kept as narrow as they are.
    """
    packed = np.empty(len(p_ppm), dtype=np.int64)
    for start in range(0, len(packed), _SORTED_CHUNK):
        rows = slice(start, start + _SORTED_CHUNK)
        packed[rows] = (pack(group[rows], p_ppm[rows]) << 1) | y[rows].astype(np.int64)
    packed.sort()
    n, n_yes = [], []
    start = found = 0
    while start < len(packed):
        # A chunk ends where a key does, so that no run is counted in two halves.
        last = packed[min(start + _SORTED_CHUNK, len(packed)) - 1]
        stop = start + int(np.searchsorted(packed[start:], last | 1, side="right"))
        chunk = packed[start:stop]
        yes = chunk & 1
        keys = chunk >> 1
        first = run_starts(keys)
        packed[found : found + len(first)] = keys[first]
        n.append(_narrow(np.diff(first, append=len(keys))))
        n_yes.append(_narrow(np.add.reduceat(yes, first)))
        start, found = stop, found + len(first)
    return Rows(packed[:found], (_concatenated(n), _concatenated(n_yes)))


def _concatenated(parts: list[NDArray[Any]]) -> NDArray[Any]:
    joined = np.concatenate(parts)
    parts.clear()  # who called still holds the list
    return joined


def _narrow(counts: IntArray) -> NDArray[Any]:
    return counts.astype(np.min_scalar_type(int(counts.max())))


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
    added = tuple(np.add.reduceat(wide(column[order]), starts) for column in sums) if len(key) else sums
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


def replace(stored: Rows, changed: Rows) -> Rows:
    """Let changed rows stand in for the stored ones with their keys; those left without forecasts vanish."""
    _, first = np.unique(np.concatenate([changed.key, stored.key]), return_index=True)
    columns = zip((changed.key, *changed.weighted()), (stored.key, *stored.weighted()), strict=True)
    key, *sums = (np.concatenate(pair)[first] for pair in columns)
    kept = sums[0] != 0
    return _plain(Rows(key[kept], tuple(column[kept] for column in sums)))


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
    if array.dtype.kind == "u" and not _checks.beyond(array, np.iinfo(np.int64).max):
        # Unsigned 64 bits do not mix with signed keys.
        array = array.astype(np.int64)
    if array.dtype.kind in "iu":
        most = max(len(array), 1 << 16)
        if not _checks.beyond(array, most):
            return array, tuple(range(int(array.max()) + 1))
        found, codes = np.unique(array, return_inverse=True)
        return codes, tuple(found.tolist())
    if array.dtype.kind not in "OUT":
        raise ValueError(f"{name}[0] is {array[0]!s}: give integers or names")
    return _encode_objects(array.tolist(), name)


def _encode_objects(values: list[Any], name: str) -> tuple[IntArray, tuple[Label, ...]]:
    """Number names, and integers that came as objects, by hashing them."""
    # Types are looked at before values: True and 1.0 hash like 1, and a list does not hash at all.
    if not all(issubclass(kind, str) for kind in set(map(type, values))):
        _refuse_labels(values, name)
    position: defaultdict[Any, int] = defaultdict(itertools.count().__next__)
    codes = np.fromiter(map(position.__getitem__, values), dtype=np.int64, count=len(values))
    ordered = sort_labels(position)
    return ranks(position, ordered)[codes], ordered


def _encode_coded(
    array: NDArray[Any], name: str, labels: Sequence[Label]
) -> tuple[NDArray[Any], tuple[Label, ...]]:
    named = _checks.column(labels, "labels").tolist()
    _refuse_labels(named, "labels")
    array = _checks.numbers(array, name, "with labels, give integer codes", kinds="iu")
    if array.min() < 0 or array.max() >= len(named):
        _checks.refuse_first(
            (array < 0) | (array >= len(named)), array, name, f"codes run from 0 to {len(named) - 1}"
        )
    if array.dtype.kind == "u":
        array = array.astype(np.int64)
    ordered = sort_labels(named)
    if len(ordered) != len(named):
        raise ValueError("labels repeat a name: each code needs its own")
    return (array if list(ordered) == named else ranks(named, ordered)[array]), ordered


def ranks(labels: Iterable[Any], ordered: Sequence[Any]) -> IntArray:
    """Return the position of each label within `ordered`."""
    position = {label: i for i, label in enumerate(ordered)}
    return np.fromiter((position[label] for label in labels), dtype=np.int64)


def sort_labels(labels: Iterable[Any]) -> tuple[Label, ...]:
    """Return distinct labels in order, as plain names or integers."""
    distinct = {as_label(label, "label") for label in labels}
    return tuple(sorted(distinct))


def as_label(value: Any, name: str) -> Label:
    """Return a name or an integer as Python's own, refusing anything else."""
    if isinstance(value, str):
        return str(value)
    if _checks.is_integer(value):
        return int(value)
    raise ValueError(f"{name} is {value!r}: give a name or an integer")


def _refuse_labels(labels: Sequence[Any], name: str) -> None:
    """Refuse the first label that is neither name nor integer, or is not of the first one's kind."""
    names = isinstance(labels[0], str)
    for position, label in enumerate(labels):
        if not (isinstance(label, str) if names else _checks.is_integer(label)):
            raise ValueError(f"{name}[{position}] is {label!s}: give integers throughout, or names throughout")
