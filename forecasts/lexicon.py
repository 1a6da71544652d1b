"""Verbal probabilities: a phrase maps through a versioned lexicon to low, median and high."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from forecasts.exchange.document import LexiconPhrase
from forecasts.model import PPM, Asserts, to_ppm


@dataclass(frozen=True, slots=True)
class Range:
    """Low, median and high of a phrase, in parts per million of the question's yes."""

    low: int
    median: int
    high: int
    bare_modal: bool = False

    def asserting(self, asserts: Asserts) -> "Range":
        """Return the range as it bears on yes, when the phrase was said of `asserts`."""
        if asserts == "yes":
            return self
        return Range(PPM - self.high, PPM - self.median, PPM - self.low, self.bare_modal)


def dump_phrases(phrases: Sequence[LexiconPhrase]) -> str:
    """Return the phrases of a lexicon as the text the store keeps."""
    return json.dumps([phrase.model_dump() for phrase in phrases], sort_keys=True, ensure_ascii=False)


def find_phrase(stored: str, phrase: str) -> Range | None:
    """Return the range of a phrase or one of its aliases, ignoring case; None where the lexicon has none."""
    wanted = phrase.casefold()
    for entry in json.loads(stored):
        names = [entry["phrase"], *entry["aliases"]]
        if wanted in (name.casefold() for name in names):
            return Range(to_ppm(entry["low"]), to_ppm(entry["median"]), to_ppm(entry["high"]), entry["bare_modal"])
    return None
