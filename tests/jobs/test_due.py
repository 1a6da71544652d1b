"""What is due: leases that one worker at a time holds, and when a resource is looked at again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from forecasts.model import QuestionState
from forecasts.store import Store
from forecasts.tables import Resource, Revision
from jobs import due
from jobs.due import LEASE, LONGEST, SHORTEST, Watch
from tests.support.clocks import FakeClock

NOW = datetime(2020, 6, 15, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# -- leases ----------------------------------------------------------------------------------------------------


def add_resources(store: Store, *due_at: datetime | None) -> None:
    with store.write(actor="Rita", action="register") as tx:
        for number, instant in enumerate(due_at):
            tx.append(
                Resource(public_id=f"u-{number:03}", source="event-table", query="{}", next_due=instant, rev=0)
            )


def resources(session: Session) -> dict[str, Resource]:
    return {row.public_id: row for row in session.exec(select(Resource).order_by(col(Resource.public_id)))}


def test_only_what_is_due_is_claimed_the_longest_waiting_first(store: Store, clock: FakeClock) -> None:
    now = clock.now()
    add_resources(store, now, now - HOUR, now + timedelta(seconds=1), None, now - DAY)
    leases = due.claim(store)
    assert [lease.due_at for lease in leases] == [now - DAY, now - HOUR, now]
    with store.read() as session:
        held = resources(session)
    assert {name for name, row in held.items() if row.lease_token} == {"u-000", "u-001", "u-004"}
    for lease in leases:
        (row,) = [row for row in held.values() if row.id == lease.resource_id]
        assert (row.lease_token, row.lease_until) == (lease.token, now + LEASE)
    assert len({lease.token for lease in leases}) == 3


def test_a_lease_is_nobody_elses_until_it_ends(store: Store, clock: FakeClock) -> None:
    add_resources(store, clock.now())
    (first,) = due.claim(store)
    clock.forward(LEASE - timedelta(microseconds=1))
    assert due.claim(store) == []
    clock.forward(timedelta(microseconds=1))
    (second,) = due.claim(store)
    assert (second.resource_id, second.due_at) == (first.resource_id, first.due_at)
    assert second.token != first.token


def test_a_lease_that_is_renewed_ends_later_unless_it_has_passed_to_another(
    store: Store, clock: FakeClock
) -> None:
    add_resources(store, clock.now())
    first = due.claim(store)
    clock.forward(LEASE / 2)
    due.renew(store, first)
    clock.forward(LEASE - timedelta(microseconds=1))
    assert due.claim(store) == []
    clock.forward(timedelta(microseconds=1))
    assert len(due.claim(store)) == 1
    clock.forward(LEASE / 2)
    due.renew(store, first)
    clock.forward(LEASE / 2)
    assert len(due.claim(store)) == 1


def test_a_batch_has_a_limit_and_the_rest_follows(store: Store, clock: FakeClock) -> None:
    add_resources(store, *[clock.now()] * (due.BATCH + 3))
    assert [len(due.claim(store)) for _ in range(3)] == [due.BATCH, 3, 0]


def test_leases_are_no_history(store: Store, clock: FakeClock) -> None:
    add_resources(store, clock.now())
    due.claim(store)
    with store.read() as session:
        assert len(session.exec(select(Revision)).all()) == 1


def test_two_workers_claim_each_resource_exactly_once(store: Store, clock: FakeClock) -> None:
    add_resources(store, *[clock.now()] * 200)
    started = threading.Barrier(2, timeout=30)

    def claim_all() -> list[int]:
        mine = Store(store.url, clock)
        try:
            started.wait()
            claimed = []
            while leases := due.claim(mine, limit=3):
                claimed += [lease.resource_id for lease in leases]
            return claimed
        finally:
            mine.close()

    with ThreadPoolExecutor(2) as workers:
        one, other = (worker.result(60) for worker in [workers.submit(claim_all) for _ in range(2)])
    assert len(one) + len(other) == len({*one, *other}) == 200


# -- when to look again ----------------------------------------------------------------------------------------

_seconds = st.integers(0, 15 * 365 * 86400)
_instants = _seconds.map(lambda seconds: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
_lengths = st.timedeltas(timedelta(), timedelta(days=400))
_states: st.SearchStrategy[QuestionState] = st.sampled_from(["open", "proposed", "disputed", "confirmed"])


@st.composite
def _watches(draw: st.DrawFn) -> Watch:
    opens_at = draw(_instants)
    deadline = opens_at + draw(st.timedeltas(timedelta(seconds=1), timedelta(days=2000)))
    state = draw(_states)
    later = draw(_instants)
    return Watch(
        state=state,
        opens_at=opens_at,
        deadline=deadline,
        grace=draw(_lengths),
        max_lag=draw(_lengths),
        closes_at=later if state == "proposed" else None,
        resting_since=max(later, deadline) if state == "confirmed" else None,
    )


def watch(**changes: object) -> Watch:
    given = {
        "state": "open",
        "opens_at": NOW - 100 * DAY,
        "deadline": NOW + 100 * DAY,
        "grace": 14 * DAY,
        "max_lag": 60 * DAY,
    }
    return Watch(**(given | changes))  # type: ignore[arg-type]


@given(st.lists(_watches(), max_size=4), _instants)
def test_the_next_look_lies_ahead_and_follows_from_what_is_known(watches: list[Watch], now: datetime) -> None:
    found = due.next_due("u-1", watches, now)
    assert found is None or found > now
    assert found == due.next_due("u-1", reversed(watches), now)
    each = [at for at in (due.next_due("u-1", [one], now) for one in watches) if at is not None]
    assert found == min(each, default=None)


@given(_watches(), _instants)
def test_no_deadline_grace_or_dispute_window_is_slept_through(one: Watch, now: datetime) -> None:
    assume(one.state != "confirmed")
    found = due.next_due("u-1", [one], now)
    assert found is not None
    for instant in (one.opens_at, one.deadline, one.deadline + one.grace, one.closes_at):
        if instant is not None and one.opens_at <= instant and instant > now:
            assert found <= instant


@given(_watches(), _instants)
def test_the_interval_is_between_an_hour_and_a_week(one: Watch, now: datetime) -> None:
    found = due.next_due("u-1", [one], now)
    assume(found is not None and now >= one.opens_at)
    assert found is not None
    assert found - now <= LONGEST
    exact = (one.deadline, one.deadline + one.grace, one.closes_at)
    assert found - now >= 0.9 * SHORTEST or found in exact


@given(_watches(), st.text(max_size=8), _instants)
def test_the_jitter_follows_from_the_resource_and_the_instant(one: Watch, name: str, now: datetime) -> None:
    assert due.next_due(name, [one], now) == due.next_due(name, [one], now)


def test_the_jitter_spreads_resources_and_takes_at_most_a_tenth() -> None:
    found = [due.next_due(f"u-{number}", [watch()], NOW) for number in range(50)]
    waits = [at - NOW for at in found if at is not None]
    whole = 100 * DAY / 20
    assert len(set(waits)) == 50
    assert all(0.9 * whole <= wait <= whole for wait in waits)
    assert max(waits) - min(waits) > 0.05 * whole


def test_a_question_that_has_not_opened_is_looked_at_when_it_does() -> None:
    assert due.next_due("u-1", [watch(opens_at=NOW + DAY)], NOW) == NOW + DAY


def test_the_nearer_the_deadline_the_shorter_the_interval() -> None:
    def wait(to_deadline: timedelta) -> timedelta:
        found = due.next_due("u-1", [watch(deadline=NOW + to_deadline)], NOW)
        assert found is not None
        return found - NOW

    assert 0.9 * LONGEST <= wait(1000 * DAY) <= LONGEST
    assert 0.9 * DAY <= wait(20 * DAY) <= DAY
    assert 0.9 * SHORTEST <= wait(5 * HOUR) <= SHORTEST
    assert wait(timedelta(minutes=5)) == timedelta(minutes=5)


def test_deadline_and_grace_are_met_exactly_one_after_the_other() -> None:
    one = watch(deadline=NOW, grace=2 * DAY)
    assert due.next_due("u-1", [one], NOW - timedelta(minutes=5)) == NOW
    seen, now = [], NOW
    while now < NOW + 2 * DAY:
        found = due.next_due("u-1", [one], now)
        assert found is not None
        seen.append(found)
        now = found
    assert seen[-1] == NOW + 2 * DAY
    after = due.next_due("u-1", [one], now)
    assert after is not None
    assert 0.9 * DAY <= after - now <= DAY  # an open question is never given up


def test_the_end_of_a_dispute_window_is_met_exactly() -> None:
    closes_at = NOW + timedelta(minutes=7)
    assert due.next_due("u-1", [watch(state="proposed", closes_at=closes_at)], NOW) == closes_at
    assert due.next_due("u-1", [watch(state="proposed", closes_at=NOW)], NOW) != NOW


def test_a_resolved_question_is_watched_weekly_until_its_lag_has_passed() -> None:
    one = watch(state="confirmed", deadline=NOW - 30 * DAY, resting_since=NOW - 30 * DAY)
    found = due.next_due("u-1", [one], NOW)
    assert found is not None
    assert 0.9 * LONGEST <= found - NOW <= LONGEST
    assert due.next_due("u-1", [one], NOW + 30 * DAY) is None
    assert due.next_due("u-1", [one], NOW + 30 * DAY - timedelta(seconds=1)) is not None


def test_nobody_asks_nothing_is_due() -> None:
    assert due.next_due("u-1", [], NOW) is None
