"""The numbers of one author under one policy, each None where it may not be shown, and the rows behind them."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasts import sentences
from forecasts.ledger import Ledger
from forecasts.measures.calibration import of_stated, shrunk_numbers, tests, withheld
from forecasts.measures.rows import MOST_FOR_GAFFKE, Row, Sample, open_rows, settled_rows
from forecasts.measures.wording import latest_lexicons, lexicon_rows, phrase_rows, read_by, wording_numbers
from forecasts.model import PPM, iso
from forecasts.policy import Policy
from forecasts.tables import Author, Lexicon
from scoring.compare import brier_difference, paired_difference
from scoring.gates import allowed
from scoring.intervals import Interval


def policy_numbers(ledger: Ledger, author: Author, name: Policy, until: datetime | None = None) -> dict[str, Any]:
    """Return what one policy computes of an author, with `until` of claims past their deadline then alone.

    It is worked out once for each ledger and each set of claims.
    """
    rows = settled_rows(ledger, author, name, until)
    key = ("numbers", author.id, name, tuple(row.forecast.id for row in rows))
    return ledger.remember(key, lambda: _policy_numbers(ledger, author, name, Sample(rows)))


def _policy_numbers(ledger: Ledger, author: Author, name: Policy, sample: Sample) -> dict[str, Any]:
    by_basis = Counter(row.forecast.basis for row in sample.rows)
    numbers: dict[str, Any] = {
        "scored": len(sample),
        "clusters": sample.clusters,
        "sample": allowed(sample.clusters).verdict,
        "brier": None,
        "brier_best": None,
        "brier_worst": None,
        "by_basis": {basis: by_basis[basis] for basis in sentences.BASIS_WORDS},
        "brier_over_clusters": None,
        "interval": None,
        "interval_method": None,
        "base_rate": None,
        "retrospective": sum(row.question.retrospective for row in sample.rows),
        "reference": None,
        "phrases": [],
        "wording": None,
        "lexicons": [],
        "in_the_large": None,
        "spiegelhalter": None,
        "shrunk": None,
        "stated_clusters": 0,
        "curve": None,
        "bins": None,
        "decomposition": None,
    }
    if len(sample):
        numbers |= _means(sample) | tests(sample) | of_stated(ledger, sample)
        numbers["reference"] = reference_numbers(sample)
        numbers["phrases"] = phrase_rows(ledger, sample)
        numbers["wording"] = wording_numbers(sample)
        numbers["lexicons"] = lexicon_rows(ledger, sample)
        numbers["shrunk"] = shrunk_numbers(ledger, author, name)
    numbers["withheld"] = withheld(ledger, author, name, sample, numbers)
    numbers["rows"] = [_row_entry(ledger, row) for row in sample.rows]
    return numbers


def _means(sample: Sample) -> dict[str, Any]:
    losses, at_low, at_high = sample.losses(sample.p), sample.losses(sample.low), sample.losses(sample.high)
    happened = sample.y == 1
    near, far = at_low.copy(), at_high.copy()
    near[happened], far[happened] = at_high[happened], at_low[happened]
    found: dict[str, Any] = {
        "brier": float(losses.mean()),
        "brier_best": float(near.mean()),
        "brier_worst": float(far.mean()),
        "brier_over_clusters": sample.over_clusters(losses),
        "base_rate": float(sample.y.mean()),
    }
    if "interval" in allowed(sample.clusters).shown:
        interval = sample.interval(losses)
        found |= {"interval": [interval.lower, interval.upper], "interval_method": interval.method}
    return found


def reference_numbers(sample: Sample, *, coverage: float = 0.95) -> dict[str, Any]:
    """Return the claims scored with their references, and the difference: below zero the author is better."""
    registered = sum(row.question.reference_ppm is not None for row in sample.rows)
    uninformed = len(sample) - registered
    parts = [f"{registered} registered"] * (registered > 0) + [f"{uninformed} uninformed (always 50 %)"] * (
        uninformed > 0
    )
    rows, least, greatest = brier_difference(sample.y, sample.p / PPM, sample.reference / PPM)
    bounds = float(least.min()), float(greatest.max())
    shown = "interval" in allowed(sample.clusters).shown and bounds[0] < bounds[1]
    interval = _difference_interval(sample, rows, bounds, coverage) if shown else None
    numbers = {
        "brier": float(sample.losses(sample.reference).mean()),
        "difference": float(rows.mean()),
        "basis": ", ".join(parts),
        "registered": registered,
        "uninformed": uninformed,
        "over_clusters": sample.over_clusters(rows),
        "interval": [interval.lower, interval.upper] if interval else None,
    }
    return numbers | {"sentence": sentences.reference(numbers)}


def _difference_interval(
    sample: Sample, rows: NDArray[np.float64], bounds: tuple[float, float], coverage: float
) -> Interval:
    if sample.clusters > MOST_FOR_GAFFKE:
        return sample.interval(rows, bounds=bounds, coverage=coverage)
    import pandas as pd

    frame = pd.DataFrame(
        {"outcome": sample.y, "probability": sample.p, "reference": sample.reference, "cluster": sample.cluster}
    )
    return paired_difference(frame, reference="reference", cluster="cluster", coverage=coverage).interval


def maturity_numbers(ledger: Ledger, author: Author, name: Policy, now: datetime) -> dict[str, Any]:
    """Return where the mean would end if every open claim came out for the author, or against.

    `early` counts the scored claims whose deadline is still to come, `matured` is the mean over the `past` others.
    """
    settled, still_open = settled_rows(ledger, author, name), open_rows(ledger, author, name)
    past = [row.brier for row in settled if row.question.deadline <= now]
    sure = [row.brier for row in settled]
    ends = [((row.p / PPM) ** 2, (1 - row.p / PPM) ** 2) for row in still_open]
    counted = len(sure) + len(ends)
    numbers = {
        "counted": counted,
        "scored": len(sure),
        "open": len(ends),
        "overdue": sum(row.question.deadline <= now for row in still_open),
        "early": len(sure) - len(past),
        "past": len(past),
        "matured": sum(past) / len(past) if past else None,
        "best": sum(sure + [min(pair) for pair in ends]) / counted if counted else None,
        "worst": sum(sure + [max(pair) for pair in ends]) / counted if counted else None,
        "rows": [_row_entry(ledger, row) for row in still_open],
    }
    return numbers | {"sentence": sentences.maturity(numbers)}


def _row_entry(ledger: Ledger, row: Row) -> dict[str, Any]:
    statement = ledger.statements[row.forecast.statement_id]
    return row_entry(row, statement.public_id, latest_lexicons(ledger))


def row_entry(row: Row, statement: str, lexicons: Iterable[Lexicon]) -> dict[str, Any]:
    """Return one row, made from the statement of a public id, with all that the numbers are computed from."""
    return {
        "forecast": row.forecast.public_id,
        "statement": statement,
        "question": row.question.public_id,
        "cluster": row.question.cluster,
        "deadline": iso(row.question.deadline),
        "outcome": row.y,
        "brier": None if row.y is None else row.brier,
        "p_ppm": row.p,
        "low_ppm": row.low,
        "high_ppm": row.high,
        "reference_ppm": row.question.reference_ppm,
        "basis": row.forecast.basis,
        "asserts": row.forecast.asserts,
        "phrase": row.forecast.phrase,
        "readings": {lexicon.key: found.median for lexicon, found in read_by(lexicons, row.forecast)},
    }
