"""Alarms as they are read from stored checks: when one began, and whether it lasts.

A check carries its alarm from when it was written. An alarm lasts until the next sound check without one: checks
that failed, and checks that never took place, neither raise nor end it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from forecasts.criteria import load_query
from forecasts.tables import Check, Resource


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm: of which resource, of what kind, from its first check to the check that ended it.

    `resource` is a public id and `place` the address the source is read from. `until` is None while it lasts,
    `checks` counts those that showed it, and `detail` is what the newest of them said.
    """

    resource: str
    source: str
    place: str
    kind: str
    since: datetime
    until: datetime | None
    checks: int
    detail: str


def episodes(checks: Iterable[tuple[Check, Resource]]) -> list[Alarm]:
    """Join the checks of each resource, which come in order, into alarms, the oldest first.

    Checks that neither carry an alarm nor are sound say nothing of one and are passed over.
    """
    ended: list[Alarm] = []
    lasting: dict[str, Alarm] = {}
    for check, resource in checks:
        if check.alarm is None and not check.sound:
            continue
        before = lasting.get(resource.public_id)
        if before is not None and check.alarm == before.kind:
            count, since = before.checks + 1, before.since
        else:
            if before is not None:
                ended.append(replace(lasting.pop(resource.public_id), until=check.checked_at))
            count, since = 1, check.checked_at
        if check.alarm is not None:
            lasting[resource.public_id] = Alarm(
                resource.public_id,
                resource.source,
                place_of(resource),
                check.alarm,
                since,
                None,
                count,
                check.problem or "",
            )
    return sorted([*ended, *lasting.values()], key=lambda alarm: (alarm.since, alarm.resource))


def place_of(resource: Resource) -> str:
    """Return where a resource is read from: its location, its service, or the name of its source."""
    query = load_query(resource.query)
    return str(query.get("location") or query.get("service") or resource.source)
