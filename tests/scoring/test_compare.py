import itertools
import math
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.compare import e_process, paired_difference, permutation_test
from tests.scoring import oracles
from tests.scoring.oracles import prob

Row = tuple[int, int, int, int]  # outcome, ppm of the author, ppm of the reference, cluster

rows_strategy = st.lists(
    st.tuples(st.integers(0, 1), oracles.ppm, oracles.ppm, st.integers(0, 5)), min_size=1, max_size=25
)
COLUMNS: dict[str, Any] = {"reference": "crowd", "cluster": "topic"}


def frame(rows: list[Row]) -> pd.DataFrame:
    data = pd.DataFrame(rows, columns=["outcome", "probability", "crowd", "topic"])
    return data.assign(due=data["topic"])


def by_cluster(rows: list[Row]) -> dict[int, tuple[Fraction, Fraction, Fraction]]:
    """Mean difference per cluster, and the least and the greatest it could have been."""
    result = {}
    for cluster in sorted({row[3] for row in rows}):
        mine = [(y, prob(p), prob(q)) for y, p, q, c in rows if c == cluster]
        ends = [sorted([p**2 - q**2, (1 - p) ** 2 - (1 - q) ** 2]) for _, p, q in mine]
        result[cluster] = (
            oracles.mean([(p - y) ** 2 - (q - y) ** 2 for y, p, q in mine]),
            oracles.mean([low for low, _ in ends]),
            oracles.mean([high for _, high in ends]),
        )
    return result


@given(rows_strategy)
def test_paired_differences_are_rational_means_within_their_bounds(rows: list[Row]) -> None:
    clusters = by_cluster(rows)
    if all(low == high for _, low, high in clusters.values()) and len(set(clusters.values())) == 1:
        with pytest.raises(ValueError, match="agrees with"):
            paired_difference(frame(rows), **COLUMNS)
        return
    result = paired_difference(frame(rows), **COLUMNS)
    assert result.interval.estimate == pytest.approx(
        float(oracles.mean([d for d, _, _ in clusters.values()])), abs=1e-12
    )
    least = min(low for _, low, _ in clusters.values())
    most = max(high for _, _, high in clusters.values())
    assert result.bounds == pytest.approx((float(least), float(most)), abs=1e-12)
    assert result.bounds[0] - 1e-12 <= result.interval.lower
    assert result.interval.upper <= result.bounds[1] + 1e-12
    assert (result.forecasts, result.clusters) == (len(rows), len(clusters))
    per_row = [(prob(p) - y) ** 2 - (prob(q) - y) ** 2 for y, p, q, _ in rows]
    assert result.per_forecast == pytest.approx(float(oracles.mean(per_row)), abs=1e-12)


@given(rows_strategy)
def test_the_e_process_is_the_product_over_clusters_in_order_of_deadline(rows: list[Row]) -> None:
    due = {c: (c * 7) % 5 for c in range(6)}
    data = frame(rows).assign(due=[due[c] for *_, c in rows])
    process = e_process(data, **COLUMNS, deadline="due", alpha=0.5)
    clusters = by_cluster(rows)
    order = sorted(clusters, key=lambda c: (due[c], c))
    evidence, total, squares, path = 1.0, 0.0, 0.25, []
    for count, cluster in enumerate(order, start=1):
        difference, low, high = (float(v) for v in clusters[cluster])
        bound = max(-low, high)
        gain = -difference / bound if bound else 0.0
        evidence *= 1 + min(max((total / count) / (squares / count), 0), 0.75) * gain
        total, squares = total + gain, squares + gain**2
        path.append(evidence)
    assert process.evidence == pytest.approx(path, rel=1e-9)
    assert process.cluster == tuple(order)
    crossed = [i for i, e in enumerate(path) if e >= 2]
    assert process.crossed_at == (crossed[0] if crossed else None)


@given(rows_strategy)
def test_the_permutation_test_tries_every_pattern(rows: list[Row]) -> None:
    differences = [float(d) for d, _, _ in by_cluster(rows).values()]
    if len(differences) < 6:
        with pytest.raises(ValueError, match="with fewer than 6 no data could reach"):
            permutation_test(frame(rows), **COLUMNS)
        return
    result = permutation_test(frame(rows), **COLUMNS)
    flips = itertools.product((-1, 1), repeat=6)
    patterns = [sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in flips]
    extreme = sum(abs(v) >= abs(sum(differences)) - 1e-12 for v in patterns)
    assert result.exact
    assert result.p_value == pytest.approx(extreme / 64)


def test_drawn_patterns_come_close_to_all_of_them() -> None:
    rng = np.random.default_rng(2)
    n = 12
    rows = list(zip(rng.integers(0, 2, n), rng.integers(0, 11, n) * 100_000, [500_000] * n, range(n), strict=True))
    exact = permutation_test(frame(rows), **COLUMNS)
    drawn = permutation_test(frame(rows), **COLUMNS, draws=4000)
    assert exact.exact
    assert not drawn.exact
    assert drawn.p_value == pytest.approx(exact.p_value, abs=4 * math.sqrt(0.25 / 4000))


def test_every_frame_and_kind_of_date_will_do() -> None:
    rows = [(1, 900_000, 500_000, c) for c in range(8)]
    pandas = frame(rows).assign(due=pd.date_range("2024-01-01", periods=8)[::-1])
    frames: list[Any] = [pandas, pl.DataFrame(pandas.to_dict("list")), duckdb.from_df(pandas)]
    frames.append(frames[1].lazy())
    for other in frames:
        process = e_process(other, **COLUMNS, deadline="due")
        assert process.cluster == tuple(range(7, -1, -1))
        assert paired_difference(other, **COLUMNS) == paired_difference(pandas, **COLUMNS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": [0.5] * 6}, r"probability\[0\] is 0.5: give integers in parts per million"),
        ({"crowd": [5, 5, 2_000_000, 5, 5, 5]}, r"crowd\[2\] is 2000000"),
        ({"outcome": [0, 1, 2, 0, 0, 0]}, r"outcome\[2\] is 2"),
        ({"due": [1, 2, math.nan, 4, 5, 6]}, r"due\[2\] is nan: every question has a deadline"),
        ({"due": pd.to_datetime(["2024-01-01"] * 5 + ["NaT"])}, r"due\[5\] is NaT"),
        ({"due": list("abcdef")}, r"due\[0\] is a: give numbers or datetime64"),
        ({"topic": ["a", math.nan, "b", "c", "d", "e"]}, r"topic\[1\] is missing"),
    ],
)
def test_bad_frames_are_refused(change: dict[str, Any], message: str) -> None:
    data = frame([(1, 900_000, 500_000, c) for c in range(6)]).assign(**change)
    with pytest.raises(ValueError, match=message):
        e_process(data, **COLUMNS, deadline="due")


def test_missing_columns_and_impossible_levels_are_refused() -> None:
    data = frame([(1, 900_000, 500_000, 1)])
    with pytest.raises(ValueError, match="column 'rival' does not exist"):
        paired_difference(data, reference="rival", cluster="topic")
    with pytest.raises(ValueError, match="alpha is 5"):
        e_process(data, **COLUMNS, deadline="due", alpha=5)
    with pytest.raises(ValueError, match="coverage is 95"):
        paired_difference(data, **COLUMNS, coverage=95)
