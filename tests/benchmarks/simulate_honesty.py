"""Does what scoring shows hold as often as it says? Simulated, printed as tables.

    uv run python tests/benchmarks/simulate_honesty.py            # full: a quarter of an hour or more
    uv run python tests/benchmarks/simulate_honesty.py --quick    # a minute, with fewer runs

Forecasts of a cluster come true together: one uniform number decides all of them. The target of an
interval is the expected cluster mean, known exactly for each kind of author.
"""

import argparse
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from scoring.calibration import consistency_band
from scoring.compare import e_process
from scoring.intervals import betting_interval, spacing_tail
from scoring.ranking import pairwise_order


@dataclass(frozen=True)
class Kind:
    """A kind of author: what is said, and how often that happens."""

    name: str
    said: np.ndarray
    happens: np.ndarray

    def expected(self) -> float:
        return float((self.said**2 * (1 - self.happens) + (1 - self.said) ** 2 * self.happens).mean())


def calibrated(name: str, said: list[float]) -> Kind:
    return Kind(name, np.array(said), np.array(said))


SPREAD = [k / 20 for k in range(1, 20)]
KINDS = [
    calibrated("spread .05 to .95", SPREAD),
    calibrated("confident .75 to .95", [0.75, 0.8, 0.85, 0.9, 0.95]),
    calibrated("sharp .02 .05 .95 .98", [0.02, 0.05, 0.95, 0.98]),
    Kind("overconfident", np.array(SPREAD), 0.5 + 0.5 * (np.array(SPREAD) - 0.5)),
    Kind("says .95, happens .8", np.array([0.95]), np.array([0.8])),
    calibrated("always .7", [0.7]),
    calibrated("always .9", [0.9]),
    calibrated("always .98", [0.98]),
]
CLUSTERS = [10, 20, 30, 100, 300]
PER_CLUSTER = [1, 5, 10]


def cluster_means(kind: Kind, clusters: int, per: int, unequal: bool, runs: int, rng: Any) -> np.ndarray:
    """Mean Brier scores by cluster, (runs, clusters)."""
    pick = rng.integers(0, len(kind.said), (runs, clusters, per))
    y = rng.random((runs, clusters, 1)) < kind.happens[pick]
    loss = (kind.said[pick] - y) ** 2
    size = rng.integers(1, per + 1, (runs, clusters, 1)) if unequal else np.full((runs, clusters, 1), per)
    means: np.ndarray = (loss * (np.arange(per) < size)).sum(axis=2) / size[..., 0]
    return means


def covered_by_gaffke(means: np.ndarray, target: np.ndarray, low: Any = 0.0, high: Any = 1.0) -> np.ndarray:
    """Whether the 95 % interval holds the target, without solving for its ends."""
    ordered = np.sort(means, axis=1)
    runs = len(means)
    below = np.concatenate([np.broadcast_to(low, (runs, 1)), ordered], axis=1)
    above = np.concatenate([ordered, np.broadcast_to(high, (runs, 1))], axis=1)
    # A lower end of exactly the target, as where nothing was ever lost, holds it too.
    reaches_down = (1 - spacing_tail(below, target) >= 0.025) | (below[:, -1] <= target)
    reaches_up = (spacing_tail(above, target) >= 0.025) | (above[:, 0] >= target)
    covered: np.ndarray = reaches_down & reaches_up
    return covered


def gaffke_width(means: np.ndarray) -> float:
    """Mean width of the 95 % intervals of many runs at once, by bisection."""
    ordered, runs = np.sort(means, axis=1), len(means)
    ends = []
    for points, share in (
        (np.concatenate([np.zeros((runs, 1)), ordered], axis=1), 0.025),
        (np.concatenate([ordered, np.ones((runs, 1))], axis=1), 0.975),
    ):
        low, high = points[:, 0].copy(), points[:, -1].copy()
        for _ in range(20):
            middle = (low + high) / 2
            beyond = 1 - spacing_tail(points, middle) >= share
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        ends.append(high)
    return float((ends[1] - ends[0]).mean())


def covered_by_t(means: np.ndarray, target: float) -> tuple[float, float]:
    clusters = means.shape[1]
    half = stats.t.ppf(0.975, clusters - 1) * means.std(axis=1, ddof=1) / np.sqrt(clusters)
    return float((np.abs(means.mean(axis=1) - target) <= half).mean()), float(2 * half.mean())


def intervals(runs: int, rng: Any) -> None:
    print("\n### Intervals for a mean Brier score, 95 % meant: coverage / mean width\n")
    print("| author | clusters | claims each | Gaffke | betting | cluster-t |")
    print("| --- | --- | --- | --- | --- | --- |")
    worst, cells = 1.0, 0
    for kind, clusters, per, unequal in product(KINDS, CLUSTERS, PER_CLUSTER, (False, True)):
        if unequal and per == 1:
            continue
        means = cluster_means(kind, clusters, per, unequal, runs, rng)
        target = kind.expected()
        coverage = covered_by_gaffke(means, np.full(runs, target)).mean()
        bets = [betting_interval(row) for row in means[: max(50, runs // 20)]]
        held = np.mean([bet.lower <= target <= bet.upper for bet in bets])
        t, t_width = covered_by_t(means, target)
        width = gaffke_width(means[: max(20, runs // 100)])
        bet_width = np.mean([i.upper - i.lower for i in bets])
        sizes = f"1 to {per}" if unequal else str(per)
        print(
            f"| {kind.name} | {clusters} | {sizes} | {coverage:.3f} / {width:.2f} "
            f"| {held:.3f} / {bet_width:.2f} | {t:.3f} / {t_width:.2f} |",
            flush=True,
        )
        worst, cells = min(worst, coverage), cells + 1
    print(f"\nLeast coverage of Gaffke's interval in {cells} cells of {runs} runs: {worst:.4f} (asked: 0.945)")


def paired(runs: int, rng: Any) -> None:
    print("\n### Intervals for a paired difference, 95 % meant\n")
    print("| authors | clusters | Gaffke with bounds from the forecasts |\n| --- | --- | --- |")
    worst = 1.0
    truth = np.array(SPREAD)
    for name, spread_a, spread_b in (
        ("equally noisy", 0.1, 0.1),
        ("one better", 0.02, 0.2),
        ("bold", 0.3, 0.3),
    ):
        for clusters in (10, 30, 100):
            q = truth[rng.integers(0, len(truth), (runs, clusters))]
            a = np.clip(q + rng.choice([-spread_a, spread_a], q.shape), 0, 1)
            b = np.clip(q + rng.choice([-spread_b, spread_b], q.shape), 0, 1)
            y = rng.random(q.shape) < q
            difference = (a - y) ** 2 - (b - y) ** 2
            ends = np.stack([a**2 - b**2, (1 - a) ** 2 - (1 - b) ** 2])
            grid = [
                (np.clip(v + s * spread_a, 0, 1), np.clip(v + r * spread_b, 0, 1), v)
                for v, s, r in product(truth, (-1, 1), (-1, 1))
            ]
            target = np.mean([(x - v) ** 2 - (z - v) ** 2 for x, z, v in grid])
            low, high = ends.min(axis=(0, 2))[:, None], ends.max(axis=(0, 2))[:, None]
            coverage = covered_by_gaffke(difference, np.full(runs, target), low, high).mean()
            print(f"| {name} | {clusters} | {coverage:.3f} |", flush=True)
            worst = min(worst, coverage)
    print(f"\nLeast coverage: {worst:.4f} (asked: 0.945)")


def leaderboards(runs: int, rng: Any) -> None:
    print("\n### Some false order among 20 equal authors, 5 % allowed\n")
    print("| authors | shared questions | leaderboards with a false order |\n| --- | --- | --- |")
    authors = 20
    for (name, said), questions in product(
        (("spread", SPREAD), ("sharp", [0.02, 0.05, 0.95, 0.98])), (10, 30, 100)
    ):
        wrong = 0
        for _ in range(runs):
            truth = rng.choice(said, questions)
            p = np.clip(truth + rng.choice([-0.02, 0, 0.02], (authors, questions)), 0.001, 0.999)
            y = (rng.random(questions) < truth).astype(int)
            order = pairwise_order(
                np.tile(y, authors),
                (p * 1e6).round().astype(int).ravel(),
                author=np.repeat(np.arange(authors), questions),
                question=np.tile(np.arange(questions), authors),
            )
            wrong += bool(order.better.any())
        print(f"| {name} | {questions} | {wrong / runs:.3f} of {runs} |", flush=True)


def evidence(runs: int, rng: Any) -> None:
    print("\n### Evidence where there is nothing to find and yes resolves early: share that reaches 20\n")
    print("| clusters | in order of deadline | in order of resolution | allowed |\n| --- | --- | --- | --- |")
    for clusters in (30, 100):
        crossed = {"due": 0, "resolved": 0}
        for _ in range(runs):
            truth = rng.uniform(0.2, 0.8, clusters)
            # Always higher than the reference: what resolves yes first favours the author.
            author, crowd = truth + 0.15, truth - 0.15
            y = (rng.random(clusters) < truth).astype(int)
            due = rng.random(clusters) * 100
            early = due * rng.random(clusters) ** 3
            frame = pd.DataFrame({
                "outcome": y, "probability": (author * 1e6).astype(int), "crowd": (crowd * 1e6).astype(int),
                "topic": range(clusters), "due": due, "resolved": np.where(y, early, due),
            })  # fmt: skip
            for when in crossed:
                process = e_process(frame, reference="crowd", cluster="topic", deadline=when)
                crossed[when] += process.crossed_at is not None
        shares = " | ".join(f"{count / runs:.3f}" for count in crossed.values())
        print(f"| {clusters} | {shares} | 0.050 |", flush=True)


def bands(runs: int, rng: Any) -> None:
    print("\n### Calibrated authors whose curve leaves the 90 % band somewhere, and the power beside it\n")
    print("| forecasts | per cluster | simultaneous | pointwise | MCB p ≤ .1 | power | allowed |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n, per in ((30, 1), (30, 5), (100, 1), (100, 5), (300, 1)):
        left = pointwise = small = 0
        power = []
        for run in range(runs):
            cluster = np.arange(n) // per
            p = rng.integers(1, 20, n) * 50_000
            y = (rng.random(n)[cluster] < p / 1e6).astype(int)
            band = consistency_band(y, p, cluster=cluster, seed=run, draws=1000)
            left, small = left + band.left, small + (band.p_value <= 0.1)
            power.append(band.power)
            pointwise += consistency_band(y, p, cluster=cluster, seed=run, draws=1000, simultaneous=False).left
        print(
            f"| {n} | {per} | {left / runs:.3f} | {pointwise / runs:.3f} | {small / runs:.3f} "
            f"| {np.mean(power):.2f} | 0.100 |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs or fewer")
    quick = parser.parse_args().quick
    rng = np.random.default_rng(1)
    intervals(100 if quick else 4000, rng)
    paired(400 if quick else 4000, rng)
    bands(40 if quick else 1000, rng)
    evidence(100 if quick else 2000, rng)
    leaderboards(10 if quick else 200, rng)


if __name__ == "__main__":
    main()
