"""Telling an author, publishing or taking back their record, and keeping what they reply."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecasts.commands.shared import (
    ActorOption,
    JsonOption,
    ReasonOption,
    actor_name,
    instant,
    opened,
    print_json,
)
from forecasts.errors import InvalidInputError

if TYPE_CHECKING:
    from forecasts.store import Store
    from forecasts.tables import Publication

author_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Notify an author, publish their record, keep their reply."
)

SlugArgument = Annotated[str, typer.Argument(help="The author's slug, as in `calledit export authors`.")]
ArticleOption = Annotated[
    str | None, typer.Option("--article", help="One article's key; without it, all articles of the author.")
]
PublicFromOption = Annotated[
    str | None, typer.Option("--public-from", help="Nothing is public before this instant.")
]


@author_app.command()
def notify(
    ctx: typer.Context,
    author: SlugArgument,
    how: Annotated[str, typer.Option("--how", help="By which channel and on what date; it is printed.")],
    article: ArticleOption = None,
    public_from: PublicFromOption = None,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Record that an author was told what will be published of them."""
    from forecasts import publishing

    at = instant(public_from, "--public-from") if public_from else None
    with opened(ctx) as store:
        moved = publishing.notify(
            store, author, how=how, article=article, public_from=at, actor=actor_name(ctx, actor)
        )
        _print(store, author, moved, as_json=as_json)


@author_app.command()
def publish(
    ctx: typer.Context,
    author: SlugArgument,
    article: ArticleOption = None,
    no_notice: Annotated[
        str | None, typer.Option("--no-notice", help="Why no notice was sent; it is shown wherever the record is.")
    ] = None,
    public_from: PublicFromOption = None,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Publish an author's record: after notice, or with the reason why none was sent."""
    from forecasts import publishing

    at = instant(public_from, "--public-from") if public_from else None
    with opened(ctx) as store:
        moved = publishing.publish(
            store, author, article=article, no_notice=no_notice, public_from=at, actor=actor_name(ctx, actor)
        )
        _print(store, author, moved, as_json=as_json)


@author_app.command()
def unpublish(
    ctx: typer.Context,
    author: SlugArgument,
    reason: ReasonOption,
    article: ArticleOption = None,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Take an author's record back from publication: it is a draft again."""
    from forecasts import publishing

    with opened(ctx) as store:
        moved = publishing.unpublish(store, author, reason=reason, article=article, actor=actor_name(ctx, actor))
        _print(store, author, moved, as_json=as_json)


def _print(store: "Store", author: str, moved: "list[Publication]", *, as_json: bool) -> None:
    """Print where each record stands now."""
    from forecasts.ledger import now_at
    from forecasts.model import iso
    from forecasts.publishing import sentence
    from forecasts.tables import Article

    with store.read() as session:
        now = now_at(session, store.revision_at(session, None), store.clock)
        keys = [session.get_one(Article, row.article_id).key for row in moved]
    if as_json:
        print_json(
            [
                {
                    "author": author,
                    "article": key,
                    "state": row.state,
                    "public_from": iso(row.public_from) if row.public_from else None,
                    "notice": row.notice,
                    "reason": row.reason,
                }
                for key, row in zip(keys, moved, strict=True)
            ]
        )
        return
    for key, row in zip(keys, moved, strict=True):
        typer.echo(f"{author} in {key}: {sentence(row, now)}")


@author_app.command()
def reply(
    ctx: typer.Context,
    author: SlugArgument,
    received_at: Annotated[str, typer.Option("--received-at", help="When it came.")],
    how: Annotated[str, typer.Option("--how", help="By which channel and on what date; it is printed.")],
    text: Annotated[str | None, typer.Option("--text", help="What the author replies.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A UTF-8 file with the reply instead.")] = None,
    statement: Annotated[
        str | None, typer.Option("--statement", help="The statement it is about; without it, the whole record.")
    ] = None,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Keep an author's reply; it is printed beside what it answers."""
    from forecasts.registering import read_text
    from forecasts.replying import reply as keep

    if (text is None) == (file is None):
        raise InvalidInputError("Give the reply with --text or with --file.")
    answer = text if file is None else read_text(file)[1]
    at = instant(received_at, "--received-at")
    with opened(ctx) as store:
        kept = keep(
            store,
            author,
            answer or "",
            received_at=at,
            how=how,
            statement_id=statement,
            actor=actor_name(ctx, actor),
        )
    if as_json:
        print_json({"reply": kept})
    else:
        typer.echo(f"{kept}: reply kept.")
