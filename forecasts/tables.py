"""The tables: every row carries the `rev` of the transaction that appended it.

Rows are appended and superseded, never edited. Two exceptions: the lease and due time of a resource, which are
a queue and no history, and a redaction, which blanks a payload. Constraints say what must hold on both databases.
"""

from datetime import datetime
from typing import Any, get_args

from sqlalchemy import BigInteger, CheckConstraint, Index, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from forecasts import model
from forecasts.decide import Value
from forecasts.policy import Policy

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention


def _one_of(column: str, literal: Any) -> CheckConstraint:
    """Return the CHECK that a text column holds one of a Literal's values."""
    listed = ", ".join(f"'{value}'" for value in get_args(literal))
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def _ppm(column: str) -> CheckConstraint:
    """Return the CHECK that a column holds parts per million."""
    return CheckConstraint(f"{column} BETWEEN 0 AND 1000000", name=f"{column}_is_ppm")


def _one_each(name: str, column: str, condition: str) -> Index:
    """Return the index that lets a value stand once among the rows that meet a condition."""
    return Index(name, column, unique=True, sqlite_where=text(condition), postgresql_where=text(condition))


def _rev() -> Any:
    return Field(foreign_key="revision.rev", index=True)


class Actor(SQLModel, table=True):
    """Whoever writes to the registry; `key` is the name without regard to case, so that Ann is ann."""

    __table_args__ = (_one_of("kind", model.ActorKind),)

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    name: str
    kind: str


class ReplayRun(SQLModel, table=True):
    """One replay under a simulated clock; its revisions carry the simulated instant besides the real one.

    `after_rev` is the newest revision when it began.
    """

    __tablename__ = "replay_run"

    run_id: str = Field(primary_key=True)
    starts_at: datetime
    ends_at: datetime
    after_rev: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class ReplayExtension(SQLModel, table=True):
    """A replay gone on with to a later end; `after_rev` is the newest revision when that began."""

    __tablename__ = "replay_extension"

    id: int = Field(default=None, primary_key=True)
    run_id: str = Field(foreign_key="replay_run.run_id", index=True)
    ends_at: datetime
    after_rev: int


class Revision(SQLModel, table=True):
    """One write transaction: `recorded_at` is always real, `simulated_at` only in a replay."""

    __table_args__ = (CheckConstraint("(run_id IS NULL) = (simulated_at IS NULL)", name="simulated_in_a_run"),)

    rev: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    recorded_at: datetime = Field(index=True)
    simulated_at: datetime | None = Field(default=None, index=True)
    run_id: str | None = Field(default=None, foreign_key="replay_run.run_id")
    actor_id: int = Field(foreign_key="actor.id")
    action: str


class Collection(SQLModel, table=True):
    """How articles were chosen."""

    __table_args__ = (_one_of("method", model.CollectionMethod),)

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    name: str
    method: str
    chosen: int | None = None
    of: int | None = None
    description: str
    rev: int = _rev()


class Article(SQLModel, table=True):
    """A published source."""

    __table_args__ = (CheckConstraint("published_earliest <= published_latest", name="published_in_order"),)

    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    label: str
    collection_id: int = Field(foreign_key="collection.id", index=True)
    outlet: str | None = None
    published_earliest: datetime
    published_latest: datetime
    date_basis: str
    rev: int = _rev()


class Edition(SQLModel, table=True):
    """One exact text of an article."""

    __table_args__ = (
        CheckConstraint("length(sha256) = 64", name="sha256_length"),
        CheckConstraint("characters > 0", name="has_text"),
    )

    id: int = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", index=True)
    sha256: str = Field(unique=True)
    characters: int
    url: str | None = None
    captured_at: datetime | None = None
    rev: int = _rev()


class AttachedCopy(SQLModel, table=True):
    """The user's own copy of an edition's text, kept so that the quoted span can be shown."""

    __tablename__ = "attached_copy"

    edition_id: int = Field(foreign_key="edition.id", primary_key=True)
    text: str
    rev: int = _rev()


class Author(SQLModel, table=True):
    """Whoever is scored."""

    __table_args__ = (_one_of("kind", model.AuthorKind),)

    id: int = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    name: str
    kind: str
    note: str | None = None
    rev: int = _rev()


class Lexicon(SQLModel, table=True):
    """A versioned table from phrases to probabilities; `phrases` is canonical JSON."""

    __table_args__ = (UniqueConstraint("key", "version"),)

    id: int = Field(default=None, primary_key=True)
    key: str
    version: str
    title: str
    source: str
    licence: str
    phrases: str
    rev: int = _rev()


class Statement(SQLModel, table=True):
    """A span of an edition that looks at the future, one row per claim; a later row may correct how we read it.

    An empty claim was redacted. Without `second_coding` it is not recorded whether somebody else read it too.
    """

    __table_args__ = (
        UniqueConstraint("edition_id", "start", "end", "stated_by_id", "part", "version"),
        UniqueConstraint("supersedes_id"),
        CheckConstraint("(change = 'original') = (supersedes_id IS NULL)", name="change_names_what_it_changes"),
        CheckConstraint("(change = 'correction') = (reason IS NOT NULL)", name="correction_with_its_reason"),
        _one_of("change", model.StatementChange),
        CheckConstraint('start >= 0 AND start < "end"', name="span_in_order"),
        CheckConstraint("stated_earliest <= stated_latest", name="stated_in_order"),
        _one_of("kind", model.StatementKind),
        _one_of("checkability", model.Checkability),
        _one_of("second_coding", model.SecondCoding),
        CheckConstraint("second_coding_note IS NULL OR second_coding IS NOT NULL", name="note_of_a_second_coding"),
    )

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    edition_id: int = Field(foreign_key="edition.id", index=True)
    start: int
    end: int
    part: int
    stated_by_id: int = Field(foreign_key="author.id", index=True)
    reported_via_id: int | None = Field(default=None, foreign_key="author.id")
    stated_earliest: datetime
    stated_latest: datetime
    stated_basis: str
    kind: str
    hedge_phrase: str | None = None
    checkability: str
    checkability_reason: str
    claim: str
    second_coding: str | None = None
    second_coding_note: str | None = None
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    change: str = Field(default="original", sa_column_kwargs={"server_default": "original"})
    supersedes_id: int | None = Field(default=None, foreign_key="statement.id")
    reason: str | None = None
    rev: int = _rev()


class Publication(SQLModel, table=True):
    """Where the record of one author in one article stands; without a row it is a draft, else the newest stands.

    `notice` says how the author was told; a published record without it says in `reason` why nobody was.
    """

    __table_args__ = (
        UniqueConstraint("article_id", "author_id", "rev"),
        _one_of("state", model.PublicationState),
        CheckConstraint("state <> 'notified' OR notice IS NOT NULL", name="notified_with_its_notice"),
        CheckConstraint(
            "state <> 'published' OR notice IS NOT NULL OR reason IS NOT NULL", name="published_with_notice_or_why"
        ),
        CheckConstraint(
            "state <> 'draft' OR (notice IS NULL AND public_from IS NULL AND reason IS NOT NULL)",
            name="taken_back_with_its_reason",
        ),
    )

    id: int = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="article.id", index=True)
    author_id: int = Field(foreign_key="author.id", index=True)
    state: str
    public_from: datetime | None = None
    notice: str | None = None
    reason: str | None = None
    rev: int = _rev()


class Reply(SQLModel, table=True):
    """The author's answer, to one statement or to the whole record; an empty text was redacted."""

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    author_id: int = Field(foreign_key="author.id", index=True)
    statement_id: int | None = Field(default=None, foreign_key="statement.id", index=True)
    text: str
    received_at: datetime
    received_how: str
    rev: int = _rev()


class Redaction(SQLModel, table=True):
    """A payload that was blanked: `sha256` is that of what stood there, `target` names the row.

    The target is the hash of evidence or of the edition a copy is of, or the public id of a reply or statement,
    with ":hedge" after it where the hedge was blanked later than the claim.
    """

    __table_args__ = (
        UniqueConstraint("kind", "target"),
        _one_of("kind", model.RedactedKind),
        CheckConstraint("length(sha256) = 64", name="sha256_length"),
    )

    id: int = Field(default=None, primary_key=True)
    kind: str
    target: str
    sha256: str
    reason: str
    rev: int = _rev()


class Question(SQLModel, table=True):
    """A proposition that will be yes or no; `criterion` is canonical JSON."""

    __table_args__ = (
        CheckConstraint("opens_at <= opens_latest AND opens_latest < deadline", name="window_in_order"),
        CheckConstraint("(condition_id IS NULL) = (condition_outcome IS NULL)", name="condition_with_its_outcome"),
        CheckConstraint("condition_id IS NULL OR condition_id <> id", name="condition_is_another"),
        _one_of("condition_outcome", model.Asserts),
        CheckConstraint("(reference_ppm IS NULL) = (reference_basis IS NULL)", name="reference_with_its_basis"),
        _ppm("reference_ppm"),
    )

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    title: str
    resolution_criteria: str
    fine_print: str | None = None
    criterion: str
    opens_at: datetime
    opens_latest: datetime
    deadline: datetime
    zone: str
    deadline_basis: str
    reading: str
    condition_id: int | None = Field(default=None, foreign_key="question.id", index=True)
    condition_outcome: str | None = None
    cluster: str
    reference_ppm: int | None = None
    reference_basis: str | None = None
    retrospective: bool
    rev: int = _rev()


class Forecast(SQLModel, table=True):
    """An author's probability of a question's yes; a later row may revise, correct or withdraw it."""

    __table_args__ = (
        UniqueConstraint("statement_id", "question_id", "stated_at", "version"),
        CheckConstraint(
            "(low_ppm IS NULL) = (probability_ppm IS NULL) AND (high_ppm IS NULL) = (probability_ppm IS NULL)"
            " AND low_ppm <= probability_ppm AND probability_ppm <= high_ppm",
            name="range_in_order",
        ),
        CheckConstraint("(change = 'withdrawal') = (probability_ppm IS NULL)", name="withdrawn_has_no_number"),
        CheckConstraint("(change = 'original') = (supersedes_id IS NULL)", name="change_names_what_it_changes"),
        CheckConstraint("(basis = 'lexicon') = (lexicon_id IS NOT NULL)", name="lexicon_with_its_id"),
        CheckConstraint("stated_earliest <= stated_at", name="stated_in_order"),
        _ppm("probability_ppm"),
        _ppm("low_ppm"),
        _ppm("high_ppm"),
        _one_of("asserts", model.Asserts),
        _one_of("basis", model.Basis),
        _one_of("change", model.ForecastChange),
        _one_each("uq_forecast_one_primary", "statement_id", "change = 'original' AND excluded_because IS NULL"),
        _one_each("uq_forecast_one_correction", "supersedes_id", "change = 'correction'"),
        _one_each("uq_forecast_one_successor", "supersedes_id", "change IN ('revision', 'withdrawal')"),
    )

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    author_id: int = Field(foreign_key="author.id", index=True)
    question_id: int = Field(foreign_key="question.id", index=True)
    statement_id: int = Field(foreign_key="statement.id", index=True)
    stated_earliest: datetime
    stated_at: datetime
    version: int
    change: str
    supersedes_id: int | None = Field(default=None, foreign_key="forecast.id")
    asserts: str
    probability_ppm: int | None = None
    low_ppm: int | None = None
    high_ppm: int | None = None
    basis: str
    reason: str | None = None
    phrase: str | None = None
    lexicon_id: int | None = Field(default=None, foreign_key="lexicon.id")
    bare_modal: bool = False
    excluded_because: str | None = None
    rev: int = _rev()


class Ruling(SQLModel, table=True):
    """What a person found about a question; proposed at `knowable_at`, never before."""

    __table_args__ = (_one_of("outcome", model.Outcome),)

    id: int = Field(default=None, primary_key=True)
    question_id: int = Field(foreign_key="question.id", unique=True)
    outcome: str
    knowable_at: datetime
    occurred_at: datetime | None = None
    occurred_until: datetime | None = None
    citation: str
    note: str
    rev: int = _rev()


class Resource(SQLModel, table=True):
    """One (source, canonical query): what is scheduled. `next_due` and the lease are its place in the queue."""

    __table_args__ = (CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease_with_its_end"),)

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    source: str
    query: str
    next_due: datetime | None = Field(default=None, index=True)
    lease_token: str | None = None
    lease_until: datetime | None = None
    rev: int = _rev()


class QuestionResource(SQLModel, table=True):
    """Which resources a question reads."""

    __tablename__ = "question_resource"

    question_id: int = Field(foreign_key="question.id", primary_key=True)
    resource_id: int = Field(foreign_key="resource.id", primary_key=True, index=True)


class Evidence(SQLModel, table=True):
    """Archived bytes, kept once by their hash, compressed with zlib."""

    __table_args__ = (CheckConstraint("length(sha256) = 64", name="sha256_length"),)

    sha256: str = Field(primary_key=True)
    content_type: str
    size: int
    body: bytes
    rev: int = _rev()


class Check(SQLModel, table=True):
    """One fetch of a resource and what came of it; `sound` checks alone support a verdict.

    While there is an `alarm` the source supports no no. `trusted_from` is set where it stayed smaller after a
    loss: an absence before that instant proves nothing. `late_rows` counts the rows that were not there when the
    source was said to be complete to them.

    `headers` are those of the answer, as a canonical JSON list of pairs; `source_version` is that of the source
    that read it.
    """

    __tablename__ = "source_check"
    __table_args__ = (
        UniqueConstraint("resource_id", "due_at"),
        Index("ix_source_check_latest", "resource_id", "sound", "checked_at"),
        Index(
            "ix_source_check_alarm",
            "resource_id",
            sqlite_where=text("alarm IS NOT NULL"),
            postgresql_where=text("alarm IS NOT NULL"),
        ),
        Index(
            "ix_source_check_late",
            "late_rows",
            sqlite_where=text("late_rows > 0"),
            postgresql_where=text("late_rows > 0"),
        ),
        _one_of("status", model.CheckStatus),
        _one_of("alarm", model.AlarmKind),
    )

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    resource_id: int = Field(foreign_key="resource.id")
    due_at: datetime
    checked_at: datetime
    status: str
    sound: bool
    problem: str | None = None
    http_status: int | None = None
    evidence_sha256: str | None = Field(default=None, foreign_key="evidence.sha256")
    content_type: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    headers: str | None = None
    source_version: int | None = None
    watermark: datetime | None = None
    rows: int | None = None
    alarm: str | None = None
    trusted_from: datetime | None = None
    late_rows: int | None = None
    rev: int = _rev()


class Verdict(SQLModel, table=True):
    """What a criterion said at a check, appended when it says something new."""

    __table_args__ = (
        UniqueConstraint("question_id", "check_id"),
        _one_of("value", Value),
    )

    id: int = Field(default=None, primary_key=True)
    question_id: int = Field(foreign_key="question.id", index=True)
    check_id: int = Field(foreign_key="source_check.id", index=True)
    value: str
    reason: str
    occurred_at: datetime | None = None
    occurred_until: datetime | None = None
    knowable_at: datetime | None = None
    needs_person: bool
    rev: int = _rev()


class Resolution(SQLModel, table=True):
    """One step in the resolution of a question: proposed, disputed, confirmed or reopened."""

    __table_args__ = (
        UniqueConstraint("question_id", "step"),
        Index(
            "ix_resolution_proposed",
            "closes_at",
            "question_id",
            "step",
            sqlite_where=text("closes_at IS NOT NULL"),
            postgresql_where=text("closes_at IS NOT NULL"),
        ),
        Index(
            "ix_resolution_reopened",
            "question_id",
            "step",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        _one_of("state", model.ResolutionState),
        _one_of("outcome", model.Outcome),
        CheckConstraint("(state = 'reopened') = (outcome IS NULL)", name="outcome_unless_reopened"),
        CheckConstraint("(state = 'proposed') = (closes_at IS NOT NULL)", name="proposal_with_its_window"),
    )

    id: int = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    question_id: int = Field(foreign_key="question.id", index=True)
    step: int
    state: str
    outcome: str | None = None
    rule: str
    reason: str
    citation: str | None = None
    actor_id: int = Field(foreign_key="actor.id")
    decided_at: datetime
    closes_at: datetime | None = None
    check_id: int | None = Field(default=None, foreign_key="source_check.id")
    evidence_sha256: str | None = Field(default=None, foreign_key="evidence.sha256")
    occurred_at: datetime | None = None
    occurred_until: datetime | None = None
    knowable_at: datetime | None = None
    rev: int = _rev()


class Score(SQLModel, table=True):
    """The Brier score of one forecast under one policy, appended with the resolution it follows from.

    `brier_e12` is (p - y)^2 with p and y in parts per million: exact, on the 0 to 1 scale times 10^12.
    """

    __table_args__ = (
        UniqueConstraint("forecast_id", "resolution_id", "policy"),
        CheckConstraint("brier_e12 BETWEEN 0 AND 1000000000000", name="brier_in_range"),
        _one_of("policy", Policy),
    )

    id: int = Field(default=None, primary_key=True)
    forecast_id: int = Field(foreign_key="forecast.id", index=True)
    resolution_id: int = Field(foreign_key="resolution.id", index=True)
    policy: str
    brier_e12: int = Field(sa_type=BigInteger)
    rev: int = _rev()
