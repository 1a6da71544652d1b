"""The address guard, watched at the socket: nothing that is not public is connected to, however it is written."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.model import Request
from jobs.fetch import HttpFetcher, resolved
from jobs.guard import REFUSED, refused_address
from tests.jobs.servers import Server, answer, say, serve
from tests.support.sockets import connections

BODY = b"occurred,kind\n2020-06-01,launch\n"
PUBLIC = "192.0.43.8"
ALSO_PUBLIC = "2600::1"

Make = Callable[..., HttpFetcher]

# Forms of addresses as a person may register them or a host redirect to them. `{port}` is one on which a server
# listens on every address of this machine, so whatever passes the guard is answered.
FORMS = (
    # loopback
    "127.0.0.1:{port}",
    "127.1:{port}",
    "127.0.1:{port}",
    "127.255.255.254:{port}",
    "2130706433:{port}",
    "017700000001:{port}",
    "0177.0.0.1:{port}",
    "0177.0.0.01:{port}",
    "0x7f.0.0.1:{port}",
    "0x7f000001:{port}",
    "0x7F.1:{port}",
    "localhost:{port}",
    "LOCALHOST:{port}",
    "localhost.:{port}",
    "127.0.0.1.:{port}",
    "[::1]:{port}",
    "[0:0:0:0:0:0:0:1]:{port}",
    "%31%32%37.0.0.1:{port}",
    "\uff11\uff12\uff17.0.0.1:{port}",
    "127\u30020\u30020\u30021:{port}",
    # unspecified, which a socket takes for loopback
    "0.0.0.0:{port}",
    "0:{port}",
    "00:{port}",
    "0.1.2.3:{port}",
    "[::]:{port}",
    # IPv4 within IPv6
    "[::ffff:127.0.0.1]:{port}",
    "[::ffff:7f00:1]:{port}",
    "[::ffff:169.254.169.254]",
    "[::ffff:192.0.43.8]",
    "[::127.0.0.1]:{port}",
    "[::7f00:1]:{port}",
    "[64:ff9b::127.0.0.1]:{port}",
    "[64:ff9b::7f00:1]:{port}",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::1]",
    "[2001::1]",
    # private, shared, link-local
    "10.0.0.1",
    "10.255.255.255",
    "012.0.0.1",
    "167772161",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1.1:8080",
    "0xc0a80001",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.0.1",
    "[fc00::1]",
    "[fd12:3456:789a::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    # what machines in a cloud are told about themselves
    "169.254.169.254",
    "169.254.169.254:80",
    "169.254.170.2",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    # for protocols, documentation, benchmarks; multicast, reserved, broadcast
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "[100::1]",
    "[2001:2::1]",
    "[2001:20::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[4000::1]",
    "[5f00::1]",
    "[ff02::1]",
)


def resolver(**names: list[str]) -> Callable[[str, int], list[str]]:
    """Resolve these names, written with underscores for dots, and numbers as the system does."""
    known = {name.replace("_", "."): addresses for name, addresses in names.items()}

    def resolve(host: str, port: int) -> list[str]:
        return known[host] if host in known else resolved(host, port)

    return resolve


@pytest.fixture(scope="module")
def make() -> Iterator[Make]:
    opened: list[HttpFetcher] = []

    def open_fetcher(**given: Any) -> HttpFetcher:
        opened.append(HttpFetcher(seconds=2, max_bytes=100_000, contact="tests", **given))
        return opened[-1]

    yield open_fetcher
    for each in opened:
        each.close()


@pytest.fixture(scope="module")
def guarded(make: Make) -> HttpFetcher:
    return make()


@pytest.fixture(scope="module")
def everywhere() -> Iterator[int]:
    """A port on which something listens on every address of this machine."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(say(answer(BODY))) as found:
        yield found


def problem(fetcher: HttpFetcher, location: str) -> str:
    response = fetcher.fetch(Request(location))
    assert response.body == b""
    assert response.problem is not None
    return response.problem


def port_of(server: Server) -> int:
    return int(server.url.split(":")[2].partition("/")[0])


def test_there_are_forms_enough() -> None:
    assert len(set(FORMS)) == len(FORMS) >= 60


@pytest.mark.parametrize("form", FORMS)
def test_no_connection_is_made_to_what_is_not_public(guarded: HttpFetcher, everywhere: int, form: str) -> None:
    location = f"http://{form.format(port=everywhere)}/latest/meta-data"
    with connections() as seen:
        said = problem(guarded, location)
    assert seen == []
    assert said.startswith("the request failed: ")


@dataclass
class Redirecting:
    """A server that redirects to a target, and a fetcher to which it alone is opened, by its port."""

    fetcher: HttpFetcher
    server: Server
    target: str = ""


@pytest.fixture(scope="module")
def redirecting(make: Make) -> Iterator[Redirecting]:
    def talk(connection: socket.socket, headers: dict[str, str]) -> None:
        location = found.target.encode().decode("latin-1")
        say(answer(b"", "302 Found", Location=location))(connection, headers)

    with serve(talk) as server:
        found = Redirecting(make(allow_hosts=[f"127.0.0.1:{port_of(server)}"]), server)
        yield found


@pytest.mark.parametrize("form", FORMS)
def test_no_redirect_leads_to_what_is_not_public(redirecting: Redirecting, everywhere: int, form: str) -> None:
    redirecting.target = f"http://{form.format(port=everywhere)}/latest/meta-data"
    with connections() as seen:
        said = problem(redirecting.fetcher, redirecting.server.url)
    assert seen == [("127.0.0.1", port_of(redirecting.server))]
    assert said.startswith("the request failed: ")


def test_the_spy_sees_connections_and_an_opened_host_is_connected_to(make: Make, server: Server) -> None:
    port = port_of(server)
    for name in ("127.0.0.1", f"127.0.0.1:{port}"):
        with connections() as seen:
            assert make(allow_hosts=[name]).fetch(Request(server.url)).body == BODY
        assert seen == [("127.0.0.1", port)]


@pytest.mark.parametrize("opened", ["127.0.0.1:1", "localhost", "127.0.0.2", "[::1]"])
def test_a_host_is_opened_by_the_name_and_port_it_is_asked_under(make: Make, server: Server, opened: str) -> None:
    with connections() as seen:
        assert "leads to a loopback address (127.0.0.0/8)" in problem(make(allow_hosts=[opened]), server.url)
    assert seen == []


def test_one_address_among_many_that_is_not_public_is_enough(make: Make, server: Server) -> None:
    port = port_of(server)
    for addresses in ([PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [ALSO_PUBLIC, "::ffff:127.0.0.1"]):
        with connections() as seen:
            problem(make(resolve=resolver(mixed_example=addresses)), f"http://mixed.example:{port}/")
        assert seen == []


def test_a_name_that_is_rebound_between_judging_and_connecting_gains_nothing(make: Make, server: Server) -> None:
    port, answers, asked = port_of(server), [[PUBLIC], ["127.0.0.1"]], []

    def rebound(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), 2) - 1]

    fetcher = make(resolve=rebound)
    with connections() as seen:
        problem(fetcher, f"http://rebound.example:{port}/")
        assert (asked, seen) == (["rebound.example"], [(PUBLIC, port)])  # what was judged is connected to
        problem(fetcher, f"http://rebound.example:{port}/")
        assert (len(asked), seen) == (2, [(PUBLIC, port)])
    assert server.requests == []


def test_a_name_is_judged_anew_after_a_redirect_to_itself(make: Make) -> None:
    """A server under an opened name redirects to one that has been rebound to this machine meanwhile."""
    with serve(say(answer(b"", "302 Found", Location="http://other.example/"))) as server:
        fetcher = make(
            resolve=resolver(opened_example=["127.0.0.1"], other_example=["127.0.0.1"]),
            allow_hosts=["opened.example"],
        )
        with connections() as seen:
            assert "other.example leads to a loopback" in problem(
                fetcher, f"http://opened.example:{port_of(server)}/"
            )
    assert seen == [("127.0.0.1", port_of(server))]


def test_the_next_address_is_tried_when_one_cannot_be_connected_to(make: Make, server: Server) -> None:
    fetcher = make(resolve=resolver(both_example=["::1", "127.0.0.1"]), allow_hosts=["both.example"])
    with connections() as seen:
        assert fetcher.fetch(Request(f"http://both.example:{port_of(server)}/")).body == BODY
    assert [host for host, _ in seen] == ["::1", "127.0.0.1"]


def test_no_proxy_of_the_environment_is_asked(make: Make, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for written in (name, name.lower()):
            monkeypatch.setenv(written, server.url)
    fetcher = make(resolve=resolver(public_example=[PUBLIC]))
    with connections() as seen:
        for location in ("http://public.example/", "https://public.example/"):
            problem(fetcher, location)
    assert seen == [(PUBLIC, 80), (PUBLIC, 443)]
    assert server.requests == []


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://me:secret@public.example/", "a user name or a password"),
        ("http://me@public.example/", "a user name or a password"),
        ("http://public.example@127.0.0.1/", "a user name or a password"),
        ("http://public.example:22/", "port 22 is not one of the web's"),
        ("http://public.example:25/", "port 25 is not one of the web's"),
        ("http://public.example:0/", "there is no port 0"),
        ("http://public.example:65536/", ""),
        ("ftp://public.example/table.csv", ""),
        ("gopher://public.example/", ""),
        ("file:///etc/passwd", ""),
        ("data:text/csv,occurred", ""),
        ("//public.example:22/", "port 22 is not one of the web's"),
    ],
)
def test_other_schemes_ports_and_passwords_are_refused_at_first_and_on_a_redirect(
    make: Make, location: str, said: str
) -> None:
    resolve = resolver(public_example=[PUBLIC])
    with serve(say(answer(b"", "302 Found", Location=location))) as server, connections() as seen:
        fetcher = make(allow_hosts=["127.0.0.1"], resolve=resolve, file_roots=())
        assert said in problem(fetcher, server.url)
        assert seen == [("127.0.0.1", port_of(server))]
        if not location.startswith("//"):
            assert said in problem(fetcher, location)
            assert seen == [("127.0.0.1", port_of(server))]


def test_no_cookie_is_taken_or_sent_back(make: Make) -> None:
    with serve(say(answer(BODY, Set_Cookie="follow=me; Path=/"))) as server:
        fetcher = make(allow_hosts=["127.0.0.1"])
        first = fetcher.fetch(Request(server.url))
        fetcher.fetch(Request(server.url))
    assert "set-cookie" not in dict(first.headers)
    assert [("cookie" in headers) for headers in server.requests] == [False, False]


# -- the rules themselves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [network for network, _ in REFUSED], ids=str)
def test_a_refused_network_is_refused_from_its_first_address_to_its_last(network: Any) -> None:
    for address in (network[0], network[-1]):
        assert refused_address(str(address)) is not None


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        ALSO_PUBLIC,
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2a00:1450:4001::1",
        "2001:200::1",
        "2606:4700::1111",
        "2003::1",
    ],
)
def test_public_addresses_are_not_refused(address: str) -> None:
    assert refused_address(address) is None


@given(st.ip_addresses())
def test_whatever_is_not_refused_is_global_to_the_standard_library_too(address: IPv4Address | IPv6Address) -> None:
    """The guard is the stricter of the two; what it lets pass, nobody calls private or reserved."""
    if refused_address(str(address)) is None:
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_within_an_ipv6_one_is_refused_whatever_it_is(address: IPv4Address) -> None:
    number = int(address)
    for embedded in (number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert refused_address(str(IPv6Address(embedded))) is not None
