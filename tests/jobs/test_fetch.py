"""Fetching over real sockets: whatever a server does, there is an answer in time, and it says what went wrong."""

import gzip
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.model import Request, Response
from jobs.fetch import HttpFetcher, _http_date, local_path
from tests.jobs import servers
from tests.jobs.servers import Talk, answer, say, serve

BODY = b"occurred,kind\n2020-06-01,launch\n"
NOW = datetime(2020, 6, 15, 12, tzinfo=UTC)

Open = Callable[..., HttpFetcher]


@pytest.fixture
def fetcher() -> Iterator[Open]:
    """Open a fetcher with short caps."""
    opened: list[HttpFetcher] = []

    def open_fetcher(
        seconds: float = 1,
        max_bytes: int = 100_000,
        routes: dict[str, str] | None = None,
        only: bool = False,
        **given: Any,
    ) -> HttpFetcher:
        opened.append(
            HttpFetcher(
                seconds=seconds,
                max_bytes=max_bytes,
                contact="desk@example.org",
                routes=routes,
                routes_only=only,
                **({"allow_hosts": ["127.0.0.1"]} | given),
            )
        )
        return opened[-1]

    yield open_fetcher
    for each in opened:
        each.close()


def get(fetcher: Open, talk: Talk, *, seconds: float = 5, max_bytes: int = 100_000) -> Response:
    with serve(talk) as server:
        return fetcher(seconds, max_bytes).fetch(Request(server.url))


# -- answers ---------------------------------------------------------------------------------------------------


def test_a_good_answer_comes_with_its_type_validators_and_date(fetcher: Open) -> None:
    talk = say(answer(BODY, ETag='"v1"', Last_Modified="Mon, 01 Jun 2020 00:00:00 GMT", date=NOW))
    response = get(fetcher, talk)
    assert response == Response(
        status=200,
        body=BODY,
        content_type="text/csv",
        etag='"v1"',
        last_modified="Mon, 01 Jun 2020 00:00:00 GMT",
        date=NOW,
        retry_after=None,
        problem=None,
        headers=(
            ("etag", '"v1"'),
            ("last-modified", "Mon, 01 Jun 2020 00:00:00 GMT"),
            ("date", "Mon, 15 Jun 2020 12:00:00 GMT"),
            ("content-type", "text/csv"),
            ("content-length", "32"),
            ("connection", "close"),
        ),
    )


def test_the_request_says_who_asks_and_offers_its_validators(fetcher: Open) -> None:
    modified = "Mon, 01 Jun 2020 00:00:00 GMT"
    with serve(servers.conditional(BODY, '"v1"')) as server:
        response = fetcher().fetch(Request(server.url, '"v1"', modified))
    assert (response.status, response.body, response.problem) == (304, b"", None)
    (headers,) = server.requests
    assert headers["if-none-match"] == '"v1"'
    assert headers["if-modified-since"] == modified
    assert headers["user-agent"].startswith("calledit/")
    assert "(desk@example.org)" in headers["user-agent"]


def test_the_first_request_is_unconditional(fetcher: Open) -> None:
    with serve(servers.conditional(BODY, '"v1"')) as server:
        assert fetcher().fetch(Request(server.url)).body == BODY
    assert "if-none-match" not in server.requests[0]
    assert "if-modified-since" not in server.requests[0]


LAST = "Mon, 01 Jun 2020 00:00:00 GMT"
OLDER = "Sun, 31 May 2020 00:00:00 GMT"


@pytest.mark.parametrize(
    ("sent", "said", "believed"),
    [
        (('"v1"', None), {"ETag": '"v1"'}, True),
        (('"v1"', None), {}, True),
        (('"v1"', None), {"ETag": 'W/"v1"'}, True),  # a weak tag is compared weakly
        (('W/"v1"', None), {"ETag": '"v1"'}, True),
        ((None, LAST), {"ETag": '"v1"'}, True),  # a tag where there was none contradicts nothing
        (('"v1"', LAST), {"ETag": '"v1"', "Last_Modified": LAST}, True),
        (('"v1"', None), {"ETag": '"v2"'}, False),  # a cache that speaks of another body
        (('"v1"', LAST), {"ETag": '"v1"', "Last_Modified": OLDER}, False),
        ((None, LAST), {"Last_Modified": OLDER}, False),  # an older file put in place of a newer one
    ],
)
def test_a_304_that_names_another_validator_is_not_believed(
    fetcher: Open, sent: tuple[str | None, str | None], said: dict[str, Any], believed: bool
) -> None:
    unchanged = say(answer(status="304 Not Modified", content_type="", **said))
    with serve([unchanged, say(answer(BODY, ETag='"v2"'))]) as server:
        response = fetcher().fetch(Request(server.url, *sent))
    assert (response.status, response.problem) == (304 if believed else 200, None)
    assert response.body == (b"" if believed else BODY)
    assert [sorted(set(got) & {"if-none-match", "if-modified-since"}) for got in server.requests[1:]] == (
        [] if believed else [[]]
    )


def test_a_304_that_goes_on_naming_another_validator_is_a_failure(fetcher: Open) -> None:
    with serve(say(answer(status="304 Not Modified", content_type="", ETag='"v2"'))) as server:
        response = fetcher().fetch(Request(server.url, '"v1"', None))
    assert (response.status, response.problem) == (304, "the source answered 304 to an unconditional request")
    assert len(server.requests) == 2


def test_an_error_status_is_an_answer(fetcher: Open) -> None:
    response = get(fetcher, say(answer(b"oops", "500 Internal Server Error", content_type="text/plain")))
    assert (response.status, response.body, response.problem) == (500, b"oops", None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-5", None),
        ("²", None),
        ("soon", None),
        ("9" * 400, 604_800.0),  # a week is the most that is obeyed
        ("Mon, 15 Jun 2020 12:10:00 GMT", 600.0),
        ("Monday, 15-Jun-20 12:10:00 GMT", 600.0),
        ("Mon Jun 15 12:10:00 2020", 600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 604_800.0),
    ],
)
def test_retry_after_is_read_in_both_forms_on_the_clock_of_the_source(
    fetcher: Open, value: str, seconds: float | None
) -> None:
    response = get(fetcher, say(answer(b"", "429 Too Many Requests", date=NOW, Retry_After=value)))
    assert (response.status, response.retry_after) == (429, seconds)


def test_html_comes_as_it_is(fetcher: Open) -> None:
    response = get(fetcher, say(answer(b"<html>", content_type="text/html; charset=utf-8")))
    assert (response.body, response.content_type) == (b"<html>", "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("packed", "unpacked"),
    [
        (gzip.compress(BODY), BODY),
        (gzip.compress(BODY) + gzip.compress(BODY), BODY * 2),  # a file of two members is one file
        (gzip.compress(BODY) + bytes(512), BODY),  # padded to a block
        (gzip.compress(b""), b""),
        (gzip.compress(BODY * 2000), BODY * 2000),
        (b"", b""),
    ],
    ids=["one member", "two members", "padded", "of nothing", "large", "nothing at all"],
)
def test_a_gzip_body_is_unpacked(fetcher: Open, packed: bytes, unpacked: bytes) -> None:
    response = get(fetcher, say(answer(packed, Content_Encoding="gzip")))
    assert (response.body, response.problem) == (unpacked, None)


@pytest.mark.parametrize("etag", ['"\u00e9"', "\u00ff"])
def test_a_validator_that_could_not_be_sent_back_is_not_kept(fetcher: Open, etag: str) -> None:
    with serve([say(answer(BODY, ETag=etag)), servers.conditional(BODY, '"v2"')]) as server:
        opened = fetcher()
        first = opened.fetch(Request(server.url))
        again = opened.fetch(Request(server.url, first.etag, first.last_modified))
    assert (first.body, first.etag) == (BODY, None)
    assert (again.body, again.problem) == (BODY, None)


@pytest.mark.parametrize(
    ("header", "instant"),
    [
        ("Mon, 15 Jun 2020 12:00:00 GMT", NOW),
        ("Mon, 15 Jun 2020 21:00:00 +0900", NOW),
        ("Mon, 15 Jun 2020 12:00:00 -0000", NOW),  # no zone is said: HTTP dates are in UTC
        ("Mon, 15 Jun 2020 12:00:00", NOW),
        ("Mon, 45 Jun 2020 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("now", None),
        ("", None),
        (None, None),
    ],
)
def test_the_date_header_is_read_in_utc(header: str | None, instant: datetime | None) -> None:
    assert _http_date(header) == instant


@given(st.text())
def test_no_date_header_raises(header: str) -> None:
    found = _http_date(header)
    assert found is None or found.tzinfo is UTC


# -- failures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (servers.reset, "the request failed: "),
        (say(), "the request failed: Server disconnected"),
        (say(b"\x16\x03\x01 no http at all\r\n\r\n"), "the request failed: illegal status line"),
        (say(b"SSH-2.0-OpenSSH_9.2\r\n"), "the request failed: "),
        (say(answer(BODY, Content_Length="9000")), "the request failed: peer closed connection"),
        (say(answer(b"not gzip", Content_Encoding="gzip")), "the packed body cannot be unpacked: "),
        (say(answer(gzip.compress(BODY)[:-9], Content_Encoding="gzip")), "the packed body ends before its end"),
        (
            say(answer(gzip.compress(BODY) + b"!!!!", Content_Encoding="gzip")),
            "the packed body cannot be unpacked: ",
        ),
        (say(answer(BODY, Content_Encoding="br")), "the body is packed as 'br', which was not asked for"),
        (say(answer(b"", "302 Found", Location="ftp://example.org/")), "the request failed: "),
        (say(answer(b"", "302 Found", Location="http://[::1/")), "the request failed: "),
        (say(answer(b"", "302 Found", Location="http://xn--\u00ff.example/")), "the request failed: "),
        (say(answer(b"", "302 Found", Location="http://127.0.0.1:99999/")), "the request failed: "),
        (say(answer(b"", "302 Found", Location="file:///etc/passwd")), "the request failed: "),
        (say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n"), "the request failed: "),
    ],
)
def test_a_broken_answer_is_a_failure_in_words(fetcher: Open, talk: Talk, said: str) -> None:
    response = get(fetcher, talk)
    assert response.problem is not None
    assert response.problem.startswith(said)
    assert response.body == b""


def test_redirects_are_followed(fetcher: Open) -> None:
    away = say(answer(b"", "301 Moved Permanently", Location="/there"))
    with serve({"/table.csv": away, "/there": say(answer(BODY))}) as server:
        assert fetcher().fetch(Request(server.url)).body == BODY


def test_a_redirect_loop_ends(fetcher: Open) -> None:
    with serve(say(answer(b"", "302 Found", Location="/table.csv"))) as server:
        response = fetcher().fetch(Request(server.url))
    assert response.problem == "the request failed: there were more than 5 redirects"
    assert len(server.requests) == 6


def test_a_server_that_refuses_the_connection_is_a_failure(fetcher: Open) -> None:
    with serve(say()) as server:
        pass
    problem = fetcher().fetch(Request(server.url)).problem
    assert problem is not None
    assert problem.startswith("the request failed: ")


@pytest.mark.parametrize(
    "location", ["http://", "http://nobody.invalid/", "http://exa mple/", "https://\u2603.invalid"]
)
def test_an_address_that_leads_nowhere_is_a_failure(fetcher: Open, location: str) -> None:
    assert fetcher().fetch(Request(location)).problem is not None


#: Seconds past its deadline that a fetch may end while three tests run at once; elsewhere it takes one at most.
SLACK = 2.0


# -- caps ------------------------------------------------------------------------------------------------------


def test_silence_ends_with_the_time(fetcher: Open) -> None:
    ended = threading.Event()
    began = time.monotonic()
    response = get(fetcher, servers.stall(ended), seconds=0.3)
    ended.set()
    assert time.monotonic() - began < 0.3 + SLACK
    assert (response.status, response.problem) == (None, "no complete answer within 0.3 seconds")


def test_one_byte_at_a_time_ends_with_the_time(fetcher: Open) -> None:
    """Each read succeeds in time; only a clock over the whole answer ends this."""
    began = time.monotonic()
    response = get(fetcher, servers.drip(BODY, 0.25), seconds=1)
    assert 0.9 < time.monotonic() - began < 1 + SLACK
    assert response.problem == "no complete answer within 1 seconds"


def test_a_dripping_redirect_chain_has_no_time_of_its_own(fetcher: Open) -> None:
    def slow(connection: object, headers: dict[str, str]) -> None:
        time.sleep(0.25)
        say(answer(b"", "302 Found", Location="/table.csv"))(connection, headers)  # type: ignore[arg-type]

    began = time.monotonic()
    assert get(fetcher, slow, seconds=0.6).problem == "no complete answer within 0.6 seconds"
    assert time.monotonic() - began < 0.6 + SLACK


def test_however_many_wait_for_a_silent_host_another_is_asked_at_once(fetcher: Open) -> None:
    ended, ours, many = threading.Event(), fetcher(seconds=5), 16
    with (
        serve(servers.stall(ended)) as silent,
        serve(say(answer(BODY))) as healthy,
        ThreadPoolExecutor(many) as pool,
    ):
        for _ in range(many):
            pool.submit(ours.fetch, Request(silent.url))
        end = time.monotonic() + 2
        while len(silent.requests) < many and time.monotonic() < end:
            time.sleep(0.01)
        began = time.monotonic()
        response = ours.fetch(Request(healthy.url))
        took = time.monotonic() - began
        ended.set()
    assert (response.problem, len(silent.requests)) == (None, many)
    assert took < SLACK


def test_a_body_without_end_is_cut_off(fetcher: Open) -> None:
    began = time.monotonic()
    response = get(fetcher, servers.flood(b"x" * 65536, 100_000), seconds=10)
    assert time.monotonic() - began < 5
    assert (response.status, response.body) == (200, b"")
    assert response.problem == "the body is larger than 100000 bytes"


def test_a_body_of_exactly_the_cap_is_read(fetcher: Open) -> None:
    assert get(fetcher, say(answer(b"x" * 1000)), max_bytes=1000).problem is None
    assert get(fetcher, say(answer(b"x" * 1001)), max_bytes=1000).problem == "the body is larger than 1000 bytes"


def test_a_small_body_that_unpacks_to_a_huge_one_is_cut_off(fetcher: Open) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    assert len(bomb) < 100_000
    response = get(fetcher, say(answer(bomb, Content_Encoding="gzip")))
    assert response.problem == "the body is larger than 100000 bytes"


def test_one_bad_answer_leaves_the_next_fetch_alone(fetcher: Open) -> None:
    with serve([servers.reset, servers.drip(BODY, 0.2), say(answer(BODY))]) as server:
        opened = fetcher(0.5)
        problems = [opened.fetch(Request(server.url)).problem for _ in range(2)]
        assert all(problems)
        assert opened.fetch(Request(server.url)).body == BODY


# -- files -----------------------------------------------------------------------------------------------------


def test_a_file_is_read_by_path_and_by_address(fetcher: Open, tmp_path: Path) -> None:
    path = tmp_path / "a table.csv"
    path.write_bytes(BODY)
    for location in (str(path), path.as_uri()):
        for opened in (fetcher(), fetcher(file_roots=[tmp_path])):
            assert opened.fetch(Request(location)) == Response(200, BODY, "", None, None, None, None)


def test_a_seed_is_read_by_name(fetcher: Open) -> None:
    expected = (files("seeds") / "events/korea.csv").read_bytes()
    assert fetcher().fetch(Request("seeds:events/korea.csv")).body == expected
    assert local_path("seeds:events/korea.csv").read_bytes() == expected


@pytest.mark.parametrize(
    "location",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "file:///etc/%70asswd",
        "../../../../../../../../../../etc/passwd",
        "/proc/self/environ",
        "seeds:../pyproject.toml",
        "seeds:/etc/passwd",
        "{inside}/../outside.csv",
        "{inside}/link.csv",
        "{outside}",
    ],
)
def test_no_file_outside_the_named_directories_is_read(fetcher: Open, tmp_path: Path, location: str) -> None:
    """A location comes in a file that somebody else may have written, and what is read is archived."""
    inside, outside = tmp_path / "inside", tmp_path / "outside.csv"
    inside.mkdir()
    outside.write_bytes(BODY)
    (inside / "link.csv").symlink_to(outside)
    for roots in ([inside], [], [Path("/")]):
        response = fetcher(file_roots=roots).fetch(Request(location.format(inside=inside, outside=outside)))
        assert response.body == b""
        assert "lies outside the directories sources may read (CALLEDIT_FILE_ROOTS)" in (response.problem or "")


def test_a_file_that_cannot_be_read_says_why(fetcher: Open, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * 100_001)
    os.mkfifo(tmp_path / "pipe")
    said = {
        str(tmp_path / "missing.csv"): "No such file or directory",
        str(tmp_path): "is a directory or a device",
        str(tmp_path / "pipe"): "is a directory or a device",  # reading it would wait for ever
        "/dev/zero": "is a directory or a device",  # and this would never end
        str(large): "the file is larger than 100000 bytes",
        "file:///a%00b": "the file cannot be read",
        "seeds:events/nothing.csv": "No such file or directory",
    }
    for location, words in said.items():
        response = fetcher().fetch(Request(location))
        assert response.problem is not None
        assert words in response.problem, location
        assert response.body == b""


# -- routes ----------------------------------------------------------------------------------------------------


def test_a_route_sends_a_location_elsewhere(fetcher: Open, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(BODY)
    with serve(say(answer(b"live"))) as server:
        routed = fetcher(routes={"https://example.org/a.csv": server.url})
        assert routed.fetch(Request("https://example.org/a.csv")).body == b"live"
        assert routed.fetch(Request(str(path))).body == BODY


def test_with_routes_only_nothing_else_is_asked(fetcher: Open, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(BODY)
    with serve(say(answer(b"live"))) as server:
        routed = fetcher(routes={"a": str(path)}, only=True)
        assert routed.fetch(Request("a")).body == BODY
        for location in (server.url, str(path)):
            assert routed.fetch(Request(location)).problem == (
                "a replay cannot ask a live address what it said in the past; give a recording with --table"
            )
        assert server.requests == []
