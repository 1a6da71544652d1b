"""What of an author is put beside others, for any number of authors: read as columns, not as ledgers.

A ledger holds all that a page shows of somebody. Who is ranked, and what is drawn together, rests on far less: the
settled claims of articles that nobody picked by hand. These are read in a query for many authors at once.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import bindparam
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, exists, func, literal_column, select

from forecasts import policy, publishing, resolving, tables
from forecasts.columns import Columns, Said
from forecasts.ledger import Ledger
from forecasts.measures.rows import Row, brier, headline, in_short, row_of, settled_rows, unpicked
from forecasts.policy import RANKS, Policy
from forecasts.rows import Scope
from forecasts.whole import Whole

Value = TypeVar("Value")
Headline = dict[Policy, dict[str, Any]]
_PICKED = "hand-picked"
#: Rows fetched at once where the first may be enough.
_FEW = 20


@dataclass(frozen=True, slots=True)
class Drawn:
    """The settled claims of an author from articles that nobody picked by hand, by policy and public id.

    `statements` are the public ids of the statements they were made from, by row id.
    """

    author: tables.Author
    rows: dict[Policy, list[Row]]
    statements: dict[int, str]


@dataclass(frozen=True, slots=True)
class Record:
    """What decides whether an author is ranked, besides the others.

    `label` is the most public one of what stands, None where nothing does; `methods` say how its articles were
    chosen. `picked` counts the settled claims that rank from articles picked by hand: past their deadline, and
    others. Where none is drawn it may stop at the first.
    """

    drawn: Drawn
    label: str | None
    methods: frozenset[str]
    picked: tuple[int, int]

    @property
    def author(self) -> tables.Author:
        """Whose record it is."""
        return self.drawn.author


def drawn_of(ledger: Ledger, author: tables.Author) -> Drawn:
    """Return what is drawn of an author from a ledger complete for them."""
    rows = {name: unpicked(ledger, settled_rows(ledger, author, name)) for name in policy.POLICIES}
    ids = {row.forecast.statement_id for listed in rows.values() for row in listed}
    return Drawn(author, rows, {key: ledger.statements[key].public_id for key in ids})


def record_of(ledger: Ledger, author: tables.Author, now: datetime) -> Record:
    """Return the record of an author from a ledger complete for them."""
    drawn, said = drawn_of(ledger, author), ledger.said_by(author)
    chosen = {row.forecast.id for row in drawn.rows[RANKS]}
    picked = [row for row in settled_rows(ledger, author, RANKS) if row.forecast.id not in chosen]
    past = sum(row.question.deadline <= now for row in picked)
    methods = frozenset(ledger.collection_of(row).method for row in said)
    return Record(drawn, ledger.label_of_all(said) if said else None, methods, (past, len(picked) - past))


def from_each_drawn(ledger: Ledger, key: Hashable, make: Callable[[Drawn], Value]) -> dict[int, Value]:
    """Return what is made of all of whom something may be drawn, by row id, in the order of ids."""
    return _from_each(ledger, key, make, Reader.drawn, drawn_of, unpicked=True)


def from_each_record(
    ledger: Ledger, key: Hashable, now: datetime, make: Callable[[Record], Value]
) -> dict[int, Value]:
    """Return what is made of the record of each author, by row id, in the order of ids."""
    return _from_each(
        ledger, key, make, lambda reader: reader.records(now), lambda part, row: record_of(part, row, now)
    )


def _from_each(
    ledger: Ledger,
    key: Hashable,
    make: Callable[[Any], Value],
    read: Callable[["Reader"], dict[int, Any]],
    of: Callable[[Ledger, tables.Author], Any],
    *,
    unpicked: bool = False,
) -> dict[int, Value]:
    whole = ledger.whole
    if whole is None:
        return ledger.remember(("each", key), lambda: {row.id: make(of(ledger, row)) for row in ledger.subjects})
    return whole.each(key, lambda ids: made(whole, ids, make, read, of), unpicked=unpicked)


def headlines(ledger: Ledger, authors: Sequence[tables.Author], now: datetime) -> dict[int, Headline]:
    """Return for some authors, under each policy, the numbers a list shows of claims past their deadline."""
    whole = ledger.whole
    if whole is None:
        return {row.id: _headlines_of(ledger, row, now) for row in authors}
    ids = [row.id for row in authors]
    return made(
        whole,
        ids,
        lambda found: found,
        lambda reader: reader.headlines(now),
        lambda part, row: _headlines_of(part, row, now),
    )


def _headlines_of(ledger: Ledger, author: tables.Author, now: datetime) -> Headline:
    return {name: headline(ledger, author, name, now) for name in policy.POLICIES}


def made(
    whole: Whole,
    ids: Collection[int],
    make: Callable[[Any], Value],
    read: Callable[["Reader"], dict[int, Any]],
    of: Callable[[Ledger, tables.Author], Any],
) -> dict[int, Value]:
    """Return what is made of some authors; those whom columns alone do not tell are read as ledgers."""
    with whole.read() as session:
        reader = Reader(session, whole, ids)
        found = {key: make(value) for key, value in read(reader).items()}
    if reader.odd:
        part = whole.ledger(Scope(authors=frozenset(reader.odd), history=False))
        found |= {row.id: make(of(part, row)) for row in part.subjects}
    return found


class Reader(Columns):
    """What of some authors is put beside others.

    `odd` are those it leaves out: who said more in a record after its notice was given, and who was scored for
    what an earlier forecast, registered later, has taken the place of.
    """

    @cached_property
    def odd(self) -> set[int]:
        """Those whom columns alone do not tell."""
        return self.outgrown | self._overtaken()

    @cached_property
    def _ids(self) -> list[int]:
        return [key for key in self.ids if key not in self.odd]

    def drawn(self) -> dict[int, Drawn]:
        """Return what is drawn of each author."""
        forecast, statement, score, step = tables.Forecast, tables.Statement, tables.Score, tables.Resolution
        columns = (
            *(getattr(forecast, name) for name in _FORECAST),
            col(statement.public_id).label("said"),
            tables.Edition.article_id,
            score.policy,
            step.outcome,
        )
        query = self._settled(columns).where(tables.Collection.method != _PICKED)
        found = [row for row in self.parts(query, forecast.author_id, self._ids) if self.shows(row)]
        questions = self._questions({row.question_id for row in found})
        authors = {row.id: row for row in self.by(tables.Author, "id", self._ids)}
        drawn = {key: Drawn(authors[key], {name: [] for name in policy.POLICIES}, {}) for key in sorted(authors)}
        made: dict[int, Row] = {}
        for row in sorted(found, key=lambda row: row.public_id):
            if row.id not in made:
                made[row.id] = row_of(row, questions[row.question_id], int(row.outcome == "yes"))
            drawn[row.author_id].rows[row.policy].append(made[row.id])
            drawn[row.author_id].statements[row.statement_id] = row.said
        return drawn

    def records(self, now: datetime) -> dict[int, Record]:
        """Return the record of each author."""
        said: dict[int, list[Said]] = {}
        for row in self.said():
            if row.standing:
                said.setdefault(row.author_id, []).append(row)
        methods = self._methods({row.article_id for listed in said.values() for row in listed})
        drawn = self.drawn()
        picked = self._picked(drawn, now)
        return {
            key: Record(
                drawn[key],
                max((row.label for row in said.get(key, ())), key=publishing.LABELS.index, default=None),
                frozenset(methods[row.article_id] for row in said.get(key, ())),
                picked[key],
            )
            for key in drawn
        }

    def headlines(self, now: datetime) -> dict[int, Headline]:
        """Return for each author, under each policy, the numbers of claims past their deadline."""
        columns = (
            tables.Forecast.author_id,
            tables.Forecast.question_id,
            tables.Edition.article_id,
            tables.Forecast.probability_ppm,
            tables.Score.policy,
            tables.Resolution.outcome,
        )
        rows = [
            row
            for row in self.parts(self._settled(columns), tables.Forecast.author_id, self._ids)
            if self.shows(row)
        ]
        questions = self._questions({row.question_id for row in rows})
        groups: dict[tuple[int, str], dict[str, list[float]]] = {}
        for row in rows:
            question = questions[row.question_id]
            if question.deadline <= now:
                of = groups.setdefault((row.author_id, row.policy), {})
                of.setdefault(question.cluster, []).append(brier(row.probability_ppm, int(row.outcome == "yes")))
        return {
            key: {name: in_short(groups.get((key, name), {})) for name in policy.POLICIES} for key in self._ids
        }

    def _methods(self, articles: Iterable[int]) -> dict[int, str]:
        """Return how each of some articles was chosen."""
        query = select(tables.Article.id, tables.Collection.method).join(tables.Collection)
        return {row.id: row.method for row in self.parts(query, tables.Article.id, articles)}

    def _picked(self, drawn: dict[int, Drawn], now: datetime) -> dict[int, tuple[int, int]]:
        """Count the settled claims from articles picked by hand; where nothing is drawn, up to the first."""
        author: Any = tables.Forecast.author_id
        query = (
            self._settled((author, tables.Edition.article_id, tables.Question.deadline))
            .join(tables.Question, col(tables.Question.id) == tables.Resolution.question_id)
            .where(author == bindparam("author"))
            .where(tables.Collection.method == _PICKED, tables.Score.policy == RANKS)
            .execution_options(yield_per=_FEW)
        )
        found = {}
        for key, of in drawn.items():
            counts = [0, 0]
            with self._session.execute(query, {"author": key}) as rows:
                for row in filter(self.shows, rows):
                    counts[row.deadline > now] += 1
                    if not of.rows[RANKS]:
                        break
            found[key] = (counts[0], counts[1])
        return found

    def _settled(self, columns: Iterable[Any]) -> Any:
        """Return the query for forecasts with a score of the step that confirmed their question, and stands."""
        forecast, score, step = tables.Forecast, tables.Score, tables.Resolution
        later = aliased(step)
        last = (
            select(func.max(later.step))
            .where(later.question_id == step.question_id, later.rev <= self._rev)
            .scalar_subquery()
        )
        return (
            select(*columns)
            .join_from(forecast, tables.Statement, col(tables.Statement.id) == forecast.statement_id)
            .join(tables.Edition)
            .join(tables.Article)
            .join(tables.Collection)
            .join(score, and_(col(score.forecast_id) == forecast.id, score.rev <= self._rev))
            .join(step, col(step.id) == score.resolution_id)
            .where(
                forecast.rev <= self._rev,
                step.state == "confirmed",
                col(step.outcome).in_(("yes", "no")),
                step.step == last,
                ~self._corrected(),
            )
        )

    def _corrected(self) -> Any:
        """Return the condition that a correction replaced a forecast, written so that its index is used."""
        after = aliased(tables.Forecast)
        return exists().where(
            col(after.supersedes_id) == tables.Forecast.id,
            col(after.change) == literal_column("'correction'"),
            col(after.rev) <= self._rev,
        )

    def _overtaken(self) -> set[int]:
        """Return the authors scored for a forecast that another of theirs on the question keeps from counting."""
        forecast, statement = tables.Forecast, tables.Statement
        pair = (col(forecast.author_id), col(forecast.question_id))
        several = select(*pair).where(forecast.rev <= self._rev).group_by(*pair).having(func.count() > 1)
        pairs = {(row.author_id, row.question_id) for row in self.parts(several, forecast.author_id, self.ids)}
        if not pairs:
            return set()
        columns: list[Any] = [
            *(getattr(forecast, name) for name in _CLAIM),
            statement.kind,
            statement.checkability,
        ]
        standing = (
            select(*columns)
            .join_from(forecast, statement, col(statement.id) == forecast.statement_id)
            .where(
                forecast.rev <= self._rev,
                col(forecast.probability_ppm).is_not(None),
                ~self._corrected(),
            )
        )
        rows = [
            row
            for row in self.parts(standing, forecast.author_id, {author for author, _ in pairs})
            if (row.author_id, row.question_id) in pairs
        ]
        claims = [resolving.as_claim(row, row) for row in rows]
        later = {
            (key, name)
            for name in policy.POLICIES
            for key, reason in policy.exclusions(claims, name).items()
            if reason == "later-forecast"
        }
        by_id = {row.id: row for row in rows}
        scored = select(tables.Score.forecast_id, tables.Score.policy).where(tables.Score.rev <= self._rev)
        waiting = [
            key for key, row in by_id.items() if any((row.public_id, name) in later for name in policy.POLICIES)
        ]
        return {
            by_id[row.forecast_id].author_id
            for row in self.parts(scored, tables.Score.forecast_id, waiting)
            if (by_id[row.forecast_id].public_id, row.policy) in later
        }

    def _questions(self, ids: Iterable[int]) -> dict[int, Any]:
        columns = (getattr(tables.Question, name) for name in _QUESTION)
        return {row.id: row for row in self.parts(select(*columns), tables.Question.id, ids)}


_FORECAST = (
    "id",
    "public_id",
    "author_id",
    "question_id",
    "statement_id",
    "asserts",
    "probability_ppm",
    "low_ppm",
    "high_ppm",
    "basis",
    "phrase",
)
_CLAIM = (
    "id",
    "public_id",
    "author_id",
    "question_id",
    "stated_earliest",
    "stated_at",
    "basis",
    "bare_modal",
    "excluded_because",
)
_QUESTION = ("id", "public_id", "title", "cluster", "deadline", "reference_ppm", "retrospective")
