"""What the jobs cost, as ratios in one run.

    uv run python -m tests.benchmarks.measure_jobs claim     # with ten thousand open questions and with a million
    uv run python -m tests.benchmarks.measure_jobs path      # a whole check against a bare fetch of the same body
    uv run python -m tests.benchmarks.measure_jobs day --resources 100000 --questions 1000000

Everything runs on SQLite in a temporary folder, against a server on the loopback in a process of its own.
"""

import argparse
import itertools
import multiprocessing
import os
import resource
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
from sqlmodel import col, func, select, update

from forecasts.model import Clock, Request
from forecasts.settings import Settings, load_settings
from forecasts.store import Store
from forecasts.tables import Check, Resource
from jobs import due
from jobs.clocks import SimulatedClock, SystemClock
from jobs.service import live_worker
from jobs.sources import catalogue
from tests.support.crowd import Crowd, table_of

COUNT = itertools.count()
OLD = timedelta(days=5)  # the event of the table lies before the questions open: nothing is decided by it


def listen(told: Connection, body: bytes, start: datetime) -> None:
    """Serve a body, each time with a new number in it, over connections that are kept, dated from `start` on."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    told.send(listener.getsockname()[1])
    date = [start]
    threading.Thread(target=lambda: [date.__setitem__(0, told.recv()) for _ in iter(int, 1)], daemon=True).start()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection, body, date), daemon=True).start()


def talk(connection: socket.socket, body: bytes, date: list[datetime]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    received = b""
    while True:
        while b"\r\n\r\n" not in received:
            part = connection.recv(65536)
            if not part:
                return
            received += part
        received = received.split(b"\r\n\r\n", 1)[1]
        shown = formatdate(date[0].timestamp(), usegmt=True)
        fresh = body % next(COUNT)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nDate: {shown}\r\nContent-Length: {len(fresh)}\r\n\r\n"
        )
        connection.sendall(head.encode() + fresh)


@contextmanager
def served(start: datetime) -> Iterator[tuple[str, Connection]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(
        target=listen,
        args=(theirs, table_of(start - OLD).replace(b"Traffic crosses", b"Traffic crosses %d"), start),
        daemon=True,
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/", ours
    finally:
        process.kill()


@contextmanager
def crowd(
    clock: Clock, address: str, *, resources: int, questions: int, due_days: float, all_due: bool
) -> Iterator[Store]:
    """Yield a registry with that many open questions, whose resources are due over some days, or all now."""
    now = clock.now()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'registry.db'}", clock)
        store.migrate()
        spread = timedelta(days=due_days) / resources
        Crowd(
            resources=resources,
            questions=questions,
            location=lambda n: f"{address}{n}.csv",
            opens_at=now - timedelta(days=1),
            due=lambda n: now - timedelta(microseconds=resources - n) if all_due else now + spread * n,
            deadline=lambda n: now + timedelta(days=1 + n % 365, seconds=n % 86_400),
            forecasts=False,
        ).write(store)
        yield store
        store.close()


def claim() -> None:
    """Claim batches where 6,660 resources are due and all others later."""
    print(f"| open questions | one claim of {due.BATCH} (median of 100) | ratio |\n| --- | --- | --- |")
    first = 0.0
    for number in (10_000, 1_000_000):
        clock = SimulatedClock(datetime.now(UTC))
        spread = 30 * number / 10_000  # as many come due each day, however many there are
        made = crowd(
            clock, "http://x.invalid/", resources=number, questions=number, due_days=spread, all_due=False
        )
        with made as store:
            clock.advance(clock.now() + timedelta(days=20))
            times = []
            for _ in range(100):
                began = time.perf_counter()
                assert len(due.claim(store)) == due.BATCH
                times.append(time.perf_counter() - began)
            median = statistics.median(times)
            first = first or median
            print(f"| {number:,} | {median * 1000:.2f} ms | {median / first:.2f} |", flush=True)


def path(number: int, repeats: int = 7) -> None:
    """Fetch bodies with nothing but httpx, then check as many resources, each time with bodies not seen before.

    The two follow on each other: on a machine shared with others a second makes a difference.
    """
    rows: dict[str, list[tuple[float, float]]] = {}

    def measured(name: str, work: Callable[[], object]) -> None:
        began, used = time.perf_counter(), time.process_time()
        work()
        rows.setdefault(name, []).append((time.perf_counter() - began, time.process_time() - used))

    with served(datetime.now(UTC)) as (address, _):
        locations = [f"{address}{n}.csv" for n in range(number)]
        made = crowd(SystemClock(), address, resources=number, questions=number, due_days=0, all_due=True)
        with made as store:
            worker, close = live_worker(store, catalogue(), settings(store))
            for repeat in range(repeats + 1):
                worker.fetcher.fetch(Request(address))
                measured("our fetcher alone", lambda: [worker.fetcher.fetch(Request(at)) for at in locations])
                with httpx.Client() as client:
                    client.get(address)
                    with ThreadPoolExecutor(due.PARALLEL) as pool:
                        measured(
                            f"bare httpx in {due.PARALLEL} threads", lambda: list(pool.map(client.get, locations))
                        )
                    measured("bare httpx", lambda: [client.get(at) for at in locations])
                name = "claim, fetch, decide, write" + ("" if repeat else ": the first check of each")
                measured(name, worker.check_round)
                with store.queue() as session:
                    session.execute(update(Resource).values(next_due=store.clock.now()))
            with store.read() as session:
                counts = session.exec(
                    select(func.count(), func.count(col(Check.evidence_sha256).distinct()))
                ).one()
            assert counts == ((repeats + 1) * number, (repeats + 1) * number), counts
            close()
    print(
        "| | a second | processor time each | rate, of bare in the same repeat | the same by processor time |\n"
        "| --- | --- | --- | --- | --- |"
    )
    for name, runs in rows.items():
        bare = rows["bare httpx"][: len(runs)] if "first" in name else rows["bare httpx"][-len(runs) :]
        rates, used = (
            ", ".join(f"{before[of] / took[of]:.2f}" for before, took in zip(bare, runs, strict=True))
            for of in (0, 1)
        )
        took, cost = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"| {name} | {number / took:.0f} | {cost / number * 1000:.2f} ms | {rates} | {used} |")


def day(resources: int, questions: int) -> None:
    """Run one worker through a simulated day, from one instant with something due to the next minute."""
    clock = SimulatedClock(datetime.now(UTC))
    start = clock.now()
    with served(start) as (address, told):
        made = crowd(clock, address, resources=resources, questions=questions, due_days=2, all_due=False)
        with made as store:
            print(f"filled, {memory():.0f} MB", flush=True)
            worker, close = live_worker(store, catalogue(), settings(store))
            store.clock = clock
            began, used, checks = time.perf_counter(), time.process_time(), 0
            while clock.now() < start + timedelta(days=1):
                clock.advance(clock.now() + timedelta(minutes=1))
                told.send(clock.now())
                time.sleep(0.002)
                checks += worker.check_round()
                worker.settle_round()
            took, cost = time.perf_counter() - began, time.process_time() - used
            close()
            size = store.engine.url.database
            assert size is not None
            stored = sum(Path(size + part).stat().st_size for part in ("", "-wal") if Path(size + part).exists())
    print("| checks | a second needed | a second possible | processor time | peak memory | database |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(
        f"| {checks:,} | {checks / 86_400:.2f} | {checks / took:.0f} | {cost:.0f} s ({cost / 864:.1f} % of a day) "
        f"| {memory():.0f} MB | {stored / 1e6:.0f} MB |"
    )


def settings(store: Store) -> Settings:
    os.environ |= {"CALLEDIT_ALLOW_HOSTS": "127.0.0.1", "CALLEDIT_HOST_RATE": "0"}
    return load_settings(database_url=store.url)


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("claim", "path", "day"))
    parser.add_argument("--resources", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=1_000_000)
    parser.add_argument("--checks", type=int, default=1_000)
    given = parser.parse_args()
    if given.what == "claim":
        claim()
    elif given.what == "path":
        path(given.checks)
    else:
        day(given.resources, given.questions)


if __name__ == "__main__":
    main()
