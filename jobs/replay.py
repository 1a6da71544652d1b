"""Years of scheduled checks in seconds: the same worker under a simulated clock, from due instant to due instant.

A replay owns its database while it runs. Everything it does follows from what is stored, so a killed replay
that is started again goes on where it was and ends as if it had never stopped.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, func, select

from forecasts import resolving
from forecasts.alarming import Alarm
from forecasts.criteria import load_query
from forecasts.errors import ConflictError, InvalidInputError
from forecasts.model import SourceCatalogue, iso
from forecasts.settings import Settings
from forecasts.store import Store
from forecasts.tables import (
    Check,
    Question,
    QuestionResource,
    ReplayExtension,
    ReplayRun,
    Resource,
    Revision,
    Ruling,
)
from jobs.alarms import alarm_history
from jobs.board import next_closing
from jobs.clocks import SimulatedClock
from jobs.feed import Feed
from jobs.fetch import HttpFetcher, local_path, may_read
from jobs.worker import Told, Worker

ONLY = ""  # the location of the only table there is
Progress = Callable[[datetime], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What one replay did: where it began (later than asked when it resumed), and how much it wrote.

    The others are of the whole run: confirmed resolutions that were reopened, rows that came after their source
    was said to be complete to them, and alarms.
    """

    began_at: datetime
    checks: int
    steps: int
    reversals: int
    late_rows: int
    alarms: list[Alarm]


def replay(
    settings: Settings,
    catalogue: SourceCatalogue,
    *,
    start: datetime,
    end: datetime,
    tables: Mapping[str, Path] | None = None,
    progress: Progress = lambda _: None,
) -> Replayed:
    """Run every check and settlement due from `start` to `end` under a simulated clock.

    `tables` serves the table at a location from a file instead, or from a directory of dated files; `ONLY`
    stands for the location where there is but one. Every table is fetched over HTTP from a loopback server that
    answers as of the simulated instant. Raises `ConflictError` on a database that live jobs have written to, or
    while another replay runs on it.
    """
    store = Store(settings.database_url, SimulatedClock(start))
    try:
        store.migrate()
        with store.only_replay():
            return replay_locked(settings, catalogue, start=start, end=end, tables=tables, progress=progress)
    finally:
        store.close()


def replay_locked(
    settings: Settings,
    catalogue: SourceCatalogue,
    *,
    start: datetime,
    end: datetime,
    tables: Mapping[str, Path] | None = None,
    progress: Progress = lambda _: None,
    told: Told | None = None,
) -> Replayed:
    """Replay as `replay` does, for a caller that holds the lock of `Store.only_replay`.

    `told` hears what a criterion says at each check.
    """
    if not start < end:
        raise InvalidInputError("--from must lie before --to.")
    clock = SimulatedClock(start)
    store = Store(settings.database_url, clock)
    try:
        feed = Feed(_tables(store, tables or {}, settings.file_roots), clock)
        clock.advance(_begin(store, start, end))
        with feed as routes:
            fetcher = HttpFetcher(
                seconds=settings.fetch_seconds,
                max_bytes=settings.fetch_bytes,
                contact=settings.contact,
                routes=routes,
                routes_only=True,
            )
            try:
                worker = Worker(
                    store,
                    catalogue,
                    fetcher,
                    dispute_window=settings.dispute_window,
                    told=told,
                    news=lambda resource, now: feed.next_file(
                        str(load_query(resource.query).get("location", "")), now
                    ),
                )
                return _run(worker, clock, end, progress)
            finally:
                fetcher.close()
    finally:
        store.close()


def _run(worker: Worker, clock: SimulatedClock, end: datetime, progress: Progress) -> Replayed:
    """Go from one instant at which anything can happen to the next, until the end."""
    began_at, checks, steps = clock.now(), 0, 0
    moment: datetime | None = began_at
    while moment is not None and moment <= end:
        clock.advance(moment)
        checks += worker.check_round()
        steps += worker.settle_round()
        progress(moment)
        with worker.store.read() as session:
            moment = _next_moment(session, clock.now())
    with worker.store.read() as session:
        late = session.exec(select(func.sum(Check.late_rows))).one() or 0
        return Replayed(began_at, checks, steps, resolving.reversals(session), late, alarm_history(session))


def _begin(store: Store, start: datetime, end: datetime) -> datetime:
    """Enter the run into the database, or take up the one that is there; return where the clock stands."""
    with store.read() as session:
        run = store.replay_run(session)
        live = session.exec(
            select(Check.id)
            .join(Revision, col(Revision.rev) == col(Check.rev))
            .where(col(Revision.run_id).is_(None))
        ).first()
    if live is not None:
        raise ConflictError("Scheduled jobs have written live checks here; replay into a database of its own.")
    if run is not None and run.starts_at != start:
        raise ConflictError(
            f"This database holds a replay that began at {iso(run.starts_at)}: "
            "give that instant as --from to go on with it, or use another database."
        )
    if run is None:
        return _enter_run(store, start, end)
    store.run_id = run.run_id
    with store.queue() as session:
        ends = session.exec(select(ReplayExtension.ends_at).where(ReplayExtension.run_id == run.run_id)).all()
        if end > max([run.ends_at, *ends]):
            session.add(ReplayExtension(run_id=run.run_id, ends_at=end, after_rev=_newest_rev(session)))
        for resource in session.exec(select(Resource)).all():
            resource.lease_token = resource.lease_until = None
            session.add(resource)
        latest = session.exec(
            select(func.max(col(Revision.simulated_at))).where(Revision.run_id == run.run_id)
        ).one()
    return latest or start


def _enter_run(store: Store, start: datetime, end: datetime) -> datetime:
    """Start a run: from its beginning on, each resource is due when the first of its questions opens."""
    run_id = secrets.token_hex(6)
    with store.queue() as session:
        session.add(ReplayRun(run_id=run_id, starts_at=start, ends_at=end, after_rev=_newest_rev(session)))
        opens = session.exec(
            select(QuestionResource.resource_id, func.min(col(Question.opens_at)))
            .join(Question, col(Question.id) == col(QuestionResource.question_id))
            .group_by(col(QuestionResource.resource_id))
        ).all()
        for resource_id, opens_at in opens:
            resource = session.get_one(Resource, resource_id)
            resource.next_due = max(start, opens_at)
            session.add(resource)
    store.run_id = run_id
    return start


def _newest_rev(session: Session) -> int:
    return session.exec(select(func.max(Revision.rev))).one() or 0


def _tables(store: Store, given: Mapping[str, Path], roots: Sequence[Path] | None) -> dict[str, Path]:
    """Return the file behind each table the questions read: the given one, a seed, or one that may be read."""
    with store.read() as session:
        resources = session.exec(select(Resource).order_by(col(Resource.public_id))).all()
    queries = [load_query(resource.query) for resource in resources]
    locations = {str(query["location"]) for query in queries if "location" in query}  # others ask a service
    if ONLY in given:
        if len(locations) != 1:
            listed = (
                f"{len(locations)} tables are read ({', '.join(sorted(locations))})"
                if locations
                else "none is read"
            )
            raise InvalidInputError(f"Say which table --feed stands for, as LOCATION=DIR: {listed}.")
        given = {**given, next(iter(locations)): given[ONLY]}
        del given[ONLY]
    unknown = sorted(set(given) - locations)
    if unknown:
        raise InvalidInputError(
            f"No question reads {unknown[0]!r}; the tables are: {', '.join(sorted(locations))}."
        )
    local = [at for at in sorted(locations - set(given)) if not at.startswith(("http://", "https://"))]
    there = {at: path for at in local if (path := local_path(at)).exists()}
    for location in there:
        if not may_read(location, roots):
            raise InvalidInputError(
                f"{location} lies outside the directories sources may read: name its directory in "
                f"CALLEDIT_FILE_ROOTS, or a file with --table {location}=FILE."
            )
    return {**there, **given}


def _next_moment(session: Session, now: datetime) -> datetime | None:
    """Return the next instant at which anything can happen."""
    due = session.exec(select(func.min(col(Resource.next_due)))).one()
    ruling = session.exec(select(func.min(col(Ruling.knowable_at))).where(Ruling.knowable_at > now)).one()
    closing = next_closing(session, now)
    return min([at for at in (due, ruling, closing) if at is not None], default=None)
