"""The consistency band of a CORP curve: where the curves of calibrated authors stay."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from scoring import _checks
from scoring._checks import PPM, FloatArray, IntArray
from scoring.levels import ClusterTable

#: The miscalibration whose detection `power` speaks of: log-odds shrunk so that 90 % said is 74 % happening.
OVERCONFIDENCE = float(np.log(0.74 / 0.26) / np.log(0.9 / 0.1))


@dataclass(frozen=True)
class Band:
    """A band around the diagonal, the observed curve, and how they compare.

    `left` says whether the curve leaves the band anywhere. `p_value` is that of the miscalibration `mcb`.
    `power` is the chance that an author with these forecasts, of whose "90 %" only 74 % happens (and in
    proportion on the log-odds scale), would have been found out by `mcb` at level 1 - coverage.
    """

    p_ppm: IntArray
    lower: FloatArray
    upper: FloatArray
    recalibrated: FloatArray
    left: bool
    mcb: float
    p_value: float
    power: float
    coverage: float
    simultaneous: bool
    clusters: int


def consistency_band(
    y: ArrayLike,
    p_ppm: ArrayLike,
    *,
    coverage: float = 0.9,
    simultaneous: bool = True,
    cluster: ArrayLike | None = None,
    seed: int = 0,
    draws: int = 2000,
) -> Band:
    """Band that the CORP curve of a calibrated author stays inside, everywhere at once.

    Formula: outcomes are drawn from the forecasts, one uniform number per cluster, so that forecasts of a
    cluster come true together; each draw is recalibrated like the data. One half of the draws orders the
    curves at each probability, the other half chooses how far out in that order the band must lie to
    hold a share `coverage` of whole curves. A calibrated author whose clusters behave so leaves it with
    probability at most 1 - coverage, whatever the number of draws. With `simultaneous=False` the share is
    held at each probability alone, and the whole curve leaves much more often.
    Shapes: y, p_ppm and cluster (n,); without cluster each forecast stands alone. Columns of the result
    have one entry per distinct probability. Units: p_ppm in ppm, the rest as fractions.
    Raises ValueError: as `LevelTable.from_arrays`; coverage not in (0, 1); too few draws for it.
    Source: Bröcker and Smith (2007), Weather and Forecasting 22; Dimitriadis, Gneiting and Jordan (2021),
    PNAS 118; the global band after Myllymäki et al. (2017), JRSS B 79.

    >>> band = consistency_band([1, 1, 0, 1, 0, 0, 1, 1], [700_000] * 4 + [600_000] * 4)
    >>> band.p_ppm.tolist(), band.left
    ([600000, 700000], False)
    """
    beyond = 1 - _checks.share(coverage, "coverage")
    if draws < 2 * (2 / beyond):
        raise ValueError(f"draws is {draws}: coverage {coverage} needs at least {int(np.ceil(4 / beyond))}")
    outcome = _checks.outcomes(y)
    clusters = ClusterTable.from_arrays(
        np.zeros(len(outcome), dtype=np.int64),
        outcome,
        p_ppm,
        cluster=np.arange(len(outcome)) if cluster is None else cluster,
    )
    sampler = _Sampler(clusters)
    rng = np.random.default_rng(seed)
    curves = np.empty((draws, len(sampler.level_p)))
    null = sampler.miscalibration(rng, draws, sampler.p, curves)
    found = sampler.miscalibration(rng, draws, _overconfident(sampler.p))
    observed = sampler.fit(sampler.per_level(clusters.n_yes[None, :]))
    shape, judge = curves[: draws // 2], curves[draws // 2 :]
    shape.sort(axis=0)
    if simultaneous:
        # Counting the data as one more draw makes the guarantee exact rather than asymptotic.
        allowed = int(np.floor(beyond * (len(judge) + 1)))
        depth = int(np.sort(_depth(shape, judge))[allowed - 1])
    else:
        depth = int(np.floor(beyond / 2 * len(shape)))
    lower, upper = _at_depth(shape, depth)
    curve, mcb = observed.curve[0], float(observed.mcb[0])
    critical = np.quantile(null, coverage, method="higher")
    return Band(
        p_ppm=(sampler.level_p * PPM).round().astype(np.int64),
        lower=lower,
        upper=upper,
        recalibrated=curve,
        left=bool(((curve < lower) | (curve > upper)).any()),
        mcb=mcb,
        p_value=float((1 + (null >= mcb - 1e-12).sum()) / (1 + draws)),
        power=float((found > critical + 1e-12).mean()),
        coverage=coverage,
        simultaneous=simultaneous,
        clusters=len(clusters.clusters),
    )


@dataclass(frozen=True)
class _Fits:
    """Recalibrated curves, (draws, levels), and their miscalibrations, (draws,)."""

    curve: FloatArray
    mcb: FloatArray


class _Sampler:
    """Draws outcomes for the rows of a cluster table and recalibrates them."""

    def __init__(self, clusters: ClusterTable) -> None:
        level_p, level = np.unique(clusters.p_ppm, return_inverse=True)
        self._order = np.argsort(level, kind="stable")
        self._starts = np.searchsorted(level[self._order], np.arange(len(level_p)))
        self._n_row = clusters.n
        self._cluster = clusters.cluster_index
        self.p = clusters.p
        self.level_p = level_p / PPM
        self._n = self.per_level(clusters.n[None, :])[0]

    def per_level(self, rows: IntArray) -> IntArray:
        """Add up values of shape (draws, rows) to (draws, levels)."""
        return np.add.reduceat(rows[:, self._order], self._starts, axis=1)

    def miscalibration(
        self, rng: np.random.Generator, draws: int, q: FloatArray, curves: FloatArray | None = None
    ) -> FloatArray:
        """Draw outcomes that happen with probability q, shape (rows,), together within a cluster.

        `curves`, (draws, levels), takes the recalibrated curves if they are wanted.
        """
        mcb = np.empty(draws)
        # Batches keep a long history from needing (draws, rows) numbers at once.
        batch = max(1, 60_000 // len(q))
        for start in range(0, draws, batch):
            drawn = slice(start, min(start + batch, draws))
            uniform = rng.random((drawn.stop - start, int(self._cluster.max()) + 1))
            happened = uniform[:, self._cluster] < q
            fits = self.fit(self.per_level(happened * self._n_row))
            mcb[drawn] = fits.mcb
            if curves is not None:
                curves[drawn] = fits.curve
        return mcb

    def fit(self, n_yes: IntArray) -> _Fits:
        """Recalibrate counts of shape (draws, levels)."""
        draws, levels = n_yes.shape
        # Two apart, the draws cannot be pooled with one another in one pass.
        apart = (n_yes / self._n + 2.0 * np.arange(draws)[:, None]).ravel()
        n = np.tile(self._n, draws)
        blocks = isotonic_regression(apart, weights=n.astype(np.float64)).blocks
        pooled = np.add.reduceat(n_yes.ravel(), blocks[:-1]) / np.add.reduceat(n, blocks[:-1])
        curve = np.repeat(pooled, np.diff(blocks)).reshape(draws, levels)
        gain = n_yes * ((1 - self.level_p) ** 2 - (1 - curve) ** 2)
        gain += (self._n - n_yes) * (self.level_p**2 - curve**2)
        return _Fits(curve, gain.sum(axis=1) / self._n.sum())


def _overconfident(p: FloatArray) -> FloatArray:
    happens, fails = p**OVERCONFIDENCE, (1 - p) ** OVERCONFIDENCE
    q: FloatArray = happens / (happens + fails)
    return q


def _depth(shape: FloatArray, curves: FloatArray) -> IntArray:
    """Return how many sorted draws at least lie on either side of each curve, at its most extreme level."""
    depth = np.full(len(curves), len(shape))
    for level in range(shape.shape[1]):
        below = np.searchsorted(shape[:, level], curves[:, level], side="right")
        above = len(shape) - np.searchsorted(shape[:, level], curves[:, level], side="left")
        depth = np.minimum(depth, np.minimum(below, above))
    return depth


def _at_depth(shape: FloatArray, depth: int) -> tuple[FloatArray, FloatArray]:
    if depth == 0:
        return np.zeros(shape.shape[1]), np.ones(shape.shape[1])
    return shape[depth - 1], shape[len(shape) - depth]
