"""What the founding articles come to: every question replayed through the years, on both databases."""

import csv
import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from forecasts import criteria, resolving
from forecasts.decide import Reading, decide
from forecasts.evidence import retrieve
from forecasts.exchange.export import Record
from forecasts.leaderboard import leaderboard
from forecasts.model import StatementKind, iso
from forecasts.reports import author_report
from forecasts.store import Store
from forecasts.text import leaderboard_text, report_text
from jobs import due
from jobs.clocks import SystemClock
from jobs.sources import catalogue
from seeds import documents
from tests.jobs.runs import END, START, TABLE, Run, leases, register_seeds, run, seed_table
from tests.support.clocks import at
from tests.support.databases import Databases
from tests.support.reading import outcomes_table
from tests.support.tour import TOUR, exported, refreshed, worked

PAGE = (Path(__file__).parents[2] / "docs/seeds.md").read_text(encoding="utf-8")

KINDS = ("sqlite", "postgresql")
SUMMIT_CHILDREN = (
    "q-summit-threat-nuclear",
    "q-summit-threat-icbm",
    "q-summit-guarantees",
    "q-summit-troops",
    "q-summit-exercises",
    "q-summit-sanctions",
    "q-summit-victory",
    "q-summit-end-of-war",
    "q-summit-their-problem",
)


@pytest.fixture(scope="session")
def replays(databases: Databases) -> Callable[..., Run]:
    """The whole replay of the founding articles on a database of a kind, run once, as often as sources are asked.

    Asked `weekly` at the most, they give the same outcomes from an eighth of the checks: what comes between is the
    same rows read again, which no database does in its own way.
    """
    done: dict[tuple[str, bool], Run] = {}

    def replayed(kind: str, *, weekly: bool = False) -> Run:
        if (kind, weekly) not in done:
            url = databases.make(kind)
            ids = register_seeds(url)
            with pytest.MonkeyPatch.context() as patched:
                if weekly:
                    patched.setattr(due, "SHORTEST", due.LONGEST)
                run(url)
            done[kind, weekly] = Run.read(url, ids)
        return done[kind, weekly]

    return replayed


@pytest.fixture(params=[("sqlite", False), ("postgresql", True)], ids=["sqlite", "postgresql-weekly"])
def whole(request: pytest.FixtureRequest, replays: Callable[..., Run]) -> Run:
    kind, weekly = request.param
    return replays(kind, weekly=weekly)


def test_the_fourth_summit_resolves_no_and_what_hung_on_it_is_annulled(whole: Run) -> None:
    assert whole.outcome("q-fourth-summit") == "no"
    hanging = [row for row in whole.export("questions") if row["condition"] == whole.ids["q-fourth-summit"]]
    assert {row["question"] for row in hanging} == {whole.ids[key] for key in SUMMIT_CHILDREN}
    assert {row["outcome"] for row in hanging} == {"annulled"}
    assert {whole.last_step(key)["rule"] for key in SUMMIT_CHILDREN} == {"condition"}
    scored = {row["question"] for row in whole.export("scores")}
    assert whole.ids["q-fourth-summit"] in scored
    assert scored.isdisjoint(whole.ids[key] for key in SUMMIT_CHILDREN)


def test_icbm_tests_resume_not_by_the_end_of_the_term_but_by_the_end_of_2022(whole: Run) -> None:
    assert whole.outcome("q-icbm-by-term") == "no"
    step = whole.last_step("q-icbm-by-2022")
    assert (step["state"], step["outcome"]) == ("confirmed", "yes")
    assert step["occurred_at"] == "2022-03-24T05:34:00Z"
    assert whole.outcome("q-nuclear-by-term") == whole.outcome("q-nuclear-by-2022") == "no"


def test_the_launch_of_24_august_in_korea_is_dated_the_23rd_in_utc(whole: Run) -> None:
    step = whole.last_step("q-short-range-after-exercise")
    assert (step["state"], step["outcome"], step["occurred_at"]) == ("confirmed", "yes", "2019-08-23T21:45:00Z")


def test_a_promise_broken_inside_its_article_is_charged_to_who_made_it(whole: Run) -> None:
    question = whole.ids["q-short-range-after-exercise"]
    made = [row for row in whole.export("forecasts") if row["question"] == question]
    assert [row["author"] for row in made] == ["kim-jong-un"]
    (said,) = [row for row in whole.export("statements") if row["question"] == question]
    assert (said["stated_by"], said["reported_via"]) == ("Kim Jong Un", "Donald Trump")
    assert (said["asserts"], said["outcome"], said["scored"]) == ("no", "yes", True)


def test_what_came_before_a_statement_confirms_nothing(whole: Run) -> None:
    """The walkout of 5 October 2019 is the past that a scenario published in November mirrors."""
    walkout = next(
        row
        for row in csv.DictReader(io.StringIO(seed_table()))
        if row["occurred"] == "2019-10-05" and row["kind"] == "walkout"
    )
    assert walkout["actors"] == "North Korea"
    assert whole.outcome("q-walkout") != "yes"
    assert whole.outcome("q-whole-scenario") != "yes"
    opens = {row["question"]: row["opens_at"] for row in whole.export("questions")}
    dated = [row for row in whole.export("resolutions") if row["occurred_at"] is not None]
    assert dated
    assert [row for row in dated if row["occurred_at"] < opens[row["question"]]] == []


def test_at_least_ten_outcomes_come_from_criteria(whole: Run) -> None:
    last = {row["question"]: row for row in whole.export("resolutions")}
    by_criterion = [row for row in last.values() if (row["state"], row["rule"]) == ("confirmed", "criterion/1")]
    assert len(by_criterion) >= 10
    assert {row["outcome"] for row in by_criterion} == {"yes", "no"}


def test_nothing_is_decided_before_it_could_be_known(whole: Run) -> None:
    steps = whole.export("resolutions")
    assert [row for row in steps if row["knowable_at"] and row["knowable_at"] > row["simulated_at"]] == []
    ruled = [row for row in steps if row["rule"] == "ruling"]
    assert {(row["state"], row["outcome"]) for row in ruled} == {("proposed", "yes"), ("confirmed", "yes")}
    rulings = [ruling for value in documents("articles").values() for ruling in value.get("rulings", [])]
    proposed = sorted(row["simulated_at"] for row in ruled if row["state"] == "proposed")
    assert proposed == sorted(iso(ruling["knowable_at"]) for ruling in rulings)


def test_every_confirmed_outcome_follows_again_from_its_archived_bytes(whole: Run) -> None:
    """Resolution to check to bytes to verdict, each link followed."""
    ledger = whole.ledger
    store = Store(whole.url, SystemClock())
    followed = 0
    try:
        for step in ledger.resolutions.values():
            if step.state != "confirmed" or step.rule != resolving.CRITERION_RULE:
                continue
            assert step.check_id is not None
            check = ledger.checks[step.check_id]
            assert check.sound
            assert step.evidence_sha256 == check.evidence_sha256 is not None
            with store.read() as session:
                body, content_type = retrieve(session, check.evidence_sha256)
            assert hashlib.sha256(body).hexdigest() == check.evidence_sha256
            question = ledger.questions[step.question_id]
            resource = ledger.resources[check.resource_id]
            observation = (
                catalogue()
                .get(resource.source)
                .parse(
                    body,
                    query=criteria.load_query(resource.query),
                    content_type=content_type,
                    fetched_at=check.checked_at,
                    previous=None,
                )
            )
            verdict = decide(
                criteria.load(question.criterion),
                _window(whole, step.question_id, step.rev),
                {
                    (resource.source, resource.query): Reading(
                        observation, check.checked_at, _sound(whole, check.id)
                    )
                },
                check.checked_at,
            )
            assert verdict.value == step.outcome
            assert (verdict.occurred.start if verdict.occurred else None) == step.occurred_at
            followed += 1
    finally:
        store.close()
    assert followed >= 10


def _window(whole: Run, question_id: int, rev: int) -> Any:
    question = whole.ledger.questions[question_id]
    if question.condition_id is None:
        return resolving.effective_window(question, None, None)
    parent = whole.ledger.questions[question.condition_id]
    before = [step for step in whole.ledger.steps[parent.id] if step.rev <= rev]
    return resolving.effective_window(question, parent, before[-1])


def _sound(whole: Run, check_id: int) -> int:
    return sum(check.sound for check in whole.ledger.checks.values() if check.id <= check_id)


def test_a_replay_says_of_everything_that_it_is_one(whole: Run) -> None:
    for kind in ("checks", "resolutions", "scores"):
        rows = whole.export(kind)
        assert len({row["run_id"] for row in rows}) == 1
        assert rows[0]["run_id"]
        assert all(iso(START) <= row["simulated_at"] <= iso(END) for row in rows)
        assert all(row["recorded_at"] > "2026" for row in rows)


def test_a_replay_leaves_no_lease_held(whole: Run) -> None:
    assert leases(whole.url) == []


def test_both_databases_tell_the_same(replays: Callable[..., Run]) -> None:
    sqlite, postgresql = (replays(kind, weekly=True).exports() for kind in KINDS)
    for kind, rows in sqlite.items():
        assert rows == postgresql[kind], kind
        assert rows or kind == "replies", kind


def test_a_fourth_summit_in_the_table_changes_what_follows_from_it(
    replays: Callable[..., Run], databases: Databases, tmp_path: Path
) -> None:
    table = tmp_path / "korea.csv"
    row = "2020-06-01,,Asia/Seoul,2020-06-01T15:00:00Z,summit,Donald Trump; Kim Jong Un,A fourth meeting,Made up\n"
    table.write_text(seed_table() + row, encoding="utf-8")
    url = databases.make("sqlite")
    ids = register_seeds(url)
    run(url, at("2021-01-25"), at("2021-02-11"), tables={TABLE: table})
    other, told = Run.read(url, ids), replays("sqlite")

    step = other.last_step("q-fourth-summit")
    assert (step["state"], step["outcome"], step["occurred_at"]) == ("confirmed", "yes", "2020-05-31T15:00:00Z")
    assert "annulled" not in {other.outcome(key) for key in SUMMIT_CHILDREN}
    assert "no" in {other.outcome(key) for key in SUMMIT_CHILDREN}

    def scores(of: Run, key: str) -> set[tuple[str, float]]:
        rows = [row for row in of.export("scores") if row["question"] == ids[key] and row["current"]]
        return {(row["outcome"], row["brier"]) for row in rows}

    assert scores(told, "q-fourth-summit") == {("no", 0.64)}
    assert {(outcome, round(brier, 9)) for outcome, brier in scores(other, "q-fourth-summit")} == {("yes", 0.04)}
    assert scores(told, "q-summit-troops") == set()
    assert {outcome for outcome, _ in scores(other, "q-summit-troops")} == {"no"}


# -- what the articles claimed, and what came of it --------------------------------------------------------------


@pytest.mark.parametrize("value", documents("articles").values(), ids=documents("articles").keys())
def test_every_outcome_is_the_one_on_the_page(whole: Run, value: dict[str, Any]) -> None:
    assert outcomes_table(value, whole.came_to()) in PAGE


def said(whole: Run, claim: str) -> Record:
    (row,) = [row for row in whole.export("statements") if row["claim"].startswith(claim)]
    return row


def test_hanoi_ends_without_agreement_and_what_turned_on_it_follows(whole: Run) -> None:
    assert whole.came_to()["q-hanoi-agreement"] == ("no", "2019-02-27T17:00 to 2019-02-28T17:00", "criterion")
    proposed = [
        row
        for row in whole.export("resolutions")
        if row["question"] == whole.ids["q-hanoi-agreement"] and row["state"] == "proposed"
    ]
    assert [row["simulated_at"] < "2019-03-14" for row in proposed] == [True]  # from the event, not from silence
    hoped = said(whole, "The meeting turns out well.")
    assert (hoped["stated_by"], hoped["asserts"], hoped["outcome"], hoped["scored"]) == (
        "Joseph DeTrani",
        "yes",
        "no",
        True,
    )
    if_it_succeeds = said(whole, "If the leaders' direct talks succeed")
    assert (if_it_succeeds["outcome"], if_it_succeeds["scored"]) == ("annulled", False)
    assert if_it_succeeds["condition"] == whole.ids["q-hanoi-agreement"]
    assert whole.last_step("q-relations-transformed")["rule"] == "condition"


def test_the_first_meetings_agreement_is_not_taken_for_hanois(whole: Run) -> None:
    kinds = {row["kind"]: row["occurred"] for row in csv.DictReader(io.StringIO(seed_table()))}
    assert kinds["summit-agreement"] == "2018-06-12"
    assert whole.outcome("q-hanoi-agreement") == "no"


def test_a_scheduled_arrival_off_by_a_day_is_wrong_and_no_matter_of_skill(whole: Run) -> None:
    arrivals = {
        row["actors"]: row["occurred"]
        for row in csv.DictReader(io.StringIO(seed_table()))
        if row["kind"] == "arrival"
    }
    assert arrivals == {"Donald Trump": "2019-02-26", "Mike Pompeo": "2019-02-26"}
    arrival = said(whole, "The Secretary of State reaches Hanoi")
    assert (arrival["asserts"], arrival["outcome"]) == ("yes", "no")
    assert (arrival["scored"], arrival["excluded_because"]) == (False, "scheduled-event")


def test_the_exercise_of_august_2019_was_held_and_what_hung_on_its_end_is_annulled(whole: Run) -> None:
    assert whole.came_to()["q-exercise-held"][:2] == ("yes", "2019-08-04T15:00 to 2019-08-05T15:00")
    gives_in = said(whole, "The president yields")
    assert (gives_in["asserts"], gives_in["probability"], gives_in["scored"]) == ("no", 0.6, True)
    (score,) = {
        row["brier"]
        for row in whole.export("scores")
        if row["forecast"] == gives_in["forecast"] and row["policy"] == "broad"
    }
    assert score == pytest.approx(0.16)
    assert {whole.outcome(key) for key in ("q-japan-arsenal", "q-readiness", "q-allies-nervous")} == {"annulled"}


def test_a_threat_is_the_ministrys_and_a_promise_the_secretarys(whole: Run) -> None:
    threat = said(whole, "If the allies hold their August exercise")
    assert (threat["stated_by"], threat["outcome"], threat["scored"]) == (
        "North Korean foreign ministry",
        "yes",
        True,
    )
    assert whole.outcome("q-ministry-own-words") == "no"
    promise = said(whole, "UN-backed sanctions stay")
    assert (promise["stated_by"], promise["asserts"], promise["outcome"]) == ("Mike Pompeo", "no", "no")
    again = said(whole, "The pressure is kept up")
    assert (again["question"], again["scored"]) == (promise["question"], False)


def test_nobody_is_judged_by_a_handful_of_clusters(whole: Run) -> None:
    for author in whole.ledger.authors.values():
        report = author_report(whole.ledger, author.slug, END)
        assert report["policies"]["broad"]["clusters"] <= 3
        assert report["policies"]["broad"]["interval"] is None


def test_the_tour_has_the_table_of_every_kind_as_the_record_has_it(replays: Callable[..., Run]) -> None:
    """Written again by `python -m tests.support.tour`."""
    found, page = exported(replays("sqlite").ledger), TOUR.read_text(encoding="utf-8")
    assert refreshed(page, found) == page
    assert set(re.findall(r"\| statement \| `s-\w+`, ([a-z-]+);", page)) == set(get_args(StatementKind))


def test_every_id_and_score_in_the_tour_is_of_the_record(replays: Callable[..., Run]) -> None:
    found, page = exported(replays("sqlite").ledger), TOUR.read_text(encoding="utf-8")
    kinds = ("statements", "questions", "forecasts", "resolutions", "checks")
    known = {row[kind.removesuffix("s")] for kind in kinds for row in found[kind]}
    told = re.findall(r"\b[sqfrc]-[0-9a-f]{12}\b", page)
    assert told
    assert set(told) <= known
    named = re.findall(r"(?:calledit report |/authors/)([a-z0-9-]+)", page)
    assert set(named) <= {row["slug"] for row in found["authors"]}
    statements = {row["forecast"]: row["statement"] for row in found["forecasts"]}
    for section in page.split("\n## "):
        here = {row["statement"] for row in found["statements"] if row["statement"] in section}
        scored = [row for row in found["scores"] if row["current"] and statements[row["forecast"]] in here]
        assert set(re.findall(r"\(0\.\d+ - [01]\)² = 0\.\d+", section)) <= {worked(row) for row in scored}


def test_what_the_tour_says_in_words_is_so(replays: Callable[..., Run]) -> None:
    whole, page = replays("sqlite"), TOUR.read_text(encoding="utf-8")
    found = exported(whole.ledger)
    assert {row["basis"] for row in found["forecasts"]} == {"lexicon", "coder"}  # "nobody does in these articles"
    strict = {row["forecast"] for row in found["scores"] if row["policy"] == "strict" and row["current"]}
    assert [row["statement"] for row in found["forecasts"] if row["forecast"] in strict] == ["s-aa5883635581"]
    hanging = [row for row in found["questions"] if row["condition"] == whole.ids["q-fourth-summit"]]
    assert (len(hanging), {row["outcome"] for row in hanging}) == (9, {"annulled"})
    by_id = {row["statement"]: row for row in found["statements"]}
    annulled = ("s-5084794985d8", "s-66cae99084e8", "s-dfe63ad70cef", "s-3c27ab4b48d0", "s-f66f3cd98d62")
    assert {by_id[each]["outcome"] for each in annulled} == {"annulled"}
    assert (by_id["s-afc96f6724c5"]["outcome"], by_id["s-afc96f6724c5"]["scored"]) == ("yes", False)
    assert whole.ids["q-ministry-own-words"] == "q-9d9ce5084346"
    assert whole.outcome("q-ministry-own-words") == "no"
    printed = {row["start"] for row in found["statements"] if row["article"] == "pak-2019-11"}
    assert printed & {8034, 8156, 8415} == {8034}
    assert "| 8156–8275, 8415–8534 |" in PAGE
    assert "all 20 speakers" in page
    assert len([row for row in found["authors"] if row["statements"]]) == 20


def test_what_the_tour_quotes_is_printed_and_its_mean_adds_up(replays: Callable[..., Run]) -> None:
    ledger, page = replays("sqlite").ledger, TOUR.read_text(encoding="utf-8")
    report = author_report(ledger, "jung-h-pak", END)
    printed = f"{report_text(report)}\n{leaderboard_text(leaderboard(ledger, END))}".splitlines()
    quoted = "".join(re.findall(r"```text\n(.*?)```", page, re.DOTALL)).splitlines()
    assert len(quoted) == 7
    assert [line for line in quoted if line not in printed] == []
    sums = re.search(r"^\(([\d. +]+)\) / (\d+) = ([\d.]+)$", page, re.MULTILINE)
    assert sums is not None
    terms = [float(term) for term in sums[1].split(" + ")]
    scores = [row["brier"] for row in report["policies"]["broad"]["rows"]]
    assert sorted(terms) == pytest.approx(sorted(scores))
    assert len(terms) == int(sums[2]) == report["policies"]["broad"]["scored"]
    assert f"{sum(terms) / len(terms):.3f}" == sums[3] == f"{report['policies']['broad']['brier']:.3f}"
