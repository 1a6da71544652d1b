"""What each page shows, as plain data read from one ledger."""

from typing import Any

from forecasts import sentences
from forecasts.entries import statement_entry
from forecasts.errors import NotFoundError
from forecasts.exchange.export import edition_record
from forecasts.ledger import Ledger
from forecasts.model import iso
from forecasts.tables import Author, Statement

View = dict[str, Any]


def article_view(ledger: Ledger, key: str) -> View:
    """Return an article with its editions and every statement found in it."""
    article = ledger.article(key)
    collection = ledger.collections[article.collection_id]
    editions = [row for row in ledger.editions.values() if row.article_id == article.id]
    statements = [row for edition in editions for row in ledger.statements_by_edition.get(edition.id, [])]
    return {
        **notes(ledger),
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
    statement = find(ledger, "every_statement", "statement", public_id)
    article = ledger.articles[ledger.editions[statement.edition_id].article_id]
    return {
        **notes(ledger),
        "statement": _statement(ledger, statement),
        "said_by_another": ledger.last_version(statement).stated_by_id != statement.stated_by_id,
        "article": {"key": article.key, "label": article.label},
    }


def notes(ledger: Ledger) -> View:
    """Return what every page says of the registry it is read from."""
    written = ledger.revisions.get(ledger.rev)
    return {
        "replay": sentences.replay(ledger.run),
        "drafts": ledger.include_drafts,
        "rev": ledger.rev,
        "stood": iso(written.simulated_at or written.recorded_at) if written else None,
    }


def find(ledger: Ledger, table: str, noun: str, public_id: str) -> Any:
    """Return a row of a table of the ledger by its public id; raise `NotFoundError` where there is none."""

    def make() -> dict[str, Any]:
        return {row.public_id: row for row in getattr(ledger, table).values()}

    found = ledger.remember(("by public id", table), make).get(public_id)
    if found is None:
        raise NotFoundError(f"There is no {noun} {public_id!r} in this registry.")
    return found


def named(author: Author) -> View:
    """Return what a link to an author needs."""
    return {"slug": author.slug, "name": author.name}


def _statement(ledger: Ledger, statement: Statement) -> View:
    return statement_entry(ledger, statement) | {"author": named(ledger.authors[statement.stated_by_id])}


def _records(ledger: Ledger, statements: list[Statement]) -> list[View]:
    """Return where each author's record in an article stands."""
    by_author = {row.stated_by_id: row for row in statements}
    return [
        {"author": named(ledger.authors[key]), "note": ledger.note(row)}
        for key, row in sorted(by_author.items(), key=lambda item: ledger.authors[item[0]].slug)
    ]
