"""How long reports and pages take on a large desk, and how that grows with it.

uv run python -m tests.benchmarks.measure_reports [--forecasts 10000] [--keep FILE]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import seeds
from forecasts import registry
from forecasts.exchange.files import parse_document
from forecasts.leaderboard import leaderboard
from forecasts.ledger import read_ledger
from forecasts.reports import author_report
from forecasts.store import Store
from forecasts.text import report_text
from forecasts.web.author import pictures
from forecasts.web.lists import authors_view, home_view
from forecasts.web.pages import author_page
from jobs.sources import catalogue
from tests.support.clocks import FakeClock, at
from tests.support.many import Many

PHRASES = ("Likely", "Unlikely", "Almost Certain", "Highly Likely", "Remote Chance")


def invented(authors: int, forecasts: int, questions: int) -> Many:
    """Return authors who speak half in numbers and half in words on shared questions, two to a group."""
    rng = np.random.default_rng(0)
    truth = rng.choice([0.05, 0.2, 0.4, 0.6, 0.8, 0.95], size=questions)

    def say(question: int) -> float | str:
        if rng.random() < 0.5:
            return PHRASES[int(rng.integers(len(PHRASES)))]
        return float(np.clip(truth[question] + rng.normal(0, 0.1), 0.01, 0.99).round(2))

    return Many(
        outcomes=[bool(happened) for happened in rng.random(questions) < truth],
        said={
            f"author-{k}": {int(q): say(q) for q in rng.choice(questions, size=forecasts, replace=False)}
            for k in range(1, authors + 1)
        },
        clusters=[f"c-{q // 2}" for q in range(questions)],
        references=[0.6 if q % 3 else 0.5 for q in range(questions)],
    )


def timed(what: str, make: Callable[[], Any]) -> Any:
    """Print how long something takes, waiting and computing, and return what it made."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = make()
    print(
        f"{what:32} {time.perf_counter() - wall:7.2f} s, {time.process_time() - cpu:7.2f} s of a processor",
        flush=True,
    )
    return found


def measure(url: str, authors: int, forecasts: int, questions: int) -> None:
    """Fill a registry and time what is read from it."""
    print(f"\n{authors} authors with {forecasts:,} forecasts each")
    store = Store(url, FakeClock(at("2022-06-01")))
    store.migrate()
    try:
        for value in seeds.documents("lexicons").values():
            registry.register(store, parse_document(value), catalogue=catalogue(), actor="bench")
        invented(authors, forecasts, questions).write(store)
        now = store.clock.now()
        ledger = timed("read the ledger", lambda: read_ledger(store, include_drafts=True))
        report = timed("the report on an author", lambda: author_report(ledger, "author-1", now))
        drawn = timed("its pictures", lambda: pictures(report))
        timed("its page", lambda: author_page(report, drawn))
        timed("its text", lambda: report_text(report))
        timed("the home page's data", lambda: home_view(ledger))
        timed("a page of authors", lambda: authors_view(ledger, now))
        timed("the leaderboard", lambda: leaderboard(ledger, now))
    finally:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forecasts", type=int, default=10_000, help="of the one author measured")
    parser.add_argument("--keep", type=Path, help="keep a registry of 12 authors with 240 forecasts here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(f"sqlite:///{folder}/warm.db", 1, 100, 100)  # what is imported on first use is not the desk's
        for n in (given.forecasts // 2, given.forecasts):
            measure(f"sqlite:///{folder}/{n}.db", 1, n, n)
        measure(f"sqlite:///{given.keep or folder + '/many.db'}", 12, 240, 400)


if __name__ == "__main__":
    main()
