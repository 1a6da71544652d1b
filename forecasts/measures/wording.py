"""What the numbers owe to reading words: a table by phrase, a range of readings, and every other lexicon."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from forecasts import sentences
from forecasts.ledger import Ledger
from forecasts.lexicon import Range, find_phrase, fold, newest
from forecasts.measures.rows import Row, Sample, grouped
from forecasts.model import PPM
from forecasts.tables import Forecast, Lexicon
from scoring.gates import allowed
from scoring.wording import wording_interval

#: Readings drawn for a range, and how many numbers they may take in memory at once.
DRAWS, FEWEST_DRAWS, NUMBERS_AT_ONCE = 4000, 400, 4_000_000


def latest_lexicons(ledger: Ledger) -> list[Lexicon]:
    """Return the version that stands of every registered lexicon, by key."""

    def make() -> list[Lexicon]:
        return [lexicon for _, lexicon in sorted(newest(ledger.lexicons.values()).items())]

    return ledger.remember("latest-lexicons", make)


def reading(lexicon: Lexicon, forecast: Forecast) -> Range | None:
    """Return what a lexicon makes of a worded forecast; None where it defines no such phrase."""
    if forecast.basis != "lexicon" or forecast.phrase is None:
        return None
    found = find_phrase(lexicon.phrases, forecast.phrase)
    return found.asserting("yes" if forecast.asserts == "yes" else "no") if found else None


def readings(ledger: Ledger, forecast: Forecast) -> list[tuple[Lexicon, Range]]:
    """Return what each lexicon that defines the phrase of a forecast makes of it."""
    return read_by(latest_lexicons(ledger), forecast)


def read_by(lexicons: Iterable[Lexicon], forecast: Forecast) -> list[tuple[Lexicon, Range]]:
    """Return what each of some lexicons that defines the phrase of a forecast makes of it."""
    read = ((lexicon, reading(lexicon, forecast)) for lexicon in lexicons)
    return [(lexicon, found) for lexicon, found in read if found is not None]


def worded(rows: tuple[Row, ...]) -> list[Row]:
    """Return the rows whose number comes from words."""
    return [row for row in rows if row.forecast.basis == "lexicon"]


def phrase_rows(ledger: Ledger, sample: Sample) -> list[dict[str, Any]]:
    """Return for each phrase how often it was said and how often what was said so happened, commonest first.

    `share` is `happened / n`; the interval is of its mean over groups, where there are enough of them.
    """
    said = [row.as_said() for row in worded(sample.rows) if row.forecast.phrase is not None]
    by_phrase = grouped(said, lambda row: (row.forecast.lexicon_id, fold(row.forecast.phrase)))
    found = [_phrase_row(ledger, Sample(rows)) for rows in by_phrase.values()]
    return sorted(found, key=lambda row: (-row["n"], row["phrase"], row["lexicon"]))


def _phrase_row(ledger: Ledger, said: Sample) -> dict[str, Any]:
    first = said.rows[0]
    lexicon = ledger.lexicons[first.forecast.lexicon_id or 0]
    shown = "interval" in allowed(said.clusters).shown
    interval = said.interval(said.y.astype(np.float64)) if shown else None
    return {
        "phrase": first.forecast.phrase,
        "lexicon": f"{lexicon.key} {lexicon.version}",
        "low": first.low / PPM,
        "probability": first.p / PPM,
        "high": first.high / PPM,
        "n": len(said),
        "happened": int(said.y.sum()),
        "clusters": said.clusters,
        "share": float(said.y.mean()),
        "interval": [interval.lower, interval.upper] if interval else None,
        "forecasts": [row.forecast.public_id for row in said.rows],
    }


def wording_numbers(sample: Sample) -> dict[str, Any] | None:
    """Return the mean Brier score of the worded claims as their phrases are read differently; None without any."""
    said = Sample(row.as_said() for row in worded(sample.rows))
    if not len(said):
        return None
    draws = min(DRAWS, max(FEWEST_DRAWS, NUMBERS_AT_ONCE // len(said)))
    found = wording_interval(
        said.y,
        said.p,
        low_ppm=said.low,
        high_ppm=said.high,
        phrase=[f"{row.forecast.lexicon_id} {fold(row.forecast.phrase or '')}" for row in said.rows],
        draws=draws,
    )
    numbers = {
        "forecasts": len(said),
        "at_median": found.at_median,
        "at_low": found.at_low,
        "at_high": found.at_high,
        "best": found.best,
        "worst": found.worst,
        "lower": found.lower,
        "upper": found.upper,
        "coverage": found.coverage,
        "draws": draws,
    }
    return numbers | {"sentence": sentences.wording(numbers)}


def lexicon_rows(ledger: Ledger, sample: Sample) -> list[dict[str, Any]]:
    """Return for every registered lexicon the mean Brier score of the worded claims it can read.

    `brier_as_registered` is the score of the same claims under the lexicon they were registered with: lexicons
    that cover different claims do not compare with one another.
    """
    rows = worded(sample.rows)
    found = []
    for lexicon in latest_lexicons(ledger) if rows else []:
        read = [(row, other) for row in rows if (other := reading(lexicon, row.forecast))]
        covered = Sample(row for row, _ in read)
        medians = np.array([other.median for _, other in read], dtype=np.int64)
        found.append(
            {
                "lexicon": lexicon.key,
                "version": lexicon.version,
                "title": lexicon.title,
                "worded": len(rows),
                "forecasts": len(read),
                "brier": float(covered.losses(medians).mean()) if read else None,
                "brier_as_registered": float(covered.losses(covered.p).mean()) if read else None,
            }
        )
    return found
