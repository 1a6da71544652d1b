"""Statements and forecasts as plain data: who, what, how sure, by when, how it came out and how we know."""

from typing import Any

from forecasts import disclosures
from forecasts.ledger import Ledger, Standing
from forecasts.measures.wording import readings
from forecasts.model import PPM, iso
from forecasts.policy import POLICIES, REASONS
from forecasts.resolving import RULING_RULE
from forecasts.sentences import BASIS_WORDS
from forecasts.tables import Forecast, Question, Resolution, Statement


def statement_entry(ledger: Ledger, statement: Statement) -> dict[str, Any]:
    """Return one statement with its five facts: who, what, how sure, by when, how it came out and how we know."""
    edition = ledger.editions[statement.edition_id]
    via = ledger.names[statement.reported_via_id] if statement.reported_via_id else None
    return {
        "id": statement.public_id,
        "article": ledger.articles[edition.article_id].key,
        "article_sha256": edition.sha256,
        "start": statement.start,
        "end": statement.end,
        "part": statement.part,
        "quotation": ledger.quotation(statement),
        "claim": ledger.claim(statement),
        "stated_by": ledger.authors[statement.stated_by_id].name,
        "reported_via": via,
        "stated_earliest": iso(statement.stated_earliest),
        "stated_latest": iso(statement.stated_latest),
        "stated_basis": statement.stated_basis,
        "kind": statement.kind,
        "hedge_phrase": statement.hedge_phrase,
        "checkability": statement.checkability,
        "checkability_reason": statement.checkability_reason,
        "second_coding": statement.second_coding,
        "second_coding_note": statement.second_coding_note,
        **disclosures.of_statement(ledger, statement),
        "forecasts": [forecast_entry(ledger, row) for row in ledger.forecasts_by_statement.get(statement.id, [])],
    }


def forecast_entry(ledger: Ledger, forecast: Forecast) -> dict[str, Any]:
    """Return one forecast with its number and basis, its question, outcome, evidence and score."""
    question = ledger.questions[forecast.question_id]
    lexicon = ledger.lexicons[forecast.lexicon_id] if forecast.lexicon_id else None
    standings = {name: ledger.standing(forecast, name) for name in POLICIES}
    return {
        "id": forecast.public_id,
        "change": forecast.change,
        "asserts": forecast.asserts,
        "probability": _share(forecast.probability_ppm),
        "low": _share(forecast.low_ppm),
        "high": _share(forecast.high_ppm),
        "basis": forecast.basis,
        "basis_words": BASIS_WORDS[forecast.basis],
        "reason": forecast.reason,
        "phrase": forecast.phrase,
        "lexicon": f"{lexicon.key} {lexicon.version}" if lexicon else None,
        "readings": [
            {
                "lexicon": f"{other.key} {other.version}",
                "low": read.low / PPM,
                "probability": read.median / PPM,
                "high": read.high / PPM,
            }
            for other, read in readings(ledger, forecast)
            if lexicon is None or other.key != lexicon.key
        ],
        "question": question.public_id,
        "title": question.title,
        "deadline": iso(question.deadline),
        "deadline_basis": question.deadline_basis,
        "cluster": question.cluster,
        "retrospective": question.retrospective,
        "condition": _condition(ledger, question),
        "scores": {name: _score(ledger, question, standings[name]) for name in POLICIES},
        **outcome_entry(ledger, question),
    }


def outcome_entry(ledger: Ledger, question: Question) -> dict[str, Any]:
    """Return how a question came out and how that is known."""
    step = ledger.step(question.id)
    confirmed = step is not None and step.state == "confirmed"
    check = ledger.checks[step.check_id] if step is not None and step.check_id else None
    by_seed = _founding(ledger, question, step)
    return {
        "state": "open" if step is None or step.state == "reopened" else step.state,
        "outcome": ledger.outcome(question.id),
        "occurred_at": iso(step.occurred_at) if confirmed and step and step.occurred_at else None,
        "occurred_until": iso(step.occurred_until) if confirmed and step and step.occurred_until else None,
        "resolution": step.public_id if step else None,
        "rule": step.rule if step else None,
        "how": _how(step, by_seed=by_seed),
        "why": step.reason if step else None,
        "citation": step.citation if step else None,
        "check": check.public_id if check else None,
        "evidence_sha256": step.evidence_sha256 if step else None,
        "evidence_redacted": ledger.redacted("evidence", step.evidence_sha256) if step else None,
        "founding_ruling": by_seed,
    }


def _founding(ledger: Ledger, question: Question, step: Resolution | None) -> bool:
    """Whether a question stands as a founding ruling decided it: proposed by the seed, not ruled on since."""
    proposals = [past for past in ledger.steps.get(question.id, []) if past.state == "proposed"]
    return (
        step is not None
        and step.rule == RULING_RULE
        and step.state in ("proposed", "confirmed")
        and ledger.actors[proposals[-1].actor_id].kind == "seed"
    )


def _how(step: Resolution | None, *, by_seed: bool) -> str:
    if step is None or step.state == "reopened":
        return "no sound check has decided it yet"
    if by_seed:
        return "founding ruling, not independently reviewed"
    ways = {"condition": "by its condition", "ruling": "by a named person", "second-ruling": "by a second ruling"}
    return ways.get(
        step.rule, "by hand" if step.rule == "annulment" else "by the criterion, over archived evidence"
    )


def _score(ledger: Ledger, question: Question, standing: Standing) -> dict[str, Any]:
    """Return whether it counts under one policy, and the score or the reason there is none."""
    if standing.brier_e12 is not None:
        return {"counts": True, "brier": standing.brier_e12 / 1e12, "reason": None}
    if standing.excluded_because is not None:
        return {"counts": False, "brier": None, "reason": REASONS[standing.excluded_because]}
    words = {
        "open": "the question is still open",
        "annulled": "the question was annulled",
        "ambiguous": "the outcome is ambiguous",
    }
    return {"counts": True, "brier": None, "reason": words[ledger.outcome(question.id)]}


def _condition(ledger: Ledger, question: Question) -> dict[str, str] | None:
    if question.condition_id is None:
        return None
    parent = ledger.questions[question.condition_id]
    return {
        "question": parent.public_id,
        "title": parent.title,
        "needs": str(question.condition_outcome),
        "outcome": ledger.outcome(parent.id),
    }


def _share(ppm: int | None) -> float | None:
    return None if ppm is None else ppm / PPM
