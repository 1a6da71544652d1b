"""An event table on a real server, edited and broken by a test, and a worker that reads it under a clock."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from forecasts.exchange.export import Record
from forecasts.store import Store
from forecasts.tables import Question, Resolution, Resource, Verdict
from jobs.fetch import HttpFetcher
from jobs.sources import catalogue
from jobs.worker import Worker
from tests.jobs.servers import Server, Talk, answer, serve
from tests.support import documents as d
from tests.support.clocks import FakeClock
from tests.support.desk import WINDOW, Desk

OPEN: list[tuple[str, str | None]] = []
PROPOSED_YES, PROPOSED_NO = ("proposed", "yes"), ("proposed", "no")
YES, NO, ANNULLED = ("confirmed", "yes"), ("confirmed", "no"), ("confirmed", "annulled")
REOPENED = ("reopened", None)

RIPE = "2020-07-08"  # the deadline and the grace
CLOSED = "2020-07-15"  # and the dispute window of what was proposed then

# What a socket does is the same over either database.
on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

HEADER = "occurred,zone,known_at,kind,actors,description,citation"
FILLING = [f"2019-{month:02}-15,UTC,,closing,The Bridge,Works,Gazette" for month in range(1, 13)]


def event(occurred: str, kind: str = "opening", zone: str = "Europe/Paris") -> str:
    return f"{occurred},{zone},,{kind},The Bridge,Traffic crosses,Gazette"


@dataclass
class Table:
    """Rows on a server; `instead` answers in their place. It starts with twelve rows no question asks about."""

    clock: FakeClock
    rows: list[str] = field(default_factory=lambda: list(FILLING))
    etags: bool = True
    instead: Talk | None = None
    server: Server = field(default_factory=lambda: Server(""))

    @property
    def url(self) -> str:
        return self.server.url

    def body(self) -> bytes:
        return "\n".join([HEADER, *self.rows, ""]).encode()

    def talk(self, connection: socket.socket, headers: dict[str, str]) -> None:
        if self.instead is not None:
            self.instead(connection, headers)
            return
        body = self.body()
        etag = f'"{hashlib.sha256(body).hexdigest()[:8]}"' if self.etags else ""
        if etag and headers.get("if-none-match") == etag:
            connection.sendall(answer(status="304 Not Modified", date=self.clock.now(), content_type=""))
        else:
            connection.sendall(answer(body, date=self.clock.now(), ETag=etag))


@contextmanager
def table_on(clock: FakeClock) -> Iterator[Table]:
    table = Table(clock)
    with serve(table.talk) as server:
        table.server = server
        yield table


@dataclass
class Jobs:
    """A worker with its desk and its table."""

    desk: Desk
    table: Table
    worker: Worker
    asked: int = 0

    @property
    def store(self) -> Store:
        return self.desk.store

    def leaf(self, **changes: Any) -> d.Item:
        """Return a criterion over the table: grace 7 days, two checks, complete up to a day before the fetch."""
        query = d.event_leaf()["query"] | {"location": self.table.url}
        return d.event_leaf(**({"query": query} | changes))

    def ask(self, key: str = "bridge", **changes: Any) -> str:
        """Register a question over the table, with a forecast of 0.7 by Ada Bell; return its public id.

        It opens with an article of 1 January 2020 (known to the half day), its deadline is 1 July, the grace a
        week; a no needs two sound checks.
        """
        self.asked += 1
        made = d.document(
            statements=[d.statement(f"s-{key}", claim=f"About {key}.", part=self.asked)],
            questions=[d.question(f"q-{key}", **({"criterion": self.leaf()} | changes))],
            forecasts=[d.forecast(f"s-{key}", f"q-{key}")],
        )
        return self.desk.ids(made)[f"q-{key}"]

    def over_both(self, other: Table, joined: str) -> d.Item:
        """Return a criterion over this table and another, joined by "all" or "any"."""
        second = self.leaf(query=self.leaf()["query"] | {"location": other.url})
        return {"type": joined, "of": [self.leaf(), second]}

    def rule(self, kind: str = "seed", **changes: Any) -> str:
        """Register a question with a ruling on it, by the founders or a person; return its public id."""
        made = d.document(rulings=[d.ruling(**changes)])
        registered = self.desk.register(made, actor="Rita Registrar" if kind == "person" else kind, kind=kind)  # type: ignore[arg-type]
        return registered.ids["questions"]["q-bridge"]

    def check_at(self, text: str) -> Record:
        """Set the clock, check what is due (the resource has to be), and return the newest check."""
        self.desk.clock.set(text)
        assert self.worker.check_round() > 0, "nothing was due"
        return self.checks()[-1]

    def work_at(self, *texts: str) -> None:
        """At each instant check what is due, then settle."""
        for text in texts:
            self.desk.clock.set(text)
            self.worker.check_round()
            self.worker.settle_round()

    def checks(self) -> list[Record]:
        return self.desk.export("checks")

    def steps(self, question: str) -> list[tuple[str, str | None]]:
        """Return state and outcome of each step of a question."""
        query = select(Resolution.state, Resolution.outcome).join(
            Question, col(Question.id) == col(Resolution.question_id)
        )
        with self.store.read() as session:
            found = session.exec(query.where(Question.public_id == question).order_by(col(Resolution.step))).all()
        return [(state, outcome) for state, outcome in found]

    def step(self, question: str) -> Record:
        """Return the latest step of a question."""
        return [row for row in self.desk.export("resolutions") if row["question"] == question][-1]

    def scores(self, question: str) -> list[tuple[str, float, bool]]:
        """Return outcome, Brier score and whether it is current of each broad score on a question, in order."""
        found = [row for row in self.desk.export("scores") if row["question"] == question]
        found.sort(key=lambda row: row["rev"])
        return [
            (row["outcome"], round(row["brier"], 9), row["current"]) for row in found if row["policy"] == "broad"
        ]

    def verdicts(self, question: str) -> list[tuple[str, str, bool]]:
        with self.store.read() as session:
            rows = session.exec(
                select(Verdict)
                .join(Question, col(Question.id) == col(Verdict.question_id))
                .where(Question.public_id == question)
                .order_by(col(Verdict.id))
            ).all()
        return [(row.value, row.reason, row.needs_person) for row in rows]

    def resources(self) -> list[Resource]:
        with self.store.read() as session:
            return list(session.exec(select(Resource).order_by(col(Resource.id))).all())


@contextmanager
def jobs_on(desk: Desk, table: Table, *, seconds: float = 1.0, window: timedelta = WINDOW) -> Iterator[Jobs]:
    fetcher = HttpFetcher(seconds=seconds, max_bytes=100_000, contact="tests", allow_hosts=["127.0.0.1"])
    try:
        yield Jobs(desk, table, Worker(desk.store, catalogue(), fetcher, dispute_window=window))
    finally:
        fetcher.close()
