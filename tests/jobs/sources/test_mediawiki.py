"""A wiki page: what stood long enough counts, what was undone never stood, errors come with status 200."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from forecasts.errors import InvalidInputError
from forecasts.model import Interval, Observation, State
from jobs.sources import get_source
from tests.jobs.sources.bodies import FETCHED, WIKI_QUERY, observe, revision, wiki

SAYS = "The first test was in 2021."
SILENT = "Nothing yet."
OLD, SETTLED, LATE = "2021-08-01T00:00:00Z", "2021-09-08T12:00:00Z", "2021-09-08T12:00:01Z"  # settled: two days


def page(*revisions: dict[str, Any], **about: Any) -> Observation:
    return observe("mediawiki", wiki(*revisions, **about), WIKI_QUERY)


def instant(text: str) -> Interval:
    at = datetime.fromisoformat(text).astimezone(UTC)
    return Interval(at, at)


def deleted(at: str) -> dict[str, Any]:
    answer = wiki(missing=True)
    answer["query"]["logevents"] = [{"logid": 99, "type": "delete", "action": "delete", "timestamp": at}]
    return answer


@pytest.mark.parametrize(
    ("content", "value"),
    [(SAYS, "found"), (SILENT, "not-found"), ("#REDIRECT [[Other]]", "redirect"), (" #redirect[[O]]", "redirect")],
)
def test_a_settled_page_has_a_state(content: str, value: str) -> None:
    found = page(revision(11, SETTLED, content))
    assert found.state == State(value, since=instant(SETTLED), version="11")
    assert found.watermark == FETCHED - timedelta(days=2)


def test_without_a_text_to_find_a_page_is_present() -> None:
    query = {key: value for key, value in WIKI_QUERY.items() if key != "find"}
    found = observe("mediawiki", wiki(revision(11, OLD, SAYS)), query)
    assert found.state is not None
    assert found.state.value == "present"


def test_a_fresh_edit_has_not_stood_long_enough() -> None:
    found = page(revision(12, LATE, SAYS), revision(11, OLD, SILENT))
    assert (found.status, found.state, found.watermark) == ("ok", None, None)
    assert found.problems == (
        "the page is known as it is only since 2021-09-08T12:00:01Z; "
        "what counts has stood since 2021-09-08T12:00:00Z",
    )


def test_edits_that_leave_the_state_as_it_was_do_not_unsettle_it() -> None:
    found = page(revision(13, LATE, SAYS + " More."), revision(12, SETTLED, SAYS), revision(11, OLD, SILENT))
    assert found.state == State("found", since=instant(SETTLED), version="13")


def test_what_was_undone_at_once_never_stood() -> None:
    found = page(
        revision(13, "2021-09-10T10:05:00Z", SAYS),
        revision(12, "2021-09-10T10:00:00Z", "x"),
        revision(11, OLD, SAYS),
    )
    assert found.state == State("found", since=instant(OLD), version="13")


def test_what_was_undone_after_days_did_stand() -> None:
    found = page(
        revision(13, "2021-09-10T10:05:00Z", SAYS),
        revision(12, "2021-09-01T10:00:00Z", "x"),
        revision(11, OLD, SAYS),
    )
    assert found.state is None


def test_vandalism_that_was_not_undone_yet_is_no_state() -> None:
    assert page(revision(12, "2021-09-10T10:00:00Z", "x"), revision(11, OLD, SAYS)).state is None


def test_several_waves_of_vandalism_are_undone_one_by_one() -> None:
    found = page(
        revision(15, "2021-09-10T10:00:00Z", SAYS),
        revision(14, "2021-09-10T09:59:00Z", "y"),
        revision(13, "2021-09-09T00:05:00Z", SAYS),
        revision(12, "2021-09-09T00:00:00Z", "x"),
        revision(11, OLD, SAYS),
    )
    assert found.state == State("found", since=instant(OLD), version="15")


def test_a_hidden_text_is_no_state() -> None:
    found = page(revision(11, OLD, None))
    assert (found.state, found.problems) == (None, ("the text of the page is hidden",))


def test_a_missing_page_is_missing_and_a_deleted_one_deleted() -> None:
    assert page(missing=True).state == State("missing")
    found = observe("mediawiki", deleted(SETTLED), WIKI_QUERY)
    assert found.state == State("deleted", since=instant(SETTLED), version="log 99")
    assert observe("mediawiki", deleted(LATE), WIKI_QUERY).state is None


@pytest.mark.parametrize("code", ["maxlag", "ratelimited"])
def test_a_postponed_request_is_throttled(code: str) -> None:
    body = {"error": {"code": code, "info": "Waiting for a host: 6 seconds lagged.", "lag": 6}}
    found = observe("mediawiki", body, WIKI_QUERY)
    assert found.status == "throttled"
    assert found.problems == (f"the wiki answered {code}: Waiting for a host: 6 seconds lagged.",)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"error": {"code": "badvalue", "info": "Unrecognized value"}},
            "the wiki answered badvalue: Unrecognized",
        ),
        (wiki(invalid=True, invalidreason="The title has <b>"), "takes this for no title: The title has <b>"),
        (
            {"batchcomplete": True, "warnings": {"main": {"warnings": "Unrecognized parameter: prp."}}},
            "Unrecognized",
        ),
        ({"batchcomplete": True}, "not about one page"),
        ({"query": {"pages": [{}, {}]}}, "not about one page"),
        (wiki(), "none of its revisions"),
        (wiki(revision(11, "soon", SAYS)), "no time that can be read"),
        (wiki(revision(11, OLD, SAYS), revision(12, LATE, SAYS)), "not in order"),
        (wiki(revisions=[None]), "no time that can be read"),
    ],
)
def test_an_error_with_status_200_is_malformed(body: object, said: str) -> None:
    found = observe("mediawiki", body, WIKI_QUERY)
    assert (found.status, found.state) == ("malformed", None)
    assert said in found.problems[0]


def test_a_warning_beside_an_answer_is_a_problem() -> None:
    body = wiki(revision(11, OLD, SAYS)) | {"warnings": {"main": {"warnings": "Deprecated\nsoon."}}}
    found = observe("mediawiki", body, WIKI_QUERY)
    assert (found.sound, found.problems) == (True, ("the wiki warns about main: Deprecated soon.",))


def test_the_request_reads_as_of_an_instant_and_asks_for_deletions() -> None:
    location = get_source("mediawiki").request(WIKI_QUERY, as_of=FETCHED, previous=None).location
    parameters = {name: value[0] for name, value in parse_qs(urlsplit(location).query).items()}
    assert location.startswith("https://en.example.org/w/api.php?action=query&")
    assert (parameters["titles"], parameters["letitle"], parameters["rvstart"], parameters["maxlag"]) == (
        "Hwasong",
        "Hwasong",
        "2021-09-10T12:00:00Z",
        "5",
    )
    by_number = {"service": WIKI_QUERY["service"], "page_id": 7, "watermark": WIKI_QUERY["watermark"]}
    location = get_source("mediawiki").request(by_number, as_of=FETCHED, previous=None).location
    assert "pageids=7" in location
    assert "titles" not in location


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": "A|B"}, "query.title: no title has any of"),
        ({"page_id": 7}, "query: give either title or page_id"),
        ({"service": "https://x.org/w/api.php?action=edit"}, "query.service"),
        ({"watermark": {"from": "newest_row"}}, "query.watermark"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        get_source("mediawiki").canonical(WIKI_QUERY | change)
    assert said in str(refusal.value)
