"""The use cases of the registry: each is one transaction, checks who may do it, and says what it did.

Registering, revising, correcting and withdrawing forecasts; proposing, confirming, disputing, annulling and
reopening outcomes; attaching the user's own copy of a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlmodel import Session, col, select

from forecasts import redacting, resolving
from forecasts.criteria import canonical_json
from forecasts.errors import ConflictError, InvalidInputError
from forecasts.evidence import archive
from forecasts.exchange.document import Document, Lexicon
from forecasts.lexicon import find_phrase
from forecasts.lookup import by_id, find_article, refuse_the_author, said, writes_as
from forecasts.model import (
    ActorKind,
    Asserts,
    Basis,
    Interval,
    Outcome,
    SourceCatalogue,
    iso,
    to_ppm,
)
from forecasts.registering import (
    Registered,
    Registrar,
    latest_lexicon,
    public_id,
    read_text,
    refuse_misdated,
)
from forecasts.store import Store, Transaction
from forecasts.tables import (
    AttachedCopy,
    Author,
    Edition,
    Forecast,
    Question,
    ReplayRun,
    Resolution,
    Ruling,
    Statement,
)


@dataclass(frozen=True, slots=True)
class NewNumber:
    """The number a revision or correction gives: directly, or through a phrase of a lexicon.

    Without a `basis`, a number in a revision is one the author stated, and a correction keeps the basis it had.
    """

    probability: float | None = None
    low: float | None = None
    high: float | None = None
    phrase: str | None = None
    lexicon: str | None = None
    asserts: Asserts | None = None
    basis: Basis | None = None


def register(
    store: Store,
    document: Document,
    *,
    catalogue: SourceCatalogue,
    actor: str,
    kind: ActorKind = "person",
    action: str = "register",
    folder: Path = Path(),
    standards: Sequence[Lexicon] = (),
    dry_run: bool = False,
) -> Registered:
    """Register a document in one transaction; with `dry_run`, or when nothing is new, change nothing.

    `standards` are the lexicons everybody has: those that are not registered yet are added.
    Raises `InvalidInputError` or `ConflictError` naming the first place that cannot be registered.
    """
    with store.write(actor=actor, kind=kind, action=action) as tx:
        registered = Registrar(tx, catalogue, folder).register(document, standards)
        _catch_up(tx)
        if dry_run or not registered.added:
            tx.discard()
    return registered


def _catch_up(tx: Transaction) -> None:
    """Bring what was just registered in line with what is resolved already.

    A new question follows its condition, a new forecast on a resolved question is scored, and nobody rules
    on a question they are scored by.
    """
    for question in tx.session.exec(select(Question).where(Question.rev == tx.rev)).all():
        resolving.follow_condition(tx, question)
    ruled = select(Ruling.question_id).where(Ruling.rev == tx.rev)
    for question in tx.session.exec(select(Question).where(col(Question.id).in_(ruled))).all():
        _refuse_scored_author(tx, question)
    if tx.session.exec(select(ReplayRun)).first() is not None:
        new = tx.session.exec(select(Question).where(Question.rev == tx.rev)).first()
        if new is not None:
            raise ConflictError(
                "This registry was written by a replay, whose checks are past: register new questions in "
                "another registry and replay that."
            )
    forecast_on = select(Forecast.question_id).where(Forecast.rev == tx.rev)
    for question in tx.session.exec(select(Question).where(col(Question.id).in_(forecast_on))).all():
        resolving.score_anew(tx, question)


def attach(store: Store, article_key: str, path: Path, *, actor: str, new_edition: bool = False) -> str:
    """Keep the user's own copy of a text so that quoted spans can be shown; return the edition's sha256.

    A file whose hash is no known edition of the article is refused, unless `new_edition` asks for one.
    """
    sha256, text = read_text(path)
    if "\x00" in text:
        raise InvalidInputError(f"{path} contains NUL characters, so it is no plain text; convert it first.")
    with store.write(actor=actor, action="attach") as tx:
        article = find_article(tx.session, article_key)
        edition = tx.session.exec(select(Edition).where(Edition.sha256 == sha256)).first()
        if edition is None:
            if not new_edition:
                raise ConflictError(
                    f"{path} has sha256 {sha256}, which is no registered edition of {article_key!r}: "
                    "attach the exact file, or add --new-edition to register this text as another edition."
                )
            if not text:
                raise InvalidInputError(f"{path} is empty.")
            edition = tx.append(Edition(article_id=article.id, sha256=sha256, characters=len(text), rev=tx.rev))
        if edition.article_id != article.id:
            raise ConflictError(f"{path} is an edition of another article.")
        redacted = redacting.redaction_of(tx.session, "copy", sha256)
        if redacted is not None:
            raise ConflictError(f"The copy of this edition was {redacted}; it is not brought back.")
        if tx.session.get(AttachedCopy, edition.id) is None:
            tx.append(AttachedCopy(edition_id=edition.id, text=text, rev=tx.rev))
        else:
            tx.discard()
    return sha256


# -- forecasts -----------------------------------------------------------------------------------------------


def revise(
    store: Store,
    forecast_id: str,
    number: NewNumber,
    *,
    stated_at: datetime,
    actor: str,
    statement_id: str | None = None,
    reason: str | None = None,
) -> str:
    """Record a new probability the author gave later; return the id of the new forecast.

    The author's first forecast on a question still is the one that counts.
    """
    with store.write(actor=actor, action="revise") as tx:
        old = _latest(tx, forecast_id)
        statement = by_id(tx.session, Statement, statement_id) if statement_id else None
        if statement is not None and (later := redacting.successor(tx.session, statement)) is not None:
            raise ConflictError(f"Statement {statement.public_id} was corrected; name {later.public_id} instead.")
        if statement is not None and statement.stated_by_id != old.author_id:
            raise InvalidInputError(f"Statement {statement.public_id} was made by another author.")
        question = tx.session.get_one(Question, old.question_id)
        _refuse_future(tx, stated_at)
        if not old.stated_at < stated_at < question.deadline:
            raise InvalidInputError(
                f"A revision lies between the forecast it revises ({iso(old.stated_at)}) and the deadline "
                f"({iso(question.deadline)}), not at {iso(stated_at)}."
            )
        new = _changed(tx, old, "revision", number, reason)
        new.stated_earliest = new.stated_at = stated_at
        new.statement_id = statement.id if statement else old.statement_id
        _append_forecast(tx, new)
        resolving.score_anew(tx, question)
        return new.public_id


def correct(store: Store, forecast_id: str, number: NewNumber, *, reason: str, actor: str) -> str:
    """Replace a number we read wrongly: same `stated_at`, with actor and reason; scores follow at once."""
    with store.write(actor=actor, action="correct") as tx:
        old = _latest(tx, forecast_id, to_correct=True)
        if old.change == "withdrawal":
            raise ConflictError(f"Forecast {forecast_id} is a withdrawal; there is no number to correct.")
        new = append_correction(tx, old, number, reason)
        resolving.score_anew(tx, tx.session.get_one(Question, old.question_id))
        return new.public_id


def append_correction(tx: Transaction, old: Forecast, number: NewNumber, reason: str) -> Forecast:
    """Append the correction of a forecast and return it; whoever calls scores its question anew."""
    new = _changed(tx, old, "correction", number, said(reason, "reason"))
    return _append_forecast(tx, new)


def withdraw(store: Store, forecast_id: str, *, stated_at: datetime, reason: str, actor: str) -> str:
    """Record that the author took a forecast back. What was said still counts; the withdrawal is shown."""
    with store.write(actor=actor, action="withdraw") as tx:
        old = _latest(tx, forecast_id)
        if old.change == "withdrawal":
            raise ConflictError(f"Forecast {forecast_id} was withdrawn already.")
        _refuse_future(tx, stated_at)
        if stated_at <= old.stated_at:
            raise InvalidInputError(f"A withdrawal comes after the forecast ({iso(old.stated_at)}).")
        new = _copy(old, "withdrawal", said(reason, "reason"))
        new.stated_earliest = new.stated_at = stated_at
        new.probability_ppm = new.low_ppm = new.high_ppm = None
        _append_forecast(tx, new)
        resolving.score_anew(tx, tx.session.get_one(Question, old.question_id))
        return new.public_id


def _refuse_future(tx: Transaction, stated_at: datetime) -> None:
    if stated_at > tx.now:
        raise InvalidInputError(f"Nobody can have said it at {iso(stated_at)}: that is still to come.")


def _latest(tx: Transaction, forecast_id: str, *, to_correct: bool = False) -> Forecast:
    """Return the forecast if nothing has taken its place yet; otherwise say what did.

    What the author said later does not keep us from correcting how we read what was said first.
    """
    row = by_id(tx.session, Forecast, forecast_id)
    later = tx.session.exec(
        select(Forecast)
        .where(Forecast.supersedes_id == row.id)
        .order_by(col(Forecast.change) == "correction", col(Forecast.id))
    ).all()
    if later and (not to_correct or later[-1].change == "correction"):
        last = later[-1]
        raise ConflictError(
            f"Forecast {forecast_id} has a later {last.change} ({last.public_id}); change that one."
        )
    return row


def _copy(old: Forecast, change: Literal["revision", "correction", "withdrawal"], reason: str | None) -> Forecast:
    values = old.model_dump(exclude={"id", "public_id", "rev"})
    values |= {"change": change, "supersedes_id": old.id, "version": old.version + 1, "reason": reason}
    return Forecast(rev=0, public_id="", **values)


def _changed(
    tx: Transaction,
    old: Forecast,
    change: Literal["revision", "correction"],
    number: NewNumber,
    reason: str | None,
) -> Forecast:
    """Return a copy of the forecast with the new number in it."""
    new = _copy(old, change, reason)
    new.asserts = number.asserts or old.asserts
    if number.phrase is not None:
        if (number.probability, number.low, number.high) != (None, None, None):
            raise InvalidInputError("A phrase takes its numbers from the lexicon; leave out those given.")
        if number.basis not in (None, "lexicon"):
            raise InvalidInputError(f"A phrase has the basis 'lexicon', not {number.basis!r}.")
        lexicon = latest_lexicon(tx, number.lexicon or "capphrase")
        found = find_phrase(lexicon.phrases, number.phrase)
        if found is None:
            raise InvalidInputError(f"Lexicon {lexicon.key!r} gives no number for {number.phrase!r}.")
        spread = found.asserting(new.asserts)  # type: ignore[arg-type]  # CHECK allows only yes and no
        new.low_ppm, new.probability_ppm, new.high_ppm = spread.low, spread.median, spread.high
        new.basis, new.phrase, new.lexicon_id = "lexicon", number.phrase, lexicon.id
        new.bare_modal = spread.bare_modal
        return new
    if number.lexicon is not None:
        raise InvalidInputError("A lexicon needs a phrase.")
    if number.probability is None:
        raise InvalidInputError("Give a probability, or a phrase of a lexicon.")
    new.probability_ppm = _ppm(number.probability)
    new.low_ppm = new.probability_ppm if number.low is None else _ppm(number.low)
    new.high_ppm = new.probability_ppm if number.high is None else _ppm(number.high)
    if not new.low_ppm <= new.probability_ppm <= new.high_ppm:
        raise InvalidInputError("low, probability and high are not in order.")
    new.basis = number.basis or ("stated" if change == "revision" else old.basis)
    if new.basis == "lexicon":
        raise InvalidInputError("A number is no phrase: say whether its basis is 'stated' or 'coder'.")
    if new.basis == "coder" and None in (number.low, number.high, reason):
        raise InvalidInputError("Our own reading needs low, high and a reason.")
    new.phrase = new.lexicon_id = None
    new.bare_modal = False
    return new


def _ppm(probability: float) -> int:
    try:
        return to_ppm(probability)
    except ValueError as error:
        raise InvalidInputError(f"{error}.") from None


def _append_forecast(tx: Transaction, new: Forecast) -> Forecast:
    author = tx.session.get_one(Author, new.author_id)
    refuse_the_author(tx, author, "change their own record")
    question = tx.session.get_one(Question, new.question_id)
    statement = tx.session.get_one(Statement, new.statement_id)
    new.public_id = public_id(
        "f", author.slug, question.public_id, iso(new.stated_at), statement.public_id, new.version
    )
    tx.append(new)
    return new


# -- outcomes ------------------------------------------------------------------------------------------------


def propose(
    store: Store,
    question_id: str,
    outcome: Outcome,
    *,
    actor: str,
    kind: ActorKind = "person",
    citation: str,
    reason: str,
    window: timedelta,
    occurred: Interval | None = None,
    evidence: tuple[bytes, str] | None = None,
) -> Resolution:
    """Propose an outcome with its citation; it can be confirmed when the dispute window has passed.

    On a disputed question this is the second ruling, which the first proposer may not make.
    """
    with store.write(actor=actor, kind=kind, action="propose") as tx:
        question = by_id(tx.session, Question, question_id)
        return propose_ruling(
            tx,
            question,
            outcome,
            citation=citation,
            reason=reason,
            window=window,
            occurred=occurred,
            evidence=evidence,
        )


def propose_ruling(
    tx: Transaction,
    question: Question,
    outcome: Outcome,
    *,
    citation: str,
    reason: str,
    window: timedelta,
    occurred: Interval | None = None,
    evidence: tuple[bytes, str] | None = None,
    knowable_at: datetime | None = None,
) -> Resolution:
    """Propose a person's ruling; its archived bytes are the evidence given, or the ruling itself."""
    step = resolving.current_step(tx.session, question)
    state = resolving.state_of(step)
    if state in ("proposed", "confirmed"):
        raise ConflictError(f"Question {question.public_id} is {state} already; dispute it or reopen it first.")
    if state == "disputed" and tx.actor_id in _involved(tx.session, question):
        raise ConflictError("The second ruling is made by somebody who neither proposed nor disputed the first.")
    _refuse_scored_author(tx, question)
    citation, reason = said(citation, "citation"), said(reason, "reason")
    refuse_misdated(question, outcome, occurred)
    if occurred is not None and occurred.start > tx.now:
        raise InvalidInputError(f"It cannot have occurred at {iso(occurred.start)}: that is still to come.")
    if outcome == "no" and tx.now < question.deadline:
        raise InvalidInputError(f"A no is possible from the deadline on, {iso(question.deadline)}.")
    _refuse_before_condition(tx, question, occurred)
    record = {
        "question": question.public_id,
        "outcome": outcome,
        "ruled_by": tx.actor.name,
        "citation": citation,
        "reason": reason,
        "occurred_at": iso(occurred.start) if occurred else None,
        "occurred_until": iso(occurred.end) if occurred else None,
    }
    body, content_type = evidence or (canonical_json(record), "application/json")
    return resolving.append_step(
        tx,
        question,
        "proposed",
        outcome,
        rule=resolving.SECOND_RULING_RULE if state == "disputed" else resolving.RULING_RULE,
        reason=reason,
        citation=citation,
        closes_at=tx.now + window,
        evidence_sha256=archive(tx, body, content_type),
        occurred=occurred,
        knowable_at=knowable_at or tx.now,
    )


def _refuse_before_condition(tx: Transaction, question: Question, occurred: Interval | None) -> None:
    """Refuse what occurred before the condition was met: only what happens after it counts."""
    if question.condition_id is None or occurred is None:
        return
    parent = tx.session.get_one(Question, question.condition_id)
    window = resolving.effective_window(question, parent, resolving.current_step(tx.session, parent))
    if window is not None and occurred.start < window.opens_at:
        raise InvalidInputError(
            f"It occurred at {iso(occurred.start)}, before the condition was met ({iso(window.opens_at)})."
        )


def confirm(store: Store, question_id: str, *, actor: str) -> Resolution:
    """Confirm a person's proposal: by a named person who neither proposed it nor is scored by it."""
    with store.write(actor=actor, action="confirm") as tx:
        question = by_id(tx.session, Question, question_id)
        step = resolving.current_step(tx.session, question)
        if step is None or step.state != "proposed":
            raise ConflictError(f"Question {question_id} has no open proposal to confirm.")
        if step.rule == resolving.CRITERION_RULE:
            raise ConflictError("A machine's proposal is decided again and confirmed by the scheduled jobs.")
        if step.closes_at is not None and tx.now < step.closes_at:
            raise ConflictError(f"The dispute window is open until {iso(step.closes_at)}; confirm after that.")
        if tx.actor_id in _involved(tx.session, question):
            raise ConflictError("Whoever proposed or disputed an outcome cannot confirm it; ask somebody else.")
        _refuse_scored_author(tx, question)
        if resolving.condition_status(tx.session, question) == "open":
            raise ConflictError("The question's condition is still open; confirm that one first.")
        _refuse_before_condition(tx, question, resolving.occurrence(step))
        return resolving.confirm_step(tx, question, step)


def dispute(store: Store, question_id: str, *, reason: str, actor: str) -> Resolution:
    """Dispute a proposed outcome inside its window; a second ruling has to follow, by somebody else than both."""
    with store.write(actor=actor, action="dispute") as tx:
        question = by_id(tx.session, Question, question_id)
        step = resolving.current_step(tx.session, question)
        if step is None or step.state != "proposed":
            raise ConflictError(f"Question {question_id} has no open proposal to dispute.")
        if step.closes_at is not None and tx.now >= step.closes_at:
            raise ConflictError(
                f"The dispute window closed at {iso(step.closes_at)}; reopen the question instead."
            )
        if tx.actor_id in _involved(tx.session, question):
            raise ConflictError("Whoever proposed an outcome takes it back with reopen, not with a dispute.")
        reason = said(reason, "reason")
        return resolving.append_step(
            tx,
            question,
            "disputed",
            step.outcome,  # type: ignore[arg-type]  # CHECK allows only the outcomes
            rule=step.rule,
            reason=reason,
            evidence_sha256=step.evidence_sha256,
        )


def annul(store: Store, question_id: str, *, reason: str, actor: str) -> Resolution:
    """Annul a broken question by hand, in whatever state it is; it is never scored."""
    with store.write(actor=actor, action="annul") as tx:
        reason = said(reason, "reason")
        question = by_id(tx.session, Question, question_id)
        step = resolving.current_step(tx.session, question)
        if step is not None and step.state == "confirmed":
            if step.outcome == "annulled":
                raise ConflictError(f"Question {question_id} is annulled already.")
            resolving.reopen_step(tx, question, rule=resolving.ANNULMENT_RULE, reason=reason)
        _refuse_scored_author(tx, question)
        return resolving.append_step(
            tx, question, "confirmed", "annulled", rule=resolving.ANNULMENT_RULE, reason=reason
        )


def reopen(store: Store, question_id: str, *, reason: str, actor: str) -> Resolution:
    """Take a proposal, dispute or resolution back; what hangs on it follows."""
    with store.write(actor=actor, action="reopen") as tx:
        reason = said(reason, "reason")
        question = by_id(tx.session, Question, question_id)
        step = resolving.current_step(tx.session, question)
        if resolving.state_of(step) == "open" or step is None:
            raise ConflictError(f"Question {question_id} is open already.")
        if step.rule == resolving.CONDITION_RULE:
            raise ConflictError("This question was annulled because its condition failed; reopen the condition.")
        _refuse_scored_author(tx, question)
        step = resolving.reopen_step(tx, question, rule=resolving.RULING_RULE, reason=reason)
        resolving.follow_condition(tx, question)
        return step


def _involved(session: Session, question: Question) -> set[int]:
    """Return who has proposed or disputed an outcome since the question was last open."""
    steps = session.exec(
        select(Resolution).where(Resolution.question_id == question.id).order_by(col(Resolution.step))
    ).all()
    involved: set[int] = set()
    for step in steps:
        if step.state == "reopened":
            involved.clear()
        elif step.state in ("proposed", "disputed"):
            involved.add(step.actor_id)
    return involved


def _refuse_scored_author(tx: Transaction, question: Question) -> None:
    """Refuse a ruling by somebody whose own forecast is scored by it."""
    scored = {forecast.author_id for forecast, _ in resolving.standing_forecasts(tx.session, question)}
    authors = tx.session.exec(select(Author).where(col(Author.id).in_(scored))).all()
    if any(writes_as(tx, author) for author in authors):
        raise ConflictError(f"{tx.actor.name} is scored by this question and cannot rule on it.")
