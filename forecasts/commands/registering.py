"""Registering a file, and attaching your own copy of a text."""

from pathlib import Path
from typing import Annotated

import typer

from forecasts.commands.shared import (
    ActorOption,
    JsonOption,
    actor_name,
    opened,
    print_json,
    services,
    standard_lexicons,
)

article_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Attach your own copy of a text.")


def register(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A TOML or JSON registration file; see docs/register.md.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and keep nothing.")] = False,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Register articles, authors, statements, questions and forecasts from a file."""
    from forecasts import registry
    from forecasts.exchange.files import read_document

    document = read_document(file)
    with opened(ctx, create=True) as store:
        registered = registry.register(
            store,
            document,
            catalogue=services(ctx).catalogue(),
            actor=actor_name(ctx, actor),
            folder=file.parent,
            standards=standard_lexicons(ctx),
            dry_run=dry_run,
        )
    for warning in registered.warnings:
        typer.echo(f"Note: {warning}", err=True)
    if as_json:
        print_json(
            {
                "changed": bool(registered.added) and not dry_run,
                "dry_run": dry_run,
                "added": dict(registered.added),
                "unchanged": dict(registered.unchanged),
                "ids": registered.ids,
                "warnings": registered.warnings,
            }
        )
        return
    if not registered.added:
        typer.echo("Nothing changed: all of it is registered already.")
        return
    would = "would be added" if dry_run else "added"
    for kind, count in registered.added.items():
        typer.echo(f"{count:5} {kind} {would}, {registered.unchanged[kind]} known already")
    for kind, ids in registered.ids.items():
        for key, public in ids.items():
            typer.echo(f"  {kind[:-1]} {key}: {public}")


@article_app.command()
def attach(
    ctx: typer.Context,
    article: Annotated[str, typer.Argument(help="The article's key, as in `calledit export articles`.")],
    file: Annotated[Path, typer.Argument(help="Your own copy of the text, byte for byte.")],
    new_edition: Annotated[
        bool, typer.Option("--new-edition", help="Register a text with another hash as another edition.")
    ] = False,
    actor: ActorOption = None,
) -> None:
    """Attach your own copy of an article's text, so that quoted spans can be shown."""
    from forecasts import registry

    with opened(ctx) as store:
        sha256 = registry.attach(store, article, file, actor=actor_name(ctx, actor), new_edition=new_edition)
    typer.echo(f"{article}: the copy of edition {sha256} is attached.")
