"""The author's page as one file: what it says, in which order, and that it reaches for nothing outside."""

import copy
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from forecasts.charts import describe
from forecasts.reports import Report
from forecasts.web.author import pictures
from forecasts.web.pages import author_page
from tests.forecasts.web.conftest import HOSTILE
from tests.support import documents as make
from tests.support.desk import Desk


def told(html: str) -> str:
    """Return the text of a page with its spaces collapsed."""
    words = re.sub(r"</?(?:a|code|span|strong|time)\b[^>]*>", "", html)
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]+>", " ", words, flags=re.DOTALL)
    return " ".join(unescape(text).split())


def page(report: Report, **options: Any) -> str:
    return author_page(report, pictures(report), **options)


class Outline(HTMLParser):
    """Collects headings, ids, landmarks, links and what header cells declare."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.ids: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.unscoped = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.seen.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if "id" in given:
            self.ids.append(given["id"] or "")
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag == "th" and "scope" not in given:
            self.unscoped += 1


@pytest.fixture
def html(report: Report) -> str:
    return page(report)


def test_it_reads_in_the_order_a_reader_needs(html: str, report: Report) -> None:
    order = [
        report["verdict"],
        "From statements to scores",
        "Which articles, and who chose them",
        "The score",
        "0.040",
        "How the probabilities arose",
        "Claim by claim",
        "How to read this",
        "What happened, and what did not",
        "What was said in words" if report["policies"]["broad"]["phrases"] else "The score over time",
        "The score over time",
        "What is still open",
        "The numbers under both policies",
        "What is not shown, and why",
        "Every claim",
        f"1. {HOSTILE}",
    ]
    places = [told(html).index(text) for text in order]
    assert places == sorted(places)


def test_a_single_file_reaches_for_nothing(html: str) -> None:
    outline = Outline(html)
    assert [link for link in outline.links if not link.startswith("#")] == []
    assert {link[1:] for link in outline.links} <= set(outline.ids)
    assert "script" not in outline.seen
    assert "prefers-color-scheme" in html
    assert "@media print" in html


def test_the_same_page_on_the_site_links_to_each_record(report: Report) -> None:
    links = Outline(page(report, standalone=False)).links
    forecast = report["statements"][0]["forecasts"][0]
    for path in (
        f"/statements/{report['statements'][0]['id']}",
        f"/questions/{forecast['question']}",
        f"/checks/{forecast['check']}",
        f"/evidence/{forecast['evidence_sha256']}",
        "/articles/tarn-2020",
    ):
        assert path in links


def test_headings_landmarks_tables_and_ids_are_in_order(html: str) -> None:
    outline = Outline(html)
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(outline.levels, outline.levels[1:], strict=False))
    assert {"header", "main", "footer", "figure", "caption"} <= set(outline.seen)
    assert outline.unscoped == 0
    assert len(outline.ids) == len(set(outline.ids))


def test_the_picture_is_told_in_words_too(html: str, report: Report) -> None:
    assert html.count(describe(report)) == 1  # its accessible name
    assert "The same as a table" in html


def test_both_policies_stand_side_by_side_with_the_scale(html: str) -> None:
    text = told(html)
    assert "Brier score, 0 to 1, lower is better; always saying 50 % scores 0.25" in text
    assert "Under the policy broad strict" in text
    assert "Scored claims 1 0" in text
    assert "Brier score, mean over groups 0.040 —" in text
    assert "… best case over the wording 0.003 —" in text
    assert "… worst case over the wording 0.160 —" in text
    assert "withheld: 1 of the 10 groups it needs" in text
    assert "−0.210; the reference scores 0.250, 1 uninformed (always 50 %)" in text
    assert "0 stated, 0 graded words, 1 our reading" in text


def test_an_interval_is_printed_where_the_report_has_one(report: Report) -> None:
    changed = copy.deepcopy(report)
    changed["policies"]["broad"]["interval"] = [0.1, 0.25]
    assert "95 % interval of that mean 0.100 to 0.250" in told(page(changed))


def test_our_number_is_never_put_in_their_mouth(html: str) -> None:
    text = told(html).replace("\N{NO-BREAK SPACE}", " ")
    assert "Our reading: 80 % (60 % to 95 %); the author gave no number and no graded word." in text
    assert "Graded words, read as “likely”, which capphrase 1 takes as 70 % (55 % to 90 %); the author" in text
    assert "a number the author stated" not in text


def test_a_stated_number_is_said_to_be_stated(desk: Desk) -> None:
    desk.register(make.document(forecasts=[make.forecast(probability=0.25, asserts="no")]))
    text = told(page(desk.report())).replace("\N{NO-BREAK SPACE}", " ")
    assert "How sure 25 %, a number the author stated. The author says that it will not happen." in text


def test_the_claim_stands_in_our_words_before_any_number(html: str) -> None:
    first = told(html).split(f"1. {HOSTILE}")[1]
    assert "Hedged with “likely”" in first
    assert first.index("in our words") < first.index("80")
    assert "<blockquote>" not in html


def test_a_quotation_is_shown_where_a_copy_is_attached(report: Report) -> None:
    changed = copy.deepcopy(report)
    changed["statements"][0]["quotation"] = "It will <likely> open"
    assert "<blockquote>It will &lt;likely&gt; open</blockquote>" in page(changed)


def test_what_cannot_be_checked_stays_with_its_reason(html: str) -> None:
    assert "Cannot be checked Nobody sees it. No forecast was made from it." in told(html)


def test_another_lexicon_stands_beside_the_first(report: Report) -> None:
    changed = copy.deepcopy(report)
    beside = {"lexicon": "icd203", "low": 0.55, "probability": 0.675, "high": 0.8}
    changed["statements"][1]["forecasts"][0]["readings"] = [beside]
    text = told(page(changed)).replace("\N{NO-BREAK SPACE}", " ")
    assert "Beside it, icd203 takes the words as 67.5 % (55 % to 80 %)." in text


def test_hostile_text_is_shown_and_never_run(html: str) -> None:
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;more&#34;" in html


def test_a_condition_that_is_not_met_is_named(html: str) -> None:
    assert "Only if the answer is yes to Does it open?" in told(html)


def test_a_founding_ruling_is_flagged(report: Report) -> None:
    changed = copy.deepcopy(report)
    changed["statements"][0]["forecasts"][0]["founding_ruling"] = True
    assert "Founding ruling, not independently reviewed" in told(page(changed))
    assert "Founding ruling" not in told(page(report))


def test_a_proposal_is_not_taken_for_an_outcome(report: Report) -> None:
    changed = copy.deepcopy(report)
    changed["statements"][1]["forecasts"][0]["state"] = "proposed"
    assert "— open (proposed, not confirmed)" in told(page(changed))


def test_a_replay_says_so(report: Report) -> None:
    assert "Replayed: under" in told(page(report | {"replay": "Replayed: under a simulated clock."}))


def test_an_author_of_nothing_has_a_page(desk: Desk) -> None:
    desk.register(make.document())
    text = told(page(desk.report("ben-cole")))
    assert "Nothing Ben Cole said here has been scored yet." in text
    assert "No statement by Ben Cole is registered." in text
    assert "The same as a table" not in text


def test_alone_every_number_leads_to_the_claims_on_the_same_page(html: str, report: Report) -> None:
    outline = Outline(html)
    score = html.split('class="figure', 1)[1].split("</strong>", 1)[0]
    assert 'href="#claims">0.040<' in score
    assert {"#claims", f"#{report['statements'][0]['id']}"} <= set(outline.links)


def test_what_is_withheld_is_listed_with_why(html: str) -> None:
    text = told(html)
    assert "An interval around the mean: not shown: needs 10 independent groups, there is 1." in text
    assert "Any number: no claim that counts under it has come out yet." in text
    assert "Every number here is of these claims, not of Ada Bell" in text


def test_on_paper_it_says_where_and_when_it_is_from(html: str) -> None:
    printed = told(html.split('<p class="printed">', 1)[1].split("</p>", 1)[0])
    assert re.fullmatch(
        r"/authors/ada-bell\?deadline=any&rev=\d+, revision \d+ of the registry, as it stood on .* UTC\.",
        printed,
    )
    assert "break-inside: avoid" in html
