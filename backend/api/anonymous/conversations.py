"""The staff's side of a conversation."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import marshmallow as ma
from marshmallow.validate import OneOf

from backend.actions.anonymous import conversations, endings
from backend.actions.anonymous.conversations import Seen
from backend.actions.anonymous.hand_overs import hand_over as hand_it_over
from backend.api.agency.callers import caller, staff
from backend.api.fields import Whole, WholeInQuery
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction

blueprint = Blueprint(
    "conversations", __name__, url_prefix="/v1/staff/conversations", description="Staff talk with askers"
)


class TakenSchema(ma.Schema):
    """The conversation that follows from taking a request: `waiting` until the asker's phone has written."""

    id = ma.fields.UUID(required=True)
    state = ma.fields.String(required=True)


class ListedConversationSchema(TakenSchema):
    """A conversation and what was asked for."""

    ending = ma.fields.String(required=True, allow_none=True)
    unread = ma.fields.Boolean(required=True)
    urgency = ma.fields.String(required=True)
    topics = ma.fields.List(ma.fields.String(), required=True)
    languages = ma.fields.List(ma.fields.String(), required=True)
    ways = ma.fields.List(ma.fields.String(), required=True)
    version = ma.fields.Integer(required=True)


class SealedForDeviceSchema(ma.Schema):
    """The opening as one of one's devices can read it."""

    device_id = ma.fields.String(required=True)
    sealed = ma.fields.String(required=True)


class ConversationSchema(ListedConversationSchema):
    """A conversation; its `opening` has an entry for each device that the asker's phone knew."""

    opening = ma.fields.List(ma.fields.Nested(SealedForDeviceSchema()), required=True, allow_none=True)


class ConversationsSchema(ma.Schema):
    """One page of conversations."""

    conversations = ma.fields.List(ma.fields.Nested(ListedConversationSchema()), required=True)


class ByIdSchema(ma.Schema):
    """Which page: `limit` of those after the id `after`."""

    after = ma.fields.UUID(load_default=None)
    limit = WholeInQuery(least=1, most=100, load_default=100)


@blueprint.get("")
@allow(staff)
@blueprint.arguments(ByIdSchema(), location="query")
@blueprint.response(200, ConversationsSchema())
def my_conversations(page: dict[str, Any]) -> dict[str, list[Seen]]:
    """See one's conversations, by id."""
    with transaction(Side.ANONYMOUS) as session:
        return {"conversations": conversations.my_conversations(session, caller().staff_id, **page)}


@blueprint.get("/<uuid:conversation_id>")
@allow(staff)
@blueprint.response(200, ConversationSchema())
def my_conversation(conversation_id: uuid.UUID) -> Seen:
    """See one conversation, with the opening sealed to one's devices."""
    with transaction(Side.ANONYMOUS) as session:
        return conversations.my_conversation(session, caller().staff_id, conversation_id)


@blueprint.put("/<uuid:conversation_id>/read")
@allow(staff)
@blueprint.response(204)
def note_read(conversation_id: uuid.UUID) -> None:
    """Say that one has read all there is."""
    with transaction(Side.ANONYMOUS) as session:
        conversations.note_read_by_staff(session, caller().staff_id, conversation_id, now())


class CloseSchema(ma.Schema):
    """How it ended, and for how many hours one would rather not be asked again."""

    ending = ma.fields.String(required=True, validate=OneOf(["done", "continued elsewhere", "no answer"]))
    rest_hours = Whole(least=1, most=336, load_default=None, allow_none=True)


@blueprint.post("/<uuid:conversation_id>/close")
@allow(staff)
@blueprint.problems(409)
@blueprint.arguments(CloseSchema())
@blueprint.response(204)
def close(wish: dict[str, Any], conversation_id: uuid.UUID) -> None:
    """Close the conversation. Whoever hasn't written yet hands it over instead: nobody is left without a word."""
    rest = timedelta(hours=wish["rest_hours"]) if wish["rest_hours"] else None
    with transaction(Side.ANONYMOUS) as session:
        endings.close_by_staff(session, caller().staff_id, conversation_id, ending=wish["ending"], rest=rest, now=now())


class HandOverSchema(ma.Schema):
    """To the `next` of the order, to a `clinician`, or to somebody by his id."""

    to = ma.fields.String(validate=OneOf(["next", "clinician"]))
    staff_id = ma.fields.UUID()

    @ma.validates_schema
    def _one_of_both(self, wish: Mapping[str, Any], **kwargs: Any) -> None:
        if len(wish) != 1:
            raise ma.ValidationError("Say either to or staff_id.", "to")


@blueprint.post("/<uuid:conversation_id>/hand-over")
@allow(staff)
@blueprint.problems(409)
@blueprint.arguments(HandOverSchema())
@blueprint.response(204)
def hand_over(wish: dict[str, Any], conversation_id: uuid.UUID) -> None:
    """Hand it over. The asker is told, and begins anew with whoever takes it."""
    to = wish.get("to") or wish["staff_id"]
    with transaction(Side.ANONYMOUS) as session:
        hand_it_over(session, caller().staff_id, conversation_id, to, now())
