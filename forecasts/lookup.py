"""What every use case needs first: the row somebody named, the text somebody gave, and who may not decide."""

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session, col, func, select

from forecasts.errors import ConflictError, InvalidInputError, NotFoundError
from forecasts.scalars import Text
from forecasts.store import Transaction
from forecasts.tables import Article, Author, Forecast, Question, Reply, Statement

Row = TypeVar("Row", Forecast, Question, Reply, Statement)
_TEXT: TypeAdapter[str] = TypeAdapter(Text)
_PLURALS = {"reply": "replies"}


def by_id(session: Session, table: type[Row], public: str) -> Row:
    """Return the row with a public id or an unambiguous beginning of one, in the same letters on any database."""
    beginning = func.substr(col(table.public_id), 1, len(public))
    found = session.exec(select(table).where(beginning == public).limit(2)).all() if public else []
    if len(found) == 1:
        return found[0]
    noun = table.__name__.lower()
    nouns = _PLURALS.get(noun, f"{noun}s")
    if found:
        raise InvalidInputError(f"Several {nouns} begin with {public!r}; write the whole id.")
    raise _unknown(noun, public, nouns)


def find_author(session: Session, slug: str) -> Author:
    """Return the author with a slug."""
    found = session.exec(select(Author).where(Author.slug == slug)).first()
    if found is None:
        raise _unknown("author", slug, "authors")
    return found


def find_article(session: Session, key: str) -> Article:
    """Return the article with a key."""
    found = session.exec(select(Article).where(Article.key == key)).first()
    if found is None:
        raise NotFoundError(
            f"There is no article {key!r}; `calledit export articles --include-drafts` lists them."
        )
    return found


def _unknown(noun: str, name: str, nouns: str) -> NotFoundError:
    return NotFoundError(f"There is no {noun} {name!r}; `calledit export {nouns} --include-drafts` lists them.")


def said(text: str, what: str) -> str:
    """Return a text somebody gave; refuse an empty or endless one."""
    try:
        return _TEXT.validate_python(text)
    except ValidationError as error:
        raise InvalidInputError(f"The {what} is not usable: {error.errors()[0]['msg']}.") from None


def writes_as(tx: Transaction, author: Author) -> bool:
    """Whether the one who writes goes by the name of an author."""
    return tx.actor.name.casefold() in (author.slug, author.name.casefold())


def refuse_the_author(tx: Transaction, author: Author, what: str) -> None:
    """Refuse what an author would decide about their own record."""
    if writes_as(tx, author):
        raise ConflictError(f"{tx.actor.name} is the author and cannot {what}; ask somebody else.")
