"""The site over HTTP: read-only, every page rendered here, from one ledger for each revision."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Protocol

from anyio.to_thread import run_sync
from fastapi import FastAPI, Query, Response
from pydantic import BeforeValidator

from forecasts.ledger import Ledger
from forecasts.scalars import Instant
from forecasts.store import Store
from forecasts.web import pages, views
from forecasts.web.address import end_of_day
from forecasts.web.desk import Desk
from forecasts.web.responses import handle_errors, respond, respond_evidence

UNCACHED = {"Cache-Control": "no-store"}


def read_as_of(value: object) -> object:
    """Take a date alone as the end of that day, and today or nothing as now; leave the rest to be read."""
    day = end_of_day(value) if isinstance(value, str) else None
    if value == "" or (day is not None and datetime.now(UTC).date() == day.date()):
        return None
    return day or value


AsOf = Annotated[Instant | None, BeforeValidator(read_as_of), Query()]


class Monitor(Protocol):
    """How the jobs are doing, for probes and scrapers; both methods block."""

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether all is well, and what to say about it."""
        ...

    def metrics(self) -> str:
        """Return numbers in the text format of Prometheus; raise `StoreError` where they cannot be read."""
        ...


def create_app(store: Store, *, drafts: bool = False, monitor: Monitor | None = None) -> FastAPI:
    """Return the site that shows what is public in a store, or with `drafts` all of it.

    Whoever composes it adds the jobs, and with a `monitor` of them the addresses /healthz and /metrics.
    """
    app = FastAPI(title="calledit", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    desk = Desk(store, drafts=drafts)
    _add_pages(app, desk)
    _add_files(app, desk)
    if monitor is not None:
        _add_probes(app, monitor)
    handle_errors(app)
    return app


def _add_pages(app: FastAPI, desk: Desk) -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])

    async def page(as_of: datetime | None, build: Callable[[Ledger], str]) -> Response:
        return respond(await run_sync(lambda: build(desk.ledger(as_of))))

    @get("/")
    async def home(as_of: AsOf = None) -> Response:
        return await page(as_of, lambda ledger: pages.home_page(views.home_view(ledger), as_of=as_of))

    @get("/authors/{slug}")
    async def author(slug: str, as_of: AsOf = None) -> Response:
        def build(ledger: Ledger) -> str:
            report = desk.report(ledger, slug, as_of)
            return pages.author_page(report, desk.svg(report), desk.curve(report), standalone=False, as_of=as_of)

        return await page(as_of, build)

    @get("/leaderboard")
    async def leaderboard(as_of: AsOf = None) -> Response:
        return await page(
            as_of, lambda ledger: pages.leaderboard_page(desk.leaderboard(ledger, as_of), as_of=as_of)
        )

    @get("/articles/{key}")
    async def article(key: str, as_of: AsOf = None) -> Response:
        return await page(as_of, lambda ledger: pages.article_page(views.article_view(ledger, key), as_of=as_of))

    @get("/statements/{public_id}")
    async def statement(public_id: str, as_of: AsOf = None) -> Response:
        return await page(
            as_of, lambda ledger: pages.statement_page(views.statement_view(ledger, public_id), as_of=as_of)
        )

    @get("/questions/{public_id}")
    async def question(public_id: str, as_of: AsOf = None) -> Response:
        return await page(
            as_of, lambda ledger: pages.question_page(views.question_view(ledger, public_id), as_of=as_of)
        )

    @get("/corrections")
    async def corrections(as_of: AsOf = None) -> Response:
        return await page(
            as_of, lambda ledger: pages.corrections_page(views.corrections_view(ledger), as_of=as_of)
        )

    @get("/checks/{public_id}")
    async def check(public_id: str, as_of: AsOf = None) -> Response:
        return await page(as_of, lambda ledger: pages.check_page(views.check_view(ledger, public_id), as_of=as_of))


def _add_files(app: FastAPI, desk: Desk) -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])

    @get("/authors/{slug}/strip.svg")
    async def strip_svg(slug: str, as_of: AsOf = None) -> Response:
        svg = await run_sync(lambda: desk.svg(desk.report(desk.ledger(as_of), slug, as_of)))
        return respond(svg, "image/svg+xml")

    @get("/authors/{slug}/strip.png")
    async def strip_png(slug: str, as_of: AsOf = None) -> Response:
        png = await run_sync(lambda: desk.png(desk.report(desk.ledger(as_of), slug, as_of)))
        return respond(png, "image/png")

    @get("/evidence/{sha256}")
    async def evidence(sha256: str, as_of: AsOf = None) -> Response:
        body, content_type = await run_sync(lambda: desk.evidence(desk.ledger(as_of), sha256))
        return respond_evidence(sha256, body, content_type)

    @get("/style.css")
    async def style() -> Response:
        return respond(pages.stylesheet(), "text/css")


def _add_probes(app: FastAPI, monitor: Monitor) -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])

    @get("/healthz")
    async def healthz() -> Response:
        well, said = await run_sync(monitor.health)
        content = json.dumps(said) + "\n"
        return respond(content, "application/json", status=200 if well else 503, headers=UNCACHED)

    @get("/metrics")
    async def metrics() -> Response:
        return respond(await run_sync(monitor.metrics), "text/plain; version=0.0.4", headers=UNCACHED)
