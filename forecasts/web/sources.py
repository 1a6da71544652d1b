"""What the pages on sources show: how each resource does, its checks, and one check with what was made of it."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import get_args

from forecasts.alarming import Alarm, episodes, place_of
from forecasts.exchange.export import check_record, resolution_record
from forecasts.ledger import Ledger
from forecasts.model import CheckStatus, iso
from forecasts.tables import Check, Question, Resource
from forecasts.web.lists import page_of, state_of
from forecasts.web.views import View, find, notes

STATUSES: tuple[str, ...] = get_args(CheckStatus)


Due = Mapping[str, datetime | None]


def sources_view(ledger: Ledger, page: int = 1, *, due: Due | None = None) -> View:
    """Return how each resource does, those with an alarm first.

    `due` says when each is due now, of which there is no history: it moves without a revision. Without it nothing
    is said of a queue.
    """

    def make() -> list[Resource]:
        return sorted(
            ledger.resources.values(),
            key=lambda row: (_alarm(ledger, row) is None, row.source, place_of(row), row.public_id),
        )

    resources = ledger.remember("resources by health", make)
    statuses = Counter(row.status for row in ledger.checks.values())
    return {
        **notes(ledger),
        "live": due is not None,
        "statuses": {name: statuses[name] for name in STATUSES},
        "checked": len(ledger.checks),
        "alarms": sum(_alarm(ledger, row) is not None for row in resources),
        "resources": page_of(resources, page, lambda row: _health(ledger, row, due)),
    }


def source_view(
    ledger: Ledger, public_id: str, *, page: int = 1, questions: int = 1, due: Due | None = None
) -> View:
    """Return one resource with its alarms, the questions that read it and its checks, the newest first."""
    resource = find(ledger, "resources", "source", public_id)
    checks = checks_of(ledger, resource.id)
    changed = {later.id for earlier, later in pairwise(checks) if earlier.status != later.status}
    return {
        **notes(ledger),
        "path": f"/sources/{public_id}",
        "live": due is not None,
        "resource": _health(ledger, resource, due) | {"query": resource.query},
        "alarms": [_told(alarm) for alarm in _alarms(ledger).get(public_id, [])][::-1],
        "questions": page_of(
            _readers(ledger).get(resource.id, []),
            questions,
            lambda row: {
                "question": row.public_id,
                "title": row.title,
                "deadline": iso(row.deadline),
                "state": state_of(ledger, row),
                "outcome": ledger.outcome(row.id),
            },
            name="questions",
        ),
        "checks": page_of(
            checks[::-1], page, lambda row: check_record(ledger, row) | {"changed": row.id in changed}
        ),
    }


def check_view(ledger: Ledger, public_id: str) -> View:
    """Return one check with what was said and decided at it."""
    check = find(ledger, "checks", "check", public_id)
    verdicts = [row for row in ledger.verdicts.values() if row.check_id == check.id]
    steps = [row for row in ledger.resolutions.values() if row.check_id == check.id]
    return {
        **notes(ledger),
        "check": check_record(ledger, check),
        "resource": resource_link(ledger.resources[check.resource_id]),
        "verdicts": [
            {
                "question": ledger.questions[row.question_id].public_id,
                "title": ledger.questions[row.question_id].title,
                "value": row.value,
                "reason": row.reason,
                "needs_person": row.needs_person,
            }
            for row in verdicts
        ],
        "steps": [
            resolution_record(ledger, row) | {"title": ledger.questions[row.question_id].title} for row in steps
        ],
    }


def checks_of(ledger: Ledger, resource_id: int) -> list[Check]:
    """Return the checks of a resource in order."""

    def make() -> dict[int, list[Check]]:
        found: dict[int, list[Check]] = {}
        for row in ledger.checks.values():
            found.setdefault(row.resource_id, []).append(row)
        return found

    by_resource: Mapping[int, list[Check]] = ledger.remember("checks by resource", make)
    return by_resource.get(resource_id, [])


def resource_link(resource: Resource) -> View:
    """Return what a link to a resource needs."""
    return {"resource": resource.public_id, "source": resource.source, "place": place_of(resource)}


def _health(ledger: Ledger, resource: Resource, due: Due | None) -> View:
    """Return how a resource does: its last check, its last sound one and how far that was complete."""
    checks = checks_of(ledger, resource.id)
    last = checks[-1] if checks else None
    sound = next((row for row in reversed(checks) if row.sound), None)
    alarm = _alarm(ledger, resource)
    statuses = Counter(row.status for row in checks)
    return resource_link(resource) | {
        "checks": len(checks),
        "statuses": {name: statuses[name] for name in STATUSES if statuses[name]},
        "last": _short(last),
        "sound": _short(sound),
        "watermark": iso(sound.watermark) if sound and sound.watermark else None,
        "lag": lag_words(sound.checked_at - sound.watermark) if sound and sound.watermark else None,
        "rows": sound.rows if sound else None,
        "late_rows": sum(row.late_rows or 0 for row in checks),
        "alarm": _told(alarm) if alarm else None,
        "failing": _failing(checks),
        "next_due": iso(again) if due and (again := due.get(resource.public_id)) else None,
        "questions": len(_readers(ledger).get(resource.id, [])),
        "public": ledger.label_of_resource(resource.id).startswith("published"),
    }


def _failing(checks: list[Check]) -> View | None:
    """Return how many checks in a row, up to the last, were not sound, whatever the reason, and since when."""
    streak = list(takewhile(lambda row: not row.sound, reversed(checks)))
    return {"times": len(streak), "since": iso(streak[-1].checked_at)} if streak else None


def lag_words(lag: timedelta) -> str:
    """Return how far a watermark lies behind its check, in the largest unit that fits.

    >>> lag_words(timedelta(days=14)), lag_words(timedelta(minutes=90)), lag_words(timedelta(seconds=-5))
    ('14 days', '1 hour', 'none')
    """
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if lag >= unit:
            count = lag // unit
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute" if lag > timedelta() else "none"


def _short(check: Check | None) -> View | None:
    if check is None:
        return None
    return {
        "check": check.public_id,
        "checked_at": iso(check.checked_at),
        "status": check.status,
        "sound": check.sound,
        "problem": check.problem,
    }


def _alarm(ledger: Ledger, resource: Resource) -> Alarm | None:
    """Return the alarm of a resource that lasts; what is no longer checked raises none."""
    if resource.next_due is None:
        return None
    return next((row for row in _alarms(ledger).get(resource.public_id, []) if row.until is None), None)


def _alarms(ledger: Ledger) -> Mapping[str, list[Alarm]]:
    """Return all alarms there were, by resource."""

    def make() -> dict[str, list[Alarm]]:
        checks = sorted(ledger.checks.values(), key=lambda row: (row.resource_id, row.id))
        found: dict[str, list[Alarm]] = {}
        for alarm in episodes((row, ledger.resources[row.resource_id]) for row in checks):
            found.setdefault(alarm.resource, []).append(alarm)
        return found

    return ledger.remember("alarms by resource", make)


def _told(alarm: Alarm) -> View:
    return {
        "kind": alarm.kind,
        "since": iso(alarm.since),
        "until": iso(alarm.until) if alarm.until else None,
        "checks": alarm.checks,
        "detail": alarm.detail,
    }


def _readers(ledger: Ledger) -> Mapping[int, list[Question]]:
    """Return the questions that read each resource, by deadline."""

    def make() -> dict[int, list[Question]]:
        found: dict[int, list[Question]] = {}
        for row in sorted(ledger.questions.values(), key=lambda row: (row.deadline, row.public_id)):
            for key in ledger.reads.get(row.id, []):
                found.setdefault(key, []).append(row)
        return found

    return ledger.remember("questions by resource", make)
