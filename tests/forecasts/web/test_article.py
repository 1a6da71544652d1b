"""An article: each fact with its basis, the text with its spans, and the statements fifty to a page."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from forecasts import publishing, redacting, registry
from forecasts.errors import NotFoundError
from forecasts.web.article import MOST_CHARACTERS, Passage, article_view, cut
from tests.forecasts.web.conftest import Get
from tests.forecasts.web.test_pages import told as text_of
from tests.support import documents as make
from tests.support.desk import Desk

# Two nest in the first, one crosses its end, two have one span.
SPANS = [(0, 54), (4, 10), (14, 22), (40, 80), (14, 22)]


def attach(desk: Desk, folder: Path, text: str = make.TEXT, **more: Any) -> None:
    file = folder / f"{len(text)}.txt"
    file.write_text(text, encoding="utf-8")
    registry.attach(desk.store, "tarn-2020", file, actor="Ann", **more)


def spoken(desk: Desk, spans: list[tuple[int, int]] | None = None) -> list[str]:
    """Register a statement for each span; return their ids."""
    rows = [
        make.statement(f"s-{n}", start=start, end=end, part=n + 1, claim=f"Claim {n}.")
        for n, (start, end) in enumerate(spans or SPANS)
    ]
    registered = desk.register(make.document(statements=rows, forecasts=[]))
    return list(registered.ids["statements"].values())


def view(desk: Desk, *, page: int = 1, public: bool = False, **asked: str) -> Any:
    return article_view(desk.ledger(public=public), "tarn-2020", Passage(**asked), page=page)


def test_nested_and_overlapping_spans_are_cut_where_one_begins_or_ends(desk: Desk, tmp_path: Path) -> None:
    ids = spoken(desk)
    attach(desk, tmp_path)
    pieces = view(desk)["text"]["pieces"]
    assert "".join(piece["text"] for piece in pieces) == make.TEXT
    places = [0, 4, 10, 14, 22, 40, 54, 80, len(make.TEXT)]
    assert [len(piece["text"]) for piece in pieces] == [b - a for a, b in pairwise(places)]
    assert [piece["depth"] for piece in pieces] == [1, 2, 1, 2, 1, 2, 1, 0]
    leads = [piece["leads_to"] and piece["leads_to"]["id"] for piece in pieces]
    assert leads == [ids[0], ids[1], ids[0], ids[2], ids[0], ids[3], ids[3], None]
    begins = [span["id"] for piece in pieces for span in piece["begins"]]
    assert sorted(begins) == sorted(ids)


def test_every_span_leads_to_its_statement_and_back(get: Get, desk: Desk, tmp_path: Path) -> None:
    ids = spoken(desk)
    attach(desk, tmp_path)
    page = get("/articles/tarn-2020").text
    for public_id in ids:
        assert f'id="{public_id}"' in page
        assert f'id="in-{public_id}"' in page
        assert f'href="#{public_id}"' in page
        assert f'href="#in-{public_id}"' in page
    shown = page[page.index('<div class="text">') : page.index("</div>", page.index('<div class="text">'))]
    plain = re.sub(r"<sup.*?</sup>|<[^>]*>", "", shown)
    assert plain.replace("&#39;", "'") == make.TEXT


def test_without_a_copy_the_claims_stand_in_our_words(get: Get, desk: Desk) -> None:
    spoken(desk)
    text = text_of(get("/articles/tarn-2020").text)
    assert "No copy of the text is attached, or it was redacted" in text
    assert "1. Claim 0. in our words" in text


def test_each_fact_stands_with_its_basis(get: Get, desk: Desk, tmp_path: Path) -> None:
    spoken(desk)
    facts = {row["name"]: row for row in view(desk)["facts"]}
    assert facts["Published"]["basis"] == "the date line"
    assert facts["Outlet"] | {"value": None, "basis": "Nobody has recorded it."} == facts["Outlet"]
    assert "nothing here was held against it" in facts["Edition"]["basis"]
    assert "A hand-picked collection is never ranked." in facts["How it was chosen"]["basis"]
    attach(desk, tmp_path)
    assert "of which a copy is attached" in next(
        row["basis"] for row in view(desk)["facts"] if row["name"] == "Edition"
    )
    assert "Basis" in text_of(get("/articles/tarn-2020").text)


def test_a_redacted_copy_is_not_shown(get: Get, desk: Desk, tmp_path: Path) -> None:
    spoken(desk)
    attach(desk, tmp_path)
    assert "fares will double" in get("/articles/tarn-2020").text
    redacting.redact(desk.store, "copy", make.SHA256, reason="A demand.", actor="Lex")
    page = get("/articles/tarn-2020").text
    assert "fares will double" not in page
    assert "A demand" in page


def test_what_a_redacted_statement_said_is_blank_in_the_text_whenever_it_is_read(
    desk: Desk, tmp_path: Path
) -> None:
    attach_first = make.document(statements=[make.statement("s-x", start=90, end=100, claim="X.")], forecasts=[])
    desk.register(attach_first)
    attach(desk, tmp_path)
    before = desk.ledger()
    ids = spoken(desk)
    redacting.redact(desk.store, "statement", ids[3], reason="A demand.", actor="Lex")
    for ledger in (desk.ledger(), desk.ledger(before.revisions[before.rev].recorded_at)):
        pieces = article_view(ledger, "tarn-2020")["text"]["pieces"]
        shown = "".join(piece["text"] or "#" * 10 for piece in pieces)
        assert make.TEXT[40:80] not in shown
        assert make.TEXT[54:80] not in shown
        assert make.TEXT[80:100] in shown


def test_a_draft_does_not_mark_the_text_of_the_public(desk: Desk, tmp_path: Path) -> None:
    spoken(desk)
    other = make.statement("s-ben", start=100, end=110, stated_by="ben-cole", claim="Ben says so.")
    desk.register(make.document(statements=[other], forecasts=[]))
    attach(desk, tmp_path)
    publishing.publish(desk.store, "ben-cole", no_notice="A test.", actor="Ed")
    shown = view(desk, public=True)
    assert [piece["text"] for piece in shown["text"]["pieces"] if piece["leads_to"]] == [make.TEXT[100:110]]
    assert shown["statements"]["total"] == 1


def test_a_long_text_is_shown_in_parts_and_many_statements_in_pages(get: Get, desk: Desk, tmp_path: Path) -> None:
    line = "A line of the long report, one of very many.\n"
    text = line * 900
    file = tmp_path / "long.txt"
    file.write_text(text, encoding="utf-8")
    rows = [make.statement(f"s-{n}", start=n * 600, end=n * 600 + 30, claim=f"Claim {n}.") for n in range(60)]
    desk.register(
        make.document(articles=[make.article(editions=[{"file": str(file)}])], statements=rows, forecasts=[])
    )
    registry.attach(desk.store, "tarn-2020", file, actor="Ann")
    starts = cut(text)
    assert len(starts) == 4
    parts = [view(desk, part=str(number))["text"]["pieces"] for number in range(1, 5)]
    assert "".join(piece["text"] for part in parts for piece in part) == text
    assert all(text[start - 1] == "\n" for start in starts[1:])
    page = get("/articles/tarn-2020?part=3").text
    assert len(page) < 120_000
    assert 'href="/articles/tarn-2020?part=3&amp;page=2#s-' in page  # a statement on the other page of the list
    second = get("/articles/tarn-2020?page=2").text
    assert "60. " in text_of(second)
    assert re.search(r'href="/articles/tarn-2020\?part=3#in-s-\w+"', second)


def test_a_text_without_a_line_or_a_space_is_cut_too() -> None:
    assert cut("x" * (2 * MOST_CHARACTERS + 1)) == [0, MOST_CHARACTERS, 2 * MOST_CHARACTERS]


ABSENT = [
    "part=2",
    "part=0",
    "part=x",
    f"part={'9' * 400}",
    "page=2",
    "edition=ffff",
    "edition=%00",
]


def test_there_is_no_other_part_page_or_edition(get: Get, desk: Desk, tmp_path: Path) -> None:
    spoken(desk)
    attach(desk, tmp_path)
    for query in ABSENT:
        assert get(f"/articles/tarn-2020?{query}").status_code == 404, query


def test_another_edition_can_be_read(desk: Desk, tmp_path: Path) -> None:
    spoken(desk)
    attach(desk, tmp_path)
    attach(desk, tmp_path, "Another wording of it.\n", new_edition=True)
    assert view(desk)["text"]["sha256"] == make.SHA256
    (other,) = set(view(desk)["editions"]) - {make.SHA256}
    assert view(desk, edition=other[:12])["text"]["pieces"][0]["text"] == "Another wording of it.\n"
    with pytest.raises(NotFoundError):
        view(desk, edition="0" * 64)
