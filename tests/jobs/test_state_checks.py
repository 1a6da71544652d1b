"""States through the whole path: fetched, archived, decided, confirmed, taken back; and beside a replay."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from forecasts import registry
from forecasts.exchange.files import parse_document
from forecasts.store import Store
from jobs.clocks import SystemClock
from jobs.fetch import HttpFetcher
from jobs.sources import catalogue
from jobs.worker import Worker
from tests.jobs.runs import Run, run
from tests.jobs.servers import answer, serve
from tests.jobs.sources.bodies import USGS_QUERY, market, ms
from tests.support import documents as d
from tests.support.clocks import at
from tests.support.desk import WINDOW, Desk

LAG = {"from": "fetch_time", "lag": "PT5M"}
DEMANDS: dict[str, Any] = {"grace": "P1D", "min_checks": 2, "max_lag": "P60D"}


@dataclass
class Service:
    """A JSON service that a test changes as it goes, and the worker that asks it."""

    desk: Desk
    said: object
    url: str = ""
    question: str = ""
    worker: Worker = field(init=False)

    def talk(self, connection: socket.socket, _headers: dict[str, str]) -> None:
        body = json.dumps(self.said).encode()
        connection.sendall(answer(body, content_type="application/json", date=self.desk.clock.now()))

    def ask(self, criterion: d.Item) -> None:
        made = d.document(
            statements=[d.statement("s-1")],
            questions=[d.question("q-1", criterion=DEMANDS | criterion)],
            forecasts=[d.forecast("s-1", "q-1")],
        )
        self.question = self.desk.ids(made)["q-1"]

    def work_at(self, *texts: str) -> list[tuple[str, str | None]]:
        """At each instant check and settle; return state and outcome of every step so far."""
        for text in texts:
            self.desk.clock.set(text)
            self.worker.check_round()
            self.worker.settle_round()
        steps = [row for row in self.desk.export("resolutions") if row["question"] == self.question]
        return [(row["state"], row["outcome"]) for row in steps]


@contextmanager
def service(desk: Desk, said: object) -> Iterator[Service]:
    made = Service(desk, said)
    fetcher = HttpFetcher(seconds=2, max_bytes=100_000, contact="tests", allow_hosts=["127.0.0.1"])
    made.worker = Worker(desk.store, catalogue(), fetcher, dispute_window=WINDOW)
    try:
        with serve(made.talk) as server:
            made.url = server.url
            yield made
    finally:
        fetcher.close()


def test_a_market_is_mirrored_and_a_resolution_that_is_taken_back_reopens(desk: Desk) -> None:
    with service(desk, market()) as asked:
        query = {"market": "abc123", "service": asked.url, "watermark": LAG}
        asked.ask({"type": "market_mirror", "source": "manifold", "query": query})
        assert asked.work_at("2020-01-20", "2020-02-10") == []
        asked.said = market(isResolved=True, resolution="YES", resolutionTime=ms("2020-03-01T00:00:00Z"))
        assert asked.work_at("2020-03-01T12:00:00") == []  # it has not stood for the grace
        confirmed = [("proposed", "yes"), ("confirmed", "yes")]
        assert asked.work_at("2020-03-10", "2020-03-18") == confirmed
        asked.said = market()
        assert asked.work_at("2020-04-10") == [*confirmed, ("reopened", None)]


def test_a_market_settled_at_a_fraction_is_left_to_a_person(desk: Desk) -> None:
    said = market(isResolved=True, resolution="MKT", resolutionTime=ms("2020-02-01T00:00:00Z"))
    with service(desk, said) as asked:
        query = {"market": "abc123", "service": asked.url, "watermark": LAG}
        asked.ask({"type": "market_mirror", "source": "manifold", "query": query})
        assert asked.work_at("2020-02-10", "2020-03-01", "2020-07-10", "2020-08-01") == []


def test_a_published_number_decides_after_the_deadline_and_a_blank_one_never(desk: Desk) -> None:
    with service(desk, {"rate": 5.25, "from": "2020-06-01T00:00:00Z"}) as asked:
        query = {"location": asked.url, "value": "$.rate", "since": "$.from", "watermark": LAG}
        leaf = {"type": "numeric_threshold", "source": "json-path", "query": query, "op": ">", "threshold": 5}
        asked.ask(leaf)
        assert asked.work_at("2020-06-10", "2020-06-25", "2020-07-01") == []
        number, asked.said = asked.said, {"rate": None, "from": None}
        assert asked.work_at("2020-07-03") == []
        asked.said = number
        assert asked.work_at("2020-07-10") == [("proposed", "yes")]
        assert asked.work_at("2020-07-18")[-1] == ("confirmed", "yes")


def test_a_replay_leaves_alone_what_asks_a_live_service(new_database: Callable[..., str]) -> None:
    url = new_database("sqlite")
    quake = DEMANDS | {
        "type": "event_before_deadline",
        "source": "usgs",
        "query": USGS_QUERY | {"start": "2020-01-01T00:00:00Z"},
        "filter": {"kind": ["nuclear explosion"]},
        "event_tz": "UTC",
    }
    made = d.document(
        statements=[d.statement("s-1")],
        questions=[d.question("q-1", criterion=quake)],
        forecasts=[d.forecast("s-1", "q-1")],
    )
    store = Store(url, SystemClock())
    try:
        ids = registry.register(store, parse_document(made), catalogue=catalogue(), actor="ann").ids["questions"]
    finally:
        store.close()
    assert run(url, at("2020-01-02"), at("2020-08-01")).checks > 0
    replayed = Run.read(url, ids)
    assert {check["status"] for check in replayed.export("checks")} == {"error"}
    assert replayed.outcome("q-1") == "open"
