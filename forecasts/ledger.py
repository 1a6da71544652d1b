"""The registry as of one revision, in memory: what exports, reports and pages read.

Everything is filtered by `rev`, so the ledger of an earlier revision is what was known and said then. Without
drafts it holds only what is public: whatever leaves the registry is read from such a ledger.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from sqlmodel import Session, SQLModel, func, select

from forecasts import policy, publishing, redacting, resolving, tables
from forecasts.errors import InvalidInputError, NotFoundError
from forecasts.model import Clock, iso
from forecasts.policy import Policy
from forecasts.rows import around, everything
from forecasts.store import Store

if TYPE_CHECKING:
    from forecasts.whole import Whole, Within

Row = TypeVar("Row", bound=SQLModel)
Value = TypeVar("Value")
# The state asked for: that at an instant, that of a revision, or (None) that of now.
AsOf = datetime | int | None
# What stands in the place of something that leads to a record that is not public.
HIDDEN = "(not public)"


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


@dataclass(frozen=True, slots=True)
class Replay:
    """The replay behind a revision: the simulated stretch, and the instant that its registry has reached."""

    starts_at: datetime
    ends_at: datetime
    now: datetime


def replay_at(session: Session, rev: int) -> Replay | None:
    """Return the replay that wrote to the registry up to a revision, if one did.

    Its `now` is the end of the stretch; once somebody has written live after it, the newest write if later.
    """
    run = session.exec(select(tables.ReplayRun).where(tables.ReplayRun.after_rev < rev)).first()
    if run is None:
        return None
    extension = tables.ReplayExtension
    later: datetime | None = session.exec(
        select(func.max(extension.ends_at)).where(extension.run_id == run.run_id, extension.after_rev < rev)
    ).one()
    ends_at = max(run.ends_at, later or run.ends_at)
    live = Store.live_since(session)
    written_live = live is not None and live <= rev
    newest = session.get_one(tables.Revision, rev).recorded_at if written_live else ends_at
    return Replay(run.starts_at, ends_at, max(ends_at, newest))


def instant_of(revision: tables.Revision) -> datetime:
    """Return when a revision was made: in a replay, by its simulated clock."""
    return revision.simulated_at or revision.recorded_at


def now_at(session: Session, rev: int, clock: Clock) -> datetime:
    """Return the instant deadlines are held against at a revision: the clock's, or that of its replay."""
    replay = replay_at(session, rev)
    return clock.now() if replay is None else replay.now


class Ledger:
    """All that is registered and resolved as of a revision: all of it, or what is public at `now`."""

    def __init__(
        self, session: Session, rev: int, *, now: datetime, include_drafts: bool, within: "Within | None" = None
    ) -> None:
        scope = within.scope if within is not None else None
        self._within = within
        self.rev = rev
        self.include_drafts = include_drafts
        self._now = now
        rows = around(session, rev, scope) if scope is not None else everything(session, rev)
        self.revisions = rows.revisions
        self.actors = {row.id: row for row in session.exec(select(tables.Actor)).all()}
        self.run = replay_at(session, rev)
        self.collections = rows.collections
        self.articles = rows.articles
        self.editions = rows.editions
        self.authors = rows.authors
        self.lexicons = rows.lexicons
        self.every_statement = rows.statements
        self.questions = rows.questions
        self.forecasts = rows.forecasts
        self.resources = rows.resources
        self.checks = rows.checks
        self.verdicts = rows.verdicts
        self.resolutions = rows.resolutions
        self.scores = rows.scores
        self.replies = rows.replies
        self.publications = rows.publications
        self.redactions = rows.redactions
        self._redacted = redacting.redactions(session)
        self._blanked = redacting.blanked_spans(session)
        self._copies = {key: row.text for key, row in rows.copies.items()}
        self._links = rows.links
        self.names = {row.id: row.name for row in self.authors.values()}
        self._article_of = {row.id: row.article_id for row in self.editions.values()}
        self._record = {
            (row.article_id, row.author_id): row for row in sorted(self.publications.values(), key=lambda r: r.rev)
        }
        self._noticed_at = publishing.noticed_at(self.publications.values())
        self._taken_back = publishing.taken_back(session, None if scope is None else self.authors)
        # Which forecast counts is decided over everything, whatever of it is shown.
        self._registered = (self.every_statement, self.forecasts)
        self.superseded_by = {
            row.supersedes_id: row for row in self.every_statement.values() if row.supersedes_id is not None
        }
        self._remembered: dict[Hashable, Any] = {}
        self.left_out = 0
        if not include_drafts:
            self._keep_public()

    # -- what rests on everybody -----------------------------------------------------------------------------

    @property
    def hidden(self) -> set[int]:
        """The statements it was made from that are not shown."""
        return self._registered[0].keys() - self.every_statement.keys()

    @property
    def whole(self) -> "Whole | None":
        """The whole that this ledger is a part of; None where it holds everything itself."""
        return None if self._within is None else self._within.whole

    @property
    def subjects(self) -> list[tables.Author]:
        """The authors this ledger is complete for, by row id."""
        within = self._within
        return [row for row in self.authors.values() if within is None or row.id in within.scope.authors]

    @cached_property
    def deadlines(self) -> list[datetime]:
        """The deadlines of all questions, whatever this ledger is about, in order."""
        if self._within is not None:
            return self._within.whole.deadlines()
        return sorted({row.deadline for row in self.questions.values()})

    @property
    def size(self) -> int:
        """How many rows it holds, roughly."""
        held = (
            self._registered[0],
            self._registered[1],
            self.scores,
            self.questions,
            self.resolutions,
            self.checks,
        )
        return 100 + sum(len(rows) for rows in held)

    def remember_for_all(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return what was made of all `parts` under the key before, or make it: once for a state."""
        return self.remember(key, make) if self._within is None else self._within.whole.remember(key, make)

    def _keep_public(self) -> None:
        """Drop what is not public, and whatever nothing public leads to."""
        known = len(self.statements)
        self.every_statement = _where(self.every_statement, self.is_public)
        del self.statements
        self.left_out = known - len(self.statements)
        editions = {row.edition_id for row in self.every_statement.values()}
        articles = {self.editions[key].article_id for key in editions}
        authors = {row.stated_by_id for row in self.every_statement.values()}
        self.articles = _where(self.articles, lambda row: row.id in articles)
        self.editions = _where(self.editions, lambda row: row.article_id in articles)
        chosen = {row.collection_id for row in self.articles.values()}
        self.collections = _where(self.collections, lambda row: row.id in chosen)
        self.authors = _where(self.authors, lambda row: row.id in authors)
        self.forecasts = _where(self.forecasts, lambda row: row.statement_id in self.every_statement)
        asked = self._with_conditions({row.question_id for row in self.forecasts.values()})
        self.questions = _where(self.questions, lambda row: row.id in asked)
        read = {resource for question, resource in self._links if question in asked}
        self.resources = _where(self.resources, lambda row: row.id in read)
        self.checks = _where(self.checks, lambda row: row.resource_id in read)
        self.verdicts = _where(self.verdicts, lambda row: row.question_id in asked)
        self.resolutions = _where(self.resolutions, lambda row: row.question_id in asked)
        self.scores = _where(self.scores, lambda row: row.forecast_id in self.forecasts)
        self.replies = _where(self.replies, self._is_public_reply)
        public = {pair for pair in self._record if self._is_public_record(pair)}
        self.publications = _where(self.publications, lambda row: (row.article_id, row.author_id) in public)

    def _with_conditions(self, asked: set[int]) -> set[int]:
        """Return these questions with every condition above them."""
        found: set[int] = set()
        while asked:
            found |= asked
            above = {self.questions[key].condition_id for key in asked}
            asked = {key for key in above if key is not None} - found
        return found

    # -- what may be seen ------------------------------------------------------------------------------------

    def record(self, statement: tables.Statement) -> tables.Publication | None:
        """Return where the record a statement belongs to stands; None for a draft nobody has moved."""
        return self._record.get(self._record_key(statement))

    def _record_key(self, statement: tables.Statement) -> tuple[int, int]:
        """Return the article and the author whose record a statement belongs to."""
        return (self._article_of[statement.edition_id], statement.stated_by_id)

    def _is_public_record(self, key: tuple[int, int]) -> bool:
        """Whether a record was public at the instant asked for, and was not taken back since."""
        return key not in self._taken_back and publishing.is_public(self._record.get(key), self._now)

    def _is_noticed(self, statement: tables.Statement) -> bool:
        """Whether the notice of a record, if one was given, covers the statement as it is charged."""
        noticed_at = self._noticed_at.get(self._record_key(statement))
        if noticed_at is None:
            return True
        first = statement
        for row in reversed(self.versions(statement)):
            if row.stated_by_id != statement.stated_by_id:
                break
            first = row
        return first.rev <= noticed_at

    def _is_public_reply(self, reply: tables.Reply) -> bool:
        """Whether a reply may be seen: one to the whole record once all it could be about may be."""
        if reply.statement_id is not None:
            return reply.statement_id in self.every_statement
        answered = (
            row
            for row in self._registered[0].values()
            if row.stated_by_id == reply.author_id and row.rev <= reply.rev
        )
        return all(row.id in self.every_statement for row in answered)

    def is_public(self, statement: tables.Statement) -> bool:
        """Whether the record a statement belongs to may be seen by everybody."""
        return self._is_public_record(self._record_key(statement)) and self._is_noticed(statement)

    def label(self, statement: tables.Statement) -> str:
        """Return where a statement's record stands, as one of `publishing.LABELS`."""
        label = publishing.label(self.record(statement), self._now)
        return label if self._is_noticed(statement) or label == "notified" else "draft"

    def label_of_record(self, article_id: int, author_id: int) -> str:
        """Return where the record of an author in an article stands, as one of `publishing.LABELS`."""
        return publishing.label(self._record.get((article_id, author_id)), self._now)

    def label_of_all(self, statements: Iterable[tables.Statement]) -> str:
        """Return the most public label among several statements: that of what they have in common."""
        return max((self.label(row) for row in statements), key=publishing.LABELS.index, default="draft")

    def label_of_question(self, question_id: int) -> str:
        """Return the most public label among the forecasts on a question and on what hangs on it."""
        return self._question_labels.get(question_id, "draft")

    def label_of_resource(self, resource_id: int) -> str:
        """Return the most public label among the questions that read a resource."""
        return self._resource_labels.get(resource_id, "draft")

    @cached_property
    def _resource_labels(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for question, resource in self._links:
            label = self.label_of_question(question)
            found[resource] = max(found.get(resource, "draft"), label, key=publishing.LABELS.index)
        return found

    @cached_property
    def _question_labels(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for row in self.forecasts.values():
            label = self.label(self.every_statement[row.statement_id])
            question: int | None = row.question_id
            while question is not None:
                found[question] = max(found.get(question, "draft"), label, key=publishing.LABELS.index)
                question = self.questions[question].condition_id
        return found

    def note(self, statement: tables.Statement) -> str:
        """Return the sentence that every view of a statement's record shows."""
        if not self._is_noticed(statement):
            return publishing.ADDED
        return publishing.sentence(self.record(statement), self._now)

    def redacted(self, kind: str, target: str | None) -> str | None:
        """Return the sentence that stands in the place of something redacted; None where it was not."""
        return None if target is None else self._redacted.get((kind, target))

    @cached_property
    def evidence(self) -> set[str]:
        """The hashes of the archived bytes that a check or a resolution rests on."""
        found = {row.evidence_sha256 for row in self.checks.values()}
        found |= {row.evidence_sha256 for row in self.resolutions.values()}
        return found - {None}  # type: ignore[return-value]

    @cached_property
    def reads(self) -> dict[int, list[int]]:
        """The resources each question reads."""
        found: dict[int, list[int]] = defaultdict(list)
        for question_id, resource_id in self._links:
            if question_id in self.questions and resource_id in self.resources:
                found[question_id].append(resource_id)
        return found

    @cached_property
    def statements(self) -> dict[int, tables.Statement]:
        """The statements as they are read now: those that no correction has replaced."""
        return _where(self.every_statement, lambda row: row.id not in self.superseded_by)

    @cached_property
    def copies(self) -> set[int]:
        """The editions of which a copy is attached that can be quoted."""
        return {key for key, text in self._copies.items() if text and key in self.editions}

    def claim(self, statement: tables.Statement) -> str:
        """Return a statement's claim, or what became of it."""
        told = self.redacted("statement", statement.public_id)
        return statement.claim if told is None else f"[{told}]"

    def correction_reason(self, statement: tables.Statement) -> str | None:
        """Return why a statement corrects another; hidden while one of the two is, whose speaker it may name."""
        shown = {statement.id, statement.supersedes_id} <= self.every_statement.keys()
        return statement.reason if shown or statement.reason is None else HIDDEN

    def quotation(self, statement: tables.Statement) -> str | None:
        """Return the words of a statement, where the user's own copy of its text is attached."""
        if statement.edition_id not in self.copies or self.redacted("statement", statement.public_id):
            return None
        return self._copies[statement.edition_id][statement.start : statement.end]

    def text(self, edition: tables.Edition) -> str | None:
        """Return the attached copy of an edition's text; None where there is none that can be shown."""
        return self._copies[edition.id] if edition.id in self.copies else None

    def blanked(self, edition: tables.Edition) -> list[tuple[int, int]]:
        """Return the spans of an edition that no view of its text shows, since what was said is redacted."""
        return self._blanked.get(edition.id, [])

    def reply_text(self, reply: tables.Reply) -> str:
        """Return an author's reply, or what became of it."""
        told = self.redacted("reply", reply.public_id)
        return reply.text if told is None else f"[{told}]"

    def received_how(self, reply: tables.Reply) -> str | None:
        """Return the way a reply came; None where it was redacted with the reply."""
        return None if self.redacted("reply", reply.public_id) else reply.received_how

    def replies_to(self, author: tables.Author, statement: tables.Statement | None) -> list[tables.Reply]:
        """Return an author's replies on a statement in any of its versions, or (None) on the whole record."""
        meant = {None} if statement is None else {row.id for row in self.versions(statement)}
        found = [row for key in meant for row in self._replies_of.get((author.id, key), [])]
        return sorted(found, key=lambda row: (row.received_at, row.public_id))

    @cached_property
    def _replies_of(self) -> dict[tuple[int, int | None], list[tables.Reply]]:
        found: dict[tuple[int, int | None], list[tables.Reply]] = defaultdict(list)
        for row in self.replies.values():
            found[row.author_id, row.statement_id].append(row)
        return found

    def versions(self, statement: tables.Statement) -> list[tables.Statement]:
        """Return the statements that a statement corrects, the first reading first, with itself at the end."""
        chain = [statement]
        while (before := self._registered[0].get(chain[0].supersedes_id or 0)) is not None:
            chain.insert(0, before)
        return chain

    def last_version(self, statement: tables.Statement) -> tables.Statement:
        """Return the reading that stands where a statement was corrected; itself where it was not."""
        while (after := self.superseded_by.get(statement.id)) is not None:
            statement = after
        return statement

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

    def has_author(self, slug: str) -> bool:
        """Whether the ledger holds something of an author."""
        return any(row.slug == slug for row in self.authors.values())

    def article(self, key: str) -> tables.Article:
        """Return an article by key."""
        return self._named(self.articles.values(), "key", key, "article")

    def question(self, public_id: str) -> tables.Question:
        """Return a question by public id."""
        return self._named(self.questions.values(), "public_id", public_id, "question")

    def _named(self, rows: Iterable[Row], field: str, name: str, noun: str) -> Row:
        known = []
        for row in rows:
            if getattr(row, field) == name:
                return row
            known.append(getattr(row, field))
        if self._within is not None:  # it does not know the others
            raise NotFoundError(f"There is no {noun} {name!r} in this registry.")
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
            for row in self._registered[1].values()
            if row.change == "correction" and row.supersedes_id is not None
        }

    def _standing(self, forecasts: dict[int, tables.Forecast]) -> list[tables.Forecast]:
        """Return the forecasts that have a number and were not corrected."""
        return [
            row for row in forecasts.values() if row.id not in self.corrected and row.probability_ppm is not None
        ]

    @cached_property
    def standing_by_question(self) -> dict[int, list[tables.Forecast]]:
        """The standing forecasts on each question."""
        return self._grouped(self._standing(self.forecasts), "question_id", order="stated_at")

    @cached_property
    def standing_by_author(self) -> dict[int, list[tables.Forecast]]:
        """The standing forecasts of each author."""
        return self._grouped(self._standing(self.forecasts), "author_id", order="public_id")

    @cached_property
    def forecasts_by_statement(self) -> dict[int, list[tables.Forecast]]:
        """The standing forecasts made from each statement, the primary one first."""
        grouped = self._grouped(self._standing(self.forecasts), "statement_id", order="id")
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
        statements, forecasts = self._registered
        reasons: dict[Policy, dict[str, str | None]] = {name: {} for name in policy.POLICIES}
        for listed in self._grouped(self._standing(forecasts), "question_id", order="stated_at").values():
            claims = [resolving.as_claim(row, statements[row.statement_id]) for row in listed]
            for name in policy.POLICIES:
                reasons[name] |= policy.exclusions(claims, name)
        return reasons

    def standing(self, forecast: tables.Forecast, name: Policy) -> Standing:
        """Return whether a forecast counts under a policy, why not, and its score."""
        reason = self._exclusions[name].get(forecast.public_id)
        if reason == "later-forecast" and not self._shows_an_earlier(forecast):
            reason = "set-aside"
        step = self.step(forecast.question_id)
        if reason is not None or step is None or step.state != "confirmed" or step.outcome not in ("yes", "no"):
            return Standing(reason, None)
        brier = self._score_of.get((forecast.id, step.id, name))
        return Standing("event-before-statement" if brier is None else None, brier)

    def _shows_an_earlier(self, forecast: tables.Forecast) -> bool:
        """Whether the ledger holds another forecast of the author on the question, made no later."""
        return any(
            row.id != forecast.id and row.author_id == forecast.author_id and row.stated_at <= forecast.stated_at
            for row in self.standing_by_question[forecast.question_id]
        )

    @cached_property
    def _statements_by_author(self) -> dict[int, list[tables.Statement]]:
        grouped = self._grouped(self.statements.values(), "stated_by_id", order="id")
        for listed in grouped.values():
            listed.sort(key=lambda row: (row.edition_id, row.start, row.end, row.part))
        return grouped

    @cached_property
    def statements_by_edition(self) -> dict[int, list[tables.Statement]]:
        """The statements found in each edition, in the order of its text."""
        grouped = self._grouped(self.statements.values(), "edition_id", order="id")
        for listed in grouped.values():
            listed.sort(key=lambda row: (row.start, row.end, row.part))
        return grouped

    def said_by(self, author: tables.Author) -> list[tables.Statement]:
        """Return the statements of an author, in the order of the texts they stand in."""
        return self._statements_by_author.get(author.id, [])

    def was_charged(self, author: tables.Author) -> bool:
        """Whether a statement is or was charged to an author, corrected ones too."""
        return any(row.stated_by_id == author.id for row in self.every_statement.values())

    def collection_of(self, statement: tables.Statement) -> tables.Collection:
        """Return the collection of the article a statement stands in."""
        return self.collections[self.articles[self.editions[statement.edition_id].article_id].collection_id]

    def now(self, clock: Clock) -> datetime:
        """Return the instant deadlines are held against: the clock's, or that of the replay."""
        return self.run.now if self.run is not None else clock.now()

    def moment(self, as_of: AsOf, clock: Clock) -> datetime:
        """Return the instant deadlines are held against when the ledger is read as of an instant or a revision."""
        if isinstance(as_of, int):
            as_of = instant_of(self.revisions[as_of])
        return self.now(clock) if as_of is None else min(as_of, self.now(clock))


def read_ledger(store: Store, as_of: datetime | None = None, *, include_drafts: bool = False) -> Ledger:
    """Return the ledger as of an instant, or as it is now: what is public, or everything."""
    with store.read() as session:
        refuse_future(as_of)
        rev = store.revision_at(session, as_of)
        now = now_at(session, rev, store.clock)
        return Ledger(session, rev, now=min(as_of or now, now), include_drafts=include_drafts)


def refuse_future(as_of: AsOf) -> None:
    """Raise `InvalidInputError` for an instant that is still to come by the clock that dates revisions."""
    if isinstance(as_of, datetime) and as_of > datetime.now(UTC):
        raise InvalidInputError(f"Nothing was said at {iso(as_of)} yet: as_of names an instant that has passed.")


def _where(rows: dict[int, Row], keep: Callable[[Row], bool]) -> dict[int, Row]:
    return {key: row for key, row in rows.items() if keep(row)}
