"""Fetching over HTTP and from files, within caps of time and size; the only importer of httpx.

A failure is an answer too: `fetch` never raises, it says in `problem` why there is no usable body.
"""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from anyio.from_thread import start_blocking_portal

from forecasts.model import Request, Response

SEEDS = "seeds:"


class HttpFetcher:
    """Fetches `http(s)://`, files, and `seeds:NAME` (a file of the packaged seeds).

    `routes` sends a location elsewhere, as a replay does to serve a table as of its simulated instant;
    with `routes_only` nothing else is fetched. One client and its connections live as long as the fetcher.
    """

    def __init__(
        self,
        *,
        seconds: float,
        max_bytes: int,
        contact: str,
        routes: Mapping[str, str] | None = None,
        routes_only: bool = False,
    ) -> None:
        self.seconds = seconds
        self.max_bytes = max_bytes
        self.routes = dict(routes or {})
        self.routes_only = routes_only
        self._agent = f"calledit/{version('calledit')} ({contact}) httpx/{httpx.__version__}"
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal())
        self._client = httpx.AsyncClient(
            headers={"User-Agent": self._agent, "Accept-Encoding": "gzip, identity"},
            follow_redirects=True,
            max_redirects=5,
            event_hooks={"request": [_refuse_bad_port]},
            timeout=None,  # noqa: S113  (httpx bounds one read; `_fetch_http` bounds the whole answer)
            limits=httpx.Limits(max_connections=10),
        )

    def close(self) -> None:
        """Close every connection."""
        self._portal.call(self._client.aclose)
        self._stack.close()

    def fetch(self, request: Request) -> Response:
        """Ask for the location, conditionally where a validator is given."""
        location = self.routes.get(request.location, request.location)
        if self.routes_only and request.location not in self.routes:
            return _failed(
                "a replay cannot ask a live address what it said in the past; give a recording with --table"
            )
        if location.startswith(("http://", "https://")):
            return self._portal.call(self._fetch_http, location, request)
        return self._read_file(location)

    async def _fetch_http(self, location: str, request: Request) -> Response:
        headers = {}
        if request.etag:
            headers["If-None-Match"] = request.etag
        if request.last_modified:
            headers["If-Modified-Since"] = request.last_modified
        try:
            async with (
                asyncio.timeout(self.seconds),
                self._client.stream("GET", location, headers=headers) as answer,
            ):
                return await self._read_answer(answer)
        except TimeoutError:
            return _failed(f"no complete answer within {self.seconds:g} seconds")
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            detail = str(error) or type(error).__name__
            return _failed(f"the request failed: {detail}")

    async def _read_answer(self, answer: httpx.Response) -> Response:
        body = bytearray()
        async for chunk in answer.aiter_bytes(65536):
            body += chunk
            if len(body) > self.max_bytes:
                return _failed(f"the body is larger than {self.max_bytes} bytes", answer.status_code)
        return Response(
            status=answer.status_code,
            body=bytes(body),
            content_type=answer.headers.get("content-type", ""),
            etag=_validator(answer.headers.get("etag")),
            last_modified=_validator(answer.headers.get("last-modified")),
            date=_http_date(answer.headers.get("date")),
            retry_after=_seconds(answer.headers.get("retry-after")),
        )

    def _read_file(self, location: str) -> Response:
        path = local_path(location)
        try:
            if path.exists() and not path.is_file():
                return _failed(f"the file cannot be read: {location} is a directory or a device")
            if path.stat().st_size > self.max_bytes:
                return _failed(f"the file is larger than {self.max_bytes} bytes")
            body = path.read_bytes()
        except (OSError, ValueError) as error:
            return _failed(f"the file cannot be read: {getattr(error, 'strerror', None) or error}")
        return Response(200, body, "", None, None, None, None)


async def _refuse_bad_port(request: httpx.Request) -> None:
    """Refuse, on every hop, a port no socket can have: connecting would raise what is no `httpx.HTTPError`."""
    if request.url.port is not None and not 0 < request.url.port < 65536:
        raise httpx.InvalidURL(f"there is no port {request.url.port}")


def local_path(location: str) -> Path:
    """Return the file a location other than http(s) names."""
    if location.startswith(SEEDS):
        return Path(str(files("seeds") / location.removeprefix(SEEDS)))
    if location.startswith("file://"):
        return Path(unquote(urlsplit(location).path))
    return Path(location)


def _failed(problem: str, status: int | None = None) -> Response:
    return Response(status, b"", "", None, None, None, None, problem)


def _validator(value: str | None) -> str | None:
    """Return a validator that can be sent back as it came; one that is not ASCII cannot."""
    return value if value and value.isascii() else None


def _http_date(value: str | None) -> datetime | None:
    try:
        instant = parsedate_to_datetime(value) if value else None
        if instant is None or instant.tzinfo is not None:
            return instant and instant.astimezone(UTC)
        return instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _seconds(value: str | None) -> float | None:
    """Read the seconds form of Retry-After."""
    return float(value) if value and value.isascii() and value.isdigit() else None
