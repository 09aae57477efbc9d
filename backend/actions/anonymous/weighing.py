"""Weighing what an asker says. It happens in memory: no fact is ever handed to the database, not even to look it up.

So everything that might matter is read, the same for every request, and matched here.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.errors import Invalid
from backend.models.agency.incidents import Incident, IncidentStaff
from backend.models.agency.places import Command as CommandRow
from backend.models.agency.places import Facility, Unit
from backend.models.agency.staff import Availability, Post, Role, Staff
from backend.models.anonymous.conversations import Conversation
from backend.rules.conflicts import Colleague, Command, HardFacts, Link, Posting, Span, without_conflict
from backend.rules.incident_types import OTHERS_FIRST
from backend.rules.order import Where, Wishes, in_order

_DEFAULT_CAP = 3


@dataclass(frozen=True)
class Facts:
    """What an asker says about himself and whom he would like. Lives in memory only, and never shows itself."""

    languages: Collection[str]
    topics: Collection[str]
    incident: uuid.UUID | None = None
    unit: str | None = field(default=None, repr=False)
    facility: str | None = field(default=None, repr=False)
    where: Where = field(default=Where.ANY, repr=False)
    prefer: Collection[uuid.UUID] = field(default=(), repr=False)
    keep_away: Collection[uuid.UUID] = field(default=(), repr=False)


@dataclass(frozen=True)
class Weighed:
    """Who may be asked, in this order; and the clinicians who may take it at the end."""

    peers: list[uuid.UUID]
    clinicians: list[uuid.UUID]


def weigh(session: Session, facts: Facts, now: datetime) -> Weighed:
    """The order of staff for these facts; raises Invalid, naming a field that names what isn't there."""
    staff = {row.id: row for row in session.execute(_STAFF)}
    incident = _incident(session, facts.incident)
    unit, home = _asker_place(session, facts)
    _check_staff(facts, staff)
    hard = HardFacts(
        unit=unit,
        moments=[now] if incident is None else [incident.started_at, now],
        involved=_involved(session, incident),
        keep_away=frozenset(facts.keep_away),
        languages=frozenset(facts.languages),
    )
    wishes = _wishes(facts, home, incident)
    command = _command(session)
    loads = open_conversations(session)

    def ordered(role: Role) -> list[uuid.UUID]:
        able = [_colleague(row, loads) for row in staff.values() if row.active and role in row.roles]
        return in_order(wishes, without_conflict(hard, able, command))

    return Weighed(ordered(Role.PEER), ordered(Role.CLINICIAN))


_STAFF = select(
    Staff.id, Staff.roles, Staff.active, Staff.facility_id, Staff.languages, Staff.topics, Availability.cap
).outerjoin(Availability, Availability.staff_id == Staff.id)


def open_conversations(session: Session, staff: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, int]:
    """How many open conversations each member of staff has, where there are any."""
    counted = (
        select(Conversation.staff_id, func.count())
        .where(Conversation.state != "closed")
        .group_by(Conversation.staff_id)
    )
    if staff is not None:
        counted = counted.where(Conversation.staff_id.in_(staff))
    return dict(session.execute(counted).all())


def _incident(session: Session, incident_id: uuid.UUID | None) -> Incident | None:
    incident = session.get(Incident, incident_id) if incident_id else None
    if incident_id and incident is None:
        raise Invalid({"incident": "There is no such incident."})
    return incident


def _involved(session: Session, incident: Incident | None) -> frozenset[uuid.UUID]:
    if incident is None:
        return frozenset()
    return frozenset(session.scalars(select(IncidentStaff.staff_id).where(IncidentStaff.incident_id == incident.id)))


def _asker_place(session: Session, facts: Facts) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """The asker's unit and facility, as far as he says them."""
    units = {slug: (key, home) for slug, key, home in session.execute(select(Unit.slug, Unit.id, Unit.facility_id))}
    facilities = dict(session.execute(select(Facility.slug, Facility.id)).all())
    if facts.unit is not None and facts.unit not in units:
        raise Invalid({"unit": "There is no such unit."})
    if facts.facility is not None and facts.facility not in facilities:
        raise Invalid({"facility": "There is no such facility."})
    unit, home = units[facts.unit] if facts.unit is not None else (None, None)
    return unit, home or (facilities[facts.facility] if facts.facility is not None else None)


def _check_staff(facts: Facts, staff: Mapping[uuid.UUID, object]) -> None:
    for name, named in (("keep_away", facts.keep_away), ("wishes.prefer", facts.prefer)):
        for number, one in enumerate(named):
            if one not in staff:
                raise Invalid({f"{name}.{number}": "There is nobody with this id on the staff."})


def _wishes(facts: Facts, home: uuid.UUID | None, incident: Incident | None) -> Wishes:
    """After some incidents, whoever has no wish of his own is first given peers of other facilities."""
    where, measured_from = facts.where, home or (incident.facility_id if incident else None)
    if where is not Where.ANY and measured_from is None:
        raise Invalid({"wishes.facility": "Say your unit or facility too, or we can't tell which is yours."})
    if where is Where.ANY and incident is not None and incident.type in OTHERS_FIRST:
        where, measured_from = Where.OTHER, incident.facility_id
    return Wishes(where, measured_from, frozenset(facts.prefer), frozenset(facts.topics))


def _command(session: Session) -> Command:
    links = session.execute(select(CommandRow.unit_id, CommandRow.parent_id, CommandRow.since, CommandRow.until))
    posts = session.execute(select(Post.staff_id, Post.unit_id, Post.since, Post.until))
    return Command(
        links=[Link(unit, parent, Span(since, until)) for unit, parent, since, until in links],
        postings=[Posting(staff, unit, Span(since, until)) for staff, unit, since, until in posts],
    )


def _colleague(row: Any, loads: Mapping[uuid.UUID, int]) -> Colleague:
    return Colleague(
        id=row.id,
        facility=row.facility_id,
        languages=frozenset(row.languages),
        topics=frozenset(row.topics),
        conversations=loads.get(row.id, 0),
        cap=_DEFAULT_CAP if row.cap is None else row.cap,
    )
