"""Verbal probabilities: a phrase maps through a versioned lexicon to low, median and high."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from forecasts.exchange.document import LexiconPhrase
from forecasts.model import PPM, Asserts, to_ppm
from forecasts.tables import Lexicon


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


@dataclass(frozen=True, slots=True)
class Reading:
    """What a lexicon makes of a phrase: its entry, the name of the entry that matched, and the range."""

    phrase: str
    matched: str
    range: Range


def fold(name: str) -> str:
    """Return a phrase as lexicons compare it: without capitals, with single spaces.

    >>> fold("  Almost\\u00a0 Certain ")
    'almost certain'
    """
    return " ".join(name.casefold().split())


def dump_phrases(phrases: Sequence[LexiconPhrase]) -> str:
    """Return the phrases of a lexicon as the text the store keeps."""
    return json.dumps([phrase.model_dump() for phrase in phrases], sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=128)
def _readings(stored: str) -> dict[str, Reading]:
    """Parse the phrases the store keeps, once for each text: every name of every entry, folded."""
    found = {}
    for entry in json.loads(stored):
        spread = Range(to_ppm(entry["low"]), to_ppm(entry["median"]), to_ppm(entry["high"]), entry["bare_modal"])
        for name in (entry["phrase"], *entry["aliases"]):
            found[fold(name)] = Reading(entry["phrase"], name, spread)
    return found


def count_phrases(stored: str) -> int:
    """Return how many phrases a lexicon defines, not counting aliases."""
    return len({reading.phrase for reading in _readings(stored).values()})


def find_phrase(stored: str, phrase: str) -> Range | None:
    """Return the range of a phrase or one of its aliases; None where the lexicon has none.

    Capitals and the number of spaces do not matter.
    """
    found = _readings(stored).get(fold(phrase))
    return None if found is None else found.range


def newest(lexicons: Iterable[Lexicon]) -> dict[str, Lexicon]:
    """Return the version of each lexicon that stands, by key: the one registered last.

    `lexicons` come in the order in which they were registered; what a version is called decides nothing.
    """
    return {lexicon.key: lexicon for lexicon in lexicons}


def readings(lexicons: Iterable[Lexicon], phrase: str) -> dict[str, Reading | None]:
    """Return what the newest version of each lexicon makes of a phrase, by key; None where it defines none."""
    folded = fold(phrase)
    return {key: _readings(lexicon.phrases).get(folded) for key, lexicon in newest(lexicons).items()}


def nearest(lexicons: Iterable[Lexicon], phrase: str) -> list[str]:
    """Return up to five phrases that lexicons define and that are written like this one, the nearest first."""
    known = {name for lexicon in newest(lexicons).values() for name in _readings(lexicon.phrases)}
    return get_close_matches(fold(phrase), sorted(known), n=5, cutoff=0.5)
