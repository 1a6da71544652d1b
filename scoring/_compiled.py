"""Loops that numba compiles; imported only where the optional extra `fast` is installed."""

from typing import Any

import numba
from numpy.typing import NDArray


@numba.njit(cache=True)
def stream(
    columns: tuple[NDArray[Any], ...], questions: tuple[NDArray[Any], ...], pairs: NDArray[Any]
) -> tuple[int, int]:
    """Add up for each pair how long its forecasts stood, and their squared error over that time.

    `columns` are author, question, p, at and until of a log in time order, which is read backwards: each
    pair remembers its `upcoming` update. `questions` are y, opens and closes of each question, `pairs` is
    a table (authors, questions) of records. Returns the first row that repeats a time of its pair and the
    first that is withdrawn before it is made, or -1.
    """
    author, question, p, at, until = columns
    y, opens, closes = questions
    repeated = early = -1
    for row in range(len(at) - 1, -1, -1):
        what = question[row]
        pair = pairs[author[row], what]
        if pair.upcoming == at[row]:
            repeated = row
        if until[row] < at[row] < closes[what]:
            early = row
        end = min(pair.upcoming, until[row], closes[what])
        pair.upcoming = at[row]
        stood = end - max(at[row], opens[what])
        if stood > 0:
            pair.held += stood
            pair.lost += stood * (p[row] - y[what]) ** 2
    return repeated, early
