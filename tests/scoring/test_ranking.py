import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import ranking
from scoring.ranking import (
    difficulty_adjusted,
    lexicon_stability,
    pairwise_order,
    rank_intervals,
    shrink,
    wording_interval,
)


def panel(authors: int, clusters: int, seed: int, spread: float) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    author, cluster = np.repeat(np.arange(authors), clusters), np.tile(np.arange(clusters), authors)
    effect = rng.normal(0, spread, authors)
    return effect[author] + rng.normal(0, 0.3, len(author)), author, cluster


def test_shrinking_solves_paule_and_mandels_equation() -> None:
    difference, author, cluster = panel(15, 12, 1, 0.2)
    result = shrink(difference, author=author, cluster=cluster)
    means = difference.reshape(15, 12).mean(axis=1)
    within = difference.reshape(15, 12).var(axis=1, ddof=1).mean()
    assert result.mean == pytest.approx(means)
    assert result.within_variance == pytest.approx(within)
    weight = 1 / (within / 12 + result.between_variance)
    assert (weight * (means - means.mean()) ** 2).sum() == pytest.approx(14)
    assert result.weight == pytest.approx(weight * result.between_variance)
    assert result.shrunk == pytest.approx(means.mean() + result.weight * (means - means.mean()))
    assert result.left_out == ()


def test_authors_who_do_not_differ_shrink_to_the_common_mean() -> None:
    difference, author, cluster = panel(12, 10, 3, 0.0)
    centred = difference - difference.reshape(12, 10).mean(axis=1)[author]
    result = shrink(centred, author=author, cluster=cluster)
    assert result.between_variance == 0
    assert result.shrunk == pytest.approx([result.common_mean] * 12, abs=1e-12)


def test_without_any_spread_within_authors_nothing_shrinks() -> None:
    author, cluster = np.repeat(np.arange(10), 10), np.tile(np.arange(10), 10)
    result = shrink(author / 10, author=author, cluster=cluster)
    assert result.shrunk == pytest.approx(np.arange(10) / 10)
    assert shrink(np.zeros(100), author=author, cluster=cluster).shrunk.tolist() == [0.0] * 10


def test_authors_with_few_clusters_are_left_out_and_ten_must_remain() -> None:
    difference, author, cluster = panel(11, 10, 4, 0.1)
    short = (author != 10) | (cluster < 9)
    result = shrink(difference[short], author=author[short], cluster=cluster[short])
    assert result.left_out == (10,)
    assert result.author == tuple(range(10))
    shorter = short & ((author != 9) | (cluster < 9))
    with pytest.raises(ValueError, match="author has 9 authors with enough clusters"):
        shrink(difference[shorter], author=author[shorter], cluster=cluster[shorter])


def leaderboard(seed: int, skill: list[float], questions: int) -> dict[str, Any]:
    """Authors who see the truth with noise; less noise is more skill."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.05, 0.95, questions)
    y = (rng.random(questions) < truth).astype(int)
    noise = rng.normal(0, 1, (len(skill), questions)) * np.array(skill)[:, None]
    p = np.clip(truth + noise, 0.01, 0.99)
    return {
        "y": np.tile(y, len(skill)),
        "p_ppm": (p * 1e6).astype(int).ravel(),
        "author": np.repeat(np.arange(len(skill)), questions),
        "question": np.tile(np.arange(questions), len(skill)),
    }


def test_a_clear_difference_is_ordered_and_ranks_follow() -> None:
    data = leaderboard(1, [0.0, 0.5, 0.5], 300)
    order, ranks = pairwise_order(**data), rank_intervals(**data)
    assert order.better[0].tolist() == [False, True, True]
    assert not order.better[1:, 0].any()
    assert not (order.better & order.better.T).any()
    assert (ranks.best[0], ranks.worst[0]) == (1, 1)
    assert ranks.best[1:].tolist() == [2, 2]
    assert ranks.worst[1:].tolist() == [3, 3]
    assert (order.clusters + 300 * np.eye(3, dtype=int) == 300).all()


def test_equal_authors_are_hardly_ever_ordered() -> None:
    wrong = sum(pairwise_order(**leaderboard(seed, [0.2] * 6, 40)).better.any() for seed in range(60))
    assert wrong <= 3


def test_few_shared_clusters_order_nobody() -> None:
    data = leaderboard(1, [0.0, 0.9], 5)
    order = pairwise_order(**data)
    assert order.p_value.tolist() == [[1, 1], [1, 1]]
    clustered = leaderboard(1, [0.0, 0.9], 100)
    assert pairwise_order(**clustered).better.any()
    few = pairwise_order(**clustered, cluster=clustered["question"] % 5)
    assert few.clusters[0, 1] == 5
    assert not few.better.any()
    apart = pairwise_order([1, 0], [5, 5], author=["a", "b"], question=["q", "r"])
    assert apart.clusters[0, 1] == 0


def test_holm_steps_down() -> None:
    p_value = np.array([[1, 0.012, 0.9], [0.9, 1, 0.009], [0.008, 0.013, 1]])
    better = ranking._holm(p_value, 0.05)
    # Six hypotheses: 0.008 <= .05/6, 0.009 <= .05/5, 0.012 <= .05/4, 0.013 <= .05/3, 0.9 > .05/2.
    assert better.tolist() == [[False, True, False], [False, False, True], [True, True, False]]
    assert not ranking._holm(np.ones((3, 3)), 0.05).any()
    assert ranking._holm(np.zeros((2, 2)), 0.05).sum() == 2


def test_equal_forecasts_are_equal_for_certain() -> None:
    question = np.repeat(np.arange(6), 2)
    same = pairwise_order([1] * 12, [700_000] * 12, author=["a", "b"] * 6, question=question)
    assert same.p_value.tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": ["q", "q", "q"]}, r"question\[2\] is q: its author has answered it before"),
        ({"y": [1, 0, 1]}, r"y\[0\] is 1: a question has one outcome"),
        ({"cluster": [1, 2, 3]}, r"cluster\[0\] is .*: a question is in one cluster"),
        ({"p_ppm": [0.5, 0.5, 0.5]}, r"p_ppm\[0\] is 0.5"),
        ({"alpha": 5}, "alpha is 5"),
        ({"author": ["a"]}, "author has 1 values but y has 3"),
    ],
)
def test_contradictory_rows_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "y": [1, 1, 1],
        "p_ppm": [5, 5, 5],
        "author": ["a", "b", "a"],
        "question": ["q", "q", "r"],
    }
    with pytest.raises(ValueError, match=message):
        pairwise_order(**{**good, **change})


@given(st.integers(2, 8), st.integers(2, 8), st.randoms())
def test_effects_are_the_least_squares_solution(authors: int, questions: int, random: Any) -> None:
    cells = [(a, q) for a in range(authors) for q in range(questions) if random.random() < 0.7]
    cells = cells or [(0, 0)]
    author, question = np.array(cells).T
    brier = np.array([random.random() for _ in cells])
    result = difficulty_adjusted(brier, author=author, question=question)
    names_a, names_q = sorted(set(author.tolist())), sorted(set(question.tolist()))
    assert result.authors == tuple(names_a)
    design = np.zeros((len(cells), len(names_a) + len(names_q)))
    for row, (a, q) in enumerate(cells):
        design[row, names_a.index(a)] = design[row, len(names_a) + names_q.index(q)] = 1
    fitted = design @ np.concatenate([result.score, result.difficulty])
    assert design.T @ (brier - fitted) == pytest.approx(np.zeros(design.shape[1]), abs=1e-10)
    # The score is the mean of what is left of an author's scores once difficulty is out.
    for a, score in zip(names_a, result.score, strict=True):
        rows = [row for row, (x, _) in enumerate(cells) if x == a]
        left = [brier[row] - result.difficulty[names_q.index(cells[row][1])] for row in rows]
        assert score == pytest.approx(np.mean(left), abs=1e-9)


def test_always_even_odds_scores_a_quarter_and_nothing_is_nan() -> None:
    rng = np.random.default_rng(5)
    y, p = rng.integers(0, 2, 40), rng.random(40)
    brier = np.concatenate([np.full(40, 0.25), (p - y) ** 2])
    author = ["half"] * 40 + ["ann"] * 40
    result = difficulty_adjusted(brier, author=author, question=np.tile(np.arange(40), 2))
    assert dict(zip(result.authors, result.score, strict=True))["half"] == pytest.approx(0.25)
    apart = difficulty_adjusted([0.1, 0.2], author=["a", "b"], question=["q", "r"])
    assert apart.component.tolist() == [0, 1]
    assert np.isfinite(apart.score).all()
    assert apart.score.tolist() == pytest.approx([0.1, 0.2])


def test_easy_and_hard_questions_do_not_rank_equal_forecasters_apart() -> None:
    rng = np.random.default_rng(6)
    truth = np.concatenate([np.full(200, 0.95), np.full(200, 0.6)])
    brier = (truth - (rng.random(400) < truth)) ** 2
    easy_first = np.concatenate([np.arange(250), np.arange(150, 400)])
    author = np.repeat(["easy", "hard"], 250)
    result = difficulty_adjusted(brier[easy_first], author=author, question=easy_first)
    assert result.score[0] == pytest.approx(result.score[1], abs=1e-9)


def test_lexicons_that_disagree_make_an_order_unstable() -> None:
    result = lexicon_stability(
        [1, 1, 1], [[900_000, 900_000], [800_000, 700_000], [700_000, 800_000]], author=["a", "b", "c"]
    )
    assert result.stable_pairs == pytest.approx(2 / 3)
    assert result.best_rank.tolist() == [1, 2, 2]
    assert result.worst_rank.tolist() == [1, 3, 3]
    assert lexicon_stability([1], [[5]], author=["a"]).stable_pairs == 1.0
    with pytest.raises(ValueError, match="P_ppm has shape"):
        lexicon_stability([1], [5], author=["a"])
    with pytest.raises(ValueError, match=r"P_ppm\[0, 1\] is 2000000"):
        lexicon_stability([1], [[5, 2_000_000]], author=["a"])


readings = st.lists(st.integers(0, 1_000_000), min_size=3, max_size=3)


@given(st.lists(st.tuples(st.integers(0, 1), readings, st.sampled_from("ab")), min_size=1, max_size=15))
def test_readings_lie_between_the_best_and_the_worst(rows: list[tuple[int, list[int], str]]) -> None:
    y = [outcome for outcome, _, _ in rows]
    low, median, high = np.sort(np.array([levels for _, levels, _ in rows]), axis=1).T
    options: dict[str, Any] = {"low_ppm": low, "high_ppm": high, "phrase": [phrase for *_, phrase in rows]}
    result = wording_interval(y, median, **options, draws=200)
    assert result.best - 1e-12 <= result.lower <= result.upper <= result.worst + 1e-12
    for value in (result.at_median, result.at_low, result.at_high):
        assert result.best - 1e-12 <= value <= result.worst + 1e-12
    assert result.at_median == pytest.approx(np.mean((median / 1e6 - np.array(y)) ** 2))
    assert wording_interval(y, median, **options, draws=200) == result


def test_one_reading_per_phrase_moves_all_its_claims_together() -> None:
    n = 400
    words: dict[str, Any] = {"low_ppm": [500_000] * n, "high_ppm": [900_000] * n}
    together = wording_interval([1] * n, [700_000] * n, **words, phrase=["likely"] * n)
    apart = wording_interval([1] * n, [700_000] * n, **words, phrase=np.arange(n))
    assert together.upper - together.lower > 10 * (apart.upper - apart.lower)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low_ppm": [800_000]}, r"low_ppm\[0\] is 0.8: it lies above the median"),
        ({"high_ppm": [600_000]}, r"high_ppm\[0\] is 0.6: it lies below the median"),
        ({"draws": 0}, "draws is 0"),
        ({"coverage": 90}, "coverage is 90"),
        ({"phrase": []}, "phrase is empty"),
    ],
)
def test_impossible_readings_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"low_ppm": [600_000], "high_ppm": [800_000], "phrase": ["likely"]}
    with pytest.raises(ValueError, match=message):
        wording_interval([1], [700_000], **{**good, **change})


def test_shrinking_refuses_what_is_not_finite() -> None:
    with pytest.raises(ValueError, match=r"difference\[0\] is nan"):
        shrink([math.nan], author=["a"], cluster=["x"])
