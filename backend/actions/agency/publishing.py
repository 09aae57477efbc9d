"""Having a public file made anew: the wish is a row in the transaction that changed what stands in the file."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from backend.jobs import Kind, enqueue


class StaticName(StrEnum):
    """The files under `/v1/public/` that are made from rows. Each has a builder in `backend.worker`."""

    AGENCY = "agency"
    """What somebody needs before he is enrolled: crisis lines first."""
    KEYS = "keys"
    """The keys that passes are signed with; part of the public record."""
    BULLETIN = "bulletin"
    """What every enrolled phone needs to know, encrypted; part of the public record."""
    NEWS = "news"
    """Which requests have something unread."""


def publish(session: Session, name: StaticName, now: datetime) -> None:
    """Have this file made anew once the transaction has committed. Wishes that come together become one."""
    enqueue(session, Kind.PUBLISH, {"name": name}, run_at=now, key=name)
