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
    # What is asked for in vain.
    Page("unknown-page", None, "/nothing", 404, "There is no such page"),
    Page("unknown-author", "/authors/{slug}", "/authors/nobody", 404, "nobody"),
    Page("half-a-character", "/authors/{slug}", "/authors/%C3", 404, "There is no "),
    Page("absurd-date", "/", "/?as_of=2019-02-30T00:00:00Z", 400, "as_of"),
    Page("endless-address", "/authors/{slug}", "/authors/" + 10_000 * "a", 404, "There is no "),
    Page("unpublished", "/statements/{public_id}", "/statements/{draft}", 404, "There is no "),
)

# What is served and is no page: each is asked for, and has to be what it says it is.
FILES = {
    "/authors/{slug}/strip.svg": ("/authors/{author}/strip.svg", "image/svg+xml"),
    "/authors/{slug}/strip.png": ("/authors/{author}/strip.png", "image/png"),
    "/evidence/{sha256}": ("/evidence/{evidence}", "text/plain"),
    "/authors/{slug}/feed.atom": ("/authors/{author}/feed.atom", "application/atom+xml"),
    "/authors/{slug}/badge.svg": ("/authors/{author}/badge.svg", "image/svg+xml"),
    "/feed.atom": ("/feed.atom", "application/atom+xml"),
    "/style.css": ("/style.css", "text/css"),
    "/healthz": ("/healthz", "application/json"),
    "/metrics": ("/metrics", "text/plain"),
}
