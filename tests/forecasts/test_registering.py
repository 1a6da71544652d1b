"""Registering documents: once, whole or not at all, and every mistake as one clear sentence."""

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecasts.correcting import NewReading, correct_statement
from forecasts.errors import CalleditError, ConflictError, InvalidInputError
from forecasts.exchange.files import MAX_BYTES, parse_document, read_document
from forecasts.store import Store
from tests.support.clocks import FakeClock, at
from tests.support.databases import Databases
from tests.support.desk import Desk
from tests.support.documents import (
    LOCATION,
    REMOVED,
    SHA256,
    TEXT,
    Item,
    article,
    author,
    chain,
    changed,
    coded,
    collection,
    document,
    event_leaf,
    forecast,
    lexicon,
    manual,
    question,
    rivals,
    ruling,
    statement,
    worded,
)

KINDS = ("articles", "authors", "statements", "questions", "forecasts")
HUGE = 10**30


def rich() -> Item:
    """A document that uses everything a document can."""
    value = chain("opens", "tolls")
    value["questions"][0] |= {"criterion": event_leaf(), "reference": {"probability": 0.5, "basis": "uninformed"}}
    value["statements"].append(
        statement(
            "s-told",
            start=60,
            end=80,
            stated_by="ben-cole",
            reported_via="ada-bell",
            stated_earliest="2019-12-01T00:00:00Z",
            stated_latest="2019-12-02T00:00:00Z",
            stated_basis="the paper of that day",
        )
    )
    value["forecasts"] += [
        worded("s-told", "q-opens"),
        coded("s-told", "q-tolls", excluded_because="rival-reading"),
    ]
    value["rulings"] = [ruling("q-tolls")]
    return value


# -- once ----------------------------------------------------------------------------------------------------


def test_registering_twice_changes_nothing_and_says_so(desk: Desk) -> None:
    first = desk.register(rich())
    before = {kind: desk.export(kind) for kind in KINDS}
    again = desk.register(rich())
    assert first.added == again.unchanged
    assert not again.added
    assert not first.unchanged
    assert first.ids == again.ids
    assert desk.rev() == 1
    assert {kind: desk.export(kind) for kind in KINDS} == before


def test_a_second_coding_that_is_not_recorded_is_told_and_not_added(desk: Desk) -> None:
    desk.register(document())
    before = desk.export("statements")
    read_twice = statement(second_coding="agreed", second_coding_note="Bea read it.")
    again = desk.register(document(statements=[read_twice]))
    assert not again.added
    (warning,) = again.warnings
    assert f"1 statement (the first is {before[0]['statement']}) stood registered without" in warning
    assert (desk.rev(), desk.export("statements")) == (1, before)
    for other in ({"kind": "commitment"}, {"claim": "It opens."}):
        with pytest.raises(ConflictError, match=f"registered already with another {next(iter(other))}"):
            desk.register(document(statements=[read_twice | other]))
    reading = NewReading(second_coding="agreed", second_coding_note="Bea read it.")
    correct_statement(desk.store, before[0]["statement"], reading, reason="Read twice.", actor="Ed")
    again = desk.register(document(statements=[read_twice]))
    assert not again.added
    assert not again.warnings
    with pytest.raises(ConflictError, match="registered already with another second_coding"):
        desk.register(document(statements=[read_twice | {"second_coding": "settled"}]))


def test_a_new_statement_keeps_its_second_coding_untold(desk: Desk) -> None:
    assert not desk.register(document(statements=[statement(second_coding="agreed")])).warnings
    assert desk.export("statements")[0]["second_coding"] == "agreed"


def test_what_is_new_in_a_known_document_is_added(desk: Desk) -> None:
    desk.register(document())
    more = document(statements=[statement(), statement("s-two", start=60, end=90)])
    found = desk.register(more)
    assert found.added == {"statements": 1}
    assert found.unchanged["statements"] == 1
    assert desk.rev() == 2


def test_both_databases_give_the_same_public_ids(both_desks: dict[str, Desk]) -> None:
    one, other = (desk.register(rich()).ids for desk in both_desks.values())
    assert one == other
    assert set(one) == {"statements", "questions"}


def test_ids_follow_from_content_not_from_the_order_of_registering(both_desks: dict[str, Desk]) -> None:
    one, other = both_desks.values()
    one.register(rich())
    other.register(document())
    other.register(rich())
    ids = [{row["forecast"] for row in desk.export("forecasts")} for desk in (one, other)]
    assert ids[0] <= ids[1]


def test_a_dry_run_says_what_would_be_and_changes_nothing(desk: Desk) -> None:
    dry = desk.register(rich(), dry_run=True)
    assert desk.rev() == 0
    assert desk.export("authors") == []
    assert dry.added == desk.register(rich()).added


def test_the_same_document_is_known_after_another_edition_was_added(desk: Desk) -> None:
    desk.register(document())
    other = {"sha256": "b" * 64, "characters": 500}
    desk.register({"articles": [article(editions=[other])]})
    assert not desk.register(document()).added
    with pytest.raises(InvalidInputError, match="has 2 editions; name one of them by its sha256"):
        desk.register({"statements": [statement()]})
    assert not desk.register({"statements": [statement(edition=SHA256)]}).added


def test_the_same_document_is_known_after_a_newer_lexicon_came(desk: Desk) -> None:
    value = document(forecasts=[worded()])
    desk.register(value)
    newer = [{"phrase": "Likely", "low": 0.5, "median": 0.6, "high": 0.7}]
    desk.register({"lexicons": [lexicon(version="2", phrases=newer)]})
    assert not desk.register(value).added
    assert desk.register(changed(value, "statements.0.start", 1)).added["forecasts"] == 1
    assert [row["probability"] for row in desk.export("forecasts")].count(0.6) == 1


def test_what_is_registered_can_be_named_by_its_public_id(desk: Desk) -> None:
    ids = desk.register(document()).ids
    parent = ids["questions"]["q-bridge"]
    child = question("q-child", criterion=manual("later"), condition={"question": parent})
    told = statement("s-two", start=60, end=90)
    found = desk.register({"statements": [told], "questions": [child], "forecasts": [forecast("s-two", parent)]})
    assert found.added == {"statements": 1, "questions": 1, "forecasts": 1}
    assert desk.export("questions")[0]["condition"] in (parent, None)


# -- other content under the same name -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "new", "names"),
    [
        ("collections.0.name", "Other", "collections[0]: this is registered already with another name;"),
        ("lexicons.0.phrases.0.low", 0.5, "lexicons[0]: this is registered already with another phrases;"),
        ("articles.0.label", "Other", "articles[0]: this is registered already with another label;"),
        (
            "articles.0.editions.0.characters",
            900,
            "articles[0]: this is registered already with another characters;",
        ),
        ("authors.0.kind", "anonymous", "authors[0]: this is registered already with another kind;"),
        ("statements.0.claim", "Other.", "statements[0]: this is registered already with another claim;"),
        ("questions.0.title", "Other?", "questions[0]: this is registered already with another title;"),
        ("questions.0.cluster", "other", "questions[0]: this is registered already with another cluster;"),
        ("forecasts.0.probability", 0.71, "already with another probability_ppm, low_ppm, high_ppm;"),
        ("rulings.0.outcome", "ambiguous", "rulings[0]: this is registered already with another outcome;"),
    ],
)
def test_other_content_is_refused_by_field(desk: Desk, path: str, new: object, names: str) -> None:
    value = document(rulings=[ruling()])
    desk.register(value)
    with pytest.raises(ConflictError) as caught:
        desk.register(changed(value, path, new))
    assert names in str(caught.value)
    assert "is corrected, never overwritten" in str(caught.value)
    assert desk.rev() == 1


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("deadline", "2020-08-01T00:00:00Z"),
        ("opens_at", "2019-12-31T00:00:00Z"),
        ("opens_latest", "2020-01-01T13:00:00Z"),
        ("reading", "rival"),
        ("criterion", manual("Something else.")),
    ],
)
def test_another_criterion_window_or_reading_is_another_question(desk: Desk, path: str, new: object) -> None:
    (one,) = desk.ids(document()).values()
    (other,) = desk.ids(changed(document(forecasts=[]), f"questions.0.{path}", new)).values()
    assert one != other


# -- what it computes ----------------------------------------------------------------------------------------


def test_a_worded_forecast_takes_its_numbers_from_the_lexicon(desk: Desk) -> None:
    said_of_no = worded("s-1", asserts="no", phrase="MAY")
    value = rivals(worded(), said_of_no | {"excluded_because": "rival-reading"})
    desk.register(value)
    found = {row["phrase"]: row for row in desk.export("forecasts")}
    numbers = ("probability_low", "probability", "probability_high", "basis", "lexicon", "lexicon_version")
    assert [found["likely"][name] for name in numbers] == [0.55, 0.7, 0.9, "lexicon", "capphrase", "1"]
    assert [found["MAY"][name] for name in numbers] == [0.4, 0.6, 0.8, "lexicon", "capphrase", "1"]


def test_a_stated_number_is_its_own_range(desk: Desk) -> None:
    desk.register(document(forecasts=[forecast(probability=1)]))
    (row,) = desk.export("forecasts")
    assert (row["probability_low"], row["probability"], row["probability_high"]) == (1.0, 1.0, 1.0)


def test_a_statement_takes_the_date_of_its_article_unless_it_has_its_own(desk: Desk) -> None:
    desk.register(rich())
    own, other = (next(row for row in desk.export("statements") if row["start"] == start) for start in (60, 0))
    assert (own["stated_earliest"], own["stated_latest"]) == ("2019-12-01T00:00:00Z", "2019-12-02T00:00:00Z")
    assert (other["stated_earliest"], other["stated_latest"]) == ("2020-01-01T00:00:00Z", "2020-01-01T12:00:00Z")
    assert other["stated_basis"] == "the article's publication: the date line"
    assert (own["stated_by"], own["reported_via"]) == ("Ben Cole", "Ada Bell")


def test_an_edition_is_computed_from_a_file_unnormalised(desk: Desk, tmp_path: Path) -> None:
    body = "Ça\r\nira — 🚲".encode()
    (tmp_path / "a.txt").write_bytes(body)
    desk.register(
        document(articles=[article(editions=[{"file": "a.txt"}])], statements=[], forecasts=[]), folder=tmp_path
    )
    (row,) = desk.export("articles")
    assert (row["article_sha256"], row["characters"]) == (hashlib.sha256(body).hexdigest(), 11)


def test_a_whole_article_can_be_registered_from_its_file(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    edition = {"file": "a.txt", "sha256": SHA256, "characters": len(TEXT)}
    assert desk.register(document(articles=[article(editions=[edition])]), folder=tmp_path).added["forecasts"] == 1


def test_questions_may_stand_before_their_conditions(desk: Desk) -> None:
    value = chain("one", "two", "three")
    value["questions"].reverse()
    assert desk.register(value).added["questions"] == 3
    assert sum(row["condition"] is not None for row in desk.export("questions")) == 2


def test_questions_over_one_table_share_a_resource_and_any_key_order(desk: Desk) -> None:
    leaf = event_leaf()
    turned = dict(reversed(list(leaf["query"].items())))
    value = document(
        questions=[
            question(criterion=leaf),
            question("q-two", criterion=event_leaf(query=turned, filter={"kind": ["closing"]})),
        ]
    )
    desk.register(value)
    resources = [row["resources"] for row in desk.export("questions")]
    assert resources[0] == resources[1]
    assert len(resources[0]) == 1


# -- what cannot be registered -------------------------------------------------------------------------------

BAD: list[tuple[str, object, str]] = [
    ("forecasts.0.probability", 1.2, "a probability is a number from 0 to 1, not 1.2"),
    ("forecasts.0.probability", True, "a probability is a number from 0 to 1, not True"),
    ("forecasts.0.probability", "0.5", "a probability is a number from 0 to 1, not '0.5'"),
    ("forecasts.0.probability", float("nan"), "a probability is a number from 0 to 1, not nan"),
    ("forecasts.0.probability", HUGE, "a probability is a number from 0 to 1"),
    ("forecasts.0.probability", REMOVED, "forecasts[0]: basis = 'stated' needs a probability"),
    ("forecasts.0.low", 0.8, "low, probability and high are not in order"),
    ("forecasts.0.phrase", "likely", "phrase and lexicon belong to basis = 'lexicon', not 'stated'"),
    ("forecasts.0.basis", "coder", "basis = 'coder' needs low, high and a reason"),
    ("forecasts.0.basis", "lexicon", "basis = 'lexicon' needs a phrase and a lexicon"),
    (
        "forecasts.0",
        worded(phrase="with luck"),
        "gives no number for 'with luck'; use basis = 'coder' with a reason",
    ),
    ("forecasts.0", worded(lexicon="moods"), "forecasts[0]: there is no lexicon 'moods'"),
    ("forecasts.0", worded(probability=0.5), "takes its numbers from the lexicon; remove those given"),
    ("forecasts.0.statement", "s-nowhere", "forecasts[0]: there is no statement 's-nowhere'"),
    ("forecasts.0.question", "q-nowhere", "forecasts[0]: there is no question 'q-nowhere'"),
    ("forecasts.0.excluded_because", "dislike", "forecasts[0].excluded_because: Input should be"),
    ("forecasts.0.stated_at", "2020-07-01T00:00:00Z", "not before the deadline 2020-07-01T00:00:00Z"),
    (
        "forecasts.0.stated_at",
        "2020-02-01T00:00:00",
        "forecasts[0].stated_at: 2020-02-01T00:00:00 has no time zone",
    ),
    (
        "statements.0.checkability",
        "no",
        "the statement is no checkable forecast, so it cannot carry a probability",
    ),
    ("statements.0.kind", "not-a-forecast", "the statement is no checkable forecast"),
    ("questions.0.opens_at", "2020-01-01T00:00:00", "questions[0].opens_at: 2020-01-01T00:00:00 has no time zone"),
    ("questions.0.deadline", "2019-12-31T00:00:00Z", "questions[0]: the deadline must lie after opens_at"),
    ("questions.0.deadline", "2020-01-01T12:00:00Z", "questions[0]: the deadline must lie after opens_at"),
    ("questions.0.opens_latest", "2019-12-31T00:00:00Z", "questions[0]: the deadline must lie after opens_at"),
    ("questions.0.deadline", "9999-12-31T23:59:59Z", "lies outside the years 1800 to 2500"),
    ("questions.0.zone", "Mars/Olympus", "questions[0].zone: 'Mars/Olympus' is not an IANA time zone"),
    ("questions.0.retrospective", "no", "questions[0].retrospective: true or false is needed, not 'no'."),
    ("questions.0.condition", {"question": "q-bridge"}, "the condition is circular (q-bridge -> q-bridge)"),
    ("questions.0.condition", {"question": "q-nowhere"}, "questions[0]: there is no question 'q-nowhere'"),
    ("questions.0.criterion", event_leaf(source="crystal-ball"), "there is no source 'crystal-ball'"),
    (
        "questions.0.criterion",
        {"type": "hunch"},
        "questions[0]: criterion: there is no type 'hunch'; use one of event_before_deadline",
    ),
    ("questions.0.criterion", {}, "questions[0]: criterion: the field 'type' is missing"),
    ("questions.0.criterion", manual("a\x00b"), "a text cannot contain the NUL character"),
    ("questions.0.reference", {"probability": 2, "basis": "x"}, "reference.probability: a probability is"),
    (
        "statements.0.stated_by",
        "nobody",
        "statements[0]: there is no author 'nobody'; register it in the same file",
    ),
    ("statements.0.reported_via", "nobody", "statements[0]: there is no author 'nobody'"),
    ("statements.0.article", "nowhere", "statements[0]: there is no article 'nowhere'"),
    ("statements.0.edition", "b" * 64, "statements[0]: article 'tarn-2020' has no edition"),
    (
        "statements.0.end",
        len(TEXT) + 1,
        f"the span 0-{len(TEXT) + 1} does not lie inside the text, which has {len(TEXT)} characters",
    ),
    ("statements.0.end", 0, "the span 0-0 does not lie inside the text"),
    ("statements.0.start", -1, "statements[0].start: Input should be greater than or equal to 0"),
    ("statements.0.start", 1.5, "statements[0].start: a whole number is needed, not 1.5."),
    ("statements.0.end", HUGE, "statements[0].end: Input should be less than or equal to"),
    ("statements.0.part", 0, "statements[0].part: Input should be greater than or equal to 1"),
    ("statements.0.claim", "a\x00b", "statements[0].claim: a text cannot contain the NUL character"),
    (
        "statements.0.claim",
        "a\ud800b",
        "statements[0].claim: the text contains half of a surrogate pair; remove it.",
    ),
    ("statements.0.claim", "", "statements[0].claim: String should have at least 1 character"),
    ("statements.0.hedge_phrase", "a\x00b", "statements[0].hedge_phrase: a text cannot contain the NUL character"),
    (
        "statements.0.hedge_phrase",
        "x" * 81,
        "statements[0].hedge_phrase: String should have at most 80 characters",
    ),
    ("statements.0.stated_earliest", "2020-01-01T00:00:00Z", "says in `stated_basis` how it is known"),
    ("statements.0.stated_latest", "2019-01-01T00:00:00Z", "stated_earliest lies after stated_latest"),
    ("articles.0.collection", "nowhere", "articles[0]: there is no collection 'nowhere'"),
    ("articles.0.published_latest", "2019-01-01T00:00:00Z", "published_earliest lies after published_latest"),
    ("articles.0.editions", [], "articles[0].editions: the list is too short; give at least 1, not 0."),
    ("articles.0.editions", [{"sha256": SHA256}], "an edition needs `sha256` and `characters`, or a `file`"),
    ("articles.0.editions.0.sha256", "abc", "articles[0].editions[0].sha256: String should match pattern"),
    ("articles.0.editions.0.characters", HUGE, "articles[0].editions[0].characters: Input should be less"),
    ("articles.0.editions.0.file", "nowhere.txt", "nowhere.txt cannot be read (No such file or directory)"),
    ("collections.0", collection(method="random"), "a random collection says how many were chosen `of` how many"),
    (
        "collections.0",
        collection(method="random", chosen=3, of=2),
        "a random collection says how many were chosen",
    ),
    ("collections.0", collection(of=HUGE), "collections[0].of: Input should be less than or equal to"),
    ("lexicons.0.phrases.0.low", 0.8, "the range of 'Likely' is not in order: low, median, high"),
    ("lexicons.0.phrases.0.aliases", ["may"], "lexicons[0]: 'may' stands for two ranges"),
    ("lexicons.0.phrases", [], "lexicons[0].phrases: the list is too short; give at least 1"),
    ("authors.0.slug", "Ada Bell", "authors[0].slug: String should match pattern"),
    ("authors.0.kind", "robot", "authors[0].kind: Input should be 'person', 'organisation'"),
    ("authors.0.rank", 1, "authors[0].rank: there is no such field; leave it out, or use one of note."),
    ("authors", "ada", "authors: a list is needed, not 'ada'."),
    ("schema", 2, "schema: Input should be less than or equal to 1"),
    ("schema", True, "schema: a whole number is needed, not true."),
    ("predictions", [], "predictions: there is no such field (did you mean publications?)."),
    ("pre\ud800", [], "pre\\ud800: there is no such field"),
    ("rulings", [ruling(occurred_at="2020-07-01T00:00:00Z")], "rulings[0]: It occurred at 2020-07-01T00:00:00Z"),
    (
        "rulings",
        [ruling(knowable_at="2020-05-01T00:00:00Z")],
        "rulings[0]: it could not be known before it occurred",
    ),
    ("rulings", [ruling("q-nowhere")], "rulings[0]: there is no question 'q-nowhere'"),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def untouched(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Desk]:
    """A registry that many tests try to write to, and none may change."""
    clock = FakeClock(at("2020-01-02"))
    desk = Desk(Store(databases.make(request.param), clock), clock)
    yield desk
    assert desk.export("authors") == []
    desk.store.close()


@pytest.mark.parametrize(
    ("path", "new", "says"), BAD, ids=[f"{path}-{number}" for number, (path, _, _) in enumerate(BAD)]
)
def test_a_bad_registration_gets_one_clear_sentence_and_changes_nothing(
    untouched: Desk, path: str, new: object, says: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        untouched.register(changed(document(), path, new))
    message = str(caught.value)
    assert says in message
    assert "\n" not in message
    assert message.endswith(".")
    message.encode()
    assert untouched.rev() == 0


def test_a_statement_has_one_primary_forecast(desk: Desk) -> None:
    second = question("q-two", criterion=manual("two"))
    value = document(questions=[question(), second], forecasts=[forecast(), forecast(question="q-two")])
    with pytest.raises(ConflictError, match=r"forecasts\[1\]: the statement has a primary forecast already \(f-"):
        desk.register(value)
    assert desk.rev() == 0
    value["forecasts"][1]["excluded_because"] = "rival-reading"
    assert desk.register(value).added["forecasts"] == 2


def test_equal_instants_written_differently_are_one_question(desk: Desk) -> None:
    one = document()["questions"][0]
    same = one | {"opens_at": "2020-01-01T09:00:00+09:00", "deadline": "2020-06-30T19:00:00.000-05:00"}
    assert desk.ids({"questions": [one]}) == desk.ids({"questions": [same]})
    assert len(desk.export("questions")) == 1


def test_a_circle_of_conditions_is_named(desk: Desk) -> None:
    value = chain("one", "two", "three")
    value["questions"][0]["condition"] = {"question": "q-three"}
    with pytest.raises(InvalidInputError, match="the condition is circular") as caught:
        desk.register(value)
    for key in ("q-one", "q-two", "q-three"):
        assert key in str(caught.value)


def test_a_chain_of_conditions_has_an_end(desk: Desk) -> None:
    long = [f"n{number}" for number in range(400)]
    questions = chain(*long)["questions"]
    with pytest.raises(InvalidInputError, match="longer than 50 questions"):
        desk.register({"questions": questions})
    desk.register({"questions": questions[:50]})
    with pytest.raises(InvalidInputError, match="longer than 50 questions"):
        desk.register({"questions": questions[:51]})


def test_a_condition_shares_its_cluster(desk: Desk) -> None:
    value = changed(chain("one", "two"), "questions.1.cluster", "elsewhere")
    with pytest.raises(
        InvalidInputError, match="a question and its condition share a cluster; write cluster = 'bridge'"
    ):
        desk.register(value)


@pytest.mark.parametrize(
    "value",
    [
        document(statements=[statement(), statement(start=5)]),
        document(questions=[question(), question(reading="other")]),
    ],
)
def test_a_key_names_one_thing(desk: Desk, value: Item) -> None:
    with pytest.raises(InvalidInputError, match="is used twice; give each its own"):
        desk.register(value)


def test_a_file_that_is_not_what_is_stated_is_refused(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    cases = [
        ({"file": "a.txt", "characters": 4}, "and 3 characters, not what is stated"),
        ({"file": "a.txt", "sha256": "a" * 64}, "and 3 characters, not what is stated"),
        ({"file": "empty.txt"}, "empty.txt is empty"),
        ({"file": "latin.txt"}, "is not UTF-8 text; convert it first"),
        ({"file": "."}, "cannot be read (Is a directory)"),
    ]
    for edition, says in cases:
        with pytest.raises(InvalidInputError) as caught:
            desk.register(
                {"collections": [collection()], "articles": [article(editions=[edition])]}, folder=tmp_path
            )
        assert says in str(caught.value)
    assert desk.rev() == 0


# -- files ---------------------------------------------------------------------------------------------------


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.JSON").write_text(json.dumps({"authors": [author()]}))
    (tmp_path / "a.toml").write_text('[[authors]]\nslug = "ada-bell"\nname = "Ada Bell"\nkind = "person"\n')
    assert read_document(tmp_path / "a.JSON") == read_document(tmp_path / "a.toml")


def test_dates_of_toml_keep_their_zone(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('[[rulings]]\nquestion = "q"\noutcome = "no"\nknowable_at = 2020-01-01T00:00:00\n')
    with pytest.raises(InvalidInputError, match="has no time zone"):
        read_document(path)


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("a.toml", b"", "The file registers nothing"),
        ("a.json", b"", "is not JSON"),
        ("a.json", b"{}", "The file registers nothing"),
        ("a.json", b"[]", "The file registers nothing"),
        ("a.json", b"null", "The file registers nothing"),
        ("a.json", b"{", "is not JSON"),
        ("a.json", b"[" * 100_000, "is not JSON"),
        ("a.json", b'{"schema": ' + b"1" * 5000 + b"}", "is not JSON"),
        ("a.toml", b"schema = 0x" + b"f" * 5000, "schema: Input should be less than or equal to 1"),
        ("a.toml", b"= 1", "is not TOML"),
        ("a.toml", b"a = [" * 5000, "is not TOML"),
        ("a.toml", b"\xff", "is not UTF-8 text; save it as UTF-8"),
        ("a.toml", b"[[authors]]\nslug = 5", "authors[0].slug: a text is needed, not 5"),
    ],
)
def test_a_file_that_is_no_document_gets_one_clear_sentence(
    tmp_path: Path, name: str, body: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    with pytest.raises(InvalidInputError) as caught:
        read_document(path)
    assert says in str(caught.value)


def test_a_file_that_is_not_there_or_too_large_gets_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"cannot be read \(No such file or directory\)"):
        read_document(tmp_path / "nowhere.toml")
    with pytest.raises(InvalidInputError, match=r"cannot be read \(Is a directory\)"):
        read_document(tmp_path)
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InvalidInputError, match="is larger than 50000000 bytes; split it"):
        read_document(tmp_path / "large.toml")


# -- whatever is thrown at it --------------------------------------------------------------------------------


def paths(value: object, above: str = "") -> list[str]:
    """Return the dotted path of every place in a document."""
    items: list[tuple[str, object]] = []
    if isinstance(value, dict):
        items = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, list):
        items = [(str(number), part) for number, part in enumerate(value)]
    found = []
    for name, part in items:
        here = f"{above}.{name}".lstrip(".")
        found += [here, *paths(part, here)]
    return found


RICH = rich()
JUNK = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            -1,
            1,
            2**31,
            2**63,
            HUGE,
            0x10**6000,
            0.5,
            1.2,
            float("nan"),
            float("inf"),
            "",
            " ",
        ]
    ),
    st.sampled_from(
        ["\x00", "\ud800", "a\udfff", "no", "q-opens", "q-tolls", "s-told", "ada-bell", "x" * 5000, "P1D"]
    ),
    st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2020-01-01", "2020-02-30T00:00:00Z"]),
    st.sampled_from([[], {}, [[]], [None], {"": 0}, {"\ud800": 1}, REMOVED]),
    st.sampled_from([event_leaf(), {"type": "not", "criterion": manual()}, {"type": "all", "of": [event_leaf()]}]),
    st.text(max_size=5),
    st.integers(),
    st.floats(),
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(paths(RICH)), JUNK), min_size=1, max_size=3))
@example([("forecasts.0.probability", 0x10**6000)])
@example([("statements.0.start", 0x10**6000)])
@example([("articles.0.editions.0.characters", 2**63)])
def test_whatever_is_registered_only_our_own_errors_come_out(
    untouched: Desk, mutations: list[tuple[str, Any]]
) -> None:
    value = copy.deepcopy(RICH)
    for path, junk in mutations:
        try:
            value = changed(value, path, junk)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier mutation took this place away
    sentence = "Fine."
    try:
        untouched.register(value, dry_run=True)
    except CalleditError as error:
        sentence = str(error)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert sentence.encode()
    assert untouched.rev() == 0


def test_a_document_is_data_and_stays_as_it_was() -> None:
    value = rich()
    parse_document(value)
    assert value == RICH
    assert value["questions"][0]["criterion"]["query"]["location"] == LOCATION
