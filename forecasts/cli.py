"""The registry's commands. What they need from outside (clock, sources, seeds) is handed in by `jobs.cli`."""

import getpass
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasts.errors import CalleditError, InvalidInputError

if TYPE_CHECKING:
    from datetime import datetime

    from forecasts.ledger import Ledger
    from forecasts.model import Clock, SourceCatalogue
    from forecasts.settings import Settings
    from forecasts.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """What the commands work with, made when a command asks for it."""

    settings: "Callable[[], Settings]"
    clock: "Callable[[], Clock]"
    catalogue: "Callable[[], SourceCatalogue]"
    lexicons: Callable[[], list[Mapping[str, Any]]]


ActorOption = Annotated[
    str | None, typer.Option("--actor", help="Who writes; default CALLEDIT_ACTOR or the user's login name.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="What was said at this instant, as 2020-06-30T00:00:00Z.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it is kept and shown.")]

forecast_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Revise, correct or withdraw a forecast."
)
question_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Propose, confirm, dispute, annul or reopen an outcome."
)
article_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Attach your own copy of a text.")


def add_to(app: typer.Typer) -> None:
    """Add the registry's commands to the command line."""
    app.command()(register)
    app.add_typer(article_app, name="article")
    app.add_typer(forecast_app, name="forecast")
    app.add_typer(question_app, name="question")
    app.command()(report)
    app.command()(export)
    app.command()(show)


def services(ctx: typer.Context) -> Services:
    """Return what the command line was composed with."""
    found = ctx.find_object(Services)
    if found is None:
        raise AssertionError("the command line is composed in jobs.cli")
    return found


@contextmanager
def opened(ctx: typer.Context, *, create: bool = False) -> "Iterator[Store]":
    """Open the registry; only a command that registers something creates a new SQLite file."""
    from forecasts.errors import StoreError
    from forecasts.store import Store

    made = services(ctx)
    url = made.settings().database_url
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    absent = file is not None and not file.exists()
    if absent and not create:
        raise StoreError(
            f"There is no registry at {url}. Register something first, or name another one with "
            "--database or CALLEDIT_DATABASE_URL."
        )
    store = Store(url, made.clock())
    try:
        store.migrate()
        yield store
    except CalleditError:
        store.close()
        if absent and file is not None:  # nothing was kept, so nothing is left behind
            for part in ("", "-wal", "-shm"):
                Path(f"{file}{part}").unlink(missing_ok=True)
        raise
    finally:
        store.close()


def actor_name(ctx: typer.Context, given: str | None) -> str:
    """Return who writes: the option, the setting, or the login name."""
    name = (given or services(ctx).settings().actor or getpass.getuser()).strip()
    if not name:
        raise InvalidInputError("Say who writes with --actor NAME.")
    return name


def instant(text: str, option: str) -> "datetime":
    """Read an instant given on the command line; refuse one without a zone."""
    from pydantic import TypeAdapter, ValidationError

    from forecasts.scalars import Instant

    try:
        found: datetime = TypeAdapter(Instant).validate_python(text)
    except ValidationError as error:
        raise InvalidInputError(f"{option}: {error.errors()[0]['msg'].removeprefix('Value error, ')}.") from None
    return found


def print_json(value: object) -> None:
    """Print one JSON value."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def print_step(step: Any, *, as_json: bool) -> None:
    """Print the step a question took."""
    if as_json:
        fields = {"resolution": step.public_id, "state": step.state, "outcome": step.outcome, "rule": step.rule}
        print_json({**fields, "closes_at": step.closes_at.isoformat() if step.closes_at else None})
        return
    until = f"; it may be disputed until {step.closes_at:%Y-%m-%d %H:%M} UTC" if step.closes_at else ""
    typer.echo(f"{step.public_id}: {step.state} {step.outcome or ''}".rstrip() + until)


# -- registering ---------------------------------------------------------------------------------------------


def register(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A TOML or JSON registration file; see docs/register.md.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and keep nothing.")] = False,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Register articles, authors, statements, questions and forecasts from a file."""
    from forecasts import registry
    from forecasts.exchange.files import parse_document, read_document

    document = read_document(file)
    standard = [parse_document(value) for value in services(ctx).lexicons()]
    known = [lexicon for found in standard for lexicon in found.lexicons]
    document = document.model_copy(update={"lexicons": [*known, *document.lexicons]})
    with opened(ctx, create=True) as store:
        registered = registry.register(
            store,
            document,
            catalogue=services(ctx).catalogue(),
            actor=actor_name(ctx, actor),
            folder=file.parent,
            dry_run=dry_run,
        )
    if as_json:
        print_json(
            {
                "changed": bool(registered.added) and not dry_run,
                "dry_run": dry_run,
                "added": dict(registered.added),
                "unchanged": dict(registered.unchanged),
                "ids": registered.ids,
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


# -- forecasts -----------------------------------------------------------------------------------------------

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


# -- outcomes ------------------------------------------------------------------------------------------------

QuestionArgument = Annotated[str, typer.Argument(help="A question's id, or the beginning of one.")]


@question_app.command()
def propose(
    ctx: typer.Context,
    question: QuestionArgument,
    outcome: Annotated[str, typer.Argument(help="yes, no, ambiguous or annulled.")],
    citation: Annotated[str, typer.Option("--citation", help="Where it can be checked: source and date.")],
    reason: ReasonOption,
    occurred_at: Annotated[str | None, typer.Option("--occurred-at", help="When it happened.")] = None,
    occurred_until: Annotated[
        str | None, typer.Option("--occurred-until", help="For a day: where it ends.")
    ] = None,
    evidence: Annotated[Path | None, typer.Option("--evidence", help="A file to archive with it.")] = None,
    as_json: JsonOption = False,
    actor: ActorOption = None,
) -> None:
    """Propose an outcome; somebody else confirms it when the dispute window has passed."""
    from typing import get_args

    from forecasts import registry
    from forecasts.model import Outcome
    from forecasts.registering import interval_of

    if outcome not in get_args(Outcome):
        raise InvalidInputError(f"An outcome is {', '.join(get_args(Outcome))}, not {outcome!r}.")
    try:
        archived = (evidence.read_bytes(), "application/octet-stream") if evidence else None
    except OSError as error:
        raise InvalidInputError(f"{evidence} cannot be read ({error.strerror}).") from None
    with opened(ctx) as store:
        step = registry.propose(
            store,
            question,
            outcome,  # type: ignore[arg-type]  # checked above
            actor=actor_name(ctx, actor),
            citation=citation,
            reason=reason,
            window=services(ctx).settings().dispute_window,
            occurred=interval_of(
                instant(occurred_at, "--occurred-at") if occurred_at else None,
                instant(occurred_until, "--occurred-until") if occurred_until else None,
            ),
            evidence=archived,
        )
    print_step(step, as_json=as_json)


@question_app.command()
def confirm(
    ctx: typer.Context, question: QuestionArgument, as_json: JsonOption = False, actor: ActorOption = None
) -> None:
    """Confirm a person's proposal: by somebody else, after the dispute window."""
    from forecasts import registry

    with opened(ctx) as store:
        print_step(registry.confirm(store, question, actor=actor_name(ctx, actor)), as_json=as_json)


_MOVES = {
    "dispute": "Dispute a proposed outcome; a second ruling has to follow, by somebody else.",
    "annul": "Annul a broken question; it is never scored.",
    "reopen": "Take a proposal or resolution back; what hangs on it follows.",
}


def _add_move(name: str, words: str) -> None:
    """Add a command that moves a question by a use case of its name and a reason."""

    @question_app.command(name, help=words)
    def move(
        ctx: typer.Context,
        question: QuestionArgument,
        reason: ReasonOption,
        as_json: JsonOption = False,
        actor: ActorOption = None,
    ) -> None:
        from forecasts import registry

        with opened(ctx) as store:
            step = getattr(registry, name)(store, question, reason=reason, actor=actor_name(ctx, actor))
        print_step(step, as_json=as_json)


for _name, _words in _MOVES.items():
    _add_move(_name, _words)


# -- reading -------------------------------------------------------------------------------------------------


def read(ctx: typer.Context, store: "Store", as_of: str | None) -> "tuple[Ledger, datetime]":
    """Return the ledger as of an instant, and the instant that deadlines are held against."""
    from forecasts.ledger import read_ledger

    at = instant(as_of, "--as-of") if as_of else None
    ledger = read_ledger(store, at)
    return ledger, at or ledger.now(services(ctx).clock())


def report(
    ctx: typer.Context,
    author: Annotated[str, typer.Argument(help="The author's slug, as in `calledit export authors`.")],
    as_json: JsonOption = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML file.")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Write the picture: .svg or .png.")] = None,
    as_of: AsOfOption = None,
) -> None:
    """Report on an author: every claim with how it came out, and what can be said of them."""
    from forecasts.reports import author_report

    with opened(ctx) as store:
        ledger, now = read(ctx, store, as_of)
        found = author_report(ledger, author, now)
    if html is not None:
        from forecasts.charts import strip_svg
        from forecasts.web.pages import author_page

        write_file(html, author_page(found, strip_svg(found), standalone=True))
    if picture is not None:
        write_file(picture, draw(found, picture))
    if as_json:
        print_json(found)
    elif html is None and picture is None:
        from forecasts.text import report_text

        typer.echo(report_text(found))


def draw(found: dict[str, Any], path: Path) -> str | bytes:
    """Return the picture of a report in the format the file name asks for."""
    from forecasts.charts import strip_png, strip_svg

    if path.suffix.lower() == ".svg":
        return strip_svg(found)
    if path.suffix.lower() == ".png":
        return strip_png(found)
    raise InvalidInputError(f"A picture is .svg or .png, not {path.name!r}.")


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file; a place that cannot be written is a clear sentence."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written ({error.strerror}).") from None
    typer.echo(f"Wrote {path}", err=True)


def export(
    ctx: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(help="articles, authors, statements, questions, forecasts, resolutions, checks or scores."),
    ],
    format: Annotated[str, typer.Option("--format", help="json or csv.")] = "json",  # noqa: A002
    output: Annotated[Path | None, typer.Option("--output", help="A file instead of standard output.")] = None,
    as_of: AsOfOption = None,
) -> None:
    """Export all records of one kind."""
    from forecasts.exchange.export import KINDS, records, to_csv, to_json

    if kind not in KINDS:
        raise InvalidInputError(f"{kind!r} cannot be exported; choose one of {', '.join(KINDS)}.")
    if format not in ("json", "csv"):
        raise InvalidInputError(f"--format is json or csv, not {format!r}.")
    with opened(ctx) as store:
        ledger, _ = read(ctx, store, as_of)
        rows = records(ledger, kind)
    text = to_json(rows) if format == "json" else to_csv(rows, kind)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_file(output, text)


def show(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(help="Any public id (s-, q-, f-, r-, c-) or an evidence sha256.")],  # noqa: A002
    as_of: AsOfOption = None,
) -> None:
    """Show one record and what it leads to; for evidence, the archived bytes themselves."""
    from forecasts.evidence import retrieve
    from forecasts.exchange.trace import trace

    with opened(ctx) as store:
        if len(id) == 64:
            with store.read() as session:
                body, _ = retrieve(session, id)
            sys.stdout.buffer.write(body)
            return
        ledger, _ = read(ctx, store, as_of)
        print_json(trace(ledger, id))
