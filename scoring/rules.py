"""Scoring rules: Brier, log and spherical for yes or no, Brier and ranked probability for options.

Every function takes `y` before `p`. Functions ending in `_per_forecast` return one score per row, the
others the (weighted) mean. Probabilities here are fractions in [0, 1]; tables group them in ppm.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from scoring import _checks
from scoring._checks import FloatArray

__all__ = [
    "brier_score",
    "brier_score_multiclass",
    "brier_score_multiclass_per_forecast",
    "brier_score_per_forecast",
    "log_score",
    "log_score_per_forecast",
    "ranked_probability_score",
    "ranked_probability_score_per_forecast",
    "spherical_score",
    "spherical_score_per_forecast",
]

Scale = Literal["unit", "two-class"]
Base = Literal["e", "2", "10"]

_SCALES: dict[str, float] = {"unit": 1.0, "two-class": 2.0}
_LOG_OF_BASE: dict[str, float] = {"e": 1.0, "2": float(np.log(2)), "10": float(np.log(10))}


def brier_score_per_forecast(y: ArrayLike, p: ArrayLike, *, scale: Scale = "unit") -> FloatArray:
    """Squared distance between probability and outcome, one per forecast.

    Formula: (p - y)² on the unit scale, 0 to 1; the two-class scale (0 to 2) is twice that.
    Shapes: y and p (n,); returns (n,). Lower is better.
    Raises ValueError: empty input, lengths that differ, y not 0 or 1, p outside [0, 1] or NaN, unknown scale.
    Source: Brier (1950), Monthly Weather Review 78.

    >>> brier_score_per_forecast([1, 0], [0.5, 1.0]).tolist()
    [0.25, 1.0]
    """
    if scale not in _SCALES:
        raise ValueError(f"scale is {scale!r}: choose 'unit' (0 to 1) or 'two-class' (0 to 2)")
    outcome, probability = _binary(y, p)
    score: FloatArray = _SCALES[scale] * (probability - outcome) ** 2
    return score


def brier_score(y: ArrayLike, p: ArrayLike, *, scale: Scale = "unit", weight: ArrayLike | None = None) -> float:
    """Mean squared distance between probability and outcome.

    Formula: Σ w (p - y)² / Σ w, times 2 on the two-class scale. Lower is better.
    Shapes: y, p and weight (n,).
    Raises ValueError: as `brier_score_per_forecast`; weights that are negative, not finite or all zero.
    Source: Brier (1950), Monthly Weather Review 78.

    >>> round(brier_score([1, 0], [0.9, 0.2]), 6)
    0.025
    """
    return _mean(brier_score_per_forecast(y, p, scale=scale), weight)


def log_score_per_forecast(
    y: ArrayLike, p: ArrayLike, *, base: Base = "e", floor: float | None = None
) -> FloatArray:
    """Negative logarithm of the probability given to what happened, one per forecast.

    Formula: -log(p if y = 1 else 1 - p). Units: nats for base "e", bits for "2", bans for "10". Lower
    is better.
    A forecast that ruled out what happened scores infinity. `floor` is the declared exception: the
    probability given to what happened is taken as at least `floor`; print it beside the number.
    Shapes: y and p (n,); returns (n,).
    Raises ValueError: as `brier_score_per_forecast`; unknown base; floor not between 0 and 1.
    Source: Good (1952), Journal of the Royal Statistical Society B 14.

    >>> log_score_per_forecast([1, 0], [0.5, 0.75], base="2").tolist()
    [1.0, 2.0]
    >>> log_score_per_forecast([1], [0.0]).tolist()
    [inf]
    """
    if base not in _LOG_OF_BASE:
        raise ValueError(f"base is {base!r}: choose 'e', '2' or '10'")
    outcome, probability = _binary(y, p)
    yes, no = log_scores_of(probability, floor=floor)
    score: FloatArray = np.where(outcome == 1, yes, no) / _LOG_OF_BASE[base]
    return score


def log_scores_of(p: FloatArray, *, floor: float | None = None) -> tuple[FloatArray, FloatArray]:
    """Log scores in nats of checked probabilities, one per forecast, if the outcome is yes and if it is no.

    >>> yes, no = log_scores_of(np.array([1.0]))
    >>> yes.tolist(), no.tolist()
    ([0.0], [inf])
    """
    with np.errstate(divide="ignore"):
        # log1p keeps the digits of a small p that 1 - p would round away; 0 - 0 is 0, where -0 would show.
        yes, no = 0.0 - np.log(p), 0.0 - np.log1p(-p)
    if floor is not None:
        most = -np.log(_checks.share(floor, "floor"))
        yes, no = np.minimum(yes, most), np.minimum(no, most)
    return yes, no


def log_score(
    y: ArrayLike,
    p: ArrayLike,
    *,
    base: Base = "e",
    floor: float | None = None,
    weight: ArrayLike | None = None,
) -> float:
    """Mean negative logarithm of the probability given to what happened.

    Formula: Σ w · -log(p_y) / Σ w; infinite as soon as one forecast of positive weight ruled out what
    happened, unless a `floor` is declared. Lower is better.
    Shapes: y, p and weight (n,).
    Raises ValueError: as `log_score_per_forecast`; weights that are negative, not finite or all zero.
    Source: Good (1952), Journal of the Royal Statistical Society B 14.

    >>> round(log_score([1, 0], [0.5, 0.5], base="2"), 6)
    1.0
    """
    return _mean(log_score_per_forecast(y, p, base=base, floor=floor), weight)


def spherical_score_per_forecast(y: ArrayLike, p: ArrayLike) -> FloatArray:
    """Probability given to what happened over the length of the forecast, one per forecast.

    Formula: p_y / √(p² + (1 - p)²). HIGHER is better: 1 is perfect, 0 is the worst, 0.5 earns 0.707.
    Shapes: y and p (n,); returns (n,).
    Raises ValueError: as `brier_score_per_forecast`.
    Source: Roby (1965), Behavioral Science 10.

    >>> spherical_score_per_forecast([1, 0], [1.0, 1.0]).tolist()
    [1.0, 0.0]
    """
    outcome, probability = _binary(y, p)
    given = np.where(outcome == 1, probability, 1 - probability)
    score: FloatArray = given / np.hypot(probability, 1 - probability)
    return score


def spherical_score(y: ArrayLike, p: ArrayLike, *, weight: ArrayLike | None = None) -> float:
    """Mean spherical score; HIGHER is better.

    Formula: Σ w · p_y / √(p² + (1 - p)²) / Σ w.
    Shapes: y, p and weight (n,).
    Raises ValueError: as `brier_score_per_forecast`; weights that are negative, not finite or all zero.
    Source: Roby (1965), Behavioral Science 10.

    >>> round(spherical_score([1, 0], [0.5, 0.5]), 6)
    0.707107
    """
    return _mean(spherical_score_per_forecast(y, p), weight)


def brier_score_multiclass_per_forecast(y: ArrayLike, P: ArrayLike) -> FloatArray:
    """Brier's original score over all options, one per forecast, on the scale 0 to 2.

    Formula: Σ_k (P_k - 1[y = k])². With two options it is twice the unit-scale Brier score.
    Shapes: y (n,) holds the index of the option that happened, P (n, options); returns (n,).
    Raises ValueError: empty input, lengths that differ, y not an index of an option, P outside [0, 1],
    NaN, or a row that does not add up to 1 (each option may have been rounded to the ppm).
    Source: Brier (1950), Monthly Weather Review 78.

    >>> brier_score_multiclass_per_forecast([2], [[0.25, 0.25, 0.5]]).tolist()
    [0.375]
    """
    happened, table = _multiclass(y, P)
    score: FloatArray = ((table - happened) ** 2).sum(axis=1)
    return score


def brier_score_multiclass(y: ArrayLike, P: ArrayLike) -> float:
    """Mean of Brier's original score over all options, on the scale 0 to 2.

    Formula: mean of Σ_k (P_k - 1[y = k])². Lower is better.
    Shapes: y (n,) holds the index of the option that happened, P (n, options).
    Raises ValueError: as `brier_score_multiclass_per_forecast`.
    Source: Brier (1950), Monthly Weather Review 78.

    >>> brier_score_multiclass([2, 0], [[0.25, 0.25, 0.5], [1, 0, 0]])
    0.1875
    """
    return _mean(brier_score_multiclass_per_forecast(y, P), None)


def ranked_probability_score_per_forecast(y: ArrayLike, P: ArrayLike, *, normalised: bool = True) -> FloatArray:
    """Squared distance between cumulative forecast and outcome for ordered options, one per forecast.

    Formula: Σ_{k < K} (Σ_{j ≤ k} P_j - 1[y ≤ k])², divided by K - 1 if `normalised` (scale 0 to 1).
    With two options the normalised score is the unit-scale Brier score.
    Shapes: y (n,) holds the index of the option that happened, P (n, K) in order; returns (n,).
    Raises ValueError: as `brier_score_multiclass_per_forecast`.
    Source: Epstein (1969), Journal of Applied Meteorology 8.

    >>> ranked_probability_score_per_forecast([2], [[0.25, 0.25, 0.5]]).tolist()
    [0.15625]
    """
    happened, table = _multiclass(y, P)
    gaps = np.cumsum(table - happened, axis=1)[:, :-1]
    score: FloatArray = (gaps**2).sum(axis=1) / (gaps.shape[1] if normalised else 1)
    return score


def ranked_probability_score(y: ArrayLike, P: ArrayLike, *, normalised: bool = True) -> float:
    """Mean squared distance between cumulative forecast and outcome for ordered options.

    Formula: mean of Σ_{k < K} (Σ_{j ≤ k} P_j - 1[y ≤ k])², divided by K - 1 if `normalised`. Lower is better.
    Shapes: y (n,) holds the index of the option that happened, P (n, K) in order.
    Raises ValueError: as `brier_score_multiclass_per_forecast`.
    Source: Epstein (1969), Journal of Applied Meteorology 8.

    >>> ranked_probability_score([2], [[0.25, 0.25, 0.5]], normalised=False)
    0.3125
    """
    return _mean(ranked_probability_score_per_forecast(y, P, normalised=normalised), None)


def _binary(y: ArrayLike, p: ArrayLike) -> tuple[FloatArray, FloatArray]:
    outcome = _checks.outcomes(y)
    probability = _checks.probabilities(p)
    _checks.same_length(y=outcome, p=probability)
    return outcome.astype(np.float64), probability


def _multiclass(y: ArrayLike, P: ArrayLike) -> tuple[FloatArray, FloatArray]:
    index = _checks.column(y, "y")
    table = _checks.probability_rows(P)
    _checks.same_length(y=index, P=table)
    options = table.shape[1]
    index = _checks.numbers(index, "y", "give the index of the option that happened", kinds="iu")
    _checks.refuse_first((index < 0) | (index >= options), index, "y", f"options are numbered 0 to {options - 1}")
    happened = np.zeros_like(table)
    happened[np.arange(len(table)), index] = 1
    return happened, table


def _mean(score: FloatArray, weight: ArrayLike | None) -> float:
    checked = _checks.weights(weight, len(score))
    if checked is None:
        return float(score.mean())
    # A forecast without weight must not turn an infinite score into NaN.
    counted = checked > 0
    w = checked[counted].astype(np.float64)
    return float((w * score[counted]).sum() / w.sum())
