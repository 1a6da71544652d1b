"""Scores of forecasts that are revised: each counts for as long as it stood.

A `History` holds one row per update. A forecast stands from when it was made (or the question opened)
until its author revises or withdraws it, or the question closes. Scores are averaged over time, never
the probabilities; how much of the window was covered is always beside the score.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring import _checks, _standing, rules
from scoring._checks import FloatArray, IntArray
from scoring._grouping import Label
from scoring._updates import METACULUS_LIMITS, SAME, Compat, History, one_or_all, refuse_compat

Spot = Literal["peer", "baseline"]

__all__ = [
    "METACULUS_LIMITS",
    "Coverage",
    "History",
    "HistoryScores",
    "baseline_score",
    "coverage",
    "daily_brier",
    "peer_score",
    "spot_score",
    "time_weighted_brier",
]


@dataclass(frozen=True)
class HistoryScores:
    """One entry per author and question on which a forecast stood; all columns have the same length.

    `coverage` is the share of the window during which a forecast stood. `alone` is the share of the
    window during which nobody else's did (peer scores only, otherwise 0). `undefined` counts the pairs
    left out because nothing of theirs can be scored.
    """

    author: NDArray[Any]
    question: NDArray[Any]
    score: FloatArray
    coverage: FloatArray
    alone: FloatArray
    undefined: int

    def by_author(self) -> dict[Label, float]:
        """Return the mean score of each author over questions, each question counting once."""
        scores: dict[Label, list[float]] = {}
        for author, score in zip(self.author.tolist(), self.score.tolist(), strict=True):
            scores.setdefault(author, []).append(score)
        return {author: float(np.mean(values)) for author, values in scores.items()}


@dataclass(frozen=True)
class Coverage:
    """One entry per author and question: share of the window covered, updates, and those made too late."""

    author: NDArray[Any]
    question: NDArray[Any]
    coverage: FloatArray
    updates: IntArray
    after_closing: IntArray


def time_weighted_brier(history: History) -> HistoryScores:
    """Brier score averaged over the time during which a forecast stood.

    Formula: ∫ (p(t) - y)² dt / ∫ dt over the time covered; the uncovered time counts nothing, neither as
    perfect nor as wrong, and is shown by `coverage` = time covered / (closes - opens).
    Pairs that never stood are left out and counted as `undefined`.
    Source: the held-time weighting of Good Judgment's scoring rules.

    >>> history = History.from_arrays(
    ...     [0], [0.9], author=["ann"], question=["q"], at=[9.0], opens=0.0, closes=10.0
    ... )
    >>> late = time_weighted_brier(history)
    >>> late.score.round(6).tolist(), late.coverage.round(6).tolist()
    ([0.81], [0.1])
    """
    return _brier(history, history.held(), history.window.closes - history.window.opens)


def daily_brier(history: History, *, day: float | None = None) -> HistoryScores:
    """Brier score of the forecast that stood at each start of a day, averaged over those days.

    Formula: a day is a multiple of `day` within [opens, closes). A forecast stands on
    ⌈end / day⌉ - ⌈start / day⌉ of them, so nothing is expanded day by day. `coverage` is the share of the
    window's days on which a forecast stood.
    Units: `day` in the units of time; by default 1, or a UTC day where times are datetime64.
    Raises ValueError: day not positive; a window without the start of any day.
    Source: Good Judgment's daily scoring.

    >>> history = History.from_arrays(
    ...     [1, 1], [0.5, 0.9], author=["ann"] * 2, question=["q"] * 2, at=[0.0, 1.5], opens=0.0, closes=4.0
    ... )
    >>> daily_brier(history).score.round(6).tolist()
    [0.13]
    """
    length = history.day if day is None else day
    if not length > 0:
        raise ValueError(f"day is {day}: its length must be positive")
    first = _day(np.maximum(history.start, history.window.opens), length)
    last = _day(np.minimum(history.end, history.window.closes), length)
    days = _day(history.window.closes, length) - _day(history.window.opens, length)
    _checks.refuse_first(np.atleast_1d(days <= 0), np.atleast_1d(days), "days", "no day starts in this window")
    return _brier(history, np.maximum(last - first, 0), days)


def baseline_score(history: History, *, compat: Compat = None) -> HistoryScores:
    """Metaculus' baseline score: information beyond fifty-fifty, averaged over the scheduled window.

    Formula: 100 (1 + log₂ p_outcome), integrated over the time during which a forecast stood and divided by
    scheduled - opens; uncovered time and the time after an early resolution count 0, which is the score of
    0.5. HIGHER is better. Without `compat="metaculus"` (p limited to [.001, .999]) a forecast that ruled out
    what happened scores minus infinity.
    Source: Metaculus, "Scores FAQ".

    >>> history = History.from_arrays(
    ...     [1], [0.75], author=["ann"], question=["q"], at=[5.0], opens=0.0, closes=10.0
    ... )
    >>> baseline_score(history).score.round(3).tolist()
    [29.248]
    """
    refuse_compat(compat)
    held = history.held()
    stood = held > 0
    gained = np.zeros(len(held))
    gained[stood] = (100 + 100 * history.log_given(compat)[stood] / np.log(2)) * held[stood]
    window = history.window.scheduled - history.window.opens
    return _scores(history, held, gained / window, window)


def peer_score(history: History, *, compat: Compat = None) -> HistoryScores:
    """Metaculus' peer score: how much more was given to what happened than by the others, over time.

    Formula: 100 (ln p_i - mean of the others' ln p_j) at each instant, averaged over the scheduled window
    with 0 where no forecast of one's own stood. HIGHER is better; at each instant the scores of those who
    stand add up to 0.
    Alone, the score is undefined: such time is taken out of the window and shown as `alone`, and pairs with
    nothing left are left out and counted as `undefined`. With `compat="metaculus"` it counts 0 instead, and
    p is limited to [.001, .999].
    Raises ValueError: a forecast that ruled out what happened, unless `compat` limits it.
    Source: Metaculus, "Scores FAQ".

    >>> history = History.from_arrays(
    ...     [1, 1], [0.8, 0.4], author=["ann", "bob"], question=["q"] * 2, at=[0, 0], opens=0, closes=10
    ... )
    >>> peer_score(history).score.round(3).tolist()
    [69.315, -69.315]
    """
    refuse_compat(compat)
    held = history.held()
    stood = np.flatnonzero(held > 0)
    log_p = _finite_logs(history, compat, stood)
    window = np.broadcast_to((history.window.scheduled - history.window.opens).astype(np.float64), held.shape)
    integral, alone = np.zeros(len(held)), np.zeros(len(held))
    if stood.size:
        start = np.maximum(history.start, history.window.opens)[stood]
        integral[stood], alone[stood] = _standing.peer_integrals(
            history.series.question_of_row[stood], start, start + held[stood], window[stood], log_p
        )
    return _scores(history, held, 100 * integral, window, alone=alone, exclude=compat is None)


def spot_score(history: History, *, at: ArrayLike, kind: Spot = "peer", compat: Compat = None) -> HistoryScores:
    """Metaculus' spot score: the peer or baseline score of the forecast that stood at one moment.

    Formula: as `peer_score` or `baseline_score`, at the instant `at` alone. HIGHER is better.
    Shapes: at (n,), the same throughout a question, or one for all.
    Alone, a peer score is undefined: such pairs are left out and counted, or score 0 with
    `compat="metaculus"`. Pairs without a forecast at that moment have no entry.
    Raises ValueError: unknown kind; missing times; with peers, a forecast that ruled out what happened.
    Source: Metaculus, "Scores FAQ".

    >>> history = History.from_arrays(
    ...     [1, 1], [0.8, 0.4], author=["ann", "bob"], question=["q"] * 2, at=[0, 0], opens=0, closes=10
    ... )
    >>> spot_score(history, at=3).score.round(3).tolist()
    [69.315, -69.315]
    """
    if kind not in ("peer", "baseline"):
        raise ValueError(f"kind is {kind!r}: choose 'peer' or 'baseline'")
    refuse_compat(compat)
    moment = np.broadcast_to(one_or_all(at, len(history.start), "at"), history.start.shape)
    question = history.series.question_of_row
    _checks.constant_within(moment, question, int(question.max()) + 1, "at", SAME)
    window = history.window
    # What stands when a question closes is what stood there for good, also after an early resolution.
    at_the_end = (history.start < window.closes) & (history.end >= window.closes)
    then = (window.opens <= moment) & (history.start <= moment) & (moment < history.end)
    stood = np.flatnonzero(np.where(moment >= window.closes, at_the_end, then))
    pairs = history.series.of_row[stood]
    if kind == "baseline":
        score = 100 + 100 * history.log_given(compat)[stood] / np.log(2)
        alone = np.zeros(len(stood), dtype=np.bool_)
    else:
        log_p = _finite_logs(history, compat, stood)
        asked = question[stood]
        n = np.bincount(asked)[asked] if stood.size else asked
        total = np.bincount(asked, weights=log_p)[asked] if stood.size else log_p
        alone = n == 1
        score = 100 * np.where(alone, 0.0, n * log_p - total) / np.maximum(n - 1, 1)
    order = np.argsort(pairs)
    kept = order if compat == "metaculus" else order[~alone[order]]
    return HistoryScores(
        author=history.series.author[pairs[kept]],
        question=history.series.question[pairs[kept]],
        score=score[kept],
        coverage=np.ones(len(kept)),
        alone=alone[kept].astype(np.float64),
        undefined=len(order) - len(kept),
    )


def coverage(history: History) -> Coverage:
    """Share of each question's window during which each author's forecast stood.

    Formula: time covered / (closes - opens). Every pair has an entry, also those whose updates all came
    at or after the closing (`after_closing` counts them).

    >>> history = History.from_arrays(
    ...     [0, 0], [0.9, 0.8], author=["ann"] * 2, question=["q"] * 2, at=[9.0, 12.0], opens=0.0, closes=10.0
    ... )
    >>> result = coverage(history)
    >>> result.coverage.tolist(), result.updates.tolist(), result.after_closing.tolist()
    ([0.1], [2], [1])
    """
    series, window = history.series, history.window
    late = history.start >= window.closes
    return Coverage(
        author=series.author,
        question=series.question,
        coverage=series.total(history.held() / (window.closes - window.opens)),
        updates=series.total(np.ones(len(late))).astype(np.int64),
        after_closing=series.total(late).astype(np.int64),
    )


def _brier(history: History, held: NDArray[Any], window: NDArray[Any]) -> HistoryScores:
    loss = rules.brier_score_per_forecast(history.y, history.p)
    series = history.series
    covered = series.total(held)
    stood = covered > 0
    return HistoryScores(
        author=series.author[stood],
        question=series.question[stood],
        score=series.total(loss * held)[stood] / covered[stood],
        coverage=series.total(held / window)[stood],
        alone=np.zeros(int(stood.sum())),
        undefined=int((~stood).sum()),
    )


def _scores(
    history: History,
    held: NDArray[Any],
    gained: FloatArray,
    window: NDArray[Any],
    *,
    alone: FloatArray | None = None,
    exclude: bool = False,
) -> HistoryScores:
    """Add up scores that count 0 where nothing stood; `exclude` takes time alone out of the window."""
    series = history.series
    by_pair = series.total(gained)
    covered = series.total(held / window)
    lonely = np.zeros(len(by_pair)) if alone is None else series.total(alone)
    defined = covered > 0
    if exclude:
        # A pair that was never accompanied is undefined; rounding must not make it a tiny window.
        defined &= covered - lonely > 1e-12
        by_pair = np.divide(by_pair, 1 - lonely, out=by_pair, where=defined)
    return HistoryScores(
        author=series.author[defined],
        question=series.question[defined],
        score=by_pair[defined],
        coverage=covered[defined],
        alone=lonely[defined],
        undefined=int((~defined).sum()),
    )


def _finite_logs(history: History, compat: Compat, stood: IntArray) -> FloatArray:
    logs = history.log_given(compat)
    infinite = np.zeros(len(logs), dtype=np.bool_)
    infinite[stood] = np.isneginf(logs[stood])
    _checks.refuse_first(
        infinite,
        history.p,
        "p",
        "it ruled out what happened and makes every peer score infinite; limit it with compat='metaculus'",
    )
    return logs[stood]


def _day(at: _standing.Times, length: float) -> NDArray[Any]:
    return -(-at // length)
