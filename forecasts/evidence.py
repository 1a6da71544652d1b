"""The archive: bytes kept once by their sha256, compressed, with the type they came with."""

import hashlib
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from sqlmodel import Session, col, select

from forecasts.errors import NotFoundError, RedactedError
from forecasts.redacting import redaction_of
from forecasts.store import Transaction
from forecasts.tables import Evidence

if TYPE_CHECKING:
    from forecasts.ledger import Ledger


class Packed(NamedTuple):
    """A body as it is kept: compressed, under the sha256 of what was compressed, with its own size."""

    sha256: str
    content_type: str
    size: int
    body: bytes


def pack(body: bytes, content_type: str, sha256: str | None = None) -> Packed:
    """Compress a body, whose hash may be known already; this needs no transaction."""
    hashed = sha256 or hashlib.sha256(body).hexdigest()
    return Packed(hashed, content_type, len(body), zlib.compress(body))


def archive(tx: Transaction, body: bytes, content_type: str) -> str:
    """Keep a body unless it is kept, or was redacted, already; return its sha256."""
    packed = pack(body, content_type)
    archive_packed(tx, [packed])
    return packed.sha256


def archive_packed(tx: Transaction, bodies: Iterable[Packed]) -> None:
    """Keep bodies unless they are kept, or were redacted, already."""
    new = {packed.sha256: packed for packed in bodies}
    known = tx.session.exec(select(Evidence.sha256).where(col(Evidence.sha256).in_(new))).all() if new else ()
    tx.insert(Evidence, [packed._asdict() for sha256, packed in new.items() if sha256 not in known])


def retrieve(session: Session, sha256: str) -> tuple[bytes, str]:
    """Return the archived bytes and their content type.

    Raises `NotFoundError` for an unknown hash and `RedactedError` where the bytes were blanked.
    """
    row = session.get(Evidence, sha256)
    if row is None:
        raise NotFoundError(f"There is no archived evidence {sha256}.")
    if not row.body:  # even nothing, compressed, takes some bytes
        raise RedactedError(f"This evidence was {redaction_of(session, 'evidence', sha256)}.")
    return zlib.decompress(row.body), row.content_type


def retrieve_from(session: Session, ledger: "Ledger", sha256: str) -> tuple[bytes, str]:
    """Return archived bytes that something in a ledger rests on; raise `NotFoundError` for any other."""
    if sha256 not in ledger.evidence:
        raise NotFoundError(f"There is no archived evidence {sha256}.")
    return retrieve(session, sha256)
