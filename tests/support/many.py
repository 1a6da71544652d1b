"""A desk with many claims, written straight into the tables: what a registration of that size would leave."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, text
from sqlmodel import select

from forecasts import tables
from forecasts.lexicon import Range, find_phrase
from forecasts.policy import POLICIES
from forecasts.resolving import brier_e12
from forecasts.store import Store, Transaction
from tests.support.clocks import at

PUBLISHED = at("2019-01-01")
DEADLINE = at("2020-07-01")
LATER = at("2021-01-01")


@dataclass
class Many:
    """Questions by number, and what each author said of them: a probability, or a phrase of the lexicon.

    An outcome of None leaves a question open. Lists that are given have one entry for each question.
    """

    outcomes: Sequence[bool | None]
    said: Mapping[str, Mapping[int, float | str]]
    clusters: Sequence[str] | None = None
    references: Sequence[float | None] | None = None
    methods: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    retrospective: frozenset[int] = frozenset()
    denied: frozenset[int] = frozenset()
    lexicon: str = "capphrase"

    def write(self, store: Store) -> None:
        """Write it all in one transaction; every author in a collection of that author's own."""
        with store.write(actor="bench", action="fill") as tx:
            rows: dict[Any, list[dict[str, Any]]] = {}
            for number in range(len(self.outcomes)):
                self._question(rows, number, tx)
            phrases = tx.session.exec(select(tables.Lexicon).where(tables.Lexicon.key == self.lexicon)).all()
            for key, slug in enumerate(self.said, 1):
                self._author(rows, key, slug, phrases[-1] if phrases else None)
            for table in (
                tables.Collection,
                tables.Article,
                tables.Edition,
                tables.Author,
                tables.Question,
                tables.Resolution,
                tables.Statement,
                tables.Forecast,
                tables.Score,
            ):
                _insert(tx, table, rows.get(table, []))
                if store.on_postgres:  # which does not count the ids that it is given
                    name = table.__tablename__
                    counted = f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
                    tx.session.connection().execute(text(counted))

    def _question(self, rows: dict[Any, list[dict[str, Any]]], number: int, tx: Transaction) -> None:
        reference = self.references[number] if self.references else None
        question = {
            "id": number + 1,
            "public_id": f"q-{number}",
            "title": f"Does matter {number} come to pass?",
            "resolution_criteria": "YES if it does.",
            "criterion": json.dumps({"type": "manual", "proposition": f"{number}"}),
            "opens_at": PUBLISHED,
            "opens_latest": PUBLISHED,
            "deadline": DEADLINE,
            "zone": "UTC",
            "deadline_basis": "the text says so",
            "reading": "primary",
            "cluster": self.clusters[number] if self.clusters else f"c-{number}",
            "retrospective": number in self.retrospective,
            "reference_ppm": None if reference is None else round(reference * 1_000_000),
            "reference_basis": None if reference is None else "a market",
        }
        rows.setdefault(tables.Question, []).append(question)
        outcome = self.outcomes[number]
        if outcome is not None:
            resolution = {
                "id": number + 1,
                "public_id": f"r-{number}",
                "question_id": number + 1,
                "step": 1,
                "state": "confirmed",
                "outcome": "yes" if outcome else "no",
                "rule": "second-ruling",
                "reason": "It says so.",
                "actor_id": tx.actor_id,
                "decided_at": DEADLINE + timedelta(days=1),
            }
            rows.setdefault(tables.Resolution, []).append(resolution)

    def _author(
        self, rows: dict[Any, list[dict[str, Any]]], key: int, slug: str, lexicon: tables.Lexicon | None
    ) -> None:
        name = slug.replace("-", " ").title()
        rows.setdefault(tables.Author, []).append(
            {"id": key, "slug": slug, "name": name, "kind": self.kinds.get(slug, "person")}
        )
        method = self.methods.get(slug, "complete")
        rows.setdefault(tables.Collection, []).append(
            {"id": key, "key": slug, "name": f"By {name}", "method": method, "description": "As it says."}
        )
        rows.setdefault(tables.Article, []).append(
            {
                "id": key,
                "key": slug,
                "label": f"By {name}",
                "collection_id": key,
                "published_earliest": PUBLISHED,
                "published_latest": PUBLISHED,
                "date_basis": "the date line",
            }
        )
        rows.setdefault(tables.Edition, []).append(
            {"id": key, "article_id": key, "sha256": f"{key:064}", "characters": 10**9}
        )
        ranges: dict[str, Range | None] = {}
        for number, words in self.said[slug].items():
            if isinstance(words, str) and words not in ranges:
                ranges[words] = find_phrase(lexicon.phrases, words) if lexicon else None
            read = ranges[words] if isinstance(words, str) else None
            self._claim(rows, (key, number), words, read, lexicon)

    def _claim(
        self,
        rows: dict[Any, list[dict[str, Any]]],
        place: tuple[int, int],
        words: float | str,
        read: Range | None,
        lexicon: tables.Lexicon | None,
    ) -> None:
        author, number = place
        asserts = "no" if number in self.denied else "yes"
        if read is not None:
            read = read.asserting("no" if asserts == "no" else "yes")
            low, p, high = read.low, read.median, read.high
        else:
            low = p = high = round(float(words) * 1_000_000)
        claims = rows.setdefault(tables.Statement, [])
        row = len(claims) + 1
        claims.append(
            {
                "id": row,
                "public_id": f"s-{row}",
                "edition_id": author,
                "start": number * 100,
                "end": number * 100 + 50,
                "part": 1,
                "stated_by_id": author,
                "stated_earliest": PUBLISHED,
                "stated_latest": PUBLISHED,
                "stated_basis": "the date line",
                "kind": "unconditional",
                "checkability": "yes",
                "checkability_reason": "It is public.",
                "claim": f"Matter {number} will come to pass.",
            }
        )
        rows.setdefault(tables.Forecast, []).append(
            {
                "id": row,
                "public_id": f"f-{row}",
                "author_id": author,
                "question_id": number + 1,
                "statement_id": row,
                "stated_earliest": PUBLISHED,
                "stated_at": PUBLISHED,
                "version": 1,
                "change": "original",
                "asserts": asserts,
                "probability_ppm": p,
                "low_ppm": low,
                "high_ppm": high,
                "basis": "stated" if read is None else "lexicon",
                "phrase": None if read is None else words,
                "lexicon_id": lexicon.id if read is not None and lexicon else None,
                "bare_modal": False,
            }
        )
        outcome = self.outcomes[number]
        if outcome is not None:
            rows.setdefault(tables.Score, []).extend(
                {
                    "forecast_id": row,
                    "resolution_id": number + 1,
                    "policy": policy,
                    "brier_e12": brier_e12(p, "yes" if outcome else "no"),
                }
                for policy in POLICIES
            )


def _insert(tx: Transaction, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.session.execute(insert(table), [row | {"rev": tx.rev} for row in rows])
