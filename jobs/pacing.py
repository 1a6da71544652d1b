"""How often one host is asked: a token bucket, a breaker, and what the host itself said in Retry-After.

Nothing here ever sleeps. Who comes too early is told how long to stay away and goes on with other hosts, so a
host that is slow, dead or angry costs the others nothing. The state lives in the process; what must outlive it
is the due time of the resource, in the database.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

BURST_SECONDS = 60.0  # a bucket holds what a minute brings: rounds of checks come in ticks
FAILURES = 5
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
_MANY_HOSTS = 10_000


@dataclass(slots=True)
class _Host:
    tokens: float
    counted_at: float
    not_before: float = 0.0
    last_place: float = 0.0
    failures: int = 0


class Pacer:
    """Says of each host whether it may be asked now; `rate` is in requests a second, 0 sets no pace.

    The bucket of a host holds a minute's requests. After five failures in a row a host is left alone for a
    minute, then asked once; each further failure doubles the pause, up to an hour. Safe to share among threads.
    """

    def __init__(self, rate: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def wait(self, host: str, *, paced: bool = True) -> float:
        """Return 0 where a host may be asked now, which counts as asking; else the seconds to stay away.

        Each who is sent away is given a place of their own, so that they do not all come back at once. A host
        that is not `paced` has no bucket, but is left alone when it fails or asks for it.
        """
        with self._lock:
            now = self._monotonic()
            host_is = self._host(host, now)
            limited = paced and self._rate > 0
            if now >= host_is.not_before and (not limited or host_is.tokens >= 1):
                host_is.tokens -= limited
                if host_is.failures >= FAILURES:  # this one is the trial; nobody else until it is heard
                    host_is.not_before = now + _pause(host_is.failures)
                return 0.0
            first = max(now, host_is.not_before, host_is.last_place if limited else 0.0)
            host_is.last_place = first + (1 / self._rate if limited else 0.0)
            return max(host_is.last_place - now, 0.001)

    def heard(self, host: str, status: int | None, retry_after: float | None) -> None:
        """Take in how a host answered; `status` is None where there was no complete answer."""
        with self._lock:
            now = self._monotonic()
            host_is = self._host(host, now)
            if status is None or status == 429 or status >= 500:
                host_is.failures += 1
                if host_is.failures >= FAILURES:
                    host_is.not_before = max(host_is.not_before, now + _pause(host_is.failures))
            else:
                host_is.failures, host_is.not_before = 0, 0.0
            if status in (429, 503) and retry_after:
                host_is.not_before = max(host_is.not_before, now + retry_after)

    def _host(self, name: str, now: float) -> _Host:
        """Return the state of a host as it is now."""
        full = max(self._rate * BURST_SECONDS, 1.0)
        if name not in self._hosts:
            if len(self._hosts) >= _MANY_HOSTS:
                self._forget(now)
            self._hosts[name] = _Host(full, now)
        found = self._hosts[name]
        found.tokens = min(full, found.tokens + (now - found.counted_at) * self._rate)
        found.counted_at = now
        return found

    def _forget(self, now: float) -> None:
        """Forget the hosts of which there is nothing to remember."""
        for name, host in list(self._hosts.items()):
            idle = now - host.counted_at > BURST_SECONDS
            if idle and not host.failures and max(host.not_before, host.last_place) <= now:
                del self._hosts[name]


def _pause(failures: int) -> float:
    return float(min(FIRST_PAUSE * 2 ** min(failures - FAILURES, 10), LONGEST_PAUSE))
