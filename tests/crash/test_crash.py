"""Workers killed with SIGKILL at random instants: nothing lost, nothing doubled, nothing torn.

The short form of `python -m tests.crash.harness`; docs/operating.md has the figures of the long one.
"""

import pytest

from tests.crash.harness import crash


def test_killed_workers_lose_double_and_tear_nothing(database_url: str) -> None:
    run = crash(database_url, resources=50, kills=5, seed=1)
    assert (run.faults, run.checks, run.kills) == ({}, 100, 5)


@pytest.mark.parametrize(
    ("kind", "resources", "kills", "faults"),
    [
        (
            "done later",
            100,
            80,
            {"checks doubled"},
        ),  # few kills come between its halves; the first that does ends it
        ("no token", 30, 12, {"checks doubled"}),
        ("scores later", 30, 12, {"resolutions without their scores", "scores of another transaction"}),
    ],
)
def test_a_broken_worker_is_found_out(
    kind: str, resources: int, kills: int, faults: set[str], database_url: str
) -> None:
    run = crash(database_url, resources=resources, kills=kills, seed=2, kind=kind, patience=20.0)
    assert faults & set(run.faults)
