"""Where a mark leads: to the rows it stands for, by a query that a page turns into an address."""

import re
from collections.abc import Callable
from html import escape, unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode

if TYPE_CHECKING:
    from forecasts.reports import Report

_HOST = "https://rows.invalid/"
_LINK = re.compile(rf'<a xlink:href="{re.escape(_HOST)}\?([^"#]*)#([^"]*)">(?=(<text)?)')

Lead = Callable[..., str]


def of(label: str, **rows: str) -> str:
    """Return the address that stands for rows until `lead` says where they are; `label` names the link.

    >>> of("Claim 3: 75 %, no", claim="s-1")
    'https://rows.invalid/?claim=s-1#Claim%203%3A%2075%20%25%2C%20no'
    """
    return f"{_HOST}?{urlencode(rows)}#{quote(label, safe='')}"


def behind(report: "Report") -> str:
    """Return the name of the claims behind the numbers of a report, as a page lists them."""
    return "past" if report["deadlines"] == "past" else "scored"


def lead(svg: str, to: Lead) -> str:
    """Return a picture whose marks lead where `to` says of the query of each.

    They are left out of the order of the Tab key: the table behind each picture has the same links, as words. The
    words beside a mark lead where it does, and are not read out a second time.
    """

    def link(found: re.Match[str]) -> str:
        address = to(**dict(parse_qsl(unescape(found[1]))))
        name = 'aria-hidden="true"' if found[3] else f'aria-label="{escape(unquote(found[2]))}"'
        return f'<a href="{escape(address)}" {name} tabindex="-1">'

    return _LINK.sub(link, svg)


def without(svg: str) -> str:
    """Return a picture that leads nowhere, as it leaves alone."""
    return _LINK.sub("<g>", svg).replace("</a>", "</g>")
