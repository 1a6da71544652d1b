"""How often a host is asked: the bucket, the breaker, Retry-After, and what they leave alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from jobs.fetch import HttpFetcher
from jobs.pacing import Pacer
from jobs.sources import catalogue
from jobs.worker import Worker
from tests.jobs.servers import Server, answer, reset, say, serve
from tests.jobs.tables import FILLING, HEADER, Jobs, Table
from tests.support import documents as d
from tests.support.clocks import FakeClock
from tests.support.desk import WINDOW, Desk


@dataclass
class Seconds:
    """A monotonic clock to set."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_holds_a_minute_and_fills_at_its_rate() -> None:
    clock = Seconds()
    pacer = Pacer(0.5, monotonic=clock)
    assert [pacer.wait("a") for _ in range(30)] == [0.0] * 30
    assert [pacer.wait("a") for _ in range(3)] == [2.0, 4.0, 6.0]  # each has a place of its own
    assert pacer.wait("b") == 0.0
    clock.now += 4
    assert [pacer.wait("a") for _ in range(2)] == [0.0, 0.0]
    assert pacer.wait("a") > 0
    clock.now += 3600
    assert sum(pacer.wait("a") == 0 for _ in range(100)) == 30


def test_in_the_long_run_a_host_is_asked_at_its_rate() -> None:
    clock = Seconds()
    pacer = Pacer(1.0, monotonic=clock)
    due = [0.0] * 1000
    asked = 0
    for _ in range(10):  # ticks of a minute; whoever is sent away comes back at their place
        now = clock.now - 1000
        ready = [at for at in due if at <= now]
        due = [at for at in due if at > now]
        for _at in ready:
            wait = pacer.wait("a")
            asked += not wait
            if wait:
                due.append(now + wait)
        clock.now += 60
    assert 590 <= asked <= 610


def test_a_rate_of_zero_sets_no_pace() -> None:
    pacer = Pacer(0, monotonic=Seconds())
    assert {pacer.wait("a") for _ in range(1000)} == {0.0}


def test_after_five_failures_a_host_is_left_alone_then_tried_once_and_the_pause_doubles() -> None:
    clock = Seconds()
    pacer = Pacer(0, monotonic=clock)
    for status in (None, 500, 429, 502, None):
        assert pacer.wait("a") == 0.0
        pacer.heard("a", status, None)
    assert pacer.wait("a") == 60.0
    assert pacer.wait("b") == 0.0
    for pause in (120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0):
        clock.now += pacer.wait("a")
        assert pacer.wait("a") == 0.0  # the trial
        assert pacer.wait("a") > 0  # and nobody else until it is heard
        pacer.heard("a", None, None)
        assert pacer.wait("a") == pause
    clock.now += 3600
    assert pacer.wait("a") == 0.0
    pacer.heard("a", 200, None)
    assert pacer.wait("a") == 0.0


@pytest.mark.parametrize("status", [200, 304, 404])
def test_failures_count_only_in_a_row(status: int) -> None:
    pacer = Pacer(0, monotonic=Seconds())
    for heard in [None, 500, 503, None, status] * 5:
        pacer.heard("a", heard, None)
    assert pacer.wait("a") == 0.0


def test_retry_after_holds_for_the_whole_host_and_no_success_of_another_resource_is_needed_after_it() -> None:
    clock = Seconds()
    pacer = Pacer(1.0, monotonic=clock)
    pacer.heard("a", 429, 600.0)
    assert pacer.wait("a") >= 600
    assert pacer.wait("b") == 0.0
    clock.now += 599
    assert pacer.wait("a") > 0
    clock.now += 2
    assert pacer.wait("a") == 0.0


def test_a_host_that_is_not_paced_is_left_alone_all_the_same_when_it_asks_for_it() -> None:
    pacer = Pacer(0.01, monotonic=Seconds())
    assert {pacer.wait("a", paced=False) for _ in range(100)} == {0.0}
    pacer.heard("a", 503, 30.0)
    assert pacer.wait("a", paced=False) == 30.0


def test_many_hosts_are_forgotten_when_there_is_nothing_to_remember() -> None:
    clock = Seconds()
    pacer = Pacer(1.0, monotonic=clock)
    pacer.heard("angry", 429, 1e5)
    for number in range(30_000):
        clock.now += 0.1
        pacer.wait(f"host-{number}")
    assert len(pacer._hosts) <= 10_002
    assert pacer.wait("angry") > 0


# -- through the worker ------------------------------------------------------------------------------------------


@contextmanager
def paced(desk: Desk, server: Server, pacer: Pacer) -> Iterator[Jobs]:
    """A worker over many hosts, which all lead to one server: the fetcher's resolver says so."""
    hosts = ("live.test", "dead.test")
    fetcher = HttpFetcher(
        seconds=2,
        max_bytes=100_000,
        contact="tests",
        allow_hosts=[f"{host}:1" for host in hosts] + list(hosts),
        resolve=lambda _host, _port: ["127.0.0.1"],
        pacer=pacer,
    )
    table = Table(desk.clock, server=server)
    try:
        yield Jobs(desk, table, Worker(desk.store, catalogue(), fetcher, dispute_window=WINDOW))
    finally:
        fetcher.close()


def ask_of(jobs: Jobs, host: str, count: int) -> None:
    port = jobs.table.url.split(":")[2].partition("/")[0]
    for number in range(count):
        query = d.event_leaf()["query"] | {"location": f"http://{host}:{port}/{host}?{number}"}
        jobs.ask(f"{host}-{number}", criterion=jobs.leaf(query=query))


def statuses(jobs: Jobs, host: str) -> list[str]:
    return [check["status"] for check in jobs.checks() if host in check["query"]["location"]]


def test_a_dead_host_is_given_up_after_five_checks_and_the_others_have_their_turn(
    desk: Desk, clock: FakeClock
) -> None:
    body = "\n".join([HEADER, *FILLING, ""]).encode()
    seconds = Seconds()

    def live(connection: object, headers: dict[str, str]) -> None:
        alive = "live.test" in headers["host"]
        (say(answer(body, date=clock.now())) if alive else reset)(connection, headers)  # type: ignore[arg-type]

    with serve(live) as server, paced(desk, server, Pacer(1.0, monotonic=seconds)) as jobs:
        ask_of(jobs, "dead.test", 12)
        ask_of(jobs, "live.test", 12)
        jobs.desk.clock.set("2020-02-01")
        assert jobs.worker.check_round() == 17
        assert statuses(jobs, "dead.test") == ["error"] * 5
        assert statuses(jobs, "live.test") == ["ok"] * 12
        put_back = [row.next_due for row in jobs.resources() if row.next_due and row.next_due > clock.now()]
        assert len(put_back) == 24
        assert all(row.lease_token is None for row in jobs.resources())
        clock.forward(timedelta(seconds=61))
        seconds.now += 61
        assert jobs.worker.check_round() == 1  # the trial; the rest are put back again
        assert statuses(jobs, "dead.test") == ["error"] * 6


def test_retry_after_keeps_the_resource_and_its_host_alone_and_the_due_time_outlives_the_process(
    desk: Desk, clock: FakeClock
) -> None:
    wait = timedelta(hours=50)
    angry = say(answer(b"", "429 Too Many Requests", Retry_After=str(int(wait.total_seconds()))))
    with serve(angry) as server:
        with paced(desk, server, Pacer(1.0)) as jobs:
            ask_of(jobs, "live.test", 3)
            jobs.desk.clock.set("2020-02-01")
            assert jobs.worker.check_round() == 1
            assert statuses(jobs, "live.test") == ["throttled"]
            due = sorted(row.next_due for row in jobs.resources() if row.next_due)
            assert due[-1] >= clock.now() + wait
            assert due[0] > clock.now() + wait - timedelta(seconds=5)  # real time passes on the pacer's own clock
            assert len(server.requests) == 1
        with paced(desk, server, Pacer(1.0)) as again:  # the process is another one, and knows of nothing
            clock.forward(wait - timedelta(seconds=5))
            assert again.worker.check_round() == 0
            assert len(server.requests) == 1
            clock.forward(timedelta(seconds=60))
            assert again.worker.check_round() >= 1
