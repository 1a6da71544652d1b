"""The report on one author: every claim with how it came out, and only the numbers the claims can carry.

A report is plain data (`author_report`), so that text, JSON, pages and pictures show the same; the words for
the codes of `policy` and `scoring.gates` live here.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from forecasts.ledger import Ledger, Standing
from forecasts.lexicon import Range, find_phrase
from forecasts.model import PPM, iso
from forecasts.policy import POLICIES, REASONS, Policy
from forecasts.resolving import RULING_RULE
from forecasts.tables import Author, Forecast, Question, Resolution, Statement
from scoring.gates import allowed
from scoring.intervals import gaffke_interval
from scoring.levels import ClusterTable
from scoring.rules import brier_score

Report = dict[str, Any]

SCALE = "Brier score, 0 to 1, lower is better; always saying 50 % scores 0.25"
SECOND_LEXICON = "icd203"
UNINFORMED = 500_000
BASIS_WORDS = {
    "stated": "a number the author stated",
    "lexicon": "words, as readers take them",
    "coder": "our reading; the author gave no number and no graded word",
}


def author_report(ledger: Ledger, slug: str, now: datetime) -> Report:
    """Return the report on an author as of the ledger's revision; `now` says which deadlines have passed."""
    author = ledger.author(slug)
    statements = ledger.said_by(author)
    listed = [statement_entry(ledger, statement) for statement in statements]
    policies = {name: policy_numbers(ledger, author, name) for name in POLICIES}
    return {
        "author": {"slug": author.slug, "name": author.name, "kind": author.kind, "note": author.note},
        "rev": ledger.rev,
        "now": iso(now),
        "replay": replay_note(ledger),
        "scale": SCALE,
        "verdict": verdict(author, policies),
        "funnel": funnel(ledger, statements, now),
        "collections": _collections(ledger, statements),
        "lexicons": _lexicons(ledger, statements),
        "policies": policies,
        "statements": listed,
    }


def replay_note(ledger: Ledger) -> str | None:
    """Return the sentence every view of a replayed registry shows."""
    if ledger.run is None:
        return None
    return (
        f"Replayed: the checks ran under a simulated clock from {ledger.run.starts_at:%Y-%m-%d} "
        f"to {ledger.run.ends_at:%Y-%m-%d}; nothing here was registered before the events."
    )


def funnel(ledger: Ledger, statements: list[Statement], now: datetime) -> dict[str, int]:
    """Count the statements from those found to those scored.

    `matured` are past their deadline; a yes that came early is scored before that.
    """
    shown = [listed[0] for row in statements if (listed := ledger.forecasts_by_statement.get(row.id))]
    counted = [row for row in shown if ledger.standing(row, "broad").excluded_because is None]
    matured = [row for row in counted if ledger.questions[row.question_id].deadline <= now]
    outcomes = Counter(ledger.outcome(row.question_id) for row in counted)
    return {
        "statements": len(statements),
        "uncheckable": sum(row.checkability == "no" for row in statements),
        "with_forecast": len(shown),
        "not_counted": len(shown) - len(counted),
        "counted": len(counted),
        "conditional": sum(_is_conditional(ledger, row) for row in counted),
        "condition_met": sum(_condition_met(ledger, row) for row in counted),
        "matured": len(matured),
        "open": outcomes["open"],
        "annulled": outcomes["annulled"],
        "ambiguous": outcomes["ambiguous"],
        "scored": sum(ledger.standing(row, "broad").scored for row in shown),
    }


def _is_conditional(ledger: Ledger, forecast: Forecast) -> bool:
    return ledger.questions[forecast.question_id].condition_id is not None


def _condition_met(ledger: Ledger, forecast: Forecast) -> bool:
    question = ledger.questions[forecast.question_id]
    return (
        question.condition_id is not None and ledger.outcome(question.condition_id) == question.condition_outcome
    )


def scored_forecasts(ledger: Ledger, author: Author, name: Policy) -> list[tuple[Forecast, Question, int]]:
    """Return the author's forecasts that count and are resolved, with question and outcome (1 for yes)."""
    found = []
    for listed in ledger.standing_by_question.values():
        for forecast in listed:
            if forecast.author_id == author.id and ledger.standing(forecast, name).scored:
                question = ledger.questions[forecast.question_id]
                found.append((forecast, question, int(ledger.outcome(question.id) == "yes")))
    return sorted(found, key=lambda item: item[0].public_id)


def policy_numbers(ledger: Ledger, author: Author, name: Policy) -> dict[str, Any]:
    """Return what one policy computes of an author; what the number of clusters cannot carry is None."""
    found = scored_forecasts(ledger, author, name)
    by_basis = Counter(forecast.basis for forecast, _, _ in found)
    numbers: dict[str, Any] = {
        "scored": len(found),
        "clusters": len({question.cluster for _, question, _ in found}),
        "brier": None,
        "brier_best": None,
        "brier_worst": None,
        "by_basis": {basis: by_basis[basis] for basis in BASIS_WORDS},
        "brier_over_clusters": None,
        "interval": None,
        "base_rate": None,
        "retrospective": sum(question.retrospective for _, question, _ in found),
        "reference": None,
        "second_lexicon": None,
    }
    if not found:
        return numbers
    y = [outcome for _, _, outcome in found]
    p_ppm = [_ppm(forecast.probability_ppm) for forecast, _, _ in found]
    clusters = [question.cluster for _, question, _ in found]
    table = ClusterTable.from_arrays([author.slug] * len(y), y, p_ppm, cluster=clusters)
    brier = _brier(y, p_ppm)
    ends = [(_ppm(forecast.low_ppm), _ppm(forecast.high_ppm)) for forecast, _, _ in found]
    reference = [UNINFORMED if (ppm := question.reference_ppm) is None else ppm for _, question, _ in found]
    reference_brier = _brier(y, reference)
    numbers |= {
        "brier": brier,
        "brier_best": _brier(y, [pair[outcome] for pair, outcome in zip(ends, y, strict=True)]),
        "brier_worst": _brier(y, [pair[1 - outcome] for pair, outcome in zip(ends, y, strict=True)]),
        "brier_over_clusters": float(table.cluster_means().mean()),
        "base_rate": sum(y) / len(y),
        "reference": {
            "brier": reference_brier,
            "difference": brier - reference_brier,
            "basis": "uninformed (always 50 %)" if set(reference) == {UNINFORMED} else "as registered",
        },
        "second_lexicon": _second_lexicon(ledger, found),
    }
    if "interval" in allowed(numbers["clusters"]).shown:
        interval = gaffke_interval(table.cluster_means())
        numbers["interval"] = [interval.lower, interval.upper]
    return numbers


def _second_lexicon(ledger: Ledger, found: list[tuple[Forecast, Question, int]]) -> dict[str, Any] | None:
    """Return the Brier score of the worded forecasts under the other lexicon, where it defines the phrase."""
    pairs = [(other, outcome) for forecast, _, outcome in found if (other := second_range(ledger, forecast))]
    if not pairs:
        return None
    return {
        "lexicon": SECOND_LEXICON,
        "forecasts": len(pairs),
        "brier": _brier([outcome for _, outcome in pairs], [other.median for other, _ in pairs]),
    }


def second_range(ledger: Ledger, forecast: Forecast) -> Range | None:
    """Return what the second lexicon makes of a worded forecast; None where it defines no such phrase."""
    if forecast.basis != "lexicon" or forecast.phrase is None:
        return None
    lexicons = [row for row in ledger.lexicons.values() if row.key == SECOND_LEXICON]
    found = find_phrase(lexicons[-1].phrases, forecast.phrase) if lexicons else None
    return found.asserting("yes" if forecast.asserts == "yes" else "no") if found else None


def verdict(author: Author, policies: dict[Policy, dict[str, Any]]) -> str:
    """Return the one sentence that is true at this number of claims."""
    broad, strict = policies["broad"], policies["strict"]
    if broad["scored"] == 0:
        return f"Nothing {author.name} said here has been scored yet."
    claims = plural(broad["scored"], "scored claim")
    groups = plural(broad["clusters"], "independent group")
    if allowed(broad["clusters"]).verdict == "too-few":
        return (
            f"Too few to judge: {claims} in {groups}. The mean below is of these claims, not of {author.name}; "
            f"no rank, no curve and no interval follow from it."
        )
    ranked = "may be compared" if strict["scored"] else "no claim counts under the strict policy, so no rank"
    return f"{claims} in {groups}: an interval is shown beside the mean; {ranked}."


def statement_entry(ledger: Ledger, statement: Statement) -> dict[str, Any]:
    """Return one statement with its five facts: who, what, how sure, by when, how it came out and how we know."""
    edition = ledger.editions[statement.edition_id]
    via = ledger.authors[statement.reported_via_id] if statement.reported_via_id else None
    return {
        "id": statement.public_id,
        "article": ledger.articles[edition.article_id].key,
        "article_sha256": edition.sha256,
        "start": statement.start,
        "end": statement.end,
        "part": statement.part,
        "quotation": ledger.quotation(statement),
        "claim": statement.claim,
        "stated_by": ledger.authors[statement.stated_by_id].name,
        "reported_via": via.name if via else None,
        "stated_earliest": iso(statement.stated_earliest),
        "stated_latest": iso(statement.stated_latest),
        "stated_basis": statement.stated_basis,
        "kind": statement.kind,
        "hedge_phrase": statement.hedge_phrase,
        "checkability": statement.checkability,
        "checkability_reason": statement.checkability_reason,
        "forecasts": [forecast_entry(ledger, row) for row in ledger.forecasts_by_statement.get(statement.id, [])],
    }


def forecast_entry(ledger: Ledger, forecast: Forecast) -> dict[str, Any]:
    """Return one forecast with its number and basis, its question, outcome, evidence and score."""
    question = ledger.questions[forecast.question_id]
    lexicon = ledger.lexicons[forecast.lexicon_id] if forecast.lexicon_id else None
    other = second_range(ledger, forecast)
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
        "second_lexicon": {
            "lexicon": SECOND_LEXICON,
            "low": other.low / PPM,
            "probability": other.median / PPM,
            "high": other.high / PPM,
        }
        if other
        else None,
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


def _collections(ledger: Ledger, statements: list[Statement]) -> list[dict[str, Any]]:
    """Return how the articles were chosen, and which articles of each choice the statements stand in."""
    chosen: dict[int, dict[str, str]] = {}
    for row in statements:
        article = ledger.articles[ledger.editions[row.edition_id].article_id]
        chosen.setdefault(article.collection_id, {})[article.key] = article.label
    return [
        {
            "name": (collection := ledger.collections[key]).name,
            "method": collection.method,
            "chosen": collection.chosen,
            "of": collection.of,
            "description": collection.description,
            "articles": [{"key": name, "label": label} for name, label in labels.items()],
        }
        for key, labels in chosen.items()
    ]


def _lexicons(ledger: Ledger, statements: list[Statement]) -> list[dict[str, str]]:
    """Return the lexicons that made or accompany a number here, with source and licence."""
    made = [row for statement in statements for row in ledger.forecasts_by_statement.get(statement.id, [])]
    used = {row.lexicon_id for row in made if row.lexicon_id}
    if any(second_range(ledger, row) for row in made):
        used.add(max(key for key, row in ledger.lexicons.items() if row.key == SECOND_LEXICON))
    return [
        {"title": row.title, "version": row.version, "source": row.source, "licence": row.licence}
        for row in (ledger.lexicons[key] for key in sorted(used))
    ]


def _ppm(value: int | None) -> int:
    if value is None:
        raise AssertionError("a standing forecast has a number")
    return value


def _brier(y: list[int], p_ppm: list[int]) -> float:
    return float(brier_score(y, [ppm / PPM for ppm in p_ppm]))


def _share(ppm: int | None) -> float | None:
    return None if ppm is None else ppm / PPM


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "claim"), plural(2, "claim")
    ('1 claim', '2 claims')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"
