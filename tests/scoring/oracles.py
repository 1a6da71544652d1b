"""Rational oracles: the definitions, written down once more in fractions and plain loops."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from math import isqrt, log

from hypothesis import strategies as st

Forecast = tuple[int, int]  # outcome, ppm

#: Round numbers and arbitrary ones: ties are the normal case, but not the only one.
ppm = st.one_of(st.sampled_from(range(0, 1_000_001, 100_000)), st.integers(0, 1_000_000))
forecasts = st.lists(st.tuples(st.integers(0, 1), ppm), min_size=1, max_size=40)


def prob(p_ppm: int) -> Fraction:
    return Fraction(p_ppm, 1_000_000)


def mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def brier(rows: Sequence[Forecast]) -> Fraction:
    return mean([(prob(p) - y) ** 2 for y, p in rows])


def root(value: Fraction) -> Fraction:
    """Return the square root of a fraction, right to thirty digits."""
    scale = 10**30
    return Fraction(isqrt(value.numerator * value.denominator * scale**2), value.denominator * scale)


def spherical(rows: Sequence[Forecast]) -> Fraction:
    given = [(prob(p) if y else 1 - prob(p), prob(p)) for y, p in rows]
    return mean([hit / root(p**2 + (1 - p) ** 2) for hit, p in given])


def by_level(rows: Sequence[Forecast]) -> dict[int, list[int]]:
    levels: dict[int, list[int]] = defaultdict(list)
    for y, p in rows:
        levels[p].append(y)
    return dict(sorted(levels.items()))


def log_loss(y: float, p: float) -> float:
    """Expected log loss of p when yes happens with frequency y, with 0 log 0 = 0."""
    yes = 0.0 if y == 0 else (-y * log(p) if p > 0 else float("inf"))
    no = 0.0 if y == 1 else (-(1 - y) * log(1 - p) if p < 1 else float("inf"))
    return yes + no
