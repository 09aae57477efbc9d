"""Critical incidents: recorded, corrected, closed. Who was involved is never written down, but staff of the programme.

Each change enters the bulletin; a severe incident rings its facility. Offers that a correction makes wrong are taken
back by a job, because the agency knows nothing of requests.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from backend.actions.agency.publishing import StaticName, publish
from backend.errors import Conflict, Invalid, Missing, Outdated
from backend.jobs import Kind, enqueue
from backend.models.agency.incidents import Incident, IncidentStaff, IncidentUnit
from backend.models.agency.places import Facility, Unit
from backend.models.agency.staff import Staff
from backend.notify.tell import ring_facility

CLOCKS_DIFFER = timedelta(hours=1)
SEVERE = "severe"


@dataclass(frozen=True)
class SeenIncident:
    """An incident as coordinators and other systems see it: places and staff by their slugs."""

    id: uuid.UUID
    number: int
    type: str
    facility: str
    units: list[str]
    started_at: datetime
    ended_at: datetime | None
    severity: str
    staff: list[str]
    version: int
    closed_at: datetime | None


def record(session: Session, facts: Mapping[str, Any], now: datetime) -> SeenIncident:
    """A new incident; `facts` as in `SeenIncident`. Raises Invalid, naming the field."""
    _check_times(facts["started_at"], facts["ended_at"], now)
    facility = _facility(session, facts["facility"])
    incident = Incident(
        type=facts["type"],
        facility_id=facility.id,
        started_at=facts["started_at"],
        ended_at=facts["ended_at"],
        severity=facts["severity"],
    )
    session.add(incident)
    session.flush()
    _put_units(session, incident, facts["units"])
    _put_staff(session, incident, facts["staff"])
    publish(session, StaticName.BULLETIN, now)
    if incident.severity == SEVERE:
        ring_facility(session, facility.slug, incident.id, now)
    return _seen(session, [incident])[0]


def correct(
    session: Session, incident_id: uuid.UUID, version: int, facts: Mapping[str, Any], now: datetime
) -> SeenIncident:
    """Change what `facts` names of it, if it is still at `version`; with another facility the units go, unless named.

    Raises Missing, Outdated, Conflict or Invalid.
    """
    incident = _lock(session, incident_id)
    if incident.version != version:
        raise Outdated
    if incident.closed_at:
        raise Conflict("closed", "This incident is closed.")
    rang = (incident.facility_id, incident.severity == SEVERE)
    _change(session, incident, facts, now)
    facility = session.get_one(Facility, incident.facility_id)
    if incident.severity == SEVERE and rang != (facility.id, True):
        ring_facility(session, facility.slug, incident.id, now)
    enqueue(session, Kind.RECHECK, {"incident": str(incident.id)}, run_at=now, key=f"incident {incident.id}")
    publish(session, StaticName.BULLETIN, now)
    return _seen(session, [incident])[0]


def close(session: Session, incident_id: uuid.UUID, now: datetime) -> SeenIncident:
    """It needs nobody's attention any more; requests that name it go on. Once closed it stays so. Raises Missing."""
    incident = _lock(session, incident_id)
    if incident.closed_at is None:
        incident.closed_at = now
        incident.version += 1
        publish(session, StaticName.BULLETIN, now)
        session.flush()
    return _seen(session, [incident])[0]


def find(session: Session, incident_id: uuid.UUID) -> SeenIncident:
    """One incident; raises Missing."""
    incident = session.get(Incident, incident_id)
    if incident is None:
        raise Missing("This incident")
    return _seen(session, [incident])[0]


def latest(session: Session, before: int | None, limit: int) -> list[SeenIncident]:
    """Incidents with a number below `before`, the latest recorded first."""
    rows = select(Incident).order_by(Incident.number.desc()).limit(limit)
    if before is not None:
        rows = rows.where(Incident.number < before)
    return _seen(session, session.scalars(rows).all())


def _lock(session: Session, incident_id: uuid.UUID) -> Incident:
    incident = session.scalar(select(Incident).where(Incident.id == incident_id).with_for_update())
    if incident is None:
        raise Missing("This incident")
    return incident


def _change(session: Session, incident: Incident, facts: Mapping[str, Any], now: datetime) -> None:
    if "facility" in facts:
        incident.facility_id = _facility(session, facts["facility"]).id
    for name in {"type", "started_at", "ended_at", "severity"} & facts.keys():
        setattr(incident, name, facts[name])
    _check_times(incident.started_at, incident.ended_at, now)
    if "units" in facts or "facility" in facts:
        _put_units(session, incident, facts.get("units", []))
    if "staff" in facts:
        _put_staff(session, incident, facts["staff"])
    incident.version += 1
    session.flush()


def _check_times(started_at: datetime, ended_at: datetime | None, now: datetime) -> None:
    """Other systems' clocks may be a little ahead of ours."""
    wrong = {}
    if started_at > now + CLOCKS_DIFFER:
        wrong["started_at"] = "This is in the future."
    if ended_at and ended_at > now + CLOCKS_DIFFER:
        wrong["ended_at"] = "This is in the future. Leave it out while the incident goes on."
    elif ended_at and ended_at < started_at:
        wrong["ended_at"] = "This is before the beginning."
    if wrong:
        raise Invalid(wrong)


def _facility(session: Session, slug: str) -> Facility:
    facility = session.scalar(select(Facility).where(Facility.slug == slug, ~Facility.closed))
    if facility is None:
        raise Invalid({"facility": "There is no such facility."})
    return facility


def _put_units(session: Session, incident: Incident, slugs: list[str]) -> None:
    own = select(Unit.slug, Unit.id).where(Unit.facility_id == incident.facility_id, ~Unit.closed)
    units = dict(session.execute(own).all())
    _refuse_unknown("units", slugs, units, "This is no unit of the facility.")
    session.execute(delete(IncidentUnit).where(IncidentUnit.incident_id == incident.id))
    session.add_all(IncidentUnit(incident_id=incident.id, unit_id=units[slug]) for slug in set(slugs))
    session.flush()


def _put_staff(session: Session, incident: Incident, slugs: list[str]) -> None:
    staff = dict(session.execute(select(Staff.slug, Staff.id).where(Staff.slug.in_(slugs))).all())
    _refuse_unknown("staff", slugs, staff, "There is nobody by this name on the staff.")
    session.execute(delete(IncidentStaff).where(IncidentStaff.incident_id == incident.id))
    session.add_all(IncidentStaff(incident_id=incident.id, staff_id=staff[slug]) for slug in set(slugs))
    session.flush()


def _refuse_unknown(field: str, slugs: list[str], known: Mapping[str, uuid.UUID], said: str) -> None:
    wrong = {f"{field}.{number}": said for number, slug in enumerate(slugs) if slug not in known}
    if wrong:
        raise Invalid(wrong)


def _seen(session: Session, incidents: Sequence[Incident]) -> list[SeenIncident]:
    ids = [incident.id for incident in incidents]
    facilities = dict(session.execute(select(Facility.id, Facility.slug)).all())
    units = select(IncidentUnit.incident_id, Unit.slug).join(Unit, Unit.id == IncidentUnit.unit_id)
    touched = _by_incident(session, units.where(IncidentUnit.incident_id.in_(ids)))
    staff = select(IncidentStaff.incident_id, Staff.slug).join(Staff, Staff.id == IncidentStaff.staff_id)
    part = _by_incident(session, staff.where(IncidentStaff.incident_id.in_(ids)))
    return [
        SeenIncident(
            id=incident.id,
            number=incident.number,
            type=incident.type,
            facility=facilities[incident.facility_id],
            units=touched.get(incident.id, []),
            started_at=incident.started_at,
            ended_at=incident.ended_at,
            severity=incident.severity,
            staff=part.get(incident.id, []),
            version=incident.version,
            closed_at=incident.closed_at,
        )
        for incident in incidents
    ]


def _by_incident(session: Session, rows: Select[uuid.UUID, str]) -> dict[uuid.UUID, list[str]]:
    found: dict[uuid.UUID, list[str]] = {}
    for incident_id, slug in session.execute(rows):
        found.setdefault(incident_id, []).append(slug)
    return {incident_id: sorted(slugs) for incident_id, slugs in found.items()}
