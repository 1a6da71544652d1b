"""The store: one database, opened, migrated and written to in serialised, numbered transactions."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, inspect, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlmodel import Session, SQLModel, col, select

from forecasts import search
from forecasts.errors import ConflictError, InvalidInputError, StoreError, UnavailableError
from forecasts.model import ActorKind, Clock
from forecasts.tables import Actor, ReplayRun, Revision

SCHEMA_VERSION = "0007"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL keeps no NUL, and neither keeps lone surrogates
_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITE_LOCK = 0x63616C6C  # any fixed number: the name of the advisory lock that serialises writers


@dataclass(slots=True)
class Transaction:
    """A write transaction: everything appended in it carries `rev`; `discard` makes it as if never begun.

    `searched` are the rows appended whose texts enter the full-text index with them.
    """

    session: Session
    rev: int
    now: datetime
    actor: Actor
    discarded: bool = False
    searched: list[Any] = field(default_factory=list)

    @property
    def actor_id(self) -> int:
        """The row id of whoever writes."""
        return self.actor.id

    def append(self, row: Any) -> Any:
        """Add one row under this revision and return it with its row id.

        Raises `InvalidInputError` for a text that not every database can keep.
        """
        self.add(row)
        self.session.flush()
        return row

    def add(self, row: Any) -> None:
        """Add one row as `append` does, but write it with the next ones: it has no row id yet."""
        _refuse_unstorable(type(row), row)
        row.rev = self.rev
        self.session.add(row)
        if isinstance(row, search.INDEXED):
            self.searched.append(row)

    def insert(self, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
        """Append many rows of one table, which all name the same columns, in one statement.

        Raises `InvalidInputError` for a text that not every database can keep.
        """
        for row in rows:
            _refuse_unstorable(table, row.items())
        if rows:
            self.session.connection().execute(
                insert(table.__table__),  # type: ignore[attr-defined]
                [{**row, "rev": self.rev} for row in rows],
            )

    def discard(self) -> None:
        """Roll everything back at the end, without an error."""
        self.discarded = True


class Store:
    """One database, seen through one clock; `run_id` marks the writes of a replay."""

    def __init__(self, url: str, clock: Clock, *, run_id: str | None = None) -> None:
        self.url = url
        self.clock = clock
        self.run_id = run_id
        self.engine = _engine(url)

    @property
    def on_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Release every connection."""
        self.engine.dispose()

    def migrate(self) -> None:
        """Bring the schema to the version this code needs; refuse a newer one."""
        with _clear_errors(self.url):
            found = self._schema_version()
            if found == SCHEMA_VERSION:
                return
            from alembic import command
            from alembic.config import Config
            from alembic.script import ScriptDirectory

            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            if found and found not in {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}:
                raise StoreError(
                    f"The database is at schema {found}, which this version of calledit does not know: "
                    "install a newer calledit."
                )
            with self._migrating() as session:
                config.attributes["connection"] = session.connection()
                command.upgrade(config, "head")
                session.commit()

    @contextmanager
    def _migrating(self) -> Iterator[Session]:
        """Open a session that may rebuild a table that others refer to, which SQLite does by replacing it."""
        try:
            with self._writing(sqlite_foreign_keys="OFF") as session:
                yield session
        finally:
            if not self.on_postgres:
                self.engine.dispose()  # the next connection holds foreign keys again

    @property
    def place(self) -> str:
        """The database's address without a password."""
        return self.engine.url.render_as_string(hide_password=True)

    def has_schema(self) -> bool:
        """Whether the database holds a registry, even an empty one."""
        with _clear_errors(self.url):
            return self._schema_version() is not None

    def _schema_version(self) -> str | None:
        with self.engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading."""
        with _clear_errors(self.url), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def queue(self) -> Iterator[Session]:
        """Open a session that writes to the queue (leases, due times), which is no history and takes no rev."""
        with _clear_errors(self.url), self._begin_writing() as session:
            yield session
            session.commit()

    @contextmanager
    def write(self, *, actor: str, kind: ActorKind = "person", action: str) -> Iterator[Transaction]:
        """Open a serialised transaction with the next revision number; it commits at the end of the block."""
        with _clear_errors(self.url), self._writing() as session:
            now = self.clock.now()
            rev = (session.exec(select(func.max(Revision.rev))).one() or 0) + 1
            transaction = Transaction(session, rev, now, _actor(session, actor, kind))
            session.add(
                Revision(
                    rev=rev,
                    recorded_at=datetime.now(UTC),
                    simulated_at=now if self.run_id else None,
                    run_id=self.run_id,
                    actor_id=transaction.actor_id,
                    action=action,
                )
            )
            session.flush()
            yield transaction
            if transaction.discarded:
                session.rollback()
            else:
                if transaction.searched:
                    search.index(session, transaction.searched)
                session.commit()

    @contextmanager
    def _writing(self, **options: str) -> Iterator[Session]:
        """Open a session that no other numbered transaction overlaps."""
        with self._begin_writing(**options) as session:
            if self.on_postgres:
                session.connection().execute(text(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})"))
            yield session

    def _begin_writing(self, **options: str) -> Session:
        """Return a session that takes SQLite's write lock when it begins, not at its first write."""
        engine = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE", **options)
        return Session(engine, expire_on_commit=False)

    @contextmanager
    def only_replay(self) -> Iterator[None]:
        """Hold the lock that lets one replay at a time use this database; a killed holder releases it."""
        refused = ConflictError("Another replay is running on this database: wait for it or stop it.")
        if self.on_postgres:
            with self.engine.connect() as connection:
                if not connection.execute(text(f"SELECT pg_try_advisory_lock({_WRITE_LOCK + 1})")).scalar():
                    raise refused
                connection.commit()
                try:
                    yield
                finally:
                    connection.execute(text(f"SELECT pg_advisory_unlock({_WRITE_LOCK + 1})"))
            return
        lock = sqlite3.connect(f"{self.engine.url.database}.lock", timeout=0, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise refused from None
        else:
            yield
        finally:
            lock.close()

    def database_time(self) -> datetime:
        """Return what the clock of the database shows: on SQLite that of this machine."""
        if not self.on_postgres:
            return datetime.now(UTC)
        with self.read() as session:
            shown: datetime = session.connection().execute(text("SELECT clock_timestamp()")).scalar_one()
        return shown.astimezone(UTC)

    def revision_at(self, session: Session, as_of: datetime | None) -> int:
        """Return the last revision made at or before an instant, or the newest.

        An instant before the registry's first write lies in the past that a replay simulated, and is held
        against simulated time up to the first live write after it; any other is held against real time.
        """
        query = select(func.max(Revision.rev))
        if as_of is None:
            return session.exec(query).one() or 0
        first: datetime | None = session.exec(select(func.min(Revision.recorded_at))).one()
        if first is not None and first <= as_of:
            return session.exec(query.where(Revision.recorded_at <= as_of)).one() or 0
        live = self.live_since(session)
        query = query.where(col(Revision.simulated_at) <= as_of)
        return session.exec(query if live is None else query.where(Revision.rev < live)).one() or 0

    @staticmethod
    def live_since(session: Session) -> int | None:
        """Return the first live revision that follows one of a replay: from it on, time is real again."""
        replayed = select(func.min(Revision.rev)).where(col(Revision.run_id).is_not(None)).scalar_subquery()
        return session.exec(
            select(func.min(Revision.rev)).where(col(Revision.run_id).is_(None), col(Revision.rev) > replayed)
        ).one()

    def replay_run(self, session: Session) -> ReplayRun | None:
        """Return the replay that wrote this database, if one did."""
        return session.exec(select(ReplayRun)).first()


def _refuse_unstorable(table: type[SQLModel], values: Iterable[tuple[str, Any]]) -> None:
    for name, value in values:
        if isinstance(value, str) and _UNSTORABLE.search(value):
            raise InvalidInputError(
                f"{table.__name__.lower()}.{name} contains a character that cannot be stored "
                "(NUL or half of a surrogate pair); remove it."
            )


def _actor(session: Session, name: str, kind: ActorKind) -> Actor:
    if not name.strip() or _UNSTORABLE.search(name):
        raise InvalidInputError("Whoever writes to the registry is named in plain text: name an actor.")
    name = name.strip()
    actor = session.exec(select(Actor).where(Actor.key == name.casefold())).first()
    if actor is None:
        actor = Actor(key=name.casefold(), name=name, kind=kind)
        session.add(actor)
        session.flush()
    elif actor.kind != kind:
        raise ConflictError(f"The name {name!r} belongs to a {actor.kind} in this registry: use another name.")
    return actor


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=url.startswith("postgresql"))
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreError(
            'PostgreSQL needs its driver: install calledit with the extra, as in "calledit[postgres]".'
        ) from None
    except (ArgumentError, ValueError):
        raise StoreError(
            "This is no address of a database: write sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Take transactions into our own hands: the driver's default lets two writers claim one row."""
    connection.isolation_level = None
    for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if "sqlite_foreign_keys" in options:  # has no effect once the transaction has begun
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {options['sqlite_foreign_keys']}")
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))


@contextmanager
def _clear_errors(url: str) -> Iterator[None]:
    """Turn what a database driver raises into a sentence for the user; nothing was written."""
    try:
        yield
    except UnicodeEncodeError:
        raise InvalidInputError("What was asked for contains half of a surrogate pair; remove it.") from None
    except OperationalError as error:
        place = url.rsplit("@", 1)[-1]
        detail = str(error.orig).strip().splitlines()[0] if error.orig else "no detail"
        raise UnavailableError(
            f"The database {place} cannot be used ({detail}). Nothing was written; "
            "check CALLEDIT_DATABASE_URL, the server and the disk, then try again."
        ) from error
    except NoConnectionError as error:
        raise UnavailableError(
            "Every connection to the database is in use; nothing was written. Try again."
        ) from error
    except DBAPIError as error:
        detail = str(error.orig).strip().splitlines()[0]
        raise StoreError(f"The database refused the change and nothing was written: {detail}.") from error
