"""Intervals for means of bounded scores that hold in small samples, and the usual ones beside them.

The mean is that of cluster means: each cluster counts once, whatever it holds. Give one value per
cluster, or one per forecast together with `cluster`. The same functions serve paired differences when
`bounds` are those that the forecasts allow (see `scoring.compare`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from scoring import _checks, _grouping
from scoring._checks import FloatArray

Method = Literal["gaffke", "betting", "cluster-t", "wilson"]
Bounds = tuple[float, float]


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it; `clusters` is the number of values it stands on."""

    estimate: float
    lower: float
    upper: float
    coverage: float
    clusters: int
    method: Method


def cluster_means(values: ArrayLike, cluster: ArrayLike | None) -> FloatArray:
    """Return the mean of each cluster in order of cluster; without clusters each value is its own.

    >>> cluster_means([0.0, 1.0, 0.25], ["x", "x", "y"]).tolist()
    [0.5, 0.25]
    """
    checked = _checks.numeric(values, "values")
    if cluster is None:
        return checked
    codes, labels = _grouping.encode(cluster, "cluster")
    _checks.same_length(values=checked, cluster=codes)
    size = np.bincount(codes, minlength=len(labels))
    means: FloatArray = np.bincount(codes, weights=checked, minlength=len(labels))[size > 0] / size[size > 0]
    return means


def gaffke_interval(
    values: ArrayLike,
    *,
    cluster: ArrayLike | None = None,
    coverage: float = 0.95,
    bounds: Bounds = (0.0, 1.0),
) -> Interval:
    """Interval for a mean of bounded values without any assumption on their distribution.

    Formula: with x_(1) ≤ … ≤ x_(G) the cluster means, D uniform on the simplex of G + 1 and α = 1 - coverage,
    lower is the α/2 quantile of Σ D_g x_(g) with `bounds[0]` added to the points, upper the 1 - α/2 quantile
    with `bounds[1]` added. The quantiles are computed, not drawn: the same data give the same interval.
    The cost grows with G²: a few milliseconds at 30 clusters, a third of a second at 300.
    Units: those of the values. Shapes: values and cluster (n,).
    What is known: for G = 1 and where the means take only the two bounds validity is proved (there it is
    Clopper and Pearson's interval); in general it is a conjecture that held in every simulation so far;
    `betting_interval` is the guaranteed, wider alternative.
    Raises ValueError: empty input, values not finite or outside `bounds`, coverage not in (0, 1).
    Source: Gaffke (2005), "Three test statistics for a nonparametric one-sided hypothesis on the mean of a
    nonnegative variable"; Learned-Miller and Thomas (2019), arXiv:1905.06208.

    >>> interval = gaffke_interval([0.04, 0.09, 0.01, 0.16, 0.04])
    >>> round(interval.lower, 3), round(interval.estimate, 3), round(interval.upper, 3)
    (0.023, 0.068, 0.555)
    """
    means, tail = _bounded(values, cluster, coverage, bounds)
    ordered = np.sort(means)
    return Interval(
        estimate=float(means.mean()),
        lower=_spacing_quantile(np.concatenate([[bounds[0]], ordered]), tail),
        upper=_spacing_quantile(np.concatenate([ordered, [bounds[1]]]), 1 - tail),
        coverage=coverage,
        clusters=len(means),
        method="gaffke",
    )


def betting_interval(
    values: ArrayLike,
    *,
    cluster: ArrayLike | None = None,
    coverage: float = 0.95,
    bounds: Bounds = (0.0, 1.0),
) -> Interval:
    """Interval for a mean of bounded values with a proof of its coverage, wider than Gaffke's.

    Formula: a mean m is kept unless one of two gamblers who bet against it, one on more and one on less,
    multiplies half of the stake by 1 / α at some time: max over t of ½ Π (1 ± λ_t (x_t - m)) < 1 / α, with
    x rescaled to [0, 1], λ_t = √(2 ln (2 / α) / (G v_t)) from the variance v_t of the values before t, cut
    at ¾ of what could lose everything. The interval is widened, where need be, to hold the estimate.
    The bets follow the order of the clusters' labels (of the values, without clusters): number clusters in
    the order of their deadlines. Values need not be independent, only of constant mean given the past.
    Units: those of the values. Shapes: values and cluster (n,).
    Raises ValueError: as `gaffke_interval`.
    Source: Waudby-Smith and Ramdas (2024), JRSS B 86.

    >>> interval = betting_interval([0.04, 0.09, 0.01, 0.16, 0.04] * 4)
    >>> interval.lower < interval.estimate < interval.upper
    True
    """
    means, tail = _bounded(values, cluster, coverage, bounds)
    low, high = bounds
    unit = (means - low) / (high - low)
    bets = predictable_bets(unit, tail)
    estimate = float(means.mean())
    # Betting on "less" about x is betting on "more" about 1 - x. Where the values trend, the gamblers may
    # refute every constant mean; the interval then reaches from one refutation to the other.
    ends = (
        low + (high - low) * _refuted_below(unit, bets, tail),
        high - (high - low) * _refuted_below(1 - unit, bets, tail),
        estimate,
    )
    return Interval(
        estimate=estimate,
        lower=min(ends),
        upper=max(ends),
        coverage=coverage,
        clusters=len(means),
        method="betting",
    )


def predictable_bets(unit: FloatArray, tail: float) -> FloatArray:
    """Choose each bet from the values before it; a quarter of a value at ½ stands for those not yet seen.

    Shapes: unit (…, clusters), values in [0, 1] in the order of betting; returns the same.

    >>> predictable_bets(np.array([0.5, 0.5]), 0.025).round(3).tolist()
    [3.841, 5.432]
    """
    n = unit.shape[-1]
    count = np.arange(1, n + 1)
    mean = (0.5 + np.cumsum(unit, axis=-1)) / (count + 1)
    variance = (0.25 + np.cumsum((unit - mean) ** 2, axis=-1)) / (count + 1)
    before = np.concatenate([np.full_like(variance[..., :1], 0.25), variance[..., :-1]], axis=-1)
    bets: FloatArray = np.sqrt(2 * np.log(1 / tail) / (n * before))
    return bets


def log_wealth(unit: FloatArray, bets: FloatArray, mean: ArrayLike) -> FloatArray:
    """Most that betting on "more than `mean`" ever multiplied its stake by, as a logarithm.

    Shapes: unit and bets (…, clusters), mean (…), above 0; returns (…).

    >>> float(np.exp(log_wealth(np.array([1.0, 0.0]), np.array([1.0, 1.0]), 0.5)).round(6))
    1.5
    """
    m = np.asarray(mean, dtype=np.float64)[..., None]
    most: FloatArray = np.cumsum(np.log1p(np.minimum(bets, 0.75 / m) * (unit - m)), axis=-1).max(axis=-1)
    return most


def _refuted_below(unit: FloatArray, bets: FloatArray, tail: float) -> float:
    """Return the smallest mean that betting on "more" does not refute."""

    def excess(m: float) -> float:
        return float(log_wealth(unit, bets, m) + np.log(tail))

    smallest = 1e-12
    if excess(smallest) < 0:
        return 0.0
    # Wealth falls as m grows, and nobody refutes a mean of 1 by betting on more.
    return float(optimize.brentq(excess, smallest, 1.0, xtol=1e-13))


def cluster_t_interval(values: ArrayLike, *, cluster: ArrayLike | None = None, coverage: float = 0.95) -> Interval:
    """Student's interval for the mean of cluster means: familiar, and wrong for skewed scores.

    Formula: mean ± t_(G - 1) s / √G. For an author who says 2 % or 98 % it holds the true mean in 30 % of
    cases at ten clusters where 95 % is meant; it is here to compare with, and its ends may leave [0, 1].
    Units: those of the values. Shapes: values and cluster (n,).
    Raises ValueError: empty input, values not finite, fewer than two clusters, coverage not in (0, 1).
    Source: Student (1908), Biometrika 6.

    >>> interval = cluster_t_interval([0.0, 0.5, 1.0])
    >>> round(interval.lower, 3), round(interval.upper, 3)
    (-0.742, 1.742)
    """
    means = cluster_means(values, cluster)
    _checks.share(coverage, "coverage")
    if len(means) < 2:
        raise ValueError("values holds a single cluster: an interval from their spread needs two or more")
    half = stats.t.ppf((1 + coverage) / 2, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    middle = float(means.mean())
    return Interval(middle, middle - float(half), middle + float(half), coverage, len(means), "cluster-t")


def spacing_tail(points: FloatArray, threshold: FloatArray) -> FloatArray:
    """Probability that Σ D_i c_i exceeds a threshold, for D uniform on the simplex.

    Formula: the divided difference of (x - t)₊^m over the points c_0 ≤ … ≤ c_m, by the recursion
    T_ij = ((c_j - t) T_(i+1)j + (t - c_i) T_i(j-1)) / (c_j - c_i), which only averages numbers in [0, 1]
    and so stays exact to rounding where the closed form cancels.
    Shapes: points (…, m + 1), each row sorted; threshold (…); returns (…).
    Source: de Boor's recursion for B-splines; Curry and Schoenberg (1966).

    >>> spacing_tail(np.array([0.0, 1.0]), np.array(0.25)).item()
    0.75
    """
    t = threshold[..., None]
    tail = (points > t).astype(np.float64)
    for width in range(1, points.shape[-1]):
        low, high = points[..., :-width], points[..., width:]
        inside = (low <= t) & (t < high)
        span = np.where(inside, high - low, 1.0)
        mixed = ((high - t) * tail[..., 1:] + (t - low) * tail[..., :-1]) / span
        tail = np.where(inside, mixed, low > t)
    result: FloatArray = tail[..., 0]
    return result


def _spacing_quantile(points: FloatArray, probability: float) -> float:
    low, high = float(points[0]), float(points[-1])
    if low == high:
        return low

    def excess(t: float) -> float:
        return 1 - probability - float(spacing_tail(points, np.array(t)))

    return float(optimize.brentq(excess, low, high, xtol=1e-14, rtol=1e-14))


def wilson_interval(n_yes: int, n: int, *, coverage: float = 0.95) -> Interval:
    """Wilson's interval for a proportion, to compare with: of n independent outcomes, n_yes came out yes.

    Formula: the p with |n_yes/n - p| ≤ z √(p (1 - p) / n), z the normal quantile of (1 + coverage) / 2.
    It holds 95 % on average over p, not at every p: at ten outcomes and 95 % meant it holds a share of .99
    in 90 % of cases. It takes counts, so it cannot allow for outcomes that come true together: five to a
    cluster and counted as rows, it holds as few as 37 %. What is shown as an interval of a share is
    `gaffke_interval` of the outcomes with their clusters, which covers at least what it says at every p.
    Units: a share, 0 to 1.
    Raises ValueError: n below 1, n_yes not in 0 to n, coverage not in (0, 1).
    Source: Wilson (1927), Journal of the American Statistical Association 22; Brown, Cai and DasGupta (2001),
    Statistical Science 16, for its coverage.

    >>> interval = wilson_interval(3, 7)
    >>> round(interval.lower, 3), round(interval.upper, 3)
    (0.158, 0.75)
    """
    _checks.share(coverage, "coverage")
    if n < 1:
        raise ValueError(f"n is {n}: a proportion needs at least one outcome")
    if not 0 <= n_yes <= n:
        raise ValueError(f"n_yes is {n_yes}: it lies between 0 and n = {n}")
    z = float(stats.norm.ppf((1 + coverage) / 2))
    share = n_yes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # Where every outcome agrees the end is 0 or 1 exactly; rounding must not push it past.
    lower = 0.0 if n_yes == 0 else float(centre - half)
    upper = 1.0 if n_yes == n else float(centre + half)
    return Interval(share, lower, upper, coverage, n, "wilson")


def _bounded(
    values: ArrayLike, cluster: ArrayLike | None, coverage: float, bounds: Bounds
) -> tuple[FloatArray, float]:
    """Return the cluster means and the probability left to each tail."""
    lower, upper = bounds
    if not lower < upper:
        raise ValueError(f"bounds is {bounds}: the first must be below the second")
    checked = _checks.numeric(values, "values")
    _checks.refuse_first(
        (checked < lower) | (checked > upper), checked, "values", f"they lie within bounds = {bounds}"
    )
    return cluster_means(checked, cluster), (1 - _checks.share(coverage, "coverage")) / 2
