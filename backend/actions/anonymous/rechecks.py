"""When the agency's facts change: offers and conversations that no longer stand go to the next.

Who is named as part of an incident only now loses his place and his open offers; who has left the programme, his
conversations too.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.actions.anonymous.access import lock_request
from backend.actions.anonymous.hand_overs import hand_over
from backend.actions.anonymous.offers import let_go, pass_on
from backend.actions.anonymous.waves import open_offers
from backend.config import Config
from backend.models.agency.incidents import IncidentStaff
from backend.models.agency.staff import Staff
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Place, SupportRequest


def do_recheck(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    """The deed of `Kind.RECHECK`: an incident was corrected, or somebody has left."""
    if "staff" in args:
        _pass_on_all(session, uuid.UUID(args["staff"]), now)
    else:
        _look_at_requests(session, uuid.UUID(args["incident"]), now)


def _pass_on_all(session: Session, staff_id: uuid.UUID, now: datetime) -> None:
    if session.scalar(select(Staff.active).where(Staff.id == staff_id)):
        return
    pass_on(session, staff_id, now)
    his = select(Conversation.id).where(Conversation.staff_id == staff_id, Conversation.state != "closed")
    for conversation_id in session.scalars(his.order_by(Conversation.request_id)).all():
        hand_over(session, staff_id, conversation_id, "next", now)


def _look_at_requests(session: Session, incident_id: uuid.UUID, now: datetime) -> None:
    naming = select(SupportRequest.id).where(
        SupportRequest.incident_id == incident_id,
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
