"""Alarms of sources: a table that shrank, a watermark that lags; which there are, and which last."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from forecasts.alarming import Alarm, episodes
from forecasts.model import AlarmKind, Observation
from forecasts.tables import Check, Resource
from jobs.board import Seen
from jobs.sources import lags, lost_too_many, untold_too_long

STAYED_SMALLER = timedelta(days=7)
CONSISTENT_CHECKS = 5
LOOK_AGAIN = timedelta(days=1)  # at the latest, while an alarm lasts


def alarm_of(
    observation: Observation,
    *,
    query: Mapping[str, object],
    checked_at: datetime,
    rows_before: int,
    max_lag: timedelta | None,
    untold_since: datetime | None,
) -> AlarmKind | None:
    """Return the alarm an answer raises.

    `rows_before` is the number of rows in the last sound answer, `max_lag` the least that a question which is
    still watched allows, and `untold_since` as of the sound checks before; None where there is none.
    """
    if observation.shrunken or (observation.status == "empty" and lost_too_many(rows_before, 0)):
        return "shrunk"
    if not observation.sound or max_lag is None:
        return None
    if observation.watermark is not None:
        late = lags(query, observation.watermark, checked_at, max_lag)
    else:
        late = untold_since is not None and untold_too_long(query, untold_since, checked_at, max_lag)
    return "lagging" if late else None


def untold_since(session: Session, resource_id: int) -> datetime | None:
    """Return the first of the newest sound checks of a resource in succession that told no watermark, if any.

    What a check in between would have told, had it taken place, is not known: a missed one is no staleness.
    """
    sound = select(Check.checked_at).where(Check.resource_id == resource_id, col(Check.sound))
    told = session.exec(
        sound.where(col(Check.watermark).is_not(None)).order_by(col(Check.checked_at).desc()).limit(1)
    ).first()
    since = sound if told is None else sound.where(Check.checked_at > told)
    return session.exec(since.order_by(col(Check.checked_at)).limit(1)).first()


def stayed_smaller(session: Session, last: Seen, rows: int, now: datetime) -> bool:
    """Whether an answer that lost rows since the sound check `last` has been confirmed by those in between.

    It takes `CONSISTENT_CHECKS` shrunken answers in succession, this one of `rows` rows included, over at least
    `STAYED_SMALLER`, none of which lost more than a sound source loses since the one before. A check that failed
    says nothing either way; an empty answer starts the count anew.
    """
    between = session.exec(
        select(Check)
        .where(
            Check.resource_id == last.resource_id,
            col(Check.id) > last.id,
            col(Check.status).in_(("ok", "empty")),
        )
        .order_by(col(Check.id).desc())
    ).all()
    count, since = 1, now
    for check in between:
        if check.status == "empty" or lost_too_many(check.rows or 0, rows):
            break
        count, since, rows = count + 1, check.checked_at, check.rows or 0
    return count >= CONSISTENT_CHECKS and now - since >= STAYED_SMALLER


def regained(session: Session, last: Seen, rows: int) -> bool:
    """Whether the rows that were lost before `last.trusted_from` have come back."""
    before = session.exec(
        select(Check.rows)
        .where(Check.resource_id == last.resource_id, col(Check.sound), col(Check.checked_at) < last.trusted_from)
        .order_by(col(Check.checked_at).desc(), col(Check.id).desc())
        .limit(1)
    ).first()
    return not lost_too_many(before or 0, rows)


def alarms(session: Session, now: datetime) -> list[Alarm]:
    """Return the alarms that last at `now`, the oldest first, of the resources that are still checked."""
    later = aliased(Check)
    ended = (
        select(later.id)
        .where(
            later.resource_id == Check.resource_id,
            col(later.sound),
            col(later.alarm).is_(None),
            col(later.id) > Check.id,
            col(later.checked_at) <= now,
        )
        .exists()
    )
    found = session.exec(
        select(Check, Resource)
        .join(Resource, col(Resource.id) == col(Check.resource_id))
        .where(
            col(Check.alarm).is_not(None),
            col(Check.checked_at) <= now,
            col(Resource.next_due).is_not(None),
            ~ended,
        )
        .order_by(col(Check.resource_id), col(Check.id))
    ).all()
    return [alarm for alarm in episodes(found) if alarm.until is None]


def alarm_history(session: Session) -> list[Alarm]:
    """Return every alarm there has been, the oldest first."""
    found = session.exec(
        select(Check, Resource)
        .join(Resource, col(Resource.id) == col(Check.resource_id))
        .where(
            col(Check.resource_id).in_(select(Check.resource_id).where(col(Check.alarm).is_not(None))),
            or_(col(Check.alarm).is_not(None), col(Check.sound)),
        )
        .order_by(col(Check.resource_id), col(Check.id))
    ).all()
    return episodes(found)
