"""Fetching over HTTP and from files, within caps of time and size; the only importer of httpx and httpcore.

A failure is an answer too: `fetch` never raises, it says in `problem` why there is no usable body. What may be
connected to is in `jobs.guard`, how often a host is asked in `jobs.pacing`.
"""

import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from forecasts.model import Request, Response
from forecasts.scalars import write_host
from forecasts.settings import Settings
from jobs.guard import is_opened, refused_address, refused_port
from jobs.pacing import Pacer

SEEDS = "seeds:"
REDIRECTS = 5
UNASKED_304 = "the source answered 304 to an unconditional request"
LONGEST_RETRY_AFTER = timedelta(days=7).total_seconds()
_OLDEST = timedelta(days=3650).total_seconds()
_KEPT_CONNECTIONS = 10
_HEADER_CHARACTERS = 16_000
_REDIRECTING = {301, 302, 303, 307, 308}
_KEPT_TO_OURSELVES = {"set-cookie", "set-cookie2"}

Resolve = Callable[[str, int], list[str]]


def live_fetcher(settings: Settings) -> "HttpFetcher":
    """Return the fetcher of the live jobs: guarded, paced, and with the caps of the settings."""
    return HttpFetcher(
        seconds=settings.fetch_seconds,
        max_bytes=settings.fetch_bytes,
        contact=settings.contact,
        allow_hosts=settings.allow_hosts,
        file_roots=settings.file_roots,
        pacer=Pacer(settings.host_rate),
    )


def resolved(host: str, port: int) -> list[str]:
    """Return every address a host name leads to; raise `OSError` where there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class HttpFetcher:
    """Fetches `http(s)://`, files (with `file_roots` those below them), and `seeds:NAME`, a packaged file.

    Only public addresses are connected to, and those of `allow_hosts` ("127.0.0.1:8080", "localhost"). `routes`
    sends a location elsewhere, as a replay does to serve a table as of its simulated instant; with `routes_only`
    nothing else is fetched. Without a `pacer` no host is ever left alone. Connections are kept as long as the
    fetcher, which any number of threads may share.
    """

    def __init__(
        self,
        *,
        seconds: float,
        max_bytes: int,
        contact: str,
        allow_hosts: Iterable[str] = (),
        file_roots: Iterable[Path] | None = None,
        pacer: Pacer | None = None,
        routes: Mapping[str, str] | None = None,
        routes_only: bool = False,
        resolve: Resolve = resolved,
    ) -> None:
        self.seconds = seconds
        self.max_bytes = max_bytes
        self.routes = dict(routes or {})
        self.routes_only = routes_only
        self._pacer = pacer
        self._opened = frozenset(allow_hosts) | {host for at in self.routes.values() if (host := _host_of(at))}
        self._roots = None if file_roots is None else tuple(file_roots)
        agent = f"calledit/{version('calledit')} ({contact}) httpx/{httpx.__version__}"
        self._headers = {"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "gzip, identity"}
        self._time = _Time(seconds)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=None,  # as many as threads: nobody waits for a connection that another has
            max_keepalive_connections=_KEPT_CONNECTIONS,
            keepalive_expiry=5.0,
            network_backend=_GuardedNetwork(self._opened, self._time, resolve),
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def ready_at(self, location: str, now: datetime) -> datetime | None:
        """Return None where the location may be asked now (which counts as asking); else when to come back."""
        host = _host_of(location)
        if self._pacer is None or host is None or location in self.routes:
            return None
        own = host in self._opened or host.rpartition(":")[0] in self._opened
        wait = self._pacer.wait(host, paced=not own)
        return now + timedelta(seconds=wait) if wait else None

    def fetch(self, request: Request) -> Response:
        """Ask for the location, conditionally where a validator is given."""
        location = self.routes.get(request.location, request.location)
        if self.routes_only and request.location not in self.routes:
            return _failed(
                "a replay cannot ask a live address what it said in the past; give a recording with --table"
            )
        if location.startswith(("http://", "https://")):
            response = self._fetch_http(location, request)
            host = _host_of(location)
            if self._pacer is not None and host is not None:
                self._pacer.heard(host, response.status, response.retry_after)
            return response
        return self._read_file(location, routed=location is not request.location)

    def _fetch_http(self, location: str, request: Request) -> Response:
        validators = {"If-None-Match": request.etag, "If-Modified-Since": request.last_modified}
        conditions = {name: value for name, value in validators.items() if value}
        self._time.begin()
        try:
            url = _url(location)
            response = self._follow(url, self._headers | conditions)
            if response.status == 304 and not _stands_for(response, request):
                response = self._follow(url, self._headers)
                if response.status == 304:
                    return replace(response, problem=UNASKED_304)
        except httpcore.TimeoutException:
            return _failed(f"no complete answer within {self.seconds:g} seconds")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.InvalidURL, UnicodeError) as error:
            detail = str(error) or type(error).__name__
            return _failed(f"the request failed: {detail}")
        return response

    def _follow(self, url: httpx.URL, headers: Mapping[str, str]) -> Response:
        """Ask, and follow redirects, whose bodies are not read, however large.

        There is no client of httpx around it: what that adds (cookies, proxies, credentials) is not wanted here.
        """
        sent = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        for _ in range(REDIRECTS + 1):
            _refuse_url(url, self._opened)
            at = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
            answer = self._pool.handle_request(httpcore.Request("GET", at, headers=[(b"Host", url.netloc), *sent]))
            try:
                told = httpx.Headers(answer.headers)
                elsewhere = told.get("location") if answer.status in _REDIRECTING else None
                if elsewhere is None:
                    return self._read_answer(answer, told)
                url = url.join(elsewhere)
            finally:
                answer.close()
        raise httpx.InvalidURL(f"there were more than {REDIRECTS} redirects")

    def _read_answer(self, answer: httpcore.Response, told: httpx.Headers) -> Response:
        headers = dict(told.items())  # each name once, its values joined
        date = _http_date(headers.get("date"))
        try:
            body = _Body(headers.get("content-encoding", ""), self.max_bytes)
            for data in answer.iter_stream():
                body.take(data)
            content = body.whole()
            problem = None
        except _BodyError as error:
            content, problem = b"", str(error)
        return Response(
            status=answer.status,
            body=content,
            content_type=headers.get("content-type", ""),
            etag=_validator(headers.get("etag")),
            last_modified=_validator(headers.get("last-modified")),
            date=date,
            retry_after=_seconds(headers.get("retry-after"), date or datetime.now(UTC)),
            problem=problem,
            headers=_kept(told),
            age=_age(headers.get("age", "")),
        )

    def _read_file(self, location: str, *, routed: bool) -> Response:
        try:
            path = local_path(location).resolve()
            if not routed and not may_read(location, self._roots):
                return _failed(
                    f"the file cannot be read: {location} lies outside the directories sources may read "
                    "(CALLEDIT_FILE_ROOTS)"
                )
            if path.exists() and not path.is_file():
                return _failed(f"the file cannot be read: {location} is a directory or a device")
            with path.open("rb") as file:
                body = file.read(self.max_bytes + 1)
        except (OSError, ValueError) as error:
            return _failed(f"the file cannot be read: {getattr(error, 'strerror', None) or error}")
        if len(body) > self.max_bytes:
            return _failed(f"the file is larger than {self.max_bytes} bytes")
        return Response(200, body, "", None, None, None, None)


# -- connecting ------------------------------------------------------------------------------------------------


class _Time(threading.local):
    """The time that is left for the fetch of this thread: no read, write or connection may take longer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends_at = 0.0

    def begin(self) -> None:
        self._ends_at = time.monotonic() + self.seconds

    def left(self) -> float:
        """Return the seconds that are left; raise `httpcore.ReadTimeout` where there are none."""
        seconds = self._ends_at - time.monotonic()
        if seconds <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return seconds


class _TimedStream(httpcore.NetworkStream):
    """A connection of which every step ends when the time of the whole fetch does."""

    def __init__(self, stream: httpcore.NetworkStream, its_time: _Time) -> None:
        self._stream = stream
        self._time = its_time

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  (ours is shorter)
        """Read what has come."""
        return self._stream.read(max_bytes, self._time.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send all of it."""
        self._stream.write(buffer, self._time.left())

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Verify the certificate for the name, and go on encrypted."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._time.left())
        return _TimedStream(stream, self._time)

    def get_extra_info(self, info: str) -> object:
        """Tell what the connection knows of itself."""
        return self._stream.get_extra_info(info)


class _GuardedNetwork(httpcore.NetworkBackend):
    """Resolves a name once, judges every address it leads to, and connects to one of those that were judged.

    TLS still verifies the certificate for the name: that is a later step, on the connection made here.
    """

    def __init__(self, opened: frozenset[str], its_time: _Time, resolve: Resolve) -> None:
        self._opened = opened
        self._time = its_time
        self._resolve = resolve
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to a host by an address that may be connected to; raise `httpcore.ConnectError` otherwise."""
        try:
            addresses = _in_thread(lambda: self._resolve(host, port), self._time.left())
        except (OSError, ValueError) as error:
            raise httpcore.ConnectError(f"{host} leads nowhere ({error})") from None
        if not addresses:
            raise httpcore.ConnectError(f"{host} leads nowhere")
        if not is_opened(host, port, self._opened):
            for address in addresses:
                what = refused_address(address)
                if what is not None:
                    raise httpcore.ConnectError(
                        f"{host} leads to {what}, and only public ones are asked unless CALLEDIT_ALLOW_HOSTS "
                        "names the host"
                    )
        share = self._time.seconds / len(addresses)  # one that is silent leaves the next its time
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connect(address, port, min(share, self._time.left()), local_address, socket_options)
        return self._connect(addresses[-1], port, self._time.left(), local_address, socket_options)

    def _connect(
        self,
        address: str,
        port: int,
        seconds: float,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        stream = self._network.connect_tcp(address, port, seconds, local_address, socket_options)
        return _TimedStream(stream, self._time)


def _in_thread(work: Callable[[], list[str]], seconds: float) -> list[str]:
    """Run what cannot be interrupted in a thread that is waited for so long: resolving a name may take minutes.

    Raises what `work` raises, and `httpcore.ConnectTimeout` when the time is over.
    """
    done: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put(work())
        except Exception as error:  # noqa: BLE001  (it is raised where it is waited for)
            done.put(error)

    threading.Thread(target=run, name="calledit-resolver", daemon=True).start()
    try:
        found = done.get(timeout=seconds)
    except queue.Empty:
        raise httpcore.ConnectTimeout("the name was not resolved in time") from None
    if isinstance(found, Exception):
        raise found
    return found


def _refuse_url(url: httpx.URL, opened: frozenset[str]) -> None:
    """Refuse, on every hop, an address that is not to be asked whatever it leads to."""
    if url.scheme not in ("http", "https"):
        raise httpx.InvalidURL(f"{url.scheme}: is not asked, only http: and https: are")
    if url.userinfo:
        raise httpx.InvalidURL("an address with a user name or a password in it is not asked")
    port = url.port if url.port is not None else 443 if url.scheme == "https" else 80
    trouble = refused_port(port, opened=is_opened(url.raw_host.decode("ascii"), port, opened))
    if trouble is not None:
        raise httpx.InvalidURL(trouble)


@lru_cache(maxsize=1024)  # which come again at each check
def _url(location: str) -> httpx.URL:
    return httpx.URL(location)


@lru_cache(maxsize=1024)
def _host_of(location: str) -> str | None:
    """Return the host of an http(s) address, with its port where it names one."""
    try:
        parts = urlsplit(location)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        return write_host(parts.hostname, parts.port)
    except ValueError:
        return None


# -- reading ---------------------------------------------------------------------------------------------------


class _BodyError(Exception):
    """Why a body is not read to its end, in a sentence."""


class _Body:
    """A body as it comes in, unpacked by pieces that are counted before they are kept."""

    def __init__(self, encoding: str, limit: int) -> None:
        name = encoding.strip().lower()
        if name not in ("", "identity", "gzip", "x-gzip"):
            raise _BodyError(f"the body is packed as {name[:40]!r}, which was not asked for")
        self._limit = limit
        self._packed = name.endswith("gzip")
        self._unpacker = zlib.decompressobj(wbits=31) if self._packed else None
        self._pieces: list[bytes] = []
        self._received = self._size = 0

    def take(self, data: bytes) -> None:
        """Take what came over the network; raise `_BodyError` when it is too much or cannot be unpacked."""
        self._received += len(data)
        if self._received > self._limit:
            raise _BodyError(f"the body is larger than {self._limit} bytes")
        if not self._packed:
            self._keep(data)
            return
        try:
            while data:
                data = self._unpack(data)
        except zlib.error as error:
            raise _BodyError(f"the packed body cannot be unpacked: {error}") from None

    def _unpack(self, data: bytes) -> bytes:
        """Unpack one piece of bounded size; return what is left to be unpacked."""
        if self._unpacker is None:  # between two members; padding with zeros is allowed there
            data = data.lstrip(b"\0")
            if not data:
                return b""
            self._unpacker = zlib.decompressobj(wbits=31)
        self._keep(self._unpacker.decompress(data, 65536))
        if self._unpacker.eof:
            rest, self._unpacker = self._unpacker.unused_data, None
            return rest
        return self._unpacker.unconsumed_tail

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise _BodyError(f"the body is larger than {self._limit} bytes")
        if piece:
            self._pieces.append(piece)

    def whole(self) -> bytes:
        """Return the body; raise `_BodyError` where the packed one ends in the middle."""
        if self._packed and self._unpacker is not None and self._received:
            raise _BodyError("the packed body ends before its end")
        return b"".join(self._pieces)


def may_read(location: str, roots: Iterable[Path] | None) -> bool:
    """Whether a location is a packaged seed, or a file below one of the directories wherever its links lead.

    None allows every file. The root of a file system is never one of the directories: all secrets lie below it.
    """
    if roots is None and not location.startswith(SEEDS):
        return True
    allowed = (local_path(SEEDS),) if location.startswith(SEEDS) else roots or ()
    target = local_path(location).resolve()
    found = (root.resolve() for root in allowed)
    return any(root != root.parent and target.is_relative_to(root) for root in found)


def local_path(location: str) -> Path:
    """Return the file a location other than http(s) names."""
    if location.startswith(SEEDS):
        return Path(str(files("seeds") / location.removeprefix(SEEDS)))
    if location.startswith("file://"):
        return Path(unquote(urlsplit(location).path))
    return Path(location)


def _failed(problem: str, status: int | None = None) -> Response:
    return Response(status, b"", "", None, None, None, None, problem)


def _stands_for(response: Response, request: Request) -> bool:
    """Whether a 304 speaks of the bytes it was asked about: it names no other validator than the request did.

    One that does is of a cache or a server that lost its way, so the whole answer is asked for instead. Entity
    tags are compared as RFC 9110 has it for If-None-Match: a weak one is the same as the strong one.
    """
    tags = {tag.removeprefix("W/") for tag in (response.etag, request.etag) if tag}
    instants = {instant for instant in (response.last_modified, request.last_modified) if instant}
    return len(tags) < 2 and len(instants) < 2


def _validator(value: str | None) -> str | None:
    """Return a validator that can be sent back as it came; one that is not ASCII cannot."""
    return value if value and value.isascii() else None


def _kept(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    """Return the headers that are archived: no cookies, and no more than fits a page."""
    found, left = [], _HEADER_CHARACTERS
    for name, value in headers.multi_items():
        left -= len(name) + len(value)
        if left < 0:
            break
        if name not in _KEPT_TO_OURSELVES:
            found.append((name, value))
    return tuple(found)


@lru_cache(maxsize=64)  # what is answered within a second has the same date
def _http_date(value: str | None) -> datetime | None:
    try:
        instant = parsedate_to_datetime(value) if value else None
        if instant is None or instant.tzinfo is not None:
            return instant and instant.astimezone(UTC)
        return instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _age(value: str) -> float:
    """Read Age (RFC 9111 section 5.1) in seconds; ten years at most, and none where it is no such number."""
    return min(float(value[:12]), _OLDEST) if value.isascii() and value.isdigit() else 0.0


def _seconds(value: str | None, date: datetime) -> float | None:
    """Read Retry-After, in seconds or as an instant on the source's clock; a week at most is obeyed."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value[:12]), LONGEST_RETRY_AFTER)
    until = _http_date(value)
    return None if until is None else min(max((until - date).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
