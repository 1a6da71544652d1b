"""Does what scoring shows hold as often as it says? Simulated, printed as tables.

    uv run python tests/benchmarks/simulate_honesty.py            # full: under an hour on two busy cores
    uv run python tests/benchmarks/simulate_honesty.py --quick    # minutes, with fewer runs
    uv run python tests/benchmarks/simulate_honesty.py --only bands evidence

Forecasts of a cluster come true together: one uniform number decides all of them. The target of an
interval is known exactly. Coverage is checked by asking whether the target is refuted instead of solving
for the ends, with Gaffke's tail compiled; in the first run of every cell the functions themselves are
called and must agree. Every least coverage comes with its Monte-Carlo standard error and, as the least of many
noisy figures is too low by selection, with that of the same cell simulated afresh, ten times as long.
"""

import argparse
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numba
import numpy as np
import pandas as pd
from scipy import stats

from scoring.calibration import (
    calibration_in_the_large,
    consistency_band,
    expected_calibration_error,
    spiegelhalter_z,
)
from scoring.compare import e_process
from scoring.intervals import (
    betting_interval,
    cluster_t_interval,
    gaffke_interval,
    log_wealth,
    predictable_bets,
    spacing_tail,
    wilson_interval,
)
from scoring.levels import ClusterTable
from scoring.ranking import pairwise_order

ASKED, TAIL = 0.945, 0.025
PROCESSES = 2


@dataclass(frozen=True)
class Kind:
    """A kind of author: what is said, and how often that happens."""

    name: str
    said: np.ndarray
    happens: np.ndarray


def calibrated(name: str, said: list[float]) -> Kind:
    return Kind(name, np.array(said), np.array(said))


SPREAD = [k / 20 for k in range(1, 20)]
SHARP = [0.02, 0.05, 0.95, 0.98]
KINDS = [
    calibrated("spread .05 to .95", SPREAD),
    calibrated("confident .75 to .95", [0.75, 0.8, 0.85, 0.9, 0.95]),
    calibrated("sharp .02 .05 .95 .98", SHARP),
    Kind("overconfident", np.array(SPREAD), 0.5 + 0.5 * (np.array(SPREAD) - 0.5)),
    Kind("says .95, happens .8", np.array([0.95]), np.array([0.8])),
    calibrated("always .7", [0.7]),
    calibrated("always .9", [0.9]),
    calibrated("always .98", [0.98]),
]
CLUSTERS = [10, 20, 30, 100, 300]
#: Claims in a cluster: so many, or between one and so many.
SIZES = [(1, False), (5, False), (10, False), (5, True), (10, True)]
REFERENCES = ["always .5", "a peer .1 off", "the same but for 1 in 10"]


class Cell(NamedTuple):
    """One kind of author with so many clusters; `reference` is None for the mean Brier score."""

    kind: Kind
    clusters: int
    per: int
    unequal: bool
    reference: str | None = None

    def __str__(self) -> str:
        size = f"1 to {self.per}" if self.unequal else str(self.per)
        against = f" against {self.reference}" if self.reference else ""
        return f"{self.kind.name}{against}, {self.clusters} clusters of {size}"


class Sample(NamedTuple):
    """Cluster means (runs, clusters), their bounds and the target (runs,), and what any run would expect."""

    means: np.ndarray
    low: np.ndarray
    high: np.ndarray
    target: np.ndarray
    anywhere: float

    def where(self, some: Any) -> "Sample":
        return Sample(self.means[some], self.low[some], self.high[some], self.target[some], self.anywhere)


class Result(NamedTuple):
    """Coverage and mean width of each method in one cell; `elsewhere` is Gaffke's for the next questions."""

    cell: Cell
    covered: dict[str, float]
    width: dict[str, float]
    elsewhere: float


def sample(cell: Cell, runs: int, rng: Any) -> Sample:
    """Draw the scores of an author, or their differences to those of a reference."""
    # Pieces of some hundred runs keep 300 clusters of ten claims from filling the memory.
    pieces = [_sample(cell, min(500, runs - start), rng) for start in range(0, runs, 500)]
    means, low, high, target = (np.concatenate(column) for column in zip(*pieces, strict=True))
    whole = Sample(means, low, high, target, float(target.mean()))
    # Where author and reference never differ no interval is shown.
    return whole.where(whole.low < whole.high)


def _sample(cell: Cell, runs: int, rng: Any) -> tuple[np.ndarray, ...]:
    shape = (runs, cell.clusters, cell.per)
    pick = rng.integers(0, len(cell.kind.said), shape)
    p, q = cell.kind.said[pick], cell.kind.happens[pick]
    y = rng.random(shape[:2])[..., None] < q
    size = rng.integers(1, cell.per + 1, (*shape[:2], 1)) if cell.unequal else np.full((*shape[:2], 1), cell.per)
    counts = np.arange(cell.per) < size

    def averaged(values: np.ndarray) -> np.ndarray:
        means: np.ndarray = (values * counts).sum(axis=2) / size[..., 0]
        return means

    if cell.reference is None:
        said, happens = cell.kind.said, cell.kind.happens
        target = np.full(runs, np.mean(said**2 * (1 - happens) + (1 - said) ** 2 * happens))
        return averaged((p - y) ** 2), np.zeros(runs), np.ones(runs), target
    r = _reference(cell.reference, p, q, rng)
    if_no, if_yes = p**2 - r**2, (1 - p) ** 2 - (1 - r) ** 2
    low = averaged(np.minimum(if_no, if_yes)).min(axis=1)
    high = averaged(np.maximum(if_no, if_yes)).max(axis=1)
    means = np.clip(averaged(np.where(y, if_yes, if_no)), low[:, None], high[:, None])
    return means, low, high, averaged(q * if_yes + (1 - q) * if_no).mean(axis=1)


def _reference(name: str, p: np.ndarray, q: np.ndarray, rng: Any) -> np.ndarray:
    if name == "always .5":
        return np.full(p.shape, 0.5)
    middle, off = (q, 0.1) if name == "a peer .1 off" else (p, 0.3)
    other: np.ndarray = np.clip(middle + rng.choice([-off, off], p.shape), 0.01, 0.99)
    return other if name == "a peer .1 off" else np.where(rng.random(p.shape) < 0.1, other, p)


@numba.njit(cache=True)
def tail(points: np.ndarray, t: float) -> float:
    """The recursion of `spacing_tail` for one run, over pairs of a point below t and one above."""
    below = np.searchsorted(points, t, side="right")
    row = np.ones(len(points) - below)
    for i in range(below - 1, -1, -1):
        left = 0.0
        for j in range(len(row)):
            high, low = points[below + j] - t, t - points[i]
            left = (high * row[j] + low * left) / (high + low)
            row[j] = left
    return float(row[-1]) if len(row) else 0.0


@numba.njit(cache=True)
def quantile(points: np.ndarray, probability: float) -> float:
    low, high = points[0], points[-1]
    for _ in range(30):
        middle = (low + high) / 2
        if 1 - tail(points, middle) < probability:
            low = middle
        else:
            high = middle
    return float(high)


def _points(s: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of the lower end and of the upper end."""
    ordered = np.sort(s.means, axis=1)
    return (
        np.concatenate([s.low[:, None], ordered], axis=1),
        np.concatenate([ordered, s.high[:, None]], axis=1),
    )


def covered_by_gaffke(s: Sample, target: np.ndarray) -> np.ndarray:
    below, above = _points(s)
    # A lower end of exactly the target, as where nothing was ever lost, holds it too.
    down = np.array([1 - tail(row, t) >= TAIL or row[-1] <= t for row, t in zip(below, target, strict=True)])
    up = np.array([tail(row, t) >= TAIL or row[0] >= t for row, t in zip(above, target, strict=True)])
    covered: np.ndarray = down & up
    return covered


def covered_by_betting(s: Sample, target: np.ndarray) -> np.ndarray:
    """Whether neither gambler refutes the target (the interval may hold more, where it is widened)."""
    scale = s.high - s.low
    unit, m = (s.means - s.low[:, None]) / scale[:, None], (target - s.low) / scale
    bets, stake = predictable_bets(unit, TAIL), -np.log(TAIL)
    covered: np.ndarray = (log_wealth(unit, bets, m) < stake) & (log_wealth(1 - unit, bets, 1 - m) < stake)
    return covered


def covered_by_t(s: Sample, target: np.ndarray) -> np.ndarray:
    clusters = s.means.shape[1]
    half = stats.t.ppf(1 - TAIL, clusters - 1) * s.means.std(axis=1, ddof=1) / np.sqrt(clusters)
    covered: np.ndarray = np.abs(s.means.mean(axis=1) - target) <= half
    return covered


COVERED: dict[str, Callable[[Sample, np.ndarray], np.ndarray]] = {
    "gaffke": covered_by_gaffke,
    "betting": covered_by_betting,
    "cluster-t": covered_by_t,
}


def width_of_gaffke(s: Sample) -> float:
    below, above = _points(s)
    return float(np.mean([quantile(b, 1 - TAIL) - quantile(a, TAIL) for a, b in zip(below, above, strict=True)]))


def width_of_betting(s: Sample) -> float:
    pairs = zip(s.means, s.low, s.high, strict=True)
    intervals = [betting_interval(row, bounds=(low, high)) for row, low, high in pairs]
    return float(np.mean([interval.upper - interval.lower for interval in intervals]))


def width_of_t(s: Sample) -> float:
    intervals = [cluster_t_interval(row) for row in s.means]
    return float(np.mean([interval.upper - interval.lower for interval in intervals]))


WIDTH: dict[str, Callable[[Sample], float]] = {
    "gaffke": width_of_gaffke,
    "betting": width_of_betting,
    "cluster-t": width_of_t,
}


def check(method: str, s: Sample, holds: np.ndarray) -> None:
    """Compare what was counted for the first run with what the functions return."""
    for row, low, high, target, held in zip(*s[:4], holds, strict=True):
        if method == "cluster-t":
            interval = cluster_t_interval(row)
        else:
            interval = (gaffke_interval if method == "gaffke" else betting_interval)(row, bounds=(low, high))
        inside = interval.lower - 1e-9 <= target <= interval.upper + 1e-9
        # The betting interval may be widened to hold the estimate.
        assert inside == held or (inside and method == "betting"), f"{method} disagrees with what was counted"


def simulate(job: tuple[Cell, int, int]) -> Result:
    """Simulate one cell; all methods see the same data."""
    cell, runs, seed = job
    s = sample(cell, runs, np.random.default_rng([seed, *_key(cell)]))
    covered, width = {}, {}
    for method, of_method in COVERED.items():
        holds = of_method(s, s.target)
        covered[method] = float(holds.mean())
        width[method] = WIDTH[method](s.where(slice(40)))
        check(method, s.where(slice(1)), holds[:1])
    elsewhere = covered["gaffke"]
    if cell.reference:
        first = s.where(slice(runs // 4))
        elsewhere = float(covered_by_gaffke(first, np.full(len(first.target), s.anywhere)).mean())
    return Result(cell, covered, width, elsewhere)


def afresh(job: tuple[Cell, int, int, str]) -> float:
    """Coverage of one method in one cell."""
    cell, runs, seed, method = job
    s = sample(cell, runs, np.random.default_rng([seed, *_key(cell)]))
    return float(COVERED[method](s, s.target).mean())


def _key(cell: Cell) -> tuple[int, ...]:
    names = [kind.name for kind in KINDS]
    reference = 1 + REFERENCES.index(cell.reference) if cell.reference else 0
    return names.index(cell.kind.name), cell.clusters, cell.per, int(cell.unequal), reference


def error_of(share: float, runs: int) -> float:
    return float(np.sqrt(max(share * (1 - share), 1 / runs) / runs))


def in_parallel(work: Callable[[Any], Any], jobs: list[Any]) -> Iterator[Any]:
    with multiprocessing.Pool(PROCESSES) as pool:
        yield from pool.imap(work, jobs)


def report_least(results: list[Result], runs: int) -> None:
    """Print the least coverage of each method, and that of its cell simulated afresh."""
    least = {method: min(results, key=lambda r: r.covered[method]) for method in COVERED}
    # Ten times as long, in pieces that two processes can share.
    jobs = [(least[m].cell, runs, seed, m) for m in ("gaffke", "betting") for seed in range(1001, 1011)]
    again = np.array(list(in_parallel(afresh, jobs))).reshape(2, -1).mean(axis=1)
    fresh = dict(zip(("gaffke", "betting"), again.tolist(), strict=True))
    print(f"\n{len(results)} cells of {runs} runs; asked: {ASKED}.\n")
    print("| interval | least coverage | in the cell | the same afresh, ten times the runs |")
    print("| --- | --- | --- | --- |")
    for method, result in least.items():
        share = result.covered[method]
        more = f"{fresh[method]:.4f} ± {error_of(fresh[method], 10 * runs):.4f}" if method in fresh else ""
        print(f"| {method} | {share:.4f} ± {error_of(share, runs):.4f} | {result.cell} | {more} |", flush=True)


def least_and_width(results: list[Result]) -> str:
    return " | ".join(
        f"{min(r.covered[method] for r in results):.3f} / {np.mean([r.width[method] for r in results]):.2f}"
        for method in COVERED
    )


def means(runs: int) -> None:
    print("\n### Intervals for a mean Brier score, 95 % meant: least coverage over sizes / mean width\n")
    print("| author | clusters | Gaffke | betting | cluster-t |\n| --- | --- | --- | --- | --- |")
    cells = [Cell(kind, n, *size) for kind, n, size in product(KINDS, CLUSTERS, SIZES)]
    results = []
    for result in in_parallel(simulate, [(cell, runs, 1) for cell in cells]):
        results.append(result)
        if len(results) % len(SIZES) == 0:
            line = least_and_width(results[-len(SIZES) :])
            print(f"| {result.cell.kind.name} | {result.cell.clusters} | {line} |", flush=True)
    report_least(results, runs)


def paired(runs: int) -> None:
    print(
        "\n### Intervals for a paired difference, 95 % meant: least coverage over kinds and sizes / mean width\n"
    )
    print("| reference | clusters | Gaffke | betting | cluster-t | Gaffke, read as about other questions |")
    print("| --- | --- | --- | --- | --- | --- |")
    cells = [
        Cell(kind, n, *size, reference) for reference, n, kind, size in product(REFERENCES, CLUSTERS, KINDS, SIZES)
    ]
    group, results = len(KINDS) * len(SIZES), []
    for result in in_parallel(simulate, [(cell, runs, 2) for cell in cells]):
        results.append(result)
        if len(results) % group == 0:
            row = results[-group:]
            elsewhere = min(r.elsewhere for r in row)
            print(
                f"| {result.cell.reference} | {result.cell.clusters} | {least_and_width(row)} | {elsewhere:.3f} |",
                flush=True,
            )
    report_least(results, runs)


def shares() -> None:
    """Print exact coverages: what comes true is binomial in the clusters."""
    print("\n### Intervals for a share, 95 % meant: least coverage over true shares of 1 to 99 %, exact\n")
    print("| clusters | Gaffke | Wilson, one claim a cluster | Wilson of rows, five claims a cluster |")
    print("| --- | --- | --- | --- |")
    true = np.arange(1, 100) / 100
    for n in CLUSTERS:
        yes = np.arange(n + 1)
        chance = stats.binom.pmf(yes, n, true[:, None])
        line = [f"{n}"]
        for ends in (
            # Gaffke's interval of zeros and ones is Clopper and Pearson's, as the tests show.
            [stats.binomtest(k, n).proportion_ci() for k in yes.tolist()],
            [_ends(wilson_interval(k, n)) for k in yes.tolist()],
            [_ends(wilson_interval(5 * k, 5 * n)) for k in yes.tolist()],
        ):
            low, high = np.array([tuple(pair) for pair in ends]).T
            line.append(f"{(chance * ((low <= true[:, None]) & (true[:, None] <= high))).sum(axis=1).min():.3f}")
        print(f"| {' | '.join(line)} |", flush=True)


def _ends(interval: Any) -> tuple[float, float]:
    return interval.lower, interval.upper


#: How claims of a cluster hang together: uniform numbers (claims,), given the cluster of each.
TOGETHER: dict[str, Callable[[np.ndarray, Any], np.ndarray]] = {
    "together": lambda cluster, rng: rng.random(cluster.max() + 1)[cluster],
    "half opposed": lambda cluster, rng: np.abs(
        rng.random(cluster.max() + 1)[cluster] - np.arange(len(cluster)) % 2
    ),
    "correlated .5": lambda cluster, rng: stats.norm.cdf(
        np.sqrt(0.5) * (rng.normal(size=cluster.max() + 1)[cluster] + rng.normal(size=len(cluster)))
    ),
    "alone": lambda cluster, rng: rng.random(len(cluster)),
}


def dependent(sizes: Iterable[tuple[int, int]], ways: Iterable[str]) -> list[tuple[int, int, str]]:
    """Combine sizes and ways to hang together; a claim that is its whole cluster has only one."""
    return [(n, per, how) for n, per in sizes for how in ways if per > 1 or how == "alone"]


def judge(job: tuple[int, int, str, int, int]) -> list[float]:
    """Simulate calibrated authors in one cell of `bands`."""
    n, per, how, runs, seed = job
    rng = np.random.default_rng([3, n, per, seed, len(how)])
    rows = []
    for run in range(runs):
        cluster = np.arange(n) // per
        p = rng.integers(1, 20, n) * 50_000
        y = (TOGETHER[how](cluster, rng) < p / 1e6).astype(int)
        draw = int(rng.integers(1 << 31))
        band = consistency_band(y, p, cluster=cluster, seed=draw, draws=1000)
        pointwise = run < runs // 4 and consistency_band(
            y, p, cluster=cluster, seed=draw, draws=1000, simultaneous=False
        )
        rows.append((band.left, pointwise.left if pointwise else np.nan, band.p_value <= 0.1, band.power))
    averages: list[float] = np.nanmean(np.array(rows, dtype=np.float64), axis=0).tolist()
    return averages


def bands(runs: int) -> None:
    print("\n### Calibrated authors whose curve leaves the 90 % band somewhere, 10 % allowed, and the power\n")
    print("| forecasts | per cluster | claims of a cluster | simultaneous | MCB p ≤ .1 | pointwise | power |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    cells = dependent(product((30, 100, 300), (1, 5)), ("together", "half opposed", "alone"))
    rows = in_parallel(judge, [(*cell, runs, 0) for cell in cells])
    worst = []
    for (n, per, how), (left, pointwise, small, power) in zip(cells, rows, strict=True):
        print(
            f"| {n} | {per} | {how} | {left:.3f} | {small:.3f} | {pointwise:.3f} | {power:.2f} |",
            flush=True,
        )
        worst.append((max(left, small), "left" if left > small else "p", (n, per, how)))
    most, what, cell = max(worst)
    again = np.array(list(in_parallel(judge, [(*cell, runs, seed) for seed in range(1, 5)]))).mean(axis=0)
    share = float(again[0 if what == "left" else 2])
    print(
        f"\n{runs} runs a cell. Most: {most:.3f} ± {error_of(most, runs):.3f} in {cell}; "
        f"afresh, four times the runs: {share:.4f} ± {error_of(share, 4 * runs):.4f}",
        flush=True,
    )


def examine(job: tuple[int, int, str, int, int]) -> list[float]:
    """Simulate calibrated authors in one cell of `tests`."""
    clusters, per, how, runs, seed = job
    rng = np.random.default_rng([seed, clusters, per, len(how)])
    rows = []
    for run in range(runs):
        cluster = np.repeat(np.arange(clusters), per)
        p = rng.integers(1, 20, len(cluster)) * 50_000
        y = (TOGETHER[how](cluster, rng) < p / 1e6).astype(int)
        grouped = ClusterTable.from_arrays(np.zeros(len(y), int), y, p, cluster=cluster)
        levels = grouped.levels()
        rows.append(
            [
                expected_calibration_error(levels, draws=199, seed=run).p_value,
                expected_calibration_error(grouped, draws=199, seed=run).p_value,
                calibration_in_the_large(levels).p_value,
                calibration_in_the_large(grouped).p_value,
                spiegelhalter_z(levels).p_value,
                spiegelhalter_z(grouped).p_value,
            ]
        )
    rejected: list[float] = (np.array(rows, dtype=np.float64) <= 0.05).mean(axis=0).tolist()
    return rejected


def tests(runs: int) -> None:
    print("\n### Tests of calibrated authors: share with p ≤ .05, on a level table / on a cluster table\n")
    print("| clusters | claims each | claims of a cluster | calibration error | in the large | Spiegelhalter |")
    print("| --- | --- | --- | --- | --- | --- |")
    cells = dependent(product((10, 30, 100), (1, 5)), TOGETHER)
    rows = list(in_parallel(examine, [(*cell, runs, 4) for cell in cells]))
    for (n, per, how), row in zip(cells, rows, strict=True):
        pairs = " | ".join(f"{row[i]:.3f} / {row[i + 1]:.3f}" for i in (0, 2, 4))
        print(f"| {n} | {per} | {how} | {pairs} |")
    print(f"\n{runs} runs a cell.\n")
    print("| on cluster tables | most | in the cell | the same afresh, four times the runs |")
    print("| --- | --- | --- | --- |")
    for name, at in (("calibration error", 1), ("in the large", 3), ("Spiegelhalter", 5)):
        most, cell = max((row[at], cell) for row, cell in zip(rows, cells, strict=True))
        again = np.array(list(in_parallel(examine, [(*cell, runs, seed) for seed in range(1001, 1005)])))
        share = float(again[:, at].mean())
        where = f"{cell[0]} clusters of {cell[1]}, {cell[2]}"
        errors = error_of(most, runs), error_of(share, 4 * runs)
        print(f"| {name} | {most:.3f} ± {errors[0]:.3f} | {where} | {share:.4f} ± {errors[1]:.4f} |", flush=True)


def race(job: tuple[int, int, int]) -> tuple[float, float]:
    """Simulate forecasters as bad as their reference, in one cell of `evidence`."""
    clusters, per, runs = job
    rng = np.random.default_rng([5, clusters, per])
    crossed = np.zeros(2)
    topic = np.repeat(np.arange(clusters), per)
    for _ in range(runs):
        # Always higher than the reference: what resolves yes first favours the author.
        truth = rng.uniform(0.2, 0.8, len(topic))
        y = rng.random(clusters)[topic] < truth
        due = rng.random(len(topic)) * 100
        frame = pd.DataFrame({
            "outcome": y.astype(int), "probability": ((truth + 0.15) * 1e6).astype(int),
            "crowd": ((truth - 0.15) * 1e6).astype(int), "topic": topic, "due": due,
            "resolved": np.where(y, due * rng.random(len(topic)) ** 3, due),
        })  # fmt: skip
        for i, when in enumerate(("due", "resolved")):
            process = e_process(frame, reference="crowd", cluster="topic", deadline=when)
            crossed[i] += process.crossed_at is not None
    return crossed[0] / runs, crossed[1] / runs


def evidence(runs: int) -> None:
    print("\n### Evidence where there is nothing to find and yes resolves early: share that reaches 20\n")
    print("| clusters | claims each | in order of deadline | in order of resolution | allowed |")
    print("| --- | --- | --- | --- | --- |")
    cells = list(product((10, 30, 100, 300), (1, 5)))
    rows = in_parallel(race, [(*cell, runs) for cell in cells])
    most = 0.0
    for (clusters, per), (due, resolved) in zip(cells, rows, strict=True):
        print(f"| {clusters} | {per} | {due:.3f} | {resolved:.3f} | 0.050 |", flush=True)
        most = max(most, due)
    print(f"\n{runs} runs a cell. Most in order of deadline: {most:.4f} ± {error_of(most, runs):.4f}")


AUTHORS = 20


def rank(job: tuple[str, int, int, int]) -> float:
    """Share of leaderboards of equal authors with a false order: the least p-value passes Holm's first step."""
    name, clusters, per, runs = job
    rng = np.random.default_rng([6, clusters, per, len(name)])
    first, second = np.nonzero(~np.eye(AUTHORS, dtype=bool))
    wrong = 0
    for run in range(runs):
        topic = np.repeat(np.arange(clusters), per)
        truth = rng.choice(SHARP if name == "sharp" else SPREAD, len(topic))
        p = truth + rng.choice([-0.02, 0, 0.02], (AUTHORS, len(topic)))
        if name == "now and then far off":
            p = np.where(rng.random(p.shape) < 0.05, 1 - truth, p)
        p = np.clip(p, 0.001, 0.999)
        y = (rng.random(clusters)[topic] < truth).astype(int)
        shape = (len(first), clusters, per)
        if_no, if_yes = p**2, (1 - p) ** 2
        no, yes = if_no[first] - if_no[second], if_yes[first] - if_yes[second]
        gain = np.where(y, yes, no).reshape(shape).mean(axis=2)
        least = np.minimum(no, yes).reshape(shape).mean(axis=2).min(axis=1)
        points = np.sort(np.concatenate([least[:, None], gain], axis=1), axis=1)
        p_value = 1 - spacing_tail(points, np.zeros(len(points)))
        p_value = np.where(least < 0, p_value, np.where(gain.max(axis=1) > 0, 0.0, 1.0))
        found = bool(p_value.min() <= 0.05 / len(points))
        if run < 5:
            order = pairwise_order(
                np.tile(y, AUTHORS),
                (p * 1e6).round().astype(int).ravel(),
                author=np.repeat(np.arange(AUTHORS), len(topic)),
                question=np.tile(np.arange(len(topic)), AUTHORS),
                cluster=np.tile(topic, AUTHORS),
            )
            # The function has the first of the pair better where its score is lower.
            assert np.allclose(order.p_value[second, first], p_value, atol=1e-5), "p-values disagree"
            assert bool(order.better.any()) == found
        wrong += found
    return wrong / runs


def leaderboards(runs: int) -> None:
    print("\n### Some false order among 20 equal authors, 5 % allowed\n")
    print("| authors | clusters of shared questions | questions each | leaderboards with a false order |")
    print("| --- | --- | --- | --- |")
    cells = [
        (name, clusters, per)
        for name, (clusters, per) in product(
            ("spread", "sharp", "now and then far off"), ((10, 1), (30, 1), (100, 1), (30, 5))
        )
    ]
    shares_found = list(in_parallel(rank, [(*cell, runs) for cell in cells]))
    for (name, clusters, per), share in zip(cells, shares_found, strict=True):
        print(f"| {name} | {clusters} | {per} | {share:.4f} |")
    most = max(shares_found)
    print(f"\n{runs} leaderboards a cell. Most: {most:.4f} ± {error_of(most, runs):.4f}", flush=True)


#: What is simulated, and how often: in full and with `--quick`.
SECTIONS: dict[str, tuple[Callable[[int], None], int, int]] = {
    "means": (means, 4000, 100),
    "paired": (paired, 2000, 50),
    "bands": (bands, 1000, 40),
    "tests": (tests, 1000, 40),
    "evidence": (evidence, 2000, 100),
    "leaderboards": (leaderboards, 1000, 20),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fortieth of the runs or so")
    parser.add_argument("--only", nargs="+", choices=[*SECTIONS, "shares"], help="some tables")
    options = parser.parse_args()
    if not options.only or "shares" in options.only:
        shares()
    for name, (section, full, quick) in SECTIONS.items():
        if not options.only or name in options.only:
            section(quick if options.quick else full)


if __name__ == "__main__":
    main()
