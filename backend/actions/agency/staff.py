"""What somebody on staff sees of himself and may change, and what a coordinator sees of all."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.actions.agency.availability import SeenAvailability, seen
from backend.actions.agency.publishing import StaticName, publish
from backend.errors import Invalid
from backend.models.agency.places import Agency, Facility
from backend.models.agency.staff import Availability, Device, Staff, StaffAccount
from backend.notify.devices import reachable_devices

PROFILE = ("years_of_service", "background", "about")
SHOWABLE = ("first_name", "last_name", "facility", "languages", "topics", *PROFILE)
"""What officers may be shown of somebody. That he is there, and his roles, they see always."""


@dataclass(frozen=True)
class Member:
    """Somebody on staff; `name` is what he signs in with. The agency's file says all but the last three."""

    id: uuid.UUID
    name: str
    first_name: str
    last_name: str
    roles: list[str]
    facility: str
    languages: list[str]
    topics: list[str]
    profile: dict[str, Any]
    shows: list[str]


@dataclass(frozen=True)
class Listed:
    """Somebody on the roster: whether he can be asked, has made his account, and has a device that rings."""

    id: uuid.UUID
    name: str
    first_name: str
    last_name: str
    roles: list[str]
    facility: str
    languages: list[str]
    availability: SeenAvailability
    has_account: bool
    device_rings: bool


def me(session: Session, staff_id: uuid.UUID) -> Member:
    """One's own entry."""
    return _member(session, session.get_one(Staff, staff_id))


def change_me(session: Session, staff_id: uuid.UUID, wishes: Mapping[str, Any], now: datetime) -> Member:
    """Set `topics`, `profile` or `shows`, whichever are named; raises Invalid for a topic that there isn't."""
    staff = session.get_one(Staff, staff_id, with_for_update={"key_share": True})
    if "topics" in wishes:
        _check_topics(session, wishes["topics"])
    different = {name: value for name, value in wishes.items() if getattr(staff, name) != value}
    for name, value in different.items():
        setattr(staff, name, value)
    if different:
        publish(session, StaticName.BULLETIN, now)
    session.flush()
    return _member(session, staff)


def roster(session: Session, now: datetime) -> list[Listed]:
    """Everybody who belongs to the programme, by name."""
    rows = session.execute(
        select(Staff, Facility.slug, Availability)
        .join(Facility, Facility.id == Staff.facility_id)
        .join(Availability, Availability.staff_id == Staff.id)
        .where(Staff.active)
        .order_by(Staff.last_name, Staff.first_name, Staff.slug)
    ).all()
    accounts = set(session.scalars(select(StaffAccount.staff_id)))
    ringing = set(session.scalars(reachable_devices(now.date(), now).order_by(None).with_only_columns(Device.staff_id)))
    return [
        Listed(
            id=staff.id,
            name=staff.slug,
            first_name=staff.first_name,
            last_name=staff.last_name,
            roles=staff.roles,
            facility=facility,
            languages=staff.languages,
            availability=seen(availability, now),
            has_account=staff.id in accounts,
            device_rings=staff.id in ringing,
        )
        for staff, facility, availability in rows
    ]


def _check_topics(session: Session, topics: Sequence[str]) -> None:
    known = session.scalars(select(Agency.topics)).one()
    wrong = {f"topics.{number}": "There is no such topic." for number, one in enumerate(topics) if one not in known}
    if wrong:
        raise Invalid(wrong)


def _member(session: Session, staff: Staff) -> Member:
    return Member(
        id=staff.id,
        name=staff.slug,
        first_name=staff.first_name,
        last_name=staff.last_name,
        roles=staff.roles,
        facility=session.get_one(Facility, staff.facility_id).slug,
        languages=staff.languages,
        topics=staff.topics,
        profile=staff.profile,
        shows=staff.shows,
    )
