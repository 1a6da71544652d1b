"""What is new in public, as an Atom feed (RFC 4287): what came out, what was corrected or published, and replies.

An entry is told by what it is and not by where it is: its id stays the same when the site moves. It is made of the
first write of the registry, which no other registry shares, and of the record it tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from forecasts.corrections import correction_log, told_in_words
from forecasts.ledger import Ledger
from forecasts.model import iso
from forecasts.tables import Author, Resolution
from forecasts.web.lists import PAGE
from forecasts.web.views import View

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_OUTCOMES = {
    "yes": "Came out yes",
    "no": "Came out no",
    "ambiguous": "Came out ambiguous",
    "annulled": "Annulled",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of news: `record` names what it tells, `path` the page to read on."""

    record: str
    at: datetime
    title: str
    text: str
    path: str


def feed_view(ledger: Ledger, slug: str | None = None, *, address: str, size: int = PAGE) -> View:
    """Return the newest entries of all, or of what concerns one author; `address` is where the public finds us.

    The ledger must be one without drafts. Raises `NotFoundError` for an author of whom nothing is public.
    """
    if ledger.include_drafts:
        raise ValueError("a feed is read from a ledger without drafts")
    author = None if slug is None else ledger.author(slug)
    entries = sorted(_entries(ledger, author), key=lambda entry: (entry.at, entry.record), reverse=True)[:size]
    path = "/" if author is None else f"/authors/{author.slug}"
    return {
        "id": _urn(ledger, f"feed {path}"),
        "title": "calledit: what is new" if author is None else f"calledit: {author.name}",
        "updated": iso(max((entry.at for entry in entries), default=_NEVER)),
        "link": address + path,
        "here": address + ("/feed.atom" if author is None else f"{path}/feed.atom"),
        "entries": [
            {
                "id": _urn(ledger, entry.record),
                "updated": iso(entry.at),
                "title": entry.title,
                "text": entry.text,
                "link": address + entry.path,
            }
            for entry in entries
        ],
    }


def _urn(ledger: Ledger, record: str) -> str:
    first = ledger.revisions.get(1)
    return uuid5(NAMESPACE_URL, f"calledit {first.recorded_at.isoformat() if first else ''} {record}").urn


def _entries(ledger: Ledger, author: Author | None) -> Iterator[Entry]:
    yield from _outcomes(ledger, author)
    yield from _corrections(ledger, author)
    yield from _replies(ledger, author)


def _outcomes(ledger: Ledger, author: Author | None) -> Iterator[Entry]:
    for step in ledger.resolutions.values():
        names = {row.author_id for row in ledger.standing_by_question.get(step.question_id, [])}
        if step.state != "confirmed" or (author is not None and author.id not in names):
            continue
        question = ledger.questions[step.question_id]
        who = sorted(ledger.names[key] for key in names)
        text = f"{step.reason.rstrip('.')}." + (f" Forecasts by {', '.join(who)}." if who else "")
        label = ledger.label_of_question(question.id)
        if label != "published":
            text += f" ({label[0].upper()}{label[1:]}.)"
        yield Entry(
            f"resolution {step.public_id}",
            _at(ledger, step.rev),
            f"{_OUTCOMES[str(step.outcome)]}: {question.title}",
            text,
            f"/questions/{question.public_id}#{step.public_id}",
        )


def _corrections(ledger: Ledger, author: Author | None) -> Iterator[Entry]:
    steps = {row.public_id: row for row in ledger.resolutions.values()}
    dates = {row.rev: row.public_from for row in ledger.publications.values()}
    for entry in correction_log(ledger, author):
        at = _at(ledger, entry["rev"])
        if entry["kind"] == "publication":
            at = max(at, dates.get(entry["rev"]) or at)
        yield Entry(
            f"{entry['kind']} {entry['subject']} {entry['rev']}",
            at,
            entry["what"],
            told_in_words(entry),
            _path(ledger, entry, steps),
        )


def _path(ledger: Ledger, entry: View, steps: dict[str, Resolution]) -> str:
    if entry["kind"] == "resolution":
        step = steps[entry["subject"]]
        return f"/questions/{ledger.questions[step.question_id].public_id}#{step.public_id}"
    if entry["kind"] == "statement":
        return f"/statements/{entry['subject']}"
    if entry["kind"] == "publication":
        return f"/authors/{entry['authors'][0]}"
    return "/method#words" if entry["kind"] == "lexicon" else "/corrections"


def _replies(ledger: Ledger, author: Author | None) -> Iterator[Entry]:
    for row in ledger.replies.values():
        if author is not None and row.author_id != author.id:
            continue
        by = ledger.authors[row.author_id]
        about = ledger.every_statement[row.statement_id].public_id if row.statement_id else None
        yield Entry(
            f"reply {row.public_id}",
            _at(ledger, row.rev),
            f"Reply by {by.name}",
            ledger.reply_text(row),
            f"/statements/{about}" if about else f"/authors/{by.slug}",
        )


def _at(ledger: Ledger, rev: int) -> datetime:
    revision = ledger.revisions[rev]
    return revision.simulated_at or revision.recorded_at
