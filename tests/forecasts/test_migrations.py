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
from sqlmodel import SQLModel

from forecasts.store import _MIGRATIONS, SCHEMA_VERSION, Store
from tests.support.clocks import FakeClock


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
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_the_head_of_the_migrations_is_what_the_code_describes(engine: Engine) -> None:
    run(engine, command.upgrade, "head")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
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
