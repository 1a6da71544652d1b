"""What there is to see at a state, in the order lists show it: authors, articles, questions.

Of a part of the registry it is read in columns, since nothing else is shown of most of it; a ledger that holds
everything is counted as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from sqlmodel import Session, col, select

from forecasts import publishing, resolving, tables
from forecasts.columns import Columns, Said, said_in
from forecasts.ledger import Ledger
from forecasts.model import QuestionState
from forecasts.rows import Scope, in_parts
from forecasts.whole import Whole

STATES: tuple[str, ...] = get_args(QuestionState)


@dataclass(frozen=True, slots=True)
class Kept:
    """How many statements of somebody, or in something, stand, and the most public label among them."""

    statements: int
    label: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is: `authors` of what stands by name, `articles` the newest first, ids of questions by deadline.

    `known` are all authors there are, also those of whom nothing stands, by slug.
    `states` are those ids by state; `settled` those of confirmed ones, the last first. `said` and `found` say what
    stands of an author and in an article, by row id.
    """

    authors: list[tables.Author]
    known: list[tables.Author]
    articles: list[tables.Article]
    methods: dict[int, str]
    said: dict[int, Kept]
    found: dict[int, Kept]
    questions: list[int]
    states: dict[str, list[int]]
    settled: list[int]


def overview(ledger: Ledger) -> Overview:
    """Return what there is to see at the state of a ledger; made once for it."""
    whole = ledger.whole
    if whole is None:
        return ledger.remember("overview", lambda: _counted(ledger))
    return whole.remember("overview", lambda: _read(whole))


def around(
    ledger: Ledger, *, questions: Iterable[int] = (), authors: Iterable[int] = (), history: bool = True
) -> Ledger:
    """Return a ledger complete for some questions and authors: the one given where it holds everything."""
    if ledger.whole is None:
        return ledger
    return ledger.whole.ledger(Scope(authors=frozenset(authors), questions=frozenset(questions), history=history))


def _counted(ledger: Ledger) -> Overview:
    steps = ((key, ledger.step(key)) for key in ledger.questions)
    return _ordered(
        said_in(ledger),
        authors=list(ledger.authors.values()),
        articles=ledger.articles.values(),
        methods={row.id: row.method for row in ledger.collections.values()},
        questions=ledger.questions.values(),
        steps={key: step for key, step in steps if step is not None},
    )


def _read(whole: Whole) -> Overview:
    with whole.read() as session:
        columns = Columns(session, whole, whole.author_ids())
        said = columns.said()
    hidden: set[int] = set()
    if columns.outgrown:
        part = whole.ledger(Scope(authors=frozenset(columns.outgrown), history=False))
        said += said_in(part)
        hidden = part.hidden
    with whole.read() as session:
        read = _Reader(session, whole.rev)
        articles, authors = read.all(tables.Article), read.all(tables.Author)
        questions = read.some(tables.Question, "id", "public_id", "deadline", "condition_id")
        if not whole.include_drafts:
            there = {row.article_id for row in said}, {row.author_id for row in said}
            articles = [row for row in articles if row.id in there[0]]
            authors = [row for row in authors if row.id in there[1]]
            public = _asked(read, questions, columns.shows, hidden)
            questions = [row for row in questions if row.id in public]
        return _ordered(
            said,
            authors=authors,
            articles=articles,
            methods={row.id: row.method for row in read.all(tables.Collection)},
            questions=questions,
            steps=read.last_steps(),
        )


def _ordered(
    said: Sequence[Said],
    *,
    authors: Sequence[Any],
    articles: Iterable[Any],
    methods: dict[int, str],
    questions: Iterable[Any],
    steps: dict[int, Any],
) -> Overview:
    by_author = _kept(said, lambda row: row.author_id)
    listed = sorted(questions, key=lambda row: (row.deadline, row.public_id))
    states: dict[str, list[int]] = {name: [] for name in STATES}
    for row in listed:
        states[resolving.state_of(steps.get(row.id))].append(row.id)
    confirmed = [steps[key] for key in states["confirmed"]]
    confirmed.sort(key=lambda step: (step.decided_at, step.public_id), reverse=True)
    return Overview(
        sorted((row for row in authors if row.id in by_author), key=lambda row: (row.name.casefold(), row.slug)),
        sorted(authors, key=lambda row: row.slug),
        sorted(articles, key=lambda row: (row.published_latest, row.key), reverse=True),
        methods,
        by_author,
        _kept(said, lambda row: row.article_id),
        [row.id for row in listed],
        states,
        [step.question_id for step in confirmed],
    )


def _kept(said: Iterable[Said], key: Callable[[Said], int]) -> dict[int, Kept]:
    grouped: dict[int, list[Said]] = {}
    for row in said:
        if row.standing:
            grouped.setdefault(key(row), []).append(row)
    return {
        name: Kept(
            sum(row.standing for row in rows), max((row.label for row in rows), key=publishing.LABELS.index)
        )
        for name, rows in grouped.items()
    }


def _asked(read: "_Reader", questions: Sequence[Any], shows: Callable[[Any], bool], hidden: set[int]) -> set[int]:
    """Return the questions that something shown was said on, with every condition above them.

    Of most the first forecast tells; the others of a question are read where that one is not shown.
    """

    def told(rows: Iterable[Any]) -> set[int]:
        return {row.question_id for row in rows if row.statement_id not in hidden and shows(row)}

    found = told(read.first_forecasts())
    found |= told(read.forecasts(row.id for row in questions if row.id not in found))
    above = {row.id: row.condition_id for row in questions}
    waiting = found
    while waiting:
        waiting = {key for asked in waiting if (key := above[asked]) is not None} - found
        found |= waiting
    return found


class _Reader:
    """Columns of everything up to a revision."""

    def __init__(self, session: Session, rev: int) -> None:
        self._session = session
        self._rev = rev

    def all(self, table: Any) -> list[Any]:
        return self.some(table, *(column.key for column in table.__table__.c))

    def some(self, table: Any, *names: str) -> list[Any]:
        columns = table.__table__.c
        query = select(*(columns[name] for name in names)).where(columns.rev <= self._rev)
        return list(self._session.execute(query))

    def last_steps(self) -> dict[int, Any]:
        """Return the latest step of each question."""
        steps = self.some(tables.Resolution, "question_id", "step", "public_id", "state", "outcome", "decided_at")
        return {row.question_id: row for row in sorted(steps, key=lambda row: row.step)}

    def first_forecasts(self) -> Iterator[Any]:
        """Yield the first forecast on each question, with the record it belongs to."""
        forecast, asked = tables.Forecast.__table__.alias(), tables.Question.__table__  # type: ignore[attr-defined]
        first = (
            select(forecast.c.id)
            .where(forecast.c.question_id == asked.c.id, forecast.c.rev <= self._rev)
            .order_by(forecast.c.id)
            .limit(1)
            .scalar_subquery()
        )
        ids = self._session.execute(select(first).where(asked.c.rev <= self._rev)).scalars().all()
        return self._forecasts(tables.Forecast.id, (key for key in ids if key is not None))

    def forecasts(self, questions: Iterable[int]) -> Iterator[Any]:
        """Yield every forecast on some questions, with the record it belongs to."""
        return self._forecasts(tables.Forecast.question_id, questions)

    def _forecasts(self, column: Any, ids: Iterable[int]) -> Iterator[Any]:
        columns: tuple[Any, ...] = (
            tables.Forecast.question_id,
            tables.Forecast.statement_id,
            col(tables.Statement.stated_by_id).label("author_id"),
            tables.Edition.article_id,
        )
        query = (
            select(*columns)
            .join_from(tables.Forecast, tables.Statement, col(tables.Statement.id) == tables.Forecast.statement_id)
            .join(tables.Edition)
            .where(tables.Forecast.rev <= self._rev)
        )
        for some in in_parts(ids):
            yield from self._session.execute(query.where(col(column).in_(some)))
