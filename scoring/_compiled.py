"""Loops that numba compiles; imported only where the optional extra `fast` is installed."""

from typing import Any

import numba
from numpy.typing import NDArray


@numba.njit(cache=True)
def next_times(
    series: NDArray[Any], at: NDArray[Any], upcoming: NDArray[Any], never: Any
) -> tuple[NDArray[Any], int]:
    """Stream backwards over a log in time order, remembering each series' next update.

    `upcoming` holds `never` for each series. Returns the next time per row, and the first row that
    repeats its predecessor's time within a series, or -1.
    """
    following = at.copy()
    repeated = -1
    for row in range(len(at) - 1, -1, -1):
        following[row] = upcoming[series[row]]
        if following[row] == at[row] and following[row] != never:
            repeated = row
        upcoming[series[row]] = at[row]
    return following, repeated
