"""What is due: claiming resources with a lease, and when to look at a resource again."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_
from sqlmodel import col, select

from forecasts.model import QuestionState, iso
from forecasts.store import Store
from forecasts.tables import Resource

BATCH = 10
LEASE = timedelta(minutes=10)
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


def claim(store: Store, *, limit: int = BATCH) -> list[Lease]:
    """Lease up to `limit` resources that are due and not leased by anybody else."""
    now = store.clock.now()
    with store.queue() as session:
        due = session.exec(
            select(Resource)
            .where(
                col(Resource.next_due) <= now,
                or_(
                    col(Resource.lease_until).is_(None),
                    col(Resource.lease_until) <= now,
                    col(Resource.lease_until) > now + LEASE,  # given by a clock that was ahead
                ),
            )
            .order_by(col(Resource.next_due), col(Resource.public_id))
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        leases = []
        for resource in due:
            resource.lease_token, resource.lease_until = secrets.token_hex(16), now + LEASE
            session.add(resource)
            if resource.next_due is not None:
                leases.append(Lease(resource.id, resource.next_due, resource.lease_token))
    return leases


def postpone(store: Store, lease: Lease, until: datetime) -> None:
    """Give a lease back without a check: the resource is due again at a later instant."""
    with store.queue() as session:
        held = session.get_one(Resource, lease.resource_id)
        if held.lease_token == lease.token:
            held.next_due, held.lease_token, held.lease_until = until, None, None
            session.add(held)


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
