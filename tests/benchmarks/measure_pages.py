"""How long pages take on a registry of a million forecasts, warm and cold, beside an empty page of the server.

uv run python -m tests.benchmarks.measure_pages [--forecasts 1000000] [--keep FILE]
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert
from sqlmodel import select

import seeds
from forecasts import registry, tables
from forecasts.exchange.files import parse_document
from forecasts.lexicon import find_phrase
from forecasts.policy import POLICIES
from forecasts.resolving import brier_e12
from forecasts.store import Store, Transaction
from jobs.clocks import SystemClock
from jobs.sources import catalogue
from tests.support.clocks import at

READERS, CROWD, REQUESTS, ROUNDS, COLD = 50, 300, 2000, 7, 20
MOST_READ = 1_000_000
LISTS = (
    "/",
    "/authors",
    "/articles",
    "/questions",
    "/questions/q-000500",
    "/dossier?author=author-7",
    "/compare?a=author-7&b=author-8",
)
ARTICLES_EACH, READ_ONE_SOURCE = 20, 100
PHRASES = ("Likely", "Unlikely", "Almost Certain", "Highly Likely", "Remote Chance")
BEGAN = at("2019-01-01")


def fill(store: Store, *, authors: int, forecasts: int, questions: int, unpicked: int, seed: int = 0) -> None:
    """Write a registry with one of everything at its usual rate, all of it published.

    Every tenth question hangs on another, two share a group, a hundred read one source; 70 % are resolved by a
    check, some of those were reopened before. The articles of `unpicked` authors were not picked by hand.
    """
    rng = np.random.default_rng(seed)
    truth = rng.choice([0.05, 0.2, 0.4, 0.6, 0.8, 0.95], size=questions)
    with store.write(actor="seed", kind="seed", action="fill") as tx:
        outcomes = _questions(tx, rng, truth)
        _authors(tx, authors, unpicked)
        each = forecasts // authors
        lexicon = tx.session.exec(select(tables.Lexicon).where(tables.Lexicon.key == "capphrase")).first()
        assert lexicon is not None
        for start in range(0, authors, 20):
            rows: dict[Any, list[dict[str, Any]]] = {tables.Statement: [], tables.Forecast: [], tables.Score: []}
            for author in range(start, min(start + 20, authors)):
                _claims(rows, rng, author, each, truth, outcomes, lexicon)
            for table, listed in rows.items():
                _insert(tx, table, listed)


def _questions(tx: Transaction, rng: np.random.Generator, truth: np.ndarray[Any, Any]) -> list[str | None]:
    rows: dict[Any, list[dict[str, Any]]] = {
        table: []
        for table in (
            tables.Question,
            tables.Resource,
            tables.QuestionResource,
            tables.Check,
            tables.Resolution,
        )
    }
    outcomes: list[str | None] = []
    for k, share in enumerate(truth):
        key, deadline = k + 1, BEGAN + timedelta(days=int(rng.integers(200, 3000)))
        hangs = k % 10 == 9
        settled = rng.random() < 0.7
        outcome = ("yes" if rng.random() < share else "no") if settled else None
        if hangs and settled and outcomes[k - 1] != "yes":
            outcome = "annulled" if outcomes[k - 1] else None
        outcomes.append(outcome)
        rows[tables.Question].append(
            {
                "id": key,
                "public_id": f"q-{k:06}",
                "title": f"Does matter {k} come to pass before its time is over?",
                "resolution_criteria": "YES if the table lists it before the deadline.",
                "fine_print": None,
                "criterion": json.dumps({"type": "manual", "proposition": f"matter {k}"}),
                "opens_at": BEGAN,
                "opens_latest": BEGAN,
                "deadline": deadline,
                "zone": "UTC",
                "deadline_basis": "the text says so",
                "reading": "primary",
                "condition_id": k if hangs else None,
                "condition_outcome": "yes" if hangs else None,
                "cluster": f"c-{k // 2}",
                "reference_ppm": 600_000 if k % 3 else None,
                "reference_basis": "a market" if k % 3 else None,
                "retrospective": False,
            }
        )
        source, reader = k // READ_ONE_SOURCE + 1, k % READ_ONE_SOURCE
        if reader == 0:
            rows[tables.Resource].append(
                {
                    "id": source,
                    "public_id": f"w-{source:06}",
                    "source": "event_table",
                    "query": json.dumps({"location": f"{source}"}),
                }
            )
        rows[tables.QuestionResource].append({"question_id": key, "resource_id": source})
        rows[tables.Check] += [
            {
                "id": 5 * k + n + 1,
                "public_id": f"c-{k:06}-{n}",
                "resource_id": source,
                "due_at": deadline + timedelta(days=n, seconds=reader),
                "checked_at": deadline + timedelta(days=n, seconds=reader),
                "status": "ok",
                "sound": True,
                "rows": 100 + n,
            }
            for n in range(5)
        ]
        reopened = [("reopened", None)] if k % 100 == 1 else []
        ways = [
            ("proposed", outcome),
            *reopened,
            *([("proposed", outcome)] if reopened else []),
            ("confirmed", outcome),
        ]
        for number, (state, found) in enumerate(ways if outcome else (), 1):
            rows[tables.Resolution].append(
                {
                    "public_id": f"r-{k:06}-{number}",
                    "question_id": key,
                    "step": number,
                    "state": state,
                    "outcome": found,
                    "rule": "condition" if found == "annulled" else "criterion",
                    "reason": "The table says so.",
                    "actor_id": tx.actor_id,
                    "decided_at": deadline + timedelta(days=number),
                    "closes_at": deadline + timedelta(days=9) if state == "proposed" else None,
                    "check_id": 5 * k + min(number, 5),
                }
            )
    for table, listed in rows.items():
        _insert(tx, table, listed)
    return outcomes


def _authors(tx: Transaction, authors: int, unpicked: int) -> None:
    known = range(1, authors + 1)
    _insert(
        tx,
        tables.Author,
        [{"id": a, "slug": f"author-{a}", "name": f"Author {a}", "kind": "person", "note": None} for a in known],
    )
    _insert(
        tx,
        tables.Collection,
        [
            {
                "id": n,
                "key": f"choice-{n}",
                "name": f"Choice {n}",
                "method": method,
                "description": "As it says.",
            }
            for n, method in enumerate(("complete", "hand-picked"), 1)
        ],
    )
    places = [(a, (a - 1) * ARTICLES_EACH + n + 1) for a in known for n in range(ARTICLES_EACH)]
    _insert(
        tx,
        tables.Article,
        [
            {
                "id": article,
                "key": f"paper-{article}",
                "label": f"Paper of day {article}",
                "collection_id": 1 if a <= unpicked else 2,
                "published_earliest": BEGAN,
                "published_latest": BEGAN,
                "date_basis": "the date line",
            }
            for a, article in places
        ],
    )
    _insert(
        tx,
        tables.Edition,
        [
            {"id": article, "article_id": article, "sha256": f"{article:064}", "characters": 10**6}
            for _, article in places
        ],
    )
    _insert(
        tx,
        tables.Publication,
        [
            {
                "article_id": article,
                "author_id": a,
                "state": "published",
                "reason": "nobody to ask",
                "public_from": None,
                "notice": None,
            }
            for a, article in places
        ],
    )


def _claims(
    rows: dict[Any, list[dict[str, Any]]],
    rng: np.random.Generator,
    author: int,
    each: int,
    truth: np.ndarray[Any, Any],
    outcomes: list[str | None],
    lexicon: tables.Lexicon,
) -> None:
    asked = np.sort(rng.choice(len(truth), size=each, replace=False))
    said = np.clip(truth[asked] + rng.normal(0, 0.1, each), 0.01, 0.99).round(2)
    ways = rng.choice(["stated", "lexicon", "coder"], size=each, p=[0.6, 0.3, 0.1])
    for n, (k, p, basis) in enumerate(zip(asked.tolist(), said.tolist(), ways.tolist(), strict=True)):
        row = author * each + n + 1
        stated = BEGAN + timedelta(days=n % 180)
        phrase = PHRASES[row % len(PHRASES)] if basis == "lexicon" else None
        read = find_phrase(lexicon.phrases, phrase) if phrase else None
        low, ppm, high = (
            (read.low, read.median, read.high) if read else (round(p * 1e6), round(p * 1e6), round(p * 1e6))
        )
        rows[tables.Statement].append(
            {
                "id": row,
                "public_id": f"s-{row:08}",
                "edition_id": author * ARTICLES_EACH + n * ARTICLES_EACH // each + 1,
                "start": 100 * n,
                "end": 100 * n + 60,
                "part": 1,
                "stated_by_id": author + 1,
                "reported_via_id": None,
                "stated_earliest": stated,
                "stated_latest": stated,
                "stated_basis": "the date line",
                "kind": "restatement" if row % 50 == 0 else "conditional" if k % 10 == 9 else "unconditional",
                "hedge_phrase": phrase,
                "checkability": "yes",
                "checkability_reason": "It is public.",
                "claim": f"Matter {k} will come to pass, says number {row} of these claims.",
            }
        )
        rows[tables.Forecast].append(
            {
                "id": row,
                "public_id": f"f-{row:08}",
                "author_id": author + 1,
                "question_id": k + 1,
                "statement_id": row,
                "stated_earliest": stated,
                "stated_at": stated,
                "version": 1,
                "change": "original",
                "asserts": "yes",
                "probability_ppm": ppm,
                "low_ppm": low,
                "high_ppm": high,
                "basis": basis,
                "reason": "we read it so" if basis == "coder" else None,
                "phrase": phrase,
                "lexicon_id": lexicon.id if phrase else None,
                "bare_modal": False,
            }
        )
        outcome = outcomes[k]
        if outcome in ("yes", "no") and row % 50:
            rows[tables.Score] += [
                {
                    "forecast_id": row,
                    "resolution_id": _LAST_STEP[k],
                    "policy": policy,
                    "brier_e12": brier_e12(ppm, outcome),
                }
                for policy in POLICIES
                if policy == "broad" or basis != "coder"
            ]


_LAST_STEP: dict[int, int] = {}


def _insert(tx: Transaction, table: Any, rows: list[dict[str, Any]]) -> None:
    if table is tables.Resolution:
        for number, row in enumerate(rows, 1):
            row["id"] = number
            if row["state"] == "confirmed":
                _LAST_STEP[row["question_id"] - 1] = number
    extra = {} if table is tables.QuestionResource else {"rev": tx.rev}
    if rows:
        tx.session.connection().execute(insert(table), [row | extra for row in rows])


# -- the server and its readers ------------------------------------------------------------------------------


def serve(url: str, port: int) -> None:
    """Serve a registry as `calledit serve` does, with an empty page beside the others."""
    import uvicorn

    from forecasts.web.app import create_app
    from forecasts.web.responses import respond

    site = create_app(Store(url, SystemClock()))

    @site.get("/empty")
    async def empty() -> Any:
        return respond("<!doctype html><title>Nothing</title>")

    uvicorn.run(site, host="127.0.0.1", port=port, log_level="warning")


@contextmanager
def served(url: str) -> Iterator[tuple[int, int]]:
    """Run the server in a process of its own; give its port and process id."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.measure_pages", "--serve", url, str(port)])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


class Reader:
    """One reader on one connection, who does nothing with what comes but count it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._line: socket.socket | None = None
        self._room = bytearray(MOST_READ)

    async def get(self, path: str) -> tuple[int, int, float]:
        """Return the status, the bytes of the body as sent and the seconds that took."""
        loop = asyncio.get_running_loop()
        asked = f"GET {path} HTTP/1.1\r\nHost: site.test\r\nAccept-Encoding: gzip\r\n\r\n".encode()
        began = time.perf_counter()
        if self._line is None:
            self._line = socket.socket()
            self._line.setblocking(False)
            await loop.sock_connect(self._line, ("127.0.0.1", self._port))
        await loop.sock_sendall(self._line, asked)
        room = memoryview(self._room)
        got = await loop.sock_recv_into(self._line, room)
        while (end := self._room.find(b"\r\n\r\n", 0, got)) < 0:
            got += await loop.sock_recv_into(self._line, room[got:])
        head = bytes(room[:end]).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        while got < end + 4 + length:
            got += await loop.sock_recv_into(self._line, room[got:])
        return int(head.split()[1]), length, time.perf_counter() - began

    def close(self) -> None:
        """Leave."""
        if self._line is not None:
            self._line.close()


async def read_all(port: int, paths: Sequence[str], readers: int) -> list[tuple[int, int, float]]:
    """Have several readers read some addresses between them, each the next one as soon as it has the last."""
    waiting = iter(paths)
    found: list[tuple[int, int, float]] = []

    async def read() -> None:
        reader = Reader(port)
        found.extend([await reader.get(path) for path in waiting])
        reader.close()

    await asyncio.gather(*(read() for _ in range(readers)))
    return found


def told(what: str, found: Sequence[tuple[int, int, float]]) -> float:
    """Print how a round went, and return its 95th percentile in seconds."""
    seconds = sorted(second for _, _, second in found)
    p50, p95 = (seconds[int(len(seconds) * share)] for share in (0.5, 0.95))
    statuses = sorted({status for status, _, _ in found})
    size = max(length for _, length, _ in found)
    print(
        f"{what:44} p50 {p50 * 1e3:9.1f} ms, p95 {p95 * 1e3:9.1f} ms, status {statuses}, {size:>9,} bytes at most",
        flush=True,
    )
    return p95


def memory(process: int) -> float:
    """Return the most memory a process has held so far, in megabytes."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(url: str, authors: int) -> None:
    """Serve a registry and read it: cold, warm beside an empty page, and by a crowd."""

    def ask(paths: Sequence[str], readers: int) -> list[tuple[int, int, float]]:
        return asyncio.run(read_all(port, paths, readers))

    rng = np.random.default_rng(1)
    drawn = [f"/authors/author-{k + 1}" for k in rng.choice(authors, size=min(COLD, authors), replace=False)]
    with served(url) as (port, process):
        print(f"server just started: {memory(process):,.0f} MB", flush=True)
        told("cold: the first author page", ask(drawn[:1], 1))
        print(f"  {memory(process):,.0f} MB", flush=True)
        told(f"cold: {len(drawn) - 1} more authors, one reader", ask(drawn[1:], 1))
        for path in ("/leaderboard", *LISTS):
            told(f"cold: {path}", ask([path], 1))
        print(f"  {memory(process):,.0f} MB", flush=True)
        ratios: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            rounds = {
                "one author": [drawn[0]] * REQUESTS,
                "different authors": (drawn * REQUESTS)[:REQUESTS],
                "the leaderboard": ["/leaderboard"] * REQUESTS,
            }
            for what, paths in rounds.items():
                base = told(f"warm, {READERS} readers: an empty page", ask(["/empty"] * REQUESTS, READERS))
                p95 = told(f"warm, {READERS} readers: {what}", ask(paths, READERS))
                ratios.setdefault(what, []).append(p95 / base)
        for what, found in ratios.items():
            each = ", ".join(f"{ratio:.2f}" for ratio in found)
            print(f"p95 of {what}: {statistics.median(found):.2f} times that of an empty page ({each})")
        mixed = ["/empty", "/leaderboard", *LISTS, *drawn] * 100
        told(f"warm, {CROWD} readers: all of these", ask(mixed, CROWD))
        print(f"most memory the server has held: {memory(process):,.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forecasts", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--authors", type=int, default=1_000)
    parser.add_argument("--unpicked", type=int, default=50, help="authors of articles that nobody picked by hand")
    parser.add_argument("--keep", type=Path, help="keep the registry here, and use it where it is there")
    parser.add_argument("--serve", nargs=2, metavar=("URL", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], int(given.serve[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "many.db"
        url = f"sqlite:///{path}"
        if not path.exists():
            began = time.perf_counter()
            store = Store(url, SystemClock())
            store.migrate()
            for value in seeds.documents("lexicons").values():
                registry.register(store, parse_document(value), catalogue=catalogue(), actor="bench")
            fill(
                store,
                authors=given.authors,
                forecasts=given.forecasts,
                questions=given.questions,
                unpicked=given.unpicked,
            )
            store.close()
            size = path.stat().st_size / 1e6
            print(f"{given.forecasts:,} forecasts written in {time.perf_counter() - began:.0f} s, {size:,.0f} MB")
        measure(url, given.authors)


if __name__ == "__main__":
    main()
