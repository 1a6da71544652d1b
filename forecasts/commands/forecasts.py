"""Revising, correcting and withdrawing forecasts."""

from typing import Annotated, Any

import typer

from forecasts.commands.shared import (
    ActorOption,
    ReasonOption,
    actor_name,
    instant,
    opened,
)
from forecasts.errors import InvalidInputError

forecast_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Revise, correct or withdraw a forecast."
)

ForecastArgument = Annotated[str, typer.Argument(help="A forecast's id, or the beginning of one.")]
ProbabilityOption = Annotated[
    str | None, typer.Option("--probability", help="Of the question's yes, from 0 to 1.")
]
LowOption = Annotated[str | None, typer.Option("--low", help="Lower end of the range.")]
HighOption = Annotated[str | None, typer.Option("--high", help="Upper end of the range.")]
PhraseOption = Annotated[str | None, typer.Option("--phrase", help="A phrase of the lexicon instead.")]
LexiconOption = Annotated[str | None, typer.Option("--lexicon", help="Which lexicon; default capphrase.")]
BasisOption = Annotated[
    str | None,
    typer.Option("--basis", help="stated or coder: where a number comes from. A correction keeps what it had."),
]
AssertsOption = Annotated[str | None, typer.Option("--asserts", help="yes or no: what the author asserts.")]


def _number(
    *texts: str | None, phrase: str | None, lexicon: str | None, asserts: str | None, basis: str | None
) -> Any:
    from pydantic import TypeAdapter, ValidationError

    from forecasts.registry import NewNumber
    from forecasts.scalars import Probability

    numbers: list[float | None] = []
    for text in texts:
        try:
            value = None if text is None else float(text)
            numbers.append(None if value is None else TypeAdapter(Probability).validate_python(value))
        except (ValueError, ValidationError):
            raise InvalidInputError(f"A probability is a number from 0 to 1, not {text!r}.") from None
    if asserts not in (None, "yes", "no"):
        raise InvalidInputError(f"--asserts is yes or no, not {asserts!r}.")
    if basis not in (None, "stated", "coder"):
        raise InvalidInputError(f"--basis is stated or coder, not {basis!r}.")
    probability, low, high = numbers
    return NewNumber(probability, low, high, phrase, lexicon, asserts, basis)  # type: ignore[arg-type]


@forecast_app.command()
def revise(
    ctx: typer.Context,
    forecast: ForecastArgument,
    stated_at: Annotated[str, typer.Option("--stated-at", help="When the author said it.")],
    probability: ProbabilityOption = None,
    low: LowOption = None,
    high: HighOption = None,
    phrase: PhraseOption = None,
    lexicon: LexiconOption = None,
    asserts: AssertsOption = None,
    basis: BasisOption = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why we read it so, with --basis coder.")] = None,
    statement: Annotated[str | None, typer.Option("--statement", help="The statement that says so.")] = None,
    actor: ActorOption = None,
) -> None:
    """Record a new probability the author gave later; the first one still is the one that counts."""
    from forecasts import registry

    number = _number(probability, low, high, phrase=phrase, lexicon=lexicon, asserts=asserts, basis=basis)
    at = instant(stated_at, "--stated-at")
    with opened(ctx) as store:
        new = registry.revise(
            store,
            forecast,
            number,
            stated_at=at,
            statement_id=statement,
            reason=reason,
            actor=actor_name(ctx, actor),
        )
    typer.echo(f"{new}: revision recorded.")


@forecast_app.command()
def correct(
    ctx: typer.Context,
    forecast: ForecastArgument,
    reason: ReasonOption,
    probability: ProbabilityOption = None,
    low: LowOption = None,
    high: HighOption = None,
    phrase: PhraseOption = None,
    lexicon: LexiconOption = None,
    asserts: AssertsOption = None,
    basis: BasisOption = None,
    actor: ActorOption = None,
) -> None:
    """Replace a number we read wrongly; the old one stays in the record, and scores follow at once."""
    from forecasts import registry

    number = _number(probability, low, high, phrase=phrase, lexicon=lexicon, asserts=asserts, basis=basis)
    with opened(ctx) as store:
        new = registry.correct(store, forecast, number, reason=reason, actor=actor_name(ctx, actor))
    typer.echo(f"{new}: correction recorded.")


@forecast_app.command()
def withdraw(
    ctx: typer.Context,
    forecast: ForecastArgument,
    stated_at: Annotated[str, typer.Option("--stated-at", help="When the author took it back.")],
    reason: ReasonOption,
    actor: ActorOption = None,
) -> None:
    """Record that the author took a forecast back. What was said still counts; the withdrawal is shown."""
    from forecasts import registry

    at = instant(stated_at, "--stated-at")
    with opened(ctx) as store:
        new = registry.withdraw(store, forecast, stated_at=at, reason=reason, actor=actor_name(ctx, actor))
    typer.echo(f"{new}: withdrawal recorded.")
