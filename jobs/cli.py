"""The console script `calledit`: composes the registry with clock, sources and seeds, and adds the jobs."""

import os
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasts.cli import add_to
from forecasts.commands.questions import question_app
from forecasts.commands.shared import JsonOption, Services, instant, opened, print_json, services
from forecasts.errors import CalleditError, InvalidInputError
from jobs.commands.criteria import criteria_app
from jobs.commands.dry_run import dry_run
from jobs.commands.evidence import evidence_app
from jobs.commands.sources import source_app, sources
from jobs.commands.status import status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from forecasts.alarming import Alarm
    from forecasts.model import Clock, SourceCatalogue
    from forecasts.settings import Settings
    from forecasts.store import Store
    from jobs.worker import Worker

app = typer.Typer(
    name="calledit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich would cost more than everything else here
    help="Register predictions, have them resolved by scheduled checks, and keep score per author.",
)


@app.callback()
def compose(
    ctx: typer.Context,
    database: Annotated[
        str | None,
        typer.Option("--database", help="Where the registry lives; default CALLEDIT_DATABASE_URL."),
    ] = None,
) -> None:
    """Register predictions, have them resolved by scheduled checks, and keep score per author."""

    def settings() -> "Settings":
        from forecasts.settings import load_settings

        return load_settings(**({"database_url": database} if database else {}))

    ctx.obj = Services(settings, _clock, _catalogue, _lexicons)


def _clock() -> "Clock":
    from jobs.clocks import SystemClock

    return SystemClock()


def _catalogue() -> "SourceCatalogue":
    from jobs.sources import catalogue

    return catalogue()


def _lexicons() -> "list[Mapping[str, Any]]":
    import seeds

    return list(seeds.documents("lexicons").values())


add_to(app)
app.command()(sources)
app.add_typer(source_app, name="source")
app.add_typer(criteria_app, name="criteria")
question_app.command("dry-run")(dry_run)
app.add_typer(evidence_app, name="evidence")
app.command()(status)


def _live_worker(ctx: typer.Context, store: "Store") -> "tuple[Worker, Callable[[], None]]":
    """Return a worker on the system clock and what closes it; refuse a replayed registry."""
    from jobs.service import live_worker

    made = services(ctx)
    return live_worker(store, made.catalogue(), made.settings())


@app.command()
def check(
    ctx: typer.Context,
    due: Annotated[bool, typer.Option("--due", help="Check what is due now, and settle what is ripe.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one round of checks by hand; the same round runs by itself in `serve` and `worker`."""
    if not due:
        raise InvalidInputError("Say what to check: calledit check --due.")
    with opened(ctx) as store:
        worker, close = _live_worker(ctx, store)
        try:
            checks = worker.check_round()
            steps = worker.settle_round()
        finally:
            close()
    if as_json:
        print_json({"checks": checks, "steps": steps})
    else:
        typer.echo(f"{checks} checks written, {steps} questions settled.")


@app.command()
def replay(
    ctx: typer.Context,
    start: Annotated[str, typer.Option("--from", help="The first simulated instant, as 2019-02-22T00:00:00Z.")],
    end: Annotated[str, typer.Option("--to", help="The last simulated instant.")],
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="LOCATION=FILE: serve the table at a location from a CSV file."),
    ] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            "--feed",
            help="LOCATION=DIR, or DIR where one table is read: serve it from files named by instant.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run years of scheduled checks in seconds, under a simulated clock, over loopback HTTP."""
    from jobs.replay import replay as run

    tables = served(table or [], feed or [])
    made = services(ctx)
    first, last = day(start, "--from"), day(end, "--to")
    with opened(ctx):
        pass
    with progress_bar("Replaying", first, last, shown=not as_json) as progress:
        done = run(made.settings(), made.catalogue(), start=first, end=last, tables=tables, progress=progress)
    if as_json:
        print_json(
            asdict(done)
            | {"began_at": done.began_at.isoformat(), "alarms": [_plain(alarm) for alarm in done.alarms]}
        )
    else:
        typer.echo(f"{done.checks} checks and {done.steps} settlements from {done.began_at:%Y-%m-%d %H:%M} on.")
        typer.echo(f"{done.reversals} reversals, {done.late_rows} late rows, {len(done.alarms)} alarms in all.")
        for alarm in done.alarms:
            ended = f"{alarm.until:%Y-%m-%d %H:%M}" if alarm.until else "the end"
            typer.echo(
                f"{alarm.kind} from {alarm.since:%Y-%m-%d %H:%M} to {ended}: {alarm.place}: {alarm.detail}."
            )


def _plain(alarm: "Alarm") -> dict[str, object]:
    """Return an alarm as JSON can carry it."""
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in asdict(alarm).items()
    }


def served(tables: list[str], feeds: list[str]) -> dict[str, Path]:
    """Read the options that say what is served for a location: a file, or a directory of dated files."""
    from jobs.recording import left_out
    from jobs.replay import ONLY

    found: dict[str, Path] = {}
    for option, what, texts in (("--table", "FILE", tables), ("--feed", "DIR", feeds)):
        for text in texts:
            location, separator, path = text.rpartition("=")
            if option == "--feed" and (not separator or Path(text).is_dir()):
                location, path = ONLY, text
            elif not location or not path:
                raise InvalidInputError(f"{option} takes LOCATION={what}, not {text!r}.")
            if location in found:
                raise InvalidInputError(
                    f"{location or 'The only table'} is given twice; give one file or directory."
                )
            if Path(path).is_dir() is (option == "--table"):
                other = "a directory: use --feed" if option == "--table" else "no directory"
                raise InvalidInputError(f"{path} is {other}.")
            found[location] = Path(path)
    for directory in filter(Path.is_dir, found.values()):
        if names := left_out(directory):
            listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            typer.echo(f"Left out of {directory}, because not named by an instant: {listed}.", err=True)
    return found


def day(text: str, option: str) -> "datetime":
    """Read an instant, or a day as its first instant in UTC."""
    return instant(f"{text}T00:00:00Z" if len(text) == 10 else text, option)


@contextmanager
def progress_bar(
    title: str, start: "datetime", end: "datetime", *, shown: bool
) -> "Iterator[Callable[[datetime], None]]":
    """Show a bar on standard error; yield a function to be told the simulated instant reached."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[day]}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task(title, total=(end - start).total_seconds(), day=f"{start:%Y-%m-%d}")

        def tell(moment: "datetime") -> None:
            progress.update(task, completed=(moment - start).total_seconds(), day=f"{moment:%Y-%m-%d}")

        yield tell
        tell(end)


@app.command()
def demo(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Load the founding articles, replay four years of checks, and report on their authors."""
    from jobs import demo as show

    made = services(ctx)
    named = "CALLEDIT_DATABASE_URL" in os.environ or (ctx.parent and ctx.parent.params["database"])
    given = made.settings().database_url if named else None
    with progress_bar("Replaying", show.START, show.END, shown=not as_json) as progress:
        result = show.run(made.settings(), made.catalogue(), database_url=given, progress=progress)
    if as_json:
        print_json(result.summary)
    else:
        show.print_result(result)


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    drafts: Annotated[bool, typer.Option("--drafts", help="Show also what is not public.")] = False,
) -> None:
    """Serve the pages and run the scheduled jobs, in one process."""
    from jobs.service import serve as run

    made = services(ctx)
    with opened(ctx, create=True) as store:
        run(store, made.catalogue(), made.settings(), host=host, port=port, drafts=drafts)


@app.command()
def worker(ctx: typer.Context) -> None:
    """Run the scheduled jobs without pages: one more pair of hands on the same database."""
    from jobs.service import work

    made = services(ctx)
    with opened(ctx, create=True) as store:
        work(store, made.catalogue(), made.settings())


def main() -> None:
    """Run the command line; what a user can cause or meet is one sentence and exit code 1."""
    try:
        app()
    except CalleditError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
