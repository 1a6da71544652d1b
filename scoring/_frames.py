"""The one place where frames are read: any engine counts its own rows, and only the counts come back."""

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from narwhals.typing import IntoFrame
from numpy.typing import NDArray

from scoring import _checks, _grouping
from scoring._checks import LARGEST, PPM, IntArray
from scoring._grouping import Sums

_SUMS = ("n", "n_yes", "w", "w_yes", "w2")
_NAMES = (nw.String, nw.Categorical, nw.Enum, nw.Object)
_SQUARABLE = 3_037_000_499  # the largest integer whose square is less than 2^63


class Counted(NamedTuple):
    """Unsorted rows, one per distinct (groups, p_ppm)."""

    groups: list[NDArray[Any]]
    p_ppm: IntArray
    sums: Sums


def count(native: IntoFrame, groups: list[str], *, probability: str, outcome: str, weight: str | None) -> Counted:
    """Count forecasts by the group columns and the probability, in the engine that holds the frame."""
    frame = _opened(native)
    _refuse_columns(dict(frame.collect_schema()), groups, probability, outcome, weight)
    if isinstance(frame, nw.DataFrame) and len(frame):
        for name in groups:
            if frame.schema[name] == nw.Object:  # may hold anything, which grouping would trip over
                _grouping.encode(frame[name].to_native(), name)
    table = _grouped(frame, groups, probability, outcome, weight)
    if not len(table):
        raise ValueError(f"{outcome} is empty: there is nothing to score")
    keys = [table[f"group_{i}"] for i in range(len(groups))]
    level = table["p_ppm"]
    # As a float: small kinds of integers cannot be compared with a million in every library.
    said = level.cast(nw.Float64)
    bad_row = (table["bad"] > 0) | level.is_null() | (said < 0) | (said > PPM)
    for key in keys:
        bad_row = bad_row | key.is_null()
    if bad_row.any():
        if isinstance(frame, nw.DataFrame):
            _refuse_first(frame, groups, probability, outcome, weight)
        row = table.filter(bad_row).row(0)
        raise ValueError(
            f"{probability}, {outcome}, {weight or 'weight'} or {groups} is missing or out of range "
            f"among the forecasts of {row[: len(groups)]} at {probability} = {row[len(groups)]}"
        )
    if weight is not None:
        _refuse_weights(table, weight)
    return Counted(
        [key.to_numpy() for key in keys],
        level.to_numpy().astype(np.int64),
        tuple(table[name].to_numpy() for name in _SUMS),
    )


def _refuse_weights(table: nw.DataFrame[Any], weight: str) -> None:
    """Refuse weights that are all zero, and integers too large to be added up exactly."""
    heaviest, forecasts = table["w_max"].max(), int(table["n"].sum())
    if heaviest == 0:
        raise ValueError(f"{weight} is 0 for every forecast: there is nothing to score")
    if table["w"].dtype.is_integer() and (int(heaviest) ** 2 * forecasts >= 2**63 or table["w2"].min() < 0):
        raise ValueError(f"{weight} reaches {heaviest:.15g}: {_checks.EXACT_RULE}")


def columns(native: IntoFrame, names: list[str]) -> dict[str, Any]:
    """Return columns of any frame as series of its library, which know their missing values."""
    frame = collected(_opened(native))
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(f"column {missing[0]!r} does not exist: the frame has {frame.columns}")
    return {name: frame[name].to_native() for name in names}


def _opened(native: IntoFrame) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    try:
        return nw.from_native(native)
    except TypeError:
        raise ValueError(
            f"frame is a {type(native).__name__}: give a frame, such as one of pandas, polars, PyArrow or DuckDB"
        ) from None


def collected(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Bring a frame into memory, in its own library where that holds frames in memory, else in pandas."""
    if isinstance(frame, nw.LazyFrame):
        return frame.collect("polars" if frame.implementation.is_polars() else "pandas")
    return frame


def _refuse_columns(
    schema: dict[str, Any], groups: list[str], probability: str, outcome: str, weight: str | None
) -> None:
    for name in (*groups, probability, outcome, *([weight] if weight is not None else [])):
        if name not in schema:
            raise ValueError(f"column {name!r} does not exist: the frame has {list(schema)}")
    if not schema[probability].is_integer():
        raise ValueError(f"column {probability!r} holds {schema[probability]}: give integers in ppm, 0 to 1000000")
    for name in groups:
        if not (schema[name].is_integer() or schema[name] in _NAMES):
            raise ValueError(f"column {name!r} holds {schema[name]}: give integers or names")
    for name in (outcome, *([weight] if weight is not None else [])):
        if not (schema[name].is_numeric() or schema[name] == nw.Boolean):
            raise ValueError(f"column {name!r} holds {schema[name]}: give numbers")


def _grouped(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any],
    groups: list[str],
    probability: str,
    outcome: str,
    weight: str | None,
) -> nw.DataFrame[Any]:
    schema = frame.collect_schema()
    # Everything is cast before it is grouped: pandas has no fast path for expressions inside agg.
    y = nw.col(outcome).cast(nw.Float64)
    w = nw.lit(1) if weight is None else nw.col(weight)
    exact = weight is None or not schema[weight].is_float()
    good = ((y == 0) | (y == 1)) & ~y.is_null()
    if weight is not None:
        # NaN is larger than infinity in some engines and incomparable in others: both ways this is false.
        carried = (w >= 0) if exact else (w == 0) | ((w >= 1 / LARGEST) & (w <= LARGEST))
        good = good & carried & ~w.is_null()
    heaviest = w.cast(nw.Float64)
    if exact:  # what cannot be squared, or is negative, is refused afterwards, but some engines square first
        w = nw.when((w >= 0) & (w <= _SQUARABLE)).then(w).otherwise(0)
    prepared = frame.select(
        *(nw.col(name).alias(f"group_{i}") for i, name in enumerate(groups)),
        nw.col(probability).alias("p_ppm"),
        nw.lit(1, nw.Int64).alias("n"),
        (y == 1).cast(nw.Int64).alias("n_yes"),
        w.cast(nw.Int64 if exact else nw.Float64).alias("w"),
        heaviest.alias("w_max"),
        (~good).cast(nw.Int64).alias("bad"),
    ).with_columns((nw.col("w") * nw.col("n_yes")).alias("w_yes"), (nw.col("w") * nw.col("w")).alias("w2"))
    keys = [f"group_{i}" for i in range(len(groups))]
    sums = [nw.col(name).sum() for name in (*_SUMS, "bad")]
    grouped = prepared.group_by(*keys, "p_ppm").agg(*sums, nw.col("w_max").max())
    kind = nw.Int64 if exact else nw.Float64
    if exact:  # some engines add up integers in 128 bits, which pandas would read as floats
        fits = nw.col("w2").cast(nw.Float64) <= float(2**63 - 1024)
        grouped = grouped.with_columns(nw.when(fits).then(nw.col("w2")).otherwise(-1))
    # Engines widen sums as they please; the counts have one type everywhere.
    casts = {"n": nw.Int64, "n_yes": nw.Int64, "w": kind, "w_yes": kind, "w2": kind, "bad": nw.Int64}
    return collected(grouped.with_columns(*(nw.col(name).cast(to) for name, to in casts.items())))


def _refuse_first(
    frame: nw.DataFrame[Any], groups: list[str], probability: str, outcome: str, weight: str | None
) -> None:
    """Name the first bad position of a frame that has positions."""
    for name in groups:
        _checks.column(frame[name].to_native(), name)
    _checks.ppm(frame[probability].to_native(), probability)
    _checks.outcomes(frame[outcome].to_native(), outcome)
    if weight is not None:
        _checks.weights(frame[weight].to_native(), len(frame), weight)
