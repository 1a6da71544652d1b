"""Who is better than whom, said only where the data can carry it.

Scores of different questions do not compare: everything here works on shared questions, on differences
to a reference fixed in advance, or on scores cleared of the difficulty of their questions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from scoring import _checks, _grouping
from scoring._checks import PPM, BoolArray, FloatArray, IntArray
from scoring._effects import two_way_effects
from scoring._grouping import Label
from scoring.compare import brier_difference
from scoring.gates import AUTHORS_TO_SHRINK, CLUSTERS_TO_TEST, allowed
from scoring.intervals import spacing_tail
from scoring.wording import LexiconStability, WordingInterval, lexicon_stability, wording_interval

__all__ = [
    "Adjusted",
    "LexiconStability",
    "PairwiseOrder",
    "RankIntervals",
    "Shrunk",
    "WordingInterval",
    "difficulty_adjusted",
    "lexicon_stability",
    "pairwise_order",
    "rank_intervals",
    "shrink",
    "wording_interval",
]


@dataclass(frozen=True)
class Shrunk:
    """Each author's mean difference and the same drawn towards the common mean.

    `weight` is what the author's own mean counts; `left_out` are authors with too few clusters.
    """

    author: tuple[Label, ...]
    mean: FloatArray
    shrunk: FloatArray
    weight: FloatArray
    common_mean: float
    between_variance: float
    within_variance: float
    left_out: tuple[Label, ...]


@dataclass(frozen=True)
class PairwiseOrder:
    """better[i, j]: author i can be ranked above author j. The p-values are those before correction.

    `clusters[i, j]` counts the clusters both answered; below six a pair is never ordered.
    """

    authors: tuple[Label, ...]
    better: BoolArray
    p_value: FloatArray
    clusters: IntArray
    alpha: float


@dataclass(frozen=True)
class RankIntervals:
    """The ranks each author may have, 1 being the best; all of them hold together."""

    authors: tuple[Label, ...]
    best: IntArray
    worst: IntArray
    alpha: float


@dataclass(frozen=True)
class Adjusted:
    """Mean Brier scores cleared of the difficulty of the questions answered; always 0.5 scores 0.25.

    `component` tells sets of authors that share no questions even through others: scores compare only
    within one.
    """

    authors: tuple[Label, ...]
    score: FloatArray
    component: IntArray
    questions: tuple[Label, ...]
    difficulty: FloatArray


def shrink(difference: ArrayLike, *, author: ArrayLike, cluster: ArrayLike) -> Shrunk:
    """Draw authors' mean differences to a reference towards their common mean.

    Formula: with G clusters and mean m_a for author a and the pooled within variance s² (an author without
    a miss has almost none of his own and would never shrink), v_a = s² / G; τ² solves
    Σ (m_a - μ)² / (v_a + τ²) = A - 1 (0 if the left side is below already at 0), μ being the mean
    weighted by 1 / (v_a + τ²);
    shrunk = μ + (m_a - μ) τ² / (v_a + τ²).
    Shapes: all (n,), one row per forecast: its Brier score minus that of the reference.
    Authors with fewer than ten clusters are left out and named.
    Raises ValueError: empty input, lengths that differ, values not finite, fewer than ten authors left.
    Source: Paule and Mandel (1982), Journal of Research of the National Bureau of Standards 87.

    >>> rng = np.random.default_rng(0)
    >>> author, cluster = np.repeat(np.arange(12), 10), np.tile(np.arange(10), 12)
    >>> result = shrink(rng.normal(size=120), author=author, cluster=cluster)
    >>> bool((abs(result.shrunk - result.common_mean) <= abs(result.mean - result.common_mean)).all())
    True
    """
    values = _checks.numeric(difference, "difference")
    author_code, authors = _grouping.encode(author, "author")
    cluster_code, clusters = _grouping.encode(cluster, "cluster")
    _checks.same_length(difference=values, author=author_code, cluster=cluster_code)
    pairs, group = np.unique(author_code.astype(np.int64) * len(clusters) + cluster_code, return_inverse=True)
    # Squares of what is measured in its largest value neither vanish nor overflow.
    unit = float(np.abs(values).max()) or 1.0
    cluster_mean = np.bincount(group, weights=values / unit) / np.bincount(group)
    owner = pairs // len(clusters)
    count = np.bincount(owner, minlength=len(authors))
    enough = np.array(["shrunk" in allowed(int(n)).shown for n in count])
    if enough.sum() < AUTHORS_TO_SHRINK:
        raise ValueError(
            f"author has {enough.sum()} authors with enough clusters: shrinking needs {AUTHORS_TO_SHRINK}"
        )
    kept = enough[owner]
    index = (np.cumsum(enough) - 1)[owner[kept]]
    n = np.bincount(index)
    mean = np.bincount(index, weights=cluster_mean[kept]) / n
    within = float(((cluster_mean[kept] - mean[index]) ** 2).sum() / (n - 1).sum())
    between = _paule_mandel(mean, within / n)
    common, weight = _common(mean, within / n, between)
    names = np.flatnonzero(enough).tolist()
    return Shrunk(
        author=tuple(authors[i] for i in names),
        mean=unit * mean,
        shrunk=unit * (common + weight * (mean - common)),
        weight=weight,
        common_mean=unit * common,
        between_variance=unit**2 * between,
        within_variance=unit**2 * within,
        left_out=tuple(authors[i] for i in np.flatnonzero(~enough & (count > 0)).tolist()),
    )


def pairwise_order(
    y: ArrayLike,
    p_ppm: ArrayLike,
    *,
    author: ArrayLike,
    question: ArrayLike,
    cluster: ArrayLike | None = None,
    alpha: float = 0.05,
) -> PairwiseOrder:
    """Order the pairs of authors that can be ordered, with at most alpha for any false order at all.

    Formula: for each pair, cluster means of the difference of Brier scores over shared questions; the
    one-sided p-value is the tail of Gaffke's bound at 0 with the bounds that the pair's forecasts allow;
    Holm's correction over both directions of all pairs. "Cannot order" is an answer.
    Shapes: y, p_ppm, author, question and cluster (n,), one row per author and question; without cluster
    each question is one. Units: p_ppm in ppm.
    Raises ValueError: bad outcomes or probabilities, lengths that differ, an author twice on a question, a
    question with two outcomes or in two clusters, alpha not in (0, 1).
    Source: Holm (1979), Scandinavian Journal of Statistics 6; Gaffke (2005).

    >>> y, n = np.tile([1, 0], 20), 40
    >>> order = pairwise_order(
    ...     np.tile(y, 2), np.concatenate([np.where(y, 900_000, 100_000), np.full(n, 500_000)]),
    ...     author=["ann"] * n + ["bob"] * n, question=np.tile(np.arange(n), 2),
    ... )
    >>> order.better.tolist()
    [[False, True], [False, False]]
    """
    _checks.share(alpha, "alpha")
    table = _QuestionTable.checked(y, p_ppm, author, question, cluster)
    size = len(table.authors)
    p_value, clusters = np.ones((size, size)), np.zeros((size, size), dtype=np.int64)
    for first in range(size):
        for second in range(first + 1, size):
            shared, lower, upper = table.differences(first, second)
            clusters[first, second] = clusters[second, first] = len(shared)
            if len(shared) >= CLUSTERS_TO_TEST:
                p_value[first, second] = _above_zero(-shared, -upper)
                p_value[second, first] = _above_zero(shared, lower)
    return PairwiseOrder(table.authors, _holm(p_value, alpha), p_value, clusters, alpha)


def rank_intervals(
    y: ArrayLike,
    p_ppm: ArrayLike,
    *,
    author: ArrayLike,
    question: ArrayLike,
    cluster: ArrayLike | None = None,
    alpha: float = 0.05,
) -> RankIntervals:
    """Ranks each author may have, given the pairs that can be ordered; all hold at once with 1 - alpha.

    Formula: the best rank is 1 + the number of authors ranked above, the worst is the number of authors
    minus those ranked below. Shapes and units: as `pairwise_order`.
    Raises ValueError: as `pairwise_order`.
    Source: Holm (1979) for the pairs; ranks follow by counting them.

    >>> ranks = rank_intervals([1] * 4, [900_000, 500_000] * 2, author=["a", "b"] * 2, question=[1, 1, 2, 2])
    >>> ranks.best.tolist(), ranks.worst.tolist()
    ([1, 1], [2, 2])
    """
    order = pairwise_order(y, p_ppm, author=author, question=question, cluster=cluster, alpha=alpha)
    return RankIntervals(
        authors=order.authors,
        best=1 + order.better.sum(axis=0),
        worst=len(order.authors) - order.better.sum(axis=1),
        alpha=alpha,
    )


def difficulty_adjusted(brier: ArrayLike, *, author: ArrayLike, question: ArrayLike) -> Adjusted:
    """Mean Brier scores after the difficulty of each question is taken out.

    Formula: least squares brier ≈ author effect + question effect, question effects averaging 0; an
    author's adjusted score is the mean of his scores minus their question effects. So shifted, "always
    0.5" on every question scores 0.25. Adjusted scores can be negative; none is ever NaN.
    Shapes: all (n,), one row per forecast. Units: Brier on the 0 to 1 scale.
    Raises ValueError: empty input, lengths that differ, values not finite.
    Source: the two-way fixed-effects ranking of ForecastBench; Abowd, Kramarz and Margolis (1999).

    >>> result = difficulty_adjusted(
    ...     [0.1, 0.3, 0.2, 0.5], author=["ann", "ann", "bob", "cid"], question=["x", "y", "x", "y"]
    ... )
    >>> result.score.round(6).tolist()
    [0.2, 0.3, 0.4]
    """
    values = _checks.numeric(brier, "brier")
    author_code, authors = _used(author, "author")
    question_code, questions = _used(question, "question")
    _checks.same_length(brier=values, author=author_code, question=question_code)
    score, difficulty, component = two_way_effects(values, author_code, question_code)
    return Adjusted(authors, score, component, questions, difficulty)


@dataclass(frozen=True)
class _QuestionTable:
    """Probabilities by author and question, NaN where there is none, and the questions' clusters."""

    authors: tuple[Label, ...]
    p: FloatArray
    y: NDArray[Any]
    cluster: IntArray

    @classmethod
    def checked(
        cls,
        y: ArrayLike,
        p_ppm: ArrayLike,
        author: ArrayLike,
        question: ArrayLike,
        cluster: ArrayLike | None,
    ) -> "_QuestionTable":
        """Arrange rows by author and question, refusing those that contradict each other."""
        outcome, level = _checks.outcomes(y), _checks.ppm(p_ppm)
        author_code, authors = _used(author, "author")
        question_code, questions = _used(question, "question")
        cluster_code = question_code if cluster is None else _used(cluster, "cluster")[0]
        _checks.same_length(
            y=outcome, p_ppm=level, author=author_code, question=question_code, cluster=cluster_code
        )
        pair = author_code * len(questions) + question_code
        again = np.ones(len(pair), dtype=np.bool_)
        again[np.unique(pair, return_index=True)[1]] = False
        _checks.refuse_first(again, np.asarray(question), "question", "its author has answered it before")
        of_question = _checks.constant_within(
            outcome, question_code, len(questions), "y", "a question has one outcome"
        )
        in_cluster = _checks.constant_within(
            cluster_code, question_code, len(questions), "cluster", "a question is in one cluster"
        )
        table = np.full((len(authors), len(questions)), np.nan)
        table[author_code, question_code] = level / PPM
        return cls(authors, table, of_question, in_cluster)

    def differences(self, first: int, second: int) -> tuple[FloatArray, float, float]:
        """Return cluster means of first minus second on shared questions, and their bounds."""
        shared = np.flatnonzero(~np.isnan(self.p[first] + self.p[second]))
        if not shared.size:
            return np.zeros(0), 0.0, 0.0
        code = np.unique(self.cluster[shared], return_inverse=True)[1]
        rows = brier_difference(self.y[shared], self.p[first, shared], self.p[second, shared])
        mean, lower, upper = (np.bincount(code, weights=v) / np.bincount(code) for v in rows)
        return mean, float(lower.min()), float(upper.max())


def _above_zero(values: FloatArray, lower: float) -> float:
    """Return Gaffke's one-sided p-value for a mean of at most 0, values being bounded below by `lower`."""
    if lower >= 0:
        # Nothing can be lost whatever happens: a difference is certain unless there is none at all.
        return 0.0 if values.max() > 0 else 1.0
    points = np.sort(np.append(values, lower))
    return 1.0 - float(spacing_tail(points, np.array(0.0)))


def _holm(p_value: FloatArray, alpha: float) -> BoolArray:
    """Reject the smallest p-values while each is at most alpha over the number of hypotheses left."""
    size = len(p_value)
    rows, columns = np.nonzero(~np.eye(size, dtype=np.bool_))
    order = np.argsort(p_value[rows, columns], kind="stable")
    passes = p_value[rows, columns][order] <= alpha / np.arange(len(order), 0, -1)
    stop = len(order) if passes.all() else int(np.argmin(passes))
    better = np.zeros((size, size), dtype=np.bool_)
    better[rows[order[:stop]], columns[order[:stop]]] = True
    return better


def _common(mean: FloatArray, variance: FloatArray, between: float) -> tuple[float, FloatArray]:
    """Return the common mean and how much each author's own mean counts."""
    total = variance + between
    if not total.any():
        return float(mean.mean()), np.ones(len(mean))
    weight = 1 / total
    return float((weight * mean).sum() / weight.sum()), between / total


def _paule_mandel(mean: FloatArray, variance: FloatArray) -> float:
    """Return the variance between authors at which their spread is what it should be."""
    if not variance.any():
        return float(mean.var(ddof=1))

    def excess(between: float) -> float:
        common, _ = _common(mean, variance, between)
        return float(((mean - common) ** 2 / (variance + between)).sum()) - (len(mean) - 1)

    if excess(0.0) <= 0:
        return 0.0
    return float(optimize.brentq(excess, 0.0, float(((mean - mean.mean()) ** 2).sum()), xtol=1e-15))


def _used(values: ArrayLike, name: str) -> tuple[IntArray, tuple[Label, ...]]:
    """Encode labels, numbering only those that occur."""
    code, labels = _grouping.encode(values, name)
    occurs = np.bincount(code, minlength=len(labels)) > 0
    number = code if occurs.all() else (np.cumsum(occurs) - 1)[code]
    return number.astype(np.int64), tuple(labels[i] for i in np.flatnonzero(occurs).tolist())
