"""The pictures of the documents: pages as `calledit serve` gives them, each cut to what a picture is about.

uv run pytest tests/browser --pictures docs/pictures
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Page

from forecasts.exchange.export import Record
from tests.support.tour import Records, said

WIDTH, TALLEST, MARGIN = 900, 6000, 16
COLOURS = 256
LARGEST = 150_000


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
    """Return the pictures, each found by the key of its claim in the seeds."""
    unconditional, promise = (said(records, key) for key in ("detrani-optimism", "stop-short-range"))
    pak = said(records, "fourth-summit")
    (author,) = [row["author"] for row in records["forecasts"] if row["forecast"] == pak["forecast"]]
    return [
        Shot("author", f"/authors/{author}", ("funnel", "chosen", "numbers"), height=1215),
        Shot("strip", f"/authors/{author}", ("picture",), top=False),
        Shot("withheld", f"/authors/{author}", ("withheld",), top=False),
        Shot("statement", f"/statements/{unconditional['statement']}"),
        Shot("question", f"/questions/{promise['question']}", ("criteria", "forecasts", "steps", "checks")),
        Shot("check", f"/checks/{proposed_at(records, unconditional)}"),
        Shot("leaderboard", "/leaderboard", height=900),
    ]


def proposed_at(records: Records, statement: Record) -> str:
    """Return the check on which the outcome of a statement's question was first proposed."""
    steps = [row for row in records["resolutions"] if row["question"] == statement["question"]]
    return str(next(row["check"] for row in steps if row["check"]))


def take(page: Page, base: str, shot: Shot) -> Image.Image:
    """Return the picture of a page, cut to its content.

    The page is of a context `WIDTH` wide in which a test may add to its style.
    """
    page.goto(base + shot.path)
    page.add_style_tag(content=shot.style)
    found = {name: page.locator(f"section[aria-labelledby='{name}']") for name in shot.sections}
    missing = [name for name, section in found.items() if not section.is_visible()]
    assert not missing, f"{shot.path} has no section {missing}: say in `shots` what {shot.name}.png shows."
    tall = min(shot.height, int(page.evaluate("document.documentElement.scrollHeight")))
    raw = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": tall})
    image = Image.open(io.BytesIO(raw)).convert("RGB")
    ground = Image.new("RGB", image.size, image.getpixel((0, 0)))
    content = ImageChops.difference(image, ground).getbbox()
    assert content is not None, f"{shot.path} is empty."
    return image.crop((0, 0, image.width, min(image.height, content[3] + MARGIN)))


def keep(picture: Image.Image, target: Path) -> None:
    """Write a picture in few colours; fail where it is too large to be kept."""
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(target, optimize=True)
    size = target.stat().st_size
    assert size <= LARGEST, f"{target.name} has {size} bytes: make it shorter than {picture.height} pixels."
