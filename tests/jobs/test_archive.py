"""The archive read back: what came with the bytes, what is read in them, what followed, and what stays inside."""

import gzip
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from forecasts import redacting, registry
from forecasts.errors import CalleditError, NotFoundError, RedactedError, StoreError
from forecasts.tables import Evidence
from jobs.cli import app
from tests.jobs.servers import answer, say
from tests.jobs.tables import Jobs, event
from tests.support.clocks import at


def run(jobs: Jobs, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["--database", jobs.store.url, *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(jobs: Jobs, *arguments: str) -> CalleditError:
    with pytest.raises(CalleditError) as refused:
        run(jobs, *arguments)
    return refused.value


def shown(jobs: Jobs, wanted: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(jobs, "evidence", "show", wanted, "--json", "--include-drafts"))
    return found


def test_evidence_tells_how_it_came_what_is_read_in_it_and_what_followed(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.table.rows.append(event("2020-02-10"))
    body = jobs.table.body()
    packed = answer(
        gzip.compress(body),
        date=at("2020-02-20"),
        ETag='"v1"',
        Content_Encoding="gzip",
        Set_Cookie="secret=1",
        X_Served_By="cache-17",
    )
    jobs.table.instead = say(packed)
    first = jobs.check_at("2020-02-20")
    jobs.table.instead = say(
        answer(status="304 Not Modified", date=at("2020-03-20"), content_type="", ETag='"v1"')
    )
    second = jobs.check_at("2020-03-20")

    sha256 = hashlib.sha256(body).hexdigest()
    found = shown(jobs, sha256)
    assert (found["evidence"], found["size"], found["content_type"]) == (sha256, len(body), "text/csv")
    assert [row["check"] for row in found["checks"]] == [first["check"], second["check"]]
    got, unchanged = found["checks"]
    assert (got["fetched_at"], got["http_status"], got["status"]) == ("2020-02-20T00:00:00Z", 200, "ok")
    assert (got["source"], got["source_version"], got["rows"]) == ("event-table", 1, 13)
    assert unchanged["http_status"] == 304
    headers = dict(got["headers"])
    assert (headers["etag"], headers["content-encoding"], headers["x-served-by"]) == ('"v1"', "gzip", "cache-17")
    assert headers["date"] == "Thu, 20 Feb 2020 00:00:00 GMT"
    assert "set-cookie" not in headers
    (read,) = found["read"]
    assert (read["source_version"], read["status"], len(read["rows"])) == (1, "ok", 13)
    assert (read["rows"][-1]["occurred"], read["rows"][-1]["kind"]) == ("2020-02-10", "opening")
    assert read["as_of"] == got["fetched_at"]
    (verdict,) = found["verdicts"]
    assert (verdict["question"], verdict["value"], verdict["check"]) == (question, "yes", first["check"])
    assert [row["state"] for row in found["resolutions"]] == ["proposed"]

    assert shown(jobs, first["check"]) == shown(jobs, second["check"]) == found
    text = run(jobs, "evidence", "show", first["check"], "--include-drafts")
    for part in (
        f"Evidence {sha256}: {len(body)} bytes, text/csv",
        "version 1: ok, HTTP 200",
        "x-served-by: cache-17",
    ):
        assert part in text
    assert "2020-02-10  opening  Traffic crosses" in text
    assert f"{question}  yes: " in text
    raw = CliRunner().invoke(
        app, ["--database", jobs.store.url, "evidence", "show", sha256, "--body", "--include-drafts"]
    )
    assert raw.stdout_bytes == body


def test_what_is_read_is_what_the_check_knew(jobs: Jobs) -> None:
    jobs.ask()
    jobs.check_at("2020-02-01")
    jobs.table.rows = jobs.table.rows[:6]
    lost = jobs.check_at("2020-03-01")
    (read,) = shown(jobs, lost["check"])["read"]
    assert (read["status"], read["sound"], read["as_of"]) == ("ok", False, "2020-03-01T00:00:00Z")
    assert read["problems"] == ["the table shrank from 12 rows to 6, so it is not trusted"]
    assert "  ok, but not sound" in run(jobs, "evidence", "show", lost["check"], "--include-drafts")
    for day in ("03", "05", "07"):
        jobs.check_at(f"2020-03-{day}")
    again = jobs.check_at("2020-03-09")
    as_lost, as_trusted = shown(jobs, again["check"])["read"]
    assert as_lost == read
    assert (as_trusted["as_of"], as_trusted["sound"]) == ("2020-03-09T00:00:00Z", True)
    assert as_trusted["complete_from"] == again["trusted_from"] == "2020-03-09T00:00:00Z"
    assert as_trusted["problems"][0].endswith("is trusted from now on")

    jobs.table.instead = say(answer(jobs.table.body(), date=at("2020-03-10")))
    skewed = jobs.check_at("2020-04-01")
    assert (skewed["status"], skewed["evidence_sha256"]) == ("skewed", again["evidence_sha256"])
    of_skewed = shown(jobs, skewed["check"])["read"][-1]
    assert (of_skewed["status"], of_skewed["rows"], of_skewed["watermark"]) == ("skewed", [], None)


def test_an_answer_that_could_not_be_read_is_kept_with_its_headers_too(jobs: Jobs) -> None:
    jobs.ask()
    page = b"<!doctype html><title>\x1b[2JSorry</title>"
    jobs.table.instead = say(answer(page, date=at("2020-02-20"), content_type="text/html"))
    check = jobs.check_at("2020-02-20")
    found = shown(jobs, check["check"])
    assert (found["checks"][0]["status"], found["read"][0]["status"]) == ("malformed", "malformed")
    assert dict(found["checks"][0]["headers"])["content-type"] == "text/html"
    assert "\x1b" not in run(jobs, "evidence", "show", check["check"], "--include-drafts")


def test_a_check_that_archived_nothing_says_so(jobs: Jobs) -> None:
    jobs.ask()
    jobs.table.instead = say(answer(b"", "503 Service Unavailable", date=at("2020-02-20")))
    check = jobs.check_at("2020-02-20")
    said = refusal(jobs, "evidence", "show", check["check"], "--include-drafts")
    assert str(said) == f"Nothing was archived by {check['check']}: the source answered 503."
    assert "There is no check 'c-0'" in str(refusal(jobs, "evidence", "show", "c-0"))
    assert "There is no archived evidence 'x'" in str(refusal(jobs, "evidence", "show", "x"))


def test_an_export_is_bytes_and_their_record_and_holds_what_is_public(jobs: Jobs, tmp_path: Path) -> None:
    jobs.ask()
    first = jobs.check_at("2020-02-20")["evidence_sha256"]
    jobs.table.rows.append(event("2020-02-21"))
    second = jobs.check_at("2020-03-20")["evidence_sha256"]
    everything = tmp_path / "all"
    run(jobs, "evidence", "export", "--output", str(everything), "--include-drafts")
    assert {path.name for path in everything.iterdir()} == {
        f"{sha256}.{kind}" for sha256 in (first, second) for kind in ("body", "json")
    }
    for sha256 in (first, second):
        assert hashlib.sha256((everything / f"{sha256}.body").read_bytes()).hexdigest() == sha256
        assert json.loads((everything / f"{sha256}.json").read_text(encoding="utf-8")) == shown(jobs, sha256)

    one = tmp_path / "one"
    run(jobs, "evidence", "export", second, "--output", str(one), "--include-drafts")
    assert {path.name for path in one.iterdir()} == {f"{second}.body", f"{second}.json"}

    drafts = tmp_path / "drafts"  # nothing here is published
    run(jobs, "evidence", "export", "--output", str(drafts))
    assert not drafts.exists()
    for command in (["show", second], ["show", second, "--body"], ["export", second, "--output", str(drafts)]):
        refused = refusal(jobs, "evidence", *command)
        assert isinstance(refused, NotFoundError)
        assert "What is not public was left out; add --include-drafts." in str(refused)
    assert not drafts.exists()


def test_of_what_was_redacted_only_the_record_is_left_without_its_headers(jobs: Jobs, tmp_path: Path) -> None:
    jobs.ask()
    check = jobs.check_at("2020-02-20")
    sha256 = check["evidence_sha256"]
    redacting.redact(jobs.store, "evidence", sha256, reason="A name.", actor="Rita")
    jobs.check_at("2020-03-20")  # the same bytes come again
    found = shown(jobs, sha256)
    assert "by Rita: A name, sha256" in found["redacted"]
    assert (found["size"], found["read"]) == (None, [])
    assert [row["headers"] for row in found["checks"]] == [None, None]
    assert isinstance(refusal(jobs, "evidence", "show", sha256, "--body", "--include-drafts"), RedactedError)
    run(jobs, "evidence", "export", "--output", str(tmp_path / "out"), "--include-drafts")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{sha256}.json"]


def test_bytes_that_are_not_what_was_archived_are_not_handed_out(jobs: Jobs) -> None:
    jobs.ask()
    sha256 = jobs.check_at("2020-02-20")["evidence_sha256"]
    with jobs.store.queue() as session:
        row = session.exec(select(Evidence)).one()
        row.body = zlib.compress(b"something else")
        session.add(row)
    refused = refusal(jobs, "evidence", "show", sha256, "--include-drafts")
    assert isinstance(refused, StoreError)
    assert "are not what was archived" in str(refused)


def test_the_record_of_a_ruling_is_evidence_too(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.desk.clock.set("2020-02-20")
    step = registry.propose(
        jobs.store,
        question,
        "ambiguous",
        actor="Paula",
        citation="Tarn Gazette",
        reason="Unclear.",
        window=jobs.worker.dispute_window,
        occurred=None,
    )
    found = shown(jobs, str(step.evidence_sha256))
    assert (found["checks"], found["read"], found["verdicts"]) == ([], [], [])
    assert [(row["question"], row["outcome"]) for row in found["resolutions"]] == [(question, "ambiguous")]
