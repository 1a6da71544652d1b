"""The registry's commands. What they need from outside (clock, sources, seeds) is handed in by `jobs.cli`."""

import typer

from forecasts.commands.authors import author_app
from forecasts.commands.correcting import corrections, redact, statement_app
from forecasts.commands.forecasts import forecast_app
from forecasts.commands.lexicons import lexicon_app
from forecasts.commands.questions import question_app
from forecasts.commands.reading import export, leaderboard, report, show
from forecasts.commands.registering import article_app, register
from forecasts.commands.searching import dossier


def add_to(app: typer.Typer) -> None:
    """Add the registry's commands to the command line."""
    app.command()(register)
    app.add_typer(article_app, name="article")
    app.add_typer(author_app, name="author")
    app.add_typer(statement_app, name="statement")
    app.add_typer(forecast_app, name="forecast")
    app.add_typer(question_app, name="question")
    app.add_typer(lexicon_app, name="lexicon")
    app.command()(redact)
    app.command()(corrections)
    app.command()(report)
    app.command()(leaderboard)
    app.command()(dossier)
    app.command()(export)
    app.command()(show)
