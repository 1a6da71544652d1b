import math
import random
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.levels import ClusterTable, LevelTable
from tests.scoring import oracles

Row = tuple[str, str, int, int, int]  # author, cluster, outcome, ppm, weight

rows_strategy = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 1), oracles.ppm, st.integers(0, 3)),
    min_size=1,
    max_size=40,
)


def level_table(rows: list[Row], *, weighted: bool = False) -> LevelTable:
    author, _, y, p, weight = (list(column) for column in zip(*rows, strict=True))
    return LevelTable.from_arrays(author, y, p, weight=[w + 1 for w in weight] if weighted else None)


def cluster_table(rows: list[Row]) -> ClusterTable:
    author, cluster, y, p, _ = (list(column) for column in zip(*rows, strict=True))
    return ClusterTable.from_arrays(author, y, p, cluster=cluster)


@given(rows_strategy)
def test_rows_are_the_counts_by_author_and_level(rows: list[Row]) -> None:
    frame = level_table(rows, weighted=True).to_frame()
    assert list(frame) == ["author", "p_ppm", "n", "n_yes", "w", "w_yes", "w2"]
    keys = list(zip(frame["author"], frame["p_ppm"], strict=True))
    assert keys == sorted({(author, p) for author, _, _, p, _ in rows})
    for (author, level), *sums in zip(keys, *(frame[c] for c in list(frame)[2:]), strict=True):
        mine = [(y, w + 1) for a, _, y, p, w in rows if (a, p) == (author, level)]
        expected = [
            len(mine),
            sum(y for y, _ in mine),
            sum(w for _, w in mine),
            sum(w * y for y, w in mine),
            sum(w * w for _, w in mine),
        ]
        assert sums == expected


@given(rows_strategy)
def test_scores_per_author_are_the_rational_means(rows: list[Row]) -> None:
    table = level_table(rows)
    for author in table.authors:
        mine = [(y, p) for a, _, y, p, _ in rows if a == author]
        one = table.author(author)
        assert one.brier_score() == pytest.approx(float(oracles.brier(mine)), abs=1e-12)
        assert one.base_rate() == pytest.approx(sum(y for y, _ in mine) / len(mine), abs=1e-12)
        expected = sum(oracles.log_loss(y, p / 1e6) for y, p in mine) / len(mine)
        assert one.log_score() == pytest.approx(expected, rel=1e-12, abs=1e-12)
    together = np.atleast_1d(table.brier_score())
    assert together.tolist() == [table.author(author).brier_score() for author in table.authors]


@given(rows_strategy, rows_strategy, st.randoms())
def test_order_shards_and_duplication_do_not_matter(rows: list[Row], more: list[Row], rnd: random.Random) -> None:
    shuffled = [*rows, *more]
    rnd.shuffle(shuffled)
    builders: list[Callable[[list[Row]], Any]] = [
        level_table,
        lambda r: level_table(r, weighted=True),
        cluster_table,
    ]
    for build in builders:
        whole, one, other = build([*rows, *more]), build(rows), build(more)
        assert build(shuffled) == whole
        assert one.merge(other) == whole
        assert other.merge(one) == whole
    assert cluster_table(rows).levels() == level_table(rows)
    doubled = level_table([*rows, *rows])
    assert doubled.n.tolist() == (2 * level_table(rows).n).tolist()
    assert np.allclose(doubled.brier_score(), level_table(rows).brier_score(), rtol=0, atol=1e-12)


@given(rows_strategy, rows_strategy)
def test_the_incremental_table_equals_the_rebuilt_one(rows: list[Row], more: list[Row]) -> None:
    levels, clusters = level_table(rows), cluster_table(rows)
    for author, cluster, y, p, _ in more:
        assert levels.add(author, y, p) is levels
        clusters.add(author, y, p, cluster=cluster)
        assert levels.author(author).n.sum() > 0
    assert levels.author(more[0][0]) == level_table([*rows, *more]).author(more[0][0])
    assert levels == level_table([*rows, *more])
    assert clusters == cluster_table([*rows, *more])
    for author, cluster, y, p, _ in rows:
        levels.remove(author, y, p)
        clusters.remove(author, y, p, cluster=cluster)
    assert levels == level_table(more)
    assert clusters == cluster_table(more)


@given(rows_strategy)
def test_weighted_changes_are_undone_exactly(rows: list[Row]) -> None:
    table = level_table(rows, weighted=True)
    table.add("a", 1, 123_456, weight=7).remove("a", 1, 123_456, weight=7)
    assert table == level_table(rows, weighted=True)
    assert level_table(rows).add("a", 1, 5, weight=0.5).remove("a", 1, 5, weight=0.5).n.sum() == len(rows)


def test_what_was_never_counted_cannot_be_removed() -> None:
    table = LevelTable.from_arrays(["ann"], [1], [900_000])
    for author, y, p in (("ann", 0, 900_000), ("ann", 1, 800_000), ("bob", 1, 900_000)):
        with pytest.raises(ValueError, match="to remove"):
            table.remove(author, y, p)
    table.remove("ann", 1, 900_000)
    with pytest.raises(ValueError, match="to remove"):
        table.remove("ann", 1, 900_000)
    with pytest.raises(ValueError, match="table is empty"):
        table.brier_score()


def test_dense_and_sorted_counting_agree() -> None:
    rng = np.random.default_rng(5)
    author, y = rng.integers(0, 40, 5000), rng.integers(0, 2, 5000)
    round_p, fine_p = rng.integers(0, 11, 5000) * 100_000, rng.integers(0, 1_000_001, 5000)
    for p in (round_p, fine_p):
        table = LevelTable.from_arrays(author, y, p)
        weighted = LevelTable.from_arrays(author, y, p, weight=np.ones(5000, dtype=np.int64))
        assert table == weighted


def test_codes_names_and_offsets_mean_the_same_authors() -> None:
    y, p = [1, 0, 1], [100_000, 200_000, 300_000]
    named = LevelTable.from_arrays(["bob", "ann", "bob"], y, p)
    assert LevelTable.from_arrays([0, 1, 0], y, p, labels=["bob", "ann"]) == named
    assert LevelTable.from_arrays([1, 0, 1], y, p, labels=["ann", "bob", "unused"]) == named
    for codes in ([10**12, 5, 10**12], [7, 5, 7], np.array([1, 0, 1], dtype=np.uint8)):
        table = LevelTable.from_arrays(codes, y, p)
        assert len(table.authors) == 2
        assert table.n.tolist() == named.n.tolist()
    assert cluster_table([("a", "x", 1, 5, 0)]).clusters == (("a", "x"),)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint32", "uint64", ">i8", "bool"])
def test_any_kind_of_integer_will_do(kind: str) -> None:
    y, p = np.array([1, 0, 1]), np.array([100, 200, 100])
    expected = LevelTable.from_arrays([1, 0, 1], y, p)
    assert LevelTable.from_arrays(np.array([1, 0, 1]), y.astype(kind), p) == expected
    if kind != "bool":
        given_p = p.astype(kind)
        assert LevelTable.from_arrays(np.array([1, 0, 1]).astype(kind), y, given_p) == expected
        clusters = ClusterTable.from_arrays([1, 0, 1], y, given_p, cluster=np.array([1, 2, 3]).astype(kind))
        assert clusters.levels() == expected


@pytest.mark.parametrize("engine", ["pandas", "polars", "polars lazy", "duckdb"])
@pytest.mark.parametrize("p_kind", ["round", "fine"])
def test_every_engine_builds_the_identical_table(engine: str, p_kind: str, tmp_path: Any) -> None:
    rng = np.random.default_rng(7)
    n = 3000
    data = {
        "who": np.array([f"author {i}" for i in rng.integers(0, 20, n)], dtype=object),
        "ppm": rng.integers(0, 11, n) * 100_000 if p_kind == "round" else rng.integers(0, 1_000_001, n),
        "came_true": rng.integers(0, 2, n).astype(bool),
        "topic": rng.integers(0, 50, n),
        "weight": rng.integers(0, 5, n),
    }
    pandas = pd.DataFrame(data)
    polars = pl.DataFrame({name: list(values) for name, values in data.items()})
    polars.write_parquet(tmp_path / "forecasts.parquet")
    frame: Any = {
        "pandas": pandas,
        "polars": polars,
        "polars lazy": polars.lazy(),
        "duckdb": duckdb.read_parquet(str(tmp_path / "forecasts.parquet")),
    }[engine]
    columns = {"author": "who", "probability": "ppm", "outcome": "came_true", "cluster": "topic"}
    author, y, p = data["who"], data["came_true"], data["ppm"]
    assert LevelTable.from_frame(frame, **columns) == LevelTable.from_arrays(author, y, p)
    assert LevelTable.from_frame(frame, **columns, weight="weight") == LevelTable.from_arrays(
        author, y, p, weight=data["weight"]
    )
    assert ClusterTable.from_frame(frame, **columns) == ClusterTable.from_arrays(
        author, y, p, cluster=data["topic"]
    )


BAD_FRAMES: list[tuple[dict[str, list[Any]], str]] = [
    ({"p": [500_000, 1_000_001]}, r"p\[1\] is 1000001"),
    ({"p": [500_000, -1]}, r"p\[1\] is -1"),
    ({"y": [1, 2]}, r"y\[1\] is 2"),
    ({"y": [1.0, math.nan]}, r"y\[1\] is (nan|missing)"),
    ({"w": [1, -1]}, r"w\[1\] is -1"),
    ({"w": [1.0, math.inf]}, r"w\[1\] is inf"),
    ({"a": ["ann", None]}, r"a\[1\] is missing"),
]


@pytest.mark.parametrize(("change", "message"), BAD_FRAMES)
def test_bad_frames_are_refused_with_the_position_where_there_is_one(
    change: dict[str, list[Any]], message: str
) -> None:
    data: dict[str, list[Any]] = {
        "a": ["ann", "bob"],
        "p": [500_000, 500_000],
        "y": [1, 0],
        "w": [1, 1],
        **change,
    }
    names = {"author": "a", "probability": "p", "outcome": "y", "weight": "w"}
    pandas = pd.DataFrame(data)
    for eager in (pandas, pl.DataFrame(data)):
        with pytest.raises(ValueError, match=message):
            LevelTable.from_frame(eager, **names)
    for lazy in (pl.LazyFrame(data), duckdb.from_df(pandas)):
        with pytest.raises(ValueError, match="missing or out of range among the forecasts of"):
            LevelTable.from_frame(lazy, **names)


def test_frames_with_the_wrong_columns_are_refused() -> None:
    frame = pd.DataFrame({"a": ["ann"], "p": [0.5], "y": ["yes"], "ppm": [5]})
    with pytest.raises(ValueError, match="column 'ppm2' does not exist"):
        LevelTable.from_frame(frame, author="a", probability="ppm2", outcome="y")
    with pytest.raises(ValueError, match="give integers in ppm"):
        LevelTable.from_frame(frame, author="a", probability="p", outcome="y")
    with pytest.raises(ValueError, match="column 'y' holds String: give numbers"):
        LevelTable.from_frame(frame, author="a", probability="ppm", outcome="y")
    with pytest.raises(ValueError, match="cluster is None"):
        ClusterTable.from_frame(frame, author="a", probability="ppm", outcome="y")
    with pytest.raises(ValueError, match=r"y is empty"):
        LevelTable.from_frame(
            pd.DataFrame({"a": ["ann"], "p": [5], "y": [1]}).iloc[:0],
            author="a",
            probability="p",
            outcome="y",
        )


@pytest.mark.parametrize(
    ("author", "y", "p", "options", "message"),
    [
        ([], [], [], {}, "y is empty"),
        (["ann"], [1], [0.5], {}, r"p_ppm\[0\] is 0.5: give integers in parts per million"),
        (["ann"], [1], [1_000_001], {}, r"p_ppm\[0\] is 1000001"),
        (["ann", "bob"], [1], [5], {}, "author has 2 values but y has 1"),
        (["ann"], [1], [5, 6], {}, "p_ppm has 2 values but y has 1"),
        ([None, "ann"], [1, 1], [5, 5], {}, r"author\[0\] is None"),
        ([1.5], [1], [5], {}, r"author\[0\] is .*1.5"),
        ([1, "ann"], [1, 1], [5, 5], {}, None),
        (
            np.array([1, "ann"], dtype=object),
            [1, 1],
            [5, 5],
            {},
            "give integers throughout, or names throughout",
        ),
        ([0, 2], [1, 1], [5, 5], {"labels": ["ann", "bob"]}, r"author\[1\] is 2: codes run from 0 to 1"),
        ([0], [1], [5], {"labels": ["ann", "ann"]}, "labels repeat a name"),
        (["ann"], [1], [5], {"labels": ["ann"]}, r"author\[0\] is .*ann.*: with labels, give integer codes"),
        (
            ["ann", "ann"],
            [1, 1],
            [5, 5],
            {"weight": [10**10, 1]},
            r"weight\[0\] is 10000000000: integer weights",
        ),
        (["ann"], [1], [5], {"weight": [-1]}, r"weight\[0\] is -1"),
    ],
)
def test_bad_columns_are_refused(author: Any, y: Any, p: Any, options: Any, message: str | None) -> None:
    if message is None:  # numpy makes names of such a list
        assert LevelTable.from_arrays(author, y, p).authors == ("1", "ann")
        return
    with pytest.raises(ValueError, match=message):
        LevelTable.from_arrays(author, y, p, **options)


def test_authors_who_are_not_there_or_weigh_nothing_are_refused() -> None:
    table = LevelTable.from_arrays(["ann", "bob"], [1, 1], [5, 5], weight=[1, 0])
    with pytest.raises(ValueError, match="name is 'eve'"):
        table.author("eve")
    with pytest.raises(ValueError, match="name is 3: authors of this table are like 'ann'"):
        table.author(3)
    with pytest.raises(ValueError, match="weight is 0 for every forecast of author 'bob'"):
        table.brier_score()
    with pytest.raises(ValueError, match="these tables mix them"):
        table.merge(LevelTable.from_arrays([3], [1], [5]))
    with pytest.raises(ValueError, match="weight is -2"):
        table.add("ann", 1, 5, weight=-2)
    assert (table == "something else") is False


def test_cluster_means_count_each_cluster_once() -> None:
    table = ClusterTable.from_arrays(
        ["ann"] * 4, [1, 1, 0, 1], [500_000, 900_000, 900_000, 0], cluster=[1, 1, 2, 3], weight=[1, 3, 1, 0]
    )
    assert table.cluster_means() == pytest.approx([(0.25 + 3 * 0.01) / 4, 0.81])
    assert list(table.to_frame()) == ["author", "cluster", "p_ppm", "n", "n_yes", "w", "w_yes", "w2"]
    empty = ClusterTable.from_arrays(["ann"], [1], [5], cluster=["x"]).remove("ann", 1, 5, cluster="x")
    with pytest.raises(ValueError, match="table is empty"):
        empty.cluster_means()


def weighted_frames(weight: list[int]) -> list[Any]:
    import pandas as pd
    import polars as pl

    columns = {"who": ["ann"] * len(weight), "ppm": [500_000] * len(weight), "y": [1] * len(weight), "w": weight}
    return [pd.DataFrame(columns), pl.DataFrame(columns), pl.LazyFrame(columns)]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(("weight", "said"), [([4_000_000_000, 1], "would overflow"), ([0, 0], "is 0 for every")])
def test_weights_a_frame_cannot_carry_are_refused(number: int, weight: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LevelTable.from_frame(
            weighted_frames(weight)[number], author="who", probability="ppm", outcome="y", weight="w"
        )


def test_a_weight_too_large_to_add_exactly_is_not_added() -> None:
    table = LevelTable.from_arrays(["ann"], [1], [500_000], weight=[2])
    with pytest.raises(ValueError, match="added up exactly"):
        table.add("ann", 1, 500_000, weight=4_000_000_000)
