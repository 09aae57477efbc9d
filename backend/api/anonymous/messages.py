"""Messages between an asker and a member of staff; here those of staff."""

import uuid
from typing import Any

import marshmallow as ma
from marshmallow.validate import OneOf

from backend.actions.anonymous import messages
from backend.actions.anonymous.messages import Letter
from backend.api.agency.callers import caller, staff
from backend.api.fields import Base64, Whole, WholeInQuery
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction
from backend.models.anonymous.conversations import Message

blueprint = Blueprint(
    "messages",
    __name__,
    url_prefix="/v1/staff/conversations/<uuid:conversation_id>/messages",
    description="What the two write, sealed",
)

SALT_AND_TAG = 32
_LARGEST = 16896


class LetterSchema(ma.Schema):
    """One message: the sender's own count, from 1, and salt ‖ ciphertext ‖ tag (AES-256-GCM)."""

    counter = Whole(required=True, least=1)
    sealed = Base64(required=True, least=SALT_AND_TAG, most=_LARGEST)


class MessageSchema(ma.Schema):
    """A message as the server keeps it. `place` is the order in which it came; its time is inside."""

    place = ma.fields.Integer(required=True)
    sender = ma.fields.String(required=True, validate=OneOf(["asker", "staff"]))
    counter = ma.fields.Integer(required=True)
    sealed = Base64(required=True)


class MessagesSchema(ma.Schema):
    """Messages in order."""

    messages = ma.fields.List(ma.fields.Nested(MessageSchema()), required=True)


class PageSchema(ma.Schema):
    """Which messages: `limit` of those after the place `after`."""

    after = WholeInQuery(load_default=0)
    limit = WholeInQuery(least=1, most=100, load_default=100)


@blueprint.get("")
@allow(staff)
@blueprint.arguments(PageSchema(), location="query")
@blueprint.response(200, MessagesSchema())
def read(page: dict[str, Any], conversation_id: uuid.UUID) -> dict[str, list[Message]]:
    """Read the messages after a place, in order."""
    with transaction(Side.ANONYMOUS) as session:
        return {"messages": messages.read_as_staff(session, caller().staff_id, conversation_id, **page)}


@blueprint.post("")
@allow(staff)
@blueprint.problems(409)
@blueprint.arguments(LetterSchema())
@blueprint.response(201, MessageSchema())
def write(letter: dict[str, Any], conversation_id: uuid.UUID) -> Message:
    """Write a message. The same again is answered the same; other bytes under the same count are refused."""
    with transaction(Side.ANONYMOUS) as session:
        return messages.write_as_staff(session, caller().staff_id, conversation_id, Letter(**letter), now())
