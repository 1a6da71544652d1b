"""The two clocks: the system's, and the simulated one of a replay."""

from datetime import UTC, datetime


class SystemClock:
    """The time it is."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)


class SimulatedClock:
    """A clock that stands where it was set and never goes back."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._instant

    def advance(self, instant: datetime) -> None:
        """Move on to a later instant."""
        self._instant = max(self._instant, instant)
