"""Do things happen as often as was said? Curves, tests that respect clusters, and what chance would show.

Curves and tests take a level table; given a cluster table, the tests allow for forecasts that stand or
fall together. One-author tables give plain floats, others one number per author.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from scoring import _checks
from scoring._band import Band, consistency_band
from scoring._checks import PPM, FloatArray, IntArray
from scoring._grouping import Label, encode, run_starts
from scoring.decompose import bin_number, bin_starts, of_levels, recalibrated, refuse_other_tables
from scoring.intervals import Interval, gaffke_interval
from scoring.levels import ClusterTable, LevelTable, PerAuthor

__all__ = [
    "Band",
    "CalibrationTest",
    "CorpCurve",
    "ExpectedCalibrationError",
    "PhraseRow",
    "ReliabilityCurve",
    "calibration_in_the_large",
    "consistency_band",
    "corp_curve",
    "expected_calibration_error",
    "phrase_table",
    "reliability_curve",
    "spiegelhalter_z",
]


@dataclass(frozen=True)
class ReliabilityCurve:
    """One entry per author and bin that holds a forecast; all columns have the same length."""

    author: tuple[Label, ...]
    lower_ppm: IntArray
    upper_ppm: IntArray
    n: IntArray
    n_yes: IntArray
    forecast: FloatArray
    rate: FloatArray


@dataclass(frozen=True)
class CorpCurve:
    """One entry per author and distinct probability: how often it should have been said to be right."""

    author: tuple[Label, ...]
    p_ppm: IntArray
    n: IntArray
    recalibrated: FloatArray


@dataclass(frozen=True)
class CalibrationTest:
    """A statistic that is 0 on average for a calibrated author; `df` is None for the normal distribution.

    `difference` is the observed quantity before it is divided by its standard error.
    """

    difference: PerAuthor
    z: PerAuthor
    p_value: PerAuthor
    df: PerAuthor | None


@dataclass(frozen=True)
class ExpectedCalibrationError:
    """The error, its mean over calibrated authors with these forecasts, and how often they show as much."""

    value: float
    null_expectation: float
    p_value: float


@dataclass(frozen=True)
class PhraseRow:
    """How often a phrase was used and how often what it spoke of happened."""

    phrase: str
    n: int
    n_yes: int
    clusters: int
    share: Interval


@of_levels
def reliability_curve(levels: LevelTable, *, bins: int = 10) -> ReliabilityCurve:
    """Return the counts, mean forecast and frequency of each bin of equal width.

    Formula: bin k of K holds p_ppm in [k, k + 1) · 1000000 / K, the last one also 1000000; within it
    forecast = Σ w p / Σ w and rate = Σ w y / Σ w. Bins that are empty or weigh nothing are left out.
    Units: bounds in ppm, forecast and rate as fractions.
    Raises ValueError: no level table, an empty table, bins outside 1 to 1000000.
    Source: Murphy and Winkler (1977), Applied Statistics 26; bins cut in integers are ours.

    >>> curve = reliability_curve(LevelTable.from_arrays(["ann"] * 3, [1, 0, 1], [300_000, 300_000, 900_000]))
    >>> curve.lower_ppm.tolist(), curve.n.tolist(), curve.rate.tolist()
    ([300000, 900000], [2, 1], [0.5, 1.0])
    """
    starts = bin_starts(levels, bins)
    w = np.add.reduceat(levels.w, starts)
    counted = w > 0
    number = bin_number(levels.p_ppm[starts], bins)[counted]
    return ReliabilityCurve(
        author=_names(levels, starts[counted]),
        # Rounding up gives the first integer of a bin that does not start on one.
        lower_ppm=-(-number * PPM // bins),
        upper_ppm=-(-(number + 1) * PPM // bins),
        n=np.add.reduceat(levels.n, starts)[counted],
        n_yes=np.add.reduceat(levels.n_yes, starts)[counted],
        forecast=np.add.reduceat(levels.w * levels.p, starts)[counted] / w[counted],
        rate=np.add.reduceat(levels.w_yes, starts)[counted] / w[counted],
    )


@of_levels
def corp_curve(levels: LevelTable) -> CorpCurve:
    """Return the isotonic recalibration of every distinct probability.

    Formula: the non-decreasing function of p that fits the outcomes best, ties pooled first.
    Raises ValueError: no level table, an empty table, an author without weight.
    Source: Dimitriadis, Gneiting and Jordan (2021), PNAS 118.

    >>> curve = corp_curve(LevelTable.from_arrays(["ann"] * 3, [1, 0, 1], [300_000, 400_000, 900_000]))
    >>> curve.p_ppm.tolist(), curve.recalibrated.tolist()
    ([300000, 400000, 900000], [0.5, 0.5, 1.0])
    """
    return CorpCurve(
        author=_names(levels, np.arange(len(levels))),
        p_ppm=levels.p_ppm,
        n=levels.n,
        recalibrated=recalibrated(levels),
    )


def calibration_in_the_large(table: LevelTable | ClusterTable) -> CalibrationTest:
    """Test whether as much happened as was said altogether.

    Formula: difference Σ w (y - p) / Σ w; z = Σ w (y - p) / √V. On a level table V = Σ w² p (1 - p) and z is
    compared with the normal distribution. On a cluster table V is the larger of that and the sum over
    clusters of squared sums, and z is compared with Student's t with clusters - 1 degrees of freedom: five
    or ten claims a cluster otherwise give true sizes of 9 to 15 % where 5 % is meant.
    Where V is 0 every forecast was certain: z is 0 if all came true, infinite if one did not.
    Clusters that weigh nothing are not counted.
    Raises ValueError: no such table, an empty table, an author without weight, or with a single cluster.
    Source: Cox (1958), Biometrika 45; cluster form as in Liang and Zeger (1986), Biometrika 73.

    >>> table = LevelTable.from_arrays(["ann"] * 4, [1, 1, 1, 0], [500_000] * 4)
    >>> calibration_in_the_large(table).difference, calibration_in_the_large(table).z
    (0.25, 1.0)
    """
    _refuse_empty(table)
    p = table.p
    return _test(table, table.w_yes - table.w * p, table.w2 * p * (1 - p))


def spiegelhalter_z(table: LevelTable | ClusterTable) -> CalibrationTest:
    """Test whether the Brier score is what a calibrated author with these forecasts would expect.

    Formula: z = Σ w (y - p)(1 - 2p) / √V, V = Σ w² (1 - 2p)² p (1 - p) on a level table. On a cluster
    table V is the larger of that and the sum over clusters of squared sums, and z is compared with
    Student's t with clusters - 1 degrees of freedom. `difference` is the mean of (y - p)(1 - 2p), the
    Brier score minus its expectation. Forecasts of 50 % say nothing here: alone they give z = 0.
    Clusters that weigh nothing are not counted.
    Raises ValueError: no such table, an empty table, an author without weight, or with a single cluster.
    Source: Spiegelhalter (1986), Statistics in Medicine 5.

    >>> table = LevelTable.from_arrays(["ann"] * 4, [1, 1, 1, 1], [800_000] * 4)
    >>> round(spiegelhalter_z(table).z, 6)
    -1.0
    """
    _refuse_empty(table)
    p = table.p
    tilt = 1 - 2 * p
    return _test(table, (table.w_yes - table.w * p) * tilt, table.w2 * tilt**2 * p * (1 - p))


def expected_calibration_error(
    table: LevelTable | ClusterTable, *, bins: int = 10, draws: int = 2000, seed: int = 0
) -> ExpectedCalibrationError:
    """Mean distance between forecast and frequency over bins, with what chance alone would show.

    Formula: Σ_k n_k |ō_k - p̄_k| / n over bins of equal width. Ten forecasts of a perfectly calibrated
    author average 0.25, so the number means nothing without `null_expectation`: its mean over `draws`
    sets of outcomes drawn from the forecasts themselves. `p_value` is the share of draws that show as much,
    the data counted as one more. On a cluster table one uniform number decides all forecasts of a cluster,
    as in `consistency_band`. On a level table each forecast is drawn alone: with five claims a cluster that
    come true together, 19 % of calibrated authors then show a p-value of at most 5 %.
    Raises ValueError: an empty table, several authors, a weighted table, bins or draws out of range.
    Source: Naeini, Cooper and Hauskrecht (2015), AAAI; Bröcker and Smith (2007), Weather and Forecasting 22.

    >>> table = LevelTable.from_arrays(["ann"] * 4, [1, 0, 1, 1], [750_000] * 4)
    >>> error = expected_calibration_error(table)
    >>> error.value, 0.1 < error.null_expectation < 0.2
    (0.0, True)
    >>> together = ClusterTable.from_arrays(["ann"] * 4, [1, 1, 1, 1], [750_000] * 4, cluster=[1, 1, 1, 1])
    >>> error = expected_calibration_error(together)
    >>> error.value, 0.35 < error.null_expectation < 0.4, error.p_value
    (0.25, True, 1.0)
    """
    _refuse_empty(table)
    if len(table.authors) > 1:
        raise ValueError(f"table holds {len(table.authors)} authors: take one with table.author(name)")
    if table.weighted:
        raise ValueError("table is weighted: outcomes can only be drawn for forecasts that count once")
    _checks.whole(draws, "draws", 1)
    _checks.whole(seed, "seed", 0)
    number = bin_number(table.p_ppm, bins)
    order = np.argsort(number, kind="stable")
    starts = run_starts(number[order])
    n, p = table.n, table.p
    said = n * p

    def error(n_yes: NDArray[Any]) -> float:
        return float(np.abs(np.add.reduceat((n_yes - said)[order], starts)).sum() / n.sum())

    rng = np.random.default_rng(seed)
    if isinstance(table, ClusterTable):
        cluster, clusters = table.cluster_index, len(table.clusters)
        null = np.array([error(n * (rng.random(clusters)[cluster] < p)) for _ in range(draws)])
    else:
        null = np.array([error(rng.binomial(n, p)) for _ in range(draws)])
    value = error(table.n_yes)
    # A tie must not look like "less" because the same sum was rounded in another order.
    reached = int((null >= value - 1e-12).sum())
    return ExpectedCalibrationError(value, float(null.mean()), (1 + reached) / (1 + draws))


def phrase_table(
    y: ArrayLike, phrase: ArrayLike, *, cluster: ArrayLike | None = None, coverage: float = 0.95
) -> tuple[PhraseRow, ...]:
    """Count, phrase by phrase, how often what was said so happened; the commonest phrase first.

    Formula: share = mean over clusters of the share within, with Gaffke's interval (Clopper and Pearson's
    when each forecast stands alone).
    Shapes: y, phrase and cluster (n,).
    Raises ValueError: empty input, lengths that differ, y not 0 or 1, a phrase that is missing, blank or no
    text, coverage not in (0, 1).
    Source: Clopper and Pearson (1934), Biometrika 26; Gaffke (2005) where there are clusters.

    >>> row = phrase_table([1, 0, 0, 1], ["likely", "likely", "likely", "certain"])[0]
    >>> row.phrase, row.n, row.n_yes
    ('likely', 3, 1)
    """
    outcome = _checks.outcomes(y).astype(np.int64)
    code, phrases = encode(phrase, "phrase")
    unsaid = np.array([not isinstance(name, str) or not name.strip() for name in phrases])
    _checks.refuse_first(
        unsaid[code], np.array(phrases, dtype=object)[code], "phrase", "give the words that were said"
    )
    clusters = np.arange(len(outcome)) if cluster is None else encode(cluster, "cluster")[0]
    _checks.same_length(y=outcome, phrase=code, cluster=clusters)
    rows = []
    for number, name in enumerate(phrases):
        mine = code == number
        share = gaffke_interval(outcome[mine], cluster=clusters[mine], coverage=coverage)
        rows.append(PhraseRow(str(name), int(mine.sum()), int(outcome[mine].sum()), share.clusters, share))
    return tuple(sorted(rows, key=lambda row: (-row.n, row.phrase)))


def _test(table: LevelTable | ClusterTable, score: FloatArray, variance: FloatArray) -> CalibrationTest:
    author = table.author_index
    count = int(author[-1]) + 1
    weight = np.bincount(author, weights=table.w, minlength=count)
    if (weight == 0).any():
        raise ValueError(f"weight is 0 for every forecast of author {table.authors[int(np.argmin(weight))]!r}")
    total = np.bincount(author, weights=score, minlength=count)
    spread = np.bincount(author, weights=variance, minlength=count)
    certain = spread == 0
    df: FloatArray | None = None
    if isinstance(table, ClusterTable):
        owner = table.cluster_author
        # A cluster that weighs nothing says nothing.
        clusters = np.bincount(owner[table.cluster_total(table.w) > 0], minlength=count)
        if (clusters < 2).any():
            single = table.authors[int(np.argmax(clusters < 2))]
            raise ValueError(f"table holds a single cluster of author {single!r}: a test needs two or more")
        between = np.bincount(owner, weights=table.cluster_total(score) ** 2, minlength=count)
        spread = np.maximum(spread, between)
        df = (clusters - 1).astype(np.float64)
    # Whoever was certain throughout is refuted by a single miss, however the misses fall into clusters.
    refuted = np.where(total == 0, 0.0, np.copysign(np.inf, total))
    z = np.divide(total, np.sqrt(spread), out=refuted, where=~certain)
    p_value = 2 * (stats.norm.sf(np.abs(z)) if df is None else stats.t.sf(np.abs(z), df))
    return CalibrationTest(
        difference=_plain(total / weight),
        z=_plain(z),
        p_value=_plain(p_value),
        df=None if df is None else _plain(df),
    )


def _plain(values: FloatArray) -> PerAuthor:
    return float(values[0]) if len(values) == 1 else values


def _names(levels: LevelTable, rows: IntArray) -> tuple[Label, ...]:
    authors = levels.authors
    return tuple(authors[i] for i in levels.author_index[rows].tolist())


def _refuse_empty(table: LevelTable | ClusterTable) -> None:
    refuse_other_tables(table, "table", LevelTable, ClusterTable)
