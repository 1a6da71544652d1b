"""Searching what was said."""

from typing import Annotated

import typer

from forecasts.commands.shared import (
    AsOfOption,
    DraftsOption,
    JsonOption,
    opened,
    print_json,
    read,
    services,
    tell_left_out,
)


def dossier(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(help="Words of what was said, or of anything else in the record.")
    ] = None,
    author: Annotated[str, typer.Option("--author", help="A slug, or a part of the name.")] = "",
    topic: Annotated[str, typer.Option("--topic", help="Words of the question asked.")] = "",
    page: Annotated[int, typer.Option("--page", min=1, help="The page, fifty claims each.")] = 1,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    include_drafts: DraftsOption = False,
) -> None:
    """Find what somebody said before, the newest first, each with a paragraph that can be printed."""
    from forecasts import search
    from forecasts.web.dossier import Asked, dossier_text, dossier_view

    site = services(ctx).settings().public_url.rstrip("/")
    with opened(ctx) as store:
        ledger, now = read(ctx, store, as_of, include_drafts=include_drafts)
        asked = Asked(author, topic, " ".join(words or ()))
        with store.read() as session:

            def find(term: search.Term) -> search.Found:
                return search.find(session, term)

            view = dossier_view(ledger, asked, find, now, page=page, site=site)
    tell_left_out(ledger)
    if as_json:
        print_json(view)
    else:
        typer.echo(dossier_text(view))
