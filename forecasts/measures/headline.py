"""The one number a reader takes away, what it is held against, and how it came about in the order of deadlines."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from forecasts import sentences
from forecasts.measures.calibration import needs
from forecasts.measures.rows import Row, Sample
from forecasts.model import iso
from scoring.gates import allowed

#: What always saying 50 % scores, whatever happens.
ALWAYS_HALF = 0.25


def headline_numbers(rows: Iterable[Row], broad: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mean Brier score over groups with its interval, beside what knows nothing and the base rate.

    Each group counts once, whatever its number of claims: `brier` is the mean over groups of the mean within a
    group, and `interval` (95 %, None below its gate) is of that mean; both come from the numbers of the `broad`
    policy over the same rows. `base_rate` is the share of yes counted in the same way, o, and `base_rate_brier`
    what always saying o would have scored, o (1 - o): nobody knew o.
    """
    sample = Sample(rows)
    rate = sample.over_clusters(sample.y.astype(np.float64)) if len(sample) else None
    numbers = {
        "scored": len(sample),
        "clusters": sample.clusters,
        "brier": broad["brier_over_clusters"],
        "interval": broad["interval"],
        "interval_needs": needs("interval"),
        "always_half": ALWAYS_HALF,
        "base_rate": rate,
        "base_rate_brier": None if rate is None else rate * (1 - rate),
        "by_basis": broad["by_basis"],
    }
    return numbers | {"sentence": sentences.headline(numbers)}


def over_time(rows: Iterable[Row]) -> list[dict[str, Any]] | None:
    """Return the mean over groups after each group, in the order of deadlines; None below the interval's gate.

    Groups stand in the order in which they fell due, not in that in which they were settled: a yes is settled
    early and a no never, so that the order of settling would let every author begin well. `brier` is the group's
    own mean, `mean` that of the first `n` groups, None for the first ones, which carry none.
    """
    sample = Sample(rows)
    if "interval" not in allowed(sample.clusters).shown:
        return None
    of_group = np.array([np.mean([row.brier for row in listed]) for listed in sample.groups])
    means = np.cumsum(of_group) / np.arange(1, len(of_group) + 1)
    return [
        {
            "n": n,
            "cluster": listed[0].question.cluster,
            "deadline": iso(max(row.question.deadline for row in listed)),
            "claims": len(listed),
            "brier": float(own),
            "mean": float(mean) if "interval" in allowed(n).shown else None,
        }
        for n, (listed, own, mean) in enumerate(zip(sample.groups, of_group, means, strict=True), 1)
    ]
