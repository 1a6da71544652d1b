"""What the page on method shows: how each number is made, from the constants the numbers are made with."""

import json
from datetime import timedelta
from typing import get_args

from forecasts import criteria, leaderboard, policy, publishing, sentences
from forecasts.ledger import Ledger
from forecasts.measures import calibration, rows, wording
from forecasts.model import PPM
from forecasts.web.views import View, notes
from scoring.gates import AUTHORS_TO_SHRINK, CLUSTERS_TO_TEST, GATES

# Both sides of a probability that came true and one that did not: what a reader can check by head.
_EXAMPLE = ((0.9, True), (0.9, False), (0.5, True), (0.2, False))


def method_view(ledger: Ledger, dispute_window: timedelta | None = None) -> View:
    """Return what is computed and from what; `dispute_window` is that of this installation, where it is known."""
    return {
        **notes(ledger),
        "scale": sentences.SCALE,
        "example": [
            {"p": p, "outcome": "yes" if happened else "no", "brier": (p - happened) ** 2}
            for p, happened in _EXAMPLE
        ],
        "basis_words": sentences.BASIS_WORDS,
        "reasons": list(policy.REASONS.values()),
        "uninformed": rows.UNINFORMED / PPM,
        "lexicons": _lexicons(ledger),
        "gates": [
            {
                "clusters": gate.clusters,
                "adds": [
                    {
                        "words": sentences.ITEM_WORDS[item],
                        "of_stated": item in calibration.OF_STATED,
                    }
                    for item in calibration.GATED
                    if item in gate.adds
                ],
            }
            for gate in GATES[1:]
        ],
        "gaffke_up_to": rows.MOST_FOR_GAFFKE,
        "bins": calibration.BINS,
        "authors_to_shrink": AUTHORS_TO_SHRINK,
        "ranks": {
            "policy": policy.RANKS,
            "alpha": leaderboard.ALPHA,
            "clusters": leaderboard.CLUSTERS_TO_RANK,
            "shared": CLUSTERS_TO_TEST,
            "obstacles": list(sentences.OBSTACLE_WORDS.values()),
        },
        "criteria": [
            {"type": get_args(kind.model_fields["type"].annotation)[0], "words": _first_line(kind)}
            for kind in get_args(get_args(criteria.Criterion)[0])
        ],
        "dispute_days": None if dispute_window is None else dispute_window / timedelta(days=1),
        "labels": publishing.LABELS,
    }


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _lexicons(ledger: Ledger) -> list[View]:
    """Return the newest version of each registered lexicon with its phrases, the surest first."""
    return [
        {
            "key": row.key,
            "version": row.version,
            "title": row.title,
            "source": row.source,
            "licence": row.licence,
            "phrases": sorted(
                json.loads(row.phrases), key=lambda entry: (-entry["median"], entry["phrase"].casefold())
            ),
        }
        for row in wording.latest_lexicons(ledger)
    ]
