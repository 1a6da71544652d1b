import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scoring.intervals import (
    betting_interval,
    cluster_means,
    cluster_t_interval,
    gaffke_interval,
    log_wealth,
    predictable_bets,
    spacing_tail,
    wilson_interval,
)

scores = st.lists(st.sampled_from([0.0, 0.01, 0.04, 0.25, 0.81, 1.0]) | st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.parametrize(("yes", "n"), [(0, 5), (2, 5), (5, 5), (1, 1), (37, 120)])
def test_gaffke_on_zeros_and_ones_is_clopper_pearson(yes: int, n: int) -> None:
    interval = gaffke_interval([1] * yes + [0] * (n - yes))
    lower = stats.beta.ppf(0.025, yes, n - yes + 1) if yes else 0.0
    upper = stats.beta.ppf(0.975, yes + 1, n - yes) if yes < n else 1.0
    assert (interval.lower, interval.upper) == pytest.approx((lower, upper), abs=1e-10)


def test_gaffke_agrees_with_drawing_from_the_simplex() -> None:
    rng = np.random.default_rng(3)
    values = rng.random(40) ** 2
    draws = rng.dirichlet(np.ones(41), size=40_000)
    interval = gaffke_interval(values, coverage=0.9)
    assert interval.lower == pytest.approx(np.quantile(draws @ np.sort(np.append(values, 0)), 0.05), abs=2e-3)
    assert interval.upper == pytest.approx(np.quantile(draws @ np.sort(np.append(values, 1)), 0.95), abs=2e-3)
    assert interval.estimate == pytest.approx(values.mean())


@given(scores)
def test_gaffke_contains_the_mean_and_ignores_order(values: list[float]) -> None:
    interval = gaffke_interval(values)
    assert 0 <= interval.lower <= interval.estimate + 1e-12
    assert interval.estimate - 1e-12 <= interval.upper <= 1
    backwards = gaffke_interval(values[::-1])
    assert (backwards.lower, backwards.upper) == (interval.lower, interval.upper)
    narrower = gaffke_interval(values, coverage=0.5)
    assert interval.lower <= narrower.lower + 1e-9
    assert narrower.upper <= interval.upper + 1e-9


@given(scores)
def test_gaffke_moves_with_its_bounds(values: list[float]) -> None:
    unit = gaffke_interval(values)
    moved = gaffke_interval([4 * v - 3 for v in values], bounds=(-3, 1))
    assert moved.lower == pytest.approx(4 * unit.lower - 3, abs=1e-9)
    assert moved.upper == pytest.approx(4 * unit.upper - 3, abs=1e-9)


def test_the_spacing_tail_is_exact_where_the_closed_form_is_known() -> None:
    # Two spacings of the unit interval: 1 - (1 - D_0)² and its like.
    assert spacing_tail(np.array([0.0, 0.0, 1.0]), np.array(0.3)) == pytest.approx(0.7**2)
    assert spacing_tail(np.array([0.0, 1.0, 1.0]), np.array(0.3)) == pytest.approx(1 - 0.3**2)
    many = spacing_tail(np.array([[0.0, 0.5, 1.0]] * 3), np.array([-0.1, 0.5, 1.0]))
    assert many == pytest.approx([1.0, 0.5, 0.0])


def test_clusters_are_averaged_first() -> None:
    values, cluster = [0.0, 1.0, 0.25, 0.5], [7, 7, 3, 9]
    assert cluster_means(values, cluster).tolist() == [0.25, 0.5, 0.5]
    assert gaffke_interval(values, cluster=cluster) == gaffke_interval([0.25, 0.5, 0.5])
    assert gaffke_interval(values, cluster=cluster).clusters == 3


@given(st.integers(1, 200), st.data())
def test_wilson_solves_its_equation(n: int, data: Any) -> None:
    yes = data.draw(st.integers(0, n))
    interval = wilson_interval(yes, n)
    assert 0 <= interval.lower <= yes / n <= interval.upper <= 1
    z = stats.norm.ppf(0.975)
    for end in (interval.lower, interval.upper):
        assert abs(yes / n - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n), abs=1e-9)


@pytest.mark.parametrize("n", [10, 30])
def test_a_share_is_covered_by_gaffke_at_every_p_and_by_wilson_on_average_only(n: int) -> None:
    """Exact: what comes true is binomial. Five claims that come true together are one outcome, not five."""
    true, yes = np.arange(1, 100) / 100, np.arange(n + 1)
    chance = stats.binom.pmf(yes, n, true[:, None])

    def coverage(intervals: list[Any]) -> Any:
        low, high = np.array([(interval.lower, interval.upper) for interval in intervals]).T
        return (chance * ((low <= true[:, None]) & (true[:, None] <= high))).sum(axis=1)

    assert coverage([gaffke_interval([1] * k + [0] * (n - k)) for k in yes.tolist()]).min() >= 0.95
    wilson = coverage([wilson_interval(k, n) for k in yes.tolist()])
    assert wilson.min() < 0.945
    assert wilson.mean() == pytest.approx(0.95, abs=0.01)
    assert coverage([wilson_interval(5 * k, 5 * n) for k in yes.tolist()]).min() < 0.4


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([], {}, "values is empty"),
        ([0.1, 1.5], {}, r"values\[1\] is 1.5: they lie within bounds"),
        ([0.1, math.nan], {}, r"values\[1\] is nan"),
        ([0.1], {"coverage": 95}, "coverage is 95"),
        ([0.1], {"bounds": (1, 0)}, "bounds is"),
        ([0.1, 0.2], {"cluster": [1]}, "cluster has 1 values but values has 2"),
        (["a"], {}, r"values\[0\] is a"),
    ],
)
def test_bad_values_are_refused(values: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gaffke_interval(values, **options)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="n is 0"):
        wilson_interval(0, 0)
    with pytest.raises(ValueError, match="n_yes is 3"):
        wilson_interval(3, 2)


@given(scores)
def test_betting_contains_the_mean_and_mirrors(values: list[float]) -> None:
    interval = betting_interval(values)
    assert 0 <= interval.lower <= interval.estimate + 1e-9
    assert interval.estimate - 1e-9 <= interval.upper <= 1
    mirrored = betting_interval([1 - v for v in values])
    assert mirrored.lower == pytest.approx(1 - interval.upper, abs=1e-9)
    assert mirrored.upper == pytest.approx(1 - interval.lower, abs=1e-9)


@given(scores)
def test_betting_ends_where_a_gambler_reaches_the_stake(values: list[float]) -> None:
    """The definition once more as a plain loop, evaluated on either side of the ends."""
    interval, stake, n = betting_interval(values), 2 / 0.05, len(values)

    def refuted(m: float, sign: int) -> bool:
        wealth, best, total, squares = 1.0, 0.0, 0.5, 0.25
        for t, x in enumerate(values, start=1):
            bet = math.sqrt(2 * math.log(stake) / (n * squares / t))
            limit = 0.75 / (m if sign > 0 else 1 - m)
            wealth *= 1 + sign * min(bet, limit) * (x - m)
            best = max(best, wealth)
            total += x
            squares += (x - total / (t + 1)) ** 2
        return best >= stake

    for end, sign in ((interval.lower, 1), (interval.upper, -1)):
        if 1e-6 < end < 1 - 1e-6:
            assert refuted(end - sign * 1e-7, sign)
            assert not refuted(end + sign * 1e-7, sign)


def test_wealth_of_many_runs_at_once_is_that_of_each() -> None:
    unit, mean = np.random.default_rng(5).random((4, 3, 20)), np.linspace(0.1, 0.9, 12).reshape(4, 3)
    bets = predictable_bets(unit, 0.025)
    wealth = log_wealth(unit, bets, mean)
    assert wealth.shape == (4, 3)
    for at in np.ndindex(4, 3):
        alone = predictable_bets(unit[at], 0.025)
        assert bets[at].tolist() == alone.tolist()
        assert float(wealth[at]) == pytest.approx(float(log_wealth(unit[at], alone, mean[at])), abs=1e-12)


def test_betting_narrows_with_more_clusters_and_is_mostly_wider_than_gaffke() -> None:
    rng = np.random.default_rng(1)
    values = rng.beta(1, 5, 300)
    wide, narrow = betting_interval(values[:30]), betting_interval(values)
    assert narrow.upper - narrow.lower < wide.upper - wide.lower
    widths = []
    for _ in range(20):
        few = rng.beta(1, 5, 20)
        betting, gaffke = betting_interval(few), gaffke_interval(few)
        widths.append((betting.upper - betting.lower) / (gaffke.upper - gaffke.lower))
    assert np.mean(widths) > 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_cluster_t_is_students(values: list[float]) -> None:
    interval = cluster_t_interval(values)
    spread = np.std(values, ddof=1)
    if spread > 1e-9:
        error = spread / math.sqrt(len(values))
        lower, upper = stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (interval.lower, interval.upper) == pytest.approx((lower, upper), abs=1e-9)


def test_one_cluster_has_no_spread() -> None:
    with pytest.raises(ValueError, match="a single cluster"):
        cluster_t_interval([0.1, 0.2], cluster=["x", "x"])
    assert betting_interval([0.5]).clusters == gaffke_interval([0.5]).clusters == 1


@pytest.mark.parametrize("values", [[0.0] * 30 + [1.0] * 30, [1.0] * 30 + [0.0] * 30])
def test_betting_on_a_trend_still_gives_an_interval_around_the_mean(values: list[float]) -> None:
    interval = betting_interval(values)
    assert interval.lower <= interval.estimate <= interval.upper
