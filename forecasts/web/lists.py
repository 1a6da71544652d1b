"""Lists in pages of fifty, and the page one lands on; plain data read from one ledger."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from forecasts import sentences
from forecasts.corrections import correction_log
from forecasts.errors import InvalidInputError, NotFoundError
from forecasts.exchange.export import question_record
from forecasts.ledger import Ledger
from forecasts.measures.records import Headline, headlines
from forecasts.model import iso
from forecasts.overview import STATES, Kept, Overview, around, overview
from forecasts.tables import Article, Author, Question
from forecasts.web.address import paged
from forecasts.web.views import View, named, notes

Item = TypeVar("Item")

PAGE = 50
NEWEST = 10


def page_of(
    items: Sequence[Item],
    page: int,
    show: Callable[[Item], Any] = lambda item: item,
    *,
    size: int = PAGE,
    name: str = "page",
) -> View:
    """Return one page of a list, with only its items shown; `asked` is what the address said of it under `name`.

    Raises `NotFoundError` for a page past the last; an empty list has one.

    >>> page_of(range(120), 3)["first"], page_of([], 1)["rows"]
    (101, [])
    """
    pages = max(1, -(-len(items) // size))
    if not 1 <= page <= pages:
        there = "has one page" if pages == 1 else f"has {pages} pages"
        raise NotFoundError(f"There is no page {page}: this list {there}.")
    first = (page - 1) * size
    rows = [show(item) for item in items[first : first + size]]
    return {
        "rows": rows,
        "page": page,
        "asked": paged({}, name, page),
        "pages": pages,
        "size": size,
        "total": len(items),
        "first": first + 1,
        "last": first + len(rows),
    }


def home_view(ledger: Ledger) -> View:
    """Return how much there is, and what came out last."""
    there = overview(ledger)
    newest = there.settled[:NEWEST]
    part = around(ledger, questions=newest, history=False)
    return {
        **notes(ledger),
        "authors": len(there.authors),
        "articles": len(there.articles),
        "statements": sum(kept.statements for kept in there.said.values()),
        "questions": len(there.questions),
        "confirmed": len(there.settled),
        "newest": [_resolved(part, question) for question in newest],
    }


def authors_view(ledger: Ledger, now: datetime, page: int = 1) -> View:
    """Return the authors of what stands by name, never ranked, each with the score that leads their page."""
    there = overview(ledger)
    listed = page_of(there.authors, page)
    found = headlines(ledger, listed["rows"], now)
    rows = [_author(row, there.said[row.id], found[row.id]) for row in listed["rows"]]
    return {**notes(ledger), "scale": sentences.SCALE, "authors": listed | {"rows": rows}}


def articles_view(ledger: Ledger, page: int = 1) -> View:
    """Return the articles, the newest first."""
    there = overview(ledger)
    return {**notes(ledger), "articles": page_of(there.articles, page, lambda row: _article(there, row))}


def questions_view(ledger: Ledger, page: int = 1, state: str | None = None) -> View:
    """Return the questions by deadline; of one state, or all.

    Raises `InvalidInputError` for a state there is not.
    """
    there = overview(ledger)
    if state is not None and state not in there.states:
        raise InvalidInputError(f"A question is {', '.join(STATES[:-1])} or {STATES[-1]}, not {state[:40]!r}.")
    listed = page_of(there.questions if state is None else there.states[state], page)
    part = around(ledger, questions=listed["rows"], history=False)
    return {
        **notes(ledger),
        "state": state,
        "counts": {name: len(rows) for name, rows in there.states.items()},
        "questions": listed | {"rows": [question_record(part, part.questions[key]) for key in listed["rows"]]},
    }


def corrections_view(ledger: Ledger, page: int = 1) -> View:
    """Return the correction log, the newest first."""
    return {**notes(ledger), "entries": page_of(correction_log(ledger)[::-1], page)}


def state_of(ledger: Ledger, question: Question) -> str:
    """Return the state of a question: one that was reopened is open."""
    step = ledger.step(question.id)
    return "open" if step is None or step.state == "reopened" else step.state


def _author(author: Author, kept: Kept, policies: Headline) -> View:
    return named(author) | {
        "kind": author.kind,
        "statements": kept.statements,
        "label": kept.label,
        "policies": policies,
    }


def _article(there: Overview, article: Article) -> View:
    kept = there.found.get(article.id)
    return {
        "key": article.key,
        "label": article.label,
        "outlet": article.outlet,
        "published_earliest": iso(article.published_earliest),
        "published_latest": iso(article.published_latest),
        "method": there.methods[article.collection_id],
        "statements": kept.statements if kept else 0,
        "publication": kept.label if kept else "draft",
    }


def _resolved(ledger: Ledger, question_id: int) -> View:
    question, step = ledger.questions[question_id], ledger.steps[question_id][-1]
    by_author = {row.author_id: row for row in ledger.standing_by_question.get(question.id, [])}
    return {
        "question": question.public_id,
        "title": question.title,
        "outcome": step.outcome,
        "decided_at": iso(step.decided_at),
        "seed": ledger.actors[step.actor_id].kind == "seed",
        "authors": [named(ledger.authors[key]) for key in by_author],
        "publication": ledger.label_of_question(question.id),
    }
