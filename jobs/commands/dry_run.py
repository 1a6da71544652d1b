"""What a question would have come to, before it is registered."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasts.commands.shared import JsonOption, print_json, services

if TYPE_CHECKING:
    from datetime import datetime

    from forecasts.tables import Resolution
    from jobs.dry_run import Look, Trial


def dry_run(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A registration file, or a file with one question alone.")],
    question: Annotated[
        str | None, typer.Option("--question", help="The key of the question, where the file holds several.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="The first simulated instant; default: when the question opens.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", help="The last one; default: when the question is no longer watched, or now."),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="LOCATION=FILE: serve the table at a location from a CSV or JSON file."),
    ] = None,
    feed: Annotated[
        list[str] | None,
        typer.Option(
            "--feed", help="LOCATION=DIR, or DIR where one table is read: serve it from files named by instant."
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show every check, not only those that changed the verdict.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a criterion would have decided at each check of a past range; nothing is registered."""
    from forecasts import criteria
    from forecasts.exchange.files import read_document
    from jobs import dry_run as trying
    from jobs.cli import day, progress_bar, served

    made = services(ctx)
    settings = made.settings()
    document = read_document(file, or_question=True)
    chain = trying.chain_of(document, question)
    first, last = day(start, "--from") if start else None, day(end, "--to") if end else None
    if first is None or last is None:
        opens, closes = trying.whole_range(
            document, chain, now=made.clock().now(), dispute_window=settings.dispute_window
        )
        first, last = first or opens, last or closes
    tables = served(table or [], feed or [])
    with progress_bar("Trying", first, last, shown=not as_json) as progress:
        trials = trying.dry_run(
            settings, made.catalogue(), document, chain, start=first, end=last, tables=tables, progress=progress
        )
    for one in chain:
        for warning in criteria.warnings(criteria.parse(one.criterion), made.catalogue()):
            typer.echo(f"Note: {one.key}: {warning}", err=True)
    shown = [_shown(trial, every=every) for trial in trials]
    if as_json:
        print_json({"from": _at(first), "to": _at(last), **shown[-1], "conditions": shown[:-1]})
        return
    typer.echo(f"From {_minute(first)} to {_minute(last)} UTC.")
    for tried in shown:
        _print(tried)
    for trial in trials:
        for resource, problem in trial.unread:
            typer.echo(f"Note: {resource.source} {resource.query} was never read: {problem}.", err=True)


def _shown(trial: "Trial", *, every: bool) -> dict[str, Any]:
    """Return one question of the chain as plain data."""
    question, last = trial.question, trial.steps[-1] if trial.steps else None
    decided = last if last is not None and last.state != "reopened" else None
    return {
        "question": question.key,
        "id": trial.public_id,
        "title": question.title,
        "opens_at": _at(question.opens_at),
        "deadline": _at(question.deadline),
        "condition": question.condition and question.condition.model_dump(),
        "checks": len(trial.looks),
        "statuses": dict(Counter(look.check.status for look in trial.looks)),
        "path": [_look(look) for look in trial.looks if every or look.changed],
        "steps": [_step(step) for step in trial.steps],
        "outcome": trial.outcome,
        "proposed": decided.outcome if decided is not None and trial.outcome == "open" else None,
        "rule": decided.rule if decided else None,
        "occurred_at": _at(decided.occurred_at) if decided else None,
        "occurred_until": _at(decided.occurred_until) if decided else None,
        "knowable_at": _at(decided.knowable_at) if decided else None,
    }


def _look(look: "Look") -> dict[str, Any]:
    check, verdict = look.check, look.verdict
    return {
        "at": _at(check.checked_at),
        "source": look.resource.source,
        "resource": look.resource.public_id,
        "status": check.status,
        "rows": check.rows,
        "watermark": _at(check.watermark),
        "problem": check.problem,
        "verdict": verdict.value if verdict else None,
        "reason": verdict.reason if verdict else None,
        "needs_person": verdict.needs_person if verdict else None,
        "changed": look.changed,
    }


def _step(step: "Resolution") -> dict[str, Any]:
    return {
        "at": _at(step.decided_at),
        "state": step.state,
        "outcome": step.outcome,
        "rule": step.rule,
        "reason": step.reason,
    }


def _print(trial: dict[str, Any]) -> None:
    """Print one question: its checks and the steps of its outcome in one order of time, and what it came to."""
    condition = trial["condition"]
    hangs = f", if {condition['question']} is {condition['outcome']}" if condition else ""
    typer.echo(f"\n{trial['question']}: {trial['title']}")
    typer.echo(f"  open from {trial['opens_at']} to {trial['deadline']}{hangs}")
    lines = [(look["at"], _check_line(look)) for look in trial["path"]]
    lines += [(step["at"], _step_line(step)) for step in trial["steps"]]
    for at, line in sorted(lines, key=lambda pair: pair[0]):
        typer.echo(f"  {at[:16].replace('T', ' ')}  {line}")
    statuses = ", ".join(f"{count} {status}" for status, count in trial["statuses"].items())
    typer.echo(f"  {trial['checks']} checks{f' ({statuses})' if statuses else ''}. Outcome: {_outcome(trial)}.")


def _check_line(look: dict[str, Any]) -> str:
    rows = "" if look["rows"] is None else f"{look['rows']} rows"
    said = f"{look['verdict']:<7}  {look['reason']}" if look["verdict"] else (look["problem"] or "not looked at")
    return f"{look['status']:<9} {rows:>9}  {said}"


def _step_line(step: dict[str, Any]) -> str:
    said_already = step["state"] == "confirmed" and step["rule"] != "condition"
    said_already |= step["state"] == "proposed" and step["rule"].startswith("criterion")
    return f"-> {step['state']} {step['outcome'] or ''}".rstrip() + ("" if said_already else f": {step['reason']}")


def _outcome(trial: dict[str, Any]) -> str:
    if trial["outcome"] == "open":
        return f"open, {trial['proposed']} proposed" if trial["proposed"] else "open"
    when = " to ".join(dict.fromkeys(filter(None, (trial["occurred_at"], trial["occurred_until"]))))
    known = f", could be known at {trial['knowable_at']}" if trial["knowable_at"] else ""
    return f"{trial['outcome']}{f', occurred {when}' if when else ''}{known}"


def _at(instant: "datetime | None") -> str | None:
    from forecasts.model import iso

    return iso(instant) if instant is not None else None


def _minute(instant: "datetime") -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
