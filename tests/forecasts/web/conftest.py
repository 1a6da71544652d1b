"""A small registry with one of everything a page shows, and a way to ask the site for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import select

from forecasts import resolving
from forecasts.decide import Verdict
from forecasts.evidence import archive
from forecasts.model import Interval
from forecasts.reports import Report
from forecasts.store import Store
from forecasts.tables import Check, Resource
from forecasts.tables import Verdict as VerdictRow
from forecasts.web.app import create_app
from tests.support import documents as make
from tests.support.clocks import at
from tests.support.desk import Desk, question_row

HOSTILE = '<script>alert(1)</script> & "more"'
HOSTILE_BODY = b"<html><script>alert(1)</script></html>"

Get = Callable[..., httpx.Response]


@pytest.fixture
def get(store: Store) -> Get:
    """Ask the desk's site for an address; errors come back as a browser would see them."""
    app = create_app(store, drafts=True)
    return lambda path, method="GET", **more: asyncio.run(_ask(app, path, method, **more))


@pytest.fixture
def public(store: Store) -> Get:
    """Ask the site that everybody sees."""
    app = create_app(store)
    return lambda path, method="GET", **more: asyncio.run(_ask(app, path, method, **more))


def ask(store: Store, path: str, *, drafts: bool) -> httpx.Response:
    """Ask a site just made for one address."""
    return asyncio.run(_ask(create_app(store, drafts=drafts), path, "GET"))


async def _ask(app: FastAPI, path: str, method: str, **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
        return await client.request(method, path, **more)


@dataclass
class Told:
    """The ids of what is registered."""

    statement: str
    question: str
    child: str
    check: str
    evidence: str


@pytest.fixture
def told(desk: Desk) -> Told:
    """Three statements: one scored by a machine, one conditional and worded, one that cannot be checked."""
    document = make.document(
        statements=[
            make.statement("s-bridge", claim=HOSTILE),
            make.statement("s-fares", start=60, end=80, kind="conditional", claim="Then fares double."),
            make.statement(
                "s-mood",
                start=90,
                end=100,
                checkability="no",
                checkability_reason="Nobody sees it.",
                claim="All smile.",
            ),
        ],
        questions=[
            make.question("q-bridge", title=f"Does it open? {HOSTILE}", criterion=make.event_leaf()),
            make.question(
                "q-fares", title="Do fares double?", condition={"question": "q-bridge", "outcome": "yes"}
            ),
        ],
        forecasts=[make.coded("s-bridge", "q-bridge"), make.worded("s-fares", "q-fares")],
    )
    registered = desk.register(document)
    question, child = (registered.ids["questions"][key] for key in ("q-bridge", "q-fares"))
    with desk.store.write(actor="jobs", kind="adapter", action="check") as tx:
        check = tx.append(
            Check(
                public_id="c-1",
                resource_id=tx.session.exec(select(Resource)).one().id,
                due_at=tx.now,
                checked_at=tx.now,
                status="ok",
                sound=True,
                http_status=200,
                rows=12,
                evidence_sha256=archive(tx, HOSTILE_BODY, "text/html"),
                watermark=at("2020-03-01"),
            )
        )
        row = question_row(tx, question)
        occurred = at("2020-02-03T08:00:00Z")
        said = Verdict("yes", "opening on 2020-02-03", Interval(occurred, occurred), occurred)
        tx.append(
            VerdictRow(question_id=row.id, check_id=check.id, value="yes", reason=said.reason, needs_person=False)
        )
        proposal = resolving.apply_verdict(tx, row, None, said, check, closes_at=tx.now)
        assert proposal is not None
        resolving.confirm_step(tx, row, proposal, check=check)
    return Told(
        statement=registered.ids["statements"]["s-bridge"],
        question=question,
        child=child,
        check="c-1",
        evidence=check.evidence_sha256,
    )


@pytest.fixture
def report(desk: Desk, told: Told) -> Report:
    """The report on the author of it all."""
    return desk.report("ada-bell")
