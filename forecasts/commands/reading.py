"""Reports, exports and records, as they are or as of an instant."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from forecasts.commands.shared import (
    AsOfOption,
    DraftsOption,
    JsonOption,
    opened,
    print_json,
    read,
    read_of_author,
    tell_left_out,
    write_file,
)
from forecasts.errors import InvalidInputError, NotFoundError, RedactedError


def report(
    ctx: typer.Context,
    author: Annotated[str, typer.Argument(help="The author's slug, as in `calledit export authors`.")],
    as_json: JsonOption = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML file.")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Write the picture: .svg or .png.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the claims, a row for each.")] = None,
    as_of: AsOfOption = None,
    include_drafts: DraftsOption = False,
) -> None:
    """Report on an author: every claim with how it came out, and what can be said of them."""
    from forecasts.reports import author_report

    with opened(ctx) as store:
        leaves = any(file is not None for file in (html, picture, csv))
        ledger, now = read_of_author(ctx, store, author, as_of, include_drafts=include_drafts, leaves=leaves)
        found, past = (author_report(ledger, author, now, past_only=past_only) for past_only in (False, True))
    if html is not None:
        from forecasts.web.author import pictures
        from forecasts.web.pages import author_page

        write_file(html, author_page(past, pictures(past)))
    if picture is not None:
        write_file(picture, draw(found, picture))
    if csv is not None:
        from forecasts.exchange.sheets import claims_csv

        write_file(csv, claims_csv(found))
    if as_json:
        print_json(found)
    elif html is None and picture is None and csv is None:
        from forecasts.text import report_text

        typer.echo(report_text(past))


def leaderboard(
    ctx: typer.Context,
    policy: Annotated[str, typer.Option("--policy", help="Only strict ranks.")] = "strict",
    as_json: JsonOption = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write it as one HTML file.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write it as CSV, a row for each author.")] = None,
    as_of: AsOfOption = None,
    include_drafts: DraftsOption = False,
) -> None:
    """Rank the authors who can be ranked, and say of all others why they cannot."""
    from forecasts import leaderboard as ranking
    from forecasts.policy import RANKS

    if policy != RANKS:
        raise InvalidInputError(f"Only the {RANKS} policy ranks; leave --policy out, or write {RANKS}.")
    with opened(ctx) as store:
        ledger, now = read(ctx, store, as_of, include_drafts=include_drafts)
        found = ranking.leaderboard(ledger, now)
    tell_left_out(ledger)
    if html is not None:
        from forecasts.web.pages import leaderboard_page

        write_file(html, leaderboard_page(found, standalone=True))
    if csv is not None:
        from forecasts.exchange.sheets import leaderboard_csv

        write_file(csv, leaderboard_csv(found))
    if as_json:
        print_json(found)
    elif html is None and csv is None:
        from forecasts.text import leaderboard_text

        typer.echo(leaderboard_text(found))


def draw(found: dict[str, Any], path: Path) -> str | bytes:
    """Return the picture of a report in the format the file name asks for."""
    from forecasts.charts import strip, to_png, to_svg

    if path.suffix.lower() == ".svg":
        return to_svg(strip(found))
    if path.suffix.lower() == ".png":
        return to_png(strip(found))
    raise InvalidInputError(f"A picture is .svg or .png, not {path.name!r}.")


def export(
    ctx: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            help="articles, authors, statements, questions, forecasts, resolutions, checks, scores, replies "
            "or publications."
        ),
    ],
    format: Annotated[str, typer.Option("--format", help="json or csv.")] = "json",  # noqa: A002
    output: Annotated[Path | None, typer.Option("--output", help="A file instead of standard output.")] = None,
    as_of: AsOfOption = None,
    include_drafts: DraftsOption = False,
) -> None:
    """Export all records of one kind."""
    from forecasts.exchange.export import KINDS, records, to_csv, to_json

    if kind not in KINDS:
        raise InvalidInputError(f"{kind!r} cannot be exported; choose one of {', '.join(KINDS)}.")
    if format not in ("json", "csv"):
        raise InvalidInputError(f"--format is json or csv, not {format!r}.")
    with opened(ctx) as store:
        ledger, _ = read(ctx, store, as_of, include_drafts=include_drafts)
        rows = records(ledger, kind)
    tell_left_out(ledger)
    text = to_json(rows) if format == "json" else to_csv(rows, kind)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_file(output, text)


def show(
    ctx: typer.Context,
    id: Annotated[  # noqa: A002
        str, typer.Argument(help="Any public id (s-, q-, f-, r-, c-, a-) or an evidence sha256.")
    ],
    as_of: AsOfOption = None,
    include_drafts: DraftsOption = False,
) -> None:
    """Show one record and what it leads to; for evidence, the archived bytes themselves."""
    from forecasts.evidence import retrieve_from
    from forecasts.exchange.trace import trace

    with opened(ctx) as store:
        ledger, _ = read(ctx, store, as_of, include_drafts=include_drafts)
        try:
            if len(id) == 64:
                with store.read() as session:
                    body, _ = retrieve_from(session, ledger, id)
                sys.stdout.buffer.write(body)
            else:
                print_json(trace(ledger, id))
        except RedactedError:
            raise
        except NotFoundError as error:
            left_out = " What is not public was left out; add --include-drafts." if ledger.left_out else ""
            raise NotFoundError(f"{error}{left_out}") from None
