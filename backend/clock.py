"""The one place that asks what time it is. Everything below an entrance gets `now` as an argument."""

from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Tells the time; a test may hand it another source."""

    def __init__(self) -> None:
        self.source: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self) -> datetime:
        """The present moment, aware, in UTC."""
        return self.source()


now = Clock()
