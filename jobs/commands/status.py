"""`calledit status`: how the jobs are doing."""

from typing import TYPE_CHECKING, Annotated

import typer

from forecasts.commands.shared import JsonOption, opened, print_json
from forecasts.errors import CalleditError

if TYPE_CHECKING:
    from jobs.status import Status

WARNING, CRITICAL = 1, 2  # as monitoring plugins answer


def status(
    ctx: typer.Context,
    check: Annotated[
        bool,
        typer.Option("--check", help="Exit with 1 while there is an alarm, with 2 when the jobs stand still."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is due, what was checked and resolved, and the alarms of sources."""
    from jobs.status import status_of

    try:
        with opened(ctx) as store:
            found = status_of(store)
    except CalleditError as error:
        if not check:
            raise
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(CRITICAL) from None
    if as_json:
        print_json(found.as_json())
    else:
        _print(found)
    if check and (found.trouble or found.alarms):
        raise typer.Exit(CRITICAL if found.trouble else WARNING)


def _print(found: "Status") -> None:
    last = f"{found.last_check:%Y-%m-%d %H:%M} UTC" if found.last_check else "never"
    typer.echo(
        f"{found.resources} resources: {found.due} due, {found.overdue} overdue, {found.leased} being checked. "
        f"Last check: {last}."
    )
    typer.echo("Checks: " + _listed(found.checks))
    typer.echo("Questions: " + _listed(found.questions))
    typer.echo(
        f"Reversals: {found.reversals}. Late rows: {found.late_rows}. Evidence: {found.evidence_bytes} bytes."
    )
    for alarm in found.alarms:
        typer.echo(f"ALARM {alarm.kind} since {alarm.since:%Y-%m-%d %H:%M} UTC: {alarm.place} ({alarm.detail})")
    typer.echo(
        found.trouble or ("No alarms." if not found.alarms else "The negatives of these sources are frozen.")
    )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) + "."
