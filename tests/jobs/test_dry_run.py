"""What a question would have come to, shown before it is registered, and nothing written anywhere."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from forecasts.errors import InvalidInputError
from forecasts.exchange.files import parse_document
from forecasts.store import Store
from jobs.clocks import SystemClock
from jobs.dry_run import chain_of
from tests.jobs.tables import FILLING, HEADER, event
from tests.support import documents as d
from tests.support.commands import Run, runner

ROOT = Path(__file__).parents[2]
LOCATION = "https://events.example/tarn.csv"


@pytest.fixture
def calledit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in an empty folder; the registry that is configured cannot even be reached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLEDIT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    monkeypatch.setenv("CALLEDIT_DISPUTE_WINDOW", "PT6H")
    return runner(monkeypatch, capsys, "question", "dry-run")


def row(line: str, known_at: str) -> str:
    """Return a row of the table with the instant from which it is known."""
    cells = line.split(",")
    return ",".join([*cells[:2], known_at, *cells[3:]])


def written(folder: Path, *rows: str) -> str:
    """Write a table that a replay can serve; return it as an option."""
    known = [row(line, f"{line[:10]}T00:00:00Z") for line in FILLING]
    (folder / "tarn.csv").write_text("\n".join([HEADER, *known, *rows, ""]), encoding="utf-8")
    return f"--table={LOCATION}={folder / 'tarn.csv'}"


def asked(folder: Path, value: Any, name: str = "asked.json") -> str:
    (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return str(folder / name)


def leaf(kind: str = "opening") -> dict[str, Any]:
    """Return a criterion that is decided within hours, so that a replay of it has few checks."""
    query = d.changed(d.event_leaf()["query"], "watermark.lag", "PT1H")
    return d.event_leaf(query=query, filter={"kind": [kind]}, grace="PT6H", max_lag="P2D")


def bridge(key: str = "q-bridge", **changes: Any) -> dict[str, Any]:
    day = {"opens_at": "2020-03-01T00:00:00Z", "deadline": "2020-03-02T00:00:00Z"}
    return d.question(key, **({"criterion": leaf(), "opens_latest": None} | day | changes))


def opened(hour: str, known_at: str, kind: str = "opening") -> str:
    return row(event(f"2020-03-01T{hour}Z", kind), known_at)


OPENED = opened("09:00", "2020-03-01T15:00:00Z")


def test_each_check_that_changed_the_verdict_is_a_line_and_so_is_each_step(calledit: Run, tmp_path: Path) -> None:
    code, out, err = calledit(asked(tmp_path, bridge()), written(tmp_path, OPENED))
    assert (code, "Error" in err) == (0, False)
    lines = out.splitlines()
    assert lines[:5] == [
        "From 2020-03-01 00:00 to 2020-03-04 12:00 UTC.",
        "",
        "q-bridge: Does the bridge open before July 2020?",
        "  open from 2020-03-01T00:00:00Z to 2020-03-02T00:00:00Z",
        "  2020-03-01 00:00  ok          12 rows  unknown  a no is possible from 2020-03-02T06:00:00Z on",
    ]
    assert lines[5].endswith(
        "ok          13 rows  yes      opening on 2020-03-01T09:00:00Z lies inside the window"
    )
    assert "2020-03-01 15:00" <= lines[5].strip()[:16] <= "2020-03-01 16:12"
    assert [line[20:] for line in lines[6:-1]] == ["-> proposed yes", "-> confirmed yes"]
    assert lines[-1].endswith(
        "Outcome: yes, occurred 2020-03-01T09:00:00Z, could be known at 2020-03-01T15:00:00Z."
    )


def test_a_range_and_every_check_as_json(calledit: Run, tmp_path: Path) -> None:
    file, table = asked(tmp_path, bridge()), written(tmp_path, OPENED)
    limits = ("--from", "2020-03-01T12:00:00Z", "--to", "2020-03-01T17:00:00Z")
    code, out, _ = calledit(file, table, *limits, "--all", "--json")
    whole = json.loads(out)
    assert (code, whole["from"], whole["to"]) == (0, "2020-03-01T12:00:00Z", "2020-03-01T17:00:00Z")
    assert (whole["outcome"], whole["proposed"]) == ("open", "yes")
    assert len(whole["path"]) == whole["checks"] == whole["statuses"]["ok"] > 4
    assert [look["verdict"] for look in whole["path"]] == sorted(look["verdict"] for look in whole["path"])
    assert all("2020-03-01T12" <= look["at"] <= "2020-03-01T17:00:00Z" for look in whole["path"])
    assert {(look["rows"], look["verdict"]) for look in whole["path"]} == {(12, "unknown"), (13, "yes")}
    _, out, _ = calledit(file, table, *limits, "--json")
    assert json.loads(out)["path"] == [look for look in whole["path"] if look["changed"]]


def test_silence_then_a_late_row(calledit: Run, tmp_path: Path) -> None:
    late = opened("23:00", "2020-03-02T08:00:00Z")
    _, out, _ = calledit(asked(tmp_path, bridge()), written(tmp_path, late), "--json")
    found = json.loads(out)
    assert [look["verdict"] for look in found["path"]] == ["unknown", "no", "yes"]
    moves = [(step["state"], step["outcome"]) for step in found["steps"]]
    assert moves == [("proposed", "no"), ("reopened", None), ("proposed", "yes"), ("confirmed", "yes")]
    assert found["steps"][1]["reason"].startswith("the source no longer supports no")


def test_an_empty_table_is_shown_and_decides_nothing(calledit: Run, tmp_path: Path) -> None:
    (tmp_path / "tarn.csv").write_text(HEADER + "\n")
    table = f"--table={LOCATION}={tmp_path / 'tarn.csv'}"
    code, out, err = calledit(
        asked(tmp_path, bridge()), table, "--from", "2020-03-02", "--to", "2020-03-02T06:00:00Z", "--all"
    )
    assert code == 0
    assert "empty                the table has no rows, which proves nothing" in out
    assert out.splitlines()[-1].endswith(" empty). Outcome: open.")
    assert "was never read: the table has no rows" in err


def test_a_recording_is_served_as_it_was_at_each_instant(calledit: Run, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    rows = {
        "2020-03-01T00-00-00Z": FILLING,
        "2020-03-01T03-00-00Z": [],
        **{f"2020-03-01T{hour}-00-00Z": [*FILLING, OPENED] for hour in ("06", "09", "12", "15")},
    }
    for instant, held in rows.items():
        (feed / f"{instant}.csv").write_text("\n".join([HEADER, *held, ""]), encoding="utf-8")
    limits = ("--to", "2020-03-01T16:30:00Z")
    code, out, _ = calledit(asked(tmp_path, bridge()), "--feed", str(feed), *limits, "--all", "--json")
    found = json.loads(out)
    assert code == 0
    for look in found["path"]:
        hour = int(look["at"][11:13])
        assert look["status"] == ("empty" if 3 <= hour < 6 else "ok")
        assert (look["verdict"] is None) == (look["status"] == "empty")
    assert found["statuses"]["empty"] >= 2
    assert found["proposed"] == "yes"


def test_a_table_nobody_serves_is_named_with_the_remedy(calledit: Run, tmp_path: Path) -> None:
    code, out, err = calledit(asked(tmp_path, bridge()), "--to", "2020-03-01T03:00:00Z")
    assert code == 0
    assert out.splitlines()[-1].endswith(" error). Outcome: open.")
    assert LOCATION in err
    assert "give a recording with --table" in err


def test_the_conditions_above_are_shown_too(calledit: Run, tmp_path: Path) -> None:
    def on(kind: str, above: str | None) -> dict[str, Any]:
        condition = {"condition": {"question": f"q-{above}"}} if above else {}
        return bridge(f"q-{kind}", title=f"Does {kind} happen?", criterion=leaf(kind), **condition)

    questions = [on("third", "second"), on("other", None), on("second", "first"), on("first", None)]
    file = asked(tmp_path, {"questions": questions})
    rows = [opened("08:00", "2020-03-01T08:00:00Z", "first"), opened("09:00", "2020-03-01T09:00:00Z", "second")]
    soon = ("--from", "2020-03-01T07:00:00Z", "--to", "2020-03-01T11:00:00Z")
    _, out, _ = calledit(file, "--question", "q-third", written(tmp_path, *rows), *soon, "--json")
    found = json.loads(out)
    assert found["question"] == "q-third"
    above = [(one["question"], one["proposed"]) for one in found["conditions"]]
    assert above == [("q-first", "yes"), ("q-second", "yes")]
    assert found["path"][0]["reason"] == "the condition has not been met"
    late = ("--from", "2020-03-02T00:00:00Z", "--to", "2020-03-02T12:00:00Z")
    _, out, _ = calledit(file, "--question", "q-third", written(tmp_path, *rows[1:]), *late)
    assert "q-third: Does third happen?" in out
    assert ", if q-second is yes" in out
    assert out.count("-> confirmed annulled: the condition was not met") == 2
    assert out.splitlines()[-1].endswith("Outcome: annulled.")


def test_rulings_in_the_file_decide_what_a_person_decides(calledit: Run, tmp_path: Path) -> None:
    file = asked(tmp_path, d.document(rulings=[d.ruling()]))
    _, out, _ = calledit(file)
    assert "2020-06-02 00:00  -> proposed yes: Opened by the mayor." in out
    assert "0 checks. Outcome: yes, occurred 2020-06-01T08:00:00Z, could be known at 2020-06-02T00:00:00Z." in out


@pytest.mark.parametrize(
    ("value", "options", "says"),
    [
        ({"authors": [d.author()]}, (), "Error: The file holds no question to try"),
        ({}, (), "Error: The file registers nothing"),
        (
            {"questions": [bridge(), d.question("q-two")]},
            (),
            "Error: Say which question with --question: q-bridge, q-two.",
        ),
        (
            bridge(),
            ("--question", "q-brigde"),
            "Error: The file holds no question 'q-brigde' (did you mean q-bridge?); it holds: q-bridge.",
        ),
        (
            bridge(condition={"question": "q-0123456789ab"}),
            (),
            "hangs on 'q-0123456789ab', which is not in the file: a dry run asks no registry",
        ),
        (
            bridge(condition={"question": "q-bridge"}),
            (),
            "q-bridge hangs on itself; remove one of the conditions.",
        ),
        (
            {"questions": [d.question("q-two"), d.changed(bridge(), "criterion.grace", "a week")]},
            ("--question", "q-bridge"),
            "Error: questions[1]: criterion.grace: 'a week' is not a duration",
        ),
        (
            {"questions": [d.question("q-two"), d.changed(bridge(), "criterion.source", "crystal-ball")]},
            ("--question", "q-bridge", "--to", "2020-03-02"),
            "Error: questions[1]: criterion.source: there is no source 'crystal-ball'",
        ),
        (
            {"titel" if key == "title" else key: part for key, part in bridge().items()},
            (),
            "Error: questions[0].titel: there is no such field (did you mean title?).",
        ),
        (bridge(), ("--from", "2020-03-02", "--to", "2020-03-01"), "Error: --from must lie before --to."),
        (bridge(), ("--from", "soon"), "Error: --from: 'soon' is not a date and time"),
        (bridge(), ("--table", "x"), "Error: --table takes LOCATION=FILE, not 'x'."),
        (bridge(), ("--table", "x=y"), "Error: No question reads 'x'; the tables are: https://events.example"),
        (
            bridge(opens_at="2400-01-01T00:00:00Z", opens_latest=None, deadline="2400-02-01T00:00:00Z"),
            (),
            "Error: q-bridge opens at 2400-01-01T00:00:00Z, which is not past; give a past range with --from",
        ),
    ],
)
def test_what_cannot_be_tried_is_one_sentence(
    calledit: Run, tmp_path: Path, value: Any, options: tuple[str, ...], says: str
) -> None:
    code, out, err = calledit(asked(tmp_path, value), *options)
    last = err.strip().splitlines()[-1]
    assert (code, out) == (1, "")
    assert says in last
    assert last.endswith(".")


def test_a_file_that_is_not_there_is_one_sentence(calledit: Run) -> None:
    assert calledit("nowhere.toml") == (1, "", "Error: nowhere.toml cannot be read (No such file or directory).\n")


def test_the_configured_registry_is_not_touched_and_nothing_is_left_behind(
    calledit: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "registry.db"
    url = f"sqlite:///{path}"
    store = Store(url, SystemClock())
    store.migrate()
    store.close()
    monkeypatch.setenv("CALLEDIT_DATABASE_URL", url)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    file, table = asked(tmp_path, bridge()), written(tmp_path, OPENED)
    before = {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in [path, *tmp_path.glob("*.*")]}
    listed = sorted(path.parent.iterdir())
    assert calledit(file, table, "--to", "2020-03-01T04:00:00Z")[0] == 0
    assert calledit(file, "--table", "x=y")[0] == 1
    assert {each: (each.read_bytes(), each.stat().st_mtime_ns) for each in before} == before
    assert sorted(path.parent.iterdir()) == listed
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("question", "came_to"),
    [
        ("q-hanoi-summit", ("yes", "2019-02-26T17:00:00Z", "criterion/1")),
        ("q-trump-bargains", ("yes", "2019-02-28T02:00:00Z", "ruling")),
    ],
)
def test_a_founding_question_comes_to_what_the_replay_of_all_comes_to(
    calledit: Run, question: str, came_to: tuple[str, str, str]
) -> None:
    file = str(ROOT / "seeds/articles/hanoi-2019-02.toml")
    _, out, _ = calledit(file, "--question", question, "--to", "2019-03-08", "--json")
    found = json.loads(out)
    assert (found["outcome"], found["occurred_at"], found["rule"]) == came_to


def test_a_chain_begins_with_what_hangs_on_nothing() -> None:
    document = parse_document({"questions": d.chain("one", "two", "three")["questions"]})
    assert [question.key for question in chain_of(document, "q-two")] == ["q-one", "q-two"]
    with pytest.raises(InvalidInputError, match="Say which question"):
        chain_of(document, None)
