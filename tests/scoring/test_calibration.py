import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scoring.calibration import (
    calibration_in_the_large,
    consistency_band,
    corp_curve,
    expected_calibration_error,
    phrase_table,
    reliability_curve,
    spiegelhalter_z,
)
from scoring.levels import ClusterTable, LevelTable
from tests.scoring import oracles
from tests.scoring.oracles import Forecast, prob


def table(rows: list[Forecast]) -> LevelTable:
    return LevelTable.from_arrays(["ann"] * len(rows), [y for y, _ in rows], [p for _, p in rows])


def clustered(rows: list[Forecast], cluster: list[int]) -> ClusterTable:
    return ClusterTable.from_arrays(
        ["ann"] * len(rows), [y for y, _ in rows], [p for _, p in rows], cluster=cluster
    )


@given(oracles.forecasts, st.sampled_from([1, 3, 10]))
def test_reliability_bins_are_counted_and_averaged(rows: list[Forecast], bins: int) -> None:
    curve = reliability_curve(table(rows), bins=bins)
    assert curve.n.sum() == len(rows)
    for k in range(len(curve.n)):
        low, high = int(curve.lower_ppm[k]), int(curve.upper_ppm[k])
        mine = [(y, p) for y, p in rows if low <= p < high or p == high == 1_000_000]
        assert curve.n[k] == len(mine)
        assert curve.n_yes[k] == sum(y for y, _ in mine)
        assert curve.rate[k] == pytest.approx(float(oracles.mean([prob(y * 1_000_000) for y, _ in mine])))
        assert curve.forecast[k] == pytest.approx(float(oracles.mean([prob(p) for _, p in mine])), abs=1e-12)


def test_scikit_learn_draws_the_same_curve_away_from_bin_edges() -> None:
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(1)
    p, y = rng.integers(0, 100, 400) * 10_000 + 5_000, rng.integers(0, 2, 400)
    rate, forecast = calibration_curve(y, p / 1_000_000, n_bins=10)
    curve = reliability_curve(LevelTable.from_arrays([0] * 400, y, p))
    assert curve.rate == pytest.approx(rate)
    assert curve.forecast == pytest.approx(forecast)


def test_curves_of_several_authors_are_those_of_each() -> None:
    both = LevelTable.from_arrays(["ann", "ann", "bob"], [1, 0, 1], [300_000, 900_000, 300_000])
    curve, corp = reliability_curve(both), corp_curve(both)
    assert curve.author == corp.author == ("ann", "ann", "bob")
    assert curve.lower_ppm.tolist() == [300_000, 900_000, 300_000]
    assert corp.recalibrated.tolist() == [0.5, 0.5, 1.0]
    assert corp.n.tolist() == [1, 1, 1]


@given(oracles.forecasts)
def test_the_classical_tests_are_their_formulas(rows: list[Forecast]) -> None:
    large, spiegel = calibration_in_the_large(table(rows)), spiegelhalter_z(table(rows))
    exact = sum(y - prob(p) for y, p in rows)
    variance = sum(prob(p) * (1 - prob(p)) for _, p in rows)
    assert large.difference == pytest.approx(float(exact) / len(rows), abs=1e-12)
    if variance:
        assert large.z == pytest.approx(float(exact) / math.sqrt(variance), rel=1e-9, abs=1e-9)
        assert large.p_value == pytest.approx(2 * stats.norm.sf(abs(large.z)))
    tilted = sum((y - prob(p)) * (1 - 2 * prob(p)) for y, p in rows)
    variance = sum((1 - 2 * prob(p)) ** 2 * prob(p) * (1 - prob(p)) for _, p in rows)
    if variance:
        assert spiegel.z == pytest.approx(float(tilted) / math.sqrt(variance), rel=1e-9, abs=1e-9)
    assert spiegel.df is None


def test_certainty_is_perfect_or_infinitely_wrong_and_even_odds_say_nothing() -> None:
    assert calibration_in_the_large(table([(1, 1_000_000), (0, 0)])).z == 0
    assert calibration_in_the_large(table([(1, 1_000_000), (1, 0)])).z == math.inf
    assert calibration_in_the_large(table([(0, 1_000_000)])).p_value == 0
    assert spiegelhalter_z(table([(1, 500_000)] * 9)).z == 0


@given(st.lists(st.tuples(st.integers(0, 1), oracles.ppm), min_size=4, max_size=20))
def test_cluster_tests_take_the_larger_variance(rows: list[Forecast]) -> None:
    cluster = [i // 2 for i in range(len(rows))]
    result = calibration_in_the_large(clustered(rows, cluster))
    sums = [sum(y - prob(p) for (y, p), c in zip(rows, cluster, strict=True) if c == k) for k in set(cluster)]
    model = sum(prob(p) * (1 - prob(p)) for _, p in rows)
    variance = max(model, sum(s**2 for s in sums)) if model else 0
    assert result.df == len(set(cluster)) - 1
    if variance:
        z = float(sum(sums)) / math.sqrt(variance)
        assert result.z == pytest.approx(z, rel=1e-9, abs=1e-9)
        assert result.p_value == pytest.approx(2 * stats.t.sf(abs(z), len(set(cluster)) - 1), rel=1e-6)


def test_several_authors_are_tested_apart() -> None:
    rng = np.random.default_rng(2)
    author, y = rng.integers(0, 3, 200), rng.integers(0, 2, 200)
    p, cluster = rng.integers(0, 11, 200) * 100_000, rng.integers(0, 9, 200)
    tables: list[Any] = [
        LevelTable.from_arrays(author, y, p),
        ClusterTable.from_arrays(author, y, p, cluster=cluster),
    ]
    for both in tables:
        for test in (calibration_in_the_large, spiegelhalter_z):
            together = test(both)
            alone = [test(both.author(name)) for name in both.authors]
            assert np.atleast_1d(together.z).tolist() == pytest.approx([one.z for one in alone], rel=1e-9)
            assert np.atleast_1d(together.p_value).tolist() == pytest.approx(
                [one.p_value for one in alone], rel=1e-9
            )


def test_one_cluster_is_not_enough_for_a_test() -> None:
    with pytest.raises(ValueError, match="single cluster of author 'ann'"):
        spiegelhalter_z(clustered([(1, 5), (0, 5)], [1, 1]))
    weightless = LevelTable.from_arrays(["ann", "bob"], [1, 1], [5, 5], weight=[1, 0])
    with pytest.raises(ValueError, match="every forecast of author 'bob'"):
        spiegelhalter_z(weightless)


@pytest.mark.parametrize("test", [spiegelhalter_z, calibration_in_the_large])
def test_clusters_that_weigh_nothing_are_no_evidence(test: Any) -> None:
    rng = np.random.default_rng(3)
    y, p = rng.integers(0, 2, 12), rng.integers(1, 10, 12) * 100_000
    weight, cluster = np.repeat([1, 0], 6), np.arange(12) // 2
    padded = ClusterTable.from_arrays(["ann"] * 12, y, p, cluster=cluster, weight=weight)
    alone = ClusterTable.from_arrays(["ann"] * 6, y[:6], p[:6], cluster=cluster[:6])
    assert test(padded).df == test(alone).df == 2
    assert test(padded).p_value == test(alone).p_value
    single = ClusterTable.from_arrays(["ann"] * 3, [1, 0, 1], [5, 6, 7], cluster=[1, 1, 2], weight=[1, 1, 0])
    with pytest.raises(ValueError, match="single cluster of author 'ann'"):
        test(single)


def test_cluster_tests_keep_their_size_where_classical_ones_do_not() -> None:
    rng = np.random.default_rng(4)
    classical = safe = 0
    for _ in range(300):
        cluster = np.repeat(np.arange(20), 10)
        p = np.repeat(rng.integers(3, 18, 20) * 50_000, 10)
        y = (rng.random(20)[cluster] < p / 1e6).astype(int)
        grouped = ClusterTable.from_arrays(np.zeros(200, int), y, p, cluster=cluster)
        classical += bool(calibration_in_the_large(grouped.levels()).p_value < 0.05)
        safe += bool(calibration_in_the_large(grouped).p_value < 0.05)
    assert classical > 100
    assert safe <= 22


def test_calibration_error_is_near_what_chance_shows_for_calibrated_authors() -> None:
    rng = np.random.default_rng(6)
    p_values, values, expected = [], [], []
    for seed in range(60):
        p = rng.integers(0, 101, 10) * 10_000
        y = (rng.random(10) < p / 1e6).astype(int)
        error = expected_calibration_error(LevelTable.from_arrays([0] * 10, y, p), draws=300, seed=seed)
        p_values.append(error.p_value)
        values.append(error.value)
        expected.append(error.null_expectation)
    assert np.mean(values) == pytest.approx(0.25, abs=0.03)
    assert np.mean(expected) == pytest.approx(0.25, abs=0.02)
    assert np.mean(np.array(p_values) < 0.1) < 0.25


def test_calibration_error_of_clusters_keeps_its_size_where_that_of_levels_does_not() -> None:
    rng = np.random.default_rng(12)
    alone = safe = 0
    for seed in range(200):
        cluster = np.repeat(np.arange(20), 5)
        p = rng.integers(1, 20, 100) * 50_000
        y = (rng.random(20)[cluster] < p / 1e6).astype(int)
        grouped = ClusterTable.from_arrays(np.zeros(100, int), y, p, cluster=cluster)
        safe += expected_calibration_error(grouped, draws=199, seed=seed).p_value <= 0.05
        alone += expected_calibration_error(grouped.levels(), draws=199, seed=seed).p_value <= 0.05
    assert safe <= 0.05 * 200 + 3 * math.sqrt(200 * 0.05 * 0.95)
    assert alone > 40


@given(oracles.forecasts)
def test_calibration_error_does_not_depend_on_how_forecasts_are_grouped(rows: list[Forecast]) -> None:
    mine = table(rows)
    one_each = expected_calibration_error(clustered(rows, list(range(len(rows)))), draws=20)
    together = expected_calibration_error(clustered(rows, [7] * len(rows)), draws=20)
    bins = [[(y, prob(p)) for y, p in rows if min(p * 10 // 1_000_000, 9) == k] for k in range(10)]
    exact = sum(abs(float(sum(y - p for y, p in group))) for group in bins) / len(rows)
    assert expected_calibration_error(mine, draws=20).value == pytest.approx(exact, abs=1e-12)
    assert one_each.value == pytest.approx(exact, abs=1e-12)
    assert together.value == pytest.approx(exact, abs=1e-12)


def test_null_expectation_with_each_forecast_alone_is_the_same_for_both_tables() -> None:
    rows = [(1, 300_000), (0, 300_000), (1, 900_000), (0, 700_000)] * 5
    alone = expected_calibration_error(table(rows), draws=4000)
    one_each = expected_calibration_error(clustered(rows, list(range(20))), draws=4000, seed=1)
    assert one_each.null_expectation == pytest.approx(alone.null_expectation, abs=0.01)
    assert one_each.p_value == pytest.approx(alone.p_value, abs=0.05)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (LevelTable.from_arrays([0, 1], [1, 1], [5, 5]), {}, "table holds 2 authors"),
        (LevelTable.from_arrays([0, 0], [1, 1], [5, 5], weight=[1, 2]), {}, "table is weighted"),
        (LevelTable.from_arrays([0], [1], [5]), {"draws": 0}, "draws is 0"),
        (LevelTable.from_arrays([0], [1], [5]), {"bins": 0}, "bins is 0"),
        (LevelTable.from_arrays([0], [1], [5]).remove(0, 1, 5), {}, "table is empty"),
    ],
)
def test_bad_requests_for_the_calibration_error_are_refused(table: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(table, **options)


def test_phrases_are_counted_and_the_commonest_comes_first() -> None:
    rows = phrase_table([1, 0, 1, 1, 0], ["may", "likely", "likely", "likely", "may"], cluster=[1, 2, 2, 3, 4])
    assert [(row.phrase, row.n, row.n_yes, row.clusters) for row in rows] == [
        ("likely", 3, 2, 2),
        ("may", 2, 1, 2),
    ]
    assert rows[0].share.estimate == pytest.approx(0.75)
    with pytest.raises(ValueError, match="phrase has 1 values but y has 2"):
        phrase_table([1, 0], ["may"])
    named = phrase_table([1, 0, 1, 1, 0], ["may", "likely", "likely", "likely", "may"], cluster=list("abbcd"))
    assert named == rows


@pytest.mark.parametrize("unsaid", [None, math.nan, pd.NA, "", "  "])
def test_a_missing_or_empty_phrase_is_refused_by_position(unsaid: Any) -> None:
    for phrases in (["may", unsaid], np.array(["may", unsaid], dtype=object), pd.Series(["may", unsaid])):
        with pytest.raises(ValueError, match=r"phrase\[1\] is "):
            phrase_table([1, 0], phrases)


def test_the_band_is_reproducible_and_holds_what_it_says() -> None:
    rng = np.random.default_rng(8)
    left = pointwise = 0
    for seed in range(150):
        cluster = np.repeat(np.arange(30), 2)
        p = rng.integers(1, 10, 60) * 100_000
        y = (rng.random(30)[cluster] < p / 1e6).astype(int)
        left += consistency_band(y, p, cluster=cluster, seed=seed, draws=400).left
        pointwise += consistency_band(y, p, cluster=cluster, seed=seed, draws=400, simultaneous=False).left
    assert left <= 0.1 * 150 + 3 * math.sqrt(150 * 0.1 * 0.9)
    assert pointwise > left


def test_the_band_contains_the_diagonal_and_is_the_same_twice() -> None:
    rng = np.random.default_rng(9)
    p = rng.integers(0, 11, 200) * 100_000
    y = (rng.random(200) < p / 1e6).astype(int)
    band, again = (consistency_band(y, p, seed=3) for _ in range(2))
    assert band.lower.tolist() == again.lower.tolist()
    assert (band.lower <= band.p_ppm / 1e6).all()
    assert (band.p_ppm / 1e6 <= band.upper).all()
    assert band.recalibrated == pytest.approx(corp_curve(LevelTable.from_arrays([0] * 200, y, p)).recalibrated)
    assert band.clusters == 200
    assert band.p_ppm.tolist() == sorted(set(p.tolist()))


def test_gross_overconfidence_is_found_and_power_grows_with_n() -> None:
    p = np.tile([900_000, 100_000], 60)
    y = np.tile([1, 0, 0, 1], 30)
    band = consistency_band(y, p)
    assert band.left
    assert band.p_value < 0.01
    few = consistency_band(y[:20], p[:20])
    assert few.power < band.power <= 1
    assert few.lower[0] <= band.lower[0]


def test_impossible_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="coverage is 90"):
        consistency_band([1], [5], coverage=90)
    with pytest.raises(ValueError, match="draws is 10"):
        consistency_band([1], [5], draws=10)
    with pytest.raises(ValueError, match="cluster has 1 values but y has 2"):
        consistency_band([1, 0], [5, 5], cluster=[1])


@pytest.mark.parametrize("test", [spiegelhalter_z, calibration_in_the_large])
def test_certainty_is_refuted_by_one_miss_in_clusters_too(test: Any) -> None:
    table = ClusterTable.from_arrays(["ann"] * 10, [0] + [1] * 9, [1_000_000] * 10, cluster=list(range(10)))
    found = test(table)
    assert abs(found.z) == np.inf
    assert found.p_value == 0
