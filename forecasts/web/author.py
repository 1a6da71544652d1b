"""What an author's page shows beside the report: the claims asked for, where numbers lead, its pictures."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from forecasts import charts
from forecasts.charts.links import behind
from forecasts.charts.order import STATES, Claim, in_order
from forecasts.errors import InvalidInputError, NotFoundError
from forecasts.exchange.sheets import claims_csv
from forecasts.model import Basis
from forecasts.web import guide

if TYPE_CHECKING:
    from forecasts.charts import Drawn
    from forecasts.reports import Report

#: Claims on one page of the list.
PAGE = 50
_PPM = 1_000_000
_SPAN = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)(?:-(\d{1,3}(?:\.\d{1,4})?))?")
_NUMBER = re.compile("[1-9][0-9]{0,8}")
_COUNT = STATES[:5]


def _strict(claim: Claim) -> bool:
    return claim.forecast is not None and claim.forecast["scores"]["strict"]["brier"] is not None


#: The claims a page can be asked for, in the words of its heading, each with what it takes.
CLAIMS: dict[str, tuple[str, Callable[[Claim], bool]]] = {
    "all": ("every statement found", lambda _claim: True),
    "checkable": ("what can be checked", lambda claim: claim.statement["checkability"] != "no"),
    "uncheckable": ("what cannot be checked", lambda claim: claim.statement["checkability"] == "no"),
    "forecast": ("what carries a forecast", lambda claim: claim.forecast is not None),
    "not-counted": ("forecasts that do not count", lambda claim: claim.state == "not counted"),
    "counted": ("what counts under the broad policy", lambda claim: claim.state in _COUNT),
    "matured": ("what counts and is past its deadline", lambda claim: claim.state in _COUNT and claim.past),
    "scored": ("what is scored", lambda claim: claim.state == "scored"),
    "past": ("what is scored and past its deadline", lambda claim: claim.state == "scored" and claim.past),
    "early": ("what came out before its deadline", lambda claim: claim.state == "scored" and not claim.past),
    "strict": ("what is scored under the strict policy", _strict),
    "strict-past": (
        "what is scored under the strict policy and past its deadline",
        lambda claim: _strict(claim) and claim.past,
    ),
    "open": ("what is open", lambda claim: claim.state in ("open", "overdue")),
    "overdue": ("what is open past its deadline", lambda claim: claim.state == "overdue"),
    "annulled": ("what was annulled", lambda claim: claim.state == "annulled"),
    "ambiguous": ("what is ambiguous", lambda claim: claim.state == "ambiguous"),
}


_DRAWN: dict[str, Callable[["Report"], "Drawn | None"]] = {
    "strip": charts.strip,
    "curve": charts.curve,
    "scale": charts.scale,
    "outcomes": charts.outcomes,
    "progress": charts.progress,
}
#: What one takes away from an author's page, each with its media type.
FILES = {
    "claims.csv": "text/csv",
    "report.json": "application/json",
    **{f"{name}.svg": "image/svg+xml" for name in _DRAWN},
    **{f"{name}.png": "image/png" for name in _DRAWN},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page was asked: whether early outcomes count, which claims it lists, and which page of them.

    `said` bounds a probability in parts per million: the second bound is left out, unless both are the same or it
    is one.
    """

    deadline: str = "past"
    claims: str = "all"
    said: tuple[int, int] | None = None
    outcome: str | None = None
    basis: str | None = None
    phrase: str | None = None
    group: str | None = None
    page: int = 1

    @property
    def query(self) -> dict[str, str]:
        """What the address of the page says beside the author, without what goes without saying."""
        said = charts.span(self.said[0] / _PPM, self.said[1] / _PPM) if self.said else None
        given = {
            "deadline": self.deadline,
            "claims": self.claims,
            "said": said,
            "outcome": self.outcome,
            "basis": self.basis,
            "phrase": self.phrase,
            "group": self.group,
            "page": str(self.page),
        }
        usual = {"deadline": "past", "claims": "all", "page": "1"}
        return {name: value for name, value in given.items() if value is not None and value != usual.get(name)}

    def takes(self, claim: Claim) -> bool:
        """Whether a claim is one of those asked for."""
        _, takes = CLAIMS[self.claims]
        if not takes(claim):
            return False
        if not (self.said or self.outcome or self.basis or self.phrase or self.group):
            return True
        forecast = claim.forecast
        return forecast is not None and (
            (self.said is None or _within(round(forecast["probability"] * _PPM), *self.said))
            and self.outcome in (None, forecast["outcome"])
            and self.basis in (None, forecast["basis"])
            and (self.phrase is None or self.phrase.casefold() == (forecast["phrase"] or "").casefold())
            and self.group in (None, forecast["cluster"])
        )


def read_asked(query: Mapping[str, str]) -> Asked:
    """Return what the query of an address asks; what it does not know, it leaves alone.

    Raises `InvalidInputError` for a value that means nothing, with a sentence that says what would.

    >>> read_asked({"claims": "scored", "said": "70-80"}).said
    (700000, 800000)
    """
    one_of = {
        "deadline": ("past", "any"),
        "claims": tuple(CLAIMS),
        "outcome": ("yes", "no"),
        "basis": get_args(Basis),
    }
    given: dict[str, Any] = {}
    for name, choices in one_of.items():
        if name in query:
            if query[name] not in choices:
                raise InvalidInputError(f"{name} is one of {', '.join(choices)}, not {query[name][:40]!r}.")
            given[name] = query[name]
    for name in ("phrase", "group"):
        if name in query:
            given[name] = query[name][:200]
    if "page" in query:
        if not _NUMBER.fullmatch(query["page"]):
            raise InvalidInputError(f"{query['page'][:40]!r} is not the number of a page; pages count from 1.")
        given["page"] = int(query["page"])
    if "said" in query:
        given["said"] = _said(query["said"])
    return Asked(**given)


def _said(text: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(text)
    low, high = (round(float(bound or found[1]) * 10_000) for bound in found.groups()) if found else (1, 0)
    if not 0 <= low <= high <= _PPM:
        raise InvalidInputError(f"said is a probability in per cent as 70, or a span as 70-80, not {text[:40]!r}.")
    return low, high


def _within(ppm: int, low: int, high: int) -> bool:
    return ppm == low if low == high else low <= ppm and (ppm < high or high == ppm == _PPM)


def author_view(
    report: "Report", asked: Asked, link: Callable[[str, Mapping[str, str]], str] | None
) -> dict[str, Any]:
    """Return what a template needs beside the report; without `link` the page stands alone and lists every claim.

    Raises `NotFoundError` for a page of the list past its last.
    """
    claims = in_order(report)
    found = [claim for claim in claims if asked.takes(claim)]
    pages = 1 if link is None else max(1, -(-len(found) // PAGE))
    if asked.page > pages:
        raise NotFoundError(
            f"There is no page {asked.page} of these claims: there {'is' if pages == 1 else 'are'} {pages}."
        )
    first = (asked.page - 1) * PAGE
    listed = found if link is None else found[first : first + PAGE]
    here = {claim.statement["id"] for claim in listed}
    slug = report["author"]["slug"]

    def to(**query: str) -> str:
        """Return the address of the rows behind a mark or a number."""
        if "claim" in query:
            statement = query["claim"]
            return f"#{statement}" if link is None or statement in here else link(f"/statements/{statement}", {})
        if link is None:
            return "#claims"
        kept = {"deadline": asked.deadline} if asked.deadline != "past" else {}
        return link(f"/authors/{slug}", kept | query) + "#claims"

    def page(number: int) -> str:
        """Return the address of another page of the list."""
        return to(**replace(asked, page=number).query)

    return {
        "to": to,
        "behind": behind(report),
        "behind_strict": "strict-past" if behind(report) == "past" else "strict",
        "page_link": page,
        "listed": listed,
        "list_words": CLAIMS[asked.claims][0],
        "filtered": bool(asked.query.keys() - {"deadline", "page"}),
        "narrowed": {k: v for k, v in asked.query.items() if k in ("said", "outcome", "basis", "phrase", "group")},
        "found": len(found),
        "all_claims": len(claims),
        "first": first + 1,
        "last": first + len(listed),
        "page": asked.page,
        "pages": pages,
        "asked": asked,
        "claim_of": {c.forecast["id"]: c for c in claims if c.forecast is not None},
        "guide": guide.how_to_read(report),
        "early": sum(claim.state == "scored" and not claim.past for claim in claims),
        "span": charts.span,
        "bases": charts.legend(report),
        "strip_table": charts.strip_rows(report),
        "outcome_words": charts.outcomes_told(report),
        "time_words": charts.progress_told(report) if report["over_time"] else None,
        "outcome_table": charts.outcome_rows(report),
        "time_table": _thinned(report["over_time"] or []),
    }


def pictures(report: "Report") -> dict[str, str]:
    """Return the pictures of a page as SVG, each only where it may be shown; `lead` leads their marks on."""
    curve = report["policies"]["broad"]["curve"] is not None
    drawn = {name: draw(report) for name, draw in _DRAWN.items() if not (curve and name == "strip")}
    return {name: charts.to_svg(picture, alone=False) for name, picture in drawn.items() if picture is not None}


def author_file(report: "Report", name: str) -> str | bytes:
    """Return one of `FILES`; raise `NotFoundError` for a picture that too few claims would make."""
    if name == "claims.csv":
        return claims_csv(report)
    if name == "report.json":
        return json.dumps(report, ensure_ascii=False) + "\n"
    picture, _, kind = name.partition(".")
    drawn = _DRAWN[picture](report)
    if drawn is None:
        raise NotFoundError(
            f"There is no such picture of {report['author']['name']}: too few claims came out for it."
        )
    return charts.to_svg(drawn) if kind == "svg" else charts.to_png(drawn)


def _thinned(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the points of a line as far as a table of them is read: every one, or some 25 with the last."""
    if len(points) <= charts.MOST_DOTS:
        return points
    every = math.ceil(len(points) / 250) * 10
    return [point for point in points if point["n"] % every == 0 or point["n"] == len(points)]
