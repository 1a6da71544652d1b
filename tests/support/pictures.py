"""The pictures of docs/tour.md: pages of a demo's registry, taken with a headless Chromium.

uv run calledit demo
uv run python -m tests.support.pictures [--database URL] [--folder docs/pictures]

The pages are those that `calledit serve` gives, with their style written into them and what a picture leaves out
hidden. Each is cut to what stands on it and reduced to a palette.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image, ImageChops

from forecasts.errors import CalleditError
from forecasts.exchange.export import Record
from forecasts.store import Store
from forecasts.web.app import create_app
from jobs.clocks import SystemClock
from tests.support.tour import Records, read, said

ROOT = Path(__file__).parents[2]
WIDTH, TALLEST, MARGIN = 900, 6000, 16
COLOURS = 256
LARGEST = 150_000
PATIENCE = 120  # seconds for one picture
HEADLESS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-lcd-text", "--hide-scrollbars")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LINKED = '<link rel="stylesheet" href="/style.css">'


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its name, the page, the sections it keeps (all, if none is named), and how tall it may be.

    Without its top it keeps of what stands above the sections only the notes on how the record came about.
    """

    name: str
    path: str
    sections: Sequence[str] = ()
    top: bool = True
    height: int = TALLEST

    @property
    def style(self) -> str:
        """Return the style that hides the rest: the foot of the page, other sections, perhaps its top."""
        hidden = "footer { display: none }"
        if not self.top:
            hidden += " body > header, main > :not(section, .note) { display: none }"
        if self.sections:
            kept = ", ".join(f"[aria-labelledby='{section}']" for section in self.sections)
            hidden += f" main > section:not({kept}) {{ display: none }}"
        return hidden


def shots(records: Records) -> list[Shot]:
    """Return the pictures of the tour, each found by the key of its claim in the seeds."""
    unconditional, promise = (said(records, key) for key in ("detrani-optimism", "stop-short-range"))
    pak = said(records, "fourth-summit")
    (author,) = [row["author"] for row in records["forecasts"] if row["forecast"] == pak["forecast"]]
    return [
        Shot("author", f"/authors/{author}", ("funnel", "chosen"), height=1100),
        Shot("strip", f"/authors/{author}", ("picture",), top=False),
        Shot("withheld", f"/authors/{author}", ("withheld",), top=False),
        Shot("statement", f"/statements/{unconditional['statement']}"),
        Shot("question", f"/questions/{promise['question']}", ("criteria", "forecasts", "steps", "verdicts")),
        Shot("check", f"/checks/{_proposed_at(records, unconditional)}"),
        Shot("leaderboard", "/leaderboard", height=900),
    ]


def _proposed_at(records: Records, statement: Record) -> str:
    """Return the check on which the outcome of a statement's question was first proposed."""
    steps = [row for row in records["resolutions"] if row["question"] == statement["question"]]
    return str(next(row["check"] for row in steps if row["check"]))


async def pages(store: Store, taken: Sequence[Shot]) -> list[str]:
    """Return the page of each shot as one document that needs no server."""
    transport = httpx.ASGITransport(create_app(store))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        sheet = (await client.get("/style.css")).raise_for_status().text
        found = []
        for shot in taken:
            page = (await client.get(shot.path)).raise_for_status().text
            if LINKED not in page:
                raise SystemExit(f"The page {shot.path} does not link its style as {LINKED}: say how in LINKED.")
            found.append(page.replace(LINKED, f"<style>{sheet}\n{shot.style}</style>"))
    return found


def take(browser: str, page: str, shot: Shot, folder: Path) -> Path:
    """Take the picture of a page, cut to its content, and return its file."""
    target = folder / f"{shot.name}.png"
    with tempfile.TemporaryDirectory() as scratch:
        source, raw = Path(scratch) / "page.html", Path(scratch) / "raw.png"
        source.write_text(page, encoding="utf-8")
        command = [browser, *HEADLESS, f"--user-data-dir={scratch}/profile"]
        command += [f"--window-size={WIDTH},{shot.height}", f"--screenshot={raw}", source.as_uri()]
        try:
            ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{browser} took more than {PATIENCE} s for {shot.path}; try again.") from None
        if not raw.exists():
            raise SystemExit(f"{browser} took no picture of {shot.path}: {ran.stderr.strip()[-300:]}")
        image = Image.open(raw).convert("RGB")
    ground = Image.new("RGB", image.size, image.getpixel((0, 0)))
    content = ImageChops.difference(image, ground).getbbox()
    bottom = min(image.height, content[3] + MARGIN) if content else image.height
    cut = image.crop((0, 0, image.width, bottom))
    cut.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(target, optimize=True)
    if target.stat().st_size > LARGEST:
        raise SystemExit(f"{target.name} has {target.stat().st_size} bytes: make it shorter than {bottom} pixels.")
    return target


def main() -> None:
    """Take every picture of the tour from a demo's registry."""
    options = argparse.ArgumentParser(description="Take the pictures of docs/tour.md from a demo's registry.")
    options.add_argument("--database", default="sqlite:///calledit-demo/calledit.db")
    options.add_argument("--folder", type=Path, default=ROOT / "docs/pictures")
    given = options.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("Chromium takes the pictures, and none was found. On Debian: apt-get install chromium")
    given.folder.mkdir(parents=True, exist_ok=True)
    store = Store(given.database, SystemClock())
    try:
        taken = shots(read(store))
        made = asyncio.run(pages(store, taken))
    except CalleditError as error:
        sys.exit(str(error))
    finally:
        store.close()
    for shot, page in zip(taken, made, strict=True):
        target = take(browser, page, shot, given.folder)
        print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
