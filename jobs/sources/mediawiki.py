"""A page of a wiki, through the MediaWiki API: whether it is there, and whether its text says something.

Anybody may edit a wiki, so a state counts only when it has stood for the whole lag of the watermark; an edit
undone within that time never stood. A wiki answers errors, and requests it postpones, with status 200.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field

from forecasts.errors import InvalidInputError
from forecasts.model import Interval, Observation, Request, State, iso
from forecasts.scalars import Strict, Word
from jobs.sources._bodies import (
    UnreadableError,
    decode,
    instant_of,
    load_json,
    member,
    quoted,
    refused,
    text_of,
)
from jobs.sources._definition import About, Queried
from jobs.sources._queries import FetchTime, Service, read_query, write_query

REVISIONS = 20  # read in one answer
_REDIRECT = re.compile(r"\s*#redirect\b", re.IGNORECASE)
_POSTPONED = ("maxlag", "ratelimited", "readonly", "actionthrottledtext")
Standing = Literal["present", "found", "not-found", "redirect"]


class WikiQuery(Strict):
    """Which page of which wiki, and what its text is to say."""

    service: Service = Field(description="the address of the wiki's api.php")
    watermark: FetchTime = Field(description="how long a state must have stood, as a lag before the fetch")
    title: Word | None = Field(default=None, description="the title of the page")
    page_id: Annotated[int, Field(ge=1, le=10**12)] | None = Field(
        default=None, description="the number of the page instead, which survives a move"
    )
    find: Annotated[list[Word], Field(max_length=20)] = Field(
        default=[], description="what the wikitext of the page must all contain, letter by letter"
    )


class MediaWiki(Queried):
    """Reads one page of a wiki; see the module's text."""

    name = "mediawiki"
    version = 1
    about = About(
        reads="A page of a wiki: present, found or not-found (a text in it), redirect, deleted or missing.",
        kind="query",
        watermarks=("fetch_time",),
        query=WikiQuery,
        shows=("words",),
    )

    def canonical(self, query: Mapping[str, object]) -> dict[str, object]:
        """Return the query in canonical form; raise `InvalidInputError` that names path and remedy."""
        read = read_query(WikiQuery, query)
        if (read.title is None) == (read.page_id is None):
            raise InvalidInputError("query: give either title or page_id")
        if read.title is not None and re.search(r"[|#<>\[\]{}\n]", read.title):
            raise InvalidInputError("query.title: no title has any of | # < > [ ] { }; give one title")
        return write_query(read)

    def request(self, query: Mapping[str, object], *, as_of: datetime, previous: Observation | None) -> Request:
        """Return the address of the page's revisions as of an instant, and of its latest deletion."""
        read = read_query(WikiQuery, query)
        parameters: dict[str, object] = {
            "action": "query",
            "format": "json",
            "formatversion": 2,
            "maxlag": 5,
            "prop": "info|revisions",
            "rvprop": "ids|timestamp|sha1|content",
            "rvslots": "main",
            "rvlimit": REVISIONS,
            "rvstart": iso(as_of.replace(microsecond=0)),
            "rvdir": "older",
        }
        if read.title is None:
            parameters["pageids"] = read.page_id
        else:
            deletions = {"list": "logevents", "leaction": "delete/delete", "letitle": read.title, "lelimit": 1}
            parameters |= {"titles": read.title} | deletions
        return Request(f"{read.service}?{urlencode(parameters)}")

    def parse(
        self,
        body: bytes,
        *,
        query: Mapping[str, object],
        content_type: str,
        fetched_at: datetime,
        previous: Observation | None,
    ) -> Observation:
        """Read one body; `ok` without a state where the page's state has not stood long enough."""
        read = read_query(WikiQuery, query)
        try:
            answer = load_json(decode(body, content_type, "JSON"))
            postponed = _refusal(answer)
            if postponed is not None:
                return postponed
            state, problems = _state(answer, read, fetched_at)
        except UnreadableError as error:
            return refused(body, error)
        return Observation(
            "ok",
            state=state,
            watermark=read.watermark.instant(fetched_at) if state is not None else None,
            problems=(*problems, *_warnings(answer)),
        )


@dataclass(frozen=True, slots=True)
class _Revision:
    """One edition of the page."""

    id: str
    at: datetime
    sha1: str
    standing: Standing | None  # None where its text is hidden


def _refusal(answer: Any) -> Observation | None:
    """Return the observation for a request that was postponed; raise `UnreadableError` for any other error."""
    error = member(answer, "error")
    if error is None:
        return None
    code, info = quoted(member(error, "code")), quoted(member(error, "info"))
    said = f"the wiki answered {code or 'an error'}: {info}" if info else f"the wiki answered {code or 'an error'}"
    if code in _POSTPONED:
        return Observation("throttled", problems=(said,))
    raise UnreadableError(said)


def _warnings(answer: Any) -> list[str]:
    """Return what the wiki warns of, as after a mistyped parameter."""
    warnings = member(answer, "warnings")
    parts = warnings.items() if isinstance(warnings, dict) else ()
    return [f"the wiki warns about {quoted(name)}: {quoted(member(what, 'warnings'))}" for name, what in parts][:5]


def _state(answer: Any, query: WikiQuery, fetched_at: datetime) -> tuple[State | None, list[str]]:
    page = _page(answer)
    stood_by = query.watermark.instant(fetched_at)
    if page.get("missing") is True:
        return _gone(answer, stood_by)
    revisions = [_revision(value, query) for value in _list(page.get("revisions"))]
    if not revisions:
        raise UnreadableError("the answer has the page, but none of its revisions")
    if any(later.at < earlier.at for later, earlier in pairwise(revisions)):
        raise UnreadableError("the revisions of the page are not in order")
    stood = _without_undone(revisions, query.watermark.lag)
    newest = stood[0]
    if newest.standing is None:
        return None, ["the text of the page is hidden"]
    run = [newest]
    for revision in stood[1:]:
        if revision.standing != newest.standing:
            break
        run.append(revision)
    since = run[-1].at
    if since > stood_by:
        return None, [
            f"the page is known as it is only since {iso(since)}; what counts has stood since {iso(stood_by)}"
        ]
    return State(newest.standing, since=Interval(since, since), version=revisions[0].id), []


def _page(answer: Any) -> dict[str, Any]:
    pages = _list(member(member(answer, "query"), "pages"))
    if len(pages) != 1 or not isinstance(pages[0], dict):
        raise UnreadableError("the answer is not about one page; " + "; ".join(_warnings(answer)))
    page: dict[str, Any] = pages[0]
    if page.get("invalid") is True:
        raise UnreadableError(f"the wiki takes this for no title: {quoted(page.get('invalidreason'))}")
    return page


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _gone(answer: Any, stood_by: datetime) -> tuple[State | None, list[str]]:
    """Return the state of a page that is not there: deleted where the log says so, else missing."""
    for entry in _list(member(member(answer, "query"), "logevents")):
        at = _instant(member(entry, "timestamp"))
        if at > stood_by:
            return None, [f"the page was deleted at {iso(at)}; what counts has stood since {iso(stood_by)}"]
        return State("deleted", since=Interval(at, at), version=f"log {text_of(member(entry, 'logid'))}"), []
    return State("missing"), []


def _revision(value: Any, query: WikiQuery) -> _Revision:
    content = member(member(member(value, "slots"), "main"), "content")
    standing: Standing | None = None
    if isinstance(content, str):
        if _REDIRECT.match(content):
            standing = "redirect"
        elif not query.find:
            standing = "present"
        else:
            standing = "found" if all(text in content for text in query.find) else "not-found"
    return _Revision(
        text_of(member(value, "revid")),
        _instant(member(value, "timestamp")),
        text_of(member(value, "sha1")),
        standing,
    )


def _instant(value: Any) -> datetime:
    at = instant_of(value, None) if isinstance(value, str) else None
    if at is None:
        raise UnreadableError("a revision or a deletion of the page has no time that can be read")
    return at


def _without_undone(revisions: list[_Revision], lag: timedelta) -> list[_Revision]:
    """Return the revisions, newest first, without those that were undone within `lag`.

    A later revision with the same sha1 restored what an earlier one said; what stood between them never stood
    if it was there for less than `lag`. The run of both is dated by the earlier.
    """
    stood: list[_Revision] = []
    position = 0
    while position < len(revisions):
        restored = _restored(revisions, position, lag)
        if restored is None:
            stood.append(revisions[position])
        position = restored or position + 1
    return stood


def _restored(revisions: list[_Revision], position: int, lag: timedelta) -> int | None:
    """Return the place of the oldest revision that one restored within `lag`, if it restored any."""
    current = revisions[position]
    for earlier in range(len(revisions) - 1, position, -1):
        first_undone = revisions[earlier - 1].at
        if current.sha1 and revisions[earlier].sha1 == current.sha1 and current.at - first_undone < lag:
            return earlier
    return None
