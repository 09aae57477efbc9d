"""Whose is what: rows are reached on somebody's behalf through these functions alone, and what isn't his is missing.

Whoever changes anything about a request locks the request's row first, and so takes turns with all others.
"""

import uuid
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.errors import Missing
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, SupportRequest

ENDED = frozenset({"closed", "withdrawn"})


@dataclass(frozen=True)
class Asker:
    """Somebody who knows the secret of a request; kept is its SHA-256."""

    secret_hash: bytes = field(repr=False)


def lock_request(session: Session, request_id: uuid.UUID) -> SupportRequest | None:
    """The request as it is now, this transaction's to change until its end."""
    return session.scalar(
        select(SupportRequest)
        .where(SupportRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def askers_request(session: Session, asker: Asker, request_id: uuid.UUID, *, lock: bool = True) -> SupportRequest:
    """The request that the secret belongs to; raises Missing."""
    mine = session.scalar(
        select(SupportRequest.id).where(
            SupportRequest.id == request_id, SupportRequest.secret_hash == asker.secret_hash
        )
    )
    request = None
    if mine:
        request = lock_request(session, mine) if lock else session.get(SupportRequest, mine)
    if request is None:
        raise Missing("This request")
    return request


def staffs_offer(session: Session, staff_id: uuid.UUID, offer_id: uuid.UUID) -> tuple[SupportRequest, Offer]:
    """An offer made to him, with its request locked; raises Missing."""
    found = session.scalar(select(Offer.request_id).where(Offer.id == offer_id, Offer.staff_id == staff_id))
    request = lock_request(session, found) if found else None
    if request is None:
        raise Missing("This offer")
    return request, session.get_one(Offer, offer_id, populate_existing=True)


def staffs_conversation(
    session: Session, staff_id: uuid.UUID, conversation_id: uuid.UUID
) -> tuple[SupportRequest, Conversation]:
    """A conversation of his, with its request locked; raises Missing."""
    mine = (Conversation.id == conversation_id, Conversation.staff_id == staff_id)
    found = session.scalar(select(Conversation.request_id).where(*mine))
    request = lock_request(session, found) if found else None
    if request is None:
        raise Missing("This conversation")
    return request, session.get_one(Conversation, conversation_id, populate_existing=True)


def askers_conversation(session: Session, request: SupportRequest, conversation_id: uuid.UUID | None) -> Conversation:
    """A conversation of the request: the one named, else the latest; raises Missing."""
    chosen = select(Conversation).where(Conversation.request_id == request.id)
    if conversation_id:
        chosen = chosen.where(Conversation.id == conversation_id)
    found = session.scalar(
        chosen.order_by(Conversation.number.desc()).limit(1).execution_options(populate_existing=True)
    )
    if found is None:
        raise Missing("This conversation")
    return found


def open_conversation(session: Session, request_id: uuid.UUID) -> Conversation | None:
    """The conversation of the request that isn't closed, if there is one."""
    return session.scalar(
        select(Conversation)
        .where(Conversation.request_id == request_id, Conversation.state != "closed")
        .execution_options(populate_existing=True)
    )
