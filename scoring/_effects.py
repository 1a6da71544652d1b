"""Two-way fixed effects: how much of a score is the forecaster, and how much the question."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from scoring._checks import FloatArray, IntArray


def two_way_effects(
    values: FloatArray, author: NDArray[Any], question: NDArray[Any]
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Fit values ≈ author effect + question effect by least squares.

    Question effects average 0 over the questions of each connected set of authors and questions; between
    unconnected sets nothing can be compared. Returns (author effects, question effects, set of each author).

    Questions are eliminated first; what remains is one equation per author, solved by conjugate gradients
    without ever forming a matrix of authors by authors.
    """
    counts = _counts(author, question)
    per_author, per_question = (np.bincount(column).astype(np.float64) for column in (author, question))
    sum_author = np.bincount(author, weights=values)
    sum_question = np.bincount(question, weights=values)

    def eliminated(effect: FloatArray) -> FloatArray:
        result: FloatArray = per_author * effect - counts @ ((effect @ counts) / per_question)
        return result

    size = len(per_author)
    effect = _conjugate_gradients(eliminated, sum_author - counts @ (sum_question / per_question), per_author)
    of_question = (sum_question - effect @ counts) / per_question
    component = _connected(counts)
    of_author, of_its_question = component[:size], component[size:]
    shift = np.bincount(of_its_question, weights=of_question) / np.bincount(of_its_question)
    return effect + shift[of_author], of_question - shift[of_its_question], of_author


def _counts(author: NDArray[Any], question: NDArray[Any]) -> Any:
    """Return how often each author answered each question: dense where that takes no more than the rows."""
    questions = int(question.max()) + 1
    cells = (int(author.max()) + 1) * questions
    if cells > 4 * len(author):
        return sparse.csr_array((np.ones(len(author)), (author, question)))
    counted = np.bincount(author * questions + question, minlength=cells)
    return counted.reshape(-1, questions).astype(np.float64)


def _connected(counts: Any) -> IntArray:
    """Return the connected set of each author, numbered first, and of each question."""
    authors, questions = counts.shape
    reached = np.arange(authors) == 0
    # Well-filled tables connect within two steps; to see that costs less than the general search.
    for _ in range(2):
        reached = counts @ (reached @ counts) > 0
    if reached.all():
        return np.zeros(authors + questions, dtype=np.int64)
    counts = sparse.csr_array(counts)
    ends = np.concatenate([counts.indptr, np.full(questions, counts.indptr[-1])])
    size = authors + questions
    graph = sparse.csr_array((counts.data, counts.indices + authors, ends), shape=(size, size))
    component: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
    return component


def _conjugate_gradients(
    apply: Callable[[FloatArray], FloatArray], right: FloatArray, scale: FloatArray
) -> FloatArray:
    """Solve apply(x) = right, preconditioned by the diagonal `scale`, to a relative residual of 1e-13."""
    solution = np.zeros(len(right))
    residual = right.copy()
    direction = residual / scale
    size = first = float(residual @ direction)
    for _ in range(10 * len(right)):
        # One value per connected set is free: what rounding leaves in that direction has no curvature.
        image = apply(direction)
        curvature = float(direction @ image)
        if size <= 1e-26 * first or curvature <= 0:
            break
        solution += size / curvature * direction
        residual -= size / curvature * image
        scaled = residual / scale
        size, before = float(residual @ scaled), size
        direction = scaled + size / before * direction
    return solution
