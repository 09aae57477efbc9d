"""Offers: a peer sees who asks, and accepts, declines, or has to leave it to the next."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.actions.agency.policies import policy_in_force
from backend.actions.agency.publishing import StaticName, publish
from backend.actions.anonymous.access import lock_request, open_conversation, staffs_offer
from backend.actions.anonymous.waves import end_offer, look_after, open_offers, settle, still_fit
from backend.errors import Conflict
from backend.jobs import Kind, enqueue
from backend.models.agency.staff import Role, Staff
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, Place, SupportRequest
from backend.notify.kinds import Notice
from backend.notify.tell import hush_staff, wake_asker

_MOST = 100


@dataclass(frozen=True)
class SeenOffer:
    """All that a peer is shown of a request before he accepts it."""

    id: uuid.UUID
    urgency: str
    topics: Sequence[str]
    languages: Sequence[str]


def my_offers(session: Session, staff_id: uuid.UUID) -> list[SeenOffer]:
    """The offers that wait for his answer. Seeing them marks nothing."""
    rows = session.execute(
        select(Offer.id, SupportRequest.urgency, SupportRequest.topics, SupportRequest.languages)
        .join(SupportRequest, SupportRequest.id == Offer.request_id)
        .where(Offer.staff_id == staff_id, Offer.state == "open")
        .order_by(Offer.expires_at, Offer.id)
        .limit(_MOST)
    )
    return [SeenOffer(*row) for row in rows]


def note_opened(session: Session, staff_id: uuid.UUID, offer_id: uuid.UUID) -> None:
    """He has looked at it, so it need not ring again."""
    _, offer = staffs_offer(session, staff_id, offer_id)
    offer.opened = True


def accept(session: Session, staff_id: uuid.UUID, offer_id: uuid.UUID, now: datetime) -> Conversation:
    """Take the request; the first has it. Raises Conflict for all others, whatever the reason."""
    request, offer = staffs_offer(session, staff_id, offer_id)
    if offer.state == "accepted":
        return _mine(session, request)
    if request.state != "open" or offer.state != "open" or not is_fit(session, request, staff_id):
        raise taken()
    return begin(session, request, offer, now)


def taken() -> Conflict:
    """One answer for everything that came between, so that it tells nothing about the request."""
    return Conflict("no-longer-open", "This request is no longer open. Thank you for being there.")


def begin(session: Session, request: SupportRequest, offer: Offer, now: datetime) -> Conversation:
    """The offer is accepted: the others' phones go quiet, and the asker's phone is to write the opening."""
    offer.state = "accepted"
    session.flush()
    hush_staff(session, Notice.OFFER, offer.staff_id, offer.id, now)
    settle(session, request, now)
    conversation = _new_conversation(session, request, offer.staff_id)
    request.state = "accepted"
    request.unread = True
    request.version += 1
    due = now + policy_in_force(session).opening_within
    enqueue(session, Kind.LAPSE, {"conversation": str(conversation.id)}, run_at=due, key=str(conversation.id))
    wake_asker(session, request.id, now)
    publish(session, StaticName.NEWS, now)
    return conversation


def decline(session: Session, staff_id: uuid.UUID, offer_id: uuid.UUID, now: datetime) -> None:
    """Not this one. It is never offered to him again, and if he was the last of his wave the next are asked."""
    request, offer = staffs_offer(session, staff_id, offer_id)
    if offer.state == "accepted":
        raise Conflict("accepted", "You have accepted this request. Please hand it over if you can't go on.")
    if offer.state in ("open", "expired"):
        let_go(session, request, offer, "declined", now)


def pass_on(session: Session, staff_id: uuid.UUID, now: datetime) -> None:
    """He can no longer be asked: his open offers go to the next. Write his availability first."""
    waiting = select(Offer.request_id).where(Offer.staff_id == staff_id, Offer.state == "open")
    for request_id in session.scalars(waiting.order_by(Offer.request_id)).all():
        request = lock_request(session, request_id)
        for offer in open_offers(session, request_id):
            if request and offer.staff_id == staff_id:
                let_go(session, request, offer, "cancelled", now)


def let_go(session: Session, request: SupportRequest, offer: Offer, state: str, now: datetime) -> None:
    """One offer ends without a taker; if it was the last of its wave, the next are asked at once."""
    end_offer(session, offer, state, now)
    session.flush()
    if request.state == "open" and not open_offers(session, request.id):
        look_after(session, request, now)


def is_fit(session: Session, request: SupportRequest, staff_id: uuid.UUID) -> bool:
    """Whether he may still take it, today: in the role in which he stands in the order."""
    roles = session.scalars(select(Place.role).where(Place.request_id == request.id, Place.staff_id == staff_id))
    return any(
        session.scalar(select(Staff.id).where(Staff.id == staff_id, still_fit(request, Role(role)))) for role in roles
    )


def _mine(session: Session, request: SupportRequest) -> Conversation:
    conversation = open_conversation(session, request.id)
    if conversation is None:
        raise taken()
    return conversation


def _new_conversation(session: Session, request: SupportRequest, staff_id: uuid.UUID) -> Conversation:
    last = session.scalar(select(func.max(Conversation.number)).where(Conversation.request_id == request.id))
    conversation = Conversation(
        id=uuid.uuid4(),
        request_id=request.id,
        number=(last or 0) + 1,
        staff_id=staff_id,
        state="waiting",
        staff_unread=False,
        version=1,
    )
    session.add(conversation)
    session.flush()
    return conversation
