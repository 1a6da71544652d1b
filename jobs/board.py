"""What the questions of some resources look like to a worker: read in a few queries, whatever their number.

Rows are read as plain tuples of the columns that rules need: as objects of the mapper they cost many times more.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, update
from sqlalchemy import select as sa_select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, or_, select

from forecasts import criteria, resolving
from forecasts.decide import Verdict
from forecasts.registering import public_id
from forecasts.store import Transaction
from forecasts.tables import (
    Actor,
    Check,
    Evidence,
    Question,
    QuestionResource,
    Redaction,
    Resolution,
    Resource,
    Revision,
)
from forecasts.tables import Verdict as VerdictRow
from jobs import due
from jobs.clocks import TOLERANCE

_DAWN = datetime.min.replace(tzinfo=UTC)


class Place(NamedTuple):
    """A resource, without its place in the queue."""

    id: int
    public_id: str
    source: str
    query: str


class Seen(NamedTuple):
    """What rules need to know of a check; see `Check`."""

    id: int
    resource_id: int
    checked_at: datetime
    evidence_sha256: str | None
    content_type: str | None
    etag: str | None
    last_modified: str | None
    watermark: datetime | None
    rows: int | None
    alarm: str | None
    trusted_from: datetime | None
    rev: int


class Asked(NamedTuple):
    """What rules need to know of a question; see `Question`."""

    id: int
    public_id: str
    criterion: str
    opens_at: datetime
    opens_latest: datetime
    deadline: datetime
    condition_id: int | None
    condition_outcome: str | None


def _c(table: Any) -> Any:
    """Return the columns of a table, below the mapper."""
    return table.__table__.c


def _columns(table: Any, row: Any) -> list[Any]:
    return [_c(table)[name] for name in row._fields]


class Board:
    """The questions that read some resources, parents first, and what a worker needs to know about them."""

    def __init__(self, session: Session, resources: Iterable[Place]) -> None:
        self.session = session
        places = {row.id: row for row in resources}
        self._resource_ids = {(row.source, row.query): row.id for row in places.values()}
        reads = [
            (resource_id, Asked(*question))
            for resource_id, *question in session.execute(_reads(), {"resources": list(places)})
        ]
        found = {question.id: question for _, question in reads}.values()
        self.parents = {question.id: question for question in found}
        self._questions: dict[int, list[Asked]] = {resource_id: [] for resource_id in places}
        for resource_id, question in sorted(reads, key=lambda read: (self._depth(read[1]), read[1].public_id)):
            self._questions[resource_id].append(question)
        self._ids = set(self.parents)
        self._ids |= {question.condition_id for question in found if question.condition_id}
        elsewhere = list(self._ids - set(self.parents))
        if elsewhere:
            others = sa_select(*_columns(Question, Asked)).where(col(Question.id).in_(elsewhere))
            self.parents |= {
                question.id: question for question in (Asked(*row) for row in session.execute(others))
            }
        self._sound: dict[tuple[tuple[str, str], int | None], tuple[int, Sequence[Seen]]] = {}
        self._alarmed: dict[int, int] = {}
        self._verdicts = self._latest_verdicts()
        self._new_verdicts: list[dict[str, Any]] = []
        self._watches: dict[int, tuple[Resolution | None, due.Watch]] = {}
        self.read_steps()

    def questions(self, resource: Place) -> Sequence[Asked]:
        """Return the questions that read one of the resources, parents first."""
        return self._questions[resource.id]

    def read_steps(self) -> None:
        """Read the latest step of each question, and of the conditions they hang on."""
        self.steps = resolving.latest_steps(self.session, self._ids)

    def _depth(self, question: Asked) -> int:
        """Return how many conditions that read the same resource stand above a question."""
        parent = self.parents.get(question.condition_id) if question.condition_id else None
        return 1 + self._depth(parent) if parent else 0

    def _latest_verdicts(self) -> dict[int, tuple[object, ...]]:
        """Return the gist of each question's latest verdict."""
        rows = self.session.execute(_latest_verdicts(), {"questions": list(self._ids)})
        return {question_id: tuple(gist) for question_id, *gist in rows}

    def sound_checks(self, key: tuple[str, str], count: int, *, until: int | None = None) -> Sequence[Seen]:
        """Return up to `count` sound checks of a resource, the newest first; those up to one where it is given."""
        depth, known = self._sound.get((key, until), (0, ()))
        if depth < count:
            if until is None and self._resource_ids.get(key) in self._questions:
                self._read_sound(count)
            else:
                query = _sound_checks().where(col(Check.resource_id) == self._resource_id(key))
                if until is not None:
                    query = query.where(col(Check.id) <= until)
                newest = query.order_by(col(Check.checked_at).desc(), col(Check.id).desc()).limit(count)
                self._sound[key, until] = count, [Seen(*row) for row in self.session.execute(newest)]
            _, known = self._sound[key, until]
        return known[:count]

    def _read_sound(self, count: int) -> None:
        """Read the newest sound checks of all the resources at once, as many as any question asks for."""
        leaves = (
            leaf
            for questions in self._questions.values()
            for question in questions
            for leaf in criteria.source_leaves(criteria.load(question.criterion))
        )
        depth = max([count, *(leaf.min_checks for leaf in leaves)])
        found: dict[int, list[Seen]] = {resource_id: [] for resource_id in self._questions}
        rows = self.session.execute(_newest_checks(), {"resources": list(found), "skip": depth - 1, "dawn": _DAWN})
        for check in sorted((Seen(*row) for row in rows), key=lambda row: (row.checked_at, row.id), reverse=True):
            found[check.resource_id].append(check)
        for key, resource_id in self._resource_ids.items():
            if resource_id in found:
                self._sound[key, None] = depth, found[resource_id]

    def checks_past(self, key: tuple[str, str], instant: datetime) -> Sequence[Seen]:
        """Return the sound checks that show a resource complete to an instant, the oldest first."""
        query = _sound_checks().where(
            col(Check.resource_id) == self._resource_id(key), col(Check.watermark) >= instant
        )
        rows = self.session.execute(query.order_by(col(Check.checked_at), col(Check.id)))
        return [Seen(*row) for row in rows]

    def _resource_id(self, key: tuple[str, str]) -> int:
        if key not in self._resource_ids:
            named = select(Resource.id).where(Resource.public_id == public_id("u", *key))
            self._resource_ids[key] = self.session.exec(named).one()
        return self._resource_ids[key]

    def alarmed(self, check: Seen) -> bool:
        """Whether a sound check, or one of its resource since, raised an alarm."""
        if check.resource_id not in self._alarmed:
            asked = {*self._questions, check.resource_id}
            newest = (
                select(Check.resource_id, func.max(Check.id))
                .where(col(Check.resource_id).in_(asked), col(Check.alarm).is_not(None))
                .group_by(col(Check.resource_id))
            )
            self._alarmed |= dict.fromkeys(asked, 0) | dict(self.session.exec(newest).all())
        return self._alarmed[check.resource_id] >= check.id

    def max_lag(self, resource: Place, now: datetime) -> timedelta | None:
        """Return the least lag that a question which is still watched allows a resource."""
        key = resource.source, resource.query
        return min(
            (
                leaf.max_lag
                for question in self.questions(resource)
                if now >= question.opens_at and not self.rests(question, now)
                for leaf in criteria.source_leaves(criteria.load(question.criterion))
                if leaf.resource == key
            ),
            default=None,
        )

    def keep_verdict(self, question: Asked, check: Seen, verdict: Verdict) -> None:
        """Append the verdict when it says something new; `write_verdicts` writes all of them."""
        start, end = (verdict.occurred.start, verdict.occurred.end) if verdict.occurred else (None, None)
        gist = verdict.value, start, end, verdict.needs_person
        if self._verdicts.get(question.id) == gist:
            return
        self._verdicts[question.id] = gist
        self._new_verdicts.append(
            {
                "question_id": question.id,
                "check_id": check.id,
                "value": verdict.value,
                "reason": verdict.reason,
                "occurred_at": start,
                "occurred_until": end,
                "knowable_at": verdict.knowable_at,
                "needs_person": verdict.needs_person,
            }
        )

    def write_verdicts(self, tx: Transaction) -> None:
        """Write the verdicts that said something new."""
        tx.insert(VerdictRow, self._new_verdicts)
        self._new_verdicts = []

    def watch(self, question: Asked) -> due.Watch:
        """Return what a question asks of the schedule of the resources it reads."""
        step = self.steps.get(question.id)
        known = self._watches.get(question.id)
        if known is not None and known[0] is step:
            return known[1]
        leaves = criteria.source_leaves(criteria.load(question.criterion))
        resting = step is not None and step.state == "confirmed"
        watch = due.Watch(
            state=resolving.state_of(step),
            opens_at=question.opens_at,
            deadline=question.deadline,
            grace=max(leaf.grace for leaf in leaves),
            max_lag=max(leaf.max_lag for leaf in leaves),
            closes_at=step.closes_at if step else None,
            resting_since=max(step.decided_at, question.deadline) if step and resting else None,
        )
        self._watches[question.id] = step, watch
        return watch

    def rests(self, question: Asked, now: datetime) -> bool:
        """Whether a confirmed question is no longer watched."""
        watch = self.watch(question)
        return watch.resting_since is not None and now >= watch.resting_since + watch.max_lag


def next_closing(session: Session, now: datetime) -> datetime | None:
    """Return when the dispute window of an open proposal closes next."""
    found: datetime | None = session.exec(_closings(), params={"now": now}).one()
    return found


def closed_proposals(session: Session, now: datetime) -> Sequence[int]:
    """Return the row ids of the open proposals that a machine may confirm, with their dispute window over."""
    found: Sequence[int] = session.exec(_closed(), params={"now": now}).all()
    return found


# Each tick asks these: building them costs more than running them.


@cache
def _closings() -> Any:
    proposed = _proposed(select(func.min(Resolution.closes_at)).select_from(Question)).order_by(None)
    return proposed.where(col(Resolution.closes_at) > bindparam("now"))


@cache
def _closed() -> Any:
    return (
        _proposed(select(Question.id))
        .join(Actor, col(Actor.id) == col(Resolution.actor_id))
        .where(
            col(Resolution.closes_at) <= bindparam("now"),
            or_(col(Resolution.rule) == resolving.CRITERION_RULE, col(Actor.kind) == "seed"),
        )
    )


def _proposed(query: Any) -> Any:
    """Narrow a query on windows that close, which proposals alone have, down to latest steps, parents first."""
    later = aliased(Resolution)
    followed = (
        select(later.id).where(later.question_id == Resolution.question_id, later.step > Resolution.step).exists()
    )
    return (
        query.join(Resolution, col(Resolution.question_id) == col(Question.id))
        .where(~followed)
        .order_by(col(Question.condition_id).is_not(None), col(Question.public_id))
    )


@cache
def _reads() -> Any:
    reads = _c(QuestionResource)
    return (
        sa_select(reads.resource_id, *_columns(Question, Asked))
        .where(_c(Question).id == reads.question_id)
        .where(reads.resource_id.in_(bindparam("resources", expanding=True)))
    )


@cache
def _latest_verdicts() -> Any:
    rows = _c(VerdictRow)
    latest = (
        sa_select(func.max(rows.id))
        .where(rows.question_id.in_(bindparam("questions", expanding=True)))
        .group_by(rows.question_id)
    )
    gist = rows.value, rows.occurred_at, rows.occurred_until, rows.needs_person
    return sa_select(rows.question_id, *gist).where(rows.id.in_(latest))


@cache
def _sound_checks() -> Any:
    return sa_select(*_columns(Check, Seen)).where(col(Check.sound))


@cache
def _newest_checks() -> Any:
    """Return the query of the newest sound checks of each resource, `skip` + 1 of them and those as old."""
    resource, check, other = _c(Resource), _c(Check), Check.__table__.alias().c  # type: ignore[attr-defined]
    oldest = (
        sa_select(other.checked_at)
        .where(other.resource_id == resource.id, other.sound)
        .order_by(other.checked_at.desc())
        .limit(1)
        .offset(bindparam("skip"))
        .scalar_subquery()
    )
    since = func.coalesce(oldest, bindparam("dawn", type_=check.checked_at.type))
    named = resource.id.in_(bindparam("resources", expanding=True))
    return sa_select(*_columns(Check, Seen)).where(
        named, check.resource_id == resource.id, check.sound, check.checked_at >= since
    )


def places(session: Session, resource_ids: Sequence[int]) -> dict[int, Place]:
    """Return resources by row id."""
    return {row.id: Place(*row) for row in session.execute(_places(), {"ids": resource_ids})}


def tokens(session: Session, resource_ids: Sequence[int]) -> dict[int, str | None]:
    """Return the token of the lease of each of these resources, and keep it from changing."""
    return {row.id: row.lease_token for row in session.execute(_tokens(), {"ids": resource_ids})}


def sizes(session: Session, hashes: Sequence[str | None]) -> dict[str | None, int]:
    """Return the size of each of these bodies."""
    return {row.sha256: row.size for row in session.execute(_sizes(), {"hashes": hashes})}


def redacted(session: Session, hashes: Iterable[str | None]) -> set[str]:
    """Return which of these bodies were blanked."""
    return {row.target for row in session.execute(_redacted(), {"hashes": list(hashes)})}


def checks_of(session: Session, rev: int) -> dict[str, int]:
    """Return the row id of each check of one transaction by its public id."""
    return {row.public_id: row.id for row in session.execute(_checks_of(), {"rev": rev})}


@cache
def _places() -> Any:
    return sa_select(*_columns(Resource, Place)).where(_c(Resource).id.in_(bindparam("ids", expanding=True)))


@cache
def _tokens() -> Any:
    queue = _c(Resource)
    named = queue.id.in_(bindparam("ids", expanding=True))
    return sa_select(queue.id, queue.lease_token).where(named).order_by(queue.id).with_for_update()


@cache
def _sizes() -> Any:
    bodies = _c(Evidence)
    return sa_select(bodies.sha256, bodies.size).where(bodies.sha256.in_(bindparam("hashes", expanding=True)))


@cache
def _redacted() -> Any:
    rows = _c(Redaction)
    return sa_select(rows.target).where(
        rows.kind == "evidence", rows.target.in_(bindparam("hashes", expanding=True))
    )


@cache
def _checks_of() -> Any:
    return sa_select(_c(Check).public_id, _c(Check).id).where(_c(Check).rev == bindparam("rev"))


def believed_at(session: Session) -> datetime | None:
    """Return when a check was last sound, or where none was yet, when something was last registered."""
    checks, revisions = _c(Check), _c(Revision)
    newest = sa_select(checks.checked_at).where(checks.sound).order_by(checks.id.desc()).limit(1)
    registered = sa_select(revisions.recorded_at).order_by(revisions.rev.desc()).limit(1)
    found: datetime | None = session.execute(newest).scalar() or session.execute(registered).scalar()
    return found


def misdated(session: Session, now: datetime) -> bool:
    """Whether the newest check failed by a clock that was ahead of ours.

    One that was sound is no sign of that: it is ours, then, that is behind.
    """
    checks = _c(Check)
    newest = sa_select(checks.checked_at, checks.sound).order_by(checks.id.desc()).limit(1)
    return any(shown > now + TOLERANCE and not sound for shown, sound in session.execute(newest))


def wake_misdated(session: Session, now: datetime) -> None:
    """Have due now what failed by a clock that was ahead of ours, and was put off by that clock."""
    checks, queue = _c(Check), _c(Resource)
    failed = sa_select(checks.resource_id).where(checks.checked_at > now + TOLERANCE, ~checks.sound)
    table = Resource.__table__  # type: ignore[attr-defined]
    session.execute(update(table).where(queue.next_due > now, queue.id.in_(failed)).values(next_due=now))


def last_sound(session: Session, resource: Resource) -> Seen | None:
    """Return the newest sound check of a resource."""
    return newest_sound(session, [resource.id]).get(resource.id)


def newest_sound(session: Session, resource_ids: Sequence[int]) -> dict[int, Seen]:
    """Return the newest sound check of each of these resources that has one."""
    rows = session.execute(_newest_checks(), {"resources": list(resource_ids), "skip": 0, "dawn": _DAWN})
    found = sorted((Seen(*row) for row in rows), key=lambda check: check.id)
    return {check.resource_id: check for check in found}


def resources_of(session: Session, question: Question) -> Sequence[Resource]:
    """Return the resources a question reads."""
    return session.exec(
        select(Resource)
        .join(QuestionResource, col(QuestionResource.resource_id) == col(Resource.id))
        .where(QuestionResource.question_id == question.id)
    ).all()


def deciding_check(session: Session, question: Question) -> Seen | None:
    """Return the newest sound check among the resources of a question."""
    checks = [check for resource in resources_of(session, question) if (check := last_sound(session, resource))]
    return max(checks, key=lambda check: (check.checked_at, check.id), default=None)
