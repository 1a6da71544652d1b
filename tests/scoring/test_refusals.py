"""Every public function, every column it takes, every way a column can be wrong: a sentence that names both."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from scoring import calibration, compare, decompose, gates, ranking, rules
from scoring.levels import ClusterTable, LevelTable

N = 120  # enough authors with enough clusters to shrink
AT = 3  # where the bad value stands

COLUMNS: dict[str, list[Any]] = {
    "outcome": [(i // 12) % 2 for i in range(N)],
    "question": [(i // 12) for i in range(N)],
    "ppm": [(i * 37 % 11) * 100_000 for i in range(N)],
    "unit": [(i * 37 % 11) / 10 for i in range(N)],
    "weight": [1 + i % 3 for i in range(N)],
    "label": [f"author {i % 12}" for i in range(N)],
    "cluster": [i // 12 for i in range(N)],
    "number": [(i * 37 % 11) / 10 - 0.5 for i in range(N)],
    "option": [i % 2 for i in range(N)],
    "phrase": ["likely" if i % 2 else "may" for i in range(N)],
    "low": [0] * N,
    "high": [1_000_000] * N,
}
BOUND = 10**30
NOT_NUMBERS = ["1", None, b"1", [1], 1j, np.datetime64("2024-01-01")]
NOT_LABELS = [None, math.nan, 1.5, True, b"a", ["a"]]
NOT_PPM = [*NOT_NUMBERS, -1, 1_000_001, BOUND, 0.5, 5.0, math.nan, True]
NOT_NUMERIC = [*NOT_NUMBERS, math.nan, math.inf, -math.inf, 1e200, BOUND**20]
WRONG: dict[str, list[Any]] = {
    "outcome": [*NOT_NUMBERS, 2, -1, 0.5, math.nan, math.inf, BOUND],
    "ppm": NOT_PPM,
    "low": NOT_PPM,
    "high": NOT_PPM,
    "unit": [*NOT_NUMBERS, 1.5, -0.1, math.nan, math.inf, BOUND],
    "weight": [*NOT_NUMBERS, -1, -0.5, math.nan, math.inf, 1e200, 1e-200, BOUND],
    "label": NOT_LABELS,
    "cluster": NOT_LABELS,
    "question": NOT_LABELS,
    "phrase": [*NOT_LABELS, "", " ", 3],
    "number": NOT_NUMERIC,
    "option": [*NOT_NUMBERS, 2, -1, 0.0, math.nan, True, BOUND],
}


@dataclass(frozen=True)
class Call:
    """A function and, by argument, the kind of column it takes."""

    name: str
    function: Callable[..., Any]
    takes: dict[str, str]

    def __call__(self, **changed: Any) -> Any:
        return self.function(**{**{name: COLUMNS[kind] for name, kind in self.takes.items()}, **changed})


def framed(function: Callable[..., Any], **names: Any) -> Callable[..., Any]:
    """Take columns, hand in a polars frame."""
    return lambda **columns: function(pl.DataFrame(columns), **names)


BINARY = {"y": "outcome", "p": "unit"}
TABLE = {"author": "label", "y": "outcome", "p_ppm": "ppm"}
PAIRED = {"outcome": "outcome", "probability": "ppm", "crowd": "low", "topic": "cluster"}
ASKED = {"y": "outcome", "p_ppm": "ppm", "author": "label", "question": "question"}


def of_options(rule: Callable[..., Any]) -> Callable[..., Any]:
    return lambda y: rule(y, [[0.25, 0.75]] * N)


OF_OPTIONS = [name for name in rules.__all__ if "multiclass" in name or "ranked" in name]
PER_FORECAST = [name for name in rules.__all__ if name.endswith("per_forecast") and name not in OF_OPTIONS]
MEANS = [name for name in rules.__all__ if name not in (*OF_OPTIONS, *PER_FORECAST)]
CALLS = [
    *(Call(name, of_options(getattr(rules, name)), {"y": "option"}) for name in OF_OPTIONS),
    *(Call(name, getattr(rules, name), BINARY) for name in PER_FORECAST),
    *(Call(name, getattr(rules, name), {**BINARY, "weight": "weight"}) for name in MEANS),
    Call("LevelTable", LevelTable.from_arrays, TABLE),
    Call("LevelTable, weighted", LevelTable.from_arrays, {**TABLE, "weight": "weight"}),
    Call("coded LevelTable", partial(LevelTable.from_arrays, labels=["a", "b"]), {**TABLE, "author": "option"}),
    Call("ClusterTable", ClusterTable.from_arrays, {**TABLE, "cluster": "cluster", "weight": "weight"}),
    Call("phrase_table", calibration.phrase_table, {"y": "outcome", "phrase": "phrase", "cluster": "cluster"}),
    Call(
        "consistency_band",
        partial(calibration.consistency_band, draws=60),
        {"y": "outcome", "p_ppm": "ppm", "cluster": "cluster"},
    ),
    Call("shrink", ranking.shrink, {"difference": "number", "author": "label", "cluster": "cluster"}),
    Call("pairwise_order", ranking.pairwise_order, {**ASKED, "cluster": "cluster"}),
    Call("rank_intervals", ranking.rank_intervals, ASKED),
    Call(
        "difficulty_adjusted",
        ranking.difficulty_adjusted,
        {"brier": "number", "author": "label", "question": "question"},
    ),
    Call(
        "wording_interval",
        partial(ranking.wording_interval, draws=20),
        {"y": "outcome", "median_ppm": "ppm", "low_ppm": "low", "high_ppm": "high", "phrase": "label"},
    ),
    Call(
        "lexicon_stability",
        lambda y, author: ranking.lexicon_stability(y, [[5, 6]] * N, author=author),
        {"y": "outcome", "author": "label"},
    ),
]
FRAMED = [
    Call("paired_difference", framed(compare.paired_difference, reference="crowd", cluster="topic"), PAIRED),
    Call("permutation_test", framed(compare.permutation_test, reference="crowd", cluster="topic"), PAIRED),
    Call(
        "e_process",
        framed(compare.e_process, reference="crowd", cluster="topic", deadline="due"),
        {**PAIRED, "due": "number"},
    ),
    Call(
        "LevelTable.from_frame",
        framed(LevelTable.from_frame, author="author", probability="p_ppm", outcome="y", weight="weight"),
        {**TABLE, "weight": "weight"},
    ),
    Call(
        "ClusterTable.from_frame",
        framed(ClusterTable.from_frame, author="author", probability="p_ppm", outcome="y", cluster="cluster"),
        {**TABLE, "cluster": "cluster"},
    ),
]
ARGUMENTS = [pytest.param(call, name, id=f"{call.name}-{name}") for call in CALLS for name in call.takes]
FRAME_ARGUMENTS = [pytest.param(call, name, id=f"{call.name}-{name}") for call in FRAMED for name in call.takes]


def with_one(column: list[Any], value: Any) -> list[Any]:
    return [*column[:AT], value, *column[AT + 1 :]]


def refused(call: Call, name: str, column: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        call(**{name: column})
    assert raised.type is ValueError  # numpy has ValueErrors of its own that name nothing


def numbers_in(result: Any) -> Iterator[Any]:
    """All numbers of a result, however it is built."""
    if isinstance(result, LevelTable | ClusterTable):
        result = result.to_frame().to_dict("list")
    if is_dataclass(result) and not isinstance(result, type):
        result = {field.name: getattr(result, field.name) for field in fields(result)}
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, np.ndarray):
        result = result.tolist()
    if isinstance(result, list | tuple):
        for part in result:
            yield from numbers_in(part)
    else:
        yield result


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
def test_a_bad_value_is_refused_by_argument_and_position(call: Call, name: str) -> None:
    kind = call.takes[name]
    for value in WRONG[kind]:
        refused(call, name, with_one(COLUMNS[kind], value), rf"\b{name}\[{AT}\] is ")
        as_objects = np.empty(N, dtype=object)
        as_objects[:] = COLUMNS[kind]
        as_objects[AT] = value
        refused(call, name, as_objects, rf"\b{name}\[{AT}\] is ")


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
def test_a_column_of_the_wrong_shape_is_refused_by_argument(call: Call, name: str) -> None:
    good = COLUMNS[call.takes[name]]
    refused(call, name, [], rf"\b{name} is empty")
    refused(call, name, good[:-1], rf"\b{name} has {N - 1} values|has {N} values but {name} has {N - 1}")
    refused(call, name, [good], rf"\b{name} has 2 dimensions")
    refused(call, name, [[1], [1, 2]], rf"\b{name} has rows of different lengths")
    for scalar in ("abc", 5, 0.5, {"a": 1}, object()):
        refused(call, name, scalar, rf"\b{name} has 0 dimensions")
    if name not in ("weight", "cluster"):
        refused(call, name, None, rf"\b{name} has 0 dimensions")


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
def test_what_is_masked_or_missing_is_refused_and_never_read(call: Call, name: str) -> None:
    good = COLUMNS[call.takes[name]]
    mask = [i >= AT for i in range(N)]
    refused(call, name, np.ma.array(good, mask=mask), rf"\b{name}\[{AT}\] is masked")
    refused(call, name, with_one(good, np.ma.masked), rf"\b{name}\[{AT}\] is (masked|--)")
    missing = with_one(good, None)
    nullable = "string" if isinstance(good[0], str) else "Int64" if isinstance(good[0], int) else "Float64"
    for series in (pl.Series(missing), pd.Series(missing), pd.Series(missing, dtype=nullable)):
        refused(call, name, series, rf"\b{name}\[{AT}\] is missing")


def same_column(good: list[Any]) -> Iterator[Any]:
    """The same column as other libraries and processors hold it."""
    array = np.array(good)
    yield tuple(good)
    yield array
    yield np.array(good, dtype=object)
    yield np.ma.array(good)
    yield np.repeat(array, 2)[::2]
    yield array.reshape(1, -1)[0][::-1].copy()[::-1]
    read_only = array.copy()
    read_only.flags.writeable = False
    yield read_only
    for library in (pd, pl):
        yield library.Series(good)
    if array.dtype.kind == "U":
        yield pd.Series(good, dtype="category")
        yield pl.Series(good, dtype=pl.Categorical)
        yield array.astype(np.dtypes.StringDType())
    else:
        yield array.astype(array.dtype.newbyteorder(">"))
        yield pd.Series(good, dtype="Int64" if array.dtype.kind == "i" else "Float64")
    if array.dtype.kind == "i":
        for kind in ("int32", "uint32", "uint64"):
            yield array.astype(kind)
        if array.max() < 128:
            yield array.astype(np.int8)
            yield array.astype(np.uint8)


@pytest.mark.parametrize(("call", "name"), ARGUMENTS)
def test_the_same_column_in_another_dress_gives_the_same_answer(call: Call, name: str) -> None:
    kind = call.takes[name]
    expected = list(numbers_in(call()))
    assert not [value for value in expected if isinstance(value, float) and math.isnan(value)]
    dresses = list(same_column(COLUMNS[kind]))
    if kind == "outcome":
        dresses += [np.array(COLUMNS[kind], dtype=bool), np.array(COLUMNS[kind], dtype=float)]
        dresses += [pd.Series(COLUMNS[kind], dtype="boolean"), [bool(v) or 0.0 for v in COLUMNS[kind]]]
    for dress in dresses:
        assert list(numbers_in(call(**{name: dress}))) == expected


@pytest.mark.parametrize(("call", "name"), FRAME_ARGUMENTS)
def test_bad_frames_are_refused_by_column(call: Call, name: str) -> None:
    kind = call.takes[name]
    good = COLUMNS[kind]
    refused(call, name, pl.Series(with_one(good, None)), rf"\b{name}\[{AT}\] is (missing|nan)")
    wrong_type = pl.Series([1.5] * N if isinstance(good[0], str) or kind == "cluster" else ["a"] * N)
    refused(call, name, wrong_type, rf"\b{name}\[0\] is |column '{name}' holds ")
    if kind in ("outcome", "ppm", "low", "weight"):
        refused(call, name, pl.Series(with_one(good, -1)), rf"\b{name}\[{AT}\] is -1")
    if kind == "weight":
        for value in (math.nan, math.inf, 1e200, 1e-200):
            refused(call, name, pl.Series(with_one([float(v) for v in good], value)), rf"\b{name}\[{AT}\] is ")
    with pytest.raises(ValueError, match=f"'{name}' does not exist"):
        call.function(**{n: COLUMNS[k] for n, k in call.takes.items() if n != name})
    with pytest.raises(ValueError, match=r"is empty|holds Unknown"):  # without rows polars knows no types
        call.function(**{n: COLUMNS[k][:0] for n, k in call.takes.items()})


@pytest.mark.parametrize("frame", [None, [1], {"y": [1]}, "frame", np.zeros((2, 2)), pd.Series([1])])
def test_what_is_no_frame_is_refused(frame: Any) -> None:
    for function in (compare.paired_difference, compare.permutation_test):
        with pytest.raises(ValueError, match="frame is a "):
            function(frame, reference="crowd", cluster="topic")
    with pytest.raises(ValueError, match="frame is a "):
        compare.e_process(frame, reference="crowd", cluster="topic", deadline="due")
    for table in (LevelTable, ClusterTable):
        with pytest.raises(ValueError, match="frame is a "):
            table.from_frame(frame, author="a", probability="p", outcome="y", cluster="c")


def test_no_public_function_goes_unasked() -> None:
    asked = {call.name for call in (*CALLS, *FRAMED)} | {f.__name__ for f in (*TABLE_FUNCTIONS, *TESTS)}
    public = [name for module in (rules, decompose, calibration, compare, ranking) for name in module.__all__]
    functions = {name for name in public if name.islower()}
    assert not functions - asked


LEVELS = LevelTable.from_arrays(["ann"] * 4, [1, 0, 1, 1], [300_000, 300_000, 900_000, 900_000])
CLUSTERS = ClusterTable.from_arrays(["ann"] * 2, [1, 0], [300_000, 900_000], cluster=["x", "y"])
TABLE_FUNCTIONS: list[Callable[..., Any]] = [
    decompose.murphy,
    decompose.murphy_corrected,
    decompose.corp,
    decompose.yates,
    decompose.recalibrated,
    calibration.reliability_curve,
    calibration.corp_curve,
]
TESTS: list[Callable[..., Any]] = [
    calibration.spiegelhalter_z,
    calibration.calibration_in_the_large,
    calibration.expected_calibration_error,
]


@pytest.mark.parametrize("function", [*TABLE_FUNCTIONS, *TESTS])
def test_functions_of_tables_refuse_what_is_none_and_what_is_empty(function: Any) -> None:
    name = "table" if function in TESTS else "levels"
    emptied = LevelTable.from_arrays(["ann"], [1], [5]).remove("ann", 1, 5)
    with pytest.raises(ValueError, match=f"{name} holds no forecast"):
        function(emptied)
    for other in (None, [1], "levels", pd.DataFrame({"y": [1]}), *([] if function in TESTS else [CLUSTERS])):
        with pytest.raises(ValueError, match=f"{name} is a "):
            function(other)


@pytest.mark.parametrize("function", [*TABLE_FUNCTIONS, *TESTS])
@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("p_ppm", [[0, 0, 0, 0], [1_000_000] * 4, [0, 0, 1_000_000, 1_000_000], [500_000] * 4])
def test_outcomes_of_one_kind_have_an_answer(function: Any, y: int, p_ppm: list[int]) -> None:
    result = function(LevelTable.from_arrays(["ann"] * 4, [y] * 4, p_ppm))
    assert not [v for v in numbers_in(result) if isinstance(v, float) and math.isnan(v)]


@pytest.mark.parametrize("function", [f for f in TABLE_FUNCTIONS if f is not calibration.reliability_curve])
def test_an_author_without_weight_is_named(function: Any) -> None:
    for authors in (["ann", "ann", "bob"], ["bob", "bob", "ann"]):
        table = LevelTable.from_arrays(authors, [1, 0, 1], [5, 6, 6], weight=[1, 1, 0])
        said = f"every forecast of author '{authors[-1]}'|levels is weighted"
        with pytest.raises(ValueError, match=said):
            function(table)
        with pytest.raises(ValueError, match=said):
            function(table.author(authors[-1]))


SCALARS: list[tuple[str, Callable[[Any], Any], list[Any]]] = [
    ("bins", lambda v: calibration.reliability_curve(LEVELS, bins=v), [0, -1, 1_000_001, 2.5, "3", None]),
    ("bins", lambda v: decompose.murphy(LEVELS, bins=v), [0, 2.5, "3", math.nan, True]),
    ("bins", lambda v: decompose.murphy_corrected(LEVELS, bins=v), [0, 2.5, "3", math.nan]),
    ("score", lambda v: decompose.corp(LEVELS, score=v), ["spherical", None, 1]),
    ("clusters", gates.allowed, [-1, 9.5, "9", None, math.nan, True]),
    ("floor", lambda v: rules.log_score([1], [0.5], floor=v), [0, 1, -1, "a", math.nan, True]),
    ("base", lambda v: rules.log_score([1], [0.5], base=v), [2, "e2", None]),
    ("scale", lambda v: rules.brier_score([1], [0.5], scale=v), ["percent", None]),
    ("coverage", lambda v: calibration.phrase_table([1], ["may"], coverage=v), [0, 1, 95, "a", math.nan]),
    ("alpha", lambda v: ranking.pairwise_order([1], [5], author=["a"], question=["q"], alpha=v), [0, 1, "a"]),
    ("labels", lambda v: LevelTable.from_arrays([0], [1], [5], labels=v), [[], [None], ["a", "a"], ["a", 1], 5]),
    ("backend", lambda v: LEVELS.to_frame(backend=v), ["excel", None, 3]),
    ("other", LEVELS.merge, [None, CLUSTERS, "ann"]),
    ("name", LEVELS.author, ["eve", None, 1.5, True, 3, ["ann"]]),
    ("values", LEVELS.total, [[1], 1, [[1, 2]], None]),
    ("values", LEVELS.mean, [[1], 1]),
    ("values", CLUSTERS.cluster_total, [[1], 1]),
    ("yes", lambda v: LEVELS.mean_score(v, v), [[1], 1]),
    ("per_author", LEVELS.spread, [[1, 2], [[1]]]),
    ("draws", lambda v: ranking.wording_interval(
        [1], [5], low_ppm=[5], high_ppm=[5], phrase=["a"], draws=v), [0, 1.5, "a", None]),
    ("seed", lambda v: ranking.wording_interval(
        [1], [5], low_ppm=[5], high_ppm=[5], phrase=["a"], seed=v), [-1, 1.5, "a", None]),
    ("draws", lambda v: calibration.expected_calibration_error(LEVELS, draws=v), [0, 1.5, "a"]),
    ("seed", lambda v: calibration.expected_calibration_error(LEVELS, seed=v), [-1, None]),
    ("draws", lambda v: compare.permutation_test(pd.DataFrame(), reference="q", cluster="c", draws=v), [0, None]),
    ("seed", lambda v: compare.permutation_test(pd.DataFrame(), reference="q", cluster="c", seed=v), [-1, None]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "call", "value"),
    [
        pytest.param(name, call, value, id=f"{i}-{name}-{value!r}"[:40])
        for i, (name, call, values) in enumerate(SCALARS)
        for value in values
    ],
)
def test_bad_options_are_refused_by_name(name: str, call: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        call(value)


@pytest.mark.parametrize(
    ("P", "said"),
    [
        ([[0.5, "0.5"], [1, 0]], r"P\[0, 1\] is 0.5: give numbers"),
        ([[0.5, 0.5], [1, None]], r"P\[1, 1\] is None"),
        ([[0.5, 0.5], [1, math.nan]], r"P\[1, 1\] is nan"),
        ([[0.5, 0.5], [0.5]], "P has (rows of different lengths|shape)"),
        (np.ma.array([[0.5, 0.5], [1, 0]], mask=[[False, False], [False, True]]), r"P\[1, 1\] is masked"),
        ([np.ma.array([0.5, 0.5]), np.ma.array([1, 0], mask=[False, True])], r"P\[1, 1\] is masked"),
        (pl.DataFrame({"no": [0.5, 1], "yes": [0.5, None]}), r"P\[1, 1\] is nan"),
        (pd.DataFrame({"no": [0.5, 1], "yes": [0.5, None]}, dtype="Float64"), r"P\[1, 1\] is (nan|<NA>)"),
        ([[2, -1], [1, 0]], r"P\[0, 0\] is 2"),
        ([[1.0, 10**30], [1, 0]], r"P\[0, 1\] is 1000"),
        ([0.5, 0.5], r"P has shape \(2,\)"),
        ("P", r"P has shape \(\)"),
        (None, r"P has shape \(\)"),
    ],
)
def test_bad_tables_of_options_are_refused(P: Any, said: str) -> None:
    for rule in (rules.brier_score_multiclass, rules.ranked_probability_score):
        with pytest.raises(ValueError, match=said):
            rule([0, 1], P)


def test_many_options_need_no_more_memory_than_the_table() -> None:
    P = np.full((1, 100_000), 1e-5)
    assert rules.brier_score_multiclass([7], P) == pytest.approx(1 - 2e-5 + 1e-5)


def test_the_sentence_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=re.escape("p_ppm[1] is 0.5: give integers in parts per million")):
        LevelTable.from_arrays(["ann", "ann"], [1, 0], [500_000, 0.5])
    with pytest.raises(
        ValueError, match=re.escape("y[1] is masked: every forecast needs one; fill it in or leave")
    ):
        rules.brier_score(np.ma.array([1, 0], mask=[False, True]), [0.5, 0.5])
