"""What is due: claiming resources with a lease, and when to look at a resource again."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, cast, or_, update
from sqlmodel import Session, col, select

from forecasts.model import QuestionState, iso
from forecasts.store import Store
from forecasts.tables import Resource

BATCH = 64
PARALLEL = 8  # fetches of one worker that are under way at a time
LEASE = timedelta(minutes=2)  # renewed while its worker lives
LONGEST_LEASE = timedelta(minutes=10)  # one that ends later was given by a clock ahead of ours
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to check one resource, proved by its token until it ends."""

    resource_id: int
    due_at: datetime
    token: str


@dataclass(frozen=True, slots=True)
class Watch:
    """What a question asks of the schedule of a resource it reads.

    `grace` and `max_lag` are the longest of its leaves; `resting_since` is when it was confirmed.
    """

    state: QuestionState
    opens_at: datetime
    deadline: datetime
    grace: timedelta
    max_lag: timedelta
    closes_at: datetime | None = None
    resting_since: datetime | None = None


def claim(store: Store, *, limit: int = BATCH, lease: timedelta = LEASE, holder: str = "") -> list[Lease]:
    """Lease up to `limit` resources that are due and not leased by anybody else.

    Every token begins with `holder`, so that a worker knows its own even where it never heard that it got them.
    """
    now = store.clock.now()
    with store.queue() as session:
        due = session.execute(_due(), {"now": now, "beyond": now + LONGEST_LEASE, "limit": limit}).all()
        claimed = f"{holder}{secrets.token_hex(16)}."  # to which each adds its row id
        if due:
            session.execute(_lease(), {"claimed": claimed, "until": now + lease, "ids": [row.id for row in due]})
    return [Lease(row.id, row.next_due, f"{claimed}{row.id}") for row in due]


@cache  # building it costs more than running it
def _due() -> Any:
    queue = Resource.__table__.c  # type: ignore[attr-defined]
    due, until = queue.next_due, queue.lease_until
    return (
        select(queue.id, due)
        .where(
            due <= bindparam("now"),
            or_(until.is_(None), until <= bindparam("now"), until > bindparam("beyond")),  # by a clock ahead of us
        )
        .order_by(due, queue.public_id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )


@cache
def _lease() -> Any:
    table = Resource.__table__  # type: ignore[attr-defined]
    token = bindparam("claimed", type_=String) + cast(table.c.id, String)
    named = table.c.id.in_(bindparam("ids", expanding=True))
    return update(table).where(named).values(lease_token=token, lease_until=bindparam("until"))


def requeue(session: Session, places: Sequence[tuple[int, datetime | None, str | None, datetime | None]]) -> None:
    """Write the places of resources in the queue: each the row id, when it is due, the lease's token and end."""
    if places:
        session.connection().execute(_requeue(), [dict(zip(_PLACE, place, strict=True)) for place in places])


_PLACE = ("resource", "due", "token", "until")


@cache
def _requeue() -> Any:
    values: dict[str, Any] = {
        "next_due": bindparam("due"),
        "lease_token": bindparam("token"),
        "lease_until": bindparam("until"),
    }
    table = Resource.__table__  # type: ignore[attr-defined]
    return update(table).where(table.c.id == bindparam("resource")).values(values)


def renew(store: Store, leases: Iterable[Lease], lease: timedelta = LEASE) -> None:
    """Have leases end later; one that has passed to another is left alone."""
    tokens = [held.token for held in leases]
    if tokens:
        until = store.clock.now() + lease
        with store.queue() as session:
            held = col(Resource.lease_token).in_(tokens)
            session.execute(update(Resource).where(held).values(lease_until=until))


def postpone(store: Store, until: Mapping[Lease, datetime]) -> None:
    """Give leases back without a check: each resource is due again at a later instant."""
    if not until:
        return
    with store.queue() as session:
        for lease, instant in until.items():
            held = session.get_one(Resource, lease.resource_id)
            if held.lease_token == lease.token:
                held.next_due, held.lease_token, held.lease_until = instant, None, None
                session.add(held)


def release(store: Store, leases: Iterable[Lease]) -> None:
    """Give back what was leased and not checked; a lease that has passed to another is left alone."""
    given_back = [lease.token for lease in leases]
    if given_back:
        _release(store, col(Resource.lease_token).in_(given_back))


def release_all(store: Store, holder: str) -> None:
    """Give back everything a worker holds, whether it knows so or not."""
    _release(store, col(Resource.lease_token).startswith(holder))


def _release(store: Store, held: ColumnElement[bool]) -> None:
    with store.queue() as session:
        session.execute(update(Resource).where(held).values(lease_token=None, lease_until=None))


def next_due(resource_id: str, watches: Iterable[Watch], now: datetime) -> datetime | None:
    """Return when to check a resource next, or None when no question needs it any more.

    The interval is a twentieth of the time to the deadline, between an hour and seven days, shortened by up
    to a tenth by a jitter that follows from the resource and the instant. Deadlines, the end of a grace and
    the end of a dispute window are met exactly.
    """
    jitter = int.from_bytes(hashlib.sha256(f"{resource_id} {iso(now)}".encode()).digest()[:4]) / 2**32
    candidates = [due for watch in watches if (due := _next_for(watch, now, 1 - jitter / 10)) is not None]
    return min(candidates, default=None)


def _next_for(watch: Watch, now: datetime, factor: float) -> datetime | None:
    if now < watch.opens_at:
        return watch.opens_at
    if watch.state == "confirmed":
        rested = watch.resting_since is not None and now >= watch.resting_since + watch.max_lag
        return None if rested else now + LONGEST * factor
    ripe_at = watch.deadline + watch.grace
    remaining = (watch.deadline if now < watch.deadline else ripe_at) - now
    interval = min(max(remaining / 20, SHORTEST), LONGEST) if now < ripe_at else timedelta(days=1)
    exact = [at for at in (watch.deadline, ripe_at, watch.closes_at) if at is not None and at > now]
    return min([now + interval * factor, *exact])
