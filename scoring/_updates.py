"""Histories: who said what about which question, when, and how long it stood."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring import _checks, _standing, _times, rules
from scoring._checks import BoolArray, FloatArray, IntArray
from scoring._grouping import Label, encode
from scoring._standing import GroupedRows
from scoring._times import Times

Compat = Literal["metaculus"] | None

#: Metaculus records no probability beyond these.
METACULUS_LIMITS = (0.001, 0.999)

SAME = "it is the same throughout a question"

#: Later than any time.
NEVER = _times.FARTHEST


@dataclass(frozen=True)
class Questions:
    """What is the same throughout a question; one entry per question."""

    name: tuple[Label, ...]
    y: NDArray[Any]
    opens: Times
    closes: Times
    scheduled: Times


@dataclass(frozen=True)
class Updates:
    """All updates of a few questions, ordered by question, author and time; one entry per update.

    `start` and `end` say when an update stood within its question's window; what never stood ends before
    or when it starts. A pair is an author on a question: `first` is where each pair's updates start,
    `author` and `question` have one entry per pair.
    """

    row: NDArray[Any]
    question_of_row: IntArray
    y: NDArray[Any]
    p: FloatArray
    start: Times
    end: Times
    opens: Times
    closes: Times
    scheduled: Times
    first: IntArray
    author: IntArray
    question: IntArray

    def held(self) -> Times:
        """Return how long each update stood; (n,)."""
        held: Times = np.maximum(self.end - self.start, 0)
        return held

    def log_given(self, compat: Compat) -> FloatArray:
        """Return the natural logarithm of the probability each update gave to what happened; (n,)."""
        p = np.clip(self.p, *METACULUS_LIMITS) if compat == "metaculus" else self.p
        yes, no = rules.log_scores_of(p)
        return np.where(self.y == 1, -yes, -no)

    def total(self, values: NDArray[Any]) -> FloatArray:
        """Add up one value per update within each pair; (pairs,)."""
        return np.add.reduceat(values, self.first).astype(np.float64, copy=False)

    def pair(self) -> IntArray:
        """Return the number of each update's pair; (n,)."""
        return np.repeat(np.arange(len(self.first)), np.diff(self.first, append=len(self.row)))


@dataclass(frozen=True)
class History:
    """Updates of forecasts, and the order in which they replaced one another.

    The columns are kept as they were given; what follows from them is computed for a few questions at a
    time.

    >>> history = History.from_arrays(
    ...     [1, 1], [0.5, 0.9], author=["ann"] * 2, question=["q"] * 2, at=[0.0, 5.0], opens=0.0, closes=10.0
    ... )
    >>> [updates.held().tolist() for updates in history.blocks()]
    [[5.0, 5.0]]
    """

    p: FloatArray
    author: NDArray[Any]
    question: NDArray[Any]
    at: Times
    until: Times | None
    authors: tuple[Label, ...]
    questions: Questions
    dated: bool

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
        Units: times are numbers in any unit, or datetime64 in UTC (kept in microseconds), of one kind
        throughout. `closes` is when forecasting ended, `scheduled` when it was meant to (the same unless
        the question resolved early). `until` is when a forecast was withdrawn, its question's closing time
        (or later) where it was not; a revision ends a forecast earlier than that. Forecasts made before
        the opening stand from the opening; those made at or after the closing never stand and are counted
        by `coverage`.
        Raises ValueError: empty input, lengths that differ, y not 0 or 1 or not the same throughout a
        question, p outside [0, 1] or NaN, missing times, dates beside numbers, a window that differs
        within a question or ends before it opens, a withdrawal before the forecast, two updates of a pair
        at the same instant.
        """
        outcome, probability = _checks.outcomes(y), _checks.probabilities(p)
        author_code, authors = encode(author, "author")
        question_code, names = encode(question, "question")
        _checks.same_length(
            y=outcome, p=probability, author=author_code, question=question_code, at=_checks.column(at, "at")
        )
        given = {"at": at, "opens": opens, "closes": closes, "scheduled": scheduled, "until": until}
        read = {
            name: _times.read(values, name, len(outcome)) for name, values in given.items() if values is not None
        }
        times = dict(zip(read, _times.of_one_kind(**read), strict=True))
        history = cls(
            p=probability,
            author=author_code,
            question=question_code,
            at=times["at"],
            until=times.get("until"),
            authors=authors,
            questions=Questions(
                name=names,
                y=_checks.constant_within(outcome, question_code, len(names), "y", SAME).astype(np.int8),
                opens=_per_question(times["opens"], question_code, len(names), "opens"),
                closes=_per_question(times["closes"], question_code, len(names), "closes"),
                scheduled=_per_question(
                    times.get("scheduled", times["closes"]), question_code, len(names), "scheduled"
                ),
            ),
            dated=read["at"].dtype.kind == "M",
        )
        history._refuse_windows()
        if history.streamed is None:
            _ = history.by_question  # whoever puts the log in order refuses what has none
        return history

    def blocks(self) -> Iterator[Updates]:
        """Yield the updates of a few whole questions at a time."""
        for row, question in self.by_question.blocks():
            author, at = self.author[row], self.at[row]
            opens, closes = self.questions.opens[question], self.questions.closes[question]
            opening = _opening(question, author)
            first = np.flatnonzero(opening)
            # A forecast ends with the pair's next one, the pair's last one with the question.
            end = np.append(np.where(opening[1:], closes[:-1], np.minimum(at[1:], closes[:-1])), closes[-1:])
            if self.until is not None:
                end = np.minimum(end, _of_rows(self.until, row))
            yield Updates(
                row=row,
                question_of_row=question,
                y=self.questions.y[question],
                p=self.p[row],
                start=np.maximum(at, opens),
                end=end,
                opens=opens,
                closes=closes,
                scheduled=self.questions.scheduled[question],
                first=first,
                author=author[first],
                question=question[first],
            )

    def per_question(self, values: ArrayLike, name: str) -> Times:
        """Return a time that is the same throughout each question, one entry per question.

        Raises ValueError: as `from_arrays` for a column of times.
        """
        own = self.at.view("datetime64[us]") if self.dated else self.at
        _, times = _times.of_one_kind(the_history=own, **{name: _times.read(values, name, len(self.at))})
        return _per_question(times, self.question, len(self.questions.name), name)

    @property
    def day(self) -> int:
        """A UTC day in microseconds where times are dates, otherwise 1."""
        return 86_400_000_000 if self.dated else 1

    def asked(self) -> BoolArray:
        """Return which questions have an update; codes may go unused."""
        asked = np.zeros(len(self.questions.name), dtype=np.bool_)
        asked[self.question] = True
        return asked

    def _refuse_windows(self) -> None:
        opens, closes, scheduled = self.questions.opens, self.questions.closes, self.questions.scheduled
        for name, late, wrong, rule in (
            ("closes", closes, closes <= opens, "a question closes after it opens"),
            ("scheduled", scheduled, scheduled < closes, "a question closes no later than scheduled"),
        ):
            if wrong.any() and (wrong & self.asked()).any():
                _checks.refuse_first(wrong[self.question], late[self.question], name, rule)

    @cached_property
    def streamed(self) -> NDArray[Any] | None:
        """Time `held` and squared error `lost` over that time, by author and question, in one pass.

        `upcoming` is NEVER where a pair has no update. None where the log has to be sorted instead: without
        numba, out of time order, or if most pairs have no update.
        Raises ValueError: as `by_question`.
        """
        compiled, questions = _standing.compiled, self.questions
        if compiled is None or not _in_order(self.at) or len(self.authors) * len(questions.name) > len(self.at):
            return None
        kind = np.result_type(self.at, questions.opens, questions.closes)
        pairs = np.zeros(
            (len(self.authors), len(questions.name)),
            dtype=[("upcoming", kind), ("held", kind), ("lost", np.float64)],
        )
        pairs["upcoming"] = NEVER
        until = NEVER if self.until is None else self.until
        repeated, early = compiled.stream(
            (self.author, self.question, self.p, self.at, np.broadcast_to(until, self.at.shape)),
            (questions.y, questions.opens, questions.closes),
            pairs,
        )
        self._refuse(int(repeated), int(early))
        return pairs

    @cached_property
    def by_question(self) -> GroupedRows:
        """The rows ordered by question, author and time.

        Raises ValueError: two updates of a pair at the same instant, a withdrawal before the forecast.
        """
        grouped = _standing.group_rows(self.question, len(self.questions.name))
        repeated, early = [], []
        for row, question in grouped.blocks():
            pair = (question - question[0]) * len(self.authors) + self.author[row]
            at = self.at[row]
            order = _standing.order_by(pair, at)
            row[:], pair, at = row[order], pair[order], at[order]
            again = 1 + np.flatnonzero((pair[1:] == pair[:-1]) & (at[1:] == at[:-1]))
            repeated.append(np.minimum(row[again - 1], row[again]))
            if self.until is not None:
                until = _of_rows(self.until, row)
                # What was made after the closing never stands, so it is withdrawn by then.
                early.append(row[(until < at) & (at < self.questions.closes[question])])
        self._refuse(earliest(repeated), earliest(early))
        return grouped

    def _refuse(self, repeated: int, early: int) -> None:
        if repeated >= 0:
            raise ValueError(
                f"at[{repeated}] repeats a time: two forecasts of one author on one question at the same "
                "instant have no order; keep the one that counts"
            )
        if early >= 0:
            until = np.broadcast_to(np.asarray(self.until), self.at.shape)[early]
            raise ValueError(f"until[{early}] is {until}: nothing is withdrawn before it is made")


def _in_order(at: Times) -> bool:
    return bool((at[1:] >= at[:-1]).all())


def _opening(*columns: NDArray[Any]) -> BoolArray:
    """Return where a new run of equal rows starts."""
    opening = np.ones(len(columns[0]), dtype=np.bool_)
    opening[1:] = False
    for column in columns:
        opening[1:] |= column[1:] != column[:-1]
    return opening


def earliest(rows: list[NDArray[Any]]) -> int:
    """Return the least of some row numbers, -1 if there are none."""
    return min((int(part.min()) for part in rows if part.size), default=-1)


def _of_rows(times: Times, row: NDArray[Any]) -> Times:
    return times[row] if times.ndim else times


def _per_question(times: Times, question: NDArray[Any], questions: int, name: str) -> Times:
    if not times.ndim:
        return np.full(questions, times)
    return _checks.constant_within(times, question, questions, name, SAME)


def refuse_compat(compat: Compat) -> None:
    """Refuse anything but None and "metaculus": a misspelt one would score a mixture of both."""
    if compat not in (None, "metaculus"):
        raise ValueError(f"compat is {compat!r}: choose None or 'metaculus'")
