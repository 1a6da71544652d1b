"""The claims of a report in the one order in which pictures, tables and lists number them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecasts.reports import Report

#: Where a claim stands, from what is scored to what cannot be checked.
STATES = ("scored", "overdue", "open", "annulled", "ambiguous", "not counted", "no forecast", "cannot be checked")


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement with its number, its primary forecast, where it stands, and whether its deadline has passed."""

    number: int
    statement: dict[str, Any]
    forecast: dict[str, Any] | None
    state: str
    past: bool


def in_order(report: "Report") -> list[Claim]:
    """Return every claim: what is scored first, then by where it stands, each by its deadline."""
    now = datetime.fromisoformat(report["now"])
    found = [_claim(statement, now) for statement in report["statements"]]
    found.sort(key=lambda claim: (STATES.index(claim.state), claim.forecast["deadline"] if claim.forecast else ""))
    return [replace(claim, number=number) for number, claim in enumerate(found, 1)]


def _claim(statement: dict[str, Any], now: datetime) -> Claim:
    if not statement["forecasts"]:
        state = "cannot be checked" if statement["checkability"] == "no" else "no forecast"
        return Claim(0, statement, None, state, past=False)
    forecast = statement["forecasts"][0]
    past = datetime.fromisoformat(forecast["deadline"]) <= now
    return Claim(0, statement, forecast, _state(forecast, past=past), past=past)


def _state(forecast: dict[str, Any], *, past: bool) -> str:
    score = forecast["scores"]["broad"]
    if not score["counts"]:
        return "not counted"
    if score["brier"] is not None:
        return "scored"
    outcome = str(forecast["outcome"])
    return "overdue" if outcome == "open" and past else outcome
