"""An author's page on the site: what a reader takes away at each number of claims, and where numbers lead."""

import json
import re
from typing import Any

import pytest

from forecasts.charts.order import in_order
from forecasts.errors import InvalidInputError
from forecasts.publishing import publish
from forecasts.reports import Report, author_report
from forecasts.tables import Lexicon
from forecasts.web.author import CLAIMS, FILES, Asked, read_asked
from tests.forecasts.web.conftest import Get, Told
from tests.forecasts.web.test_pages import Outline
from tests.forecasts.web.test_pages import told as text_of
from tests.support.clocks import at
from tests.support.desk import Desk
from tests.support.many import LATER, Many

PAGE = "/authors/ada-bell"
EARLY = at("2020-06-30")


def many(n: int, *, said: dict[int, float | str] | None = None, **more: Any) -> Many:
    """Return n claims, each a group: said in tens of per cent, happening for the most part as said."""
    made: dict[int, float | str] = {k: (k % 11) / 10 for k in range(n)}
    return Many(outcomes=[(k * 7) % 11 < k % 11 for k in range(n)], said={"ada-bell": made | (said or {})}, **more)


@pytest.fixture
def crowd(desk: Desk) -> Desk:
    """The page of 130 claims, each a group of its own, past their deadline."""
    desk.clock.set("2021-01-01T00:00:00Z")
    many(130).write(desk.store)
    return desk


def test_a_crowd_makes_a_page_a_reader_can_use_under_200_kb(get: Get, crowd: Desk) -> None:
    response = get(PAGE)
    assert response.status_code == 200
    assert len(response.content) < 200_000
    text = text_of(response.text)
    order = [
        "130 scored claims in 130 independent groups: better than always saying 50 %",
        "From statements to scores",
        "Which articles, and who chose them",
        "The score",
        "What was said, and how often it happened",
        "How to read this",
        "What happened, and what did not",
        "The score over time",
        "The numbers under both policies",
        "Every claim",
        "Take it with you",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert response.text.count('<article class="statement"') == 50
    assert "1 to 50 of 130" in text
    outline = Outline(response.text)
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.unscoped == 0


def test_the_curve_prints_how_many_of_how_many_and_a_mark_leads_to_as_many_rows(get: Get, crowd: Desk) -> None:
    page = get(PAGE).text
    report = author_report(crowd.ledger(), "ada-bell", LATER, past_only=True)
    marks = report["policies"]["broad"]["curve"]["marks"]
    assert len(marks) == 11
    assert sum(mark["n"] for mark in marks) == 130
    curve = page.split('aria-label="Calibration curve', 1)[1].split("</svg>", 1)[0]
    for mark in marks:
        assert f">{mark['n_yes']} of {mark['n']}<" in curve
    most = max(marks, key=lambda mark: mark["n"])
    assert f"“{most['n_yes']} of {most['n']}” beside it" in text_of(page)
    assert "Distance from it is bad" in text_of(page)
    (mark,) = [mark for mark in marks if mark["from"] == 0.7]
    (link,) = {href for href in re.findall(r'href="([^"]*)"', page) if href.endswith("said=70#claims")}
    rows = get(link.replace("&amp;", "&")).text
    assert rows.count('<article class="statement"') == mark["n"]
    assert rows.count("<strong>70\N{NO-BREAK SPACE}%</strong>") == mark["n"]


@pytest.mark.parametrize("n", [3, 12])
def test_a_handful_gets_no_curve_and_is_told_why(get: Get, desk: Desk, n: int) -> None:
    desk.clock.set("2021-01-01T00:00:00Z")
    many(n).write(desk.store)
    response = get(PAGE)
    text = text_of(response.text)
    assert "Claim by claim" in text
    assert "Calibration curve" not in response.text
    assert ("too few to judge" in text) is (n < 10)
    assert ("Too few to judge" in text) is (n < 10)
    assert ("The score over time Not shown: it needs 10 independent groups" in text) is (n < 10)
    assert ("either may be luck" in text) is (n < 10)
    assert get(f"{PAGE}/curve.svg").status_code == 404
    assert get(f"{PAGE}?page=99999999").status_code == 404


def test_numbers_and_words_have_marks_of_their_own_and_a_switch(get: Get, desk: Desk) -> None:
    with desk.store.write(actor="bench", action="fill") as tx:
        phrases = [
            {"phrase": "likely", "low": 0.6, "median": 0.75, "high": 0.9, "aliases": [], "bare_modal": False}
        ]
        tx.append(
            Lexicon(
                key="capphrase", version="1", title="Cap", source="It", licence="CC0", phrases=json.dumps(phrases)
            )
        )
    desk.clock.set("2021-01-01T00:00:00Z")
    many(50, said=dict.fromkeys(range(5), "likely")).write(desk.store)
    page = get(PAGE).text
    for mark in ("stated_marks", "lexicon_marks"):
        assert page.count(f'class="{mark}"') >= 2  # in the curve and in the two strips
    assert page.count('class="switch show-stated"') == page.count('class="switch show-lexicon"') == 2
    assert "“likely”" in page.split('id="phrases"', 1)[1].split("</table>", 1)[0]


def test_what_came_out_early_is_left_out_counted_and_a_link_away(get: Get, told: Told) -> None:
    text = text_of(get(PAGE).text)
    assert "Nothing Ada Bell said here is past its deadline and scored yet." in text
    assert "Left out: 1 that came out early, 1 open before the deadline." in text
    assert f'href="{PAGE}?deadline=any"' in get(PAGE).text
    every = text_of(get(f"{PAGE}?deadline=any").text)
    assert "Too few to judge: 1 scored claim in 1 independent group." in every
    assert "Only claims past their deadline" in every


def test_a_number_of_the_strict_policy_leads_to_nothing_early(get: Get, desk: Desk) -> None:
    many(3).write(desk.store)
    for now, deadline, there in (("2020-06-01", "any", 3), ("2020-06-01", "past", 0), ("2021-01-01", "past", 3)):
        desk.clock.set(f"{now}T00:00:00Z")
        claims = "strict-past" if deadline == "past" else "strict"
        asked = f"{PAGE}?claims={claims}" if deadline == "past" else f"{PAGE}?deadline=any&amp;claims={claims}"
        numbers = get(f"{PAGE}?deadline={deadline}").text.split('id="policies"', 1)[1].split("</table>", 1)[0]
        assert (f'<a href="{asked}#claims">3</a>' in numbers) is (there == 3)
        assert get(asked.replace("&amp;", "&")).text.count('<article class="statement"') == there


def test_each_step_of_the_funnel_leads_to_as_many_claims(desk: Desk, told: Told) -> None:
    report = desk.report()
    claims = in_order(report)

    def count(name: str) -> int:
        return sum(Asked(claims=name).takes(claim) for claim in claims)

    names = {
        "statements": "all",
        "checkable": "checkable",
        "uncheckable": "uncheckable",
        "with_forecast": "forecast",
        "not_counted": "not-counted",
        "counted": "counted",
        "matured": "matured",
        "scored": "scored",
        "open": "open",
        "overdue": "overdue",
        "annulled": "annulled",
        "ambiguous": "ambiguous",
    }
    assert {stage: count(name) for stage, name in names.items()} == {
        stage: report["funnel"][stage] for stage in names
    }
    assert set(CLAIMS) - set(names.values()) == {"past", "early", "strict", "strict-past"}
    assert (count("early"), count("past"), count("strict")) == (1, 0, 0)


def test_over_time_stands_in_the_order_of_deadlines_and_ends_at_the_headline(crowd: Desk) -> None:
    report = author_report(crowd.ledger(), "ada-bell", LATER)
    points = report["over_time"]
    assert [point["mean"] is None for point in points[:11]] == [True] * 9 + [False] * 2
    assert points[-1]["mean"] == pytest.approx(report["headline"]["brier"], abs=1e-12)
    deadlines = [point["deadline"] for point in points]
    assert deadlines == sorted(deadlines)


def test_the_headline_counts_each_group_once_and_its_base_rate_too(desk: Desk) -> None:
    three = Many(
        outcomes=[True, True, False],
        said={"ada-bell": {0: 0.9, 1: 0.9, 2: 0.5}},
        clusters=["a", "a", "b"],
    )
    three.write(desk.store)
    found = author_report(desk.ledger(), "ada-bell", LATER)["headline"]
    assert found["brier"] == pytest.approx((0.01 + 0.25) / 2, abs=1e-12)
    assert (found["base_rate"], found["base_rate_brier"]) == (0.5, 0.25)
    assert (found["interval"], found["clusters"], found["scored"]) == (None, 2, 3)
    assert "0.120 below what always saying 50 % scores" in found["sentence"]


def test_past_only_leaves_out_what_came_out_before_its_deadline(desk: Desk) -> None:
    many(12).write(desk.store)
    early = author_report(desk.ledger(), "ada-bell", EARLY, past_only=True)
    assert (early["headline"]["scored"], early["policies"]["broad"]["scored"]) == (0, 0)
    assert early["maturity"]["broad"]["early"] == 12
    late = author_report(desk.ledger(), "ada-bell", LATER, past_only=True)
    assert late["policies"] == author_report(desk.ledger(), "ada-bell", LATER)["policies"]


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("page=2", 404, "There is no page 2 of these claims: there is 1."),
        ("page=0", 400, "is not the number of a page; pages count from 1."),
        ("page=" + "9" * 5000, 400, "is not the number of a page"),
        ("claims=best", 400, "claims is one of all, checkable"),
        ("said=110", 400, "said is a probability in per cent"),
        ("said=80-70", 400, "said is a probability in per cent"),
        ("said=%ff", 400, "said is a probability in per cent"),
        ("deadline=never", 400, "deadline is one of past, any, not"),
        ("outcome=maybe", 400, "outcome is one of yes, no, not"),
        ("phrase=%00%ff" + "x" * 9000, 200, "None of these."),
    ],
)
def test_a_query_that_means_nothing_is_a_sentence(
    get: Get, told: Told, query: str, status: int, sentence: str
) -> None:
    response = get(f"{PAGE}?{query}")
    assert response.status_code == status
    assert sentence in text_of(response.text)
    assert len(response.content) < 100_000


@pytest.mark.parametrize("bounds", ["0", "100", "70-80", "2.5"])
def test_what_is_asked_is_what_the_address_says(bounds: str) -> None:
    asked = read_asked({"said": bounds, "claims": "scored", "page": "3", "other": "x"})
    assert asked.query == {"said": bounds, "claims": "scored", "page": "3"}
    assert read_asked(asked.query) == asked
    with pytest.raises(InvalidInputError, match="per cent"):
        read_asked({"said": f"-{bounds}"})


def test_what_one_takes_away_is_what_the_page_shows(get: Get, crowd: Desk) -> None:
    for name in ("claims.csv", "report.json", "curve.svg", "progress.png"):
        response = get(f"{PAGE}/{name}")
        assert (response.status_code, response.headers["content-type"].split(";")[0]) == (200, FILES[name])
    found: Report = json.loads(get(f"{PAGE}/report.json").text)
    assert (found["deadlines"], found["headline"]["scored"]) == ("past", 130)
    page = get(PAGE).text
    for name in ("claims.csv", "report.json", "curve.svg", "progress.png"):
        assert f'href="{PAGE}/{name}"' in page
    assert f'href="{PAGE}?rev={found["rev"]}"' in page


def test_feed_and_badge_are_offered_of_what_is_public_alone(get: Get, told: Told, desk: Desk) -> None:
    assert f"{PAGE}/feed.atom" not in get(PAGE).text  # a draft has neither
    publish(desk.store, "ada-bell", no_notice="Nobody to ask.", actor="Edith")
    for name in ("feed.atom", "badge.svg"):
        assert f'href="{PAGE}/{name}"' in get(PAGE).text
        assert get(f"{PAGE}/{name}").status_code == 200
