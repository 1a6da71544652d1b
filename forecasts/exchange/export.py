"""Exports: records of one kind as JSON or CSV, in an order that does not depend on the database."""

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from forecasts.ledger import Ledger
from forecasts.model import PPM, iso
from forecasts.tables import Check, Edition, Forecast, Question, Resolution, Revision, Statement

Record = dict[str, Any]


def _when(instant: datetime | None) -> str | None:
    return None if instant is None else iso(instant)


def _share(ppm: int | None) -> float | None:
    return None if ppm is None else ppm / PPM


def _revision(ledger: Ledger, rev: int) -> Record:
    row: Revision = ledger.revisions[rev]
    return {
        "actor": ledger.actors[row.actor_id].name,
        "rev": rev,
        "recorded_at": iso(row.recorded_at),
        "simulated_at": _when(row.simulated_at),
        "run_id": row.run_id,
    }


def _articles(ledger: Ledger) -> Iterator[Record]:
    for edition in ledger.editions.values():
        yield edition_record(ledger, edition)


def edition_record(ledger: Ledger, edition: Edition) -> Record:
    """Return the record of one edition of an article."""
    article = ledger.articles[edition.article_id]
    collection = ledger.collections[article.collection_id]
    return {
        "article": article.key,
        "label": article.label,
        "outlet": article.outlet,
        "published_earliest": iso(article.published_earliest),
        "published_latest": iso(article.published_latest),
        "date_basis": article.date_basis,
        "collection": collection.key,
        "collection_method": collection.method,
        "article_sha256": edition.sha256,
        "characters": edition.characters,
        "url": edition.url,
        "captured_at": _when(edition.captured_at),
        "copy_redacted": ledger.redacted("copy", edition.sha256),
        "publication": ledger.label_of_all(ledger.statements_by_edition.get(edition.id, [])),
        **_revision(ledger, edition.rev),
    }


def _authors(ledger: Ledger) -> Iterator[Record]:
    for author in ledger.authors.values():
        yield {
            "slug": author.slug,
            "name": author.name,
            "kind": author.kind,
            "note": author.note,
            "statements": len(ledger.said_by(author)),
            "publication": ledger.label_of_all(ledger.said_by(author)),
            **_revision(ledger, author.rev),
        }


def _statements(ledger: Ledger) -> Iterator[Record]:
    for statement in ledger.statements.values():
        yield statement_record(ledger, statement)


def statement_record(ledger: Ledger, statement: Statement) -> Record:
    """Return the record of one statement, also of one that a correction has replaced."""
    shown = next(iter(ledger.forecasts_by_statement.get(statement.id, [])), None)
    return _statement(ledger, statement, shown)


def _statement(ledger: Ledger, statement: Statement, shown: Forecast | None) -> Record:
    before = ledger.every_statement.get(statement.supersedes_id or 0)
    after = ledger.superseded_by.get(statement.id)
    after = after if after is not None and after.id in ledger.every_statement else None
    edition = ledger.editions[statement.edition_id]
    speaker = ledger.authors[statement.stated_by_id]
    via = ledger.names[statement.reported_via_id] if statement.reported_via_id else None
    question = ledger.questions[shown.question_id] if shown else None
    parent = ledger.questions[question.condition_id] if question and question.condition_id else None
    step = ledger.step(question.id) if question else None
    resolved = step if step is not None and step.state == "confirmed" else None
    standing = ledger.standing(shown, "broad") if shown else None
    return {
        "statement": statement.public_id,
        "article": ledger.articles[edition.article_id].key,
        "article_sha256": edition.sha256,
        "start": statement.start,
        "end": statement.end,
        "part": statement.part,
        "stated_by": speaker.name,
        "stated_by_kind": speaker.kind,
        "reported_via": via,
        "stated_earliest": iso(statement.stated_earliest),
        "stated_latest": iso(statement.stated_latest),
        "stated_basis": statement.stated_basis,
        "kind": statement.kind,
        "checkability": statement.checkability,
        "checkability_reason": statement.checkability_reason,
        "hedge_phrase": statement.hedge_phrase,
        "claim": ledger.claim(statement),
        "second_coding": statement.second_coding,
        "second_coding_note": statement.second_coding_note,
        "version": statement.version,
        "supersedes": before.public_id if before else None,
        "superseded_by": after.public_id if after else None,
        "correction_reason": ledger.correction_reason(statement),
        "publication": ledger.label(statement),
        "publication_note": ledger.note(statement),
        "question": question.public_id if question else None,
        "condition": parent.public_id if parent else None,
        "condition_outcome": question.condition_outcome if question else None,
        "deadline": iso(question.deadline) if question else None,
        "forecast": shown.public_id if shown else None,
        "asserts": shown.asserts if shown else None,
        "probability": _share(shown.probability_ppm) if shown else None,
        "probability_low": _share(shown.low_ppm) if shown else None,
        "probability_high": _share(shown.high_ppm) if shown else None,
        "basis": shown.basis if shown else None,
        "excluded_because": standing.excluded_because if standing else None,
        "outcome": ledger.outcome(question.id) if question else None,
        "occurred_at": _when(resolved.occurred_at) if resolved else None,
        "occurred_until": _when(resolved.occurred_until) if resolved else None,
        "scored": bool(standing and standing.scored),
        **_revision(ledger, statement.rev),
    }


def _questions(ledger: Ledger) -> Iterator[Record]:
    for question in ledger.questions.values():
        yield question_record(ledger, question)


def question_record(ledger: Ledger, question: Question) -> Record:
    """Return the record of one question."""
    parent = ledger.questions[question.condition_id] if question.condition_id else None
    step = ledger.step(question.id)
    return {
        "question": question.public_id,
        "title": question.title,
        "resolution_criteria": question.resolution_criteria,
        "fine_print": question.fine_print,
        "criterion": json.loads(question.criterion),
        "opens_at": iso(question.opens_at),
        "opens_latest": iso(question.opens_latest),
        "deadline": iso(question.deadline),
        "zone": question.zone,
        "deadline_basis": question.deadline_basis,
        "reading": question.reading,
        "condition": parent.public_id if parent else None,
        "condition_outcome": question.condition_outcome,
        "cluster": question.cluster,
        "reference_probability": _share(question.reference_ppm),
        "reference_basis": question.reference_basis,
        "retrospective": question.retrospective,
        "resources": sorted(ledger.resources[found].public_id for found in ledger.reads[question.id]),
        "state": "open" if step is None or step.state == "reopened" else step.state,
        "outcome": ledger.outcome(question.id),
        "publication": ledger.label_of_question(question.id),
        **_revision(ledger, question.rev),
    }


def _forecasts(ledger: Ledger) -> Iterator[Record]:
    for forecast in ledger.forecasts.values():
        lexicon = ledger.lexicons[forecast.lexicon_id] if forecast.lexicon_id else None
        superseded = ledger.forecasts.get(forecast.supersedes_id or 0)
        statement = ledger.every_statement[forecast.statement_id]
        yield {
            "forecast": forecast.public_id,
            "author": ledger.authors[forecast.author_id].slug,
            "question": ledger.questions[forecast.question_id].public_id,
            "statement": statement.public_id,
            "stated_earliest": iso(forecast.stated_earliest),
            "stated_at": iso(forecast.stated_at),
            "version": forecast.version,
            "change": forecast.change,
            "supersedes": superseded.public_id if superseded else None,
            "asserts": forecast.asserts,
            "probability": _share(forecast.probability_ppm),
            "probability_low": _share(forecast.low_ppm),
            "probability_high": _share(forecast.high_ppm),
            "basis": forecast.basis,
            "reason": forecast.reason,
            "phrase": forecast.phrase,
            "lexicon": lexicon.key if lexicon else None,
            "lexicon_version": lexicon.version if lexicon else None,
            "excluded_because": forecast.excluded_because,
            "publication": ledger.label(statement),
            **_revision(ledger, forecast.rev),
        }


def _resolutions(ledger: Ledger) -> Iterator[Record]:
    for step in ledger.resolutions.values():
        yield resolution_record(ledger, step)


def resolution_record(ledger: Ledger, step: Resolution) -> Record:
    """Return the record of one step in the resolution of a question."""
    check = ledger.checks[step.check_id] if step.check_id else None
    return {
        "resolution": step.public_id,
        "question": ledger.questions[step.question_id].public_id,
        "step": step.step,
        "state": step.state,
        "outcome": step.outcome,
        "rule": step.rule,
        "reason": step.reason,
        "citation": step.citation,
        "resolver": ledger.actors[step.actor_id].name,
        "resolver_kind": ledger.actors[step.actor_id].kind,
        "decided_at": iso(step.decided_at),
        "closes_at": _when(step.closes_at),
        "check": check.public_id if check else None,
        "evidence_sha256": step.evidence_sha256,
        "evidence_redacted": ledger.redacted("evidence", step.evidence_sha256),
        "occurred_at": _when(step.occurred_at),
        "occurred_until": _when(step.occurred_until),
        "knowable_at": _when(step.knowable_at),
        "publication": ledger.label_of_question(step.question_id),
        **_revision(ledger, step.rev),
    }


def _checks(ledger: Ledger) -> Iterator[Record]:
    for check in ledger.checks.values():
        yield check_record(ledger, check)


def check_record(ledger: Ledger, check: Check) -> Record:
    """Return the record of one check."""
    resource = ledger.resources[check.resource_id]
    return {
        "check": check.public_id,
        "resource": resource.public_id,
        "source": resource.source,
        "source_version": check.source_version,
        "query": json.loads(resource.query),
        "due_at": iso(check.due_at),
        "checked_at": iso(check.checked_at),
        "status": check.status,
        "sound": check.sound,
        "problem": check.problem,
        "http_status": check.http_status,
        "evidence_sha256": check.evidence_sha256,
        "evidence_redacted": ledger.redacted("evidence", check.evidence_sha256),
        "watermark": _when(check.watermark),
        "rows": check.rows,
        "alarm": check.alarm,
        "trusted_from": _when(check.trusted_from),
        "late_rows": check.late_rows,
        "publication": ledger.label_of_resource(resource.id),
        **_revision(ledger, check.rev),
    }


def _scores(ledger: Ledger) -> Iterator[Record]:
    for score in ledger.scores.values():
        forecast = ledger.forecasts[score.forecast_id]
        step = ledger.resolutions[score.resolution_id]
        current = ledger.standing(forecast, "strict" if score.policy == "strict" else "broad")
        yield {
            "forecast": forecast.public_id,
            "author": ledger.authors[forecast.author_id].slug,
            "question": ledger.questions[forecast.question_id].public_id,
            "resolution": step.public_id,
            "policy": score.policy,
            "probability": _share(forecast.probability_ppm),
            "outcome": step.outcome,
            "brier": score.brier_e12 / 1e12,
            "current": current.scored
            and ledger.step(forecast.question_id) is step
            and forecast.id not in ledger.corrected,
            "publication": ledger.label(ledger.every_statement[forecast.statement_id]),
            **_revision(ledger, score.rev),
        }


def _replies(ledger: Ledger) -> Iterator[Record]:
    for reply in ledger.replies.values():
        statement = ledger.every_statement[reply.statement_id] if reply.statement_id else None
        author = ledger.authors[reply.author_id]
        yield {
            "reply": reply.public_id,
            "author": author.slug,
            "statement": statement.public_id if statement else None,
            "text": ledger.reply_text(reply),
            "received_at": iso(reply.received_at),
            "received_how": ledger.received_how(reply),
            "redacted": ledger.redacted("reply", reply.public_id),
            "publication": ledger.label_of_all([statement] if statement else ledger.said_by(author)),
            **_revision(ledger, reply.rev),
        }


def _publications(ledger: Ledger) -> Iterator[Record]:
    for row in ledger.publications.values():
        yield {
            "article": ledger.articles[row.article_id].key,
            "author": ledger.authors[row.author_id].slug,
            "state": row.state,
            "public_from": _when(row.public_from),
            "notice": row.notice,
            "reason": row.reason,
            **_revision(ledger, row.rev),
        }


KINDS: dict[str, tuple[Callable[[Ledger], Iterator[Record]], tuple[str, ...]]] = {
    "articles": (_articles, ("article", "article_sha256")),
    "authors": (_authors, ("slug",)),
    "statements": (_statements, ("article_sha256", "start", "end", "part", "stated_by")),
    "questions": (_questions, ("question",)),
    "forecasts": (_forecasts, ("forecast",)),
    "resolutions": (_resolutions, ("question", "step")),
    "checks": (_checks, ("checked_at", "check")),
    "scores": (_scores, ("forecast", "policy", "resolution")),
    "replies": (_replies, ("author", "received_at", "reply")),
    "publications": (_publications, ("article", "author", "rev")),
}


def records(ledger: Ledger, kind: str) -> list[Record]:
    """Return the records of one kind, sorted by their natural key."""
    build, key = KINDS[kind]
    return sorted(build(ledger), key=lambda record: tuple(record[field] for field in key))


def to_json(rows: list[Record]) -> str:
    """Return records as a JSON array."""
    return json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def to_csv(rows: list[Record], kind: str) -> str:
    """Return records as CSV with a header; without records it names the natural key of the kind."""
    return table(rows, KINDS[kind][1])


def table(rows: list[Record], without_rows: Sequence[str]) -> str:
    """Return rows as CSV with a header; texts a spreadsheet would run as a formula are neutralised.

    Without rows the header is `without_rows`.
    """
    out = io.StringIO(newline="")
    # It ends lines with CRLF, so a lone CR is quoted.
    writer = csv.DictWriter(out, list(rows[0]) if rows else without_rows)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value and (value[0] in "=+-@" or unicodedata.category(value[0]) == "Cc"):
        return "'" + value
    return value
