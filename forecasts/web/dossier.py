"""The dossier: earlier claims found by author, topic and words, the newest first, as plain data and as text."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from textwrap import fill

from forecasts import citing, search, sentences
from forecasts.entries import statement_entry
from forecasts.errors import NotFoundError
from forecasts.ledger import Ledger
from forecasts.model import iso
from forecasts.overview import around, overview
from forecasts.search import Found, Term
from forecasts.tables import Author, Statement
from forecasts.web.lists import page_of
from forecasts.web.views import View, named, notes

Find = Callable[[Term], Found]

_IN_TOPICS = ("title", "cluster")
# Nobody sees the name of a group in a claim, so its words find claims only where a topic is asked for.
_IN_WORDS = tuple(field for field in search.FIELDS if field != "cluster")
_MOST_NAMES = 20
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for, as typed."""

    author: str = ""
    topic: str = ""
    q: str = ""

    @property
    def given(self) -> dict[str, str]:
        """What was typed, by field; without the fields left empty."""
        given = {"author": self.author, "topic": self.topic, "q": self.q}
        return {name: value for name, value in given.items() if value.strip()}


def dossier_view(
    ledger: Ledger, asked: Asked, find: Find, now: datetime, *, page: int = 1, site: str = ""
) -> View:
    """Return one page of the claims that match all that is asked; without anything asked, of all claims.

    The ledger may be a part of the registry where an author is asked for. `find` looks a term up in the index;
    what it finds is shown only where the ledger holds it. `site` is what the links in the paragraphs begin with.
    Raises `InvalidInputError` and `NotFoundError` with what to do.
    """
    authors = _authors(overview(ledger).authors, asked.author, find)
    if authors is not None:
        ledger = around(ledger, authors=(row.id for row in authors))
    topics, words = search.terms_of(asked.topic, "topic"), search.terms_of(asked.q, "words")
    kept: set[int] | None = None if authors is None else _said(ledger, authors)
    for terms, fields in ((topics, _IN_TOPICS), (words, _IN_WORDS)):
        for term in terms:
            matching = _visible(ledger, find(term), fields)
            kept = matching if kept is None else kept & matching
    newest = ledger.remember("newest first", lambda: _newest_first(ledger))
    listed = [row for row in newest if kept is None or row.id in kept]
    return {
        **notes(ledger),
        "asked": asked.given,
        "scale": sentences.SCALE,
        "authors": [] if authors is None else [named(row) for row in authors[:_MOST_NAMES]],
        "more_authors": max(0, len(authors or ()) - _MOST_NAMES),
        "sentence": _sentence(asked, len(listed)),
        "claims": page_of(listed, page, lambda row: _entry(ledger, row, now, site)),
    }


# -- what is found -----------------------------------------------------------------------------------------------


def _authors(known: list[Author], name: str, find: Find) -> list[Author] | None:
    """Return the authors a slug or the words of a name stand for; None where nobody is named."""
    terms = search.terms_of(name, "author")
    if not terms:
        return None
    slug = name.strip()
    found = [row for row in known if row.slug == slug]
    if not found:
        ids = set.intersection(*(find(term)["author"] for term in terms))
        found = [row for row in known if row.id in ids]
    if not found:
        raise NotFoundError(
            f"No author called {slug[:80]!r} has a claim here. Write a part of the name, or leave it empty; "
            "the authors stand on the home page and in `calledit export authors`."
        )
    return sorted(found, key=lambda row: (row.name.casefold(), row.slug))


def _said(ledger: Ledger, authors: list[Author]) -> set[int]:
    return {row.id for author in authors for row in ledger.said_by(author)}


def _visible(ledger: Ledger, found: Found, fields: tuple[str, ...]) -> set[int]:
    """Return the statements the ledger holds and shows, to which the entries found in some fields lead."""
    kept: set[int] = set()
    for field in fields:
        if field in ("title", "cluster"):
            asked_in = ledger.remember("statements by question", lambda: _by_question(ledger))
            for question in found[field]:
                kept |= asked_in.get(question, set())
        elif field == "author":
            kept |= _said(ledger, [ledger.authors[key] for key in found[field] if key in ledger.authors])
        else:
            rows = (ledger.statements[key] for key in found[field] if key in ledger.statements)
            kept |= {row.id for row in rows if _shows(ledger, row, field)}
    return kept


def _shows(ledger: Ledger, statement: Statement, field: str) -> bool:
    """Whether the ledger shows that text of a statement: the copy may have been attached later."""
    return field != "quotation" or ledger.quotation(statement) is not None


def _by_question(ledger: Ledger) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for statement, forecasts in ledger.forecasts_by_statement.items():
        for row in forecasts:
            found.setdefault(row.question_id, set()).add(statement)
    return found


def _newest_first(ledger: Ledger) -> list[Statement]:
    rows = sorted(
        ledger.statements.values(), key=lambda row: (row.edition_id, row.start, row.end, row.part, row.public_id)
    )
    return sorted(rows, key=lambda row: (row.stated_latest, row.stated_earliest), reverse=True)


def _sentence(asked: Asked, count: int) -> str:
    if not count:
        return (
            "Nothing here matches all of that. Leave a word out, or write its beginning with a star, as in nucl*."
            if asked.given
            else "Nothing is registered here yet."
        )
    many = count != 1
    if asked.given:
        return f"{sentences.plural(count, 'claim')} match{'' if many else 'es'}, the newest first."
    return f"{sentences.plural(count, 'claim')} {'are' if many else 'is'} on record, the newest first."


def _entry(ledger: Ledger, statement: Statement, now: datetime, site: str) -> View:
    entry = statement_entry(ledger, statement)
    edition = ledger.editions[statement.edition_id]
    article = ledger.articles[edition.article_id]
    return entry | {
        "author": named(ledger.authors[statement.stated_by_id]),
        "source": {
            "key": article.key,
            "label": article.label,
            "outlet": article.outlet,
            "captured_at": iso(edition.captured_at) if edition.captured_at else None,
            "url": edition.url,
        },
        "made": citing.made(ledger, statement),
        "paragraph": citing.paragraph(ledger, statement, entry, now, site),
    }


# -- as text -----------------------------------------------------------------------------------------------------


def dossier_text(view: View) -> str:
    """Return a page of the dossier as plain text."""
    return "\n".join(_lines(view))


def _lines(view: View) -> Iterator[str]:
    yield view["sentence"]
    if view["replay"]:
        yield _wrapped(view["replay"])
    for entry in view["claims"]["rows"]:
        yield ""
        source = entry["source"]
        yield f"{entry['author']['name']}, {entry['stated_latest'][:10]}, {source['label']} ({source['key']})"
        yield f"  {entry['id']}, edition {entry['article_sha256'][:12]}. {entry['publication']['note']}"
        yield _wrapped(entry["paragraph"], 2)
        for answer in entry["made"]:
            yield _wrapped(f"{answer['question']} {answer['answer']}: {answer['why']}", 2)
    listed = view["claims"]
    if listed["pages"] > 1:
        yield ""
        yield f"Page {listed['page']} of {listed['pages']}; --page shows another."


def _wrapped(text: str, indent: int = 0) -> str:
    space = " " * indent
    return fill(text, _WIDTH, initial_indent=space, subsequent_indent=space + "  " if indent else "")
