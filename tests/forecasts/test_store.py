"""The store: numbered, serialised transactions, and constraints that the database itself enforces."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import StatementError
from sqlmodel import col, select

from forecasts.errors import ConflictError, InvalidInputError, NotFoundError, StoreError
from forecasts.evidence import archive, retrieve
from forecasts.store import Store
from forecasts.tables import Actor, Author, Evidence, ReplayRun, Revision
from tests.support.clocks import FakeClock, at
from tests.support.desk import Desk, sound_check
from tests.support.documents import chain, document, event_leaf, question


def add_author(store: Store, slug: str, *, actor: str = "Ann", discard: bool = False) -> int:
    with store.write(actor=actor, action="register") as tx:
        tx.append(Author(slug=slug, name=slug, kind="person"))
        if discard:
            tx.discard()
        return tx.rev


def revisions(store: Store) -> list[Revision]:
    with store.read() as session:
        return list(session.exec(select(Revision).order_by(col(Revision.rev))).all())


def slugs(store: Store) -> set[str]:
    with store.read() as session:
        return set(session.exec(select(Author.slug)).all())


# -- revisions -----------------------------------------------------------------------------------------------


def test_each_transaction_gets_the_next_revision_with_its_actor_and_action(store: Store) -> None:
    assert [add_author(store, "one"), add_author(store, "two", actor="Bob")] == [1, 2]
    first, second = revisions(store)
    assert (first.rev, first.action, second.rev) == (1, "register", 2)
    with store.read() as session:
        names = [session.get_one(Actor, row.actor_id).name for row in (first, second)]
        assert session.exec(select(Author.rev).where(Author.slug == "two")).one() == 2
    assert names == ["Ann", "Bob"]


def test_a_discarded_transaction_was_never_begun(store: Store) -> None:
    add_author(store, "one", discard=True)
    assert (revisions(store), slugs(store)) == ([], set())
    assert add_author(store, "two") == 1


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    class OopsError(Exception):
        pass

    def fail() -> None:
        with store.write(actor="Ann", action="register") as tx:
            tx.append(Author(slug="one", name="One", kind="person"))
            raise OopsError

    with pytest.raises(OopsError):
        fail()
    assert (revisions(store), slugs(store)) == ([], set())
    with store.read() as session:
        assert session.exec(select(Actor)).all() == []


def test_writers_at_the_same_time_get_distinct_consecutive_revisions(store: Store) -> None:
    writers, each = 4, 5
    together = Barrier(writers)

    def work(writer: int) -> list[int]:
        together.wait()
        return [add_author(store, f"{writer}-{number}", actor="Ann") for number in range(each)]

    with ThreadPoolExecutor(writers) as pool:
        revs = [rev for found in pool.map(work, range(writers)) for rev in found]
    assert sorted(revs) == list(range(1, writers * each + 1))
    assert len(slugs(store)) == writers * each


def test_two_stores_on_one_database_share_its_revisions(store: Store, clock: FakeClock) -> None:
    other = Store(store.url, clock)
    try:
        assert [add_author(store, "one"), add_author(other, "two"), add_author(store, "three")] == [1, 2, 3]
    finally:
        other.close()


def test_a_name_belongs_to_one_kind_of_actor(store: Store) -> None:
    add_author(store, "one", actor="Ann")
    with (
        pytest.raises(ConflictError, match="'Ann' belongs to a person in this registry"),
        store.write(actor="Ann", kind="adapter", action="check"),
    ):
        pass
    assert len(revisions(store)) == 1


def test_the_queue_takes_no_revision(store: Store) -> None:
    with store.queue() as session:
        session.add(ReplayRun(run_id="r", starts_at=at("2019-01-01"), ends_at=at("2019-02-01")))
    assert revisions(store) == []
    with store.read() as session:
        found = store.replay_run(session)
    assert found is not None
    assert found.ends_at == at("2019-02-01")


# -- time ----------------------------------------------------------------------------------------------------


def test_as_of_goes_by_the_real_time_of_recording(store: Store) -> None:
    before = datetime.now(at("2020-01-01").tzinfo)
    add_author(store, "one")
    add_author(store, "two")
    first, second = revisions(store)
    assert before <= first.recorded_at <= second.recorded_at
    assert (first.simulated_at, first.run_id) == (None, None)
    with store.read() as session:
        assert store.revision_at(session, before - timedelta(seconds=1)) == 0
        assert store.revision_at(session, first.recorded_at) in {1, 2}  # both, when made in one microsecond
        assert store.revision_at(session, second.recorded_at) == store.revision_at(session, None) == 2


def test_in_a_replay_as_of_goes_by_simulated_time_and_the_real_time_is_kept(
    store: Store, clock: FakeClock
) -> None:
    with store.queue() as session:
        session.add(ReplayRun(run_id="run", starts_at=at("2019-01-01"), ends_at=at("2020-01-01")))
    store.run_id = "run"
    for number, day in enumerate(("2019-02-01", "2019-03-01", "2019-04-01")):
        clock.set(day)
        add_author(store, f"a-{number}")
    with store.read() as session:
        found = [
            store.revision_at(session, at(day)) for day in ("2019-01-31", "2019-02-01", "2019-03-31", "2020-01-01")
        ]
    assert found == [0, 1, 2, 3]
    assert {(row.run_id, row.recorded_at.year >= 2026) for row in revisions(store)} == {("run", True)}


def test_what_was_stored_as_an_instant_comes_back_aware_and_in_utc(store: Store) -> None:
    there = at("2019-08-24T06:44+09:00")
    with store.queue() as session:
        session.add(ReplayRun(run_id="run", starts_at=there, ends_at=there + timedelta(microseconds=1)))
    with store.read() as session:
        found = session.get_one(ReplayRun, "run")
    assert (found.starts_at, found.starts_at.isoformat()) == (there, "2019-08-23T21:44:00+00:00")
    assert found.ends_at - found.starts_at == timedelta(microseconds=1)


def test_a_naive_instant_is_refused(store: Store) -> None:
    naive = datetime(2019, 1, 1)  # noqa: DTZ001
    with pytest.raises(StatementError), store.queue() as session:
        session.add(ReplayRun(run_id="run", starts_at=naive, ends_at=at("2019-02-01")))
    with store.read() as session:
        assert store.replay_run(session) is None


# -- what the database enforces ------------------------------------------------------------------------------

CHECKED = [
    "UPDATE actor SET kind = 'robot'",
    "UPDATE author SET kind = 'robot'",
    "UPDATE collection SET method = 'lucky'",
    "UPDATE article SET published_latest = '2019-01-01 00:00:00+00:00'",
    "UPDATE edition SET characters = 0",
    "UPDATE edition SET sha256 = 'abc'",
    'UPDATE statement SET "end" = start',
    "UPDATE statement SET start = -1",
    "UPDATE statement SET kind = 'guess'",
    "UPDATE statement SET checkability = 'perhaps'",
    "UPDATE statement SET stated_latest = '2019-01-01 00:00:00+00:00'",
    "UPDATE question SET deadline = opens_latest",
    "UPDATE question SET condition_id = id, condition_outcome = 'yes' WHERE condition_id IS NULL",
    "UPDATE question SET condition_outcome = NULL WHERE condition_id IS NOT NULL",
    "UPDATE question SET condition_outcome = 'ambiguous' WHERE condition_id IS NOT NULL",
    "UPDATE question SET reference_ppm = 500000",
    "UPDATE question SET reference_ppm = 1000001, reference_basis = 'x'",
    "UPDATE forecast SET high_ppm = 1000001",
    "UPDATE forecast SET low_ppm = -1",
    "UPDATE forecast SET low_ppm = probability_ppm + 1",
    "UPDATE forecast SET probability_ppm = NULL, low_ppm = NULL, high_ppm = NULL",
    "UPDATE forecast SET low_ppm = NULL",
    "UPDATE forecast SET change = 'revision'",
    "UPDATE forecast SET asserts = 'maybe'",
    "UPDATE forecast SET basis = 'guess'",
    "UPDATE forecast SET basis = 'lexicon'",
    "UPDATE forecast SET stated_earliest = '2030-01-01 00:00:00+00:00'",
    "UPDATE revision SET simulated_at = recorded_at",
    "UPDATE resource SET lease_token = 'x'",
    "UPDATE source_check SET status = 'fine'",
    "UPDATE resolution SET state = 'done'",
    "UPDATE resolution SET outcome = 'maybe'",
    "UPDATE resolution SET outcome = NULL WHERE state = 'confirmed'",
    "UPDATE resolution SET closes_at = NULL WHERE state = 'proposed'",
    "UPDATE score SET brier_e12 = -1",
    "UPDATE score SET brier_e12 = 1000000000001",
    "UPDATE score SET policy = 'lenient'",
    "UPDATE evidence SET sha256 = 'short' WHERE sha256 NOT IN (SELECT evidence_sha256 FROM resolution)",
]
UNIQUE = [
    "UPDATE author SET slug = 'same'",
    "UPDATE question SET public_id = 'q-same'",
    'UPDATE statement SET start = 0, "end" = 5, part = 1',
    "UPDATE forecast SET public_id = 'f-same'",
    "UPDATE forecast SET statement_id = (SELECT min(id) FROM statement)",  # one primary forecast each
    "UPDATE resolution SET step = 1",
    "UPDATE score SET policy = 'broad'",
    "UPDATE actor SET key = 'same'",
]
FOREIGN = [
    "UPDATE forecast SET question_id = 999",
    "UPDATE statement SET stated_by_id = 999",
    "UPDATE question SET condition_id = 999 WHERE condition_id IS NOT NULL",
    "UPDATE resolution SET evidence_sha256 = 'nowhere'",
    "UPDATE score SET resolution_id = 999",
    "UPDATE author SET rev = 999",
    "DELETE FROM author WHERE slug = 'ada-bell'",
    "DELETE FROM revision",
    "DELETE FROM evidence",
]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_database_itself_refuses_what_must_not_be(
    kind: str, new_database: Callable[..., str], clock: FakeClock
) -> None:
    store = Store(new_database(kind), clock)
    desk = Desk(store, clock)
    questions = chain("one", "two")
    questions["questions"].append(question("q-watched", criterion=event_leaf(), cluster="other"))
    desk.resolve(desk.ids(questions)["q-one"])
    with store.write(actor="calledit", kind="adapter", action="check") as tx:
        sound_check(tx)
        archive(tx, b"spare", "text/plain")
    before = {
        kind: desk.export(kind) for kind in ("statements", "questions", "forecasts", "resolutions", "scores")
    }
    assert before["scores"]
    kept = []
    for statement in (*CHECKED, *UNIQUE, *FOREIGN):
        try:
            with store.queue() as session:
                changed = session.connection().execute(text(statement)).rowcount
                kept.append((statement, changed))
                session.rollback()
        except StoreError:
            continue
    assert kept == []
    assert {kind: desk.export(kind) for kind in before} == before
    store.close()


# -- texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b"])
def test_a_text_that_not_every_database_can_keep_is_refused(store: Store, name: str) -> None:
    with (
        pytest.raises(InvalidInputError, match=r"author\.name contains a character that cannot be stored"),
        store.write(actor="Ann", action="register") as tx,
    ):
        tx.append(Author(slug="a", name=name, kind="person"))
    assert revisions(store) == []


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\udcffb"])
def test_whoever_writes_has_a_name(store: Store, name: str) -> None:
    with pytest.raises(InvalidInputError), store.write(actor=name, action="register"):
        pass
    assert revisions(store) == []


def test_any_other_text_comes_back_as_it_was(store: Store) -> None:
    name = "Åse \U0001f600 \u202e \ufffe \x7f ' \" ; -- \\"
    with store.write(actor="Ann", action="register") as tx:
        tx.append(Author(slug="a", name=name, kind="person"))
    with store.read() as session:
        assert session.exec(select(Author.name)).one() == name


def test_nothing_is_found_under_a_text_that_is_none(store: Store) -> None:
    with pytest.raises(InvalidInputError, match="half of a surrogate pair"), store.read() as session:
        session.exec(select(Author).where(Author.slug == "\udcff")).first()


# -- evidence ------------------------------------------------------------------------------------------------


def test_bytes_are_archived_once_and_come_back_as_they_were(store: Store) -> None:
    body = bytes(range(256)) * 100
    shas = set()
    for _ in range(2):
        with store.write(actor="Ann", action="check") as tx:
            shas.add(archive(tx, body, "text/csv"))
    (sha256,) = shas
    with store.read() as session:
        assert retrieve(session, sha256) == (body, "text/csv")
        (row,) = session.exec(select(Evidence)).all()
        assert (row.rev, row.size) == (1, len(body))
        assert len(row.body) < len(body)
        with pytest.raises(NotFoundError, match="no archived evidence abc"):
            retrieve(session, "abc")


# -- a database that cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://nobody@127.0.0.1:1/nowhere", "sqlite:////nowhere/at/all.db", "sqlite:////proc/version"],
)
def test_a_database_that_is_away_is_one_clear_sentence(url: str, clock: FakeClock) -> None:
    store = Store(url, clock)
    for use in (store.migrate, lambda: add_author(store, "one"), lambda: slugs(store)):
        with pytest.raises(StoreError) as caught:
            use()
        assert "\n" not in str(caught.value)
    store.close()


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://host:port/name", "nonsense", "oracle://x/y", "sqlite+odd://"]
)
def test_an_address_that_is_none_is_one_clear_sentence(url: str, clock: FakeClock) -> None:
    with pytest.raises(StoreError, match=r"^[^\n]+\.$"):
        Store(url, clock)


def test_an_address_in_an_error_shows_no_password(clock: FakeClock) -> None:
    store = Store("postgresql+psycopg://me:secret@127.0.0.1:1/nowhere", clock)
    with pytest.raises(StoreError) as caught:
        store.migrate()
    assert "secret" not in str(caught.value)
    store.close()


def test_a_database_without_tables_is_one_clear_sentence(
    new_database: Callable[..., str], clock: FakeClock
) -> None:
    for kind in ("sqlite", "postgresql"):
        store = Store(new_database(kind, migrated=False), clock)
        with pytest.raises(StoreError):
            add_author(store, "one")
        store.close()


def test_a_newer_schema_is_refused(database_url: str, clock: FakeClock) -> None:
    store = Store(database_url, clock)
    with store.queue() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="at schema 9999, which this version of calledit does not know: install"):
        store.migrate()
    store.close()


def test_a_database_says_whether_it_holds_a_registry_and_where_it_is(
    new_database: Callable[..., str], clock: FakeClock
) -> None:
    for migrated in (False, True):
        store = Store(new_database("sqlite", migrated=migrated), clock)
        assert store.has_schema() is migrated
        store.close()
    store = Store("postgresql+psycopg://me:secret@127.0.0.1:1/nowhere", clock)
    assert store.place == "postgresql+psycopg://me:***@127.0.0.1:1/nowhere"
    store.close()


def test_migrating_twice_changes_nothing(store: Store, tmp_path: Path) -> None:
    add_author(store, "one")
    store.migrate()
    assert slugs(store) == {"one"}


# -- one replay at a time --------------------------------------------------------------------------------------


def test_one_replay_at_a_time_and_one_that_failed_gives_way(store: Store, clock: FakeClock) -> None:
    other = Store(store.url, clock)
    with store.only_replay():
        add_author(store, "while-it-runs")
        with pytest.raises(ConflictError, match="Another replay is running"), other.only_replay():
            pass
    with pytest.raises(NotFoundError), store.only_replay():
        raise NotFoundError
    with other.only_replay():
        assert slugs(other) == {"while-it-runs"}
    other.close()


def test_reading_sees_only_what_was_committed(store: Store) -> None:
    with store.write(actor="Ann", action="register") as tx:
        tx.append(Author(slug="one", name="One", kind="person"))
        assert slugs(store) == set()
    assert slugs(store) == {"one"}


def test_a_registered_document_is_there_for_the_next_store(desk: Desk, clock: FakeClock) -> None:
    desk.register(document())
    again = Store(desk.store.url, clock)
    assert len(Desk(again, clock).export("forecasts")) == 1
    again.close()


def test_after_a_live_write_a_replayed_registry_goes_by_real_time(store: Store, clock: FakeClock) -> None:
    def write(day: str, run_id: str | None) -> datetime:
        clock.set(day)
        store.run_id = run_id
        with store.write(actor="Ann", action="test") as tx:
            rev = tx.rev
        with store.read() as session:
            return session.get_one(Revision, rev).recorded_at

    first = write("2019-01-01", None)
    with store.queue() as session:
        session.add(ReplayRun(run_id="run", starts_at=at("2019-01-01"), ends_at=at("2020-01-01"), after_rev=1))
    for day in ("2019-02-01", "2019-03-01"):
        write(day, "run")
    live = write("2026-01-01", None)
    later = write("2019-04-01", "run")
    with store.read() as session:
        found = [store.revision_at(session, at(day)) for day in ("2019-01-31", "2019-02-01", "2019-05-01")]
        assert found == [0, 2, 3]  # what the replay added after the live write is no part of that past
        assert store.live_since(session) == 4
        if live < later:
            assert store.revision_at(session, live) == 4
        assert store.revision_at(session, later) == 5
        assert store.revision_at(session, first - timedelta(days=1)) == 3
