"""The picture of a report: one strip per forecast, its range and its mark on a scale from 0 to 100 %.

Text takes the colour of the page around it (`currentColor`), so one picture serves light and dark. What
colour says, a shape and a word say too.
"""

import io
from collections import Counter
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt

    from forecasts.reports import Report

    Picture = alt.Chart | alt.LayerChart

OUTCOMES = ("yes", "no", "open", "annulled", "ambiguous")
BASES = {"stated": "stated number", "lexicon": "graded words, as readers take them", "coder": "our reading"}

# Mid-tones of the palette by Okabe and Ito that stand out from white as from near black.
_COLOURS = ("#0b7fc4", "#d1600a", "#7d858c", "#8a8f2a", "#b0679a")
_BAR = "M-1,-0.25L1,-0.25L1,0.25L-1,0.25Z"
_OUTCOME_SHAPES = ("triangle-up", "triangle-down", _BAR, "cross", "wedge")
_BASIS_SHAPES = ("circle", "diamond", "square")
_FADED = "#80808055"
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
    chart = _titled(_curve(curve["points"]), report)
    return _svg(_styled(chart, "transparent"), " ".join([curve["sentence"], *notes(report)]))


def _svg(picture: "Picture", name: str) -> str:
    out = io.StringIO()
    picture.save(out, format="svg")
    return out.getvalue().replace("<svg ", f'<svg role="img" aria-label="{escape(name)}" ', 1)


def strip_png(report: "Report") -> bytes:
    """Return the picture as PNG on white, at twice its size."""
    out = io.BytesIO()
    _chart(report, background="white").save(out, format="png", scale_factor=2)
    return out.getvalue()


def _between(low: float, high: float) -> str:
    return f"at {percent(low)}" if low == high else f"between {percent(low)} and {percent(high)}"


def _chart(report: "Report", *, background: str) -> "Picture":
    rows = strip_rows(report)
    chart = _strips(rows) if rows else _empty(f"No forecast by {report['author']['name']} counts yet.")
    return _styled(_titled(chart, report), background)


def _titled(chart: "Picture", report: "Report") -> "Picture":
    """Put whom it is of above a picture, and the notes on it under that."""
    import altair as alt

    lines = [line for note in notes(report) for line in wrap(note, _NOTE_WIDTH)]
    title = alt.TitleParams(
        text=wrap(report["author"]["name"], _NOTE_WIDTH), subtitle=lines, anchor="start", frame="bounds", offset=12
    )
    titled: Picture = chart.properties(title=title)
    return titled


def _styled(chart: "Picture", background: str) -> "Picture":
    styled: Picture = (
        chart.properties(background=background, padding={"left": 12, "right": 12, "top": 6, "bottom": 6})
        .configure(aria=False)
        .configure_view(stroke=None)
        .configure_title(color="currentColor", subtitleColor="currentColor", fontSize=14, subtitleFontSize=12)
        .configure_axis(labelColor="currentColor", gridColor=_FADED, labelFontSize=12)
        .configure_legend(labelColor="currentColor", titleColor="currentColor", labelFontSize=12, labelLimit=0)
    )
    return styled


def _empty(sentence: str) -> "Picture":
    import altair as alt

    data = alt.InlineData(values=[{"text": "\n".join(wrap(sentence, 60))}])
    text = alt.Chart(data).mark_text(color="currentColor", fontSize=14, lineBreak="\n").encode(text="text:N")
    chart: Picture = text.properties(width=_WIDTH, height=80)
    return chart


def _curve(points: list[dict[str, Any]]) -> "Picture":
    """Lay the band, the diagonal of saying what happens, and the curve over each other."""
    import altair as alt

    title = "what happened, recalibrated"
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(
        values=[0, 0.25, 0.5, 0.75, 1], labelExpr="datum.value * 100 + ' %'", titleColor="currentColor"
    )
    said = alt.X("probability:Q", scale=scale, axis=axis, title="what was said")
    base = alt.Chart(alt.InlineData(values=points))
    diagonal = alt.Chart(alt.InlineData(values=[{"probability": 0, "y": 0}, {"probability": 1, "y": 1}]))
    happened = alt.Y("recalibrated:Q", scale=scale, axis=axis, title=title)
    return alt.LayerChart(
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
    ).properties(width=_WIDTH, height=_WIDTH)


def _strips(rows: list[dict[str, Any]]) -> "Picture":
    """Lay labels, ranges with their marks, and outcomes side by side, one row for each forecast."""
    import altair as alt

    data = alt.InlineData(values=[row | {"label": _label(row)} for row in rows[:MOST_STRIPS]])
    base = alt.Chart(data).encode(y=alt.Y("number:O", axis=None))
    colour = alt.Color("outcome:N", scale=alt.Scale(domain=list(OUTCOMES), range=list(_COLOURS)), legend=None)
    coloured = base.encode(color=colour)
    # The two mark layers use shape for different things: each keeps its own scale.
    chart: Picture = (
        alt.layer(*_labels(base), _ranges(coloured), *_ends(base, coloured))
        .resolve_scale(shape="independent")
        .properties(width=_WIDTH, height=alt.Step(_ROW_HEIGHT))
    )
    return chart


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
