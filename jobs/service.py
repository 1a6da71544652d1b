"""Running by itself: APScheduler ticks `check` and `settle`; what is due lives in the database."""

import signal
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler

from forecasts.errors import CalleditError, ConflictError, InvalidInputError
from forecasts.model import SourceCatalogue
from forecasts.settings import Settings
from forecasts.store import Store
from jobs.fetch import live_fetcher
from jobs.worker import Worker


def live_worker(store: Store, catalogue: SourceCatalogue, settings: Settings) -> tuple[Worker, Callable[[], None]]:
    """Return a worker on the live sources, and what closes it.

    Raises `ConflictError` on a replayed registry: live checks would mix two times.
    """
    with store.read() as session:
        if store.replay_run(session) is not None:
            raise ConflictError("This registry was written by a replay; live checks do not run on it.")
    fetcher = live_fetcher(settings)
    return Worker(store, catalogue, fetcher, dispute_window=settings.dispute_window), fetcher.close


def start_ticking(worker: Worker, seconds: float) -> Callable[[], None]:
    """Tick `check` and `settle` in the background; return what stops it when the running tick has ended."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for name, tick in (("check", worker.check_round), ("settle", worker.settle_round)):
        scheduler.add_job(
            _guarded(name, tick),
            "interval",
            seconds=seconds,
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )
    scheduler.start()
    return lambda: scheduler.shutdown(wait=True)


def _guarded(name: str, tick: Callable[[], int]) -> Callable[[], None]:
    """Let a tick that meets trouble say so and try again at its next turn."""

    def run() -> None:
        try:
            tick()
        except CalleditError as error:
            print(f"calledit {name}: {error}", flush=True)  # noqa: T201

    return run


def work(store: Store, catalogue: SourceCatalogue, settings: Settings) -> None:
    """Run the jobs until SIGTERM or SIGINT."""
    worker, close = live_worker(store, catalogue, settings)
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    stop_ticking = start_ticking(worker, settings.tick_seconds)
    print(f"Checking every {settings.tick_seconds:g} s. Stop with Ctrl-C.", flush=True)  # noqa: T201
    stopped.wait()
    stop_ticking()
    close()


def serve(
    store: Store, catalogue: SourceCatalogue, settings: Settings, *, host: str, port: int, drafts: bool = False
) -> None:
    """Serve the pages, of what is public unless `drafts`, and run the jobs until stopped.

    A replayed registry is served without jobs.
    """
    import uvicorn

    from forecasts.web.app import create_app

    listener = _listen(host, port)
    with store.read() as session:
        replayed = store.replay_run(session) is not None
    ending: list[Callable[[], None]] = []
    if not replayed:
        worker, close = live_worker(store, catalogue, settings)
        ending = [start_ticking(worker, settings.tick_seconds), close]
    shown = host if ":" not in host else f"[{host}]"
    jobs = "a replayed registry, no jobs run" if replayed else f"jobs tick every {settings.tick_seconds:g} s"
    print(f"Serving http://{shown}:{listener.getsockname()[1]} ({jobs}). Stop with Ctrl-C.", flush=True)  # noqa: T201
    try:
        uvicorn.Server(uvicorn.Config(create_app(store, drafts=drafts), log_level="warning")).run(
            sockets=[listener]
        )
    finally:
        for end in ending:
            end()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidInputError(
            f"Cannot listen on {host}:{port} ({error.strerror}); choose another --port or --host."
        ) from None
