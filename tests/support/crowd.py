"""Many watched questions, written straight into the tables: what registrations of that size would leave."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from forecasts import criteria, tables
from forecasts.store import Store, Transaction
from jobs.sources import catalogue

LOCATION = "http://table.invalid/"


@dataclass(frozen=True)
class Crowd:
    """Resources, each an event table at an address of its own, and the questions that read them.

    `due(n)` is when resource n is due and `deadline(n)` the deadline of question n, which reads resource
    `n % resources`. Each question has a stated forecast of 0.7 unless `forecasts` is off.
    """

    resources: int
    location: Callable[[int], str]
    opens_at: datetime
    due: Callable[[int], datetime]
    deadline: Callable[[int], datetime]
    questions: int = 0
    forecasts: bool = True
    grace: str = "PT0S"

    def write(self, store: Store) -> None:
        """Write it all in one transaction."""
        leaf = {
            "type": "event_before_deadline",
            "source": "event-table",
            "query": {"location": LOCATION, "format": "csv", "watermark": {"from": "fetch_time", "lag": "PT0S"}},
            "filter": {"kind": ["opening"]},
            "event_tz": "UTC",
            "grace": self.grace,
            "min_checks": 1,
            "max_lag": "P60D",
        }
        criterion = criteria.canonical(criteria.parse(leaf), catalogue())
        text = criteria.canonical_json(criteria.dump(criterion)).decode()
        (parsed,) = criteria.source_leaves(criterion)
        _, query = parsed.resource
        asked = self.questions or self.resources
        with store.write(actor="bench", action="fill") as tx:
            _insert(tx, tables.Resource, (self._resource(n, query) for n in range(self.resources)))
            _insert(tx, tables.Question, (self._question(n, text) for n in range(asked)))
            reads = ({"question_id": n + 1, "resource_id": n % self.resources + 1} for n in range(asked))
            _insert(tx, tables.QuestionResource, reads, rev=False)
            if self.forecasts:
                self._add_author(tx)
                _insert(tx, tables.Statement, (self._statement(n) for n in range(asked)))
                _insert(tx, tables.Forecast, (self._forecast(n) for n in range(asked)))

    def _resource(self, n: int, query: str) -> dict[str, Any]:
        return {
            "id": n + 1,
            "public_id": f"u-{n:07}",
            "source": "event-table",
            "query": query.replace(LOCATION, self.location(n)),
            "next_due": self.due(n),
        }

    def _question(self, n: int, criterion: str) -> dict[str, Any]:
        return {
            "id": n + 1,
            "public_id": f"q-{n:07}",
            "title": f"Does matter {n} come to pass?",
            "resolution_criteria": "YES if it does.",
            "criterion": criterion.replace(LOCATION, self.location(n % self.resources)),
            "opens_at": self.opens_at,
            "opens_latest": self.opens_at,
            "deadline": self.deadline(n),
            "zone": "UTC",
            "deadline_basis": "the text says so",
            "reading": "primary",
            "cluster": f"c-{n}",
            "retrospective": False,
        }

    def _add_author(self, tx: Transaction) -> None:
        collection = {"id": 1, "key": "all", "name": "All", "method": "complete", "description": "Everything."}
        article = {
            "id": 1,
            "key": "all",
            "label": "Everything said",
            "collection_id": 1,
            "published_earliest": self.opens_at,
            "published_latest": self.opens_at,
            "date_basis": "the date line",
        }
        _insert(tx, tables.Collection, [collection])
        _insert(tx, tables.Article, [article])
        _insert(tx, tables.Edition, [{"id": 1, "article_id": 1, "sha256": "0" * 64, "characters": 10**9}])
        _insert(tx, tables.Author, [{"id": 1, "slug": "ada-bell", "name": "Ada Bell", "kind": "person"}])

    def _statement(self, n: int) -> dict[str, Any]:
        return {
            "id": n + 1,
            "public_id": f"s-{n:07}",
            "edition_id": 1,
            "start": n * 100,
            "end": n * 100 + 50,
            "part": 1,
            "stated_by_id": 1,
            "stated_earliest": self.opens_at,
            "stated_latest": self.opens_at,
            "stated_basis": "the date line",
            "kind": "unconditional",
            "checkability": "yes",
            "checkability_reason": "It is public.",
            "claim": f"Matter {n} will come to pass.",
        }

    def _forecast(self, n: int) -> dict[str, Any]:
        return {
            "id": n + 1,
            "public_id": f"f-{n:07}",
            "author_id": 1,
            "question_id": n + 1,
            "statement_id": n + 1,
            "stated_earliest": self.opens_at,
            "stated_at": self.opens_at,
            "version": 1,
            "change": "original",
            "asserts": "yes",
            "probability_ppm": 700_000,
            "low_ppm": 700_000,
            "high_ppm": 700_000,
            "basis": "stated",
            "bare_modal": False,
        }


def _insert(tx: Transaction, table: Any, rows: Iterable[dict[str, Any]], *, rev: bool = True) -> None:
    """Insert many rows, each under the transaction's revision, ten thousand at a time."""
    remaining = iter(rows)
    extra = {"rev": tx.rev} if rev else {}
    while chunk := [row | extra for row in islice(remaining, 10_000)]:
        tx.session.execute(insert(table.__table__), chunk)


def table_of(occurred: datetime) -> bytes:
    """Return the body of a small event table: an opening at an instant, and a dozen older rows of another kind."""
    rows = [f"{occurred.isoformat()},UTC,,opening,The Bridge,Traffic crosses,City gazette"]
    rows += [
        f"{(occurred - timedelta(days=30 * n)).date()},UTC,,closing,The Bridge,Works begin,City gazette"
        for n in range(1, 13)
    ]
    return "\n".join(["occurred,zone,known_at,kind,actors,description,citation", *rows, ""]).encode()
