"""Publication: what may be seen, by whom it is decided, and that nothing else leaves."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forecasts import correcting, publishing, registry, replying
from forecasts.errors import ConflictError, InvalidInputError, NotFoundError
from forecasts.exchange.export import KINDS, records
from forecasts.exchange.trace import trace
from forecasts.ledger import Ledger, read_ledger
from forecasts.publishing import LABELS
from forecasts.reports import author_report
from forecasts.text import report_text
from tests.support.clocks import at
from tests.support.desk import Desk, sound_check
from tests.support.documents import (
    TEXT,
    article,
    document,
    event_leaf,
    forecast,
    question,
    statement,
)

OTHER = "0" * 64
Move = Callable[[Desk], object]


def two_authors(**changes: Any) -> dict[str, Any]:
    """Return a document in which Ada and Ben each say something, and Ben something in an article of his own."""
    return document(
        articles=[article(), article("ferry-2020", editions=[{"sha256": OTHER, "characters": 99}])],
        statements=[
            statement(),
            statement("s-ben", start=60, end=80, stated_by="ben-cole", reported_via="ada-bell", claim="Ben's."),
            statement("s-ferry", article="ferry-2020", stated_by="ben-cole", claim="The ferry's."),
        ],
        questions=[
            question(),
            question("q-hidden", title="Hidden?", cluster="hidden", criterion=event_leaf()),
            question("q-above", title="Above?", cluster="c"),
            question("q-below", title="Below?", cluster="c", condition={"question": "q-above", "outcome": "yes"}),
        ],
        forecasts=[
            forecast(),
            forecast("s-ben", "q-hidden"),
            forecast("s-ferry", "q-below"),
        ],
        **changes,
    )


def notify(desk: Desk, slug: str = "ada-bell", **more: Any) -> object:
    return publishing.notify(desk.store, slug, how="A letter.", actor="Edith Editor", **more)


def publish(desk: Desk, slug: str = "ada-bell", **more: Any) -> object:
    return publishing.publish(desk.store, slug, actor="Edith Editor", **more)


def unpublish(desk: Desk, slug: str = "ada-bell", **more: Any) -> object:
    return publishing.unpublish(desk.store, slug, reason="A doubt.", actor="Edith Editor", **more)


def outright(desk: Desk, slug: str = "ada-bell", **more: Any) -> object:
    return publish(desk, slug, no_notice="Nobody to ask.", **more)


def seen(desk: Desk, kind: str = "statements") -> list[dict[str, Any]]:
    """Return what an export without drafts holds."""
    return records(desk.ledger(public=True), kind)


def labels(desk: Desk) -> dict[tuple[str, str], str]:
    return {(row["stated_by"], row["article"]): row["publication"] for row in desk.export("statements")}


# -- the moves -----------------------------------------------------------------------------------------------


def test_what_is_registered_is_a_draft_that_nobody_outside_sees(desk: Desk) -> None:
    desk.register(two_authors())
    assert set(labels(desk).values()) == {"draft"}
    assert {kind: seen(desk, kind) for kind in KINDS} == {kind: [] for kind in KINDS}
    assert desk.ledger(public=True).left_out == 3
    assert desk.ledger().left_out == 0


def test_a_record_goes_from_draft_over_notice_to_published_and_back(desk: Desk) -> None:
    desk.register(two_authors())
    notify(desk)
    assert labels(desk)["Ada Bell", "tarn-2020"] == "notified"
    assert seen(desk) == []
    publish(desk)
    assert labels(desk)["Ada Bell", "tarn-2020"] == "published"
    assert [row["stated_by"] for row in seen(desk)] == ["Ada Bell"]
    unpublish(desk)
    assert labels(desk)["Ada Bell", "tarn-2020"] == "draft"
    assert seen(desk) == []
    told = [(row["state"], row["notice"], row["reason"], row["actor"]) for row in desk.export("publications")]
    assert told == [
        ("notified", "A letter.", None, "Edith Editor"),
        ("published", "A letter.", None, "Edith Editor"),
        ("draft", None, "A doubt.", "Edith Editor"),
    ]


def test_published_without_notice_says_so_and_why(desk: Desk) -> None:
    desk.register(two_authors())
    outright(desk)
    assert labels(desk)["Ada Bell", "tarn-2020"] == "published, no notice sent"
    assert seen(desk)[0]["publication_note"] == "Published; no notice sent: Nobody to ask."


def test_one_article_of_several(desk: Desk) -> None:
    desk.register(two_authors())
    outright(desk, "ben-cole", article="ferry-2020")
    assert [row["article"] for row in seen(desk)] == ["ferry-2020"]
    outright(desk, "ben-cole")
    assert {row["article"] for row in seen(desk)} == {"ferry-2020", "tarn-2020"}


@pytest.mark.parametrize(
    ("before", "move", "says"),
    [
        ((), publish, "is a draft and its author has not been told: give notice first"),
        ((), unpublish, r"No record of ada-bell can become draft \(records: tarn-2020: draft\)"),
        ((notify,), notify, "can become notified"),
        ((notify,), lambda desk: notify(desk, article="tarn-2020"), "is notified already"),
        ((notify,), outright, "notice was given already"),
        ((outright,), outright, "can become published"),
        ((outright,), lambda desk: outright(desk, article="tarn-2020"), "is published already"),
        ((outright,), lambda desk: notify(desk, article="tarn-2020"), "is published already; take it back first"),
        ((), lambda desk: notify(desk, article="ferry-2020"), "Nothing in ferry-2020 is charged to ada-bell"),
        (
            (),
            lambda desk: publish(desk, article="tarn-2020", no_notice=" "),
            "The reason why no notice is sent is",
        ),
    ],
)
def test_a_move_that_cannot_be_made_is_refused(
    desk: Desk, before: tuple[Move, ...], move: Move, says: str
) -> None:
    desk.register(two_authors())
    for done in before:
        done(desk)
    rev = desk.rev()
    with pytest.raises((ConflictError, InvalidInputError), match=says):
        move(desk)
    assert desk.rev() == rev


@pytest.mark.parametrize("actor", ["Ada Bell", "ada-bell", "ADA BELL"])
def test_nobody_decides_on_their_own_record(desk: Desk, actor: str) -> None:
    desk.register(two_authors())
    with pytest.raises(ConflictError, match="is the author and cannot decide on the publication"):
        publishing.publish(desk.store, "ada-bell", no_notice="Me.", actor=actor)


def test_who_is_not_there_is_named(desk: Desk) -> None:
    desk.register(two_authors())
    with pytest.raises(NotFoundError, match="There is no author 'eve'"):
        notify(desk, "eve")
    with pytest.raises(NotFoundError, match="There is no article 'x'"):
        notify(desk, article="x")


# -- when ----------------------------------------------------------------------------------------------------


def test_nothing_is_public_before_its_time(desk: Desk) -> None:
    desk.register(two_authors())
    outright(desk, public_from=at("2020-02-01"))
    assert labels(desk)["Ada Bell", "tarn-2020"] == "embargoed"
    note = next(row["publication_note"] for row in desk.export("statements") if row["stated_by"] == "Ada Bell")
    assert note == (
        "DRAFT: not public yet; no notice sent: Nobody to ask; nothing is public before 2020-02-01T00:00:00Z."
    )
    desk.clock.set("2020-01-31T23:59:59.999999")
    assert seen(desk) == []
    desk.clock.set("2020-02-01")
    assert len(seen(desk)) == 1
    assert labels(desk)["Ada Bell", "tarn-2020"] == "published, no notice sent"


def test_what_the_notice_promised_is_kept(desk: Desk) -> None:
    desk.register(two_authors())
    notify(desk, public_from=at("2020-02-01"))
    with pytest.raises(ConflictError, match="the notice said that nothing is public before 2020-02-01T00:00:00Z"):
        publish(desk, public_from=at("2020-01-31"))
    publish(desk)
    assert seen(desk) == []
    desk.clock.set("2020-02-01")
    assert len(seen(desk)) == 1


# -- what is public leads to nothing that is not -------------------------------------------------------------


def test_what_leaves_is_what_is_public_and_what_that_leads_to(desk: Desk, tmp_path: Path) -> None:
    ids = desk.ids(two_authors())
    copy = tmp_path / "tarn.txt"
    copy.write_bytes(TEXT.encode())
    registry.attach(desk.store, "tarn-2020", copy, actor="Rita")
    desk.resolve(ids["q-bridge"])
    hidden = desk.propose(ids["q-hidden"])
    with desk.store.write(actor="calledit", kind="adapter", action="check") as tx:
        sound_check(tx)
    for slug in ("ada-bell", "ben-cole"):
        replying.reply(desk.store, slug, "No.", received_at=at("2020-01-01"), how="By mail.", actor="Rita")
    outright(desk)
    found = {kind: seen(desk, kind) for kind in KINDS}
    assert [row["slug"] for row in found["authors"]] == ["ada-bell"]
    assert {row["article"] for row in found["articles"]} == {"tarn-2020"}
    assert [row["question"] for row in found["questions"]] == [ids["q-bridge"]]
    assert {row["author"] for row in found["forecasts"]} == {"ada-bell"}
    assert {row["question"] for row in found["resolutions"]} == {ids["q-bridge"]}
    assert found["checks"] == []
    assert {row["author"] for row in found["scores"]} == {"ada-bell"}
    assert [row["author"] for row in found["replies"]] == ["ada-bell"]
    assert [row["author"] for row in found["publications"]] == ["ada-bell"]
    ledger = desk.ledger(public=True)
    assert hidden.evidence_sha256 not in ledger.evidence
    assert hidden.evidence_sha256 in desk.ledger().evidence
    for public_id in (ids["q-hidden"], hidden.public_id, "c-1"):
        assert trace(desk.ledger(), public_id)
        with pytest.raises(NotFoundError):
            trace(ledger, public_id)
    outright(desk, "ben-cole", article="tarn-2020")
    assert [row["check"] for row in seen(desk, "checks")] == ["c-1"]
    assert seen(desk)[-1]["reported_via"] == "Ada Bell"


def test_a_question_brings_the_conditions_above_it(desk: Desk) -> None:
    ids = desk.ids(two_authors())
    outright(desk, "ben-cole", article="ferry-2020")
    assert {row["question"] for row in seen(desk, "questions")} == {ids["q-above"], ids["q-below"]}
    assert {row["publication"] for row in seen(desk, "questions")} == {"published, no notice sent"}
    above = next(row for row in desk.export("questions") if row["question"] == ids["q-hidden"])
    assert above["publication"] == "draft"


def test_somebody_who_only_passed_it_on_is_named_and_has_no_page(desk: Desk) -> None:
    desk.register(two_authors())
    outright(desk, "ben-cole", article="tarn-2020")
    ledger = desk.ledger(public=True)
    (told,) = author_report(ledger, "ben-cole", desk.clock.now())["statements"]
    assert told["reported_via"] == "Ada Bell"
    with pytest.raises(NotFoundError, match=r"There is no author 'ada-bell'. Registered: ben-cole."):
        ledger.author("ada-bell")
    outright(desk, article="tarn-2020")
    unpublish(desk)  # their own record goes, and the name stays in Ben's
    (told,) = author_report(desk.ledger(public=True), "ben-cole", desk.clock.now())["statements"]
    assert told["reported_via"] == "Ada Bell"
    unnamed = correcting.NewReading(clear=["reported_via"])
    correcting.correct_statement(desk.store, told["id"], unnamed, reason="Not to be named.", actor="Edith Editor")
    (told,) = author_report(desk.ledger(public=True), "ben-cole", desk.clock.now())["statements"]
    assert told["reported_via"] is None


def test_which_forecast_counts_is_decided_over_everything(desk: Desk) -> None:
    """Ada's first forecast is in an article that stays a draft; her second does not count because of it."""
    value = document(
        articles=[article(), article("ferry-2020", editions=[{"sha256": OTHER, "characters": 99}])],
        statements=[
            statement(),
            statement("s-later", article="ferry-2020", stated_earliest="2020-02-01T00:00:00Z", stated_basis="B"),
        ],
        forecasts=[forecast(), forecast("s-later", probability=0.9)],
    )
    desk.clock.set("2020-03-01")
    (asked,) = desk.ids(value).values()
    desk.resolve(asked)
    outright(desk, article="ferry-2020")
    (row,) = seen(desk)
    assert (row["probability"], row["excluded_because"], row["scored"]) == (0.9, "set-aside", False)
    numbers = author_report(desk.ledger(public=True), "ada-bell", desk.clock.now())["policies"]["broad"]
    assert (numbers["scored"], numbers["brier"]) == (0, None)


# -- what came after -----------------------------------------------------------------------------------------


def test_no_record_is_opened_by_an_instant_to_come(desk: Desk) -> None:
    desk.register(two_authors())
    notify(desk, public_from=at("2030-01-01"))
    publish(desk)
    with pytest.raises(InvalidInputError, match=r"Nothing was said at 2099-01-01T00:00:00Z yet"):
        read_ledger(desk.store, at("2099-01-01"))
    assert read_ledger(desk.store, desk.clock.now()).statements == {}


def test_what_was_taken_back_stays_back_at_every_instant(desk: Desk) -> None:
    desk.register(two_authors())
    outright(desk)
    public = read_ledger(desk.store)
    assert {row.claim for row in public.statements.values()} != set()
    unpublish(desk)
    with desk.store.read() as session:
        now = desk.clock.now()
        for drafts, shown in ((False, 0), (True, 3)):
            then = Ledger(session, public.rev, now=now, include_drafts=drafts)
            assert len(then.statements) == shown


def added(key: str = "s-more") -> dict[str, Any]:
    """Return the document with one more statement of Ada's in the article whose record she was told of."""
    value = two_authors()
    return value | {"statements": [*value["statements"], statement(key, start=81, end=90, claim="More.")]}


def test_a_notice_covers_what_was_there_when_it_was_given(desk: Desk) -> None:
    desk.register(two_authors())
    notify(desk)
    publish(desk)
    before = len(seen(desk))
    desk.register(added())
    assert len(seen(desk)) == before
    told = {
        row["claim"]: row["publication"] for row in desk.export("statements") if row["stated_by"] == "Ada Bell"
    }
    assert told["More."] == "draft"
    ledger = desk.ledger()
    (more,) = (row for row in ledger.statements.values() if row.claim == "More.")
    assert ledger.note(more) == publishing.ADDED
    with pytest.raises(ConflictError, match="has its date already"):
        notify(desk, public_from=at("2030-01-01"))
    notify(desk)
    assert len(seen(desk)) == before + 1
    assert desk.ledger().note(more) == "Published; notice was given (A letter.; of what was added: A letter)."
    with pytest.raises(ConflictError, match="No record of ada-bell can become notified"):
        notify(desk)


def test_what_is_added_to_a_record_published_without_notice_is_public(desk: Desk) -> None:
    desk.register(two_authors())
    outright(desk)
    before = len(seen(desk))
    desk.register(added())
    assert len(seen(desk)) == before + 1


def test_a_reply_to_the_whole_record_waits_until_all_of_it_is_public(desk: Desk) -> None:
    desk.register(two_authors())
    outright(desk, "ben-cole", article="ferry-2020")
    replying.reply(
        desk.store, "ben-cole", "About both.", received_at=desk.clock.now(), how="A letter", actor="Edith Editor"
    )
    assert desk.ledger(public=True).replies == {}
    outright(desk, "ben-cole", article="tarn-2020")
    assert len(desk.ledger(public=True).replies) == 1


def test_a_file_registered_again_publishes_nobody_who_was_put_in_its_place_since(desk: Desk) -> None:
    value = document(
        publications=[{"article": "tarn-2020", "author": "*", "state": "published", "no_notice": "Old."}]
    )
    desk.register(value)
    (row,) = desk.export("statements")
    correcting.correct_statement(
        desk.store,
        row["statement"],
        correcting.NewReading(stated_by="ben-cole"),
        reason="He said it.",
        actor="Edith Editor",
    )
    desk.register(value)
    assert desk.export("statements")[0]["stated_by"] == "Ben Cole"
    assert seen(desk) == []


# -- what every view says ------------------------------------------------------------------------------------


def test_a_report_says_where_the_record_stands(desk: Desk) -> None:
    desk.register(two_authors())
    report = desk.report("ben-cole")
    assert report["publication"]["public"] is False
    assert report["publication"]["notes"] == ["DRAFT: not published, and the author has not been told."]
    assert report_text(report).splitlines()[1].startswith("DRAFT: ")
    notify(desk, "ben-cole", article="ferry-2020")
    report = desk.report("ben-cole")
    assert report["publication"]["notes"] == [
        "ferry-2020: DRAFT: not public yet; notice was given (A letter).",
        "tarn-2020: DRAFT: not published, and the author has not been told.",
    ]
    assert [row["label"] for row in report["publication"]["articles"]] == ["notified", "draft"]
    assert {row["publication"]["label"] for row in report["statements"]} == {"notified", "draft"}


def test_every_label_can_be_had(desk: Desk) -> None:
    desk.register(two_authors())
    found = [labels(desk)["Ada Bell", "tarn-2020"]]
    notify(desk, public_from=desk.clock.now() + timedelta(days=1))
    found.append(labels(desk)["Ada Bell", "tarn-2020"])
    publish(desk)
    found.append(labels(desk)["Ada Bell", "tarn-2020"])
    desk.clock.forward(timedelta(days=1))
    found.append(labels(desk)["Ada Bell", "tarn-2020"])
    unpublish(desk)
    outright(desk)
    found.append(labels(desk)["Ada Bell", "tarn-2020"])
    assert sorted(found, key=LABELS.index) == list(LABELS)


# -- in a file -----------------------------------------------------------------------------------------------


def published(author: str = "*", **changes: Any) -> dict[str, Any]:
    return {"article": "tarn-2020", "author": author, "state": "published", "no_notice": "A test."} | changes


def test_a_file_publishes_every_speaker_but_those_it_names(desk: Desk) -> None:
    told = {"state": "notified", "no_notice": None, "notice": "By mail."}
    value = two_authors(publications=[published(), published("ben-cole", **told)])
    assert desk.register(value).added["publications"] == 2
    assert labels(desk) == {
        ("Ada Bell", "tarn-2020"): "published, no notice sent",
        ("Ben Cole", "tarn-2020"): "notified",
        ("Ben Cole", "ferry-2020"): "draft",
    }
    again = desk.register(value)
    assert (dict(again.added), again.unchanged["publications"]) == ({}, 2)


def test_what_was_decided_since_stands_against_the_file(desk: Desk) -> None:
    value = two_authors(publications=[published("ada-bell")])
    desk.register(value)
    unpublish(desk)
    assert not desk.register(value).added
    assert seen(desk) == []


def test_a_file_goes_on_from_notice_to_publication(desk: Desk) -> None:
    told = published("ada-bell", state="notified", no_notice=None, notice="By mail.")
    desk.register(two_authors(publications=[told]))
    value = two_authors(publications=[published("ada-bell", no_notice=None)])
    assert desk.register(value).added["publications"] == 1
    assert not desk.register(value).added
    assert labels(desk)["Ada Bell", "tarn-2020"] == "published"
    assert not desk.register(two_authors(publications=[told])).added


def test_a_draft_in_a_file_takes_nothing_back(desk: Desk) -> None:
    draft = two_authors(publications=[published("ada-bell", state="draft", no_notice=None)])
    assert desk.register(draft).unchanged["publications"] == 1
    outright(desk)
    with pytest.raises(ConflictError, match=r"publications\[0\]: ada-bell is published; take it back with"):
        desk.register(draft)


@pytest.mark.parametrize(
    ("publications", "says"),
    [
        ([published("eve")], r"publications\[0\]: nothing in 'tarn-2020' is charged to 'eve'"),
        ([published(article="x")], r"publications\[0\]: there is no article 'x'"),
        ([published(), published()], "publications: a record is named twice"),
        ([published(notice="By mail.")], "notice and no_notice contradict each other"),
        ([published(no_notice=None)], "has not been told: give notice first"),
        ([published(state="notified", no_notice=None)], "notified needs its `notice`: how"),
        ([published(state="notified", notice="By mail.")], "contradict each other"),
    ],
)
def test_a_publication_that_cannot_be_keeps_the_whole_file_out(
    desk: Desk, publications: list[dict[str, Any]], says: str
) -> None:
    with pytest.raises((ConflictError, InvalidInputError), match=says):
        desk.register(two_authors(publications=publications))
    assert desk.rev() == 0
