"""A ledger around what a page is about says, of that, what the whole ledger says, to the byte."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import select

import seeds
from forecasts import publishing, redacting, registry, replying, rows
from forecasts.correcting import NewReading, correct_statement
from forecasts.errors import NotFoundError
from forecasts.evidence import archive
from forecasts.leaderboard import leaderboard
from forecasts.ledger import Ledger
from forecasts.measures import records
from forecasts.measures.records import headlines
from forecasts.overview import overview
from forecasts.reports import author_report
from forecasts.rows import Scope, scope_of
from forecasts.store import Store
from forecasts.tables import Author, Check, Forecast, Question, QuestionResource, Resolution, Resource, Statement
from forecasts.web import app as site
from forecasts.web.desk import Desk as PageDesk
from forecasts.web.question import question_view
from forecasts.whole import Whole
from tests.forecasts.web.test_app import links
from tests.support.clocks import at
from tests.support.desk import WINDOW, Desk
from tests.support.many import Many


def both(store: Store, rev: int, now: datetime, *, drafts: bool) -> tuple[Ledger, Whole]:
    """Return the whole ledger of a revision, and what gives parts of it."""
    with store.read() as session:
        whole = Ledger(session, rev, now=now, include_drafts=drafts)
    return whole, Whole(store, rev, now=now, include_drafts=drafts)


def every_report_is_the_same(
    store: Store, revs: Sequence[int], now: datetime, *, shown: Sequence[bool] = (True, False)
) -> int:
    compared = 0
    for rev in revs:
        for drafts in shown:
            ledger, whole = both(store, rev, now, drafts=drafts)
            for author in ledger.authors.values():
                with store.read() as session:
                    part = whole.ledger(scope_of(session, "author", author.slug))
                told, again = (author_report(found, author.slug, now) for found in (ledger, part))
                assert json.dumps(again) == json.dumps(told), (rev, drafts, author.slug)
                compared += bool(told["statements"])
            assert json.dumps(leaderboard(whole.ledger(Scope()), now)) == json.dumps(leaderboard(ledger, now))
            assert listed(whole.ledger(Scope()), now) == listed(ledger, now)
    return compared


def listed(ledger: Ledger, now: datetime) -> list[Any]:
    """Return what the lists are made from."""
    there = overview(ledger)
    people, articles = ([row.id for row in rows] for rows in (there.known, there.articles))
    named = [row.id for row in there.authors]
    counted = [sorted(kept.items()) for kept in (there.said, there.found)]
    questions = [there.questions, there.states, there.settled]
    return [people, named, articles, counted, questions, headlines(ledger, there.authors, now)]


@pytest.fixture
def lived(desk: Desk) -> Desk:
    """The seeds with what happens to a registry: outcomes, reopenings, corrections, redactions, replies, moves."""
    store = desk.store
    for value in seeds.documents().values():
        desk.register(value, actor="founders", kind="seed")
    desk.clock.set("2024-01-01")
    with store.read() as session:
        questions = session.exec(select(Question.public_id).order_by(Question.public_id)).all()
        said = session.exec(select(Statement).order_by(Statement.public_id)).all()
        slugs = dict(session.exec(select(Author.id, Author.slug)).all())
        coded = session.exec(
            select(Forecast).where(Forecast.basis == "coder").order_by(Forecast.public_id)
        ).first()
    assert coded is not None
    asked = [
        row["question"] for row in desk.export("questions") if row["state"] == "open" and not row["condition"]
    ]
    for number, question in enumerate(asked[:6]):
        step = desk.resolve(question, "ambiguous")
        if number % 2 == 0:
            desk.reopen(question)
        if number == 1:
            redacting.redact(store, "evidence", str(step.evidence_sha256), reason="A court.", actor="Lex")
    registry.annul(store, questions[0], reason="It cannot be told.", actor="Ann")
    speaker = slugs[said[0].stated_by_id]
    other = next(slugs[row.stated_by_id] for row in said if row.stated_by_id != said[0].stated_by_id)
    for row, reading in ((said[0], NewReading(stated_by=other)), (said[5], NewReading(claim="Read again."))):
        correct_statement(store, row.public_id, reading, reason="We misread it.", actor="Cora")
    redacting.redact(store, "statement", said[9].public_id, reason="A court.", actor="Lex")
    number_read = registry.NewNumber(probability=0.41, low=0.3, high=0.5)
    registry.correct(store, coded.public_id, number_read, reason="A slip.", actor="Cora")
    replying.reply(store, other, "Not so.", received_at=desk.clock.now(), how="By mail", actor="Rita")
    publishing.unpublish(store, speaker, reason="A doubt.", actor="Edith")
    return desk


def test_the_report_on_every_author_is_the_same_at_every_revision(lived: Desk) -> None:
    newest = lived.rev()
    now = lived.clock.now()
    assert every_report_is_the_same(lived.store, [newest], now) > 10
    assert every_report_is_the_same(lived.store, [newest - 4], now, shown=[False])
    assert every_report_is_the_same(lived.store, [newest // 2], now, shown=[True])


def test_every_page_is_the_same(lived: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Follow every link of the site but to authors, with a ledger around each page and with the whole one."""
    of_state = PageDesk.ledger
    for drafts in (True, False):
        around = asyncio.run(crawled(site.create_app(lived.store, drafts=drafts)))
        with monkeypatch.context() as patched:
            patched.setattr(PageDesk, "ledger", lambda desk, state, _about=None: of_state(desk, state))
            whole = asyncio.run(crawled(site.create_app(lived.store, drafts=drafts)))
        assert len(whole) > 100
        assert around.keys() == whole.keys()
        assert [path for path in whole if around[path] != whole[path]] == []


async def crawled(app: FastAPI) -> dict[str, tuple[int, bytes]]:
    """Return every page that can be reached from the first."""
    found: dict[str, tuple[int, bytes]] = {}
    waiting = ["/"]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site.test") as client:
        while waiting:
            path = waiting.pop()
            response = await client.get(path)
            found[path] = (response.status_code, response.content)
            if response.headers["content-type"].startswith("text/html"):
                inside = {link.split("#")[0] for link in links(response.text) if link.startswith("/")}
                new = inside - found.keys() - set(waiting)
                waiting += sorted(path for path in new if not path.startswith("/authors/"))
    return found


def test_what_is_drawn_from_all_authors_is_the_same(desk: Desk) -> None:
    """Enough authors with enough groups that their means are drawn together, some of them picked by hand."""
    many = Many(
        outcomes=[number % 3 == 0 for number in range(40)],
        said={
            f"author-{key:02}": {number: 0.1 + (number * key % 9) / 10 for number in range(key % 5, 40)}
            for key in range(1, 25)
        },
        methods={f"author-{key:02}": "hand-picked" for key in range(20, 25)},
    )
    many.write(desk.store)
    now = at("2022-01-01")
    assert every_report_is_the_same(desk.store, [desk.rev()], now) == 24
    _, whole = both(desk.store, desk.rev(), now, drafts=True)
    with desk.store.read() as session:
        part = whole.ledger(scope_of(session, "author", "author-03"))
    assert author_report(part, "author-03", now)["policies"]["broad"]["shrunk"]["authors"] == 19


def test_a_part_holds_only_what_it_is_about(desk: Desk) -> None:
    said = {f"author-{key}": dict.fromkeys(range(30), 0.5) for key in range(10)}
    Many(outcomes=[True] * 30, said=said).write(desk.store)
    ledger, whole = both(desk.store, desk.rev(), at("2022-01-01"), drafts=True)
    with desk.store.read() as session:
        part = whole.ledger(scope_of(session, "author", "author-3"))
    assert (len(part.forecasts), len(ledger.forecasts)) == (30, 300)
    assert [row.slug for row in part.subjects] == ["author-3"]
    with desk.store.read() as session, pytest.raises(NotFoundError, match="There is no author 'nobody'"):
        whole.ledger(scope_of(session, "author", "nobody")).author("nobody")


def test_what_columns_alone_do_not_tell_is_read_in_full(desk: Desk) -> None:
    """A claim added after its author's notice, and an earlier forecast registered after a later one was scored."""
    many = Many(
        outcomes=[number % 3 == 0 for number in range(12)],
        said={f"author-{key:02}": dict.fromkeys(range(12), key / 10) for key in range(1, 5)},
        methods={"author-04": "hand-picked"},
    )
    many.write(desk.store)
    publishing.notify(desk.store, "author-01", how="A letter.", actor="Edith")
    for slug, why in (("author-01", None), ("author-02", "Nobody."), ("author-03", "Nobody.")):
        publishing.publish(desk.store, slug, no_notice=why, actor="Edith")
    with desk.store.read() as session:
        for author in (1, 2):
            one = session.exec(
                select(Forecast).where(Forecast.author_id == author, Forecast.question_id == 1)
            ).one()
            said = session.get_one(Statement, one.statement_id)
            add_earlier(desk, said, one)
    now = at("2022-01-01")
    every_report_is_the_same(desk.store, [desk.rev()], now)
    _, whole = both(desk.store, desk.rev(), now, drafts=False)
    with whole.read() as session:
        columns = records.Reader(session, whole, [1, 2, 3, 4])
        assert (columns.outgrown, columns.odd) == ({1}, {1, 2})


def add_earlier(desk: Desk, said: Statement, one: Forecast) -> None:
    """Register another claim of the author on the question, made a day before."""
    earlier = {
        "stated_earliest": one.stated_earliest - timedelta(days=1),
        "stated_at": one.stated_at - timedelta(days=1),
    }
    with desk.store.write(actor="Rita", action="register") as tx:
        new = said.model_dump(exclude={"id", "rev"}) | {
            "public_id": f"{said.public_id}-0",
            "part": 9,
            "rev": tx.rev,
        }
        row = tx.append(Statement(**new))
        tx.session.flush()
        made = one.model_dump(exclude={"id", "rev"}) | earlier
        made |= {"public_id": f"{one.public_id}-0", "statement_id": row.id, "rev": tx.rev}
        tx.append(Forecast(**made))


def test_a_page_reads_no_claims_it_does_not_show(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others said costs an author's page and the lists no rows: those read what they count in columns.

    What is said on other questions costs the page of a question none either, though all read one source.
    """
    said = {f"author-{key}": dict.fromkeys(range(60), 0.5) for key in range(1, 8)}
    Many(outcomes=[number % 2 == 0 for number in range(60)], said=said).write(desk.store)
    share_a_source(desk)
    read: dict[str, set[int]] = defaultdict(set)
    for name in ("all", "by"):
        monkeypatch.setattr(rows._Reader, name, counting(getattr(rows._Reader, name), read))

    def claims(path: str) -> int:
        read.clear()
        app = site.create_app(desk.store, drafts=True)
        response = asyncio.run(got(app, path))
        assert response.status_code == 200, path
        return len(read["forecast"])

    assert claims("/authors/author-3") == 60
    assert [claims(path) for path in ("/leaderboard", "/authors", "/articles", "/method")] == [0, 0, 0, 0]
    for path in ("/questions?page=2", "/"):
        assert claims(path) == 10 * 7
        assert read["source_check"] == set(), path
    assert claims("/questions/q-3") == 7
    assert len(read["source_check"]) == 3
    assert claims("/sources/u-shared") == 60 * 7
    assert claims("/dossier?author=author-3") == 60
    assert claims("/compare?a=author-3&b=author-4") == 120


def share_a_source(desk: Desk) -> None:
    """Have every question read one source, which was checked three times."""
    with desk.store.write(actor="jobs", kind="adapter", action="check") as tx:
        query = json.dumps({"location": "https://source.test/table.csv"})
        resource = tx.append(Resource(public_id="u-shared", source="event-table", query=query))
        tx.session.flush()
        for question in tx.session.exec(select(Question.id)).all():
            tx.session.add(QuestionResource(question_id=question, resource_id=resource.id))
        for number in range(3):
            made = tx.now + timedelta(days=number)
            fields = {
                "resource_id": resource.id,
                "due_at": made,
                "checked_at": made,
                "status": "ok",
                "sound": True,
            }
            tx.append(Check(public_id=f"c-shared-{number}", **fields))


def test_a_question_tells_a_correction_that_concerns_others_as_the_whole_registry_does(desk: Desk) -> None:
    """Two questions were decided from the same bytes, which are redacted; only the other one is public."""
    said = {f"author-{key}": {key - 1: 0.5} for key in (1, 2)}
    Many(outcomes=[None, None], said=said).write(desk.store)
    publishing.publish(desk.store, "author-2", no_notice="Nobody.", actor="Edith")
    with desk.store.write(actor="jobs", kind="adapter", action="check") as tx:
        evidence = archive(tx, b"The table.", "text/csv")
        for number in range(2):
            step: dict[str, Any] = {
                "step": 1,
                "state": "confirmed",
                "outcome": "ambiguous",
                "rule": "manual",
                "reason": "So.",
                "question_id": number + 1,
                "actor_id": tx.actor_id,
                "evidence_sha256": evidence,
            }
            tx.append(Resolution(public_id=f"r-{number}", decided_at=tx.now, **step))
    redacting.redact(desk.store, "evidence", evidence, reason="A court.", actor="Lex")
    ledger, whole = both(desk.store, desk.rev(), desk.clock.now(), drafts=True)
    with desk.store.read() as session:
        part = whole.ledger(scope_of(session, "question", "q-0"))
    (told,) = question_view(part, "q-0")["corrections"]
    assert told == question_view(ledger, "q-0")["corrections"][0]
    assert told["authors"] == ["author-1", "author-2"]


def counting(read: Callable[..., Any], known: dict[str, set[int]]) -> Callable[..., Any]:
    def counted(reader: Any, table: Any, *what: Any) -> Any:
        found = read(reader, table, *what)
        known[table.__tablename__] |= found.keys()
        return found

    return counted


async def got(app: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://site.test") as client:
        return await client.get(path)


def test_what_did_not_change_is_carried_over_and_what_did_is_made_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = Many(
        outcomes=[None if number in (120, 131) else number % 3 == 0 for number in range(132)],
        said={
            f"author-{key:02}": {number: number % 10 / 10 for number in range(12 * key - 12, 12 * key)}
            for key in range(1, 12)
        },
    )
    many.write(desk.store)
    desk.clock.set("2020-06-30T12:00:00Z")
    publish = publishing.publish
    with desk.store.read() as session:
        asked = {row.title: row.public_id for row in session.exec(select(Question)).all()}
        one = session.exec(select(Forecast).where(Forecast.author_id == 5).order_by(Forecast.public_id)).first()
        said = session.exec(select(Statement).where(Statement.stated_by_id == 6)).first()
    assert one is not None
    assert said is not None
    late = asked["Does matter 131 come to pass?"]

    changes: dict[str, Callable[[], object]] = {
        "nothing but a revision": lambda: replying.reply(
            desk.store, "author-02", "No.", received_at=desk.clock.now(), how="By mail", actor="Rita"
        ),
        "a deadline": lambda: desk.clock.set("2020-07-02"),
        "an outcome": lambda: desk.resolve(late, "no"),
        "its reopening": lambda: desk.reopen(late),
        "a number": lambda: registry.correct(
            desk.store, one.public_id, registry.NewNumber(probability=0.99), reason="A slip.", actor="Cora"
        ),
        "a speaker": lambda: correct_statement(
            desk.store, said.public_id, NewReading(stated_by="author-09"), reason="Another.", actor="Cora"
        ),
        "a record published": lambda: publish(desk.store, "author-03", no_notice="Nobody.", actor="Edith"),
        "one with a date": lambda: publish(
            desk.store, "author-04", no_notice="Nobody.", public_from=desk.clock.now() + WINDOW, actor="Edith"
        ),
        "that date": lambda: desk.clock.forward(WINDOW),
        "a record taken back": lambda: publishing.unpublish(
            desk.store, "author-03", reason="A doubt.", actor="Edith"
        ),
        "a redaction": lambda: redacting.redact(
            desk.store, "statement", said.public_id, reason="A court.", actor="Lex"
        ),
    }
    read: list[int] = []
    made_of = records.made

    def counted(whole: Whole, ids: Sequence[int], *what: Any) -> Any:
        read.append(len(ids))
        return made_of(whole, ids, *what)

    monkeypatch.setattr(records, "made", counted)
    desks = {drafts: PageDesk(desk.store, drafts=drafts) for drafts in (True, False)}
    made: dict[str, int] = {}
    for change, do in ({"the first look": lambda: None} | changes).items():
        do()
        read.clear()
        for drafts, kept in desks.items():
            state = kept.state(kept.newest())
            part = kept.ledger(state, "everybody")
            again = kept.leaderboard(part, None)
            with desk.store.read() as session:
                ledger = Ledger(session, state.rev, now=state.now, include_drafts=drafts)
            assert json.dumps(again) == json.dumps(leaderboard(ledger, state.now)), (change, drafts)
            if drafts:
                one_author = kept.ledger(state, ("author", "author-01"))
                drawn = kept.report(one_author, "author-01", None, past_only=False)
                afresh = author_report(ledger, "author-01", state.now)
                assert json.dumps(drawn) == json.dumps(afresh)
        made[change] = sum(read)
    assert (
        made["the first look"] == made["a redaction"] == 3 * 11
    )  # the leaderboard twice, and what is drawn together
    assert made["nothing but a revision"] == 0
    assert made["a number"] == made["an outcome"] == 3  # one author
