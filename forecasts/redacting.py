"""Redaction: the one permitted update. It blanks a payload and keeps its hash, the actor and the reason."""

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, get_args

from sqlmodel import Session, col, select, union, update

from forecasts import search
from forecasts.errors import ConflictError, InvalidInputError, NotFoundError
from forecasts.lookup import by_id, refuse_the_author, said
from forecasts.model import RedactedKind
from forecasts.store import Store, Transaction
from forecasts.tables import (
    Actor,
    AttachedCopy,
    Author,
    Check,
    Edition,
    Evidence,
    Forecast,
    QuestionResource,
    Redaction,
    Reply,
    Resolution,
    Revision,
    Statement,
)

if TYPE_CHECKING:
    from sqlmodel.sql.expression import SelectOfScalar

Redactions = dict[tuple[str, str], str]


def redactions(session: Session, kind: RedactedKind | None = None, target: str | None = None) -> Redactions:
    """Return for each redacted thing, by kind and target, the sentence that stands in its place.

    What is blanked is blanked for every `as_of`, so the newest revision is the one that counts.
    """
    query = (
        select(Redaction, Revision, Actor.name)
        .join(Revision, col(Revision.rev) == col(Redaction.rev))
        .join(Actor, col(Actor.id) == col(Revision.actor_id))
    )
    if kind is not None:
        query = query.where(Redaction.kind == kind, Redaction.target == target)
    return {
        (row.kind, row.target): told(row, revision.simulated_at or revision.recorded_at, actor)
        for row, revision, actor in session.exec(query).all()
    }


def blanked_spans(session: Session) -> dict[int, list[tuple[int, int]]]:
    """Return the spans of redacted statements by edition, whenever they were registered and whatever is public."""
    found: dict[int, list[tuple[int, int]]] = {}
    rows = session.exec(
        select(Statement.edition_id, Statement.start, Statement.end)
        .join(Redaction, col(Redaction.target) == col(Statement.public_id))
        .where(Redaction.kind == "statement")
    ).all()
    for edition, start, end in rows:
        found.setdefault(edition, []).append((start, end))
    return found


def told(row: Redaction, at: datetime, actor: str) -> str:
    """Return in words that something was redacted, when, by whom, why, and the hash of what stood there."""
    return f"redacted on {at:%Y-%m-%d} by {actor}: {row.reason.rstrip('.')}, sha256 {row.sha256}"


def redaction_of(session: Session, kind: RedactedKind, target: str) -> str | None:
    """Return the sentence that stands in the place of one redacted thing; None where it is not redacted."""
    return redactions(session, kind, target).get((kind, target))


def versions(session: Session, statement: Statement) -> list[Statement]:
    """Return a statement with all it corrects and all that corrects it, the first reading first."""
    chain = [statement]
    while chain[0].supersedes_id is not None:
        chain.insert(0, session.get_one(Statement, chain[0].supersedes_id))
    while (later := successor(session, chain[-1])) is not None:
        chain.append(later)
    return chain


def successor(session: Session, statement: Statement) -> Statement | None:
    """Return the statement that corrects one."""
    return session.exec(select(Statement).where(Statement.supersedes_id == statement.id)).first()


def redact(
    store: Store, kind: str, target: str, *, reason: str, actor: str, with_hedge: bool = False
) -> list[Redaction]:
    """Blank evidence, an attached copy, a reply, or a statement's claim in every version of it.

    `target` is the sha256 of the evidence or of the edition that the copy is of, or the id of the reply or
    statement. `with_hedge` blanks a statement's hedge phrase too, and the phrase of its forecasts, also where the
    claim was redacted before. The note of a second coding goes with the claim. The hash kept is that of the
    bytes in UTF-8; of a statement, of what was blanked of claim, note and hedge, in this order, with a line feed
    between them; of a reply, of its text.
    """
    if kind not in get_args(RedactedKind):
        raise InvalidInputError(f"What can be redacted is {', '.join(get_args(RedactedKind))}, not {kind!r}.")
    with store.write(actor=actor, action="redact") as tx:
        why = said(reason, "reason")
        if kind == "evidence":
            return [_redact_evidence(tx, target, why)]
        if kind == "copy":
            return [_redact_copy(tx, target, why)]
        if kind == "reply":
            return [_redact_reply(tx, target, why)]
        return _redact_statement(tx, target, why, with_hedge=with_hedge)


def _redact_evidence(tx: Transaction, sha256: str, reason: str) -> Redaction:
    row = tx.session.get(Evidence, sha256)
    if row is None:
        raise NotFoundError(f"There is no archived evidence {sha256}.")
    asked = union(
        select(Resolution.question_id).where(Resolution.evidence_sha256 == sha256),
        select(QuestionResource.question_id)
        .join(Check, col(Check.resource_id) == col(QuestionResource.resource_id))
        .where(Check.evidence_sha256 == sha256),
    )
    scored = select(Forecast.author_id).where(col(Forecast.question_id).in_(asked))
    _refuse_any(tx, scored, "redact evidence on what they are scored by")
    kept = keep(tx, "evidence", sha256, sha256, reason)
    row.body = b""
    tx.session.add(row)
    tx.session.execute(update(Check).where(col(Check.evidence_sha256) == sha256).values(headers=None))
    return kept


def _redact_copy(tx: Transaction, sha256: str, reason: str) -> Redaction:
    copy = tx.session.exec(select(AttachedCopy).join(Edition).where(Edition.sha256 == sha256)).first()
    if copy is None:
        raise NotFoundError(
            f"No copy of an edition {sha256!r} is attached; `calledit export articles` lists them."
        )
    article = tx.session.get_one(Edition, copy.edition_id).article_id
    speakers = select(Statement.stated_by_id).join(Edition).where(Edition.article_id == article)
    _refuse_any(tx, speakers, "redact the copy of an article they speak in")
    kept = keep(tx, "copy", sha256, _hash(copy.text), reason)
    copy.text = ""
    tx.session.add(copy)
    said = tx.session.exec(select(Statement.id).where(Statement.edition_id == copy.edition_id)).all()
    search.forget(tx.session, {"quotation": said})
    return kept


def _redact_reply(tx: Transaction, public: str, reason: str) -> Redaction:
    row = by_id(tx.session, Reply, public)
    refuse_the_author(tx, tx.session.get_one(Author, row.author_id), "redact their own reply")
    kept = keep(tx, "reply", row.public_id, _hash(row.text), reason)
    row.text = row.received_how = ""
    tx.session.add(row)
    return kept


def _refuse_any(tx: Transaction, authors: "SelectOfScalar[int]", what: str) -> None:
    """Refuse what any of these authors would decide about their own record."""
    for author in tx.session.exec(select(Author).where(col(Author.id).in_(authors))).all():
        refuse_the_author(tx, author, what)


def _redact_statement(tx: Transaction, public: str, reason: str, *, with_hedge: bool) -> list[Redaction]:
    rows = versions(tx.session, by_id(tx.session, Statement, public))
    blank = {row.id for row in rows if not row.claim}
    hedged = with_hedge and any(row.hedge_phrase for row in rows)
    kept = []
    for row in rows:
        refuse_the_author(tx, tx.session.get_one(Author, row.stated_by_id), "redact their own record")
        hedge = row.hedge_phrase if with_hedge else None
        if row.id not in blank or not hedged:
            payload = _hash("\n".join(filter(None, (row.claim, row.second_coding_note, hedge))))
            kept.append(keep(tx, "statement", row.public_id, payload, reason))
        elif hedge is not None:
            kept.append(keep(tx, "statement", hedge_of(row), _hash(hedge), reason))
        row.claim = ""
        row.second_coding_note = None
        tx.session.add(row)
        if with_hedge:
            row.hedge_phrase = None
            _blank_phrases(tx, row)
    said = [row.id for row in rows]
    search.forget(tx.session, {"claim": said, "quotation": said, "hedge": said if with_hedge else []})
    return kept


def hedge_of(statement: Statement) -> str:
    """Return the target of a hedge that was blanked after its claim."""
    return f"{statement.public_id}:hedge"


def _blank_phrases(tx: Transaction, statement: Statement) -> None:
    """Blank the phrase of every forecast made from a statement; its numbers stay."""
    for row in tx.session.exec(select(Forecast).where(Forecast.statement_id == statement.id)).all():
        row.phrase = None
        tx.session.add(row)


def keep(tx: Transaction, kind: RedactedKind, target: str, sha256: str, reason: str) -> Redaction:
    """Append the record of one redaction; raise `ConflictError` where the thing is redacted already."""
    known = redaction_of(tx.session, kind, target)
    if known is not None:
        raise ConflictError(f"The {kind} {target} was {known} already.")
    row: Redaction = tx.append(Redaction(kind=kind, target=target, sha256=sha256, reason=reason, rev=tx.rev))
    return row


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
