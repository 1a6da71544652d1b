"""A page for people: its bytes are archived, a person reads them and rules.

No machine draws a conclusion from it: it has no rows and no watermark, so it supports neither a yes nor a no.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from forecasts.model import Observation, State
from forecasts.scalars import Text
from jobs.sources._definition import About, Located
from jobs.sources._queries import LocatedQuery


class ManualQuery(LocatedQuery):
    """Where a person is to look, and for what."""

    look_for: Text | None = Field(default=None, description="what a person is to look for there")


class Manual(Located):
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
