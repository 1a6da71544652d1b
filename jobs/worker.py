"""One pair of hands: checks what is due, settles what is ripe. Any number may work on one database.

A result is written in one transaction with "done", guarded by the token of the lease: whoever lost the lease
writes nothing, and a worker killed at any instant leaves the resource to the next.
"""

import bisect
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from forecasts import criteria, resolving
from forecasts.criteria import SourceLeaf, StateLeaf
from forecasts.decide import Reading, Verdict, Window, covers, decide
from forecasts.errors import RedactedError, UnavailableError
from forecasts.evidence import Packed, archive_packed, pack, retrieve
from forecasts.model import Fetcher, Observation, Request, Response, SourceCatalogue, iso
from forecasts.registering import public_id
from forecasts.store import Store, Transaction
from forecasts.tables import Check, Question
from jobs import alarms, due
from jobs.board import (
    Asked,
    Board,
    Place,
    Seen,
    believed_at,
    checks_of,
    misdated,
    newest_sound,
    places,
    redacted,
    sizes,
    tokens,
    wake_misdated,
)
from jobs.clocks import UNVOUCHED, Voucher
from jobs.fetches import Fetches, Gate
from jobs.observed import newest_row, trusted
from jobs.observing import LARGE, Observations
from jobs.settling import ADAPTER, Settler
from jobs.sources import late_rows

SKEW = timedelta(minutes=5)
SMALL = 16_000  # bytes of a body that is read with others, in the thread that writes
POLL = 1.0  # seconds after which a round with fetches under way looks for more that is due
Told = Callable[[Asked, Seen, Verdict], None]  # hears what a criterion says at each check
News = Callable[[Place, datetime], datetime | None]  # when a resource is known to say something new


@dataclass(frozen=True, slots=True)
class _Job:
    """One leased resource, and the newest sound check of it whose bytes are there, of which there are `size`."""

    lease: due.Lease
    resource: Place
    query: dict[str, Any]
    last: Seen | None
    size: int


@dataclass(frozen=True, slots=True)
class _Unread:
    """What came back for one resource that was asked for at an instant: small enough to be read with others."""

    asked_at: datetime
    response: Response


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one fetch came to: when it was asked for, what was read, and the hash of the body if there is one.

    `packed` is the body where it is not archived yet, `size` its size and `large` whether it is held at the gate;
    `last` is the sound check before it; `trusted_from` is as in `Check`.
    """

    asked_at: datetime
    observation: Observation
    response: Response
    evidence_sha256: str | None
    packed: Packed | None
    size: int
    large: bool
    content_type: str
    etag: str | None
    last_modified: str | None
    last: Seen | None
    trusted_from: datetime | None
    late_rows: int


_CameBack = _Answer | _Unread | datetime  # or when its host may be asked


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
        batch: int = due.BATCH,
        lease: timedelta = due.LEASE,
        told: Told | None = None,
        news: News = lambda _resource, _now: None,
        clock_seen: datetime | None = None,
    ) -> None:
        self.store = store
        self.catalogue = catalogue
        self.fetcher = fetcher
        self.dispute_window = dispute_window
        self.told = told
        self.news = news
        self.parallel = parallel
        self.batch = batch
        self.lease = lease
        self.settler = Settler(store, dispute_window=dispute_window, stopping=lambda: self.stopping)
        self._name = secrets.token_hex(8)
        self._held: dict[int, due.Lease] = {}
        self._renew_at = store.clock.now()
        self._broken_off = False
        self._stop_by: float | None = None
        self.abandoned = False
        self._observations = Observations(catalogue)
        self._voucher = Voucher(dispute_window, seen=clock_seen)

    def stop(self, seconds: float) -> None:
        """Have the running rounds end, within `seconds`: what is not fetched by then is left to others."""
        self._stop_by = time.monotonic() + seconds

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop_by is not None

    def settle_round(self) -> int:
        """Propose the rulings that could be known by now, and confirm what is ripe; return the steps taken."""
        return self.settler.settle_round()

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
        fetches: Fetches[_Job, _CameBack] = Fetches(self.parallel)

        def ask(job: _Job) -> _CameBack:
            return self._ask(job, fetches.gate)

        written, troubles, claim_at, more = 0, list[BaseException](), 0.0, False
        self._renew_at = self.store.clock.now() + self.lease / 2
        self._wake_misdated()
        try:
            while not self._out_of_time():
                if not self.stopping and len(fetches) <= self.batch // 2 and time.monotonic() >= claim_at:
                    room = self.batch - len(fetches)
                    jobs, more = self._take(room)
                    fetches.begin(ask, jobs)
                    claim_at = 0.0 if more else time.monotonic() + POLL
                self._renew()
                if not fetches:
                    if more and not self.stopping:
                        continue
                    break
                if self.stopping:
                    fetches.call_off()
                written += self._take_in(fetches, troubles)
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

    def _renew(self) -> None:
        """Keep what is held from being taken over by others while we live."""
        now = self.store.clock.now()
        if now >= self._renew_at:
            due.renew(self.store, self._held.values(), self.lease)
            self._renew_at = now + self.lease / 2

    def _take_in(self, fetches: Fetches[_Job, _CameBack], troubles: list[BaseException]) -> int:
        """Read and write what has been answered; return how many checks were written.

        What is small is read together here, and all of it written together: a step at a time for many costs much
        less than each in turn.
        """
        answered, failures = fetches.finished(POLL)
        self._put_off([(job, answer) for job, answer in answered if isinstance(answer, datetime)])
        checked = []
        for job, answer in answered:
            self._renew()
            if self._out_of_time():
                break
            try:
                if isinstance(answer, _Unread):
                    checked.append((job, self._read_answer(job, answer.asked_at, answer.response)))
                elif isinstance(answer, _Answer):
                    checked.append((job, answer))
            except UnavailableError:
                raise
            except Exception as trouble:  # noqa: BLE001  (whatever it is, it must not keep the others from being read)
                failures.append((job, trouble))
        written = self._keep(checked, troubles)
        if any(answer.large for _, answer in checked):
            fetches.gate.leave()
        for job, error in failures:
            self._held.pop(job.lease.resource_id, None)
            troubles.append(error)
        return written

    def _wake_misdated(self) -> None:
        """Have due again what a clock that was ahead put off until long after it was put right."""
        now = self.store.clock.now()
        with self.store.read() as session:
            if not misdated(session, now):
                return
        with self.store.queue() as session:
            wake_misdated(session, now)

    def _out_of_time(self) -> bool:
        return self._stop_by is not None and time.monotonic() >= self._stop_by

    def _give_back(self) -> None:
        due.release(self.store, self._held.values())
        self._held.clear()

    def _take(self, room: int) -> tuple[list[_Job], bool]:
        """Lease what is due and read what is known of it; return also whether more may be due."""
        leases = due.claim(self.store, limit=room, lease=self.lease, holder=self._name)
        self._held |= {lease.resource_id: lease for lease in leases}
        ids = [lease.resource_id for lease in leases]
        with self.store.read() as session:
            resources = places(session, ids)
            last = newest_sound(session, ids)
            hashes = [check.evidence_sha256 for check in last.values()]
            size_of: dict[str | None, int] = sizes(session, hashes)
            # What was blanked cannot be gone back to: ask as if for the first time.
            blanked = redacted(session, size_of)
            last = {key: check for key, check in last.items() if check.evidence_sha256 not in blanked}
        jobs = []
        for lease in leases:
            before = last.get(lease.resource_id)
            size = size_of[before.evidence_sha256] if before else 0
            place = resources[lease.resource_id]
            jobs.append(_Job(lease, place, criteria.load_query(place.query), before, size))
        return jobs, len(leases) == room

    def _put_off(self, early: Sequence[tuple[_Job, datetime]]) -> None:
        """Have a resource due again when its host may be asked."""
        due.postpone(self.store, {job.lease: instant for job, instant in early})
        for job, _ in early:
            self._held.pop(job.lease.resource_id, None)

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
        with self.store.write(actor=ADAPTER, kind="adapter", action="check") as tx:
            held = _held_still(tx.session, answered)
            if not held:
                tx.discard()
                return 0
            board = Board(tx.session, [job.resource for job, _ in held])
            checks = self._write_checks(tx, board, held)
            sound = [
                (job, answer, check)
                for (job, answer), check in zip(held, checks, strict=True)
                if answer.observation.sound
            ]
            with self._observations.at_hand(
                (check, answer.observation, answer.size) for _, answer, check in sound
            ):
                for job, _, check in sound:
                    self._evaluate(tx, board, job.resource, check)
            for _, answer, _ in sound:
                self._voucher.hear(answer.asked_at)
            board.write_verdicts(tx)
            tx.session.flush()  # what was reopened is due again: that is written before what is said here
            places = [
                self._place_of(tx, board, job, answer, check.alarm is not None)
                for (job, answer), check in zip(held, checks, strict=True)
            ]
            due.requeue(tx.session, places)
        return len(held)

    def _place_of(
        self, tx: Transaction, board: Board, job: _Job, answer: _Answer, alarm: bool
    ) -> tuple[int, datetime | None, str | None, datetime | None]:
        """Say when a resource that has been checked is due again, and give back its lease."""
        resource, now, date = job.resource, tx.now, answer.response.date
        if answer.observation.status == "skewed" and date is not None:  # perhaps it is our clock that is ahead
            now = min(now, max(date, job.lease.due_at))
        again = due.next_due(resource.public_id, map(board.watch, board.questions(resource)), now)
        if again is not None and alarm:
            again = min(again, tx.now + alarms.LOOK_AGAIN)
        news = self.news(resource, tx.now)
        if again is not None and news is not None:
            again = min(again, news)
        if again is not None and answer.observation.status == "skewed" and date is None:
            again = min(again, tx.now + due.SHORTEST)  # another source may have vouched for our clock by then
        if again is not None and answer.response.retry_after:
            again = max(again, answer.asked_at + timedelta(seconds=answer.response.retry_after))
        if again is None or again > tx.now:
            return resource.id, again, None, None
        return resource.id, again, job.lease.token, tx.now + self.lease  # which keeps it from being asked at once

    def _ask(self, job: _Job, gate: Gate) -> _CameBack:
        """Fetch one resource, outside any transaction, and read what came back unless it is small.

        Where its host is not to be asked now, return instead when to come back. Of large answers no two are
        read at a time: the gate is left when what was read is written.
        """
        resource, last, now = job.resource, job.last, self.store.clock.now()
        request = self.catalogue.get(resource.source).request(job.query, as_of=now, previous=None)
        ready_at = self.fetcher.ready_at(request.location, now)
        if ready_at is not None:
            return ready_at
        if last is not None:
            request = Request(request.location, last.etag, last.last_modified)
        response = self.fetcher.fetch(request)
        size = max(len(response.body), job.size)
        if size <= SMALL:
            return _Unread(now, response)
        if size <= LARGE:
            return self._read_answer(job, now, response)
        gate.enter()
        try:
            return replace(self._read_answer(job, now, response), large=True)
        except BaseException:
            gate.leave()
            raise

    def _read_answer(self, job: _Job, now: datetime, response: Response) -> _Answer:
        resource, last, body, content_type = job.resource, job.last, response.body, response.content_type
        sha256 = hashlib.sha256(body).hexdigest() if body else None
        etag, last_modified = response.etag, response.last_modified
        failure, unchanged = unusable(response, now), False
        if failure is None and response.status == 304:
            if last is None or last.evidence_sha256 is None or (last.etag, last.last_modified) == (None, None):
                failure = Observation("error", problems=("the source answered 304 to an unconditional request",))
            else:
                etag, last_modified = etag or last.etag, last_modified or last.last_modified
                sha256, content_type, unchanged = last.evidence_sha256, last.content_type or "", True
                with self.store.read() as session:
                    body, _ = retrieve(session, sha256)
        archived = unchanged or sha256 is None or (last is not None and sha256 == last.evidence_sha256)
        packed = None if archived else pack(body, content_type, sha256)
        trusted_from, late = None, 0
        if failure is not None:
            observation = failure
        else:
            previous = None
            if last is not None:
                previous = self._observations.known(last)
                if previous is None:
                    with self.store.read() as session:
                        previous = self._observations.of(session, last)
            observation = self.catalogue.get(resource.source).parse(
                body, query=job.query, content_type=content_type, fetched_at=now, previous=previous
            )
            if observation.watermark is not None and response.age:  # a copy says nothing of what came after it
                as_of = now - timedelta(seconds=response.age)
                observation = replace(observation, watermark=min(observation.watermark, as_of))
            if observation.status == "ok":
                observation = self._unbelieved(response, observation, now) or observation
            if last is not None and previous is not None and observation.status == "ok":
                observation, trusted_from = self._after_loss(last, observation, now)
                late = 0 if archived else late_rows(previous, observation)
        return _Answer(
            asked_at=now,
            observation=observation,
            response=replace(response, body=b""),
            evidence_sha256=sha256,
            packed=packed,
            size=len(body),
            large=False,
            content_type=content_type,
            etag=etag,
            last_modified=last_modified,
            last=last,
            trusted_from=trusted_from,
            late_rows=late,
        )

    def _unbelieved(self, response: Response, observation: Observation, now: datetime) -> Observation | None:
        """Return the observation for an answer that does not tell the time, where our clock may be wrong."""
        if response.date is not None or self.store.run_id is not None or self._voucher.vouches(now):
            return None
        with self.store.read() as session:
            known = believed_at(session)
        for instant in (known and min(known, now), newest_row(observation, now)):
            if instant is not None:
                self._voucher.hear(instant)
        if self._voucher.vouches(now):
            return None
        since = f", and the newest sound check is of {iso(known)}" if known is not None else ""
        return Observation(
            "skewed",
            problems=(
                f"{UNVOUCHED}: it says {iso(now)}{since}; this source tells neither the time nor of anything as "
                f"new; look at the clock, and where it is right, restart with CALLEDIT_CLOCK_SEEN={iso(now)}",
            ),
        )

    def _after_loss(
        self, last: Seen, observation: Observation, now: datetime
    ) -> tuple[Observation, datetime | None]:
        """Trust a source again that has stayed smaller, but from now on: it may have lost anything before."""
        rows = len(observation.events)
        if not observation.shrunken and last.trusted_from is None:
            return observation, None
        with self.store.read() as session:
            if observation.shrunken:
                if not alarms.stayed_smaller(session, last, rows, now):
                    return observation, None
                stays = f"it has been smaller since the check of {iso(last.checked_at)} and is trusted from now on"
                problems = (*observation.problems, stays)
                return trusted(replace(observation, shrunken=False, problems=problems), now), now
            if alarms.regained(session, last, rows):
                return observation, None
            return trusted(observation, last.trusted_from), last.trusted_from

    def _write_checks(self, tx: Transaction, board: Board, answered: Sequence[tuple[_Job, _Answer]]) -> list[Seen]:
        """Write the checks and the evidence they rest on; return them in the order of the answers."""
        archive_packed(tx, [answer.packed for _, answer in answered if answer.packed is not None])
        blanked = redacted(tx.session, [answer.evidence_sha256 for _, answer in answered])
        rows = [self._check(board, job, answer, tx.now, blanked) for job, answer in answered]
        tx.insert(Check, rows)
        ids = checks_of(tx.session, tx.rev)
        known = {"rev": tx.rev}
        return [
            Seen(**{name: (row | known)[name] for name in Seen._fields[1:]}, id=ids[row["public_id"]])
            for row in rows
        ]

    def _check(
        self, board: Board, job: _Job, answer: _Answer, now: datetime, blanked: Container[str | None]
    ) -> dict[str, Any]:
        """Return the row of one check; no headers are kept of an answer that was redacted, whoever sends it."""
        observation, response, resource = answer.observation, answer.response, job.resource
        untold = observation.sound and observation.watermark is None and "watermark" in job.query
        since = alarms.untold_since(board.session, resource.id) if untold else None
        alarm, problems = (
            alarms.alarm_of(
                observation,
                query=job.query,
                checked_at=answer.asked_at,
                rows_before=(answer.last.rows if answer.last else None) or 0,
                max_lag=board.max_lag(resource, now),
                untold_since=since,
            ),
            observation.problems,
        )
        if alarm == "lagging" and observation.watermark is not None:
            problems = (*problems, f"the source is complete only to {iso(observation.watermark)}, so it lags")
        elif alarm == "lagging" and since is not None:
            told = f"the source has not told since {iso(since)} how far it is complete, so it counts as lagging"
            problems = (*problems, told)
        shown = response.headers and answer.evidence_sha256 not in blanked
        return {
            "public_id": public_id("c", resource.public_id, iso(job.lease.due_at)),
            "resource_id": resource.id,
            "due_at": job.lease.due_at,
            "checked_at": answer.asked_at,
            "status": observation.status,
            "sound": observation.sound,
            "problem": "; ".join(problems) or None,
            "http_status": response.status,
            "evidence_sha256": answer.evidence_sha256,
            "content_type": answer.content_type or None,
            "etag": answer.etag,
            "last_modified": answer.last_modified,
            "headers": json.dumps(response.headers, ensure_ascii=False, separators=(",", ":")) if shown else None,
            "source_version": self.catalogue.get(resource.source).version,
            "watermark": observation.watermark,
            "rows": len(observation.events) if observation.status == "ok" else None,
            "alarm": alarm,
            "trusted_from": answer.trusted_from,
            "late_rows": answer.late_rows if observation.sound else None,
        }

    def _evaluate(self, tx: Transaction, board: Board, resource: Place, check: Seen) -> None:
        """Evaluate every question that reads the resource, in a fixed order."""
        for question in board.questions(resource):
            if tx.now < question.opens_at or board.rests(question, tx.now):
                continue
            before = board.steps.get(question.id)
            try:
                verdict = self._decide(board, question, tx.now)
            except RedactedError as error:  # an answer it needs was blanked and not fetched again
                if resolving.state_of(before) == "proposed":  # so that it is not taken for decided again
                    board.keep_verdict(question, check, Verdict("unknown", str(error)))
                continue
            board.keep_verdict(question, check, verdict)
            if self.told is not None:
                self.told(question, check, verdict)
            if not resolving.is_moved(before, verdict):
                continue
            row, closes_at = tx.session.get_one(Question, question.id), tx.now + self.dispute_window
            step = resolving.apply_verdict(tx, row, before, verdict, check, closes_at=closes_at)
            if step is not None and resolving.state_of(before) == "open":
                board.steps[question.id] = step  # a first proposal moves nothing else
            elif step is not None:  # and whatever hangs on the question has followed it
                board.read_steps()

    def _decide(self, board: Board, question: Asked, now: datetime) -> Verdict:
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

    def _read(self, board: Board, question: Asked, sound: Sequence[Seen]) -> Reading | None:
        """Return the reading at the newest of some sound checks, as far as they came after the opening."""
        since = [found for found in sound if found.checked_at >= question.opens_at]
        if not since:
            return None
        observation = self._observations.of(board.session, since[0])
        return Reading(observation, since[0].checked_at, len(since), alarm=since[0].alarm is not None)

    def _earlier(self, board: Board, question: Asked, leaf: SourceLeaf, window: Window) -> Reading | None:
        """Return the reading that says what the newest one does not.

        Of a state that has changed since the deadline: the newest that covers it. Otherwise the one on which the
        question was decided.
        """

        def fails(check: Seen) -> bool:
            return not covers(leaf, window, self._observations.of(board.session, check))

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


def _held_still(session: Session, answered: Sequence[tuple[_Job, _Answer]]) -> list[tuple[_Job, _Answer]]:
    """Return the answers whose leases have not passed to another, and keep them from passing."""
    held = tokens(session, [job.resource.id for job, _ in answered])
    return [(job, answer) for job, answer in answered if held[job.resource.id] == job.lease.token]
