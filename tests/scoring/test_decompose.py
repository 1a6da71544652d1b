import math
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.decompose import bin_number, corp, murphy, murphy_corrected, recalibrated, yates
from scoring.levels import LevelTable
from tests.scoring import oracles
from tests.scoring.oracles import Forecast, by_level, mean, prob

many_forecasts = st.lists(st.tuples(st.integers(0, 1), oracles.ppm), min_size=2, max_size=40)


def table(rows: list[Forecast], author: str = "ann") -> LevelTable:
    return LevelTable.from_arrays([author] * len(rows), [y for y, _ in rows], [p for _, p in rows])


def close(exact: Fraction | float) -> Any:
    return pytest.approx(float(exact), abs=1e-12)


def bins_of(rows: list[Forecast], bins: int | None) -> list[list[Forecast]]:
    groups: dict[int, list[Forecast]] = {}
    for y, p in rows:
        key = p if bins is None else min(p * bins // 1_000_000, bins - 1)
        groups.setdefault(key, []).append((y, p))
    return list(groups.values())


def rate(rows: list[Forecast]) -> Fraction:
    return mean([Fraction(y) for y, _ in rows])


@given(oracles.forecasts, st.sampled_from([None, 1, 3, 7, 10]))
def test_murphy_is_the_rational_decomposition(rows: list[Forecast], bins: int | None) -> None:
    parts = murphy(table(rows), bins=bins)
    n, base = len(rows), rate(rows)
    groups = bins_of(rows, bins)
    forecast = [mean([prob(p) for _, p in group]) for group in groups]
    reliability = sum((len(g) * (f - rate(g)) ** 2 for g, f in zip(groups, forecast, strict=True)), Fraction(0))
    resolution = sum((len(g) * (rate(g) - base) ** 2 for g in groups), Fraction(0))
    variance = sum((prob(p) - f) ** 2 for g, f in zip(groups, forecast, strict=True) for _, p in g)
    covariance = sum(
        2 * (prob(p) - f) * (y - rate(g)) for g, f in zip(groups, forecast, strict=True) for y, p in g
    )
    assert parts.reliability == close(reliability / n)
    assert parts.resolution == close(resolution / n)
    assert parts.uncertainty == close(base * (1 - base))
    assert parts.within_bin_variance == close(Fraction(variance) / n)
    assert parts.within_bin_covariance == close(Fraction(covariance) / n)
    assert parts.brier == close(oracles.brier(rows))


@given(many_forecasts)
def test_corrected_parts_are_the_rational_ones_or_withheld(rows: list[Forecast]) -> None:
    rows = [*rows, *((1 - y, p) for y, p in rows[::2])]
    parts, limited = murphy_corrected(table(rows)), murphy_corrected(table(rows), limited=True)
    groups, n, base = bins_of(rows, None), len(rows), rate(rows)
    if any(len(group) == 1 for group in groups):
        assert parts.withheld is True
        assert math.isnan(float(parts.reliability))
        return
    bias = sum((Fraction(len(g), n) * rate(g) * (1 - rate(g)) / (len(g) - 1) for g in groups), Fraction(0))
    raw = murphy(table(rows))
    assert parts.withheld is False
    assert parts.reliability == close(float(raw.reliability) - float(bias))
    assert parts.resolution == close(float(raw.resolution) - float(bias - base * (1 - base) / (n - 1)))
    assert parts.uncertainty == close(base * (1 - base) * n / (n - 1))
    assert parts.brier == close(oracles.brier(rows))
    assert limited.brier == close(oracles.brier(rows))
    assert min(float(limited.reliability), float(limited.resolution)) >= 0
    if min(float(parts.reliability), float(parts.resolution)) >= 0:
        assert limited == parts
    else:
        # Ferro and Fricker's limited form, in their own notation.
        rel, res = float(parts.reliability), float(parts.resolution)
        assert limited.reliability == close(max(rel, rel - res, 0))
        assert limited.resolution == close(max(res, res - rel, 0))


def exact_isotonic(rows: list[Forecast]) -> dict[int, Fraction]:
    """Pool adjacent violators in fractions, ties pooled first."""
    blocks: list[tuple[list[int], list[int]]] = []  # levels, outcomes
    for level, outcomes in by_level(rows).items():
        blocks.append(([level], outcomes))
        while len(blocks) > 1 and _rate(blocks[-2][1]) >= _rate(blocks[-1][1]):
            levels, pooled = blocks.pop()
            blocks[-1] = (blocks[-1][0] + levels, blocks[-1][1] + pooled)
    return {level: _rate(outcomes) for levels, outcomes in blocks for level in levels}


def _rate(outcomes: list[int]) -> Fraction:
    return Fraction(sum(outcomes), len(outcomes))


@given(oracles.forecasts)
def test_corp_is_the_rational_decomposition(rows: list[Forecast]) -> None:
    parts, fitted, base = corp(table(rows)), exact_isotonic(rows), rate(rows)
    assert recalibrated(table(rows)).tolist() == pytest.approx([float(f) for f in fitted.values()], abs=1e-12)
    of_fit = mean([(fitted[p] - y) ** 2 for y, p in rows])
    assert parts.miscalibration == close(oracles.brier(rows) - of_fit)
    assert parts.discrimination == close(base * (1 - base) - of_fit)
    assert parts.uncertainty == close(base * (1 - base))
    assert parts.score == close(oracles.brier(rows))


@given(oracles.forecasts)
def test_corp_of_the_log_score_adds_up_and_knows_infinity(rows: list[Forecast]) -> None:
    parts, fitted, base = corp(table(rows), score="log"), exact_isotonic(rows), float(rate(rows))
    of_forecast = sum(oracles.log_loss(y, p / 1e6) for y, p in rows) / len(rows)
    of_fit = sum(oracles.log_loss(y, float(fitted[p])) for y, p in rows) / len(rows)
    assert parts.miscalibration == pytest.approx(of_forecast - of_fit, abs=1e-9)
    assert parts.uncertainty == pytest.approx(oracles.log_loss(base, base), abs=1e-9)
    assert parts.score == pytest.approx(of_forecast, abs=1e-9)


@given(oracles.forecasts)
def test_yates_is_the_rational_decomposition(rows: list[Forecast]) -> None:
    parts, base = yates(table(rows)), rate(rows)
    mean_p = mean([prob(p) for _, p in rows])
    variance = mean([(prob(p) - mean_p) ** 2 for _, p in rows])
    covariance = mean([(prob(p) - mean_p) * (y - base) for y, p in rows])
    least = covariance**2 / (base * (1 - base)) if 0 < base < 1 else Fraction(0)
    assert parts.bias_squared == close((mean_p - base) ** 2)
    assert parts.covariance == close(covariance)
    assert parts.min_variance == close(least)
    assert parts.scatter == close(variance - least)
    assert parts.brier == close(oracles.brier(rows))


@given(many_forecasts, many_forecasts)
def test_authors_do_not_touch_each_other(ann: list[Forecast], bob: list[Forecast]) -> None:
    both = table(ann).merge(table(bob, "bob"))
    for decomposition in (murphy, corp, yates, murphy_corrected):
        together, alone = decomposition(both), [decomposition(table(rows)) for rows in (ann, bob)]
        for part in vars(together):
            expected = [float(getattr(one, part)) for one in alone]
            assert getattr(together, part).tolist() == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert corp(both.author("bob")).miscalibration == corp(table(bob, "bob")).miscalibration


@given(many_forecasts, st.lists(st.integers(0, 3), min_size=40, max_size=40), st.sampled_from([1, 0.125, 0.1]))
def test_weights_are_repetitions_whatever_their_unit(rows: list[Forecast], weight: list[int], unit: float) -> None:
    weight = [3, *weight[1 : len(rows)]]
    repeated = table([row for row, times in zip(rows, weight, strict=True) for _ in range(times)])
    y, p = [y for y, _ in rows], [p for _, p in rows]
    weighted = LevelTable.from_arrays(["ann"] * len(rows), y, p, weight=[unit * w for w in weight])
    for decomposition in (murphy, partial(murphy, bins=10), corp, partial(corp, score="log"), yates):
        expected = vars(decomposition(repeated))
        for other in (weighted, repeated.merge(repeated)):
            assert vars(decomposition(other)) == pytest.approx(expected, abs=1e-12)


def test_rows_before_an_authors_first_with_weight_take_that_authors_value() -> None:
    levels = LevelTable.from_arrays(
        ["ann", "bob", "bob", "bob", "bob"], [0, 1, 1, 0, 1], [5, 1, 2, 7, 9], weight=[1, 0, 0, 1, 1]
    )
    assert recalibrated(levels).tolist() == [0, 0, 0, 0, 1]
    levels.add("ann", 1, 5, weight=2)
    assert recalibrated(levels).tolist() == [pytest.approx(2 / 3), 0, 0, 0, 1]
    assert recalibrated(levels.author("bob")).tolist() == [0, 0, 0, 1]


def test_weightless_forecasts_count_nothing() -> None:
    with_zero = LevelTable.from_arrays(
        ["ann"] * 4 + ["bob"], [1, 0, 1, 0, 1], [0, 200_000, 400_000, 1_000_000, 5], weight=[0, 1, 1, 0, 1]
    )
    without = LevelTable.from_arrays(["ann", "ann", "bob"], [0, 1, 1], [200_000, 400_000, 5])
    for decomposition in (murphy, corp, yates):
        for part, value in vars(decomposition(with_zero)).items():
            assert value.tolist() == pytest.approx(getattr(decomposition(without), part).tolist(), abs=1e-12)


def test_scikit_learn_fits_the_same_isotonic_curve() -> None:
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(11)
    p, y = rng.integers(0, 21, 500) * 50_000, rng.integers(0, 2, 500)
    levels = LevelTable.from_arrays(np.zeros(500, dtype=int), y, p)
    fit = IsotonicRegression().fit(p, y).predict(levels.p_ppm)
    assert recalibrated(levels) == pytest.approx(fit, abs=1e-9)


def test_other_libraries_that_pool_ties_agree() -> None:
    from model_diagnostics.scoring import SquaredError, decompose
    from scores.probability import isotonic_fit

    rng = np.random.default_rng(12)
    p, y = rng.integers(1, 10, 200) / 10, rng.integers(0, 2, 200)
    levels = LevelTable.from_arrays(np.zeros(200, dtype=int), y, (p * 1_000_000).round().astype(int))
    curve = isotonic_fit(p, y.astype(float))
    assert recalibrated(levels) == pytest.approx(curve["regression_values"], abs=1e-9)
    theirs = decompose(y, p, scoring_function=SquaredError()).row(0, named=True)
    for part, value in vars(corp(levels)).items():
        assert value == pytest.approx(theirs[part], abs=1e-12)


def test_log_loss_is_taken_apart_as_model_diagnostics_does() -> None:
    from model_diagnostics.scoring import LogLoss, decompose

    rng = np.random.default_rng(13)
    p, y = rng.integers(1, 20, 300) * 50_000, rng.integers(0, 2, 300)
    theirs = decompose(y, p / 1_000_000, scoring_function=LogLoss()).row(0, named=True)
    for part, value in vars(corp(LevelTable.from_arrays([0] * 300, y, p), score="log")).items():
        assert value == pytest.approx(theirs[part], abs=1e-9)


def test_where_scoringrules_leaves_ties_unpooled_its_parts_depend_on_row_order() -> None:
    from scoringrules.visualization.reliability import corp_reliability, corp_score_decomposition

    p, y = np.array([0.5, 0.5, 0.8, 0.8]), np.array([0, 1, 0, 1])
    orders = [np.array(order) for order in ([0, 1, 2, 3], [1, 0, 2, 3], [1, 0, 3, 2])]
    theirs, ours = [], set()
    for order in orders:
        recalibrated_score, score, _ = corp_score_decomposition(*corp_reliability(y[order], p[order]))
        theirs.append(score - recalibrated_score)
        ours.add(corp(LevelTable.from_arrays([0] * 4, y[order], (p[order] * 1e6).astype(int))))
    assert theirs == pytest.approx([0.17, 0.128333, 0.045], abs=1e-6)
    assert len(ours) == 1
    assert ours.pop().miscalibration == pytest.approx(0.045)


def test_where_numpy_and_pandas_bin_round_numbers_one_too_low_we_do_not() -> None:
    assert bin_number(np.arange(11) * 100_000, 10).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]
    misplaced = [0.3, 0.6, 0.7]
    assert np.flatnonzero(np.histogram(misplaced, bins=10, range=(0, 1))[0]).tolist() == [2, 5, 6]
    edges = np.linspace(0, 1, 11).tolist()
    assert pd.cut(pd.Series(misplaced), bins=edges, right=False, labels=False).tolist() == [2, 5, 6]


def test_unknown_scores_and_weighted_corrections_are_refused() -> None:
    with pytest.raises(ValueError, match="score is 'spherical'"):
        corp(table([(1, 5)]), score="spherical")  # type: ignore[arg-type]
    weighted = LevelTable.from_arrays([0, 0], [0, 1], [5, 5], weight=[1, 2])
    with pytest.raises(ValueError, match="levels is weighted"):
        murphy_corrected(weighted)
