"""`calledit sources` and `calledit source try`: what a source reads, and what it would observe."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from forecasts.errors import InvalidInputError
from jobs.cli import app
from jobs.sources import catalogue
from tests.jobs.servers import answer, say, serve
from tests.jobs.sources import bodies
from tests.jobs.sources.test_registry import EXAMPLES

AT = bodies.FETCHED.isoformat()


@pytest.fixture(autouse=True)
def _nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLEDIT_ALLOW_HOSTS", "127.0.0.1")
    yield
    assert not list(tmp_path.glob("calledit.db*"))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments: str) -> str:
    with pytest.raises(InvalidInputError) as refused:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return str(refused.value)


def recorded(folder: Path, name: str) -> tuple[str, str]:
    """Write the example answer of a source; return the path and the query."""
    query, body = EXAMPLES[name]
    path = folder / "body"
    path.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
    return str(path), json.dumps(query)


def test_the_sources_are_listed_with_their_fields() -> None:
    listed = json.loads(run("sources", "--json"))
    assert [source["name"] for source in listed] == list(catalogue().names())
    usgs = listed[-1]
    assert (usgs["kind"], usgs["watermarks"]) == ("query", ["fetch_time"])
    fields = {field["name"]: (field["type"], field["required"]) for field in usgs["fields"]}
    assert fields["start"] == ("date-time", True)
    assert fields["magnitude_types"] == ("list of string", False)
    assert fields["watermark"] == ("{from = fetch_time, lag = duration, until? = date-time}", True)
    assert all(field["meaning"] for source in listed for field in source["fields"])
    graces = {source["name"]: source["suggested_grace"] for source in listed}
    assert (graces["event-table"], graces["usgs"], graces["manual"]) == ("P14D", "P1D", None)


def test_the_sources_are_listed_for_people() -> None:
    text = run("sources")
    assert "rss-atom (snapshot; watermark: fetch_time, newest_row, field)\n" in text
    assert text.count("  Suggested grace: ") == 2
    assert "  A table of dated rows, as CSV or JSON, from an address or a file.\n  Suggested grace: P14D\n" in text
    assert "published or updated, optional: which of its dates an entry occurred on" in text
    assert "names with a string, optional: path of a column in its row" in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_recorded_bytes_are_observed(name: str, tmp_path: Path) -> None:
    path, query = recorded(tmp_path, name)
    shown = json.loads(run("source", "try", name, "--query", query, "--file", path, "--at", AT, "--json"))
    found = bodies.observe(name, EXAMPLES[name][1], EXAMPLES[name][0])
    assert (shown["source"], shown["status"], shown["problems"]) == (name, "ok", list(found.problems))
    assert len(shown["rows"]) == len(found.events)
    assert bool(shown["state"]) is bool(found.state)
    assert shown["fetched_at"] == "2021-09-10T12:00:00Z"


def test_what_was_observed_is_shown_to_people(tmp_path: Path) -> None:
    path, query = recorded(tmp_path, "usgs")
    assert run("source", "try", "usgs", "--query", query, "--file", path, "--at", AT).splitlines()[1:] == [
        "  complete from 2021-09-01T00:00:00Z to 2021-09-09T11:59:00Z",
        "  1 rows",
        "    2021-09-03T03:30:01Z  nuclear explosion  M 6.3 Nuclear Explosion - 21 km ENE of a place",
    ]
    path, query = recorded(tmp_path, "manifold")
    shown = run("source", "try", "manifold", "--query", query, "--file", path, "--at", AT)
    assert shown.endswith("  complete to 2021-09-10T11:55:00Z\n  state: value open, probability 0.62\n")


def test_a_source_cannot_write_to_the_terminal_what_it_likes(tmp_path: Path) -> None:
    body = bodies.documents("2021-09-01")
    body["results"][0]["title"] = "\x1b[2J\x1b]0;owned\x07 \u202egnp"
    (tmp_path / "body").write_text(json.dumps(body))
    query = json.dumps(bodies.JSON_ROWS_QUERY)
    text = run("source", "try", "json-path", "--query", query, "--file", "body")
    assert "    2021-09-01  Rule  ?[2J?]0;owned? ?gnp\n" in text


def test_long_answers_are_cut_for_people_and_whole_in_json(tmp_path: Path) -> None:
    path, query = tmp_path / "body", json.dumps(bodies.JSON_ROWS_QUERY)
    path.write_text(json.dumps(bodies.documents(*["2021-09-01"] * 25)))
    given = ("source", "try", "json-path", "--query", query, "--file", str(path))
    assert "    and 5 more; --json shows all\n" in run(*given)
    assert len(json.loads(run(*given, "--json"))["rows"]) == 25


def test_text_that_no_terminal_can_write_is_shown_in_json(tmp_path: Path) -> None:
    (tmp_path / "body").write_text('{"v": "a\\ud800b"}')
    query = json.dumps({"location": "x", "value": "$.v", "watermark": bodies.LAG})
    shown = json.loads(run("source", "try", "json-path", "--query", query, "--file", "body", "--json"))
    assert shown["state"]["value"] == "a?b"


def test_without_a_file_the_address_is_fetched() -> None:
    with serve(say(answer(bodies.TABLE, date=None))) as server:
        query = bodies.TABLE_QUERY | {"location": server.url}
        shown = json.loads(run("source", "try", "event-table", "--query", json.dumps(query), "--json"))
    assert (shown["status"], len(shown["rows"]), shown["request"]) == ("ok", 2, server.url)


@pytest.mark.parametrize(
    ("status", "shown"), [("429 Too Many Requests", "throttled"), ("500 Oh", "error"), ("200 OK", "malformed")]
)
def test_a_source_that_is_not_well_is_shown_as_it_is(status: str, shown: str) -> None:
    with serve(say(answer(b"<html>", status))) as server:
        query = json.dumps(bodies.TABLE_QUERY | {"location": server.url})
        text = run("source", "try", "event-table", "--query", query)
    assert text.startswith(f"{shown}: {server.url}\n  problem: ")
    assert "rows" not in text


@pytest.mark.parametrize(
    ("name", "query", "more", "said"),
    [
        ("oracle", "{}", (), "there is no source 'oracle'; the known ones are: event-table, "),
        ("usgs", "{", (), "--query is no JSON: "),
        ("usgs", "[" * 5000, (), "--query is no JSON: "),
        ("usgs", "[]", (), "--query is a JSON object"),
        ("manual", '{"location": "a", "location": "b"}', (), "the key 'location' stands twice in one object"),
        ("usgs", "{}", (), "query.start: this field is missing; add it (1 more after it)."),
        (
            "manual",
            '{"location": "ftp://x"}',
            (),
            "query.location: use http(s)://, a file path, ",
        ),
        ("manual", '{"location": "x"}', ("--at", AT), "--at goes with --file"),
        (
            "manual",
            '{"location": "x"}',
            ("--file", "nothing"),
            "nothing cannot be read (No such file or directory).",
        ),
        ("manual", '{"location": "x"}', ("--file", "."), ". cannot be read (Is a directory)."),
    ],
)
def test_what_cannot_be_tried_is_one_sentence(name: str, query: str, more: tuple[str, ...], said: str) -> None:
    found = refusal("source", "try", name, "--query", query, *more)
    assert said in found
    assert "\n" not in found


def test_a_file_larger_than_a_body_may_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLEDIT_FETCH_BYTES", "1000")
    (tmp_path / "body").write_bytes(b"x" * 1001)
    said = refusal("source", "try", "manual", "--query", '{"location": "x"}', "--file", "body")
    assert said == "body is larger than 1000 bytes; raise CALLEDIT_FETCH_BYTES to read it."
