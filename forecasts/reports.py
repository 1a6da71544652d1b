"""The report on one author: every claim with how it came out, and only the numbers the claims can carry.

A report is plain data (`author_report`), so that text, JSON, pages and pictures show the same. The numbers come
from `measures`, the words for them from `sentences`, the statements from `entries`.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from forecasts import disclosures, sentences
from forecasts.entries import statement_entry
from forecasts.leaderboard import obstacles
from forecasts.ledger import Ledger
from forecasts.measures.headline import headline_numbers, over_time
from forecasts.measures.policies import maturity_numbers, policy_numbers
from forecasts.measures.records import record_of
from forecasts.measures.rows import settled_rows
from forecasts.measures.wording import readings
from forecasts.model import iso
from forecasts.policy import POLICIES
from forecasts.tables import Forecast, Statement

Report = dict[str, Any]


def author_report(ledger: Ledger, slug: str, now: datetime, *, past_only: bool = False) -> Report:
    """Return the report on an author as of the ledger's revision; `now` says which deadlines have passed.

    With `past_only` the numbers leave out what came out before its deadline; `maturity` and the statements do not.
    """
    author = ledger.author(slug)
    statements = ledger.said_by(author)
    until = now if past_only else None
    policies = {name: policy_numbers(ledger, author, name, until) for name in POLICIES}
    rows = settled_rows(ledger, author, "broad", until)
    collections = _collections(ledger, statements)
    methods = [collection["method"] for collection in collections]
    in_the_way = obstacles(record_of(ledger, author, now), now)
    return {
        "author": {"slug": author.slug, "name": author.name, "kind": author.kind, "note": author.note},
        "rev": ledger.rev,
        "now": iso(now),
        "replay": sentences.replay(ledger.run),
        "include_drafts": ledger.include_drafts,
        **disclosures.of_author(ledger, author),
        "scale": sentences.SCALE,
        "deadlines": "past" if past_only else "any",
        "headline": headline_numbers(rows, policies["broad"]),
        "over_time": over_time(rows),
        "verdict": sentences.verdict(
            author.name,
            policies["broad"],
            picked="hand-picked" in methods,
            corrected=not statements and ledger.was_charged(author),
            past_only=past_only,
        ),
        "funnel": funnel(ledger, statements, now),
        "maturity": {name: maturity_numbers(ledger, author, name, now) for name in POLICIES},
        "collections": collections,
        "chosen": sentences.chosen(author.name, methods),
        "ranking": {
            "may_be_ranked": not in_the_way,
            "obstacles": in_the_way,
            "sentence": sentences.ranking(author.name, [found["sentence"] for found in in_the_way]),
        },
        "lexicons": _lexicons(ledger, statements),
        "policies": policies,
        "statements": [statement_entry(ledger, statement) for statement in statements],
    }


def funnel(ledger: Ledger, statements: list[Statement], now: datetime) -> dict[str, int]:
    """Count the statements from those found to those scored, under the broad policy.

    `matured` are past their deadline; a yes that came early is scored before that. `overdue` are past it and open.
    """
    shown = [listed[0] for row in statements if (listed := ledger.forecasts_by_statement.get(row.id))]
    counted = [row for row in shown if ledger.standing(row, "broad").excluded_because is None]
    matured = [row for row in counted if ledger.questions[row.question_id].deadline <= now]
    outcomes = Counter(ledger.outcome(row.question_id) for row in counted)
    conditions = Counter(_condition(ledger, row) for row in counted)
    uncheckable = sum(row.checkability == "no" for row in statements)
    return {
        "statements": len(statements),
        "uncheckable": uncheckable,
        "checkable": len(statements) - uncheckable,
        "with_forecast": len(shown),
        "not_counted": len(shown) - len(counted),
        "counted": len(counted),
        "conditional": conditions.total() - conditions["none"],
        "condition_met": conditions["met"],
        "condition_open": conditions["open"],
        "matured": len(matured),
        "overdue": sum(ledger.outcome(row.question_id) == "open" for row in matured),
        "open": outcomes["open"],
        "annulled": outcomes["annulled"],
        "ambiguous": outcomes["ambiguous"],
        "scored": sum(ledger.standing(row, "broad").scored for row in shown),
    }


def _condition(ledger: Ledger, forecast: Forecast) -> str:
    """Return how the condition of a forecast stands: none, met, open or failed."""
    question = ledger.questions[forecast.question_id]
    if question.condition_id is None:
        return "none"
    outcome = ledger.outcome(question.condition_id)
    if outcome == "open":
        return "open"
    return "met" if outcome == question.condition_outcome else "failed"


def _collections(ledger: Ledger, statements: list[Statement]) -> list[dict[str, Any]]:
    """Return how the articles were chosen, and which articles of each choice the statements stand in."""
    chosen: dict[int, dict[str, str]] = {}
    for row in statements:
        article = ledger.articles[ledger.editions[row.edition_id].article_id]
        chosen.setdefault(article.collection_id, {})[article.key] = article.label
    return [
        {
            "name": (collection := ledger.collections[key]).name,
            "method": collection.method,
            "chosen": collection.chosen,
            "of": collection.of,
            "description": collection.description,
            "articles": [{"key": name, "label": label} for name, label in labels.items()],
        }
        for key, labels in chosen.items()
    ]


def _lexicons(ledger: Ledger, statements: list[Statement]) -> list[dict[str, str]]:
    """Return the lexicons that made or accompany a number here, with source and licence."""
    made = [row for statement in statements for row in ledger.forecasts_by_statement.get(statement.id, [])]
    used = {row.lexicon_id for row in made if row.lexicon_id}
    used |= {lexicon.id for row in made for lexicon, _ in readings(ledger, row)}
    return [
        {"title": row.title, "version": row.version, "source": row.source, "licence": row.licence}
        for row in (ledger.lexicons[key] for key in sorted(used))
    ]
