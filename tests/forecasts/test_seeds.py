"""The founding articles: they register on both databases, say what they must, and hold none of the text."""

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from forecasts.exchange.files import parse_document
from forecasts.tables import Forecast
from seeds import documents
from tests.support.desk import Desk

SEEDS = documents()
ARTICLES = {name: value for name, value in SEEDS.items() if name.startswith("articles/")}
COPIES = Path(__file__).parents[2].parent / "shared" / "articles"
RUN = 7  # as many words in a row would be a quotation


def texts() -> dict[str, str]:
    """Return the copies of articles that lie beside the repository, by the hash of their bytes."""
    found = sorted(COPIES.glob("*.txt")) if COPIES.is_dir() else []
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path.read_bytes().decode() for path in found}


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)}


def prose(value: Any) -> list[str]:
    """Return every text in a document."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in prose(part)]


def register_all(desk: Desk) -> Counter[str]:
    added: Counter[str] = Counter()
    for value in SEEDS.values():
        added += desk.register(value, actor="founders", kind="seed").added
    return added


def test_there_is_a_founding_article_and_lexicons_come_first() -> None:
    assert ARTICLES
    assert [name.partition("/")[0] for name in SEEDS] == sorted(
        (name.partition("/")[0] for name in SEEDS), key=["lexicons", "articles"].index
    )


def test_the_seeds_register_whole_and_only_once(desk: Desk) -> None:
    added = register_all(desk)
    assert added["statements"] >= 30
    assert added == Counter(
        {kind: sum(len(value.get(kind, [])) for value in SEEDS.values()) for kind in added}
        | {
            "editions": sum(
                len(article["editions"]) for value in SEEDS.values() for article in value.get("articles", [])
            )
        }
    )
    rev = desk.rev()
    assert not register_all(desk)
    assert desk.rev() == rev


def test_both_databases_give_the_seeds_the_same_ids(both_desks: dict[str, Desk]) -> None:
    found = []
    for desk in both_desks.values():
        register_all(desk)
        found.append(
            [[row[kind[:-1]] for row in desk.export(kind)] for kind in ("statements", "questions", "forecasts")]
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_a_statement_has_at_most_one_primary_forecast(value: dict[str, Any]) -> None:
    primary = Counter(item["statement"] for item in value["forecasts"] if "excluded_because" not in item)
    assert primary
    assert set(primary.values()) == {1}


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_every_checkable_statement_has_a_question_and_no_other_has(value: dict[str, Any]) -> None:
    forecasts = {item["statement"] for item in value["forecasts"]}
    for item in value["statements"]:
        assert item["checkability_reason"]
        if item["checkability"] == "no":
            assert item["key"] not in forecasts, item["key"]
        elif item["checkability"] == "yes" and item["kind"] not in ("restatement", "not-a-forecast"):
            assert item["key"] in forecasts, item["key"]


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_every_question_is_asked_by_a_statement(value: dict[str, Any]) -> None:
    document = parse_document(value)
    assert {item.key for item in document.questions} == {item.question for item in document.forecasts}
    assert all(item.retrospective for item in document.questions)


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_hedge_phrases_are_short(value: dict[str, Any]) -> None:
    phrases = [item["hedge_phrase"] for item in value["statements"] if "hedge_phrase" in item]
    assert phrases
    assert max(len(phrase.split()) for phrase in phrases) < RUN
    assert max(len(phrase) for phrase in phrases) <= 40


def test_numbers_that_are_ours_say_why(desk: Desk) -> None:
    register_all(desk)
    with desk.store.read() as session:
        rows = session.exec(select(Forecast)).all()
    assert {row.basis for row in rows} >= {"coder", "lexicon"}
    assert all(row.reason for row in rows if row.basis == "coder")


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_against_the_text_where_a_copy_is_at_hand(value: dict[str, Any]) -> None:
    known = texts()
    for article in value["articles"]:
        for edition in article["editions"]:
            text = known.get(edition["sha256"])
            if text is None:  # it belongs to its publisher; the structure is checked above
                continue
            assert edition["characters"] == len(text)
            inside = runs(text)
            for item in value["statements"]:
                span = text[item["start"] : item["end"]]
                assert span == span.strip(), item["key"]
                if "hedge_phrase" in item:
                    words = re.findall(r"\w+", item["hedge_phrase"].casefold())
                    assert set(words) <= set(re.findall(r"\w+", span.casefold())), item["key"]
            for passage in prose(value):
                assert not runs(passage) & inside, passage
