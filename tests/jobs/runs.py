"""Replays of the founding articles for tests: registering the seeds, running, and reading what came of it."""

from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from sqlmodel import col, select

import seeds
from forecasts import registry
from forecasts.exchange.export import KINDS, Record, records
from forecasts.exchange.files import parse_document
from forecasts.ledger import Ledger, read_ledger
from forecasts.settings import Settings
from forecasts.store import Store
from forecasts.tables import Resource
from jobs.clocks import SystemClock
from jobs.replay import Replayed, replay
from jobs.sources import catalogue
from tests.support.clocks import at

TABLE = "seeds:events/korea.csv"
START, END = at("2019-02-22"), at("2023-02-28")
OF_THE_RUN = ("rev", "run_id", "recorded_at")


def register_seeds(url: str, *, rulings: bool = True) -> dict[str, str]:
    """Register the founding articles; return the public id of each question by its key in the seeds."""
    store = Store(url, SystemClock())
    ids: dict[str, str] = {}
    try:
        for document in seeds.documents().values():
            given = document if rulings else {**document, "rulings": []}
            parsed = parse_document(given)
            ids |= registry.register(store, parsed, catalogue=catalogue(), actor="seed", kind="seed").ids.get(
                "questions", {}
            )
    finally:
        store.close()
    return ids


def seed_table() -> str:
    """Return the event table of the founding articles."""
    return (files("seeds") / "events/korea.csv").read_text(encoding="utf-8")


def leases(url: str) -> list[str]:
    """Return the resources that a worker holds."""
    store = Store(url, SystemClock())
    try:
        with store.read() as session:
            held = select(Resource).where(col(Resource.lease_token).is_not(None))
            return [resource.public_id for resource in session.exec(held).all()]
    finally:
        store.close()


def run(url: str, start: datetime = START, end: datetime = END, **options: Any) -> Replayed:
    return replay(Settings(database_url=url), catalogue(), start=start, end=end, **options)


class CameTo(NamedTuple):
    """How a question came out, when what decided it occurred (UTC; empty for what did not), and by what rule."""

    outcome: str
    occurred: str
    rule: str


@dataclass
class Run:
    """What a replay left behind."""

    url: str
    ids: dict[str, str]
    ledger: Ledger

    @classmethod
    def read(cls, url: str, ids: dict[str, str]) -> "Run":
        store = Store(url, SystemClock())
        try:
            return cls(url, ids, read_ledger(store, include_drafts=True))
        finally:
            store.close()

    def export(self, kind: str) -> list[Record]:
        return records(self.ledger, kind)

    def exports(self) -> dict[str, list[Record]]:
        """Return every export, less what tells one run from another."""
        return {
            kind: [
                {name: value for name, value in row.items() if name not in OF_THE_RUN} for row in self.export(kind)
            ]
            for kind in KINDS
        }

    def last_step(self, key: str) -> Record:
        steps = [row for row in self.export("resolutions") if row["question"] == self.ids[key]]
        return steps[-1]

    def came_to(self) -> dict[str, CameTo]:
        """Return the outcome of each question by its key, when what decided it occurred, and by what rule."""
        keys = {public_id: key for key, public_id in self.ids.items()}
        found = {}
        for step in self.export("resolutions"):
            when = [step[name] for name in ("occurred_at", "occurred_until") if step[name]]
            occurred = " to ".join(instant.removesuffix(":00Z") for instant in dict.fromkeys(when))
            found[keys[step["question"]]] = CameTo(step["outcome"], occurred, step["rule"].partition("/")[0])
        return found

    def outcome(self, key: str) -> str:
        return self.ledger.outcome(self.ledger.question(self.ids[key]).id)


def tell(url: str, start: datetime, end: datetime, listener: Connection) -> None:
    """Run a replay that tells each moment it has done: what a process runs until it is killed."""
    run(url, start, end, progress=listener.send)
