"""What is still worth telling. A phone that could be quiet is not rung: it is asked anew just before each push."""

import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from backend.models.agency.incidents import Incident
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, SupportRequest
from backend.notify.kinds import Notice

_QUESTIONS: Mapping[Notice, Callable[[datetime], Select[uuid.UUID]]] = {
    Notice.OFFER: lambda now: select(Offer.id).where(Offer.state == "open", Offer.expires_at > now, ~Offer.opened),
    Notice.MESSAGE: lambda now: select(Conversation.id).where(
        Conversation.state != "closed", Conversation.staff_unread
    ),
    Notice.NO_PEER_LEFT: lambda now: select(SupportRequest.id).where(SupportRequest.state == "open"),
    Notice.ANSWER: lambda now: select(SupportRequest.id).where(SupportRequest.unread),
    Notice.INCIDENT: lambda now: select(Incident.id).where(Incident.closed_at.is_(None)),
}


def still_wanted(session: Session, notice: Notice, abouts: Collection[uuid.UUID], now: datetime) -> set[uuid.UUID]:
    """Those of `abouts` that somebody is still to be told of: open, unseen, unread, not over."""
    if notice not in _QUESTIONS:
        return set(abouts)
    question = _QUESTIONS[notice](now)
    return set(session.scalars(question.where(question.selected_columns.id.in_(abouts))))
