"""Where a record stands on its way to the public: draft, notified, published.

The unit is the record of one author in one article. Each move is appended and the newest stands; a record
without any is a draft. Nothing is public before its `public_from`.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlmodel import Session, col, func, select

from forecasts.errors import ConflictError, InvalidInputError
from forecasts.lookup import find_article, find_author, refuse_the_author, said
from forecasts.model import PublicationState, iso
from forecasts.store import Store, Transaction
from forecasts.tables import Article, Author, Edition, Publication, Statement

# What the label of a record may be, from the least public to the most.
LABELS = ("draft", "notified", "embargoed", "published, no notice sent", "published")


# What every view says of a statement that came into a record after its author was told of it.
ADDED = "DRAFT: added after notice was given; give notice of it too (`calledit author notify`)."


def is_public(publication: Publication | None, now: datetime) -> bool:
    """Whether a record may be seen by everybody."""
    if publication is None or publication.state != "published":
        return False
    return publication.public_from is None or publication.public_from <= now


def label(publication: Publication | None, now: datetime) -> str:
    """Return one of `LABELS`."""
    if publication is None or publication.state != "published":
        return publication.state if publication else "draft"
    if not is_public(publication, now):
        return "embargoed"
    return "published" if publication.notice else "published, no notice sent"


def sentence(publication: Publication | None, now: datetime) -> str:
    """Return what every view of a record says about where it stands; what is not public begins with DRAFT."""
    if publication is None:
        return "DRAFT: not published, and the author has not been told."
    notice, why = (_plain(text) for text in (publication.notice, publication.reason))
    if publication.state == "draft":
        return f"DRAFT: taken back from publication: {why}."
    told = f"notice was given ({notice})" if notice else f"no notice sent: {why}"
    if is_public(publication, now):
        return f"Published; {told}."
    before = f"; nothing is public before {iso(publication.public_from)}" if publication.public_from else ""
    return f"DRAFT: not public yet; {told}{before}."


def _plain(text: str | None) -> str:
    return (text or "").rstrip(".")


def noticed_at(moves: Iterable[Publication]) -> dict[tuple[int, int], int]:
    """Return, for each record (article, author) that stands on a notice, the revision that notice was given at."""
    given: dict[tuple[int, int], tuple[str, int]] = {}
    for row in sorted(moves, key=lambda row: row.rev):
        key = (row.article_id, row.author_id)
        if row.notice is None:
            given.pop(key, None)
        elif key not in given or given[key][0] != row.notice:
            given[key] = (row.notice, row.rev)
    return {key: rev for key, (_, rev) in given.items()}


def taken_back(session: Session, authors: Collection[int] | None = None) -> set[tuple[int, int]]:
    """Return the records (of some authors) that are not published now: what is taken back stays back."""
    moves = select(Publication.article_id, Publication.author_id, Publication.state)
    if authors is not None:
        moves = moves.where(col(Publication.author_id).in_(authors))
    newest = {
        (article, author): state for article, author, state in session.exec(moves.order_by(col(Publication.rev)))
    }
    return {key for key, state in newest.items() if state != "published"}


# -- moves ---------------------------------------------------------------------------------------------------


def standing(session: Session, article: Article, author: Author) -> Publication | None:
    """Return where a record stands, or None for a draft that nobody has moved yet."""
    return session.exec(
        select(Publication)
        .where(Publication.article_id == article.id, Publication.author_id == author.id)
        .order_by(col(Publication.rev).desc())
        .limit(1)
    ).first()


def move(
    tx: Transaction,
    article: Article,
    author: Author,
    state: PublicationState,
    *,
    public_from: datetime | None = None,
    notice: str | None = None,
    reason: str | None = None,
) -> Publication:
    """Append one move of a record; raise `ConflictError` for one that cannot be made from where it stands.

    Published from a notified record, it keeps that notice. `reason` says why no notice was sent, or why the
    record is taken back.
    """
    refuse_the_author(tx, author, "decide on the publication of their own record")
    now = standing(tx.session, article, author)
    before = now.state if now else "draft"
    record = f"The record of {author.slug} in {article.key}"
    if state == before:
        raise ConflictError(f"{record} is {state} already.")
    if state == "notified" and before != "draft":
        raise ConflictError(f"{record} is {before} already; take it back first (`calledit author unpublish`).")
    if state == "notified" and (notice is None or reason is not None):
        raise InvalidInputError("A record that is notified needs its `notice`: how the author was told.")
    if state == "published":
        if now is not None and now.state == "notified":
            if reason is not None:
                raise ConflictError(f"{record}: notice was given already, so it cannot be said that none was.")
            notice = notice or now.notice
            public_from = _not_before(record, now.public_from, public_from)
        if (notice is None) == (reason is None):
            raise ConflictError(
                f"{record} is a draft and its author has not been told: give notice first "
                "(`calledit author notify`), or say why none is sent."
            )
    if state == "draft" and reason is None:
        raise InvalidInputError("Say why the record is taken back.")
    row: Publication = tx.append(
        Publication(
            article_id=article.id,
            author_id=author.id,
            state=state,
            public_from=public_from,
            notice=notice,
            reason=reason,
            rev=tx.rev,
        )
    )
    return row


def _extend_notice(
    tx: Transaction, outgrown: Publication, author: Author, notice: str, public_from: datetime | None
) -> Publication:
    """Append that notice was given of what was added to a record since its author was told of it."""
    refuse_the_author(tx, author, "decide on the publication of their own record")
    if public_from is not None:
        raise ConflictError("The record has its date already: give notice of what was added when it may be shown.")
    values = outgrown.model_dump(exclude={"id", "rev", "notice"})
    row: Publication = tx.append(
        Publication(rev=tx.rev, notice=f"{outgrown.notice}; of what was added: {notice}", **values)
    )
    return row


def _outgrown(session: Session, article: Article, author: Author) -> Publication | None:
    """Return where a record stands if it stands on a notice and holds statements that came after it."""
    moves = session.exec(
        select(Publication)
        .where(Publication.article_id == article.id, Publication.author_id == author.id)
        .order_by(col(Publication.rev))
    ).all()
    newest = session.exec(
        select(func.max(Statement.rev))
        .join(Edition, col(Edition.id) == col(Statement.edition_id))
        .where(Edition.article_id == article.id, Statement.stated_by_id == author.id)
    ).one()
    given = noticed_at(moves).get((article.id, author.id))
    return moves[-1] if given is not None and newest > given else None


def _not_before(record: str, promised: datetime | None, asked: datetime | None) -> datetime | None:
    if promised is not None and asked is not None and asked < promised:
        raise ConflictError(f"{record}: the notice said that nothing is public before {iso(promised)}.")
    return asked or promised


def articles_of(session: Session, author: Author) -> list[Article]:
    """Return the articles in which something is charged to an author, by key."""
    return list(
        session.exec(
            select(Article)
            .join(Edition, col(Edition.article_id) == col(Article.id))
            .join(Statement, col(Statement.edition_id) == col(Edition.id))
            .where(Statement.stated_by_id == author.id)
            .order_by(col(Article.key))
            .distinct()
        ).all()
    )


# -- use cases -----------------------------------------------------------------------------------------------


def notify(
    store: Store,
    slug: str,
    *,
    how: str,
    actor: str,
    public_from: datetime | None = None,
    article: str | None = None,
) -> list[Publication]:
    """Record that, and how, an author was told what will be published; without `article`, of every draft.

    Of a record that stands on a notice already, it is notice of what was added since.
    """
    with store.write(actor=actor, action="notify") as tx:
        notice = said(how, "notice")
        author, records = _records(tx, slug, article, ("draft", "added"), "notified")
        return [
            _extend_notice(tx, outgrown, author, notice, public_from)
            if (outgrown := _outgrown(tx.session, row, author))
            else move(tx, row, author, "notified", notice=notice, public_from=public_from)
            for row in records
        ]


def publish(
    store: Store,
    slug: str,
    *,
    actor: str,
    no_notice: str | None = None,
    public_from: datetime | None = None,
    article: str | None = None,
) -> list[Publication]:
    """Publish an author's record, after notice or with the reason why none was sent."""
    with store.write(actor=actor, action="publish") as tx:
        reason = None if no_notice is None else said(no_notice, "reason why no notice is sent")
        author, records = _records(tx, slug, article, ("draft", "notified"), "published")
        return [move(tx, row, author, "published", reason=reason, public_from=public_from) for row in records]


def unpublish(
    store: Store, slug: str, *, reason: str, actor: str, article: str | None = None
) -> list[Publication]:
    """Take an author's record back from publication: it is a draft again."""
    with store.write(actor=actor, action="unpublish") as tx:
        why = said(reason, "reason")
        author, records = _records(tx, slug, article, ("notified", "published"), "draft")
        return [move(tx, row, author, "draft", reason=why) for row in records]


def _records(
    tx: Transaction, slug: str, article: str | None, states: Sequence[str], target: str
) -> tuple[Author, list[Article]]:
    """Return the author and the articles meant: the one named, or all whose record can make the move."""
    author = find_author(tx.session, slug)
    known = articles_of(tx.session, author)
    if article is not None:
        named = find_article(tx.session, article)
        if named not in known:
            raise ConflictError(f"Nothing in {article} is charged to {slug}, so there is no record to move.")
        return author, [named]
    found = {row.key: standing(tx.session, row, author) for row in known}
    stand = {key: now.state if now else "draft" for key, now in found.items()}
    added = {row.key for row in known if "added" in states and _outgrown(tx.session, row, author)}
    movable = [row for row in known if stand[row.key] in states or row.key in added]
    if not movable:
        where = ", ".join(f"{key}: {state}" for key, state in stand.items()) or "none"
        raise ConflictError(f"No record of {slug} can become {target} (records: {where}).")
    return author, movable
