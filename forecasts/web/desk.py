"""Reading the store for the pages: each ledger and each picture is made once for a revision."""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, TypeVar

# Scores load pandas when first needed, and Altair trips over a pandas that another thread has half loaded.
import pandas as pd  # noqa: F401
from sqlmodel import Session, col, func, select

from forecasts.charts import curve_svg, strip_png, strip_svg
from forecasts.evidence import retrieve_from
from forecasts.leaderboard import Board, leaderboard
from forecasts.ledger import Ledger, now_at, refuse_future
from forecasts.model import iso
from forecasts.reports import Report, author_report
from forecasts.store import Store
from forecasts.tables import Publication, Redaction

Value = TypeVar("Value")


class Recent:
    """The values used last, by key; each is made once, also when several threads ask for it together."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value kept under the key, or make and keep it."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
            value: Value = self._kept[key]
            return value


class Desk:
    """One store as the pages see it; everything here blocks and belongs in a thread.

    Without `drafts` it sees only what is public.
    """

    def __init__(self, store: Store, *, drafts: bool = False) -> None:
        self._store = store
        self._drafts = drafts
        self._ledgers = Recent(4)
        self._computed = Recent(200)

    def ledger(self, as_of: datetime | None) -> Ledger:
        """Return the ledger as of an instant, or as it is now."""
        with self._store.read() as session:
            refuse_future(as_of)
            rev = self._store.revision_at(session, as_of)
            now = now_at(session, rev, self._store.clock)
            now = min(as_of or now, now)
            key = (rev, *_beside_the_revision(session, now))
            return self._ledgers.get(key, lambda: Ledger(session, rev, now=now, include_drafts=self._drafts))

    def report(self, ledger: Ledger, slug: str, as_of: datetime | None) -> Report:
        """Return the report on an author."""
        now = ledger.moment(as_of, self._store.clock)
        key = ("report", ledger.key, _deadlines_passed(ledger, now), slug)
        return self._computed.get(key, lambda: author_report(ledger, slug, now)) | {"now": iso(now)}

    def leaderboard(self, ledger: Ledger, as_of: datetime | None) -> Board:
        """Return who can be ranked and who cannot."""
        now = ledger.moment(as_of, self._store.clock)
        key = ("leaderboard", ledger.key, _deadlines_passed(ledger, now))
        return self._computed.get(key, lambda: leaderboard(ledger, now)) | {"now": iso(now)}

    def curve(self, report: Report) -> str | None:
        """Return the calibration curve of a report as SVG, where it may be shown."""
        return self._computed.get(("curve", *_shown(report)), lambda: curve_svg(report))

    def svg(self, report: Report) -> str:
        """Return the picture of a report as SVG."""
        return self._computed.get(("svg", *_shown(report)), lambda: strip_svg(report))

    def png(self, report: Report) -> bytes:
        """Return the picture of a report as PNG."""
        return self._computed.get(("png", *_shown(report)), lambda: strip_png(report))

    def evidence(self, ledger: Ledger, sha256: str) -> tuple[bytes, str]:
        """Return archived bytes that a ledger rests on, with the type they came with."""
        with self._store.read() as session:
            return retrieve_from(session, ledger, sha256)


def _beside_the_revision(session: Session, now: datetime) -> tuple[datetime | None, int | None, int | None]:
    """Return what a ledger depends on beside its revision: embargoes ended, later moves and later redactions."""
    past = select(func.max(Publication.public_from)).where(col(Publication.public_from) <= now)
    moved, redacted = (session.exec(select(func.max(row))).one() for row in (Publication.id, Redaction.id))
    return session.exec(past).one(), moved, redacted


def _shown(report: Report) -> tuple[Hashable, ...]:
    """Return what a picture depends on."""
    return (
        report["rev"],
        report["author"]["slug"],
        *report["publication"]["notes"],
        *(row["id"] for row in report["statements"]),
    )


def _deadlines_passed(ledger: Ledger, now: datetime) -> int:
    """Return how many deadlines have passed: all that a report owes to the clock besides printing it."""
    due = ledger.remember("deadlines", lambda: sorted(row.deadline for row in ledger.questions.values()))
    return bisect_right(due, now)
