"""Questions that hang on another question, or on more than one source."""

import pytest

from tests.jobs.servers import answer, say
from tests.jobs.tables import (
    ANNULLED,
    CLOSED,
    NO,
    OPEN,
    PROPOSED_NO,
    PROPOSED_YES,
    REOPENED,
    RIPE,
    YES,
    Jobs,
    Table,
    event,
    on_sqlite,
)
from tests.support import documents as d

# -- conditions -----------------------------------------------------------------------------------------------


@pytest.fixture
def family(jobs: Jobs) -> tuple[str, str]:
    """A question, and another that hangs on its yes: does the mayor resign once the bridge is open?"""
    parent = jobs.ask()
    child = jobs.ask(
        "mayor",
        criterion=jobs.leaf(filter={"kind": ["resignation"]}),
        condition={"question": parent, "outcome": "yes"},
    )
    return parent, child


def test_while_its_condition_is_open_nothing_is_said_of_a_question(jobs: Jobs, family: tuple[str, str]) -> None:
    _, child = family
    jobs.table.rows.append(event("2020-03-01", "resignation"))
    jobs.work_at("2020-03-02", "2020-03-09")
    assert jobs.verdicts(child) == [("unknown", "the condition has not been met", False)]
    assert jobs.steps(child) == OPEN


def test_a_condition_that_fails_annuls_and_nothing_is_scored(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows.append(event("2020-03-01", "resignation"))
    jobs.work_at("2020-06-01", RIPE, CLOSED)
    assert jobs.steps(parent)[-1] == NO
    assert jobs.steps(child) == [ANNULLED]
    assert jobs.step(child)["rule"] == "condition"
    assert jobs.step(child)["rev"] == jobs.step(parent)["rev"]
    assert jobs.scores(child) == []


def test_only_what_comes_after_the_condition_counts(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows += [event("2020-03-01", "resignation"), event("2020-04-01T10:00Z")]
    jobs.work_at("2020-04-02")
    assert jobs.steps(parent) == [PROPOSED_YES]
    assert jobs.steps(child) == OPEN
    jobs.table.rows.append(event("2020-04-01T10:01Z", "resignation"))
    jobs.work_at("2020-04-09")
    assert jobs.steps(parent) == [PROPOSED_YES, YES]
    assert jobs.steps(child) == [PROPOSED_YES]
    jobs.work_at("2020-04-16")
    assert jobs.steps(child) == [PROPOSED_YES, YES]
    assert jobs.step(child)["occurred_at"] == "2020-04-01T10:01:00Z"


def test_parent_and_child_may_be_proposed_and_confirmed_together(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows += [event("2020-03-01"), event("2020-03-05", "resignation")]
    jobs.work_at("2020-03-10", "2020-03-17")
    assert jobs.steps(parent) == jobs.steps(child) == [PROPOSED_YES, YES]


def test_a_reversed_condition_takes_what_hangs_on_it_along(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows.append(event("2020-06-30T12:00Z", "resignation"))
    jobs.work_at("2020-06-01", RIPE, CLOSED)
    assert jobs.steps(child) == [ANNULLED]
    jobs.table.rows.append(event("2020-06-10"))
    jobs.work_at("2020-08-01")
    assert jobs.steps(parent)[2:] == [REOPENED, PROPOSED_YES]
    assert jobs.steps(child) == [ANNULLED, REOPENED, PROPOSED_YES]
    jobs.work_at("2020-08-08")
    assert jobs.steps(parent)[-1] == YES
    assert jobs.steps(child) == [ANNULLED, REOPENED, PROPOSED_YES, YES]
    assert jobs.scores(child) == [("yes", 0.09, True)]


def test_a_reopened_condition_reopens_what_was_decided_on_it(jobs: Jobs, family: tuple[str, str]) -> None:
    parent, child = family
    jobs.table.rows += [event("2020-03-01"), event("2020-03-05", "resignation")]
    jobs.work_at("2020-03-10", "2020-03-17")
    del jobs.table.rows[-2]
    jobs.work_at("2020-04-01")
    assert jobs.steps(parent)[2:] == [REOPENED]
    assert jobs.steps(child)[2:] == [REOPENED]
    jobs.work_at(RIPE, CLOSED)
    assert jobs.steps(parent)[-1] == NO
    assert jobs.steps(child)[-1] == ANNULLED
    assert [current for *_, current in jobs.scores(child)] == [False]


def test_a_child_is_not_confirmed_before_its_condition(jobs: Jobs) -> None:
    parent = jobs.ask(criterion=d.manual())
    child = jobs.ask("mayor", condition={"question": parent, "outcome": "yes"})
    jobs.desk.clock.set("2020-03-02")
    jobs.desk.propose(parent, "yes", occurred="2020-03-01T00:00Z")
    jobs.table.rows.append(event("2020-03-05"))
    jobs.work_at("2020-03-10", "2020-03-17", "2020-03-30")
    assert jobs.steps(child) == [PROPOSED_YES]
    jobs.desk.confirm(parent)
    jobs.work_at("2020-03-30T00:01")
    assert jobs.steps(child) == [PROPOSED_YES, YES]


def test_a_condition_may_be_a_no(jobs: Jobs) -> None:
    parent = jobs.ask(deadline="2020-03-01T00:00:00Z")
    child = jobs.ask(
        "mayor",
        criterion=jobs.leaf(filter={"kind": ["resignation"]}),
        condition={"question": parent, "outcome": "no"},
    )
    jobs.table.rows += [event("2020-02-20", "resignation"), event("2020-03-05", "resignation")]
    jobs.work_at("2020-02-25", "2020-03-08", "2020-03-15")
    assert jobs.steps(parent) == [PROPOSED_NO, NO]
    assert jobs.steps(child) == [PROPOSED_YES, YES]
    assert jobs.step(child)["occurred_at"] == "2020-03-04T23:00:00Z"  # the one after the parent's deadline


def test_a_condition_met_only_after_the_deadline_needs_a_person(jobs: Jobs) -> None:
    parent = jobs.ask(deadline="2020-09-01T00:00:00Z")
    child = jobs.ask("mayor", condition={"question": parent, "outcome": "yes"})
    jobs.table.rows.append(event("2020-08-01"))
    jobs.work_at("2020-08-02")
    assert jobs.verdicts(child) == [("unknown", "the condition was met only after the deadline", True)]


def test_a_chain_of_conditions_moves_in_one_check(jobs: Jobs) -> None:
    """Whatever the order of their ids, each is decided after the one it hangs on."""
    chain = [jobs.ask("k0", criterion=jobs.leaf(filter={"kind": ["k0"]}))]
    for number in range(1, 6):
        leaf = jobs.leaf(filter={"kind": [f"k{number}"]})
        condition = {"question": chain[-1], "outcome": "yes"}
        chain.append(jobs.ask(f"k{number}", criterion=leaf, condition=condition))
    jobs.table.rows += [event(f"2020-03-{number + 1:02}", f"k{number}") for number in range(6)]
    jobs.work_at("2020-03-10")
    assert [jobs.steps(question) for question in chain] == [[PROPOSED_YES]] * 6
    jobs.work_at("2020-03-17")
    assert [jobs.steps(question) for question in chain] == [[PROPOSED_YES, YES]] * 6


# -- several sources ------------------------------------------------------------------------------------------


@on_sqlite
def test_all_needs_every_source(jobs: Jobs, other: Table) -> None:
    question = jobs.ask(criterion=jobs.over_both(other, "all"))
    jobs.table.rows.append(event("2020-03-01"))
    jobs.work_at("2020-03-02", "2020-03-20")
    assert jobs.steps(question) == OPEN
    other.rows.append(event("2020-03-21"))
    jobs.work_at("2020-04-02", "2020-04-09")
    assert jobs.steps(question) == [PROPOSED_YES, YES]
    assert jobs.step(question)["occurred_at"] == "2020-03-20T23:00:00Z"


@on_sqlite
def test_a_source_that_is_down_is_no_no_of_any(jobs: Jobs, other: Table) -> None:
    question = jobs.ask(criterion=jobs.over_both(other, "any"))
    jobs.work_at("2020-06-01", "2020-06-20")
    other.instead = say(answer(b"", "500 Oops"))
    jobs.work_at("2020-07-10", "2020-07-20")
    assert jobs.steps(question) == OPEN
    other.instead = None
    jobs.work_at("2020-08-01", "2020-08-08")
    assert jobs.steps(question) == [PROPOSED_NO, NO]


def both_proposed(jobs: Jobs, other: Table) -> tuple[str, str]:
    """A condition and the question that hangs on it, each read from its own table, both proposed as yes."""
    parent = jobs.ask()
    query = jobs.leaf()["query"] | {"location": other.url}
    child = jobs.ask(
        "mayor",
        criterion=jobs.leaf(query=query, filter={"kind": ["resignation"]}),
        condition={"question": parent, "outcome": "yes"},
    )
    jobs.table.rows.append(event("2020-03-01"))
    other.rows.append(event("2020-03-05", "resignation"))
    jobs.work_at("2020-03-10", "2020-03-16")
    return parent, child


@on_sqlite
def test_a_child_is_not_confirmed_on_a_check_from_before_its_condition_was_dated_anew(
    jobs: Jobs, other: Table
) -> None:
    parent, child = both_proposed(jobs, other)
    assert jobs.steps(parent) == jobs.steps(child) == [PROPOSED_YES]
    jobs.table.rows[-1] = event("2020-03-02")
    jobs.work_at("2020-03-17", "2020-03-23")
    assert jobs.steps(parent) == [PROPOSED_YES, REOPENED, PROPOSED_YES]
    assert jobs.steps(child) == [PROPOSED_YES]
    jobs.table.rows[-1] = event("2020-03-08")
    other.instead = say(answer(status="500 Internal Server Error"))
    jobs.work_at("2020-03-24", "2020-03-31")
    assert jobs.steps(parent)[-2:] == [PROPOSED_YES, YES]
    assert jobs.steps(child) == [PROPOSED_YES]
    other.instead = None
    jobs.work_at("2020-04-10")
    assert jobs.steps(child) == [PROPOSED_YES, REOPENED]


def test_a_child_is_confirmed_by_a_check_from_after_its_condition_was_dated_anew(jobs: Jobs, other: Table) -> None:
    parent, child = both_proposed(jobs, other)
    jobs.table.rows[-1] = event("2020-03-02")
    jobs.work_at("2020-03-17", "2020-03-24", "2020-04-01")
    assert jobs.steps(parent) == [PROPOSED_YES, REOPENED, PROPOSED_YES, YES]
    assert jobs.steps(child) == [PROPOSED_YES, YES]


def test_not_turns_a_verdict_and_leaves_the_unknown(jobs: Jobs) -> None:
    question = jobs.ask(criterion={"type": "not", "criterion": jobs.leaf()})
    jobs.work_at("2020-06-01", "2020-07-07")
    assert jobs.steps(question) == OPEN
    jobs.work_at("2020-07-10")
    assert jobs.steps(question) == [PROPOSED_YES]
