"""Correcting how we read a statement, redacting, and the log of it all."""

from typing import Annotated

import typer

from forecasts.commands.shared import (
    ActorOption,
    AsOfOption,
    DraftsOption,
    JsonOption,
    ReasonOption,
    actor_name,
    instant,
    opened,
    print_json,
    read,
    tell_left_out,
)
from forecasts.errors import InvalidInputError

statement_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Correct how we read a statement.")


@statement_app.command()
def correct(
    ctx: typer.Context,
    statement: Annotated[str, typer.Argument(help="A statement's id, or the beginning of one.")],
    reason: ReasonOption,
    stated_by: Annotated[str | None, typer.Option("--stated-by", help="The true speaker's slug.")] = None,
    reported_via: Annotated[str | None, typer.Option("--reported-via", help="Who passed it on: a slug.")] = None,
    claim: Annotated[str | None, typer.Option("--claim", help="The claim, in our words.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="As in docs/register.md; not-a-forecast too.")] = None,
    hedge_phrase: Annotated[str | None, typer.Option("--hedge-phrase", help="The words of the hedge.")] = None,
    checkability: Annotated[str | None, typer.Option("--checkability", help="yes, partly or no.")] = None,
    checkability_reason: Annotated[
        str | None, typer.Option("--checkability-reason", help="Why it can or cannot be checked.")
    ] = None,
    stated_earliest: Annotated[str | None, typer.Option("--stated-earliest", help="When it was said.")] = None,
    stated_latest: Annotated[
        str | None, typer.Option("--stated-latest", help="At the latest, where that is not known exactly.")
    ] = None,
    stated_basis: Annotated[str | None, typer.Option("--stated-basis", help="How that is known.")] = None,
    second_coding: Annotated[
        str | None, typer.Option("--second-coding", help="none, agreed, settled or one-of-two: who else read it.")
    ] = None,
    second_coding_note: Annotated[
        str | None, typer.Option("--second-coding-note", help="Who read it too, or where they differ.")
    ] = None,
    clear: Annotated[
        list[str] | None, typer.Option("--clear", help="reported_via or hedge_phrase: take it out.")
    ] = None,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Replace a reading of ours that was wrong; its forecasts move along, and scores follow at once."""
    from pydantic import ValidationError

    from forecasts.correcting import NewReading, correct_statement
    from forecasts.mistakes import first_error

    given = {
        "stated_by": stated_by,
        "reported_via": reported_via,
        "claim": claim,
        "kind": kind,
        "hedge_phrase": hedge_phrase,
        "checkability": checkability,
        "checkability_reason": checkability_reason,
        "stated_earliest": instant(stated_earliest, "--stated-earliest") if stated_earliest else None,
        "stated_latest": instant(stated_latest, "--stated-latest") if stated_latest else None,
        "stated_basis": stated_basis,
        "second_coding": second_coding,
        "second_coding_note": second_coding_note,
        "clear": [name.replace("-", "_") for name in clear or []],
    }
    try:
        reading = NewReading.model_validate(given)
    except ValidationError as error:
        raise InvalidInputError(first_error(error, given)) from None
    with opened(ctx) as store:
        new = correct_statement(store, statement, reading, reason=reason, actor=actor_name(ctx, actor))
    if as_json:
        print_json({"statement": new})
    else:
        typer.echo(f"{new}: correction recorded.")


def redact(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="evidence, copy, reply or statement.")],
    id: Annotated[  # noqa: A002
        str, typer.Argument(help="The sha256 of evidence or of the copy's edition; the reply's or statement's id.")
    ],
    reason: ReasonOption,
    with_hedge: Annotated[
        bool, typer.Option("--with-hedge", help="Of a statement, blank the hedge phrase too.")
    ] = False,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Blank a payload for good; its hash, who did it and why stay and are shown in its place."""
    from forecasts import redacting

    with opened(ctx) as store:
        done = redacting.redact(
            store, kind, id, reason=reason, with_hedge=with_hedge, actor=actor_name(ctx, actor)
        )
    if as_json:
        print_json([{"kind": row.kind, "target": row.target, "sha256": row.sha256} for row in done])
        return
    for row in done:
        typer.echo(f"{row.kind} {row.target}: redacted, sha256 {row.sha256}.")


def corrections(
    ctx: typer.Context,
    author: Annotated[str | None, typer.Option("--author", help="Only what concerns this author.")] = None,
    as_of: AsOfOption = None,
    include_drafts: DraftsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print the correction log: who changed what, from what to what, why and when."""
    from forecasts.corrections import correction_log, told_in_words

    with opened(ctx) as store:
        ledger, _ = read(ctx, store, as_of, include_drafts=include_drafts)
        found = correction_log(ledger, ledger.author(author) if author else None)
    tell_left_out(ledger)
    if as_json:
        print_json(found)
        return
    for entry in found:
        typer.echo(told_in_words(entry))
    if not found:
        typer.echo("Nothing was corrected.")
