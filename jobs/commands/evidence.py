"""The archive: what one answer was, what was read in it, and copies to take away."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasts.commands.shared import (
    AsOfOption,
    DraftsOption,
    JsonOption,
    opened,
    print_json,
    read,
    services,
    tell_left_out,
    write_file,
)
from forecasts.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from forecasts.ledger import Ledger

evidence_app = typer.Typer(no_args_is_help=True, help="Show or export what checks have archived.")


@evidence_app.command()
def show(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(help="The sha256 of the bytes, or the id of a check (c-).")],  # noqa: A002
    body: Annotated[bool, typer.Option("--body", help="Write the archived bytes themselves.")] = False,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    include_drafts: DraftsOption = False,
) -> None:
    """Show what was fetched and when, with its headers, what its source read in it, and the verdicts on it."""
    from jobs import archive

    if body and as_json:
        raise InvalidInputError("Give either --body or --json.")
    with opened(ctx) as store:
        ledger, _ = read(ctx, store, as_of, include_drafts=include_drafts)
        sha256 = _found(ledger, id)
        with store.read() as session:
            if body:
                sys.stdout.buffer.write(archive.body_of(session, ledger, sha256)[0])
                return
            shown, _ = archive.record(session, ledger, services(ctx).catalogue(), sha256)
    if as_json:
        print_json(shown)
    else:
        for line in _lines(shown):
            typer.echo(line)


@evidence_app.command()
def export(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", help="The directory to write to.")],
    ids: Annotated[
        list[str] | None, typer.Argument(help="Hashes or ids of checks; without any, all there is.")
    ] = None,
    as_of: AsOfOption = None,
    include_drafts: DraftsOption = False,
) -> None:
    """Write archived bytes as SHA256.body, and what is known of them as SHA256.json, into a directory."""
    from jobs import archive

    redacted = 0
    with opened(ctx) as store:
        ledger, _ = read(ctx, store, as_of, include_drafts=include_drafts)
        wanted = sorted({_found(ledger, given) for given in ids} if ids else ledger.evidence)
        with store.read() as session:
            for sha256 in wanted:
                found, body = archive.record(session, ledger, services(ctx).catalogue(), sha256)
                text = json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
                write_file(output / f"{sha256}.json", text, quiet=True)
                if found["redacted"]:
                    redacted += 1
                else:
                    write_file(output / f"{sha256}.body", body, quiet=True)
    if not ids:
        tell_left_out(ledger)
    blanked = f"; of {redacted} only the record, because the bytes were redacted" if redacted else ""
    typer.echo(f"Wrote {len(wanted)} to {output}{blanked}.", err=True)


def _found(ledger: "Ledger", wanted: str) -> str:
    from jobs.archive import find

    try:
        return find(ledger, wanted)
    except NotFoundError as error:
        left_out = " What is not public was left out; add --include-drafts." if ledger.left_out else ""
        raise NotFoundError(f"{error}{left_out}") from None


def _lines(shown: dict[str, Any]) -> Iterator[str]:
    """Yield a record for people; what a source wrote is made fit for a terminal."""
    from jobs.observed import lines
    from jobs.sources._bodies import quoted

    size = f"{shown['size']} bytes, {quoted(shown['content_type'] or 'of no stated type')}"
    yield f"Evidence {shown['evidence']}: {shown['redacted'] or size}"
    for check in shown["checks"]:
        version = f" version {check['source_version']}" if check["source_version"] else ""
        http = f", HTTP {check['http_status']}" if check["http_status"] else ""
        yield f"{check['fetched_at']}  {check['check']}  {check['source']}{version}: {check['status']}{http}"
    headers = next((check["headers"] for check in shown["checks"] if check["headers"]), None) or []
    if headers:
        yield "Headers of the first answer:"
    for name, value in headers:
        yield f"  {quoted(name)}: {quoted(value)}"
    for found in shown["read"]:
        yield f"Read by {found['source']} version {found['source_version']}, as of {found['as_of']}:"
        if "problem" in found:
            yield f"  {found['problem']}"
            continue
        yield f"  {found['status']}{'' if found['sound'] or found['status'] != 'ok' else ', but not sound'}"
        yield from (f"  {line}" for line in lines(found, "--json shows all"))
    if shown["verdicts"]:
        yield "Verdicts:"
    for row in shown["verdicts"]:
        yield f"  {row['checked_at']}  {row['question']}  {row['value']}: {quoted(row['reason'])}"
    if shown["resolutions"]:
        yield "Resolutions that rest on it:"
    for row in shown["resolutions"]:
        yield f"  {row['resolution']}  {row['question']}  {row['state']} {row['outcome'] or ''}".rstrip()
