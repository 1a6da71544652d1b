"""What the commands share: the services handed in by `jobs.cli`, the open registry, options, printing."""

import getpass
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasts.errors import CalleditError, InvalidInputError

if TYPE_CHECKING:
    from datetime import datetime

    from forecasts.exchange.document import Lexicon
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
DraftsOption = Annotated[
    bool, typer.Option("--include-drafts", help="Also what is not public; each record says where it stands.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it is kept and shown.")]


def services(ctx: typer.Context) -> Services:
    """Return what the command line was composed with."""
    found = ctx.find_object(Services)
    if found is None:
        raise AssertionError("the command line is composed in jobs.cli")
    return found


def missing_file(url: str) -> Path | None:
    """Return the SQLite file in which a registry would be, where there is none yet."""
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    return None if file is None or file.exists() else file


@contextmanager
def opened(ctx: typer.Context, *, create: bool = False) -> "Iterator[Store]":
    """Open the registry; only a command that registers something creates a new SQLite file."""
    from forecasts.errors import StoreError
    from forecasts.store import Store

    made = services(ctx)
    url = made.settings().database_url
    absent = missing_file(url)
    if absent is not None and not create:
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
        if absent is not None:  # nothing was kept, so nothing is left behind
            for part in ("", "-wal", "-shm"):
                Path(f"{absent}{part}").unlink(missing_ok=True)
        raise
    finally:
        store.close()


def standard_lexicons(ctx: typer.Context) -> "list[Lexicon]":
    """Return the lexicons that come with calledit."""
    from forecasts.exchange.files import parse_document

    return [item for value in services(ctx).lexicons() for item in parse_document(value).lexicons]


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


def read(
    ctx: typer.Context, store: "Store", as_of: str | None, *, include_drafts: bool
) -> "tuple[Ledger, datetime]":
    """Return the ledger as of an instant, and the instant that deadlines are held against."""
    from forecasts.ledger import read_ledger

    at = instant(as_of, "--as-of") if as_of else None
    ledger = read_ledger(store, at, include_drafts=include_drafts)
    return ledger, ledger.moment(at, services(ctx).clock())


def read_of_author(
    ctx: typer.Context, store: "Store", slug: str, as_of: str | None, *, include_drafts: bool, leaves: bool
) -> "tuple[Ledger, datetime]":
    """Return what a report on an author is made from: what is public, or the draft where nothing is.

    A file that `leaves` the registry is not made of a draft unless drafts are asked for.
    """
    ledger, now = read(ctx, store, as_of, include_drafts=include_drafts)
    if not include_drafts and not ledger.has_author(slug):
        ledger, now = read(ctx, store, as_of, include_drafts=True)
        name = ledger.author(slug).name
        if leaves:
            raise InvalidInputError(
                f"Nothing of {name} is public, so no file of it is written: publish the record "
                "(`calledit author publish`), or add --include-drafts."
            )
    else:
        tell_left_out(ledger)
    return ledger, now


def tell_left_out(ledger: "Ledger") -> None:
    """Say on standard error how many statements were left out because they are not public."""
    if ledger.left_out:
        one = ledger.left_out == 1
        are = "1 statement is a draft and was" if one else f"{ledger.left_out} statements are drafts and were"
        typer.echo(f"{are} left out; add --include-drafts.", err=True)


def write_file(path: Path, content: str | bytes, *, quiet: bool = False) -> None:
    """Write a file; a place that cannot be written is a clear sentence."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written ({error.strerror}).") from None
    if not quiet:
        typer.echo(f"Wrote {path}", err=True)
