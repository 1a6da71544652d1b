"""Whether things happen as often as was said, as far as the number of groups can carry an answer.

Curve, band, bins and decomposition are of numbers the author stated: words get the table by phrase, and a curve of
our own readings would say nothing of the author.
"""

from typing import Any

from forecasts import sentences
from forecasts.ledger import Ledger
from forecasts.measures.records import Drawn, from_each_drawn
from forecasts.measures.rows import Row, Sample, grouped, is_known, unpicked
from forecasts.model import PPM
from forecasts.policy import POLICIES, Policy
from forecasts.tables import Author
from scoring.calibration import (
    CalibrationTest,
    calibration_in_the_large,
    consistency_band,
    reliability_curve,
    spiegelhalter_z,
)
from scoring.decompose import corp, murphy_corrected
from scoring.gates import AUTHORS_TO_SHRINK, GATES, Item, allowed
from scoring.levels import LevelTable
from scoring.ranking import Shrunk, shrink

BINS = 10
#: Different numbers that each make a mark of their own: 0, 10, 20 and so on to 100 %, and one more.
MOST_MARKS = 12
#: What a report may withhold, in the order it lists them; the curve stands for its band and its power too.
GATED: tuple[Item, ...] = (
    "interval",
    "calibration-in-the-large",
    "spiegelhalter",
    "shrunk",
    "corp-curve",
    "binned-table",
    "corrected-decomposition",
)
OF_STATED: frozenset[Item] = frozenset({"corp-curve", "binned-table", "corrected-decomposition"})


def needs(item: Item) -> int:
    """Return how many groups an item needs."""
    return next(gate.clusters for gate in GATES if item in gate.adds)


def tests(sample: Sample) -> dict[str, Any]:
    """Return the two tests that count groups, or None for each where there are too few."""
    numbers: dict[str, Any] = {"in_the_large": None, "spiegelhalter": None}
    shown = allowed(sample.clusters).shown
    of = {"forecasts": len(sample), "not_stated": sum(row.forecast.basis != "stated" for row in sample.rows)}
    if "calibration-in-the-large" in shown:
        found = _test(calibration_in_the_large(sample.table())) | of
        found |= {"said": float(sample.p.mean()) / PPM, "happened": float(sample.y.mean())}
        numbers["in_the_large"] = found | {"sentence": sentences.in_the_large(found)}
    if "spiegelhalter" in shown:
        found = _test(spiegelhalter_z(sample.table())) | of
        numbers["spiegelhalter"] = found | {"sentence": sentences.spiegelhalter(found)}
    return numbers


def _test(found: CalibrationTest) -> dict[str, Any]:
    """Return a test as plain data; z is None where one miss refutes an author who was certain throughout."""
    z = float(found.z)
    return {
        "difference": float(found.difference),
        "z": z if abs(z) < float("inf") else None,
        "df": None if found.df is None else float(found.df),
        "p_value": float(found.p_value),
    }


def of_stated(ledger: Ledger, sample: Sample) -> dict[str, Any]:
    """Return curve, bins and decomposition of stated numbers, or None for each where groups are too few."""
    stated = Sample(row for row in sample.rows if row.forecast.basis == "stated")
    # Both policies count stated numbers alike: what costs most is worked out once.
    ids = tuple(row.forecast.id for row in stated.rows)
    return ledger.remember(("stated", ids), lambda: _of_stated(stated))


def _of_stated(stated: Sample) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        "stated_clusters": stated.clusters,
        "curve": None,
        "bins": None,
        "decomposition": None,
    }
    shown = allowed(stated.clusters).shown
    levels = stated.table().levels() if len(stated) else None
    if levels is not None and "corp-curve" in shown:
        numbers["curve"] = _curve(stated, levels)
    if levels is not None and "binned-table" in shown:
        numbers["bins"] = _bins(levels)
    if levels is not None and "corrected-decomposition" in shown:
        numbers["decomposition"] = _decomposition(levels)
    return numbers


def _curve(stated: Sample, levels: LevelTable) -> dict[str, Any]:
    band = consistency_band(stated.y, stated.p, cluster=stated.cluster)
    parts = corp(levels)
    points = zip(levels.n, levels.n_yes, band.p_ppm, band.recalibrated, band.lower, band.upper, strict=True)
    numbers = {
        "forecasts": len(stated),
        "clusters": stated.clusters,
        "points": [
            {
                "probability": int(ppm) / PPM,
                "n": int(n),
                "n_yes": int(n_yes),
                "recalibrated": float(curve),
                "lower": float(lower),
                "upper": float(upper),
            }
            for n, n_yes, ppm, curve, lower, upper in points
        ],
        "marks": marks(stated),
        "coverage": band.coverage,
        "inside": not band.left,
        "miscalibration": float(parts.miscalibration),
        "discrimination": float(parts.discrimination),
        "uncertainty": float(parts.uncertainty),
        "p_value": band.p_value,
        "power": band.power,
    }
    return numbers | {"sentence": sentences.curve(numbers)}


def marks(sample: Sample) -> list[dict[str, Any]]:
    """Return the claims put together by what was said, each mark at the means of its claims.

    Up to `MOST_MARKS` different numbers make a mark each; more are put into `BINS` bins of equal width. `from` and
    `to` bound what was said (`to` is left out, unless it is `from` or one).
    """
    said = sorted(set(sample.p.tolist()))
    width = PPM // BINS
    binned = len(said) > MOST_MARKS

    def place(row: Row) -> tuple[int, int]:
        if not binned:
            return row.p, row.p
        first = min(row.p // width, BINS - 1) * width
        return first, first + width

    found = []
    for (first, last), rows in sorted(grouped(sample.rows, place).items()):
        together = Sample(rows)
        found.append(
            {
                "from": first / PPM,
                "to": last / PPM,
                "n": len(rows),
                "n_yes": int(together.y.sum()),
                "clusters": together.clusters,
                "said": float(together.p.mean()) / PPM,
                "happened": float(together.y.mean()),
            }
        )
    return found


def _bins(levels: LevelTable) -> list[dict[str, Any]]:
    found = reliability_curve(levels, bins=BINS)
    columns = (found.lower_ppm, found.upper_ppm, found.n, found.n_yes, found.forecast, found.rate)
    return [
        {
            "from": int(low) / PPM,
            "to": int(high) / PPM,
            "n": int(n),
            "n_yes": int(n_yes),
            "said": float(said),
            "happened": float(happened),
        }
        for low, high, n, n_yes, said, happened in zip(*columns, strict=True)
    ]


def _decomposition(levels: LevelTable) -> dict[str, Any] | None:
    """Return the corrected parts over ten bins; None where a bin holds a single claim."""
    parts = murphy_corrected(levels, bins=BINS)
    if parts.withheld:
        return None
    return {
        "bins": BINS,
        "reliability": float(parts.reliability),
        "resolution": float(parts.resolution),
        "uncertainty": float(parts.uncertainty),
        "within_bin_variance": float(parts.within_bin_variance),
        "within_bin_covariance": float(parts.within_bin_covariance),
    }


def shrunk_numbers(ledger: Ledger, author: Author, name: Policy) -> dict[str, Any] | None:
    """Return the author's difference to the reference drawn towards that of all authors, where it may be shown."""
    found = _shrunk(ledger, name)
    if found is None or author.id not in found.author:
        return None
    k = found.author.index(author.id)
    numbers = {
        "mean": float(found.mean[k]),
        "shrunk": float(found.shrunk[k]),
        "weight": float(found.weight[k]),
        "common_mean": found.common_mean,
        "authors": len(found.author),
    }
    return numbers | {"sentence": sentences.shrunk(author.name, numbers)}


def _to_shrink(ledger: Ledger, name: Policy) -> dict[int, tuple[list[float], list[str]]]:
    """Return what is drawn together, of known authors, unpicked, each of enough groups, by the author's row id.

    Of each claim it is the difference to the reference and the group: all that is kept of everybody's.
    """

    found = from_each_drawn(ledger, "to-shrink", lambda drawn: {name: _spread(drawn, name) for name in POLICIES})
    return {key: spread for key, by_policy in found.items() if (spread := by_policy[name]) is not None}


def _spread(drawn: Drawn, name: Policy) -> tuple[list[float], list[str]] | None:
    rows = drawn.rows[name] if is_known(drawn.author) else []
    clusters = [row.question.cluster for row in rows]
    if "shrunk" not in allowed(len(set(clusters))).shown:
        return None
    return [row.brier - _against(row) for row in rows], clusters


def _shrunk(ledger: Ledger, name: Policy) -> Shrunk | None:
    def make() -> Shrunk | None:
        drawn = _to_shrink(ledger, name)
        if len(drawn) < AUTHORS_TO_SHRINK:
            return None
        return shrink(
            [difference for differences, _ in drawn.values() for difference in differences],
            author=[key for key, (differences, _) in drawn.items() for _ in differences],
            cluster=[cluster for _, clusters in drawn.values() for cluster in clusters],
        )

    return ledger.remember_for_all(("shrunk", name), make)


def _against(row: Row) -> float:
    return ((row.reference - (row.y or 0) * PPM) / PPM) ** 2


_FIELD: dict[Item, str] = {
    "interval": "interval",
    "calibration-in-the-large": "in_the_large",
    "spiegelhalter": "spiegelhalter",
    "shrunk": "shrunk",
    "corp-curve": "curve",
    "binned-table": "bins",
    "corrected-decomposition": "decomposition",
}


def withheld(
    ledger: Ledger, author: Author, name: Policy, sample: Sample, shown: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return what is not shown, each with the groups it needs, those there are, and why in a sentence."""
    found = []
    for item in (item for item in GATED if shown[_FIELD[item]] is None):
        there = shown["stated_clusters"] if item in OF_STATED else sample.clusters
        if there >= needs(item):
            why = (
                _why_not_shrunk(ledger, author, name, sample)
                if item == "shrunk"
                else "not shown: one of the ten bins holds a single claim, whose spread cannot be told"
            )
        else:
            of = " of claims with a stated number" if item in OF_STATED else ""
            why = sentences.too_few(needs(item), there, of=of)
        sentence = f"{sentences.ITEM_WORDS[item]}: {why}."
        found.append({"item": item, "needs": needs(item), "there": there, "sentence": sentence})
    return found


def _why_not_shrunk(ledger: Ledger, author: Author, name: Policy, sample: Sample) -> str:
    if not is_known(author):
        return "not shown: the author is unknown, and unknown authors are not put together with others"
    usable = len({row.question.cluster for row in unpicked(ledger, sample.rows)})
    if usable < needs("shrunk"):
        return sentences.too_few(needs("shrunk"), usable, of=" from articles that nobody picked by hand")
    of = f" with {needs('shrunk')} independent groups each"
    return sentences.too_few(AUTHORS_TO_SHRINK, len(_to_shrink(ledger, name)), "author", of=of)
