"""States through the whole path: fetched, archived, decided, confirmed, taken back; and beside a replay."""

from collections.abc import Callable
from typing import Any

from forecasts import registry
from forecasts.exchange.files import parse_document
from forecasts.store import Store
from jobs.clocks import SystemClock
from jobs.sources import catalogue
from tests.jobs.runs import Run, run
from tests.jobs.services import service
from tests.jobs.sources.bodies import USGS_QUERY, market, ms
from tests.support import documents as d
from tests.support.clocks import at
from tests.support.desk import Desk

LAG = {"from": "fetch_time", "lag": "PT5M"}
DEMANDS: dict[str, Any] = {"grace": "P1D", "min_checks": 2, "max_lag": "P60D"}


def test_a_market_is_mirrored_and_a_resolution_that_is_taken_back_reopens(desk: Desk) -> None:
    with service(desk, DEMANDS, market()) as asked:
        query = {"market": "abc123", "service": asked.url, "watermark": LAG}
        asked.ask({"type": "market_mirror", "source": "manifold", "query": query})
        assert asked.work_at("2020-01-20", "2020-02-10") == []
        asked.said = market(isResolved=True, resolution="YES", resolutionTime=ms("2020-03-01T00:00:00Z"))
        assert asked.work_at("2020-03-01T12:00:00") == []  # it has not stood for the grace
        confirmed = [("proposed", "yes"), ("confirmed", "yes")]
        assert asked.work_at("2020-03-10", "2020-03-18") == confirmed
        asked.said = market()
        assert asked.work_at("2020-04-10") == [*confirmed, ("reopened", None)]


def test_a_market_settled_at_a_fraction_is_left_to_a_person(desk: Desk) -> None:
    said = market(isResolved=True, resolution="MKT", resolutionTime=ms("2020-02-01T00:00:00Z"))
    with service(desk, DEMANDS, said) as asked:
        query = {"market": "abc123", "service": asked.url, "watermark": LAG}
        asked.ask({"type": "market_mirror", "source": "manifold", "query": query})
        assert asked.work_at("2020-02-10", "2020-03-01", "2020-07-10", "2020-08-01") == []


def test_a_published_number_decides_after_the_deadline_and_a_blank_one_never(desk: Desk) -> None:
    with service(desk, DEMANDS, {"rate": 5.25, "from": "2020-06-01T00:00:00Z"}) as asked:
        query = {"location": asked.url, "value": "$.rate", "since": "$.from", "watermark": LAG}
        leaf = {"type": "numeric_threshold", "source": "json-path", "query": query, "op": ">", "threshold": 5}
        asked.ask(leaf)
        assert asked.work_at("2020-06-10", "2020-06-25", "2020-07-01") == []
        number, asked.said = asked.said, {"rate": None, "from": None}
        assert asked.work_at("2020-07-03") == []
        asked.said = number
        assert asked.work_at("2020-07-10") == [("proposed", "yes")]
        assert asked.work_at("2020-07-18")[-1] == ("confirmed", "yes")


def test_a_replay_leaves_alone_what_asks_a_live_service(new_database: Callable[..., str]) -> None:
    url = new_database("sqlite")
    quake = DEMANDS | {
        "type": "event_before_deadline",
        "source": "usgs",
        "query": USGS_QUERY | {"start": "2020-01-01T00:00:00Z"},
        "filter": {"kind": ["nuclear explosion"]},
        "event_tz": "UTC",
    }
    made = d.document(
        statements=[d.statement("s-1")],
        questions=[d.question("q-1", criterion=quake)],
        forecasts=[d.forecast("s-1", "q-1")],
    )
    store = Store(url, SystemClock())
    try:
        ids = registry.register(store, parse_document(made), catalogue=catalogue(), actor="ann").ids["questions"]
    finally:
        store.close()
    assert run(url, at("2020-01-02"), at("2020-08-01")).checks > 0
    replayed = Run.read(url, ids)
    assert {check["status"] for check in replayed.export("checks")} == {"error"}
    assert replayed.outcome("q-1") == "open"
