"""The author's answer: printed beside what it answers."""

from datetime import datetime

from sqlmodel import select

from forecasts import redacting
from forecasts.errors import ConflictError, InvalidInputError
from forecasts.lookup import by_id, find_author, said
from forecasts.model import iso
from forecasts.registering import public_id
from forecasts.store import Store
from forecasts.tables import Reply, Statement


def reply(
    store: Store,
    slug: str,
    text: str,
    *,
    received_at: datetime,
    how: str,
    actor: str,
    statement_id: str | None = None,
) -> str:
    """Keep what an author answered, to one statement or to the whole record; return the reply's id."""
    with store.write(actor=actor, action="reply") as tx:
        answer, received_how = said(text, "reply"), said(how, "way in which it was received")
        author = find_author(tx.session, slug)
        statement = by_id(tx.session, Statement, statement_id) if statement_id else None
        if statement is not None and statement.stated_by_id != author.id:
            raise InvalidInputError(f"Statement {statement.public_id} is charged to another author.")
        if received_at > tx.now:
            raise InvalidInputError(f"It cannot have been received at {iso(received_at)}: that is still to come.")
        about = statement.public_id if statement else None
        hashed = public_id("a", author.slug, about, iso(received_at), answer)
        if tx.session.exec(select(Reply.id).where(Reply.public_id == hashed)).first() is not None:
            told = redacting.redaction_of(tx.session, "reply", hashed)
            raise ConflictError(
                f"This reply is registered already, as {hashed}{f', and was {told}' if told else ''}."
            )
        tx.append(
            Reply(
                public_id=hashed,
                author_id=author.id,
                statement_id=statement.id if statement else None,
                text=answer,
                received_at=received_at,
                received_how=received_how,
                rev=tx.rev,
            )
        )
        return hashed
