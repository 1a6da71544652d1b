"""The pure decision: what a criterion says at an instant, given what the sources said until then.

Three-valued: `unknown` is not `no`. A YES needs an event inside the window; a NO needs the end of the window
and of the grace, enough sound checks, one of them after the grace, and a source known to be complete. A state
decides either way, when the deadline and the grace have passed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from forecasts.criteria import (
    All,
    AnyOf,
    Criterion,
    EventLeaf,
    Manual,
    MarketMirror,
    Not,
    NumericThreshold,
    SourceLeaf,
    StateLeaf,
)
from forecasts.model import Event, Interval, Observation, State, iso

RULE_VERSION = "1"
Value = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch in which events count.

    What happens between `opens_at` and `opens_latest` may have come before the statement: a person decides.
    """

    opens_at: datetime
    opens_latest: datetime
    deadline: datetime

    def after(self, instant: datetime) -> "Window":
        """Return the part of the window that lies after an instant (a condition that was met)."""
        return replace(self, opens_at=max(self.opens_at, instant), opens_latest=max(self.opens_latest, instant))


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one resource: its last sound observation, its instant, the number of sound checks.

    `alarm` says that the source has shrunk or lags: then it supports no no. `earlier` is the
    reading from before the alarm, or of what this one does not cover: what a feed has forgotten, the state at the
    deadline.
    """

    observation: Observation
    checked_at: datetime
    sound_checks: int
    alarm: bool = False
    earlier: "Reading | None" = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the criterion says now, why, and when it happened and could be known."""

    value: Value
    reason: str
    occurred: Interval | None = None
    knowable_at: datetime | None = None
    needs_person: bool = False


def decide(
    criterion: Criterion,
    window: Window,
    readings: Mapping[tuple[str, str], Reading],
    now: datetime,
) -> Verdict:
    """Evaluate a criterion at `now`; `readings` maps (source, canonical query) to what is known of it."""
    if isinstance(criterion, Manual):
        return Verdict("unknown", "a named person decides this", needs_person=True)
    if isinstance(criterion, Not):
        return _negate(decide(criterion.criterion, window, readings, now))
    if isinstance(criterion, All | AnyOf):
        parts = [decide(part, window, readings, now) for part in criterion.of]
        return _join(parts, decisive="no" if isinstance(criterion, All) else "yes")
    reading = readings.get(criterion.resource)
    if reading is None:
        return Verdict("unknown", "no sound check of the source yet")
    return _decide_leaf(criterion, window, reading, now)


def _decide_leaf(leaf: SourceLeaf, window: Window, reading: Reading, now: datetime) -> Verdict:
    if isinstance(leaf, EventLeaf):
        verdict = _decide_events(leaf, window, reading, now)
    elif isinstance(leaf, StateLeaf):
        verdict = _decide_state(leaf, window, reading, now)
    else:
        verdict = _decide_market(leaf, window, reading, now)
    if verdict.value != "no" or not reading.alarm:
        return verdict
    if reading.earlier is not None and _decide_leaf(leaf, window, reading.earlier, now).value == "no":
        return verdict  # it was said before the alarm
    return Verdict("unknown", "the source has shrunk or lags: no no while that alarm lasts")


def covers(leaf: SourceLeaf, window: Window, observation: Observation) -> bool:
    """Whether what an observation lacks did not occur, and whether its state is that of the deadline.

    A feed that has forgotten, an answer that is complete to no known instant, and a state that has changed since
    the deadline do not say what was before: then an earlier reading does.
    """
    if isinstance(leaf, EventLeaf):
        reach = observation.complete_from
        return observation.watermark is not None and (reach is None or reach <= window.opens_at)
    if isinstance(leaf, StateLeaf):
        since = observation.state.since if observation.state is not None else None
        return since is None or since.end <= window.deadline
    return True


def _negate(verdict: Verdict) -> Verdict:
    if verdict.value == "unknown":
        return verdict
    return replace(verdict, value="no" if verdict.value == "yes" else "yes")


def _join(parts: list[Verdict], decisive: Value) -> Verdict:
    """Kleene's strong conjunction (`decisive` no) or disjunction (`decisive` yes)."""
    settled = [part for part in parts if part.value == decisive]
    if settled:
        return min(settled, key=lambda part: (part.knowable_at is None, part.knowable_at))
    unknown = [part for part in parts if part.value == "unknown"]
    if unknown:
        return Verdict(
            "unknown",
            "; ".join(dict.fromkeys(part.reason for part in unknown)),
            needs_person=any(part.needs_person for part in unknown),
        )
    dated = [part.occurred for part in parts if part.occurred is not None]
    return replace(
        parts[0],
        reason="; ".join(dict.fromkeys(part.reason for part in parts)),
        occurred=max(dated, key=lambda interval: interval.end) if dated else None,
        knowable_at=max((part.knowable_at for part in parts if part.knowable_at), default=None),
    )


def _decide_events(leaf: EventLeaf, window: Window, reading: Reading, now: datetime) -> Verdict:
    matching = [
        event for event in [*reading.observation.events, *_forgotten(leaf, reading)] if _matches(event, leaf)
    ]
    inside, unsure = _sort_events(matching, window, leaf, reading.checked_at)
    if len(inside) >= leaf.needed:
        interval, event = inside[leaf.needed - 1]
        known = (event.known_at or reading.checked_at for _, event in inside[: leaf.needed])
        return Verdict(
            "yes",
            f"{event.kind} on {event.dated()} lies inside the window"
            + (f" ({leaf.needed} of {leaf.needed} needed)" if leaf.needed > 1 else ""),
            occurred=interval,
            knowable_at=max(interval.start, *known),
        )
    if len(inside) + len(unsure) >= leaf.needed:
        return Verdict(
            "unknown",
            f"{_unsure(unsure[0], leaf, reading.checked_at)}: a person decides",
            needs_person=True,
        )
    verdict = _decide_absence(leaf, window, reading, now, found=len(inside))
    if verdict.value == "unknown" and reading.earlier is not None:
        before = _decide_events(leaf, window, reading.earlier, now)
        return before if before.value == "no" else verdict
    return verdict


def _forgotten(leaf: EventLeaf, reading: Reading) -> Iterator[Event]:
    """Yield the events of the earlier reading that the newer one lacks and does not speak of.

    A partial answer speaks of nothing that it lacks, another of what lies within its reach.
    """
    if reading.earlier is None:
        return
    observation, reach = reading.observation, reading.observation.complete_from
    seen = Counter(event.gist for event in observation.events)
    for event in reading.earlier.observation.events:
        interval = event.interval(leaf.event_tz)
        if seen[event.gist]:
            seen[event.gist] -= 1
        elif observation.partial or (reach and interval and _ends_before(interval, reach)):
            yield event


def _decide_absence(leaf: EventLeaf, window: Window, reading: Reading, now: datetime, *, found: int) -> Verdict:
    ripe_at = window.deadline + leaf.grace
    waiting = _waiting(leaf, window, reading, now)
    if waiting is not None:
        return Verdict("unknown", waiting)
    reach = reading.observation.complete_from
    if reach is not None and reach > window.opens_at:
        return Verdict("unknown", f"the source reaches back only to {iso(reach)}, not to the opening")
    if reading.observation.state is not None:
        return Verdict("unknown", "the source shows a state and no events, so none of them proves nothing")
    complete_to = reading.observation.watermark or window.deadline  # there is one, or it would still be waiting
    return Verdict(
        "no",
        f"{found} of {leaf.needed} needed events in the window, the source complete to {iso(complete_to)}",
        knowable_at=ripe_at,
    )


def _waiting(leaf: SourceLeaf, window: Window, reading: Reading, now: datetime) -> str | None:
    """Return what is still wanting before the deadline can be judged; None when nothing is."""
    ripe_at = window.deadline + leaf.grace
    watermark = reading.observation.watermark
    if now < ripe_at:
        return f"{'a no' if isinstance(leaf, EventLeaf) else 'an answer'} is possible from {iso(ripe_at)} on"
    if reading.checked_at < ripe_at:
        return "no sound check since the grace ended"
    if reading.sound_checks < leaf.min_checks:
        return f"{reading.sound_checks} sound checks of {leaf.min_checks} needed"
    if watermark is None or watermark < window.deadline:
        known = "at no known instant" if watermark is None else f"only to {iso(watermark)}"
        return f"the source is complete {known}, not to the deadline"
    return None


def _decide_state(leaf: StateLeaf, window: Window, reading: Reading, now: datetime) -> Verdict:
    """Judge the state that has held from the deadline or before up to the watermark: it held at the deadline."""
    state = reading.observation.state
    waiting = _waiting(leaf, window, reading, now)
    if waiting is not None:
        return Verdict("unknown", waiting)
    if reading.earlier is not None and not covers(leaf, window, reading.observation):
        state = reading.earlier.observation.state
    if state is None:
        return Verdict("unknown", "the source shows no state")
    if state.since is None:
        return Verdict(
            "unknown", "the source does not say since when this holds: a person decides", needs_person=True
        )
    if state.since.end > window.deadline:
        return Verdict(
            "unknown", "the state may have changed after the deadline: a person decides", needs_person=True
        )
    held = _compares(leaf, state) if isinstance(leaf, NumericThreshold) else _is_one_of(leaf.values, state)
    if held is None:
        return Verdict("unknown", f"the source shows {state.value}, which is no number", needs_person=True)
    return Verdict(
        "yes" if held else "no",
        f"at the deadline the source showed {state.value}, since {iso(state.since.start)}",
        occurred=Interval(window.deadline, window.deadline) if held else None,
        knowable_at=window.deadline + leaf.grace,
    )


def _compares(leaf: NumericThreshold, state: State) -> bool | None:
    if not isinstance(state.value, Decimal):
        return None
    threshold = Decimal(repr(leaf.threshold))
    return {
        "<": state.value < threshold,
        "<=": state.value <= threshold,
        ">": state.value > threshold,
        ">=": state.value >= threshold,
    }[leaf.op]


def _is_one_of(values: Iterable[str | bool], state: State) -> bool:
    return any(type(value) is type(state.value) and value == state.value for value in values)


def _decide_market(leaf: MarketMirror, window: Window, reading: Reading, now: datetime) -> Verdict:
    """Say what the market was resolved to, when that has stood for the grace."""
    state = reading.observation.state
    if state is None or state.value in ("open", "closed"):
        return Verdict("unknown", "the market is not resolved")
    if state.value not in ("yes", "no"):
        return Verdict(
            "unknown", f"the market is {state.value}, neither yes nor no: a person decides", needs_person=True
        )
    if state.since is None or state.since.start < window.opens_latest:
        when = "at an unknown time" if state.since is None else f"at {iso(state.since.start)}, before the opening"
        return Verdict("unknown", f"the market was resolved {when}: a person decides", needs_person=True)
    ripe_at = state.since.end + leaf.grace
    if min(now, reading.checked_at) < ripe_at:
        return Verdict("unknown", f"the market was resolved {state.value}; that counts from {iso(ripe_at)} on")
    if reading.sound_checks < leaf.min_checks:
        return Verdict("unknown", f"{reading.sound_checks} sound checks of {leaf.min_checks} needed")
    return Verdict(
        "yes" if state.value == "yes" else "no",
        f"the market was resolved {state.value} at {iso(state.since.start)}",
        occurred=state.since if state.value == "yes" else None,
        knowable_at=ripe_at,
    )


def _unsure(event: Event, leaf: EventLeaf, checked_at: datetime) -> str:
    doubt = _doubt(event, leaf, checked_at)
    if doubt is not None:
        return doubt
    return f"{event.kind} on {event.dated()} may lie inside the window or outside"


def _doubt(event: Event, leaf: EventLeaf, checked_at: datetime) -> str | None:
    """Return why a row that matches may yet not count, whenever it happened; None where it counts."""
    what = "kind" if not event.kind else "actors" if leaf.filter.actors and not event.actors else None
    if what is not None:
        return f"a row without {'a ' * (what == 'kind')}{what} on {event.dated()} may be what is asked about"
    if event.known_at is not None and event.known_at > checked_at:
        return f"{event.kind} on {event.dated()} is said to be known only from {iso(event.known_at)} on"
    return None


def _matches(event: Event, leaf: EventLeaf) -> bool:
    """Whether a row is of the kind and the actors asked for, or may be, because it names none."""
    of_kind = not event.kind or event.kind in leaf.filter.kind
    return of_kind and (not event.actors or set(leaf.filter.actors) <= set(event.actors))


def _sort_events(
    events: Iterable[Event], window: Window, leaf: EventLeaf, checked_at: datetime
) -> tuple[list[tuple[Interval, Event]], list[Event]]:
    """Return the events that certainly lie inside the window, in order, and those nobody can place or name.

    A row dated after the check that read it is an announcement, not an event.
    """
    inside: list[tuple[Interval, Event]] = []
    unsure: list[Event] = []
    for event in events:
        interval = event.interval(leaf.event_tz)
        if interval is None:
            unsure.append(event)
        elif interval.start > checked_at:
            continue
        elif interval.start >= window.opens_latest and _ends_before(interval, window.deadline):
            if _doubt(event, leaf, checked_at) is None:
                inside.append((interval, event))
            else:
                unsure.append(event)
        elif not (_ends_before(interval, window.opens_at) or interval.start >= window.deadline):
            unsure.append(event)
    inside.sort(key=lambda pair: (pair[0].end, pair[0].start))
    return inside, unsure


def _ends_before(interval: Interval, boundary: datetime) -> bool:
    """Whether all of a half-open interval, or its single instant, lies before a boundary."""
    return interval.end <= boundary if interval.end > interval.start else interval.start < boundary
