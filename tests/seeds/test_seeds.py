"""The founding articles: they register on both databases, say what they must, and hold none of the text."""

import csv
import hashlib
import re
from collections import Counter, defaultdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from forecasts import criteria
from forecasts.exchange.files import parse_document
from forecasts.tables import Forecast
from jobs.sources import catalogue
from seeds import documents
from tests.support.desk import Desk
from tests.support.reading import statements_table

SEEDS = documents()
ARTICLES = {name: value for name, value in SEEDS.items() if name.startswith("articles/")}
HANOI, PAK, COLUMN = ARTICLES.values()
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/seeds.md").read_text(encoding="utf-8")
COPIES = ROOT.parent / "shared" / "articles"
RUN = 7  # as many words in a row would be a quotation
# What a sentence about the future has in it; many that have it are about something else.
MARKS = re.compile(
    r"\b(will|won\Wt|would|could|may|might|can|shall|likely|unlikely|perhaps|maybe|probably|possibly|potential|"
    r"if|once|until|hope|hoped|fear|expect\w*|sure|upcoming|ahead|soon|future|next|inevitable|seems? to)\b",
    re.IGNORECASE,
)


def texts() -> dict[str, str]:
    """Return the copies of articles that lie beside the repository, by the hash of their bytes."""
    found = sorted(COPIES.glob("*.txt")) if COPIES.is_dir() else []
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path.read_bytes().decode() for path in found}


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)}


def prose(value: Any) -> list[str]:
    """Return every text in a document."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in prose(part)]


def register_all(desk: Desk) -> Counter[str]:
    added: Counter[str] = Counter()
    for value in SEEDS.values():
        added += desk.register(value, actor="founders", kind="seed").added
    return added


def test_what_others_refer_to_comes_first() -> None:
    assert [name.partition("/")[0] for name in SEEDS] == sorted(
        (name.partition("/")[0] for name in SEEDS), key=["lexicons", "collections", "articles"].index
    )


def test_the_seeds_register_whole_and_only_once(desk: Desk) -> None:
    added = register_all(desk)
    assert added["statements"] >= 30
    records = {(row["article"], row["stated_by"]) for row in desk.export("statements")}
    assert added.pop("publications") == len(records)
    assert added == Counter(
        {kind: sum(len(value.get(kind, [])) for value in SEEDS.values()) for kind in added}
        | {
            "editions": sum(
                len(article["editions"]) for value in SEEDS.values() for article in value.get("articles", [])
            )
        }
    )
    rev = desk.rev()
    assert not register_all(desk)
    assert desk.rev() == rev


def test_all_of_it_is_public_and_says_that_no_notice_was_sent(desk: Desk) -> None:
    register_all(desk)
    assert desk.ledger(public=True).left_out == 0
    assert {row["publication"] for row in desk.export("statements")} == {"published, no notice sent"}
    assert all(row["reason"] for row in desk.export("publications"))


def test_both_databases_give_the_seeds_the_same_ids(both_desks: dict[str, Desk]) -> None:
    found = []
    for desk in both_desks.values():
        register_all(desk)
        found.append(
            [[row[kind[:-1]] for row in desk.export(kind)] for kind in ("statements", "questions", "forecasts")]
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_a_statement_has_at_most_one_primary_forecast(value: dict[str, Any]) -> None:
    primary = Counter(item["statement"] for item in value["forecasts"] if "excluded_because" not in item)
    assert primary
    assert set(primary.values()) == {1}


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_every_checkable_statement_has_a_question_and_no_other_has(value: dict[str, Any]) -> None:
    forecasts = {item["statement"] for item in value["forecasts"]}
    for item in value["statements"]:
        assert item["checkability_reason"]
        if item["checkability"] == "no":
            assert item["key"] not in forecasts, item["key"]
        elif item["checkability"] == "yes" and item["kind"] not in ("restatement", "not-a-forecast"):
            assert item["key"] in forecasts, item["key"]


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_every_question_is_asked_by_a_statement_or_hung_on_by_another(value: dict[str, Any]) -> None:
    document = parse_document(value)
    asked = {item.question for item in document.forecasts}
    hung_on = {item.condition.question for item in document.questions if item.condition}
    assert {item.key for item in document.questions} == asked | hung_on
    assert all(item.retrospective for item in document.questions)


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_hedge_phrases_are_short(value: dict[str, Any]) -> None:
    phrases = [item["hedge_phrase"] for item in value["statements"] if "hedge_phrase" in item]
    assert phrases
    assert max(len(phrase.split()) for phrase in phrases) < RUN
    assert max(len(phrase) for phrase in phrases) <= 40


def test_numbers_that_are_ours_say_why(desk: Desk) -> None:
    register_all(desk)
    with desk.store.read() as session:
        rows = session.exec(select(Forecast)).all()
    assert {row.basis for row in rows} >= {"coder", "lexicon"}
    assert all(row.reason for row in rows if row.basis == "coder")


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_against_the_text_where_a_copy_is_at_hand(value: dict[str, Any]) -> None:
    known = texts()
    for article in value["articles"]:
        for edition in article["editions"]:
            text = known.get(edition["sha256"])
            if text is None:  # it belongs to its publisher; the structure is checked above
                continue
            assert edition["characters"] == len(text)
            for item in value["statements"]:
                span = text[item["start"] : item["end"]]
                assert span == span.strip(), item["key"]
                if "hedge_phrase" in item:
                    words = re.findall(r"\w+", item["hedge_phrase"].casefold())
                    assert set(words) <= set(re.findall(r"\w+", span.casefold())), item["key"]


def test_no_sentence_of_an_article_is_copied() -> None:
    quoted = {run for text in texts().values() for run in runs(text)}
    folder = Path(str(files("seeds")))
    ours = [passage for name, value in SEEDS.items() if "lexicon" not in name for passage in prose(value)]
    ours += [path.read_text(encoding="utf-8") for path in (*folder.glob("codings/*"), *folder.glob("events/*"))]
    for passage in (*ours, PAGE):
        assert not runs(passage) & quoted, sorted(runs(passage) & quoted)[:3]


# -- what was read, and what was left out ------------------------------------------------------------------------


@pytest.mark.parametrize("value", ARTICLES.values(), ids=ARTICLES.keys())
def test_the_page_lists_every_statement(value: dict[str, Any]) -> None:
    assert statements_table(value) in PAGE


def not_registered(name: str) -> list[tuple[int, int]]:
    """Return the places that the page lists as not registered from an article."""
    section = PAGE.partition(f"### Not registered from the {name}\n")[2].partition("\n#")[0]
    cells = [line.split("|") for line in section.splitlines() if re.match(r"\| \d", line)]
    assert all(cell[2].strip() and cell[3].strip() for cell in cells)
    return [(int(a), int(b)) for cell in cells for a, b in re.findall(r"(\d+)\D(\d+)", cell[1])]


@pytest.mark.parametrize(
    ("value", "name"),
    [(HANOI, "report"), (COLUMN, "column"), (PAK, "Pak article")],
    ids=("hanoi", "column", "pak"),
)
def test_every_sentence_that_may_look_ahead_is_registered_or_listed_with_a_reason(
    value: dict[str, Any], name: str
) -> None:
    (edition,) = value["articles"][0]["editions"]
    listed = not_registered(name)
    assert len(listed) > 10
    assert max(end for _, end in listed) <= edition["characters"]
    text = texts().get(edition["sha256"])
    if text is None:
        return
    places = [(item["start"], item["end"]) for item in value["statements"]] + listed
    missed, seen = [], 0
    for sentence in re.finditer(r"[^\s].*?(?:[.?!]\W?(?=\s)|(?=\n)|$)", text):
        if MARKS.search(sentence[0]):
            seen += 1
            if not any(start < sentence.end() and sentence.start() < end for start, end in places):
                missed.append((sentence.start(), sentence.end()))
    assert seen >= 20
    assert missed == []


def test_a_pull_quote_printed_three_times_is_one_statement() -> None:
    text = texts().get(PAK["articles"][0]["editions"][0]["sha256"])
    printed = {3: [2189, 8034]} if text is None else defaultdict(list)
    spans = {(item["start"], item["end"]) for item in PAK["statements"]}
    if text is not None:
        for start, end in spans:
            printed[text.count(text[start:end])].append(start)
    assert sorted(printed[3]) == [2189, 8034]
    assert {(2189, 2319), (8034, 8153)} <= spans
    for _, copies in ((2189, [(2322, 2452), (2669, 2799)]), (8034, [(8156, 8275), (8415, 8534)])):
        assert set(copies) <= set(not_registered("Pak article"))


# -- who said it, and when ---------------------------------------------------------------------------------------


def test_each_quoted_expert_and_official_has_a_page_of_their_own(desk: Desk) -> None:
    register_all(desk)
    said = Counter(row["stated_by"] for row in desk.export("statements"))
    assert said == Counter(
        {
            "Author of the report of 22 February 2019 (not named in the text)": 10,
            "Christopher Hill": 2,
            "Senior Trump administration official": 1,
            "David Maxwell": 2,
            "Mike Pompeo": 2,
            "Robert Palladino": 1,
            "Supporters of the president's diplomacy": 2,
            "Joseph DeTrani": 2,
            "Two senior administration officials": 2,
            "Laura Rosenberger": 1,
            "Donald Trump": 1,
            "Author of the War Stories column (not named in the text)": 18,
            "North Korean foreign ministry": 1,
            "Military officers": 2,
            "Jung H. Pak": 46,
            "Kim Jong Un": 2,
            "Kim Myong Gil": 2,
            "Kim Kye Gwan": 2,
            "White House officials": 1,
            "Asia watchers": 1,
        }
    )
    slugs = {row["name"]: row["slug"] for row in desk.export("authors")}
    for name, count in said.items():
        assert desk.report(slugs[name])["funnel"]["statements"] == count


def test_what_a_text_does_not_say_stays_unknown() -> None:
    for value in ARTICLES.values():
        (article,) = value["articles"]
        assert "outlet" not in article
        assert article["date_basis"]
        placeholders = [author for author in value["authors"] if author["kind"] == "placeholder"]
        assert [author["slug"] for author in placeholders] == (
            [] if value is PAK else [f"{article['key']}-author"]
        )
        exact = article["published_earliest"] == article["published_latest"]
        assert exact == (value is HANOI)  # the one text that carries its date
    slugs = Counter(author["slug"] for value in SEEDS.values() for author in value.get("authors", []))
    assert set(slugs.values()) == {1}


def test_reported_speech_is_charged_to_its_speaker_at_its_own_date() -> None:
    for value in ARTICLES.values():
        (article,) = value["articles"]
        writers = {f"{article['key']}-author", "jung-h-pak"}
        for item in value["statements"]:
            assert ("reported_via" in item) == (item["stated_by"] not in writers), item["key"]
            assert ("stated_earliest" in item) == ("reported_via" in item), item["key"]


# -- how it was read ---------------------------------------------------------------------------------------------


def found(value: dict[str, Any], kind: str, key: str) -> dict[str, Any]:
    (item,) = [item for item in value[kind] if item.get("key", item.get("statement")) == key]
    return dict(item)


def test_an_idiom_is_no_condition() -> None:
    said = found(HANOI, "statements", "hill-bargains")
    assert said["hedge_phrase"] == "If Singapore is any indication"
    assert said["kind"] == "unconditional"
    asked = found(HANOI, "forecasts", "hill-bargains")["question"]
    assert "condition" not in found(HANOI, "questions", asked)


@pytest.mark.parametrize(
    ("value", "key"),
    [(COLUMN, "freeze-good"), (COLUMN, "freeze-risks"), (PAK, "officials-worry"), (HANOI, "official-fears")],
)
def test_a_value_judgement_and_a_fear_are_no_forecasts(value: dict[str, Any], key: str) -> None:
    assert found(value, "statements", key)["kind"] == "not-a-forecast"
    assert key not in {item["statement"] for item in value["forecasts"]}


def test_a_conditional_inherits_an_antecedent_from_paragraphs_before() -> None:
    """From a threat in the first paragraph to the insults after a walkout three paragraphs on, link by link."""
    chain = ["q-walkout-insults"]
    while "condition" in (question := found(PAK, "questions", chain[-1])):
        assert question["condition"]["outcome"] == "yes"
        chain.append(question["condition"]["question"])
    assert chain == ["q-walkout-insults", "q-walkout", "q-talks", "q-conditional-threat", "q-vague-threat"]
    for key in ("readiness-erodes", "allies-nervous", "japan-arsenal"):  # the exercise stands at 343
        asked = found(COLUMN, "forecasts", key)["question"]
        assert found(COLUMN, "questions", asked)["condition"] == {"question": "q-exercise-held", "outcome": "no"}
    text = texts().get(COLUMN["articles"][0]["editions"][0]["sha256"])
    if text is not None:
        spoken_of, hangs = (found(COLUMN, "statements", key) for key in ("exercise-ahead", "allies-nervous"))
        assert text[spoken_of["end"] : hangs["start"]].count("\n\n") >= 3


def test_speakers_who_claim_the_same_share_the_question() -> None:
    speakers = defaultdict(set)
    for value in ARTICLES.values():
        said = {item["key"]: item["stated_by"] for item in value["statements"]}
        for item in value["forecasts"]:
            speakers[item["question"]].add(said[item["statement"]])
    assert speakers["q-kim-asks-troops"] == {"hanoi-2019-02-author", "david-maxwell"}
    assert speakers["q-hanoi-troops"] == {"hanoi-2019-02-author", "hanoi-2019-02-call-officials"}
    assert speakers["q-icbm-by-term"] == {"kim-myong-gil", "jung-h-pak"}


def test_no_two_questions_ask_the_same_thing() -> None:
    """Within an article and across them: who claims the same to the same date shares the question."""
    asked: Counter[tuple[Any, ...]] = Counter()
    for value in ARTICLES.values():
        for item in value["questions"]:
            criterion = criteria.dump(criteria.canonical(criteria.parse(item["criterion"]), catalogue()))
            condition = item.get("condition", {})
            asked[str(criterion), item["deadline"], condition.get("question"), condition.get("outcome")] += 1
    assert len(asked) > 50
    assert set(asked.values()) == {1}


def test_every_ruling_is_dated_and_cited() -> None:
    rulings = [item for value in ARTICLES.values() for item in value.get("rulings", [])]
    assert len(rulings) == 4
    assert all(item["occurred_at"] and item["citation"] and item["note"] for item in rulings)


# -- the event table ---------------------------------------------------------------------------------------------


def test_the_event_table_is_in_order_cited_and_explained() -> None:
    rows = list(csv.DictReader((files("seeds") / "events/korea.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["occurred"][:10] for row in rows] == sorted(row["occurred"][:10] for row in rows)
    assert all(re.search(r"\b20[12]\d", row["citation"]) for row in rows)
    assert len({tuple(row.values()) for row in rows}) == len(rows)
    for kind in {row["kind"] for row in rows}:
        assert f"`{kind}`" in PAGE, kind


def test_the_kinds_that_questions_read_are_explained() -> None:
    for value in ARTICLES.values():
        for item in value["questions"]:
            for leaf in criteria.source_leaves(criteria.parse(item["criterion"])):
                assert isinstance(leaf, criteria.EventLeaf)
                assert all(f"`{kind}`" in PAGE for kind in leaf.filter.kind), item["key"]
