"""Who of the staff is calling."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.codes import hash_token
from backend.models.agency.staff import Role, Staff, StaffSession

PREFIX = "relief-staff-"


@dataclass(frozen=True)
class StaffCaller:
    """A member of staff who is signed in."""

    staff_id: uuid.UUID
    session_id: uuid.UUID
    roles: frozenset[Role]


def recognise(session: Session, access_token: str, now: datetime) -> StaffCaller | None:
    """Whose access token this is, if it is still good and he still belongs to the programme."""
    found = session.execute(
        select(StaffSession.id, Staff.id, Staff.roles)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(
            StaffSession.access_hash == hash_token(access_token),
            StaffSession.access_expires_at > now,
            Staff.active,
        )
    ).one_or_none()
    if found is None:
        return None
    session_id, staff_id, roles = found
    return StaffCaller(staff_id, session_id, frozenset(Role(role) for role in roles))
