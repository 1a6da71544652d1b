"""The pictures of a report: what was said and what happened, as SVG and PNG.

One picture serves light and dark, because text takes the colour of the page around it (`currentColor`), and grey
as well as colour: what a colour says, a shape, a place or a word says too. Every mark carries a link to the rows
behind it, as an address of the kind `links.of` writes; `links.lead` turns it into one of a page.
"""

from forecasts.charts._drawing import Drawn, notes, percent, to_png, to_svg
from forecasts.charts.curve import curve
from forecasts.charts.links import lead
from forecasts.charts.outcomes import legend, outcome_rows, outcomes, span
from forecasts.charts.outcomes import told as outcomes_told
from forecasts.charts.progress import MOST_DOTS, progress
from forecasts.charts.progress import told as progress_told
from forecasts.charts.scale import scale
from forecasts.charts.strip import MOST_STRIPS, describe, strip, strip_rows

__all__ = [
    "MOST_DOTS",
    "MOST_STRIPS",
    "Drawn",
    "curve",
    "describe",
    "lead",
    "legend",
    "notes",
    "outcome_rows",
    "outcomes",
    "outcomes_told",
    "percent",
    "progress",
    "progress_told",
    "scale",
    "span",
    "strip",
    "strip_rows",
    "to_png",
    "to_svg",
]
