"""How to read each picture of an author's page, in three lines, by an example of the author's own."""

from typing import TYPE_CHECKING, Any

from forecasts.charts import percent, strip_rows
from forecasts.measures.calibration import needs
from forecasts.sentences import plural, score, share

if TYPE_CHECKING:
    from forecasts.reports import Report


def how_to_read(report: "Report") -> list[str]:
    """Return the three lines beside the main picture: one mark, what is good, and what it cannot show."""
    if report["policies"]["broad"]["curve"] is not None:
        return _curve(report)
    rows = strip_rows(report)
    settled = [row for row in rows if row["outcome"] in ("yes", "no")]
    return _strip(report, settled[0]) if settled else _open(rows)


def _curve(report: "Report") -> list[str]:
    name, curve = report["author"]["name"], report["policies"]["broad"]["curve"]
    most = max(curve["marks"], key=lambda mark: mark["n"])
    said = percent(most["from"]) if most["from"] == most["to"] else f"{share(most['said'])} on average"
    return [
        f"A mark is a group of claims with about the same number, the larger the more claims. The largest: "
        f"{name} said {said} {plural(most['n'], 'time')} and it happened {plural(most['n_yes'], 'time')}, so the "
        f"mark stands at {share(most['said'])} across and {share(most['happened'])} up, with “{most['n_yes']} of "
        f"{most['n']}” beside it.",
        "On the dashed diagonal as much happens as was said. Distance from it is bad, above as well as below; and "
        "marks in the middle say less than marks near the corners.",
        f"The grey band is where the whole line stays for {share(curve['coverage'])} of authors whose numbers are "
        f"right, with each of the {plural(curve['clusters'], 'independent group')} counted once. The band belongs "
        f"to the line, not to single marks, and staying inside it is no proof of anything.",
    ]


def _strip(report: "Report", row: dict[str, Any]) -> list[str]:
    said, y = percent(row["probability"]), int(row["outcome"] == "yes")
    way = (
        "the mark stands at the probability of yes"
        if row["low"] == row["high"]
        else f"the mark stands at the probability of yes, the line is its range, here {percent(row['low'])} to "
        f"{percent(row['high'])}"
    )
    numbers = report["headline"]
    size = f"{plural(numbers['scored'], 'claim')} in {plural(numbers['clusters'], 'independent group')}"
    if numbers["interval"]:
        there = report["policies"]["broad"]["stated_clusters"]
        last = (
            f"{size}; a curve needs {needs('corp-curve')} groups of numbers the author stated: there are {there}."
        )
    else:
        last = f"{size}: so few can look good or bad by luck, and no line is drawn through them."
    return [
        f"Each line is one claim: {way}. Claim {row['number']}, “{row['title']}”: {said}, and the answer was "
        f"{row['outcome']}. Its Brier score is ({row['probability']:.6g} − {y})² = {score(row['brier'])}.",
        "Good is a mark far to the right where the answer was yes, and far to the left where it was no: distance "
        "from the outcome is bad, it counts squared, and lower is better.",
        last,
    ]


def _open(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    row = rows[0]
    return [
        f"Each line is one claim that has not come out: the mark stands at the probability of yes. Claim "
        f"{row['number']}, “{row['title']}”: {percent(row['probability'])}.",
        "When it comes out, distance from the outcome is bad: it counts squared, and lower is better.",
        "Until then nothing here says how good any of it is.",
    ]
