"""The rows a ledger is made of: all of them as of a revision, or those around what a page is about.

Rows are read as columns, with the names of the tables' fields: they cost a fraction of mapped objects.
"""

from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeVar

from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, select, union

from forecasts import resolving, tables

Row = TypeVar("Row", bound=SQLModel)
# Ids in one query: well below what either database takes.
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Scope:
    """What a ledger has to be complete for, by row ids; whoever or whatever else it holds is there for their sake.

    Of an author it holds every claim, of an article every statement with its authors, of a question whatever was
    forecast and found on it and on what hangs on it, with the checks of its sources, but not who else reads them.
    Without `history` the checks, verdicts and the correction log may lack something.
    """

    authors: frozenset[int] = frozenset()
    articles: frozenset[int] = frozenset()
    questions: frozenset[int] = frozenset()
    history: bool = True


Kind = Literal["author", "article", "statement", "question", "source", "check", "evidence"]


def scope_of(session: Session, kind: Kind, name: str) -> Scope:
    """Return the scope of a page about a thing, by slug, key, public id or hash; an empty one where it is not."""
    if "\x00" in name:  # PostgreSQL keeps no NUL and takes none in a question either
        return Scope()
    link, check, step = tables.QuestionResource, tables.Check, tables.Resolution
    ids: dict[Kind, Any] = {
        "author": select(tables.Author.id).where(tables.Author.slug == name),
        "article": select(tables.Article.id).where(tables.Article.key == name),
        "statement": select(tables.Statement.stated_by_id).where(tables.Statement.public_id == name),
        "question": select(tables.Question.id).where(tables.Question.public_id == name),
        "source": select(link.question_id)
        .join(tables.Resource, col(tables.Resource.id) == col(link.resource_id))
        .where(tables.Resource.public_id == name),
        "check": select(link.question_id)
        .join(check, col(check.resource_id) == col(link.resource_id))
        .where(check.public_id == name),
        "evidence": union(
            select(step.question_id).where(step.evidence_sha256 == name),
            select(link.question_id)
            .join(check, col(check.resource_id) == col(link.resource_id))
            .where(check.evidence_sha256 == name),
        ),
    }
    found = frozenset(session.execute(ids[kind]).scalars())
    if kind in ("author", "statement"):
        return Scope(authors=found)
    return Scope(articles=found) if kind == "article" else Scope(questions=found)


def touched(session: Session, revs: tuple[int, int], instants: tuple[datetime, datetime]) -> set[int] | None:
    """Return the authors whose record may read differently at a later revision and instant; None where all may."""

    def new(table: Any) -> Any:
        return (table.rev > revs[0]) & (table.rev <= revs[1])

    def passed(column: Any) -> Any:
        return (column > instants[0]) & (column <= instants[1])

    if instants[1] < instants[0] or revs[1] < revs[0]:
        return None
    for table in (tables.Lexicon, tables.Redaction):
        if session.exec(select(table.id).where(new(table)).limit(1)).first() is not None:
            return None
    corrected, statement, forecast = aliased(tables.Statement), tables.Statement, tables.Forecast
    publication, score = tables.Publication, tables.Score
    moved = select(tables.Resolution.question_id).where(new(tables.Resolution))
    due = select(tables.Question.id).where(passed(col(tables.Question.deadline)))
    found = union(
        select(tables.Author.id).where(new(tables.Author)),
        select(statement.stated_by_id).where(new(statement)),
        select(corrected.stated_by_id)
        .join(statement, col(statement.supersedes_id) == corrected.id)
        .where(new(statement)),
        select(forecast.author_id).where(new(forecast)),
        select(publication.author_id).where(new(publication) | passed(col(publication.public_from))),
        select(forecast.author_id).join(score).where(new(score)),
        select(forecast.author_id).where(col(forecast.question_id).in_(moved)),
        select(forecast.author_id).where(col(forecast.question_id).in_(due)),
    )
    return set(session.execute(found).scalars())


@dataclass(slots=True)
class Rows:
    """The rows of each table by id, in the order of ids, all of them appended up to `rev`."""

    rev: int
    revisions: dict[int, tables.Revision] = field(default_factory=dict)
    collections: dict[int, tables.Collection] = field(default_factory=dict)
    articles: dict[int, tables.Article] = field(default_factory=dict)
    editions: dict[int, tables.Edition] = field(default_factory=dict)
    copies: dict[int, tables.AttachedCopy] = field(default_factory=dict)
    authors: dict[int, tables.Author] = field(default_factory=dict)
    lexicons: dict[int, tables.Lexicon] = field(default_factory=dict)
    statements: dict[int, tables.Statement] = field(default_factory=dict)
    questions: dict[int, tables.Question] = field(default_factory=dict)
    forecasts: dict[int, tables.Forecast] = field(default_factory=dict)
    resources: dict[int, tables.Resource] = field(default_factory=dict)
    checks: dict[int, tables.Check] = field(default_factory=dict)
    verdicts: dict[int, tables.Verdict] = field(default_factory=dict)
    resolutions: dict[int, tables.Resolution] = field(default_factory=dict)
    scores: dict[int, tables.Score] = field(default_factory=dict)
    replies: dict[int, tables.Reply] = field(default_factory=dict)
    publications: dict[int, tables.Publication] = field(default_factory=dict)
    redactions: dict[int, tables.Redaction] = field(default_factory=dict)
    links: list[tuple[int, int]] = field(default_factory=list)


def everything(session: Session, rev: int) -> Rows:
    """Return every row as of a revision."""
    read = _Reader(session, rev)
    return Rows(
        rev,
        revisions=read.all(tables.Revision, "rev"),
        collections=read.all(tables.Collection),
        articles=read.all(tables.Article),
        editions=read.all(tables.Edition),
        copies=read.all(tables.AttachedCopy, "edition_id"),
        authors=read.all(tables.Author),
        lexicons=read.all(tables.Lexicon),
        statements=read.all(tables.Statement),
        questions=read.all(tables.Question),
        forecasts=read.all(tables.Forecast),
        resources=read.all(tables.Resource),
        checks=read.all(tables.Check),
        verdicts=read.all(tables.Verdict),
        resolutions=read.all(tables.Resolution),
        scores=read.all(tables.Score),
        replies=read.all(tables.Reply),
        publications=read.all(tables.Publication),
        redactions=read.all(tables.Redaction),
        links=sorted((row.question_id, row.resource_id) for row in read.links()),
    )


def around(session: Session, rev: int, scope: Scope) -> Rows:
    """Return the rows that a ledger complete for a scope is made of."""
    return _Around(session, rev).of(scope)


class _Reader:
    """Rows as of a revision, as columns."""

    def __init__(self, session: Session, rev: int) -> None:
        self._session = session
        self._rev = rev

    def all(self, table: type[Row], key: str = "id") -> dict[int, Row]:
        columns = table.__table__.c  # type: ignore[attr-defined]
        query = select(*columns).where(columns.rev <= self._rev).order_by(columns[key])
        found: Any = self._session.execute(query)
        return {getattr(row, key): row for row in found}

    def by(self, table: type[Row], name: str, ids: Iterable[Any], key: str = "id") -> dict[int, Row]:
        """Return the rows whose field is one of some values."""
        columns = table.__table__.c  # type: ignore[attr-defined]
        found: dict[int, Row] = {}
        for some in in_parts(ids):
            query = select(*columns).where(columns.rev <= self._rev, columns[name].in_(some))
            found |= {getattr(row, key): row for row in self._session.execute(query)}
        return found

    def links(self, name: str | None = None, ids: Iterable[int] = ()) -> Iterator[Any]:
        """Yield which question reads which resource: all of it, or where one of the two is among some ids."""
        link = tables.QuestionResource
        if name is None:
            yield from self._session.exec(select(link.question_id, link.resource_id))
            return
        for some in in_parts(ids):
            yield from self._session.exec(
                select(link.question_id, link.resource_id).where(col(getattr(link, name)).in_(some))
            )


class _Around:
    """Gathers the rows of a scope; everything a row leads to is there, so that whoever reads it finds it."""

    def __init__(self, session: Session, rev: int) -> None:
        self._read = _Reader(session, rev)
        self._rows = Rows(rev)

    def of(self, scope: Scope) -> Rows:
        rows, read = self._rows, self._read
        rows.redactions = read.all(tables.Redaction)
        authors = set(scope.authors)
        if scope.articles:
            rows.editions = read.by(tables.Edition, "article_id", scope.articles)
            self._add_statements("edition_id", rows.editions)
            authors |= {row.stated_by_id for row in rows.statements.values()}
        self._add_statements("stated_by_id", authors)
        self._add_forecasts("author_id", authors)
        self._add_forecasts("statement_id", list(rows.statements))
        rows.replies = read.by(tables.Reply, "author_id", authors)
        mine = {row.question_id for row in rows.forecasts.values()}
        self._add_questions("id", mine | scope.questions)
        self._in_full(scope.questions | (self._told_of(mine | scope.questions) if scope.history else set()))
        if scope.history:
            self._add_checks(scope.questions)
            self._neighbours()
        self._finish(scope, authors)
        return rows

    def _told_of(self, questions: AbstractSet[int]) -> set[int]:
        """Return those of some questions whose steps the correction log tells, with all whom an entry concerns."""
        rows, read = self._rows, self._read
        steps = [row for row in rows.resolutions.values() if row.question_id in questions]
        told = {row.question_id for row in steps if resolving.correction_in(row)}
        blanked = {row.target for row in rows.redactions.values() if row.kind == "evidence"}
        hit = blanked & {row.evidence_sha256 for row in steps}
        if hit:
            checks = read.by(tables.Check, "evidence_sha256", hit)
            rows.checks |= checks
            told |= {row.question_id for row in read.by(tables.Resolution, "evidence_sha256", hit).values()}
            told |= {
                row.question_id for row in read.links("resource_id", {row.resource_id for row in checks.values()})
            }
        return told

    def _in_full(self, questions: AbstractSet[int]) -> None:
        """Add all that was forecast on some questions, and on those that hang on them."""
        waiting: AbstractSet[int] = questions
        asked: set[int] = set()
        while waiting:
            asked |= waiting
            below = self._read.by(tables.Question, "condition_id", waiting)
            waiting = below.keys() - asked
        self._add_questions("id", asked)
        known = self._rows.statements.keys()
        self._add_forecasts("question_id", asked)
        said = {row.statement_id for row in self._rows.forecasts.values()} - known
        self._add_statements("id", said)

    def _add_checks(self, questions: AbstractSet[int]) -> None:
        """Add the checks of whatever some questions read, and what was made of them for those questions."""
        rows, read = self._rows, self._read
        resources = {row.resource_id for row in read.links("question_id", questions)}
        rows.checks |= read.by(tables.Check, "resource_id", resources)
        rows.verdicts = read.by(tables.Verdict, "question_id", questions)

    def _neighbours(self) -> None:
        """Add whoever else speaks in an edition whose copy was redacted: the log names them together."""
        blanked = {row.target for row in self._rows.redactions.values() if row.kind == "copy"}
        if blanked:
            editions = {row.edition_id for row in self._rows.statements.values()}
            found = self._read.by(tables.Edition, "id", editions)
            self._add_statements("edition_id", {key for key, row in found.items() if row.sha256 in blanked})

    def _add_statements(self, name: str, ids: Collection[int]) -> None:
        """Add statements with whatever they correct and are corrected by."""
        known = self._rows.statements
        new = self._read.by(tables.Statement, name, ids)
        while new:
            known |= new
            before = {row.supersedes_id for row in new.values() if row.supersedes_id is not None} - known.keys()
            after = self._read.by(tables.Statement, "supersedes_id", new)
            new = self._read.by(tables.Statement, "id", before) | after
            new = {key: row for key, row in new.items() if key not in known}

    def _add_forecasts(self, name: str, ids: Collection[int]) -> None:
        self._rows.forecasts |= self._read.by(tables.Forecast, name, ids)

    def _add_questions(self, name: str, ids: Collection[int]) -> None:
        """Add questions with every condition above them, and how all of them stand."""
        known = self._rows.questions
        added: set[int] = set()
        new = self._read.by(tables.Question, name, set(ids) - known.keys())
        while new:
            known |= new
            added |= new.keys()
            above = {row.condition_id for row in new.values() if row.condition_id is not None} - known.keys()
            new = self._read.by(tables.Question, "id", above)
        self._rows.resolutions |= self._read.by(tables.Resolution, "question_id", added)

    def _finish(self, scope: Scope, authors: AbstractSet[int]) -> None:
        """Add what the gathered rows name, and put all in the order of ids."""
        rows, read = self._rows, self._read
        rows.lexicons = read.all(tables.Lexicon)
        rows.scores = read.by(tables.Score, "forecast_id", rows.forecasts)
        rows.checks |= read.by(tables.Check, "id", _named(rows.resolutions, "check_id") - rows.checks.keys())
        rows.checks |= read.by(tables.Check, "id", _named(rows.verdicts, "check_id") - rows.checks.keys())
        rows.links = sorted((a, b) for a, b in read.links("question_id", rows.questions))
        rows.resources = read.by(
            tables.Resource, "id", {b for _, b in rows.links} | _named(rows.checks, "resource_id")
        )
        rows.editions |= read.by(tables.Edition, "id", _named(rows.statements, "edition_id"))
        rows.copies = read.by(tables.AttachedCopy, "edition_id", rows.editions, "edition_id")
        rows.articles = read.by(tables.Article, "id", scope.articles | _named(rows.editions, "article_id"))
        rows.collections = read.by(tables.Collection, "id", _named(rows.articles, "collection_id"))
        people = authors | _named(rows.statements, "stated_by_id") | _named(rows.forecasts, "author_id")
        rows.authors = read.by(tables.Author, "id", people | _named(rows.statements, "reported_via_id"))
        rows.publications = {
            key: row
            for key, row in read.by(tables.Publication, "author_id", people).items()
            if row.article_id in rows.articles
        }
        for name in Rows.__slots__:
            found = getattr(rows, name)
            if isinstance(found, dict):
                setattr(rows, name, dict(sorted(found.items())))
        revs = {
            row.rev
            for name in Rows.__slots__
            if isinstance(found := getattr(rows, name), dict)
            for row in found.values()
        }
        rows.revisions = read.by(tables.Revision, "rev", revs | {rows.rev}, "rev")


def _named(rows: dict[int, Any], name: str) -> set[int]:
    """Return the ids that rows name in a field."""
    return {getattr(row, name) for row in rows.values()} - {None}


def in_parts(ids: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield ids in lists as long as a query takes."""
    waiting = iter(ids)
    while some := list(islice(waiting, AT_ONCE)):
        yield some
