"""What may be shown of an author at how many clusters, as data.

Clusters are counted, not forecasts: thirty claims that stand or fall together are one piece of evidence.
The names are codes; the words a reader sees are chosen by whoever prints them.
"""

from dataclasses import dataclass
from typing import Literal

from scoring import _checks

Verdict = Literal["too-few", "small", "medium", "large"]
Item = Literal[
    "claims",
    "mean",
    "phrase-table",
    "interval",
    "calibration-in-the-large",
    "spiegelhalter",
    "shrunk",
    "corp-curve",
    "consistency-band",
    "power",
    "binned-table",
    "corrected-decomposition",
]


@dataclass(frozen=True)
class Gate:
    """From `clusters` on, `adds` may be shown as well, and the sample is called `verdict`."""

    clusters: int
    verdict: Verdict
    adds: frozenset[Item]


@dataclass(frozen=True)
class Allowed:
    """What `clusters` clusters can carry, and how many the next gate asks for (None past the last)."""

    clusters: int
    verdict: Verdict
    shown: frozenset[Item]
    withheld: frozenset[Item]
    next_gate: int | None


GATES: tuple[Gate, ...] = (
    Gate(0, "too-few", frozenset({"claims", "mean", "phrase-table"})),
    Gate(10, "small", frozenset({"interval", "calibration-in-the-large", "spiegelhalter", "shrunk"})),
    # A band says little without the chance that it would have caught a miscalibrated author.
    Gate(30, "medium", frozenset({"corp-curve", "consistency-band", "power"})),
    Gate(100, "large", frozenset({"binned-table", "corrected-decomposition"})),
)

#: Shrinking needs this many authors, each past the gate of "shrunk".
AUTHORS_TO_SHRINK = 10
#: Sign-flip tests on fewer clusters cannot reach the 5 % level whatever the data say.
CLUSTERS_TO_TEST = 6


def allowed(clusters: int) -> Allowed:
    """Return what may be shown at this many clusters.

    Raises ValueError: a number that is negative or not whole.
    Source: simulated sizes and coverages, see docs/scoring.md.

    >>> allowed(9).verdict, sorted(allowed(9).shown)
    ('too-few', ['claims', 'mean', 'phrase-table'])
    >>> "corp-curve" in allowed(30).shown, allowed(30).next_gate
    (True, 100)
    """
    _checks.whole(clusters, "clusters", 0)
    passed = [gate for gate in GATES if gate.clusters <= clusters]
    ahead = GATES[len(passed) :]
    return Allowed(
        clusters=clusters,
        verdict=passed[-1].verdict,
        shown=frozenset[Item]().union(*(gate.adds for gate in passed)),
        withheld=frozenset[Item]().union(*(gate.adds for gate in ahead)),
        next_gate=ahead[0].clusters if ahead else None,
    )
