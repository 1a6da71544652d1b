"""Answers of our own making in the formats of the sources, and the queries that fit them."""

import json
from datetime import UTC, datetime
from typing import Any

from forecasts.model import Observation
from jobs.sources import get_source

FETCHED = datetime(2021, 9, 10, 12, tzinfo=UTC)
LAG = {"from": "fetch_time", "lag": "P1D"}
Query = dict[str, object]


def observe(
    source: str, body: bytes | object, query: Query, *, at: datetime = FETCHED, previous: Observation | None = None
) -> Observation:
    """Parse a body (bytes, or a value to be written as JSON) as if fetched at an instant."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = get_source(source)
    asked = found.canonical(query)
    return found.parse(written, query=asked, content_type="", fetched_at=at, previous=previous)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


# -- event table ---------------------------------------------------------------------------------------------

TABLE_QUERY: Query = {"location": "https://example.org/t.csv", "format": "csv", "watermark": LAG}
TABLE = b"occurred,zone,kind\n2021-09-06,UTC,opening\n2021-09-07,UTC,closing\n"

# -- JSON ----------------------------------------------------------------------------------------------------

JSON_VALUE_QUERY: Query = {
    "location": "https://example.org/rate",
    "value": "$.series[?@.date == '2021-08-01'].value",
    "numeric": True,
    "watermark": LAG,
}
JSON_VALUE = {"series": [{"date": "2021-07-01", "value": "5.4"}, {"date": "2021-08-01", "value": "5.2"}]}
JSON_ROWS_QUERY: Query = {
    "location": "https://example.org/documents",
    "rows": "$.results[*]",
    "columns": {"occurred": "@.publication_date", "kind": "@.type", "id": "@.number", "description": "@.title"},
    "count": "$.count",
    "zone": "America/New_York",
    "watermark": LAG,
}


def documents(*days: str, count: object = None) -> dict[str, Any]:
    results = [
        {"number": f"2021-{n}", "type": "Rule", "title": f"Rule {n}", "publication_date": day}
        for n, day in enumerate(days)
    ]
    return {"count": len(results) if count is None else count, "results": results}


# -- RSS and Atom --------------------------------------------------------------------------------------------

RSS_QUERY: Query = {
    "location": "https://example.org/feed",
    "watermark": LAG,
    "kinds": [{"kind": "launch", "phrases": ["missile", "launch"]}],
}


def rss(*items: tuple[str, str], built: str = "Fri, 10 Sep 2021 11:00:00 GMT") -> bytes:
    """Return an RSS feed of (title, date) pairs."""
    entries = "".join(
        f"<item><title>{title}</title><guid>g{n}-{title}</guid><link>https://example.org/{n}</link>"
        f"<pubDate>{date}</pubDate><category>Politics</category></item>"
        for n, (title, date) in enumerate(items)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel><title>News</title>'
        f"<lastBuildDate>{built}</lastBuildDate>{entries}</channel></rss>"
    ).encode()


RSS = rss(
    ("Missile launch reported", "Thu, 09 Sep 2021 08:00:00 +0900"),
    ("Weather", "Wed, 08 Sep 2021 08:00:00 GMT"),
    ("Sports", "Tue, 07 Sep 2021 08:00:00 GMT"),
)
ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/">
 <title>Releases</title><updated>2021-09-09T12:00:00Z</updated>
 <entry><id>urn:1</id>
  <title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Version <b>3.0</b></div></title>
  <media:group><media:title>Not the title</media:title></media:group>
  <link rel="self" href="https://example.org/self"/><link href="https://example.org/3.0"/>
  <published>2021-09-08T10:00:00+02:00</published><updated>2021-09-09T12:00:00Z</updated>
  <category term="release"/></entry>
 <entry><id>urn:2</id><title>Version 2.9</title><updated>2021-09-07T00:00:00Z</updated></entry>
</feed>"""

# -- USGS ----------------------------------------------------------------------------------------------------

USGS_QUERY: Query = {
    "start": "2021-09-01T00:00:00Z",
    "latitude": 41.3,
    "longitude": 129.1,
    "max_radius_km": 50,
    "max_depth_km": 5,
    "min_magnitude": 4,
    "magnitude_types": ["mb"],
    "watermark": LAG,
}


def quake(
    id_: str = "us1", at: str = "2021-09-03T03:30:01Z", depth: float | None = 0, **changes: Any
) -> dict[str, Any]:
    properties = {
        "mag": 6.3,
        "magType": "mb",
        "type": "nuclear explosion",
        "status": "reviewed",
        "time": ms(at),
        "updated": ms(at) + 86_400_000,
        "url": f"https://earthquake.usgs.gov/earthquakes/eventpage/{id_}",
        "title": "M 6.3 Nuclear Explosion - 21 km ENE of a place",
    }
    geometry = {"type": "Point", "coordinates": [129.03, 41.33, depth]}
    return {"type": "Feature", "id": id_, "properties": properties | changes, "geometry": geometry}


def quakes(*features: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    about = {"generated": ms("2021-09-10T11:59:00Z"), "status": 200, "api": "1.10.3", "count": len(features)}
    return {"type": "FeatureCollection", "metadata": about | metadata, "features": list(features)}


# -- MediaWiki -----------------------------------------------------------------------------------------------

WIKI_QUERY: Query = {
    "service": "https://en.example.org/w/api.php",
    "title": "Hwasong",
    "find": ["first test", "2021"],
    "watermark": {"from": "fetch_time", "lag": "P2D"},
}


def revision(number: int, at: str, content: str | None, sha1: str | None = None) -> dict[str, Any]:
    slot: dict[str, Any] = {"contentmodel": "wikitext", "contentformat": "text/x-wiki"}
    slot |= {"texthidden": True} if content is None else {"content": content}
    return {
        "revid": number,
        "parentid": number - 1,
        "timestamp": at,
        "sha1": sha1 or f"sha-{content}",
        "slots": {"main": slot},
    }


def wiki(*revisions: dict[str, Any], **page: Any) -> dict[str, Any]:
    """Return the answer about a page, its newest revision first."""
    about = (
        {"pageid": 7, "ns": 0, "title": "Hwasong"} | ({"revisions": list(revisions)} if revisions else {}) | page
    )
    return {"batchcomplete": True, "query": {"pages": [about], "logevents": []}}


# -- Manifold ------------------------------------------------------------------------------------------------

MARKET_QUERY: Query = {"market": "abc123", "watermark": {"from": "fetch_time", "lag": "PT5M"}}


def market(**changes: Any) -> dict[str, Any]:
    return {
        "id": "abc123",
        "question": "Will it open?",
        "outcomeType": "BINARY",
        "mechanism": "cpmm-1",
        "probability": 0.62,
        "isResolved": False,
        "closeTime": ms("2021-12-31T00:00:00Z"),
        "createdTime": ms("2021-01-01T00:00:00Z"),
    } | changes


def resolved(resolution: str, **changes: Any) -> dict[str, Any]:
    settled = {"isResolved": True, "resolution": resolution, "resolutionTime": ms("2021-09-05T06:00:00Z")}
    return market(**(settled | changes))


MANUAL_QUERY: Query = {"location": "https://example.org/page", "look_for": "the date of the opening"}
