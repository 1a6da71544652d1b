"""A recording: dated files served as the source's answers, each from its instant on."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from forecasts.errors import InvalidInputError
from forecasts.model import Request
from jobs.cli import served
from jobs.clocks import SimulatedClock
from jobs.feed import Feed
from jobs.fetch import HttpFetcher
from jobs.recording import Recording, instant_in
from jobs.replay import ONLY
from tests.jobs.runs import run
from tests.jobs.test_feed import get
from tests.support import documents as d
from tests.support.clocks import at
from tests.support.desk import Desk


def recorded(directory: Path, **bodies: str) -> Path:
    """Write files named by day of June 2020 (`d02`) and return their directory."""
    directory.mkdir(exist_ok=True)
    for name, body in bodies.items():
        (directory / f"2020-06-{name[1:]}.csv").write_text(body, encoding="utf-8")
    return directory


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2020-01-31", "2020-01-31T00:00:00"),
        ("20200131", "2020-01-31T00:00:00"),
        ("2020-01-31T06:00:00Z", "2020-01-31T06:00:00"),
        ("2020-01-31T06-00-00Z", "2020-01-31T06:00:00"),
        ("2020-01-31_06-00", "2020-01-31T06:00:00"),
        ("20200131T060000Z", "2020-01-31T06:00:00"),
        ("2020-01-31T06:00:00.250Z", "2020-01-31T06:00:00"),
        ("2020-01-31T06-00-00+0900", "2020-01-30T21:00:00"),
        ("2020-02-29", "2020-02-29T00:00:00"),
        ("2021-02-29", None),
        ("2020-01-31T25-00", None),
        ("table-2020-01-31", None),
        ("31-01-2020", None),
        ("\u0662020-01-31", None),
    ],
)
def test_a_file_is_named_by_an_instant(name: str, expected: str | None) -> None:
    assert instant_in(name) == (at(expected) if expected else None)


def test_the_newest_file_at_or_before_the_instant_is_served(tmp_path: Path) -> None:
    directory = recorded(tmp_path / "r", d02="two\n", d04="four\n")
    (directory / ".DS_Store").write_bytes(b"")
    clock = SimulatedClock(datetime(2020, 6, 1, tzinfo=UTC))
    with Feed({"table": directory}, clock) as routes:
        assert get(routes["table"])[0] == 404  # nothing is known yet
        clock.advance(datetime(2020, 6, 2, tzinfo=UTC))
        status, headers, body = get(routes["table"])
        assert (status, body, headers["Content-Type"]) == (200, b"two\n", "text/csv")
        clock.advance(datetime(2020, 6, 3, 23, 59, tzinfo=UTC))  # the usual spacing is two days
        assert get(routes["table"], headers["ETag"])[0] == 304
        clock.advance(datetime(2020, 6, 4, tzinfo=UTC))
        assert get(routes["table"], headers["ETag"])[::2] == (200, b"four\n")


def test_a_hole_and_the_end_of_a_recording_are_no_answer(tmp_path: Path) -> None:
    recording = Recording(recorded(tmp_path / "r", d02="2", d03="3", d04="4", d07="7", d08="8"))
    bodies = {
        moment: found[0] if (found := recording.at(at(f"2020-06-{moment}"))) else None
        for moment in ("02", "04T18:00:00", "05", "05T02:00:00", "05T02:30:00", "06", "07", "08T18:00:00", "10")
    }
    assert list(bodies.values()) == [b"2", b"4", b"4", b"4", None, None, b"7", b"8", None]
    assert [recording.next_after(at(f"2020-06-{moment}")) for moment in ("01", "02", "04T18:00:00", "08")] == [
        at("2020-06-02"),
        at("2020-06-03"),
        at("2020-06-07"),
        None,
    ]
    alone = Recording(recorded(tmp_path / "s", d02="2"))
    assert alone.at(at("2020-06-02T23:00:00")) is not None
    assert alone.at(at("2020-06-04")) is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "holds no dated file; name each file by its instant, as 2020-01-31.csv"),
        (["readme.csv"], "holds no dated file; name each file by its instant"),
        (["2020-01-31.csv", "2020-01-31.csv.gz"], "are of one instant; keep one of them"),
        (["2020-01-31.csv", "2020-02-01.json.gz"], "mixes .csv and .json files; keep one kind"),
        (["2020-01-31.gz"], "holds nameless files; use .csv, .json"),
        (["2020-01-31.csv", "2020-02-01.tsv"], "mixes .csv and .tsv files; keep one kind"),
        (["2020-01-31.csv", "2020-02-01.json"], "mixes .csv and .json files; keep one kind"),
        (["2020-01-31.csv", "20200131.csv"], "are of one instant; keep one of them"),
        (["2020-01-31.xls"], "holds .xls files; use .csv, .json"),
    ],
)
def test_a_directory_that_cannot_be_served_is_refused(tmp_path: Path, names: list[str], said: str) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InvalidInputError) as refusal:
        Recording(tmp_path)
    assert said in str(refusal.value)


def test_what_is_not_named_by_an_instant_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = recorded(tmp_path / "r", d02="2")
    for name in ("README.md", "Thumbs.db", "table.csv", ".DS_Store"):
        (directory / name).write_bytes(b"x")
    (directory / "older").mkdir()
    (found, _) = Recording(directory).at(at("2020-06-02")) or (b"", "")
    assert found == b"2"
    assert served([], [str(directory)]) == {ONLY: directory}
    assert capsys.readouterr().err == (
        f"Left out of {directory}, because not named by an instant: README.md, Thumbs.db, older, table.csv.\n"
    )


@pytest.mark.parametrize("name", ["2020-06-02.csv.gz", "2020-06-02.CSV.GZ", "2020-06-02.csv"])
def test_a_packed_file_is_served_as_packed(tmp_path: Path, name: str) -> None:
    body = b"occurred,kind\n2020-06-01,launch\n"
    (tmp_path / name).write_bytes(gzip.compress(body))
    (tmp_path / "2020-06-03.csv.gz").write_bytes(body)  # unpacked on its way, but not renamed
    (tmp_path / "2020-06-04.csv.gz").write_bytes(gzip.compress(body)[:-4])
    clock = SimulatedClock(at("2020-06-02"))
    with Feed({"table": tmp_path}, clock) as routes:
        fetcher = HttpFetcher(seconds=10, max_bytes=1000, contact="a@example.org", routes=routes)
        try:
            first = fetcher.fetch(Request("table"))
            clock.advance(at("2020-06-03"))
            second = fetcher.fetch(Request("table"))
            clock.advance(at("2020-06-04"))
            third = fetcher.fetch(Request("table"))
        finally:
            fetcher.close()
    assert (first.body, first.content_type, first.problem) == (body, "text/csv", None)
    assert (second.body, second.problem) == (body, None)
    assert third.body == b""
    assert third.problem is not None


def test_the_options_say_what_is_served_where(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("x", encoding="utf-8")
    url = "https://a.example/x?y=z"
    assert served([f"{url}={table}"], []) == {url: table}
    assert served([], [f"{url}={tmp_path}"]) == {url: tmp_path}
    assert served([], [str(tmp_path)]) == {ONLY: tmp_path}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (([], ["a=/nowhere/at/all"]), "/nowhere/at/all is no directory"),
        ((["a=/tmp"], []), "/tmp is a directory: use --feed"),
        ((["a"], []), "--table takes LOCATION=FILE, not 'a'"),
        (([], ["=/tmp"]), "--feed takes LOCATION=DIR, not '=/tmp'"),
        (([], ["a=/tmp", "a=/tmp"]), "a is given twice"),
        (([], ["/tmp", "/tmp"]), "The only table is given twice"),
    ],
)
def test_options_that_say_nothing_are_refused(given: Any, said: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        served(*given)
    assert said in str(refusal.value)


START, END = at("2020-05-30"), at("2020-06-06")


def asks(*places: str) -> d.Item:
    """Return a document with a question about each place."""
    leaves = [d.event_leaf(query=d.event_leaf()["query"] | {"location": place}) for place in places]
    return d.document(
        statements=[d.statement(f"s-{place}", part=number) for number, place in enumerate(places, 1)],
        questions=[d.question(f"q-{place}", criterion=leaf) for place, leaf in zip(places, leaves, strict=True)],
        forecasts=[d.forecast(f"s-{place}", f"q-{place}") for place in places],
    )


def test_the_only_table_needs_no_name(desk: Desk, tmp_path: Path) -> None:
    directory = recorded(tmp_path / "r", d02="occurred,zone,kind\n2020-01-15,UTC,opening\n")
    question = desk.ids(asks("a.csv"))["q-a.csv"]
    done = run(desk.store.url, START, END, tables={ONLY: directory})
    assert desk.export("checks")[0]["problem"] == "the source answered 404"  # before its first file
    assert desk.steps(question) == [("proposed", "yes")]
    assert (done.reversals, done.late_rows, done.alarms) == (0, 0, [])


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("places", "said"), [((), "none is read"), (("a.csv", "b.csv"), r"2 tables are read \(a.csv, b.csv\)")]
)
def test_which_table_is_meant_has_to_be_said(
    desk: Desk, tmp_path: Path, places: tuple[str, ...], said: str
) -> None:
    directory = recorded(tmp_path / "r", d02="occurred,kind\n")
    desk.register(asks(*places))
    with pytest.raises(InvalidInputError, match=f"as LOCATION=DIR: {said}"):
        run(desk.store.url, START, END, tables={ONLY: directory})
    with desk.store.read() as session:
        assert desk.store.replay_run(session) is None  # nothing was begun


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_recording_that_has_stopped_is_no_silence_of_its_source(desk: Desk, tmp_path: Path) -> None:
    days = {f"d{day:02d}": "occurred,zone,kind\n2020-01-15,UTC,other\n" for day in (27, 28, 29)}
    question = desk.ids(asks("a.csv"))["q-a.csv"]
    run(desk.store.url, at("2020-06-26"), at("2020-08-01"), tables={ONLY: recorded(tmp_path / "r", **days)})
    checks = desk.export("checks")
    sound = [check["checked_at"][:10] for check in checks if check["sound"]]
    assert sorted(set(sound)) == ["2020-06-27", "2020-06-28", "2020-06-29", "2020-06-30"]  # each file was checked
    assert {check["problem"] for check in checks if not check["sound"]} == {"the source answered 404"}
    assert desk.steps(question) == []
