"""The picture of a report: one strip per forecast, its range and its mark on a scale from 0 to 100 %.

Text takes the colour of the page around it (`currentColor`), so one picture serves light and dark. What
colour says, a shape and a word say too.
"""

from collections import Counter
from functools import cache
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt

    from forecasts.reports import Report

    Picture = alt.Chart | alt.LayerChart
    Spec = dict[str, Any]

OUTCOMES = ("yes", "no", "open", "annulled", "ambiguous")
BASES = {"stated": "stated number", "lexicon": "graded words, as readers take them", "coder": "our reading"}

# Mid-tones of the palette by Okabe and Ito that stand out from white as from near black.
_COLOURS = ("#0b7fc4", "#d1600a", "#7d858c", "#8a8f2a", "#b0679a")
_BAR = "M-1,-0.25L1,-0.25L1,0.25L-1,0.25Z"
_OUTCOME_SHAPES = ("triangle-up", "triangle-down", _BAR, "cross", "wedge")
_BASIS_SHAPES = ("circle", "diamond", "square")
_FADED = "#80808055"
_ROWS = "rows"
_LABEL_WIDTH = 50
_NOTE_WIDTH = 80
_LINE_HEIGHT = 14
_ROW_HEIGHT = 36
_WIDTH = 440
#: More strips than this nobody looks at one by one; the table beside the picture has them all.
MOST_STRIPS = 100


def strip_rows(report: "Report") -> list[dict[str, Any]]:
    """Return what the picture shows as a table: the forecasts that count under the broad policy, in order."""
    counted = [
        forecast | {"statement": statement["id"]}
        for statement in report["statements"]
        for forecast in statement["forecasts"]
        if forecast["scores"]["broad"]["counts"]
    ]
    fields = ("statement", "title", "low", "probability", "high", "basis", "outcome")
    return [{"number": n} | {field: row[field] for field in fields} for n, row in enumerate(counted, 1)]


def describe(report: "Report") -> str:
    """Return in words what the picture shows."""
    rows = strip_rows(report)
    name = report["author"]["name"]
    told = " ".join(["", *notes(report)])
    if not rows:
        return f"An empty picture: no forecast by {name} counts yet.{told}"
    marks = {outcome: [row["probability"] for row in rows if row["outcome"] == outcome] for outcome in OUTCOMES}
    came_out = "; ".join(
        f"{len(found)} {outcome}, marked {_between(min(found), max(found))}"
        for outcome, found in marks.items()
        if found
    )
    bases = Counter(row["basis"] for row in rows)
    arose = ", ".join(f"{bases[basis]} {words}" for basis, words in BASES.items() if bases[basis])
    whole = _between(min(row["low"] for row in rows), max(row["high"] for row in rows))
    drawn = f"{len(rows)} {'strip' if len(rows) == 1 else 'strips'}, one for each forecast"
    if len(rows) > MOST_STRIPS:
        drawn = f"{MOST_STRIPS} strips, the first of {len(rows)} forecasts"
    return (
        f"{drawn} by {name} that {'count' if len(rows) > MOST_STRIPS else 'counts'} "
        f"under the broad policy, on a scale from 0 to 100 %. Each has a line over its range, a mark at its "
        f"probability and its outcome at the right. Outcomes: {came_out}. The ranges together lie {whole}. "
        f"How the numbers arose: {arose}.{told}"
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


def strip_svg(report: "Report") -> str:
    """Return the picture as SVG, with its description as accessible name."""
    return _svg(_chart(report, background="transparent"), describe(report))


def curve_svg(report: "Report") -> str | None:
    """Return the calibration curve of the stated numbers with its band as SVG; None where it may not be shown."""
    curve = report["policies"]["broad"]["curve"]
    if curve is None:
        return None
    spec = _filled(_curve(), curve["points"], report, background="transparent")
    return _svg(spec, " ".join([curve["sentence"], *notes(report)]))


def _svg(spec: "Spec", name: str) -> str:
    from vl_convert import vegalite_to_svg

    return vegalite_to_svg(spec).replace("<svg ", f'<svg role="img" aria-label="{escape(name)}" ', 1)


def strip_png(report: "Report") -> bytes:
    """Return the picture as PNG on white, at twice its size."""
    from vl_convert import vegalite_to_png

    return vegalite_to_png(_chart(report, background="white"), scale=2)


def _between(low: float, high: float) -> str:
    return f"at {percent(low)}" if low == high else f"between {percent(low)} and {percent(high)}"


def _chart(report: "Report", *, background: str) -> "Spec":
    rows = [row | {"label": _label(row)} for row in strip_rows(report)[:MOST_STRIPS]]
    if rows:
        return _filled(_strips(), rows, report, background=background)
    sentence = f"No forecast by {report['author']['name']} counts yet."
    return _filled(_empty(), [{"text": "\n".join(wrap(sentence, 60))}], report, background=background)


def _filled(spec: "Spec", rows: list[dict[str, Any]], report: "Report", *, background: str) -> "Spec":
    """Return a picture of these rows: whom it is of stands above it, and the notes on it under that."""
    lines = [line for note in notes(report) for line in wrap(note, _NOTE_WIDTH)]
    title = {"text": wrap(report["author"]["name"], _NOTE_WIDTH), "subtitle": lines}
    return spec | {
        "title": title | {"anchor": "start", "frame": "bounds", "offset": 12},
        "background": background,
        "datasets": {_ROWS: rows},
    }


def _styled(chart: "Picture") -> "Spec":
    """Return the specification of a picture, without its rows: making one costs more than drawing it."""
    spec: Spec = (
        chart.properties(padding={"left": 12, "right": 12, "top": 6, "bottom": 6})
        .configure(aria=False)
        .configure_view(stroke=None)
        .configure_title(color="currentColor", subtitleColor="currentColor", fontSize=14, subtitleFontSize=12)
        .configure_axis(labelColor="currentColor", gridColor=_FADED, labelFontSize=12)
        .configure_legend(labelColor="currentColor", titleColor="currentColor", labelFontSize=12, labelLimit=0)
    ).to_dict()
    return spec


@cache
def _empty() -> "Spec":
    """Put one sentence in the middle."""
    import altair as alt

    text = alt.Chart(alt.NamedData(_ROWS)).mark_text(color="currentColor", fontSize=14, lineBreak="\n")
    return _styled(text.encode(text="text:N").properties(width=_WIDTH, height=80))


@cache
def _curve() -> "Spec":
    """Lay the band, the diagonal of saying what happens, and the curve over each other."""
    import altair as alt

    title = "what happened, recalibrated"
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(
        values=[0, 0.25, 0.5, 0.75, 1], labelExpr="datum.value * 100 + ' %'", titleColor="currentColor"
    )
    said = alt.X("probability:Q", scale=scale, axis=axis, title="what was said")
    base = alt.Chart(alt.NamedData(_ROWS))
    diagonal = alt.Chart(alt.InlineData(values=[{"probability": 0, "y": 0}, {"probability": 1, "y": 1}]))
    happened = alt.Y("recalibrated:Q", scale=scale, axis=axis, title=title)
    chart = alt.LayerChart(
        layer=[
            base.mark_area(opacity=0.25, color=_COLOURS[2]).encode(
                x=said, y=alt.Y("lower:Q", scale=scale, axis=axis, title=title), y2="upper:Q"
            ),
            diagonal.mark_line(strokeDash=[4, 4], color=_COLOURS[2]).encode(
                x=said, y=alt.Y("y:Q", scale=scale, title=title)
            ),
            base.mark_line(color=_COLOURS[0], strokeWidth=2).encode(x=said, y=happened),
            base.mark_point(color=_COLOURS[0], filled=True, opacity=1, size=40).encode(x=said, y=happened),
        ]
    )
    return _styled(chart.properties(width=_WIDTH, height=_WIDTH))


@cache
def _strips() -> "Spec":
    """Lay labels, ranges with their marks, and outcomes side by side, one row for each forecast."""
    import altair as alt

    base = alt.Chart(alt.NamedData(_ROWS)).encode(y=alt.Y("number:O", axis=None))
    colour = alt.Color("outcome:N", scale=alt.Scale(domain=list(OUTCOMES), range=list(_COLOURS)), legend=None)
    coloured = base.encode(color=colour)
    # The two mark layers use shape for different things: each keeps its own scale.
    return _styled(
        alt.layer(*_labels(base), _ranges(coloured), *_ends(base, coloured))
        .resolve_scale(shape="independent")
        .properties(width=_WIDTH, height=alt.Step(_ROW_HEIGHT))
    )


def _labels(base: "alt.Chart") -> "list[alt.Chart]":
    """Return the titles left of the scale; those of two lines move up by half a line to stay centred."""
    import altair as alt

    return [
        base.transform_filter(f"{found}(indexof(datum.label, '\\n') >= 0)")
        .mark_text(align="right", baseline="middle", lineBreak="\n", color="currentColor", fontSize=12, dy=dy)
        .encode(x=alt.value(-14), text="label:N")
        for found, dy in (("!", 0), ("", -_LINE_HEIGHT / 2))
    ]


def _ranges(coloured: "alt.Chart") -> "alt.LayerChart":
    """Return the lines from low to high with the mark at the probability, shaped by how it arose."""
    import altair as alt

    axis = alt.Axis(
        values=[0, 0.25, 0.5, 0.75, 1], labelExpr="datum.value * 100 + ' %'", orient="top", labelFlush=False
    )
    scale = alt.Scale(domain=[0, 1], nice=False)
    legend = alt.Legend(
        title="How the number arose", orient="top", labelExpr=_labels_of(BASES), symbolFillColor=_COLOURS[2]
    )
    shape = alt.Shape("basis:N", scale=alt.Scale(domain=list(BASES), range=list(_BASIS_SHAPES)), legend=legend)
    line = coloured.mark_rule(strokeWidth=3, opacity=0.55)
    mark = coloured.mark_point(filled=True, opacity=1, size=110)
    return alt.LayerChart(
        layer=[
            line.encode(x=alt.X("low:Q", scale=scale, axis=axis, title=None), x2="high:Q"),
            mark.encode(x=alt.X("probability:Q", scale=scale, axis=axis, title=None), shape=shape),
        ]
    )


def _ends(base: "alt.Chart", coloured: "alt.Chart") -> "list[alt.Chart]":
    """Return the outcomes right of the scale, each as a sign and a word."""
    import altair as alt

    shape = alt.Shape(
        "outcome:N", scale=alt.Scale(domain=list(OUTCOMES), range=list(_OUTCOME_SHAPES)), legend=None
    )
    sign = coloured.mark_point(filled=True, opacity=1, size=80)
    word = base.mark_text(align="left", baseline="middle", color="currentColor", fontSize=12)
    return [
        sign.encode(x=alt.value(_WIDTH + 26), shape=shape),
        word.encode(x=alt.value(_WIDTH + 38), text="outcome:N"),
    ]


def _label(row: dict[str, Any]) -> str:
    """Return number and title on at most two lines."""
    return "\n".join(wrap(f"{row['number']}. {row['title']}", _LABEL_WIDTH, max_lines=2, placeholder=" …"))


def _labels_of(words: dict[str, str]) -> str:
    """Return the Vega expression that writes out each code of a legend."""
    pairs = ", ".join(f"'{code}': '{text}'" for code, text in words.items())
    return f"{{{pairs}}}[datum.label]"
