"""A clock that stands where a test puts it."""

from datetime import UTC, datetime, timedelta


def at(text: str) -> datetime:
    """Return an instant written in ISO 8601; without an offset it is in UTC."""
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


class FakeClock:
    """Tells the instant it was set to; a test moves it, forward or back."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant

    def set(self, text: str) -> None:
        self.instant = at(text)

    def forward(self, by: timedelta) -> None:
        self.instant += by
