"""Years of checks in seconds: what the founding articles come to, on both databases, and through kill -9."""

import csv
import hashlib
import io
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from forecasts import criteria, resolving
from forecasts.decide import Reading, decide
from forecasts.errors import ConflictError, InvalidInputError
from forecasts.evidence import retrieve
from forecasts.exchange.export import Record
from forecasts.model import iso
from forecasts.store import Store
from forecasts.tables import Resource, Revision
from jobs.clocks import SystemClock
from jobs.sources import catalogue
from tests.jobs.runs import END, START, TABLE, Run, register_seeds, run
from tests.support import documents as d
from tests.support.clocks import at
from tests.support.databases import Databases
from tests.support.desk import Desk, sound_check

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
def replays(databases: Databases) -> Callable[[str], Run]:
    """The whole replay of the founding articles on a database of a kind, run once."""
    done: dict[str, Run] = {}

    def replayed(kind: str) -> Run:
        if kind not in done:
            url = databases.make(kind)
            ids = register_seeds(url)
            run(url)
            done[kind] = Run.read(url, ids)
        return done[kind]

    return replayed


@pytest.fixture(params=KINDS)
def whole(request: pytest.FixtureRequest, replays: Callable[[str], Run]) -> Run:
    return replays(request.param)


def leases(url: str) -> list[str]:
    store = Store(url, SystemClock())
    try:
        with store.read() as session:
            held = select(Resource).where(col(Resource.lease_token).is_not(None))
            return [resource.public_id for resource in session.exec(held).all()]
    finally:
        store.close()


# -- the founding articles ---------------------------------------------------------------------------------------


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
        for row in csv.DictReader(io.StringIO(_seed_table()))
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
    assert min(row["simulated_at"] for row in ruled) == "2019-12-25T13:00:00Z"


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


def test_both_databases_tell_the_same(replays: Callable[[str], Run]) -> None:
    sqlite, postgresql = (replays(kind).exports() for kind in KINDS)
    for kind, rows in sqlite.items():
        assert rows == postgresql[kind], kind
        assert rows, kind


def _seed_table() -> str:
    return (files("seeds") / "events/korea.csv").read_text(encoding="utf-8")


def test_a_fourth_summit_in_the_table_changes_what_follows_from_it(
    replays: Callable[[str], Run], databases: Databases, tmp_path: Path
) -> None:
    table = tmp_path / "korea.csv"
    row = "2020-06-01,,Asia/Seoul,2020-06-01T15:00:00Z,summit,Donald Trump; Kim Jong Un,A fourth meeting,Made up\n"
    table.write_text(_seed_table() + row, encoding="utf-8")
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


def test_with_table_and_rulings_empty_everything_stays_open(databases: Databases, tmp_path: Path) -> None:
    table = tmp_path / "korea.csv"
    table.write_text(_seed_table().splitlines()[0] + "\n", encoding="utf-8")
    url = databases.make("sqlite")
    ids = register_seeds(url, rulings=False)
    done = run(url, at("2023-02-01"), END, tables={TABLE: table})  # past every deadline and grace
    empty = Run.read(url, ids)
    assert done.checks > 20
    assert done.steps == 0
    assert {row["status"] for row in empty.export("checks")} == {"empty"}
    assert {row["outcome"] for row in empty.export("questions")} == {"open"}
    assert empty.export("resolutions") == []


# -- interrupted and gone on with --------------------------------------------------------------------------------


KILLED_FROM, KILLED_TO = "2019-12-22", "2020-01-02"


@pytest.mark.parametrize("kind", KINDS)
def test_killed_again_and_again_a_replay_ends_as_if_it_had_never_stopped(
    databases: Databases, uninterrupted: Run, kind: str
) -> None:
    url = databases.make(kind)
    ids = register_seeds(url)
    chance = random.Random(5)
    for moments in (2, 12, 20):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.runs", url, KILLED_FROM, KILLED_TO],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        for _ in range(moments):
            process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):  # it was still at work
            process.wait(timeout=chance.uniform(0, 0.05))
        process.kill()
        process.wait()
        process.stdout.close()
    done = run(url, at(KILLED_FROM), at(KILLED_TO))
    assert done.began_at > at(KILLED_FROM)
    assert done.checks > 0
    resumed = Run.read(url, ids).exports()
    for name, rows in uninterrupted.exports().items():
        assert resumed[name] == rows, name
    assert leases(url) == []


@pytest.fixture(scope="session")
def uninterrupted(databases: Databases) -> Run:
    url = databases.make("sqlite")
    ids = register_seeds(url)
    run(url, at(KILLED_FROM), at(KILLED_TO))
    return Run.read(url, ids)


# -- small replays -----------------------------------------------------------------------------------------------


BEGIN, FINISH = at("2020-06-30T18:00"), at("2020-07-09")


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(
        "occurred,zone,known_at,kind,actors\n"
        "2020-06-01,UTC,2020-06-02T00:00:00Z,closing,The Bridge\n"
        "2020-06-28,UTC,2020-07-01T02:00:00Z,opening,The Bridge\n",
        encoding="utf-8",
    )
    return path


def bridge(location: str) -> d.Item:
    leaf = d.event_leaf()
    leaf |= {"query": leaf["query"] | {"location": location}, "grace": "PT6H"}
    return d.document(questions=[d.question(criterion=leaf)])


def less_the_run(desk: Desk) -> dict[str, list[Record]]:
    return Run(desk.store.url, {}, desk.ledger()).exports()


def test_a_local_table_is_fetched_as_it_could_be_known(desk: Desk, events: Path) -> None:
    question = desk.ids(bridge(str(events)))["q-bridge"]
    moments: list[datetime] = []
    done = run(desk.store.url, BEGIN, FINISH, progress=moments.append)
    assert desk.steps(question) == [("proposed", "yes"), ("confirmed", "yes")]
    checks = desk.export("checks")
    assert len(checks) == done.checks
    assert {(row["checked_at"] >= "2020-07-01T02", row["rows"]) for row in checks} == {(False, 1), (True, 2)}
    assert {row["http_status"] for row in checks} == {200, 304}
    assert moments == sorted(set(moments))
    assert BEGIN <= moments[0] <= moments[-1] <= FINISH
    assert done.began_at == BEGIN
    assert done.steps == 1  # confirmed; the proposal came with its check


def test_a_live_address_is_not_asked_about_the_past(desk: Desk, events: Path) -> None:
    question = desk.ids(bridge(d.LOCATION))["q-bridge"]
    run(desk.store.url, BEGIN, at("2020-07-01T06:30"))
    assert desk.steps(question) == []
    (problem,) = {row["problem"] for row in desk.export("checks")}
    assert problem.startswith("a replay cannot ask a live address what it said in the past")
    run(desk.store.url, BEGIN, FINISH, tables={d.LOCATION: events})
    assert desk.steps(question)[0] == ("proposed", "yes")


def test_a_replay_may_be_extended_as_if_it_had_been_one(both_desks: dict[str, Desk], events: Path) -> None:
    for desk in both_desks.values():
        desk.register(bridge(str(events)))
    run(both_desks["sqlite"].store.url, BEGIN, FINISH)
    for end in (at("2020-06-30T22:00"), at("2020-07-01T02:30"), FINISH):
        run(both_desks["postgresql"].store.url, BEGIN, end)
    sqlite, postgresql = (less_the_run(desk) for desk in both_desks.values())
    assert sqlite == postgresql
    again = run(both_desks["sqlite"].store.url, BEGIN, FINISH)
    assert (again.checks, again.steps) == (0, 0)
    assert less_the_run(both_desks["sqlite"]) == sqlite


def test_another_beginning_is_refused(desk: Desk, events: Path) -> None:
    desk.register(bridge(str(events)))
    run(desk.store.url, BEGIN, FINISH)
    before = desk.rev()
    with pytest.raises(
        ConflictError, match=r"a replay that began at 2020-06-30T18:00:00Z: give that instant as --from"
    ):
        run(desk.store.url, BEGIN + timedelta(days=1), FINISH)
    assert desk.rev() == before


def test_a_registry_with_live_checks_is_refused(desk: Desk, events: Path) -> None:
    desk.register(bridge(str(events)))
    with desk.store.write(actor="calledit", kind="adapter", action="check") as tx:
        sound_check(tx)
    with pytest.raises(ConflictError, match="Scheduled jobs have written live checks here"):
        run(desk.store.url, BEGIN, FINISH)
    with desk.store.read() as session:
        assert desk.store.replay_run(session) is None


def test_two_replays_at_once_are_refused(desk: Desk, events: Path) -> None:
    desk.register(bridge(str(events)))
    refused: list[str] = []

    def second(moment: datetime) -> None:
        with pytest.raises(ConflictError) as refusal:
            run(desk.store.url, BEGIN, FINISH)
        refused.append(str(refusal.value))

    run(desk.store.url, BEGIN, BEGIN + timedelta(hours=6), progress=second)
    assert set(refused) == {"Another replay is running on this database: wait for it or stop it."}
    assert run(desk.store.url, BEGIN, FINISH).checks > 0  # the lock went with its holder


def test_a_replay_that_fails_lets_the_next_one_in(desk: Desk, events: Path) -> None:
    desk.register(bridge(str(events)))

    def fail(moment: datetime) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(desk.store.url, BEGIN, FINISH, progress=fail)
    assert run(desk.store.url, BEGIN, FINISH).checks > 0


@pytest.mark.parametrize("end", [BEGIN, BEGIN - timedelta(days=1)])
def test_a_replay_ends_after_it_begins(desk: Desk, end: datetime) -> None:
    with pytest.raises(InvalidInputError, match="--from must lie before --to"):
        run(desk.store.url, BEGIN, end)


def test_a_table_nobody_reads_is_refused_with_those_there_are(desk: Desk, events: Path) -> None:
    desk.register(bridge(d.LOCATION))
    with pytest.raises(InvalidInputError) as refusal:
        run(desk.store.url, BEGIN, FINISH, tables={"other.csv": events})
    assert str(refusal.value) == f"No question reads 'other.csv'; the tables are: {d.LOCATION}."


def test_an_empty_registry_has_nothing_to_replay(desk: Desk) -> None:
    done = run(desk.store.url, BEGIN, FINISH)
    assert (done.checks, done.steps) == (0, 0)
    with desk.store.read() as session:
        assert session.exec(select(Revision)).all() == []
