"""What the questions of one resource look like to a worker: read in a few queries, whatever their number."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import select as sa_select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from forecasts import criteria, resolving
from forecasts.decide import Verdict
from forecasts.registering import public_id
from forecasts.store import Transaction
from forecasts.tables import Actor, Check, Question, QuestionResource, Resolution, Resource
from forecasts.tables import Verdict as VerdictRow
from jobs import due


class Board:
    """The questions that read some resources, parents first, and what a worker needs to know about them."""

    def __init__(self, session: Session, resources: Sequence[Resource]) -> None:
        self.session = session
        resource_ids = [resource.id for resource in resources]
        self._resource_ids = {(row.source, row.query): row.id for row in resources}
        reads = session.execute(
            sa_select(col(QuestionResource.resource_id), Question)
            .join(Question, col(Question.id) == col(QuestionResource.question_id))
            .where(col(QuestionResource.resource_id).in_(resource_ids))
        ).all()
        found = {question.id: question for _, question in reads}.values()
        self.parents = {question.id: question for question in found}
        self._questions: dict[int, list[Question]] = {resource_id: [] for resource_id in resource_ids}
        for resource_id, question in sorted(reads, key=lambda read: (self._depth(read[1]), read[1].public_id)):
            self._questions[resource_id].append(question)
        self._ids = set(self.parents)
        self._ids |= {question.condition_id for question in found if question.condition_id}
        elsewhere = list(self._ids - set(self.parents))
        if elsewhere:
            others = session.exec(select(Question).where(col(Question.id).in_(elsewhere))).all()
            self.parents |= {question.id: question for question in others}
        self._sound: dict[tuple[tuple[str, str], int, int | None], Sequence[Check]] = {}
        self._alarmed: dict[int, int] = {}
        self._verdicts = self._latest_verdicts()
        self.read_steps()

    def questions(self, resource: Resource) -> Sequence[Question]:
        """Return the questions that read one of the resources, parents first."""
        return self._questions[resource.id]

    def read_steps(self) -> None:
        """Read the latest step of each question, and of the conditions they hang on."""
        self.steps = resolving.latest_steps(self.session, self._ids)

    def _depth(self, question: Question) -> int:
        """Return how many conditions that read the same resource stand above a question."""
        parent = self.parents.get(question.condition_id) if question.condition_id else None
        return 1 + self._depth(parent) if parent else 0

    def _latest_verdicts(self) -> dict[int, tuple[object, ...]]:
        """Return the gist of each question's latest verdict, as columns: whole rows cost several times more."""
        latest = (
            select(func.max(VerdictRow.id))
            .where(col(VerdictRow.question_id).in_(list(self._ids)))
            .group_by(col(VerdictRow.question_id))
        )
        rows = self.session.execute(
            sa_select(
                col(VerdictRow.question_id),
                col(VerdictRow.value),
                col(VerdictRow.occurred_at),
                col(VerdictRow.occurred_until),
                col(VerdictRow.needs_person),
            ).where(col(VerdictRow.id).in_(latest))
        )
        return {question_id: tuple(gist) for question_id, *gist in rows}

    def sound_checks(self, key: tuple[str, str], count: int, *, until: int | None = None) -> Sequence[Check]:
        """Return up to `count` sound checks of a resource, the newest first; those up to one where it is given."""
        if (key, count, until) not in self._sound:
            query = (
                self._sound_checks(key).order_by(col(Check.checked_at).desc(), col(Check.id).desc()).limit(count)
            )
            if until is not None:
                query = query.where(col(Check.id) <= until)
            with self.session.no_autoflush:  # what waits to be written are verdicts, and they go together
                self._sound[key, count, until] = self.session.exec(query).all()
        return self._sound[key, count, until]

    def checks_past(self, key: tuple[str, str], instant: datetime) -> Sequence[Check]:
        """Return the sound checks that show a resource complete to an instant, the oldest first."""
        query = self._sound_checks(key).where(col(Check.watermark) >= instant)
        return self.session.exec(query.order_by(col(Check.checked_at), col(Check.id))).all()

    def _sound_checks(self, key: tuple[str, str]) -> SelectOfScalar[Check]:
        resource_id = self._resource_ids.get(key)
        if resource_id is None:
            named = select(Resource.id).where(Resource.public_id == public_id("u", *key))
            resource_id = self._resource_ids[key] = self.session.exec(named).one()
        return select(Check).where(Check.resource_id == resource_id, col(Check.sound))

    def alarmed(self, check: Check) -> bool:
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

    def max_lag(self, resource: Resource, now: datetime) -> timedelta | None:
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

    def keep_verdict(self, tx: Transaction, question: Question, check: Check, verdict: Verdict) -> None:
        """Append the verdict when it says something new."""
        start, end = (verdict.occurred.start, verdict.occurred.end) if verdict.occurred else (None, None)
        gist = verdict.value, start, end, verdict.needs_person
        if self._verdicts.get(question.id) == gist:
            return
        self._verdicts[question.id] = gist
        tx.add(
            VerdictRow(
                question_id=question.id,
                check_id=check.id,
                value=verdict.value,
                reason=verdict.reason,
                occurred_at=start,
                occurred_until=end,
                knowable_at=verdict.knowable_at,
                needs_person=verdict.needs_person,
                rev=tx.rev,
            )
        )

    def watch(self, question: Question) -> due.Watch:
        """Return what a question asks of the schedule of the resources it reads."""
        step = self.steps.get(question.id)
        leaves = criteria.source_leaves(criteria.load(question.criterion))
        resting = step is not None and step.state == "confirmed"
        return due.Watch(
            state=resolving.state_of(step),
            opens_at=question.opens_at,
            deadline=question.deadline,
            grace=max(leaf.grace for leaf in leaves),
            max_lag=max(leaf.max_lag for leaf in leaves),
            closes_at=step.closes_at if step else None,
            resting_since=max(step.decided_at, question.deadline) if step and resting else None,
        )

    def rests(self, question: Question, now: datetime) -> bool:
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
    """Narrow a query on questions down to those whose latest step is a proposal, parents first."""
    later = aliased(Resolution)
    followed = (
        select(later.id).where(later.question_id == Resolution.question_id, later.step > Resolution.step).exists()
    )
    return (
        query.join(Resolution, col(Resolution.question_id) == col(Question.id))
        .where(Resolution.state == "proposed", ~followed)
        .order_by(col(Question.condition_id).is_not(None), col(Question.public_id))
    )


def last_sound(session: Session, resource: Resource) -> Check | None:
    """Return the newest sound check of a resource."""
    return newest_sound(session, [resource.id]).get(resource.id)


def newest_sound(session: Session, resource_ids: Sequence[int]) -> dict[int, Check]:
    """Return the newest sound check of each of these resources that has one."""
    found = session.exec(_newest_sound(), params={"resources": list(resource_ids)}).all()
    return {check.resource_id: check for check in found}


@cache
def _newest_sound() -> Any:
    newest = (
        select(Check.resource_id, func.max(Check.checked_at).label("checked_at"))
        .where(col(Check.resource_id).in_(bindparam("resources", expanding=True)), col(Check.sound))
        .group_by(col(Check.resource_id))
        .subquery()
    )
    return (
        select(Check)
        .join(newest, (newest.c.resource_id == Check.resource_id) & (newest.c.checked_at == Check.checked_at))
        .where(col(Check.sound))
        .order_by(col(Check.id))
    )


def resources_of(session: Session, question: Question) -> Sequence[Resource]:
    """Return the resources a question reads."""
    return session.exec(
        select(Resource)
        .join(QuestionResource, col(QuestionResource.resource_id) == col(Resource.id))
        .where(QuestionResource.question_id == question.id)
    ).all()


def deciding_check(session: Session, question: Question) -> Check | None:
    """Return the newest sound check among the resources of a question."""
    checks = [check for resource in resources_of(session, question) if (check := last_sound(session, resource))]
    return max(checks, key=lambda check: (check.checked_at, check.id), default=None)
