"""What counts towards an author's score, and the reason why the rest does not. Pure and versioned.

*broad* counts every primary forecast, stated, worded or read by a coder. *strict* counts stated numbers and
phrases a standard lexicon defines: no bare modals, no coder readings. Only strict may ever rank.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from forecasts.model import Basis, Interval, StatementKind

VERSION = "1"
Policy = Literal["broad", "strict"]
#: The policy whose claims rank.
RANKS: Policy = "strict"
POLICIES: tuple[Policy, ...] = get_args(Policy)

REASONS = {
    "restatement": "it repeats a claim that is counted elsewhere",
    "chain-summary": "it sums up a chain whose steps are counted",
    "rival-reading": "it is a rival reading of a claim that is counted once",
    "scheduled-event": "a scheduled event is nearly certain and says nothing of skill",
    "later-forecast": "the author's first forecast on the question counts",
    "set-aside": "it is set aside for a record that is not public yet",
    "coder-reading": "its number is our reading, which the strict policy leaves out",
    "bare-modal": "a bare modal (may, might, could) is no number, and the strict policy leaves it out",
    "not-a-forecast": "its statement was corrected: it is no forecast",
    "not-checkable": "its statement was corrected: it cannot be checked",
    "event-before-statement": "the event came before the statement, or may have",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What the policy needs to know of one current forecast."""

    id: str
    author: str
    question: str
    kind: StatementKind
    stated_earliest: datetime
    stated_at: datetime
    basis: Basis
    bare_modal: bool = False
    excluded_because: str | None = None
    checkable: bool = True


def exclusions(claims: Iterable[Claim], policy: Policy) -> dict[str, str | None]:
    """Return for each claim the code in `REASONS` that keeps it from counting, or None where it counts.

    Of several claims of one author on one question that could count, the first by `stated_at` does.
    """
    reasons: dict[str, str | None] = {}
    taken: set[tuple[str, str]] = set()
    for claim in sorted(claims, key=lambda claim: (claim.stated_at, claim.id)):
        reason = _own_reason(claim, policy)
        pair = (claim.author, claim.question)
        if reason is None and pair in taken:
            reason = "later-forecast"
        if reason is None:
            taken.add(pair)
        reasons[claim.id] = reason
    return reasons


def _own_reason(claim: Claim, policy: Policy) -> str | None:
    if claim.excluded_because is not None:
        return claim.excluded_because
    if claim.kind in ("restatement", "chain-summary", "scheduled-event", "not-a-forecast"):
        return claim.kind
    if not claim.checkable:
        return "not-checkable"
    if policy == "strict" and claim.basis == "coder":
        return "coder-reading"
    if policy == "strict" and claim.bare_modal:
        return "bare-modal"
    return None


def came_too_late(stated_earliest: datetime, stated_at: datetime, occurred: Interval, *, ruled: bool) -> bool:
    """Whether the deciding event came before the statement, so that it confirms nothing.

    Before `stated_earliest` it always did; up to `stated_at` it may have, and only a person's ruling
    (`ruled`) lets it count.
    """
    return occurred.start < (stated_earliest if ruled else stated_at)
