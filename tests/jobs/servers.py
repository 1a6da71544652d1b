"""Real servers on the loopback: one that answers as scripted, and one that writes raw bytes to the socket."""

import email.utils
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

Talk = Callable[[socket.socket, dict[str, str]], None]


@dataclass(slots=True)
class Server:
    """A running server: where it is, and the headers of each request it has had."""

    url: str
    requests: list[dict[str, str]] = field(default_factory=list)


def answer(
    body: bytes = b"",
    status: str = "200 OK",
    *,
    content_type: str = "text/csv",
    date: datetime | None = None,
    **headers: str,
) -> bytes:
    """Return a complete HTTP answer; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("Date", email.utils.format_datetime(date or datetime.now(UTC), usegmt=True))
    named.setdefault("Content-Type", content_type)
    named.setdefault("Content-Length", str(len(body)))
    named.setdefault("Connection", "close")
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


def say(*parts: bytes) -> Talk:
    """Send these bytes and close."""

    def talk(connection: socket.socket, _headers: dict[str, str]) -> None:
        for part in parts:
            connection.sendall(part)

    return talk


def drip(body: bytes, seconds: float = 1.0) -> Talk:
    """Announce the body, then send one byte of it each `seconds`."""

    def talk(connection: socket.socket, _headers: dict[str, str]) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for byte in body:
            time.sleep(seconds)
            connection.sendall(bytes([byte]))

    return talk


def flood(chunk: bytes, times: int) -> Talk:
    """Send a body without end."""

    def talk(connection: socket.socket, _headers: dict[str, str]) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n")
        for _ in range(times):
            connection.sendall(chunk)

    return talk


def stall(ended: threading.Event) -> Talk:
    """Take the request and say nothing until the test has ended."""

    def talk(_connection: socket.socket, _headers: dict[str, str]) -> None:
        ended.wait(30)

    return talk


def reset(connection: socket.socket, _headers: dict[str, str]) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def conditional(body: bytes, etag: str) -> Talk:
    """Serve a body under an ETag, and answer 304 to whoever has it."""

    def talk(connection: socket.socket, headers: dict[str, str]) -> None:
        if headers.get("if-none-match") == etag:
            connection.sendall(answer(status="304 Not Modified", ETag=etag, content_type=""))
        else:
            connection.sendall(answer(body, ETag=etag))

    return talk


@contextmanager
def serve(
    talk: Talk | Sequence[Talk] | Mapping[str, Talk], *, tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Serve each connection with `talk`; of several, one after the other, the last for all that follow.

    A mapping answers by path. With `tls` it is served over HTTPS.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}/table.csv")
    pending = list(talk) if isinstance(talk, Sequence) else []

    def choose(path: str) -> Talk:
        if isinstance(talk, Mapping):
            return talk[path]
        if isinstance(talk, Sequence):
            return pending.pop(0) if len(pending) > 1 else pending[0]
        return talk

    def handle(connection: socket.socket) -> None:
        with ExitStack() as stack:
            stack.enter_context(connection)
            try:
                if tls is not None:
                    connection = stack.enter_context(tls.wrap_socket(connection, server_side=True))
                head = b""
                while b"\r\n\r\n" not in head:
                    received = connection.recv(65536)
                    if not received:
                        return
                    head += received
                first, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                server.requests.append(headers)
                choose(first.split(" ")[1])(connection, headers)
            except OSError:
                return  # the client went away, as it may

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
