"""A service that a test changes as it goes, and the worker that asks it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jobs.fetch import HttpFetcher
from jobs.sources import catalogue
from jobs.worker import Worker
from tests.jobs.servers import answer, serve
from tests.support import documents as d
from tests.support.desk import WINDOW, Desk


@dataclass
class Service:
    """What a server says (bytes, or a value that is written as JSON), and one question that is read from it."""

    desk: Desk
    demands: d.Item
    said: object = b""
    url: str = ""
    question: str = ""
    worker: Worker = field(init=False)

    def talk(self, connection: socket.socket, _headers: dict[str, str]) -> None:
        packed = self.said if isinstance(self.said, bytes) else json.dumps(self.said).encode()
        kind = "application/xml" if packed.startswith(b"<") else "application/json"
        connection.sendall(answer(packed, content_type=kind, date=self.desk.clock.now()))

    def ask(self, criterion: d.Item) -> None:
        made = d.document(
            statements=[d.statement("s-1")],
            questions=[d.question("q-1", criterion=self.demands | criterion)],
            forecasts=[d.forecast("s-1", "q-1")],
        )
        self.question = self.desk.ids(made)["q-1"]

    def work_at(self, *texts: str) -> list[tuple[str, str | None]]:
        """At each instant check and settle; return state and outcome of every step so far."""
        for text in texts:
            self.desk.clock.set(text)
            self.worker.check_round()
            self.worker.settle_round()
        return self.desk.steps(self.question)


@contextmanager
def service(desk: Desk, demands: d.Item, said: object = b"") -> Iterator[Service]:
    """Serve what is said on a loopback port; `demands` are of every criterion that is asked."""
    made = Service(desk, demands, said)
    fetcher = HttpFetcher(seconds=2, max_bytes=100_000, contact="tests", allow_hosts=["127.0.0.1"])
    made.worker = Worker(desk.store, catalogue(), fetcher, dispute_window=WINDOW)
    try:
        with serve(made.talk) as server:
            made.url = server.url
            yield made
    finally:
        fetcher.close()
