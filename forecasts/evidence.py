"""The archive: bytes kept once by their sha256, compressed, with the type they came with."""

import hashlib
import zlib
from typing import TYPE_CHECKING

from sqlmodel import Session

from forecasts.errors import NotFoundError, RedactedError
from forecasts.redacting import redaction_of
from forecasts.store import Transaction
from forecasts.tables import Evidence

if TYPE_CHECKING:
    from forecasts.ledger import Ledger


def archive(tx: Transaction, body: bytes, content_type: str) -> str:
    """Keep a body unless it is kept, or was redacted, already; return its sha256."""
    sha256 = hashlib.sha256(body).hexdigest()
    if tx.session.get(Evidence, sha256) is None:
        tx.append(
            Evidence(
                sha256=sha256, content_type=content_type, size=len(body), body=zlib.compress(body), rev=tx.rev
            )
        )
    return sha256


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
