"""Two-way fixed effects: how much of a score is the forecaster, and how much the question."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg

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
    counts = sparse.csr_array((np.ones(len(values)), (author, question)))
    per_author, per_question = counts.sum(axis=1), counts.sum(axis=0)
    sum_author = np.bincount(author, weights=values)
    sum_question = np.bincount(question, weights=values)
    transposed = counts.T.tocsr()

    def eliminated(effect: FloatArray) -> FloatArray:
        result: FloatArray = per_author * effect - counts @ ((transposed @ effect) / per_question)
        return result

    size = len(per_author)
    right = sum_author - counts @ (sum_question / per_question)
    operator = LinearOperator((size, size), matvec=eliminated, dtype=np.float64)
    scale = LinearOperator((size, size), matvec=lambda r: r / per_author, dtype=np.float64)
    effect, _ = cg(operator, right, rtol=1e-14, atol=0.0, maxiter=20 * size, M=scale)
    of_question = (sum_question - transposed @ effect) / per_question
    _, component = connected_components(
        sparse.block_array([[None, counts], [transposed, None]]), directed=False
    )
    of_author, of_its_question = component[:size], component[size:]
    shift = np.bincount(of_its_question, weights=of_question) / np.bincount(of_its_question)
    return effect + shift[of_author], of_question - shift[of_its_question], of_author
