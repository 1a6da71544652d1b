"""Reading the store for the pages: each ledger and each picture is made once for a revision."""

from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

# Scores load pandas when first needed, and Altair trips over a pandas that another thread has half loaded.
import pandas as pd  # noqa: F401
from sqlmodel import Session, col, func, select

from forecasts import search
from forecasts.errors import NotFoundError
from forecasts.evidence import retrieve_from
from forecasts.kept import Recent
from forecasts.leaderboard import Board, leaderboard
from forecasts.ledger import AsOf, Ledger, Replay, instant_of, refuse_future, replay_at
from forecasts.model import iso
from forecasts.reports import Report, author_report
from forecasts.rows import Kind, Scope, scope_of
from forecasts.search import Found, Term
from forecasts.store import Store
from forecasts.tables import Publication, Question, Redaction, Resource, Revision
from forecasts.web.author import author_file, pictures
from forecasts.whole import Whole

#: What a page is about, by kind and name; everybody's records, a few at a time; or (None) all there is at once.
About = tuple[Kind, str] | Literal["everybody"] | None
#: Rows of ledgers kept in memory: a row takes a kilobyte or two.
ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Newest:
    """What a registry is at its newest revision, as far as pages that show any revision depend on it.

    What is redacted or taken back is so for every revision; `embargoes` and `deadlines` are all, in order.
    """

    rev: int
    replay: Replay | None
    moved: int | None
    redacted: int | None
    embargoes: Sequence[datetime]
    deadlines: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class State:
    """What a page shows: the registry at a revision and an instant.

    Two states of one `key` are told apart by the time of day alone.
    """

    rev: int
    now: datetime
    key: Hashable
    newest: bool


class Desk:
    """One store as the pages see it; everything here blocks and belongs in a thread.

    Without `drafts` it sees only what is public.
    """

    def __init__(self, store: Store, *, drafts: bool = False) -> None:
        self._store = store
        self._drafts = drafts
        self._newest = Recent(2)
        self._cuts = Recent(1000)
        self._wholes = Recent(4)
        self._latest: Whole | None = None  # of the newest states
        self._ledgers = Recent(ROWS, weigh=lambda _key, ledger: ledger.size)
        self._computed = Recent(16)

    def newest(self) -> Newest:
        """Return what the registry is now: one look at its newest revision, and at the rest where it is new."""
        with self._store.read() as session:
            rev = self._store.revision_at(session, None)
            return self._newest.get(rev, lambda: _newest(session, rev))

    def state(self, newest: Newest, as_of: AsOf = None) -> State:
        """Return the state asked for; where that is the newest, the database is not asked.

        Raises `InvalidInputError` for an instant to come and `NotFoundError` for a revision there is not.
        """
        if as_of is None:
            rev, replay, until = newest.rev, newest.replay, None
        else:
            refuse_future(as_of)
            rev, replay, until = self._cuts.get((newest.rev, as_of), lambda: self._cut(newest.rev, as_of))
        now = self._store.clock.now() if replay is None else replay.now
        now = min(until or now, now)
        passed = (bisect_right(dates, now) for dates in (newest.embargoes, newest.deadlines))
        key = (rev, newest.moved, newest.redacted, *passed, now.date())
        return State(rev, now, key, newest=as_of is None)

    def _cut(self, newest: int, as_of: datetime | int) -> tuple[int, Replay | None, datetime]:
        """Return the revision meant, the replay behind it, and the instant it is read at."""
        with self._store.read() as session:
            if isinstance(as_of, datetime):
                rev = self._store.revision_at(session, as_of)
                return rev, replay_at(session, rev), as_of
            if not 1 <= as_of <= newest:
                raise NotFoundError(f"There is no revision {as_of}: the newest is {newest}.")
            return as_of, replay_at(session, as_of), instant_of(session.get_one(Revision, as_of))

    def ledger(self, state: State, about: About = None) -> Ledger:
        """Return the ledger of a state: all of it, or as much as a page about something needs."""

        def make() -> Ledger:
            if about is not None:
                return self._wholes.get(state.key, lambda: self._whole(state)).ledger(self._scope(about))
            with self._store.read() as session:
                return Ledger(session, state.rev, now=state.now, include_drafts=self._drafts)

        return self._ledgers.get((state.key, about), make)

    def came_later(self, state: State, about: tuple[Kind, str]) -> bool:
        """Whether an earlier state does not show a thing that the newest shows."""
        then, now = (self.ledger(found, about) for found in (state, self.state(self.newest())))
        return not _shows(then, about) and _shows(now, about)

    def _whole(self, state: State) -> Whole:
        """Return a state from which parts are read; of the newest, what did not change is not made again."""
        whole = Whole(self._store, state.rev, now=state.now, include_drafts=self._drafts)
        if state.newest:
            if self._latest is not None:
                whole.carry_over(self._latest)
            self._latest = whole
        return whole

    def _scope(self, about: tuple[Kind, str] | Literal["everybody"]) -> Scope:
        if about == "everybody":
            return Scope()
        with self._store.read() as session:
            return scope_of(session, *about)

    def report(self, ledger: Ledger, slug: str, as_of: AsOf, *, past_only: bool = True) -> Report:
        """Return the report on an author; without `past_only` also of what came out before its deadline."""
        now = ledger.moment(as_of, self._store.clock)
        key = ("report", slug, bisect_right(ledger.deadlines, now), past_only)
        found = ledger.remember(key, lambda: author_report(ledger, slug, now, past_only=past_only))
        return found | {"now": iso(now)}

    def leaderboard(self, ledger: Ledger, as_of: AsOf) -> Board:
        """Return who can be ranked and who cannot."""
        now = ledger.moment(as_of, self._store.clock)
        key = ("leaderboard", bisect_right(ledger.deadlines, now))
        return ledger.remember_for_all(key, lambda: leaderboard(ledger, now)) | {"now": iso(now)}

    def pictures(self, report: Report) -> dict[str, str]:
        """Return the pictures of an author's page, as SVG."""
        return self._computed.get(("pictures", *_shown(report)), lambda: pictures(report))

    def author_file(self, report: Report, name: str) -> str | bytes:
        """Return a file one takes away from an author's page; raise `NotFoundError` where it may not be shown."""
        return author_file(report, name)

    def evidence(self, ledger: Ledger, sha256: str) -> tuple[bytes, str]:
        """Return archived bytes that a ledger rests on, with the type they came with."""
        with self._store.read() as session:
            return retrieve_from(session, ledger, sha256)

    def find(self, term: Term) -> Found:
        """Return the rows in which a term is found, whatever of them a ledger shows."""
        with self._store.read() as session:
            return search.find(session, term)

    def due(self, public_id: str | None = None) -> dict[str, datetime | None]:
        """Return when each resource, or only the one named, is due as the queue stands now, by public id."""
        queued = select(Resource.public_id, Resource.next_due)
        if public_id is not None:
            if "\x00" in public_id:  # PostgreSQL takes no NUL in a question
                return {}
            queued = queued.where(Resource.public_id == public_id)
        with self._store.read() as session:
            return dict(session.exec(queued).all())

    def now(self, ledger: Ledger, as_of: AsOf) -> datetime:
        """Return the instant that a ledger read as of an instant is held against."""
        return ledger.moment(as_of, self._store.clock)


def _shows(ledger: Ledger, about: tuple[Kind, str]) -> bool:
    """Whether a ledger holds the thing a page is about."""
    kind, name = about
    rows: dict[Kind, tuple[Mapping[int, Any], str]] = {
        "author": (ledger.authors, "slug"),
        "article": (ledger.articles, "key"),
        "statement": (ledger.every_statement, "public_id"),
        "question": (ledger.questions, "public_id"),
        "source": (ledger.resources, "public_id"),
        "check": (ledger.checks, "public_id"),
    }
    if kind not in rows:
        return False
    table, field = rows[kind]
    return any(getattr(row, field) == name for row in table.values())


def _newest(session: Session, rev: int) -> Newest:
    moved, redacted = (session.exec(select(func.max(row))).one() for row in (Publication.id, Redaction.id))
    dated = select(Publication.public_from).where(col(Publication.public_from).is_not(None)).distinct()
    embargoes = [date for date in session.exec(dated).all() if date is not None]
    deadlines = session.exec(select(Question.deadline).distinct()).all()
    return Newest(rev, replay_at(session, rev), moved, redacted, sorted(embargoes), sorted(deadlines))


def _shown(report: Report) -> tuple[Hashable, ...]:
    """Return what a picture depends on."""
    return (
        report["rev"],
        report["author"]["slug"],
        *report["publication"]["notes"],
        *(row["id"] for row in report["statements"]),
        report["deadlines"],
        *report["funnel"].values(),
    )
