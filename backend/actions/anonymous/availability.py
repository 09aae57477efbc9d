"""A peer who can no longer be asked must keep nobody waiting: his open offers go to the next."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from backend.actions.agency.availability import SeenAvailability, put
from backend.actions.agency.policies import agency_zone
from backend.actions.anonymous.offers import pass_on
from backend.actions.anonymous.waves import reaches
from backend.rules.waves import can_be_asked


def change(session: Session, staff_id: uuid.UUID, wishes: Mapping[str, Any], now: datetime) -> SeenAvailability:
    """Say whether one can be asked; raises Invalid."""
    said = put(session, staff_id, wishes, now)
    if not can_be_asked(reaches(session, [staff_id])[staff_id], now, agency_zone(session)):
        pass_on(session, staff_id, now)
    return said
