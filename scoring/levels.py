"""Level and cluster tables: what grouped forecasts boil down to, exactly, whatever computed it.

A table counts forecasts by (author, probability) or by (author, cluster, probability). Brier, log and
spherical scores, every binning and every decomposition follow from these counts; tables of disjoint
forecasts add up; one more resolution changes one row. Probabilities are integers in parts per million.
Integer weights are added up exactly, float weights to rounding.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from narwhals.typing import IntoFrame
from numpy.typing import ArrayLike, NDArray

from scoring import _checks, _frames, _grouping, rules
from scoring._blocks import by_blocks
from scoring._checks import FloatArray, IntArray
from scoring._counts import CountTable
from scoring._grouping import Label

__all__ = ["ClusterTable", "LevelTable", "PerAuthor"]

#: One number per author in the order of `authors`; a plain float on a one-author table.
PerAuthor = float | FloatArray


class LevelTable(CountTable[Label]):
    """Counts by (author, probability): the sufficient statistic of proper scores and their decompositions.

    Columns of rows sorted by author and probability: `p_ppm`, `n`, `n_yes`, `w`, `w_yes`, `w2`. Without
    weights every forecast weighs 1. Sums and scores return an array (authors,), or a plain float when
    the table holds one author.

    >>> table = LevelTable.from_arrays(["ann", "ann", "bob"], [1, 0, 1], [900_000, 900_000, 500_000])
    >>> table.authors, table.n.tolist(), table.n_yes.tolist()
    (('ann', 'bob'), [2, 1], [1, 1])
    >>> round(table.author("ann").brier_score(), 6)
    0.41
    """

    _names = ("author",)

    @staticmethod
    def _parts(group: Label) -> tuple[Label, ...]:
        return (group,)

    @staticmethod
    def _group_of(parts: tuple[Label, ...]) -> Label:
        return parts[0]

    @classmethod
    def from_arrays(
        cls,
        author: ArrayLike,
        y: ArrayLike,
        p_ppm: ArrayLike,
        *,
        weight: ArrayLike | None = None,
        labels: Sequence[Label] | None = None,
    ) -> Self:
        """Count forecasts given as columns of equal length.

        Shapes: all (n,). `author` holds names or integers; with `labels` it holds integer codes that
        number the labels from 0. `y` is 0 or 1, `p_ppm` an integer in 0 to 1000000.
        Raises ValueError: empty input, lengths that differ, y not 0 or 1, p_ppm not an integer in range,
        missing authors, weights that are negative, not finite, all zero or too large to add up exactly.

        >>> LevelTable.from_arrays([1, 0], [1, 0], [900_000, 0], labels=["ann", "bob"]).authors
        ('ann', 'bob')
        """
        outcome, probability, checked = _columns(y, p_ppm, weight)
        codes, found = _grouping.encode(author, "author", labels)
        _checks.same_length(y=outcome, author=codes)
        if checked is None:
            return cls(found, _grouping.count(codes, outcome, probability, len(found)))
        return cls(found, _grouping.count_weighted(codes, outcome, probability, checked))

    @classmethod
    def from_frame(
        cls,
        frame: IntoFrame,
        *,
        author: str,
        probability: str,
        outcome: str,
        cluster: str | None = None,  # noqa: ARG003 - see the docstring
        weight: str | None = None,
    ) -> Self:
        """Count the forecasts of any frame narwhals accepts; the counting is done by the frame's engine.

        The names are those of columns; `probability` holds integer ppm. `cluster` is accepted so that one
        mapping of columns builds both tables; this one does not use it.
        Raises ValueError: as `from_arrays`; a column that does not exist.

        >>> import pandas as pd
        >>> frame = pd.DataFrame({"who": ["ann", "bob"], "ppm": [900_000, 0], "came_true": [1, 0]})
        >>> LevelTable.from_frame(frame, author="who", probability="ppm", outcome="came_true").n.tolist()
        [1, 1]
        """
        counted = _frames.count(frame, [author], probability=probability, outcome=outcome, weight=weight)
        codes, found = _grouping.encode(counted.groups[0], "author")
        return cls(found, _grouping.add_up(_grouping.pack(codes, counted.p_ppm), counted.sums))

    def add(self, author: Label, y: int, p_ppm: int, *, weight: float = 1) -> Self:
        """Count one more forecast, in place, in time that does not grow with the table; returns the table.

        Raises ValueError: y not 0 or 1, p_ppm not an integer in range, a weight that is negative, not finite
        or too large to be added up exactly, an author who is neither a name nor an integer, or a name among
        integers or the reverse.

        >>> LevelTable.from_arrays(["ann"], [1], [900_000]).add("ann", 0, 900_000).n.tolist()
        [2]
        """
        self._change((author,), y, p_ppm, weight, 1)
        return self

    def remove(self, author: Label, y: int, p_ppm: int, *, weight: float = 1) -> Self:
        """Take one counted forecast out again, in place; returns the table.

        Float weights are taken out to rounding. The table knows sums, not single weights: it refuses a
        weight that no forecast there can have had.
        Raises ValueError: no such forecast was counted, or none that can have weighed as much, and the table
        stays as it was; otherwise as `add`.

        >>> LevelTable.from_arrays(["ann"], [1], [900_000]).remove("ann", 1, 900_000).authors
        ()
        """
        self._change((author,), y, p_ppm, weight, -1)
        return self

    @property
    def author_index(self) -> IntArray:
        """Position of each row's author in `authors`; shape (rows,)."""
        return self._group_index()

    def _group_author(self) -> IntArray:
        return np.arange(len(self._all_groups()))

    def total(self, values: NDArray[Any]) -> PerAuthor:
        """Add up one value per row, shape (rows,), within each author.

        Raises ValueError: an empty table; another number of values than rows.

        >>> table = LevelTable.from_arrays(["ann", "ann"], [1, 0], [300_000, 900_000])
        >>> table.total(table.n)
        2.0
        """
        sums = np.add.reduceat(self._per_row(values, "values"), self._group_starts())
        return float(sums[0]) if len(sums) == 1 else sums.astype(np.float64)

    def spread(self, per_author: PerAuthor) -> NDArray[Any]:
        """Repeat one value per author on each of the author's rows; a single one broadcasts as it is.

        Raises ValueError: another number of values than authors.

        >>> table = LevelTable.from_arrays(["ann", "ann", "bob"], [1, 0, 1], [300_000, 900_000, 900_000])
        >>> table.spread(np.array([0.5, 1.0])).tolist()
        [0.5, 0.5, 1.0]
        """
        values = np.asarray(per_author)
        if values.ndim and values.shape != (len(self.authors),):
            raise ValueError(
                f"per_author has shape {values.shape}: give one value for each of {len(self.authors)}"
            )
        return values[self.author_index] if values.ndim else values

    def mean(self, values: NDArray[Any]) -> PerAuthor:
        """Divide `total(values)` by each author's total weight: values come multiplied by their weights.

        Raises ValueError: as `total`; an author whose forecasts all weigh nothing.

        >>> table = LevelTable.from_arrays(["ann", "ann"], [1, 0], [300_000, 900_000])
        >>> table.mean(table.w * table.p)
        0.6
        """
        return self.total(values) / self.total_weight()

    def total_weight(self) -> PerAuthor:
        """Add up the weights of each author's forecasts.

        Raises ValueError: an empty table; an author whose forecasts all weigh nothing.

        >>> LevelTable.from_arrays(["ann", "ann"], [1, 0], [300_000, 900_000], weight=[1, 4]).total_weight()
        5.0
        """
        weight = self.total(self.w)
        weightless = np.flatnonzero(np.asarray(weight) == 0)
        if weightless.size:
            raise ValueError(f"weight is 0 for every forecast of author {self.authors[weightless[0]]!r}")
        return weight

    def mean_score(self, yes: FloatArray, no: FloatArray) -> PerAuthor:
        """Average a score given per row for outcome yes and for no; what did not happen counts nothing.

        Shapes: yes and no (rows,). Infinite scores are carried.
        Raises ValueError: as `mean`.

        >>> table = LevelTable.from_arrays(["ann", "ann"], [1, 0], [300_000, 900_000])
        >>> table.mean_score(yes=1 - table.p, no=table.p)
        0.8
        """
        yes, no = self._per_row(yes, "yes"), self._per_row(no, "no")
        w_yes, w_no = self.w_yes, self.w - self.w_yes
        # 0 times infinity is not 0: what did not happen has to be taken out first.
        return self.mean(w_yes * np.where(w_yes > 0, yes, 0.0) + w_no * np.where(w_no > 0, no, 0.0))

    @by_blocks
    def brier_score(self) -> PerAuthor:
        """Mean Brier score of each author on the 0 to 1 scale.

        Formula: Σ w (p - y)² / Σ w.
        Raises ValueError: an empty table, an author without weight.
        Source: Brier (1950), Monthly Weather Review 78.

        >>> LevelTable.from_arrays(["ann"], [1], [500_000]).brier_score()
        0.25
        """
        p = self.p
        # (p - y)² = p² + y (1 - 2p), as y² = y.
        return self.mean(self.w * p**2 + self.w_yes * (1 - 2 * p))

    @by_blocks
    def log_score(self, *, floor: float | None = None) -> PerAuthor:
        """Mean log score of each author in nats; see `scoring.rules.log_score` for infinity and `floor`.

        Formula: Σ w · -ln(p_y) / Σ w.
        Raises ValueError: an empty table, an author without weight, floor not between 0 and 1.
        Source: Good (1952), Journal of the Royal Statistical Society B 14.

        >>> LevelTable.from_arrays(["ann"], [1], [0]).log_score()
        inf
        """
        return self.mean_score(*rules.log_scores_of(self.p, floor=floor))

    @by_blocks
    def spherical_score(self) -> PerAuthor:
        """Mean spherical score of each author; HIGHER is better.

        Formula: Σ w · p_y / √(p² + (1 - p)²) / Σ w.
        Raises ValueError: an empty table, an author without weight.
        Source: Roby (1965), Behavioral Science 10.

        >>> LevelTable.from_arrays(["ann"], [1], [1_000_000]).spherical_score()
        1.0
        """
        p = self.p
        length = np.hypot(p, 1 - p)
        return self.mean_score(p / length, (1 - p) / length)

    def base_rate(self) -> PerAuthor:
        """Share of outcomes yes of each author: Σ w y / Σ w.

        Raises ValueError: an empty table, an author without weight.

        >>> LevelTable.from_arrays(["ann", "ann"], [1, 0], [500_000, 500_000]).base_rate()
        0.5
        """
        return self.mean(self.w_yes)


class ClusterTable(CountTable[tuple[Label, Label]]):
    """Counts by (author, cluster, probability): what gates, intervals and cluster-safe tests stand on.

    Two forecasts share a cluster if knowing one outcome would tell about the other. Columns of rows
    sorted by author, cluster and probability: `p_ppm`, `n`, `n_yes`, `w`, `w_yes`, `w2`.

    >>> table = ClusterTable.from_arrays(["ann"] * 3, [1, 1, 0], [900_000] * 3, cluster=["x", "x", "y"])
    >>> table.clusters, [round(mean, 6) for mean in table.cluster_means().tolist()]
    ((('ann', 'x'), ('ann', 'y')), [0.01, 0.81])
    """

    _names = ("author", "cluster")

    @staticmethod
    def _parts(group: tuple[Label, Label]) -> tuple[Label, ...]:
        return group

    @staticmethod
    def _group_of(parts: tuple[Label, ...]) -> tuple[Label, ...]:
        return parts

    @classmethod
    def from_arrays(
        cls,
        author: ArrayLike,
        y: ArrayLike,
        p_ppm: ArrayLike,
        *,
        cluster: ArrayLike,
        weight: ArrayLike | None = None,
        labels: Sequence[Label] | None = None,
    ) -> Self:
        """Count forecasts given as columns of equal length.

        Shapes: all (n,). `cluster` holds names or integers; forecasts that stand alone each need a
        cluster of their own. The rest is as in `LevelTable.from_arrays`.
        Raises ValueError: as `LevelTable.from_arrays`, and for missing clusters.

        >>> ClusterTable.from_arrays([0, 0], [1, 0], [900_000, 0], cluster=["x", "y"], labels=["ann"]).clusters
        (('ann', 'x'), ('ann', 'y'))
        """
        outcome, probability, checked = _columns(y, p_ppm, weight)
        codes, authors = _grouping.encode(author, "author", labels)
        cluster_codes, clusters = _grouping.encode(cluster, "cluster")
        _checks.same_length(y=outcome, author=codes, cluster=cluster_codes)
        group, pairs = _pairs(codes, authors, cluster_codes, clusters)
        if checked is None:
            return cls(pairs, _grouping.count(group, outcome, probability, len(pairs)))
        return cls(pairs, _grouping.count_weighted(group, outcome, probability, checked))

    @classmethod
    def from_frame(
        cls,
        frame: IntoFrame,
        *,
        author: str,
        probability: str,
        outcome: str,
        cluster: str | None = None,
        weight: str | None = None,
    ) -> Self:
        """Count the forecasts of any frame narwhals accepts; the counting is done by the frame's engine.

        The names are those of columns; `probability` holds integer ppm.
        Raises ValueError: as `from_arrays`; a column that does not exist; no cluster column.

        >>> import polars as pl
        >>> frame = pl.DataFrame({"who": ["ann"] * 2, "ppm": [900_000] * 2, "y": [1, 0], "topic": ["x", "x"]})
        >>> columns = {"author": "who", "probability": "ppm", "outcome": "y", "cluster": "topic"}
        >>> ClusterTable.from_frame(frame, **columns).n.tolist()
        [2]
        """
        if cluster is None:
            raise ValueError(
                "cluster is None: name the column that says which forecasts stand or fall together "
                "(a row number, if each stands alone)"
            )
        counted = _frames.count(frame, [author, cluster], probability=probability, outcome=outcome, weight=weight)
        codes, authors = _grouping.encode(counted.groups[0], "author")
        cluster_codes, clusters = _grouping.encode(counted.groups[1], "cluster")
        group, pairs = _pairs(codes, authors, cluster_codes, clusters)
        return cls(pairs, _grouping.add_up(_grouping.pack(group, counted.p_ppm), counted.sums))

    def add(self, author: Label, y: int, p_ppm: int, *, cluster: Label, weight: float = 1) -> Self:
        """Count one more forecast, in place, in time that does not grow with the table; returns the table.

        Raises ValueError: as `LevelTable.add`; a cluster that is a name among integers or the reverse.

        >>> table = ClusterTable.from_arrays(["ann"], [1], [900_000], cluster=["x"])
        >>> table.add("ann", 0, 0, cluster="y").clusters
        (('ann', 'x'), ('ann', 'y'))
        """
        self._change((author, cluster), y, p_ppm, weight, 1)
        return self

    def remove(self, author: Label, y: int, p_ppm: int, *, cluster: Label, weight: float = 1) -> Self:
        """Take one counted forecast out again, in place; returns the table.

        Raises ValueError: as `LevelTable.remove`, and the table stays as it was; otherwise as `add`.

        >>> table = ClusterTable.from_arrays(["ann"], [1], [900_000], cluster=["x"])
        >>> table.remove("ann", 1, 900_000, cluster="x").clusters
        ()
        """
        self._change((author, cluster), y, p_ppm, weight, -1)
        return self

    @property
    def clusters(self) -> tuple[tuple[Label, Label], ...]:
        """The (author, cluster) pairs with at least one forecast, in order."""
        return tuple(self._all_groups())

    @property
    def author_index(self) -> IntArray:
        """Position of each row's author in `authors`; shape (rows,)."""
        return self.cluster_author[self.cluster_index]

    @property
    def cluster_index(self) -> IntArray:
        """Position of each row's cluster in `clusters`; shape (rows,)."""
        return self._group_index()

    @property
    def cluster_author(self) -> IntArray:
        """Position of each cluster's author in `authors`; shape (clusters,)."""
        return _grouping.ranks((author for author, _ in self.clusters), self.authors)

    def _group_author(self) -> IntArray:
        return self.cluster_author

    def cluster_total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Add up one value per row, shape (rows,), within each cluster; shape (clusters,).

        Raises ValueError: an empty table; another number of values than rows.

        >>> table = ClusterTable.from_arrays(["ann"] * 3, [1, 1, 0], [0, 5, 5], cluster=["x", "x", "y"])
        >>> table.cluster_total(table.n).tolist()
        [2, 1]
        """
        return np.add.reduceat(self._per_row(values, "values"), self._group_starts())

    def cluster_means(self) -> FloatArray:
        """Mean Brier score within each cluster that has weight: what the intervals take.

        Formula: Σ w (p - y)² / Σ w over the forecasts of the cluster, on the 0 to 1 scale.
        Shapes: one number per (author, cluster) pair in the order of `clusters`, those whose forecasts all
        weigh nothing left out; on a table of several authors the clusters of all of them, one author after
        another, so take `author(name)` first for an interval.
        Raises ValueError: an empty table.
        Source: Brier (1950), Monthly Weather Review 78.

        >>> table = ClusterTable.from_arrays(
        ...     ["ann"] * 4, [1, 0, 1, 1], [500_000, 500_000, 0, 0], cluster=list("xxyz"), weight=[1, 1, 3, 0]
        ... )
        >>> table.cluster_means().tolist()
        [0.25, 1.0]
        """
        p = self.p
        weight = self.cluster_total(self.w)
        loss = self.cluster_total(self.w_yes * (1 - p) ** 2 + (self.w - self.w_yes) * p**2)
        counted = weight > 0
        means: FloatArray = loss[counted] / weight[counted]
        return means

    def levels(self) -> LevelTable:
        """Return the level table of the same forecasts.

        >>> table = ClusterTable.from_arrays(["ann"] * 2, [1, 0], [900_000] * 2, cluster=["x", "y"])
        >>> table.levels() == LevelTable.from_arrays(["ann"] * 2, [1, 0], [900_000] * 2)
        True
        """
        key = _grouping.pack(self.author_index, self.p_ppm)
        return LevelTable(self.authors, _grouping.add_up(key, self._all_rows().sums))


def _columns(
    y: ArrayLike, p_ppm: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    outcome = _checks.outcomes(y)
    probability = _checks.ppm(p_ppm)
    _checks.same_length(y=outcome, p_ppm=probability)
    return outcome, probability, _checks.weights(weight, len(outcome))


def _pairs(
    codes: NDArray[Any], authors: tuple[Label, ...], cluster_codes: NDArray[Any], clusters: tuple[Label, ...]
) -> tuple[IntArray, list[tuple[Label, Label]]]:
    """Number the (author, cluster) pairs that occur."""
    used, group = np.unique(codes.astype(np.int64) * len(clusters) + cluster_codes, return_inverse=True)
    pairs = [(authors[i // len(clusters)], clusters[i % len(clusters)]) for i in used.tolist()]
    return group, pairs
