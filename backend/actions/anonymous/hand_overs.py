"""Handing over: a peer gives a conversation to the next, to a clinician, or to somebody he names."""

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.actions.agency.policies import policy_in_force
from backend.actions.agency.publishing import StaticName, publish
from backend.actions.anonymous.access import staffs_conversation
from backend.actions.anonymous.endings import close_conversation, take_back
from backend.actions.anonymous.last_resorts import cannot_be_asked, offer_to_chosen
from backend.actions.anonymous.waves import look_after, look_again, make_offer, open_offers, still_fit
from backend.errors import Conflict
from backend.models.agency.staff import Role, Staff
from backend.models.anonymous.requests import Offer, Place, SupportRequest
from backend.rules.policy import Urgency


def hand_over(
    session: Session, staff_id: uuid.UUID, conversation_id: uuid.UUID, to: str | uuid.UUID, now: datetime
) -> None:
    """Give it to the `next`, to a `clinician`, or to somebody by his id; the asker begins anew with whoever takes it.

    Raises Conflict where there is no such person to ask.
    """
    request, conversation = staffs_conversation(session, staff_id, conversation_id)
    if conversation.state == "closed":
        raise Conflict("closed", "This conversation is closed.")
    policy = policy_in_force(session)
    close_conversation(session, conversation, "handed over", now)
    take_back(session, request, "handed over", now)
    request.tell_at = now + policy.paces[Urgency(request.urgency)].tell_after
    if to == "next":
        look_after(session, request, now)
    else:
        _ask(session, request, staff_id, to, now)
        look_again(session, request, open_offers(session, request.id), policy, now)
    publish(session, StaticName.NEWS, now)


def _ask(session: Session, request: SupportRequest, giver: uuid.UUID, to: str | uuid.UUID, now: datetime) -> None:
    if to == giver:
        raise cannot_be_asked()
    if isinstance(to, uuid.UUID):
        offer_to_chosen(session, request, to, now)
    else:
        _ask_clinicians(session, request, giver, now)


def _ask_clinicians(session: Session, request: SupportRequest, giver: uuid.UUID, now: datetime) -> None:
    declined = select(Offer.staff_id).where(Offer.request_id == request.id, Offer.state == "declined")
    clinicians = session.scalars(
        select(Place.staff_id)
        .join(Staff, Staff.id == Place.staff_id)
        .where(Place.request_id == request.id, Place.role == Role.CLINICIAN, Place.staff_id != giver)
        .where(still_fit(request, Role.CLINICIAN), Staff.id.not_in(declined))
    ).all()
    if not clinicians:
        raise Conflict("no-clinician", "There is no clinician who could take this. Please hand it to the next.")
    policy = policy_in_force(session)
    request.wave += 1
    for clinician in clinicians:
        make_offer(session, request, clinician, policy, now)
