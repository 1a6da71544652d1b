"""The registry of sources refuses a badly defined one at once; and the contract every source keeps."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from forecasts.errors import InvalidInputError
from forecasts.scalars import Strict
from jobs import sources
from jobs.sources import Catalogue, catalogue, get_source
from jobs.sources._definition import About, SourceDefinitionError
from jobs.sources.manual import Manual
from jobs.sources.mediawiki import MediaWiki
from tests.jobs.sources import bodies
from tests.jobs.sources.bodies import FETCHED, observe

EXAMPLES: dict[str, tuple[bodies.Query, object]] = {
    "event-table": (bodies.TABLE_QUERY, bodies.TABLE),
    "json-path": (bodies.JSON_ROWS_QUERY, bodies.documents("2021-09-01")),
    "manifold": (bodies.MARKET_QUERY, bodies.market()),
    "manual": (bodies.MANUAL_QUERY, b"<html>The bridge opened.</html>"),
    "mediawiki": (bodies.WIKI_QUERY, bodies.wiki(bodies.revision(1, "2021-01-01T00:00:00Z", "x"))),
    "rss-atom": (bodies.RSS_QUERY, bodies.RSS),
    "usgs": (bodies.USGS_QUERY, bodies.quakes(bodies.quake())),
}


class Unmarked(Strict):
    location: str


def without(name: str) -> Any:
    """Return the class of a source that lacks a method."""
    methods = {key: value for key, value in vars(MediaWiki).items() if not key.startswith("__") and key != name}
    return type("Lacking", (), methods)()


def with_about(**changes: Any) -> Any:
    known: dict[str, Any] = {
        "reads": "A page.",
        "kind": "snapshot",
        "watermarks": ("none",),
        "query": Unmarked,
    } | changes
    return type("Odd", (Manual,), {"about": About(**known)})()


class Careless(Manual):
    def parse(self, body: bytes, *, query: Mapping[str, object]) -> Any:  # type: ignore[override]
        raise NotImplementedError


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (without("parse"), "Lacking cannot be used: it has no method parse"),
        (without("canonical"), "it has no method canonical"),
        (without("request"), "it has no method request"),
        (without("name"), "its name is None"),
        (without("about"), "it does not say what it is; add the attribute about"),
        (Careless(), "Careless cannot be used: its method parse does not take content_type; add the parameter"),
        (type("Shouting", (Manual,), {"name": "A Page"})(), "its name is 'A Page'; give it one of small letters"),
        (with_about(reads=" "), "it does not say what it reads"),
        (with_about(kind="oracle"), "its kind is 'oracle'; say one of snapshot, query, either"),
        (with_about(watermarks=()), "its watermark rule is not declared"),
        (with_about(watermarks=("guess",)), "its watermark rule is not declared"),
        (with_about(watermarks=("fetch_time",)), "its query cannot declare a watermark; add the field watermark"),
        (with_about(), "its query has no location to fetch; base it on LocatedQuery"),
    ],
)
def test_a_badly_defined_source_is_refused(source: Any, said: str) -> None:
    with pytest.raises(SourceDefinitionError) as refusal:
        Catalogue(source)
    assert said in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_two_sources_of_one_name_are_refused() -> None:
    with pytest.raises(SourceDefinitionError, match="its name 'manual' is taken by Manual; choose another"):
        Catalogue(Manual(), type("Second", (Manual,), {})())


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match="no source 'oracle'; the known ones are: event-table, json-path"):
        get_source("oracle")
    assert list(catalogue().names()) == sorted(EXAMPLES)


def test_every_source_has_a_file_of_its_own() -> None:
    folder = Path(sources.__file__).parent
    files = {path.stem.replace("_", "-") for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert files == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_observed(name: str) -> None:
    query, body = EXAMPLES[name]
    found = observe(name, body, query)
    assert found.sound, found.problems
    assert found.events or found.state
    assert (found.watermark is None) == (name == "manual")  # of which no machine draws a conclusion


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_canonical_query_is_its_own_canonical_form(name: str) -> None:
    query, _ = EXAMPLES[name]
    source = get_source(name)
    once = source.canonical(query)
    assert source.canonical(json.loads(json.dumps(once, allow_nan=False))) == once
    assert source.request(once, as_of=FETCHED, previous=None) == source.request(
        query, as_of=FETCHED, previous=None
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_field_has_a_meaning_and_only_declared_watermarks_are_taken(name: str) -> None:
    about = get_source(name).about
    assert all(field.description for field in about.query.model_fields.values())
    shapes = {
        "fetch_time": [{"from": "fetch_time", "lag": "P1D"}],
        "newest_row": [{"from": "newest_row"}],
        "field": [{"from": "field", "name": "updated"}, {"from": "field", "path": "$.updated"}],
    }
    for rule, offered in shapes.items():
        taken = any(takes(name, {"watermark": shape}) for shape in offered)
        assert taken == (rule in about.watermarks), rule


def takes(name: str, change: dict[str, object]) -> bool:
    query = EXAMPLES[name][0] | change | ({"format": "json"} if name == "event-table" else {})
    try:
        get_source(name).canonical(query)
    except InvalidInputError as refusal:
        return "watermark" not in str(refusal)
    return True


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_unknown_field_is_refused_with_its_name(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"query\.speed"):
        get_source(name).canonical(EXAMPLES[name][0] | {"speed": 3})


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("\x00", "leave out spaces around it, line breaks and control characters"),
        ("a\nb.csv", "leave out spaces around it"),
        ("\x1b[2J.csv", "leave out spaces around it"),
        (" ", "leave out spaces around it"),
        ("table.csv ", "leave out spaces around it"),
        ("https://example.org/a b.csv", "write a space in an address as %20"),
        ("https://example.org/\u2028", "leave out spaces around it"),
        ("", "query.location"),
    ],
)
@pytest.mark.parametrize("name", ["event-table", "json-path", "rss-atom", "manual"])
def test_a_location_that_nobody_can_have_meant_is_refused(name: str, location: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=r"query\.location") as refusal:
        get_source(name).canonical(EXAMPLES[name][0] | {"location": location})
    assert said in str(refusal.value)
    with pytest.raises(InvalidInputError, match=r"query\.location"):
        get_source(name).request(EXAMPLES[name][0] | {"location": location}, as_of=FETCHED, previous=None)


@pytest.mark.parametrize(
    "location", ["my table.csv", "\u65e5\u672c.csv", "seeds:events/x.csv", "file:///a%20b.csv"]
)
def test_a_file_may_be_called_as_files_are(location: str) -> None:
    query = get_source("manual").canonical({"location": location})
    assert get_source("manual").request(query, as_of=FETCHED, previous=None).location == location


@pytest.mark.parametrize(
    "service", ["https://a.example/\x00", "https://a.example/w api.php", "https://a.example/?a"]
)
@pytest.mark.parametrize("name", ["manifold", "mediawiki", "usgs"])
def test_a_service_that_nobody_can_have_meant_is_refused(name: str, service: str) -> None:
    with pytest.raises(InvalidInputError, match=r"query\.service"):
        get_source(name).canonical(EXAMPLES[name][0] | {"service": service})


def test_a_page_for_people_supports_no_verdict_and_tells_a_change() -> None:
    query = bodies.MANUAL_QUERY
    first = observe("manual", b"<html>one</html>", query)
    assert (first.sound, first.events, first.watermark) == (True, (), None)
    assert observe("manual", b"<html>one</html>", query, previous=first).problems == ()
    changed = observe("manual", b"<html>two</html>", query, previous=first)
    assert changed.problems == ("the page has changed: a person should read it",)
    assert observe("manual", b" \n", query).status == "empty"
