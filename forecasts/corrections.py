"""The correction log: who changed what we say, from what to what, why and when.

It holds corrected statements and forecasts, outcomes reopened, disputed, ruled on again or annulled by hand,
redactions, moves of publication, and newer versions of lexicons (what adopting one changes stands there as
forecasts).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from forecasts import correcting, publishing, redacting, resolving
from forecasts.ledger import HIDDEN, Ledger
from forecasts.model import PPM, iso
from forecasts.tables import Author, Forecast, Lexicon, Publication, Redaction, Resolution, Statement

Entry = dict[str, Any]
_FORECAST_FIELDS = ("asserts", "probability_ppm", "low_ppm", "high_ppm", "basis", "phrase", "lexicon_id")


def correction_log(ledger: Ledger, author: Author | None = None) -> list[Entry]:
    """Return every correction up to the ledger's revision, the oldest first; of one author, what concerns them."""
    found = ledger.remember("correction log", lambda: _whole_log(ledger))
    return [entry for entry in found if author is None or author.slug in entry["authors"]]


def _whole_log(ledger: Ledger) -> list[Entry]:
    found = [
        *_statements(ledger),
        *_forecasts(ledger),
        *_resolutions(ledger),
        *_redactions(ledger),
        *_publications(ledger),
        *_lexicons(ledger),
    ]
    return sorted(found, key=lambda entry: (entry["rev"], entry["kind"], entry["subject"]))


def _entry(ledger: Ledger, kind: str, subject: str, rev: int, **fields: Any) -> Entry:
    revision = ledger.revisions[rev]
    actor = ledger.actors[revision.actor_id]
    return {
        "kind": kind,
        "subject": subject,
        "authors": sorted(fields.pop("authors")),
        "what": fields.pop("what"),
        "before": fields.pop("before"),
        "after": fields.pop("after"),
        "reason": fields.pop("reason"),
        "publication": fields.pop("publication"),
        "actor": actor.name,
        "actor_kind": actor.kind,
        "at": iso(revision.simulated_at or revision.recorded_at),
        "recorded_at": iso(revision.recorded_at),
        "rev": rev,
    }


def _statements(ledger: Ledger) -> Iterator[Entry]:
    for row in ledger.every_statement.values():
        new = ledger.superseded_by.get(row.id)
        if new is None:
            continue
        public = new.id in ledger.every_statement
        changed = [name for name in correcting.FIELDS if getattr(row, name) != getattr(new, name)]
        slugs = {
            ledger.authors[statement.stated_by_id].slug for statement in (row, new) if public or statement is row
        }
        yield _entry(
            ledger,
            "statement",
            row.public_id,
            new.rev,
            authors=slugs,
            what=f"Statement {row.public_id} was corrected; it is {new.public_id if public else HIDDEN} now",
            before={_plain(name): _value(ledger, row, name) for name in changed},
            after={_plain(name): _value(ledger, new, name) if public else HIDDEN for name in changed},
            reason=ledger.correction_reason(new),
            publication=min(
                (ledger.label(statement) for statement in (row, new) if public or statement is row),
                key=publishing.LABELS.index,
            ),
        )


def _plain(name: str) -> str:
    return name.removesuffix("_id").removesuffix("_ppm")


def _value(ledger: Ledger, row: Statement, name: str) -> Any:
    value = getattr(row, name)
    if name == "claim":
        return ledger.claim(row)
    if name in ("stated_by_id", "reported_via_id"):
        return ledger.names[value] if value else None
    return iso(value) if name in ("stated_earliest", "stated_latest") else value


def _forecasts(ledger: Ledger) -> Iterator[Entry]:
    """Yield corrected numbers; a forecast that only moved with its statement is told with that."""
    for row in ledger.forecasts.values():
        before = ledger.forecasts.get(row.supersedes_id or 0)
        if row.change != "correction" or before is None or before.statement_id != row.statement_id:
            continue
        changed = [name for name in _FORECAST_FIELDS if getattr(row, name) != getattr(before, name)]
        yield _entry(
            ledger,
            "forecast",
            before.public_id,
            row.rev,
            authors={ledger.authors[row.author_id].slug},
            what=f"Forecast {before.public_id} was corrected; it is {row.public_id} now",
            before={_plain(name): _number(ledger, before, name) for name in changed},
            after={_plain(name): _number(ledger, row, name) for name in changed},
            reason=row.reason,
            publication=ledger.label(ledger.every_statement[row.statement_id]),
        )


def _number(ledger: Ledger, row: Forecast, name: str) -> Any:
    value = getattr(row, name)
    if name == "lexicon_id" and value:
        return _version(ledger.lexicons[value])
    return value / PPM if name.endswith("_ppm") and value is not None else value


def _resolutions(ledger: Ledger) -> Iterator[Entry]:
    for steps in ledger.steps.values():
        before: Resolution | None = None
        for step in steps:
            told = resolving.correction_in(step)
            if told is not None:
                question = ledger.questions[step.question_id]
                yield _entry(
                    ledger,
                    "resolution",
                    step.public_id,
                    step.rev,
                    authors=_scored_by(ledger, {question.id}),
                    what=f"{told}: {question.title}",
                    before=_outcome(before),
                    after=_outcome(step),
                    reason=step.reason,
                    publication=ledger.label_of_question(question.id),
                )
            before = step


def _outcome(step: Resolution | None) -> Entry:
    return {"state": step.state if step else "open", "outcome": step.outcome if step else None}


def _scored_by(ledger: Ledger, questions: set[int]) -> set[str]:
    """Return who has forecasts on any of these questions."""
    rows = (row for row in ledger.forecasts.values() if row.question_id in questions)
    return {ledger.authors[row.author_id].slug for row in rows}


def _redactions(ledger: Ledger) -> Iterator[Entry]:
    for row in ledger.redactions.values():
        concerned = _concerned(ledger, row)
        if concerned is not None:
            yield _entry(
                ledger,
                "redaction",
                row.target,
                row.rev,
                authors=concerned,
                what=f"{row.kind.capitalize()} {row.target} was redacted",
                before={"sha256": row.sha256},
                after={"sha256": None},
                reason=row.reason,
                publication=_label(ledger, row),
            )


def _label(ledger: Ledger, row: Redaction) -> str:
    """Return where what was redacted stands: the most public label of what it hangs on."""
    if row.kind == "evidence":
        steps = (step for step in ledger.resolutions.values() if step.evidence_sha256 == row.target)
        checks = (check for check in ledger.checks.values() if check.evidence_sha256 == row.target)
        labels = [ledger.label_of_question(step.question_id) for step in steps]
        labels += [ledger.label_of_resource(check.resource_id) for check in checks]
        return max(labels, key=publishing.LABELS.index, default="draft")
    statements: list[Statement] = []
    if row.kind == "copy":
        for edition in (found for found in ledger.editions.values() if found.sha256 == row.target):
            statements += ledger.statements_by_edition.get(edition.id, [])
    elif row.kind == "reply":
        for reply in (found for found in ledger.replies.values() if found.public_id == row.target):
            on = ledger.every_statement.get(reply.statement_id or 0)
            statements += [on] if on else ledger.said_by(ledger.authors[reply.author_id])
    else:
        statements = [found for found in ledger.every_statement.values() if found.public_id == row.target]
    return ledger.label_of_all(statements)


def _concerned(ledger: Ledger, row: Redaction) -> set[str] | None:
    """Return the authors a redaction concerns; None where what was redacted is not in the ledger."""
    if row.kind == "evidence":
        if row.target not in ledger.evidence:
            return None
        steps = (step for step in ledger.resolutions.values() if step.evidence_sha256 == row.target)
        return _scored_by(ledger, {step.question_id for step in steps})
    authors: Iterable[int]
    if row.kind == "copy":
        editions = {edition.id for edition in ledger.editions.values() if edition.sha256 == row.target}
        if not editions:
            return None
        authors = {found.stated_by_id for found in ledger.statements.values() if found.edition_id in editions}
    elif row.kind == "reply":
        authors = [found.author_id for found in ledger.replies.values() if found.public_id == row.target]
    else:
        authors = [
            found.stated_by_id
            for found in ledger.every_statement.values()
            if row.target in (found.public_id, redacting.hedge_of(found))
        ]
    slugs = {ledger.authors[key].slug for key in authors}
    return slugs or (None if row.kind != "copy" else slugs)


def _publications(ledger: Ledger) -> Iterator[Entry]:
    last: dict[tuple[int, int], Publication] = {}
    for row in sorted(ledger.publications.values(), key=lambda row: row.rev):
        before = last.get((row.article_id, row.author_id))
        last[row.article_id, row.author_id] = row
        slug = ledger.authors[row.author_id].slug
        words = {"draft": "taken back from publication", "notified": "notified", "published": "published"}
        why = row.reason
        if row.state == "published" and row.notice is None:
            why = f"no notice sent: {row.reason}"
        yield _entry(
            ledger,
            "publication",
            f"{slug} in {ledger.articles[row.article_id].key}",
            row.rev,
            authors={slug},
            what=f"The record of {slug} in {ledger.articles[row.article_id].key} was {words[row.state]}",
            before={"state": before.state if before else "draft"},
            after={
                "state": row.state,
                "public_from": iso(row.public_from) if row.public_from else None,
                "notice": row.notice,
            },
            reason=why,
            publication=ledger.label_of_record(row.article_id, row.author_id),
        )


def _lexicons(ledger: Ledger) -> Iterator[Entry]:
    """Yield each later version of a lexicon; it concerns whoever speaks in graded words."""
    worded = {ledger.authors[row.author_id].slug for row in ledger.forecasts.values() if row.phrase is not None}
    last: dict[str, Lexicon] = {}
    for row in ledger.lexicons.values():
        before = last.get(row.key)
        last[row.key] = row
        if before is None:
            continue
        yield _entry(
            ledger,
            "lexicon",
            _version(row),
            row.rev,
            authors=worded,
            what=f"Lexicon {_version(row)} was registered: {row.title}",
            before={"version": before.version},
            after={"version": row.version},
            reason=None,
            publication=None,
        )


def _version(row: Lexicon) -> str:
    return f"{row.key} {row.version}"


def told_in_words(entry: Entry) -> str:
    """Return one entry as a line: when, who, what, from what to what, why."""
    before, after = entry["before"], entry["after"]
    changes = "; ".join(
        f"{name.replace('_', ' ')}: {_shown(before.get(name))} -> {_shown(value)}"
        for name, value in after.items()
        if name in before or value is not None
    )
    reason = f" Why: {entry['reason'].rstrip('.')}." if entry["reason"] else ""
    label = entry["publication"]
    draft = "" if label is None or label.startswith("published") else f" [{label}: not public]"
    told = f"{entry['at']} (rev {entry['rev']}), {entry['actor']}: {entry['what'].rstrip('.')}"
    return f"{told} ({changes}).{reason}{draft}"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
