"""The mean Brier score after each group, in the order in which groups fell due."""

from functools import cache
from typing import TYPE_CHECKING

from forecasts.charts import links
from forecasts.charts._drawing import COLOURS, ROWS, Drawn, Spec, brier_axis, drawn, styled
from forecasts.sentences import score

if TYPE_CHECKING:
    from forecasts.reports import Report

#: Beyond this many groups their own marks are left out, and the line is drawn alone.
MOST_DOTS = 60


def progress(report: "Report") -> Drawn | None:
    """Return the line; None where there are too few groups for it."""
    points = report["over_time"]
    if points is None:
        return None
    dots = points if len(points) <= MOST_DOTS else []
    rows = {
        ROWS: [{"n": point["n"], "mean": point["mean"]} for point in points if point["mean"] is not None],
        "dots": [
            {
                "n": point["n"],
                "brier": point["brier"],
                "link": links.of(
                    f"Group {point['n']}: {score(point['brier'])}",
                    claims=links.behind(report),
                    group=point["cluster"],
                ),
            }
            for point in dots
        ],
    }
    return drawn(report, _progress(), rows, told(report))


def told(report: "Report") -> str:
    """Return in words what the line shows."""
    means = [point["mean"] for point in report["over_time"] if point["mean"] is not None]
    first = len(report["over_time"]) - len(means) + 1
    return (
        f"The mean Brier score over groups, in the order of their deadlines, on the scale from 0 to 1: "
        f"{score(means[0])} after {first} groups, {score(means[-1])} after {len(report['over_time'])}; "
        f"between them lowest {score(min(means))}, highest {score(max(means))}."
    )


@cache
def _progress() -> Spec:
    """Lay the groups' own scores, the line of their mean, and 0.25 over each other."""
    import altair as alt

    y = alt.Scale(domain=[0, 1], nice=False)
    axis = brier_axis()
    n = alt.X(
        "n:Q",
        scale=alt.Scale(nice=False, domainMin=0),
        title="groups, in the order of their deadlines",
        axis=alt.Axis(tickMinStep=1, grid=False, format="d"),
    )
    title = "Brier score (lower is better)"
    half = alt.Chart(alt.InlineData(values=[{"mean": 0.25, "text": "always 50 %"}]))
    at_half = alt.Y("mean:Q", scale=y, axis=axis, title=title)
    return styled(
        alt.layer(
            half.mark_rule(strokeDash=[4, 4], color=COLOURS[2]).encode(y=at_half),
            half.mark_text(align="right", baseline="bottom", dy=-3, fontSize=11, color="currentColor").encode(
                x=alt.value("width"), y=at_half, text="text:N"
            ),
            alt.Chart(alt.NamedData("dots"))
            .mark_point(filled=True, opacity=0.45, size=36, color=COLOURS[2])
            .encode(x=n, y=alt.Y("brier:Q", scale=y, axis=axis, title=title), href="link:N"),
            alt.Chart(alt.NamedData(ROWS)).mark_line(color=COLOURS[0], strokeWidth=2.5).encode(x=n, y=at_half),
        ).properties(width=320, height=200)
    )
