"""What all pictures share: their colours, their frame, and how a specification becomes SVG or PNG."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from forecasts.charts.links import without

if TYPE_CHECKING:
    import altair as alt

    from forecasts.reports import Report

Spec = dict[str, Any]
Row = dict[str, Any]

OUTCOMES = ("yes", "no", "open")
BASES = {"stated": "stated number", "lexicon": "graded words, as readers take them", "coder": "our reading"}
#: The same in the legend of a narrow picture.
SHORT_BASES = {"stated": "stated number", "lexicon": "graded words", "coder": "our reading"}
ONE_WORD = {"stated": "numbers", "lexicon": "words", "coder": "our readings"}
BASIS_SHAPES = ("circle", "diamond", "square")
# Mid-tones of the palette by Okabe and Ito that stand out from white as from near black.
COLOURS = ("#0b7fc4", "#d1600a", "#7d858c")
FADED = "#80808055"
ROWS = "rows"
#: Wide enough to be read, narrow enough for a telephone held upright: a page stretches it.
WIDTH = 300
_NOTE_WIDTH = 58
# Vega calls each layer of marks a symbol, without a name: a picture has one name, and its links have theirs.
_ROLES = r' role="graphics-\w+"| aria-roledescription="[^"]*"'
# What goes without saying, the font that texts have in common, and classes that say what an element is.
_USUAL = r' (?:opacity="1"|stroke-width="1"|text-anchor="start"|pointer-events="none"|font-weight="normal")'
_FONT = r' font-(?:family="sans-serif"|size="12px")'
_CLASSES = r' class="(?:mark-\w+ role-[\w-]+ ?)?"|(?<= class=")mark-\w+ role-[\w-]+ '
_NOISE = re.compile(f"{_ROLES}|{_USUAL}|{_FONT}|{_CLASSES}")
_LINE_OF_NONE = re.compile(r'^(?!.* stroke=")(.*) stroke-width="[^"]*"')
_UNSEEN = re.compile(r'<path [^>]*d="(?:M0,0h0v0h0Z)?"[^>]*/>')
_PLACE = re.compile(r' (?:transform|d|[xy]2?|width|height)="[^"]*"')
_FINE = re.compile(r"\d+\.\d{2,}")
_TAG = re.compile("<[^>]*>")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture: its specification, what it shows in words, whom it is of, and what no picture leaves without."""

    spec: Spec
    told: str
    name: str
    notes: tuple[str, ...]


def drawn(report: "Report", spec: Spec, rows: Mapping[str, list[Row]], told: str) -> Drawn:
    """Return a specification filled with its rows, of the author of a report."""
    said = tuple(notes(report))
    return Drawn(
        spec | {"datasets": {**spec.get("datasets", {}), **rows}},
        " ".join([told, *said]),
        report["author"]["name"],
        said,
    )


def notes(report: "Report") -> list[str]:
    """Return the sentences without which no picture leaves: where the record stands, and that it was replayed."""
    return [*report["publication"]["notes"], *([report["replay"]] if report["replay"] else [])]


def percent(share: float) -> str:
    """Return a share of one in per cent, exactly, so that nothing becomes 0 or 100 by rounding.

    >>> percent(0.75), percent(0.999999)
    ('75\\xa0%', '99.9999\\xa0%')
    """
    return f"{share * 100:.6g}\N{NO-BREAK SPACE}%"


def to_svg(picture: Drawn, *, alone: bool = True) -> str:
    """Return a picture as SVG, with what it shows as its accessible name.

    One that leaves `alone` says above whom it is of and where the record stands, and leads nowhere; one inside a
    page leaves that to the page, and `links.lead` says where its marks lead.
    """
    from vl_convert import vegalite_to_svg

    name = escape(picture.told)
    if alone:
        svg, role = without(_light(vegalite_to_svg(_alone(picture, "transparent")))), "img"
    else:
        svg, role = _light(vegalite_to_svg(picture.spec | {"background": "transparent"})), "group"
    head = f'<svg role="{role}" aria-label="{name}" font-family="sans-serif" font-size="12px" '
    return svg.replace("<svg ", head, 1)


def _light(svg: str) -> str:
    """Return a picture that looks the same without what says nothing, and with places to a tenth of a pixel.

    Only tags are touched: what a picture says in words and numbers stays as it is.
    """

    def tag(found: re.Match[str]) -> str:
        told = _LINE_OF_NONE.sub(r"\1", _NOISE.sub("", found[0]))
        return _PLACE.sub(lambda place: _FINE.sub(_tenths, place[0]), told)

    return _TAG.sub(tag, _UNSEEN.sub("", svg))


def _tenths(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")


def to_png(picture: Drawn) -> bytes:
    """Return a picture that leaves alone as PNG on white, at twice its size."""
    from vl_convert import vegalite_to_png

    return vegalite_to_png(_alone(picture, "white"), scale=2)


def _alone(picture: Drawn, background: str) -> Spec:
    lines = [line for note in picture.notes for line in wrap(note, _NOTE_WIDTH)]
    title = {"text": wrap(picture.name, _NOTE_WIDTH), "subtitle": lines}
    return picture.spec | {
        "title": title | {"anchor": "start", "frame": "bounds", "offset": 12},
        "background": background,
    }


def styled(chart: "alt.Chart | alt.LayerChart | alt.FacetChart") -> Spec:
    """Return the specification of a picture without its rows: making one costs more than drawing it."""
    spec: Spec = (
        chart.properties(padding={"left": 8, "right": 8, "top": 6, "bottom": 6})
        .configure(aria=False)
        .configure_view(stroke=None)
        .configure_title(color="currentColor", subtitleColor="currentColor", fontSize=14, subtitleFontSize=12)
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            gridColor=FADED,
            domainColor=FADED,
            tickColor=FADED,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(labelColor="currentColor", titleColor="currentColor", labelFontSize=12, labelLimit=0)
    ).to_dict()
    return spec


def shares(**more: Any) -> "alt.Axis":
    """Return an axis from 0 to 100 %, whole."""
    import altair as alt

    return alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labelExpr="datum.value * 100 + ' %'", labelFlush=False, **more)


def brier_axis(**more: Any) -> "alt.Axis":
    """Return an axis over the whole scale of Brier scores."""
    import altair as alt

    return alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".2f", labelFlush=False, **more)


def labels_of(words: Mapping[str, str]) -> str:
    """Return the Vega expression that writes out each code of a legend."""
    pairs = ", ".join(f"'{code}': '{text}'" for code, text in words.items())
    return f"{{{pairs}}}[datum.label]"


def between(low: float, high: float) -> str:
    """Return in words where numbers lie."""
    return f"at {percent(low)}" if low == high else f"between {percent(low)} and {percent(high)}"
