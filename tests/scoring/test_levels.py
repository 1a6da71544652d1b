import functools
import math
import random
from collections.abc import Callable
from typing import Any

import duckdb
import narwhals as nw
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


def level_table(rows: list[Row], *, weighted: bool = False, unit: float = 1) -> LevelTable:
    author, _, y, p, weight = (list(column) for column in zip(*rows, strict=True))
    return LevelTable.from_arrays(author, y, p, weight=[unit * (w + 1) for w in weight] if weighted else None)


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
        assert one.spherical_score() == pytest.approx(float(oracles.spherical(mine)), abs=1e-12)
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


@given(rows_strategy, st.data())
def test_any_partition_into_shards_merges_to_the_whole_table(rows: list[Row], data: st.DataObject) -> None:
    shard = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    shards = [[row for row, k in zip(rows, shard, strict=True) if k == number] for number in range(4)]
    builders: list[Callable[[list[Row]], Any]] = [
        level_table,
        lambda r: level_table(r, weighted=True),
        lambda r: level_table(r, weighted=True, unit=0.125),
        cluster_table,
    ]
    for build in builders:
        tables = [build(part) for part in shards if part]
        merged = functools.reduce(lambda one, other: one.merge(other), tables)
        assert merged == build(rows)
        by_author = [build(rows).author(name) for name in build(rows).authors]
        assert functools.reduce(lambda one, other: one.merge(other), by_author) == build(rows)


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


@given(rows_strategy, st.sampled_from([1, 0.125, 0.1]), st.randoms())
def test_weighted_tables_follow_what_comes_and_goes(rows: list[Row], unit: float, random: random.Random) -> None:
    table = level_table(rows, weighted=True, unit=unit)
    random.shuffle(rows)
    gone, left = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    for author, _, y, p, w in gone:
        table.remove(author, y, p, weight=unit * (w + 1))
    rebuilt = level_table(left, weighted=True, unit=unit)
    if unit == 0.1:  # which no float is: sums agree to rounding, counts exactly
        assert table.n.tolist() == rebuilt.n.tolist()
        for name in ("w", "w_yes", "w2"):
            assert getattr(table, name) == pytest.approx(getattr(rebuilt, name), rel=1e-9)
        assert (table.w_yes >= 0).all()
        assert (table.w_yes <= table.w).all()
        return
    # Where all weights were 1 by chance, a table of integers forgets them; one of floats does not.
    assert [c.tolist() for c in (table.n, table.n_yes, table.w, table.w_yes, table.w2)] == [
        c.tolist() for c in (rebuilt.n, rebuilt.n_yes, rebuilt.w, rebuilt.w_yes, rebuilt.w2)
    ]
    assert unit != 1 or table == rebuilt


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize(
    ("counted", "removed"),
    [
        ([2], 3),  # more than there is
        ([2], 1),  # the last one takes all of it
        ([2, 5], 6),
        ([2, 5], 3),  # what is left would be one forecast whose square is not its weight's
        ([2, 5, 9], 1),  # what is left would be two forecasts more unequal than two can be
        ([4, 4, 4], 2),  # ... or more equal than equal ones
        ([0, 3], 2),
        ([3], 0),
    ],
)
def test_a_forecast_of_another_weight_is_not_removed(kind: Any, counted: list[int], removed: int) -> None:
    def build() -> LevelTable:
        n = len(counted)
        weight = [kind(w) for w in [*counted, 7]]
        return LevelTable.from_arrays(["ann"] * (n + 1), [1] * n + [0], [900_000] * (n + 1), weight=weight)

    table = build()
    with pytest.raises(
        ValueError, match=rf"^weight is {kind(removed)}: the forecasts of \('ann',\) at 900000 ppm"
    ):
        table.remove("ann", 1, 900_000, weight=kind(removed))
    assert table == build()
    # Also where the row stands in the log of changes.
    table.add("ann", 1, 900_000, weight=kind(4))
    with pytest.raises(ValueError, match=r"no forecast of .* has this outcome|cannot include one of this weight"):
        table.remove("ann", 1, 900_000, weight=kind(1000))
    assert table == build().add("ann", 1, 900_000, weight=kind(4))


def test_clusters_refuse_to_remove_another_weight_too() -> None:
    table = ClusterTable.from_arrays(["ann"] * 2, [1, 1], [5, 5], cluster=["x", "y"], weight=[2, 3])
    with pytest.raises(ValueError, match=r"weight is 3: the forecasts of \('ann', 'x'\) at 5 ppm cannot include"):
        table.remove("ann", 1, 5, cluster="x", weight=3)
    with pytest.raises(ValueError, match=r"y is 0: no forecast of \('ann', 'x'\) at 5 ppm has this outcome"):
        table.remove("ann", 0, 5, cluster="x", weight=2)
    assert table.w.tolist() == [2, 3]


def test_what_rounding_leaves_behind_weighs_nothing() -> None:
    table = LevelTable.from_arrays(["ann"] * 3, [1, 0, 1], [0, 0, 5], weight=[0.1, 0.2, 0.3])
    table.add("ann", 1, 0, weight=0.7).remove("ann", 1, 0, weight=0.1).remove("ann", 1, 0, weight=0.7)
    assert table.n_yes.tolist() == [0, 1]
    assert table.w_yes[0] == 0
    assert table.log_score() == pytest.approx(0.3 / 0.5 * -math.log(5e-6))
    table.add("ann", 1, 0, weight=1e10).remove("ann", 1, 0, weight=1e10)
    assert table.w2[0] == pytest.approx(table.w[0] ** 2)


NAMED = LevelTable.from_arrays(["ann"], [1], [5])
NUMBERED = LevelTable.from_arrays([7], [1], [5])
TOPICS = ClusterTable.from_arrays(["ann"], [1], [5], cluster=[3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: NAMED.add(3, 1, 5), "author is 3: authors of this table are like 'ann'"),
        (lambda: NUMBERED.add("a", 1, 5), "author is 'a': authors of this table are like 7"),
        (lambda: NUMBERED.remove("a", 1, 5), "author is 'a': authors of this table are like 7"),
        (lambda: NUMBERED.author("a"), "name is 'a': authors of this table are like 7"),
        (lambda: NUMBERED.add(None, 1, 5), "author is None: give a name or an integer"),  # type: ignore[arg-type]
        (lambda: NUMBERED.add(1.0, 1, 5), "author is 1.0: give a name or an integer"),  # type: ignore[arg-type]
        (lambda: NUMBERED.add(True, 1, 5), "author is True: give a name or an integer"),
        (lambda: TOPICS.add("bob", 1, 5, cluster="x"), "cluster is 'x': clusters of this table are like 3"),
        (lambda: TOPICS.add(8, 1, 5, cluster=3), "author is 8: authors of this table are like 'ann'"),
        (lambda: TOPICS.remove("ann", 1, 5, cluster=None), "cluster is None: give"),  # type: ignore[arg-type]
        (lambda: NAMED.merge(NUMBERED), "author of other is 7: authors of this table are like 'ann'"),
        (
            lambda: TOPICS.merge(ClusterTable.from_arrays(["bob"], [1], [5], cluster=["x"])),
            "cluster of other is 'x': clusters of this table are like 3",
        ),
        (lambda: NAMED.merge(TOPICS), "other is a ClusterTable: give a LevelTable"),  # type: ignore[arg-type]
        (lambda: NAMED.add("ann", 2, 5), "y is 2: outcomes are 0 or 1"),
        (lambda: NAMED.add("ann", math.nan, 5), "y is nan"),  # type: ignore[arg-type]
        (lambda: NAMED.add("ann", "1", 5), "y is '1'"),  # type: ignore[arg-type]
        (lambda: NAMED.add("ann", 1, 0.5), "p_ppm is 0.5: give integers in parts"),  # type: ignore[arg-type]
        (lambda: NAMED.add("ann", 1, True), "p_ppm is True: give integers in parts"),
        (lambda: NAMED.add("ann", 1, 1_000_001), "p_ppm is 1000001: parts per million lie"),
        (lambda: NAMED.add("ann", 1, 5, weight=-1), "weight is -1: weights are finite and not negative"),
        (lambda: NAMED.add("ann", 1, 5, weight=math.inf), "weight is inf: weights are finite"),
        (lambda: NAMED.add("ann", 1, 5, weight=1e200), "weight is 1e.200: weights lie between"),
        (lambda: NAMED.add("ann", 1, 5, weight="1"), "weight is '1': weights are"),  # type: ignore[arg-type]
    ],
)
def test_changes_that_do_not_fit_the_table_are_refused_and_leave_it_alone(change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        change()
    assert LevelTable.from_arrays(["ann"], [1], [5]) == NAMED
    assert LevelTable.from_arrays([7], [1], [5]) == NUMBERED
    assert ClusterTable.from_arrays(["ann"], [1], [5], cluster=[3]) == TOPICS


def test_an_emptied_table_takes_labels_of_either_kind() -> None:
    table = LevelTable.from_arrays([7], [1], [5]).remove(7, 1, 5)
    assert table.to_frame().shape == (0, 7)
    assert table.merge(NAMED) == NAMED.merge(table) == NAMED
    assert table.add("ann", 1, 5) == NAMED
    assert table.author(np.str_("ann")).n.tolist() == [1]


def test_tables_whose_squared_weights_would_overflow_are_not_merged() -> None:
    heavy = LevelTable.from_arrays(["ann"] * 2, [1, 1], [5, 5], weight=[2_000_000_000] * 2)
    with pytest.raises(ValueError, match="other weighs too much: integer weights are added up exactly"):
        heavy.merge(heavy)
    table = LevelTable.from_arrays(["ann"], [1], [5])
    for _ in range(1138):
        table.add("ann", 1, 5, weight=90_000_000)
    with pytest.raises(ValueError, match="weight is 90000000: integer weights are added up exactly"):
        table.add("ann", 1, 5, weight=90_000_000)
    assert table.w2.tolist() == [1 + 1138 * 90_000_000**2]


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16"])
def test_narrow_codes_do_not_overflow_while_counting(kind: str) -> None:
    code = np.arange(120)
    expected = LevelTable.from_arrays(code, code % 2, code * 1000)
    assert LevelTable.from_arrays(code.astype(kind), code % 2, code * 1000) == expected


def test_integers_too_large_for_the_processor_are_authors_like_any_other() -> None:
    for huge in (2**63, 2**64 - 1, 10**30):
        for author in ([huge, 5], np.array([huge, 5], dtype=object)):
            assert LevelTable.from_arrays(author, [1, 0], [5, 5]).authors == (5, huge)
    unsigned = np.array([2**64 - 1, 5], dtype=np.uint64)
    assert LevelTable.from_arrays(unsigned, [1, 0], [5, 5]).authors == (5, 2**64 - 1)


def test_names_are_told_apart_by_what_numpy_would_drop() -> None:
    assert LevelTable.from_arrays(["a", "a\0"], [1, 0], [5, 5]).authors == ("a", "a\0")


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_rows_come_as_the_frame_asked_for(backend: Any) -> None:
    pytest.importorskip(backend)
    table = ClusterTable.from_arrays(["ann", "bob"], [1, 0], [5, 6], cluster=[1, 2], weight=[2, 3])
    frame = nw.from_native(table.to_frame(backend=backend))
    assert frame.implementation.value == backend
    assert frame.rows() == [("ann", 1, 5, 1, 1, 2, 2, 4), ("bob", 2, 6, 1, 0, 3, 0, 9)]


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


@pytest.mark.parametrize("often", [200, 300, 70_000])
def test_counts_are_exact_whatever_they_were_stored_in(often: int) -> None:
    fine = np.arange(70_000) * 10
    p = np.concatenate([np.full(often, 123_456), fine])
    y = np.concatenate([np.ones(often, dtype=np.int64), np.zeros(len(fine), dtype=np.int64)])
    table = LevelTable.from_arrays(np.zeros(len(p), dtype=np.int64), y, p)
    for times, counted in ((1, table), (2, table.merge(table)), (4, table.merge(table).merge(table.merge(table)))):
        at = counted.p_ppm == 123_456
        assert counted.n[at].tolist() == counted.n_yes[at].tolist() == [times * often]
        assert counted.n.dtype == counted.n_yes.dtype == counted.w2.dtype == np.int64
        assert counted.n.sum() == times * len(p)
    assert table.add(0, 1, 123_456).n.max() == often + 1


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
        "weight": rng.integers(0, 55_000_000, n),  # squares add up beyond what a float holds exactly
        "part": rng.integers(0, 9, n) / 8,
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
    for weight in ("weight", "part"):
        assert LevelTable.from_frame(frame, **columns, weight=weight) == LevelTable.from_arrays(
            author, y, p, weight=data[weight]
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
        ([1, "ann"], [1, 1], [5, 5], {}, r"author\[1\] is ann: give integers throughout"),
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
def test_bad_columns_are_refused(author: Any, y: Any, p: Any, options: Any, message: str) -> None:
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
    with pytest.raises(ValueError, match="author of other is 3: authors of this table are like 'ann'"):
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


def lazy_and_eager(columns: dict[str, Any]) -> list[Any]:
    return [
        pd.DataFrame(columns),
        pl.DataFrame(columns),
        pl.LazyFrame(columns),
        duckdb.from_df(pd.DataFrame(columns)),
    ]


@pytest.mark.parametrize("engine", range(4))
@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ([4_000_000_000, 1], "would overflow"),
        ([2**63 - 1, 1], "would overflow"),
        (np.array([2**64 - 1, 1], dtype=np.uint64), "would overflow"),
        ([-(2**63), 1], "is -9223372036854775808|out of range"),
        ([0, 0], "is 0 for every"),
        ([1e200, 1.0], "is 1e.200|out of range"),
        ([1e-200, 1.0], "is 1e-200|out of range"),
    ],
)
def test_weights_a_frame_cannot_carry_are_refused(engine: int, weight: Any, said: str) -> None:
    columns = {"who": ["ann"] * 2, "ppm": [500_000] * 2, "y": [1] * 2, "w": weight}
    with pytest.raises(ValueError, match=said) as raised:
        LevelTable.from_frame(
            lazy_and_eager(columns)[engine], author="who", probability="ppm", outcome="y", weight="w"
        )
    assert raised.type is ValueError


@pytest.mark.parametrize("engine", range(4))
def test_weights_and_levels_a_frame_can_just_carry_are_counted(engine: int) -> None:
    columns = {"who": ["ann"], "ppm": np.array([200], dtype=np.uint8), "y": [1], "w": [3_037_000_499]}
    table = LevelTable.from_frame(
        lazy_and_eager(columns)[engine], author="who", probability="ppm", outcome="y", weight="w"
    )
    assert table == LevelTable.from_arrays(["ann"], [1], [200], weight=[3_037_000_499])
    assert table.w.tolist() == [3_037_000_499]


@pytest.mark.parametrize("author", [[1.5, 2.0], [True, False], pd.to_datetime(["2024-01-01", "2024-01-02"])])
def test_authors_of_frames_are_names_or_integers(author: Any) -> None:
    for frame in lazy_and_eager({"who": author, "ppm": [5, 5], "y": [1, 0]}):
        with pytest.raises(ValueError, match=r"column 'who' holds .*: give integers or names"):
            LevelTable.from_frame(frame, author="who", probability="ppm", outcome="y")
    for mixed in (["ann", 1], ["ann", [1]]):
        with pytest.raises(ValueError, match=r"who\[1\] is \[?1\]?: give integers throughout"):
            LevelTable.from_frame(
                pd.DataFrame({"who": mixed, "ppm": [5, 5], "y": [1, 0]}),
                author="who",
                probability="ppm",
                outcome="y",
            )


def test_a_weight_too_large_to_add_exactly_is_not_added() -> None:
    table = LevelTable.from_arrays(["ann"], [1], [500_000], weight=[2])
    with pytest.raises(ValueError, match="added up exactly"):
        table.add("ann", 1, 500_000, weight=4_000_000_000)
