"""The picture: deterministic, drawn whole, told in words, and there also when there is nothing to draw."""

import copy
import itertools
import re
import struct
import xml.etree.ElementTree as ET
from textwrap import wrap
from typing import Any

import pytest
import vl_convert
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts import charts
from forecasts.charts.labels import LETTER, LINE, Box, Mark, place
from forecasts.charts.outcomes import MOST_MARKS
from forecasts.reports import Report
from tests.forecasts.web.conftest import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def empty(report: Report) -> Report:
    return report | {"statements": []}


def strip_svg(report: Report) -> str:
    return charts.to_svg(charts.strip(report))


def strip_png(report: Report) -> bytes:
    return charts.to_png(charts.strip(report))


def words(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_one_row_for_each_forecast_that_counts(report: Report) -> None:
    assert [(row["number"], row["basis"], row["outcome"]) for row in charts.strip_rows(report)] == [
        (1, "coder", "yes"),
        (2, "lexicon", "open"),
    ]


def test_a_forecast_that_does_not_count_is_left_out(report: Report) -> None:
    changed = copy.deepcopy(report)
    changed["statements"][0]["forecasts"][0]["scores"]["broad"]["counts"] = False
    assert [row["title"] for row in charts.strip_rows(changed)] == ["Do fares double?"]


def test_the_description_counts_outcomes_and_says_where_marks_lie(report: Report) -> None:
    told = charts.describe(report).replace("\N{NO-BREAK SPACE}", " ")
    assert told.startswith("2 strips, one for each forecast by Ada Bell")
    assert "1 yes, marked at 80 %; 1 open, marked at 70 %" in told
    assert "The ranges together lie between 55 % and 95 %." in told
    assert "1 graded words, as readers take them, 1 our reading." in told


def test_several_marks_are_described_by_their_extremes(report: Report) -> None:
    changed = copy.deepcopy(report)
    changed["statements"][0]["forecasts"][0]["outcome"] = "open"
    told = charts.describe(changed).replace("\N{NO-BREAK SPACE}", " ")
    assert "Outcomes: 2 open, marked between 70 % and 80 %." in told


def test_the_svg_is_the_same_each_time(report: Report) -> None:
    assert strip_svg(report) == strip_svg(copy.deepcopy(report))


def test_the_svg_is_one_image_named_by_its_description(report: Report) -> None:
    root = ET.fromstring(strip_svg(report))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == charts.describe(report)


def test_outcomes_stand_as_words_and_the_scale_is_whole(report: Report) -> None:
    shown = words(strip_svg(report))
    assert {"yes", "open", "0 %", "50 %", "100 %"} <= set(shown)


def test_hostile_titles_are_text(report: Report) -> None:
    svg = strip_svg(report)
    assert "<script" not in svg
    assert any("<script>" in text for text in words(svg))
    assert HOSTILE in charts.strip_rows(report)[0]["title"]


@pytest.mark.parametrize("title", ["word " * 200, "x" * 1000, "one\ntwo\n" * 50])
def test_a_long_title_takes_two_lines(report: Report, title: str) -> None:
    changed = copy.deepcopy(report)
    changed["statements"][0]["forecasts"][0]["title"] = title
    root = ET.fromstring(strip_svg(changed))
    labels = [node for node in root.iter(f"{SVG}text") if "".join(node.itertext()).startswith("1.")]
    assert len(labels) == 1
    assert len(list(labels[0].iter(f"{SVG}tspan"))) == 2
    assert "".join(labels[0].itertext()).endswith("…")


def test_every_outcome_and_basis_has_a_shape_of_its_own(report: Report) -> None:
    changed = copy.deepcopy(report)
    statement = changed["statements"][0]
    (forecast,) = statement["forecasts"]
    unscored = {"broad": {"counts": True, "brier": None, "reason": "open"}}

    def said(**more: Any) -> Any:
        return statement | {"forecasts": [forecast | more]}

    changed["statements"] = [said(), said(outcome="no"), said(outcome="open", scores=unscored)]
    signs = shapes(strip_svg(changed), column=316)
    assert len(signs) == len(set(signs)) == 3

    changed["statements"] = [said(basis=basis) for basis in ("stated", "lexicon", "coder")]
    marks = shapes(strip_svg(changed), column=240)
    assert len(set(marks)) == len(marks) == 3


def test_what_came_out_neither_way_is_not_drawn(report: Report) -> None:
    changed = copy.deepcopy(report)
    forecast = changed["statements"][1]["forecasts"][0]
    forecast |= {"outcome": "annulled"}
    assert [row["title"] for row in charts.strip_rows(changed)] == [
        changed["statements"][0]["forecasts"][0]["title"]
    ]


def test_only_what_is_past_its_deadline_is_drawn_where_only_that_is_asked_for(report: Report) -> None:
    assert charts.strip_rows(report | {"deadlines": "past"}) == []
    later = report | {"deadlines": "past", "now": "2020-07-01T00:00:00Z"}
    assert [row["number"] for row in charts.strip_rows(later)] == [1, 2]


def shapes(svg: str, *, column: int) -> list[str]:
    """Return the outlines of the symbols drawn at a place on the scale (300 wide)."""
    return [
        node.attrib["d"]
        for node in ET.fromstring(svg).iter(f"{SVG}path")
        if node.attrib.get("transform", "").startswith(f"translate({column},")
    ]


def test_the_png_grows_with_the_rows(report: Report, empty: Report) -> None:
    tall, small = (size(strip_png(shown)) for shown in (report, empty))
    assert tall[0] > 700
    assert tall[1] > 2 * 2 * 50
    assert small[1] < tall[1]


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_nothing_to_draw_is_said_in_the_picture(empty: Report) -> None:
    assert charts.describe(empty).startswith("An empty picture: no forecast by Ada Bell counts yet.")
    assert "No forecast by Ada Bell counts yet." in words(strip_svg(empty))


def test_a_picture_says_of_itself_that_it_is_a_draft_and_replayed(report: Report) -> None:
    (note,) = report["publication"]["notes"]
    assert note.startswith("DRAFT")
    replay = "Replayed: the checks ran under a simulated clock from 2019-02-22 to 2023-02-28; nothing before it."
    changed = report | {"replay": replay}
    assert charts.describe(changed).endswith(f"{note} {replay}")
    for draw in (charts.strip, charts.scale, charts.outcomes):
        picture = draw(changed)
        assert picture is not None
        svg = charts.to_svg(picture)
        root = ET.fromstring(svg)
        lines = [line.text or "" for line in root.iter(f"{SVG}tspan")]
        drawn = " ".join([*words(svg), *lines])
        assert root.attrib["aria-label"].endswith(f"{note} {replay}")
        for sentence in (note, replay):
            assert all(part in drawn for part in wrap(sentence, 58))
        assert "rows.invalid" not in svg
        assert "<a " not in svg
    assert strip_png(changed) != strip_png(changed | {"replay": None})


# -- words that would cover each other ---------------------------------------------------------------------------


def overlapping(labels: list[Box]) -> list[tuple[Box, Box]]:
    return [(one, two) for one, two in itertools.combinations(labels, 2) if one.shared(two) > 0]


def test_words_of_marks_close_together_cover_neither_each_other_nor_a_mark() -> None:
    marks = [Mark(160 + 9 * k, 160 + 4 * k, 7, f"{k} of 20") for k in range(7)]
    marks += [Mark(2, 1, 5, "0 of 9"), Mark(318, 319, 14, "40 of 40")]
    boxes = [label.box for label in place(marks, 320)]
    assert overlapping(boxes) == []
    for mark, box in itertools.product(marks, boxes):
        assert Box.around(mark.x, mark.y, 14, 14).shared(box) == 0 or mark.radius != 7
        assert min(box.left, box.top) >= 0
        assert max(box.right, box.bottom) <= 320


def test_words_far_from_their_mark_are_led_to_it() -> None:
    alone = Mark(160, 160, 7, "7 of 9")
    (near,) = place([alone], 320)
    assert near.lead(alone) is None
    (far,) = place([alone], 320, taken=[Box(100, 120, 220, 200)])
    end = far.lead(alone)
    assert end is not None
    assert far.box.left <= end[0] <= far.box.right
    assert far.box.top <= end[1] <= far.box.bottom


def test_words_cover_least_where_everything_is_taken() -> None:
    (label,) = place([Mark(160, 160, 7, "7 of 9")], 320, taken=[Box(0, 0, 320, 320)])
    assert 0 <= label.x <= 320


def test_the_words_of_the_curve_do_not_touch(report: Report) -> None:
    said = [0.6, 0.65, 0.66, 0.7, 0.75, 0.8]
    marks = [
        {"from": p, "to": p, "said": p, "n": 9 + k, "n_yes": 7, "happened": 7 / (9 + k)}
        for k, p in enumerate(said)
    ]
    phrase = {
        "phrase": "Likely",
        "probability": 0.75,
        "low": 0.6,
        "high": 0.9,
        "share": 0.6,
        "happened": 3,
        "n": 5,
    }
    shown = copy.deepcopy(report)
    shown["policies"]["broad"] |= {
        "curve": {"marks": marks, "points": [], "sentence": "Few."},
        "phrases": [phrase],
    }
    drawn = charts.curve(shown)
    assert drawn is not None
    rows = drawn.spec["datasets"]["marks"] + drawn.spec["datasets"]["phrases"]
    boxes = [
        Box.around(row["label_x"] * 320, row["label_y"] * 320, len(row["text"]) * LETTER, LINE) for row in rows
    ]
    assert len(boxes) == 7
    assert overlapping(boxes) == []
    svg = charts.to_svg(drawn)
    assert {"7 of 9", "7 of 14", "“Likely” 3 of 5"} <= set(words(svg))


def test_the_numbers_of_the_two_strips_do_not_touch(report: Report) -> None:
    shown = copy.deepcopy(report)
    shown["policies"]["broad"]["rows"] = [
        {"p_ppm": (70 + k % 6) * 10_000, "outcome": outcome, "basis": basis}
        for k in range(60)
        for outcome in (True, False)
        for basis in ("stated", "coder")
    ]
    drawn = charts.outcomes(shown)
    assert drawn is not None
    rows = drawn.spec["datasets"]["rows"]
    assert [row["text"] for row in rows] == ["10"] * 24
    numbers = [Box.around(row["said"] * 350, row["text_y"], 12, 10) for row in rows]
    assert overlapping(numbers) == []
    heads = [Box(0, name["y"] - 12, 200, name["y"]) for name in drawn.spec["datasets"]["names"]]
    assert overlapping([*numbers, *heads]) == []
    assert max(box.bottom for box in numbers) <= drawn.spec["height"]
    across = [
        Box(mean["said"] * 350 - 1, mean["y"], mean["said"] * 350 + 1, mean["y2"])
        for mean in drawn.spec["datasets"]["means"]
    ]
    assert all(number.shared(mean) == 0 for number in numbers for mean in across)


@settings(max_examples=50)
@given(
    said=st.lists(st.integers(0, 1_000_000), min_size=1, max_size=400),
    bases=st.lists(st.sampled_from(["stated", "lexicon", "coder"]), min_size=1, max_size=3),
)
def test_the_two_strips_stay_small_and_lose_no_claim(said: list[int], bases: list[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"p_ppm": ppm, "outcome": k % 2 == 0, "basis": bases[k % len(bases)]} for k, ppm in enumerate(said)
    ]
    shown: dict[str, Any] = {"policies": {"broad": {"rows": rows}}}
    found = charts.outcome_rows(shown)
    assert len(found) <= MOST_MARKS
    assert sum(row["n"] for row in found) == len(rows)
    for row in rows:
        (mark,) = (
            mark
            for mark in found
            if (mark["outcome"], mark["basis"]) == ("yes" if row["outcome"] else "no", row["basis"])
            and within(row["p_ppm"], round(mark["from"] * 1_000_000), round(mark["to"] * 1_000_000))
        )
        assert mark["from"] <= mark["said"] <= mark["to"] + 1e-12


def within(ppm: int, low: int, high: int) -> bool:
    return ppm == low if low == high else low <= ppm and (ppm < high or high == ppm == 1_000_000)


def test_a_picture_is_made_lighter_without_its_words_or_marks(report: Report) -> None:
    shown = copy.deepcopy(report)
    shown["statements"][0]["forecasts"][0]["title"] = 'Is d="M1.23456" 0.98765 < 1 class="mark-text role-mark"?'
    drawn = charts.strip(shown)
    svg = charts.to_svg(drawn)
    raw = vl_convert.vegalite_to_svg(drawn.spec | {"background": "transparent"})
    assert [text for text in words(raw) if text not in words(svg)] == []
    assert len(svg) < 0.85 * len(raw)
    marks = [[root.count(f"<{mark}") for mark in ("text", "line")] for root in (svg, raw)]
    assert marks[0][1] == marks[1][1]
    assert marks[0][0] >= marks[1][0]
    assert not re.search(r' transform="[^"]*\d\.\d\d', svg)
