"""One pair of hands: checks what is due, settles what is ripe. Any number may work on one database.

A result is written in one transaction with "done", guarded by the token of the lease: whoever lost the lease
writes nothing, and a worker killed at any instant leaves the resource to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from forecasts import criteria, registry, resolving
from forecasts.decide import Reading, Verdict, decide
from forecasts.evidence import archive, retrieve
from forecasts.model import Fetcher, Observation, Request, Response, SourceCatalogue, iso
from forecasts.registering import public_id
from forecasts.store import Store, Transaction
from forecasts.tables import (
    Actor,
    Check,
    Question,
    QuestionResource,
    Resolution,
    Resource,
    Revision,
    Ruling,
)
from forecasts.tables import Verdict as VerdictRow
from jobs import due

ADAPTER = "calledit"
SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one fetch came to: the observation, and the body it was read from."""

    observation: Observation
    request: Request
    response: Response
    body: bytes
    content_type: str


class Worker:
    """Checks and settles on one store, with one fetcher."""

    def __init__(
        self, store: Store, catalogue: SourceCatalogue, fetcher: Fetcher, *, dispute_window: timedelta
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.fetcher = fetcher
        self.dispute_window = dispute_window
        self._parsed: dict[int, tuple[int, Observation]] = {}

    # -- checking --------------------------------------------------------------------------------------------

    def check_round(self) -> int:
        """Check every resource that is due now; return how many checks were written."""
        written = 0
        while leases := due.claim(self.store):
            written += sum(self._check(lease) for lease in leases)
        return written

    def _check(self, lease: due.Lease) -> bool:
        """Fetch outside any transaction, then write everything that follows in one."""
        with self.store.read() as session:
            resource = session.get_one(Resource, lease.resource_id)
            last = _last_sound(session, resource)
            previous = self._observe(session, last) if last else None
        answer = self._ask(resource, last, previous)
        with self.store.write(actor=ADAPTER, kind="adapter", action="check") as tx:
            held = tx.session.get_one(Resource, lease.resource_id)
            if held.lease_token != lease.token:
                tx.discard()
                return False
            check = self._write_check(tx, held, lease, answer)
            if check.sound:
                self._parsed[resource.id] = (check.id, answer.observation)
                self._evaluate(tx, held, check)
            held.next_due = due.next_due(held.public_id, _watches(tx.session, held), tx.now)
            held.lease_token = held.lease_until = None
            tx.session.add(held)
        return True

    def _ask(self, resource: Resource, last: Check | None, previous: Observation | None) -> _Answer:
        """Fetch one resource and read what came back."""
        source = self.catalogue.get(resource.source)
        query = criteria.load_query(resource.query)
        now = self.store.clock.now()
        request = source.request(query, as_of=now, previous=previous)
        if last is not None:
            request = Request(request.location, last.etag, last.last_modified)
        response = self.fetcher.fetch(request)
        body, content_type = response.body, response.content_type
        failure = _failure(response, now)
        if failure is None and response.status == 304:
            if last is None or last.evidence_sha256 is None:
                failure = Observation("error", problems=("the source answered 304 to an unconditional request",))
            else:
                with self.store.read() as session:
                    body, content_type = retrieve(session, last.evidence_sha256)
        observation = failure or source.parse(
            body, query=query, content_type=content_type, fetched_at=now, previous=previous
        )
        return _Answer(observation, request, response, body, content_type)

    def _write_check(self, tx: Transaction, resource: Resource, lease: due.Lease, answer: _Answer) -> Check:
        observation, response = answer.observation, answer.response
        check: Check = tx.append(
            Check(
                public_id=public_id("c", resource.public_id, iso(lease.due_at)),
                resource_id=resource.id,
                due_at=lease.due_at,
                checked_at=tx.now,
                status=observation.status,
                sound=observation.sound,
                problem="; ".join(observation.problems) or None,
                http_status=response.status,
                evidence_sha256=archive(tx, answer.body, answer.content_type) if answer.body else None,
                content_type=answer.content_type or None,
                etag=response.etag or answer.request.etag,
                last_modified=response.last_modified or answer.request.last_modified,
                watermark=observation.watermark,
                rows=len(observation.events) if observation.status == "ok" else None,
                rev=tx.rev,
            )
        )
        return check

    def _evaluate(self, tx: Transaction, resource: Resource, check: Check) -> None:
        """Evaluate every question that reads the resource, in a fixed order."""
        questions = tx.session.exec(
            select(Question)
            .join(QuestionResource, col(QuestionResource.question_id) == col(Question.id))
            .where(QuestionResource.resource_id == resource.id)
            .order_by(col(Question.condition_id).is_not(None), col(Question.public_id))
        ).all()
        for question in questions:
            if tx.now < question.opens_at or _rested(tx.session, question, tx.now):
                continue
            verdict = self._decide(tx.session, question, tx.now)
            _keep_verdict(tx, question, check, verdict)
            resolving.apply_verdict(tx, question, verdict, check, closes_at=tx.now + self.dispute_window)

    def _decide(self, session: Session, question: Question, now: datetime) -> Verdict:
        window = resolving.effective_window(session, question)
        if window is None:
            return Verdict("unknown", "the condition has not been met")
        if window.opens_at >= window.deadline:
            return Verdict("unknown", "the condition was met only after the deadline", needs_person=True)
        criterion = criteria.load(question.criterion)
        readings = {}
        for leaf in criteria.event_leaves(criterion):
            reading = self._reading(session, leaf.resource, since=question.opens_at)
            if reading is not None:
                readings[leaf.resource] = reading
        return decide(criterion, window, readings, now)

    def _reading(self, session: Session, key: tuple[str, str], *, since: datetime) -> Reading | None:
        """Return what is known of a resource from its sound checks since an instant."""
        resource = session.exec(select(Resource).where(Resource.source == key[0], Resource.query == key[1])).one()
        last = _last_sound(session, resource)
        if last is None or last.checked_at < since:
            return None
        count = session.exec(
            select(func.count(col(Check.id))).where(
                Check.resource_id == resource.id, col(Check.sound), Check.checked_at >= since
            )
        ).one()
        return Reading(self._observe(session, last), last.checked_at, count)

    def _observe(self, session: Session, check: Check) -> Observation:
        """Read a sound check's archived bytes again, unless they were read just now."""
        known = self._parsed.get(check.resource_id)
        if known is not None and known[0] == check.id:
            return known[1]
        if check.evidence_sha256 is None:
            raise AssertionError("a sound check has evidence")
        resource = session.get_one(Resource, check.resource_id)
        body, _ = retrieve(session, check.evidence_sha256)
        observation = self.catalogue.get(resource.source).parse(
            body,
            query=criteria.load_query(resource.query),
            content_type=check.content_type or "",
            fetched_at=check.checked_at,
            previous=None,
        )
        self._parsed[resource.id] = (check.id, observation)
        return observation

    # -- settling --------------------------------------------------------------------------------------------

    def settle_round(self) -> int:
        """Propose the rulings that could be known by now, and confirm what is ripe; return the steps taken."""
        return self._propose_rulings() + self._confirm_ripe()

    def _propose_rulings(self) -> int:
        with self.store.read() as session:
            known = session.exec(
                select(Ruling.id, Actor.name, Actor.kind)
                .join(Revision, col(Revision.rev) == col(Ruling.rev))
                .join(Actor, col(Actor.id) == col(Revision.actor_id))
                .join(Question, col(Question.id) == col(Ruling.question_id))
                .where(Ruling.knowable_at <= self.store.clock.now())
                .order_by(col(Question.condition_id).is_not(None), col(Question.public_id))
            ).all()
            pending = [found for found in known if _may_propose(session, session.get_one(Ruling, found[0]))]
        for ruling_id, actor, kind in pending:
            with self.store.write(actor=actor, kind=kind, action="propose") as tx:  # type: ignore[arg-type]
                ruling = tx.session.get_one(Ruling, ruling_id)
                if not _may_propose(tx.session, ruling):
                    tx.discard()
                    continue
                registry.propose_ruling(
                    tx,
                    tx.session.get_one(Question, ruling.question_id),
                    ruling.outcome,  # type: ignore[arg-type]  # CHECK allows only the outcomes
                    citation=ruling.citation,
                    reason=ruling.note,
                    window=self.dispute_window,
                    occurred_at=ruling.occurred_at,
                    knowable_at=ruling.knowable_at,
                )
        return len(pending)

    def _confirm_ripe(self) -> int:
        """Confirm, parents first, until nothing more follows."""
        confirmed = 0
        while True:
            with self.store.read() as session:
                ripe = [q.id for q in open_proposals(session) if self._is_ripe(session, q)]
            if not ripe:
                return confirmed
            for question_id in ripe:
                with self.store.write(actor=ADAPTER, kind="adapter", action="confirm") as tx:
                    question = tx.session.get_one(Question, question_id)
                    step = resolving.current_step(tx.session, question)
                    if step is None or not self._is_ripe(tx.session, question):
                        tx.discard()
                        continue
                    last = _deciding_check(tx.session, question) if step.rule == resolving.CRITERION_RULE else None
                    resolving.confirm_step(tx, question, step, check=last)
                    confirmed += 1

    def _is_ripe(self, session: Session, question: Question) -> bool:
        """Whether the machine may confirm the open proposal now.

        The dispute window has passed, the condition is not open, and a machine's proposal has stood through
        a sound check of each of its resources since then. A person's proposal waits for a person; a founding
        ruling does not.
        """
        step = resolving.current_step(session, question)
        now = self.store.clock.now()
        if step is None or step.state != "proposed" or step.closes_at is None or now < step.closes_at:
            return False
        if resolving.condition_status(session, question) == "open":
            return False
        if step.rule != resolving.CRITERION_RULE:
            return session.get_one(Actor, step.actor_id).kind == "seed"
        checks = [_last_sound(session, resource) for resource in _resources(session, question)]
        return all(check is not None and check.checked_at >= step.closes_at for check in checks)


# -- what the queries of both halves share -------------------------------------------------------------------


def open_proposals(session: Session) -> Sequence[Question]:
    """Return the questions whose latest step is a proposal, parents before what hangs on them."""
    latest = (
        select(Resolution.question_id, func.max(Resolution.step).label("step"))
        .group_by(col(Resolution.question_id))
        .subquery()
    )
    return session.exec(
        select(Question)
        .join(Resolution, col(Resolution.question_id) == col(Question.id))
        .join(latest, (latest.c.question_id == Resolution.question_id) & (latest.c.step == Resolution.step))
        .where(Resolution.state == "proposed")
        .order_by(col(Question.condition_id).is_not(None), col(Question.public_id))
    ).all()


def _failure(response: Response, now: datetime) -> Observation | None:
    """Return the observation for an answer that cannot be read at all."""
    if response.problem is not None:
        return Observation("error", problems=(response.problem,))
    if response.status in (429, 503):
        wait = f", asking to wait {response.retry_after:g} s" if response.retry_after else ""
        return Observation("throttled", problems=(f"the source answered {response.status}{wait}",))
    if response.status not in (200, 304):
        return Observation("error", problems=(f"the source answered {response.status}",))
    if response.date is not None and abs(response.date - now) > SKEW:
        return Observation("skewed", problems=(f"the source's clock says {iso(response.date)}",))
    return None


def _last_sound(session: Session, resource: Resource) -> Check | None:
    return session.exec(
        select(Check)
        .where(Check.resource_id == resource.id, col(Check.sound))
        .order_by(col(Check.checked_at).desc(), col(Check.id).desc())
    ).first()


def _resources(session: Session, question: Question) -> Sequence[Resource]:
    return session.exec(
        select(Resource)
        .join(QuestionResource, col(QuestionResource.resource_id) == col(Resource.id))
        .where(QuestionResource.question_id == question.id)
    ).all()


def _deciding_check(session: Session, question: Question) -> Check | None:
    """Return the newest sound check among the resources of a question."""
    checks = [check for resource in _resources(session, question) if (check := _last_sound(session, resource))]
    return max(checks, key=lambda check: (check.checked_at, check.id), default=None)


def _watches(session: Session, resource: Resource) -> list[due.Watch]:
    questions = session.exec(
        select(Question)
        .join(QuestionResource, col(QuestionResource.question_id) == col(Question.id))
        .where(QuestionResource.resource_id == resource.id)
    ).all()
    return [watch_of(session, question) for question in questions]


def watch_of(session: Session, question: Question) -> due.Watch:
    """Return what a question asks of the schedule of the resources it reads."""
    step = resolving.current_step(session, question)
    leaves = criteria.event_leaves(criteria.load(question.criterion))
    return due.Watch(
        state=resolving.state_of(step),
        opens_at=question.opens_at,
        deadline=question.deadline,
        grace=max(leaf.grace for leaf in leaves),
        max_lag=max(leaf.max_lag for leaf in leaves),
        closes_at=step.closes_at if step else None,
        resting_since=max(step.decided_at, question.deadline) if step and step.state == "confirmed" else None,
    )


def _rested(session: Session, question: Question, now: datetime) -> bool:
    """Whether a confirmed question is no longer watched."""
    watch = watch_of(session, question)
    return watch.resting_since is not None and now >= watch.resting_since + watch.max_lag


def _keep_verdict(tx: Transaction, question: Question, check: Check, verdict: Verdict) -> None:
    """Append the verdict when it says something new."""
    last = tx.session.exec(
        select(VerdictRow).where(VerdictRow.question_id == question.id).order_by(col(VerdictRow.id).desc())
    ).first()
    row = VerdictRow(
        question_id=question.id,
        check_id=check.id,
        value=verdict.value,
        reason=verdict.reason,
        occurred_at=verdict.occurred.start if verdict.occurred else None,
        occurred_until=verdict.occurred.end if verdict.occurred else None,
        knowable_at=verdict.knowable_at,
        needs_person=verdict.needs_person,
        rev=tx.rev,
    )
    if last is None or _gist(last) != _gist(row):
        tx.append(row)


def _gist(row: VerdictRow) -> tuple[object, ...]:
    return row.value, row.occurred_at, row.occurred_until, row.needs_person


def _may_propose(session: Session, ruling: Ruling) -> bool:
    """Whether a registered ruling is to be proposed: the question is open to it and it was not taken back."""
    question = session.get_one(Question, ruling.question_id)
    step = resolving.current_step(session, question)
    if resolving.state_of(step) != "open" or resolving.condition_status(session, question) == "failed":
        return False
    if step is not None and step.rule != resolving.CONDITION_RULE:
        return False
    if not criteria.event_leaves(criteria.load(question.criterion)):
        return True
    last = session.exec(
        select(VerdictRow).where(VerdictRow.question_id == question.id).order_by(col(VerdictRow.id).desc())
    ).first()
    return last is not None and last.needs_person
