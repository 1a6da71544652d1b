"""Kills workers with SIGKILL at random instants and looks for what was lost, doubled or written by halves.

    uv run python -m tests.crash.harness --kills 1000 --checks 12000            # on SQLite, then on PostgreSQL

Every resource holds the event its question asks about: a first check proposes yes, a second one, when the
dispute window has closed, lets it be confirmed and scored. So each resource is checked exactly twice, however
often a worker died over it.
"""

import argparse
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import text

from forecasts.policy import POLICIES
from forecasts.store import Store
from jobs.clocks import SystemClock
from tests.crash.lives import live
from tests.jobs.servers import Talk, answer, serve
from tests.support.crowd import Crowd, table_of
from tests.support.databases import Databases, postgres_server
from tests.support.nursery import nursery

CHECKS_EACH = 2

# Each finds what must not be; all of it is one row a fault.
FAULTS = {
    "checks lost": """
        SELECT resource.id FROM resource LEFT JOIN source_check ON source_check.resource_id = resource.id
        GROUP BY resource.id HAVING COUNT(source_check.id) < 2""",
    "questions not resolved": """
        SELECT id FROM question WHERE id NOT IN (SELECT question_id FROM resolution WHERE state = 'confirmed')""",
    "leases left": "SELECT id FROM resource WHERE lease_token IS NOT NULL",
}
DOUBLED = {
    "checks doubled": "SELECT resource_id FROM source_check GROUP BY resource_id HAVING COUNT(*) > 2",
    "resolutions doubled": "SELECT question_id FROM resolution GROUP BY question_id, state HAVING COUNT(*) > 1",
}
# And these hold at every instant, whoever has just been killed.
TORN = {
    "resolutions without their scores": f"""
        SELECT resolution.id FROM resolution LEFT JOIN score ON score.resolution_id = resolution.id
        WHERE resolution.state = 'confirmed'
        GROUP BY resolution.id HAVING COUNT(score.id) <> {len(POLICIES)}""",
    "scores of another transaction": """
        SELECT score.id FROM score JOIN resolution ON resolution.id = score.resolution_id
        WHERE score.rev <> resolution.rev""",
    "proposals of another transaction than their check": """
        SELECT resolution.id FROM resolution JOIN source_check ON source_check.id = resolution.check_id
        WHERE resolution.state = 'proposed' AND resolution.rev <> source_check.rev""",
    "checks without their evidence": "SELECT id FROM source_check WHERE evidence_sha256 IS NULL",
    "transactions that left nothing": """
        SELECT rev FROM revision WHERE rev > 1 AND rev NOT IN (SELECT rev FROM source_check)
        AND rev NOT IN (SELECT rev FROM resolution)""",
}


@dataclass
class Crash:
    """What one run did, and the faults it found: how many rows of each."""

    checks: int = 0
    kills: int = 0
    fetches: int = 0
    seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)

    def look(self, store: Store, queries: dict[str, str]) -> None:
        """Count the faults that queries find."""
        with store.read() as session:
            for name, query in queries.items():
                found = len(session.connection().execute(text(query)).all())
                if found:
                    self.faults[name] = max(found, self.faults.get(name, 0))


@contextmanager
def workers(context: ForkServerContext, url: str, kind: str, count: int) -> Iterator[list[BaseProcess]]:
    """Run some workers, and kill what is left of them at the end."""
    running = [born(context, url, kind) for _ in range(count)]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.join()


def born(context: ForkServerContext, url: str, kind: str) -> BaseProcess:
    process = context.Process(target=live, args=(url, kind), daemon=True)
    process.start()
    return process


def table() -> Talk:
    """Serve a table in which what the questions ask about has happened."""
    body = table_of(datetime.now(UTC) - timedelta(minutes=5))

    def talk(connection: socket.socket, _headers: dict[str, str]) -> None:
        connection.sendall(answer(body))

    return talk


def fill(store: Store, resources: int, address: str) -> None:
    """Register resources that are due, with a question each."""
    now = datetime.now(UTC)
    Crowd(
        resources=resources,
        location=lambda n: f"{address}?{n}",
        opens_at=now - timedelta(hours=1),
        due=lambda n: now - timedelta(microseconds=resources - n),
        deadline=lambda _: now + timedelta(days=30),
    ).write(store)


def crash(
    url: str, *, resources: int, kills: int, seed: int, kind: str = "sound", patience: float = 60.0
) -> Crash:
    """Have two workers check every resource twice, and kill one of them `kills` times on the way."""
    rng, outcome, began = random.Random(seed), Crash(), time.monotonic()
    context = nursery()
    store = Store(url, SystemClock())
    whole = 4 * resources  # two checks, a proposal and a confirmation each
    with serve(table()) as server:
        fill(store, resources, server.url)
        with workers(context, url, kind, 2) as running:
            done, moved, next_at = 0, time.monotonic(), rng.random()
            while done < whole:
                if outcome.kills < kills and done >= whole * next_at / (kills + 1):
                    next_at = outcome.kills + 1 + rng.random()
                    time.sleep(rng.random() * 0.1)
                    victim = rng.randrange(2)
                    running[victim].kill()
                    running[victim].join()
                    running[victim] = born(context, url, kind)
                    outcome.kills += 1
                    outcome.look(store, TORN | DOUBLED)
                    if outcome.faults:
                        break
                time.sleep(0.01)
                before, done = done, _done(store)
                moved = time.monotonic() if done > before else moved
                if time.monotonic() - moved > patience:
                    break
            if not outcome.faults:
                _settle_down(store)
        outcome.fetches = len(server.requests)
    if not outcome.faults:
        outcome.look(store, FAULTS | DOUBLED | TORN)
    with store.read() as session:
        outcome.checks = session.connection().execute(text("SELECT COUNT(*) FROM source_check")).scalar_one()
    store.close()
    outcome.seconds = time.monotonic() - began
    return outcome


def _done(store: Store) -> int:
    with store.read() as session:
        query = text("SELECT (SELECT COUNT(*) FROM source_check) + (SELECT COUNT(*) FROM resolution)")
        done: int = session.connection().execute(query).scalar_one()
    return done


def _settle_down(store: Store, seconds: float = 10.0) -> None:
    """Wait until nothing is leased: what a dead worker held is taken over when its lease ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with store.read() as session:
            if session.connection().execute(text(FAULTS["leases left"])).first() is None:
                return
        time.sleep(0.1)


def main() -> None:
    """Run the long form on both databases and print a row of a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--checks", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=20_190_222)
    parser.add_argument(
        "--kind", default="sound", help="sound, or a broken worker: done later, no token, scores later"
    )
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    given = parser.parse_args()
    print("| database | kills | checks | fetches | seconds | faults |\n| --- | --- | --- | --- | --- | --- |")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = (url for url in [stack.enter_context(postgres_server())]) if given.on != ["sqlite"] else iter(())
        databases = Databases(folder, server)
        for database in given.on or ("sqlite", "postgresql"):
            url = databases.make(database)
            run = crash(url, resources=given.checks // 2, kills=given.kills, seed=given.seed, kind=given.kind)
            faults = ", ".join(f"{count} {name}" for name, count in run.faults.items()) or "none"
            print(
                f"| {database} | {run.kills} | {run.checks} | {run.fetches} | {run.seconds:.0f} | {faults} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
