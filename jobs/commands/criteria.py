"""The language of criteria, for editors and other programs."""

from typing import Annotated

import typer

from forecasts.commands.shared import print_json

criteria_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The language in which criteria are written."
)


@criteria_app.callback()
def criteria() -> None:
    """The language in which criteria are written."""


@criteria_app.command()
def schema(
    registration: Annotated[
        bool, typer.Option("--registration", help="Of a whole registration file, with the criteria in it.")
    ] = False,
) -> None:
    """Print the JSON Schema (2020-12) of a criterion, with the query of each source."""
    from forecasts.exchange.schema import json_schema
    from jobs.sources import catalogue

    known = catalogue()
    queries = {name: known.get(name).about.query for name in known.names()}
    print_json(json_schema(queries, registration=registration))
