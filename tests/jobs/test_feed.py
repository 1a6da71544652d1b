"""The loopback server of a replay: a table as it could be known at the simulated instant, and never more."""

import csv
import http.client
import io
import json
import urllib.request
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from forecasts.errors import InvalidInputError
from jobs.clocks import SimulatedClock
from jobs.feed import Feed

TABLE = """\
occurred,zone,known_at,kind
2020-06-03,UTC,2020-06-04T00:00:00Z,late
2020-06-01,UTC,2020-06-02T00:00:00Z,early
2020-06-02,UTC,2020-06-04T09:00:00+09:00,late too
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def at(day: int, hour: int = 0, second: int = 0) -> datetime:
    return datetime(2020, 6, day, hour, 0, second, tzinfo=UTC)


def get(url: str, etag: str | None = None) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path, headers={"If-None-Match": etag} if etag else {})
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def kinds(body: bytes) -> list[str]:
    return [row["kind"] for row in csv.DictReader(io.StringIO(body.decode()))]


def test_only_rows_known_by_then_are_served(table: Path) -> None:
    clock = SimulatedClock(at(1))
    seen = {}
    with Feed({"table": table}, clock) as routes:
        for instant in (at(1), at(2), at(3, 23), at(4)):
            clock.advance(instant)
            status, _, body = get(routes["table"])
            assert status == 200
            assert body.startswith(b"occurred,zone,known_at,kind\n")
            seen[instant] = kinds(body)
    assert seen == {at(1): [], at(2): ["early"], at(3, 23): ["early"], at(4): ["early", "late", "late too"]}


def test_the_date_is_the_simulated_one(table: Path) -> None:
    clock = SimulatedClock(at(3, 5, 17))
    with Feed({"table": table}, clock) as routes:
        for etag in (None, get(routes["table"])[1]["ETag"]):
            assert parsedate_to_datetime(get(routes["table"], etag)[1]["Date"]) == clock.now()


def test_an_unchanged_table_is_answered_304(table: Path) -> None:
    clock = SimulatedClock(at(2))
    with Feed({"table": table}, clock) as routes:
        _, headers, _ = get(routes["table"])
        clock.advance(at(3))
        status, again, body = get(routes["table"], headers["ETag"])
        assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
        clock.advance(at(4))
        status, changed, body = get(routes["table"], headers["ETag"])
        assert (status, kinds(body)) == (200, ["early", "late", "late too"])
        assert changed["ETag"] != headers["ETag"]


def test_each_table_has_its_own_address(table: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(TABLE.replace("early", "other"), encoding="utf-8")
    with Feed({"a": table, "b": other}, SimulatedClock(at(2))) as routes:
        assert {name: kinds(get(url)[2]) for name, url in routes.items()} == {"a": ["early"], "b": ["other"]}
        base = routes["a"].rsplit("/", 1)[0]
        assert [get(f"{base}/{path}")[0] for path in ("2.csv", "x", "-1", "", "%C2%B2")] == [404] * 5


def test_the_feed_ends_with_its_block(table: Path) -> None:
    with Feed({"table": table}, SimulatedClock(at(2))) as routes:
        assert urllib.request.urlopen(routes["table"], timeout=5).status == 200
    with pytest.raises(OSError, match="refused"):
        get(routes["table"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"occurred,kind\n2020-06-01,a\n", "needs a known_at with date, time and zone in each row"),
        (b"occurred,known_at\n2020-06-01,\n", "needs a known_at"),
        (b"occurred,known_at\n2020-06-01,soon\n", "needs a known_at"),
        (b"known_at,kind\n2020-06-01T00:00:00Z\n", "another number of fields"),
        (b"known_at,kind\n2020-06-01T00:00:00Z,a,b\n", "another number of fields"),
        (b'known_at\n"2020', "is no CSV table"),
        (b"known_at\n\xff\n", "is no CSV table"),
    ],
)
def test_a_table_that_cannot_be_replayed_is_refused_at_once(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError) as refusal:
        Feed({"table": path}, SimulatedClock(at(1)))
    assert str(path) in str(refusal.value)
    assert said in str(refusal.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"missing\.csv cannot be read \(No such file"):
        Feed({"table": tmp_path / "missing.csv"}, SimulatedClock(at(1)))


def test_a_known_at_without_a_zone_is_in_utc_as_the_source_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("known_at,kind\n2020-06-02T00:00,a\n", encoding="utf-8")
    with Feed({"table": path}, SimulatedClock(at(2))) as routes:
        assert kinds(get(routes["table"])[2]) == ["a"]


@pytest.mark.parametrize("around", [False, True])
def test_a_json_table_is_cut_like_a_csv_one(tmp_path: Path, around: bool) -> None:
    rows = list(csv.DictReader(io.StringIO(TABLE)))
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"complete_to": "2020-07-01", "rows": rows} if around else rows), encoding="utf-8")
    clock = SimulatedClock(at(2))
    with Feed({"table": path}, clock) as routes:
        _, headers, body = get(routes["table"])
        served = json.loads(body)
        assert headers["Content-Type"] == "application/json"
        assert [row["kind"] for row in (served["rows"] if around else served)] == ["early"]
        clock.advance(at(4, 1))
        later = json.loads(get(routes["table"])[2])
        assert len(later["rows"] if around else later) == 3


@pytest.mark.parametrize("content", ["{", "[1]", '{"rows": 3}', '"rows"'])
def test_json_that_is_no_table_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="no JSON table"):
        Feed({"table": path}, SimulatedClock(at(1)))
