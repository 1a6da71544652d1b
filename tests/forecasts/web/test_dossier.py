"""The dossier: what somebody said before, found by author, topic and words, and nothing that is hidden."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from forecasts import publishing, redacting, registry, replying, search
from forecasts.correcting import NewReading, correct_statement
from forecasts.corrections import correction_log
from forecasts.errors import ConflictError, InvalidInputError, NotFoundError
from forecasts.web.dossier import Asked, dossier_view
from tests.forecasts.web.conftest import HOSTILE, Get, Told
from tests.forecasts.web.test_pages import told as text_of
from tests.support import documents as make
from tests.support.clocks import at
from tests.support.desk import Desk


def view(desk: Desk, as_of: str | None = None, *, public: bool = False, page: int = 1, **asked: Any) -> Any:
    """Return the dossier as the desk sees it, or everybody."""
    instant = at(as_of) if as_of else None
    ledger = desk.ledger(instant, public=public)
    with desk.store.read() as session:
        return dossier_view(
            ledger,
            Asked(**asked),
            lambda term: search.find(session, term),
            instant or desk.clock.now(),
            page=page,
            site="https://calls.test",
        )


def claims(desk: Desk, as_of: str | None = None, **asked: Any) -> list[str]:
    return [row["claim"] for row in view(desk, as_of, **asked)["claims"]["rows"]]


def attach(desk: Desk, folder: Path) -> None:
    file = folder / "tarn.txt"
    file.write_text(make.TEXT, encoding="utf-8")
    registry.attach(desk.store, "tarn-2020", file, actor="Ann")


def two_authors() -> dict[str, Any]:
    """Two authors, two topics, three claims; the middle one is the newest."""
    return make.document(
        authors=[make.author(), make.author("ben-cole", "Ben Cole")],
        statements=[
            make.statement("s-1", claim="Trams cross the bridge."),
            make.statement(
                "s-2",
                start=80,
                end=116,
                claim="The ferry ends.",
                hedge_phrase="expects",
                stated_by="ben-cole",
                stated_earliest="2020-01-01T18:00:00Z",
                stated_basis="He dates it.",
            ),
            make.statement("s-3", start=60, end=79, claim="The mayor goes.", hedge_phrase="may"),
        ],
        questions=[
            make.question(),
            make.question("q-ferry", title="Does the ferry close?", cluster="crossings"),
        ],
        forecasts=[make.forecast("s-1"), make.worded("s-2", "q-ferry")],
    )


SEARCHES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["The ferry ends.", "Trams cross the bridge.", "The mayor goes."]),
    ({"author": "ben"}, ["The ferry ends."]),
    ({"author": "ada-bell"}, ["Trams cross the bridge.", "The mayor goes."]),
    ({"topic": "ferries"}, ["The ferry ends."]),
    ({"topic": "ferry closing"}, ["The ferry ends."]),
    ({"topic": "crossing"}, ["The ferry ends."]),
    ({"q": "crossing"}, ["Trams cross the bridge."]),
    ({"topic": "mayor"}, []),
    ({"q": "mayor"}, ["The mayor goes."]),
    ({"q": "bridge ada"}, ["Trams cross the bridge."]),
    ({"q": "bridge ben"}, []),
    ({"author": "bell", "topic": "bridge", "q": "tram"}, ["Trams cross the bridge."]),
    ({"q": "nobody"}, []),
]


def test_all_that_is_asked_has_to_match_and_the_newest_comes_first(desk: Desk) -> None:
    desk.register(two_authors())
    for asked, found in SEARCHES:
        assert [row["claim"] for row in view(desk, **asked)["claims"]["rows"]] == found, asked
        assert view(desk, **asked)["claims"]["total"] == len(found)


def test_an_unknown_author_is_said_to_be_unknown(desk: Desk) -> None:
    desk.register(two_authors())
    with pytest.raises(NotFoundError, match="No author called 'zoe' has a claim here"):
        view(desk, author="zoe")


def test_fifty_claims_stand_on_a_page(desk: Desk) -> None:
    rows = [make.statement(f"s-{n}", start=n, end=n + 9, claim=f"Thing {n} comes.") for n in range(60)]
    desk.register(make.document(statements=rows, forecasts=[]))
    first, second = view(desk), view(desk, page=2)
    assert (len(first["claims"]["rows"]), len(second["claims"]["rows"])) == (50, 10)
    assert (first["claims"]["total"], second["claims"]["pages"]) == (60, 2)
    with pytest.raises(NotFoundError, match="There is no page 3"):
        view(desk, page=3)


# -- nothing hidden is found -----------------------------------------------------------------------------------


def test_a_draft_is_neither_found_nor_counted(desk: Desk) -> None:
    desk.register(two_authors())
    publishing.publish(desk.store, "ada-bell", no_notice="A test.", actor="Ed")
    assert claims(desk, public=True) == ["Trams cross the bridge.", "The mayor goes."]
    assert view(desk, public=True, q="ferry")["claims"]["total"] == 0
    assert view(desk, public=True, topic="crossings")["claims"]["total"] == 0
    with pytest.raises(NotFoundError):
        view(desk, public=True, author="ben-cole")
    publishing.unpublish(desk.store, "ada-bell", reason="A doubt.", actor="Ed")
    assert view(desk, public=True)["claims"]["total"] == 0


def test_what_was_not_said_or_attached_yet_is_not_found(desk: Desk, tmp_path: Path) -> None:
    desk.register(two_authors())
    before = desk.ledger()
    attach(desk, tmp_path)
    desk.register(
        make.document(
            statements=[make.statement("s-late", start=100, end=120, claim="Barges stay.")],
            questions=[make.question("q-barges", title="Do barges stay?", criterion=make.manual("Barges stay."))],
            forecasts=[make.forecast("s-late", "q-barges")],
        )
    )
    as_of = before.revisions[before.rev].recorded_at.isoformat()
    assert (claims(desk, q="tarn"), claims(desk, as_of, q="tarn")) == (["Trams cross the bridge."], [])
    assert (claims(desk, q="barges"), claims(desk, as_of, q="barges")) == (["Barges stay."], [])
    assert claims(desk, as_of, topic="barges") == []


def test_a_replaced_reading_is_not_found_and_a_redacted_one_neither(desk: Desk, tmp_path: Path) -> None:
    desk.register(two_authors())
    attach(desk, tmp_path)
    (tram,) = (row for row in desk.ledger().statements.values() if "Trams" in row.claim)
    new = correct_statement(
        desk.store, tram.public_id, NewReading(claim="Buses cross it."), reason="Misread.", actor="Ann"
    )
    assert (claims(desk, q="trams"), claims(desk, q="buses")) == ([], ["Buses cross it."])
    redacting.redact(desk.store, "statement", new, reason="A demand.", actor="Ann")
    assert claims(desk, q="buses") == claims(desk, q="tarn") == []
    assert [row[:9] for row in claims(desk, topic="bridge")] == ["[redacted"]
    assert "Tarn" not in view(desk, topic="bridge")["claims"]["rows"][0]["paragraph"].split("(")[0]


# -- the paragraph and how the record was made -----------------------------------------------------------------


def paragraph(desk: Desk, **asked: Any) -> str:
    (row,) = view(desk, **asked)["claims"]["rows"]
    return str(row["paragraph"])


def test_a_paragraph_stands_alone(desk: Desk, tmp_path: Path) -> None:
    document = two_authors()
    desk.register(document)
    attach(desk, tmp_path)
    (question,) = (row.public_id for row in desk.ledger().questions.values() if "bridge" in row.title)
    desk.resolve(question, "yes", occurred="2020-06-01T08:00:00Z")
    replying.reply(
        desk.store,
        "ada-bell",
        "I said so.",
        received_at=desk.clock.now(),
        how="By mail.",
        actor="Ed",
        statement_id=next(row.public_id for row in desk.ledger().statements.values() if "Trams" in row.claim),
    )
    publishing.publish(desk.store, "ada-bell", no_notice="A test.", actor="Ed")
    told = paragraph(desk, q="trams", public=True)
    ledger = desk.ledger()
    statement = next(row for row in ledger.statements.values() if "Trams" in row.claim)
    link = re.search(r"https://calls\.test/statements/(\S+)\?as_of=(\S+)$", told)
    assert link is not None
    assert link[1] == statement.public_id
    assert told.replace(link[0], "LINK") == (
        "Ada Bell said on 1 January 2020: “The bridge over the Tarn will likely open before July.” "
        "(A local paper on the bridge). That is, in our words: Trams cross the bridge. Ada Bell said 70 %. "
        "The question, to be decided before 1 July 2020: Does the bridge open before July 2020? "
        "The answer is yes, on 1 June 2020, by a named person. Ada Bell replied: “I said so.” "
        "One of 2 claims of Ada Bell on record, from an article picked by hand; "
        "none is past its deadline and scored yet. "
        f"As of {desk.clock.now().day} June 2020: LINK"
    )


def test_no_number_of_ours_is_put_in_a_mouth(desk: Desk) -> None:
    for number, item in enumerate((make.worded(), make.coded(), make.forecast(asserts="no", probability=0.2))):
        key = f"s-{number}"
        desk.register(
            make.document(
                statements=[make.statement(key, start=number, end=number + 30, claim=f"Case{number} comes.")],
                forecasts=[item | {"statement": key}],
            )
        )
    worded, coded, denied = (paragraph(desk, q=f"case{number}") for number in range(3))
    assert "Ada Bell gave no number; the words were “likely”." in worded
    assert "Ada Bell gave no number" in coded
    assert not re.search(r"\d %", worded + coded)
    assert "said that it would not happen and stated a number, which leaves 20 % for it to happen" in denied
    assert "said 20 %" not in denied
    assert all("in our words" in told and "It is not a quotation." in told for told in (worded, coded, denied))


def test_words_in_a_report_are_not_taken_for_the_speaker_s(desk: Desk, tmp_path: Path) -> None:
    row = make.statement(
        start=80, end=116, claim="The ferry ends.", stated_by="ben-cole", reported_via="ada-bell",
        stated_earliest="2019-12-01T00:00:00Z", stated_latest="2020-01-01T00:00:00Z", stated_basis="Told later.",
    )  # fmt: skip
    desk.register(make.document(statements=[row], forecasts=[]))
    attach(desk, tmp_path)
    told = paragraph(desk)
    assert told.startswith(
        "DRAFT, NOT FOR PUBLICATION. Ben Cole said between 1 December 2019 and 31 December 2019, "
        "as Ada Bell reports (A local paper on the bridge), in our words: The ferry ends. The passage: “"
    )
    assert "It was not made a question: An opening is public." in told
    assert "The only claim of Ben Cole on record" in told


def made(desk: Desk, **asked: Any) -> dict[str, tuple[str, str]]:
    (row,) = view(desk, **asked)["claims"]["rows"]
    return {answer["question"]: (answer["answer"], answer["why"]) for answer in row["made"]}


def test_what_the_registry_does_not_know_is_not_guessed(desk: Desk) -> None:
    desk.register(make.document())
    told = made(desk)
    assert told["Two coders?"][0] == "not recorded"
    assert "registered by Rita Registrar" in told["Two coders?"][1]
    # Registered in earnest today, long after the deadline: that the criteria are older, nothing here shows.
    assert told["Criteria before outcome?"][0] == "not recorded"
    assert told["Notice sent?"] == ("no", "The record is a draft.")


@pytest.mark.parametrize(
    ("coding", "note", "answer", "why"),
    [
        ("none", None, "no", "One person alone read it."),
        ("agreed", "Bea read it.", "yes, and they agree", "each alone, and found the same. Bea read it."),
        ("settled", "Bea saw no hedge", "yes, and they differed", "was settled. Bea saw no hedge."),
        ("one-of-two", None, "one of two", "only one of them saw this claim in it."),
    ],
)
def test_a_second_coding_is_told_as_it_was_recorded(
    desk: Desk, coding: str, note: str | None, answer: str, why: str
) -> None:
    said = {"second_coding": coding} | ({} if note is None else {"second_coding_note": note})
    desk.register(make.document(statements=[make.statement(**said)]))
    told = made(desk)["Two coders?"]
    assert told[0] == answer
    assert told[1].endswith(why)


def test_a_second_coding_is_of_the_reading_it_was_made_of(desk: Desk) -> None:
    value = make.document(statements=[make.statement(second_coding="agreed", second_coding_note="Bea.")])
    desk.register(value)
    (old,) = [row["statement"] for row in desk.export("statements")]
    before = desk.ledger().revisions[desk.rev()].recorded_at.isoformat()
    new = correct_statement(
        desk.store, old, NewReading(claim="It opens by July."), reason="Too vague.", actor="Ed"
    )
    assert made(desk)["Two coders?"][0] == "not recorded"
    assert made(desk, as_of=before)["Two coders?"] == ("yes, and they agree", ANY)
    read_again = NewReading(second_coding="settled", second_coding_note="Cem saw no hedge.")
    newest = correct_statement(desk.store, new, read_again, reason="Read again.", actor="Ed")
    assert made(desk)["Two coders?"][0] == "yes, and they differed"
    assert [entry["after"] for entry in correction_log(desk.ledger())][-1] == {
        "second_coding": "settled",
        "second_coding_note": "Cem saw no hedge.",
    }
    with pytest.raises(ConflictError, match="nothing would change"):
        correct_statement(desk.store, newest, read_again, reason="Once more.", actor="Ed")
    with pytest.raises(InvalidInputError, match="second_coding_note needs second_coding"):
        correct_statement(
            desk.store, newest, NewReading(second_coding_note="Who?"), reason="Once more.", actor="Ed"
        )


def test_criteria_before_the_outcome_are_told_from_criteria_after_it(desk: Desk) -> None:
    desk.register(make.document(questions=[make.question(deadline="2190-01-01T00:00:00Z")]))
    answer, why = made(desk)["Criteria before outcome?"]
    assert (answer, why.endswith("before the deadline on 1 January 2190; it is not decided yet.")) == ("yes", True)
    late = make.document(
        statements=[make.statement("s-2", start=60, end=80, claim="Late.")],
        questions=[make.question("q-2", criterion=make.manual("x"), retrospective=True)],
        forecasts=[make.forecast("s-2", "q-2")],
    )
    desk.register(late)
    assert made(desk, q="late")["Criteria before outcome?"] == ("no", "The criteria were written after the fact.")


def test_notice_is_told_with_how_it_was_given(desk: Desk) -> None:
    desk.register(make.document())
    publishing.notify(desk.store, "ada-bell", how="A letter.", actor="Ed")
    assert made(desk)["Notice sent?"] == ("yes", "A letter.")
    publishing.publish(desk.store, "ada-bell", actor="Ed")
    assert made(desk, public=True)["Notice sent?"] == ("yes", "A letter.")
    desk.register(
        make.document(statements=[make.statement("s-2", start=60, end=80, claim="Added.")], forecasts=[])
    )
    assert made(desk, q="added")["Notice sent?"] == ("no", "It was added after notice was given.")


# -- over HTTP and on the command line -------------------------------------------------------------------------


def test_the_quotation_stands_before_any_number(get: Get, desk: Desk, tmp_path: Path) -> None:
    desk.register(two_authors())
    attach(desk, tmp_path)
    page = get("/dossier?author=ada&q=bridge")
    assert page.status_code == 200
    body = page.text[page.text.index("<article") :]
    assert body.index("<blockquote>") < body.index("%")
    assert 'value="ada"' in page.text
    assert 'class="copy"' in body
    text = text_of(page.text)
    assert "1 claim matches, the newest first." in text
    assert "Two coders? Not recorded." in text


def test_everything_is_escaped_and_the_form_works_under_the_policy(get: Get, told: Told) -> None:
    page = get("/dossier?q=alert")
    assert text_of(page.text).count("claim") > 1
    assert HOSTILE not in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    refused = get("/dossier?author=<script>x")
    assert refused.status_code == 404
    assert "<script>" not in refused.text


ODD = [
    ("q=" + "a" * 10_000, 400),
    ("q=%C3", 400),
    ("author=%C3", 400),
    ("topic=a%00b", 400),
    ("q=%ED%A0%80", 400),
    ("q=%21%3F", 400),
    ("author=%22%22", 400),
    ("author=nobody", 404),
    ("page=2", 404),
    ("page=0", 400),
    ("page=-1", 400),
    ("page=x", 400),
    ("page=" + "9" * 5_000, 400),
    ("as_of=yesterday", 400),
    ("as_of=9999-12-31T00:00:00Z", 400),
    ("as_of=1900-01-01T00:00:00Z", 200),
    ("q=%22bridge%22+AND+%28NOT*", 200),
    ("q=bridge%22", 200),
    ("q=&author=&topic=", 200),
    ("q=" + "+".join(["bridge"] * 40), 200),
]


def test_odd_questions_get_a_clear_page(get: Get, desk: Desk) -> None:
    desk.register(make.document())
    for query, status in ODD:
        page = get(f"/dossier?{query}")
        assert page.status_code == status, query
        assert "<h1" in page.text
        assert len(page.text) < 40_000


def test_an_earlier_state_is_searched_as_it_was(get: Get, desk: Desk) -> None:
    desk.register(make.document())
    before = desk.ledger()
    instant = before.revisions[before.rev].recorded_at
    desk.register(
        make.document(statements=[make.statement("s-2", start=60, end=80, claim="Barges stay.")], forecasts=[])
    )
    stamp = instant.isoformat().replace("+00:00", "Z")
    assert "Barges" in get("/dossier?q=barges").text
    page = get(f"/dossier?q=barges&as_of={stamp}")
    assert "Nothing here matches all of that." in text_of(page.text)
    assert f'name="as_of" value="{stamp}"' in page.text
    early = (instant - timedelta(days=9)).isoformat().replace("+00:00", "Z")
    assert "Nothing is registered here yet." in text_of(get(f"/dossier?as_of={early}").text)


def test_the_link_of_a_paragraph_leads_to_what_it_says(public: Get, desk: Desk) -> None:
    desk.register(make.document())
    publishing.publish(desk.store, "ada-bell", no_notice="A test.", actor="Ed")
    desk.clock.instant = at("2190-01-01")  # so that the instant of the link lies in the past of nobody's clock
    desk.clock.instant = max(row.recorded_at for row in desk.ledger().revisions.values())
    (link,) = re.findall(r"http://127\.0\.0\.1:8000(/statements/\S+?)<", public("/dossier?q=crossing").text)
    page = public(link.replace("&amp;", "&"))
    assert page.status_code == 200
    assert "The crossing is in use by mid-year." in page.text


@pytest.fixture
def both(both_desks: dict[str, Desk]) -> list[Desk]:
    for desk in both_desks.values():
        desk.register(two_authors())
    return list(both_desks.values())


def test_both_databases_give_the_same_dossier(both: list[Desk]) -> None:
    def told(desk: Desk) -> str:
        shown = json.dumps(view(desk, q="bridge"), sort_keys=True)
        return re.sub(r"20\d\d-\d\d-\d\dT[0-9:.]+Z", "T", shown)

    first, second = (told(desk) for desk in both)
    assert first == second
