"""Alembic's entry: migrates the connection it is handed."""

from alembic import context
from sqlmodel import SQLModel

from forecasts import search, tables  # noqa: F401  (fills the metadata)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
    include_name=lambda name, kind, _parents: kind != "table" or not search.is_of_the_index(name),
)
with context.begin_transaction():
    context.run_migrations()
