"""The registration document: what `calledit register FILE` takes, as strict schemas.

Items name each other by `key` inside one document, or by the public id of what is registered already.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from forecasts.model import (
    Asserts,
    AuthorKind,
    Basis,
    Checkability,
    CollectionMethod,
    Outcome,
    PublicationState,
    SecondCoding,
    StatementKind,
)
from forecasts.scalars import Instant, Key, Phrase, Probability, Sha256, Strict, Text, Zone

SetAside = Literal["restatement", "chain-summary", "rival-reading", "scheduled-event"]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Number = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Collection(Strict):
    """How the articles or statements of an author were chosen."""

    key: Key
    name: Text
    method: CollectionMethod
    chosen: Number | None = None
    of: Number | None = None
    description: Text


class Edition(Strict):
    """One exact text of an article, known by its hash; `file` computes hash and length from a local copy."""

    sha256: Sha256 | None = None
    characters: Number | None = None
    file: Text | None = None
    url: Text | None = None
    captured_at: Instant | None = None


class Article(Strict):
    """A published source: `label` is our own short description, never the text's headline."""

    key: Key
    label: Text
    collection: Key
    outlet: Text | None = None
    published_earliest: Instant
    published_latest: Instant
    date_basis: Text
    editions: Annotated[list[Edition], Field(min_length=1)]


class Author(Strict):
    """Whoever is scored."""

    slug: Key
    name: Text
    kind: AuthorKind
    note: Text | None = None


class Statement(Strict):
    """A span of an edition that looks at the future, its claim in our own words.

    `start` and `end` are 0-based, half-open code points. Without `stated_earliest` and `stated_latest` the
    statement takes the publication interval of its article. Without `second_coding` it is not recorded whether
    somebody else read the passage too.
    """

    key: Key
    article: Key
    edition: Sha256 | None = None
    start: Count
    end: Count
    part: Annotated[int, Field(ge=1, le=99)] = 1
    stated_by: Key
    reported_via: Key | None = None
    stated_earliest: Instant | None = None
    stated_latest: Instant | None = None
    stated_basis: Text | None = None
    kind: StatementKind
    hedge_phrase: Phrase | None = None
    checkability: Checkability
    checkability_reason: Text
    claim: Text
    second_coding: SecondCoding | None = None
    second_coding_note: Text | None = None


class Condition(Strict):
    """The question a conditional hangs on, and the outcome it must have."""

    question: Key
    outcome: Asserts = "yes"


class Reference(Strict):
    """A probability fixed at registration against which authors are compared."""

    probability: Probability
    basis: Text


class Question(Strict):
    """A proposition that will be yes or no within `[opens_at, deadline)`.

    An event between `opens_at` and `opens_latest` (default: the same instant) is left to a person, because
    nobody knows whether it came before or after the statement. `reading` names a rival reading.
    """

    key: Key
    title: Text
    resolution_criteria: Text
    fine_print: Text | None = None
    criterion: dict[str, Any]
    opens_at: Instant
    opens_latest: Instant | None = None
    deadline: Instant
    zone: Zone
    deadline_basis: Text
    reading: Key = "primary"
    condition: Condition | None = None
    cluster: Key
    reference: Reference | None = None
    retrospective: bool


class Forecast(Strict):
    """The probability a statement gives to a question's yes.

    With `basis = "lexicon"` the three probabilities come from `phrase` in `lexicon`; with `stated` and
    `coder` they are given, always of the question's yes. The author is the statement's speaker.
    """

    statement: Key
    question: Key
    asserts: Asserts
    basis: Basis
    probability: Probability | None = None
    low: Probability | None = None
    high: Probability | None = None
    phrase: Text | None = None
    lexicon: Key | None = None
    reason: Text | None = None
    stated_at: Instant | None = None
    excluded_because: SetAside | None = None


class Ruling(Strict):
    """What a person found about a question, with the citation; proposed once it could be known.

    A day is an interval: with `occurred_until`, it occurred in `[occurred_at, occurred_until)`.
    """

    question: Key
    outcome: Outcome
    knowable_at: Instant
    occurred_at: Instant | None = None
    occurred_until: Instant | None = None
    citation: Text
    note: Text


class LexiconPhrase(Strict):
    """One phrase with the range readers or a standard give it; `bare_modal` marks may, might and could."""

    phrase: Text
    low: Probability
    median: Probability
    high: Probability
    aliases: list[Text] = []
    bare_modal: bool = False


class Lexicon(Strict):
    """A versioned table from phrases to probabilities."""

    key: Key
    version: Text
    title: Text
    source: Text
    licence: Text
    phrases: Annotated[list[LexiconPhrase], Field(min_length=1)]


class Publication(Strict):
    """Where the record of an author in an article stands; "*" means every speaker not named beside it.

    Published needs the `notice` that was given, or `no_notice`: the reason why none was sent.
    """

    article: Key
    author: Key | Literal["*"]
    state: PublicationState
    public_from: Instant | None = None
    notice: Text | None = None
    no_notice: Text | None = None


class Document(Strict):
    """Everything one file registers, in one transaction."""

    format: Annotated[int, Field(alias="schema", ge=1, le=1)] = 1
    collections: list[Collection] = []
    lexicons: list[Lexicon] = []
    articles: list[Article] = []
    authors: list[Author] = []
    statements: list[Statement] = []
    questions: list[Question] = []
    forecasts: list[Forecast] = []
    rulings: list[Ruling] = []
    publications: list[Publication] = []
