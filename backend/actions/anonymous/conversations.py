"""Conversations: the asker's phone opens them, staff see theirs, and hand them over."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.actions.agency.policies import policy_in_force
from backend.actions.anonymous.access import Asker, askers_conversation, askers_request, staffs_conversation
from backend.actions.anonymous.idling import stay_awake
from backend.base64url import encode_base64
from backend.errors import Conflict, Invalid, Missing
from backend.jobs import Kind, enqueue
from backend.models.agency.staff import Device
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import SupportRequest
from backend.notify.kinds import Notice
from backend.notify.tell import hush_staff, tell_staff


@dataclass(frozen=True)
class Seen:
    """A conversation as its member of staff sees it."""

    id: uuid.UUID
    state: str
    ending: str | None
    unread: bool
    urgency: str
    topics: Sequence[str]
    languages: Sequence[str]
    ways: Sequence[str]
    opening: list[dict[str, Any]] | None
    version: int


def write_opening(
    session: Session,
    asker: Asker,
    request_id: uuid.UUID,
    conversation_id: uuid.UUID,
    *,
    sealed: Mapping[uuid.UUID, bytes],
    now: datetime,
) -> Conversation:
    """Keep the opening, sealed for each device, and ring the peer: from now on his first message is due.

    The same opening again is the same; raises Conflict for another, Invalid for a device that isn't his.
    """
    request = askers_request(session, asker, request_id)
    conversation = askers_conversation(session, request, conversation_id)
    opening = [{"device_id": str(device), "sealed": encode_base64(sealed[device])} for device in sorted(sealed)]
    if conversation.opening is not None:
        if conversation.opening != opening:
            raise Conflict("already-opened", "This conversation has its opening.")
        return conversation
    if conversation.state != "waiting":
        raise Conflict("closed", "This conversation is closed.")
    _check_devices(session, conversation.staff_id, list(sealed))
    conversation.opening = opening
    conversation.state = "open"
    conversation.staff_unread = True
    conversation.version += 1
    request.version += 1
    _await_first_message(session, conversation, now)
    return conversation


def my_conversations(session: Session, staff_id: uuid.UUID, *, after: uuid.UUID | None, limit: int) -> list[Seen]:
    """His conversations, by id."""
    page = _SEEN.where(Conversation.staff_id == staff_id)
    if after:
        page = page.where(Conversation.id > after)
    rows = session.execute(page.order_by(Conversation.id).limit(limit))
    return [_seen(*row) for row in rows]


def my_conversation(session: Session, staff_id: uuid.UUID, conversation_id: uuid.UUID) -> Seen:
    """One conversation of his, with the opening sealed to his devices; raises Missing."""
    his = _SEEN.where(Conversation.id == conversation_id, Conversation.staff_id == staff_id)
    found = session.execute(his).one_or_none()
    if found is None:
        raise Missing("This conversation")
    return _seen(*found)


def note_read_by_staff(session: Session, staff_id: uuid.UUID, conversation_id: uuid.UUID, now: datetime) -> None:
    """He has read all there is, so nothing needs to ring."""
    _, conversation = staffs_conversation(session, staff_id, conversation_id)
    if conversation.staff_unread:
        conversation.staff_unread = False
        conversation.version += 1
        hush_staff(session, Notice.MESSAGE, staff_id, conversation.id, now)


def _await_first_message(session: Session, conversation: Conversation, now: datetime) -> None:
    policy, key = policy_in_force(session), str(conversation.id)
    enqueue(session, Kind.LAPSE, {"conversation": key}, run_at=now + policy.first_message_within, key=key)
    stay_awake(session, conversation, policy, now)
    tell_staff(session, Notice.MESSAGE, conversation.staff_id, conversation.id, now)


def _check_devices(session: Session, staff_id: uuid.UUID, devices: Sequence[uuid.UUID]) -> None:
    his = set(session.scalars(select(Device.id).where(Device.staff_id == staff_id)))
    if not set(devices) <= his:
        raise Invalid({"sealed": "One of these devices is not of whoever accepted. Please read the bulletin again."})


_SEEN = select(
    Conversation, SupportRequest.urgency, SupportRequest.topics, SupportRequest.languages, SupportRequest.ways
).join(SupportRequest, SupportRequest.id == Conversation.request_id)


def _seen(conversation: Conversation, urgency: str, topics: list[str], languages: list[str], ways: list[str]) -> Seen:
    return Seen(
        id=conversation.id,
        state=conversation.state,
        ending=conversation.ending,
        unread=conversation.staff_unread,
        urgency=urgency,
        topics=topics,
        languages=languages,
        ways=ways,
        opening=conversation.opening,
        version=conversation.version,
    )
