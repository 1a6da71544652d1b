"""Columns of some authors at a state: what lists and comparisons of many read in the place of ledgers.

A ledger holds all that a page shows of somebody, row by row. Whoever counts or compares what thousands said reads
a few columns of it, by the same rules of what is shown.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy.orm import aliased
from sqlmodel import Session, case, col, exists, func, select

from forecasts import publishing, tables
from forecasts.ledger import Ledger
from forecasts.rows import in_parts
from forecasts.whole import Whole


class Said(NamedTuple):
    """What of one author in one article is shown: how many statements, and how many of them stand."""

    author_id: int
    article_id: int
    label: str
    statements: int
    standing: int


class Columns:
    """Columns of some authors at a state, of what is shown there."""

    def __init__(self, session: Session, whole: Whole, ids: Collection[int]) -> None:
        self._session = session
        self._whole = whole
        self._rev = whole.rev
        self.ids = list(ids)
        moves = sorted(self.by(tables.Publication, "author_id", ids), key=lambda row: row.rev)
        self._moves = {(row.article_id, row.author_id): row for row in moves}
        self._noticed_at = publishing.noticed_at(moves)
        self._taken_back = {key for some in in_parts(ids) for key in publishing.taken_back(session, some)}

    def shows(self, row: Any) -> bool:
        """Whether the record that a row belongs to is shown."""
        if self._whole.include_drafts:
            return True
        key = (row.article_id, row.author_id)
        return key not in self._taken_back and publishing.is_public(self._moves.get(key), self._whole.now)

    @cached_property
    def outgrown(self) -> set[int]:
        """Those who said more in a record after its notice was given: each statement has to be looked at."""
        found = self._said({author for _, author in self._noticed_at})
        last = {(row.article_id, row.author_id): row.last for row in found}
        return {key[1] for key, rev in self._noticed_at.items() if last.get(key, 0) > rev}

    def said(self) -> list[Said]:
        """Return what is shown of each author in each article, but of those with outgrown records."""
        return [
            Said(
                row.author_id,
                row.article_id,
                publishing.label(self._moves.get((row.article_id, row.author_id)), self._whole.now),
                row.statements,
                row.standing,
            )
            for row in self._said(key for key in self.ids if key not in self.outgrown)
            if self.shows(row)
        ]

    def _said(self, ids: Iterable[int]) -> Iterator[Any]:
        """Yield each author in each article: how many statements, how many stand, and the last revision."""
        statement, edition = tables.Statement, tables.Edition
        after = aliased(statement)
        replaced = exists().where(col(after.supersedes_id) == statement.id, col(after.rev) <= self._rev)
        columns: tuple[Any, ...] = (
            col(statement.stated_by_id).label("author_id"),
            edition.article_id,
            func.count().label("statements"),
            func.sum(case((replaced, 0), else_=1)).label("standing"),
            func.max(statement.rev).label("last"),
        )
        query = (
            select(*columns)
            .join_from(statement, edition)
            .where(statement.rev <= self._rev)
            .group_by(col(statement.stated_by_id), col(edition.article_id))
        )
        return self.parts(query, statement.stated_by_id, ids)

    def by(self, table: Any, name: str, ids: Iterable[int]) -> list[Any]:
        """Return the rows of a table whose field is one of some ids."""
        query = select(*table.__table__.c).where(table.rev <= self._rev)
        return list(self.parts(query, getattr(table, name), ids))

    def parts(self, query: Any, column: Any, ids: Iterable[int]) -> Iterator[Any]:
        """Yield what a query finds where a column is one of some ids."""
        for some in in_parts(ids):
            yield from self._session.execute(query.where(col(column).in_(some)))


def said_in(ledger: Ledger) -> list[Said]:
    """Return what a ledger shows of those it is complete for in each article."""
    subjects = {row.id for row in ledger.subjects}
    found: dict[tuple[int, int], list[tables.Statement]] = {}
    for row in ledger.every_statement.values():
        if row.stated_by_id in subjects:
            found.setdefault((row.stated_by_id, ledger.editions[row.edition_id].article_id), []).append(row)
    return [
        Said(author, article, ledger.label_of_all(standing or rows), len(rows), len(standing))
        for (author, article), rows in found.items()
        for standing in [[row for row in rows if row.id in ledger.statements]]
    ]
