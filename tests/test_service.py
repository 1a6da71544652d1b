"""`calledit serve` as a process: APScheduler's own ticks check, confirm and score, with no further command."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from forecasts import registry
from forecasts.exchange.files import parse_document
from forecasts.ledger import read_ledger
from forecasts.reports import author_report
from forecasts.store import Store
from jobs.clocks import SystemClock
from jobs.sources import catalogue
from tests.test_cli import TEXT, document

PATIENCE = 60.0


class _Table(BaseHTTPRequestHandler):
    """Serves one event that occurred when the server started, and an older one."""

    occurred: datetime

    def do_GET(self) -> None:
        body = (
            "occurred,zone,known_at,kind,actors,description,citation\n"
            f"{self.occurred.isoformat()},UTC,,opening,The Bridge,Traffic crosses,City gazette\n"
            "2020-01-01,UTC,,closing,The Bridge,Works begin,City gazette\n"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet."""


@contextmanager
def table_server() -> Iterator[str]:
    _Table.occurred = datetime.now(UTC)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Table)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/events.csv"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def due_in_seconds(location: str, now: datetime) -> dict[str, Any]:
    """Two questions over the table that are decided within seconds: one yes, one no."""
    made = document()
    made["articles"][0]["published_earliest"] = (now - timedelta(minutes=2)).isoformat()
    made["articles"][0]["published_latest"] = (now - timedelta(minutes=1)).isoformat()
    base = made["questions"][0] | {
        "opens_at": (now - timedelta(minutes=1)).isoformat(),
        "opens_latest": (now - timedelta(minutes=1)).isoformat(),
        "deadline": (now + timedelta(seconds=3)).isoformat(),
    }
    criterion = {
        "type": "event_before_deadline",
        "source": "event-table",
        "query": {"location": location, "format": "csv", "watermark": {"from": "fetch_time", "lag": "PT0S"}},
        "event_tz": "UTC",
        "grace": "PT1S",
        "min_checks": 2,
        "max_lag": "P1D",
    }
    made["questions"] = [
        base | {"key": key, "criterion": criterion | {"filter": {"kind": [kind]}}}
        for key, kind in (("opens", "opening"), ("falls", "collapse"))
    ]
    statement = made["statements"][0]
    made["statements"] = [statement, statement | {"key": "falls", "part": 2}]
    made["forecasts"] = [
        made["forecasts"][0] | {"statement": "opens", "question": "opens", "probability": 0.9},
        made["forecasts"][0] | {"statement": "falls", "question": "falls", "probability": 0.2},
    ]
    return made


@contextmanager
def running(command: str, database_url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    env = os.environ | {
        "CALLEDIT_ALLOW_HOSTS": "127.0.0.1",
        "CALLEDIT_DATABASE_URL": database_url,
        "CALLEDIT_TICK_SECONDS": "0.2",
        "CALLEDIT_DISPUTE_WINDOW": "PT1S",
    }
    arguments = [command, "--port", "0"] if command == "serve" else [command]
    process = subprocess.Popen(
        [sys.executable, "-c", "from jobs.cli import main; main()", *arguments],
        env=env,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
        assert "Traceback" not in output, output


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_ticks_check_confirm_and_score_with_no_further_command(
    command: str, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "bridge.txt").write_bytes(TEXT.encode())
    store = Store(database_url, SystemClock())
    store.migrate()
    with table_server() as location:
        value = due_in_seconds(location, datetime.now(UTC))
        registry.register(store, parse_document(value), catalogue=catalogue(), actor="ann", folder=tmp_path)
        with running(command, database_url, tmp_path) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            scored = _wait_for_scores(store, 2)
            if command == "serve":
                url = said.split()[1]
                with urllib.request.urlopen(f"{url}/authors/the-mayor", timeout=10) as page:
                    assert "The Mayor" in page.read().decode()
    assert scored["policies"]["strict"]["brier"] == pytest.approx((0.1**2 + 0.2**2) / 2)
    assert sorted(row["forecasts"][0]["outcome"] for row in scored["statements"]) == ["no", "yes"]
    store.close()


def _wait_for_scores(store: Store, count: int) -> dict[str, Any]:
    """Look until the service has scored that many forecasts."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        report = author_report(read_ledger(store), "the-mayor", datetime.now(UTC))
        if report["policies"]["broad"]["scored"] == count:
            return report
        time.sleep(0.2)
    raise AssertionError(json.dumps(report["statements"], indent=1))
