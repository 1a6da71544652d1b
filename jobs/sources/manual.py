"""A page for people: its bytes are archived, a person reads them and rules.

No machine draws a conclusion from it: it has no rows and no watermark, so it supports neither a yes nor a no.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from forecasts.model import Observation, Request, State
from forecasts.scalars import Strict, Text
from jobs.sources._definition import About
from jobs.sources._queries import Location, read_query, write_query


class ManualQuery(Strict):
    """Where a person is to look, and for what."""

    location: Location = Field(description="an http(s):// address, a file, or seeds: and a name")
    look_for: Text | None = Field(default=None, description="what a person is to look for there")


class Manual:
    """Archives a page for a person; see the module's text."""

    name = "manual"
    version = 1
    about = About(
        reads="A page that is archived for a named person, who rules by hand.",
        kind="snapshot",
        watermarks=("none",),
        query=ManualQuery,
        shows=("page",),
    )

    def canonical(self, query: Mapping[str, object]) -> dict[str, object]:
        """Return the query in canonical form; raise `InvalidInputError` that names path and remedy."""
        return write_query(read_query(ManualQuery, query))

    def request(self, query: Mapping[str, object], *, as_of: datetime, previous: Observation | None) -> Request:
        """Return the address of the page."""
        return Request(read_query(ManualQuery, query).location)

    def parse(
        self,
        body: bytes,
        *,
        query: Mapping[str, object],
        content_type: str,
        fetched_at: datetime,
        previous: Observation | None,
    ) -> Observation:
        """Say whether there is a page, and whether it has changed since the last one."""
        if not body.strip():
            return Observation("empty", problems=("the page is empty",))
        version = hashlib.sha256(body).hexdigest()
        changed = previous is not None and previous.state is not None and previous.state.version != version
        problems = ("the page has changed: a person should read it",) if changed else ()
        return Observation("ok", state=State("archived", version=version), problems=problems)
