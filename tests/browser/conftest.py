"""What the browser reads: the demo's registry with something of the desk in it, served with and without drafts."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright

from forecasts import redacting, registry, replying
from forecasts.correcting import NewReading, correct_statement
from forecasts.exchange.files import parse_document
from forecasts.ledger import read_ledger
from forecasts.store import Store
from forecasts.web.app import create_app
from jobs import due
from jobs.clocks import SystemClock
from jobs.sources import catalogue
from jobs.status import Monitor
from tests.jobs.runs import END, register_seeds, run
from tests.support import documents as make
from tests.support.browser import MISSING, found, launch, served
from tests.support.databases import Databases
from tests.support.many import Many
from tests.support.pictures import proposed_at
from tests.support.tour import Records, exported, said

REQUIRED = os.environ.get("CALLEDIT_BROWSER") == "required"
OUTCOMES = [number % 3 != 0 for number in range(60)]
UNBROKEN = "https://events.example/" + "tarn-bridge-" * 12


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take where the pictures go."""
    group = parser.getgroup("calledit")
    group.addoption("--screenshots", type=Path, help="keep a PNG of every page in each mode here")
    group.addoption("--pictures", type=Path, help="write the pictures of the documents here")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium. It ends with the module: while it runs, nothing else of this process can run an event loop."""
    with sync_playwright() as playwright:
        executable = found(playwright)
        if executable is None:
            (pytest.fail if REQUIRED else pytest.skip)(MISSING)
        started = launch(playwright, executable)
        yield started
        started.close()


@dataclass(frozen=True, slots=True)
class Site:
    """A registry and where it is served, to everybody and with its drafts; `ids` fill the addresses of pages.

    `ranked` serves another registry, in which there is enough to rank and to draw a curve.
    """

    store: Store
    records: Records
    ids: dict[str, str]
    public: str
    drafts: str
    ranked: str

    def app(self, *, drafts: bool) -> FastAPI:
        """Return the site as `calledit serve` composes it."""
        return create_app(self.store, drafts=drafts, monitor=Monitor(self.store, jobs=False))


@pytest.fixture(scope="module")
def site(browser: Browser, databases: Databases, request: pytest.FixtureRequest) -> Iterator[Site]:
    """The founding articles with how they came out, and beside them a draft with all that happens at a desk.

    A source is asked once in two months, which gives the same outcomes from a twentieth of the checks; pictures
    for the documents are taken from what is really checked.
    """
    url = databases.make("sqlite")
    register_seeds(url)
    store = Store(url, SystemClock())
    draft = registry.register(store, parse_document(_draft()), catalogue=catalogue(), actor="Rita").ids
    with pytest.MonkeyPatch.context() as patched:
        if request.config.getoption("--pictures", default=None) is None:
            patched.setattr(due, "SHORTEST", timedelta(days=60))
            patched.setattr(due, "LONGEST", timedelta(days=60))
        run(url, end=END)
    _work_at_the_desk(store, draft["statements"])
    records = exported(read_ledger(store))
    drafted = {"draft": draft["statements"]["s-bridge"], "draft_question": draft["questions"]["q-bridge"]}
    made = Site(store, records, _ids(records) | drafted, "", "", "")
    many = Store(databases.make("sqlite"), SystemClock())
    Many(OUTCOMES, {"ada": sure(0.9) | dict.fromkeys(range(9), 0.6), "ben": sure(0.4)}).write(many)
    with (
        served(made.app(drafts=False)) as public,
        served(made.app(drafts=True)) as drafts,
        served(create_app(many, drafts=True)) as ranked,
    ):
        yield Site(store, records, made.ids, public, drafts, ranked)
    many.close()
    store.close()


def sure(share: float) -> dict[int, float | str]:
    """Return forecasts that give every outcome the same share."""
    return {number: share if outcome else 1 - share for number, outcome in enumerate(OUTCOMES)}


def _draft() -> make.Item:
    """Return an article nobody has published: words and numbers, a condition, and a word that never ends."""
    return make.document(
        statements=[
            make.statement(claim=f"The crossing is in use by mid-year, as {UNBROKEN} says."),
            make.statement("s-fares", start=60, end=80, kind="conditional", claim="Then fares double."),
        ],
        questions=[
            make.question(resolution_criteria=f"YES if {UNBROKEN} lists it."),
            make.question(
                "q-fares", title="Do fares double?", condition={"question": "q-bridge", "outcome": "yes"}
            ),
        ],
        forecasts=[make.forecast(), make.worded("s-fares", "q-fares")],
    )


def _work_at_the_desk(store: Store, statements: dict[str, str]) -> None:
    """Correct a reading, keep a reply, and blank a claim."""
    replying.reply(
        store,
        "ada-bell",
        "That is not what I said.",
        received_at=store.clock.now(),
        how="By mail",
        actor="Rita",
        statement_id=statements["s-bridge"],
    )
    correct_statement(
        store, statements["s-bridge"], NewReading(claim="It opens by July."), reason="We misread it.", actor="Cora"
    )
    redacting.redact(store, "statement", statements["s-fares"], reason="A court said so.", actor="Lex")


def _ids(records: Records) -> dict[str, str]:
    """Return what the addresses of pages are filled with."""
    summit, promise = said(records, "fourth-summit"), said(records, "stop-short-range")
    optimism = said(records, "detrani-optimism")
    check = proposed_at(records, optimism)
    (checked,) = [row for row in records["checks"] if row["check"] == check]
    return {
        "author": next(row["author"] for row in records["forecasts"] if row["forecast"] == summit["forecast"]),
        "article": summit["article"],
        "asked": next(row["author"] for row in records["forecasts"] if row["forecast"] == optimism["forecast"]),
        "statement": optimism["statement"],
        "question": promise["question"],
        "check": check,
        "source": checked["resource"],
        "evidence": checked["evidence_sha256"],
    }
