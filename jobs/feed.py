"""A loopback HTTP server that serves event tables as they could be known at a simulated instant.

Of a table only rows whose `known_at` has come are served, of a recording the newest file, with an ETag; a matching
If-None-Match is answered 304, and the Date header is the simulated one. Where a recording has no answer it is 404.
"""

import bisect
import csv
import hashlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any

from forecasts.errors import InvalidInputError
from forecasts.model import Clock
from jobs.recording import Recording

_GZIP = b"\x1f\x8b"  # how a packed file begins, and no text


class _Table:
    """One CSV or JSON table, cut at any instant by the `known_at` of its rows."""

    def __init__(self, path: Path) -> None:
        is_json = path.suffix.lower() == ".json"
        self.content_type = "application/json" if is_json else "text/csv"
        try:
            text = path.read_text(encoding="utf-8-sig")
            self._frame, rows = _read_json(text) if is_json else _read_csv(text)
        except OSError as error:
            raise InvalidInputError(f"{path} cannot be read ({error.strerror}).") from None
        except (csv.Error, ValueError, RecursionError) as error:
            raise InvalidInputError(f"{path} is no {'JSON' if is_json else 'CSV'} table: {error}.") from None
        dated = sorted(((_known_at(row, path), row) for row in rows), key=lambda pair: pair[0])
        self._known = [known_at for known_at, _ in dated]
        self._rows = [row for _, row in dated]
        self.body_of = lru_cache(maxsize=4)(self._body_of)

    def at(self, instant: datetime) -> tuple[bytes, str]:
        """Return the table as of an instant, and its ETag."""
        return self.body_of(bisect.bisect_right(self._known, instant))

    def _body_of(self, count: int) -> tuple[bytes, str]:
        rows = self._rows[:count]
        if self.content_type == "application/json":
            text = json.dumps(rows if isinstance(self._frame, list) else {**self._frame, "rows": rows})
        else:
            out = io.StringIO(newline="")
            writer = csv.DictWriter(out, list(self._frame), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            text = out.getvalue()
        body = text.encode()
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _read_csv(text: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the header and the rows."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = list(reader)
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a row has another number of fields than the header")
    return list(reader.fieldnames or []), rows


def _read_json(text: str) -> tuple[list[str] | dict[str, Any], list[dict[str, Any]]]:
    """Return what stands around the rows (an empty list where nothing does) and the rows."""
    value = json.loads(text)
    frame: list[str] | dict[str, Any] = value if isinstance(value, dict) else []
    rows = value.get("rows") if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it is no list of rows, nor an object with a list under 'rows'")
    return frame, rows


def _known_at(row: dict[str, Any], path: Path) -> datetime:
    try:
        instant = datetime.fromisoformat(row["known_at"])
    except (KeyError, TypeError, ValueError):
        raise InvalidInputError(
            f"{path}: a replay needs a known_at with date, time and zone in each row."
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


class Feed:
    """Serves tables and recordings (directories) by location on a loopback port, as of `clock`.

    Use it as a context manager.
    """

    def __init__(self, tables: Mapping[str, Path], clock: Clock) -> None:
        self._by_location = {at: Recording(path) if path.is_dir() else _Table(path) for at, path in tables.items()}
        self._clock = clock

    def next_file(self, location: str, instant: datetime) -> datetime | None:
        """Return the instant of the first file after an instant in the recording of a location, if it is one."""
        table = self._by_location.get(location)
        return table.next_after(instant) if isinstance(table, Recording) else None

    def __enter__(self) -> dict[str, str]:
        """Start serving; return the address of each location."""
        tables, clock = list(self._by_location.values()), self._clock

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                name = self.path.strip("/")
                table = tables[int(name)] if name.isdigit() and int(name) < len(tables) else None
                known = table.at(clock.now()) if table is not None else None
                if table is None or known is None:
                    self.send_error(404)
                    return
                body, etag = known
                unchanged = self.headers.get("If-None-Match") == etag
                self.send_response_only(304 if unchanged else 200)
                self.send_header("Date", format_datetime(clock.now(), usegmt=True))
                self.send_header("ETag", etag)
                if not unchanged:
                    self.send_header("Content-Type", table.content_type)
                    if body.startswith(_GZIP):
                        self.send_header("Content-Encoding", "gzip")
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if not unchanged:
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it)
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        base = f"http://127.0.0.1:{self._server.server_port}"
        return {location: f"{base}/{number}" for number, location in enumerate(self._by_location)}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
