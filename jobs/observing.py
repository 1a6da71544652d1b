"""What the sources said at earlier checks, read again from the archive and kept for as long as there is room."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlmodel import Session

from forecasts import criteria
from forecasts.evidence import retrieve
from forecasts.model import Observation, SourceCatalogue
from forecasts.tables import Resource
from jobs.board import Seen
from jobs.observed import as_checked

REMEMBERED_BYTES = 4_000_000  # of bodies; what is read from one takes some ten times as much
LARGE = 250_000  # bytes of a body that is not remembered, and of which no two are read at a time


class Observations:
    """Observations of sound checks, those of small bodies remembered; safe to share among threads."""

    def __init__(self, catalogue: SourceCatalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[object, ...], tuple[Observation, int]] = {}
        self._at_hand: dict[tuple[object, ...], tuple[Observation, int]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, session: Session, check: Seen) -> Observation:
        """Read a sound check's archived bytes again, unless they were read just now.

        Raises `RedactedError` where they were blanked.
        """
        if check.evidence_sha256 is None:
            raise AssertionError("a sound check has evidence")
        known = self.known(check)
        if known is not None:
            return known
        resource = session.get_one(Resource, check.resource_id)
        body, _ = retrieve(session, check.evidence_sha256)
        observation = self._catalogue.get(resource.source).parse(
            body,
            query=criteria.load_query(resource.query),
            content_type=check.content_type or "",
            fetched_at=check.checked_at,
            previous=None,
        )
        observation = as_checked(observation, check)
        self._remember(_key(check), observation, len(body))
        return observation

    def known(self, check: Seen) -> Observation | None:
        """Return what was read just now, if it was."""
        known = self._at_hand.get(_key(check)) or self._known.get(_key(check))
        return known[0] if known is not None else None

    @contextmanager
    def at_hand(self, written: Iterable[tuple[Seen, Observation, int]]) -> Iterator[None]:
        """Have what was just read at hand, however large, and remember it."""
        self._at_hand = {_key(check): (observation, size) for check, observation, size in written}
        try:
            yield
        finally:
            for key, (observation, size) in self._at_hand.items():
                self._remember(key, observation, size)
            self._at_hand = {}

    def _remember(self, key: tuple[object, ...], observation: Observation, size: int) -> None:
        """Keep what was read from a body of `size` bytes, for as long as there is room."""
        if size > LARGE:
            return
        with self._lock:
            _, before = self._known.pop(key, (None, 0))
            self._known[key] = observation, size
            self._bytes += size - before
            while self._bytes > REMEMBERED_BYTES:
                self._bytes -= self._known.pop(next(iter(self._known)))[1]


def _key(check: Seen) -> tuple[object, ...]:
    """Return what an observation follows from: never the row id, which a transaction rolled back gives away."""
    return check.resource_id, check.evidence_sha256, check.checked_at, check.trusted_from
