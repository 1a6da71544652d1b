"""The mechanism both tables share: sorted rows of counts and a small log of what changed since."""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring import _checks, _grouping
from scoring._checks import PPM, FloatArray, IntArray
from scoring._grouping import Label, Rows, run_starts

if TYPE_CHECKING:
    import pandas as pd

#: Rows that are worked on at a time.
_BLOCK = 1 << 15

#: What a group of rows is called: an author, or an (author, cluster) pair.
GroupT = TypeVar("GroupT", bound=Any)


class CountTable(ABC, Generic[GroupT]):
    """Counts by (group, probability).

    Changes go to a log, so that one more resolution does not touch the whole table; whoever reads all
    rows folds the log in first.
    """

    def __init__(self, groups: Sequence[GroupT], rows: Rows) -> None:
        self._groups, self._rows = _without_unused(groups, rows)
        self._log: dict[Label, dict[tuple[GroupT, int], list[Any]]] = {}

    @staticmethod
    @abstractmethod
    def _author_of(group: Any) -> Label:
        """Return whose group it is."""

    @property
    def authors(self) -> tuple[Label, ...]:
        """The authors with at least one forecast, in order."""
        return tuple(dict.fromkeys(map(self._author_of, self._all_groups())))

    def author(self, name: Label) -> Self:
        """Return the table of one author, on which scores and decompositions are plain floats.

        Raises ValueError: an author without forecasts.
        """
        if self._groups and isinstance(name, str) != isinstance(self._author_of(self._groups[0]), str):
            raise ValueError(
                f"name is {name!r}: authors of this table are like {self._author_of(self._groups[0])!r}"
            )
        part = self._between(
            bisect_left(self._groups, name, key=self._author_of),
            bisect_right(self._groups, name, key=self._author_of),
        )
        if name in self._log:
            part._log[name] = self._log[name]
        if not len(part):
            raise ValueError(f"name is {name!r}: this table has no forecast of that author")
        return part

    def blocks(self) -> "list[Self]":
        """Split a long table into consecutive ones of whole authors; a short one is its only block."""
        if len(self) <= _BLOCK:
            return [self]
        starts = np.flatnonzero(np.diff(self.author_index, prepend=-1))
        # The first author that starts past a multiple of the block's length opens the next block.
        opening = starts[run_starts(starts // _BLOCK)]
        first = self._group_index()[opening].tolist()
        last = [*first[1:], len(self._groups)]
        return [self._between(start, stop) for start, stop in zip(first, last, strict=True)]

    def merge(self, other: Self) -> Self:
        """Return the table of both sets of forecasts, which must not overlap.

        Raises ValueError: authors that are names in one table and integers in the other.
        """
        tables = (self._folded(), other._folded())
        groups = _sorted({*tables[0]._groups, *tables[1]._groups})
        return type(self)(groups, _grouping.combine([table._regrouped(groups) for table in tables]))

    def to_frame(self) -> "pd.DataFrame":
        """Return the rows as a pandas frame: whose they are, p_ppm, n, n_yes, w, w_yes, w2."""
        import pandas as pd  # half a second that most callers need not pay

        index = self._group_index()
        sums = dict(zip(("n", "n_yes", "w", "w_yes", "w2"), self._sums(), strict=True))
        named = {name: np.array(values)[index] for name, values in self._named_groups().items()}
        return pd.DataFrame({**named, "p_ppm": self.p_ppm, **sums})

    @abstractmethod
    def _named_groups(self) -> dict[str, list[Label]]:
        """Return what names each group, as columns."""

    @property
    @abstractmethod
    def author_index(self) -> IntArray:
        """Position of each row's author in `authors`; shape (rows,)."""

    @property
    def weighted(self) -> bool:
        """Whether some forecast weighs something else than 1."""
        return len(self._all_rows().sums) == 5

    @property
    def p_ppm(self) -> IntArray:
        """Probability of each row, in parts per million; shape (rows,)."""
        return _grouping.level_of(self._all_rows().key)

    @property
    def p(self) -> FloatArray:
        """Probability of each row as a fraction; shape (rows,)."""
        return self.p_ppm / PPM

    @property
    def n(self) -> IntArray:
        """Number of forecasts of each row; shape (rows,)."""
        return self._sums()[0]

    @property
    def n_yes(self) -> IntArray:
        """Number of forecasts of each row whose outcome is yes; shape (rows,)."""
        return self._sums()[1]

    @property
    def w(self) -> NDArray[Any]:
        """Sum of weights of each row, the number of forecasts where none were given; shape (rows,)."""
        return self._sums()[2]

    @property
    def w_yes(self) -> NDArray[Any]:
        """Sum of the weights of each row whose outcome is yes; shape (rows,)."""
        return self._sums()[3]

    @property
    def w2(self) -> NDArray[Any]:
        """Sum of squared weights of each row; shape (rows,)."""
        return self._sums()[4]

    def __len__(self) -> int:
        return len(self._all_rows().key)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = self._folded(), other._folded()
        return (
            mine._groups == theirs._groups
            and np.array_equal(mine._rows.key, theirs._rows.key)
            and len(mine._rows.sums) == len(theirs._rows.sums)
            and all(map(np.array_equal, mine._rows.sums, theirs._rows.sums))
        )

    # Tables change: they must not be used as keys.
    __hash__ = None  # type: ignore[assignment]

    def _sums(self) -> tuple[NDArray[Any], ...]:
        return self._all_rows().weighted()

    def _group_index(self) -> IntArray:
        """Return the position of each row's group."""
        return _grouping.unpack(self._all_rows().key)[0]

    def _group_starts(self) -> IntArray:
        """Return the first row of each group; every group has at least one."""
        return np.searchsorted(self._all_rows().key, _first_keys(np.arange(len(self._groups))))

    def _between(self, start: int, stop: int) -> Self:
        """Return the sorted rows of a range of groups as a table."""
        rows = slice(*np.searchsorted(self._rows.key, _first_keys(np.array([start, stop]))).tolist())
        key = self._rows.key[rows] - int(_first_keys(np.array(start)))
        return type(self)(self._groups[start:stop], Rows(key, tuple(c[rows] for c in self._rows.sums)))

    def _regrouped(self, groups: Sequence[GroupT]) -> Rows:
        """Return the sorted rows, numbered by another list of groups."""
        index, p_ppm = _grouping.unpack(self._rows.key)
        return Rows(_grouping.pack(_grouping.ranks(self._groups, groups)[index], p_ppm), self._rows.sums)

    def _change(self, group: GroupT, y: int, p_ppm: int, weight: float, sign: int) -> None:
        outcome = int(_checks.outcomes([y])[0])
        level = int(_checks.ppm([p_ppm])[0])
        _checks.numeric([weight], "weight")
        w = np.asarray(weight).item()
        if w < 0:
            raise ValueError(f"weight is {w}: weights are finite and not negative")
        if isinstance(w, int) and w**2 >= 2**53:
            raise ValueError(f"weight is {w}: integer weights are added up exactly; give a smaller one or a float")
        log = self._log.setdefault(self._author_of(group), {})
        logged = log.get((group, level), [0, 0, 0, 0, 0])
        change = (1, outcome, w, w * outcome, w * w)
        changed = [before + sign * by for before, by in zip(logged, change, strict=True)]
        n, n_yes = self._stored(group, level)
        if n_yes + changed[1] < 0 or n - n_yes + changed[0] - changed[1] < 0:
            raise ValueError(f"p_ppm is {level}: {group!r} has no forecast there with outcome {outcome} to remove")
        log[group, level] = changed

    def _stored(self, group: GroupT, level: int) -> tuple[int, int]:
        """Return (n, n_yes) of a row, its logged changes left out."""
        at = bisect_left(self._groups, group)
        if at == len(self._groups) or self._groups[at] != group:
            return 0, 0
        key = int(_grouping.pack(np.array(at), np.array(level)))
        row = int(np.searchsorted(self._rows.key, key))
        if row == len(self._rows.key) or self._rows.key[row] != key:
            return 0, 0
        return int(self._rows.sums[0][row]), int(self._rows.sums[1][row])

    def _all_groups(self) -> list[GroupT]:
        return self._folded()._groups

    def _all_rows(self) -> Rows:
        return self._folded()._rows

    def _folded(self) -> Self:
        """Fold the log into the rows, and return the table."""
        changes = {at: sums for log in self._log.values() for at, sums in log.items()}
        if changes:
            groups = _sorted({*self._groups, *(group for group, _ in changes)})
            key = _grouping.pack(
                _grouping.ranks((group for group, _ in changes), groups),
                np.array([level for _, level in changes]),
            )
            order = np.argsort(key)
            sums = tuple(np.array(column)[order] for column in zip(*changes.values(), strict=True))
            rows = _grouping.combine([self._regrouped(groups), Rows(key[order], sums)])
            self._groups, self._rows = _without_unused(groups, rows)
            self._log = {}
        return self


def _first_keys(group: NDArray[Any]) -> IntArray:
    return _grouping.pack(group, np.array(0))


def _sorted(groups: set[GroupT]) -> list[GroupT]:
    try:
        return sorted(groups)
    except TypeError:
        raise ValueError(
            "author and cluster are integers throughout, or names throughout: these tables mix them"
        ) from None


def _without_unused(groups: Sequence[GroupT], rows: Rows) -> tuple[list[GroupT], Rows]:
    """Drop groups without rows and number the others again."""
    sizes = np.diff(np.searchsorted(rows.key, _first_keys(np.arange(len(groups) + 1))))
    if sizes.all():
        return list(groups), rows
    used = np.flatnonzero(sizes)
    number = np.repeat(np.arange(len(used)), sizes[used])
    p_ppm = _grouping.level_of(rows.key)
    return [groups[i] for i in used.tolist()], Rows(_grouping.pack(number, p_ppm), rows.sums)
