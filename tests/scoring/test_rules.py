import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import rules
from tests.scoring import oracles

rows_of_three = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.integers(1, 1000), min_size=3, max_size=3)),
    min_size=1,
    max_size=20,
)


def split(rows: list[oracles.Forecast]) -> tuple[list[int], list[float]]:
    return [y for y, _ in rows], [p / 1_000_000 for _, p in rows]


@given(oracles.forecasts)
def test_brier_is_the_rational_mean_on_either_scale(rows: list[oracles.Forecast]) -> None:
    import scoringrules
    from sklearn.metrics import brier_score_loss

    y, p = split(rows)
    exact = oracles.brier(rows)
    assert rules.brier_score(y, p) == pytest.approx(float(exact), abs=1e-12)
    assert rules.brier_score(y, p, scale="two-class") == pytest.approx(float(2 * exact), abs=1e-12)
    assert rules.brier_score(y, p) == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    assert rules.brier_score_per_forecast(y, p) == pytest.approx(
        scoringrules.brier_score(np.array(y), np.array(p)), abs=1e-12
    )


@given(oracles.forecasts)
def test_spherical_is_the_rational_mean(rows: list[oracles.Forecast]) -> None:
    y, p = split(rows)
    assert rules.spherical_score(y, p) == pytest.approx(float(oracles.spherical(rows)), abs=1e-12)
    each = [float(oracles.spherical([row])) for row in rows]
    assert rules.spherical_score_per_forecast(y, p) == pytest.approx(each, abs=1e-12)


@given(oracles.forecasts)
def test_other_libraries_agree_where_nothing_is_clipped(rows: list[oracles.Forecast]) -> None:
    import scores.probability
    import scoringrules
    import xarray as xr
    from sklearn.metrics import log_loss

    y, p = split([(outcome, min(max(p_ppm, 1), 999_999)) for outcome, p_ppm in rows])
    assert rules.log_score(y, p) == pytest.approx(log_loss(y, p, labels=[0, 1]), rel=1e-12)
    assert rules.log_score_per_forecast(y, p) == pytest.approx(scoringrules.log_score(np.array(y), np.array(p)))
    theirs = scores.probability.brier_score(xr.DataArray(p), xr.DataArray(np.array(y, dtype=float)))
    assert rules.brier_score(y, p) == pytest.approx(theirs.item(), abs=1e-12)


@given(oracles.forecasts)
def test_log_score_agrees_with_the_definition_and_knows_infinity(rows: list[oracles.Forecast]) -> None:
    y, p = split(rows)
    expected = [oracles.log_loss(a, b) for a, b in zip(y, p, strict=True)]
    assert rules.log_score_per_forecast(y, p) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert rules.log_score_per_forecast(y, p, base="2") == pytest.approx(
        [e / math.log(2) for e in expected], rel=1e-12, abs=1e-12
    )
    assert rules.log_score(y, p, floor=0.001) == pytest.approx(
        sum(min(e, -math.log(0.001)) for e in expected) / len(expected), rel=1e-9, abs=1e-12
    )


def test_where_scikit_learn_clips_silently_we_return_infinity() -> None:
    import scoringrules
    from sklearn.metrics import log_loss

    assert 36 < log_loss([1], [0.0], labels=[0, 1]) < 37
    assert rules.log_score([1], [0.0]) == math.inf
    with np.errstate(divide="ignore"):
        assert scoringrules.log_score(np.array([1]), np.array([0.0])).tolist() == [math.inf]


def test_a_weightless_infinite_score_does_not_become_nan() -> None:
    assert rules.log_score([1, 1], [0.0, 1.0], weight=[0, 3]) == 0.0


@given(oracles.forecasts, st.randoms())
def test_integer_weights_are_repetitions(rows: list[oracles.Forecast], random: Any) -> None:
    weight = [random.randint(1, 3) for _ in rows]
    y, p = split(rows)
    many_y, many_p = split([row for row, times in zip(rows, weight, strict=True) for _ in range(times)])
    assert rules.brier_score(y, p, weight=weight) == pytest.approx(rules.brier_score(many_y, many_p), abs=1e-12)
    assert rules.spherical_score(y, p, weight=weight) == pytest.approx(
        rules.spherical_score(many_y, many_p), abs=1e-12
    )


@given(rows_of_three)
def test_options_agree_with_fractions_and_with_scoringrules(rows: list[tuple[int, list[int]]]) -> None:
    import scoringrules

    y = [k for k, _ in rows]
    exact = [[Fraction(v, sum(values)) for v in values] for _, values in rows]
    P = np.array([[float(v) for v in values] for values in exact])
    briers, ranked = [], []
    for k, values in zip(y, exact, strict=True):
        hit = [Fraction(int(i == k)) for i in range(3)]
        briers.append(sum(((a - b) ** 2 for a, b in zip(values, hit, strict=True)), Fraction(0)))
        gaps = [sum(values[: i + 1]) - sum(hit[: i + 1]) for i in range(2)]
        ranked.append(sum((Fraction(g) ** 2 for g in gaps), Fraction(0)))
    assert rules.brier_score_multiclass(y, P) == pytest.approx(float(oracles.mean(briers)), abs=1e-12)
    assert rules.ranked_probability_score(y, P) == pytest.approx(float(oracles.mean(ranked) / 2), abs=1e-12)
    unscaled = rules.ranked_probability_score_per_forecast(y, P, normalised=False)
    assert unscaled == pytest.approx([float(r) for r in ranked], abs=1e-12)
    # scoringrules numbers options from 1.
    assert unscaled == pytest.approx(scoringrules.rps_score(np.array(y) + 1, P), abs=1e-12)


def test_two_options_give_the_binary_scores() -> None:
    y, p = [1, 0, 1], [0.9, 0.3, 0.2]
    P = [[1 - v, v] for v in p]
    assert rules.brier_score_multiclass(y, P) == pytest.approx(rules.brier_score(y, p, scale="two-class"))
    assert rules.ranked_probability_score(y, P) == pytest.approx(rules.brier_score(y, p))


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([], [], "y is empty"),
        ([1], [], "p is empty"),
        ([1, 0], [0.5], r"p has 1 values but y has 2: the first unmatched position is 1"),
        ([1, 0, 1], [0.5, 1.5, 2.0], r"p\[1\] is 1.5"),
        ([1, 0], [0.5, -0.1], r"p\[1\] is -0.1"),
        ([1, 0], [0.5, math.nan], r"p\[1\] is nan"),
        ([1, 2], [0.5, 0.5], r"y\[1\] is 2"),
        ([1, 0.5], [0.5, 0.5], r"y\[1\] is 0.5"),
        ([1, math.nan], [0.5, 0.5], r"y\[1\] is nan"),
        (["yes"], [0.5], r"y\[0\] is yes"),
        ([1], ["0.5"], r"p\[0\] is 0.5"),
        ([[1]], [0.5], "y has 2 dimensions"),
    ],
)
def test_bad_forecasts_are_refused_by_every_binary_rule(y: Any, p: Any, message: str) -> None:
    for rule in (rules.brier_score, rules.log_score, rules.spherical_score):
        with pytest.raises(ValueError, match=message):
            rule(y, p)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1], "weight has 1 values but there are 2 forecasts"),
        ([1, -1], r"weight\[1\] is -1"),
        ([1, math.inf], r"weight\[1\] is inf"),
        ([0, 0], r"weight\[0\] is 0 and so is every other"),
        (["a", "b"], r"weight\[0\] is a"),
    ],
)
def test_bad_weights_are_refused(weight: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rules.brier_score([1, 0], [0.5, 0.5], weight=weight)


@pytest.mark.parametrize(
    ("y", "P", "message"),
    [
        ([0], [[0.5, 0.4]], r"the sum of P\[0\] is 0.9"),
        ([2], [[0.5, 0.5]], r"y\[0\] is 2: options are numbered 0 to 1"),
        ([-1], [[0.5, 0.5]], r"y\[0\] is -1"),
        ([0.0], [[0.5, 0.5]], r"y\[0\] is 0.0: give the index"),
        ([0], [[1.5, -0.5]], r"P\[0, 0\] is 1.5"),
        ([0], [0.5], "P has shape"),
        ([0, 1], [[0.5, 0.5]], "P has 1 values but y has 2"),
        ([0], np.zeros((0, 2)), "P is empty"),
    ],
)
def test_bad_options_are_refused(y: Any, P: Any, message: str) -> None:
    for rule in (rules.brier_score_multiclass, rules.ranked_probability_score):
        with pytest.raises(ValueError, match=message):
            rule(y, P)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValueError, match="scale is 'percent'"):
        rules.brier_score([1], [0.5], scale="percent")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="base is 3"):
        rules.log_score([1], [0.5], base=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="floor is 0"):
        rules.log_score([1], [0.5], floor=0)


def test_outcomes_may_be_booleans_and_options_may_be_rounded_to_the_ppm() -> None:
    assert rules.brier_score(np.array([True, False]), [1.0, 0.0]) == 0.0
    assert rules.ranked_probability_score([0], [[0.333333] * 3]) == pytest.approx(5 / 18, abs=1e-5)
