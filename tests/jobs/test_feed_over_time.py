"""A daily table replayed from day to day: what is decided is what a reader of each day's file would say,
and in the end what the table's final truth says.
"""

import csv
import itertools
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from forecasts import registry
from forecasts.exchange.export import Record
from forecasts.exchange.files import parse_document
from forecasts.store import Store
from jobs.cli import app
from jobs.clocks import SystemClock
from jobs.recording import instant_in
from jobs.sources import catalogue
from tests.jobs import feeds
from tests.jobs.runs import Run
from tests.support.clocks import at

GRACE = timedelta(days=14)


class Reader:
    """Reads the newest file that is not empty, as somebody would who knows nothing of checks."""

    def __init__(self, directory: Path) -> None:
        found = [(instant_in(path.stem), path) for path in directory.iterdir()]
        self._files = sorted((instant, path) for instant, path in found if instant is not None)
        self._read: dict[Path, list[tuple[date | None, str, int]]] = {}

    def rows(self, moment: datetime, *, sound: bool = True) -> list[tuple[date | None, str, int]]:
        for instant, path in reversed(self._files):
            if instant <= moment and (not sound or len(path.read_text(encoding="utf-8").splitlines()) > 1):
                return self._read.setdefault(path, self._parsed(path))
        return []

    def age(self, moment: datetime) -> timedelta:
        return min(moment - instant for instant, _ in self._files if instant <= moment)

    @staticmethod
    def _parsed(path: Path) -> list[tuple[date | None, str, int]]:
        rows = csv.DictReader(path.read_text(encoding="utf-8").replace("\u2011", "-").splitlines())
        return [
            (date.fromisoformat(row["date"]) if row["date"] else None, row["kind"], int(row["id"])) for row in rows
        ]

    def says(self, question: Record, moment: datetime) -> str:
        """Return the day a question came true by what the reader sees, or no, or unknown."""
        leaf = question["criterion"]["criterion"]
        opens, deadline = at(question["opens_at"]), at(question["deadline"])
        days = [day for day, kind, _ in self.rows(moment) if kind in leaf["filter"]["kind"]]
        inside = sorted(
            day for day in days if day and opens.date() <= day < deadline.date() and day <= moment.date()
        )
        if len(inside) >= leaf["k"]:
            return str(inside[leaf["k"] - 1])
        return "unknown" if None in days or moment < deadline + GRACE else "no"


def late(reader: Reader, checks: list[Record]) -> int:
    """Count the rows that were not there when a check had the table complete to them, two days before it.

    A row that is edited, dated anew or re-keyed (by 1000) was there.
    """
    count, before = 0, None
    for check in sorted(checks, key=lambda row: row["checked_at"]):
        if check["sound"]:
            moment = at(check["checked_at"])
            days = {key % 1000: day for day, _, key in reader.rows(moment)}
            if before is not None:
                complete = before[0] - timedelta(days=2)
                new = [day for key, day in days.items() if key not in before[1]]
                count += sum(day is not None and at(str(day + timedelta(days=1))) <= complete for day in new)
            before = moment, days
    return count


@pytest.mark.parametrize(("kind", "start"), [("sqlite", "2021-04-15"), ("postgresql", "2021-06-21")])
def test_a_daily_table_over_time(new_database: Callable[..., str], tmp_path: Path, kind: str, start: str) -> None:
    recorded = tmp_path / "recorded"
    recorded.mkdir()
    rows = feeds.table()
    empty = feeds.empty_days(date.fromisoformat(start))
    feeds.record(rows, recorded, empty=empty)
    url = new_database(kind)
    store = Store(url, SystemClock())
    try:
        document, asked = feeds.questions()
        made = registry.register(store, parse_document(document), catalogue=catalogue(), actor="ann")
    finally:
        store.close()
    command = [
        "--database",
        url,
        "replay",
        "--from",
        start,
        "--to",
        "2021-12-30",
        "--feed",
        str(recorded),
        "--json",
    ]
    done = json.loads(CliRunner().invoke(app, command, catch_exceptions=False).stdout)
    run, reader = Run.read(url, made.ids["questions"]), Reader(recorded)

    # In the end everything came out as the final table says, dated by when it happened.
    questions = {row["question"]: row for row in run.export("questions")}
    steps: dict[str, list[Record]] = {public_id: [] for public_id in questions}
    for step in run.export("resolutions"):
        steps[step["question"]].append(step)
    came_to = {}
    for key, public_id in run.ids.items():
        last = steps[public_id][-1]
        assert last["state"] == "confirmed", key
        came_to[key] = last["occurred_at"][:10] if last["outcome"] == "yes" else last["outcome"]
    truth = {key: feeds.truth(rows, *what) for key, what in asked.items()}
    assert came_to == {key: str(day) if day else "no" for key, day in truth.items()}

    # On the way there, each proposal was what somebody would have said who read that day's file.
    checks = run.export("checks")
    by_id = {check["check"]: check for check in checks}
    proposals = [step for step in run.export("resolutions") if step["state"] == "proposed"]
    for step in proposals:
        said = reader.says(questions[step["question"]], at(step["decided_at"]))
        assert said == (step["occurred_at"][:10] if step["outcome"] == "yes" else "no")
    assert all(by_id[step["check"]]["sound"] for step in proposals)

    # Alarms on the days without rows and no others; what came late, and what was taken back, is counted.
    assert [alarm["since"][:10] for alarm in done["alarms"]] == [str(day) for day in empty]
    for alarm in done["alarms"]:
        assert at(alarm["until"]) - at(alarm["since"]) <= timedelta(days=2)
    assert {check["status"] for check in checks} == {"ok", "empty", "error"}
    for check in checks:  # a day without a file is no answer, never yesterday's made new
        overdue = reader.age(at(check["checked_at"])) >= timedelta(days=1.1)
        assert (check["status"] == "error") == overdue, check["checked_at"]
    assert done["late_rows"] == late(reader, checks) > 0
    reversals = sum(
        (before["state"], after["state"]) == ("confirmed", "reopened")
        for taken in steps.values()
        for before, after in itertools.pairwise(taken)
    )
    assert done["reversals"] == reversals > 0
    assert done["checks"] == len(checks)
