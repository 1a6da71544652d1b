"""Every page in a real browser: wide and narrow, light and dark, by keyboard, printed, and without scripts."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser

from tests.browser.conftest import Site
from tests.browser.pages import FILES, PAGES, Page
from tests.browser.reading import HEIGHT, MODES, Mode, Reader

ROOT = Path(__file__).parents[2]
# The first page of each route is read in every way; of the others it is seen how they look.
KINDS = {page.route: page for page in reversed(PAGES)}.values()
OUTERMOST = (MODES[0], MODES[-1])


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[Reader]:
    """The tab in which all pages are opened."""
    context = browser.new_context(viewport={"width": MODES[0].width, "height": HEIGHT})
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


def test_every_route_is_a_page_or_a_file_here(site: Site) -> None:
    routes = {route.path for route in site.app(drafts=False).routes if isinstance(route, APIRoute)}
    assert routes == {page.route for page in PAGES if page.status == 200} | set(FILES)
    assert len({page.name for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_reads_well(page: Page, site: Site, reader: Reader, plain_reader: Reader, album: Album) -> None:
    url = (site.drafts if page.drafts else site.public) + page.address.format(**site.ids)
    if page in KINDS:
        found = [
            *opened(page, url, reader),
            *shown(page, MODES, reader, album),
            *followed(page, url, reader, plain_reader),
        ]
    else:
        found = [*opened(page, url, reader), *shown(page, (MODES[0], MODES[-1]), reader, album)]
    assert found == []


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
