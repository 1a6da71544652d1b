"""Who may be ranked above whom, and who cannot be ranked at all, each with the reason.

Only the strict policy ranks, only known authors, only claims from articles that nobody picked by hand, only past
their deadline (what comes true is settled sooner than what does not), and only by criteria that were there before
the fact. Two authors are compared on the
questions they share; where these are too few, by their differences to references registered in advance. "Cannot
rank" is an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forecasts import sentences
from forecasts.ledger import Ledger
from forecasts.measures.policies import reference_numbers, row_entry
from forecasts.measures.records import Record, from_each_record, record_of
from forecasts.measures.rows import Row, Sample, is_known
from forecasts.measures.wording import latest_lexicons, reading
from forecasts.model import PPM, iso
from forecasts.policy import RANKS
from forecasts.tables import Author, Lexicon
from scoring.gates import CLUSTERS_TO_TEST, GATES, allowed
from scoring.ranking import lexicon_stability, pairwise_order

Board = dict[str, Any]
On = Literal["shared questions", "references"]

ALPHA = 0.05
CLUSTERS_TO_RANK = next(gate.clusters for gate in GATES if gate.verdict != "too-few")


def obstacles(record: Record, now: datetime) -> list[dict[str, str]]:
    """Return what keeps an author from a rank, whoever else there is, by code and sentence."""
    picked = record.methods == {"hand-picked"}
    found = []
    if not is_known(record.author):
        found.append(_obstacle(record.author.kind))
    if picked:
        found.append(_obstacle("hand-picked"))
    if not record.drawn.rows[RANKS] and not any(record.picked):
        found.append(_obstacle("nothing-strict"))
    elif not picked:
        chosen = _chosen(record, now)
        sample = Sample(chosen.rows)
        if allowed(sample.clusters).verdict == "too-few":
            told = sentences.usable(sample.clusters, CLUSTERS_TO_RANK)
            found.append({"code": "too-few", "sentence": told})
            if chosen.written_after:
                found.append({"code": "retrospective", "sentence": chosen.written_after})
    return found


def _obstacle(code: str) -> dict[str, str]:
    return {"code": code, "sentence": sentences.OBSTACLE_WORDS[code]}


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The settled claims of an author that a rank may rest on, and how many others were left out for what."""

    rows: list[Row]
    not_matured: int
    hand_picked: int
    retrospective: int

    @property
    def written_after(self) -> str | None:
        """The sentence on the claims that were left out last; None where there are none."""
        found, of = self.retrospective, len(self.rows) + self.retrospective
        return sentences.written_after(found, of) if found else None


def rankable(ledger: Ledger, author: Author, now: datetime) -> dict[int, Row]:
    """Return the settled claims of an author that a rank or a difference may rest on, by question."""
    return {row.question.id: row for row in _chosen(record_of(ledger, author, now), now).rows}


def _chosen(record: Record, now: datetime) -> _Chosen:
    drawn = record.drawn.rows[RANKS]
    past, to_come = record.picked
    matured = [row for row in drawn if row.question.deadline <= now]
    rows = [row for row in matured if not row.question.retrospective]
    return _Chosen(rows, len(drawn) - len(matured) + to_come, past, len(matured) - len(rows))


@dataclass(frozen=True, slots=True)
class _Contestant:
    """An author who has what a rank needs, with the claims that count for it."""

    author: Author
    named: Board
    chosen: _Chosen
    sample: Sample
    informed: Sample
    by_question: dict[int, Row]
    entries: list[Board]

    @classmethod
    def of(cls, record: Record, lexicons: list[Lexicon], now: datetime) -> "_Contestant":
        chosen, said = _chosen(record, now), record.drawn.statements
        rows = chosen.rows
        informed = Sample(row for row in rows if row.question.reference_ppm is not None)
        by_question = {row.question.id: row for row in rows}
        entries = [
            row_entry(row, said[row.forecast.statement_id], lexicons) | {"title": row.question.title}
            for row in rows
        ]
        return cls(record.author, _named(record), chosen, Sample(rows), informed, by_question, entries)

    def shared(self, other: "_Contestant") -> list[tuple[Row, Row]]:
        """Return the rows of both on the questions both answered."""
        keys = self.by_question.keys() & other.by_question.keys()
        return [(self.by_question[key], other.by_question[key]) for key in sorted(keys)]


@dataclass(slots=True)
class _Pair:
    """Two contestants, what they are compared on, and who leads (`better` once it may be said)."""

    first: int
    second: int
    shared: list[tuple[Row, Row]]
    clusters: int
    on: On | None
    leads: Literal["first", "second"] | None = None
    better: Literal["first", "second"] | None = None
    lexicons: tuple[str, ...] = ()
    flips_under: tuple[str, ...] = ()


def leaderboard(ledger: Ledger, now: datetime) -> Board:
    """Return ranks that hold all at once with probability 1 - `ALPHA`, every pair, and who cannot be ranked."""
    found: list[_Contestant] = []
    cannot: list[Board] = []
    lexicons = latest_lexicons(ledger)
    for stand in from_each_record(ledger, "board", now, lambda record: _stand(record, lexicons, now)).values():
        if isinstance(stand, _Contestant):
            found.append(stand)
        elif stand is not None:
            cannot.append(stand)
    found.sort(key=lambda contestant: contestant.author.slug)
    compared = {k for pair in _pairs(found) if pair.on for k in (pair.first, pair.second)}
    for k, contestant in enumerate(found):
        if k not in compared:
            code = "alone" if len(found) == 1 else "not-comparable"
            cannot.append(contestant.named | {"reasons": [_obstacle(code)]})
    contestants = [contestant for k, contestant in enumerate(found) if k in compared]
    pairs = _judged(ledger, contestants)
    return {
        "rev": ledger.rev,
        "now": iso(now),
        "replay": sentences.replay(ledger.run),
        "include_drafts": ledger.include_drafts,
        "policy": RANKS,
        "scale": sentences.SCALE,
        "alpha": ALPHA,
        "sentence": sentences.board(len(contestants), sum(pair.better is not None for pair in pairs), ALPHA),
        "ranked": _ranked(contestants, pairs),
        "pairs": [_pair_entry(contestants, pair) for pair in pairs],
        "cannot_be_ranked": sorted(cannot, key=lambda row: (row["name"].casefold(), row["slug"])),
    }


def _stand(record: Record, lexicons: list[Lexicon], now: datetime) -> _Contestant | Board | None:
    """Return an author whom nothing of their own keeps from a rank, or what does; None for a silent one."""
    if record.label is None:
        return None
    reasons = obstacles(record, now)
    return _named(record) | {"reasons": reasons} if reasons else _Contestant.of(record, lexicons, now)


def _pairs(contestants: list[_Contestant]) -> Iterator[_Pair]:
    """Return every pair and what it can be compared on, which no outcome has a say in."""
    for (i, first), (j, second) in combinations(enumerate(contestants), 2):
        shared = first.shared(second)
        clusters = len({row.question.cluster for row, _ in shared})
        informed = min(first.informed.clusters, second.informed.clusters)
        on: On | None = None
        if clusters >= CLUSTERS_TO_TEST:
            on = "shared questions"
        elif allowed(informed).verdict != "too-few":
            on = "references"
        yield _Pair(i, j, shared, clusters, on)


def _judged(ledger: Ledger, contestants: list[_Contestant]) -> list[_Pair]:
    """Return the pairs with who leads and who is better; both comparisons share the error allowed."""
    pairs = list(_pairs(contestants))
    used = {pair.on for pair in pairs if pair.on}
    alpha = ALPHA / max(1, len(used))
    if "shared questions" in used:
        _by_shared_questions(contestants, pairs, alpha)
    if "references" in used:
        _by_references(contestants, pairs, alpha)
    for pair in pairs:
        if pair.leads:
            pair.lexicons, pair.flips_under = _under_lexicons(ledger, contestants, pair)
            pair.better = None if pair.flips_under else pair.leads
    return pairs


def _by_shared_questions(contestants: list[_Contestant], pairs: list[_Pair], alpha: float) -> None:
    questions = [row.question for contestant in contestants for row in contestant.sample.rows]
    order = pairwise_order(
        np.concatenate([contestant.sample.y for contestant in contestants]),
        np.concatenate([contestant.sample.p for contestant in contestants]),
        author=np.repeat(np.arange(len(contestants)), [len(contestant.sample) for contestant in contestants]),
        question=[question.id for question in questions],
        cluster=[question.cluster for question in questions],
        alpha=alpha,
    )
    for pair in pairs:
        if pair.on == "shared questions":
            if order.better[pair.first, pair.second]:
                pair.leads = "first"
            elif order.better[pair.second, pair.first]:
                pair.leads = "second"


def _by_references(contestants: list[_Contestant], pairs: list[_Pair], alpha: float) -> None:
    """Order by intervals that hold all at once: whose difference lies wholly below the other's is better."""
    involved = sorted({k for pair in pairs if pair.on == "references" for k in (pair.first, pair.second)})
    coverage = 1 - alpha / len(involved)
    interval = {k: reference_numbers(contestants[k].informed, coverage=coverage)["interval"] for k in involved}
    for pair in pairs:
        if pair.on == "references" and interval[pair.first] and interval[pair.second]:
            (low_1, high_1), (low_2, high_2) = interval[pair.first], interval[pair.second]
            if high_1 < low_2:
                pair.leads = "first"
            elif high_2 < low_1:
                pair.leads = "second"


def _under_lexicons(
    ledger: Ledger, contestants: list[_Contestant], pair: _Pair
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the lexicons that read words of the pair, and those of them under which the leader does not lead.

    Each lexicon reads the phrases it defines; all other numbers stay as registered.
    """
    if pair.on == "shared questions":
        rows = [[row for row, _ in pair.shared], [row for _, row in pair.shared]]
    else:
        rows = [list(contestants[k].informed.rows) for k in (pair.first, pair.second)]
    every = rows[0] + rows[1]
    lexicons = [
        lexicon for lexicon in latest_lexicons(ledger) if any(reading(lexicon, row.forecast) for row in every)
    ]
    if not lexicons:
        return (), ()
    table = np.array(
        [[found.median if (found := reading(to, row.forecast)) else row.p for to in lexicons] for row in every]
    )
    y = np.array([row.y for row in every])
    side = np.repeat([0, 1], [len(rows[0]), len(rows[1])])
    brier = lexicon_stability(y, table, author=side).brier
    if pair.on == "references":
        brier = brier - _reference_means(every, y, side)
    ahead = brier[0] - brier[1] if pair.leads == "first" else brier[1] - brier[0]
    names = [lexicon.key for lexicon in lexicons]
    return tuple(names), tuple(name for name, lead in zip(names, ahead, strict=True) if lead > -1e-12)


def _reference_means(rows: list[Row], y: NDArray[Any], side: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean Brier score of the references on each side, shape (2, 1)."""
    losses = (np.array([row.reference for row in rows]) / PPM - y) ** 2
    return np.array([[losses[side == k].mean()] for k in (0, 1)])


def _ranked(contestants: list[_Contestant], pairs: list[_Pair]) -> list[Board]:
    """Return the contestants with the ranks each may have, those ranked above and below counted out."""
    above: dict[int, list[int]] = {k: [] for k in range(len(contestants))}
    below: dict[int, list[int]] = {k: [] for k in range(len(contestants))}
    for pair in pairs:
        if pair.better:
            winner, loser = (pair.first, pair.second) if pair.better == "first" else (pair.second, pair.first)
            above[loser].append(winner)
            below[winner].append(loser)
    found = []
    for k, contestant in enumerate(contestants):
        sample, chosen = contestant.sample, contestant.chosen
        losses = sample.losses(sample.p)
        found.append(
            contestant.named
            | {
                "best_rank": 1 + len(above[k]),
                "worst_rank": len(contestants) - len(below[k]),
                "ranked_above": [contestants[other].author.slug for other in below[k]],
                "ranked_below": [contestants[other].author.slug for other in above[k]],
                "scored": len(sample),
                "clusters": sample.clusters,
                "brier": float(losses.mean()),
                "brier_over_clusters": sample.over_clusters(losses),
                "reference": reference_numbers(sample),
                "left_out": {
                    "hand_picked": chosen.hand_picked,
                    "not_matured": chosen.not_matured,
                    "retrospective": chosen.retrospective,
                },
                "written_after": chosen.written_after,
                "rows": contestant.entries,
            }
        )
    return sorted(
        found, key=lambda row: (row["best_rank"], row["worst_rank"], row["name"].casefold(), row["slug"])
    )


def _pair_entry(contestants: list[_Contestant], pair: _Pair) -> Board:
    """Return one pair; `difference` is first minus second over shared groups: below zero the first is better."""
    first, second = contestants[pair.first].author, contestants[pair.second].author
    slugs = {"first": first.slug, "second": second.slug}
    difference = None
    if pair.shared:
        mine, theirs = Sample(row for row, _ in pair.shared), Sample(row for _, row in pair.shared)
        difference = mine.over_clusters(mine.losses(mine.p)) - theirs.over_clusters(theirs.losses(theirs.p))
    entry = {
        "authors": [first.slug, second.slug],
        "on": pair.on,
        "clusters": pair.clusters,
        "difference": difference,
        "better": slugs[pair.better] if pair.better else None,
        "lexicons": list(pair.lexicons),
        "flips_under": list(pair.flips_under),
    }
    words = entry | {"better": pair.better, "leads": pair.leads, "needs": CLUSTERS_TO_TEST}
    return entry | {"sentence": sentences.pair(first.name, second.name, words)}


def _named(record: Record) -> Board:
    author = record.author
    return {"slug": author.slug, "name": author.name, "kind": author.kind, "publication": record.label}
