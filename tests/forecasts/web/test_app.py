"""The site: each record on a page of its own, every step of the chain a link, every error a sentence."""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from forecasts import publishing, redacting, registry, replying
from forecasts.correcting import NewReading, correct_statement
from forecasts.errors import StoreError
from forecasts.model import Interval, iso
from forecasts.store import Store
from forecasts.tables import Check, ReplayRun, Revision
from forecasts.web import pages
from forecasts.web.app import create_app
from tests.forecasts.web.conftest import HOSTILE_BODY, Get, Told
from tests.forecasts.web.test_pages import told as text_of
from tests.support import documents as make
from tests.support.desk import WINDOW, Desk
from tests.support.many import Many


def links(html: str) -> list[str]:
    return re.findall(r'href="([^"]*)"', html)


def test_the_lists_have_authors_who_said_something_and_questions_with_their_state(get: Get, told: Told) -> None:
    authors, questions = text_of(get("/authors").text), text_of(get("/questions").text)
    assert "unranked" in authors
    assert "Ada Bell person draft 3 0 0 — 0 0 —" in authors
    assert "Ben Cole person" not in authors  # nothing is charged to him
    assert "confirmed ▲ yes" in questions
    assert "open — open" in questions


def test_the_chain_from_forecast_to_verdict_can_be_clicked(get: Get, told: Told) -> None:
    chain = [
        "/authors",
        "/authors/ada-bell",
        f"/statements/{told.statement}",
        f"/questions/{told.question}",
        f"/checks/{told.check}",
        f"/evidence/{told.evidence}",
    ]
    pages = [get(path) for path in chain]
    assert [page.status_code for page in pages] == [200] * len(chain)
    for page, following in zip(pages, chain[1:], strict=False):
        assert following in links(page.text)
    assert pages[-1].content == HOSTILE_BODY
    assert f"/questions/{told.question}" in links(pages[-2].text)


def test_every_link_of_every_page_leads_somewhere(get: Get, told: Told) -> None:
    waiting, seen = ["/"], {"/"}
    while waiting:
        response = get(waiting.pop())
        assert response.status_code == 200, response.url
        if response.headers["content-type"].startswith("text/html"):
            found = {link.split("#")[0] for link in links(response.text) if link.startswith("/")}
            waiting += sorted(found - seen)
            seen |= found
    assert {"/style.css", "/leaderboard", "/articles/tarn-2020", f"/questions/{told.child}"} <= seen


def test_the_leaderboard_gives_everybody_a_rank_or_a_reason(get: Get, told: Told) -> None:
    text = text_of(get("/leaderboard").text)
    assert "Nobody can be ranked on what is registered here" in text
    assert "Ada Bell person draft the articles were picked by hand" in text


def test_a_deadline_that_passes_shows_without_a_new_revision(get: Get, desk: Desk, told: Told) -> None:
    assert "0 of them overdue" in text_of(get("/authors/ada-bell").text)
    before = get("/authors/ada-bell").text
    desk.clock.set("2020-07-02T00:00:00Z")
    after = get("/authors/ada-bell").text
    assert "1 of them past the deadline" not in text_of(before)
    assert "1 of them past the deadline" in text_of(after)
    assert "as it stood on 2 July 2020" in text_of(after)


def test_a_question_shows_its_criterion_timeline_and_verdicts(get: Get, told: Told) -> None:
    text = text_of(get(f"/questions/{told.question}").text)
    assert "YES if it opens to traffic." in text
    assert '"type": "event_before_deadline"' in text
    assert "the text says before July" in text
    assert "1 checks so far" in text
    assert "Nothing." in text.partition("What was corrected")[2]
    assert text.index(": proposed ▲ yes") < text.index(": confirmed ▲ yes")
    assert "c-1 first last new verdict confirmed yes 2 January 2020, 00:00 UTC ok" in text


def test_a_ruling_by_a_person_is_shown_with_its_record(get: Get, desk: Desk) -> None:
    (question,) = desk.ids(make.document()).values()
    step = desk.resolve(question, "yes", occurred="2020-01-02T00:00:00Z")
    text = text_of(get(f"/questions/{question}").text)
    assert "No source is read: a named person rules on it." in text
    assert "By Carl Confirmer (person), rule ruling." in text
    assert "Source: Tarn Gazette." in text
    record = get(f"/evidence/{step.evidence_sha256}")
    assert record.headers["content-type"] == "text/plain; charset=utf-8"
    assert record.json()["citation"] == "Tarn Gazette"


def test_a_founding_ruling_says_so_on_its_question(get: Get, desk: Desk) -> None:
    registered = desk.register(make.document(), actor="seed", kind="seed")
    question = registered.ids["questions"]["q-bridge"]
    registry.propose(
        desk.store,
        question,
        "yes",
        actor="seed",
        kind="seed",
        citation="Gazette",
        reason="Read.",
        window=WINDOW,
        occurred=Interval(desk.clock.now(), desk.clock.now()),
    )
    text = text_of(get(f"/questions/{question}").text)
    assert "— open: proposed, not confirmed. Founding ruling, not independently reviewed" in text


def test_a_failed_check_says_why(get: Get, told: Told, store: Store) -> None:
    with store.write(actor="jobs", kind="adapter", action="check") as tx:
        tx.append(
            Check(
                public_id="c-2",
                resource_id=1,
                due_at=tx.now + timedelta(days=1),
                checked_at=tx.now + timedelta(days=1),
                status="error",
                sound=False,
                problem="The server answered 500.",
                http_status=500,
            )
        )
    text = text_of(get("/checks/c-2").text)
    assert "Not sound: nothing is decided from it. The server answered 500." in text
    assert "none: no usable answer came" in text
    question = text_of(get(f"/questions/{told.question}").text)
    assert "2 checks so far, the latest c-2 on 3 January 2020, 00:00 UTC, error, not sound: The server" in question


def test_an_article_quotes_its_spans_where_a_copy_is_attached(
    get: Get, told: Told, store: Store, tmp_path: Path
) -> None:
    assert "in our words" in get("/articles/tarn-2020").text
    assert "<blockquote>" not in get("/articles/tarn-2020").text
    copy = tmp_path / "copy.txt"
    copy.write_bytes(make.TEXT.encode())
    registry.attach(store, "tarn-2020", copy, actor="Rita Registrar")
    page = get("/articles/tarn-2020").text
    assert f"<blockquote>{make.TEXT[:54]}</blockquote>" in page
    assert "of which a copy is attached" in page


def test_hostile_text_is_escaped_on_every_page(get: Get, told: Told) -> None:
    for path in (
        "/",
        "/authors/ada-bell",
        "/articles/tarn-2020",
        f"/statements/{told.statement}",
        f"/questions/{told.question}",
        f"/checks/{told.check}",
        "/questions/%3Cscript%3E",
        "/?as_of=%3Cscript%3E",
    ):
        page = get(path).text
        assert "<script" not in page, path
        assert "&lt;script&gt;" in page, path


@pytest.mark.parametrize(
    "path", ["/", "/style.css", "/nothing", "/questions/q-0", "/?as_of=x", "/authors/ada-bell"]
)
def test_every_response_carries_the_security_headers(get: Get, told: Told, path: str) -> None:
    headers = get(path).headers
    assert headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_archived_html_never_runs(get: Get, told: Told) -> None:
    response = get(f"/evidence/{told.evidence}")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]


def test_archived_bytes_that_are_no_text_are_saved(get: Get, desk: Desk) -> None:
    (question,) = desk.ids(make.document()).values()
    scan = (b"%PDF-\x00\xff", "application/pdf")
    step = registry.propose(
        desk.store,
        question,
        "ambiguous",
        actor="Pia",
        citation="Scan",
        reason="Read.",
        window=WINDOW,
        evidence=scan,
    )
    response = get(f"/evidence/{step.evidence_sha256}")
    assert response.content == b"%PDF-\x00\xff"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == f'attachment; filename="{step.evidence_sha256}.bin"'


@pytest.mark.parametrize(
    "path",
    [
        "/authors/nobody",
        "/authors/nobody/strip.svg",
        "/articles/nothing",
        "/statements/s-0",
        "/questions/q-0",
        "/questions/c-1",
        "/checks/c-0",
        "/evidence/00",
        "/nothing",
        "/docs",
        "/openapi.json",
        "/authors/ada-bell/",
    ],
)
def test_an_unknown_address_is_a_page_in_a_sentence(get: Get, told: Told, path: str) -> None:
    response = get(path)
    assert response.status_code == 404
    assert "<h1>Not found</h1>" in response.text
    assert "There is no " in response.text


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("yesterday", "is not a date and time; write 2019-11-01T00:00:00Z."),
        ("2020-01-01T00:00:00", "has no time zone; add Z or an offset such as +09:00."),
        ("2020-02-30", "is not a date and time"),
        ("9999-12-31", "lies outside the years 1800 to 2500."),
        ("2499-12-31", "Nothing was said at 2499-12-31"),
    ],
)
def test_an_instant_that_cannot_be_read_is_a_page_in_a_sentence(
    get: Get, desk: Desk, value: str, sentence: str
) -> None:
    response = get(f"/?as_of={value}")
    assert response.status_code == 400
    assert sentence in response.text


def test_what_came_later_is_said_to_come_later_and_leads_to_now(
    get: Get, public: Get, told: Told, desk: Desk
) -> None:
    zoe = make.statement("s-zoe", start=90, end=99, stated_by="zoe")
    desk.register(make.document(authors=[make.author("zoe", "Zoe")], statements=[zoe], questions=[], forecasts=[]))
    for kind, path, state, then in (
        ("author", "/authors/ada-bell", "as_of=2019-01-01", "as of 2019-01-01"),
        ("article", "/articles/tarn-2020", "as_of=2019-01-01T00:00:00Z", "as of 2019-01-01T00:00:00Z"),
        ("statement", f"/statements/{told.statement}", "as_of=2019-01-01", "as of 2019-01-01"),
        ("question", f"/questions/{told.question}", "as_of=2019-01-01", "as of 2019-01-01"),
        ("author", "/authors/zoe", "rev=1", "at revision 1"),
    ):
        response = get(f"{path}?page=1&{state}")
        assert response.status_code == 404, path
        assert "<h1>Not there yet</h1>" in response.text, path
        assert f"The registry did not show this {kind} yet {then}: it was registered" in response.text
        assert f'<a href="{path}?page=1">This page as it is now</a>' in response.text
        draft = public(f"{path}?{state}")  # is not there now either
        assert draft.status_code == 404
        assert "<h1>Not found</h1>" in draft.text
    for path in ("/authors/nobody?as_of=2019-01-01", "/authors/ada-bell?page=9", "/authors/zoe?page=9&rev=9"):
        assert "<h1>Not found</h1>" in get(path).text, path


def test_as_of_shows_what_was_said_then_and_stays_in_the_links(get: Get, told: Told, desk: Desk) -> None:
    assert get(f"/questions/{told.question}?as_of=2019-01-01T00:00:00Z").status_code == 404
    with desk.store.read() as session:
        instant = session.get_one(Revision, desk.rev()).recorded_at - timedelta(microseconds=1)
    moment = instant.isoformat().replace("+00:00", "Z")
    earlier = get(f"/questions/{told.question}?as_of={moment}")
    assert "Nothing yet: the question is open." in earlier.text
    assert "An earlier state." in earlier.text
    (link,) = {found for found in links(earlier.text) if found.startswith("/authors/ada-bell")}
    assert link == f"/authors/ada-bell?as_of={moment.replace(':', '%3A')}"
    assert "Scored claims 0 0" in text_of(get(f"{link}&deadline=any").text)
    assert "Scored claims 1 0" in text_of(get("/authors/ada-bell?deadline=any").text)


def test_a_date_is_its_end_and_today_is_now(get: Get, told: Told, desk: Desk) -> None:
    with desk.store.read() as session:
        written = session.get_one(Revision, desk.rev()).recorded_at
    for as_of in ("", f"{written:%Y-%m-%d}"):
        assert "An earlier state." not in get(f"/questions/{told.question}?as_of={as_of}").text
    before = get(f"/?as_of={written - timedelta(days=1):%Y-%m-%d}")
    assert f"what the registry said on {before_midnight(written)}" in text_of(before.text)
    assert f'value="{written - timedelta(days=1):%Y-%m-%d}"' in before.text


def before_midnight(written: datetime) -> str:
    day = written - timedelta(days=1)
    return f"{day.day} {day:%B %Y}, 23:59 UTC"


def test_every_page_has_its_navigation_its_state_and_a_way_to_an_earlier_one(
    get: Get, told: Told, desk: Desk
) -> None:
    for path, section in (
        ("/", None),
        ("/leaderboard", "Leaderboard"),
        (f"/questions/{told.question}", "Questions"),
        (f"/checks/{told.check}", "Sources"),
        ("/articles/tarn-2020", "Articles"),
        ("/authors/ada-bell", "Authors"),
    ):
        html = get(path).text
        rooms = html.partition('<nav aria-label="Site">')[2].partition("</nav>")[0]
        assert re.findall(r'aria-current="[a-z]+">([^<]+)</a>', rooms) == ([section] if section else [])
        assert f'href="{path}?rev={desk.rev()}"' in html
        assert f"Revision {desk.rev()} of the registry" in html
        assert '<input type="date" id="as-of" name="as_of" value="">' in html


def test_a_write_is_seen_at_the_next_request(get: Get, told: Told, desk: Desk) -> None:
    path = "/authors/ada-bell?deadline=any"
    before = get(path).text
    assert "Scored claims 1 0" in text_of(before)
    assert get(path).text == before
    desk.reopen(told.question)
    assert "Scored claims 0 0" in text_of(get(path).text)


def test_a_revision_can_be_asked_for_and_stays_in_the_links(get: Get, told: Told, desk: Desk) -> None:
    newest = desk.rev()
    desk.reopen(told.question)
    desk.clock.set("2022-01-01T00:00:00Z")
    earlier = get(f"/questions/{told.question}?rev={newest}")
    assert "confirmed ▲ yes" in text_of(earlier.text)
    assert "confirmed ▲ yes" not in text_of(get(f"/questions/{told.question}").text.split("What was decided")[0])
    assert f"This is revision {newest} of the registry." in text_of(earlier.text)
    (link,) = {found for found in links(earlier.text) if found.startswith("/authors/ada-bell")}
    assert link == f"/authors/ada-bell?rev={newest}"
    assert "Scored claims 1 0" in text_of(get(f"{link}&deadline=any").text)
    assert "Nothing yet: the question is open." in get(f"/questions/{told.question}?rev={newest - 1}").text
    for path in ("/", "/leaderboard", "/corrections", f"/checks/{told.check}", f"/evidence/{told.evidence}"):
        assert get(f"{path}?rev={newest}").status_code == 200, path


def test_a_revision_is_held_against_the_instant_it_was_made(get: Get, told: Told, desk: Desk) -> None:
    rev = desk.rev()
    with desk.store.read() as session:
        made = session.get_one(Revision, rev).recorded_at
    desk.clock.instant = made + timedelta(days=400)  # every deadline of the registry has passed by either
    pinned = get(f"/authors/ada-bell?rev={rev}").text
    assert f'datetime="{iso(made)}"' in pinned
    desk.clock.forward(timedelta(days=1))
    assert get(f"/authors/ada-bell?rev={rev}").text == pinned


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("rev=99", 404, "There is no revision 99: the newest is"),
        ("rev=0", 404, "There is no revision 0: the newest is"),
        (f"rev={10**30}", 404, "There is no revision 1000"),
        ("rev=-1", 404, "There is no revision -1"),
        ("rev=two", 400, "is not the number of a revision; write one as in rev=12"),
        ("rev=1&as_of=2020-01-01T00:00:00Z", 400, "as_of and rev both name an earlier state: give one of them."),
    ],
)
def test_a_revision_there_is_not_is_a_page_in_a_sentence(
    get: Get, desk: Desk, query: str, status: int, sentence: str
) -> None:
    for path in ("/", "/authors/nobody/strip.svg", "/evidence/00"):
        response = get(f"{path}?{query}")
        assert response.status_code == status
        assert sentence in response.text


def test_a_reader_who_has_a_page_is_told_so_until_it_changes(get: Get, told: Told, desk: Desk) -> None:
    first = get("/authors/ada-bell")
    assert first.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": f'"other", {first.headers["etag"]}'}
    again = get("/authors/ada-bell", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-security-policy"]
    desk.reopen(told.question)
    assert get("/authors/ada-bell", headers=known).status_code == 200


def test_a_kept_page_is_sent_without_its_route_until_it_changes(
    get: Get, told: Told, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed: list[str] = []
    route = Router.__call__

    async def counted(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
        routed.append(scope["path"])
        await route(router, scope, receive, send)

    monkeypatch.setattr(Router, "__call__", counted)
    first, again = get("/authors/ada-bell"), get("/authors/ada-bell")
    assert (again.content, dict(again.headers)) == (first.content, dict(first.headers))
    assert len(routed) == 1
    desk.reopen(told.question)
    assert get("/authors/ada-bell").content != first.content
    assert get("/authors/ada-bell?deadline=any").content != get("/authors/ada-bell").content
    assert get("/authors/nobody").status_code == get("/authors/nobody").status_code == 404


def test_a_page_is_compressed_for_who_takes_that(get: Get, told: Told) -> None:
    plain = get("/", headers={"Accept-Encoding": "identity"})
    refused = get("/", headers={"Accept-Encoding": "br, gzip;q=0"})
    zipped = get("/", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert not any("content-encoding" in found.headers for found in (plain, refused))
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert plain.text == refused.text == zipped.text
    assert {found.headers["vary"] for found in (plain, refused, zipped)} == {"Accept-Encoding"}


def test_a_page_is_made_once_for_each_state_and_address(
    get: Get, told: Told, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    render = pages.home_page

    def counted(*args: Any, **more: Any) -> str:
        made.append("home")
        return render(*args, **more)

    monkeypatch.setattr(pages, "home_page", counted)
    for path in ("/?a=1&b=2", "/?b=2&a=1", "/?b=2&a=1"):
        get(path)
    assert len(made) == 1
    get("/?a=2&b=1")
    get("/?a=1&b=2", headers={"Host": "other.test"})
    assert len(made) == 3
    for path in ("/?as_of=2020-01-01T00:00:00Z", "/?as_of=2020-01-01T09:00:00%2B09:00"):
        assert "1 January 2020, 00:00 UTC" in get(path).text
    assert len(made) == 4
    desk.clock.forward(timedelta(hours=1))  # no deadline lies in between
    get("/?a=1&b=2")
    assert len(made) == 4
    desk.clock.forward(timedelta(days=1))  # a page says what day it is
    get("/?a=1&b=2")
    desk.reopen(told.question)
    get("/?a=1&b=2")
    assert len(made) == 6


def test_readers_who_come_together_share_one_page_and_hold_up_nobody(
    store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, made, go_on = create_app(store, drafts=True), [], Event()
    render = pages.home_page

    def slow(*args: Any, **more: Any) -> str:
        made.append("home")
        assert go_on.wait(20)
        return render(*args, **more)

    monkeypatch.setattr(pages, "home_page", slow)

    async def ask_all() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://site.test") as client:
            waiting = [asyncio.create_task(client.get("/")) for _ in range(60)]
            other = await asyncio.wait_for(client.get(f"/statements/{told.statement}"), 20)
            impatient = waiting.pop()
            impatient.cancel()  # takes nothing from the others
            go_on.set()
            return [other.status_code, *[(await task).status_code for task in waiting]]

    assert asyncio.run(ask_all()) == [200] * 60
    assert made == ["home"]


def test_the_picture_is_served_alone(get: Get, told: Told) -> None:
    svg = get("/authors/ada-bell/strip.svg?deadline=any")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.text.startswith('<svg role="img" aria-label="2 strips')
    png = get("/authors/ada-bell/strip.png")
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG")


def test_every_page_of_a_replay_says_so(get: Get, told: Told, desk: Desk) -> None:
    with desk.store.write(actor="jobs", kind="adapter", action="replay") as tx:
        now = desk.clock.now()
        tx.session.add(ReplayRun(run_id="r", starts_at=now, ends_at=now + timedelta(days=9)))
    for path in (
        "/",
        "/authors/ada-bell",
        "/articles/tarn-2020",
        f"/statements/{told.statement}",
        f"/questions/{told.question}",
        f"/checks/{told.check}",
    ):
        assert "Replayed: the checks ran under a simulated clock from 2020-01-02 to 2020-01-11" in get(path).text


def test_it_can_only_be_read(get: Get, told: Told) -> None:
    assert get("/", "HEAD").status_code == 200
    refused = get("/", "POST")
    assert refused.status_code == 405
    assert "These pages are for reading" in refused.text


def test_a_store_that_cannot_be_read_is_a_page_that_hides_where_it_is(
    get: Get, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise StoreError("The database secret.example/db cannot be used.")

    monkeypatch.setattr(store, "read", broken)
    response = get("/")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "60"
    assert "secret" not in response.text


def test_an_error_of_ours_is_a_page_without_its_details(
    get: Get, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(store, "read", broken)
    response = get("/")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "content-security-policy" in response.headers


# -- what everybody sees, and what the desk sees ---------------------------------------------------------------


def publish(desk: Desk, **more: Any) -> None:
    publishing.publish(desk.store, "ada-bell", no_notice="Nobody to ask.", actor="Edith", **more)


def test_nothing_of_a_draft_can_be_reached(public: Get, told: Told) -> None:
    for path, sentence in (
        ("/", "Nothing is settled yet."),
        ("/authors", "No author is registered."),
        ("/questions", "No question is registered."),
        ("/articles", "No article is registered."),
        ("/sources", "No source is read"),
    ):
        page = public(path)
        assert page.status_code == 200
        assert sentence in page.text
        assert "Drafts are shown" not in page.text
    for path in (
        "/authors/ada-bell",
        "/authors/ada-bell/strip.svg",
        "/authors/ada-bell/strip.png",
        "/articles/tarn-2020",
        f"/statements/{told.statement}",
        f"/questions/{told.question}",
        f"/checks/{told.check}",
        f"/evidence/{told.evidence}",
    ):
        response = public(path)
        assert response.status_code == 404, path
        assert "There is no " in response.text
        assert "Ada" not in response.text


def test_what_is_published_can_be_reached_and_leads_nowhere_else(public: Get, told: Told, desk: Desk) -> None:
    publish(desk)
    waiting, seen = ["/"], {"/"}
    while waiting:
        response = public(waiting.pop())
        assert response.status_code == 200, response.url
        if response.headers["content-type"].startswith("text/html"):
            found = {link.split("#")[0] for link in links(response.text) if link.startswith("/")}
            waiting += sorted(found - seen)
            seen |= found
    assert {"/corrections", "/authors/ada-bell", f"/statements/{told.statement}"} <= seen
    assert public(f"/evidence/{told.evidence}").content == HOSTILE_BODY
    for path in ("/authors/ada-bell", "/articles/tarn-2020", f"/statements/{told.statement}"):
        assert "Published; no notice sent: Nobody to ask." in public(path).text, path
    for path in ("/", f"/questions/{told.question}"):
        assert "published, no notice sent" in public(path).text, path


def test_nothing_is_served_before_its_time_and_everything_from_then_on(
    public: Get, told: Told, desk: Desk
) -> None:
    publish(desk, public_from=desk.clock.now() + timedelta(hours=1))
    assert public("/authors/ada-bell").status_code == 404
    desk.clock.forward(timedelta(minutes=59))
    assert public("/authors/ada-bell").status_code == 404
    desk.clock.forward(timedelta(minutes=1))
    assert public("/authors/ada-bell").status_code == 200
    publishing.unpublish(desk.store, "ada-bell", reason="A doubt.", actor="Edith")
    assert public("/authors/ada-bell").status_code == 404


def test_the_desk_sees_drafts_marked_as_such(get: Get, told: Told) -> None:
    assert "Drafts are shown." in get("/").text
    assert "Drafts are shown." in get("/authors/ada-bell").text
    assert "DRAFT: not published, and the author has not been told." in get("/authors/ada-bell").text
    assert "DRAFT: not published" in get(f"/statements/{told.statement}").text
    assert '<span class="tag">draft</span>' in get(f"/questions/{told.question}").text


def test_the_mean_on_the_list_of_authors_is_that_of_their_page_and_leads_to_its_rows(get: Get, desk: Desk) -> None:
    desk.clock.set("2021-01-01T00:00:00Z")
    said = {0: 0.9, 1: 0.9, 2: 0.9, 3: 0.9}
    Many([True, True, True, False], {"ada-bell": said}, clusters=["a", "a", "a", "b"]).write(desk.store)
    page = get("/authors/ada-bell").text
    assert "0.410" in page.split('class="headline"', 1)[1].split("</p>", 1)[0]  # (0.01 + 0.81) / 2, not 0.21
    listed = get("/authors").text
    for policy, claims in (("broad", "past"), ("strict", "strict-past")):
        assert f'data-label="{policy}: scored">4<' in listed
        link = f"/authors/ada-bell?claims={claims}"
        assert f'<a href="{link}#claims">0.410</a>' in listed
        assert get(link).text.count('<article class="statement"') == 4
    assert 'id="claims"' in page


def test_redacted_evidence_is_gone(get: Get, told: Told, desk: Desk) -> None:
    assert get(f"/evidence/{told.evidence}").status_code == 200
    redacting.redact(desk.store, "evidence", told.evidence, reason="A court said so.", actor="Lex")
    response = get(f"/evidence/{told.evidence}")
    assert response.status_code == 410
    assert "by Lex: A court said so, sha256" in response.text
    for path in (f"/questions/{told.question}", f"/checks/{told.check}", "/authors/ada-bell", "/corrections"):
        page = get(path)
        assert (page.status_code, "A court said so" in page.text) == (200, True), path
        assert f'href="/evidence/{told.evidence}"' not in page.text


def test_an_earlier_page_in_the_cache_forgets_what_is_redacted(get: Get, told: Told, desk: Desk) -> None:
    moment = desk.ledger().revisions[desk.rev()].recorded_at.isoformat().replace("+00:00", "Z")
    path = f"/statements/{told.statement}?as_of={moment}"
    claim = "in our words</span> &lt;script&gt;"
    assert claim in get(path).text
    redacting.redact(desk.store, "statement", told.statement, reason="A court said so.", actor="Lex")
    assert claim not in get(path).text
    assert "in our words</span> [redacted on" in get(path).text


def test_a_statement_that_was_corrected_leads_to_what_replaced_it(get: Get, told: Told, desk: Desk) -> None:
    reading = NewReading(claim="It opens by <July>.")
    new = correct_statement(desk.store, told.statement, reading, reason="We misread it.", actor="Cora")
    old = get(f"/statements/{told.statement}")
    assert f'href="/statements/{new}"' in old.text
    assert "This reading was replaced" in old.text
    assert "We misread it." in old.text
    page = get(f"/statements/{new}")
    assert f'href="/statements/{told.statement}"' in page.text
    assert "It opens by &lt;July&gt;." in page.text
    for path in ("/corrections", "/authors/ada-bell"):
        assert f"Statement {told.statement} was corrected; it is {new} now" in get(path).text


def test_a_reply_stands_beside_what_it_answers(get: Get, told: Told, desk: Desk) -> None:
    fields: dict[str, Any] = {"received_at": desk.clock.now(), "how": "By mail", "actor": "Rita"}
    replying.reply(desk.store, "ada-bell", "Not <I>.", statement_id=told.statement, **fields)
    replying.reply(desk.store, "ada-bell", "All of it is wrong.", **fields)
    assert "<blockquote>Not &lt;I&gt;.</blockquote>" in get(f"/statements/{told.statement}").text
    page = text_of(get("/authors/ada-bell").text)
    assert page.index("All of it is wrong.") < page.index("From statements to scores") < page.index("Not <I>.")


def test_without_corrections_the_page_says_so(get: Get, desk: Desk) -> None:
    assert "None yet." in get("/corrections").text
