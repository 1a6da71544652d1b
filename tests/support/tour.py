"""The tables of docs/tour.md, written again from what a demo's registry exports.

uv run calledit demo
uv run python -m tests.support.tour [--database URL]
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forecasts.errors import CalleditError, NotFoundError
from forecasts.exchange.export import KINDS, Record, records
from forecasts.ledger import Ledger, read_ledger
from forecasts.policy import REASONS
from forecasts.sentences import BASIS_WORDS
from forecasts.store import Store
from jobs.clocks import SystemClock
from seeds import documents

TOUR = Path(__file__).parents[2] / "docs/tour.md"
TABLE = re.compile(r"\| statement \| `(s-[0-9a-f]{12})`.*\n\| --- \| --- \|\n(?:\|.*\n)*")
Records = dict[str, list[Record]]


def read(store: Store) -> Records:
    """Return everything that a registry exports, by kind; raise `NotFoundError` where there is none."""
    if not store.has_schema():
        raise NotFoundError(f"{store.place} holds no registry; run calledit demo first.")
    return exported(read_ledger(store))


def exported(ledger: Ledger) -> Records:
    """Return everything that is exported, by kind."""
    return {kind: records(ledger, kind) for kind in KINDS}


def said(found: Records, key: str) -> Record:
    """Return the record of a statement by its key in the seeds."""
    read_in = (item for document in documents("articles").values() for item in document["statements"])
    seed = _one(item for item in read_in if item["key"] == key)
    place = (seed["article"], seed["start"], seed["end"], seed.get("part", 1))
    return _one(row for row in found["statements"] if _place(row) == place)


def _place(row: Record) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("article", "start", "end", "part"))


def _one(rows: Iterator[Record]) -> Record:
    (row,) = rows
    return row


def refreshed(page: str, found: Records) -> str:
    """Return the page with the table of each statement as the records have it."""
    return TABLE.sub(lambda match: facts(found, match[1]), page)


def facts(found: Records, statement: str) -> str:
    """Return the table of one statement: who, how sure, what is asked, how it came out, and its score."""
    row = _one(row for row in found["statements"] if row["statement"] == statement)
    first, *others = _rows(found, row)
    lines = [first, ("---", "---"), *others]
    return "".join(f"| {name} | {value} |\n" for name, value in lines)


def _rows(found: Records, row: Record) -> Iterator[tuple[str, str]]:
    place = f"`{row['article']}`, characters {row['start']}–{row['end']}"
    if sum(_place(other)[:3] == _place(row)[:3] for other in found["statements"]) > 1:
        place += f", part {row['part']}"
    yield "statement", f"`{row['statement']}`, {row['kind']}; {place}"
    via = f", as reported by {row['reported_via']}" if row["reported_via"] else ""
    yield "charged to", f"{row['stated_by']} ({row['stated_by_kind']}){via}"
    if row["question"] is None:
        yield "how sure", "no number is read into it"
        yield "score", f"none: {row['checkability_reason']}"
    else:
        yield from _asked(found, row)
    slug = _one(author for author in found["authors"] if author["name"] == row["stated_by"])["slug"]
    shown = f"`calledit show {row['statement']}`, `calledit report {slug}`"
    yield "see", f"{shown}; the page `/statements/{row['statement']}`"


def _asked(found: Records, row: Record) -> Iterator[tuple[str, str]]:
    forecast = _one(each for each in found["forecasts"] if each["forecast"] == row["forecast"])
    question = _one(each for each in found["questions"] if each["question"] == row["question"])
    low, middle, high = (
        f"{100 * row[name]:.3g} %" for name in ("probability_low", "probability", "probability_high")
    )
    yield "how sure", f"{middle} that yes ({low} to {high}): {_basis(forecast)}"
    criterion = _criterion(question["criterion"]["criterion"])
    yield "question", f"`{question['question']}`: {question['title']} Criterion: {criterion}"
    yield "by when", f"{question['deadline']}. {question['deadline_basis']}"
    if question["condition"] is not None:
        parent = _one(each for each in found["questions"] if each["question"] == question["condition"])
        needs = f"{question['condition_outcome']} to `{parent['question']}`: {parent['title']}"
        yield "only if", f"{needs} (it is {parent['outcome']})"
    steps = [step for step in found["resolutions"] if step["question"] == question["question"]]
    yield "came out", f"{question['outcome']}{_occurred(steps[-1])}; {_known(steps[-1])}"
    yield "score", _score(found, row)


def _basis(forecast: Record) -> str:
    words = BASIS_WORDS[forecast["basis"]]
    if forecast["basis"] == "lexicon":
        return f"{words}: '{forecast['phrase']}' in {forecast['lexicon']} {forecast['lexicon_version']}"
    return f"{words}. {forecast['reason']}" if forecast["reason"] else words


def _criterion(criterion: Record) -> str:
    """Return a criterion in a few words: which rows of the event table, of whom, or that a person rules."""
    match criterion["type"]:
        case "all" | "any":
            joined = " and " if criterion["type"] == "all" else " or "
            return joined.join(_criterion(part) for part in criterion["of"])
        case "not":
            return f"not {_criterion(criterion['criterion'])}"
        case "event_before_deadline":
            kinds = " or ".join(f"`{kind}`" for kind in criterion["filter"]["kind"])
            actors = " and ".join(criterion["filter"]["actors"])
            return f"a row {kinds}{f' of {actors}' if actors else ''}"
        case other:
            return "a person rules" if other == "manual" else f"`{other}`"


def _occurred(step: Record) -> str:
    start, end = step["occurred_at"], step["occurred_until"]
    if start is None:
        return ""
    return f", on {start}" if end in (None, start) else f", between {start} and {end}"


def _known(step: Record) -> str:
    told = f"rule `{step['rule']}`: {step['reason'].rstrip('.')}. "
    if step["citation"]:
        told += f"Cited: {step['citation'].rstrip('.')}. "
    told += f"{step['state'].capitalize()} {step['decided_at'][:10]}"
    if step["check"]:
        told += f" at check `{step['check']}`"
    if step["evidence_sha256"]:
        told += f" over the archived bytes `{step['evidence_sha256'][:12]}…`"
    return told


def _score(found: Records, row: Record) -> str:
    scores = {
        score["policy"]: score
        for score in found["scores"]
        if score["forecast"] == row["forecast"] and score["current"]
    }
    if row["outcome"] == "annulled":
        return "none: annulled"
    if "broad" not in scores:
        return f"none: {REASONS[row['excluded_because']]}"
    counts = "counts under both policies" if "strict" in scores else "counts under the broad policy alone"
    return f"{worked(scores['broad'])}; {counts}"


def worked(score: Record) -> str:
    """Return a score as it is computed by hand."""
    return f"({score['probability']:g} - {int(score['outcome'] == 'yes')})² = {score['brier']:g}"


def main() -> None:
    """Write the tables of the tour again."""
    options = argparse.ArgumentParser(description="Write the tables of docs/tour.md again.")
    options.add_argument("--database", default="sqlite:///calledit-demo/calledit.db")
    store = Store(options.parse_args().database, SystemClock())
    try:
        TOUR.write_text(refreshed(TOUR.read_text(encoding="utf-8"), read(store)), encoding="utf-8")
    except CalleditError as error:
        sys.exit(str(error))
    finally:
        store.close()


if __name__ == "__main__":
    main()
