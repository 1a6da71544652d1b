"""One article: what is known of it and on what basis, its text with the spans of its statements, and these."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from forecasts.errors import NotFoundError
from forecasts.ledger import Ledger
from forecasts.model import iso
from forecasts.tables import Article, Edition, Statement
from forecasts.web.lists import PAGE, page_of
from forecasts.web.views import View, named, notes, statement_of

# Characters of a text on one page; it is cut at the end of a line, or else between two words.
MOST_CHARACTERS = 12_000

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """Which text is shown: the edition whose sha256 begins so, and which part of a long one."""

    edition: str = ""
    part: str = "1"


@dataclass(frozen=True, slots=True)
class _Marked:
    """A statement in a text: its span, its place in the list of statements, and its public id."""

    start: int
    end: int
    number: int
    id: str

    @property
    def page(self) -> int:
        """The page of the list on which it stands."""
        return (self.number - 1) // PAGE + 1


def article_view(ledger: Ledger, key: str, asked: Passage | None = None, *, page: int = 1) -> View:
    """Return an article with what is known of it, the part of its text asked for, and a page of its statements.

    Raises `NotFoundError` for an article, an edition, a part or a page there is not.
    """
    asked = asked or Passage()
    article = ledger.article(key)
    editions = sorted((row for row in ledger.editions.values() if row.article_id == article.id), key=_order)
    statements = [row for edition in editions for row in ledger.statements_by_edition.get(edition.id, [])]
    shown = _edition(ledger, editions, asked.edition)
    text = None if shown is None else _text(ledger, shown, statements, asked.part)
    return {
        **notes(ledger),
        "key": article.key,
        "label": article.label,
        "asked": _asked(asked, text),
        "facts": [
            *_facts(ledger, article),
            *(row for edition in editions for row in _of_edition(ledger, edition)),
        ],
        "records": _records(ledger, statements),
        "editions": [row.sha256 for row in editions if ledger.text(row) is not None],
        "text": text,
        "statements": page_of(statements, page, lambda row: _listed(ledger, row, shown)),
    }


def _order(edition: Edition) -> tuple[bool, str, str]:
    captured = edition.captured_at
    return (captured is None, iso(captured) if captured else "", edition.sha256)


def _asked(asked: Passage, text: View | None) -> dict[str, str]:
    """Return what the address names of the text, without what it would show anyway."""
    if text is None:
        return {}
    named_edition = {"edition": text["sha256"]} if asked.edition else {}
    return named_edition | ({"part": str(text["part"])} if text["part"] > 1 else {})


# -- what is known of it -----------------------------------------------------------------------------------------


def _facts(ledger: Ledger, article: Article) -> Iterator[View]:
    """Yield what is known of an article, each fact with its basis."""
    registered = _registered(ledger, article.rev)
    collection = ledger.collections[article.collection_id]
    size = f" ({collection.chosen} of {collection.of})" if collection.chosen and collection.of else ""
    never = " A hand-picked collection is never ranked." if collection.method == "hand-picked" else ""
    yield _fact("Key", article.key, registered)
    yield _fact("Outlet", article.outlet, registered if article.outlet else "Nobody has recorded it.")
    yield _fact("Published", None, article.date_basis, _stretch(article))
    yield _fact(
        "How it was chosen",
        f"{collection.name}: {collection.method}{size}",
        f"{collection.description}{never} {_registered(ledger, collection.rev)}",
    )


def _of_edition(ledger: Ledger, edition: Edition) -> Iterator[View]:
    registered = _registered(ledger, edition.rev)
    redacted = ledger.redacted("copy", edition.sha256)
    if ledger.text(edition) is not None:
        basis = "Computed from the text, of which a copy is attached."
    elif redacted:
        basis = f"Computed from the text; its copy was {redacted}."
    else:
        basis = f"{registered} No copy of the text is attached, so nothing here was held against it."
    yield _fact("Edition", f"sha256 {edition.sha256}, {edition.characters} characters", basis)
    if edition.url:
        yield _fact("Address", None, f"{registered} It is not asked again.", url=edition.url)
    if edition.captured_at:
        yield _fact("Captured", None, registered, {"from": iso(edition.captured_at), "to": None})


def _fact(
    name: str, value: str | None, basis: str, when: View | None = None, *, url: str | None = None
) -> dict[str, Any]:
    return {"name": name, "value": value, "when": when, "url": url, "basis": basis.strip()}


def _stretch(article: Article) -> View:
    start, end = article.published_earliest, article.published_latest
    return {"from": iso(start), "to": None if start == end else iso(end)}


def _registered(ledger: Ledger, rev: int) -> str:
    revision = ledger.revisions[rev]
    at = revision.simulated_at or revision.recorded_at
    return f"As registered by {ledger.actors[revision.actor_id].name} on {at.day} {at:%B %Y}."


def _records(ledger: Ledger, statements: list[Statement]) -> list[View]:
    """Return where the records in an article stand, with the authors of whom the same is to be said."""
    by_author = {row.stated_by_id: row for row in statements}
    found: dict[str, list[View]] = {}
    for key, row in sorted(by_author.items(), key=lambda item: ledger.authors[item[0]].slug):
        found.setdefault(ledger.note(row), []).append(named(ledger.authors[key]))
    return [{"note": note, "authors": authors} for note, authors in found.items()]


# -- its text ----------------------------------------------------------------------------------------------------


def _edition(ledger: Ledger, editions: Sequence[Edition], sha256: str) -> Edition | None:
    """Return the edition whose text is shown: the one asked for, else the first that has a copy and statements."""
    readable = [row for row in editions if ledger.text(row) is not None]
    if sha256:
        found = [row for row in readable if row.sha256.startswith(sha256)]
        if len(found) != 1:
            raise NotFoundError(f"No text of an edition {sha256[:64]!r} is attached to this article.")
        return found[0]
    spoken = [row for row in readable if row.id in ledger.statements_by_edition]
    return next(iter(spoken or readable), None)


def _text(ledger: Ledger, edition: Edition, statements: list[Statement], part: str) -> View:
    """Return one part of a text in pieces: plain, blanked, or marked with the statements it belongs to."""
    text = ledger.text(edition) or ""
    cuts = [*cut(text), len(text)]
    parts = page_of(cuts[:-1], _part(part), size=1, name="part")
    start, end = cuts[parts["page"] - 1], cuts[parts["page"]]
    marked = [
        _Marked(row.start, row.end, number, row.public_id)
        for number, row in enumerate(statements, 1)
        if row.edition_id == edition.id and not ledger.redacted("statement", row.public_id)
    ]
    return {
        "sha256": edition.sha256,
        "part": parts["page"],
        "parts": parts,
        "characters": edition.characters,
        "pieces": list(_pieces(text, (start, end), marked, ledger.blanked(edition))),
    }


def _part(part: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,8}", part):
        raise NotFoundError(f"There is no part {part[:20]!r}: the parts of a text count from 1.")
    return int(part)


def cut(text: str) -> list[int]:
    """Return where the parts of a text begin; each has at most `MOST_CHARACTERS`.

    >>> cut("a line\\n" * 2), len(cut("word " * 5_000))
    ([0], 3)
    """
    starts = [0]
    while len(text) - starts[-1] > MOST_CHARACTERS:
        piece = text[starts[-1] : starts[-1] + MOST_CHARACTERS]
        half = MOST_CHARACTERS // 2
        ends = [found.end() for found in re.finditer(r"\n+", piece[half:])] or [
            found.end() for found in re.finditer(r"\s+", piece[half:])
        ]
        starts.append(starts[-1] + (half + ends[-1] if ends else MOST_CHARACTERS))
    return starts


def _pieces(text: str, part: Span, marked: list[_Marked], blanked: list[Span]) -> Iterator[View]:
    """Yield the pieces of a part, cut wherever a span begins or ends: spans may nest and overlap.

    A piece that belongs to several statements leads to the one with the shortest span; where a span begins, or
    goes on from the part before, its number stands.
    """
    start, end = part
    inside = [span for span in marked if span.start < end and start < span.end]
    ends = {edge for span in inside for edge in (span.start, span.end)}
    ends |= {edge for span in blanked for edge in span}
    edges = sorted({start, end, *(edge for edge in ends if start < edge < end)})
    dark = _joined(blanked)
    for here, there in pairwise(edges):
        over = [span for span in inside if span.start <= here < span.end]
        begins = [span for span in over if max(span.start, start) == here]
        hidden = _covers(dark, here)
        innermost = min(over, key=lambda span: (span.end - span.start, span.number), default=None)
        yield {
            "text": None if hidden else text[here:there],
            "leads_to": None if innermost is None else _link(innermost),
            "depth": min(len({(span.start, span.end) for span in over}), 3),
            "begins": [_link(span) for span in begins],
        }


def _link(span: _Marked) -> View:
    return {"id": span.id, "number": span.number, "page": span.page}


def _joined(spans: list[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _covers(spans: list[Span], place: int) -> bool:
    before = bisect_right(spans, place, key=lambda span: span[0]) - 1
    return before >= 0 and place < spans[before][1]


def _listed(ledger: Ledger, statement: Statement, shown: Edition | None) -> View:
    """Return a statement of the list, with the part of the text shown in which it begins."""
    part = None
    if shown is not None and statement.edition_id == shown.id:
        starts = ledger.remember(("parts", shown.id), lambda: cut(ledger.text(shown) or ""))
        part = bisect_right(starts, statement.start)
    return statement_of(ledger, statement) | {"part_of_text": part}
