"""Phrases to ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.exchange.document import LexiconPhrase
from forecasts.lexicon import (
    Range,
    Reading,
    count_phrases,
    dump_phrases,
    find_phrase,
    nearest,
    newest,
    readings,
)
from forecasts.model import PPM
from forecasts.tables import Lexicon

STORED = dump_phrases(
    [
        LexiconPhrase(phrase="Likely", low=0.55, median=0.7, high=0.9, aliases=["probable", "Straße"]),
        LexiconPhrase(phrase="may", low=0.2, median=0.4, high=0.6, bare_modal=True),
        LexiconPhrase(phrase="certain", low=0.9, median=1.0, high=1.0),
    ]
)
PPMS = st.integers(min_value=0, max_value=PPM)


@pytest.mark.parametrize("phrase", ["likely", "LIKELY", " Likely", "probable", "STRASSE"])
def test_a_phrase_is_found_by_any_of_its_names_in_any_case_and_spacing(phrase: str) -> None:
    assert find_phrase(STORED, phrase) == Range(550_000, 700_000, 900_000)


@pytest.mark.parametrize("phrase", ["very likely", "like", "", " ", "li kely", "not likely"])
def test_a_phrase_the_lexicon_does_not_have_gets_no_number(phrase: str) -> None:
    assert find_phrase(STORED, phrase) is None


def test_a_bare_modal_is_marked() -> None:
    found = find_phrase(STORED, "may")
    assert found is not None
    assert found.bare_modal


def test_certain_stays_certain() -> None:
    assert find_phrase(STORED, "certain") == Range(900_000, PPM, PPM)


@given(st.lists(PPMS, min_size=3, max_size=3).map(sorted), st.booleans())
def test_said_of_a_no_the_range_is_turned_round(ends: list[int], bare: bool) -> None:
    low, median, high = ends
    said = Range(low, median, high, bare)
    turned = said.asserting("no")
    assert turned.low <= turned.median <= turned.high
    assert turned.median == PPM - said.median
    assert turned.asserting("no") == said == said.asserting("yes")


def lexicon(key: str, version: str, **phrases: float) -> Lexicon:
    """Return a lexicon of phrases with nothing but a median; `_` stands for a space."""
    entries = [
        LexiconPhrase(phrase=name.replace("_", " "), low=p, median=p, high=p) for name, p in phrases.items()
    ]
    return Lexicon(
        rev=1, key=key, version=version, title="T", source="S", licence="L", phrases=dump_phrases(entries)
    )


OLD, OTHER, NEW = (
    lexicon("a", "9", likely=0.7, with_luck=0.3),
    lexicon("b", "1", very_likely=0.9),
    lexicon("a", "10", likely=0.8),
)


def test_the_version_registered_last_stands_whatever_it_is_called() -> None:
    assert newest([OLD, OTHER, NEW]) == {"a": NEW, "b": OTHER}
    assert newest([NEW, OTHER, OLD]) == {"a": OLD, "b": OTHER}


def test_a_phrase_is_read_in_the_newest_version_of_each_lexicon() -> None:
    likely = Reading("likely", "likely", Range(800_000, 800_000, 800_000))
    assert readings([OLD, OTHER, NEW], " Likely ") == {"a": likely, "b": None}
    assert readings([OLD, OTHER, NEW], "with luck") == {"a": None, "b": None}


def test_a_reading_says_which_name_matched() -> None:
    stored = Lexicon(rev=1, key="c", version="1", title="T", source="S", licence="L", phrases=STORED)
    found = readings([stored], "PROBABLE")["c"]
    assert found is not None
    assert (found.phrase, found.matched) == ("Likely", "probable")
    assert count_phrases(STORED) == 3


def test_a_mistyped_phrase_is_met_by_those_written_like_it() -> None:
    assert nearest([OLD, OTHER, NEW], "Vary  likly") == ["very likely", "likely"]
    assert nearest([OLD, OTHER, NEW], "with lucks") == []  # only the version replaced had it
    assert nearest([], "likely") == []
