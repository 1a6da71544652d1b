"""Running by itself: APScheduler ticks `check` and `settle`; what is due lives in the database."""

import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType

from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler

from forecasts.errors import CalleditError, ConflictError, InvalidInputError, UnavailableError
from forecasts.model import SourceCatalogue
from forecasts.settings import Settings
from forecasts.store import Store
from jobs import due
from jobs.clocks import SteadyClock
from jobs.fetch import live_fetcher
from jobs.status import Monitor
from jobs.worker import Worker

DRAIN_SECONDS = 10.0
RETRY = timedelta(seconds=2)  # after the database was away


def live_worker(store: Store, catalogue: SourceCatalogue, settings: Settings) -> tuple[Worker, Callable[[], None]]:
    """Return a worker on the live sources, and what closes it.

    It goes by the database's clock, which all workers share. Raises `ConflictError` on a replayed registry: live
    checks would mix two times.
    """
    with store.read() as session:
        if store.replay_run(session) is not None:
            raise ConflictError("This registry was written by a replay; live checks do not run on it.")
    store.clock = SteadyClock(store.database_time)
    fetcher = live_fetcher(settings)
    worker = Worker(
        store,
        catalogue,
        fetcher,
        dispute_window=settings.dispute_window,
        parallel=due.PARALLEL,
        clock_seen=settings.clock_seen,
    )
    return worker, fetcher.close


class Service:
    """A worker that ticks in the background, until it is drained."""

    def __init__(self, worker: Worker, close: Callable[[], None], seconds: float) -> None:
        self.worker = worker
        self._close = close
        logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a round longer than a tick is no trouble
        self._scheduler = BackgroundScheduler(timezone="UTC")
        for name, tick in (("check", worker.check_round), ("settle", worker.settle_round)):
            self._add(name, tick, seconds)
        self._scheduler.start()

    def _add(self, name: str, tick: Callable[[], int], seconds: float) -> None:
        """Tick every so many seconds; a tick that meets trouble says so, and tries again at its next turn.

        Where it is the database that is away, that turn comes soon.
        """

        def run() -> None:
            try:
                self._follow_the_clock()
                tick()
            except CalleditError as error:
                _say(f"calledit {name}: {error}")
                if isinstance(error, UnavailableError) and seconds > RETRY.total_seconds():
                    added[0].modify(next_run_time=datetime.now(UTC) + RETRY)
            except Exception as error:  # noqa: BLE001  (whatever it is, the next turn may fare better)
                what = " ".join(f"{type(error).__name__}: {error}".split())
                _say(f"calledit {name}: this round broke off ({what}); the next one goes on with what is due.")
                _tell_where(error)

        added: list[Job] = []
        added.append(
            self._scheduler.add_job(
                run,
                "interval",
                seconds=seconds,
                id=name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
                next_run_time=datetime.now(UTC),
            )
        )

    def _follow_the_clock(self) -> None:
        clock = self.worker.store.clock
        leap = clock.follow() if isinstance(clock, SteadyClock) else None
        if leap is not None:
            _say(f"calledit: {leap}")

    def drain(self, seconds: float = DRAIN_SECONDS) -> bool:
        """End what runs, and give back what it cannot finish in time; return whether everything has ended."""
        if not self.worker.stopping:
            self.worker.stop(seconds * 0.7)
        ending = threading.Thread(target=self._scheduler.shutdown, daemon=True)
        ending.start()
        ending.join(seconds * 0.9)
        if ending.is_alive() or self.worker.abandoned:
            return False
        self._close()
        return True


def _tell_where(error: BaseException) -> None:
    """Write to standard error where an error arose: files and lines, and no values, which may be secret."""
    for frame in traceback.extract_tb(error.__traceback__):
        print(f"  {frame.filename}:{frame.lineno} in {frame.name}", file=sys.stderr, flush=True)  # noqa: T201


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first SIGTERM or SIGINT; a second one ends the process there and then."""
    seen: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if seen:
            os._exit(128 + number)
        seen.append(number)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(service: Service | None) -> None:
    """Drain, and leave: a fetch that was abandoned is not waited for."""
    _say("Stopping: what runs is finished or given back.")
    if service is not None and not service.drain():
        sys.stdout.flush()
        os._exit(0)


def work(store: Store, catalogue: SourceCatalogue, settings: Settings) -> None:
    """Run the jobs until SIGTERM or SIGINT."""
    stopped = threading.Event()
    with _signals(stopped.set):
        service = Service(*live_worker(store, catalogue, settings), settings.tick_seconds)
        _say(f"Checking every {settings.tick_seconds:g} s. Stop with Ctrl-C.")
        stopped.wait()
        _end(service)


def serve(
    store: Store, catalogue: SourceCatalogue, settings: Settings, *, host: str, port: int, drafts: bool = False
) -> None:
    """Serve the pages, of what is public unless `drafts`, and run the jobs until stopped.

    A replayed registry is served without jobs.
    """
    import uvicorn

    from forecasts.web.app import create_app

    class Server(uvicorn.Server):
        """Leaves the signals to us."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    listener = _listen(host, port)
    with store.read() as session:
        replayed = store.replay_run(session) is not None
    shown = host if ":" not in host else f"[{host}]"
    here = f"http://{shown}:{listener.getsockname()[1]}"
    site = create_app(
        store,
        drafts=drafts,
        monitor=Monitor(store, jobs=not replayed),
        address=settings.public_url or here,
        dispute_window=settings.dispute_window,
    )
    server = Server(uvicorn.Config(site, log_level="warning", timeout_graceful_shutdown=5))

    service: Service | None = None

    def stop() -> None:
        server.should_exit = True
        if service is not None:
            service.worker.stop(DRAIN_SECONDS * 0.7)

    with _signals(stop):
        if not replayed:
            service = Service(*live_worker(store, catalogue, settings), settings.tick_seconds)
        jobs = "a replayed registry, no jobs run" if replayed else f"jobs tick every {settings.tick_seconds:g} s"
        _say(f"Serving {here} ({jobs}). Stop with Ctrl-C.")
        try:
            server.run(sockets=[listener])
        finally:
            _end(service)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidInputError(
            f"Cannot listen on {host}:{port} ({error.strerror}); choose another --port or --host."
        ) from None
