"""The same tables from PySpark in local mode as from numpy, compared row by row.

uv run --group spark python tests/benchmarks/build_with_spark.py      # needs a Java runtime
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from pyspark.sql import SparkSession

from scoring.levels import ClusterTable, LevelTable

FORECASTS = 1_000_000


def main() -> None:
    rng = np.random.default_rng(3)
    p = rng.integers(0, 101, FORECASTS) * 10_000
    columns = {
        "who": rng.integers(0, 1000, FORECASTS),
        "came_true": (rng.random(FORECASTS) < p / 1e6).astype(np.int64),
        "ppm": p,
        "topic": rng.integers(0, 200, FORECASTS),
        "weight": rng.integers(1, 4, FORECASTS),
    }
    author, y, topic, weight = columns["who"], columns["came_true"], columns["topic"], columns["weight"]
    names = {"author": "who", "probability": "ppm", "outcome": "came_true", "cluster": "topic"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forecasts.parquet"
        pl.DataFrame(columns).write_parquet(path)
        spark = SparkSession.builder.master("local[2]").getOrCreate()
        frame = spark.read.parquet(str(path))
        for name, theirs, ours in (
            (
                "levels",
                lambda: LevelTable.from_frame(frame, **names),
                lambda: LevelTable.from_arrays(author, y, p),
            ),
            (
                "levels, weighted",
                lambda: LevelTable.from_frame(frame, **names, weight="weight"),
                lambda: LevelTable.from_arrays(author, y, p, weight=weight),
            ),
            (
                "clusters",
                lambda: ClusterTable.from_frame(frame, **names),
                lambda: ClusterTable.from_arrays(author, y, p, cluster=topic),
            ),
        ):
            start = time.perf_counter()
            built = theirs()
            middle = time.perf_counter()
            same = built == ours()
            print(
                f"{name}: identical {same}, {len(built)} rows, Spark {middle - start:.1f} s, "
                f"numpy {time.perf_counter() - middle:.2f} s"
            )
            if not same:
                raise SystemExit(1)
        spark.stop()


if __name__ == "__main__":
    main()
