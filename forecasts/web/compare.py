"""Authors side by side on the questions they share: who said what, how it came out, and what may be concluded."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from math import comb
from typing import Any

from forecasts import sentences
from forecasts.errors import InvalidInputError, NotFoundError
from forecasts.leaderboard import ALPHA, Board, rankable
from forecasts.ledger import Ledger
from forecasts.measures.policies import reference_numbers
from forecasts.measures.rows import Row, Sample, settled_rows
from forecasts.model import PPM, iso
from forecasts.overview import around, overview
from forecasts.policy import POLICIES, RANKS
from forecasts.tables import Author, Forecast, Question
from forecasts.web.lists import PAGE, page_of
from forecasts.web.views import View, named, notes
from scoring.gates import GATES

FOR_AN_INTERVAL = next(gate.clusters for gate in GATES if "interval" in gate.adds)
#: More pairs than this are not counted to be offered: the form takes any of them.
_MOST_TO_COUNT = 200_000
Usable = tuple[Author, dict[int, Row]]
_BASIS = {"stated": "stated", "lexicon": "worded", "coder": "our reading"}


@dataclass(frozen=True, slots=True)
class Picked:
    """The authors to compare, by slug or by their whole name."""

    a: str = ""
    b: str = ""
    c: str = ""
    d: str = ""

    @property
    def given(self) -> dict[str, str]:
        """Who was named, by field."""
        fields = {"a": self.a, "b": self.b, "c": self.c, "d": self.d}
        return {field: name.strip() for field, name in fields.items() if name.strip()}


def compare_view(ledger: Ledger, board: Board, picked: Picked, now: datetime, *, page: int = 1) -> View:
    """Return the comparison of the authors picked; with fewer than two, whom there is to pick.

    The ledger may be a part of the registry where two are picked. Raises `NotFoundError` for an author there is
    not and `InvalidInputError` for one picked twice.
    """
    known = overview(ledger).known
    authors = [_author(known, name) for name in picked.given.values()]
    if len({row.id for row in authors}) < len(authors):
        raise InvalidInputError("The same author is named twice: an author is compared with others.")
    if len(authors) > 1:
        ledger = around(ledger, authors=(row.id for row in authors))
    asked = {field: row.slug for field, row in zip(picked.given, authors, strict=True)}
    said = {row.id: _counted(ledger, row) for row in authors}
    shared = _shared(ledger, said.values())
    return {
        **notes(ledger),
        "scale": sentences.SCALE,
        "now": iso(now),
        "ranks": RANKS,
        "picked": asked,
        "authors": [_standing(ledger, board, row) for row in authors],
        "known": [named(row) for row in known],
        "offered": [] if len(authors) > 1 else _offered(ledger),
        "questions": page_of(shared, page, lambda row: _question(ledger, row, authors, said)),
        "pairs": _pairs(ledger, board, authors, now),
    }


def _author(known: Sequence[Author], name: str) -> Author:
    found = [row for row in known if row.slug == name]
    found = found or [row for row in known if row.name.casefold() == name.casefold()]
    if len(found) != 1:
        raise NotFoundError(
            f"No author here has the address or the whole name {name[:80]!r}; /authors lists them all."
        )
    return found[0]


def _standing(ledger: Ledger, board: Board, author: Author) -> View:
    """Return an author with what keeps them from a rank, as the leaderboard says it."""
    unranked = {row["slug"]: row["reasons"] for row in board["cannot_be_ranked"]}
    return {
        **named(author),
        "kind": author.kind,
        "publication": ledger.label_of_all(ledger.said_by(author)),
        "reasons": [reason["sentence"] for reason in unranked.get(author.slug, [])],
    }


# -- the questions they share ------------------------------------------------------------------------------------


def _counted(ledger: Ledger, author: Author) -> dict[int, Forecast]:
    """Return the forecasts of an author that count under the broad policy, whatever came of them, by question."""
    rows = ledger.standing_by_author.get(author.id, [])
    return {row.question_id: row for row in rows if ledger.standing(row, "broad").excluded_because is None}


def _shared(ledger: Ledger, said: Iterable[dict[int, Forecast]]) -> list[Question]:
    """Return the questions on which at least two of the authors have a forecast, by deadline."""
    answered = Counter(question for rows in said for question in rows)
    found = [ledger.questions[key] for key, times in answered.items() if times > 1]
    return sorted(found, key=lambda row: (row.deadline, row.public_id))


def _question(
    ledger: Ledger, question: Question, authors: list[Author], said: dict[int, dict[int, Forecast]]
) -> View:
    return {
        "question": question.public_id,
        "title": question.title,
        "deadline": iso(question.deadline),
        "outcome": ledger.outcome(question.id),
        "cluster": question.cluster,
        "retrospective": question.retrospective,
        "said": [_cell(ledger, said[row.id].get(question.id)) for row in authors],
    }


def _cell(ledger: Ledger, forecast: Forecast | None) -> View | None:
    if forecast is None or forecast.probability_ppm is None:
        return None
    return {
        "probability": forecast.probability_ppm / PPM,
        "basis": _BASIS[forecast.basis],
        "statement": ledger.statements[forecast.statement_id].public_id,
    }


def _offered(ledger: Ledger) -> list[View]:
    """Return the pairs of authors with the most questions in common; none where counting them would take long."""
    by_question = [
        sorted({row.author_id for row in rows if row.author_id in ledger.authors})
        for rows in ledger.standing_by_question.values()
    ]
    if sum(comb(len(found), 2) for found in by_question) > _MOST_TO_COUNT:
        return []
    pairs = Counter(pair for found in by_question for pair in combinations(found, 2))
    most = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:PAGE]
    return [{"authors": [named(ledger.authors[key]) for key in pair], "questions": count} for pair, count in most]


# -- what may be concluded ---------------------------------------------------------------------------------------


def _pairs(ledger: Ledger, board: Board, authors: list[Author], now: datetime) -> list[View]:
    """Return every two of the authors: their means, the difference where it may be shown, and the rank."""
    pairs = list(combinations(authors, 2))
    coverage = 1 - ALPHA / max(1, len(pairs))
    usable = {row.id: rankable(ledger, row, now) for row in authors}
    return [
        {
            "authors": [named(first), named(second)],
            "policies": {name: _means(ledger, first, second, name) for name in POLICIES},
            "difference": _difference((first, usable[first.id]), (second, usable[second.id]), coverage),
            "sentence": _verdict(board, first, second),
        }
        for first, second in pairs
    ]


def _means(ledger: Ledger, first: Author, second: Author, policy: Any) -> View:
    """Return each author's mean over the shared groups of what both said and came out."""
    mine = {row.question.id: row for row in settled_rows(ledger, first, policy)}
    theirs = {row.question.id: row for row in settled_rows(ledger, second, policy)}
    keys = sorted(mine.keys() & theirs.keys())
    samples = [Sample(rows[key] for key in keys) for rows in (mine, theirs)]
    return {
        "questions": len(keys),
        "clusters": samples[0].clusters,
        "briers": [row.over_clusters(row.losses(row.p)) for row in samples] if keys else [None, None],
    }


def _difference(one: Usable, other: Usable, coverage: float) -> View:
    """Return the difference over what a rank may rest on, with its interval; without, why there is none."""
    (first, mine), (second, theirs) = one, other
    keys = sorted(mine.keys() & theirs.keys())
    sample = _against([mine[key] for key in keys], [theirs[key] for key in keys])
    found: View = {"questions": len(keys), "clusters": sample.clusters, "coverage": coverage}
    if sample.clusters < FOR_AN_INTERVAL:
        told = sentences.too_few(FOR_AN_INTERVAL, sample.clusters, "shared group", of=" that a rank may rest on")
        return found | {"value": None, "interval": None, "sentence": f"Difference {told}."}
    numbers = reference_numbers(sample, coverage=coverage)
    if numbers["interval"] is None:
        return found | {"value": 0.0, "interval": None, "sentence": "Both said the same throughout."}
    value, (low, high) = numbers["over_clusters"], numbers["interval"]
    zero = " Zero lies inside: chance alone may have made it." if low <= 0 <= high else ""
    told = (
        f"{first.name} minus {second.name}, over {sample.clusters} shared groups: {sentences.score(value)}, "
        f"{sentences.share(coverage)} interval {sentences.score(low)} to {sentences.score(high)}; "
        f"below zero {first.name} is better.{zero}"
    )
    return found | {"value": value, "interval": [low, high], "sentence": told}


def _against(mine: list[Row], theirs: list[Row]) -> Sample:
    """Return the rows of one author with those of the other in the place of the reference."""
    sample = Sample(mine)
    sample.reference = Sample(theirs).p
    return sample


def _verdict(board: Board, first: Author, second: Author) -> str:
    """Return what the leaderboard says of two authors: it alone ranks."""
    slugs = {first.slug, second.slug}
    for pair in board["pairs"]:
        if slugs == set(pair["authors"]):
            return str(pair["sentence"])
    unranked = {row["slug"] for row in board["cannot_be_ranked"]}
    who = sentences.listed(author.name for author in (first, second) if author.slug in unranked)
    return (
        f"Cannot rank {first.name} above {second.name}, or {second.name} above {first.name}: "
        f"{who} cannot be ranked, for the reasons below."
    )
