"""What a killed process runs: the worker of the service, or a deliberately broken one, until somebody ends it."""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import configure_mappers

from forecasts import resolving
from forecasts.settings import load_settings
from forecasts.store import Store
from forecasts.tables import Question, Resource
from jobs import due
from jobs.board import Board
from jobs.clocks import SystemClock
from jobs.service import Service, live_worker
from jobs.settling import ADAPTER, Settler
from jobs.sources import catalogue
from jobs.worker import Worker

configure_mappers()  # once, in the process that workers are forked from

DISPUTE_WINDOW = timedelta(seconds=1)
LEASE = timedelta(seconds=2)
BATCH = 4  # so that there are many writes to be killed in, and little is held by whoever was killed
GAP = 0.3  # how long a broken worker stays between the two halves of what belongs together


class DoneLater(Worker):
    """Writes the checks in one transaction and "done" in another."""

    def _write(self, answered: Sequence[Any]) -> int:
        undated = [
            (replace(job, lease=replace(job.lease, due_at=answer.asked_at)), answer) for job, answer in answered
        ]
        with self.store.write(actor=ADAPTER, kind="adapter", action="check") as tx:
            board = Board(tx.session, [job.resource for job, _ in answered])
            for (job, _), check in zip(undated, self._write_checks(tx, board, undated), strict=True):
                self._evaluate(tx, board, job.resource, check)
            board.write_verdicts(tx)
            later = {
                job.resource.id: due.next_due(
                    job.resource.public_id, map(board.watch, board.questions(job.resource)), tx.now
                )
                for job, _ in answered
            }
        time.sleep(GAP)
        with self.store.queue() as session:
            for key, instant in later.items():
                resource = session.get_one(Resource, key)
                resource.next_due, resource.lease_token, resource.lease_until = instant, None, None
        return len(answered)


class NoToken(Worker):
    """Holds its leases for an instant, and writes whether or not it still does."""

    def _write(self, answered: Sequence[Any]) -> int:
        time.sleep(GAP)
        with self.store.queue() as session:
            for job, _ in answered:
                resource = session.get_one(Resource, job.lease.resource_id)
                resource.lease_token, resource.lease_until = job.lease.token, self.store.clock.now()
        undated = [
            (replace(job, lease=replace(job.lease, due_at=answer.asked_at)), answer) for job, answer in answered
        ]
        return super()._write(undated)


class SettlesScoresLater(Settler):
    """Confirms in one transaction and scores in another."""

    def _confirm(self, question_id: int) -> bool:
        score, resolving.score_question = resolving.score_question, lambda *_: None
        try:
            confirmed = super()._confirm(question_id)
        finally:
            resolving.score_question = score
        if confirmed:
            time.sleep(GAP)
            with self.store.write(actor=ADAPTER, kind="adapter", action="score") as tx:
                resolving.score_anew(tx, tx.session.get_one(Question, question_id))
        return confirmed


class ScoresLater(Worker):
    """Has its scores settled apart from what they follow from."""

    def settle_round(self) -> int:
        self.settler.__class__ = SettlesScoresLater
        return super().settle_round()


WORKERS: dict[str, type[Worker]] = {
    "sound": Worker,
    "done later": DoneLater,
    "no token": NoToken,
    "scores later": ScoresLater,
}
# Those of a broken worker end before the dispute window: what is checked anew is one too many, not the second.
LEASES = {"done later": timedelta(seconds=0.6), "no token": timedelta()}


def live(url: str, kind: str) -> None:
    """Work on a registry as `calledit worker` does, with short leases, until killed, or alone."""
    os.environ |= {"CALLEDIT_ALLOW_HOSTS": "127.0.0.1", "CALLEDIT_HOST_RATE": "0"}
    settings = load_settings(database_url=url, dispute_window=DISPUTE_WINDOW, tick_seconds=0.1, fetch_seconds=20.0)
    worker, close = live_worker(Store(url, SystemClock()), catalogue(), settings)
    worker.__class__ = WORKERS[kind]
    worker.lease = LEASES.get(kind, LEASE)
    worker.batch = BATCH
    Service(worker, close, settings.tick_seconds)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)  # whoever would have killed us is gone
