"""The calibration curve of the stated numbers: marks at the means of their groups, the line, and its band."""

import math
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from forecasts.charts import links
from forecasts.charts._drawing import COLOURS, Drawn, Spec, drawn, percent, shares, styled
from forecasts.charts.labels import Box, Mark, place
from forecasts.charts.outcomes import span

if TYPE_CHECKING:
    import altair as alt

    from forecasts.reports import Report

_POINTS, _MARKS, _PHRASES = "points", "marks", "phrases"
_SIDE = 320
#: Areas of the marks, in square pixels.
_SMALLEST, _LARGEST = 30, 600


def curve(report: "Report") -> Drawn | None:
    """Return the curve; None where there are too few groups of stated numbers for one."""
    found = report["policies"]["broad"]["curve"]
    if found is None:
        return None
    marks = [_mark(report, mark) for mark in found["marks"]]
    phrases = [_phrase(report, row) for row in report["policies"]["broad"]["phrases"]]
    _label([*marks, *phrases])
    return drawn(
        report, _curve(), {_POINTS: found["points"], _MARKS: marks, _PHRASES: phrases}, _told(report, marks)
    )


def _mark(report: "Report", row: dict[str, Any]) -> dict[str, Any]:
    """Return stated numbers as a mark at the mean of what was said."""
    text = f"{row['n_yes']} of {row['n']}"
    link = links.of(
        f"Said about {percent(row['said'])}: {text} happened",
        claims=links.behind(report),
        basis="stated",
        said=span(row["from"], row["to"]),
    )
    return row | {"text": text, "link": link}


def _phrase(report: "Report", row: dict[str, Any]) -> dict[str, Any]:
    """Return a phrase as a mark at what readers take it for."""
    return {
        "said": row["probability"],
        "low": row["low"],
        "high": row["high"],
        "happened": row["share"],
        "n": row["n"],
        "text": f"“{row['phrase']}” {row['happened']} of {row['n']}",
        "link": links.of(
            f"{row['phrase']}: {row['happened']} of {row['n']}", claims=links.behind(report), phrase=row["phrase"]
        ),
    }


def _label(rows: list[dict[str, Any]]) -> None:
    """Say of each mark where its words stand: those of stated numbers, which a page shows first, choose first."""
    most = max(row["n"] for row in rows)
    marks = []
    for row in rows:
        area = _SMALLEST + (_LARGEST - _SMALLEST) * row["n"] / most
        marks.append(Mark(row["said"] * _SIDE, row["happened"] * _SIDE, math.sqrt(area / math.pi), row["text"]))
    corners = [Box.around(x * _SIDE, y * _SIDE, 160, 26) for x, y in ((0.27, 0.97), (0.73, 0.08))]
    for row, mark, label in zip(rows, marks, place(marks, _SIDE, corners), strict=True):
        row |= {"label_x": label.x / _SIDE, "label_y": label.y / _SIDE}
        if (end := label.lead(mark)) is not None:
            row |= {"lead_x": end[0] / _SIDE, "lead_y": end[1] / _SIDE}


def _told(report: "Report", marks: list[dict[str, Any]]) -> str:
    name, sentence = report["author"]["name"], report["policies"]["broad"]["curve"]["sentence"]
    said = "; ".join(f"said {percent(round(mark['said'], 3))}, happened {mark['text']}" for mark in marks)
    return f"Calibration curve of the numbers {name} stated, both axes from 0 to 100 %. {said}. {sentence}"


@cache
def _curve() -> Spec:
    """Lay the band, the diagonal, the line and the marks over each other, with words as marks of their own."""
    import altair as alt

    x = alt.Scale(domain=[0, 1], nice=False)
    title = "what happened"
    said = alt.X("said:Q", scale=x, axis=shares(), title="what was said")
    at_level = alt.X("probability:Q", scale=x, axis=shares(), title="what was said")
    points = alt.Chart(alt.NamedData(_POINTS))
    ends = alt.InlineData(values=[{"said": 0, "y": 0}, {"said": 1, "y": 1}])
    layers = [
        points.mark_area(opacity=0.25, color=COLOURS[2]).encode(
            x=at_level, y=alt.Y("lower:Q", scale=x, axis=shares(), title=title), y2="upper:Q"
        ),
        alt.Chart(ends)
        .mark_line(strokeDash=[4, 4], color=COLOURS[2])
        .encode(x=said, y=alt.Y("y:Q", scale=x, title=title)),
        points.mark_line(color=COLOURS[0], strokeWidth=1.5, opacity=0.7).encode(
            x=at_level, y=alt.Y("recalibrated:Q", scale=x, title=title)
        ),
        *_corners(said),
        *_marks(alt.Chart(alt.NamedData(_PHRASES)), said, "lexicon", "diamond", COLOURS[1]),
        *_marks(alt.Chart(alt.NamedData(_MARKS)), said, "stated", "circle", COLOURS[0]),
    ]
    return styled(alt.layer(*layers).properties(width=_SIDE, height=_SIDE))


def _corners(said: "alt.X") -> "list[alt.Chart]":
    """Return what lies on either side of the diagonal, in the corners that hold no curve."""
    import altair as alt

    sides: tuple[tuple[float, float, Literal["left", "right"], str], ...] = (
        (0.02, 0.97, "left", "above the diagonal:\nmore happened than was said"),
        (0.98, 0.08, "right", "below it:\nless happened than was said"),
    )
    return [
        alt.Chart(alt.InlineData(values=[{"said": x, "y": y, "text": text}]))
        .mark_text(align=align, baseline="middle", lineBreak="\n", fontSize=10, color="currentColor", opacity=0.75)
        .encode(x=said, y=alt.Y("y:Q", scale=alt.Scale(domain=[0, 1], nice=False)), text="text:N")
        for x, y, align, text in sides
    ]


def _marks(base: "alt.Chart", said: "alt.X", name: str, shape: str, colour: str) -> "list[alt.Chart]":
    """Return marks of an area in line with their number, and the words beside each: how many of how many."""
    import altair as alt

    x = alt.Scale(domain=[0, 1], nice=False)
    base = base.encode(y=alt.Y("happened:Q", scale=x, title="what happened"), href="link:N")
    size = alt.Size(
        "n:Q", scale=alt.Scale(type="linear", domainMin=0, rangeMin=_SMALLEST, rangeMax=_LARGEST), legend=None
    )
    mark = base.mark_point(filled=True, opacity=0.85, shape=shape, color=colour).encode(x=said, size=size)
    layers = [mark.properties(name=name)]
    if name == "lexicon":
        span_ = base.mark_rule(color=colour, opacity=0.5, strokeWidth=2)
        layers.insert(
            0, span_.encode(x=alt.X("low:Q", scale=x, axis=shares()), x2="high:Q").properties(name="lexicon_range")
        )
    text = base.mark_text(baseline="middle", fontSize=11, color="currentColor").encode(
        x=alt.X("label_x:Q", scale=x, axis=shares()), y=alt.Y("label_y:Q", scale=x), text="text:N"
    )
    lead = base.transform_filter("isValid(datum.lead_x)").mark_rule(color="currentColor", opacity=0.5)
    lead = lead.encode(x=said, x2="lead_x:Q", y2="lead_y:Q")
    return [lead.properties(name=f"{name}_lead"), *layers, text.properties(name=f"{name}_text")]
