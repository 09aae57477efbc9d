"""The asker's side of a conversation: the opening, messages, the close, and what he says of it."""

import uuid
from typing import Any

import marshmallow as ma
from marshmallow.validate import Length, OneOf

from backend.actions.anonymous import conversations, endings, feedback, messages
from backend.actions.anonymous.messages import Letter
from backend.api.anonymous.callers import asker, caller
from backend.api.anonymous.messages import LetterSchema, MessageSchema, MessagesSchema, PageSchema
from backend.api.anonymous.support_requests import AskersConversationSchema
from backend.api.fields import Base64
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction
from backend.models.anonymous.conversations import Conversation, Message

blueprint = Blueprint(
    "asker's conversations",
    __name__,
    url_prefix="/v1/anon/support-requests/<uuid:request_id>",
    description="The asker's side of a conversation",
)


class SealedSchema(ma.Schema):
    """The opening as one device of the peer can read it (HPKE, RFC 9180)."""

    device_id = ma.fields.UUID(required=True)
    sealed = Base64(required=True, least=49, most=16896)


class OpeningSchema(ma.Schema):
    """The opening, once for each device of whoever accepted."""

    conversation_id = ma.fields.UUID(required=True)
    sealed = ma.fields.List(ma.fields.Nested(SealedSchema()), required=True, validate=Length(1, 20))

    @ma.validates("sealed")
    def _each_device_once(self, sealed: list[dict[str, Any]], **kwargs: Any) -> None:
        devices = [one["device_id"] for one in sealed if "device_id" in one]
        if len(set(devices)) < len(devices):
            raise ma.ValidationError("Each device has one entry.")


@blueprint.post("/opening")
@allow(asker)
@blueprint.problems(409)
@blueprint.arguments(OpeningSchema())
@blueprint.response(201, AskersConversationSchema())
def write_opening(opening: dict[str, Any], request_id: uuid.UUID) -> Conversation:
    """Write the opening. The same again is answered the same; another is refused."""
    sealed = {one["device_id"]: one["sealed"] for one in opening["sealed"]}
    with transaction(Side.ANONYMOUS) as session:
        return conversations.write_opening(
            session, caller(), request_id, opening["conversation_id"], sealed=sealed, now=now()
        )


class AskersPageSchema(PageSchema):
    """Which messages: of the latest conversation, unless one is named."""

    conversation_id = ma.fields.UUID(load_default=None)


@blueprint.get("/messages")
@allow(asker)
@blueprint.arguments(AskersPageSchema(), location="query")
@blueprint.response(200, MessagesSchema())
def read(page: dict[str, Any], request_id: uuid.UUID) -> dict[str, Any]:
    """Read the messages after a place, in order."""
    with transaction(Side.ANONYMOUS) as session:
        return {"messages": messages.read_as_asker(session, caller(), request_id, **page)}


class AskersLetterSchema(LetterSchema):
    """A message to whoever has the conversation."""

    conversation_id = ma.fields.UUID(required=True)


@blueprint.post("/messages")
@allow(asker)
@blueprint.problems(409)
@blueprint.arguments(AskersLetterSchema())
@blueprint.response(201, MessageSchema())
def write(letter: dict[str, Any], request_id: uuid.UUID) -> Message:
    """Write a message. The same again is answered the same; other bytes under the same count are refused."""
    sent = Letter(letter["counter"], letter["sealed"])
    with transaction(Side.ANONYMOUS) as session:
        return messages.write_as_asker(session, caller(), request_id, letter["conversation_id"], sent, now=now())


@blueprint.put("/read")
@allow(asker)
@blueprint.response(204)
def note_read(request_id: uuid.UUID) -> None:
    """Say that one has read all there is, so that the news need not name the request."""
    with transaction(Side.ANONYMOUS) as session:
        messages.note_read_by_asker(session, caller(), request_id, now())


class AskersCloseSchema(ma.Schema):
    """How it ended."""

    conversation_id = ma.fields.UUID(load_default=None)
    ending = ma.fields.String(required=True, validate=OneOf(["done", "continued elsewhere", "no answer"]))


@blueprint.post("/close")
@allow(asker)
@blueprint.arguments(AskersCloseSchema())
@blueprint.response(204)
def close(wish: dict[str, Any], request_id: uuid.UUID) -> None:
    """Close the conversation, and with it the request. Once closed, it changes nothing."""
    with transaction(Side.ANONYMOUS) as session:
        endings.close_by_asker(session, caller(), request_id, wish["conversation_id"], ending=wish["ending"], now=now())


class FeedbackSchema(ma.Schema):
    """What the asker says of the help. It is kept without the request, the peer or the day."""

    helped = ma.fields.String(required=True, validate=OneOf(["yes", "somewhat", "no"]))
    would_ask_again = ma.fields.String(required=True, validate=OneOf(["yes", "perhaps", "no"]))


@blueprint.put("/feedback")
@allow(asker)
@blueprint.problems(409)
@blueprint.arguments(FeedbackSchema())
@blueprint.response(204)
def give_feedback(said: dict[str, str], request_id: uuid.UUID) -> None:
    """Say once how it was."""
    with transaction(Side.ANONYMOUS) as session:
        feedback.give_feedback(session, caller(), request_id, **said, now=now())
