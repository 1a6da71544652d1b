"""One strip for each forecast: its range and its mark on a scale from 0 to 100 %, and how it came out."""

from collections import Counter
from functools import cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from forecasts.charts import links
from forecasts.charts._drawing import (
    BASES,
    BASIS_SHAPES,
    COLOURS,
    OUTCOMES,
    ROWS,
    SHORT_BASES,
    WIDTH,
    Drawn,
    Row,
    Spec,
    between,
    drawn,
    labels_of,
    notes,
    percent,
    shares,
    styled,
)
from forecasts.charts.order import in_order

if TYPE_CHECKING:
    import altair as alt

    from forecasts.reports import Report

_SHOWN = ("scored", "overdue", "open")
_BAR = "M-1,-0.25L1,-0.25L1,0.25L-1,0.25Z"
_OUTCOME_SHAPES = ("triangle-up", "triangle-down", _BAR)
_LABEL_WIDTH = 60
_LINE_HEIGHT = 13
_ROW_HEIGHT = 54
_FIRST = 20
#: More strips than this nobody looks at one by one; the list beside the picture has them all.
MOST_STRIPS = 50


def strip_rows(report: "Report") -> list[dict[str, Any]]:
    """Return what the picture shows as a table: the forecasts that count under the broad policy, in order.

    What is scored stands first, by deadline; what was annulled or is ambiguous came out neither way and is counted
    beside the picture. A report of claims past their deadline shows no others.
    """
    return [
        {"number": claim.number, "statement": claim.statement["id"]}
        | {field: claim.forecast[field] for field in ("title", "low", "probability", "high", "basis", "outcome")}
        | {"brier": claim.forecast["scores"]["broad"]["brier"], "cluster": claim.forecast["cluster"]}
        for claim in in_order(report)
        if claim.forecast is not None and claim.state in _SHOWN and (claim.past or report["deadlines"] == "any")
    ]


def describe(report: "Report") -> str:
    """Return in words what the picture shows."""
    rows = strip_rows(report)
    return " ".join([_told(report, rows), *notes(report)])


def _told(report: "Report", rows: list[Row]) -> str:
    name = report["author"]["name"]
    if not rows:
        return f"An empty picture: {_none(report)}"
    found = {outcome: [row["probability"] for row in rows if row["outcome"] == outcome] for outcome in OUTCOMES}
    came_out = "; ".join(
        f"{len(marks)} {outcome}, marked {between(min(marks), max(marks))}"
        for outcome, marks in found.items()
        if marks
    )
    bases = Counter(row["basis"] for row in rows)
    arose = ", ".join(f"{bases[basis]} {words}" for basis, words in BASES.items() if bases[basis])
    whole = between(min(row["low"] for row in rows), max(row["high"] for row in rows))
    told = f"{len(rows)} {'strip' if len(rows) == 1 else 'strips'}, one for each forecast"
    if len(rows) > MOST_STRIPS:
        told = f"{MOST_STRIPS} strips, the first of {len(rows)} forecasts"
    return (
        f"{told} by {name} that {'count' if len(rows) > MOST_STRIPS else 'counts'} "
        f"under the broad policy, on a scale from 0 to 100 %. Each has a line over its range, a mark at its "
        f"probability and its outcome at the right. Outcomes: {came_out}. The ranges together lie {whole}. "
        f"How the numbers arose: {arose}."
    )


def _none(report: "Report") -> str:
    past = " and is past its deadline" if report["deadlines"] == "past" else ""
    return f"no forecast by {report['author']['name']} counts{past} yet."


def strip(report: "Report") -> Drawn:
    """Return the picture of the forecasts one by one; one sentence where there is none."""
    rows = strip_rows(report)
    told = _told(report, rows)
    if not rows:
        sentence = _none(report).replace("no", "No", 1)
        return drawn(report, _empty(), {ROWS: [{"text": "\n".join(wrap(sentence, 44))}]}, told)
    shown = [_placed(row, k) for k, row in enumerate(rows[:MOST_STRIPS])]
    bases = {row["basis"] for row in shown}
    spec = _strips(tuple(basis for basis in BASES if basis in bases)) | {
        "height": len(shown) * _ROW_HEIGHT + _FIRST
    }
    return drawn(report, spec, {ROWS: shown}, told)


def _placed(row: Row, k: int) -> Row:
    """Return a row with the heights of its label and its line in pixels, and where its mark leads."""
    label = wrap(f"{row['number']}. {row['title']}", _LABEL_WIDTH, max_lines=2, placeholder=" …")
    top = _FIRST + k * _ROW_HEIGHT
    return row | {
        "label": "\n".join(label),
        "top": top + (2 - len(label)) * _LINE_HEIGHT,
        "line": top + 2 * _LINE_HEIGHT + 8,
        "link": links.of(
            f"Claim {row['number']}: {percent(row['probability'])}, {row['outcome']}", claim=row["statement"]
        ),
    }


@cache
def _empty() -> Spec:
    """Put one sentence in the middle."""
    import altair as alt

    text = alt.Chart(alt.NamedData(ROWS)).mark_text(color="currentColor", fontSize=14, lineBreak="\n")
    return styled(text.encode(text="text:N").properties(width=WIDTH, height=60))


@cache
def _strips(bases: tuple[str, ...]) -> Spec:
    """Lay labels over ranges with their marks, and outcomes beside them; the legend has these bases."""
    import altair as alt

    base = alt.Chart(alt.NamedData(ROWS))
    colour = alt.Color("outcome:N", scale=alt.Scale(domain=list(OUTCOMES), range=list(COLOURS)), legend=None)
    line = base.encode(y=alt.Y("line:Q", scale=None, axis=None), color=colour, href="link:N")
    label = base.mark_text(
        align="left", baseline="top", lineBreak="\n", color="currentColor", fontSize=11, lineHeight=_LINE_HEIGHT
    ).encode(x=alt.value(-6), y=alt.Y("top:Q", scale=None, axis=None), text="label:N", href="link:N")
    # The two mark layers use shape for different things: each keeps its own scale.
    return styled(
        alt.layer(label, _ranges(line, bases), *_ends(line))
        .resolve_scale(shape="independent")
        .properties(width=WIDTH)
    )


def _ranges(line: "alt.Chart", bases: tuple[str, ...]) -> "alt.LayerChart":
    """Return the lines from low to high with the mark at the probability, shaped by how it arose."""
    import altair as alt

    axis = shares(orient="top")
    whole = alt.Scale(domain=[0, 1], nice=False)
    legend = alt.Legend(
        title=None, orient="top", labelExpr=labels_of(SHORT_BASES), symbolFillColor=COLOURS[2], columns=3
    )
    shapes = [BASIS_SHAPES[list(BASES).index(basis)] for basis in bases]
    shape = alt.Shape("basis:N", scale=alt.Scale(domain=list(bases), range=shapes), legend=legend)
    return alt.LayerChart(
        layer=[
            line.mark_rule(strokeWidth=3, opacity=0.55).encode(
                x=alt.X("low:Q", scale=whole, axis=axis, title=None), x2="high:Q"
            ),
            line.mark_point(filled=True, opacity=1, size=110).encode(
                x=alt.X("probability:Q", scale=whole, axis=axis, title=None), shape=shape
            ),
        ]
    )


def _ends(line: "alt.Chart") -> "list[alt.Chart]":
    """Return the outcomes right of the scale, each as a sign and a word."""
    import altair as alt

    shape = alt.Shape(
        "outcome:N", scale=alt.Scale(domain=list(OUTCOMES), range=list(_OUTCOME_SHAPES)), legend=None
    )
    word = line.mark_text(align="left", baseline="middle", fontSize=12)
    return [
        line.mark_point(filled=True, opacity=1, size=70).encode(x=alt.value(WIDTH + 16), shape=shape),
        word.encode(x=alt.value(WIDTH + 24), text="outcome:N", color=alt.value("currentColor")),
    ]
