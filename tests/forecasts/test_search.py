"""Full-text search: the same on both databases, kept with every write, and nothing left of what was redacted."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from forecasts import redacting, registry, search
from forecasts.correcting import NewReading, correct_statement
from forecasts.errors import InvalidInputError
from forecasts.search import Term, terms_of
from tests.support import documents as make
from tests.support.desk import Desk


def found(desk: Desk, asked: str) -> set[str]:
    """Return the fields in which the one term of a search is found."""
    (term,) = terms_of(asked)
    with desk.store.read() as session:
        return {field for field, rows in search.find(session, term).items() if rows}


def kept(desk: Desk) -> list[tuple[Any, ...]]:
    """Return the whole index."""
    key = "id" if desk.store.on_postgres else "rowid"
    with desk.store.read() as session:
        rows = session.connection().execute(text(f"SELECT {key}, CAST(words AS text) FROM search_text ORDER BY 1"))
        return [tuple(row) for row in rows]


def attach(desk: Desk, folder: Path) -> None:
    file = folder / "tarn.txt"
    file.write_text(make.TEXT, encoding="utf-8")
    registry.attach(desk.store, "tarn-2020", file, actor="Ann")


def the_statement(desk: Desk) -> str:
    return str(next(iter(desk.ledger().statements.values())).public_id)


WORDS = [
    ("crossing", {"claim"}),
    ("CROSSINGS", {"claim"}),
    ("likely", {"hedge", "quotation"}),
    ("tarn", {"quotation"}),
    ("july", {"quotation", "title"}),
    ("opening", {"title", "quotation"}),
    ("'bridges'", {"title", "cluster", "quotation"}),
    ("ádá", {"author"}),
    ('"in use by"', {"claim"}),
    ('"use in by"', set()),
    ("mid-year", {"claim"}),
    ("year-mid", set()),
    ("cros*", {"claim"}),
    ("cros", set()),
    ("ferry", set()),
]


def test_a_word_is_found_in_every_text_it_stands_in(desk: Desk, tmp_path: Path) -> None:
    desk.register(make.document())
    attach(desk, tmp_path)
    for asked, fields in WORDS:
        assert found(desk, asked) == fields, asked


SIGNS = [
    "NOT",
    "crossing OR ferry",
    "a AND (b",
    "crossing''",
    "NEAR(x y",
    "col:x",
    "x^2",
    "a !& | <-> b",
    "\\ x",
    "5 %",
]


def test_no_sign_is_an_operator(desk: Desk) -> None:
    desk.register(make.document())
    with desk.store.read() as session:
        for asked in SIGNS:
            found = [term.words for term in terms_of(asked) if search.find(session, term)["claim"]]
            assert found == [("cross",)] * ("crossing" in asked), asked


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("!?", "no letter and no digit"),
        ("\ufffd", "half of a character"),
        ("caf\ufffd", "half of a character"),
        ("a\x00b", "NUL"),
        ("a" * 301, "301 characters are too many"),
        (" ".join(f"w{n}" for n in range(21)), "21 words are too many"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(asked: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        terms_of(asked)


def test_an_empty_search_asks_for_nothing_and_a_word_counts_once() -> None:
    assert terms_of("  ") == []
    assert terms_of("test tests TESTING") == [Term(("test",))]


def test_a_dry_run_leaves_nothing_to_be_found(desk: Desk) -> None:
    desk.register(make.document(), dry_run=True)
    assert kept(desk) == []


def test_the_index_is_what_a_rebuild_makes_of_the_same_rows(desk: Desk, tmp_path: Path) -> None:
    desk.register(make.document(statements=[make.statement(), make.statement("s-2", start=60, end=80)]))
    attach(desk, tmp_path)
    correct_statement(
        desk.store, the_statement(desk), NewReading(claim="It is used in May."), reason="Misread.", actor="Ann"
    )
    redacting.redact(desk.store, "statement", the_statement(desk), reason="A demand.", actor="Ann")
    before = kept(desk)
    assert before
    with desk.store.queue() as session:
        search.rebuild(session.connection())
    assert kept(desk) == before


def test_a_corrected_claim_is_found_by_both_readings(desk: Desk) -> None:
    """Which of them is shown, the ledger says."""
    desk.register(make.document())
    correct_statement(
        desk.store, the_statement(desk), NewReading(claim="Trams cross it."), reason="Misread.", actor="Ann"
    )
    assert (found(desk, "trams"), found(desk, "crossing")) == ({"claim"}, {"claim"})


def test_a_redacted_statement_leaves_no_word_of_claim_and_quotation(desk: Desk, tmp_path: Path) -> None:
    desk.register(make.document())
    attach(desk, tmp_path)
    redacting.redact(desk.store, "statement", the_statement(desk), reason="A demand.", actor="Ann")
    assert (found(desk, "crossing"), found(desk, "tarn"), found(desk, "likely")) == (set(), set(), {"hedge"})
    redacting.redact(desk.store, "statement", the_statement(desk), reason="All.", actor="Ann", with_hedge=True)
    assert found(desk, "likely") == set()


def test_a_redacted_copy_leaves_no_word_of_its_quotations(desk: Desk, tmp_path: Path) -> None:
    desk.register(make.document())
    attach(desk, tmp_path)
    redacting.redact(desk.store, "copy", make.SHA256, reason="A demand.", actor="Ann")
    assert (found(desk, "tarn"), found(desk, "crossing")) == (set(), {"claim"})


def test_a_copy_attached_after_a_redaction_does_not_bring_the_quotation_back(desk: Desk, tmp_path: Path) -> None:
    desk.register(make.document())
    redacting.redact(desk.store, "statement", the_statement(desk), reason="A demand.", actor="Ann")
    attach(desk, tmp_path)
    correct_statement(
        desk.store,
        the_statement(desk),
        NewReading(checkability="partly", checkability_reason="Hard to see."),
        reason="Misread.",
        actor="Ann",
    )
    assert found(desk, "tarn") == set()


def test_the_index_keeps_no_trace_of_a_redacted_word(desk: Desk) -> None:
    """FTS5 only marks what is deleted until it is told to put itself in order."""
    desk.register(make.document())
    assert any(b"cross" in block for block in blocks(desk))
    redacting.redact(desk.store, "statement", the_statement(desk), reason="A demand.", actor="Ann")
    assert blocks(desk)
    assert not any(b"cross" in block for block in blocks(desk))


def blocks(desk: Desk) -> list[bytes]:
    """Return what a database holds of the index, as it lies there."""
    if desk.store.on_postgres:
        return [str(words).encode() for _, words in kept(desk)]
    with desk.store.read() as session:
        found = session.connection().execute(text("SELECT block FROM search_text_data")).scalars().all()
        return [bytes(block) for block in found] + [str(words).encode() for _, words in kept(desk)]


def test_words_of_any_length_and_script_are_kept(desk: Desk) -> None:
    """PostgreSQL takes no row of more than a megabyte of words."""
    long = "\U00020000" * 60
    strange = (
        " ".join(f"{long}{n}" for n in range(20))
        + " \u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 x_y It's O'Brien's"
    )
    desk.register(make.document(statements=[make.statement(claim=strange)]))
    assert found(desk, "\u03ba\u03b1\u03bb\u03b7\u03bc\u03b5\u03c1\u03b1") == found(desk, "obrien") == {"claim"}


def test_a_span_of_many_words_is_indexed_as_far_as_a_database_takes_it(desk: Desk, tmp_path: Path) -> None:
    long = " ".join(f"w{n:06}{'語' * 33}" for n in range(6_000))
    file = tmp_path / "long.txt"
    file.write_text(long, encoding="utf-8")
    article = make.article(editions=[{"file": str(file)}])
    desk.register(make.document(articles=[article], statements=[make.statement(end=len(long))]))
    registry.attach(desk.store, "tarn-2020", file, actor="Ann")
    assert found(desk, "w000001*") == {"quotation"}
    assert found(desk, "w005999*") == set()
