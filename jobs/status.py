"""How the jobs are doing, in numbers about work and never about people: for a terminal, a probe or a scraper."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, get_args

from sqlalchemy import text
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from forecasts import resolving
from forecasts.alarming import Alarm
from forecasts.errors import CalleditError
from forecasts.model import AlarmKind, CheckStatus, QuestionState, iso
from forecasts.store import Store
from forecasts.tables import Check, Evidence, Question, Resolution, Resource, Revision
from jobs.alarms import alarms
from jobs.clocks import UNVOUCHED

OVERDUE = timedelta(minutes=15)
_NEWEST = 16  # checks


@dataclass(frozen=True, slots=True)
class Status:
    """What there is to do and what was done, at one instant.

    `overdue` counts the resources due for more than a quarter of an hour that nobody has leased; `waited` is how
    long the longest waiting has been due, in seconds. Evidence is counted as it is stored, compressed.
    """

    at: datetime
    resources: int
    due: int
    overdue: int
    leased: int
    waited: float
    last_check: datetime | None
    checks: dict[str, int]
    questions: dict[str, int]
    reversals: int
    late_rows: int
    evidence_bytes: int
    alarms: tuple[Alarm, ...]
    clock: str | None

    @property
    def trouble(self) -> str | None:
        """Say in a sentence that the jobs stand still, or that nothing can be decided by the clock."""
        if not self.overdue:
            return self.clock
        noun = "resource has" if self.overdue == 1 else "resources have"
        waited = timedelta(seconds=round(self.waited))
        return (
            f"{self.overdue} {noun} been due for more than {OVERDUE // timedelta(minutes=1)} minutes, the longest "
            f"for {waited}: start another `calledit worker`, or look at what it says."
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, with the trouble in it."""
        value = asdict(self) | {"trouble": self.trouble}
        value["at"], value["last_check"] = iso(self.at), iso(self.last_check) if self.last_check else None
        for alarm in value["alarms"]:
            alarm["since"] = iso(alarm["since"])
            del alarm["until"]  # they all last
        value["alarms"] = list(value["alarms"])
        return value


def status_of(store: Store) -> Status:
    """Read how the jobs are doing now; in a replayed registry, when its replay had got to where it is."""
    with store.read() as session:
        now = store.clock.now()
        if store.replay_run(session) is not None:
            now = session.exec(select(func.max(col(Revision.simulated_at)))).one() or now
        return read_status(session, now)


def read_status(session: Session, now: datetime) -> Status:
    """Read how the jobs are doing from what is stored."""
    free = (col(Resource.next_due) <= now) & (
        col(Resource.lease_until).is_(None) | (col(Resource.lease_until) <= now)
    )
    leased = (col(Resource.next_due) <= now) & (col(Resource.lease_until) > now)  # what is not due is not leased
    oldest = session.exec(select(func.min(col(Resource.next_due))).where(free)).one()
    states = dict.fromkeys(get_args(QuestionState), 0) | _states(session)
    states["open"] = _count(session, select(func.count()).select_from(Question)) - sum(states.values())
    by_status = session.exec(select(Check.status, func.count()).group_by(col(Check.status))).all()
    return Status(
        at=now,
        resources=_count(session, select(func.count()).select_from(Resource)),
        due=_count(session, select(func.count()).select_from(Resource).where(free)),
        overdue=_count(
            session,
            select(func.count()).select_from(Resource).where(free, col(Resource.next_due) <= now - OVERDUE),
        ),
        leased=_count(session, select(func.count()).select_from(Resource).where(leased)),
        waited=(now - oldest).total_seconds() if oldest else 0.0,
        last_check=session.exec(select(Check.checked_at).order_by(col(Check.id).desc()).limit(1)).first(),
        checks=dict.fromkeys(get_args(CheckStatus), 0) | dict(by_status),
        questions=states,
        reversals=resolving.reversals(session),
        late_rows=_count(session, select(func.sum(Check.late_rows)).where(text("late_rows > 0"))),
        evidence_bytes=_count(session, select(func.sum(func.length(Evidence.body)))),
        alarms=tuple(alarms(session, now)),
        clock=_clock(session),
    )


def _clock(session: Session) -> str | None:
    """Say in a sentence that our clock is not believed, or that all sources have long told another time."""
    newest = session.exec(
        select(Check.sound, Check.status, Check.problem).order_by(col(Check.id).desc()).limit(_NEWEST)
    ).all()
    since = list(takewhile(lambda check: not check[0], newest))
    skewed = [problem or "" for _, status, problem in since if status == "skewed"]
    ours = [problem for problem in skewed if problem.startswith(UNVOUCHED)]
    if not ours and len(skewed) < _NEWEST:
        return None
    return f"The clock is not believed, so nothing is decided: {(ours or skewed)[0]}."


def _count(session: Session, query: Any) -> int:
    return int(session.exec(query).one() or 0)


def _states(session: Session) -> dict[str, int]:
    """Count the questions by the state of their latest step, those that were reopened left out: they are open."""
    later = aliased(Resolution)
    followed = select(later.id).where(later.question_id == Resolution.question_id, later.step > Resolution.step)
    latest = select(Resolution.state, func.count()).where(~followed.exists(), Resolution.state != "reopened")
    return dict(session.exec(latest.group_by(col(Resolution.state))).all())


class Monitor:
    """The status of one store, for the site; with `jobs` off nothing runs here, so nothing can stand still."""

    def __init__(self, store: Store, *, jobs: bool = True) -> None:
        self._store = store
        self._jobs = jobs

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether all is well enough to go on, and what is to be said about it.

        Alarms are about sources: they are told, and make nothing unhealthy. Where the database is, is not told.
        """
        try:
            status = status_of(self._store)
        except CalleditError:
            return False, {"status": "down", "reason": "The database does not answer."}
        told = [
            {"kind": alarm.kind, "resource": alarm.resource, "since": iso(alarm.since)} for alarm in status.alarms
        ]
        if self._jobs and status.trouble:
            return False, {
                "status": "late" if status.overdue else "clock",
                "reason": status.trouble,
                "alarms": told,
            }
        return True, {"status": "alarm" if told else "ok", "reason": None, "alarms": told}

    def metrics(self) -> str:
        """Return the numbers in the text format of Prometheus; raise `StoreError` where they cannot be read."""
        return exposition(status_of(self._store))


def exposition(status: Status) -> str:
    """Return a status in the text format of Prometheus, version 0.0.4."""
    return "".join(_lines(status))


def _lines(status: Status) -> Iterator[str]:
    kinds = dict.fromkeys(get_args(AlarmKind), 0)
    for alarm in status.alarms:
        kinds[alarm.kind] += 1
    yield from _metric("resources", "gauge", "Resources that questions read.", status.resources)
    yield from _metric("resources_due", "gauge", "Resources that are due and not leased.", status.due)
    yield from _metric("resources_overdue", "gauge", "Resources due for more than 15 minutes.", status.overdue)
    yield from _metric("resources_leased", "gauge", "Resources that a worker is checking.", status.leased)
    yield from _metric("oldest_due_seconds", "gauge", "How long the longest waiting has been due.", status.waited)
    yield from _metric("checks_total", "counter", "Checks written.", status.checks, "status")
    yield from _metric("questions", "gauge", "Questions by their state.", status.questions, "state")
    yield from _metric("reversals_total", "counter", "Confirmed resolutions that were reopened.", status.reversals)
    yield from _metric("late_rows_total", "counter", "Rows that a source showed late.", status.late_rows)
    yield from _metric("alarms", "gauge", "Alarms of sources that last.", kinds, "kind")
    yield from _metric("evidence_bytes", "gauge", "Archived evidence as stored.", status.evidence_bytes)
    checked = status.last_check.timestamp() if status.last_check else 0
    yield from _metric("last_check_timestamp_seconds", "gauge", "When the newest check was made.", checked)


def _metric(
    name: str, kind: str, about: str, value: float | dict[str, int], label: str | None = None
) -> Iterator[str]:
    yield f"# HELP calledit_{name} {about}\n# TYPE calledit_{name} {kind}\n"
    if isinstance(value, dict):
        for key, count in sorted(value.items()):
            yield f'calledit_{name}{{{label}="{key}"}} {count}\n'
    else:
        yield f"calledit_{name} {value:.15g}\n"
