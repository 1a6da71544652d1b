"""What each page shows, as plain data read from one ledger."""

from collections.abc import Iterable
from typing import Any, TypeVar

from forecasts import sentences
from forecasts.corrections import correction_log
from forecasts.entries import forecast_entry, outcome_entry, statement_entry
from forecasts.errors import NotFoundError
from forecasts.exchange.export import edition_record, records
from forecasts.exchange.trace import trace
from forecasts.ledger import Ledger
from forecasts.measures.policies import headline
from forecasts.model import iso
from forecasts.policy import POLICIES
from forecasts.tables import Author, Check, Question, Statement

View = dict[str, Any]
Row = TypeVar("Row", Check, Question, Statement)


def home_view(ledger: Ledger) -> View:
    """Return the authors of what stands by name, never ranked, with the articles and the questions."""
    return {
        **_notes(ledger),
        "scale": sentences.SCALE,
        "authors": [
            _named(author)
            | {
                "kind": author.kind,
                "statements": len(said),
                "label": ledger.label_of_all(said),
                "policies": {name: headline(ledger, author, name) for name in POLICIES},
            }
            for author in sorted(ledger.authors.values(), key=lambda row: (row.name.casefold(), row.slug))
            if (said := ledger.said_by(author))
        ],
        "articles": [
            {"key": row.key, "label": row.label}
            for row in sorted(ledger.articles.values(), key=lambda row: row.key)
        ],
        "questions": sorted(records(ledger, "questions"), key=lambda row: (row["deadline"], row["question"])),
    }


def corrections_view(ledger: Ledger) -> View:
    """Return the correction log, the newest first."""
    return {**_notes(ledger), "entries": correction_log(ledger)[::-1]}


def article_view(ledger: Ledger, key: str) -> View:
    """Return an article with its editions and every statement found in it."""
    article = ledger.article(key)
    collection = ledger.collections[article.collection_id]
    editions = [row for row in ledger.editions.values() if row.article_id == article.id]
    statements = [row for edition in editions for row in ledger.statements_by_edition.get(edition.id, [])]
    return {
        **_notes(ledger),
        "key": article.key,
        "label": article.label,
        "editions": [edition_record(ledger, row) for row in sorted(editions, key=lambda row: row.sha256)],
        "records": _records(ledger, statements),
        "copies": sorted(row.sha256 for row in editions if row.id in ledger.copies),
        "collection": {
            "name": collection.name,
            "method": collection.method,
            "chosen": collection.chosen,
            "of": collection.of,
            "description": collection.description,
        },
        "statements": [_statement(ledger, row) for row in statements],
    }


def statement_view(ledger: Ledger, public_id: str) -> View:
    """Return one statement with its five facts."""
    statement = _found(ledger.every_statement.values(), "statement", public_id)
    article = ledger.articles[ledger.editions[statement.edition_id].article_id]
    return {
        **_notes(ledger),
        "statement": _statement(ledger, statement),
        "said_by_another": ledger.last_version(statement).stated_by_id != statement.stated_by_id,
        "article": {"key": article.key, "label": article.label},
    }


def question_view(ledger: Ledger, public_id: str) -> View:
    """Return one question with all that hangs on it, from its forecasts to the verdicts."""
    question = _found(ledger.questions.values(), "question", public_id)
    traced = trace(ledger, public_id)
    return {
        **_notes(ledger),
        "question": traced["question"],
        "result": outcome_entry(ledger, question),
        "conditions": _conditions(ledger, question),
        "dependents": _dependents(ledger, question),
        "forecasts": _forecasts(ledger, question),
        "steps": traced["resolutions"],
        "verdicts": traced["verdicts"],
        "resources": _resources(ledger, question),
    }


def check_view(ledger: Ledger, public_id: str) -> View:
    """Return one check with what was said and decided at it."""
    _found(ledger.checks.values(), "check", public_id)
    traced = trace(ledger, public_id)
    return {
        **_notes(ledger),
        "check": traced["check"],
        "verdicts": traced["verdicts"],
        "steps": [row for row in records(ledger, "resolutions") if row["check"] == public_id],
        "titles": {row.public_id: row.title for row in ledger.questions.values()},
    }


def _notes(ledger: Ledger) -> View:
    """Return what every page says of the registry it is read from."""
    written = ledger.revisions.get(ledger.rev)
    return {
        "replay": sentences.replay(ledger.run),
        "drafts": ledger.include_drafts,
        "rev": ledger.rev,
        "stood": iso(written.simulated_at or written.recorded_at) if written else None,
    }


def _found(rows: Iterable[Row], noun: str, public_id: str) -> Row:
    for row in rows:
        if row.public_id == public_id:
            return row
    raise NotFoundError(f"There is no {noun} {public_id!r} in this registry.")


def _named(author: Author) -> View:
    return {"slug": author.slug, "name": author.name}


def _statement(ledger: Ledger, statement: Statement) -> View:
    return statement_entry(ledger, statement) | {"author": _named(ledger.authors[statement.stated_by_id])}


def _records(ledger: Ledger, statements: list[Statement]) -> list[View]:
    """Return where each author's record in an article stands."""
    by_author = {row.stated_by_id: row for row in statements}
    return [
        {"author": _named(ledger.authors[key]), "note": ledger.note(row)}
        for key, row in sorted(by_author.items(), key=lambda item: ledger.authors[item[0]].slug)
    ]


def _conditions(ledger: Ledger, question: Question) -> list[View]:
    """Return what a question hangs on, what that hangs on in turn, and so on."""
    found = []
    while question.condition_id is not None:
        needs = question.condition_outcome
        question = ledger.questions[question.condition_id]
        found.append(_condition(ledger, question) | {"needs": needs})
    return found


def _dependents(ledger: Ledger, question: Question) -> list[View]:
    """Return the questions that hang on one, each with those that hang on it."""
    children = (row for row in ledger.questions.values() if row.condition_id == question.id)
    return [
        _condition(ledger, row) | {"needs": row.condition_outcome, "dependents": _dependents(ledger, row)}
        for row in sorted(children, key=lambda row: row.public_id)
    ]


def _condition(ledger: Ledger, question: Question) -> View:
    return {
        "question": question.public_id,
        "title": question.title,
        "outcome": ledger.outcome(question.id),
    }


def _forecasts(ledger: Ledger, question: Question) -> list[View]:
    """Return the standing forecasts on a question, with who made them."""
    return [
        forecast_entry(ledger, row)
        | {
            "author": _named(ledger.authors[row.author_id]),
            "statement": ledger.statements[row.statement_id].public_id,
            "label": ledger.label(ledger.statements[row.statement_id]),
        }
        for row in ledger.standing_by_question.get(question.id, [])
    ]


def _resources(ledger: Ledger, question: Question) -> list[View]:
    """Return what a question reads, with the number of checks so far and the latest one."""
    checks = records(ledger, "checks")
    found = []
    for key in ledger.reads[question.id]:
        mine = [row for row in checks if row["resource"] == ledger.resources[key].public_id]
        found.append(
            {
                "source": ledger.resources[key].source,
                "query": ledger.resources[key].query,
                "checks": len(mine),
                "latest": mine[-1] if mine else None,
            }
        )
    return found
