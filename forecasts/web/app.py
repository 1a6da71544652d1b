"""The site over HTTP: read-only, every page rendered here, once for each state of the registry."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Protocol, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI, Query, Request, Response
from pydantic import BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from forecasts.errors import InvalidInputError, NotFoundError, RedactedError, StoreError
from forecasts.kept import Recent, Together
from forecasts.ledger import AsOf, Ledger
from forecasts.scalars import Instant
from forecasts.store import Store
from forecasts.web import author, lists, pages, sources, views
from forecasts.web.address import end_of_day, written
from forecasts.web.article import Passage, article_view
from forecasts.web.badge import badge_view
from forecasts.web.compare import Picked, compare_view
from forecasts.web.desk import About, Desk, State
from forecasts.web.dossier import Asked, dossier_view
from forecasts.web.feed import feed_view
from forecasts.web.method import method_view
from forecasts.web.question import question_view
from forecasts.web.responses import NotYetError, Page, handle_errors, respond, respond_evidence, respond_page

LOCAL = "http://127.0.0.1:8000"
ATOM = "application/atom+xml"
UNCACHED = {"Cache-Control": "no-store"}
#: Bytes of pages kept in memory, compressed, with their keys.
KEPT = 64_000_000
#: Pages made at once, and reads beside them: more would be no sooner, and each holds a connection to the database.
MAKERS, READERS = 4, 4
#: Addresses of kept pages remembered, to know without the database which may be kept.
ADDRESSES = 10_000

Value = TypeVar("Value")


def read_as_of(value: object) -> object:
    """Take a date alone as the end of that day, and today or nothing as now; leave the rest to be read."""
    day = end_of_day(value) if isinstance(value, str) else None
    if value == "" or (day is not None and datetime.now(UTC).date() == day.date()):
        return None
    return day or value


def read_rev(value: object) -> object:
    """Take the number of a revision, as 1 or 1115, and nothing as now; refuse any other text with a sentence."""
    if isinstance(value, str):
        if value and not re.fullmatch("-?[0-9]{1,40}", value):
            raise ValueError(f"{value[:40]!r} is not the number of a revision; write one as in rev=12")
        return int(value) if value else None
    return value


async def _asked(
    as_of: Annotated[Instant | None, BeforeValidator(read_as_of), Query()] = None,
    rev: Annotated[int | None, BeforeValidator(read_rev), Query()] = None,
) -> AsOf:
    """Return the state asked for: by `as_of` (an instant) or by `rev` (a revision), and otherwise that of now."""
    if as_of is not None and rev is not None:
        raise InvalidInputError("as_of and rev both name an earlier state: give one of them.")
    return as_of if rev is None else rev


At = Annotated[AsOf, Depends(_asked)]


def read_page(value: object) -> object:
    """Take the number of a page, as 1 or 20; refuse any other text with a sentence."""
    if isinstance(value, str):
        if not re.fullmatch("[1-9][0-9]{0,8}", value):
            raise ValueError(f"{value[:40]!r} is not the number of a page; pages count from 1")
        return int(value)
    return value


PageNumber = Annotated[int, BeforeValidator(read_page), Query(alias="page")]
Number = Annotated[int, BeforeValidator(read_page), Query()]


class Monitor(Protocol):
    """How the jobs are doing, for probes and scrapers; both methods block."""

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether all is well, and what to say about it."""
        ...

    def metrics(self) -> str:
        """Return numbers in the text format of Prometheus; raise `StoreError` where they cannot be read."""
        ...


def create_app(
    store: Store,
    *,
    drafts: bool = False,
    monitor: Monitor | None = None,
    address: str = LOCAL,
    dispute_window: timedelta | None = None,
) -> FastAPI:
    """Return the site that shows what is public in a store, or with `drafts` all of it.

    `address` is where the public finds it, without a final slash: what is read elsewhere, as a feed or a
    paragraph, links there. `dispute_window` is printed on the page on method.
    Whoever composes it adds the jobs, and with a `monitor` of them the addresses /healthz and /metrics.
    """
    app = FastAPI(title="calledit", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    site = _Site(Desk(store, drafts=drafts))
    news = _Site(Desk(store)) if drafts else site
    app.add_middleware(_Ready, sites=(site, news))
    _add_lists(app, site)
    _add_boards(app, site)
    _add_pages(app, site)
    _add_search(app, site, address)
    _add_sources(app, site)
    _add_method(app, site, dispute_window)
    _add_news(app, news, address, store)
    _add_files(app, site)
    if monitor is not None:
        _add_probes(app, monitor)
    handle_errors(app)
    return app


class _Site:
    """A desk as the routes ask it: nothing here blocks the event loop."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._readers = CapacityLimiter(READERS)
        self._makers = ThreadPoolExecutor(MAKERS, thread_name_prefix="pages")
        self._newest = Together(partial(run_sync, desk.newest))
        self._pages = Recent(KEPT, weigh=lambda key, page: len(str(key)) + len(page.zipped))
        self._plain: set[tuple[Hashable, ...]] = set()

    async def read(self, make: Callable[[], Value]) -> Value:
        """Return what is read in a thread."""
        return await run_sync(make, limiter=self._readers)

    async def state(self, as_of: AsOf) -> State:
        """Return the state asked for, as it is after the latest write."""
        newest = await self._newest.ask()
        if as_of is None:
            return self.desk.state(newest)
        return await self.read(lambda: self.desk.state(newest, as_of))

    async def queue(self, as_of: AsOf, public_id: str | None = None) -> tuple[sources.Due | None, Hashable]:
        """Return when each resource, or only the one named, is due, and what tells that from another time.

        There is no queue of an earlier state, nor of a replay, whose jobs do not run.
        """
        if as_of is not None or (await self._newest.ask()).replay is not None:
            return None, None
        due = await self.read(lambda: self.desk.due(public_id))
        return due, hash(frozenset(due.items()))

    async def page(
        self,
        request: Request,
        as_of: AsOf,
        build: Callable[[Ledger], str | bytes],
        media_type: str = "text/html",
        *,
        about: About = None,
        beside: Hashable = None,
    ) -> Response:
        """Return what `build` makes of the ledger asked for; it is made once for each state and address.

        The ledger holds what the page is `about`. A page that says nothing of it gets all there is in memory.
        So `build` may use the ledger, and the address with its host and query, and nothing else of the request
        but what is named `beside`.
        """
        state = await self.state(as_of)

        def make() -> Page:
            return Page.of(build(self.desk.ledger(state, about)), media_type)

        key = (state.key, as_of, beside, *_address(request))
        made = self._pages.share(key, lambda: self._makers.submit(make))
        try:
            page = made.result() if made.done() else await asyncio.shield(asyncio.wrap_future(made))
        except NotFoundError as error:
            if as_of is None or not isinstance(about, tuple) or isinstance(error, RedactedError):
                raise
            if not await self.read(lambda: self.desk.came_later(state, about)):
                raise
            raise NotYetError(_not_yet(about[0], as_of)) from None
        if beside is None and not request.scope["query_string"]:
            if len(self._plain) >= ADDRESSES:
                self._plain.clear()
            self._plain.add(_address(request))
        return respond_page(request, page)

    async def ready(self, request: Request) -> Response | None:
        """Return the page of an address without a query, if it is kept as the registry is now."""
        address = (request.scope["scheme"], request.headers.get("host"), request.scope["path"])
        if address not in self._plain:
            return None
        state = await self.state(None)
        page = self._pages.peek((state.key, None, None, *address))
        return None if page is None else respond_page(request, page)


class _Ready:
    """Sends pages that are kept before any route is looked for; everything else goes on to the routes."""

    def __init__(self, app: ASGIApp, sites: Iterable[_Site]) -> None:
        self._app = app
        self._sites = tuple(dict.fromkeys(sites))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and not scope["query_string"]:
            for site in self._sites:
                with suppress(StoreError):  # the route says what is wrong
                    page = await site.ready(Request(scope))
                    if page is not None:
                        await page(scope, receive, send)
                        return
        await self._app(scope, receive, send)


def _address(request: Request) -> tuple[Hashable, ...]:
    """Return the address asked for, however its query is ordered and its earlier state is spelled."""
    query = (pair for pair in request.query_params.multi_items() if pair[0] not in ("as_of", "rev"))
    return (request.scope["scheme"], request.headers.get("host"), request.scope["path"], *sorted(query))


def _not_yet(kind: str, as_of: datetime | int) -> str:
    """Return in a sentence that an earlier state does not show what there is now."""
    then = f"as of {written(as_of)}" if isinstance(as_of, datetime) else f"at revision {as_of}"
    return f"The registry did not show this {kind} yet {then}: it was registered, or made public, later."


def _add_pages(app: FastAPI, site: "_Site") -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])
    desk, page = site.desk, site.page

    @get("/authors/{slug}")
    async def author_page(request: Request, slug: str, as_of: At) -> Response:
        asked = author.read_asked(request.query_params)

        def build(ledger: Ledger) -> str:
            report = desk.report(ledger, slug, as_of, past_only=asked.deadline == "past")
            return pages.author_page(report, desk.pictures(report), standalone=False, as_of=as_of, asked=asked)

        return await page(request, as_of, build, about=("author", slug))

    @get("/statements/{public_id}")
    async def statement(request: Request, public_id: str, as_of: At) -> Response:
        return await page(
            request,
            as_of,
            lambda ledger: pages.statement_page(views.statement_view(ledger, public_id), as_of=as_of),
            about=("statement", public_id),
        )


def _add_search(app: FastAPI, site: "_Site", address: str) -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])
    desk, page = site.desk, site.page

    @get("/dossier")
    async def dossier(
        request: Request, asked: Annotated[Asked, Depends()], as_of: At, number: PageNumber = 1
    ) -> Response:
        def build(ledger: Ledger) -> str:
            now = desk.now(ledger, as_of)
            view = dossier_view(ledger, asked, desk.find, now, page=number, site=address)
            return pages.dossier_page(view, as_of=as_of)

        return await page(request, as_of, build, about="everybody" if asked.author.strip() else None)

    @get("/articles/{key}")
    async def article(
        request: Request, key: str, asked: Annotated[Passage, Depends()], as_of: At, number: PageNumber = 1
    ) -> Response:
        def build(ledger: Ledger) -> str:
            return pages.article_page(article_view(ledger, key, asked, page=number), as_of=as_of)

        return await page(request, as_of, build, about=("article", key))

    @get("/compare")
    async def compare(
        request: Request, picked: Annotated[Picked, Depends()], as_of: At, number: PageNumber = 1
    ) -> Response:
        def build(ledger: Ledger) -> str:
            board = desk.leaderboard(ledger, as_of)
            view = compare_view(ledger, board, picked, desk.now(ledger, as_of), page=number)
            return pages.compare_page(view, as_of=as_of)

        return await page(request, as_of, build, about="everybody" if len(picked.given) > 1 else None)


def _add_lists(app: FastAPI, site: "_Site") -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])
    page = site.page

    @get("/")
    async def home(request: Request, as_of: At) -> Response:
        return await page(
            request, as_of, lambda ledger: pages.home_page(lists.home_view(ledger), as_of=as_of), about="everybody"
        )

    @get("/authors")
    async def authors(request: Request, as_of: At, number: PageNumber = 1) -> Response:
        def build(ledger: Ledger) -> str:
            return pages.authors_page(
                lists.authors_view(ledger, site.desk.now(ledger, as_of), number), as_of=as_of
            )

        return await page(request, as_of, build, about="everybody")

    @get("/articles")
    async def articles(request: Request, as_of: At, number: PageNumber = 1) -> Response:
        def build(ledger: Ledger) -> str:
            return pages.articles_page(lists.articles_view(ledger, number), as_of=as_of)

        return await page(request, as_of, build, about="everybody")

    @get("/questions")
    async def questions(request: Request, as_of: At, number: PageNumber = 1, state: str | None = None) -> Response:
        def build(ledger: Ledger) -> str:
            return pages.questions_page(lists.questions_view(ledger, number, state), as_of=as_of)

        return await page(request, as_of, build, about="everybody")

    @get("/corrections")
    async def corrections(request: Request, as_of: At, number: PageNumber = 1) -> Response:
        def build(ledger: Ledger) -> str:
            return pages.corrections_page(lists.corrections_view(ledger, number), as_of=as_of)

        return await page(request, as_of, build)


def _add_boards(app: FastAPI, site: "_Site") -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])
    desk, page = site.desk, site.page

    @get("/leaderboard")
    async def leaderboard(request: Request, as_of: At, number: PageNumber = 1, others: Number = 1) -> Response:
        def build(ledger: Ledger) -> str:
            board = desk.leaderboard(ledger, as_of)
            return pages.leaderboard_page(board, as_of=as_of, page=number, others=others)

        return await page(request, as_of, build, about="everybody")

    @get("/leaderboard/{slug}")
    async def standing(
        request: Request, slug: str, as_of: At, number: PageNumber = 1, pairs: Number = 1
    ) -> Response:
        def build(ledger: Ledger) -> str:
            board = desk.leaderboard(ledger, as_of)
            return pages.standing_page(board, slug, as_of=as_of, page=number, pairs=pairs)

        return await page(request, as_of, build, about="everybody")


def _add_sources(app: FastAPI, site: "_Site") -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])
    page = site.page

    @get("/questions/{public_id}")
    async def question(
        request: Request,
        public_id: str,
        as_of: At,
        *,
        number: PageNumber = 1,
        forecasts: Number = 1,
        checks: str = "changes",
    ) -> Response:
        def build(ledger: Ledger) -> str:
            view = question_view(ledger, public_id, page=number, forecasts=forecasts, checks=checks)
            return pages.question_page(view, as_of=as_of)

        return await page(request, as_of, build, about=("question", public_id))

    @get("/sources")
    async def resources(request: Request, as_of: At, number: PageNumber = 1) -> Response:
        due, stamp = await site.queue(as_of)

        def build(ledger: Ledger) -> str:
            return pages.sources_page(sources.sources_view(ledger, number, due=due), as_of=as_of)

        return await page(request, as_of, build, beside=stamp)

    @get("/sources/{public_id}")
    async def resource(
        request: Request, public_id: str, as_of: At, number: PageNumber = 1, questions: Number = 1
    ) -> Response:
        due, stamp = await site.queue(as_of, public_id)

        def build(ledger: Ledger) -> str:
            view = sources.source_view(ledger, public_id, page=number, questions=questions, due=due)
            return pages.source_page(view, as_of=as_of)

        return await page(request, as_of, build, about=("source", public_id), beside=stamp)

    @get("/checks/{public_id}")
    async def check(request: Request, public_id: str, as_of: At) -> Response:
        def build(ledger: Ledger) -> str:
            return pages.check_page(sources.check_view(ledger, public_id), as_of=as_of)

        return await page(request, as_of, build, about=("check", public_id))


def _add_method(app: FastAPI, site: "_Site", dispute_window: timedelta | None) -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])

    @get("/method")
    async def method(request: Request, as_of: At) -> Response:
        def build(ledger: Ledger) -> str:
            return pages.method_page(method_view(ledger, dispute_window), as_of=as_of)

        return await site.page(request, as_of, build, about="everybody")


def _add_news(app: FastAPI, public: "_Site", address: str, store: Store) -> None:
    """Add what is read elsewhere: it never holds a draft, also where the pages do."""
    get = partial(app.api_route, methods=["GET", "HEAD"])

    @get("/feed.atom")
    async def feed(request: Request, as_of: At) -> Response:
        return await public.page(
            request, as_of, lambda ledger: pages.atom(feed_view(ledger, address=address)), ATOM
        )

    @get("/authors/{slug}/feed.atom")
    async def author_feed(request: Request, slug: str, as_of: At) -> Response:
        return await public.page(
            request, as_of, lambda ledger: pages.atom(feed_view(ledger, slug, address=address)), ATOM
        )

    @get("/authors/{slug}/badge.svg")
    async def badge(request: Request, slug: str, as_of: At) -> Response:
        def build(ledger: Ledger) -> str:
            return pages.badge(badge_view(ledger, slug, ledger.moment(as_of, store.clock)))

        return await public.page(request, as_of, build, "image/svg+xml", about=("author", slug))


def _add_files(app: FastAPI, site: "_Site") -> None:
    get = partial(app.api_route, methods=["GET", "HEAD"])
    desk = site.desk

    for name in author.FILES:
        get(f"/authors/{{slug}}/{name}")(_author_file(site, name))

    @get("/evidence/{sha256}")
    async def evidence(sha256: str, as_of: At) -> Response:
        """Return archived bytes, which may be large and are not kept in memory."""
        state = await site.state(as_of)
        body, content_type = await site.read(
            lambda: desk.evidence(desk.ledger(state, ("evidence", sha256)), sha256)
        )
        return respond_evidence(sha256, body, content_type)

    @get("/style.css")
    async def style() -> Response:
        return respond(pages.stylesheet(), "text/css")


def _author_file(site: "_Site", name: str) -> Callable[..., Awaitable[Response]]:
    async def author_file(request: Request, slug: str, as_of: At) -> Response:
        past_only = author.read_asked(request.query_params).deadline == "past"

        def build(ledger: Ledger) -> str | bytes:
            report = site.desk.report(ledger, slug, as_of, past_only=past_only)
            return site.desk.author_file(report, name)

        return await site.page(request, as_of, build, author.FILES[name], about=("author", slug))

    return author_file


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
