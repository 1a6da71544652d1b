"""Every page a reader can open, one line each. A new route needs a line here, or a test fails.

The addresses are filled with the ids of the registry in `conftest.py`.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its name, the route that makes it, an address, the status it comes with, and what it has to say.

    `site` is what is served: the demo's in public, the same with its drafts, or one that ranks its authors.
    A page whose route is None is of no route at all.
    """

    name: str
    route: str | None
    address: str
    status: int = 200
    says: str = ""
    site: Literal["public", "drafts", "ranked"] = "public"


@dataclass(frozen=True, slots=True)
class File:
    """What a route serves that is no page, where, and as which media type."""

    route: str
    address: str
    kind: str
    site: Literal["public", "ranked"] = "public"


PAGES = (
    Page("home", "/", "/"),
    Page("author", "/authors/{slug}", "/authors/{asked}"),
    Page("author-of-most", "/authors/{slug}", "/authors/{author}"),
    Page("author-without-scores", "/authors/{slug}", "/authors/laura-rosenberger"),
    Page("leaderboard", "/leaderboard", "/leaderboard"),
    Page("authors", "/authors", "/authors", says="unranked"),
    Page("articles", "/articles", "/articles"),
    Page("questions", "/questions", "/questions?state=confirmed"),
    Page("standing", "/leaderboard/{slug}", "/leaderboard/{asked}", says="Cannot be ranked"),
    Page("sources", "/sources", "/sources", says="Complete up to"),
    Page("source", "/sources/{public_id}", "/sources/{source}", says="What is asked"),
    Page("method", "/method", "/method", says="How each number is made"),
    Page("dossier", "/dossier", "/dossier?author=pak&topic=missile", says="Pak"),
    Page("compare", "/compare", "/compare?a=ada&b=ben", says="Ben", site="ranked"),
    Page("article", "/articles/{key}", "/articles/{article}"),
    Page("statement", "/statements/{public_id}", "/statements/{statement}"),
    Page("question", "/questions/{public_id}", "/questions/{question}"),
    Page("corrections", "/corrections", "/corrections"),
    Page("check", "/checks/{public_id}", "/checks/{check}"),
    Page("earlier", "/authors/{slug}", "/authors/{asked}?as_of=2020-06-01T00:00:00Z", says="An earlier state"),
    # What a desk sees before anything is published.
    Page("draft-author", "/authors/{slug}", "/authors/ada-bell", says="Drafts are shown", site="drafts"),
    Page("draft-statement", "/statements/{public_id}", "/statements/{draft}", says="was replaced", site="drafts"),
    Page(
        "draft-question",
        "/questions/{public_id}",
        "/questions/{draft_question}",
        says="Drafts are shown",
        site="drafts",
    ),
    Page("draft-article", "/articles/{key}", "/articles/tarn-2020", says="Drafts are shown", site="drafts"),
    Page("draft-corrections", "/corrections", "/corrections", says="We misread it", site="drafts"),
    # What many claims can carry.
    Page("ranked-leaderboard", "/leaderboard", "/leaderboard", says="Ada", site="ranked"),
    Page("ranked-author", "/authors/{slug}", "/authors/ada", says="Ada", site="ranked"),
    Page("ranked-standing", "/leaderboard/{slug}", "/leaderboard/ada", says="Ada", site="ranked"),
    # What is asked for in vain.
    Page("dossier-unasked", "/dossier", "/dossier"),
    Page("compare-unasked", "/compare", "/compare"),
    Page("endless-search", "/dossier", "/dossier?q=" + 10_000 * "a", 400),
    Page("half-a-search", "/dossier", "/dossier?q=%C3", 400),
    Page("unknown-page", None, "/nothing", 404, "There is no such page"),
    Page("unknown-author", "/authors/{slug}", "/authors/nobody", 404, "nobody"),
    Page("half-a-character", "/authors/{slug}", "/authors/%C3", 404, "There is no "),
    Page("absurd-date", "/", "/?as_of=2019-02-30T00:00:00Z", 400, "as_of"),
    Page("endless-address", "/authors/{slug}", "/authors/" + 10_000 * "a", 404, "There is no "),
    Page("unpublished", "/statements/{public_id}", "/statements/{draft}", 404, "There is no "),
)

# What is served and is no page: each is asked for, and has to be what it says it is.
FILES = (
    File("/authors/{slug}/feed.atom", "/authors/{author}/feed.atom", "application/atom+xml"),
    File("/authors/{slug}/badge.svg", "/authors/{author}/badge.svg", "image/svg+xml"),
    File("/authors/{slug}/claims.csv", "/authors/{author}/claims.csv", "text/csv"),
    File("/authors/{slug}/report.json", "/authors/{author}/report.json", "application/json"),
    *(
        File(f"/authors/{{slug}}/{chart}.{ending}", f"/authors/ada/{chart}.{ending}", kind, site="ranked")
        for chart in ("strip", "curve", "scale", "outcomes", "progress")
        for ending, kind in (("svg", "image/svg+xml"), ("png", "image/png"))
    ),
    File("/feed.atom", "/feed.atom", "application/atom+xml"),
    File("/evidence/{sha256}", "/evidence/{evidence}", "text/plain"),
    File("/style.css", "/style.css", "text/css"),
    File("/healthz", "/healthz", "application/json"),
    File("/metrics", "/metrics", "text/plain"),
)
