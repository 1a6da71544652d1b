"""How fast scoring is, in ratios to a floor and to the alternatives, all in one run.

    uv run --group bench python tests/benchmarks/measure_speed.py            # 10⁷ forecasts, some minutes
    uv run --group bench python tests/benchmarks/measure_speed.py --quick    # 10⁶ forecasts

The floor is one sum over each needed column. Every figure is the best of a few repetitions, in processor
time: what else the machine does counts less, and engines with several threads pay for each. Memory is the peak
beyond the columns given, as a share of them; numpy reports to tracemalloc, engines written in other languages do
not and show none.
"""

import argparse
import itertools
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
import tracemalloc
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss

from scoring import _standing
from scoring._effects import two_way_effects
from scoring.calibration import reliability_curve
from scoring.decompose import corp, murphy
from scoring.history import History, baseline_score, peer_score, spot_score, time_weighted_brier
from scoring.levels import LevelTable
from scoring.ranking import difficulty_adjusted

AUTHORS = 1000


def best(action: Callable[[], Any], repeat: int = 3) -> float:
    times = []
    for _ in range(repeat):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def memory(action: Callable[[], Any], *data: Any) -> str:
    """Peak beyond the data, and what of it remains in what is returned."""
    size = sum(column.nbytes for column in data)
    tracemalloc.start()
    result = action()
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = f", {held / size:.0%} of it returned" if result is not None else ""
    return f"{most / size:.0%}{kept}"


def row(name: str, measured: str, asked: str = "", memory: str = "") -> None:
    print(f"| {name} | {measured} | {asked} | {memory} |", flush=True)


def report(author: Any, y: Any, p_ppm: Any) -> None:
    levels = LevelTable.from_arrays(author, y, p_ppm)
    levels.brier_score()
    levels.log_score()
    reliability_curve(levels)
    murphy(levels)
    corp(levels)


def scikit_learn_loop(author: Any, y: Any, p: Any) -> None:
    order = np.argsort(author, kind="stable")
    bounds = np.flatnonzero(np.diff(author[order], prepend=-1, append=AUTHORS))
    for start, stop in itertools.pairwise(bounds):
        mine = order[start:stop]
        a, b = y[mine], p[mine]
        brier_score_loss(a, b)
        log_loss(a, np.clip(b, 1e-6, 1 - 1e-6), labels=[0, 1])
        number = np.minimum((b * 10).astype(int), 9)
        np.bincount(number, minlength=10), np.bincount(number, weights=a, minlength=10)
        values, inverse = np.unique(b, return_inverse=True)
        rate = np.bincount(inverse, weights=a) / np.bincount(inverse)
        ((rate - values) ** 2 * np.bincount(inverse)).sum()
        brier_score_loss(a, IsotonicRegression().fit_transform(b, a))


def full_report(n: int, rng: np.random.Generator) -> None:
    author, p = rng.integers(0, AUTHORS, n), rng.integers(0, 101, n) * 10_000
    y = (rng.random(n) < p / 1e6).astype(np.int64)
    floor = best(lambda: (author.sum(), y.sum(), p.sum()), 5)
    ours = best(lambda: report(author, y, p))
    row(
        "full report, 1 % grid: times the floor",
        f"{ours / floor:.1f}",
        "≤ 10",
        memory(lambda: report(author, y, p), author, y, p),
    )
    frame = pd.DataFrame({"author": author, "p": p, "y": y})
    lazy = pl.LazyFrame({"author": author, "p": p, "y": y})
    names = {"author": "author", "probability": "p", "outcome": "y"}
    relation = duckdb.from_df(frame)
    for name, action in (
        ("scikit-learn, loop over authors", lambda: scikit_learn_loop(author, y, p / 1e6)),
        ("pandas, one groupby by level", lambda: frame.groupby(["author", "p"])["y"].agg(["size", "sum"])),
        ("our table counted by DuckDB", lambda: LevelTable.from_frame(relation, **names)),
        ("our table counted by polars", lambda: LevelTable.from_frame(lazy, **names)),
    ):
        took = best(action, 1)
        asked = "≥ 50 times ours" if "scikit" in name else ""
        used = "" if "our table" in name else memory(action, author, y, p)
        row(f"{name}: times the floor", f"{took / floor:.0f} ({took / ours:.1f} times our report)", asked, used)
    fine = rng.integers(0, 1_000_001, n)
    real = fine / 1e6
    sorting, ordering = best(lambda: np.sort(real)), best(lambda: np.argsort(real), 1)
    took = best(lambda: report(author, y, fine), 2)
    row(
        "full report, continuous: times np.argsort of the probabilities",
        f"{took / ordering:.1f}",
        "≤ 4",
        memory(lambda: report(author, y, fine), author, y, fine),
    )
    row("full report, continuous: times np.sort (vectorised)", f"{took / sorting:.1f}", "")
    row(
        "its table alone: times np.argsort",
        f"{best(lambda: LevelTable.from_arrays(author, y, fine), 2) / ordering:.1f}",
        "",
        memory(lambda: LevelTable.from_arrays(author, y, fine), author, y, fine),
    )


def one_more(rng: np.random.Generator) -> None:
    figures = []
    for n in (10**4, 10**5, 10**6, 10**7):
        author, p = rng.integers(0, AUTHORS, n), rng.integers(0, 101, n) * 10_000
        table = LevelTable.from_arrays(author, rng.integers(0, 2, n), p)

        def update(table: LevelTable = table) -> None:
            for k in range(100):
                name = k * 7 % AUTHORS
                table.add(name, 1, 370_000)
                one = table.author(name)
                one.brier_score()
                murphy(one)

        figures.append(best(update) / 100)
        used = memory(update, author, p)
    row("one more resolution and that author's report, 10⁴ … 10⁷ forecasts", _micros(figures), "flat", used)


def _micros(figures: list[float]) -> str:
    return ", ".join(f"{figure * 1e6:.2g}" for figure in figures) + " µs"


def histories(n: int, rng: np.random.Generator) -> None:
    # Twenty updates of each author on each question.
    author, question = rng.integers(0, n // 10_000, n), rng.integers(0, 500, n)
    at = np.sort(rng.choice(10**9, n, replace=False) if n <= 10**6 else rng.integers(0, 10**13, n))
    outcome = rng.integers(0, 2, 500)
    y, p = outcome[question], rng.random(n)
    columns: dict[str, Any] = {
        "author": author, "question": question, "at": at, "opens": 0, "closes": int(at[-1]) + 1
    }  # fmt: skip
    floor = best(lambda: (author.sum(), question.sum(), at.sum(), y.sum(), p.sum()), 5)

    def score() -> Any:
        return time_weighted_brier(History.from_arrays(y, p, **columns))

    def measured(name: str, repeat: int, asked: str) -> None:
        took = best(score, repeat)
        row(name, f"{took / floor:.0f}", asked, memory(score, author, question, at, y, p))

    compiled = _standing.compiled
    if compiled is not None:
        score()
        measured("time-weighted Brier with numba, in time order: times the floor", 3, "≤ 40")
    _standing.compiled = None
    measured("time-weighted Brier in numpy, in time order: times the floor", 2, "≤ 130")
    mixed = rng.permutation(n)
    y, p = y[mixed], p[mixed]
    columns |= {"author": author[mixed], "question": question[mixed], "at": at[mixed]}
    measured("time-weighted Brier in numpy, unsorted: times the floor", 2, "≤ 130")
    _standing.compiled = compiled

    def pandas_vectorised() -> None:
        frame = pd.DataFrame(
            {"a": columns["author"], "q": columns["question"], "t": columns["at"], "p": p, "y": y}
        )
        frame = frame.sort_values(["a", "q", "t"])
        held = frame.groupby(["a", "q"])["t"].shift(-1).fillna(columns["closes"]) - frame["t"]
        frame["held"], frame["loss"] = held, held * (frame["p"] - frame["y"]) ** 2
        frame.groupby(["a", "q"])[["held", "loss"]].sum()

    row(
        "the same, pandas vectorised, unsorted: times the floor",
        f"{best(pandas_vectorised, 1) / floor:.0f}",
        "",
        memory(pandas_vectorised, author, question, at, y, p),
    )


def metaculus(rng: np.random.Generator) -> None:
    def crowd(questions: int, forecasters: int) -> tuple[Any, dict[str, Any]]:
        n = questions * forecasters * 5
        question = np.repeat(np.arange(questions), forecasters * 5)
        at = rng.integers(0, 10**7, n) * 100 + np.tile(np.arange(5), n // 5)
        y = rng.integers(0, 2, questions)[question]
        author = np.tile(np.repeat(np.arange(forecasters), 5), questions)
        return (y, rng.random(n)), {
            "author": author, "question": question, "at": at, "opens": 0, "closes": 10**9
        }  # fmt: skip

    def three(rows: Any, columns: Any) -> None:
        history = History.from_arrays(*rows, **columns)
        baseline_score(history, compat="metaculus")
        peer_score(history, compat="metaculus")
        spot_score(history, at=5 * 10**8, compat="metaculus")

    rows, columns = crowd(200, 200)
    took = best(lambda: three(rows, columns), 5)
    lexsort = best(lambda: np.lexsort((columns["at"], columns["question"])), 5)
    by_time = best(lambda: np.argsort(columns["at"]), 5)
    vectorised = best(lambda: np.sort(columns["at"]), 5)
    data = (*rows, columns["author"], columns["question"], columns["at"])
    row(
        "three Metaculus scores, 200 × 200 × 5: times a lexsort of the rows",
        f"{took / lexsort:.1f}",
        "≤ 8",
        memory(lambda: three(rows, columns), *data),
    )
    row("the same: times np.argsort of the times", f"{took / by_time:.1f}", "")
    row("the same: times np.sort (vectorised)", f"{took / vectorised:.1f}", "")
    history = History.from_arrays(*rows, **columns)
    row(
        "the peer score of these alone, of a history that is there, per update",
        f"{best(lambda: peer_score(history, compat='metaculus')) / len(rows[0]) * 1e6:.2g} µs",
        "",
        memory(lambda: peer_score(history, compat="metaculus"), *data),
    )
    figures, used = [], []
    for forecasters in (25, 100, 400, 1000):
        rows, columns = crowd(40_000 // forecasters, forecasters)
        figures.append(best(lambda r=rows, c=columns: three(r, c)) / len(rows[0]))  # type: ignore[misc]
        data = (*rows, columns["author"], columns["question"], columns["at"])
        used.append(memory(lambda r=rows, c=columns: three(r, c), *data))  # type: ignore[misc]
    row(
        "three scores per update, 25, 100, 400, 1000 forecasters a question",
        _micros(figures),
        "flat",
        ", ".join(used),
    )


def effects(rng: np.random.Generator) -> None:
    author, question = (grid.ravel() for grid in np.meshgrid(np.arange(500), np.arange(1000), indexing="ij"))
    kept = rng.random(len(author)) < 0.5
    author, question = author[kept], question[kept]
    values = rng.random(len(author)) ** 2
    score, difficulty, _ = two_way_effects(values, author, question)
    left = values - score[author] - difficulty[question]
    residual = max(np.abs(np.bincount(author, left)).max(), np.abs(np.bincount(question, left)).max())
    took = best(lambda: difficulty_adjusted(values, author=author, question=question))
    row(
        "two-way effects, 500 × 1000, half the cells: residual of the normal equations",
        f"{residual:.0e}",
        "≤ 1e-10",
        memory(lambda: difficulty_adjusted(values, author=author, question=question), values, author, question),
    )
    if find_spec("pyfixest") is None:
        row("two-way effects", f"{took * 1e3:.0f} ms; install the group bench to compare", "≤ 1/20")
        return
    pyfixest = import_module("pyfixest")
    frame = pd.DataFrame({"brier": values, "author": author, "question": question})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = best(lambda: pyfixest.feols("brier ~ 1 | author + question", data=frame).fixef(), 2)
    row("two-way effects: time of a full regression package over ours", f"{theirs / took:.0f}", "≥ 20")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    n = 10**6 if parser.parse_args().quick else 10**7
    rng = np.random.default_rng(20)
    row("what", "measured", "asked", "peak memory beyond the data (asked: ≤ 25 %)")
    row("---", "---", "---", "---")
    full_report(n, rng)
    one_more(rng)
    metaculus(rng)
    effects(rng)
    histories(n, rng)


if __name__ == "__main__":
    main()
