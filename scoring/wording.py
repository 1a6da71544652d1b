"""What a score owes to reading words as numbers.

A phrase such as "likely" stands for a range: low, median, high. These functions show how far a score or
an order of authors depends on where in the range the phrase is read. That is a different uncertainty
from the accident of which questions were asked; the two are never merged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scoring import _checks, _grouping
from scoring._checks import PPM, FloatArray, IntArray
from scoring._grouping import Label


@dataclass(frozen=True)
class WordingInterval:
    """Mean Brier scores of one author as the words are read differently.

    `at_median` need not lie between `at_low` and `at_high`. `best` and `worst` take every claim at the end
    of its range that is nearest to and farthest from what happened; `lower` to `upper` holds a share
    `coverage` of readings.
    """

    at_median: float
    at_low: float
    at_high: float
    best: float
    worst: float
    lower: float
    upper: float
    coverage: float


@dataclass(frozen=True)
class LexiconStability:
    """Mean Brier per author (rows) and lexicon (columns), and how firm the order of authors is.

    `stable_pairs` is the share of author pairs whose order is the same in every lexicon; `best_rank` and
    `worst_rank` are the extremes of each author's rank (1 is the lowest score; ties take the better rank).
    """

    authors: tuple[Label, ...]
    brier: FloatArray
    stable_pairs: float
    best_rank: IntArray
    worst_rank: IntArray


def wording_interval(
    y: ArrayLike,
    median_ppm: ArrayLike,
    *,
    low_ppm: ArrayLike,
    high_ppm: ArrayLike,
    phrase: ArrayLike,
    coverage: float = 0.9,
    draws: int = 4000,
    seed: int = 0,
) -> WordingInterval:
    """Range of an author's mean Brier score over readings of the author's words.

    Formula: each draw reads every phrase once for all its claims: with even chances between low and median
    or between median and high, uniformly; lower and upper are quantiles of the mean Brier score over draws.
    Shapes: all (n,), one row per claim of one author. Units: ppm; scores on the 0 to 1 scale.
    y tells whether what was said happened and the ppm are those of what was said, also where the author
    denied what the question asks: a stronger reading then is stronger in every claim.
    Raises ValueError: empty input, lengths that differ, y not 0 or 1, ppm out of range, low above median or
    median above high, coverage not in (0, 1), no draws.
    Source: a prior over readings in the manner of Budescu and Wallsten (1995).

    >>> result = wording_interval(
    ...     [1, 0], [700_000] * 2, low_ppm=[600_000] * 2, high_ppm=[800_000] * 2, phrase=["likely"] * 2
    ... )
    >>> round(result.at_median, 6), round(result.best, 6), round(result.worst, 6)
    (0.29, 0.2, 0.4)
    """
    outcome = _checks.outcomes(y).astype(np.float64)
    low, median, high = (
        _checks.ppm(values, name) / PPM
        for values, name in ((low_ppm, "low_ppm"), (median_ppm, "median_ppm"), (high_ppm, "high_ppm"))
    )
    code, labels = _grouping.encode(phrase, "phrase")
    _checks.same_length(y=outcome, median_ppm=median, low_ppm=low, high_ppm=high, phrase=code)
    _checks.refuse_first(low > median, low, "low_ppm", "it lies above the median")
    _checks.refuse_first(high < median, high, "high_ppm", "it lies below the median")
    _checks.share(coverage, "coverage")
    _checks.whole(draws, "draws", 1)
    _checks.whole(seed, "seed", 0)

    position = np.random.default_rng(seed).uniform(-1, 1, size=(draws, len(labels)))[:, code]
    read = median + np.where(position < 0, position * (median - low), position * (high - median))
    scores = ((read - outcome) ** 2).mean(axis=1)
    at_low, at_high = (low - outcome) ** 2, (high - outcome) ** 2
    lower, upper = np.quantile(scores, [(1 - coverage) / 2, (1 + coverage) / 2])
    return WordingInterval(
        at_median=float(((median - outcome) ** 2).mean()),
        at_low=float(at_low.mean()),
        at_high=float(at_high.mean()),
        best=float(np.minimum(at_low, at_high).mean()),
        worst=float(np.maximum(at_low, at_high).mean()),
        lower=float(lower),
        upper=float(upper),
        coverage=coverage,
    )


def lexicon_stability(y: ArrayLike, P_ppm: ArrayLike, *, author: ArrayLike) -> LexiconStability:
    """Show whether the order of authors survives another lexicon.

    Formula: mean Brier per author under each lexicon; a pair of authors is stable if no two lexicons put
    them in opposite orders.
    Shapes: y and author (n,), P_ppm (n, lexicons): every claim read by every lexicon. Units: ppm; scores
    on the 0 to 1 scale.
    Raises ValueError: empty input, lengths that differ, y not 0 or 1, ppm not integers in range.
    Source: concordant and discordant pairs, Kendall (1938), Biometrika 30.

    >>> result = lexicon_stability(
    ...     [1, 1], [[700_000, 600_000], [800_000, 550_000]], author=["ann", "bob"]
    ... )
    >>> result.stable_pairs, result.best_rank.tolist(), result.worst_rank.tolist()
    (0.0, [1, 1], [2, 2])
    """
    outcome = _checks.outcomes(y).astype(np.float64)
    table = _checks.ppm_rows(P_ppm) / PPM
    code, labels = _grouping.encode(author, "author")
    _checks.same_length(y=outcome, P_ppm=table, author=code)
    used, code = np.unique(code, return_inverse=True)
    size = np.bincount(code)
    brier = np.stack([np.bincount(code, weights=(p - outcome) ** 2) / size for p in table.T], axis=1)
    # Scores that differ by rounding alone are tied.
    sign = np.sign(np.round(brier[:, None, :] - brier[None, :, :], 12))
    pairs = np.triu_indices(len(used), k=1)
    opposed = (sign.min(axis=2) < 0) & (sign.max(axis=2) > 0)
    rank = 1 + (sign > 0).sum(axis=1)
    return LexiconStability(
        authors=tuple(labels[i] for i in used.tolist()),
        brier=brier,
        stable_pairs=float(1 - opposed[pairs].mean()) if len(used) > 1 else 1.0,
        best_rank=rank.min(axis=1),
        worst_rank=rank.max(axis=1),
    )
