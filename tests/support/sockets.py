"""What this process connects to, seen at the socket: an audit hook that notes it, and stops what would go out."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_watching: list[list[tuple[str, int]]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching or event not in ("socket.connect", "socket.sendto"):
        return
    connecting, address = arguments
    if not isinstance(connecting, socket.socket) or connecting.family not in (socket.AF_INET, socket.AF_INET6):
        return
    if isinstance(address, tuple):
        host, port = str(address[0]), int(address[1])
        for seen in _watching:
            seen.append((host, port))
        if host not in ("127.0.0.1", "::1"):
            raise ConnectionRefusedError(f"tests do not connect to {host}")


sys.addaudithook(_hook)


@contextmanager
def connections() -> Iterator[list[tuple[str, int]]]:
    """Note every address this process connects to while it lasts; what is not loopback is refused there."""
    seen: list[tuple[str, int]] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)
