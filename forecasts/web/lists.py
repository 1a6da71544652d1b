"""Lists in pages of fifty, and the page one lands on; plain data read from one ledger."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, get_args

from forecasts import sentences
from forecasts.corrections import correction_log
from forecasts.errors import InvalidInputError, NotFoundError
from forecasts.exchange.export import question_record
from forecasts.ledger import Ledger
from forecasts.measures.policies import headline
from forecasts.model import QuestionState, iso
from forecasts.policy import POLICIES
from forecasts.tables import Article, Author, Question, Resolution
from forecasts.web.address import paged
from forecasts.web.views import View, named, notes

Item = TypeVar("Item")

PAGE = 50
NEWEST = 10
STATES: tuple[str, ...] = get_args(QuestionState)


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
    states = _by_state(ledger)
    return {
        **notes(ledger),
        "authors": len(_authors(ledger)),
        "articles": len(ledger.articles),
        "statements": len(ledger.statements),
        "questions": len(ledger.questions),
        "confirmed": len(states["confirmed"]),
        "newest": [_resolved(ledger, step) for step in newest_resolutions(ledger)[:NEWEST]],
    }


def authors_view(ledger: Ledger, now: datetime, page: int = 1) -> View:
    """Return the authors of what stands by name, never ranked, each with the score that leads their page."""
    return {
        **notes(ledger),
        "scale": sentences.SCALE,
        "authors": page_of(_authors(ledger), page, lambda author: _author(ledger, author, now)),
    }


def articles_view(ledger: Ledger, page: int = 1) -> View:
    """Return the articles, the newest first."""

    def make() -> list[Article]:
        return sorted(ledger.articles.values(), key=lambda row: (row.published_latest, row.key), reverse=True)

    found = ledger.remember("articles by date", make)
    return {**notes(ledger), "articles": page_of(found, page, lambda row: _article(ledger, row))}


def questions_view(ledger: Ledger, page: int = 1, state: str | None = None) -> View:
    """Return the questions by deadline; of one state, or all.

    Raises `InvalidInputError` for a state there is not.
    """
    states = _by_state(ledger)
    if state is not None and state not in states:
        raise InvalidInputError(f"A question is {', '.join(STATES[:-1])} or {STATES[-1]}, not {state[:40]!r}.")
    found = states["all" if state is None else state]
    return {
        **notes(ledger),
        "state": state,
        "counts": {name: len(rows) for name, rows in states.items() if name != "all"},
        "questions": page_of(found, page, lambda row: question_record(ledger, row)),
    }


def corrections_view(ledger: Ledger, page: int = 1) -> View:
    """Return the correction log, the newest first."""
    return {**notes(ledger), "entries": page_of(correction_log(ledger)[::-1], page)}


def newest_resolutions(ledger: Ledger) -> list[Resolution]:
    """Return the confirmed resolutions that stand, the newest first."""

    def make() -> list[Resolution]:
        steps = (ledger.step(key) for key in ledger.questions)
        confirmed = (step for step in steps if step is not None and step.state == "confirmed")
        return sorted(confirmed, key=lambda step: (step.decided_at, step.public_id), reverse=True)

    return ledger.remember("newest resolutions", make)


def state_of(ledger: Ledger, question: Question) -> str:
    """Return the state of a question: one that was reopened is open."""
    step = ledger.step(question.id)
    return "open" if step is None or step.state == "reopened" else step.state


def _by_state(ledger: Ledger) -> Mapping[str, list[Question]]:
    def make() -> dict[str, list[Question]]:
        found: dict[str, list[Question]] = {name: [] for name in ("all", *STATES)}
        for row in sorted(ledger.questions.values(), key=lambda row: (row.deadline, row.public_id)):
            found["all"].append(row)
            found[state_of(ledger, row)].append(row)
        return found

    return ledger.remember("questions by state", make)


def _authors(ledger: Ledger) -> list[Author]:
    """Return whoever has said something that stands, by name."""

    def make() -> list[Author]:
        said = (row for row in ledger.authors.values() if ledger.said_by(row))
        return sorted(said, key=lambda row: (row.name.casefold(), row.slug))

    return ledger.remember("authors by name", make)


def _author(ledger: Ledger, author: Author, now: datetime) -> View:
    said = ledger.said_by(author)
    return named(author) | {
        "kind": author.kind,
        "statements": len(said),
        "label": ledger.label_of_all(said),
        "policies": {name: headline(ledger, author, name, now) for name in POLICIES},
    }


def _article(ledger: Ledger, article: Article) -> View:
    editions = _editions(ledger).get(article.id, [])
    said = [row for key in editions for row in ledger.statements_by_edition.get(key, [])]
    return {
        "key": article.key,
        "label": article.label,
        "outlet": article.outlet,
        "published_earliest": iso(article.published_earliest),
        "published_latest": iso(article.published_latest),
        "method": ledger.collections[article.collection_id].method,
        "statements": len(said),
        "publication": ledger.label_of_all(said),
    }


def _editions(ledger: Ledger) -> Mapping[int, list[int]]:
    def make() -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for row in ledger.editions.values():
            found.setdefault(row.article_id, []).append(row.id)
        return found

    return ledger.remember("editions by article", make)


def _resolved(ledger: Ledger, step: Resolution) -> View:
    question = ledger.questions[step.question_id]
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
