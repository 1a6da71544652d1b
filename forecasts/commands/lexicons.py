"""Listing lexicons, looking a phrase up in all of them, and adopting a newer version."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasts.commands.shared import (
    ActorOption,
    JsonOption,
    ReasonOption,
    actor_name,
    missing_file,
    opened,
    print_json,
    services,
    standard_lexicons,
)
from forecasts.errors import NotFoundError

if TYPE_CHECKING:
    from forecasts.lexicon import Reading
    from forecasts.tables import Lexicon

lexicon_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List lexicons, look a phrase up, or adopt a new version."
)


def _known(ctx: typer.Context) -> "list[Lexicon]":
    """Return the lexicons of the registry, if there is one, after those of calledit that are not in it."""
    from sqlmodel import col, select

    from forecasts.registering import lexicon_row
    from forecasts.tables import Lexicon

    registered: list[Lexicon] = []
    if missing_file(services(ctx).settings().database_url) is None:
        with opened(ctx) as store, store.read() as session:
            registered = list(session.exec(select(Lexicon).order_by(col(Lexicon.id))).all())
    there = {(row.key, row.version) for row in registered}
    standard = [lexicon_row(item) for item in standard_lexicons(ctx)]
    return [row for row in standard if (row.key, row.version) not in there] + registered


def _about(lexicon: "Lexicon") -> dict[str, Any]:
    """Return what a lexicon says of itself, and whether this registry has it."""
    said = {name: getattr(lexicon, name) for name in ("version", "title", "source", "licence")}
    return {"lexicon": lexicon.key, **said, "registered": lexicon.rev > 0}


@lexicon_app.command("list")
def list_lexicons(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the lexicons that come with calledit and those of the registry, with source and licence."""
    from forecasts.lexicon import count_phrases, newest

    known = _known(ctx)
    stands = newest(known)
    found = [
        {**_about(row), "newest": row is stands[row.key], "phrases": count_phrases(row.phrases)}
        for row in sorted(known, key=lambda row: row.key)
    ]
    if as_json:
        print_json(found)
        return
    for entry in found:
        state = "registered" if entry["registered"] else "comes with calledit"
        older = "" if entry["newest"] else ", replaced by a newer version"
        typer.echo(f"{entry['lexicon']} {entry['version']}: {entry['phrases']} phrases ({state}{older})")
        for name in ("title", "source", "licence"):
            typer.echo(f"    {entry[name]}")


@lexicon_app.command()
def show(
    ctx: typer.Context,
    phrase: Annotated[str, typer.Argument(help="A phrase, in quotation marks if it has several words.")],
    as_json: JsonOption = False,
) -> None:
    """Show what each lexicon makes of a phrase: low, median and high."""
    from forecasts.lexicon import nearest, newest, readings

    known = _known(ctx)
    found = dict(sorted(readings(known, phrase).items()))
    if not any(found.values()):
        near = ", ".join(f"'{name}'" for name in nearest(known, phrase))
        hint = f"Written like it: {near}." if near else "`calledit lexicon list` names the lexicons."
        raise NotFoundError(f"No lexicon defines {phrase!r}. {hint}")
    stands = newest(known)
    if as_json:
        listed = [_about(stands[key]) | _numbers(reading) for key, reading in found.items()]
        print_json({"phrase": phrase, "lexicons": listed})
        return
    _print_readings(phrase, found, stands)


def _numbers(reading: "Reading | None") -> dict[str, Any]:
    """Return a reading as JSON has it: nulls where the lexicon does not define the phrase."""
    from forecasts.model import PPM

    if reading is None:
        names = ("phrase", "matched", "low", "median", "high", "bare_modal")
        return {"defined": False, **dict.fromkeys(names)}
    spread = reading.range
    return {
        "defined": True,
        "phrase": reading.phrase,
        "matched": reading.matched,
        "low": spread.low / PPM,
        "median": spread.median / PPM,
        "high": spread.high / PPM,
        "bare_modal": spread.bare_modal,
    }


def _print_readings(phrase: str, found: "dict[str, Reading | None]", stands: "dict[str, Lexicon]") -> None:
    """Print a row for each lexicon that defines the phrase, then where the rows come from."""
    names = {key: f"{key} {stands[key].version}" for key in found}
    width = max(map(len, names.values()))
    typer.echo(f"{phrase!r}\n\n{'':{width}}     low  median    high")
    for key, reading in found.items():
        if reading is None:
            continue
        low, median, high = (
            f"{ppm / 10_000:g} %" for ppm in (reading.range.low, reading.range.median, reading.range.high)
        )
        alias = "" if reading.matched == reading.phrase else f", alias {reading.matched!r}"
        modal = "; a bare modal, left out of the strict policy" if reading.range.bare_modal else ""
        typer.echo(f"{names[key]:{width}} {low:>7} {median:>7} {high:>7}  {reading.phrase}{alias}{modal}")
    if without := [names[key] for key, reading in found.items() if reading is None]:
        typer.echo(f"\nNot defined in {', '.join(without)}.")
    typer.echo()
    for key in (key for key, reading in found.items() if reading is not None):
        lexicon = stands[key]
        typer.echo(f"{names[key]}: {lexicon.title}. {lexicon.source}. {lexicon.licence}.")


@lexicon_app.command()
def adopt(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="The lexicon's key, as in `calledit lexicon list`.")],
    reason: ReasonOption,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Correct the forecasts that stand under older versions of a lexicon to its newest; scores follow."""
    from forecasts import adopting
    from forecasts.sentences import plural

    with opened(ctx) as store:
        done = adopting.adopt(store, key, reason=reason, actor=actor_name(ctx, actor))
    if as_json:
        corrected = [{"forecast": new.public_id, "supersedes": old.public_id} for new, old in done.corrected]
        counts = {"other_number": done.other_number, "left": done.left}
        print_json({"lexicon": done.key, "version": done.version, "corrected": corrected, **counts})
        return
    named = f"{done.key} {done.version}"
    if done.corrected:
        count = plural(len(done.corrected), "forecast")
        typer.echo(f"{count} corrected to {named}, {done.other_number} of them to another number.")
    else:
        typer.echo(f"Nothing to do: no forecast stands under an older version with a phrase of {named}.")
    if done.left:
        phrases = ", ".join(f"{phrase!r} ({count})" for phrase, count in done.left.items())
        typer.echo(f"Left as they are, because {named} does not define them: {phrases}.")
