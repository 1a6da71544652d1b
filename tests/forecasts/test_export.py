"""Exports: whole, in an order that does not depend on the database, and safe to open."""

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts import corrections, publishing, registry, replying
from forecasts.exchange.export import KINDS, records, to_csv, to_json
from forecasts.ledger import Ledger
from forecasts.registry import NewNumber
from forecasts.reports import author_report
from forecasts.tables import Statement
from forecasts.web.article import article_view
from tests.support.clocks import at
from tests.support.desk import Desk, sound_check
from tests.support.documents import (
    SHA256,
    author,
    chain,
    coded,
    document,
    event_leaf,
    forecast,
    lexicon,
    question,
    statement,
    worded,
)
from tests.support.many import LATER, Many

REAL_TIME = ("rev", "run_id", "recorded_at")
PROMISED = {
    "article_sha256",
    "start",
    "end",
    "part",
    "stated_by",
    "stated_by_kind",
    "reported_via",
    "kind",
    "checkability",
    "checkability_reason",
    "second_coding",
    "hedge_phrase",
    "claim",
    "question",
    "condition",
    "deadline",
    "asserts",
    "probability",
    "probability_low",
    "probability_high",
    "basis",
    "excluded_because",
    "outcome",
    "occurred_at",
    "occurred_until",
    "scored",
}


def full(desk: Desk) -> None:
    """Fill a registry with something of every kind, in every state."""
    value = chain("one", "two", "three")
    value["questions"].append(question("q-table", criterion=event_leaf(), cluster="other"))
    value["statements"] += [
        statement("s-vague", start=90, end=99, checkability="no"),
        statement("s-worded", start=60, end=80, stated_by="ben-cole", reported_via="ada-bell"),
    ]
    value["forecasts"] += [
        worded("s-worded", "q-table"),
        coded("s-one", "q-table", excluded_because="rival-reading"),
    ]
    ids = desk.ids(value)
    desk.resolve(ids["q-one"], "yes", occurred="2020-02-01")
    desk.resolve(ids["q-two"], "no")
    desk.propose(ids["q-table"])
    first = next(row["forecast"] for row in desk.export("forecasts") if row["question"] == ids["q-one"])
    registry.correct(desk.store, first, NewNumber(probability=0.35), reason="Misread.", actor="Cora")
    with desk.store.write(actor="calledit", kind="adapter", action="check") as tx:
        sound_check(tx)
    publishing.notify(desk.store, "ada-bell", how="A letter.", actor="Edith")
    replying.reply(
        desk.store, "ada-bell", "I stand by it.", received_at=at("2020-01-01"), how="By mail.", actor="Edith"
    )


def texts(desk: Desk, dump: Callable[[list[dict[str, Any]], str], str]) -> dict[str, str]:
    """Return every export without what is bound to real time."""
    return {
        kind: dump([{k: v for k, v in row.items() if k not in REAL_TIME} for row in desk.export(kind)], kind)
        for kind in KINDS
    }


def as_json(rows: list[dict[str, Any]], kind: str) -> str:
    return to_json(rows)


def test_both_databases_give_the_same_bytes(both_desks: dict[str, Desk]) -> None:
    one, other = both_desks.values()
    began = one.clock.now()
    full(one)
    other.clock.instant = began
    full(other)
    assert texts(one, as_json) == texts(other, as_json)
    assert texts(one, to_csv) == texts(other, to_csv)
    assert all(one.export(kind) for kind in KINDS)


def test_every_kind_is_an_array_and_a_table_with_the_same_rows(desk: Desk) -> None:
    full(desk)
    for kind in KINDS:
        rows = desk.export(kind)
        assert json.loads(to_json(rows)) == rows
        table = list(csv.DictReader(io.StringIO(to_csv(rows, kind), newline="")))
        assert [list(row) for row in table] == [list(row) for row in rows]
        key = KINDS[kind][1]
        found = [tuple(row[name] for name in key) for row in rows]
        assert found == sorted(found)
        assert len(found) == len(set(found)), kind


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_registry_gives_an_empty_array_and_a_bare_header(desk: Desk, kind: str) -> None:
    assert to_json(desk.export(kind)) == "[]\n"
    header = to_csv(desk.export(kind), kind)
    assert header == ",".join(KINDS[kind][1]) + "\r\n"


def test_a_statement_has_every_promised_field(desk: Desk) -> None:
    full(desk)
    rows = {row["start"]: row for row in desk.export("statements")}
    assert all(set(row) >= PROMISED for row in rows.values())
    first, vague, told = rows[0], rows[90], rows[60]
    assert (first["article_sha256"], first["stated_by"], first["stated_by_kind"]) == (SHA256, "Ada Bell", "person")
    assert (first["outcome"], first["occurred_at"], first["scored"]) == ("yes", "2020-02-01T00:00:00Z", True)
    assert first["probability"] == 0.35
    assert (told["reported_via"], told["outcome"], told["scored"]) == ("Ada Bell", "open", False)
    nothing = ("question", "condition", "deadline", "asserts", "probability", "basis", "outcome", "occurred_at")
    assert [vague[name] for name in nothing] == [None] * len(nothing)
    assert vague["scored"] is False
    assert rows[1]["condition"] == first["question"]
    assert {rows[n]["outcome"] for n in (1, 2)} == {"no", "annulled"}


def test_the_primary_forecast_is_shown_or_else_the_first(desk: Desk) -> None:
    desk.register(
        document(
            statements=[statement(), statement("s-two", start=60, end=80)],
            questions=[question(), question("q-two", reading="other")],
            forecasts=[
                forecast(excluded_because="rival-reading", probability=0.1),
                forecast(question="q-two", probability=0.2),
                forecast(
                    "s-two", excluded_because="restatement", probability=0.3, stated_at="2020-02-01T00:00:00Z"
                ),
                forecast("s-two", "q-two", excluded_because="chain-summary", probability=0.4),
            ],
        )
    )
    found = [(row["probability"], row["excluded_because"]) for row in desk.export("statements")]
    assert found == [(0.2, None), (0.4, "chain-summary")]


def test_as_of_exports_what_was_there(desk: Desk) -> None:
    full(desk)
    then = at("2000-01-01")
    assert [desk.export(kind, as_of=then) for kind in KINDS] == [[]] * len(KINDS)


# -- what a spreadsheet would run ----------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\x01", "\x7f", "\x85"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(start: str) -> None:
    (row,) = csv.DictReader(io.StringIO(to_csv([{"claim": f"{start}1+1"}], "statements"), newline=""))
    assert row["claim"] == f"'{start}1+1"


def test_numbers_flags_and_nothing_are_left_as_they_are() -> None:
    row = {"a": -0.5, "b": True, "c": False, "d": None, "e": ["=x"], "f": {"k": "-v"}, "g": "plain", "h": ""}
    lines = to_csv([row], "statements").split("\r\n")
    assert lines == ["a,b,c,d,e,f,g,h", '-0.5,true,false,,"[""=x""]","{""k"": ""-v""}",plain,', ""]


@given(st.text())
def test_no_text_cell_begins_with_what_a_spreadsheet_runs(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(to_csv([{"claim": text}], "statements"), newline=""))
    cell = row["claim"]
    assert cell in (text, f"'{text}")
    assert not cell or (cell[0] not in "=+-@" and unicodedata.category(cell[0]) != "Cc")


def test_a_hostile_name_is_neutralised_in_the_table_and_whole_in_json(desk: Desk) -> None:
    name = '=HYPERLINK("http://x";"y")'
    desk.register(document(authors=[author(name=name)], statements=[], forecasts=[]))
    assert desk.export("authors")[0]["name"] == name
    (row,) = csv.DictReader(io.StringIO(to_csv(desk.export("authors"), "authors"), newline=""))
    assert row["name"] == f"'{name}"


def test_whatever_the_size_each_statement_is_looked_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export of articles, an article's page, and the log and the replies that reports print."""
    slugs = [f"author-{k}" for k in range(6)]
    Many([True, False], {slug: {0: 0.9, 1: 0.2} for slug in slugs}).write(desk.store)
    desk.register({"schema": 1, "lexicons": [lexicon()]})
    fields: dict[str, Any] = {"received_at": desk.clock.now(), "how": "By mail", "actor": "Rita"}
    replying.reply(desk.store, "author-0", "All of it is wrong.", **fields)
    ledger = desk.ledger()
    looked_at, logs = Counter[int](), Counter[str]()
    label, whole = Ledger.label, corrections._whole_log

    def counted(self: Ledger, row: Statement) -> str:
        looked_at[row.id] += 1
        return label(self, row)

    def once(ledger: Ledger) -> list[corrections.Entry]:
        logs["built"] += 1
        return whole(ledger)

    monkeypatch.setattr(Ledger, "label", counted)
    monkeypatch.setattr(corrections, "_whole_log", once)
    assert len(records(ledger, "articles")) == 6
    assert set(looked_at.values()) == {1}
    looked_at.clear()
    assert article_view(ledger, "author-3")["key"] == "author-3"
    assert set(looked_at) == {row.id for row in ledger.said_by(ledger.author("author-3"))}
    reports = [author_report(ledger, slug, LATER) for slug in slugs]
    assert [len(report["replies"]) for report in reports] == [1, 0, 0, 0, 0, 0]
    assert logs["built"] == 1
