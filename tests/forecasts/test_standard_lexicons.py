"""The lexicons that come with calledit: what they hold, what they leave out, and that a version never changes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from forecasts import registry
from forecasts.criteria import digest
from forecasts.exchange.document import Lexicon
from forecasts.exchange.files import parse_document
from forecasts.lexicon import Reading, find_phrase, readings
from forecasts.model import PPM
from forecasts.registering import lexicon_row
from jobs.sources import catalogue
from seeds import documents
from tests.support.desk import Desk

STANDARDS: dict[str, Lexicon] = {
    item.key: item for value in documents("lexicons").values() for item in parse_document(value).lexicons
}
ROWS = [lexicon_row(item) for item in STANDARDS.values()]
PAGE = Path(__file__).parents[2] / "docs" / "lexicons.md"

# What is registered under a version is never overwritten, so neither may a file change under it:
# whoever changes one gives it a new version, and pins that here.
PINNED = {
    "capphrase 2026": "244685a3852d",
    "efsa 2018": "e3bc1e4a81ea",
    "icd203 2015": "b94179c48199",
    "ipcc 2021": "67e4caf1462a",
    "kent 1964": "6cb1ddd9ea13",
    "nato 2016": "d5a22369c135",
    "phia 2025": "5ca7518c8b4a",
}


def percent(phrase: str) -> dict[str, tuple[float, float]]:
    """Return the range of a phrase in each lexicon that defines it, in per cent."""
    found: dict[str, Reading | None] = readings(ROWS, phrase)
    return {
        key: (reading.range.low / 10_000, reading.range.high / 10_000)
        for key, reading in found.items()
        if reading is not None
    }


def test_a_published_version_never_changes() -> None:
    found = {
        f"{item.key} {item.version}": digest(item.model_dump(mode="json"))[:12] for item in STANDARDS.values()
    }
    assert found == PINNED


@pytest.mark.parametrize(
    ("phrase", "ranges"),
    [
        (
            "likely",
            {
                "capphrase": (60, 90),
                "efsa": (66, 90),
                "icd203": (55, 80),
                "ipcc": (66, 100),
                "kent": (63, 87),
                "nato": (60, 90),
                "phia": (55, 75),
            },
        ),
        (
            "almost certain",
            {"capphrase": (85, 99), "efsa": (99, 100), "icd203": (95, 99), "kent": (87, 99), "phia": (95, 100)},
        ),
        ("highly unlikely", {"capphrase": (1, 20), "icd203": (5, 20), "nato": (0, 10), "phia": (10, 20)}),
        ("very unlikely", {"efsa": (5, 10), "icd203": (5, 20), "ipcc": (0, 10)}),
        ("realistic possibility", {"capphrase": (20, 85), "phia": (40, 50)}),
        ("even chance", {"nato": (40, 60)}),
        ("probably not", {"kent": (20, 40)}),
        ("almost certainly not", {"kent": (2, 12)}),
        ("exceptionally unlikely", {"ipcc": (0, 1)}),
        ("almost impossible", {"efsa": (0, 1), "kent": (2, 12)}),
        ("more likely than not", {"efsa": (50, 100), "ipcc": (50, 100)}),
        ("about as likely as not", {"efsa": (33, 66), "ipcc": (33, 66)}),
    ],
)
def test_the_ranges_are_those_of_the_sources(phrase: str, ranges: dict[str, tuple[float, float]]) -> None:
    assert percent(phrase) == ranges


@pytest.mark.parametrize("key", sorted(STANDARDS.keys() - {"capphrase"}))
def test_where_a_standard_gives_a_range_its_midpoint_is_the_median_and_the_title_says_so(key: str) -> None:
    item = STANDARDS[key]
    assert "midpoint" in item.title
    for row in item.phrases:
        spread = find_phrase(lexicon_row(item).phrases, row.phrase)
        assert spread is not None
        assert 2 * spread.median == spread.low + spread.high, row.phrase


@pytest.mark.parametrize("key", sorted(STANDARDS.keys() - {"capphrase"}))
def test_no_standard_defines_a_bare_modal(key: str) -> None:
    for modal in ("may", "might", "could", "can", "will", "would", "possible", "possibly", "perhaps"):
        assert readings([lexicon_row(STANDARDS[key])], modal) == {key: None}
    assert not any(row.bare_modal for row in STANDARDS[key].phrases)


@pytest.mark.parametrize(
    ("key", "mirrored"),
    [
        (
            "efsa",
            {
                "almost certain": "almost impossible",
                "extremely likely": "extremely unlikely",
                "likely": "unlikely",
            },
        ),
        ("ipcc", {"virtually certain": "exceptionally unlikely", "very likely": "very unlikely"}),
        ("nato", {"highly likely": "highly unlikely", "likely": "unlikely"}),
    ],
)
def test_scales_that_are_symmetric_mirror_each_other(key: str, mirrored: dict[str, str]) -> None:
    stored = lexicon_row(STANDARDS[key]).phrases
    for phrase, other in mirrored.items():
        upper, lower = find_phrase(stored, phrase), find_phrase(stored, other)
        assert upper is not None
        assert lower is not None
        slack = 10_000 if phrase == "likely" and key != "nato" else 0  # two thirds are rounded to 66 and to 33 %
        assert abs(upper.low - (PPM - lower.high)) <= slack
        assert upper.high == PPM - lower.low


def test_each_says_where_it_comes_from_and_under_which_terms() -> None:
    for item in STANDARDS.values():
        assert re.search(r"\b(19|20)\d\d\b", item.source), item.key
        assert re.search("Public domain|Licence|Copyright|CC BY", item.licence), item.key


def test_they_register_once_and_a_file_may_bring_a_newer_version(desk: Desk) -> None:
    def register(value: dict[str, Any]) -> dict[str, int]:
        made = registry.register(
            desk.store,
            parse_document(value),
            catalogue=catalogue(),
            actor="Rita Registrar",
            standards=list(STANDARDS.values()),
        )
        return dict(made.added)

    newer = STANDARDS["phia"].model_dump() | {"version": "1"}
    assert register({"lexicons": [newer]}) == {"lexicons": len(STANDARDS) + 1}
    rev = desk.rev()
    assert register({"lexicons": [newer]}) == {}
    assert register({"schema": 1}) == {}
    assert desk.rev() == rev
    assert readings(desk.ledger().lexicons.values(), "likely").keys() == STANDARDS.keys()
    assert [row.version for row in desk.ledger().lexicons.values() if row.key == "phia"] == ["2025", "1"]


def test_the_page_on_lexicons_lists_them_as_they_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(item.key, item.version, str(len(item.phrases))) for item in STANDARDS.values()]


def test_the_page_shows_ranges_that_are_in_the_files() -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^\| ([a-z ]+) \| (\w+) (\d+)-(\d+) \| (\w+) (\d+)-(\d+) \|", page, re.MULTILINE)
    assert len(found) >= 3
    for phrase, *said in found:
        ranges = percent(phrase)
        for key, low, high in (said[:3], said[3:]):
            assert ranges[key] == (float(low), float(high)), phrase


def test_the_files_are_what_the_loader_reads() -> None:
    folder = Path(__file__).parents[2] / "seeds" / "lexicons"
    keys = [
        tomllib.loads(path.read_text(encoding="utf-8"))["lexicons"][0]["key"]
        for path in sorted(folder.glob("*.toml"))
    ]
    assert keys == [path.stem for path in sorted(folder.glob("*.toml"))] == list(STANDARDS)
