"""A real browser for tests: where it is found, and a site served to it over a real socket."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-lcd-text",
)
MISSING = "no Chromium is found: apt-get install chromium, or uv run playwright install chromium"


def found(playwright: Playwright) -> str | None:
    """Return the path of a Chromium: the system's, else the one that playwright installed, else None."""
    installed = next(filter(None, map(shutil.which, BROWSERS)), None)
    own = playwright.chromium.executable_path
    return installed or (own if Path(own).exists() else None)


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start a Chromium that asks for nothing but the pages it is shown."""
    return playwright.chromium.launch(executable_path=executable, args=list(QUIET))


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve a site from a thread on a free port while it lasts; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
