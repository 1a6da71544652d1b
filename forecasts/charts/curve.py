"""The calibration curve of the stated numbers: marks at the means of their groups, the line, and its band."""

import math
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from forecasts.charts import links
from forecasts.charts._drawing import COLOURS, Drawn, Spec, drawn, percent, shares, styled
from forecasts.charts.outcomes import span

if TYPE_CHECKING:
    import altair as alt

    from forecasts.reports import Report

_POINTS, _MARKS, _PHRASES = "points", "marks", "phrases"
_SIDE = 320
#: Areas of the marks, in square pixels.
_SMALLEST, _LARGEST = 30, 600
_NEAR = 0.08


def curve(report: "Report") -> Drawn | None:
    """Return the curve; None where there are too few groups of stated numbers for one."""
    found = report["policies"]["broad"]["curve"]
    if found is None:
        return None
    marks = [mark | {"text": f"{mark['n_yes']} of {mark['n']}"} for mark in found["marks"]]
    most = max(mark["n"] for mark in marks)
    for k, mark in enumerate(marks):
        near = any(_is_crowded(mark, other) for other in found["marks"])
        mark.update(_label(mark, mark["n"] / most, above=None if near else k % 2 == 0))
        mark["link"] = links.of(
            f"Said about {percent(mark['said'])}: {mark['text']} happened",
            claims=links.behind(report),
            basis="stated",
            said=span(mark["from"], mark["to"]),
        )
    phrases = [_phrase(report, row) for row in report["policies"]["broad"]["phrases"]]
    return drawn(
        report, _curve(), {_POINTS: found["points"], _MARKS: marks, _PHRASES: phrases}, _told(report, marks)
    )


def _phrase(report: "Report", row: dict[str, Any]) -> dict[str, Any]:
    """Return a phrase as a mark at what readers take it for."""
    mark = {
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
    return mark | _label(mark, 0, above=True)


def _is_crowded(mark: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether another mark stands so near that the words of the one nearer to the middle go beside it."""
    one, two = float(mark["said"]), float(other["said"])
    return 0 < abs(one - two) < _NEAR and abs(one - 0.5) < abs(two - 0.5)


def _label(mark: dict[str, Any], size: float, *, above: bool | None) -> dict[str, float]:
    """Return where the words of a mark of a size (a share of the largest) stand: over or under it.

    Where there is no room for that inside the picture, or `above` is None, they stand beside it.
    """
    away = (math.sqrt((_SMALLEST + (_LARGEST - _SMALLEST) * size) / math.pi) + 9) / _SIDE
    height = mark["happened"] + (away if above else -away)
    if above is not None and 0 <= height <= 1:
        return {"label_x": mark["said"], "label_y": height}
    aside = away + 14 / _SIDE
    return {"label_x": mark["said"] + (aside if mark["said"] < 0.5 else -aside), "label_y": mark["happened"]}


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
    return [*layers, text.properties(name=f"{name}_text")]
