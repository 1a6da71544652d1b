"""Small registration documents: every item with sensible defaults, of which a test changes what it is about.

The article is made up: a local paper on a bridge, published on 1 January 2020.
"""

import copy
import hashlib
import itertools
from typing import Any

Item = dict[str, Any]

TEXT = (
    "The bridge over the Tarn will likely open before July. The mayor may resign. "
    "Ben Cole expects the ferry to close. If it does, fares will double — «no doubt», he says.\n"
)
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()
LOCATION = "https://events.example/tarn.csv"
REMOVED = object()


def collection(key: str = "hand", **changes: Any) -> Item:
    return {
        "key": key,
        "name": "Local papers",
        "method": "hand-picked",
        "description": "Chosen by hand.",
    } | changes


def lexicon(key: str = "capphrase", **changes: Any) -> Item:
    return {
        "key": key,
        "version": "1",
        "title": "How readers take words",
        "source": "A survey",
        "licence": "CC BY 4.0",
        "phrases": [
            {"phrase": "Likely", "low": 0.55, "median": 0.7, "high": 0.9, "aliases": ["probable"]},
            {"phrase": "May", "low": 0.2, "median": 0.4, "high": 0.6, "bare_modal": True},
            {"phrase": "Will Happen", "low": 0.9, "median": 1.0, "high": 1.0},
        ],
    } | changes


def article(key: str = "tarn-2020", **changes: Any) -> Item:
    return {
        "key": key,
        "label": "A local paper on the bridge",
        "collection": "hand",
        "published_earliest": "2020-01-01T00:00:00Z",
        "published_latest": "2020-01-01T12:00:00Z",
        "date_basis": "the date line",
        "editions": [{"sha256": SHA256, "characters": len(TEXT)}],
    } | changes


def author(slug: str = "ada-bell", name: str = "Ada Bell", **changes: Any) -> Item:
    return {"slug": slug, "name": name, "kind": "person"} | changes


def statement(key: str = "s-bridge", **changes: Any) -> Item:
    return {
        "key": key,
        "article": "tarn-2020",
        "start": 0,
        "end": 54,
        "stated_by": "ada-bell",
        "kind": "unconditional",
        "hedge_phrase": "likely",
        "checkability": "yes",
        "checkability_reason": "An opening is public.",
        "claim": "The crossing is in use by mid-year.",
    } | changes


def manual(proposition: str = "The bridge opened.") -> Item:
    return {"type": "manual", "proposition": proposition}


def event_leaf(**changes: Any) -> Item:
    return {
        "type": "event_before_deadline",
        "source": "event-table",
        "query": {"location": LOCATION, "format": "csv", "watermark": {"from": "fetch_time", "lag": "P1D"}},
        "filter": {"kind": ["opening"]},
        "event_tz": "Europe/Paris",
        "grace": "P7D",
        "min_checks": 2,
        "max_lag": "P60D",
    } | changes


def question(key: str = "q-bridge", **changes: Any) -> Item:
    return {
        "key": key,
        "title": "Does the bridge open before July 2020?",
        "resolution_criteria": "YES if it opens to traffic.",
        "criterion": manual(f"{key} came true."),
        "opens_at": "2020-01-01T00:00:00Z",
        "opens_latest": "2020-01-01T12:00:00Z",
        "deadline": "2020-07-01T00:00:00Z",
        "zone": "Europe/Paris",
        "deadline_basis": "the text says before July",
        "cluster": "bridge",
        "retrospective": False,
    } | changes


def forecast(statement: str = "s-bridge", question: str = "q-bridge", **changes: Any) -> Item:
    return {
        "statement": statement,
        "question": question,
        "asserts": "yes",
        "basis": "stated",
        "probability": 0.7,
    } | changes


def worded(statement: str = "s-bridge", question: str = "q-bridge", **changes: Any) -> Item:
    return {
        "statement": statement,
        "question": question,
        "asserts": "yes",
        "basis": "lexicon",
        "phrase": "likely",
        "lexicon": "capphrase",
    } | changes


def coded(statement: str = "s-bridge", question: str = "q-bridge", **changes: Any) -> Item:
    return {
        "statement": statement,
        "question": question,
        "asserts": "yes",
        "basis": "coder",
        "probability": 0.8,
        "low": 0.6,
        "high": 0.95,
        "reason": "Told as fact.",
    } | changes


def ruling(question: str = "q-bridge", **changes: Any) -> Item:
    return {
        "question": question,
        "outcome": "yes",
        "knowable_at": "2020-06-02T00:00:00Z",
        "occurred_at": "2020-06-01T08:00:00Z",
        "citation": "Tarn Gazette, 2 June 2020",
        "note": "Opened by the mayor.",
    } | changes


def document(**changes: Any) -> Item:
    """Return a document with one statement, question and stated forecast; `changes` replace whole lists."""
    return {
        "schema": 1,
        "collections": [collection()],
        "lexicons": [lexicon()],
        "articles": [article()],
        "authors": [author(), author("ben-cole", "Ben Cole")],
        "statements": [statement()],
        "questions": [question()],
        "forecasts": [forecast()],
    } | changes


def chain(*keys: str, outcome: str = "yes") -> Item:
    """Return a document with one statement, question and forecast for each key, each hanging on the one before."""
    questions = [question(f"q-{key}", title=f"Does {key} happen?", criterion=manual(key)) for key in keys]
    for parent, child in itertools.pairwise(questions):
        child["condition"] = {"question": parent["key"], "outcome": outcome}
    return document(
        statements=[
            statement(f"s-{key}", start=number, end=number + 20, claim=f"{key} happens.")
            for number, key in enumerate(keys)
        ],
        questions=questions,
        forecasts=[forecast(f"s-{key}", f"q-{key}") for key in keys],
    )


def rivals(*forecasts_of_one_author: Item, **changes: Any) -> Item:
    """Return a document in which each forecast stands on a statement of its own, all on one question."""
    numbered = list(enumerate(forecasts_of_one_author))
    return document(
        statements=[statement(f"s-{number}", start=number, end=number + 20) for number, _ in numbered],
        forecasts=[item | {"statement": f"s-{number}"} for number, item in numbered],
        **changes,
    )


def changed(value: Item, path: str, new: Any) -> Item:
    """Return a copy with the value at a dotted path (`forecasts.0.probability`) replaced, or `REMOVED`."""
    result = copy.deepcopy(value)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = result
    for part in way:
        place = place[part]
    if new is REMOVED:
        del place[last]
    else:
        place[last] = new
    return result
