"""What each page shows, as plain data read from one ledger."""

from typing import Any

from forecasts import sentences
from forecasts.entries import statement_entry
from forecasts.errors import NotFoundError
from forecasts.ledger import Ledger
from forecasts.model import iso
from forecasts.tables import Author, Statement

View = dict[str, Any]


def statement_view(ledger: Ledger, public_id: str) -> View:
    """Return one statement with its five facts."""
    statement = find(ledger, "every_statement", "statement", public_id)
    article = ledger.articles[ledger.editions[statement.edition_id].article_id]
    return {
        **notes(ledger),
        "statement": statement_of(ledger, statement),
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


def statement_of(ledger: Ledger, statement: Statement) -> View:
    """Return a statement with what a link to its author needs."""
    return statement_entry(ledger, statement) | {"author": named(ledger.authors[statement.stated_by_id])}
