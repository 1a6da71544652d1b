"""Migrations lead from nothing to the tables the code describes, and back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Engine, Table, inspect, text
from sqlmodel import SQLModel, select

from forecasts import search
from forecasts.errors import StoreError
from forecasts.store import _MIGRATIONS, SCHEMA_VERSION, Store
from forecasts.tables import Forecast, ReplayRun, Statement
from tests.support.clocks import FakeClock, at


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, new_database: Callable[..., str], clock: FakeClock) -> Iterator[Engine]:
    store = Store(new_database(request.param, migrated=False), clock)
    yield store.engine
    store.close()


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    return made


def run(engine: Engine, move: Callable[[Config, str], Any], revision: str) -> None:
    with engine.begin() as connection:
        made = config()
        made.attributes["connection"] = connection
        move(made, revision)


def tables(engine: Engine) -> set[str]:
    """Return the tables there are, without those of the full-text index, which is no table of the code's."""
    found = set(inspect(engine).get_table_names()) - {"alembic_version"}
    return {name for name in found if not search.is_of_the_index(name)}


def test_the_head_of_the_migrations_is_what_the_code_describes(engine: Engine) -> None:
    run(engine, command.upgrade, "head")
    with engine.connect() as connection:
        described = {"include_name": lambda name, kind, _: kind != "table" or not search.is_of_the_index(name)}
        context = MigrationContext.configure(connection, opts={"compare_type": True, **described})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_head_has_every_check_the_code_describes(engine: Engine) -> None:
    def of_the_code(table: Table) -> dict[str, str]:
        found = (check for check in table.constraints if isinstance(check, CheckConstraint))
        return {str(check.name): str(check.sqltext) for check in found}

    def of_the_database(table: Table) -> dict[str, str]:
        return {
            str(check["name"]): check["sqltext"] for check in inspect(engine).get_check_constraints(table.name)
        }

    run(engine, command.upgrade, "head")
    for table in SQLModel.metadata.tables.values():
        assert set(of_the_database(table)) == set(of_the_code(table)), table.name
        if engine.dialect.name == "sqlite":  # PostgreSQL rewrites the text of a check
            assert of_the_database(table) == of_the_code(table), table.name


def test_the_migrations_lead_back_to_nothing_and_up_again(engine: Engine) -> None:
    run(engine, command.upgrade, "head")
    assert tables(engine) == set(SQLModel.metadata.tables)
    run(engine, command.downgrade, "base")
    assert tables(engine) == set()
    run(engine, command.upgrade, "head")
    assert tables(engine) == set(SQLModel.metadata.tables)


def test_the_store_migrates_to_the_version_it_names(engine: Engine, clock: FakeClock) -> None:
    store = Store(engine.url.render_as_string(hide_password=False), clock)
    store.migrate()
    store.close()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [
            SCHEMA_VERSION
        ]


def test_the_version_the_code_needs_is_the_only_head() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [SCHEMA_VERSION]


# -- a registry that is there already --------------------------------------------------------------------------


OLD = (
    "INSERT INTO actor (id, key, name, kind) VALUES (1, 'ann', 'Ann', 'person')",
    "INSERT INTO replay_run (run_id, starts_at, ends_at) VALUES ('r', :at, :at)",
    "INSERT INTO revision (rev, recorded_at, actor_id, action) VALUES (1, :at, 1, 'register')",
    "INSERT INTO revision (rev, recorded_at, simulated_at, run_id, actor_id, action)"
    " VALUES (2, :at, :at, 'r', 1, 'check')",
    "INSERT INTO collection (id, key, name, method, description, rev) VALUES (1, 'c', 'C', 'hand-picked', 'D', 1)",
    "INSERT INTO article (id, key, label, collection_id, published_earliest, published_latest, date_basis, rev)"
    " VALUES (1, 'tarn', 'L', 1, :at, :at, 'B', 1)",
    f"INSERT INTO edition (id, article_id, sha256, characters, rev) VALUES (1, 1, '{'0' * 64}', 99, 1)",
    "INSERT INTO author (id, slug, name, kind, rev) VALUES (1, 'ada', 'Ada', 'person', 1)",
    'INSERT INTO statement (id, public_id, edition_id, start, "end", part, stated_by_id, stated_earliest,'
    " stated_latest, stated_basis, kind, checkability, checkability_reason, claim, rev)"
    " VALUES (1, 's-1', 1, 0, 5, 1, 1, :at, :at, 'B', 'unconditional', 'yes', 'R', 'It opens.', 1)",
    "INSERT INTO question (id, public_id, title, resolution_criteria, criterion, opens_at, opens_latest, deadline,"
    " zone, deadline_basis, reading, cluster, retrospective, rev)"
    " VALUES (1, 'q-1', 'T', 'C', '{}', :at, :at, :later, 'UTC', 'B', 'primary', 'c', :no, 1)",
    "INSERT INTO forecast (id, public_id, author_id, question_id, statement_id, stated_earliest, stated_at,"
    " version, change, asserts, probability_ppm, low_ppm, high_ppm, basis, bare_modal, rev)"
    " VALUES (1, 'f-1', 1, 1, 1, :at, :at, 1, 'original', 'yes', 1, 1, 1, 'stated', :no, 1)",
)


def fill(engine: Engine) -> None:
    """Fill a registry of schema 0001."""
    on_sqlite = engine.dialect.name == "sqlite"
    begun, later = at("2020-01-01"), at("2021-01-01")
    values: dict[str, Any] = {"at": begun, "later": later, "no": False}
    if on_sqlite:
        values |= {"at": "2020-01-01 00:00:00.000000", "later": "2021-01-01 00:00:00.000000"}
    run(engine, command.upgrade, "0001")
    with engine.begin() as connection:
        for statement in OLD:
            connection.execute(text(statement), {key: values[key] for key in values if f":{key}" in statement})


def test_what_is_there_already_can_be_searched(engine: Engine, clock: FakeClock) -> None:
    fill(engine)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO attached_copy (edition_id, text, rev) VALUES (1, 'Tolls are paid.', 1)")
        )
    store = Store(engine.url.render_as_string(hide_password=False), clock)
    store.migrate()
    with store.read() as session:
        for word, field in (("opens", "claim"), ("toll", "quotation"), ("T", "title"), ("ada", "author")):
            (term,) = search.terms_of(word)
            assert search.find(session, term)[field] == {1}, word
        (cut,) = search.terms_of("paid")  # lies beyond the span
        assert not any(search.find(session, cut).values())
    store.close()


def test_a_registry_that_is_there_already_is_kept_whole(engine: Engine, clock: FakeClock) -> None:
    fill(engine)
    store = Store(engine.url.render_as_string(hide_password=False), clock)
    store.migrate()
    with store.read() as session:
        kept = session.exec(select(Statement)).one()
        assert (kept.public_id, kept.claim, kept.stated_earliest) == ("s-1", "It opens.", at("2020-01-01"))
        assert (kept.version, kept.change, kept.supersedes_id, kept.reason) == (1, "original", None, None)
        assert session.exec(select(Forecast.statement_id)).one() == kept.id
        assert session.exec(select(ReplayRun.after_rev)).one() == 1  # the replay wrote revision 2
    values = kept.model_dump(exclude={"id", "public_id"})
    with store.write(actor="Ann", action="correct") as tx:
        changed = {
            "version": 2,
            "change": "correction",
            "supersedes_id": kept.id,
            "reason": "Misread.",
        }
        tx.append(Statement(id=2, public_id="s-2", **(values | changed)))
    with pytest.raises(StoreError), store.write(actor="Ann", action="register") as tx:
        tx.append(Statement(id=3, public_id="s-3", **(values | {"edition_id": 99, "part": 2})))
    if not store.on_postgres:
        with store.read() as session:
            connection = session.connection()
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    store.close()
