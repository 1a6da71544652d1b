"""The lists, the questions check by check, the sources, the method, the feed and the badge."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlmodel import select

from forecasts import publishing, registry, replying
from forecasts.correcting import NewReading, correct_statement
from forecasts.leaderboard import leaderboard
from forecasts.policy import REASONS
from forecasts.store import Store
from forecasts.tables import Check, ReplayRun, Resource
from forecasts.web.desk import Desk as PageDesk
from forecasts.web.feed import feed_view
from forecasts.web.lists import PAGE, page_of
from forecasts.web.method import method_view
from forecasts.web.pages import atom, leaderboard_page, method_page, standing_page
from scoring.gates import GATES
from tests.forecasts.web.conftest import HOSTILE, Get, Told
from tests.forecasts.web.test_pages import told as text_of
from tests.support.clocks import at
from tests.support.desk import Desk
from tests.support.many import Many

ATOM = "{http://www.w3.org/2005/Atom}"


def many_checks(desk: Desk, count: int, **changes: Any) -> None:
    """Append checks of the only resource, a day apart; `changes` are of the last of them."""
    with desk.store.write(actor="jobs", kind="adapter", action="check") as tx:
        resource = tx.session.exec(select(Resource)).one()
        for number in range(count):
            made = tx.now + timedelta(days=number + 1)
            fields: dict[str, Any] = {
                "status": "ok",
                "sound": True,
                "rows": 12,
                "watermark": made - timedelta(days=2),
            }
            tx.append(
                Check(
                    public_id=f"c-more-{number}",
                    resource_id=resource.id,
                    due_at=made,
                    checked_at=made,
                    **(fields | changes if number == count - 1 else fields),
                )
            )


# -- lists ---------------------------------------------------------------------------------------------------


def test_a_list_has_fifty_a_page_and_every_item_once(get: Get, desk: Desk) -> None:
    said = {f"author-{number:03}": {0: 0.5} for number in range(2 * PAGE + 1)}
    Many([True], said).write(desk.store)
    found: list[str] = []
    for number in (1, 2, 3):
        html = get(f"/authors?page={number}").text
        found += re.findall(r'<th scope="row"><a href="/authors/(author-\d+)"', html)
        assert ('rel="bookmark" href="/authors?page=2&amp;rev=' in html) is (number == 2)
        assert ('<input type="hidden" name="page" value="2">' in html) is (number == 2)
    assert found == sorted(said)
    assert "51 to 100 of 101" in text_of(get("/authors?page=2").text)
    assert get("/articles?page=3").status_code == 200
    first = get("/authors").text
    assert 'href="/authors?page=3">Last</a>' in first
    assert ">Previous</a>" not in first


def test_a_page_there_is_not_is_said_so(get: Get, desk: Desk) -> None:
    for path in ("/authors", "/articles", "/questions", "/leaderboard", "/sources", "/corrections"):
        past = get(f"{path}?page=2")
        assert past.status_code == 404
        assert "There is no page 2: this list has one page." in past.text
        for page in ("0", "-1", "1e3", "", "9" * 5000):
            wrong = get(f"{path}?page={page}")
            assert wrong.status_code == 400
            assert f"page: &#39;{page[:40]}&#39; is not the number of a page; pages count from 1." in wrong.text


def test_a_list_in_pages_loses_nothing_at_its_edges() -> None:
    for size in (0, 1, PAGE, PAGE + 1, 3 * PAGE):
        first = page_of(range(size), 1)
        rows = [row for number in range(first["pages"]) for row in page_of(range(size), number + 1)["rows"]]
        assert rows == list(range(size))


def test_questions_are_listed_by_state(get: Get, told: Told) -> None:
    confirmed, opened = get("/questions?state=confirmed").text, get("/questions?state=open").text
    assert f"/questions/{told.question}" in confirmed
    assert f"/questions/{told.question}" not in opened
    assert f"/questions/{told.child}" in opened
    assert "all (2) open (1) proposed (0) disputed (0) confirmed (1)" in text_of(opened)
    assert 'href="/questions?state=open&amp;rev=' in opened
    assert "No question is disputed." in get("/questions?state=disputed").text
    wrong = get("/questions?state=shut")
    assert wrong.status_code == 400
    assert "A question is open, proposed, disputed or confirmed, not &#39;shut&#39;." in wrong.text


def test_the_home_page_is_short_and_says_what_was_settled_last(get: Get, told: Told) -> None:
    html = get("/").text
    text = text_of(html)
    assert '<form class="search" method="get" action="/dossier"' in html
    assert '<input type="search" id="q" name="q"' in html
    assert "▲ yes Does it open?" in text
    assert "Forecasts by Ada Bell." in text
    assert "questions 2 of them settled 1" in text


# -- the leaderboard -----------------------------------------------------------------------------------------


@pytest.fixture
def crowded(desk: Desk) -> dict[str, Any]:
    """A leaderboard of more than a page, all of whom answered the same questions."""
    outcomes = [number % 2 == 0 for number in range(12)]
    said: dict[str, dict[int, float | str]] = {
        f"author-{k:02}": {n: (0.9 if happened else 0.1) - k / 1000 for n, happened in enumerate(outcomes)}
        for k in range(PAGE + 10)
    }
    Many(outcomes, said, methods=dict.fromkeys(said, "complete")).write(desk.store)
    return leaderboard(desk.ledger(), at("2030-01-01"))


def test_a_leaderboard_of_many_is_small_and_counts_its_pairs(crowded: dict[str, Any]) -> None:
    assert len(crowded["ranked"]) == PAGE + 10
    page = leaderboard_page(crowded)
    assert len(page.encode()) < 200_000
    assert page.count("<tr><td") == PAGE
    assert f"of {len(crowded['pairs'])} pairs can be ordered" in page
    assert crowded["pairs"][0]["sentence"] not in page
    assert 'href="/leaderboard?page=2"' in page
    whole = leaderboard_page(crowded, standalone=True)
    assert whole.count("<tr><td") == PAGE + 10
    assert all(pair["sentence"] in whole for pair in crowded["pairs"])
    # The pairs and the rows of one author are a page of their own.
    slug = crowded["ranked"][0]["slug"]
    mine = [pair["sentence"] for pair in crowded["pairs"] if slug in pair["authors"]]
    pages = [standing_page(crowded, slug, pairs=number) for number in (1, 2)]
    assert sorted(mine) == sorted(text for text in mine for page in pages if text in page)
    assert f'href="/leaderboard/{slug}?pairs=2#pairs"' in pages[0]
    assert "12 claims in 12 groups" in pages[0]
    rows = pages[0].split('id="rows"', 1)[1]
    scores = [float(cell) for cell in re.findall(r'<td class="number">([\d.e-]+)</td></tr>', rows)]
    assert sum(scores) / 12 == pytest.approx(crowded["ranked"][0]["brier"])


def test_who_is_not_ranked_has_the_reason_instead_of_a_standing(get: Get, told: Told) -> None:
    response = get("/leaderboard/ada-bell")
    assert response.status_code == 200
    assert "Cannot be ranked: the articles were picked by hand" in response.text
    assert get("/leaderboard/nobody").status_code == 404


# -- a question, check by check ------------------------------------------------------------------------------


def test_of_many_checks_those_are_shown_that_changed_something(get: Get, told: Told, desk: Desk) -> None:
    many_checks(desk, 70)
    path = f"/questions/{told.question}"
    html = get(path).text
    assert "those that changed something (2)" in html
    assert "all (71)" in html
    assert len(re.findall(r'<tr class="marked">', html)) == 2
    text = text_of(html)
    assert "c-more-69 last" in text
    assert "as before: yes" in text
    assert "c-1 first new verdict confirmed yes" in text
    assert "yes: opening on 2020-02-03" in text
    pages = [get(f"{path}?checks=all&page={number}").text for number in (1, 2)]
    listed = [check for page in pages for check in re.findall(r'<th scope="row"><a href="/checks/([^"]*)"', page)]
    assert listed == [f"c-more-{number}" for number in reversed(range(70))] + ["c-1"]
    assert 'href="/questions/' + told.question + '?checks=all&amp;page=2#checks"' in pages[0]
    assert get(f"{path}?checks=all&page=3").status_code == 404
    assert get(f"{path}?checks=some").status_code == 400


def test_a_question_has_its_own_corrections_and_no_other(get: Get, told: Told, desk: Desk) -> None:
    desk.reopen(told.question)
    registry.annul(desk.store, told.child, reason="It was badly put.", actor="Anna Annuller")
    mine, other = (text_of(get(f"/questions/{found}").text) for found in (told.question, told.child))
    assert "Reopened: Does it open?" in mine.partition("What was corrected")[2]
    assert "It was badly put" not in mine.partition("What was corrected")[2]
    assert "Annulled by hand: Do fares double?" in other.partition("What was corrected")[2]
    correct_statement(
        desk.store, told.statement, NewReading(claim="It carries cars."), reason="A slip.", actor="Cora"
    )
    assert "A slip." in text_of(get(f"/questions/{told.question}").text).partition("What was corrected")[2]


def test_conditions_are_a_tree_from_its_root(get: Get, told: Told) -> None:
    for path, this in ((told.question, "Does it open?"), (told.child, "Do fares double?")):
        text = text_of(get(f"/questions/{path}").text).partition("Conditions")[2]
        assert text.index("Does it open?") < text.index("counts only if yes Do fares double?")
        assert text.index("this question") > text.index(this)


# -- sources -------------------------------------------------------------------------------------------------


def test_a_source_says_how_it_does(get: Get, told: Told, desk: Desk) -> None:
    shrunk = {"status": "empty", "sound": False, "rows": 0, "watermark": None, "alarm": "shrunk"}
    many_checks(desk, 60, **shrunk, problem="It shrank.")
    html = get("/sources").text
    (key,) = set(re.findall(r"/sources/([^\"?]+)", html))
    text = text_of(html)
    assert "Alarm: shrunk since 2 March 2020" in text
    assert "empty, not sound It shrank." in text
    assert "1 March 2020, 00:00 UTC 28 February 2020, 00:00 UTC lag then: 2 days 60 ok, 1 empty" in text
    assert "resources 1" in text
    assert "with an alarm 1" in text
    page = get(f"/sources/{key}").text
    assert len(re.findall(r'<tr[^>]*><th scope="row"><a href="/checks/', page)) == PAGE
    assert "status changed" in text_of(page)
    assert "It shrank." in text_of(page).partition("Alarms")[2]
    assert f"/questions/{told.question}" in page
    assert "Next due" in page
    assert f"/sources/{key}?page=2#checks" in page
    assert get(f"/sources/{key}?page=3").status_code == 404
    assert get("/sources/u-0").status_code == 404


def test_an_earlier_state_of_a_source_has_no_alarm_to_come_and_no_queue(get: Get, told: Told, desk: Desk) -> None:
    before = desk.rev()
    many_checks(desk, 1, alarm="lagging")
    ledger = desk.ledger()
    written = ledger.revisions[before].recorded_at.isoformat().replace("+00:00", "Z")
    assert "Alarm: lagging" in get("/sources").text
    earlier = get(f"/sources?as_of={written}").text
    assert "Alarm: lagging" not in earlier
    assert "Next due" not in earlier


def test_a_source_without_a_usable_answer_time_after_time_is_said_to(get: Get, told: Told, desk: Desk) -> None:
    refused = {"sound": False, "rows": None, "watermark": None}
    many_checks(desk, 3, **refused, status="error", problem="No answer.")
    assert "in a row" not in text_of(get("/sources").text).partition("What the words mean")[0]  # once so far
    key = next(iter(desk.ledger().resources.values())).public_id
    with desk.store.write(actor="checker", kind="adapter", action="check") as tx:
        last = tx.session.exec(select(Check).where(Check.public_id == "c-more-2")).one()
        for number, status in enumerate(("throttled", "malformed", "error"), 1):
            again = last.model_dump(exclude={"id", "public_id", "rev"}) | {
                "status": status,
                "due_at": last.due_at + timedelta(days=number),
                "http_status": 404 if status == "error" else 200,
            }
            tx.append(Check(public_id=f"c-again-{number}", **again))
    for path in ("/sources", f"/sources/{key}"):
        assert "No usable answer 4 times in a row since 5 January 2020" in text_of(get(path).text), path
    assert "left alone" not in get("/sources").text


def test_what_is_due_moves_without_a_revision_and_the_page_with_it(get: Get, told: Told, desk: Desk) -> None:
    rev, key = desk.rev(), next(iter(desk.ledger().resources.values())).public_id
    for due in ("2020-04-01T10:00:00+00:00", "2020-04-01T11:00:00+00:00"):
        with desk.store.queue() as session:
            (row,) = session.exec(select(Resource)).all()
            row.next_due = datetime.fromisoformat(due)
            session.add(row)
        for path in ("/sources", f"/sources/{key}"):
            assert f"1 April 2020, {due[11:16]} UTC" in text_of(get(path).text), (path, due)
    assert desk.rev() == rev


def test_the_page_of_a_source_asks_the_queue_for_that_source_alone(
    get: Get, told: Told, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = next(iter(desk.ledger().resources.values())).public_id
    with desk.store.write(actor="jobs", kind="adapter", action="check") as tx:
        tx.append(Resource(public_id="u-other", source="event-table", query="{}"))
    of_queue, read = PageDesk.due, []

    def due(page_desk: PageDesk, public_id: str | None = None) -> dict[str, datetime | None]:
        read.append(of_queue(page_desk, public_id))
        return read[-1]

    monkeypatch.setattr(PageDesk, "due", due)
    for path, asked in ((f"/sources/{key}", {key}), ("/sources", {key, "u-other"})):
        assert "Next due" in get(path).text
        assert read.pop().keys() == asked
    assert get("/sources/u-%00").status_code == 404
    read.clear()
    with desk.store.write(actor="jobs", kind="adapter", action="replay") as tx:
        tx.session.add(ReplayRun(run_id="r", starts_at=at("2020-01-01"), ends_at=at("2024-01-01")))
    for path in (f"/sources/{key}", "/sources"):
        assert "Next due" not in get(path).text
    assert read == []


def test_a_source_read_only_for_drafts_says_so(get: Get, public: Get, told: Told, desk: Desk) -> None:
    assert "read only for what is not public" in get("/sources").text
    publishing.publish(desk.store, "ada-bell", no_notice="Nobody to ask.", actor="Ed")
    assert "not public" not in get("/sources").text.partition("<table")[2]
    assert "no notice sent" not in public("/sources").text


# -- method --------------------------------------------------------------------------------------------------


def test_the_method_is_read_from_what_the_numbers_are_made_with(
    get: Get, told: Told, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text_of(get("/method").text)
    for gate in GATES[1:]:
        assert f"from {gate.clusters} groups" in text
    for reason in REASONS.values():
        assert reason in text.replace("&#39;", "'")
    assert "at most 5 %" in text
    monkeypatch.setattr("forecasts.leaderboard.ALPHA", 0.01)
    monkeypatch.setattr("forecasts.web.method.GATES", (GATES[0], *(gate for gate in GATES[2:])))
    text = text_of(method_page(method_view(desk.ledger(), timedelta(days=3))))
    assert "for 3 days" in text
    assert "at most 1 %" in text
    assert "Below 30 groups" in text


def test_every_anchor_of_the_method_that_a_page_names_is_there(get: Get, told: Told, desk: Desk) -> None:
    there = set(re.findall(r'id="([^"]+)"', get("/method").text))
    named: set[str] = set()
    for path in ("/", "/authors", "/authors/ada-bell", "/leaderboard", f"/questions/{told.question}", "/method"):
        html = get(path).text
        named |= set(re.findall(r'href="/method#([^"]+)"', html))
        if path == "/method":
            named |= set(re.findall(r'href="#([^"]+)"', html))
    assert {"brier", "clusters", "policies", "ranks", "gates"} <= named <= there


# -- feed and badge ------------------------------------------------------------------------------------------


def publish(desk: Desk, **more: Any) -> None:
    publishing.publish(desk.store, "ada-bell", no_notice="Nobody to ask.", actor="Edith", **more)


def entries(feed: str) -> Iterator[dict[str, str]]:
    """Yield the entries of a feed that has what RFC 4287 demands of it."""
    root = ET.fromstring(feed)
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated", "author"):
        assert len(root.findall(ATOM + name)) == 1
    assert {link.get("rel") for link in root.findall(f"{ATOM}link")} == {"self", "alternate"}
    seen = {root.findtext(f"{ATOM}id")}
    for entry in root.findall(f"{ATOM}entry"):
        found = {name: entry.findtext(ATOM + name) or "" for name in ("id", "title", "updated", "content")}
        assert all(found.values())
        assert found["id"].startswith("urn:uuid:")
        assert at(found["updated"]) <= at(root.findtext(f"{ATOM}updated") or "")
        assert found["id"] not in seen
        seen.add(found["id"])
        (link,) = entry.findall(f"{ATOM}link")
        yield found | {"link": link.get("href") or ""}


def test_the_feed_tells_what_came_out_was_published_corrected_and_answered(
    get: Get, public: Get, told: Told, desk: Desk
) -> None:
    for read in (get, public):  # nothing of a draft, also where the pages show drafts
        assert list(entries(read("/feed.atom").text)) == []
    publish(desk)
    replying.reply(
        desk.store,
        "ada-bell",
        text="I stand\x07 by it & <so>.",
        statement_id=told.statement,
        received_at=desk.clock.now(),
        how="by mail",
        actor="Edith",
    )
    desk.reopen(told.question)
    response = public("/feed.atom")
    assert response.headers["content-type"] == "application/atom+xml"
    found = {entry["title"]: entry for entry in entries(response.text)}
    assert set(found) == {
        f"Came out yes: Does it open? {HOSTILE}",
        f"Reopened: Does it open? {HOSTILE}",
        "The record of ada-bell in tarn-2020 was published",
        "Reply by Ada Bell",
    }
    outcome = found[f"Came out yes: Does it open? {HOSTILE}"]
    assert outcome["content"] == "opening on 2020-02-03. Forecasts by Ada Bell. (Published, no notice sent.)"
    assert found["Reply by Ada Bell"]["content"] == "I stand by it & <so>."
    assert found["Reply by Ada Bell"]["link"] == f"http://127.0.0.1:8000/statements/{told.statement}"
    for entry in found.values():
        assert public(entry["link"].removeprefix("http://127.0.0.1:8000").split("#")[0]).status_code == 200
    assert entries_of(public, "ada-bell") == entries_of(get, "ada-bell") == found.keys()
    assert public("/authors/nobody/feed.atom").status_code == 404


def entries_of(read: Get, slug: str) -> set[str]:
    return {entry["title"] for entry in entries(read(f"/authors/{slug}/feed.atom").text)}


def test_an_entry_keeps_its_id_wherever_the_site_is(desk: Desk, told: Told) -> None:
    publish(desk)
    ledger = desk.ledger(public=True)
    here, there = (feed_view(ledger, address=address) for address in ("https://a.example", "https://b.example"))
    assert [row["id"] for row in here["entries"]] == [row["id"] for row in there["entries"]]
    assert here["entries"][0]["link"].startswith("https://a.example/")
    assert here["here"] == "https://a.example/feed.atom"
    assert len(list(entries(atom(here)))) == 2
    assert len(feed_view(ledger, address="https://a.example", size=1)["entries"]) == 1
    with pytest.raises(ValueError, match="without drafts"):
        feed_view(desk.ledger(), address="https://a.example")


def test_a_badge_has_no_number_that_the_gates_withhold(get: Get, public: Get, told: Told, desk: Desk) -> None:
    assert get("/authors/ada-bell/badge.svg").status_code == 404  # a badge is for elsewhere: no draft
    publish(desk)
    response = public("/authors/ada-bell/badge.svg")
    assert response.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(response.text)
    title = root.findtext("{http://www.w3.org/2000/svg}title")
    assert (
        title == "calledit on Ada Bell: 0 scored claims; nothing scored past its deadline yet · as of 2020-01-02"
    )
    desk.clock.set("2030-01-01T00:00:00Z")
    root = ET.fromstring(public("/authors/ada-bell/badge.svg").text)
    title = root.findtext("{http://www.w3.org/2000/svg}title")
    assert title == "calledit on Ada Bell: 1 scored claim; 1 group: too few to judge · as of 2030-01-01"
    assert root.get("role") == "img"
    assert "Brier" not in response.text
    assert "prefers-color-scheme:dark" in response.text


def test_a_badge_of_many_groups_has_the_interval(desk: Desk, store: Store, public: Get) -> None:
    outcomes = [number % 2 == 0 for number in range(12)]
    Many(outcomes, {"ada": dict.fromkeys(range(12), 0.5)}).write(store)
    publishing.publish(store, "ada", no_notice="Nobody to ask.", actor="Edith")
    desk.clock.set("2021-01-01T00:00:00Z")
    text = public("/authors/ada/badge.svg").text
    assert re.search(r"Brier 0\.250 \(0\.\d+ to 0\.\d+\), 12 groups · as of 2021-01-01</text>", text)
    assert "lower is better" in text


# -- errors --------------------------------------------------------------------------------------------------


def test_what_cannot_be_answered_is_a_short_page_with_navigation(get: Get, desk: Desk) -> None:
    for path, status in (
        ("/authors/%C3%28", 404),
        ("/questions/%00", 404),
        ("/sources/%00", 404),
        ("/evidence/%00", 404),
        ("/leaderboard/%ED%A0%80", 404),
        (f"/authors/{'a' * 10_000}", 404),
        ("/questions?state=%C3%28", 400),
        ("/questions?state=%00", 400),
        (f"/questions?state={'a' * 10_000}", 400),
        ("/method?as_of=%00", 400),
        ("/method?as_of=0000-00-00", 400),
        ("/method?as_of=2020-13-45T99:99:99Z", 400),
        ("/feed.atom?as_of=9999-12-31", 400),
        (f"/corrections?as_of={'9' * 10_000}", 400),
    ):
        response = get(path)
        assert response.status_code == status, path
        assert '<nav aria-label="Site">' in response.text
        assert len(response.text) < 3000
        assert response.headers["content-type"] == "text/html; charset=utf-8"


def test_another_method_is_refused_with_those_there_are(get: Get, desk: Desk) -> None:
    for path in ("/", "/authors", "/method", "/sources", "/feed.atom"):
        assert get(path, "HEAD").status_code == 200
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            refused = get(path, method)
            assert refused.status_code == 405
            assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}
            assert '<nav aria-label="Site">' in refused.text
