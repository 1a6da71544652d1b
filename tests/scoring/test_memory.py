"""Peak memory beyond the data, as a share of it: columns of 64-bit numbers. numpy reports to tracemalloc."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scoring import _grouping, _standing
from scoring.calibration import reliability_curve
from scoring.decompose import corp, murphy
from scoring.history import (
    History,
    baseline_score,
    coverage,
    daily_brier,
    peer_score,
    spot_score,
    time_weighted_brier,
)
from scoring.levels import LevelTable

N = 400_000


def peak(action: Callable[[], Any]) -> int:
    action()  # imports and what numpy keeps are not part of it
    tracemalloc.start()
    action()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def log(*, in_order: bool) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    question = rng.integers(0, 200, N)
    return {
        "y": question % 2,
        "p": rng.uniform(0.01, 0.99, N),
        "author": rng.integers(0, 50, N),
        "question": question,
        "at": np.arange(N) if in_order else rng.permutation(N),
        "opens": 0,
        "closes": N,
    }


SCORES: list[Callable[[History], Any]] = [
    time_weighted_brier,
    lambda h: daily_brier(h, day=1000),
    coverage,
    lambda h: baseline_score(h, compat="metaculus"),
    lambda h: peer_score(h, compat="metaculus"),
    lambda h: spot_score(h, at=N // 2, compat="metaculus"),
]


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("score", SCORES)
def test_a_history_is_scored_in_a_quarter_of_its_memory(
    score: Callable[[History], Any], in_order: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_standing, "compiled", None)
    columns = log(in_order=in_order)
    assert peak(lambda: score(History.from_arrays(**columns))) <= 0.25 * 5 * 8 * N


def test_a_log_in_time_order_needs_less_with_numba() -> None:
    pytest.importorskip("numba")
    columns = log(in_order=True)
    assert peak(lambda: time_weighted_brier(History.from_arrays(**columns))) <= 0.1 * 5 * 8 * N


def report(author: Any, y: Any, p_ppm: Any) -> None:
    levels = LevelTable.from_arrays(author, y, p_ppm)
    levels.brier_score()
    levels.log_score()
    reliability_curve(levels)
    murphy(levels)
    corp(levels)


@pytest.mark.parametrize(("step", "at_most"), [(10_000, 0.25), (1, 0.5)])
def test_a_report_needs_a_fraction_of_the_forecasts(
    step: int, at_most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Look-up tables and chunks do not grow with the forecasts: here they are made as small as the data are.
    monkeypatch.setattr(_grouping, "_CHUNK", 1 << 14)
    monkeypatch.setattr(_grouping, "_SORTED_CHUNK", 1 << 14)
    n = 3 * N
    rng = np.random.default_rng(2)
    author, y, p = rng.integers(0, 100, n), rng.integers(0, 2, n), rng.integers(0, 1_000_001 // step, n) * step
    assert peak(lambda: report(author, y, p)) <= at_most * 3 * 8 * n + 9_000_000
