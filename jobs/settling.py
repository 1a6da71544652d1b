"""Settling: proposing the rulings that could be known by now, and confirming the proposals that are ripe."""

from collections.abc import Callable
from datetime import timedelta

from sqlmodel import Session, col, select

from forecasts import criteria, registry, resolving
from forecasts.errors import CalleditError
from forecasts.model import ActorKind
from forecasts.registering import interval_of
from forecasts.store import Store
from forecasts.tables import Actor, Question, Resolution, Revision, Ruling, Verdict
from jobs.board import closed_proposals, deciding_check, last_sound, resources_of

ADAPTER = "calledit"


class Settler:
    """Settles on one store, and stops between two steps when `stopping` says so."""

    def __init__(self, store: Store, *, dispute_window: timedelta, stopping: Callable[[], bool]) -> None:
        self.store = store
        self.dispute_window = dispute_window
        self._stopping = stopping

    def settle_round(self) -> int:
        """Propose the rulings that could be known by now, and confirm what is ripe; return the steps taken.

        A ruling the registry refuses keeps nothing else from being settled; the refusal is raised at the end.
        """
        proposed, trouble = self._propose_rulings()
        confirmed = self._confirm_ripe()
        if trouble is not None:
            raise trouble
        return proposed + confirmed

    def _propose_rulings(self) -> tuple[int, CalleditError | None]:
        with self.store.read() as session:
            known = session.exec(
                select(Ruling, Actor.name, Actor.kind)
                .join(Revision, col(Revision.rev) == col(Ruling.rev))
                .join(Actor, col(Actor.id) == col(Revision.actor_id))
                .join(Question, col(Question.id) == col(Ruling.question_id))
                .where(Ruling.knowable_at <= self.store.clock.now())
                .order_by(col(Question.condition_id).is_not(None), col(Question.public_id))
            ).all()
            steps = resolving.latest_steps(session, [ruling.question_id for ruling, *_ in known])
            pending = [
                found
                for found in known
                if resolving.state_of(steps.get(found[0].question_id)) == "open"
                and _may_propose(session, found[0])
            ]
        proposed, trouble = 0, None
        for ruling, actor, kind in pending:
            try:
                proposed += self._propose_ruling(ruling, actor, kind)  # type: ignore[arg-type]  # CHECK
            except CalleditError as error:
                trouble = trouble or error
        return proposed, trouble

    def _propose_ruling(self, ruling: Ruling, actor: str, kind: ActorKind) -> bool:
        with self.store.write(actor=actor, kind=kind, action="propose") as tx:
            if not _may_propose(tx.session, ruling):
                tx.discard()
                return False
            registry.propose_ruling(
                tx,
                tx.session.get_one(Question, ruling.question_id),
                ruling.outcome,  # type: ignore[arg-type]  # CHECK allows only the outcomes
                citation=ruling.citation,
                reason=ruling.note,
                window=self.dispute_window,
                occurred=interval_of(ruling.occurred_at, ruling.occurred_until),
                knowable_at=ruling.knowable_at,
            )
            return True

    def _confirm_ripe(self) -> int:
        """Confirm, parents first, until nothing more follows."""
        confirmed = 0
        while True:
            with self.store.read() as session:
                closed = closed_proposals(session, self.store.clock.now())
            before = confirmed
            for question_id in closed:
                if self._stopping():
                    return confirmed
                confirmed += self._confirm(question_id)
            if confirmed == before:
                return confirmed

    def _confirm(self, question_id: int) -> bool:
        with self.store.read() as session:  # most wait for something: look before taking the write lock
            question = session.get_one(Question, question_id)
            step = resolving.current_step(session, question)
            if step is None or not self._is_ripe(session, question, step):
                return False
        with self.store.write(actor=ADAPTER, kind="adapter", action="confirm") as tx:
            question = tx.session.get_one(Question, question_id)
            step = resolving.current_step(tx.session, question)
            if step is None or not self._is_ripe(tx.session, question, step):
                tx.discard()
                return False
            by_machine = step.rule == resolving.CRITERION_RULE
            check = deciding_check(tx.session, question) if by_machine else None
            resolving.confirm_step(tx, question, step, check=check)
            return True

    def _is_ripe(self, session: Session, question: Question, step: Resolution) -> bool:
        """Whether the machine may confirm the proposal that is the question's latest step.

        The dispute window has passed, the condition is not open, and a machine's proposal has stood through
        a sound check of each of its resources since then, and since the condition was dated as it is now,
        without an alarm where it rests on an absence. A person's proposal waits for a person; a founding
        ruling does not.
        """
        if step.state != "proposed" or step.closes_at is None or self.store.clock.now() < step.closes_at:
            return False
        if resolving.condition_status(session, question) == "open":
            return False
        if step.rule != resolving.CRITERION_RULE:
            return session.get_one(Actor, step.actor_id).kind == "seed"
        checks = [last_sound(session, resource) for resource in resources_of(session, question)]
        if step.outcome == "no" or criteria.negates(criteria.load(question.criterion)):
            checks = [None if check is None or check.alarm else check for check in checks]
        said = _latest_verdict(session, question.id)
        if said is None or said.value != step.outcome:  # an answer it needs was blanked
            return False
        since = resolving.condition_proposed_in(session, question)
        return all(check and check.checked_at >= step.closes_at and check.rev >= since for check in checks)


def _may_propose(session: Session, ruling: Ruling) -> bool:
    """Whether a registered ruling is to be proposed: the question is open to it and it was not taken back."""
    question = session.get_one(Question, ruling.question_id)
    step = resolving.current_step(session, question)
    if resolving.state_of(step) != "open" or resolving.condition_status(session, question) == "failed":
        return False
    if step is not None and step.rule != resolving.CONDITION_RULE:
        return False
    if not criteria.source_leaves(criteria.load(question.criterion)):
        return True
    said = _latest_verdict(session, question.id)
    return said is not None and said.needs_person


def _latest_verdict(session: Session, question_id: int) -> Verdict | None:
    return session.exec(
        select(Verdict).where(Verdict.question_id == question_id).order_by(col(Verdict.id).desc()).limit(1)
    ).first()
