"""From a registration document to rows: natural keys, references, and what must hold before anything is kept.

Registering the same thing twice changes nothing. The same natural key with other content is refused: what was
registered is corrected by name, never overwritten.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlmodel import SQLModel, col, select

from forecasts import criteria, publishing, redacting
from forecasts.errors import ConflictError, InvalidInputError
from forecasts.exchange import document as doc
from forecasts.lexicon import dump_phrases, find_phrase, fold, newest
from forecasts.model import Interval, SourceCatalogue, iso, to_ppm
from forecasts.sentences import plural
from forecasts.store import Transaction
from forecasts.tables import (
    Article,
    Author,
    Collection,
    Edition,
    Forecast,
    Lexicon,
    Publication,
    Question,
    QuestionResource,
    Resource,
    Ruling,
    Statement,
)

Row = TypeVar("Row", bound=SQLModel)
OF_A_CORRECTION = ("version", "change", "supersedes_id", "reason")
MAX_CHAIN = 50  # what happens to a question is followed down its chain at once


def public_id(prefix: str, *parts: object) -> str:
    """Return the public id that follows from a natural key: the same on every database."""
    return f"{prefix}-{criteria.digest(list(parts))[:12]}"


@dataclass(slots=True)
class Registered:
    """How many items of each kind were added and how many were there already, and the public id of each key.

    `warnings` are sentences on what was taken and is unwise.
    """

    added: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Registrar:
    """Registers one document inside one transaction."""

    def __init__(self, tx: Transaction, catalogue: SourceCatalogue, folder: Path) -> None:
        self.tx = tx
        self.catalogue = catalogue
        self.folder = folder
        self.outcome = Registered()
        self._editions: dict[str, list[Edition]] = {}
        self._statements: dict[str, Statement] = {}
        self._questions: dict[str, Question] = {}
        self._not_recorded: list[str] = []

    def register(self, document: doc.Document, standards: Sequence[doc.Lexicon] = ()) -> Registered:
        """Register everything in the document, what is referred to before what refers to it."""
        self._add_standards(standards, document.lexicons)
        for kind in ("collections", "lexicons", "articles", "authors", "statements", "forecasts", "rulings"):
            if kind == "forecasts":
                self._add_questions(document.questions)
            for number, item in enumerate(getattr(document, kind)):
                with _located(f"{kind}[{number}]"):
                    getattr(self, f"_add_{kind[:-1]}")(item)
        self._tell_not_recorded()
        named = {(item.article, item.author) for item in document.publications}
        if len(named) < len(document.publications):
            raise InvalidInputError("publications: a record is named twice; say once where it stands.")
        for number, publication in enumerate(document.publications):
            with _located(f"publications[{number}]"):
                spoken = {row.stated_by for row in document.statements if row.article == publication.article}
                self._add_publication(publication, named, spoken)
        return self.outcome

    # -- one method for each kind of item ------------------------------------------------------------------

    def _add_collection(self, item: doc.Collection) -> None:
        if item.method == "random" and (item.chosen is None or item.of is None or item.chosen > item.of):
            raise InvalidInputError("a random collection says how many were chosen `of` how many")
        self._keep("collections", Collection(rev=0, **item.model_dump()), key=item.key)

    def _add_standards(self, standards: Sequence[doc.Lexicon], own: list[doc.Lexicon]) -> None:
        """Register the lexicons everybody has, except a version that is registered or brought along already.

        They come first, so that a version the document brings is the newest.
        """
        known = {(item.key, item.version) for item in own}
        known |= {(row.key, row.version) for row in self.tx.session.exec(select(Lexicon)).all()}
        for item in standards:
            if (item.key, item.version) not in known:
                self._add_lexicon(item)

    def _add_lexicon(self, item: doc.Lexicon) -> None:
        for phrase in item.phrases:
            if not phrase.low <= phrase.median <= phrase.high:
                raise InvalidInputError(f"the range of {phrase.phrase!r} is not in order: low, median, high")
        names = Counter(fold(name) for phrase in item.phrases for name in (phrase.phrase, *phrase.aliases))
        if (twice := max(names, key=names.__getitem__)) and names[twice] > 1:
            raise InvalidInputError(f"{twice!r} stands for two ranges; each phrase and alias has one")
        self._keep("lexicons", lexicon_row(item), key=item.key, version=item.version)

    def _add_article(self, item: doc.Article) -> None:
        if item.published_earliest > item.published_latest:
            raise InvalidInputError("published_earliest lies after published_latest")
        collection = self._find(Collection, "collection", key=item.collection)
        values = item.model_dump(exclude={"collection", "editions"})
        article = self._keep("articles", Article(rev=0, collection_id=collection.id, **values), key=item.key)
        self._editions[item.key] = [self._add_edition(article, edition) for edition in item.editions]

    def _add_edition(self, article: Article, item: doc.Edition) -> Edition:
        sha256, characters = item.sha256, item.characters
        if item.file is not None:
            found_sha, text = read_text(self.folder / item.file)
            if not text:
                raise InvalidInputError(f"{item.file} is empty")
            if (sha256 or found_sha, characters or len(text)) != (found_sha, len(text)):
                raise InvalidInputError(
                    f"{item.file} has sha256 {found_sha} and {len(text)} characters, not what is stated"
                )
            sha256, characters = found_sha, len(text)
        if sha256 is None or characters is None:
            raise InvalidInputError("an edition needs `sha256` and `characters`, or a `file` to compute them")
        row = Edition(
            rev=0,
            article_id=article.id,
            sha256=sha256,
            characters=characters,
            url=item.url,
            captured_at=item.captured_at,
        )
        return self._keep("editions", row, sha256=sha256)

    def _add_author(self, item: doc.Author) -> None:
        self._keep("authors", Author(rev=0, **item.model_dump()), slug=item.slug)

    def _add_statement(self, item: doc.Statement) -> None:
        if item.key in self._statements:
            raise InvalidInputError(f"the key {item.key!r} is used twice; give each its own")
        article = self._find(Article, "article", key=item.article)
        edition = self._edition(article, item.edition)
        if not item.start < item.end <= edition.characters:
            raise InvalidInputError(
                f"the span {item.start}-{item.end} does not lie inside the text, "
                f"which has {edition.characters} characters"
            )
        speaker = self._find(Author, "author", slug=item.stated_by)
        via = self._find(Author, "author", slug=item.reported_via) if item.reported_via else None
        earliest = item.stated_earliest or article.published_earliest
        latest = item.stated_latest or item.stated_earliest or article.published_latest
        if earliest > latest:
            raise InvalidInputError("stated_earliest lies after stated_latest")
        if item.stated_earliest is not None and item.stated_basis is None:
            raise InvalidInputError("a statement with its own date says in `stated_basis` how it is known")
        if item.second_coding_note is not None and item.second_coding is None:
            raise InvalidInputError("second_coding_note needs second_coding: none, agreed, settled or one-of-two")
        key = (edition.sha256, item.start, item.end, speaker.slug, item.part)
        row = Statement(
            rev=0,
            public_id=public_id("s", *key),
            edition_id=edition.id,
            stated_by_id=speaker.id,
            reported_via_id=via.id if via else None,
            stated_earliest=earliest,
            stated_latest=latest,
            stated_basis=item.stated_basis or f"the article's publication: {article.date_basis}",
            **item.model_dump(
                include={
                    "start",
                    "end",
                    "part",
                    "kind",
                    "hedge_phrase",
                    "checkability",
                    "checkability_reason",
                    "claim",
                    "second_coding",
                    "second_coding_note",
                }
            ),
        )
        row = self._known_reading(row)
        if item.second_coding is not None and row.second_coding is None:
            self._not_recorded.append(row.public_id)
        self._statements[item.key] = self._keep("statements", row, ref=item.key, public_id=row.public_id)

    def _known_reading(self, row: Statement) -> Statement:
        """Return the reading of the same span and speaker that says the same, where one is registered.

        What is redacted is not compared, so that registering it again neither brings it back nor fails; nor is the
        second coding where neither the reading nor a later one that says the same has one.
        """
        same = select(Statement).filter_by(
            **row.model_dump(include={"edition_id", "start", "end", "part", "stated_by_id"})
        )
        readings = self.tx.session.exec(same.order_by(col(Statement.version).desc())).all()
        coding = {"second_coding", "second_coding_note"}
        compared = set(Statement.model_fields) - {"id", "public_id", "rev", *OF_A_CORRECTION, *coding}

        def agree(found: Statement, names: set[str]) -> bool:
            return found.model_dump(include=names) == row.model_dump(include=names)

        recorded = False
        for found in readings:
            blank = {"claim", "hedge_phrase", "second_coding_note"} if not found.claim else set()
            if agree(found, compared - blank):
                if agree(found, coding - blank) or (found.second_coding is None and not recorded):
                    return found
                recorded = True
        return row if not readings else _renamed(row, readings[0])

    def _tell_not_recorded(self) -> None:
        """Say of how many statements the file has a second coding that registering it again does not record."""
        if self._not_recorded:
            count, first = plural(len(self._not_recorded), "statement"), self._not_recorded[0]
            self.outcome.warnings.append(
                f"{count} (the first is {first}) stood registered without a second_coding, and registering again "
                "records none; `calledit statement correct ID --second-coding` does."
            )

    def _add_questions(self, items: list[doc.Question]) -> None:
        """Add questions parents first; a chain of conditions that closes on itself is refused."""
        by_key = {item.key: (number, item) for number, item in enumerate(items)}
        if len(by_key) < len(items):
            twice = next(key for key, n in Counter(item.key for item in items).items() if n > 1)
            raise InvalidInputError(f"questions: the key {twice!r} is used twice; give each its own.")

        def add(key: str, below: tuple[str, ...]) -> None:
            if key in below:
                chain = " -> ".join((*below[below.index(key) :], key))
                raise InvalidInputError(f"the condition is circular ({chain}); remove one of its links")
            if key in self._questions or key not in by_key:
                return
            number, item = by_key[key]
            place = f"questions[{number}]"
            with _located(place):
                _refuse_long_chain(len(below))
                if item.condition is not None:
                    add(item.condition.question, (*below, key))
                warnings = self._add_question(item)
            self.outcome.warnings += [f"{place}: {warning}" for warning in warnings]

        for key in by_key:
            add(key, ())

    def _add_question(self, item: doc.Question) -> list[str]:
        """Add one question; return what is unwise about its criterion."""
        opens_latest = item.opens_latest or item.opens_at
        if not item.opens_at <= opens_latest < item.deadline:
            raise InvalidInputError("the deadline must lie after opens_at and opens_latest")
        criterion = criteria.canonical(criteria.parse(item.criterion), self.catalogue)
        parent = self._question(item.condition.question) if item.condition else None
        if parent is not None and parent.cluster != item.cluster:
            raise InvalidInputError(
                f"a question and its condition share a cluster; write cluster = {parent.cluster!r}"
            )
        _refuse_long_chain(self._conditions_of(parent))
        stored = criteria.dump(criterion)
        hashed = public_id(
            "q",
            stored,
            [iso(item.opens_at), iso(opens_latest), iso(item.deadline)],
            [parent.public_id, item.condition.outcome] if parent and item.condition else None,
            item.reading,
        )
        row = Question(
            rev=0,
            public_id=hashed,
            criterion=criteria.canonical_json(stored).decode(),
            opens_latest=opens_latest,
            condition_id=parent.id if parent else None,
            condition_outcome=item.condition.outcome if item.condition else None,
            reference_ppm=to_ppm(item.reference.probability) if item.reference else None,
            reference_basis=item.reference.basis if item.reference else None,
            **item.model_dump(exclude={"key", "criterion", "opens_latest", "condition", "reference"}),
        )
        question = self._keep("questions", row, ref=item.key, public_id=hashed)
        self._questions[item.key] = question
        for leaf in criteria.source_leaves(criterion):
            self._add_resource(question, *leaf.resource)
        return criteria.warnings(criterion, self.catalogue)

    def _conditions_of(self, question: Question | None) -> int:
        """Return how many questions there are from this one up to the one that hangs on none."""
        count = 0
        while question is not None:
            above = question.condition_id
            question = self.tx.session.get_one(Question, above) if above is not None else None
            count += 1
        return count

    def _add_resource(self, question: Question, source: str, query: str) -> None:
        """Tie the question to its resource, and have the resource checked as soon as the question opens."""
        session = self.tx.session
        row = Resource(rev=0, public_id=public_id("u", source, query), source=source, query=query)
        known = session.exec(select(Resource).where(Resource.public_id == row.public_id)).first()
        resource: Resource = known or self.tx.append(row)
        if session.get(QuestionResource, (question.id, resource.id)) is None:
            session.add(QuestionResource(question_id=question.id, resource_id=resource.id))
            due = max(self.tx.now, question.opens_at)
            resource.next_due = min(resource.next_due or due, due)
            session.flush()

    def _add_forecast(self, item: doc.Forecast) -> None:
        statement = self._statement(item.statement)
        question = self._question(item.question)
        if statement.checkability == "no" or statement.kind == "not-a-forecast":
            raise InvalidInputError("the statement is no checkable forecast, so it cannot carry a probability")
        stated_at = item.stated_at or statement.stated_latest
        if stated_at >= question.deadline:
            raise InvalidInputError(
                f"it was stated at {iso(stated_at)}, not before the deadline {iso(question.deadline)}"
            )
        speaker = self.tx.session.get_one(Author, statement.stated_by_id)
        hashed = public_id("f", speaker.slug, question.public_id, iso(stated_at), statement.public_id, 1)
        low, probability, high, lexicon, bare = self._probabilities(item, statement, question)
        row = Forecast(
            rev=0,
            public_id=hashed,
            author_id=speaker.id,
            question_id=question.id,
            statement_id=statement.id,
            stated_earliest=min(statement.stated_earliest, stated_at),
            stated_at=stated_at,
            version=1,
            change="original",
            probability_ppm=probability,
            low_ppm=low,
            high_ppm=high,
            lexicon_id=lexicon.id if lexicon else None,
            bare_modal=bare,
            **item.model_dump(include={"asserts", "basis", "reason", "phrase", "excluded_because"}),
        )
        if self._phrase_redacted(statement):
            row.phrase = None
        known = self.tx.session.exec(select(Forecast.id).where(Forecast.public_id == hashed)).first()
        if known is None and self._moved_here(row):
            self.outcome.unchanged["forecasts"] += 1
            return
        if known is None:
            self._refuse_second_primary(row)
        self._keep("forecasts", row, public_id=hashed)

    def _phrase_redacted(self, statement: Statement) -> bool:
        """Whether the phrases of a statement's forecasts were redacted, so that they are not brought back."""
        blank = select(Forecast.id).where(
            Forecast.statement_id == statement.id, Forecast.basis == "lexicon", col(Forecast.phrase).is_(None)
        )
        return self.tx.session.exec(blank).first() is not None

    def _moved_here(self, row: Forecast) -> bool:
        """Whether a correction of the statement brought this forecast along, so that it is registered already."""
        session = self.tx.session
        later = redacting.successor(session, session.get_one(Statement, row.statement_id))
        if later is not None:
            raise ConflictError(f"the statement was corrected; give the forecast to {later.public_id}")
        moved = session.exec(
            select(Forecast).where(
                Forecast.statement_id == row.statement_id,
                Forecast.question_id == row.question_id,
                Forecast.stated_at == row.stated_at,
                Forecast.change == "correction",
            )
        ).all()
        fields = {"asserts", "probability_ppm", "low_ppm", "high_ppm", "basis", "phrase", "lexicon_id"}
        fields |= {"excluded_because", "reason"} if row.basis == "coder" else {"excluded_because"}
        for found in moved:
            link: Forecast | None = found
            while link is not None:
                if link.model_dump(include=fields) == row.model_dump(include=fields):
                    return True
                link = session.get(Forecast, link.supersedes_id) if link.supersedes_id else None
        if moved:
            raise ConflictError(
                f"this forecast is registered already, as {moved[-1].public_id}, with other content"
            )
        return False

    def _refuse_second_primary(self, row: Forecast) -> None:
        if row.excluded_because is not None:
            return
        other = self.tx.session.exec(
            select(Forecast).where(
                Forecast.statement_id == row.statement_id,
                col(Forecast.change).in_(("original", "correction")),
                Forecast.excluded_because == None,  # noqa: E711  (SQL)
                Forecast.public_id != row.public_id,
            )
        ).first()
        if other is not None:
            raise ConflictError(
                f"the statement has a primary forecast already ({other.public_id}); "
                "say in excluded_because why this one is not counted"
            )

    def _probabilities(
        self, item: doc.Forecast, statement: Statement, question: Question
    ) -> tuple[int, int, int, Lexicon | None, bool]:
        """Return low, probability and high in ppm, the lexicon used, and whether the phrase is a bare modal."""
        if item.basis == "lexicon":
            return self._from_lexicon(item, statement, question)
        if item.phrase is not None or item.lexicon is not None:
            raise InvalidInputError(f"phrase and lexicon belong to basis = 'lexicon', not {item.basis!r}")
        if item.probability is None:
            raise InvalidInputError(f"basis = {item.basis!r} needs a probability")
        if item.basis == "coder" and None in (item.low, item.high, item.reason):
            raise InvalidInputError("basis = 'coder' needs low, high and a reason")
        probability = to_ppm(item.probability)
        low = probability if item.low is None else to_ppm(item.low)
        high = probability if item.high is None else to_ppm(item.high)
        if not low <= probability <= high:
            raise InvalidInputError("low, probability and high are not in order")
        return low, probability, high, None, False

    def _from_lexicon(
        self, item: doc.Forecast, statement: Statement, question: Question
    ) -> tuple[int, int, int, Lexicon | None, bool]:
        """Read the phrase in the version of the lexicon it was registered with, or in the newest."""
        if item.phrase is None or item.lexicon is None:
            raise InvalidInputError("basis = 'lexicon' needs a phrase and a lexicon")
        if (item.probability, item.low, item.high) != (None, None, None):
            raise InvalidInputError("basis = 'lexicon' takes its numbers from the lexicon; remove those given")
        registered = (
            select(Lexicon)
            .join(Forecast)
            .where(
                Forecast.statement_id == statement.id,
                Forecast.question_id == question.id,
                Forecast.stated_at == (item.stated_at or statement.stated_latest),
                Lexicon.key == item.lexicon,
            )
            .order_by(col(Forecast.version))
        )
        lexicon = self.tx.session.exec(registered).first() or latest_lexicon(self.tx, item.lexicon)
        found = find_phrase(lexicon.phrases, item.phrase)
        if found is None:
            raise InvalidInputError(
                f"lexicon {item.lexicon!r} gives no number for {item.phrase!r}; use basis = 'coder' with a reason"
            )
        spread = found.asserting(item.asserts)
        return spread.low, spread.median, spread.high, lexicon, spread.bare_modal

    def _add_ruling(self, item: doc.Ruling) -> None:
        question = self._question(item.question)
        occurred = interval_of(item.occurred_at, item.occurred_until)
        refuse_misdated(question, item.outcome, occurred)
        if occurred is not None and item.knowable_at < occurred.start:
            raise InvalidInputError("it could not be known before it occurred; mend knowable_at or occurred_at")
        if item.outcome == "no" and item.knowable_at < question.deadline:
            raise InvalidInputError("a no is not knowable before the deadline")
        row = Ruling(rev=0, question_id=question.id, **item.model_dump(exclude={"question"}))
        self._keep("rulings", row, question_id=question.id)

    def _add_publication(self, item: doc.Publication, named: set[tuple[str, str]], spoken: set[str]) -> None:
        """Move each record meant, unless it was moved so before: what was decided since by hand stands.

        `*` means those whom this document itself lets speak in the article, so that a speaker corrected since
        is not published by registering the file again.
        """
        article = self._find(Article, "article", key=item.article)
        speakers = self.tx.session.exec(
            select(Author)
            .join(Statement, col(Statement.stated_by_id) == col(Author.id))
            .join(Edition, col(Edition.id) == col(Statement.edition_id))
            .where(Edition.article_id == article.id)
            .order_by(col(Author.slug))
            .distinct()
        ).all()
        meant = [
            row
            for row in speakers
            if row.slug == item.author
            or (item.author == "*" and row.slug in spoken and (item.article, row.slug) not in named)
        ]
        if not meant:
            raise InvalidInputError(f"nothing in {item.article!r} is charged to {item.author!r}")
        if item.notice is not None and item.no_notice is not None:
            raise InvalidInputError("notice and no_notice contradict each other; remove one")
        for author in meant:
            self._move_record(article, author, item)

    def _move_record(self, article: Article, author: Author, item: doc.Publication) -> None:
        """Move one record, unless the file says what it is or has been already."""
        stands = publishing.standing(self.tx.session, article, author)
        if item.state == "draft":
            if stands is not None and stands.state != "draft":
                raise ConflictError(
                    f"{author.slug} is {stands.state}; take it back with `calledit author unpublish`"
                )
            known = True
        else:
            moves = self.tx.session.exec(
                select(Publication).where(Publication.article_id == article.id, Publication.author_id == author.id)
            ).all()
            known = any(_says_the_same(move, item) for move in moves)
        if known:
            self.outcome.unchanged["publications"] += 1
            return
        publishing.move(
            self.tx,
            article,
            author,
            item.state,
            public_from=item.public_from,
            notice=item.notice,
            reason=item.no_notice,
        )
        self.outcome.added["publications"] += 1

    # -- keeping and finding -------------------------------------------------------------------------------

    def _keep(self, kind: str, row: Row, *, ref: str | None = None, **natural_key: Any) -> Row:
        """Append the row, or return the one registered under its natural key; refuse other content."""
        table = type(row)
        found = self.tx.session.exec(select(table).filter_by(**natural_key)).first()
        if found is None:
            found = self.tx.append(row)
            self.outcome.added[kind] += 1
        else:
            self._refuse_other_content(kind, row, found)
            self.outcome.unchanged[kind] += 1
        if ref is not None:
            self.outcome.ids.setdefault(kind, {})[ref] = natural_key["public_id"]
        return found

    @staticmethod
    def _refuse_other_content(kind: str, row: SQLModel, found: SQLModel) -> None:
        """Raise `ConflictError` that names the fields in which the two rows differ."""
        differing = [
            name
            for name in type(row).model_fields
            if name not in ("id", "rev") and getattr(row, name) != getattr(found, name)
        ]
        if differing:
            raise ConflictError(
                f"this is registered already with another {', '.join(differing)}; "
                f"what is registered among the {kind} is corrected, never overwritten"
            )

    def _find(self, table: type[Row], noun: str, **natural_key: Any) -> Row:
        row = self.tx.session.exec(select(table).filter_by(**natural_key)).first()
        if row is None:
            named = next(iter(natural_key.values()))
            raise InvalidInputError(f"there is no {noun} {named!r}; register it in the same file or before")
        return row

    def _edition(self, article: Article, sha256: str | None) -> Edition:
        """Return the edition of that hash; without one, the only edition the document or the registry names."""
        known = self.tx.session.exec(select(Edition).where(Edition.article_id == article.id)).all()
        if sha256 is not None:
            found = [edition for edition in known if edition.sha256 == sha256]
            if not found:
                raise InvalidInputError(f"article {article.key!r} has no edition {sha256}")
            return found[0]
        named = self._editions.get(article.key) or known
        if len(named) != 1:
            raise InvalidInputError(
                f"article {article.key!r} has {len(named)} editions; name one of them by its sha256"
            )
        return named[0]

    def _statement(self, ref: str) -> Statement:
        return self._statements.get(ref) or self._find(Statement, "statement", public_id=ref)

    def _question(self, ref: str) -> Question:
        return self._questions.get(ref) or self._find(Question, "question", public_id=ref)


def lexicon_row(item: doc.Lexicon) -> Lexicon:
    """Return a lexicon as the store keeps it, not registered yet."""
    return Lexicon(rev=0, phrases=dump_phrases(item.phrases), **item.model_dump(exclude={"phrases"}))


def _says_the_same(move: Publication, item: doc.Publication) -> bool:
    """Whether a move is the one a file asks for; published without more, it keeps what the notice said."""
    if (move.state, move.reason) != (item.state, item.no_notice):
        return False
    after_notice = item.state == "published" and item.notice is None and item.no_notice is None
    return after_notice or (move.public_from, move.notice) == (item.public_from, item.notice)


def _renamed(row: Statement, found: Statement) -> Statement:
    """Return the row under the id of the reading it differs from, so that the two are compared."""
    row.public_id = found.public_id
    for name in OF_A_CORRECTION:
        setattr(row, name, getattr(found, name))
    return row


def latest_lexicon(tx: Transaction, key: str) -> Lexicon:
    """Return the newest registered version of a lexicon; raise `InvalidInputError` where there is none."""
    found = newest(tx.session.exec(select(Lexicon).where(Lexicon.key == key).order_by("id")).all())
    if key not in found:
        raise InvalidInputError(f"there is no lexicon {key!r}; register it before or use 'capphrase'")
    return found[key]


def interval_of(occurred_at: datetime | None, occurred_until: datetime | None) -> Interval | None:
    """Return when something occurred: an instant, or somewhere in `[occurred_at, occurred_until)`."""
    if occurred_at is None:
        if occurred_until is not None:
            raise InvalidInputError("occurred_until needs occurred_at")
        return None
    if occurred_until is not None and occurred_until <= occurred_at:
        raise InvalidInputError("occurred_until must lie after occurred_at")
    return Interval(occurred_at, occurred_until or occurred_at)


def refuse_misdated(question: Question, outcome: str, occurred: Interval | None) -> None:
    """Raise `InvalidInputError` for a yes without a date, or for something outside the question's window."""
    if occurred is None:
        if outcome == "yes":
            raise InvalidInputError("A yes says when it happened: give occurred_at, for a day occurred_until too.")
        return
    instant_too_late = occurred.start >= question.deadline
    if occurred.start < question.opens_at or occurred.end > question.deadline or instant_too_late:
        raise InvalidInputError(
            f"It occurred at {iso(occurred.start)}, outside the question's window "
            f"({iso(question.opens_at)} to {iso(question.deadline)})."
        )


def _refuse_long_chain(conditions: int) -> None:
    if conditions >= MAX_CHAIN:
        raise InvalidInputError(f"the chain of conditions is longer than {MAX_CHAIN} questions")


def read_text(path: Path) -> tuple[str, str]:
    """Return the sha256 of a file's bytes and the text they decode to, unnormalised."""
    try:
        body = path.read_bytes()
        return hashlib.sha256(body).hexdigest(), body.decode("utf-8")
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} is not UTF-8 text; convert it first") from None


class _located:  # noqa: N801  (used like a function)
    """Prefix what goes wrong inside with the place in the document, once."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, InvalidInputError | ConflictError) and not getattr(error, "located", False):
            located = type(error)(f"{self.place}: {str(error).rstrip('.')}.")
            located.located = True  # type: ignore[union-attr]
            raise located from None
