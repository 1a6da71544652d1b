"""Two strips: what was said of that which happened, and of that which did not. Apart is good: discrimination."""

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from forecasts.charts import links
from forecasts.charts._drawing import (
    BASES,
    BASIS_SHAPES,
    COLOURS,
    ONE_WORD,
    ROWS,
    WIDTH,
    Drawn,
    Spec,
    drawn,
    percent,
    shares,
    styled,
)
from forecasts.charts.labels import lanes

if TYPE_CHECKING:
    from forecasts.reports import Report

#: More marks than this are put together in wider steps, in parts per million: five per cent, then ten.
MOST_MARKS = 60
_STEPS = (50_000, 100_000)
_PPM = 1_000_000
#: Pixels: the head of a strip, the room of the marks of one basis, and of a line of numbers over or under them.
_HEAD, _MARKS, _LINE = 24, 20, 11
_WIDTH, _FONT = WIDTH + 50, 10
WORDS = {"yes": "happened", "no": "did not happen"}


def outcome_rows(report: "Report") -> list[dict[str, Any]]:
    """Return the scored claims by outcome, by how their number arose and by what was said, as a table.

    `said` is the mean of those put together, `from` and `to` bound them (`to` is left out unless it is `from`).
    """
    rows = report["policies"]["broad"]["rows"]
    step, found = 0, _together(rows, 0)
    for wider in _STEPS:
        if len(found) > MOST_MARKS:
            step, found = wider, _together(rows, wider)
    bases = list(BASES)
    return [
        {
            "outcome": outcome,
            "basis": basis,
            "from": place / _PPM,
            "to": (place + step) / _PPM,
            "said": sum(row["p_ppm"] for row in listed) / len(listed) / _PPM,
            "n": len(listed),
        }
        for (outcome, basis, place), listed in sorted(
            found.items(), key=lambda item: (item[0][0] == "no", bases.index(item[0][1]), item[0][2])
        )
    ]


def _together(rows: list[dict[str, Any]], step: int) -> dict[tuple[str, str, int], list[dict[str, Any]]]:
    """Return rows by outcome, basis and what was said: exactly with a `step` of 0, else from which step on."""
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for row in rows:
        place = min(row["p_ppm"] // step, _PPM // step - 1) * step if step else row["p_ppm"]
        found.setdefault(("yes" if row["outcome"] else "no", row["basis"], place), []).append(row)
    return found


def outcomes(report: "Report") -> Drawn | None:
    """Return the two strips; None where nothing is scored."""
    rows = outcome_rows(report)
    if not rows:
        return None
    bases = [basis for basis in BASES if any(row["basis"] == basis for row in rows)]
    over, under = _stagger(rows)
    room = _MARKS + (over + under) * _LINE
    strip = _HEAD + len(bases) * room + 6
    top = {"yes": 0, "no": strip}
    for row in rows:
        level = " to ".join(dict.fromkeys((percent(row["from"]), percent(row["to"]))))
        row |= {
            "y": top[row["outcome"]] + _HEAD + bases.index(row["basis"]) * room + over * _LINE + _MARKS / 2,
            "link": links.of(
                f"Said {level}, {WORDS[row['outcome']]}: {row['n']}",
                claims=links.behind(report),
                said=span(row["from"], row["to"]),
                outcome=row["outcome"],
                basis=row["basis"],
            ),
        }
    for row in rows:
        row["text_y"] = row["y"] + row.pop("aside")
    names, means = [], []
    for outcome, words in WORDS.items():
        n, said = _mean(rows, outcome)
        told_mean = "" if said is None else f": said {said:.0%} on average".replace("%", " %")
        names.append({"y": top[outcome] + 16, "text": f"{words} ({n}){told_mean}"})
        if said is not None:
            middles = sorted({row["y"] for row in rows if row["outcome"] == outcome})
            means += [{"said": said, "y": y - _MARKS / 2, "y2": y + _MARKS / 2} for y in middles]
    spec = _outcomes() | {"height": 2 * strip}
    return drawn(report, spec, {ROWS: rows, "names": names, "means": means}, told(report))


def _stagger(rows: list[dict[str, Any]]) -> tuple[int, int]:
    """Say of each mark how far from it its number stands; return how many lines there are over and under marks.

    Numbers that would touch take turns: under the marks, over them, and a line further out.
    """
    deepest = 0
    for row in rows:
        row["text"] = str(row["n"]) if row["n"] > 1 else ""
    for _, mine in groupby(rows, key=lambda row: (row["outcome"], row["basis"])):
        listed = list(mine)
        found = lanes(
            [row["said"] * _WIDTH for row in listed], [row["text"] for row in listed], letter=_FONT * 0.6
        )
        for row, lane in zip(listed, found, strict=True):
            row["aside"] = (1 if lane % 2 == 0 else -1) * (_MARKS / 2 + _LINE * (lane // 2 + 0.5))
        deepest = max(deepest, *found)
    return (deepest + 1) // 2, deepest // 2 + 1


def told(report: "Report") -> str:
    """Return in words what the two strips show."""
    rows, parts = outcome_rows(report), []
    for outcome, words in WORDS.items():
        n, said = _mean(rows, outcome)
        claims = f"{n} {'claim' if n == 1 else 'claims'} that {words}"
        parts.append(claims if said is None else f"{claims}, said with {said:.0%} on average".replace("%", " %"))
    return f"Two strips from 0 to 100 %: {'; '.join(parts)}."


def span(first: float, last: float) -> str:
    """Return bounds of what was said, in per cent, as a query names them.

    >>> span(0.7, 0.7), span(0.7, 0.75)
    ('70', '70-75')
    """
    low, high = (f"{value * 100:.6g}" for value in (first, last))
    return low if low == high else f"{low}-{high}"


def _mean(rows: list[dict[str, Any]], outcome: str) -> tuple[int, float | None]:
    """Return how many claims came out so, and the mean of what was said of them; None without any."""
    mine = [row for row in rows if row["outcome"] == outcome]
    n = sum(row["n"] for row in mine)
    return n, sum(row["said"] * row["n"] for row in mine) / n if n else None


@cache
def _outcomes() -> Spec:
    """Lay the marks of each basis in layers of their own, so that a page can show one alone."""
    import altair as alt

    x = alt.Scale(domain=[0, 1], nice=False)
    said = alt.X("said:Q", scale=x, axis=shares(title="what was said"))
    base = alt.Chart(alt.NamedData(ROWS)).encode(y=alt.Y("y:Q", scale=None, axis=None), href="link:N")
    size = alt.Size("n:Q", scale=alt.Scale(type="linear", domainMin=0, rangeMin=50, rangeMax=280), legend=None)
    layers: list[alt.Chart] = [
        alt.Chart(alt.NamedData("names"))
        .mark_text(align="left", baseline="bottom", fontSize=12, fontWeight="bold", color="currentColor")
        .encode(x=alt.value(0), y=alt.Y("y:Q", scale=None, axis=None), text="text:N"),
        alt.Chart(alt.NamedData("means"))
        .mark_rule(strokeWidth=2, strokeDash=[2, 2], color="currentColor")
        .encode(x=said, y=alt.Y("y:Q", scale=None, axis=None), y2="y2:Q"),
    ]
    colour = alt.condition("datum.outcome === 'yes'", alt.value(COLOURS[0]), alt.value(COLOURS[1]))
    for basis, shape in zip(BASES, BASIS_SHAPES, strict=True):
        mine = base.transform_filter(f"datum.basis === '{basis}'")
        mark = mine.mark_point(filled=True, opacity=0.8, shape=shape).encode(x=said, size=size, color=colour)
        text = mine.mark_text(fontSize=_FONT, color="currentColor", baseline="middle").encode(
            x=said, y=alt.Y("text_y:Q", scale=None, axis=None), text="text:N"
        )
        layers += [mark.properties(name=basis), text.properties(name=f"{basis}_n")]
    return styled(alt.layer(*layers).properties(width=_WIDTH))


def legend(report: "Report") -> list[tuple[str, str]]:
    """Return how the numbers of the scored claims arose, each with a word for a switch."""
    there = {row["basis"] for row in report["policies"]["broad"]["rows"]}
    return [(basis, ONE_WORD[basis]) for basis in BASES if basis in there]
