"""Histories: who said what about which question, when, and how long it stood."""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring import _checks, _standing, rules
from scoring._checks import FloatArray
from scoring._grouping import Label, encode

Compat = Literal["metaculus"] | None

#: Metaculus records no probability beyond these.
METACULUS_LIMITS = (0.001, 0.999)

SAME = "it is the same throughout a question"


@dataclass(frozen=True)
class Series:
    """The (author, question) pairs, and which of them each update belongs to."""

    of_row: NDArray[Any]
    question_of_row: NDArray[Any]
    author: NDArray[Any]
    question: NDArray[Any]

    @classmethod
    def numbered(
        cls,
        author_code: NDArray[Any],
        authors: tuple[Label, ...],
        question_code: NDArray[Any],
        questions: tuple[Label, ...],
    ) -> Self:
        """Number the pairs that occur."""
        pair = author_code.astype(np.int64) * len(questions) + question_code
        possible = len(authors) * len(questions)
        if possible <= max(4 * len(pair), 1 << 16):
            seen = np.zeros(possible, dtype=np.bool_)
            seen[pair] = True
            used = np.flatnonzero(seen)
            of_row = pair if len(used) == possible else (np.cumsum(seen) - 1)[pair]
        else:
            used, of_row = np.unique(pair, return_inverse=True)
        return cls(
            of_row=of_row,
            question_of_row=question_code,
            author=np.array(authors)[used // len(questions)],
            question=np.array(questions)[used % len(questions)],
        )

    def total(self, values: NDArray[Any]) -> FloatArray:
        """Add up one value per update within each pair."""
        return np.bincount(self.of_row, weights=values, minlength=len(self.author)).astype(np.float64)


@dataclass(frozen=True)
class Window:
    """When each update's question opened, closed, and was scheduled to close; (n,) or one for all."""

    opens: _standing.Times
    closes: _standing.Times
    scheduled: _standing.Times

    @classmethod
    def checked(
        cls,
        question: NDArray[Any],
        questions: int,
        *,
        opens: ArrayLike,
        closes: ArrayLike,
        scheduled: ArrayLike | None,
    ) -> Self:
        """Refuse windows that differ within a question or end before they open."""
        n = len(question)
        window = cls(
            opens=one_or_all(opens, n, "opens"),
            closes=one_or_all(closes, n, "closes"),
            scheduled=one_or_all(closes if scheduled is None else scheduled, n, "scheduled"),
        )
        for name in ("opens", "closes", "scheduled"):
            values = getattr(window, name)
            if values.ndim:
                _checks.constant_within(values, question, questions, name, SAME)
        for name, late, early, rule in (
            ("closes", window.closes, window.opens, "a question closes after it opens"),
            ("scheduled", window.scheduled, window.closes, "a question closes no later than scheduled"),
        ):
            bad = np.atleast_1d(late <= early if name == "closes" else late < early)
            _checks.refuse_first(bad, np.broadcast_to(late, bad.shape), name, rule)
        return window


@dataclass(frozen=True)
class History:
    """Updates with the time at which each stopped standing.

    >>> history = History.from_arrays(
    ...     [1, 1], [0.5, 0.9], author=["ann"] * 2, question=["q"] * 2, at=[0.0, 5.0], opens=0.0, closes=10.0
    ... )
    >>> history.held().tolist()
    [5.0, 5.0]
    """

    y: NDArray[Any]
    p: FloatArray
    series: Series
    start: _standing.Times
    end: _standing.Times
    window: Window
    day: float

    @classmethod
    def from_arrays(
        cls,
        y: ArrayLike,
        p: ArrayLike,
        *,
        author: ArrayLike,
        question: ArrayLike,
        at: ArrayLike,
        opens: ArrayLike,
        closes: ArrayLike,
        scheduled: ArrayLike | None = None,
        until: ArrayLike | None = None,
    ) -> Self:
        """Take one row per update, in any order.

        Shapes: y, p, author, question and at (n,); opens, closes, scheduled and until (n,) or one for all.
        Times are numbers or datetime64 in UTC, of one kind throughout. `closes` is when forecasting ended,
        `scheduled` when it was meant to (the same unless the question resolved early). `until` is when a
        forecast was withdrawn, its question's closing time (or later) where it was not; a revision ends a
        forecast earlier than that. Forecasts made before the opening stand from the opening; those made at
        or after the closing never stand and are counted by `coverage`.
        Raises ValueError: empty input, lengths that differ, y not 0 or 1 or not the same throughout a
        question, p outside [0, 1] or NaN, missing times, a window that differs within a question or ends
        before it opens, a withdrawal before the forecast, two updates of a pair at the same instant.
        """
        outcome, probability = _checks.outcomes(y), _checks.probabilities(p)
        author_code, authors = encode(author, "author")
        question_code, questions = encode(question, "question")
        made = _standing.times(at, "at")
        _checks.same_length(y=outcome, p=probability, author=author_code, question=question_code, at=made)
        _checks.constant_within(outcome, question_code, len(questions), "y", SAME)
        window = Window.checked(question_code, len(questions), opens=opens, closes=closes, scheduled=scheduled)
        series = Series.numbered(author_code, authors, question_code, questions)
        end = _standing.next_times(series.of_row, made, len(series.author))
        if until is not None:
            withdrawn = one_or_all(until, len(made), "until")
            # What was made after the closing never stands, so it is withdrawn by then.
            early = np.broadcast_to((withdrawn < made) & (made < window.closes), made.shape)
            _checks.refuse_first(
                early,
                np.broadcast_to(withdrawn, made.shape),
                "until",
                "nothing is withdrawn before it is made",
            )
            end = np.minimum(end, withdrawn)
        return cls(
            y=outcome, p=probability, series=series, start=made, end=end, window=window, day=_day_length(at)
        )

    def held(self) -> NDArray[Any]:
        """Return how long each update stood within its question's window, in units of time; (n,)."""
        held = np.minimum(self.end, self.window.closes)
        held -= np.maximum(self.start, self.window.opens)
        return np.maximum(held, 0, out=held)

    def log_given(self, compat: Compat) -> FloatArray:
        """Return the natural logarithm of the probability each update gave to what happened; (n,)."""
        p = np.clip(self.p, *METACULUS_LIMITS) if compat == "metaculus" else self.p
        return -rules.log_score_per_forecast(self.y, p)


def refuse_compat(compat: Compat) -> None:
    """Refuse anything but None and "metaculus": a misspelt one would score a mixture of both."""
    if compat not in (None, "metaculus"):
        raise ValueError(f"compat is {compat!r}: choose None or 'metaculus'")


def _day_length(at: ArrayLike) -> float:
    """Return a UTC day in microseconds where times are dates, otherwise 1."""
    return 86_400_000_000 if np.asarray(at).dtype.kind == "M" else 1


def one_or_all(values: ArrayLike, n: int, name: str) -> _standing.Times:
    """Return one time per update, or a single time (no dimensions) for all."""
    result = _standing.times(values, name)
    if result.ndim and len(result) != n:
        raise ValueError(
            f"{name} has {len(result)} values but there are {n} updates: "
            f"the first unmatched position is {min(len(result), n)}"
        )
    return result
