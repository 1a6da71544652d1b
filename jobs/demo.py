"""The demonstration: the founding articles from statement to score, through years of scheduled checks.

It starts clean each time, and clears only what a demo wrote: any other database is refused.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import SQLModel, col, select

import seeds
from forecasts import registry, search
from forecasts.charts import strip, to_png, to_svg
from forecasts.errors import ConflictError
from forecasts.exchange.files import parse_document
from forecasts.leaderboard import Board, leaderboard
from forecasts.ledger import Ledger, read_ledger
from forecasts.measures.rows import headline
from forecasts.model import SourceCatalogue
from forecasts.policy import POLICIES
from forecasts.reports import Report, author_report
from forecasts.sentences import plural
from forecasts.settings import Settings
from forecasts.store import Store
from forecasts.tables import Revision
from forecasts.web.author import pictures
from forecasts.web.pages import author_page, leaderboard_page
from jobs.clocks import SystemClock
from jobs.replay import Progress, replay_locked

FOLDER = Path("calledit-demo")
START = datetime(2019, 2, 22, tzinfo=UTC)
END = datetime(2023, 2, 28, tzinfo=UTC)
ACTION = "demo"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo did: its summary, the reports behind it, and where everything was written."""

    summary: dict[str, Any]
    reports: list[Report]
    place: str
    folder: Path


def run(
    settings: Settings,
    catalogue: SourceCatalogue,
    *,
    database_url: str | None,
    progress: Progress = lambda _: None,
) -> DemoResult:
    """Run the demo in `FOLDER`, or on the database given; raise `ConflictError` on what no demo wrote."""
    FOLDER.mkdir(exist_ok=True)
    url = database_url or f"sqlite:///{FOLDER / 'calledit.db'}"
    settings = settings.model_copy(update={"database_url": url})
    store = Store(url, SystemClock())
    try:
        with store.only_replay():
            _clear(store)
            store.migrate()
            for document in seeds.documents().values():
                registry.register(
                    store, parse_document(document), catalogue=catalogue, actor="seed", kind="seed", action=ACTION
                )
            replay_locked(settings, catalogue, start=START, end=END, progress=progress)
            ledger = read_ledger(store)
    finally:
        store.close()
    reports = [
        author_report(ledger, author.slug, END, past_only=True)
        for author in sorted(ledger.authors.values(), key=lambda author: author.slug)
        if ledger.said_by(author)
    ]
    _write_pages(reports, leaderboard(ledger, END))
    return DemoResult(_summary(ledger, reports), reports, store.place, FOLDER)


def _clear(store: Store) -> None:
    """Empty a database that a demo wrote, or that holds nothing yet; refuse any other."""
    if not store.has_schema():
        return
    with store.read() as session:
        other = session.exec(
            select(Revision.rev).where(Revision.action != ACTION, col(Revision.run_id).is_(None)).limit(1)
        ).first()
    if other is not None:
        raise ConflictError(
            f"{store.place} holds what no demo wrote, and the demo starts clean. "
            "Unset CALLEDIT_DATABASE_URL, or name another database."
        )
    with store.queue() as session:
        search.drop(session.connection())
        SQLModel.metadata.drop_all(session.connection())
        session.connection().execute(text("DROP TABLE alembic_version"))


def _write_pages(reports: list[Report], board: Board) -> None:
    """Write a page for each author who said something, two pictures for each forecaster, and the leaderboard."""
    (FOLDER / "leaderboard.html").write_text(leaderboard_page(board, standalone=True), encoding="utf-8")
    folder = FOLDER / "authors"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        if old.suffix in (".html", ".svg", ".png"):
            old.unlink()
    for report in reports:
        slug, picture = report["author"]["slug"], strip(report)
        (folder / f"{slug}.html").write_text(author_page(report, pictures(report)), encoding="utf-8")
        if report["funnel"]["with_forecast"]:
            (folder / f"{slug}.svg").write_text(to_svg(picture), encoding="utf-8")
            (folder / f"{slug}.png").write_bytes(to_png(picture))


def _summary(ledger: Ledger, reports: list[Report]) -> dict[str, Any]:
    outcomes = Counter(ledger.outcome(question_id) for question_id in ledger.questions)
    return {
        "articles": len(ledger.articles),
        "statements": len(ledger.statements),
        "questions": len(ledger.questions),
        "forecasts": len(ledger.forecasts),
        "checks": len(ledger.checks),
        "outcomes": {name: outcomes[name] for name in ("yes", "no", "ambiguous", "annulled", "open")},
        "authors": [
            {
                "slug": report["author"]["slug"],
                "name": report["author"]["name"],
                "kind": report["author"]["kind"],
                "statements": report["funnel"]["statements"],
                "policies": {
                    name: headline(ledger, ledger.author(report["author"]["slug"]), name, END) for name in POLICIES
                },
            }
            for report in reports
        ],
    }


def print_result(result: DemoResult, echo: Callable[[str], None] = print) -> None:
    """Print the authors with their scores under both policies, and where to look next."""
    from rich.console import Console
    from rich.table import Table

    summary = result.summary
    outcomes = ", ".join(f"{count} {name}" for name, count in summary["outcomes"].items() if count)
    echo(
        f"{plural(summary['articles'], 'article')}, {summary['statements']} statements, "
        f"{summary['questions']} questions, {summary['forecasts']} forecasts, {summary['checks']} checks. "
        f"Outcomes: {outcomes}."
    )
    scored = [author for author in summary["authors"] if author["policies"]["broad"]["scored"]]
    table = Table(title="Authors, unranked: too few claims to judge anybody")
    for column in ("author", "statements", "Brier, broad", "Brier, strict"):
        table.add_column(column)
    for author in scored:
        table.add_row(
            author["name"],
            str(author["statements"]),
            *(_cell(author["policies"][name]) for name in POLICIES),
        )
    Console().print(table)
    others = "; ".join(author["name"] for author in summary["authors"] if author not in scored)
    if others:
        echo(f"Nothing scored: {others}. What they said is on their pages, with the reason.")
    echo(
        "Brier score, 0 to 1, lower is better; always saying 50 % scores 0.25. Means of these claims "
        "only, past their deadline, each group of claims that stand or fall together counted once."
    )
    echo(f"Pages and pictures: {result.folder}/authors/. Who can be ranked: {result.folder}/leaderboard.html.")
    echo(f"The registry: {result.place}.")
    echo(f"Serve it: calledit --database {result.place} serve (in a checkout, with uv run before it)")


def _cell(numbers: dict[str, Any]) -> str:
    if not numbers["scored"]:
        return "nothing scored"
    claims, groups = plural(numbers["scored"], "claim"), plural(numbers["clusters"], "group")
    return f"{numbers['brier']:.3f}, {claims} in {groups}"
