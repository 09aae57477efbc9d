"""What somebody needs before he is enrolled, and while he asks: crisis lines first.

It stands in the public record because parts of it come back in requests: a unit, a topic or a notice that only one
phone was shown would say who asks.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.actions.agency import record
from backend.actions.agency.publishing import StaticName
from backend.models.agency.places import Agency, Cohort, Command, Facility, Unit
from backend.rules.record import canonical


def publish_agency(session: Session, sealing_key: bytes, now: datetime) -> None:
    """Make `/v1/public/agency` anew."""
    record.lock(session)
    agency = session.scalar(select(Agency))
    if agency is not None:
        record.append(session, sealing_key, StaticName.AGENCY, canonical(_describe(session, agency)), now)


def _describe(session: Session, agency: Agency) -> dict[str, Any]:
    return {
        "crisis_lines": agency.crisis_lines,
        "name": agency.name,
        "time_zone": agency.time_zone,
        "languages": agency.languages,
        "topics": agency.topics,
        "resources": agency.resources,
        "notice": agency.notice,
        "facilities": _facilities(session),
    }


def _facilities(session: Session) -> list[dict[str, Any]]:
    units: dict[Any, list[dict[str, Any]]] = {}
    parent = select(Command.unit_id, Unit.slug).join(Unit, Unit.id == Command.parent_id)
    parents = dict(session.execute(parent.where(Command.until.is_(None))).all())
    for unit in session.scalars(select(Unit).where(~Unit.closed).order_by(Unit.slug)):
        shown = {"id": str(unit.id), "slug": unit.slug, "name": unit.name, "under": parents.get(unit.id)}
        units.setdefault(unit.facility_id, []).append(shown)
    found = select(Facility, Cohort.slug).join(Cohort, Cohort.id == Facility.cohort_id)
    return [
        {
            "id": str(facility.id),
            "slug": facility.slug,
            "name": facility.name,
            "cohort": cohort,
            "units": units.get(facility.id, []),
        }
        for facility, cohort in session.execute(found.where(~Facility.closed).order_by(Facility.slug))
    ]
