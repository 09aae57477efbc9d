"""Messages: sealed by one of the two for the other. The server keeps their order and can't read them."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.actions.agency.policies import policy_in_force
from backend.actions.agency.publishing import StaticName, publish
from backend.actions.anonymous.access import Asker, askers_conversation, askers_request, staffs_conversation
from backend.actions.anonymous.idling import stay_awake
from backend.errors import Conflict, Missing
from backend.jobs import Kind, cancel
from backend.models.anonymous.conversations import Conversation, Message
from backend.notify.kinds import Notice
from backend.notify.tell import tell_staff, wake_asker

_MOST = 20_000
"""Messages in one conversation: years of talk, and a bound on what one pass can fill."""


@dataclass(frozen=True)
class Letter:
    """What one of the two sends: his own count, from 1, and the sealed bytes."""

    counter: int
    sealed: bytes = field(repr=False)


def write_as_asker(
    session: Session, asker: Asker, request_id: uuid.UUID, conversation_id: uuid.UUID, letter: Letter, *, now: datetime
) -> Message:
    """The asker writes. The same again is the same; raises Conflict for other bytes under the same count."""
    request = askers_request(session, asker, request_id)
    conversation = askers_conversation(session, request, conversation_id)
    known = _known(session, conversation, "asker", letter)
    if known:
        return known
    message = _add(session, conversation, "asker", letter, now)
    conversation.staff_unread = True
    request.version += 1
    tell_staff(session, Notice.MESSAGE, conversation.staff_id, conversation.id, now)
    return message


def write_as_staff(
    session: Session, staff_id: uuid.UUID, conversation_id: uuid.UUID, letter: Letter, now: datetime
) -> Message:
    """He writes; with the first message the two are talking. Repeats and raises as for the asker."""
    request, conversation = staffs_conversation(session, staff_id, conversation_id)
    known = _known(session, conversation, "staff", letter)
    if known:
        return known
    message = _add(session, conversation, "staff", letter, now)
    if request.state == "accepted":
        request.state = "talking"
        cancel(session, Kind.LAPSE, str(conversation.id))
    request.unread = True
    request.version += 1
    wake_asker(session, request.id, now)
    publish(session, StaticName.NEWS, now)
    return message


def read_as_asker(
    session: Session, asker: Asker, request_id: uuid.UUID, *, conversation_id: uuid.UUID | None, after: int, limit: int
) -> list[Message]:
    """The messages after a place, in order, of one conversation of the request: the latest if none is named."""
    request = askers_request(session, asker, request_id, lock=False)
    conversation = askers_conversation(session, request, conversation_id)
    return _page(session, conversation.id, after, limit)


def read_as_staff(
    session: Session, staff_id: uuid.UUID, conversation_id: uuid.UUID, *, after: int, limit: int
) -> list[Message]:
    """The messages of his conversation after a place, in order."""
    his = select(Conversation.id).where(Conversation.id == conversation_id, Conversation.staff_id == staff_id)
    if session.scalar(his) is None:
        raise Missing("This conversation")
    return _page(session, conversation_id, after, limit)


def note_read_by_asker(session: Session, asker: Asker, request_id: uuid.UUID, now: datetime) -> None:
    """The asker has seen all there is, so the news need not name his request."""
    request = askers_request(session, asker, request_id)
    if request.unread:
        request.unread = False
        request.version += 1
        publish(session, StaticName.NEWS, now)


def _known(session: Session, conversation: Conversation, sender: str, letter: Letter) -> Message | None:
    known = session.scalar(
        select(Message).where(
            Message.conversation_id == conversation.id, Message.sender == sender, Message.counter == letter.counter
        )
    )
    if known and known.sealed != letter.sealed:
        raise Conflict("counter-used", "Another message has this count. Please read on and send it with the next.")
    return known


def _add(session: Session, conversation: Conversation, sender: str, letter: Letter, now: datetime) -> Message:
    if conversation.state != "open":
        waiting = conversation.state == "waiting"
        raise Conflict(
            "not-open",
            "The opening has not come yet." if waiting else "This conversation is closed.",
        )
    last = session.scalar(select(func.max(Message.place)).where(Message.conversation_id == conversation.id)) or 0
    if last >= _MOST:
        raise Conflict("full", "This conversation is full. Please close it and begin another.")
    message = Message(
        conversation_id=conversation.id, sender=sender, counter=letter.counter, place=last + 1, sealed=letter.sealed
    )
    session.add(message)
    conversation.version += 1
    stay_awake(session, conversation, policy_in_force(session), now)
    session.flush()
    return message


def _page(session: Session, conversation_id: uuid.UUID, after: int, limit: int) -> list[Message]:
    of_it = select(Message).where(Message.conversation_id == conversation_id, Message.place > after)
    return list(session.scalars(of_it.order_by(Message.place).limit(limit)))
