"""The one number on its whole scale, beside what knows nothing and beside the base rate."""

from functools import cache
from typing import TYPE_CHECKING

from forecasts.charts import links
from forecasts.charts._drawing import COLOURS, FADED, ROWS, WIDTH, Drawn, Row, Spec, brier_axis, drawn, styled
from forecasts.sentences import score

if TYPE_CHECKING:
    from forecasts.reports import Report

_WHO = ("these claims", "always 50 %", "the base rate")
_SHAPES = ("circle", "square", "diamond")
_HEIGHT = 96


def scale(report: "Report") -> Drawn | None:
    """Return the mean Brier score with its interval above two others; None where nothing is scored."""
    numbers = report["headline"]
    if not numbers["scored"]:
        return None
    scores = (numbers["brier"], numbers["always_half"], numbers["base_rate_brier"])
    rows: list[Row] = [
        {
            "who": who,
            "brier": value,
            "label": f"{who} {score(value)}",
            "y": 14 + 30 * k,
            "low": value,
            "high": value,
        }
        for k, (who, value) in enumerate(zip(_WHO, scores, strict=True))
    ]
    if numbers["interval"]:
        low, high = rows[0]["low"], rows[0]["high"] = numbers["interval"]
        rows[0]["label"] += f" ({score(low)} to {score(high)})"
    for row in rows:
        # The words stand where there is room for them: right of the mark on the left half of the scale.
        row["right"] = row["high"] <= 0.5
        row["edge"] = row["high"] if row["right"] else row["low"]
        row["link"] = links.of(f"The claims behind {row['label']}", claims=links.behind(report))
    return drawn(report, _scale(), {ROWS: rows}, _told(report))


def _told(report: "Report") -> str:
    numbers = report["headline"]
    interval = "without an interval"
    if numbers["interval"]:
        interval = f"95 % interval {score(numbers['interval'][0])} to {score(numbers['interval'][1])}"
    return (
        f"Brier scores on a scale from 0, best, to 1, worst: these claims {score(numbers['brier'])}, {interval}; "
        f"always saying 50 % {score(numbers['always_half'])}; always saying the base rate "
        f"{score(numbers['base_rate_brier'])}."
    )


@cache
def _scale() -> Spec:
    """Put three marks under each other, the first with its interval, each with its words beside it."""
    import altair as alt

    axis = brier_axis(title="← better   ·   Brier score   ·   worse →")
    x = alt.Scale(domain=[0, 1], nice=False)
    base = alt.Chart(alt.NamedData(ROWS)).encode(y=alt.Y("y:Q", scale=None, axis=None), href="link:N")
    colour = alt.Color(
        "who:N", scale=alt.Scale(domain=list(_WHO), range=[COLOURS[0], COLOURS[2], COLOURS[2]]), legend=None
    )
    shape = alt.Shape("who:N", scale=alt.Scale(domain=list(_WHO), range=list(_SHAPES)), legend=None)
    half = alt.Chart(alt.InlineData(values=[{"brier": 0.25}])).mark_rule(strokeDash=[4, 4], color=FADED)
    text = base.encode(x=alt.X("edge:Q", scale=x), text="label:N")
    words = [
        text.transform_filter("datum.right").mark_text(
            align="left", baseline="middle", dx=11, fontSize=12, color="currentColor"
        ),
        text.transform_filter("!datum.right").mark_text(
            align="right", baseline="middle", dx=-11, fontSize=12, color="currentColor"
        ),
    ]
    return styled(
        alt.layer(
            half.encode(x=alt.X("brier:Q", scale=x, axis=axis)),
            base.mark_rule(strokeWidth=4, opacity=0.5).encode(
                x=alt.X("low:Q", scale=x, axis=axis), x2="high:Q", color=colour
            ),
            base.mark_point(filled=True, opacity=1, size=110).encode(
                x=alt.X("brier:Q", scale=x, axis=axis), shape=shape, color=colour
            ),
            *words,
        ).properties(width=WIDTH + 50, height=_HEIGHT)
    )
