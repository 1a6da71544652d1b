"""The registry at one state, of which a page reads the part it is about."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from forecasts import tables
from forecasts.kept import Recent
from forecasts.ledger import Ledger
from forecasts.rows import Scope, touched
from forecasts.store import Store

Value = TypeVar("Value")
# Authors whose records are in memory together where everybody's are read: some thousand claims each.
AUTHORS_AT_ONCE = 50
# In the place of what would be made of an author of whom nothing is shown.
_NOTHING = object()


class Whole:
    """The registry at one state, of which ledgers are read that hold only what they are about."""

    def __init__(self, store: Store, rev: int, *, now: datetime, include_drafts: bool) -> None:
        self._store = store
        self.rev = rev
        self.now = now
        self.include_drafts = include_drafts
        self._remembered = Recent(1000)
        self.of_each: dict[Hashable, dict[int, Any]] = {}

    def carry_over(self, earlier: "Whole") -> None:
        """Take over what an earlier state made of each author about whom nothing has changed since.

        Both have to be the newest states of their time, of one registry.
        """
        with self._store.read() as session:
            changed = touched(session, (earlier.rev, self.rev), (earlier.now, self.now))
        if changed is not None:
            self.of_each = {
                key: {author: value for author, value in made.items() if author not in changed}
                for key, made in list(earlier.of_each.items())
            }

    def ledger(self, scope: Scope) -> Ledger:
        """Return the ledger that is complete for a scope."""
        with self._store.read() as session:
            within = Within(self, scope)
            return Ledger(session, self.rev, now=self.now, include_drafts=self.include_drafts, within=within)

    def read(self) -> AbstractContextManager[Session]:
        """Return a session on the registry as it is now: whoever reads with it holds rows against `rev`."""
        return self._store.read()

    def each(
        self, key: Hashable, make: Callable[[list[int]], Mapping[int, Value]], *, unpicked: bool = False
    ) -> dict[int, Value]:
        """Return what is made of each author, by row id, in the order of ids.

        It is made once for a state, of some authors at a time, and may rest on the author's own record and the
        instant of the state alone, without corrections. With `unpicked` it may leave out authors all of whose
        articles were picked by hand.
        """

        def make_all() -> dict[int, Value]:
            ids = self.author_ids(unpicked=unpicked)
            made: dict[int, Any] = self.of_each.get(key, {})
            missing = [author for author in ids if author not in made]
            for start in range(0, len(missing), AUTHORS_AT_ONCE):
                some = missing[start : start + AUTHORS_AT_ONCE]
                shown = make(some)
                made = made | {author: shown.get(author, _NOTHING) for author in some}
                self.of_each[key] = made  # a later state need not wait for the end
            return {author: made[author] for author in ids if made[author] is not _NOTHING}

        return self.remember(("each", key), make_all)

    def author_ids(self, *, unpicked: bool = False) -> list[int]:
        """Return the authors by row id, or those of them who speak in an article that was not picked by hand."""
        known = select(tables.Author.id).where(tables.Author.rev <= self.rev).order_by(col(tables.Author.id))
        if unpicked:
            speak = (
                select(tables.Statement.stated_by_id)
                .join(tables.Edition)
                .join(tables.Article)
                .join(tables.Collection)
                .where(tables.Collection.method != "hand-picked")
            )
            known = known.where(col(tables.Author.id).in_(speak))
        with self._store.read() as session:
            return list(session.exec(known).all())

    def deadlines(self) -> list[datetime]:
        """Return the deadlines of all questions, in order."""

        def make() -> list[datetime]:
            asked = select(tables.Question.deadline).where(tables.Question.rev <= self.rev).distinct()
            with self._store.read() as session:
                return sorted(session.exec(asked).all())

        return self.remember("deadlines", make)

    def remember(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return what was made under the key before, or make it."""
        return self._remembered.get(key, make)


@dataclass(frozen=True, slots=True)
class Within:
    """What a ledger is complete for, and the whole it is a part of."""

    whole: Whole
    scope: Scope
