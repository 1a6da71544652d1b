"""Every page in a real browser: wide and narrow, light and dark, by keyboard, printed, and without scripts."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from playwright.sync_api import Browser

from tests.browser.conftest import Site
from tests.browser.pages import FILES, PAGES, File, Page
from tests.browser.reading import HEIGHT, MODES, Mode, Reader
from tests.support.browser import served
from tests.support.pictures import WIDTH, keep, shots, take

ROOT = Path(__file__).parents[2]
# The first page of each route is read in every way; of the others it is seen how they look.
KINDS = {page.route: page for page in reversed(PAGES)}.values()
OUTERMOST = (MODES[0], MODES[-1])


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[Reader]:
    """The tab in which all pages are opened."""
    context = browser.new_context(locale="en-US", viewport={"width": MODES[0].width, "height": HEIGHT})
    yield Reader(context)
    context.close()


@pytest.fixture(scope="module")
def plain_reader(browser: Browser) -> Iterator[Reader]:
    """A tab in which nothing runs."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": HEIGHT})
    yield Reader(context)
    context.close()


class Album(NamedTuple):
    """Where screenshots are kept, and whether of whole pages or of what is first seen."""

    folder: Path
    whole: bool


@pytest.fixture(scope="module")
def album(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Album:
    """The folder asked for, with whole pages, else one among the temporary folders of pytest."""
    given: Path | None = request.config.getoption("--screenshots", default=None)
    folder = given or tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return Album(folder, whole=given is not None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.route)
def test_a_file_is_what_it_says(file: File, site: Site, reader: Reader) -> None:
    response = reader.page.request.get(getattr(site, file.site) + file.address.format(**site.ids))
    assert (response.status, response.headers["content-type"].partition(";")[0]) == (200, file.kind)
    assert response.body()


def test_every_route_is_a_page_or_a_file_here(site: Site) -> None:
    routes = {route.path for route in site.app(drafts=False).routes if isinstance(route, APIRoute)}
    assert routes == {page.route for page in PAGES if page.status == 200} | {file.route for file in FILES}
    assert len({page.name for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_reads_well(page: Page, site: Site, reader: Reader, plain_reader: Reader, album: Album) -> None:
    url = getattr(site, page.site) + page.address.format(**site.ids)
    if page in KINDS:
        found = [
            *opened(page, url, reader),
            *shown(page, MODES, reader, album),
            *followed(page, url, reader, plain_reader),
        ]
    else:
        found = [*opened(page, url, reader), *shown(page, (MODES[0], MODES[-1]), reader, album)]
    assert found == []


def test_from_a_rank_to_the_archived_bytes_by_keyboard(site: Site, reader: Reader) -> None:
    tab = reader.page
    list(reader.open(f"{site.public}/leaderboard", 200))
    way = ("/authors/{asked}", "/statements/{statement}", "/questions/", "/checks/{check}", "/evidence/{evidence}")
    for address in way:
        wanted = address.format(**site.ids)
        for _ in range(200):
            tab.keyboard.press("Tab")
            if str(tab.evaluate("document.activeElement.getAttribute('href')")).startswith(wanted):
                break
        tab.keyboard.press("Enter")
        tab.wait_for_url(f"**{wanted}*")
    assert "North Korea" in reader.words()


def test_an_earlier_day_is_asked_for_by_keyboard(site: Site, reader: Reader) -> None:
    list(reader.open(f"{site.public}/authors/{site.ids['asked']}", 200))
    reader.page.get_by_label("As it was at the end of").focus()
    reader.page.keyboard.type("06302020")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url("**as_of=2020-06-30*")
    assert "An earlier state" in reader.words()


BROKEN = """<!doctype html><html><head><title> · calledit</title></head><body>
<a href="/" style="outline: none">No skip link</a> <a href="/" tabindex="2">First of all</a>
<h1>One</h1><h1>Two</h1><img src="/missing.png"><svg></svg>
<p style="color: #ccc; background: #fff">Pale</p><div style="width: 3000px">Wide</div>
<div style="overflow: auto; width: 90px" tabindex="0"><p style="width: 900px">Cut</p></div>
<script>document.body.append("Late"); console.error("Oh"); throw new Error("no")</script>
</body></html>"""


def test_a_broken_page_is_complained_of(reader: Reader, plain_reader: Reader, tmp_path: Path) -> None:
    """Each complaint is heard, or the tests above could not fail."""
    app = FastAPI()
    app.get("/broken")(lambda: HTMLResponse(BROKEN))
    page = Page("broken", None, "/broken", says="Nothing of the sort")
    with served(app) as base:
        url = base + page.address
        found = [*opened(page, url, reader), *shown(page, MODES[:1], reader, Album(tmp_path, whole=False))]
        found += followed(page, url, reader, plain_reader)
        found += reader.open(url, 404)
    for complaint in (
        "a script failed: no",
        "the console says: Oh",
        "404 from ",
        "it comes with status 200, not 404",
        "it does not say 'Nothing of the sort'",
        "it does not say its language",
        "it has no title",
        "it has 2 first headings",
        "a picture without words: <img",
        "a picture without words: <svg",
        "it brings a script",
        "360-light: wider than the page: <div",
        "360-light: nothing shows that it scrolls: <div",
        "360-light: critical image-alt",
        "360-light: serious color-contrast",
        "printed, it does not say that it is /broken",
        "printed, it has no date",
        "the first stop is no skip link",
        "the Tab key stops elsewhere than expected",
        "focus cannot be seen on <a",
        "the skip link does not move the focus",
        "without scripts it reads otherwise",
    ):
        assert any(each.startswith(complaint) for each in found), (complaint, found)


def test_the_pictures_of_the_documents(site: Site, browser: Browser, request: pytest.FixtureRequest) -> None:
    """They can be taken, and those in the documents have these names; `--pictures` says where to keep them."""
    context = browser.new_context(bypass_csp=True, viewport={"width": WIDTH, "height": HEIGHT})
    taken = {shot.name: take(context.new_page(), site.public, shot) for shot in shots(site.records)}
    context.close()
    folder: Path | None = request.config.getoption("--pictures", default=None)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in taken.items():
            keep(picture, folder / f"{name}.png")
    assert taken.keys() == {path.stem for path in (ROOT / "docs/pictures").iterdir()}


def opened(page: Page, url: str, reader: Reader) -> Iterator[str]:
    """Open a page, and say what is missing."""
    reader.show(MODES[0])
    yield from reader.open(url, page.status)
    yield from reader.outline()
    if page.says not in reader.words():
        yield f"it does not say {page.says!r}"


def shown(page: Page, modes: Sequence[Mode], reader: Reader, album: Album) -> Iterator[str]:
    """Look at a page in each mode; what does not hang on colours is the same in light and dark."""
    for mode in modes:
        reader.show(mode)
        if mode.scheme == "light":
            yield from (f"{mode}: {wrong}" for wrong in reader.look())
        yield from (f"{mode}: {wrong}" for wrong in reader.contrast())
        if page in KINDS or album.whole:
            reader.keep(album.folder / f"{page.name}-{mode}.png", whole=album.whole)


def followed(page: Page, url: str, reader: Reader, plain: Reader) -> Iterator[str]:
    """Use a page without a mouse, without a screen, and without scripts."""
    words = reader.words()
    if page.status == 200:
        yield from reader.print_out(urlsplit(url).path)
    yield from reader.walk()
    yield from reader.skip()
    yield from plain.open(url, page.status)
    if plain.words() != words:
        yield "without scripts it reads otherwise"
