"""The clocks: the system's, the steady one of a service, and the simulated one of a replay."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)


PAUSE = timedelta(days=1)
UNVOUCHED = "nothing vouches for our clock"


class Voucher:
    """Says whether a clock may be believed where no source tells its own time.

    A pause and a clock that leapt ahead look alike. One no longer than `pause` is believed: if it was a leap, the
    dispute window, which is at least as long, outlasts what it brought too early. After a longer one somebody
    has to vouch for the clock: a source whose Date agrees with it, or a person who looked at it, at `seen`.
    """

    def __init__(self, pause: timedelta, *, seen: datetime | None = None) -> None:
        self._pause = max(pause, PAUSE)
        self._newest = seen

    def hear(self, instant: datetime) -> None:
        """Take in an instant at which the clock was believed."""
        self._newest = max(instant, self._newest or instant)

    def vouches(self, now: datetime) -> bool:
        """Whether the clock may be believed, as far as is known by now."""
        return self._newest is not None and now - self._newest <= self._pause


class SystemClock:
    """The time it is."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)


class SteadyClock:
    """A clock read once and counted on from there, so that nobody who sets the clock moves what is due.

    `source` is the clock to follow: the system's, or that of a database which several machines share.
    """

    def __init__(self, source: Callable[[], datetime], elapsed: Callable[[], float] | None = None) -> None:
        self._source = source
        self._elapsed = elapsed or _uptime
        self._start, self._started = source(), self._elapsed()

    def now(self) -> datetime:
        """Return the instant at which the source stood, and the time that has passed since."""
        return self._start + timedelta(seconds=self._elapsed() - self._started)

    def follow(self) -> str | None:
        """Take over the small corrections of the source; refuse a leap, and return a sentence about it."""
        shown, counted = self._source(), self.now()
        if abs(shown - counted) > TOLERANCE:
            return (
                f"The clock leapt to {shown:%Y-%m-%d %H:%M} UTC, but by the time that has passed it is "
                f"{counted:%Y-%m-%d %H:%M}: going on by the latter. Restart if the clock is right now."
            )
        self._start, self._started = shown, self._elapsed()
        return None


def _uptime() -> float:
    """Return seconds that only time moves; a sleeping machine's sleep counts, where the system counts it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


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
