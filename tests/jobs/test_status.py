"""How the jobs are doing: in a terminal, to a probe and to a scraper, also when the database is away."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import Connection
from sqlalchemy import event as sql_event
from sqlmodel import Session

from forecasts import resolving
from forecasts.store import Store
from forecasts.web.app import create_app
from jobs import due
from jobs.board import closed_proposals, next_closing
from jobs.clocks import SystemClock
from jobs.status import OVERDUE, Monitor, exposition, read_status, status_of
from tests.jobs.tables import Jobs, event, jobs_on, table_on
from tests.support.clocks import FakeClock
from tests.support.commands import Run
from tests.support.desk import Desk


def get(store: Store, path: str, *, with_jobs: bool = True) -> httpx.Response:
    async def ask() -> httpx.Response:
        app = create_app(store, monitor=Monitor(store, jobs=with_jobs))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path)

    return anyio.run(ask)


def metrics(text: str) -> dict[str, float]:
    """Read the text format strictly: each name is introduced, each value a number, the last line ended."""
    assert text.endswith("\n")
    found, introduced = {}, set()
    for line in text.splitlines():
        if line.startswith("# "):
            introduced.add(line.split(" ")[2])
            continue
        sample = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[a-z]+"\})? ([0-9.e+]+)', line)
        assert sample is not None, line
        assert sample[1] in introduced
        found[sample[1] + (sample[2] or "")] = float(sample[3])
    return found


def test_what_is_due_overdue_and_leased_is_counted(jobs: Jobs, clock: FakeClock) -> None:
    jobs.ask()
    assert (status_of(jobs.store).due, status_of(jobs.store).overdue) == (1, 0)
    clock.forward(OVERDUE + timedelta(seconds=1))
    late = status_of(jobs.store)
    assert (late.due, late.overdue, late.waited) == (1, 1, OVERDUE.total_seconds() + 1)
    assert late.trouble is not None
    assert "1 resource has been due for more than 15 minutes" in late.trouble
    due.claim(jobs.store)
    held = status_of(jobs.store)
    assert (held.due, held.overdue, held.leased, held.trouble) == (0, 0, 1, None)
    clock.forward(due.LEASE)  # whoever held it died
    assert status_of(jobs.store).overdue == 1


def test_checks_questions_reversals_and_alarms_are_counted(jobs: Jobs) -> None:
    jobs.ask()
    jobs.table.rows.append(event("2020-03-01"))
    jobs.work_at("2020-03-02", "2020-03-10")
    assert status_of(jobs.store).questions == {"open": 0, "proposed": 0, "disputed": 0, "confirmed": 1}
    jobs.table.rows.pop()
    jobs.work_at("2020-03-20")
    jobs.table.rows.clear()
    jobs.work_at("2020-03-30")
    status = status_of(jobs.store)
    assert status.checks == {"ok": 3, "empty": 1, "throttled": 0, "malformed": 0, "skewed": 0, "error": 0}
    assert status.questions == {"open": 1, "proposed": 0, "disputed": 0, "confirmed": 0}
    assert (status.reversals, [alarm.kind for alarm in status.alarms]) == (1, ["shrunk"])
    assert status.evidence_bytes > 0
    read = metrics(exposition(status))
    assert read['calledit_checks_total{status="ok"}'] == 3
    assert read['calledit_questions{state="open"}'] == 1
    assert (read['calledit_alarms{kind="shrunk"}'], read["calledit_reversals_total"]) == (1, 1)
    assert read["calledit_last_check_timestamp_seconds"] == jobs.desk.clock.now().timestamp()


def test_a_probe_is_told_of_alarms_and_warned_when_the_jobs_stand_still(jobs: Jobs, clock: FakeClock) -> None:
    jobs.ask()
    jobs.work_at("2020-03-02")
    assert get(jobs.store, "/healthz").json() == {"status": "ok", "reason": None, "alarms": []}
    jobs.table.rows.clear()
    jobs.work_at("2020-03-30")
    alarmed = get(jobs.store, "/healthz")
    assert (alarmed.status_code, alarmed.json()["status"]) == (200, "alarm")
    assert alarmed.json()["alarms"][0]["kind"] == "shrunk"
    assert jobs.table.url not in alarmed.text
    clock.forward(timedelta(days=30))
    late = get(jobs.store, "/healthz")
    assert (late.status_code, late.json()["status"]) == (503, "late")
    assert "calledit worker" in late.json()["reason"]
    assert get(jobs.store, "/healthz", with_jobs=False).status_code == 200


def test_nobody_is_named_in_the_metrics(jobs: Jobs) -> None:
    jobs.ask()
    jobs.work_at("2020-03-02")
    text = get(jobs.store, "/metrics").text
    assert metrics(text)["calledit_resources"] == 1
    assert not re.search(r"ada|bell|bridge|127\.0\.0\.1", text, re.IGNORECASE)


@pytest.mark.parametrize("url", ["sqlite:////no/such/place/x.db", "postgresql+psycopg://nobody@127.0.0.1:1/none"])
def test_without_a_database_the_probe_still_answers(url: str) -> None:
    store = Store(url, SystemClock())
    down = get(store, "/healthz")
    assert (down.status_code, down.json()) == (
        503,
        {"status": "down", "reason": "The database does not answer."},
    )
    assert get(store, "/metrics").status_code == 503


def test_the_command_answers_as_a_monitoring_plugin_does(calledit: Run, database_url: str) -> None:
    with_nothing = calledit("status", "--check")
    assert (with_nothing.code, with_nothing.out.splitlines()[-1]) == (0, "No alarms.")
    clock = FakeClock(SystemClock().now() - timedelta(hours=1))
    desk = Desk(Store(database_url, clock), clock)
    with table_on(clock) as table, jobs_on(desk, table) as jobs:
        jobs.ask()
    late = calledit("status", "--check")
    assert (late.code, "1 resource has been due" in late.out) == (2, True)
    assert calledit("status").code == 0
    assert json.loads(calledit("status", "--json").out)["overdue"] == 1
    gone = calledit("--database", "postgresql://nobody@127.0.0.1:1/none", "status", "--check")
    assert (gone.code, gone.err.startswith("Error: The database")) == (2, True)
    unusable = calledit("--database", "nonsense", "status", "--check")
    assert (unusable.code, unusable.err.startswith("Error: ")) == (2, True)
    desk.store.close()


# -- what a long history costs -------------------------------------------------------------------------------


def plan_of(session: Session, ask: Callable[[], object]) -> str:
    """Return how the database goes about what is asked, were its tables large."""
    asked: list[tuple[str, Any]] = []
    connection = session.connection()
    explain = "EXPLAIN QUERY PLAN "
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # which it prefers while they are small
        explain = "EXPLAIN "

    def hear(_connection: Connection, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        asked.append((statement, parameters))

    sql_event.listen(connection, "before_cursor_execute", hear)
    ask()
    sql_event.remove(connection, "before_cursor_execute", hear)
    rows = [row for statement, given in asked for row in connection.exec_driver_sql(explain + statement, given)]
    return "\n".join(str(row) for row in rows)


def test_what_closes_was_reopened_came_late_or_is_leased_is_found_without_reading_all_there_was(
    jobs: Jobs,
) -> None:
    question = jobs.ask()
    jobs.work_at("2020-07-01", "2020-07-08")
    assert jobs.steps(question) == [("proposed", "no")]
    now = jobs.store.clock.now()
    with jobs.store.read() as session:
        assert "ix_resolution_proposed" in plan_of(session, lambda: closed_proposals(session, now))
        assert "ix_resolution_proposed" in plan_of(session, lambda: next_closing(session, now))
        assert "ix_resolution_reopened" in plan_of(session, lambda: resolving.reversals(session))
        told = plan_of(session, lambda: read_status(session, now))
        assert "ix_source_check_late" in told
        assert not re.search(r"(SCAN|Seq Scan on) resource\b(?! USING COVERING)", told)
        closes_at = next_closing(session, now)
        assert closes_at is not None
        assert len(closed_proposals(session, closes_at)) == 1
