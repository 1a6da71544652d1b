"""The mechanism both tables share: sorted rows of counts and a small log of what changed since."""

import operator
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Self, TypeVar, get_args

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from scoring import _checks, _grouping
from scoring._checks import PPM, FloatArray, IntArray
from scoring._grouping import Label, Rows, run_starts

#: The libraries whose frames `to_frame` builds.
Backend = Literal["pandas", "polars", "pyarrow"]

#: Rows that are worked on at a time.
_BLOCK = 1 << 15

#: What a group of rows is called: an author, or an (author, cluster) pair.
GroupT = TypeVar("GroupT", bound=Any)


class _Sums(NamedTuple):
    """The sums of one row: forecasts, those that came out yes, their weights and squared weights."""

    n: int = 0
    n_yes: int = 0
    w: float = 0
    w_yes: float = 0
    w2: float = 0


class CountTable(ABC, Generic[GroupT]):
    """Counts by (group, probability).

    Changed rows go to a log, so that one more resolution does not touch the whole table; whoever reads
    all rows folds the log in first.
    """

    #: What the parts of a group are called.
    _names: ClassVar[tuple[str, ...]]

    def __init__(self, groups: Sequence[GroupT], rows: Rows) -> None:
        self._groups, self._rows = _without_unused(groups, rows)
        self._log: dict[Label, dict[tuple[GroupT, int], _Sums]] = {}

    @staticmethod
    @abstractmethod
    def _parts(group: Any) -> tuple[Label, ...]:
        """Return the labels of a group, the author's first."""

    @staticmethod
    @abstractmethod
    def _group_of(parts: tuple[Label, ...]) -> Any:
        """Return the group that has these labels."""

    @classmethod
    def _author_of(cls, group: GroupT) -> Label:
        return cls._parts(group)[0]

    @property
    def authors(self) -> tuple[Label, ...]:
        """The authors with at least one forecast, in order."""
        return tuple(dict.fromkeys(map(self._author_of, self._all_groups())))

    def author(self, name: Label) -> Self:
        """Return the table of one author, on which scores and decompositions are plain floats.

        Raises ValueError: an author without forecasts, or neither a name nor an integer.

        >>> from scoring.levels import LevelTable
        >>> LevelTable.from_arrays(["ann", "bob"], [1, 0], [900_000, 500_000]).author("bob").brier_score()
        0.25
        """
        (name,) = self._known_kinds((name,), ("name",))
        part = self._between(
            bisect_left(self._groups, name, key=self._author_of),
            bisect_right(self._groups, name, key=self._author_of),
        )
        if name in self._log:
            part._log[name] = self._log[name]
        if not len(part):
            raise ValueError(f"name is {name!r}: this table has no forecast of that author")
        return part

    def blocks(self) -> Iterator[Self]:
        """Split a long table into consecutive ones of whole authors; a short one is its only block.

        >>> from scoring.levels import LevelTable
        >>> [block.authors for block in LevelTable.from_arrays(["ann", "bob"], [1, 0], [5, 5]).blocks()]
        [('ann', 'bob')]
        """
        if len(self) <= _BLOCK:
            yield self
            return
        group = run_starts(self._group_author())
        # The first author that starts past a multiple of the block's length opens the next block.
        first = group[run_starts(self._group_starts()[group] // _BLOCK)].tolist()
        last = [*first[1:], len(self._groups)]
        yield from (self._between(start, stop) for start, stop in zip(first, last, strict=True))

    def merge(self, other: Self) -> Self:
        """Return the table of both sets of forecasts, which must not overlap.

        Raises ValueError: a table of the other kind; labels that are names in one table and integers in the
        other; integer weights too large to be added up exactly.

        >>> from scoring.levels import LevelTable
        >>> one, other = (LevelTable.from_arrays(["ann"], [y], [900_000]) for y in (1, 0))
        >>> one.merge(other).n.tolist(), one.merge(other).n_yes.tolist()
        ([2], [1])
        """
        if type(other) is not type(self):
            raise ValueError(f"other is a {type(other).__name__}: give a {type(self).__name__}")
        tables = (self._folded(), other._folded())
        for group in tables[1]._groups[:1]:
            self._known_kinds(self._parts(group), tuple(f"{name} of other" for name in self._names))
        heaviest = [int(t.w2.max()) for t in tables if len(t) and t.w2.dtype.kind == "i"]
        if sum(heaviest) >= 2**63:
            raise ValueError(f"other weighs too much: {_checks.EXACT_RULE}")
        groups = sorted({*tables[0]._groups, *tables[1]._groups})
        return type(self)(groups, _grouping.combine([table._regrouped(groups) for table in tables]))

    def to_frame(self, *, backend: Backend = "pandas") -> Any:
        """Return the rows as a frame: whose they are, p_ppm, n, n_yes, w, w_yes, w2.

        `backend` is the library of the frame: "pandas", "polars" or "pyarrow". Nothing else on this table
        needs any of them.
        Raises ValueError: another backend. Raises ImportError: the library is not installed.

        >>> from scoring.levels import LevelTable
        >>> LevelTable.from_arrays(["ann", "ann"], [1, 0], [900_000] * 2).to_frame(backend="polars").rows()
        [('ann', 900000, 2, 1, 2, 1, 2)]
        """
        if backend not in get_args(Backend):
            raise ValueError(f"backend is {backend!r}: choose one of {get_args(Backend)}")
        labels = np.array([self._parts(group) for group in self._all_groups()], dtype=object)
        by_row = labels.reshape(-1, len(self._names))[self._group_index()]
        named = {name: column.tolist() for name, column in zip(self._names, by_row.T, strict=True)}
        sums = dict(zip(_Sums._fields, self._sums(), strict=True))
        try:
            return nw.from_dict({**named, "p_ppm": self.p_ppm, **sums}, backend=backend).to_native()
        except ImportError:
            raise ImportError(
                f"to_frame needs {backend}, which is not installed: install it, or name a library you have, "
                "as in to_frame(backend='polars')"
            ) from None

    @property
    @abstractmethod
    def author_index(self) -> IntArray:
        """Position of each row's author in `authors`; shape (rows,)."""

    @abstractmethod
    def _group_author(self) -> IntArray:
        """Return the position of each group's author in `authors`."""

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

    def _per_row(self, values: NDArray[Any], name: str) -> NDArray[Any]:
        """Return values as an array with one for each row of a table that has rows."""
        if not len(self):
            raise ValueError("the table is empty: there is nothing to add up")
        array = np.asarray(values)
        if array.shape != (len(self),):
            raise ValueError(f"{name} has shape {array.shape}: give one value for each of the {len(self)} rows")
        return array

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
        sums = tuple(_grouping.wide(column[rows]) for column in self._rows.sums)
        return type(self)(self._groups[start:stop], Rows(key, sums))

    def _regrouped(self, groups: Sequence[GroupT]) -> Rows:
        """Return the sorted rows, numbered by another list of groups."""
        index, p_ppm = _grouping.unpack(self._rows.key)
        return Rows(_grouping.pack(_grouping.ranks(self._groups, groups)[index], p_ppm), self._rows.sums)

    def _change(self, group: tuple[Any, ...], y: int, p_ppm: int, weight: float, sign: int) -> None:
        outcome, level, w = _checks.one_forecast(y, p_ppm, weight)
        parts = self._known_kinds(group, self._names)
        log = self._log.setdefault(parts[0], {})
        place = self._group_of(parts), level
        before = log[place] if place in log else self._stored(*place)
        log[place] = (
            _with(before, outcome, w) if sign > 0 else _without(before, outcome, w, f"{parts} at {level} ppm")
        )

    def _known_kinds(self, labels: tuple[Any, ...], names: tuple[str, ...]) -> tuple[Label, ...]:
        """Return labels as they are stored, refusing a name among integers and an integer among names."""
        checked = tuple(_grouping.as_label(label, name) for label, name in zip(labels, names, strict=True))
        groups = self._groups or self._all_groups()
        known = self._parts(groups[0]) if groups else ()
        for kind, name, label, like in zip(self._names, names, checked, known, strict=False):
            if isinstance(label, str) != isinstance(like, str):
                if self._log:  # which may have emptied the table
                    self._folded()
                    return self._known_kinds(labels, names)
                raise ValueError(f"{name} is {label!r}: {kind}s of this table are like {like!r}")
        return checked

    def _stored(self, group: GroupT, level: int) -> _Sums:
        """Return the sums of a row, its logged changes left out."""
        at = bisect_left(self._groups, group)
        if at == len(self._groups) or self._groups[at] != group:
            return _Sums()
        key = int(_grouping.pack(np.array(at), np.array(level)))
        row = int(np.searchsorted(self._rows.key, key))
        if row == len(self._rows.key) or self._rows.key[row] != key:
            return _Sums()
        return _Sums(*(column[row].item() for column in self._rows.weighted()))

    def _all_groups(self) -> list[GroupT]:
        return self._folded()._groups

    def _all_rows(self) -> Rows:
        return self._folded()._rows

    def _folded(self) -> Self:
        """Fold the log into the rows, and return the table."""
        changes = {at: sums for log in self._log.values() for at, sums in log.items()}
        if changes:
            groups = sorted({*self._groups, *(group for group, _ in changes)})
            key = _grouping.pack(
                _grouping.ranks((group for group, _ in changes), groups),
                np.array([level for _, level in changes]),
            )
            sums = tuple(np.array(column) for column in zip(*changes.values(), strict=True))
            rows = _grouping.replace(self._regrouped(groups), Rows(key, sums))
            self._groups, self._rows = _without_unused(groups, rows)
            self._log = {}
        return self


def _first_keys(group: NDArray[Any]) -> IntArray:
    return _grouping.pack(group, np.array(0))


def _with(row: _Sums, y: int, w: float) -> _Sums:
    """Return the sums of a row with one more forecast."""
    squares = row.w2 + w * w
    if isinstance(squares, int) and squares >= 2**63:
        raise ValueError(f"weight is {w}: {_checks.EXACT_RULE}")
    return _Sums(row.n + 1, row.n_yes + y, row.w + w, row.w_yes + y * w, squares)


def _without(row: _Sums, y: int, w: float, where: str) -> _Sums:
    """Return the sums of a row without one forecast, refusing one that cannot be among them."""
    n_yes, n_no = row.n_yes - y, row.n - row.n_yes - (1 - y)
    if min(n_yes, n_no) < 0:
        raise ValueError(f"y is {y}: no forecast of {where} has this outcome; there is none to remove")
    yes, no, squares = row.w_yes - y * w, row.w - row.w_yes - (1 - y) * w, row.w2 - w * w
    exact = isinstance(squares, int)
    slack = 0 if exact else 1e-9 * row.w
    # Squares are fewest where the weights of an outcome are equal, and most where one forecast has it all.
    ratio: Callable[[Any, Any], Any] = Fraction if exact else operator.truediv
    least, most = ratio(yes**2, max(n_yes, 1)) + ratio(no**2, max(n_no, 1)), yes**2 + no**2
    if (
        min(yes, no) < -slack
        or (n_yes == 0 and yes > slack)
        or (n_no == 0 and no > slack)
        or not least - slack * row.w <= squares <= most + slack * row.w
    ):
        raise ValueError(f"weight is {w}: the forecasts of {where} cannot include one of this weight to remove")
    if not exact:
        # What rounding leaves behind must not look like evidence.
        yes, no = max(yes, 0.0) if n_yes else 0.0, max(no, 0.0) if n_no else 0.0
        squares = min(max(squares, yes**2 / max(n_yes, 1) + no**2 / max(n_no, 1)), yes**2 + no**2)
    return _Sums(n_yes + n_no, n_yes, yes + no, yes, squares)


def _without_unused(groups: Sequence[GroupT], rows: Rows) -> tuple[list[GroupT], Rows]:
    """Drop groups without rows and number the others again."""
    sizes = np.diff(np.searchsorted(rows.key, _first_keys(np.arange(len(groups) + 1))))
    if sizes.all():
        return list(groups), rows
    used = np.flatnonzero(sizes)
    number = np.repeat(np.arange(len(used)), sizes[used])
    p_ppm = _grouping.level_of(rows.key)
    return [groups[i] for i in used.tolist()], Rows(_grouping.pack(number, p_ppm), rows.sums)
