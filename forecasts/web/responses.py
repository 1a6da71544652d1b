"""Responses with the headers that all of them carry, and a page in a sentence for every error."""

import gzip
import hashlib
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from forecasts.errors import InvalidInputError, NotFoundError, RedactedError, StoreError
from forecasts.web import pages
from forecasts.web.address import Address

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# Archived bytes are somebody else's: a browser shows them as text or saves them, and never runs them.
EVIDENCE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
READABLE = ("text/", "application/json", "application/xml")


class NotYetError(NotFoundError):
    """What was asked for is not in the earlier state asked for, and is in the newest."""


def respond(
    content: str | bytes,
    media_type: str = "text/html",
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a response with the headers that every response carries."""
    return Response(content, status_code=status, media_type=media_type, headers=HEADERS | (headers or {}))


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is kept: compressed, with the tag by which a reader who has it already says so."""

    zipped: bytes
    tag: str
    media_type: str

    @classmethod
    def of(cls, content: str | bytes, media_type: str) -> "Page":
        """Return what a route made, as it is kept."""
        body = content.encode() if isinstance(content, str) else content
        return cls(gzip.compress(body, 6, mtime=0), f'W/"{hashlib.sha256(body).hexdigest()[:32]}"', media_type)


def respond_page(request: Request, page: Page) -> Response:
    """Return a page in the encoding that the reader takes, or 304 where the reader has it.

    Nothing is shown without asking again: what is registered, redacted or taken back is seen at once.
    """
    headers = {"ETag": page.tag, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if known & {page.tag.removeprefix("W/"), "*"}:
        return respond(b"", page.media_type, status=304, headers=headers)
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        return respond(page.zipped, page.media_type, headers=headers | {"Content-Encoding": "gzip"})
    return respond(gzip.decompress(page.zipped), page.media_type, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether a reader takes gzip, by the Accept-Encoding it sent.

    >>> _takes_gzip("gzip, br"), _takes_gzip("br;q=1.0, gzip;q=0"), _takes_gzip("")
    (True, False, False)
    """
    for listed in accepted.lower().split(","):
        coding, _, weight = listed.replace(" ", "").partition(";")
        if coding == "gzip":
            return weight.removeprefix("q=").strip("0.") != "" or not weight
    return False


def respond_evidence(sha256: str, body: bytes, content_type: str) -> Response:
    """Return archived bytes as they came, as plain text where they are text, else to be saved."""
    headers = {"Content-Security-Policy": EVIDENCE_POLICY}
    if content_type.startswith(READABLE):
        return respond(body, "text/plain", headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{sha256}.bin"'
    return respond(body, "application/octet-stream", headers=headers)


def handle_errors(app: FastAPI) -> None:
    """Make every error a page that says in a sentence what is wrong."""
    app.exception_handler(NotFoundError)(_not_found)
    app.exception_handler(NotYetError)(_not_yet)
    app.exception_handler(RedactedError)(_gone)
    app.exception_handler(RequestValidationError)(_unreadable)
    app.exception_handler(InvalidInputError)(_not_understood)
    app.exception_handler(StoreError)(_unavailable)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(Exception)(_failed)


async def _not_found(_request: Request, error: NotFoundError) -> Response:
    sentence = str(error).partition(" Registered: ")[0]  # what there is stands in the lists
    return respond(pages.error_page("Not found", sentence), status=404)


async def _not_yet(request: Request, error: NotYetError) -> Response:
    asked = {name: value for name, value in request.query_params.items() if name not in ("as_of", "rev")}
    now = Address(request.scope["path"], query=asked).now
    return respond(pages.error_page("Not there yet", str(error), now=now), status=404)


async def _gone(_request: Request, error: RedactedError) -> Response:
    return respond(pages.error_page("Redacted", str(error)), status=410)


async def _unreadable(_request: Request, error: RequestValidationError) -> Response:
    wrong = error.errors()[0]
    sentence = f"{wrong['loc'][-1]}: {wrong['msg'].removeprefix('Value error, ')}."
    return respond(pages.error_page("Not understood", sentence), status=400)


async def _not_understood(_request: Request, error: InvalidInputError) -> Response:
    return respond(pages.error_page("Not understood", str(error)), status=400)


async def _unavailable(_request: Request, _error: StoreError) -> Response:
    """Leave out where the database is, which a `StoreError` says."""
    sentence = "The registry cannot be read just now; nothing was changed. Try again in a minute."
    return respond(pages.error_page("Not available", sentence), status=503, headers={"Retry-After": "60"})


async def _refused(_request: Request, error: HTTPException) -> Response:
    """Answer what no route takes: an unknown address, or a method other than GET and HEAD."""
    unknown = error.status_code == 404
    sentence = "There is no such page." if unknown else "These pages are for reading: only GET and HEAD work."
    title = "Not found" if unknown else "Not possible"
    headers = dict(error.headers or {})
    return respond(pages.error_page(title, sentence), status=error.status_code, headers=headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    sentence = "Something is wrong on our side; nothing was changed. The log of the server says what."
    return respond(pages.error_page("An error", sentence), status=500)
