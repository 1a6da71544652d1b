"""Alarms, and judging on what covers the question: tables that shrink or lag, feeds that forget, changing states.

The question opens on 1 January 2020, its deadline is 1 July, the grace a week; a no needs two sound checks.
"""

import json
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from forecasts.alarming import Alarm
from forecasts.store import Store
from jobs.alarms import alarm_history, alarms
from jobs.sources import catalogue
from jobs.status import Monitor
from jobs.worker import Worker
from tests.jobs.servers import answer, say
from tests.jobs.services import Service, service
from tests.jobs.tables import CLOSED, FILLING, NO, PROPOSED_NO, PROPOSED_YES, REOPENED, RIPE, YES, Jobs, event
from tests.support import documents as d
from tests.support.clocks import at
from tests.support.desk import WINDOW, Desk

DEMANDS: dict[str, Any] = {"grace": "P7D", "min_checks": 2, "max_lag": "P60D"}


def lasting(store: Store) -> list[Alarm]:
    with store.read() as session:
        return alarms(session, store.clock.now())


def history(store: Store) -> list[tuple[str, datetime, datetime | None, int]]:
    with store.read() as session:
        return [(found.kind, found.since, found.until, found.checks) for found in alarm_history(session)]


# -- a table that shrinks ------------------------------------------------------------------------------------


def test_a_table_that_shrinks_raises_an_alarm_until_its_rows_are_back(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-07-01")
    jobs.table.rows = FILLING[:8]
    jobs.work_at(RIPE)
    (alarm,) = lasting(jobs.store)
    assert (alarm.kind, alarm.since, alarm.until, alarm.place) == ("shrunk", at(RIPE), None, jobs.table.url)
    assert alarm.detail == "the table shrank from 12 rows to 8, so it is not trusted"
    jobs.table.instead = say(answer(status="500 Internal Server Error"))
    jobs.work_at("2020-07-09T12:00")
    assert [(found.since, found.checks) for found in lasting(jobs.store)] == [(at(RIPE), 1)]
    jobs.table.instead = None
    jobs.table.rows = FILLING[:9]
    assert jobs.steps(question) == []
    jobs.work_at("2020-07-11")
    assert lasting(jobs.store) == []
    assert history(jobs.store) == [("shrunk", at(RIPE), at("2020-07-11"), 1)]
    assert jobs.steps(question) == [PROPOSED_NO]


def test_no_rows_at_all_are_an_alarm_where_there_were_many(jobs: Jobs) -> None:
    jobs.ask()
    jobs.work_at("2020-02-01")
    rows, jobs.table.rows = jobs.table.rows, []
    jobs.work_at("2020-03-01")
    assert [(alarm.kind, alarm.detail) for alarm in lasting(jobs.store)] == [
        ("shrunk", "the table has no rows, which proves nothing")
    ]
    jobs.table.rows = rows
    jobs.work_at("2020-04-01")
    assert lasting(jobs.store) == []


def test_a_loss_within_bounds_and_a_missed_check_are_no_alarm(jobs: Jobs) -> None:
    jobs.ask()
    jobs.work_at("2020-02-01")
    jobs.table.rows = FILLING[:9]
    jobs.work_at("2020-05-01")  # three months later
    assert history(jobs.store) == []


def test_a_table_that_stays_smaller_is_trusted_again_but_not_about_what_it_may_have_lost(jobs: Jobs) -> None:
    before = jobs.ask("before")
    after = jobs.ask("after", opens_at="2020-03-20T00:00:00Z", opens_latest="2020-03-20T00:00:00Z")
    jobs.table.rows.append(event("2020-01-20"))
    seen = jobs.ask("seen", deadline="2020-06-01T00:00:00Z")
    jobs.work_at("2020-02-01", "2020-02-09")
    assert jobs.steps(seen) == [PROPOSED_YES, YES]
    jobs.table.rows = FILLING[:6]
    jobs.work_at("2020-03-01", "2020-03-03", "2020-03-05", "2020-03-07")
    jobs.table.rows = []
    jobs.work_at("2020-03-09")  # the count begins anew
    jobs.table.rows = FILLING[:6]
    for day in (11, 12, 13, 14, 17):  # five checks over six days
        assert not jobs.check_at(f"2020-03-{day}")["sound"]
    last = jobs.check_at("2020-03-18")
    assert (last["sound"], last["trusted_from"], last["alarm"]) == (True, "2020-03-18T00:00:00Z", None)
    assert lasting(jobs.store) == []
    assert history(jobs.store) == [("shrunk", at("2020-03-01"), at("2020-03-18"), 10)]
    jobs.work_at("2020-07-01", RIPE, CLOSED, "2020-08-01")
    assert jobs.steps(seen) == [PROPOSED_YES, YES]  # what it lost may have held the event
    assert jobs.steps(before) == [PROPOSED_YES, YES]  # the same event
    assert jobs.steps(after) == [PROPOSED_NO, NO]


def test_a_question_from_before_a_loss_is_open_until_the_rows_are_back(jobs: Jobs) -> None:
    question = jobs.ask()
    jobs.work_at("2020-02-01")
    jobs.table.rows = FILLING[:6]
    jobs.work_at(*(f"2020-03-{day:02}" for day in range(1, 12)))
    assert lasting(jobs.store) == []
    jobs.worker = Worker(jobs.store, catalogue(), jobs.worker.fetcher, dispute_window=WINDOW)  # reads the archive
    jobs.work_at("2020-07-01", RIPE, CLOSED)
    assert jobs.steps(question) == []
    jobs.table.rows = list(FILLING)
    jobs.work_at("2020-07-20", "2020-07-28")
    assert jobs.steps(question) == [PROPOSED_NO, NO]


# -- a table that lags ---------------------------------------------------------------------------------------


def newest_row(jobs: Jobs) -> d.Item:
    query = {"location": jobs.table.url, "format": "csv", "watermark": {"from": "newest_row"}}
    return d.event_leaf(query=query, max_lag="P20D")


def test_a_table_that_lags_says_no_no_and_takes_none_back(jobs: Jobs) -> None:
    jobs.table.rows = FILLING[:6]
    question = jobs.ask(criterion=newest_row(jobs))
    jobs.work_at("2020-06-01")
    assert [alarm.kind for alarm in lasting(jobs.store)] == ["lagging"]  # the newest row is of June 2019
    jobs.table.rows.append("2020-07-01,UTC,,closing,The Bridge,Works,Gazette")
    jobs.work_at("2020-07-02")
    assert lasting(jobs.store) == []
    jobs.work_at("2020-07-23")  # ripe, and complete past the deadline, but 21 days behind
    (alarm,) = lasting(jobs.store)
    assert (alarm.kind, alarm.since) == ("lagging", at("2020-07-23"))
    assert alarm.detail == "the source is complete only to 2020-07-02T00:00:00Z, so it lags"
    assert jobs.steps(question) == []
    jobs.table.rows.append("2020-07-22,UTC,,closing,The Bridge,Works,Gazette")
    jobs.work_at("2020-07-25")
    assert jobs.steps(question) == [PROPOSED_NO]
    jobs.work_at("2020-08-20")  # the dispute window has closed, and it lags again
    assert jobs.steps(question) == [PROPOSED_NO]
    jobs.table.rows.append("2020-08-05,UTC,,closing,The Bridge,Works,Gazette")
    jobs.work_at("2020-08-22")
    assert jobs.steps(question) == [PROPOSED_NO, NO]
    jobs.table.rows.append(event("2020-06-30"))
    jobs.work_at("2020-09-01")  # it lags, and a row that came late is seen all the same
    assert jobs.steps(question)[-2:] == [REOPENED, PROPOSED_YES]


def test_the_lag_a_query_vouches_for_is_no_alarm(jobs: Jobs) -> None:
    query = jobs.leaf()["query"] | {"watermark": {"from": "fetch_time", "lag": "P30D"}}
    jobs.ask(criterion=jobs.leaf(query=query, max_lag="P1D"))
    ended = jobs.leaf()["query"] | {
        "watermark": {"from": "fetch_time", "lag": "P1D", "until": "2020-01-15T00:00:00Z"}
    }
    jobs.ask("ended", criterion=jobs.leaf(query=ended, max_lag="P1D"))
    jobs.work_at("2020-02-01", "2020-03-01")
    assert history(jobs.store) == []


# -- a table that no longer tells how far it is complete ------------------------------------------------------


def published(asof: str | None, rows: int = 3) -> bytes:
    """Return a table of rows of 2019 that says how far it is complete, if it says so."""
    told = {} if asof is None else {"asof": asof}
    return json.dumps(
        told | {"rows": [{"date": f"2019-01-0{day + 1}", "kind": "x"} for day in range(rows)]}
    ).encode()


def opening_published(asked: Service) -> d.Item:
    query = {"location": asked.url, "format": "json", "columns": {"occurred": "date"}}
    query["watermark"] = {"from": "field", "name": "asof"}
    return opening_in(asked, source="event-table", query=query)


def test_a_table_that_stops_telling_how_far_it_is_complete_raises_an_alarm_until_it_tells(desk: Desk) -> None:
    with service(desk, DEMANDS) as asked:  # their max_lag is 60 days
        asked.ask(opening_published(asked))
        asked.said = published("2020-02-01T00:00:00Z")
        asked.work_at("2020-02-01")
        asked.said = published(None)
        asked.work_at("2020-05-15", "2020-05-16", "2020-07-01")
        assert lasting(desk.store) == []  # three and a half months without a check were no staleness
        asked.said = published("no date")
        assert asked.work_at("2020-07-10") == []  # ripe, and untold for 56 days
        assert lasting(desk.store) == []
        asked.said = published(None)
        assert asked.work_at("2020-07-15") == []
        (alarm,) = lasting(desk.store)
        assert (alarm.kind, alarm.since) == ("lagging", at("2020-07-15"))
        assert alarm.detail == (
            "the source has not told since 2020-05-15T00:00:00Z how far it is complete, so it counts as lagging"
        )
        assert Monitor(desk.store).health()[1]["status"] == "alarm"
        asked.said = published("2020-07-16T00:00:00Z")
        assert asked.work_at("2020-07-16") == [PROPOSED_NO]
        asked.said = published(None)
        assert asked.work_at("2020-07-24") == [PROPOSED_NO, NO]  # said before, and it is counted anew
        assert history(desk.store) == [("lagging", at("2020-07-15"), at("2020-07-16"), 1)]


def test_a_table_that_never_told_how_far_it_is_complete_raises_an_alarm(desk: Desk) -> None:
    with service(desk, DEMANDS, published(None)) as asked:
        asked.ask(opening_published(asked))
        asked.work_at("2020-02-01", "2020-04-01")
        assert lasting(desk.store) == []  # it has been 60 days
        asked.work_at("2020-04-08")
        assert [(alarm.kind, alarm.since) for alarm in lasting(desk.store)] == [("lagging", at("2020-04-08"))]


def test_an_answer_that_is_not_complete_counts_as_lagging_after_the_lag_its_query_vouches_for(desk: Desk) -> None:
    with service(desk, DEMANDS, {"n": 2, "rows": [{"occurred": "2019-03-01", "kind": "x"}]}) as asked:
        query = {"location": asked.url, "rows": "$.rows[*]", "count": "$.n", "zone": "UTC"}
        query["watermark"] = {"from": "fetch_time", "lag": "P90D"}  # type: ignore[assignment]
        asked.ask(opening_in(asked, source="json-path", query=query))
        asked.work_at("2020-02-01", "2020-04-08", "2020-05-01")
        assert lasting(desk.store) == []
        asked.work_at("2020-05-08")
        assert [alarm.kind for alarm in lasting(desk.store)] == ["lagging"]


# -- a feed that forgets -------------------------------------------------------------------------------------


def rss(*days: tuple[str, str]) -> bytes:
    """Return a feed of entries, each a day and a title."""
    items = "".join(
        f"<item><title>{title}</title><guid>{day}{title}</guid>"
        f"<pubDate>{format_datetime(datetime.fromisoformat(day).replace(tzinfo=UTC))}</pubDate></item>"
        for day, title in sorted(days, reverse=True)
    )
    return f'<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'.encode()


def opening_in(asked: Service, **changes: Any) -> d.Item:
    return {
        "type": "event_before_deadline",
        "source": "rss-atom",
        "query": {
            "location": asked.url,
            "kinds": [{"kind": "opening", "phrases": ["opens"]}],
            "watermark": {"from": "fetch_time", "lag": "PT1H"},
        },
        "filter": {"kind": ["opening"]},
        "event_tz": "UTC",
    } | changes


def news(*numbers: int) -> list[tuple[str, str]]:
    return [((date(2020, 1, 1) + timedelta(days=number)).isoformat(), "news") for number in numbers]


def test_what_a_feed_has_forgotten_still_supports_its_yes(desk: Desk) -> None:
    with service(desk, DEMANDS) as asked:
        asked.ask(opening_in(asked))
        asked.said = rss(*news(1, 2, 3), ("2020-01-20", "It opens"))
        assert asked.work_at("2020-01-21") == [PROPOSED_YES]
        asked.said = rss(*news(20, 21, 22, 23, 24))
        asked.worker = Worker(desk.store, catalogue(), asked.worker.fetcher, dispute_window=WINDOW)
        confirmed = [PROPOSED_YES, YES]
        assert asked.work_at("2020-01-28", "2020-01-30") == confirmed
        asked.said = rss(*news(40, 41, 42, 43, 44))
        assert asked.work_at("2020-03-01", "2020-04-01") == confirmed


def test_an_entry_withdrawn_from_a_feed_that_reaches_back_to_it_takes_its_yes_back(desk: Desk) -> None:
    with service(desk, DEMANDS) as asked:
        asked.ask(opening_in(asked))
        asked.said = rss(*news(1, 2, 3), ("2020-01-20", "It opens"))
        assert asked.work_at("2020-01-21") == [PROPOSED_YES]
        asked.said = rss(*news(2, 3, 20))  # it no longer reaches to the opening, but to the event
        assert asked.work_at("2020-01-28") == [PROPOSED_YES, REOPENED]


def test_a_feed_that_forgets_does_not_take_a_no_back(desk: Desk) -> None:
    with service(desk, DEMANDS) as asked:
        asked.ask(opening_in(asked))
        asked.said = rss(("2019-12-31", "news"), *news(1, 2, 3))
        assert asked.work_at("2020-07-01", RIPE, CLOSED) == [PROPOSED_NO, NO]
        asked.said = rss(*news(150, 151, 152))
        assert asked.work_at("2020-08-01") == [PROPOSED_NO, NO]
        asked.said = rss(*news(150, 151, 152), ("2020-06-30", "It opens"))
        assert asked.work_at("2020-08-20")[-2:] == [REOPENED, PROPOSED_YES]


def test_an_answer_that_is_not_complete_takes_nothing_back(desk: Desk) -> None:
    def body(*days: str, count: int) -> bytes:
        return json.dumps({"n": count, "rows": [{"occurred": day, "kind": "opening"} for day in days]}).encode()

    with service(desk, DEMANDS) as asked:
        query = {"location": asked.url, "rows": "$.rows[*]", "count": "$.n", "zone": "UTC"}
        query["watermark"] = {"from": "fetch_time", "lag": "PT1H"}  # type: ignore[assignment]
        asked.ask(opening_in(asked, source="json-path", query=query))
        asked.said = body("2020-02-01", count=1)
        assert asked.work_at("2020-02-05", "2020-02-13") == [PROPOSED_YES, YES]
        asked.said = body("2020-03-01", count=2)  # another row; the one that decided is on the next page
        assert asked.work_at("2020-03-10") == [PROPOSED_YES, YES]
        asked.said = body(count=0)
        assert asked.work_at("2020-03-20") == [PROPOSED_YES, YES, REOPENED]


# -- a state that changes after the deadline -----------------------------------------------------------------


def rate(value: float, since: str) -> bytes:
    return json.dumps({"rate": value, "from": since}).encode()


def above_five(asked: Service) -> d.Item:
    query = {
        "location": asked.url,
        "value": "$.rate",
        "since": "$.from",
        "watermark": {"from": "fetch_time", "lag": "PT1H"},
    }
    return {"type": "numeric_threshold", "source": "json-path", "query": query, "op": ">", "threshold": 5}


def test_a_state_that_changes_after_the_deadline_takes_nothing_back(desk: Desk) -> None:
    with service(desk, DEMANDS) as asked:
        asked.ask(above_five(asked))
        asked.said = rate(5.25, "2020-06-01T00:00:00Z")
        assert asked.work_at("2020-06-10", RIPE) == [PROPOSED_YES]
        asked.said = rate(4.75, "2020-07-10T00:00:00Z")
        assert asked.work_at(CLOSED, "2020-07-30") == [PROPOSED_YES, YES]
        asked.said = rate(4.5, "2020-06-15T00:00:00Z")  # the number of the deadline itself is put right
        assert asked.work_at("2020-08-10")[-2:] == [REOPENED, PROPOSED_NO]


def test_a_state_that_changes_within_the_grace_is_judged_by_what_was_seen_at_the_deadline(desk: Desk) -> None:
    with service(desk, DEMANDS) as asked:
        asked.ask(above_five(asked))
        asked.said = rate(5.25, "2020-06-01T00:00:00Z")
        assert asked.work_at("2020-06-10", "2020-07-02") == []
        for day in (3, 4, 5, 6):
            asked.said = rate(4 + day / 100, f"2020-07-0{day}T00:00:00Z")
            assert asked.work_at(f"2020-07-0{day}T12:00") == []
        assert asked.work_at(RIPE, CLOSED) == [PROPOSED_YES, YES]


def test_a_state_nobody_saw_at_the_deadline_is_left_to_a_person(desk: Desk) -> None:
    with service(desk, DEMANDS) as asked:
        asked.ask(above_five(asked))
        asked.said = rate(5.25, "2020-06-01T00:00:00Z")
        assert asked.work_at("2020-06-10") == []
        asked.said = rate(4.5, "2020-07-02T00:00:00Z")
        assert asked.work_at("2020-07-05", RIPE, CLOSED) == []


def test_a_row_withdrawn_from_a_table_that_publishes_no_watermark_any_more_takes_its_yes_back(desk: Desk) -> None:
    def body(*days: str, **published: str) -> bytes:
        rows = [{"id": str(number), "date": day, "kind": "opening"} for number, day in enumerate(days)]
        return json.dumps({"rows": rows} | published).encode()

    with service(desk, DEMANDS) as asked:
        query = {"location": asked.url, "format": "json", "columns": {"id": "id", "occurred": "date"}}
        query["watermark"] = {"from": "field", "name": "asof"}
        asked.ask(opening_in(asked, source="event-table", query=query))
        asked.said = body("2019-01-01", "2019-01-02", "2020-02-01", asof="2020-02-04T00:00:00Z")
        assert asked.work_at("2020-02-05", "2020-02-13") == [PROPOSED_YES, YES]
        asked.said = body("2019-01-01", "2019-01-02", "2020-02-01")
        assert asked.work_at("2020-03-10") == [PROPOSED_YES, YES]
        asked.said = body("2019-01-01", "2019-01-02")
        assert asked.work_at("2020-03-20") == [PROPOSED_YES, YES, REOPENED]
