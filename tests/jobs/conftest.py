"""The table that the tests of the jobs change as they go, and the worker that checks it."""

from collections.abc import Iterator

import pytest

from tests.jobs.tables import Jobs, Table, jobs_on, table_on
from tests.support.clocks import FakeClock
from tests.support.desk import Desk


@pytest.fixture
def table(clock: FakeClock) -> Iterator[Table]:
    with table_on(clock) as table:
        yield table


@pytest.fixture
def other(clock: FakeClock) -> Iterator[Table]:
    with table_on(clock) as table:
        yield table


@pytest.fixture
def jobs(desk: Desk, table: Table) -> Iterator[Jobs]:
    with jobs_on(desk, table) as jobs:
        yield jobs
