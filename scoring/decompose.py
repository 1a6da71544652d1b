"""Where a mean score comes from: reliability and resolution (Murphy), CORP, and Yates' covariances.

Every function takes a level table and returns one number per author, a plain float on a one-author
table. The parts of each result add up to the score it decomposes; averages are weighted by `w`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from scoring import _checks, rules
from scoring._blocks import by_blocks
from scoring._checks import PPM, FloatArray, IntArray
from scoring._counts import CountTable
from scoring._grouping import run_starts
from scoring.levels import LevelTable, PerAuthor

__all__ = ["Corp", "Murphy", "MurphyCorrected", "Score", "Yates", "corp", "murphy", "murphy_corrected", "yates"]

Score = Literal["brier", "log"]
P = ParamSpec("P")
R = TypeVar("R")


def of_levels(compute: Callable[Concatenate[LevelTable, P], R]) -> Callable[Concatenate[LevelTable, P], R]:
    """Refuse anything but a level table with forecasts, and work through a long one by blocks of authors."""
    by_author = by_blocks(compute)

    @wraps(compute)
    def run(levels: LevelTable, *args: P.args, **options: P.kwargs) -> R:
        refuse_other_tables(levels, "levels", LevelTable)
        return by_author(levels, *args, **options)

    return cast("Callable[Concatenate[LevelTable, P], R]", run)


def refuse_other_tables(table: Any, name: str, *kinds: type[CountTable[Any]]) -> None:
    """Refuse what is no table of these kinds, or holds no forecast."""
    if not isinstance(table, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        hint = " (a ClusterTable has one: table.levels())" if hasattr(table, "levels") else ""
        raise ValueError(f"{name} is a {type(table).__name__}: give a {wanted}{hint}")  # noqa: TRY004 - bad input
    if not len(table):
        raise ValueError(f"{name} holds no forecast, the table is empty: there is nothing to score")


@dataclass(frozen=True)
class Murphy:
    """Brier = reliability - (resolution - within_bin_variance + within_bin_covariance) + uncertainty.

    The two within-bin terms are 0 when every distinct value is its own bin.
    """

    reliability: PerAuthor
    resolution: PerAuthor
    uncertainty: PerAuthor
    within_bin_variance: PerAuthor
    within_bin_covariance: PerAuthor

    @property
    def brier(self) -> PerAuthor:
        """The mean Brier score the parts add up to."""
        generalised = self.resolution - self.within_bin_variance + self.within_bin_covariance
        return self.reliability - generalised + self.uncertainty


@dataclass(frozen=True)
class MurphyCorrected(Murphy):
    """Murphy's parts with their small-sample bias removed; NaN where `withheld` says so.

    `withheld` is true where some bin holds a single forecast: its spread cannot be estimated.
    """

    withheld: bool | NDArray[np.bool_]


@dataclass(frozen=True)
class Corp:
    """score = miscalibration - discrimination + uncertainty."""

    miscalibration: PerAuthor
    discrimination: PerAuthor
    uncertainty: PerAuthor

    @property
    def score(self) -> PerAuthor:
        """The mean score the parts add up to."""
        return self.miscalibration - self.discrimination + self.uncertainty


@dataclass(frozen=True)
class Yates:
    """Brier = uncertainty + bias_squared + min_variance + scatter - 2 covariance."""

    uncertainty: PerAuthor
    bias_squared: PerAuthor
    min_variance: PerAuthor
    scatter: PerAuthor
    covariance: PerAuthor

    @property
    def brier(self) -> PerAuthor:
        """The mean Brier score the parts add up to."""
        spread = self.min_variance + self.scatter - 2 * self.covariance
        return self.uncertainty + self.bias_squared + spread


def bin_starts(levels: LevelTable, bins: int | None) -> IntArray:
    """Return the first row of each (author, bin); None makes every distinct value a bin.

    Bins have equal width and are cut in integer ppm: 300000 belongs to the fourth of ten bins on every
    machine. The last bin includes 1000000.
    """
    if bins is None:
        return np.arange(len(levels))
    number = bin_number(levels.p_ppm, bins)
    return run_starts(levels.author_index * bins + number)


def bin_number(p_ppm: IntArray, bins: int) -> IntArray:
    """Return the bin of each probability, numbered from 0."""
    _checks.whole(bins, "bins", 1, PPM)
    number: IntArray = np.minimum(p_ppm * bins // PPM, bins - 1)
    return number


@of_levels
def murphy(levels: LevelTable, *, bins: int | None = None) -> Murphy:
    """Split the mean Brier score into reliability, resolution and uncertainty.

    Formula: with bins k, mean forecast p̄_k and frequency ō_k: reliability Σ w_k (p̄_k - ō_k)² / W,
    resolution Σ w_k (ō_k - ō)² / W, uncertainty ō (1 - ō); bins wider than one value add the variance
    Σ w (p - p̄_k)² / W and twice the covariance 2 Σ w (p - p̄_k)(y - ō_k) / W within bins. `bins` is the
    number of bins of equal width; None makes every distinct value a bin.
    Raises ValueError: no level table, an empty table, an author without weight, bins outside 1 to 1000000.
    Source: Murphy (1973), Journal of Applied Meteorology 12; Stephenson, Coelho and Jolliffe (2008),
    Weather and Forecasting 23.

    >>> table = LevelTable.from_arrays(["ann"] * 4, [1, 0, 1, 1], [500_000] * 2 + [1_000_000] * 2)
    >>> parts = murphy(table)
    >>> parts.reliability, parts.resolution, parts.uncertainty, parts.brier
    (0.0, 0.0625, 0.1875, 0.125)
    """
    p, w, w_yes = levels.p, levels.w, levels.w_yes
    base = levels.base_rate()
    starts = bin_starts(levels, bins)
    rate = _bin_mean(starts, w_yes, w)
    mean_p = p if bins is None else _bin_mean(starts, w * p, w)
    within = p - mean_p
    return Murphy(
        reliability=levels.mean(w * (mean_p - rate) ** 2),
        resolution=levels.mean(w * (rate - levels.spread(base)) ** 2),
        uncertainty=base * (1 - base),
        within_bin_variance=levels.mean(w * within**2),
        within_bin_covariance=levels.mean(2 * within * (w_yes - w * rate)),
    )


@of_levels
def murphy_corrected(levels: LevelTable, *, bins: int | None = None, limited: bool = False) -> MurphyCorrected:
    """Split the mean Brier score as `murphy` does, without the bias of small samples.

    Formula: with B = Σ (n_k / n) ō_k (1 - ō_k) / (n_k - 1): reliability - B; resolution - B +
    ō (1 - ō) / (n - 1); uncertainty · n / (n - 1). An unbiased reliability can be negative: that is
    printed, unless `limited` moves both parts up together until neither is negative.
    An author with a single forecast in some bin gets NaN for the three parts and `withheld` true.
    Raises ValueError: as `murphy`; a weighted table, because the correction counts forecasts.
    Source: Ferro and Fricker (2012), Quarterly Journal of the Royal Meteorological Society 138.

    >>> table = LevelTable.from_arrays(["ann"] * 4, [1, 0, 1, 1], [500_000] * 2 + [1_000_000] * 2)
    >>> round(murphy_corrected(table).reliability, 6), round(murphy_corrected(table).uncertainty, 6)
    (-0.125, 0.25)
    """
    if levels.weighted:
        raise ValueError("levels is weighted: the correction counts forecasts; build the table without weights")
    raw = murphy(levels, bins=bins)
    starts = bin_starts(levels, bins)
    n_bin = np.add.reduceat(levels.n, starts)
    sizes = np.diff(starts, append=len(levels))
    single = np.repeat(n_bin == 1, sizes)
    withheld = np.atleast_1d(np.asarray(levels.total(single))) > 0
    rate = _bin_mean(starts, levels.n_yes, levels.n)
    spread = rate * (1 - rate) / np.maximum(np.repeat(n_bin, sizes) - 1, 1)
    bias = levels.mean(levels.n * spread)
    n = np.maximum(np.asarray(levels.total(levels.n)), 2)
    uncertainty = np.atleast_1d(raw.uncertainty * n / (n - 1))
    reliability = np.atleast_1d(raw.reliability - bias)
    resolution = np.atleast_1d(raw.resolution - bias + raw.uncertainty / (n - 1))
    if limited:
        lift = np.maximum(0, np.maximum(-reliability, -resolution))
        reliability, resolution = reliability + lift, resolution + lift
    reliability, resolution, uncertainty = (
        np.where(withheld, np.nan, part) for part in (reliability, resolution, uncertainty)
    )
    one = len(withheld) == 1
    return MurphyCorrected(
        reliability=float(reliability[0]) if one else reliability,
        resolution=float(resolution[0]) if one else resolution,
        uncertainty=float(uncertainty[0]) if one else uncertainty,
        within_bin_variance=raw.within_bin_variance,
        within_bin_covariance=raw.within_bin_covariance,
        withheld=bool(withheld[0]) if one else withheld,
    )


@of_levels
def recalibrated(levels: LevelTable) -> FloatArray:
    """Return the isotonic recalibration of each row: the best non-decreasing frequency for its level.

    Rows that share a probability were pooled when they were counted, so the order in which forecasts
    came cannot matter. Rows without weight take the value of the author's row before, the first ones that
    of the author's first row with weight.
    Shapes: (rows,).
    Raises ValueError: no level table, an empty table, an author without weight.
    Source: pool-adjacent-violators, Ayer et al. (1955).

    >>> recalibrated(LevelTable.from_arrays(["ann"] * 3, [1, 0, 1], [300_000, 400_000, 900_000])).tolist()
    [0.5, 0.5, 1.0]
    """
    levels.total_weight()
    return _bin_mean(_pooled_starts(levels), levels.w_yes, levels.w)


def _pooled_starts(levels: LevelTable) -> IntArray:
    """Return the first row of each block of levels that isotonic recalibration pools."""
    w = levels.w
    weighty = np.flatnonzero(w > 0) if levels.weighted else np.arange(len(w))
    rate = levels.w_yes[weighty] / w[weighty]
    if len(levels.authors) > 1:
        # Rates lie in [0, 1]: two apart, the authors cannot be pooled with one another in one pass.
        rate += 2.0 * levels.author_index[weighty]
    starts: IntArray = weighty[isotonic_regression(rate, weights=w[weighty].astype(np.float64)).blocks[:-1]]
    if len(weighty) < len(w):
        # Rows before an author's first with weight belong to that author's first block.
        owner = levels.author_index
        starts[run_starts(owner[starts])] = run_starts(owner)
    return starts


@of_levels
def corp(levels: LevelTable, *, score: Score = "brier") -> Corp:
    """Split a mean score into miscalibration, discrimination and uncertainty by isotonic recalibration.

    Formula: with S the mean score, r the isotonic recalibration of p and ō the base rate:
    miscalibration S(p) - S(r), discrimination S(ō) - S(r), uncertainty S(ō). Ties in p are pooled first.
    With `score="log"` (nats) miscalibration is infinite when a forecast ruled out what happened.
    Raises ValueError: no level table, an empty table, an author without weight, an unknown score.
    Source: Dimitriadis, Gneiting and Jordan (2021), PNAS 118.

    >>> table = LevelTable.from_arrays(["ann"] * 4, [1, 0, 1, 1], [500_000] * 2 + [1_000_000] * 2)
    >>> corp(table)
    Corp(miscalibration=0.0, discrimination=0.0625, uncertainty=0.1875)
    """
    if score not in ("brier", "log"):
        raise ValueError(f"score is {score!r}: choose 'brier' or 'log'")
    weight = np.asarray(levels.total_weight())
    starts = _pooled_starts(levels)
    w, w_yes = np.add.reduceat(levels.w, starts), np.add.reduceat(levels.w_yes, starts)
    rate = np.divide(w_yes, w, out=np.zeros(len(w)), where=w > 0)
    authors = len(levels.authors)
    per_author = np.bincount(levels.author_index[starts], weights=w * _expected(rate, score), minlength=authors)
    of_recalibrated = per_author / weight if authors > 1 else float(per_author[0] / weight)
    of_forecast = levels.brier_score() if score == "brier" else levels.log_score()
    of_base = _expected(np.asarray(levels.base_rate()), score)
    uncertainty = of_base if authors > 1 else float(of_base)
    return Corp(
        miscalibration=of_forecast - of_recalibrated,
        discrimination=uncertainty - of_recalibrated,
        uncertainty=uncertainty,
    )


@of_levels
def yates(levels: LevelTable) -> Yates:
    """Split the mean Brier score into the variances and the covariance of forecast and outcome.

    Formula: ō (1 - ō) + (p̄ - ō)² + Var p - 2 Cov(p, y), where Var p is the least variance with this
    covariance, Cov² / (ō (1 - ō)), plus scatter. With outcomes of one kind only the covariance and the
    least variance are 0 and all variance is scatter.
    Raises ValueError: no level table, an empty table, an author without weight.
    Source: Yates (1982), Organizational Behavior and Human Performance 30.

    >>> table = LevelTable.from_arrays(["ann"] * 4, [1, 0, 1, 1], [500_000] * 2 + [1_000_000] * 2)
    >>> parts = yates(table)
    >>> parts.uncertainty, parts.bias_squared, parts.covariance, round(parts.brier, 6)
    (0.1875, 0.0, 0.0625, 0.125)
    """
    p, w, w_yes = levels.p, levels.w, levels.w_yes
    base, mean_p = levels.base_rate(), levels.mean(w * p)
    deviation = p - levels.spread(mean_p)
    variance = levels.mean(w * deviation**2)
    covariance = levels.mean(deviation * (w_yes - w * levels.spread(base)))
    uncertainty = base * (1 - base)
    # Without variance in y there is no covariance either: any positive divisor gives 0.
    divisor = np.where(np.asarray(uncertainty) > 0, uncertainty, 1.0)
    least = covariance**2 / (divisor if divisor.ndim else float(divisor))
    return Yates(
        uncertainty=uncertainty,
        bias_squared=(mean_p - base) ** 2,
        min_variance=least,
        scatter=variance - least,
        covariance=covariance,
    )


def _expected(rate: FloatArray, score: Score) -> FloatArray:
    """Return the mean score of saying `rate` of what happens with that frequency."""
    if score == "brier":
        return rate * (1 - rate)
    certain = (rate == 0) | (rate == 1)
    yes, no = rules.log_scores_of(np.where(certain, 0.5, rate))
    return np.where(certain, 0.0, rate * yes + (1 - rate) * no)


def _bin_mean(starts: IntArray, values: NDArray[Any], weight: NDArray[Any]) -> FloatArray:
    """Average values over the rows of each bin, repeated on the bin's rows; 0 where nothing weighs."""
    sizes = np.diff(starts, append=len(values))
    alone = len(starts) == len(values)
    if not alone:
        values, weight = np.add.reduceat(values, starts), np.add.reduceat(weight, starts)
    mean: FloatArray = np.divide(values, weight, out=np.zeros(len(starts)), where=weight > 0)
    return mean if alone else np.repeat(mean, sizes)
