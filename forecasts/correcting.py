"""Correcting how we read a statement: a new reading takes its place, and its forecasts and scores follow at once.

The statement corrected stays readable under its id and names what replaced it. Each standing forecast made from
it is corrected too: it moves to the new reading, and with it to the speaker who is charged now.
"""

from typing import Any, Literal

from sqlmodel import Session, col, select

from forecasts import redacting, resolving
from forecasts.errors import ConflictError, InvalidInputError
from forecasts.lookup import by_id, find_author, refuse_the_author, said
from forecasts.model import Checkability, SecondCoding, StatementKind, iso
from forecasts.registering import public_id
from forecasts.scalars import Instant, Key, Phrase, Strict, Text
from forecasts.store import Store, Transaction
from forecasts.tables import Author, Edition, Forecast, Question, Redaction, Statement

FIELDS = (
    "stated_by_id",
    "reported_via_id",
    "stated_earliest",
    "stated_latest",
    "stated_basis",
    "kind",
    "hedge_phrase",
    "checkability",
    "checkability_reason",
    "claim",
    "second_coding",
    "second_coding_note",
)


class NewReading(Strict):
    """What a correction changes of a statement; None keeps what stands, and `clear` takes something out.

    A second coding is of the reading it was made of, so another reading has one only where it is said anew.
    """

    stated_by: Key | None = None
    reported_via: Key | None = None
    stated_earliest: Instant | None = None
    stated_latest: Instant | None = None
    stated_basis: Text | None = None
    kind: StatementKind | None = None
    hedge_phrase: Phrase | None = None
    checkability: Checkability | None = None
    checkability_reason: Text | None = None
    claim: Text | None = None
    second_coding: SecondCoding | None = None
    second_coding_note: Text | None = None
    clear: list[Literal["reported_via", "hedge_phrase"]] = []


def correct_statement(store: Store, statement_id: str, reading: NewReading, *, reason: str, actor: str) -> str:
    """Replace a reading of ours that was wrong; return the id of the statement that stands now.

    Raises `ConflictError` where the statement was corrected already or nothing would change.
    """
    with store.write(actor=actor, action="correct-statement") as tx:
        why = said(reason, "reason")
        old = by_id(tx.session, Statement, statement_id)
        later = redacting.successor(tx.session, old)
        if later is not None:
            raise ConflictError(
                f"Statement {old.public_id} was corrected already; correct {later.public_id} instead."
            )
        new = _corrected(tx, old, reading, why)
        _keep_redacted(tx, old, tx.append(new))
        _move_forecasts(tx, old, new)
        return new.public_id


def _corrected(tx: Transaction, old: Statement, reading: NewReading, reason: str) -> Statement:
    """Return the new reading, not yet kept."""
    new = Statement(**old.model_dump(exclude={"id", "public_id", "rev"}))
    given = reading.model_dump(exclude={"stated_by", "reported_via", "clear"}, exclude_none=True)
    _refuse_half_said(reading, given)
    if "stated_earliest" in given:
        given.setdefault("stated_latest", given["stated_earliest"])
    if reading.stated_by is not None:
        new.stated_by_id = find_author(tx.session, reading.stated_by).id
    if reading.reported_via is not None:
        new.reported_via_id = find_author(tx.session, reading.reported_via).id
    cleared = {{"reported_via": "reported_via_id"}.get(name, name): None for name in reading.clear}
    for name, value in (cleared | given).items():
        setattr(new, name, value)
    if reading.second_coding is not None or any(getattr(new, name) != getattr(old, name) for name in FIELDS):
        new.second_coding, new.second_coding_note = reading.second_coding, reading.second_coding_note
    if all(getattr(new, name) == getattr(old, name) for name in FIELDS):
        raise ConflictError(f"Statement {old.public_id} says that already; nothing would change.")
    if new.stated_earliest > new.stated_latest:
        raise InvalidInputError("stated_earliest lies after stated_latest.")
    if new.stated_by_id == new.reported_via_id:
        raise InvalidInputError("Nobody passes on their own words: give another --reported-via, or clear it.")
    for speaker in {old.stated_by_id, new.stated_by_id}:
        refuse_the_author(tx, tx.session.get_one(Author, speaker), "correct their own record")
    if not old.claim and given.keys() & {"claim", "hedge_phrase", "second_coding_note"}:
        raise ConflictError(f"The claim of {old.public_id} was redacted; it is not brought back by a correction.")
    new.change, new.supersedes_id, new.reason = "correction", old.id, reason
    new.version = _next_version(tx, old, new)
    speaker_slug = tx.session.get_one(Author, new.stated_by_id).slug
    edition = tx.session.get_one(Edition, new.edition_id)
    new.public_id = public_id("s", edition.sha256, new.start, new.end, speaker_slug, new.part, new.version)
    return new


def _refuse_half_said(reading: NewReading, given: dict[str, Any]) -> None:
    if reading.checkability is not None and reading.checkability_reason is None:
        raise InvalidInputError("Another checkability needs its reason.")
    if reading.second_coding_note is not None and reading.second_coding is None:
        raise InvalidInputError("second_coding_note needs second_coding: none, agreed, settled or one-of-two.")
    dated = {"stated_earliest", "stated_latest"} & set(given)
    if dated and (reading.stated_earliest is None or reading.stated_basis is None):
        raise InvalidInputError("Another date needs stated_earliest and stated_basis: how it is known.")
    twice = [name for name in reading.clear if getattr(reading, name) is not None]
    if twice:
        raise InvalidInputError(f"{twice[0]} is both given and cleared; choose one.")


def _next_version(tx: Transaction, old: Statement, new: Statement) -> int:
    """Return the version that follows; raise `ConflictError` where the speaker has that span already."""
    same = select(Statement).filter_by(
        **new.model_dump(include={"edition_id", "start", "end", "part", "stated_by_id"})
    )
    known = tx.session.exec(same).all()
    for row in known:
        if row.id != old.id and redacting.successor(tx.session, row) is None:
            raise ConflictError(f"That span is charged to the same speaker already, as {row.public_id}.")
    return max(row.version for row in (old, *known)) + 1


def _keep_redacted(tx: Transaction, old: Statement, new: Statement) -> None:
    """Let what was redacted of the old reading be redacted in the new one, which took over the blank."""
    known = tx.session.exec(
        select(Redaction).where(Redaction.kind == "statement", Redaction.target == old.public_id)
    ).first()
    if known is not None:
        redacting.keep(tx, "statement", new.public_id, known.sha256, known.reason)


def _move_forecasts(tx: Transaction, old: Statement, new: Statement) -> None:
    """Correct each forecast that stands on the old reading into one on the new, and score what follows."""
    session = tx.session
    rows = session.exec(
        select(Forecast)
        .where(Forecast.statement_id == old.id)
        .order_by(col(Forecast.change) == "withdrawal", col(Forecast.id))
    ).all()
    now = {row.supersedes_id: row.id for row in rows if row.change == "correction"}
    for row in rows:
        if row.id in now:
            continue
        values = _moved(session, row, old, new)
        if row.change == "withdrawal":  # stays one, of what it took back
            taken_back = row.supersedes_id
            while taken_back in now:
                taken_back = now[taken_back]
            values |= {"change": "withdrawal", "supersedes_id": taken_back}
        speaker = session.get_one(Author, new.stated_by_id)
        question = session.get_one(Question, row.question_id)
        key = (speaker.slug, question.public_id, iso(values["stated_at"]), new.public_id, values["version"])
        now[row.id] = tx.append(Forecast(public_id=public_id("f", *key), **values)).id
    for question_id in sorted({row.question_id for row in rows}):
        resolving.score_anew(tx, session.get_one(Question, question_id))


def _moved(session: Session, row: Forecast, old: Statement, new: Statement) -> dict[str, Any]:
    """Return what a forecast becomes on the new reading: charged to its speaker, and dated as it is."""
    values = row.model_dump(exclude={"id", "public_id", "rev"})
    values |= {"statement_id": new.id, "author_id": new.stated_by_id, "version": row.version + 1}
    values |= {"change": "correction", "supersedes_id": row.id}
    if row.stated_at == old.stated_latest:
        values |= {"stated_at": new.stated_latest, "stated_earliest": new.stated_earliest}
    question = session.get_one(Question, row.question_id)
    if values["stated_at"] >= question.deadline:
        raise InvalidInputError(
            f"It would be dated {iso(values['stated_at'])}, not before the deadline of {question.public_id} "
            f"({iso(question.deadline)})."
        )
    return values
