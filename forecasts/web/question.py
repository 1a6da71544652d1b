"""What the page of one question shows: its criteria, what hangs on what, every forecast, check and correction."""

from collections.abc import Iterable, Mapping
from typing import Any

from forecasts.corrections import correction_log
from forecasts.entries import forecast_entry, outcome_entry
from forecasts.errors import InvalidInputError
from forecasts.exchange.export import check_record, question_record, resolution_record
from forecasts.ledger import Ledger
from forecasts.model import iso
from forecasts.tables import Check, Forecast, Question, Verdict
from forecasts.web.lists import page_of
from forecasts.web.sources import checks_of, resource_link
from forecasts.web.views import View, find, named, notes

SHOWN = ("changes", "all")


def question_view(
    ledger: Ledger, public_id: str, *, page: int = 1, forecasts: int = 1, checks: str = "changes"
) -> View:
    """Return one question with all that hangs on it, from its criteria to its correction log.

    Of `checks`, "changes" shows the first, the last and those at which something changed, "all" every one.
    Raises `InvalidInputError` for another word and `NotFoundError` for a page there is not.
    """
    if checks not in SHOWN:
        raise InvalidInputError(f"checks is {' or '.join(SHOWN)}, not {checks[:40]!r}.")
    question = find(ledger, "questions", "question", public_id)
    timeline = _timeline(ledger, question)
    told = [row for row in timeline if checks == "all" or row["marks"]][::-1]
    return {
        **notes(ledger),
        "path": f"/questions/{public_id}",
        "question": question_record(ledger, question),
        "result": outcome_entry(ledger, question),
        "tree": _tree(ledger, question),
        "forecasts": page_of(
            ledger.standing_by_question.get(question.id, []),
            forecasts,
            lambda row: _forecast(ledger, row),
            name="forecasts",
        ),
        "steps": [resolution_record(ledger, step) for step in ledger.steps.get(question.id, [])],
        "resources": [_resource(ledger, key) for key in ledger.reads[question.id]],
        "shown": checks,
        "made": len(timeline),
        "changes": sum(bool(row["marks"]) for row in timeline),
        "checks": page_of(told, page, lambda row: _check(ledger, row)),
        "corrections": _corrections(ledger, question),
    }


def _forecast(ledger: Ledger, row: Forecast) -> View:
    """Return a standing forecast, with who made it and where."""
    statement = ledger.statements[row.statement_id]
    return forecast_entry(ledger, row) | {
        "author": named(ledger.authors[row.author_id]),
        "stated_at": iso(row.stated_at),
        "statement": statement.public_id,
        "label": ledger.label(statement),
    }


# -- what hangs on what --------------------------------------------------------------------------------------


def _tree(ledger: Ledger, question: Question) -> View | None:
    """Return the root of the conditions above a question, with all that hangs on it; None where nothing does."""
    children = _children(ledger)
    above = [question]
    while above[-1].condition_id is not None:
        above.append(ledger.questions[above[-1].condition_id])
    if len(above) == 1 and question.id not in children:
        return None
    node = _node(ledger, question) | {
        "is_this": True,
        "dependents": [_below(ledger, row, children) for row in children.get(question.id, [])],
    }
    for parent in above[1:]:
        node = _node(ledger, parent) | {"dependents": [node]}
    return node


def _below(ledger: Ledger, question: Question, children: Mapping[int, list[Question]]) -> View:
    below = [_below(ledger, row, children) for row in children.get(question.id, [])]
    return _node(ledger, question) | {"dependents": below}


def _children(ledger: Ledger) -> Mapping[int, list[Question]]:
    def make() -> dict[int, list[Question]]:
        found: dict[int, list[Question]] = {}
        for row in sorted(ledger.questions.values(), key=lambda row: row.public_id):
            if row.condition_id is not None:
                found.setdefault(row.condition_id, []).append(row)
        return found

    return ledger.remember("questions by condition", make)


def _node(ledger: Ledger, question: Question) -> View:
    return {
        "question": question.public_id,
        "title": question.title,
        "needs": question.condition_outcome,
        "deadline": iso(question.deadline),
        "outcome": ledger.outcome(question.id),
        "is_this": False,
    }


# -- check by check ------------------------------------------------------------------------------------------


def _timeline(ledger: Ledger, question: Question) -> list[View]:
    """Return the checks of what a question reads since it was registered, in order, each with what it changed.

    `marks` are those of the first and the last check, of one at which the criterion said something new, and of
    one that something was decided on. `verdict` is what the criterion said last, up to and with the check.
    """
    checks = sorted(
        (row for key in ledger.reads[question.id] for row in checks_of(ledger, key) if row.rev >= question.rev),
        key=lambda row: row.id,
    )
    said = {row.check_id: row for row in _verdicts(ledger).get(question.id, [])}
    steps = ledger.steps.get(question.id, [])
    decided = {step.check_id: f"{step.state} {step.outcome or ''}".strip() for step in steps}
    found: list[View] = []
    latest: Verdict | None = None
    for number, check in enumerate(checks):
        latest = said.get(check.id, latest)
        marks = [
            *(["first"] if number == 0 else []),
            *(["last"] if number == len(checks) - 1 else []),
            *(["new verdict"] if check.id in said else []),
            *([decided[check.id]] if check.id in decided else []),
        ]
        found.append({"check": check, "verdict": latest, "new": check.id in said, "marks": marks})
    return found


def _check(ledger: Ledger, row: View) -> View:
    check: Check = row["check"]
    verdict: Verdict | None = row["verdict"]
    said = (
        {"value": verdict.value, "reason": verdict.reason, "needs_person": verdict.needs_person}
        if verdict
        else None
    )
    return check_record(ledger, check) | {"marks": row["marks"], "new": row["new"], "verdict": said}


def _verdicts(ledger: Ledger) -> Mapping[int, list[Verdict]]:
    def make() -> dict[int, list[Verdict]]:
        found: dict[int, list[Verdict]] = {}
        for row in ledger.verdicts.values():
            found.setdefault(row.question_id, []).append(row)
        return found

    return ledger.remember("verdicts by question", make)


def _resource(ledger: Ledger, key: int) -> View:
    """Return a resource that a question reads, with the latest check of it."""
    checks = checks_of(ledger, key)
    latest = check_record(ledger, checks[-1]) if checks else None
    return resource_link(ledger.resources[key]) | {"checks": len(checks), "latest": latest}


# -- corrections ---------------------------------------------------------------------------------------------


def _corrections(ledger: Ledger, question: Question) -> list[dict[str, Any]]:
    """Return what was corrected of a question: its outcome, the forecasts on it, and what they were read from."""
    forecasts = _ever_on(ledger).get(question.id, [])
    subjects: set[str | None] = {step.public_id for step in ledger.steps.get(question.id, [])}
    subjects |= {step.evidence_sha256 for step in ledger.steps.get(question.id, [])}
    subjects |= {row.public_id for row in forecasts}
    subjects |= {ledger.every_statement[row.statement_id].public_id for row in forecasts}
    log = ledger.remember("corrections by subject", lambda: _by_subject(correction_log(ledger)))
    found = [entry for subject in subjects - {None} for entry in log.get(str(subject), [])]
    return sorted(found, key=lambda entry: (entry["rev"], entry["kind"], entry["subject"]), reverse=True)


def _ever_on(ledger: Ledger) -> Mapping[int, list[Forecast]]:
    def make() -> dict[int, list[Forecast]]:
        found: dict[int, list[Forecast]] = {}
        for row in ledger.forecasts.values():
            found.setdefault(row.question_id, []).append(row)
        return found

    return ledger.remember("forecasts ever on a question", make)


def _by_subject(log: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in log:
        found.setdefault(entry["subject"], []).append(entry)
    return found
