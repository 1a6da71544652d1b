"""Is one forecaster better than another on the same questions? Differences of Brier scores by cluster.

Every function takes a frame with one row per question: the outcome, the author's probability and the
reference's (integer ppm), and the cluster. Differences are author minus reference: below zero the author
is better.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from narwhals.typing import IntoFrame
from numpy.typing import NDArray

from scoring import _checks, _frames, _grouping
from scoring._checks import PPM, FloatArray
from scoring._grouping import Label
from scoring.gates import CLUSTERS_TO_TEST
from scoring.intervals import Interval, gaffke_interval

__all__ = [
    "EProcess",
    "PairedDifference",
    "PermutationTest",
    "e_process",
    "paired_difference",
    "permutation_test",
]

#: No bet may lose more than this share of the stake.
LARGEST_BET = 0.75


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference, the interval around it, and what it stands on.

    `interval` is about the mean over clusters of the mean within a cluster; `per_forecast` is the plain
    mean over rows. `bounds` are those the forecasts allow whatever happens.
    """

    interval: Interval
    per_forecast: float
    bounds: tuple[float, float]
    forecasts: int
    clusters: int


@dataclass(frozen=True)
class EProcess:
    """Evidence that the author beat the reference, cluster after cluster in order of deadline.

    `evidence` holds the product after each cluster; `crossed_at` is the position of the first that
    reached 1 / alpha, or None.
    """

    cluster: tuple[Label, ...]
    evidence: FloatArray
    alpha: float
    crossed_at: int | None


@dataclass(frozen=True)
class PermutationTest:
    """Two-sided test that flipping the sign of cluster differences changes nothing."""

    difference: float
    p_value: float
    clusters: int
    exact: bool


class _Pairs(NamedTuple):
    """Differences by cluster, and the least and the greatest each could have been."""

    labels: tuple[Label, ...]
    code: NDArray[Any]
    rows: FloatArray
    mean: FloatArray
    lower: FloatArray
    upper: FloatArray


def paired_difference(
    frame: IntoFrame,
    *,
    reference: str,
    cluster: str,
    probability: str = "probability",
    outcome: str = "outcome",
    coverage: float = 0.95,
) -> PairedDifference:
    """Mean difference of Brier scores to a reference fixed in advance, with an interval.

    Formula: d = (p - y)² - (q - y)², averaged within clusters; Gaffke's interval on the cluster means.
    Whatever happens, d lies between p² - q² and (1 - p)² - (1 - q)²: these bounds, known from the forecasts
    alone, take the place of 0 and 1.
    The interval is about what was to be expected of these forecasts on these questions. It is not about
    questions to come: differences that are rare and large may be missing here, and the bounds with them.
    Shapes: one row per question; the names are those of columns. Units: Brier on the 0 to 1 scale.
    Raises ValueError: a column that does not exist, bad probabilities or outcomes, coverage not in (0, 1).
    Source: Diebold and Mariano (1995), Journal of Business and Economic Statistics 13; Gaffke (2005).

    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "outcome": [1, 0], "probability": [900_000, 200_000], "crowd": [500_000] * 2, "topic": ["x", "y"]
    ... })
    >>> result = paired_difference(frame, reference="crowd", cluster="topic")
    >>> round(result.interval.estimate, 6), result.clusters
    (-0.225, 2)
    """
    pairs = _pairs(frame, outcome, probability, reference, cluster)
    bounds = float(pairs.lower.min()), float(pairs.upper.max())
    if bounds[0] == bounds[1]:
        raise ValueError(f"{reference} agrees with {probability} throughout: there is no difference to judge")
    # Means are rounded after their bounds: the last digit must not put one outside.
    interval = gaffke_interval(np.clip(pairs.mean, *bounds), coverage=coverage, bounds=bounds)
    return PairedDifference(interval, float(pairs.rows.mean()), bounds, len(pairs.rows), len(pairs.mean))


def e_process(
    frame: IntoFrame,
    *,
    reference: str,
    cluster: str,
    deadline: str,
    probability: str = "probability",
    outcome: str = "outcome",
    alpha: float = 0.05,
) -> EProcess:
    """Evidence that the author beats the reference which may be looked at after every cluster.

    Formula: E = Π (1 + λ_g d_g / c_g), d_g the reference's mean score minus the author's in cluster g,
    c_g the largest size the forecasts allow it, λ_g in [0, ¾] chosen from earlier clusters. If in every
    cluster the author is expected to do no better than the reference, given the past, E reaches 1 / alpha
    with probability at most alpha, however often it is looked at. Reaching it means "the author beat the
    reference on some clusters", not "on average".
    Clusters enter in the order of their latest scheduled deadline, never of resolution: yes resolves early,
    and evidence in that order crossed the line in 84 % of runs with nothing to find. Hand in clusters whose
    deadline has passed, none left out.
    Shapes: one row per question; the names are those of columns; `deadline` holds numbers or dates.
    Raises ValueError: as `paired_difference`; a missing deadline; alpha not in (0, 1).
    Source: Henzi and Ziegel (2022), Biometrika 109; Choe and Ramdas (2024), Operations Research 72.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "outcome": [1] * 30, "probability": [900_000] * 30, "crowd": [500_000] * 30,
    ...     "topic": range(30), "due": range(30),
    ... })
    >>> e_process(frame, reference="crowd", cluster="topic", deadline="due").crossed_at
    11
    """
    _checks.share(alpha, "alpha")
    pairs = _pairs(frame, outcome, probability, reference, cluster)
    due = _last_deadline(frame, deadline, pairs)
    # Clusters that share a deadline keep the order of their labels, which no outcome can change.
    order = np.argsort(due, kind="stable")
    bound = np.maximum(-pairs.lower, pairs.upper)[order]
    gain = np.divide(-pairs.mean[order], bound, out=np.zeros(len(order)), where=bound > 0)
    evidence = np.cumprod(1 + _predictable_bets(gain) * gain).astype(np.float64)
    reached = np.flatnonzero(evidence >= 1 / alpha)
    return EProcess(
        cluster=tuple(pairs.labels[i] for i in order.tolist()),
        evidence=evidence,
        alpha=alpha,
        crossed_at=int(reached[0]) if reached.size else None,
    )


def permutation_test(
    frame: IntoFrame,
    *,
    reference: str,
    cluster: str,
    probability: str = "probability",
    outcome: str = "outcome",
    draws: int = 10_000,
    seed: int = 0,
) -> PermutationTest:
    """Test of no difference by flipping the signs of cluster differences.

    Formula: the share of sign patterns whose mean is at least as far from 0 as the observed one; every
    pattern is tried where there are at most `draws` of them, otherwise `draws` are drawn and the observed
    one counts as one more. The null is a distribution of differences symmetric about 0.
    Shapes: one row per question; the names are those of columns.
    Raises ValueError: as `paired_difference`; fewer than six clusters, with which no data reach 5 %.
    Source: Fisher (1935), The Design of Experiments.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "outcome": [1] * 8, "probability": [900_000] * 8, "crowd": [500_000] * 8, "topic": range(8),
    ... })
    >>> permutation_test(frame, reference="crowd", cluster="topic").p_value
    0.0078125
    """
    _checks.whole(draws, "draws", 1)
    _checks.whole(seed, "seed", 0)
    pairs = _pairs(frame, outcome, probability, reference, cluster)
    clusters = len(pairs.mean)
    if clusters < CLUSTERS_TO_TEST:
        raise ValueError(
            f"{cluster} holds {clusters} clusters: with fewer than {CLUSTERS_TO_TEST} no data could reach 5 %"
        )
    exact = 2**clusters <= draws
    if exact:
        signs = 1 - 2 * ((np.arange(2**clusters)[:, None] >> np.arange(clusters)) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1, 1], size=(draws, clusters))
    # Rounding must not make the observed pattern differ from its own mirror image.
    extreme = np.abs(signs @ pairs.mean) >= abs(pairs.mean.sum()) - 1e-12
    share = extreme.mean() if exact else (1 + extreme.sum()) / (1 + draws)
    return PermutationTest(float(pairs.mean.mean()), float(share), clusters, exact)


def brier_difference(y: NDArray[Any], p: FloatArray, q: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the difference of Brier scores of p and q, and the least and greatest it could have been."""
    if_no, if_yes = p**2 - q**2, (1 - p) ** 2 - (1 - q) ** 2
    return np.where(y == 1, if_yes, if_no), np.minimum(if_no, if_yes), np.maximum(if_no, if_yes)


def _pairs(native: IntoFrame, outcome: str, probability: str, reference: str, cluster: str) -> _Pairs:
    columns = _frames.columns(native, [outcome, probability, reference, cluster])
    y = _checks.outcomes(columns[outcome], outcome)
    p = _checks.ppm(columns[probability], probability) / PPM
    q = _checks.ppm(columns[reference], reference) / PPM
    code, labels = _grouping.encode(columns[cluster], cluster)
    used, code = np.unique(code, return_inverse=True)
    size = np.bincount(code)
    rows, lower, upper = brier_difference(y, p, q)
    mean, least, greatest = (np.bincount(code, weights=v) / size for v in (rows, lower, upper))
    return _Pairs(tuple(labels[i] for i in used.tolist()), code, rows, mean, least, greatest)


def _last_deadline(native: IntoFrame, deadline: str, pairs: _Pairs) -> NDArray[Any]:
    """Return the latest deadline of each cluster."""
    values = np.asarray(_frames.columns(native, [deadline])[deadline])
    if values.dtype.kind == "M":
        missing = np.isnat(values)
    elif values.dtype.kind in "iuf":
        missing = ~np.isfinite(values)
    else:
        raise ValueError(f"{deadline}[0] is {values[0]!s}: give numbers or datetime64 in UTC")
    _checks.refuse_first(missing, values, deadline, "every question has a deadline")
    by_cluster = np.lexsort((values, pairs.code))
    last = np.append(pairs.code[by_cluster][1:] != pairs.code[by_cluster][:-1], True)
    due: NDArray[Any] = values[by_cluster][last]
    return due


def _predictable_bets(gain: FloatArray) -> FloatArray:
    """Choose each bet from the gains before it: their mean over their mean square, at first ¼."""
    count = np.arange(1, len(gain) + 1)
    mean = np.concatenate([[0.0], np.cumsum(gain)[:-1]]) / count
    square = (0.25 + np.concatenate([[0.0], np.cumsum(gain**2)[:-1]])) / count
    return np.clip(mean / square, 0, LARGEST_BET)
