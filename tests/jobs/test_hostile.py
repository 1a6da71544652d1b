"""Hostile sources through the real worker: each check ends in time, costs little memory, and resolves nothing.

The deadline and the grace of every question have passed and one sound check would decide it, so an answer that is
taken for more than it is shows as a resolution. The server is in this process, the checks in another.
"""

import gzip
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from forecasts.model import Request
from jobs.fetch import HttpFetcher
from tests.jobs import servers
from tests.jobs.hostile import ASKED
from tests.jobs.servers import Talk, answer, say, serve
from tests.jobs.tables import FILLING, HEADER, event
from tests.support.clocks import at

DEADLINE = 1.0
MEMORY = 64 * 2**20
CERTIFICATES = Path(__file__).parents[1] / "support/certificates"

GOOD = "\n".join([HEADER, *FILLING, ""]).encode()
TEMPTING = "\n".join([HEADER, *FILLING, event("2020-03-01"), ""]).encode()  # with a row that would say yes
WATERMARK = {"from": "fetch_time", "lag": "P1D"}
TABLE = {"format": "csv", "watermark": WATERMARK}
JSON_TABLE = {"format": "json", "watermark": WATERMARK}
FEED = {"watermark": WATERMARK, "kinds": [{"kind": "opening", "phrases": ["bridge"]}], "zone": "UTC"}


class Case(NamedTuple):
    """How a server behaves, by which source it is read, and what the check has to say."""

    talk: Talk
    status: str
    said: str = ""
    source: str = "event-table"
    query: dict[str, Any] = TABLE
    tls: str | None = None


def ok(body: bytes, **headers: str) -> bytes:
    return answer(body, date=at(ASKED), **headers)


def bomb(size: int) -> bytes:
    """Return gzip of zeros, made a megabyte at a time."""
    packer = zlib.compressobj(3, wbits=31)
    packed = [packer.compress(bytes(2**20)) for _ in range(size // 2**20)]
    return b"".join([*packed, packer.flush()])


def forever(head: bytes, chunk: bytes, pause: float = 0.0) -> Talk:
    """Send the head, then the chunk again and again until the other side goes away."""

    def talk(connection: socket.socket, _headers: dict[str, str]) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(chunk)
            time.sleep(pause)

    return talk


def stall(_connection: socket.socket, _headers: dict[str, str]) -> None:
    threading.Event().wait(DEADLINE + 5)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n"
ENTITIES = "".join(
    f'<!ENTITY e{number} "{f"&e{number - 1};" * 10 if number else "bridge"}">' for number in range(10)
)
BOMB_FEED = (
    f'<?xml version="1.0"?><!DOCTYPE rss [{ENTITIES}]><rss version="2.0"><channel><title>&e9;</title>'
    "<item><title>bridge</title><pubDate>Sun, 01 Mar 2020 00:00:00 GMT</pubDate></item></channel></rss>"
).encode()
SHARING = [event((date(1900, 1, 1) + timedelta(days=day)).isoformat(), "closing") for day in range(20_000)]
PAGE = b"<!doctype html><html><body>2020-03-01 opening</body></html>"
NO_TIME = "no complete answer within 1 seconds"
TOO_LARGE = "the body is larger than 20000000 bytes"

CASES = {
    "good": Case(say(ok(GOOD)), "ok"),
    "good over TLS": Case(say(ok(GOOD)), "ok", tls="valid"),
    "500": Case(say(answer(TEMPTING, "500 Internal Server Error")), "error", "the source answered 500"),
    "429": Case(say(answer(TEMPTING, "429 Too Many Requests", Retry_After="60")), "throttled", "answered 429"),
    "reset": Case(servers.reset, "error", "the request failed"),
    "redirect loop": Case(
        say(answer(TEMPTING, "302 Found", Location="/redirect-loop")), "error", "more than 5 redirects"
    ),
    "redirect with a body without end": Case(
        forever(b"HTTP/1.1 302 Found\r\nLocation: /redirect-with-a-body-without-end\r\n\r\n", bytes(65536)),
        "error",
        "more than 5 redirects",
    ),
    "expired TLS": Case(say(ok(TEMPTING)), "error", "certificate has expired", tls="expired"),
    "TLS that never greets": Case(stall, "error", NO_TIME, tls="silent"),
    "wrong charset": Case(
        say(
            ok(
                TEMPTING + "2020-03-02,UTC,,fête,Brücke,,".encode("latin-1"),
                content_type="text/csv; charset=utf-8",
            )
        ),
        "malformed",
        "not UTF-8",
    ),
    "another wrong charset": Case(say(ok(TEMPTING.decode().encode("utf-16"))), "malformed", "not UTF-8"),
    "truncated gzip": Case(
        say(ok(gzip.compress(TEMPTING)[:-12], Content_Encoding="gzip")), "error", "ends before its end"
    ),
    "gzip that says it is packed otherwise too": Case(
        say(HEAD + b"Content-Encoding: br\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(TEMPTING)),
        "error",
        "packed as 'br, gzip'",
    ),
    "gzip bomb": Case(say(ok(bomb(200 * 2**20), Content_Encoding="gzip")), "error", TOO_LARGE),
    "gzip of nothing without end": Case(
        forever(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 1000), "error"
    ),
    "endless body": Case(forever(HEAD + b"\r\n", b"x" * 65536), "error", TOO_LARGE),
    "endless rows": Case(forever(HEAD + b"\r\n" + TEMPTING, TEMPTING, 0.01), "error", NO_TIME),
    "endless headers": Case(forever(HEAD, b"X-Filler: y\r\n" * 1000), "error", "the request failed"),
    "endless interim answers": Case(forever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100), "error", NO_TIME),
    "one byte a second": Case(servers.drip(TEMPTING, 0.9), "error", NO_TIME),
    "silence": Case(stall, "error", NO_TIME),
    "HTML for a table": Case(say(ok(PAGE)), "malformed", "a page or markup"),
    "HTML for JSON": Case(
        say(ok(PAGE, content_type="text/html")), "malformed", "a page or markup", query=JSON_TABLE
    ),
    "HTML that says it is a table too": Case(
        say(answer(TEMPTING, date=at(ASKED), content_type="text/html\r\nContent-Type: text/csv")),
        "malformed",
        "a page or markup",
    ),
    "rows that share an id": Case(
        say(ok("\n".join([HEADER, event("2020-03-01"), *SHARING, "and no more"]).encode())),
        "malformed",
        "another number of fields",
        query=TABLE | {"columns": {"id": "citation"}},
    ),
    "JSON 200,000 deep": Case(
        say(ok(b"[" * 200_000 + b"]" * 200_000, content_type="application/json")),
        "malformed",
        "not JSON",
        query=JSON_TABLE,
    ),
    "JSON objects 200,000 deep": Case(
        say(ok(b'{"rows":' * 200_000 + b"[]" + b"}" * 200_000)), "malformed", "not JSON", query=JSON_TABLE
    ),
    "XML entity bomb": Case(
        say(ok(BOMB_FEED, content_type="application/rss+xml")), "malformed", source="rss-atom", query=FEED
    ),
}


def context(name: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return made


def path_of(name: str) -> str:
    return "/" + name.lower().replace(" ", "-").replace(",", "")


@pytest.fixture(scope="module")
def checks() -> "Callable[[str], dict[str, dict[str, Any]]]":
    """Return what runs every case on a database."""

    def run(url: str) -> dict[str, dict[str, Any]]:
        talks = {path_of(name): case.talk for name, case in CASES.items()}
        silent = socket.create_server(("127.0.0.1", 0))
        with (
            serve(talks) as plain,
            serve(talks, tls=context("valid")) as valid,
            serve(talks, tls=context("expired")) as expired,
            silent,
        ):
            servers_by_tls = {
                None: plain.url,
                "valid": valid.url,
                "expired": expired.url,
                "silent": f"https://127.0.0.1:{silent.getsockname()[1]}/table.csv",
            }
            cases = [
                {
                    "name": name,
                    "source": case.source,
                    "query": case.query
                    | {"location": servers_by_tls[case.tls].replace("/table.csv", path_of(name))},
                }
                for name, case in CASES.items()
            ]
            done = subprocess.run(
                [sys.executable, "-m", "tests.jobs.hostile", url, str(DEADLINE)],
                input=json.dumps(cases),
                capture_output=True,
                text=True,
                cwd=Path(__file__).parents[2],
                env=os.environ | {"SSL_CERT_FILE": str(CERTIFICATES / "ca.pem")},
                timeout=120,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}

    return run


def test_no_hostile_source_holds_a_check_up_fills_the_memory_or_resolves_anything(
    checks: Callable[[str], dict[str, dict[str, Any]]], database_url: str
) -> None:
    found = checks(database_url)
    assert list(found) == list(CASES)
    for name in ("good", "good over TLS"):  # which shows that a sound answer does resolve
        assert (found[name]["status"], found[name]["steps"]) == ("ok", [["proposed", "no"]])
    for name, case in CASES.items():
        told = found[name]
        grown = told["grown"] / 2**20
        print(f"{name:34}{told['seconds']:6.2f} s {grown:6.1f} MiB  {told['status']}: {told['problem'] or ''}")
        assert told["status"] == case.status, told
        assert case.said in (told["problem"] or ""), told
        assert told["seconds"] <= DEADLINE + 1, told
        assert told["grown"] <= MEMORY, told
        if case.status != "ok":
            assert (told["sound"], told["steps"]) == (False, []), told


def test_tls_is_verified_for_the_name_that_was_asked_not_for_the_address_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "ca.pem"))
    names: list[str | None] = []
    tls = context("valid")
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    fetcher = HttpFetcher(
        seconds=5,
        max_bytes=1000,
        contact="tests",
        allow_hosts=["feed.test", "other.test"],
        resolve=lambda _host, _port: ["127.0.0.1"],
    )
    try:
        with serve(say(answer(GOOD)), tls=tls) as server:
            port = server.url.split(":")[2]
            assert fetcher.fetch(Request(f"https://feed.test:{port}")).body == GOOD
            problem = fetcher.fetch(Request(f"https://other.test:{port}")).problem
    finally:
        fetcher.close()
    assert names == ["feed.test", "other.test"]
    assert problem is not None
    assert "Hostname mismatch" in problem
