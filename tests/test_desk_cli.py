"""The desk at the command line: publishing, replying, correcting, redacting, and what stays inside."""

import json
from pathlib import Path
from typing import Any

import pytest

from forecasts.store import Store
from forecasts.tables import ReplayRun
from tests.support.clocks import FakeClock, at
from tests.support.commands import Run
from tests.test_cli import document, write


@pytest.fixture
def draft(calledit: Run, tmp_path: Path) -> Run:
    """A registry in which nothing is public."""
    assert calledit("register", write(tmp_path, document(publications=[]))).code == 0
    return calledit


def the(run: Run, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = run("export", kind, "--include-drafts").json[0]
    return found


def test_a_draft_stays_inside_until_it_is_published(draft: Run, tmp_path: Path) -> None:
    out = draft("export", "statements")
    assert (out.code, out.out) == (0, "[]\n")
    assert out.err == "1 statement is a draft and was left out; add --include-drafts.\n"
    assert the(draft, "statements")["publication"] == "draft"
    refused = draft("show", the(draft, "statements")["statement"])
    assert refused.code == 1
    assert "What is not public was left out; add --include-drafts." in refused.err
    assert draft("show", the(draft, "statements")["statement"], "--include-drafts").code == 0

    done = draft("author", "publish", "the-mayor", "--no-notice", "He is made up.", "--json")
    assert done.json == [
        {
            "author": "the-mayor",
            "article": "bridge",
            "state": "published",
            "public_from": None,
            "notice": None,
            "reason": "He is made up.",
        }
    ]
    out = draft("export", "statements")
    assert (len(out.json), out.err) == (1, "")
    back = draft("author", "unpublish", "the-mayor", "--reason", "A doubt.")
    assert back.out == "the-mayor in bridge: DRAFT: taken back from publication: A doubt.\n"
    assert draft("export", "statements").json == []


def test_a_report_shows_a_draft_marked_and_writes_no_file_of_it(draft: Run, tmp_path: Path) -> None:
    text = draft("report", "the-mayor")
    assert text.code == 0
    assert text.out.splitlines()[1] == "DRAFT: not published, and the author has not been told."
    told = draft("report", "the-mayor", "--json").json["publication"]
    assert (told["public"], told["articles"][0]["label"]) == (False, "draft")
    for option, name in (("--html", "r.html"), ("--picture", "r.svg"), ("--picture", "r.png")):
        refused = draft("report", "the-mayor", option, str(tmp_path / name))
        assert refused.code == 1
        assert "Nothing of The Mayor is public, so no file of it is written" in refused.err
        assert not (tmp_path / name).exists()
    assert draft("report", "the-mayor", "--html", str(tmp_path / "r.html"), "--include-drafts").code == 0
    assert "DRAFT: not published" in (tmp_path / "r.html").read_text(encoding="utf-8")
    draft("author", "publish", "the-mayor", "--no-notice", "He is made up.")
    assert draft("report", "the-mayor", "--html", str(tmp_path / "p.html")).code == 0
    assert "no notice sent: He is made up" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_evidence_of_a_draft_stays_inside(draft: Run) -> None:
    asked = the(draft, "questions")["question"]
    ruling = ("--citation", "Gazette", "--reason", "Closed.")
    assert draft("question", "propose", asked, "no", *ruling).code == 0
    sha256 = the(draft, "resolutions")["evidence_sha256"]
    assert draft("show", sha256).code == 1
    assert draft("show", sha256, "--include-drafts").code == 0
    draft("author", "publish", "the-mayor", "--no-notice", "He is made up.")
    assert draft("show", sha256).code == 0
    redacted = draft("redact", "evidence", sha256, "--reason", "A court said so.", "--json")
    assert redacted.json == [{"kind": "evidence", "target": sha256, "sha256": sha256}]
    gone = draft("show", sha256)
    assert gone.code == 1
    assert "by ann: A court said so, sha256" in gone.err


def test_notice_reply_correction_and_the_log(draft: Run, tmp_path: Path) -> None:
    (tmp_path / "reply.txt").write_text("I never said that.\n", encoding="utf-8")
    told = draft(
        "author", "notify", "the-mayor", "--how", "Letter of 1 March", "--public-from", "2024-03-20T00:00:00Z"
    )
    assert told.out == (
        "the-mayor in bridge: DRAFT: not public yet; notice was given (Letter of 1 March); "
        "nothing is public before 2024-03-20T00:00:00Z.\n"
    )
    log = draft("corrections", "--json", "--include-drafts").json
    assert [entry["publication"] for entry in log if entry["kind"] != "lexicon"] == ["notified"]
    line = draft("corrections", "--include-drafts").out.splitlines()[-1]
    assert line.endswith(" [notified: not public]")
    assert draft("author", "publish", "the-mayor").code == 0
    said = the(draft, "statements")["statement"]
    received = ("--received-at", "2024-03-10T00:00:00Z", "--how", "By mail")
    kept = draft("author", "reply", "the-mayor", "--file", str(tmp_path / "reply.txt"), *received, "--json")
    assert draft("show", kept.json["reply"]).json["reply"]["text"] == "I never said that."
    about = draft("author", "reply", "the-mayor", "--text", "No.", *received, "--statement", said)
    assert about.code == 0
    new = draft(
        "statement", "correct", said, "--claim", "It opens.", "--clear", "hedge-phrase", "--reason", "Misread."
    )
    assert new.out.endswith(": correction recorded.\n")
    assert draft("show", said).json["statement"]["superseded_by"] == new.out.partition(":")[0]
    assert the(draft, "statements")["hedge_phrase"] is None
    log = draft("corrections", "--json").json
    assert {entry["publication"] for entry in log if entry["kind"] != "lexicon"} == {"published"}
    assert [entry["kind"] for entry in log if entry["kind"] != "lexicon"] == [
        "publication",
        "publication",
        "statement",
    ]
    line = draft("corrections", "--author", "the-mayor").out.splitlines()[-1]
    assert "ann: Statement" in line
    assert line.endswith(
        "hedge phrase: probably -> none; claim: Traffic crosses the bridge by the end of May. -> "
        "It opens.). Why: Misread."
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ("author", "reply", "the-mayor", "--received-at", "2024-03-10T00:00:00Z", "--how", "x"),
            "with --text or",
        ),
        (("author", "publish", "the-mayor"), "is a draft and its author has not been told"),
        (("author", "publish", "the-mayor", "--no-notice", "x", "--public-from", "soon"), "--public-from: 'soon'"),
        (("author", "notify", "the-mayor", "--how", "x", "--article", "y"), "There is no article 'y'"),
        (
            ("author", "publish", "the-mayor", "--no-notice", "x", "--actor", "The Mayor"),
            "is the author and cannot",
        ),
        (("statement", "correct", "s-", "--kind", "guess", "--reason", "x"), "kind: Input should be"),
        (("statement", "correct", "s-", "--clear", "claim", "--reason", "x"), "clear[0]: Input should be"),
        (("statement", "correct", "s-", "--reason", "x"), "nothing would change"),
        (("redact", "author", "the-mayor", "--reason", "x"), "What can be redacted is evidence, copy, reply"),
        (("corrections", "--author", "eve"), "There is no author 'eve'"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(draft: Run, args: tuple[str, ...], says: str) -> None:
    before = draft("export", "statements", "--include-drafts").out
    refused = draft(*args)
    assert refused.code == 1
    assert refused.err.startswith("Error: ")
    assert says in refused.err
    assert "Traceback" not in refused.err
    assert draft("export", "statements", "--include-drafts").out == before
    assert json.loads(draft("export", "publications", "--include-drafts").out) == []


def test_a_registry_without_corrections_says_so(calledit: Run, tmp_path: Path) -> None:
    empty = document(publications=[], statements=[], questions=[], forecasts=[])
    calledit("register", write(tmp_path, empty))
    log = calledit("corrections", "--as-of", "2000-01-01T00:00:00Z")
    assert (log.code, log.out) == (0, "Nothing was corrected.\n")


@pytest.mark.parametrize("command", ["notify", "reply"])
def test_no_address_is_asked_for_where_it_would_be_printed(draft: Run, command: str) -> None:
    told = " ".join(draft("author", command, "--help").out.split())
    assert "By which channel and on what date; it is printed." in told
    assert "address" not in told


def test_where_a_record_stands_is_told_by_the_clock_of_the_replay(draft: Run, database_url: str) -> None:
    store = Store(database_url, FakeClock(at("2080-01-01")))
    with store.write(actor="jobs", kind="adapter", action="replay") as tx:
        tx.session.add(ReplayRun(run_id="r", starts_at=at("2080-01-01"), ends_at=at("2090-01-01")))
    store.close()
    done = draft(
        "author", "publish", "the-mayor", "--no-notice", "Made up.", "--public-from", "2085-01-01T00:00:00Z"
    )
    assert done.out == "the-mayor in bridge: Published; no notice sent: Made up.\n"
    assert len(draft("export", "statements").json) == 1
