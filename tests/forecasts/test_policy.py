"""What counts towards a score under the two policies, and why the rest does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.model import Interval
from forecasts.policy import POLICIES, REASONS, Claim, came_too_late, exclusions
from tests.support.clocks import at


def claim(id: str = "f-1", **changes: Any) -> Claim:  # noqa: A002  (the field's name)
    stated = at(changes.pop("stated", "2020-01-01"))
    values: dict[str, Any] = {
        "author": "ada",
        "question": "q-1",
        "kind": "unconditional",
        "stated_earliest": stated,
        "stated_at": stated,
        "basis": "stated",
    }
    return Claim(id=id, **(values | changes))


@pytest.mark.parametrize(
    ("changes", "broad", "strict"),
    [
        ({}, None, None),
        ({"basis": "lexicon"}, None, None),
        ({"basis": "lexicon", "bare_modal": True}, None, "bare-modal"),
        ({"basis": "coder"}, None, "coder-reading"),
        ({"kind": "restatement"}, "restatement", "restatement"),
        ({"kind": "scheduled-event"}, "scheduled-event", "scheduled-event"),
        ({"kind": "commitment"}, None, None),
        ({"kind": "conditional"}, None, None),
        ({"kind": "not-a-forecast"}, "not-a-forecast", "not-a-forecast"),
        ({"checkable": False}, "not-checkable", "not-checkable"),
        ({"checkable": False, "excluded_because": "rival-reading"}, "rival-reading", "rival-reading"),
        ({"excluded_because": "rival-reading"}, "rival-reading", "rival-reading"),
        ({"excluded_because": "chain-summary", "basis": "coder"}, "chain-summary", "chain-summary"),
    ],
)
def test_broad_counts_every_primary_claim_and_strict_only_numbers_and_graded_words(
    changes: dict[str, Any], broad: str | None, strict: str | None
) -> None:
    assert exclusions([claim(**changes)], "broad") == {"f-1": broad}
    assert exclusions([claim(**changes)], "strict") == {"f-1": strict}


def test_the_first_claim_of_an_author_on_a_question_counts() -> None:
    later, first = claim("f-1", stated="2020-01-02"), claim("f-2", stated="2020-01-01")
    assert exclusions([later, first], "broad") == {"f-2": None, "f-1": "later-forecast"}


def test_what_does_not_count_takes_no_place() -> None:
    reading, number = claim("f-1", basis="coder"), claim("f-2", stated="2020-01-02")
    assert exclusions([reading, number], "broad") == {"f-1": None, "f-2": "later-forecast"}
    assert exclusions([reading, number], "strict") == {"f-1": "coder-reading", "f-2": None}


def test_authors_and_questions_do_not_stand_in_each_others_way() -> None:
    claims = [claim("f-1"), claim("f-2", author="ben"), claim("f-3", question="q-2")]
    assert set(exclusions(claims, "strict").values()) == {None}


@given(
    st.lists(
        st.builds(
            claim,
            id=st.uuids().map(str),
            author=st.sampled_from(["ada", "ben"]),
            question=st.sampled_from(["q-1", "q-2"]),
            basis=st.sampled_from(["stated", "lexicon", "coder"]),
            bare_modal=st.booleans(),
            stated=st.sampled_from(["2020-01-01", "2020-01-02", "2020-01-03"]),
        ),
        max_size=12,
    )
)
def test_each_author_counts_at_most_once_on_a_question_whatever_the_order(claims: list[Claim]) -> None:
    for policy in POLICIES:
        reasons = exclusions(claims, policy)
        counted = [(each.author, each.question) for each in claims if reasons[each.id] is None]
        assert len(counted) == len(set(counted))
        assert reasons == exclusions(list(reversed(claims)), policy)
        assert set(reasons.values()) - {None} <= set(REASONS)


@pytest.mark.parametrize(
    ("occurred", "by_machine", "by_ruling"),
    [
        ("2019-12-31T23:59:59", True, True),  # before it can have been said
        ("2020-01-01T00:00:00", True, False),  # perhaps before: only a person's ruling lets it count
        ("2020-01-01T11:59:59", True, False),
        ("2020-01-01T12:00:00", False, False),
    ],
)
def test_an_event_before_the_statement_confirms_nothing(occurred: str, by_machine: bool, by_ruling: bool) -> None:
    said = at("2020-01-01T00:00"), at("2020-01-01T12:00")
    interval = Interval(at(occurred), at(occurred))
    assert came_too_late(*said, interval, ruled=False) is by_machine
    assert came_too_late(*said, interval, ruled=True) is by_ruling
