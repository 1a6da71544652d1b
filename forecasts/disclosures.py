"""What every view of a record discloses: where it stands, what was corrected or redacted, and what is replied."""

from collections.abc import Iterable, Iterator
from typing import Any

from forecasts.corrections import correction_log, told_in_words
from forecasts.ledger import Ledger
from forecasts.model import iso
from forecasts.tables import Author, Reply, Statement

Fields = dict[str, Any]


def of_author(ledger: Ledger, author: Author) -> Fields:
    """Return what a report says of the record as a whole: `publication`, `replies` and `corrections`."""
    return {
        "publication": publication(ledger, ledger.said_by(author)),
        "replies": [_reply(ledger, row) for row in ledger.replies_to(author, None)],
        "corrections": _corrections(ledger, author),
    }


def of_statement(ledger: Ledger, statement: Statement) -> Fields:
    """Return what is said beside one statement: where it stands, what became of it, and the replies."""
    speaker = ledger.authors[statement.stated_by_id]
    after = ledger.superseded_by.get(statement.id)
    before = ledger.every_statement.get(statement.supersedes_id or 0)
    edition = ledger.editions[statement.edition_id]
    return {
        "publication": {"label": ledger.label(statement), "note": ledger.note(statement)},
        "redacted": ledger.redacted("statement", statement.public_id),
        "copy_redacted": ledger.redacted("copy", edition.sha256),
        "replaced_by": _replacement(ledger, after, shown=after.id in ledger.every_statement) if after else None,
        "corrects": None
        if statement.supersedes_id is None
        else _replacement(ledger, statement, shown=before is not None, other=before),
        "replies": [_reply(ledger, row) for row in ledger.replies_to(speaker, statement)],
    }


def publication(ledger: Ledger, statements: Iterable[Statement]) -> Fields:
    """Return where the records behind some statements stand: the sentences to print, and each article's state."""
    records: dict[str, Statement] = {}
    for row in statements:
        records.setdefault(ledger.articles[ledger.editions[row.edition_id].article_id].key, row)
    by_sentence: dict[str, list[str]] = {}
    for key, row in sorted(records.items()):
        by_sentence.setdefault(ledger.note(row), []).append(key)
    alone = len(by_sentence) == 1
    return {
        "public": bool(records) and all(ledger.is_public(row) for row in records.values()),
        "notes": [text if alone else f"{', '.join(keys)}: {text}" for text, keys in by_sentence.items()],
        "articles": [_record(ledger, key, row) for key, row in sorted(records.items())],
    }


def _record(ledger: Ledger, key: str, statement: Statement) -> Fields:
    row = ledger.record(statement)
    return {
        "article": key,
        "label": ledger.label(statement),
        "public_from": iso(row.public_from) if row and row.public_from else None,
        "notice": row.notice if row else None,
        "reason": row.reason if row else None,
    }


def _replacement(ledger: Ledger, correction: Statement, *, shown: bool, other: Statement | None = None) -> Fields:
    """Return the statement at the other end of a correction (None where it is not public), with who and why."""
    revision = ledger.revisions[correction.rev]
    return {
        "id": (other or correction).public_id if shown else None,
        "reason": ledger.correction_reason(correction),
        "actor": ledger.actors[revision.actor_id].name,
        "at": iso(revision.simulated_at or revision.recorded_at),
    }


def _reply(ledger: Ledger, row: Reply) -> Fields:
    return {
        "id": row.public_id,
        "text": ledger.reply_text(row),
        "received_at": iso(row.received_at),
        "received_how": ledger.received_how(row),
    }


def _corrections(ledger: Ledger, author: Author) -> list[Fields]:
    """Return the log of one author; the steps that first led to publication are told by `publication`."""
    found, published = [], set()
    for entry in correction_log(ledger, author):
        if entry["kind"] != "publication" or entry["subject"] in published:
            found.append({key: value for key, value in entry.items() if key != "authors"})  # it is the author's
        elif entry["after"]["state"] == "published":
            published.add(entry["subject"])
    return found


# -- as text -------------------------------------------------------------------------------------------------


def statement_lines(statement: Fields) -> Iterator[str]:
    """Yield the lines that a text prints under a statement."""
    if statement["copy_redacted"]:
        yield f"The attached copy was {statement['copy_redacted']}"
    if statement["corrects"]:
        link = statement["corrects"]
        yield f"Corrected by {link['actor']} on {link['at']}: {link['reason']}"
    for row in statement["replies"]:
        yield reply_line(row)


def reply_line(row: Fields) -> str:
    """Return a reply as one line."""
    how = f" ({row['received_how']})" if row["received_how"] else ""
    return f"Reply, received {row['received_at']}{how}: {row['text']}"


def closing_lines(report: Fields) -> Iterator[str]:
    """Yield the lines that a text prints at its end: replies to the whole record, and the corrections."""
    for row in report["replies"]:
        yield reply_line(row)
    if report["corrections"]:
        yield "Corrections:"
    for entry in report["corrections"]:
        yield f"- {told_in_words(entry)}"
