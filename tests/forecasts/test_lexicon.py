"""Phrases to ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.exchange.document import LexiconPhrase
from forecasts.lexicon import Range, dump_phrases, find_phrase
from forecasts.model import PPM

STORED = dump_phrases(
    [
        LexiconPhrase(phrase="Likely", low=0.55, median=0.7, high=0.9, aliases=["probable", "Straße"]),
        LexiconPhrase(phrase="may", low=0.2, median=0.4, high=0.6, bare_modal=True),
        LexiconPhrase(phrase="certain", low=0.9, median=1.0, high=1.0),
    ]
)
PPMS = st.integers(min_value=0, max_value=PPM)


@pytest.mark.parametrize("phrase", ["likely", "LIKELY", "Likely", "probable", "STRASSE"])
def test_a_phrase_is_found_by_any_of_its_names_in_any_case(phrase: str) -> None:
    assert find_phrase(STORED, phrase) == Range(550_000, 700_000, 900_000)


@pytest.mark.parametrize("phrase", ["very likely", "like", "", " likely"])
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
