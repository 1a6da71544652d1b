"""How a page is read: opened wide and narrow, light and dark, followed by keyboard, printed, and without scripts.

Each check gives its complaints as sentences; a page that reads well gives none.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response


class Mode(NamedTuple):
    """A width in pixels and a colour scheme."""

    width: int
    scheme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


MODES = (Mode(360, "light"), Mode(360, "dark"), Mode(1440, "light"), Mode(1440, "dark"))
HEIGHT = 900
GRAVE = ("serious", "critical")
TALLEST = 16_000
PRESSED = 30  # stops that are reached with the key itself
DATE = re.compile(r"\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC")
WITHIN = Path(__file__).with_suffix(".js")


class Reader:
    """A tab that notes what goes wrong while pages are opened in it."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.page.add_init_script(path=WITHIN)
        self._wrong: list[str] = []
        self._asked = ""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self._wrong.append(f"a script failed: {error}"))
        self.page.on("request", self._requested)
        self.page.on("requestfailed", lambda request: self._wrong.append(f"not loaded: {request.url[:200]}"))
        self.page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        refused = message.text.startswith("Failed to load") and message.location["url"] == self._asked
        if message.type in {"error", "warning"} and not refused:
            self._wrong.append(f"the console says: {message.text}")

    def _requested(self, request: Request) -> None:
        if urlsplit(request.url)[:2] != urlsplit(self._asked)[:2] and not request.url.startswith("data:"):
            self._wrong.append(f"asked elsewhere: {request.url[:200]}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.url != self._asked:
            self._wrong.append(f"{response.status} from {response.url[:200]}")

    def _measure(self, name: str, *values: Any) -> Any:
        return self.page.evaluate(f"values => reading.{name}(...values)", values)

    def open(self, url: str, status: int) -> Iterator[str]:
        """Open a page and complain of what was not loaded."""
        self._wrong, self._asked = [], url
        response = self.page.goto(url)
        if response is None or response.status != status:
            yield f"it comes with status {response and response.status}, not {status}"
        yield from self._wrong

    def show(self, mode: Mode) -> None:
        """Show the page at a width, in a colour scheme."""
        if self.page.viewport_size != {"width": mode.width, "height": HEIGHT}:
            self.page.set_viewport_size({"width": mode.width, "height": HEIGHT})
        self.page.emulate_media(color_scheme=mode.scheme)

    def words(self) -> str:
        """Return what there is to read."""
        return self.page.locator("body").inner_text()

    def outline(self) -> Iterator[str]:
        """Complain of a page without a language, a title, one heading, or words for its pictures."""
        has = self._measure("outline")
        if not has["language"]:
            yield "it does not say its language"
        if not has["title"].removesuffix("· calledit").strip():
            yield "it has no title"
        if len(has["headings"]) != 1 or not has["headings"][0].strip():
            yield f"it has {len(has['headings'])} first headings: {has['headings']}"
        for picture in has["wordless"]:
            yield f"a picture without words: {picture}"
        if has["scripts"]:
            yield "it brings a script"

    def look(self) -> Iterator[str]:
        """Complain of what is out of sight and of every grave finding of axe-core, contrast left aside."""
        for element in self._measure("wide"):
            yield f"wider than the page: {element}"
        for element in self._measure("cut"):
            yield f"nothing shows that it scrolls: {element}"
        yield from self._ask_axe("rules")

    def contrast(self) -> Iterator[str]:
        """Complain of text that is hard to tell from its ground."""
        yield from self._ask_axe("contrast")

    def _ask_axe(self, name: str) -> Iterator[str]:
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        for found in self._measure(name):
            if found["impact"] in GRAVE:
                where = "; ".join(node["html"][:120] for node in found["nodes"][:3])
                yield f"{found['impact']} {found['id']}, {len(found['nodes'])} times: {where}"

    def print_out(self, address: str) -> Iterator[str]:
        """Complain of a printed page that does not say where and when it is from."""
        self.page.emulate_media(media="print", color_scheme="light")
        text = self.words()
        self.page.emulate_media(media="screen")
        if address not in text:
            yield f"printed, it does not say that it is {address}"
        if not DATE.search(text):
            yield "printed, it has no date"

    def walk(self) -> Iterator[str]:
        """Follow the page by keyboard, from the skip link to the last control.

        The first `PRESSED` stops are reached with the Tab key itself, the rest of a long page in the same order.
        """
        stops = self._measure("setOut")
        for _ in range(sum(stop["presses"] for stop in stops[:PRESSED])):
            self.page.keyboard.press("Tab")
        steps = self._measure("goOn")
        if not stops or 'href="#main"' not in stops[0]["is"]:
            yield "the first stop is no skip link"
        order = [step["at"] for step in steps]
        if order != list(range(len(stops))):
            missed = [stops[number]["is"] for number in range(len(stops)) if number not in order]
            yield f"the Tab key stops elsewhere than expected; missed {missed[:3]}; order {order[:20]}"
        for step in steps:
            if not step["marked"]:
                yield f"focus cannot be seen on {step['is']}"
            if not step["seen"]:
                yield f"out of sight when in focus: {step['is']}"
        for before, after in itertools.pairwise(steps[1:]):
            (left, top, _, _), (_, _, right, bottom) = before["box"], after["box"]
            if bottom <= top and right <= left:
                yield f"the Tab key goes back from {before['is']} to {after['is']}"

    def skip(self) -> Iterator[str]:
        """Complain of a skip link that does not lead into the content; for after a walk."""
        self._measure("goBack")
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("Tab")
        if not self.page.url.endswith("#main") or not self._measure("within"):
            yield "the skip link does not move the focus into the content"

    def keep(self, file: Path, *, whole: bool) -> None:
        """Save what is first seen of the page as it is shown, or the whole as far as Chromium draws it."""
        if not whole:
            self.page.screenshot(path=file)
            return
        room = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        width, height = room[0], min(room[1], TALLEST)
        self.page.screenshot(path=file, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
