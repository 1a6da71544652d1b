"""From any record to the next: forecast, statement, question, criterion, check, evidence, verdict."""

from typing import Any

from forecasts.errors import NotFoundError
from forecasts.exchange.export import records, statement_record
from forecasts.ledger import Ledger
from forecasts.model import iso

_KIND_OF = {
    "s": "statements",
    "q": "questions",
    "f": "forecasts",
    "r": "resolutions",
    "c": "checks",
    "a": "replies",
}
_NOUN_OF = {"replies": "reply"}


def trace(ledger: Ledger, public_id: str) -> dict[str, Any]:
    """Return the record with a public id and what hangs on it; raise `NotFoundError` for an unknown one."""
    kind = _KIND_OF.get(public_id.partition("-")[0], "")
    noun = _NOUN_OF.get(kind, kind[:-1])
    record = _record(ledger, kind, noun, public_id) if kind else None
    if record is None:
        raise NotFoundError(f"There is no record {public_id!r}; ids begin with s-, q-, f-, r-, c- or a-.")
    return {noun: record, **_followers(ledger, kind, public_id)}


def _record(ledger: Ledger, kind: str, noun: str, public_id: str) -> dict[str, Any] | None:
    """Return one record; of statements, also one that a correction has replaced."""
    if kind == "statements":
        found = (row for row in ledger.every_statement.values() if row.public_id == public_id)
        return next((statement_record(ledger, row) for row in found), None)
    return next((row for row in records(ledger, kind) if row[noun] == public_id), None)


def _followers(ledger: Ledger, kind: str, public_id: str) -> dict[str, Any]:
    """Return the records that hang on one, which its own fields do not name."""
    if kind == "statements":
        statement = next(row for row in ledger.every_statement.values() if row.public_id == public_id)
        return {
            "quotation": ledger.quotation(statement),
            "replies": _where(ledger, "replies", "statement", public_id),
            "forecasts": _where(ledger, "forecasts", "statement", public_id),
        }
    if kind == "questions":
        return {
            "forecasts": _where(ledger, "forecasts", "question", public_id),
            "resolutions": _where(ledger, "resolutions", "question", public_id),
            "verdicts": [row for row in verdicts(ledger) if row["question"] == public_id],
        }
    if kind == "forecasts":
        return {"scores": _where(ledger, "scores", "forecast", public_id)}
    if kind == "checks":
        return {"verdicts": [row for row in verdicts(ledger) if row["check"] == public_id]}
    return {"scores": _where(ledger, "scores", "resolution", public_id)} if kind == "resolutions" else {}


def _where(ledger: Ledger, kind: str, field: str, value: str) -> list[dict[str, Any]]:
    return [row for row in records(ledger, kind) if row[field] == value]


def verdicts(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what the criteria said, in the order in which they said something new."""
    return [
        {
            "question": ledger.questions[row.question_id].public_id,
            "check": ledger.checks[row.check_id].public_id,
            "checked_at": iso(ledger.checks[row.check_id].checked_at),
            "value": row.value,
            "reason": row.reason,
            "occurred_at": iso(row.occurred_at) if row.occurred_at else None,
            "needs_person": row.needs_person,
        }
        for row in ledger.verdicts.values()
    ]
