"""What every test can ask for: a database of either kind, a store on it, and a clock to set."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from forecasts.store import Store
from tests.support.clocks import FakeClock, at
from tests.support.commands import Run, runner
from tests.support.databases import Databases, empty, postgres_server
from tests.support.desk import Desk

settings.register_profile("calledit", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("calledit")

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The maker of databases; PostgreSQL starts when the first test asks for it."""

    def started() -> Generator[str, None, None]:
        with postgres_server() as url:
            yield url

    server = started()
    made = Databases(tmp_path_factory.mktemp("sqlite"), server)
    yield made
    made.drop_all()
    server.close()  # lets it stop, where it was started at all


@pytest.fixture
def new_database(databases: Databases) -> Iterator[Callable[..., str]]:
    """Make a database of a kind: `new_database("sqlite", migrated=False)`."""
    made: list[str] = []

    def make(kind: str, *, migrated: bool = True) -> str:
        made.append(databases.make(kind, migrated=migrated))
        return made[-1]

    yield make
    for url in made:
        databases.drop(url)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> str:
    """A migrated database with nothing in it, of each kind in turn."""
    return new_database(request.param)


@pytest.fixture
def clock() -> FakeClock:
    """A clock set to 2 January 2020, the day after the test article appeared."""
    return FakeClock(at("2020-01-02T00:00:00Z"))


@pytest.fixture(scope="session")
def stores(databases: Databases) -> Iterator[Callable[[str, FakeClock], Store]]:
    """One store of each kind for the whole session, emptied for each test: opening one costs more than a test."""
    opened: dict[str, Store] = {}

    def ready(kind: str, clock: FakeClock) -> Store:
        if kind not in opened:
            opened[kind] = Store(databases.make(kind), clock)
        else:
            empty(opened[kind])
        opened[kind].clock, opened[kind].run_id = clock, None
        return opened[kind]

    yield ready
    for store in opened.values():
        store.close()


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, stores: Callable[[str, FakeClock], Store], clock: FakeClock) -> Store:
    """An empty store on a database of each kind in turn."""
    return stores(request.param, clock)


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Desk:
    """A registry of each kind in turn."""
    return Desk(store, clock)


@pytest.fixture
def both_desks(stores: Callable[[str, FakeClock], Store], clock: FakeClock) -> dict[str, Desk]:
    """One registry of each kind, to compare them."""
    return {kind: Desk(stores(kind, clock), clock) for kind in KINDS}


@pytest.fixture
def calledit(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command in an empty folder, on the database of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLEDIT_DATABASE_URL", database_url)
    monkeypatch.setenv("CALLEDIT_DISPUTE_WINDOW", "PT0S")
    monkeypatch.setenv("CALLEDIT_ACTOR", "ann")
    return runner(monkeypatch, capsys)
