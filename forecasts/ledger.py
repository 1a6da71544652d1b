"""The registry as of one revision, in memory: what exports, reports and pages read.

Everything is filtered by `rev`, so the ledger of an earlier revision is what was known and said then.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, select

from forecasts import policy, resolving, tables
from forecasts.errors import NotFoundError
from forecasts.model import Clock
from forecasts.policy import Policy
from forecasts.store import Store

Row = TypeVar("Row", bound=SQLModel)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Standing:
    """How one forecast stands under one policy.

    `excluded_because` is a code of `policy.REASONS`; `brier_e12` is there when it is counted and resolved.
    """

    excluded_because: str | None
    brier_e12: int | None

    @property
    def scored(self) -> bool:
        """Whether it counts and its question is resolved yes or no."""
        return self.brier_e12 is not None


class Ledger:
    """All that is registered and resolved as of a revision."""

    def __init__(self, session: Session, rev: int) -> None:
        self.rev = rev
        self.revisions = {
            row.rev: row
            for row in session.exec(select(tables.Revision).where(col(tables.Revision.rev) <= rev)).all()
        }
        self.actors = {row.id: row for row in session.exec(select(tables.Actor)).all()}
        self.run = session.exec(select(tables.ReplayRun)).first()

        def rows(table: type[Row]) -> dict[int, Row]:
            found = session.exec(
                select(table).where(table.rev <= rev).order_by(table.id)  # type: ignore[attr-defined]
            ).all()
            return {row.id: row for row in found}  # type: ignore[attr-defined]

        self.collections = rows(tables.Collection)
        self.articles = rows(tables.Article)
        self.editions = rows(tables.Edition)
        self.authors = rows(tables.Author)
        self.lexicons = rows(tables.Lexicon)
        self.statements = rows(tables.Statement)
        self.questions = rows(tables.Question)
        self.forecasts = rows(tables.Forecast)
        self.resources = rows(tables.Resource)
        self.checks = rows(tables.Check)
        self.verdicts = rows(tables.Verdict)
        self.resolutions = rows(tables.Resolution)
        self.scores = rows(tables.Score)
        self.copies = {
            row.edition_id: row.text
            for row in session.exec(select(tables.AttachedCopy).where(col(tables.AttachedCopy.rev) <= rev)).all()
        }
        self.reads = defaultdict(list)
        for link in session.exec(select(tables.QuestionResource)).all():
            if link.question_id in self.questions:
                self.reads[link.question_id].append(link.resource_id)
        self._remembered: dict[Hashable, Any] = {}

    def remember(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return what was made under the key before, or make it: the ledger of a revision does not change."""
        if key not in self._remembered:
            self._remembered[key] = make()
        value: Value = self._remembered[key]
        return value

    # -- finding ---------------------------------------------------------------------------------------------

    def author(self, slug: str) -> tables.Author:
        """Return an author by slug; raise `NotFoundError` that lists those there are."""
        return self._named(self.authors.values(), "slug", slug, "author")

    def article(self, key: str) -> tables.Article:
        """Return an article by key."""
        return self._named(self.articles.values(), "key", key, "article")

    def question(self, public_id: str) -> tables.Question:
        """Return a question by public id."""
        return self._named(self.questions.values(), "public_id", public_id, "question")

    @staticmethod
    def _named(rows: Iterable[Row], field: str, name: str, noun: str) -> Row:
        known = []
        for row in rows:
            if getattr(row, field) == name:
                return row
            known.append(getattr(row, field))
        listed = ", ".join(sorted(known)[:20]) or "none yet"
        raise NotFoundError(f"There is no {noun} {name!r}. Registered: {listed}.")

    # -- what follows from what ------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> dict[int, list[tables.Resolution]]:
        """The steps of each question's resolution, in order."""
        return self._grouped(self.resolutions.values(), "question_id", order="step")

    @cached_property
    def corrected(self) -> set[int]:
        """The forecasts a correction has replaced."""
        return {
            row.supersedes_id
            for row in self.forecasts.values()
            if row.change == "correction" and row.supersedes_id is not None
        }

    @cached_property
    def _standing(self) -> list[tables.Forecast]:
        """The forecasts that have a number and were not corrected."""
        return [
            row
            for row in self.forecasts.values()
            if row.id not in self.corrected and row.probability_ppm is not None
        ]

    @cached_property
    def standing_by_question(self) -> dict[int, list[tables.Forecast]]:
        """The standing forecasts on each question."""
        return self._grouped(self._standing, "question_id", order="stated_at")

    @cached_property
    def standing_by_author(self) -> dict[int, list[tables.Forecast]]:
        """The standing forecasts of each author."""
        return self._grouped(self._standing, "author_id", order="public_id")

    @cached_property
    def forecasts_by_statement(self) -> dict[int, list[tables.Forecast]]:
        """The standing forecasts made from each statement, the primary one first."""
        grouped = self._grouped(self._standing, "statement_id", order="id")
        for listed in grouped.values():
            listed.sort(key=lambda row: (row.excluded_because is not None, row.stated_at, row.id))
        return grouped

    @staticmethod
    def _grouped(rows: Iterable[Row], field: str, *, order: str) -> dict[int, list[Row]]:
        grouped: dict[int, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: getattr(row, order)):
            grouped[getattr(row, field)].append(row)
        return grouped

    def step(self, question_id: int) -> tables.Resolution | None:
        """Return the latest step of a question."""
        steps = self.steps.get(question_id)
        return steps[-1] if steps else None

    def outcome(self, question_id: int) -> str:
        """Return yes, no, ambiguous or annulled where it is confirmed, else open."""
        step = self.step(question_id)
        return str(step.outcome) if step is not None and step.state == "confirmed" else "open"

    @cached_property
    def _score_of(self) -> dict[tuple[int, int, str], int]:
        return {
            (score.forecast_id, score.resolution_id, score.policy): score.brier_e12
            for score in self.scores.values()
        }

    @cached_property
    def _exclusions(self) -> dict[Policy, dict[str, str | None]]:
        reasons: dict[Policy, dict[str, str | None]] = {name: {} for name in policy.POLICIES}
        for listed in self.standing_by_question.values():
            claims = [resolving.as_claim(row, self.statements[row.statement_id]) for row in listed]
            for name in policy.POLICIES:
                reasons[name] |= policy.exclusions(claims, name)
        return reasons

    def standing(self, forecast: tables.Forecast, name: Policy) -> Standing:
        """Return whether a forecast counts under a policy, why not, and its score."""
        reason = self._exclusions[name].get(forecast.public_id)
        step = self.step(forecast.question_id)
        if reason is not None or step is None or step.state != "confirmed" or step.outcome not in ("yes", "no"):
            return Standing(reason, None)
        brier = self._score_of.get((forecast.id, step.id, name))
        return Standing("event-before-statement" if brier is None else None, brier)

    @cached_property
    def _statements_by_author(self) -> dict[int, list[tables.Statement]]:
        grouped = self._grouped(self.statements.values(), "stated_by_id", order="id")
        for listed in grouped.values():
            listed.sort(key=lambda row: (row.edition_id, row.start, row.end, row.part))
        return grouped

    def said_by(self, author: tables.Author) -> list[tables.Statement]:
        """Return the statements of an author, in the order of the texts they stand in."""
        return self._statements_by_author.get(author.id, [])

    def collection_of(self, statement: tables.Statement) -> tables.Collection:
        """Return the collection of the article a statement stands in."""
        return self.collections[self.articles[self.editions[statement.edition_id].article_id].collection_id]

    def quotation(self, statement: tables.Statement) -> str | None:
        """Return the words of a statement, where the user's own copy of its text is attached."""
        copy = self.copies.get(statement.edition_id)
        return None if copy is None else copy[statement.start : statement.end]

    def now(self, clock: Clock) -> datetime:
        """Return the instant deadlines are held against: the clock's, or the end of the replay."""
        return self.run.ends_at if self.run is not None else clock.now()


def read_ledger(store: Store, as_of: datetime | None = None) -> Ledger:
    """Return the ledger as of an instant, or as it is now."""
    with store.read() as session:
        return Ledger(session, store.revision_at(session, as_of))
