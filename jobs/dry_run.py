"""What a criterion would have decided at each check of a past range, before it is registered.

The question and the conditions above it are registered in a registry of their own, replayed there by the same code
that checks for real, and read; then that registry is thrown away. No other database is opened.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import Session, col, select

from forecasts import criteria, registry
from forecasts.decide import Verdict
from forecasts.errors import CalleditError, InvalidInputError
from forecasts.exchange.document import Document, Question
from forecasts.model import SourceCatalogue, iso
from forecasts.scalars import meant
from forecasts.settings import Settings
from forecasts.store import Store
from forecasts.tables import Check, Resolution, Resource
from forecasts.tables import Question as QuestionRow
from jobs.board import resources_of
from jobs.clocks import SimulatedClock
from jobs.replay import Progress, replay_locked


@dataclass(frozen=True, slots=True)
class Look:
    """One check of a source a question reads, and what the criterion said at it.

    Where `verdict` is None the check was not sound, or the question not open or no longer watched: what was said
    before stands. `changed` says that the verdict is another one than before.
    """

    resource: Resource
    check: Check
    verdict: Verdict | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """One question of the chain: the checks, in order, and the steps its outcome went through."""

    question: Question
    public_id: str
    looks: Sequence[Look]
    steps: Sequence[Resolution]

    @property
    def outcome(self) -> str:
        """The outcome at the end of the range: open until it is confirmed."""
        last = self.steps[-1] if self.steps else None
        return str(last.outcome) if last is not None and last.state == "confirmed" else "open"

    @property
    def unread(self) -> list[tuple[Resource, str]]:
        """The resources of which no check could be read, each with what the last one met."""
        found = {look.resource.id: look for look in self.looks}
        read = {look.resource.id for look in self.looks if look.check.sound}
        return [(look.resource, look.check.problem or "") for key, look in found.items() if key not in read]


def chain_of(document: Document, key: str | None) -> list[Question]:
    """Return a question with the conditions it hangs on, the first condition first.

    Without a `key` the document holds one question. Raises `InvalidInputError` where it is not clear which one
    is meant, or a condition is not in the document.
    """
    known = {question.key: question for question in document.questions}
    if not known:
        raise InvalidInputError("The file holds no question to try; write one as docs/register.md shows.")
    if key is None and len(known) > 1:
        raise InvalidInputError(f"Say which question with --question: {', '.join(known)}.")
    if key is not None and key not in known:
        raise InvalidInputError(
            f"The file holds no question {key!r}{meant(key, known)}; it holds: {', '.join(known)}."
        )
    chain = [known[key or next(iter(known))]]
    while (condition := chain[0].condition) is not None:
        if condition.question not in known:
            raise InvalidInputError(
                f"{chain[0].key} hangs on {condition.question!r}, which is not in the file: a dry run asks no "
                "registry, so write the condition into the same file."
            )
        if known[condition.question] in chain:
            raise InvalidInputError(f"{chain[0].key} hangs on itself; remove one of the conditions.")
        chain.insert(0, known[condition.question])
    return chain


def whole_range(
    document: Document, chain: Sequence[Question], *, now: datetime, dispute_window: timedelta
) -> tuple[datetime, datetime]:
    """Return when the first question opens, and when the last is no longer watched, or now if that is earlier."""
    keys = {question.key for question in chain}
    ends = [ruling.knowable_at for ruling in document.rulings if ruling.question in keys]
    for question in chain:
        try:
            leaves = criteria.source_leaves(criteria.parse(question.criterion))
        except InvalidInputError as error:
            raise InvalidInputError(f"questions[{document.questions.index(question)}]: {error}") from None
        waits = [leaf.grace + leaf.max_lag for leaf in leaves]
        ends.append(question.deadline + max(waits, default=timedelta(0)))
    start, end = min(question.opens_at for question in chain), min(now, max(ends) + dispute_window)
    if start >= end:
        raise InvalidInputError(
            f"{chain[-1].key} opens at {iso(start)}, which is not past; give a past range with --from and --to, "
            "or write an earlier opens_at to try it."
        )
    return start, end


def dry_run(
    settings: Settings,
    catalogue: SourceCatalogue,
    document: Document,
    chain: Sequence[Question],
    *,
    start: datetime,
    end: datetime,
    tables: Mapping[str, Path] | None = None,
    progress: Progress = lambda _: None,
) -> list[Trial]:
    """Replay the chain from `start` to `end` and return each of its questions, the tried one last.

    Rulings of the document on these questions are proposed once they could be known, as those of seeds are.
    """
    keys = {question.key for question in chain}
    rulings = [ruling for ruling in document.rulings if ruling.question in keys]
    heard: dict[tuple[int, int], Verdict] = {}
    with TemporaryDirectory(prefix="calledit-dry-run-") as folder:
        url = f"sqlite:///{Path(folder) / 'registry.db'}"
        store = Store(url, SimulatedClock(start))
        try:
            store.migrate()
            part = Document(questions=list(chain), rulings=rulings)
            try:
                registered = registry.register(store, part, catalogue=catalogue, actor="dry run", kind="seed")
            except CalleditError as error:
                raise type(error)(_placed(str(error), part, document)) from None
            replay_locked(
                settings.model_copy(update={"database_url": url}),
                catalogue,
                start=start,
                end=end,
                tables=tables,
                progress=progress,
                told=lambda question, check, verdict: heard.__setitem__((question.id, check.id), verdict),
            )
            with store.read() as session:
                ids = registered.ids["questions"]
                return [_trial(session, question, ids[question.key], heard) for question in chain]
        finally:
            store.close()


def _placed(message: str, part: Document, whole: Document) -> str:
    """Return an error with the place in the file of what it is about, where it names a place in a part of it."""
    found = re.match(r"(questions|rulings)\[(\d+)\]", message)
    if found is None:
        return message
    kind, number = found[1], int(found[2])
    place = getattr(whole, kind).index(getattr(part, kind)[number])
    return f"{kind}[{place}]{message[found.end() :]}"


def _trial(
    session: Session, question: Question, public_id: str, heard: Mapping[tuple[int, int], Verdict]
) -> Trial:
    row = session.exec(select(QuestionRow).where(QuestionRow.public_id == public_id)).one()
    resources = {resource.id: resource for resource in resources_of(session, row)}
    checks = session.exec(
        select(Check)
        .where(col(Check.resource_id).in_(list(resources)))
        .order_by(col(Check.checked_at), col(Check.id))
    ).all()
    looks: list[Look] = []
    before: object = None
    for check in checks:
        verdict = heard.get((row.id, check.id))
        gist = before if verdict is None else (verdict.value, verdict.occurred, verdict.needs_person)
        looks.append(Look(resources[check.resource_id], check, verdict, changed=gist != before))
        before = gist
    steps = session.exec(
        select(Resolution).where(Resolution.question_id == row.id).order_by(col(Resolution.step))
    ).all()
    return Trial(question, public_id, looks, steps)
