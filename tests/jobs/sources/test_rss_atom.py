"""Feeds: dates in every form feeds write them, how far back a feed reaches, and no entity expanded."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.decide import Reading, Window, decide
from forecasts.errors import InvalidInputError
from forecasts.model import Event, Observation
from jobs.sources import get_source
from jobs.sources.rss_atom import read_date
from tests.jobs.sources.bodies import ATOM, FETCHED, LAG, RSS, RSS_QUERY, observe, rss


def feed(body: bytes, previous: Observation | None = None, **query: Any) -> Observation:
    return observe("rss-atom", body, RSS_QUERY | query, previous=previous)


def day(number: int) -> str:
    return f"{number:02} Sep 2021 08:00:00 GMT"


def days(*numbers: int) -> bytes:
    return rss(*((f"On {number}", day(number)) for number in numbers))


# -- entries ---------------------------------------------------------------------------------------------------


def test_an_entry_becomes_an_event() -> None:
    found = feed(RSS)
    at = datetime(2021, 9, 8, 23, tzinfo=UTC)
    assert found.events[0] == Event(
        occurred=at,
        kind="launch",
        actors=("Politics",),
        known_at=at,
        description="Missile launch reported",
        citation="https://example.org/0",
        id="g0-Missile launch reported",
    )
    assert [event.kind for event in found.events] == ["launch", "entry", "entry"]
    assert (found.sound, found.problems) == (True, ())


def test_an_atom_entry_says_the_same_and_an_edit_is_no_publication() -> None:
    found = feed(ATOM)
    first, second = found.events
    assert (first.description, first.citation, first.actors) == (
        "Version 3.0",
        "https://example.org/3.0",
        ("release",),
    )
    assert (first.occurred, second.occurred) == (datetime(2021, 9, 8, 8, tzinfo=UTC), None)
    assert found.problems == ("1 entries without a date in published that can be read",)
    edited = feed(ATOM, dated_by="updated")
    assert [event.occurred for event in edited.events] == [
        datetime(2021, 9, 9, 12, tzinfo=UTC),
        datetime(2021, 9, 7, tzinfo=UTC),
    ]


def test_rss_1_keeps_its_items_beside_the_channel() -> None:
    body = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>c</title><dc:date>2021-09-09T00:00:00Z</dc:date>
      </channel><item><title>One</title><dc:date>2021-09-08T10:00:00Z</dc:date><dc:subject>x</dc:subject></item>
      </rdf:RDF>"""
    found = feed(body, watermark={"from": "field", "name": "date"})
    assert found.events == (
        Event(
            datetime(2021, 9, 8, 10, tzinfo=UTC),
            "entry",
            actors=("x",),
            known_at=datetime(2021, 9, 8, 10, tzinfo=UTC),
            description="One",
        ),
    )
    assert found.watermark == datetime(2021, 9, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("LAUNCH of a Missile", "launch"),
        ("Missile \n  launch", "launch"),
        ("Missile parade", "entry"),
        ("&lt;b&gt;missile&lt;/b&gt; launch", "launch"),
        ("", "entry"),
    ],
)
def test_a_kind_needs_every_phrase_in_any_case(title: str, kind: str) -> None:
    assert [event.kind for event in feed(rss((title, day(1)))).events] == [kind]


def test_the_first_kind_that_fits_is_taken_and_markup_in_a_summary_is_none() -> None:
    kinds = [{"kind": "b", "phrases": ["two words"]}, {"kind": "a", "phrases": ["words"]}]
    body = rss(("t", day(1))).replace(
        b"<guid>", b"<description>&lt;i class='words'&gt;two&lt;/i&gt; words</description><guid>"
    )
    assert feed(body, kinds=kinds).events[0].kind == "b"
    assert feed(body, kinds=[{"kind": "a", "phrases": ["class"]}]).events[0].kind == "entry"


def test_an_entry_that_comes_twice_counts_once() -> None:
    body = rss(("A", day(2)), ("A, edited", day(2))).replace(b"g1-A, edited", b"g0-A")
    found = feed(body.replace(b"example.org/1", b"example.org/0"))
    assert len(found.events) == 1
    assert found.problems == ("1 entries that repeat an earlier entry with their id, left out",)


# -- dates -----------------------------------------------------------------------------------------------------

AT = datetime(2021, 9, 6, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 06 Sep 2021 10:30:00 GMT",
        "Mon, 06 Sep 2021 10:30:00 +0000",
        "Mon, 06 Sep 2021 10:30:00 -0000",
        "Mon, 06 Sep 2021 10:30 UT",
        "Mon, 6 Sep 2021 10:30:00 Z",
        "mon,06 sep 2021 10:30:00 gmt",
        "Sunday, 06 September 2021 10:30:00 GMT",  # it was a Monday
        "06 Sept. 2021 10:30:00 UTC",
        "6 Sep 21 10:30:00 GMT",
        "06-Sep-2021 10:30:00 GMT",
        "06\u2011Sep\u20112021 10:30:00 GMT",
        "September 6, 2021 10:30:00 GMT",
        "Monday, September 6th, 2021, 10:30 GMT",
        "Mon, 06 Sep 2021 05:30:00 EST",
        "Mon, 06 Sep 2021 03:30:00 PDT",
        "Mon, 06 Sep 2021 12:30:00 +0200",
        "Mon, 06 Sep 2021 12:30:00 +02:00",
        "Mon, 06 Sep 2021 12:30:00 GMT+0200",
        "Mon, 06 Sep 2021 12:30:00 +0200 (CEST)",
        "  Mon,\n 06   Sep 2021 10:30:00 GMT ",
        "2021-09-06T10:30:00Z",
        "2021-09-06T10:30:00.000Z",
        "2021-09-06 10:30:00 UTC",
        "2021-09-06 12:30:00 +0200",
        "2021-09-06T12:30:00+02:00",
        "20210906T103000Z",
        "2021\u201109\u201106T10:30:00Z",
    ],
)
def test_a_date_is_read_in_the_forms_feeds_write(text: str) -> None:
    assert read_date(text, None) == AT
    assert read_date(text, "Asia/Seoul") == AT


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("Mon, 06 Sep 2021 19:30:00", "Asia/Seoul", AT),
        ("2021-09-06T19:30:00", "Asia/Seoul", AT),
        ("2021-09-06", None, date(2021, 9, 6)),
        ("6 Sep 2021", None, date(2021, 9, 6)),
        ("Sep 6, 2021", "UTC", date(2021, 9, 6)),
        ("6 Sep 2021 24:00 GMT", None, datetime(2021, 9, 7, tzinfo=UTC)),
        ("31 Dec 2016 23:59:60 GMT", None, datetime(2017, 1, 1, tzinfo=UTC)),
        ("6 Sep 49 10:30 GMT", None, datetime(2049, 9, 6, 10, 30, tzinfo=UTC)),
        ("6 Sep 50 10:30 GMT", None, datetime(1950, 9, 6, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_date_without_a_zone_takes_that_of_the_query(text: str, zone: str | None, expected: object) -> None:
    assert read_date(text, zone) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gestern",
        "06/09/2021 10:30",
        "Mon, 06 Sep 2021 10:30:00 CEST",  # a name that is no standard's
        "Mon, 06 Sep 2021 10:30:00 IST",
        "Mon, 06 Sep 2021 10:30:00 A",
        "Mon, 06 Sep 2021 10:30:00 +2",
        "Mon, 06 Sep 2021 10:30:00 +9900",
        "Lun, 06 Sep 2021 10:30:00 GMT",
        "06 Okt 2021 10:30:00 GMT",
        "06 Sepp 2021 10:30:00 GMT",
        "31 Feb 2021 10:30:00 GMT",
        "06 Sep 2021 24:01 GMT",
        "06 Sep 2021 10:60 GMT",
        "06 Sep 0000 10:30:00 GMT",
        "31 Dec 9999 23:59:59 GMT",
        "01 Jan 0001 00:00:00 +1400",
        "9999-12-31",
        "0000-00-00T00:00:00Z",
        "1630924200",
        "٠٦ Sep 2021 10:30 GMT",
        "6 Sep 2021 at ten",
    ],
)
def test_a_date_that_is_not_certain_is_none(text: str) -> None:
    assert read_date(text, "Asia/Seoul") is None


def test_a_date_without_any_zone_is_none() -> None:
    assert read_date("Mon, 06 Sep 2021 10:30:00", None) is None
    assert read_date("2021-09-06T10:30:00", None) is None


@given(st.text("MonSepGMTZ0123456789 ,:+-/()\u2011", max_size=40), st.sampled_from([None, "Asia/Seoul"]))
def test_no_date_raises(text: str, zone: str | None) -> None:
    found = read_date(text, zone)
    assert found is None or 1 < found.year < 9999


# -- how far back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "reaches"),
    [
        ((9, 8, 7), 7),  # newest first
        ((7, 8, 9), 7),  # oldest first
        ((1, 9, 8, 7), 7),  # an old entry is pinned to the top
        ((9, 7, 8, 6, 5, 4, 2, 3), 3),  # nearly in order
        ((5,), 5),
    ],
)
def test_a_feed_reaches_back_to_its_oldest_entry(order: tuple[int, ...], reaches: int) -> None:
    assert feed(days(*order)).complete_from == datetime(2021, 9, reaches, 8, tzinfo=UTC)


def test_an_id_that_was_used_again_hides_no_entry() -> None:
    body = rss(("Missile launch", day(2)), ("B", day(2)), ("C", day(1)))
    found = feed(body.replace(b"g1-B", b"g0-Missile launch").replace(b"g2-C", b"g0-Missile launch"))
    assert [(event.description, event.kind) for event in found.events] == [
        ("Missile launch", "launch"),
        ("B", "entry"),
        ("C", "entry"),
    ]
    assert found.problems == ("2 entries with the id of an earlier entry that says something else",)


def test_a_feed_without_dates_reaches_nobody_knows_how_far() -> None:
    found = feed(rss(("A", "?"), ("B", "?")))
    assert found.status == "malformed"
    assert found.problems == ("no entry has a date in 'published' that can be read; give dated_by",)
    some = feed(rss(("A", "?"), ("B", day(1))))
    assert [event.occurred is None for event in some.events] == [True, False]
    assert some.problems == ("1 entries without a date in published that can be read",)


def test_entries_that_rolled_off_the_end_are_no_loss_and_those_inside_are() -> None:
    before = feed(days(*range(20, 0, -1)), watermark=LAG)
    assert feed(days(*range(22, 10, -1)), before).sound  # ten rolled off
    gap = feed(days(22, 21, 20, 15, 2, 1), before)
    assert (gap.shrunken, gap.problems[-1]) == (True, "the feed shrank from 20 rows to 6, so it is not trusted")


def test_no_no_from_a_feed_that_has_forgotten_the_opening() -> None:
    from forecasts import criteria

    leaf = {
        "type": "event_before_deadline",
        "source": "rss-atom",
        "query": get_source("rss-atom").canonical(RSS_QUERY),
        "filter": {"kind": ["launch"]},
        "event_tz": "UTC",
        "grace": "P1D",
        "min_checks": 1,
        "max_lag": "P1D",
    }
    criterion = criteria.parse(leaf)
    (only,) = criteria.source_leaves(criterion)
    opens, deadline = datetime(2021, 9, 2, tzinfo=UTC), datetime(2021, 9, 8, tzinfo=UTC)

    def verdict(body: bytes) -> tuple[str, str]:
        readings = {only.resource: Reading(feed(body), FETCHED, 3)}
        found = decide(criterion, Window(opens, opens, deadline), readings, FETCHED)
        return found.value, found.reason

    assert verdict(days(9, 7, 5, 1))[0] == "no"
    assert verdict(days(9, 7, 5)) == (
        "unknown",
        "the source reaches back only to 2021-09-05T08:00:00Z, not to the opening",
    )


# -- watermarks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "watermark"),
    [
        (LAG, FETCHED - timedelta(days=1)),
        ({"from": "newest_row"}, datetime(2021, 9, 9, 8, tzinfo=UTC)),
        ({"from": "field", "name": "lastBuildDate"}, datetime(2021, 9, 10, 11, tzinfo=UTC)),
        ({"from": "field", "name": "updated"}, None),
    ],
)
def test_the_watermark_is_the_declared_one(rule: dict[str, str], watermark: datetime | None) -> None:
    assert feed(days(9, 8), watermark=rule).watermark == watermark


def test_a_published_watermark_never_passes_the_fetch() -> None:
    body = rss(("A", day(1)), built="Fri, 10 Sep 2100 11:00:00 GMT")
    assert feed(body, watermark={"from": "field", "name": "lastBuildDate"}).watermark == FETCHED


# -- bodies that are no feed -----------------------------------------------------------------------------------

BOMB = b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><rss><channel><item><title>&c;</title></item></channel></rss>"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BOMB, "defines entities, which are never expanded"),
        (BOMB.replace(b'"aaaaaaaaaa"', b'SYSTEM "file:///etc/passwd"'), "defines entities"),
        (b"<html><body>Sorry</body></html>", "no RSS or Atom feed"),
        (b"<!doctype html><p>Sorry<br>", "not XML"),
        (b'{"items": []}', "not XML"),
        (b"", "not XML"),
        (RSS[:-20], "not XML"),
        (RSS.replace(b"Weather", b"Weather\x00"), "not XML"),
        (RSS.replace(b"Weather", b"Weather\xff"), "not XML"),
        (RSS.replace(b"utf-8", b"utf-99"), "encoding"),
        (RSS.replace(b"utf-8", b"big5"), "encoding"),
        (b"<rss>" + b"<a>" * 200, "more than 100 deep"),
        (b"<rss><channel>" + b"<item/>" * 10_001, "more than 10000 entries"),
        (b"<rss><channel>" + b"<a/>" * 600_000, "more than 500000 elements"),
    ],
)
def test_a_body_that_is_no_feed_is_malformed(body: bytes, said: str) -> None:
    found = feed(body)
    assert (found.status, found.events) == ("malformed", ())
    assert said in found.problems[0]


def test_a_document_type_without_entities_is_no_danger() -> None:
    body = RSS.replace(b"<rss", b'<!DOCTYPE rss SYSTEM "http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss')
    assert feed(body).sound


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "windows-1252", "utf-8-sig"])
def test_other_encodings_are_read(encoding: str) -> None:
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    text = rss(("Rakéta", day(1))).decode().replace("utf-8", name)
    assert [event.description for event in feed(text.encode(encoding)).events] == ["Rakéta"]


def test_a_feed_without_entries_proves_nothing() -> None:
    found = feed(rss())
    assert (found.status, found.problems) == ("empty", ("the feed has no rows, which proves nothing",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kinds": [{"kind": "a", "phrases": []}]}, "query.kinds[0].phrases"),
        ({"watermark": {"from": "field", "name": "title"}}, "query.watermark"),
        ({"dated_by": "created"}, "query.dated_by"),
        ({"location": "ftp://x"}, "query.location"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        get_source("rss-atom").canonical(RSS_QUERY | change)
    assert said in str(refusal.value)
