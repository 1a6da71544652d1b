"""The archive, read back: what is kept of an answer, what its source reads in it, and what followed."""

import hashlib
import json
from dataclasses import replace
from typing import Any, cast

from sqlmodel import Session

from forecasts.criteria import load_query
from forecasts.errors import InvalidInputError, NotFoundError, RedactedError, StoreError
from forecasts.evidence import retrieve_from
from forecasts.exchange.export import check_record, records
from forecasts.exchange.trace import verdicts
from forecasts.ledger import Ledger
from forecasts.model import CheckStatus, Observation, SourceCatalogue, iso
from forecasts.tables import Check
from jobs.observed import as_checked, described

Record = dict[str, Any]

_SHOWN = (
    "check",
    "resource",
    "source",
    "source_version",
    "query",
    "fetched_at",
    "status",
    "sound",
    "problem",
    "http_status",
    "headers",
    "watermark",
    "rows",
    "publication",
)


def find(ledger: Ledger, wanted: str) -> str:
    """Return the hash that a hash or the id of a check stands for; raise `NotFoundError` for any other."""
    if not wanted.startswith("c-"):
        if wanted not in ledger.evidence:
            raise NotFoundError(f"There is no archived evidence {wanted!r}; give a sha256 or the id of a check.")
        return wanted
    for check in ledger.checks.values():
        if check.public_id == wanted:
            if check.evidence_sha256 is None:
                raise NotFoundError(f"Nothing was archived by {wanted}: {check.problem or check.status}.")
            return check.evidence_sha256
    raise NotFoundError(f"There is no check {wanted!r}.")


def body_of(session: Session, ledger: Ledger, sha256: str) -> tuple[bytes, str]:
    """Return archived bytes with their type, after holding them against their hash.

    Raises `NotFoundError`, `RedactedError` and, for bytes that are not what was archived, `StoreError`.
    """
    body, content_type = retrieve_from(session, ledger, sha256)
    if hashlib.sha256(body).hexdigest() != sha256:
        raise StoreError(f"The archived bytes {sha256} are not what was archived; restore them from a backup.")
    return body, content_type


def record(session: Session, ledger: Ledger, catalogue: SourceCatalogue, sha256: str) -> tuple[Record, bytes]:
    """Return all that is known of archived bytes, and the bytes (none where they were redacted).

    `checks` holds every fetch that answered with them, `read` what each resource's source reads in them,
    `verdicts` and `resolutions` what followed.
    """
    redacted = ledger.redacted("evidence", sha256)
    try:
        body, content_type = body_of(session, ledger, sha256)
    except RedactedError:
        body, content_type = b"", ""
    held = sorted(
        (check for check in ledger.checks.values() if check.evidence_sha256 == sha256),
        key=lambda check: (check.checked_at, check.public_id),
    )
    ids = {check.public_id for check in held}
    found = {
        "evidence": sha256,
        "size": None if redacted else len(body),
        "content_type": content_type or None,
        "redacted": redacted,
        "checks": [_check(ledger, check) for check in held],
        "read": [] if redacted else _read(ledger, catalogue, held, body),
        "verdicts": [row for row in verdicts(ledger) if row["check"] in ids],
        "resolutions": [row for row in records(ledger, "resolutions") if row["evidence_sha256"] == sha256],
    }
    return found, body


def _check(ledger: Ledger, check: Check) -> Record:
    """Return what is shown of a check that brought the bytes: its record, with the headers they came with."""
    record = check_record(ledger, check)
    record["fetched_at"] = record["checked_at"]
    record["headers"] = json.loads(check.headers) if check.headers else None
    return {name: record[name] for name in _SHOWN}


def _read(ledger: Ledger, catalogue: SourceCatalogue, held: list[Check], body: bytes) -> list[Record]:
    """Return what the source of each resource reads in the bytes, as of the first check that had them.

    Where a later check took the same bytes another way (not for sound, or as trusted again), as of that one too.
    """
    first: dict[tuple[object, ...], Check] = {}
    for check in held:
        first.setdefault((check.resource_id, check.status, check.sound, check.trusted_from), check)
    return [_read_by(ledger, catalogue, check, body) for check in first.values()]


def _read_by(ledger: Ledger, catalogue: SourceCatalogue, check: Check, body: bytes) -> Record:
    """Return what a check knew: what it said of the answer, and the rows or the state it read in it.

    Parsing is pure, so these are what the check saw. A source that is of another version by now may read others.
    """
    resource = ledger.resources[check.resource_id]
    about = {"resource": resource.public_id, "source": resource.source, "as_of": iso(check.checked_at)}
    try:
        source = catalogue.get(resource.source)
    except InvalidInputError as error:
        return about | {"source_version": None, "problem": str(error)}
    observation = source.parse(
        body,
        query=load_query(resource.query),
        content_type=check.content_type or "",
        fetched_at=check.checked_at,
        previous=None,
    )
    if source.version == check.source_version:
        if observation.status == check.status:
            observation = as_checked(observation, check)
        else:  # what can be read may have come when the clocks were apart
            observation = Observation(cast("CheckStatus", check.status))
        observation = replace(observation, problems=(check.problem,) if check.problem else ())
    return about | {"source_version": source.version, "sound": check.sound, **described(observation)}
