"""When an incident is corrected: who is named as part of it only now loses his place and his open offers."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.actions.anonymous.access import lock_request
from backend.actions.anonymous.offers import let_go
from backend.actions.anonymous.waves import open_offers
from backend.config import Config
from backend.models.agency.incidents import IncidentStaff
from backend.models.anonymous.requests import Place, SupportRequest


def do_recheck(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    """The deed of `Kind.RECHECK`, for every request that names the incident and hasn't ended."""
    naming = select(SupportRequest.id).where(
        SupportRequest.incident_id == uuid.UUID(args["incident"]),
        SupportRequest.state.in_(["open", "accepted", "talking"]),
    )
    for request_id in session.scalars(naming.order_by(SupportRequest.id)).all():
        request = lock_request(session, request_id)
        if request:
            _drop_involved(session, request, now)


def _drop_involved(session: Session, request: SupportRequest, now: datetime) -> None:
    named = select(IncidentStaff.staff_id).where(IncidentStaff.incident_id == request.incident_id)
    involved = set(session.scalars(named))
    session.execute(delete(Place).where(Place.request_id == request.id, Place.staff_id.in_(involved)))
    for offer in open_offers(session, request.id):
        if offer.staff_id in involved:
            let_go(session, request, offer, "cancelled", now)
