"""Whether a peer can be asked: what he says himself. It follows his phone, not the rota."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy.orm import Session

from backend.errors import Invalid
from backend.models.agency.staff import Availability


@dataclass(frozen=True)
class SeenAvailability:
    """How it stands now. Quiet hours are meant in the agency's time zone, and may pass midnight."""

    state: str
    until: datetime | None
    quiet_from: time | None
    quiet_to: time | None
    rests_until: datetime | None
    cap: int


def find(session: Session, staff_id: uuid.UUID, now: datetime) -> SeenAvailability:
    """One's own."""
    return seen(session.get_one(Availability, staff_id), now)


def put(session: Session, staff_id: uuid.UUID, wishes: Mapping[str, Any], now: datetime) -> SeenAvailability:
    """Say `state`, and until when; quiet hours, rest and cap stay as they are unless they are named. Raises Invalid."""
    availability = session.get_one(Availability, staff_id, with_for_update=True)
    for name, value in ({"until": None} | dict(wishes)).items():
        setattr(availability, name, value)
    _check(availability, now)
    session.flush()
    return seen(availability, now)


def seen(availability: Availability, now: datetime) -> SeenAvailability:
    """After `until` he counts as away, and a rest that is over is none."""
    over = availability.until is not None and availability.until <= now
    resting = availability.rests_until is not None and now < availability.rests_until
    return SeenAvailability(
        state="away" if over else availability.state,
        until=None if over else availability.until,
        quiet_from=availability.quiet_from,
        quiet_to=availability.quiet_to,
        rests_until=availability.rests_until if resting else None,
        cap=availability.cap,
    )


def _check(availability: Availability, now: datetime) -> None:
    if availability.until and availability.until <= now:
        raise Invalid({"until": "This is in the past."})
    if (availability.quiet_from is None) != (availability.quiet_to is None):
        raise Invalid({"quiet_to": "Quiet hours need a beginning and an end; to have none, send null for both."})
    if availability.quiet_from is not None and availability.quiet_from == availability.quiet_to:
        raise Invalid({"quiet_to": "Quiet hours must end at another time than they begin. To be away, say so."})
