"""Scores of forecasts that are revised: each counts for as long as it stood.

A `History` holds one row per update. A forecast stands from when it was made (or the question opened)
until its author revises or withdraws it, or the question closes. Scores are averaged over time, never
the probabilities; how much of the window was covered is always beside the score.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring import _standing
from scoring._checks import BoolArray, FloatArray, IntArray
from scoring._grouping import Label
from scoring._times import Times
from scoring._updates import METACULUS_LIMITS, NEVER, Compat, History, Updates, earliest, refuse_compat

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


ResultT = TypeVar("ResultT", HistoryScores, Coverage)


def time_weighted_brier(history: History) -> HistoryScores:
    """Brier score averaged over the time during which a forecast stood.

    Formula: ∫ (p(t) - y)² dt / ∫ dt over the time covered; the uncovered time counts nothing, neither as
    perfect nor as wrong, and is shown by `coverage` = time covered / (closes - opens).
    Pairs that never stood are left out and counted as `undefined`.
    Shapes: columns of the result have one entry per author and question, in that order. Units: scores on
    the 0 to 1 scale; lower is better.
    Raises: nothing; `History.from_arrays` has refused what cannot be scored.
    Source: the held-time weighting of Good Judgment's scoring rules.

    >>> history = History.from_arrays(
    ...     [0], [0.9], author=["ann"], question=["q"], at=[9.0], opens=0.0, closes=10.0
    ... )
    >>> late = time_weighted_brier(history)
    >>> late.score.round(6).tolist(), late.coverage.round(6).tolist()
    ([0.81], [0.1])
    """
    if history.streamed is not None:
        return _streamed_brier(history, history.streamed)
    return _joined(history, (_brier(u, u.held(), u.closes - u.opens) for u in history.blocks()))


def _streamed_brier(history: History, pairs: NDArray[Any]) -> HistoryScores:
    author, question = np.nonzero(pairs["held"] > 0)
    held, window = pairs["held"][author, question], history.questions.closes - history.questions.opens
    return HistoryScores(
        author=np.array(history.authors)[author],
        question=np.array(history.questions.name)[question],
        score=pairs["lost"][author, question] / held,
        coverage=held / window[question],
        alone=np.zeros(len(held)),
        undefined=int((pairs["upcoming"] < NEVER).sum()) - len(held),
    )


def daily_brier(history: History, *, day: float | None = None) -> HistoryScores:
    """Brier score of the forecast that stood at each start of a day, averaged over those days.

    Formula: a day is a multiple of `day` within [opens, closes). A forecast stands on
    ⌈end / day⌉ - ⌈start / day⌉ of them, so nothing is expanded day by day. `coverage` is the share of the
    window's days on which a forecast stood. Pairs that stood on no day are left out and counted as
    `undefined`.
    Shapes: columns of the result have one entry per author and question, in that order. Units: `day` in
    the units of time, microseconds where times are dates; by default 1, or a UTC day of dates. Scores on
    the 0 to 1 scale; lower is better.
    Raises ValueError: day not a positive number; a window without the start of any day.
    Source: Good Judgment's daily scoring.

    >>> history = History.from_arrays(
    ...     [1, 1], [0.5, 0.9], author=["ann"] * 2, question=["q"] * 2, at=[0.0, 1.5], opens=0.0, closes=4.0
    ... )
    >>> daily_brier(history).score.round(6).tolist()
    [0.13]
    """
    length = history.day if day is None else day
    if np.asarray(length).dtype.kind not in "iuf" or not 0 < length < np.inf:
        raise ValueError(f"day is {day!r}: give its length as a positive number in the units of the times")
    opens, closes = (_day(at, length) for at in (history.questions.opens, history.questions.closes))
    never = np.flatnonzero((closes <= opens) & history.asked())
    if never.size:
        name = history.questions.name[never[0]]
        raise ValueError(f"day is {length}: no day starts in this window, that of question {name!r}")
    return _joined(
        history,
        (
            _brier(
                u,
                np.maximum(_day(u.end, length) - _day(u.start, length), 0),
                (closes - opens)[u.question_of_row],
            )
            for u in history.blocks()
        ),
    )


def baseline_score(history: History, *, compat: Compat = None) -> HistoryScores:
    """Metaculus' baseline score: information beyond fifty-fifty, averaged over the scheduled window.

    Formula: 100 (1 + log₂ p_outcome), integrated over the time during which a forecast stood and divided by
    scheduled - opens; uncovered time and the time after an early resolution count 0, which is the score of
    0.5. `coverage` is the share of that window. Pairs that never stood are left out and counted as
    `undefined`.
    Without `compat="metaculus"` (p limited to [.001, .999]) a forecast that ruled out what happened scores
    minus infinity.
    Shapes: columns of the result have one entry per author and question, in that order. Units: 100 is the
    score of certainty in what happened; HIGHER is better.
    Raises ValueError: an unknown compat.
    Source: Metaculus, "Scores FAQ".

    >>> history = History.from_arrays(
    ...     [1], [0.75], author=["ann"], question=["q"], at=[5.0], opens=0.0, closes=10.0
    ... )
    >>> baseline_score(history).score.round(3).tolist()
    [29.248]
    """
    refuse_compat(compat)
    return _joined(history, (_baseline(u, compat) for u in history.blocks()))


def _baseline(updates: Updates, compat: Compat) -> HistoryScores:
    held = updates.held()
    stood = held > 0
    gained = np.zeros(len(held))
    # 0 times minus infinity is not 0: what never stood has to be left out first.
    gained[stood] = (100 + 100 * updates.log_given(compat)[stood] / np.log(2)) * held[stood]
    window = updates.scheduled - updates.opens
    covered = updates.total(held / window)
    return _entries(updates, covered > 0, updates.total(gained / window), covered)


def peer_score(history: History, *, compat: Compat = None) -> HistoryScores:
    """Metaculus' peer score: how much more was given to what happened than by the others, over time.

    Formula: 100 (ln p_i - mean of the others' ln p_j) at each instant, averaged over the scheduled window
    with 0 where no forecast of one's own stood; at each instant the scores of those who stand add up to 0.
    The same is 100 n / (n - 1) ln(p_i / geometric mean of all n).
    Alone, the score is undefined: such time is taken out of the window and shown as `alone`, and pairs with
    nothing left are left out and counted as `undefined`. With `compat="metaculus"` it counts 0 instead, and
    p is limited to [.001, .999].
    Shapes: columns of the result have one entry per author and question, in that order. Units: hundredths
    of a nat; HIGHER is better.
    Raises ValueError: an unknown compat; without it, a forecast that stood and ruled out what happened.
    Source: Metaculus, "Scores FAQ".

    >>> history = History.from_arrays(
    ...     [1, 1], [0.8, 0.4], author=["ann", "bob"], question=["q"] * 2, at=[0, 0], opens=0, closes=10
    ... )
    >>> peer_score(history).score.round(3).tolist()
    [69.315, -69.315]
    """
    refuse_compat(compat)
    _refuse_ruled_out(history, compat, lambda u: u.held() > 0)
    return _joined(history, (_peer(u, compat) for u in history.blocks()))


def _peer(updates: Updates, compat: Compat) -> HistoryScores:
    held = updates.held()
    stood = np.flatnonzero(held)
    window = (updates.scheduled - updates.opens).astype(np.float64)
    integral, alone, accompanied = np.zeros((3, len(held)))
    if stood.size:
        integral[stood], alone[stood], accompanied[stood] = _standing.peer_integrals(
            updates.question_of_row[stood],
            updates.start[stood],
            updates.end[stood],
            window[stood],
            updates.log_given(compat)[stood],
        )
    score, covered = 100 * updates.total(integral), updates.total(held / window)
    defined = covered > 0
    if compat is None:
        together = updates.total(accompanied)
        defined = together > 0
        np.divide(score, np.maximum(1 - covered, 0) + together, out=score, where=defined)
    return _entries(updates, defined, score, covered, alone=updates.total(alone))


def spot_score(history: History, *, at: ArrayLike, kind: Spot = "peer", compat: Compat = None) -> HistoryScores:
    """Metaculus' spot score: the peer or baseline score of the forecast that stood at one moment.

    Formula: as `peer_score` or `baseline_score`, at the instant `at` alone; at or after the closing of a
    question, what stood when it closed.
    Alone, a peer score is undefined: such pairs are left out and counted as `undefined`, or score 0 with
    `compat="metaculus"`. Pairs without a forecast at that moment have no entry.
    Shapes: at (n,), the same throughout a question, or one for all; columns of the result have one entry
    per author and question, in that order. Units: `at` in those of the history; HIGHER scores are better.
    Raises ValueError: unknown kind or compat; missing times, dates beside numbers; with peers and without
    compat, a forecast that ruled out what happened.
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
    moment = history.per_question(at, "at")
    if kind == "peer":
        _refuse_ruled_out(history, compat, lambda u: _spotted(u, moment))
    return _joined(history, (_spot(u, _spotted(u, moment), kind, compat) for u in history.blocks()))


def _spotted(updates: Updates, moment: Times) -> BoolArray:
    """Return which updates stood at their question's moment."""
    at = moment[updates.question_of_row]
    # What stands when a question closes is what stood there for good, also after an early resolution.
    at_the_end = (updates.start < updates.closes) & (updates.end >= updates.closes)
    then = (updates.start <= at) & (at < updates.end)
    return np.where(at >= updates.closes, at_the_end, then)


def _spot(updates: Updates, spotted: BoolArray, kind: Spot, compat: Compat) -> HistoryScores:
    stood = np.flatnonzero(spotted)
    log_p = updates.log_given(compat)[stood]
    score, alone = np.zeros((2, len(updates.first)))
    pair = updates.pair()[stood]
    if kind == "baseline":
        score[pair] = 100 + 100 * log_p / np.log(2)
    elif stood.size:
        asked = updates.question_of_row[stood] - updates.question_of_row[0]
        n = np.bincount(asked)[asked]
        total = np.bincount(asked, weights=log_p)[asked]
        alone[pair] = n == 1
        score[pair] = 100 * np.where(n == 1, 0.0, n * log_p - total) / np.maximum(n - 1, 1)
    covered = np.zeros(len(score))
    covered[pair] = 1
    defined = covered > 0 if compat == "metaculus" else covered > alone
    entries = _entries(updates, defined, score, covered, alone=alone)
    return replace(entries, undefined=int((covered > defined).sum()))


def coverage(history: History) -> Coverage:
    """Share of each question's window during which each author's forecast stood.

    Formula: time covered / (closes - opens). Every pair has an entry, also those whose updates all came
    at or after the closing (`after_closing` counts them).
    Shapes: columns of the result have one entry per author and question, in that order. Units: shares of
    time, and numbers of updates.
    Raises: nothing; `History.from_arrays` has refused what cannot be measured.
    Source: the coverage Metaculus and Good Judgment print beside a score, here of the time until closing.

    >>> history = History.from_arrays(
    ...     [0, 0], [0.9, 0.8], author=["ann"] * 2, question=["q"] * 2, at=[9.0, 12.0], opens=0.0, closes=10.0
    ... )
    >>> result = coverage(history)
    >>> result.coverage.tolist(), result.updates.tolist(), result.after_closing.tolist()
    ([0.1], [2], [1])
    """
    return _joined(
        history,
        (
            Coverage(
                author=u.author,
                question=u.question,
                coverage=u.total(u.held() / (u.closes - u.opens)),
                updates=np.diff(u.first, append=len(u.row)),
                after_closing=u.total(u.start >= u.closes).astype(np.int64),
            )
            for u in history.blocks()
        ),
    )


def _brier(updates: Updates, held: Times, window: Times) -> HistoryScores:
    covered = updates.total(held)
    loss = updates.total((updates.p - updates.y) ** 2 * held)
    score = np.divide(loss, covered, out=loss, where=covered > 0)
    return _entries(updates, covered > 0, score, updates.total(held / window))


def _entries(
    updates: Updates,
    defined: BoolArray,
    score: FloatArray,
    covered: FloatArray,
    *,
    alone: FloatArray | None = None,
) -> HistoryScores:
    """Return the defined ones among scores with one entry per pair, authors and questions still in codes."""
    return HistoryScores(
        author=updates.author[defined],
        question=updates.question[defined],
        score=score[defined],
        coverage=covered[defined],
        alone=np.zeros(int(defined.sum())) if alone is None else alone[defined],
        undefined=int((~defined).sum()),
    )


def _joined(history: History, parts: Iterable[ResultT]) -> ResultT:
    """Join what was computed a few questions at a time, in order of author and question, and name them."""
    columns: dict[str, list[Any]] = {}
    for part in parts:
        kind = type(part)
        for name, values in vars(part).items():
            columns.setdefault(name, []).append(values)
    # Columns go as they are joined: a history of many pairs has results as long as itself.
    questions = len(history.questions.name)
    pair = np.concatenate(columns.pop("author")).astype(np.int64) * questions
    pair += np.concatenate(columns.pop("question"))
    order = np.argsort(pair)
    pair = pair[order]
    result: dict[str, Any] = {}
    for name in list(columns):
        values = columns.pop(name)
        result[name] = sum(values) if isinstance(values[0], int) else np.concatenate(values)[order]
    del order
    return kind(
        author=np.array(history.authors)[pair // questions],
        question=np.array(history.questions.name)[pair % questions],
        **result,
    )


def _refuse_ruled_out(history: History, compat: Compat, stands: Callable[[Updates], BoolArray]) -> None:
    if compat is not None or (history.p.min() > 0 and history.p.max() < 1):
        return
    rows = [u.row[stands(u) & np.isneginf(u.log_given(None))] for u in history.blocks()]
    if (row := earliest(rows)) >= 0:
        raise ValueError(
            f"p[{row}] is {history.p[row]}: it ruled out what happened and makes every peer score infinite; "
            "limit it with compat='metaculus'"
        )


def _day(at: Times, length: float) -> Times:
    return -(-at // length)
