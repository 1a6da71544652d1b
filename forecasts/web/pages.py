"""Plain data rendered as HTML: pure functions, everything escaped, no JavaScript."""

import json
import operator
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from forecasts.charts import lead, percent
from forecasts.ledger import AsOf
from forecasts.model import iso
from forecasts.sentences import ALARM_WORDS, STATUS_WORDS, score, share
from forecasts.web.address import SECTIONS, Address, paged
from forecasts.web.author import Asked, author_view
from forecasts.web.standings import board_view, standing_view
from scoring.gates import GATES

if TYPE_CHECKING:
    from forecasts.leaderboard import Board
    from forecasts.reports import Report
    from forecasts.web.views import View

_TEMPLATES = Path(__file__).parent / "templates"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST = 400
_POLICY_WORDS = {
    "broad": "every primary forecast, whether a stated number, graded words or our reading",
    "strict": "only stated numbers and phrases a standard lexicon defines; no bare modals, no reading of ours",
}
_SIGNS = {"yes": "▲", "no": "▼", "open": "—", "annulled": "✚", "ambiguous": "◣"}


def author_page(
    report: "Report",
    pictures: Mapping[str, str],
    *,
    standalone: bool = True,
    as_of: AsOf = None,
    asked: Asked | None = None,
) -> str:
    """Return the report on an author as a page; `standalone` makes it one file that links to nothing outside.

    The pictures are trusted: they come from `author.pictures`. Raises `NotFoundError` for a page past the last.
    """
    asked = asked or Asked(deadline=report["deadlines"])
    path = f"/authors/{report['author']['slug']}"
    view = author_view(report, asked, None if standalone else Address(path, as_of).link)
    broad = report["policies"]["broad"]
    same = bool(broad["scored"]) and broad["rows"] == report["policies"]["strict"]["rows"]
    return _render(
        "author.html",
        path=path,
        query=asked.query,
        as_of=as_of,
        **_clocked(report),
        standalone=standalone,
        report=report,
        replay=report["replay"],
        drafts=report["include_drafts"],
        pictures={name: Markup(lead(svg, view["to"])) for name, svg in pictures.items()},  # noqa: S704  # Vega escapes
        told={"broad and strict": broad} if same else report["policies"],
        **view,
    )


def leaderboard_page(
    board: "Board", *, standalone: bool = False, as_of: AsOf = None, page: int = 1, others: int = 1
) -> str:
    """Return the leaderboard with all who cannot be ranked, fifty a page; all of it in one `standalone` file."""
    view = board_view(board, page, others, whole=standalone)
    return _render(
        "leaderboard.html",
        path="/leaderboard",
        query=view["ranked"]["asked"] | view["others"]["asked"],
        as_of=as_of,
        standalone=standalone,
        **_clocked(board),
        **view,
    )


def standing_page(board: "Board", slug: str, *, as_of: AsOf = None, page: int = 1, pairs: int = 1) -> str:
    """Return how one ranked author compares with everybody else, and the rows behind the score."""
    view = standing_view(board, slug, page, pairs)
    query = view["rows"]["asked"] | view["pairs"]["asked"]
    return _render("standing.html", query=query, as_of=as_of, **_clocked(board), **view)


def home_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the page one lands on."""
    return _render("home.html", path="/", as_of=as_of, **view)


def authors_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return a page of the list of authors."""
    return _render("authors.html", path="/authors", query=view["authors"]["asked"], as_of=as_of, **view)


def articles_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return a page of the list of articles."""
    return _render("articles.html", path="/articles", query=view["articles"]["asked"], as_of=as_of, **view)


def questions_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return a page of the list of questions."""
    query = ({"state": view["state"]} if view["state"] else {}) | view["questions"]["asked"]
    return _render("questions.html", path="/questions", query=query, as_of=as_of, **view)


def article_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the page of one article and its statements."""
    query = view["asked"] | view["statements"]["asked"]
    return _render("article.html", path=f"/articles/{view['key']}", query=query, as_of=as_of, **view)


def statement_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the page of one statement."""
    return _render("statement.html", path=f"/statements/{view['statement']['id']}", as_of=as_of, **view)


def question_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the page of one question, from its criteria to the verdicts on it."""
    shown = {"checks": "all"} if view["shown"] == "all" else {}
    query = shown | view["checks"]["asked"] | view["forecasts"]["asked"]
    return _render("question.html", query=query, as_of=as_of, checks_query=shown, **view)


def sources_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return a page of the list of resources, with how each does."""
    return _render("sources.html", path="/sources", query=view["resources"]["asked"], as_of=as_of, **view)


def source_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the page of one resource and its checks."""
    return _render("source.html", query=view["checks"]["asked"] | view["questions"]["asked"], as_of=as_of, **view)


def check_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the page of one check of a source."""
    return _render("check.html", path=f"/checks/{view['check']['check']}", as_of=as_of, **view)


def method_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the page that says how each number is made."""
    return _render("method.html", path="/method", as_of=as_of, **view)


def corrections_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the correction log as a page."""
    return _render("corrections.html", path="/corrections", query=view["entries"]["asked"], as_of=as_of, **view)


def atom(view: "View") -> str:
    """Return a feed as Atom."""
    return _environment().get_template("feed.atom").render(**view)


def badge(view: "View") -> str:
    """Return a badge as SVG."""
    return _environment().get_template("badge.svg").render(**view)


def compare_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return the page that puts authors side by side on the questions they share."""
    query = view["picked"] | view["questions"]["asked"]
    return _render("compare.html", path="/compare", query=query, as_of=as_of, **view)


def dossier_page(view: "View", *, as_of: AsOf = None) -> str:
    """Return a page of the dossier: the form, and the claims found."""
    query = view["asked"] | view["claims"]["asked"]
    return _render("dossier.html", path="/dossier", query=query, as_of=as_of, **view)


def error_page(title: str, sentence: str, now: str | None = None) -> str:
    """Return the page that says in a sentence why there is no other; what was asked is not repeated at length.

    `now` is the address of the page as it is now, where only an earlier state has none.
    """
    if len(sentence) > _LONGEST:
        sentence = f"{sentence[:_LONGEST]} …"
    return _render(
        "error.html", path=None, as_of=None, replay=None, drafts=False, title=title, sentence=sentence, now=now
    )


def _clocked(report: "Report | Board") -> dict[str, Any]:
    """Return revision and date of what also depends on the clock: which deadlines have passed."""
    return {"rev": report["rev"], "stood": report["now"], "stood_words": "as it stood on"}


@cache
def stylesheet() -> str:
    """Return the one stylesheet of all pages."""
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


def _render(
    name: str,
    *,
    path: str | None,
    as_of: AsOf,
    query: Mapping[str, str] | None = None,
    standalone: bool = False,
    rev: int | None = None,
    stood: str | None = None,
    stood_words: str = "written on",
    **values: Any,
) -> str:
    """Return a template filled in, with what the frame of every page needs.

    `path` and `query` are where the page is (no path: nowhere, as an error), `as_of` what was asked for, an
    instant or a revision. `rev` is the revision shown and `stood` its date, in the `stood_words`.
    """
    return (
        _environment()
        .get_template(name)
        .render(
            path=path,
            address=Address(path, as_of, query or {}),
            as_of=iso(as_of) if isinstance(as_of, datetime) else None,
            at_rev=as_of if isinstance(as_of, int) else None,
            standalone=standalone,
            rev=rev,
            stood=stood,
            stood_words=stood_words,
            **values,
        )
    )


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
    )
    found.filters |= {
        "percent": percent,
        "brier": score,
        "share": share,
        "when": _when,
        "pretty": _pretty,
        "printable": _printable,
        "sentence": _sentence,
        "combined": operator.or_,
    }
    found.globals |= {
        "stylesheet": stylesheet,
        "sections": SECTIONS,
        "paged": paged,
        "policy_words": _POLICY_WORDS,
        "status_words": STATUS_WORDS,
        "alarm_words": ALARM_WORDS,
        "signs": _SIGNS,
        "interval_needs": next(gate.clusters for gate in GATES if "interval" in gate.adds),
    }
    return found


def _when(instant: str) -> Markup:
    """Return an ISO instant as the date and time a person reads, always in UTC.

    >>> str(_when("2021-01-20T17:00:00Z"))
    '<time datetime="2021-01-20T17:00:00Z">20 January 2021, 17:00 UTC</time>'
    """
    moment = datetime.fromisoformat(instant).astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(instant, f"{moment.day} {moment:%B %Y, %H:%M} UTC")


def _sentence(text: str) -> str:
    """Return a text with one full stop at its end.

    >>> _sentence("it rained"), _sentence("It rained.")
    ('it rained.', 'It rained.')
    """
    return f"{text.rstrip('.')}."


def _printable(text: str) -> str:
    """Return a text without the characters that XML 1.0 cannot hold.

    >>> _printable("a\\x07b")
    'ab'
    """
    return _NOT_XML.sub("", text)


def _pretty(value: str | Mapping[str, Any]) -> str:
    """Return JSON, or the text of it, on indented lines."""
    return json.dumps(json.loads(value) if isinstance(value, str) else value, ensure_ascii=False, indent=2)
