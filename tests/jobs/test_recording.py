"""A recording: dated files served as the source's answers, each from its instant on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from forecasts.errors import InvalidInputError
from jobs.cli import served
from jobs.clocks import SimulatedClock
from jobs.feed import Feed
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
        clock.advance(datetime(2020, 6, 3, 23, 59, tzinfo=UTC))  # no file of that day
        assert get(routes["table"], headers["ETag"])[0] == 304
        clock.advance(datetime(2020, 6, 4, tzinfo=UTC))
        assert get(routes["table"], headers["ETag"])[::2] == (200, b"four\n")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "holds no file; name each file by its instant, as 2020-01-31.csv"),
        (["readme.csv"], "readme.csv is no dated file; name each file by its instant"),
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
