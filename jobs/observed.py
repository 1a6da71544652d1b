"""What was observed in an answer, as values that JSON can carry and as lines for a terminal."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from forecasts.model import Event, Observation, iso
from forecasts.tables import Check
from jobs.board import Seen
from jobs.sources._bodies import quoted

ROWS_SHOWN = 20
_FIRST_ZONE = "Etc/GMT-14"  # where each day begins first


def trusted(observation: Observation, since: datetime | None) -> Observation:
    """Return an observation that says nothing of what was before an instant, where there is one."""
    if since is None:
        return observation
    return replace(observation, complete_from=max(since, observation.complete_from or since))


def as_checked(observation: Observation, check: Check | Seen) -> Observation:
    """Return what a check took from an answer that is read again: it was trusted, and complete, no further."""
    complete_to = observation.watermark and check.watermark and min(observation.watermark, check.watermark)
    return trusted(replace(observation, watermark=complete_to), check.trusted_from)


def newest_row(observation: Observation, now: datetime) -> datetime | None:
    """Return an instant that is past if the rows are true: the newest date they tell of.

    None where a row is dated after `now`: neither a plan nor a slip of the pen tells what time it is.
    """
    found = (event.interval(_FIRST_ZONE) for event in observation.events)
    newest = max((interval.start for interval in found if interval is not None), default=None)
    return newest if newest is not None and newest <= now else None


def described(observation: Observation) -> dict[str, Any]:
    """Return status, problems, reach, state and rows of an observation."""
    state = observation.state
    return {
        "status": observation.status,
        "problems": list(observation.problems),
        "complete_from": iso(observation.complete_from) if observation.complete_from else None,
        "watermark": iso(observation.watermark) if observation.watermark else None,
        "state": state
        and {
            "value": state.value if isinstance(state.value, bool | str) else str(state.value),
            "since": [iso(state.since.start), iso(state.since.end)] if state.since else None,
            "probability": None if state.probability is None else str(state.probability),
            "version": state.version or None,
        },
        "rows": [_row(event) for event in observation.events],
    }


def _row(event: Event) -> dict[str, Any]:
    return {
        "occurred": None if event.occurred is None else event.dated(),
        "zone": event.zone,
        "known_at": iso(event.known_at) if event.known_at else None,
        "kind": event.kind,
        "actors": list(event.actors),
        "description": event.description,
        "citation": event.citation,
        "id": event.id or None,
    }


def lines(shown: dict[str, Any], more: str) -> Iterator[str]:
    """Yield a described observation for people; what the source wrote is made fit for a terminal.

    `more` says how to see the rows that are left out.
    """
    for problem in shown["problems"]:
        yield f"problem: {quoted(problem)}"
    if shown["status"] != "ok":
        return
    reach = f" from {shown['complete_from']}" if shown["complete_from"] else ""
    yield f"complete{reach} to {shown['watermark'] or 'no known instant'}"
    if shown["state"]:
        state = {name: value for name, value in shown["state"].items() if value is not None}
        yield "state: " + ", ".join(f"{name} {quoted(_written(value))}" for name, value in state.items())
        return
    rows = shown["rows"]
    yield f"{len(rows)} rows"
    for row in rows[:ROWS_SHOWN]:
        yield f"  {row['occurred'] or 'undated'}  {quoted(row['kind'])}  {quoted(row['description'])}".rstrip()
    if len(rows) > ROWS_SHOWN:
        yield f"  and {len(rows) - ROWS_SHOWN} more; {more}"


def _written(value: object) -> str:
    return " to ".join(dict.fromkeys(value)) if isinstance(value, list) else str(value)
