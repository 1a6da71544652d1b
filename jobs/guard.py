"""The address guard: which addresses on the network may be connected to.

A location is registered by people and redirected by hosts, so it must not lead into the network this runs in.
Names and numbers in an address are not judged here: whatever they look like, what counts is the address they
are resolved to, judged at the moment it is connected to.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from forecasts.scalars import write_host

# What is refused, by the registries of special-purpose addresses (RFC 6890 and its updates), and by what
# machines in a cloud are told about themselves. The modules `ipaddress` and `socket` are of no help: Python 3.11
# calls some of these global.
REFUSED = tuple(
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "an address shared within a provider's network"),
        ("127.0.0.0/8", "a loopback address"),
        ("168.63.129.16/32", "a metadata address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "an address for protocols"),
        ("192.0.2.0/24", "an address for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "an address for benchmarks"),
        ("198.51.100.0/24", "an address for documentation"),
        ("203.0.113.0/24", "an address for documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("::ffff:0:0/96", "a mapped IPv4 address"),
        ("::/96", "an IPv4-compatible address"),
        ("64:ff9b::/96", "a NAT64 address"),
        ("64:ff9b:1::/48", "a NAT64 address"),
        ("2001::/32", "a Teredo address"),
        ("2001::/23", "an address for protocols"),
        ("2001:db8::/32", "an address for documentation"),
        ("2002::/16", "a 6to4 address"),
        ("3fff::/20", "an address for documentation"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
_UNICAST = ip_network("2000::/3")
_WEB_PORTS = (80, 443)


def refused_address(text: str) -> str | None:
    """Return what an address is that is not a public unicast one, with its network; None for a public one.

    >>> refused_address("169.254.169.254")
    'a link-local address (169.254.0.0/16)'
    >>> refused_address("64:ff9b::7f00:1")
    'a NAT64 address (64:ff9b::/96)'
    >>> refused_address("192.0.43.8") is None
    True
    """
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    for network, what in REFUSED:
        if address.version == network.version and address in network:
            return f"{what} ({network})"
    if address.version == 6 and address not in _UNICAST:
        return f"a reserved address (outside {_UNICAST})"
    return None


def refused_port(port: int, *, opened: bool = False) -> str | None:
    """Return why a port is not asked: none a socket has, or, unless opened, that of another service."""
    if not 0 < port < 65536:
        return f"there is no port {port}"
    if port < 1024 and port not in _WEB_PORTS and not opened:
        return f"port {port} is not one of the web's (80, 443, and from 1024 on)"
    return None


@lru_cache(maxsize=1024)
def is_opened(host: str, port: int, opened: frozenset[str]) -> bool:
    """Whether the operator opened a host, or this port of it, by the name it is asked under."""
    return write_host(host) in opened or write_host(host, port) in opened
