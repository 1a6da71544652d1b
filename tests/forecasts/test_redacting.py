"""Replies and redaction: what is printed beside a verdict, and what stands where something was blanked."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from forecasts import publishing, redacting, registry, replying
from forecasts.correcting import NewReading, correct_statement
from forecasts.corrections import correction_log
from forecasts.errors import ConflictError, InvalidInputError, NotFoundError, RedactedError
from forecasts.evidence import archive, retrieve
from forecasts.tables import Reply
from forecasts.text import report_text
from forecasts.web.pages import statement_page
from forecasts.web.views import statement_view
from tests.support.clocks import at
from tests.support.desk import Desk
from tests.support.documents import TEXT, article, document, statement, worded

CLAIM = "The crossing is in use by mid-year."


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def the_statement(desk: Desk) -> str:
    return str(desk.export("statements")[0]["statement"])


def reply(desk: Desk, text: str = "I stand by it.", slug: str = "ada-bell", **more: Any) -> str:
    fields: dict[str, Any] = {"received_at": at("2020-01-01T10:00:00Z"), "how": "By mail.", "actor": "Rita"}
    return replying.reply(desk.store, slug, text, **(fields | more))


def redact(desk: Desk, kind: str, target: str, **more: Any) -> list[Any]:
    fields: dict[str, Any] = {"reason": "A court said so.", "actor": "Lex"}
    return redacting.redact(desk.store, kind, target, **(fields | more))


def attach(desk: Desk, folder: Path) -> str:
    path = folder / "tarn.txt"
    path.write_bytes(TEXT.encode())
    return registry.attach(desk.store, "tarn-2020", path, actor="Rita")


def told(desk: Desk, sha256: str) -> str:
    day = f"{desk.ledger().revisions[desk.rev()].recorded_at:%Y-%m-%d}"
    return f"redacted on {day} by Lex: A court said so, sha256 {sha256}"


# -- replies -------------------------------------------------------------------------------------------------


def test_a_reply_is_printed_beside_what_it_answers(desk: Desk) -> None:
    desk.register(document())
    about = reply(desk, statement_id=the_statement(desk))
    whole = reply(desk, "You misread me.", how="A letter.")
    report = desk.report()
    assert [row["id"] for row in report["replies"]] == [whole]
    assert report["statements"][0]["replies"] == [
        {
            "id": about,
            "text": "I stand by it.",
            "received_at": "2020-01-01T10:00:00Z",
            "received_how": "By mail.",
        }
    ]
    text = report_text(report)
    assert text.index("Reply, received 2020-01-01T10:00:00Z (By mail.): I stand by it.") < text.index("Outcome:")
    assert "(A letter.): You misread me." in text
    assert {row["reply"]: row["statement"] for row in desk.export("replies")} == {
        about: the_statement(desk),
        whole: None,
    }


def test_a_reply_follows_its_statement_when_that_is_corrected(desk: Desk) -> None:
    desk.register(document())
    about = reply(desk, statement_id=the_statement(desk))
    reading = NewReading(claim="It is open by July.")
    correct_statement(desk.store, the_statement(desk), reading, reason="Misread.", actor="Cora")
    assert [row["id"] for row in desk.report()["statements"][0]["replies"]] == [about]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"slug": "eve"}, "There is no author 'eve'"),
        ({"slug": "ben-cole", "statement_id": "s-"}, "is charged to another author"),
        ({"statement_id": "s-nowhere"}, "There is no statement 's-nowhere'"),
        ({"received_at": at("2020-01-03")}, "It cannot have been received at 2020-01-03T00:00:00Z"),
        ({"text": "  "}, "The reply is not usable"),
        ({"text": "a\x00b"}, "The reply is not usable"),
        ({"how": ""}, "The way in which it was received is not usable"),
    ],
)
def test_a_reply_that_cannot_be_is_not_kept(desk: Desk, fields: dict[str, Any], says: str) -> None:
    desk.register(document())
    with pytest.raises((InvalidInputError, NotFoundError), match=says):
        reply(desk, **fields)
    assert desk.export("replies") == []


def test_a_reply_is_kept_once(desk: Desk) -> None:
    desk.register(document())
    kept = reply(desk)
    with pytest.raises(ConflictError, match=f"registered already, as {kept}"):
        reply(desk)
    redact(desk, "reply", kept)
    with pytest.raises(ConflictError, match=f"registered already, as {kept}, and was redacted on"):
        reply(desk)


# -- what is blanked -----------------------------------------------------------------------------------------


def test_redacted_evidence_is_gone_and_says_why(desk: Desk) -> None:
    (asked,) = desk.ids(document()).values()
    step = desk.resolve(asked)
    sha256 = str(step.evidence_sha256)
    with desk.store.read() as session:
        body, _ = retrieve(session, sha256)
    redact(desk, "evidence", sha256)
    with (
        desk.store.read() as session,
        pytest.raises(RedactedError, match=f"This evidence was {told(desk, sha256)}"),
    ):
        retrieve(session, sha256)
    (entry,) = desk.report()["statements"][0]["forecasts"]
    assert (entry["evidence_sha256"], entry["evidence_redacted"]) == (sha256, told(desk, sha256))
    assert {row["evidence_redacted"] for row in desk.export("resolutions")} == {told(desk, sha256)}
    assert "It was redacted on" in report_text(desk.report())
    with desk.store.write(actor="Rita", action="check") as tx:  # the same bytes come again
        assert archive(tx, body, "application/json") == sha256
    with desk.store.read() as session, pytest.raises(RedactedError):
        retrieve(session, sha256)


def test_a_redacted_claim_is_blank_in_every_version(desk: Desk) -> None:
    desk.register(document())
    old = the_statement(desk)
    reading = NewReading(claim="It is open by July.")
    new = correct_statement(desk.store, old, reading, reason="Misread.", actor="Cora")
    done = redact(desk, "statement", new)
    assert {(row.target, row.sha256) for row in done} == {(old, sha(CLAIM)), (new, sha("It is open by July."))}
    (row,) = desk.export("statements")
    assert row["claim"] == f"[{told(desk, sha('It is open by July.'))}]"
    assert row["hedge_phrase"] == "likely"
    (entry,) = desk.report()["statements"]
    assert (entry["claim"], entry["redacted"]) == (row["claim"], row["claim"][1:-1])
    assert "mid-year" not in str(desk.report())


def test_with_its_hedge(desk: Desk) -> None:
    desk.register(document())
    (done,) = redact(desk, "statement", the_statement(desk), with_hedge=True)
    assert done.sha256 == sha(f"{CLAIM}\nlikely")
    assert desk.export("statements")[0]["hedge_phrase"] is None


@pytest.mark.parametrize("calls", [(True,), (False, True)])
def test_a_hedge_goes_with_its_claim_or_after_it(desk: Desk, calls: tuple[bool, ...]) -> None:
    value = document(forecasts=[worded()])
    (asked,) = desk.ids(value).values()
    desk.resolve(asked)
    before = desk.report()["policies"]["broad"]["brier"]
    for with_hedge in calls:
        done = redact(desk, "statement", the_statement(desk), with_hedge=with_hedge)
    assert done[0].sha256 == sha("likely" if len(calls) == 2 else f"{CLAIM}\nlikely")
    (row,) = desk.export("forecasts")
    assert (row["phrase"], row["basis"], desk.export("statements")[0]["hedge_phrase"]) == (None, "lexicon", None)
    assert "likely" not in str(desk.report()["statements"])
    assert "likely" not in report_text(desk.report())
    assert desk.report()["policies"]["broad"]["brier"] == before
    assert [entry["kind"] for entry in correction_log(desk.ledger())] == ["redaction"] * len(calls)
    page = statement_page(statement_view(desk.ledger(), the_statement(desk)))
    assert "Graded words, since redacted" in page
    assert not desk.register(value).added
    with pytest.raises(ConflictError, match=r"was redacted on .* already"):
        redact(desk, "statement", the_statement(desk), with_hedge=True)


@pytest.mark.parametrize("with_hedge", [False, True])
def test_the_note_of_a_second_coding_goes_with_the_claim(desk: Desk, with_hedge: bool) -> None:
    note = f"Bea read: {CLAIM}"
    value = document(statements=[statement(second_coding="settled", second_coding_note=note)])
    desk.register(value)
    old = the_statement(desk)
    reading = NewReading(second_coding="settled", second_coding_note=f"Cem read: {CLAIM}")
    new = correct_statement(desk.store, old, reading, reason="Not Bea.", actor="Cora")
    done = redact(desk, "statement", new, with_hedge=with_hedge)
    hedge = "\nlikely" if with_hedge else ""
    assert {row.target: row.sha256 for row in done} == {
        old: sha(f"{CLAIM}\n{note}{hedge}"),
        new: sha(f"{CLAIM}\nCem read: {CLAIM}{hedge}"),
    }
    (row,) = desk.export("statements")
    assert (row["second_coding"], row["second_coding_note"]) == ("settled", None)
    view = statement_view(desk.ledger(), new)
    everywhere = (desk.report(), correction_log(desk.ledger()), view, statement_page(view))
    assert not [found for found in everywhere if CLAIM in str(found)]
    assert not desk.register(value).added
    with pytest.raises(ConflictError, match="was redacted; it is not brought back by a correction"):
        correct_statement(desk.store, new, reading, reason="Again.", actor="Cora")


@pytest.mark.parametrize("actor", ["ada-bell", "Ada Bell"])
def test_nobody_redacts_what_their_own_record_rests_on(desk: Desk, tmp_path: Path, actor: str) -> None:
    (asked,) = desk.ids(document()).values()
    evidence = str(desk.resolve(asked).evidence_sha256)
    copy = attach(desk, tmp_path)
    for kind, target in (("evidence", evidence), ("copy", copy)):
        with pytest.raises(ConflictError, match=f"{actor} is the author and cannot redact"):
            redact(desk, kind, target, actor=actor)
        redact(desk, kind, target, actor="Ben Cole")


def test_a_redacted_claim_is_not_brought_back(desk: Desk) -> None:
    value = document()
    desk.register(value)
    old = the_statement(desk)
    redact(desk, "statement", old)
    assert not desk.register(value).added
    with pytest.raises(ConflictError, match="registered already with another kind"):
        desk.register(document(statements=[statement(kind="commitment")]))
    with pytest.raises(ConflictError, match="was redacted; it is not brought back by a correction"):
        correct_statement(desk.store, old, NewReading(claim="Again."), reason="R.", actor="Cora")
    reading = NewReading(stated_by="ben-cole")
    new = correct_statement(desk.store, old, reading, reason="The speaker.", actor="Cora")
    (row,) = desk.export("statements")
    assert (row["statement"], row["claim"][:13]) == (new, "[redacted on ")
    assert not desk.register(value).added


def test_neither_copy_nor_quotation_of_what_was_redacted(desk: Desk, tmp_path: Path) -> None:
    desk.register(document())
    sha256 = attach(desk, tmp_path)
    assert desk.report()["statements"][0]["quotation"] == TEXT[:54]
    redact(desk, "statement", the_statement(desk))
    assert desk.report()["statements"][0]["quotation"] is None
    redact(desk, "copy", sha256)
    assert desk.report()["statements"][0]["copy_redacted"] == told(desk, sha256)
    assert desk.export("articles")[0]["copy_redacted"] == told(desk, sha256)
    with pytest.raises(ConflictError, match=r"was redacted on .*; it is not brought back"):
        attach(desk, tmp_path)


def test_a_redacted_reply_leaves_its_place(desk: Desk) -> None:
    desk.register(document())
    kept = reply(desk)
    redact(desk, "reply", kept)
    assert desk.report()["replies"][0]["text"] == f"[{told(desk, sha('I stand by it.'))}]"
    assert (desk.report()["replies"][0]["received_how"], desk.export("replies")[0]["received_how"]) == (None, None)
    assert "Reply, received 2020-01-01T10:00:00Z: [redacted" in report_text(desk.report())
    with desk.store.read() as session:
        assert session.exec(select(Reply.received_how)).one() == ""
    assert desk.export("replies")[0]["redacted"] == told(desk, sha("I stand by it."))


def test_an_earlier_instant_does_not_bring_it_back(desk: Desk) -> None:
    desk.register(document())
    then = desk.ledger().revisions[desk.rev()].recorded_at
    redact(desk, "statement", the_statement(desk))
    assert "mid-year" not in str(desk.report(as_of=then))
    assert desk.report(as_of=then)["corrections"] == []
    assert [entry["kind"] for entry in desk.report()["corrections"]] == ["redaction"]


@pytest.mark.parametrize(
    ("kind", "target", "says"),
    [
        ("evidence", "0" * 64, "There is no archived evidence"),
        ("copy", "0" * 64, "No copy of an edition"),
        ("reply", "a-nowhere", "There is no reply 'a-nowhere'; `calledit export replies"),
        ("statement", "s-nowhere", "There is no statement"),
        ("author", "ada-bell", "What can be redacted is evidence, copy, reply, statement, not 'author'"),
    ],
)
def test_what_is_not_there_cannot_be_redacted(desk: Desk, kind: str, target: str, says: str) -> None:
    desk.register(document())
    with pytest.raises((NotFoundError, InvalidInputError), match=says):
        redact(desk, kind, target)


def test_it_is_redacted_once_with_a_reason_and_by_somebody_else(desk: Desk) -> None:
    desk.register(document())
    for actor in ("Ada Bell", "ada-bell"):
        with pytest.raises(ConflictError, match="is the author and cannot redact"):
            redact(desk, "statement", the_statement(desk), actor=actor)
    with pytest.raises(InvalidInputError, match="The reason is not usable"):
        redact(desk, "statement", the_statement(desk), reason=" ")
    redact(desk, "statement", the_statement(desk))
    with pytest.raises(ConflictError, match=r"was redacted on .* already"):
        redact(desk, "statement", the_statement(desk))


def test_what_is_public_of_a_redaction(desk: Desk) -> None:
    other = article("ferry-2020", editions=[{"sha256": "0" * 64, "characters": 99}])
    ferry = statement("s-ferry", article="ferry-2020", stated_by="ben-cole")
    desk.register(document(articles=[article(), other], statements=[statement(), ferry]))
    for row in desk.export("statements"):
        redact(desk, "statement", row["statement"])
    publishing.publish(desk.store, "ada-bell", no_notice="Nobody to ask.", actor="Edith")
    kinds = [entry["kind"] for entry in correction_log(desk.ledger(public=True))]
    assert sorted(kinds) == ["publication", "redaction"]
