"""The archive: bytes kept once by their sha256, compressed, with the type they came with."""

import hashlib
import zlib

from sqlmodel import Session

from forecasts.errors import NotFoundError
from forecasts.store import Transaction
from forecasts.tables import Evidence


def archive(tx: Transaction, body: bytes, content_type: str) -> str:
    """Keep a body unless it is kept already; return its sha256."""
    sha256 = hashlib.sha256(body).hexdigest()
    if tx.session.get(Evidence, sha256) is None:
        tx.append(
            Evidence(
                sha256=sha256, content_type=content_type, size=len(body), body=zlib.compress(body), rev=tx.rev
            )
        )
    return sha256


def retrieve(session: Session, sha256: str) -> tuple[bytes, str]:
    """Return the archived bytes and their content type; raise `NotFoundError` for an unknown hash."""
    row = session.get(Evidence, sha256)
    if row is None:
        raise NotFoundError(f"There is no archived evidence {sha256}.")
    return zlib.decompress(row.body), row.content_type
