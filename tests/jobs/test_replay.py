"""Years of checks in seconds: nothing without evidence, clean after kill -9, and one replay to a database."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from forecasts.errors import ConflictError, InvalidInputError
from forecasts.exchange.export import Record
from forecasts.tables import Revision
from tests.jobs.runs import END, TABLE, Run, leases, register_seeds, run, seed_table, tell
from tests.support import documents as d
from tests.support.clocks import at
from tests.support.databases import Databases
from tests.support.desk import Desk, sound_check
from tests.support.nursery import nursery

KINDS = ("sqlite", "postgresql")


# -- what a replay needs -----------------------------------------------------------------------------------------


def test_with_table_and_rulings_empty_everything_stays_open(databases: Databases, tmp_path: Path) -> None:
    table = tmp_path / "korea.csv"
    table.write_text(seed_table().splitlines()[0] + "\n", encoding="utf-8")
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
    chance, context = random.Random(5), nursery()
    for moments in (2, 12, 20):
        told, listener = context.Pipe(duplex=False)
        process = context.Process(target=tell, args=(url, at(KILLED_FROM), at(KILLED_TO), listener), daemon=True)
        process.start()
        listener.close()
        for _ in range(moments):
            told.recv()
        process.join(chance.uniform(0, 0.05))
        assert process.is_alive()  # it was still at work
        process.kill()
        process.join()
        told.close()
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


def test_a_table_outside_the_named_directories_is_not_served_unless_given_by_hand(
    desk: Desk, events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLEDIT_FILE_ROOTS", str(events.parent / "elsewhere"))
    question = desk.ids(bridge(str(events)))["q-bridge"]
    with pytest.raises(InvalidInputError, match="name its directory in CALLEDIT_FILE_ROOTS"):
        run(desk.store.url, BEGIN, FINISH)
    run(desk.store.url, BEGIN, FINISH, tables={str(events): events})
    assert desk.steps(question) == [("proposed", "yes"), ("confirmed", "yes")]


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
