"""One pair of hands: checks what is due, settles what is ripe. Any number may work on one database.

A result is written in one transaction with "done", guarded by the token of the lease: whoever lost the lease
writes nothing, and a worker killed at any instant leaves the resource to the next.
"""

import bisect
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from forecasts import criteria, registry, resolving
from forecasts.criteria import SourceLeaf, StateLeaf
from forecasts.decide import Reading, Verdict, Window, covers, decide
from forecasts.errors import CalleditError, RedactedError, UnavailableError
from forecasts.evidence import archive, retrieve
from forecasts.model import ActorKind, Fetcher, Observation, Request, Response, SourceCatalogue, iso
from forecasts.redacting import redaction_of
from forecasts.registering import interval_of, public_id
from forecasts.store import Store, Transaction
from forecasts.tables import (
    Actor,
    Check,
    Question,
    Redaction,
    Resolution,
    Resource,
    Revision,
    Ruling,
)
from forecasts.tables import Verdict as VerdictRow
from jobs import alarms, due
from jobs.board import Board, closed_proposals, deciding_check, last_sound, newest_sound, resources_of
from jobs.fetches import Fetches
from jobs.observed import as_checked, trusted
from jobs.sources import late_rows

ADAPTER = "calledit"
SKEW = timedelta(minutes=5)
REMEMBERED = 256  # observations that need not be read from the archive again
POLL = 1.0  # seconds after which a round with fetches under way looks for more that is due
Told = Callable[[Question, Check, Verdict], None]  # hears what a criterion says at each check
News = Callable[[Resource, datetime], datetime | None]  # when a resource is known to say something new


@dataclass(frozen=True, slots=True)
class _Job:
    """One leased resource, and the newest sound check of it whose bytes are there."""

    lease: due.Lease
    resource: Resource
    last: Check | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one fetch came to: when it was asked for, what was read, and the hash of the body if it is archived.

    `last` is the sound check before it; `trusted_from` is as in `Check`.
    """

    asked_at: datetime
    observation: Observation
    response: Response
    evidence_sha256: str | None
    content_type: str
    etag: str | None
    last_modified: str | None
    last: Check | None
    trusted_from: datetime | None
    late_rows: int


class Worker:
    """Checks and settles on one store, with one fetcher.

    With `parallel` above 1, that many fetches are under way at a time, and answers are written as they come;
    with 1, a batch at a time and in its order, which a replay needs.
    """

    def __init__(
        self,
        store: Store,
        catalogue: SourceCatalogue,
        fetcher: Fetcher,
        *,
        dispute_window: timedelta,
        parallel: int = 1,
        lease: timedelta = due.LEASE,
        told: Told | None = None,
        news: News = lambda _resource, _now: None,
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.fetcher = fetcher
        self.dispute_window = dispute_window
        self.told = told
        self.news = news
        self.parallel = parallel
        self.lease = lease
        self._name = secrets.token_hex(8)
        self._held: dict[int, due.Lease] = {}
        self._broken_off = False
        self._stop_by: float | None = None
        self.abandoned = False
        self._parsed: dict[tuple[object, ...], Observation] = {}
        self._parsing = threading.Lock()

    def stop(self, seconds: float) -> None:
        """Have the running rounds end, within `seconds`: what is not fetched by then is left to others."""
        self._stop_by = time.monotonic() + seconds

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop_by is not None

    # -- checking --------------------------------------------------------------------------------------------

    def check_round(self) -> int:
        """Check every resource that is due now; return how many checks were written.

        A resource that cannot be checked at all keeps its lease until that ends, so that the others have
        their turn; what went wrong is raised when they had it. A round that the database broke off gives
        back first what it could not write.
        """
        if self._broken_off:
            due.release_all(self.store, self._name)
            self._held.clear()
            self._broken_off = False
        fetches: Fetches[_Job, _Answer | datetime] = Fetches(self.parallel)
        written, troubles, claim_at, more = 0, list[BaseException](), 0.0, False
        try:
            while not self._out_of_time():
                if not self.stopping and len(fetches) <= due.BATCH // 2 and time.monotonic() >= claim_at:
                    room = due.BATCH - len(fetches)
                    jobs, more = self._take(room)
                    fetches.begin(self._ask, jobs)
                    claim_at = 0.0 if more else time.monotonic() + POLL
                if not fetches:
                    if more and not self.stopping:
                        continue
                    break
                if self.stopping:
                    fetches.call_off()
                answered, failures = fetches.finished(POLL)
                self._put_off([(job, answer) for job, answer in answered if isinstance(answer, datetime)])
                written += self._keep(
                    [(job, answer) for job, answer in answered if isinstance(answer, _Answer)], troubles
                )
                for job, error in failures:
                    self._held.pop(job.lease.resource_id, None)
                    troubles.append(error)
            if self.stopping:
                self._give_back()
        except UnavailableError:
            self._broken_off = True
            raise
        finally:
            self.abandoned = fetches.abandon()
        if troubles:
            raise troubles[0]
        return written

    def _out_of_time(self) -> bool:
        return self._stop_by is not None and time.monotonic() >= self._stop_by

    def _give_back(self) -> None:
        due.release(self.store, self._held.values())
        self._held.clear()

    def _take(self, room: int) -> tuple[list[_Job], bool]:
        """Lease what is due and read what is known of it; return also whether more may be due."""
        leases = due.claim(self.store, limit=room, lease=self.lease, holder=self._name)
        self._held |= {lease.resource_id: lease for lease in leases}
        with self.store.read() as session:
            ids = [lease.resource_id for lease in leases]
            resources = {row.id: row for row in session.exec(select(Resource).where(col(Resource.id).in_(ids)))}
            last = newest_sound(session, ids)
            hashes = [check.evidence_sha256 for check in last.values()]
            evidence = select(Redaction.target).where(Redaction.kind == "evidence")
            blanked = session.exec(evidence.where(col(Redaction.target).in_(hashes))).all()
            # What was blanked cannot be gone back to: ask as if for the first time.
            last = {key: check for key, check in last.items() if check.evidence_sha256 not in blanked}
        jobs = [_Job(lease, resources[lease.resource_id], last.get(lease.resource_id)) for lease in leases]
        return jobs, len(leases) == room

    def _put_off(self, early: Sequence[tuple[_Job, datetime]]) -> None:
        """Have a resource due again when its host may be asked."""
        due.postpone(self.store, {job.lease: instant for job, instant in early})
        for job, _ in early:
            self._held.pop(job.lease.resource_id, None)

    def _ready_at(self, resource: Resource) -> datetime | None:
        """Return when to come back where the host of a resource is not to be asked now."""
        now = self.store.clock.now()
        query = criteria.load_query(resource.query)
        request = self.catalogue.get(resource.source).request(query, as_of=now, previous=None)
        return self.fetcher.ready_at(request.location, now)

    def _keep(self, answered: Sequence[tuple[_Job, _Answer]], troubles: list[BaseException]) -> int:
        """Write what follows from some answers in one transaction; return how many checks were written.

        Where that fails on one of them, they are written one by one: what cannot be written keeps its lease.
        Raises `UnavailableError` while the database is away.
        """
        if not answered:
            return 0
        try:
            written = self._write(answered)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it must not keep the others from being written)
            if len(answered) > 1:
                return sum(self._keep([one], troubles) for one in answered)
            troubles.append(error)
            written = 0
        for job, _ in answered:
            self._held.pop(job.lease.resource_id, None)
        return written

    def _write(self, answered: Sequence[tuple[_Job, _Answer]]) -> int:
        by_resource = {job.lease.resource_id: (job.lease, answer) for job, answer in answered}
        with self.store.write(actor=ADAPTER, kind="adapter", action="check") as tx:
            rows = tx.session.exec(select(Resource).where(col(Resource.id).in_(by_resource))).all()
            held = {row.id: row for row in rows if row.lease_token == by_resource[row.id][0].token}
            if not held:
                tx.discard()
                return 0
            board = Board(tx.session, list(held.values()))
            written = [
                (held[resource_id], self._write_check(tx, board, held[resource_id], lease, answer), answer)
                for resource_id, (lease, answer) in by_resource.items()
                if resource_id in held
            ]
            tx.session.flush()
            for resource, check, answer in written:
                if check.sound:
                    self._remember(check, answer.observation)
                    self._evaluate(tx, board, resource, check)
                self._schedule(tx, board, resource, check, answer.response)
        return len(written)

    def _schedule(
        self, tx: Transaction, board: Board, resource: Resource, check: Check, response: Response
    ) -> None:
        """Say when a resource that has been checked is due again, and give back its lease."""
        now, date = tx.now, response.date
        if check.status == "skewed" and date is not None:  # perhaps it is our clock that is ahead
            now = min(now, max(date, check.due_at))
        again = due.next_due(resource.public_id, map(board.watch, board.questions(resource)), now)
        if again is not None and check.alarm is not None:
            again = min(again, tx.now + alarms.LOOK_AGAIN)
        news = self.news(resource, tx.now)
        if again is not None and news is not None:
            again = min(again, news)
        if again is not None and response.retry_after:
            again = max(again, check.checked_at + timedelta(seconds=response.retry_after))
        resource.next_due = again
        if again is None or again > tx.now:  # else the lease keeps it from being asked at once
            resource.lease_token = resource.lease_until = None
        tx.session.add(resource)

    def _ask(self, job: _Job) -> _Answer | datetime:
        """Fetch one resource, outside any transaction, and read what came back.

        Where its host is not to be asked now, return instead when to come back.
        """
        resource, last = job.resource, job.last
        ready_at = self._ready_at(resource)
        if ready_at is not None:
            return ready_at
        with self.store.read() as session:
            previous = self._observe(session, last) if last else None
        source = self.catalogue.get(resource.source)
        query = criteria.load_query(resource.query)
        now = self.store.clock.now()
        request = source.request(query, as_of=now, previous=previous)
        if last is not None:
            request = Request(request.location, last.etag, last.last_modified)
        response = self.fetcher.fetch(request)
        body, content_type, known = response.body, response.content_type, None
        etag, last_modified = response.etag, response.last_modified
        failure = unusable(response, now)
        if failure is None and response.status == 304:
            if last is None or last.evidence_sha256 is None or (last.etag, last.last_modified) == (None, None):
                failure = Observation("error", problems=("the source answered 304 to an unconditional request",))
            else:
                etag, last_modified = etag or last.etag, last_modified or last.last_modified
                known, content_type = last.evidence_sha256, last.content_type or ""
                with self.store.read() as session:
                    body, _ = retrieve(session, known)
        observation = failure or source.parse(
            body, query=query, content_type=content_type, fetched_at=now, previous=previous
        )
        if observation.watermark is not None and response.age:  # a copy says nothing of what came after it
            as_of = now - timedelta(seconds=response.age)
            observation = replace(observation, watermark=min(observation.watermark, as_of))
        trusted_from, late = None, 0
        if last is not None and previous is not None and observation.status == "ok":
            observation, trusted_from = self._after_loss(last, observation, now)
            late = late_rows(previous, observation) if known is None else 0
        return _Answer(
            now, observation, response, known, content_type, etag, last_modified, last, trusted_from, late
        )

    def _after_loss(
        self, last: Check, observation: Observation, now: datetime
    ) -> tuple[Observation, datetime | None]:
        """Trust a source again that has stayed smaller, but from now on: it may have lost anything before."""
        rows = len(observation.events)
        with self.store.read() as session:
            if observation.shrunken:
                if not alarms.stayed_smaller(session, last, rows, now):
                    return observation, None
                stays = f"it has been smaller since the check of {iso(last.checked_at)} and is trusted from now on"
                problems = (*observation.problems, stays)
                return trusted(replace(observation, shrunken=False, problems=problems), now), now
            if last.trusted_from is None or alarms.regained(session, last, rows):
                return observation, None
            return trusted(observation, last.trusted_from), last.trusted_from

    def _write_check(
        self, tx: Transaction, board: Board, resource: Resource, lease: due.Lease, answer: _Answer
    ) -> Check:
        observation, response = answer.observation, answer.response
        alarm = alarms.alarm_of(
            observation,
            query=criteria.load_query(resource.query),
            checked_at=answer.asked_at,
            rows_before=(answer.last.rows if answer.last else None) or 0,
            max_lag=board.max_lag(resource, tx.now),
        )
        problems = observation.problems
        if alarm == "lagging" and observation.watermark is not None:
            problems = (*problems, f"the source is complete only to {iso(observation.watermark)}, so it lags")
        sha256 = answer.evidence_sha256
        if sha256 is None and response.body:
            sha256 = archive(tx, response.body, answer.content_type)
        check = Check(
            public_id=public_id("c", resource.public_id, iso(lease.due_at)),
            resource_id=resource.id,
            due_at=lease.due_at,
            checked_at=answer.asked_at,
            status=observation.status,
            sound=observation.sound,
            problem="; ".join(problems) or None,
            http_status=response.status,
            evidence_sha256=sha256,
            content_type=answer.content_type or None,
            etag=answer.etag,
            last_modified=answer.last_modified,
            headers=_headers(tx, response, sha256),
            source_version=self.catalogue.get(resource.source).version,
            watermark=observation.watermark,
            rows=len(observation.events) if observation.status == "ok" else None,
            alarm=alarm,
            trusted_from=answer.trusted_from,
            late_rows=answer.late_rows if observation.sound else None,
            rev=tx.rev,
        )
        tx.add(check)
        return check

    def _evaluate(self, tx: Transaction, board: Board, resource: Resource, check: Check) -> None:
        """Evaluate every question that reads the resource, in a fixed order."""
        for question in board.questions(resource):
            if tx.now < question.opens_at or board.rests(question, tx.now):
                continue
            before = board.steps.get(question.id)
            try:
                verdict = self._decide(board, question, tx.now)
            except RedactedError as error:  # an answer it needs was blanked and not fetched again
                if resolving.state_of(before) == "proposed":  # so that it is not taken for decided again
                    board.keep_verdict(tx, question, check, Verdict("unknown", str(error)))
                continue
            board.keep_verdict(tx, question, check, verdict)
            if self.told is not None:
                self.told(question, check, verdict)
            closes_at = tx.now + self.dispute_window
            step = resolving.apply_verdict(tx, question, before, verdict, check, closes_at=closes_at)
            if step is not None and resolving.state_of(before) == "open":
                board.steps[question.id] = step  # a first proposal moves nothing else
            elif step is not None:  # and whatever hangs on the question has followed it
                board.read_steps()

    def _decide(self, board: Board, question: Question, now: datetime) -> Verdict:
        """Return what the criterion says; raise `RedactedError` where the bytes it needs were blanked."""
        parent = board.parents[question.condition_id] if question.condition_id else None
        window = resolving.effective_window(question, parent, board.steps.get(parent.id) if parent else None)
        if window is None:
            return Verdict("unknown", "the condition has not been met")
        if window.opens_at >= window.deadline:
            return Verdict("unknown", "the condition was met only after the deadline", needs_person=True)
        criterion = criteria.load(question.criterion)
        readings = {}
        for leaf in criteria.source_leaves(criterion):
            sound = board.sound_checks(leaf.resource, leaf.min_checks)
            reading = self._read(board, question, sound)
            if reading is None:
                continue
            reading = replace(reading, alarm=board.alarmed(sound[0]))
            if reading.alarm or not covers(leaf, window, reading.observation):
                reading = replace(reading, earlier=self._earlier(board, question, leaf, window))
            readings[leaf.resource] = reading
        return decide(criterion, window, readings, now)

    def _read(self, board: Board, question: Question, sound: Sequence[Check]) -> Reading | None:
        """Return the reading at the newest of some sound checks, as far as they came after the opening."""
        since = [found for found in sound if found.checked_at >= question.opens_at]
        if not since:
            return None
        observation = self._observe(board.session, since[0])
        return Reading(observation, since[0].checked_at, len(since), alarm=since[0].alarm is not None)

    def _earlier(self, board: Board, question: Question, leaf: SourceLeaf, window: Window) -> Reading | None:
        """Return the reading that says what the newest one does not.

        Of a state that has changed since the deadline: the newest that covers it. Otherwise the one on which the
        question was decided.
        """

        def fails(check: Check) -> bool:
            return not covers(leaf, window, self._observe(board.session, check))

        checks = board.checks_past(leaf.resource, window.deadline) if isinstance(leaf, StateLeaf) else []
        if checks and fails(checks[-1]):
            # What has changed stays changed: the checks that cover the deadline come before those that do not.
            covering = bisect.bisect_left(checks, True, key=fails)
            return self._read(board, question, checks[:covering][-1:])
        step = board.steps.get(question.id)
        if step is None or step.state not in ("proposed", "confirmed") or step.rule != resolving.CRITERION_RULE:
            return None
        decided_by = resolving.proposal_before(board.session, step).check_id
        return self._read(board, question, board.sound_checks(leaf.resource, leaf.min_checks, until=decided_by))

    def _observe(self, session: Session, check: Check) -> Observation:
        """Read a sound check's archived bytes again, unless they were read just now."""
        if check.evidence_sha256 is None:
            raise AssertionError("a sound check has evidence")
        known = self._parsed.get(_reading_key(check))
        if known is not None:
            return known
        resource = session.get_one(Resource, check.resource_id)
        body, _ = retrieve(session, check.evidence_sha256)
        observation = self.catalogue.get(resource.source).parse(
            body,
            query=criteria.load_query(resource.query),
            content_type=check.content_type or "",
            fetched_at=check.checked_at,
            previous=None,
        )
        return self._remember(check, as_checked(observation, check))

    def _remember(self, check: Check, observation: Observation) -> Observation:
        """Keep what was read, for as long as there is room."""
        with self._parsing:
            self._parsed[_reading_key(check)] = observation
            while len(self._parsed) > REMEMBERED:
                del self._parsed[next(iter(self._parsed))]
        return observation

    # -- settling --------------------------------------------------------------------------------------------

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
                if self._stop_by is not None:
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


def _reading_key(check: Check) -> tuple[object, ...]:
    """Return what an observation follows from: never the row id, which a transaction rolled back gives away."""
    return check.resource_id, check.evidence_sha256, check.checked_at, check.trusted_from


def unusable(response: Response, now: datetime) -> Observation | None:
    """Return the observation for an answer that cannot be read at all."""
    if response.problem is not None:
        return Observation("error", problems=(response.problem,))
    if response.status in (429, 503):
        wait = f", asking to wait {response.retry_after:g} s" if response.retry_after else ""
        return Observation("throttled", problems=(f"the source answered {response.status}{wait}",))
    if response.status not in (200, 304):
        return Observation("error", problems=(f"the source answered {response.status}",))
    age = timedelta(seconds=response.age)  # some caches send the Date of what they keep, others that of today
    if response.date is not None and not -SKEW <= now - response.date <= age + SKEW:
        return Observation("skewed", problems=(f"the source's clock says {iso(response.date)}",))
    return None


def _headers(tx: Transaction, response: Response, sha256: str | None) -> str | None:
    """Return the headers to keep; none of an answer that was redacted, whoever sends it again."""
    if not response.headers or (sha256 and redaction_of(tx.session, "evidence", sha256)):
        return None
    return criteria.canonical_json(response.headers).decode()


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


def _latest_verdict(session: Session, question_id: int) -> VerdictRow | None:
    return session.exec(
        select(VerdictRow)
        .where(VerdictRow.question_id == question_id)
        .order_by(col(VerdictRow.id).desc())
        .limit(1)
    ).first()
