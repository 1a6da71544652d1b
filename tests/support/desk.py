"""One registry at a test's hand: a store, its clock, and the few moves every test makes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import func, select

from forecasts import registry
from forecasts.exchange.export import Record, records
from forecasts.exchange.files import parse_document
from forecasts.ledger import Ledger, read_ledger
from forecasts.model import ActorKind, Interval, Outcome
from forecasts.registering import Registered
from forecasts.reports import Report, author_report
from forecasts.store import Store, Transaction
from forecasts.tables import Check, Question, Resolution, Resource, Revision
from jobs.sources import catalogue
from tests.support.clocks import FakeClock, at

WINDOW = timedelta(days=7)


@dataclass
class Desk:
    """A store with its clock."""

    store: Store
    clock: FakeClock

    def register(
        self,
        document: dict[str, Any],
        *,
        actor: str = "Rita Registrar",
        kind: ActorKind = "person",
        folder: Path = Path(),
        dry_run: bool = False,
    ) -> Registered:
        return registry.register(
            self.store,
            parse_document(document),
            catalogue=catalogue(),
            actor=actor,
            kind=kind,
            folder=folder,
            dry_run=dry_run,
        )

    def ids(self, document: dict[str, Any]) -> dict[str, str]:
        """Register a document; return the public id of each question by its key."""
        return self.register(document).ids["questions"]

    def propose(
        self,
        question: str,
        outcome: Outcome = "yes",
        *,
        actor: str = "Paula Proposer",
        occurred: str | None = None,
    ) -> Resolution:
        """Propose an outcome: a yes that happened just now unless said otherwise, a no when its time has come."""
        deadlines = (row["deadline"] for row in self.export("questions") if row["question"].startswith(question))
        deadline = at(next(deadlines, "2020-07-01T00:00:00Z"))
        if occurred:
            self.clock.instant = max(self.clock.instant, at(occurred))
        if outcome == "no":
            self.clock.instant = max(self.clock.instant, deadline)
        happened = at(occurred) if occurred else min(self.clock.now(), deadline - timedelta(seconds=1))
        return registry.propose(
            self.store,
            question,
            outcome,
            actor=actor,
            citation="Tarn Gazette",
            reason="It says so.",
            window=WINDOW,
            occurred=Interval(happened, happened) if occurred or outcome == "yes" else None,
        )

    def confirm(self, question: str, *, actor: str = "Carl Confirmer") -> Resolution:
        return registry.confirm(self.store, question, actor=actor)

    def resolve(self, question: str, outcome: Outcome = "yes", *, occurred: str | None = None) -> Resolution:
        """Propose, wait for the window to close, and confirm."""
        self.propose(question, outcome, occurred=occurred)
        self.clock.forward(WINDOW)
        return self.confirm(question)

    def reopen(self, question: str) -> Resolution:
        return registry.reopen(self.store, question, reason="A mistake.", actor="Olga Opener")

    def rev(self) -> int:
        """Return the newest revision."""
        with self.store.read() as session:
            return session.exec(select(func.max(Revision.rev))).one() or 0

    def ledger(self, as_of: datetime | None = None, *, public: bool = False) -> Ledger:
        """Return the ledger with its drafts, as the desk sees it, or what is public."""
        return read_ledger(self.store, as_of, include_drafts=not public)

    def export(self, kind: str, as_of: datetime | None = None) -> list[Record]:
        return records(self.ledger(as_of), kind)

    def report(self, slug: str = "ada-bell", as_of: datetime | None = None) -> Report:
        return author_report(self.ledger(as_of), slug, self.clock.now())

    def outcomes(self) -> dict[str, str]:
        """Return the outcome of each question by its title."""
        return {row["title"]: row["outcome"] for row in self.export("questions")}

    def the_question(self) -> str:
        """Return the public id of the first question."""
        return str(self.export("questions")[0]["question"])

    def scores(self) -> dict[tuple[str, str], float]:
        """Return the scores that stand now, by forecast and policy."""
        return {(row["forecast"], row["policy"]): row["brier"] for row in self.export("scores") if row["current"]}

    def steps(self, question: str) -> list[tuple[str, str | None]]:
        """Return state and outcome of each step of a question."""
        found = [row for row in self.export("resolutions") if row["question"] == question]
        return [(row["state"], row["outcome"]) for row in found]


def question_row(tx: Transaction, public_id: str) -> Question:
    return tx.session.exec(select(Question).where(Question.public_id == public_id)).one()


def sound_check(tx: Transaction, number: int = 1) -> Check:
    """Append a sound check of the only resource."""
    resource = tx.session.exec(select(Resource)).one()
    check: Check = tx.append(
        Check(
            public_id=f"c-{number}",
            resource_id=resource.id,
            due_at=tx.now,
            checked_at=tx.now,
            status="ok",
            sound=True,
            rows=1,
            rev=tx.rev,
        )
    )
    return check
