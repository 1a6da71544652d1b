"""Checks of hostile sources in a process of their own, so that what they cost in memory can be measured.

Reads the cases as JSON on standard input; writes a line of JSON for each: the check, how long it took, and by how
much the peak of memory had grown since a first good check.
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from sqlmodel import select

from forecasts.store import Store
from forecasts.tables import Resource
from jobs.fetch import HttpFetcher
from jobs.sources import catalogue
from jobs.worker import Worker
from tests.support import documents as d
from tests.support.clocks import FakeClock, at
from tests.support.desk import WINDOW, Desk

ASKED = "2020-07-20T00:00:00Z"
LOCATION = "http://127.0.0.1:9/first"


def memory(name: str) -> int:
    """Return the memory this process holds (VmRSS) or held at its peak (VmHWM), in bytes.

    The peak of `getrusage` is no good here: a process inherits that of the one it was started from.
    """
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def criterion(case: dict[str, Any]) -> d.Item:
    """Return a criterion that any sound answer decides: the deadline and the grace have passed."""
    return d.event_leaf(source=case["source"], query=case["query"], min_checks=1)


def check(worker: Worker, clock: FakeClock, location: str) -> dict[str, Any]:
    """Check the resource at a location, and no other; return what was written and how long it took."""
    with worker.store.queue() as session:
        for row in session.exec(select(Resource)).all():
            row.next_due = clock.now() if json.loads(row.query)["location"] == location else None
            session.add(row)
    began = time.monotonic()
    written = worker.check_round()
    seconds = time.monotonic() - began
    desk = Desk(worker.store, clock)
    found = [row for row in desk.export("checks") if row["query"]["location"] == location]
    assert written == len(found) == 1, location
    return {"seconds": seconds, **{name: found[0][name] for name in ("status", "sound", "problem")}}


def main() -> None:
    """Check every case in turn, the first being a good one, and tell what came of each."""
    url, seconds = sys.argv[1], float(sys.argv[2])
    cases = json.load(sys.stdin)
    clock = FakeClock(at("2020-01-02T00:00:00Z"))
    store = Store(url, clock)
    store.migrate()
    desk = Desk(store, clock)
    keys = {case["name"]: f"case-{number}" for number, case in enumerate(cases)}
    ids = desk.ids(
        d.document(
            statements=[d.statement(f"s-{key}", part=number) for number, key in enumerate(keys.values(), 1)],
            questions=[d.question(f"q-{keys[case['name']]}", criterion=criterion(case)) for case in cases],
            forecasts=[d.forecast(f"s-{key}", f"q-{key}") for key in keys.values()],
        )
    )
    fetcher = HttpFetcher(seconds=seconds, max_bytes=20_000_000, contact="tests", allow_hosts=["127.0.0.1"])
    worker = Worker(store, catalogue(), fetcher, dispute_window=WINDOW)
    clock.set(ASKED)
    before = 0
    for case in cases:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        found = check(worker, clock, case["query"]["location"])
        before = before or memory("VmRSS")
        found["grown"] = memory("VmHWM") - before
        steps = desk.steps(ids[f"q-{keys[case['name']]}"])
        print(json.dumps({"name": case["name"], **found, "steps": steps}), flush=True)
    fetcher.close()
    store.close()


if __name__ == "__main__":
    main()
