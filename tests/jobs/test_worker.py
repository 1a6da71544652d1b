"""Workers beside each other: who checks what, and nothing is doubled."""

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pytest
from sqlmodel import select

from forecasts import registry
from forecasts.errors import InvalidInputError
from forecasts.exchange.files import parse_document
from forecasts.model import Request, Response
from forecasts.store import Store
from forecasts.tables import Revision
from jobs.due import LEASE
from jobs.service import Service
from jobs.sources import Catalogue, catalogue
from jobs.sources.event_table import EventTable
from jobs.worker import Worker
from tests.jobs.servers import answer
from tests.jobs.tables import (
    OPEN,
    PROPOSED_YES,
    YES,
    Jobs,
    Table,
    event,
    jobs_on,
)
from tests.support import documents as d
from tests.support.clocks import FakeClock, at
from tests.support.desk import WINDOW, Desk

# -- leases ---------------------------------------------------------------------------------------------------


@dataclass
class Interrupted:
    """A fetcher that lets something happen while it waits for its answer."""

    body: bytes
    meanwhile: Callable[[], object]

    def ready_at(self, location: str, now: datetime) -> datetime | None:
        return None

    def fetch(self, request: Request) -> Response:
        self.meanwhile()
        return Response(200, self.body, "text/csv", None, None, None, None)


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_whoever_lost_the_lease_writes_nothing(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.desk.clock.set("2020-03-02")

    def overtaken() -> None:
        jobs.desk.clock.forward(LEASE)
        assert jobs.worker.check_round() == 1

    late = event("2020-03-01")
    fetcher = Interrupted(jobs.table.body() + late.encode() + b"\n", overtaken)
    slow = Worker(jobs.store, catalogue(), fetcher, dispute_window=WINDOW)
    before = jobs.desk.rev()
    assert slow.check_round() == 0
    assert len(jobs.checks()) == 1
    assert jobs.desk.rev() == before + 1
    assert jobs.steps(question) == OPEN
    assert jobs.resources()[0].lease_token is None


def test_a_worker_that_lives_keeps_what_it_has_in_hand_for_as_long_as_it_takes(jobs: Jobs) -> None:
    jobs.ask()
    jobs.desk.clock.set("2020-03-02")
    taken_over = []

    def take_long() -> None:
        for _ in range(2):
            jobs.desk.clock.forward(LEASE * 0.75)
            wait_until(
                lambda: (jobs.resources()[0].lease_until or at("2020-01-01")) >= jobs.desk.clock.now() + LEASE
            )
            taken_over.append(jobs.worker.check_round())

    fetcher = Interrupted(jobs.table.body(), take_long)
    slow = Worker(jobs.store, catalogue(), fetcher, dispute_window=WINDOW, parallel=2)
    assert slow.check_round() == 1
    assert taken_over == [0, 0]
    assert jobs.resources()[0].lease_token is None


def test_a_worker_that_died_leaves_the_resource_to_the_next(jobs: Jobs) -> None:
    jobs.ask()
    jobs.desk.clock.set("2020-03-02")

    def die() -> None:
        raise KeyboardInterrupt

    dying = Worker(jobs.store, catalogue(), Interrupted(b"", die), dispute_window=WINDOW)
    with pytest.raises(KeyboardInterrupt):
        dying.check_round()
    assert jobs.worker.check_round() == 0
    jobs.desk.clock.forward(LEASE)
    assert jobs.worker.check_round() == 1
    assert jobs.checks()[-1]["due_at"] < jobs.checks()[-1]["checked_at"]


def test_two_workers_at_once_check_each_resource_once(jobs: Jobs, table: Table, clock: FakeClock) -> None:
    for number in range(15):
        leaf = jobs.leaf(query=jobs.leaf()["query"] | {"zone": "UTC", "kind": f"k{number}"})
        jobs.ask(f"k{number}", criterion=leaf)
    clock.set("2020-03-02")
    table.instead = lambda connection, _: connection.sendall(answer(table.body(), date=clock.now()))

    def work() -> int:
        mine = Store(jobs.store.url, clock)
        try:
            with jobs_on(Desk(mine, clock), table, seconds=20) as hands:
                return hands.worker.check_round()
        finally:
            mine.close()

    with ThreadPoolExecutor(2) as pool:
        written = [worker.result(60) for worker in [pool.submit(work) for _ in range(2)]]
    assert sum(written) == 15
    checks = jobs.checks()
    assert len(checks) == len({check["resource"] for check in checks}) == 15
    assert all(resource.lease_token is None for resource in jobs.resources())


def test_workers_that_settle_at_once_take_each_step_once(jobs: Jobs, clock: FakeClock) -> None:
    ruled = jobs.rule()

    def settle() -> int:
        mine = Store(jobs.store.url, clock)
        try:
            return Worker(mine, catalogue(), jobs.worker.fetcher, dispute_window=WINDOW).settle_round()
        finally:
            mine.close()

    for text, steps in (("2020-06-02", [PROPOSED_YES]), ("2020-06-09", [PROPOSED_YES, YES])):
        clock.set(text)
        with ThreadPoolExecutor(4) as pool:
            taken = [worker.result(60) for worker in [pool.submit(settle) for _ in range(4)]]
        assert jobs.steps(ruled) == steps
        assert sum(taken) == 1


def test_a_resource_that_cannot_be_read_here_leaves_the_others_their_turn(desk: Desk, table: Table) -> None:
    class Retired(EventTable):
        """A source a later installation no longer has."""

        name = "retired-table"

    with jobs_on(desk, table) as jobs:
        leaf = jobs.leaf(query=jobs.leaf()["query"] | {"zone": "UTC"}, source="retired-table")
        made = d.document(
            statements=[d.statement("s-1"), d.statement("s-2", part=2)],
            questions=[d.question("q-1", criterion=leaf), d.question("q-2", criterion=jobs.leaf())],
            forecasts=[d.forecast("s-1", "q-1"), d.forecast("s-2", "q-2")],
        )
        both = Catalogue(EventTable(), Retired())
        registry.register(desk.store, parse_document(made), catalogue=both, actor="Rita Registrar")
        desk.clock.set("2020-02-01")
        with pytest.raises(InvalidInputError, match="no source 'retired-table'"):
            jobs.worker.check_round()
        assert [check["source"] for check in jobs.checks()] == ["event-table"]
        assert jobs.worker.check_round() == 0  # it waits for its lease to end


def test_a_check_and_all_that_follows_is_one_revision(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-03-01"))
    check = jobs.check_at("2020-03-02")
    assert jobs.step(question)["rev"] == check["rev"]
    with jobs.store.read() as session:
        revision = session.exec(select(Revision).where(Revision.rev == check["rev"])).one()
    assert revision.action == "check"
    assert check["actor"] == "calledit"


# -- ticking by itself ----------------------------------------------------------------------------------------


def test_a_round_that_breaks_off_says_so_in_a_sentence_and_the_next_one_goes_on(
    jobs: Jobs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    rounds, again = itertools.count(), threading.Event()

    def check_round() -> int:
        if next(rounds) == 0:
            raise RuntimeError("no\nroom")
        again.set()
        return 0

    monkeypatch.setattr(jobs.worker, "check_round", check_round)
    service = Service(jobs.worker, lambda: None, 0.05)
    try:
        assert again.wait(10)
    finally:
        assert service.drain()
    said = "this round broke off (RuntimeError: no room); the next one goes on with what is due."
    assert f"calledit check: {said}\n" in capsys.readouterr().out
    assert not caplog.records
