"""Asking for a peer, seeing how it goes, taking it back."""

import uuid
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask import Response
from marshmallow.validate import Length, OneOf
from werkzeug.http import quote_etag

from backend.actions.anonymous import support_requests, wakes
from backend.actions.anonymous.support_requests import Progress, Wanted
from backend.actions.anonymous.wakes import Address
from backend.actions.anonymous.weighing import Facts
from backend.api.anonymous.callers import asker, caller
from backend.api.anonymous.passes import pass_for, shown_pass
from backend.api.fields import Base64, Text
from backend.api.frame import Blueprint, allow, unchanged
from backend.clock import now
from backend.db import Side, transaction
from backend.door.periods import Purpose
from backend.rules.order import Where
from backend.rules.policy import Urgency

blueprint = Blueprint(
    "support requests", __name__, url_prefix="/v1/anon/support-requests", description="An officer asks for a peer"
)

_WAYS = ("chat", "call", "meet")


class WishesSchema(ma.Schema):
    """What the asker would rather have: they bend where nobody fits them."""

    facility = ma.fields.Enum(Where, by_value=True, load_default=Where.ANY)
    prefer = ma.fields.List(ma.fields.UUID(), validate=Length(max=10), load_default=list)


class WakeSchema(ma.Schema):
    """An address made for this request alone, which is woken by an ordinary alert when somebody answers."""

    platform = ma.fields.String(required=True, validate=OneOf(["android", "ios"]))
    address_kind = ma.fields.String(required=True, validate=OneOf(["fid", "token"]))
    address = Text(required=True, longest=4096)

    @ma.post_load
    def _address(self, data: Mapping[str, str], **kwargs: Any) -> Address:
        return Address(data["platform"], data["address_kind"], data["address"])


class AskSchema(ma.Schema):
    """What an officer asks for. Unit, facility, wishes and whom to keep away from are weighed, and never kept."""

    urgency = ma.fields.Enum(Urgency, by_value=True, required=True)
    topics = ma.fields.List(Text(longest=80), validate=Length(max=20), load_default=list)
    languages = ma.fields.List(Text(longest=35), required=True, validate=Length(1, 20))
    ways = ma.fields.List(ma.fields.String(validate=OneOf(_WAYS)), required=True, validate=Length(1, 3))
    wishes = ma.fields.Nested(WishesSchema(), load_default=lambda: {"facility": Where.ANY, "prefer": []})
    unit = Text(longest=80, load_default=None)
    facility = Text(longest=80, load_default=None)
    keep_away = ma.fields.List(ma.fields.UUID(), validate=Length(max=50), load_default=list)
    incident = ma.fields.UUID(load_default=None, allow_none=True)
    notice_version = Text(required=True, longest=80)
    secret_hash = Base64(required=True, least=32, most=32)
    wake = ma.fields.Nested(WakeSchema(), load_default=None, allow_none=True)

    @ma.post_load
    def _wanted(self, data: Mapping[str, Any], **kwargs: Any) -> Wanted:
        facts = Facts(
            languages=data["languages"],
            topics=data["topics"],
            incident=data["incident"],
            unit=data["unit"],
            facility=data["facility"],
            where=data["wishes"]["facility"],
            prefer=data["wishes"]["prefer"],
            keep_away=data["keep_away"],
        )
        kept = {name: data[name] for name in ("urgency", "ways", "notice_version", "secret_hash", "wake")}
        return Wanted(facts=facts, **kept)


class AskedSchema(ma.Schema):
    """The request's id: with the secret it is the way back in."""

    id = ma.fields.UUID(required=True)


@blueprint.post("")
@allow(pass_for(Purpose.SUPPORT))
@blueprint.problems(409)
@blueprint.arguments(AskSchema())
@blueprint.response(201, AskedSchema())
def ask(wanted: Wanted) -> dict[str, uuid.UUID]:
    """Ask for a peer. The same pass with the same secret's hash asks nothing twice, and is answered the same."""
    with transaction(Side.ANONYMOUS) as session:
        return {"id": support_requests.ask(session, shown_pass(), wanted, now())}


class AskersConversationSchema(ma.Schema):
    """With whom, and how it stands: `waiting` for the opening, `open`, or `closed` with an `ending`."""

    id = ma.fields.UUID(required=True)
    staff_id = ma.fields.UUID(required=True)
    state = ma.fields.String(required=True)
    ending = ma.fields.String(required=True, allow_none=True)


class ProgressSchema(ma.Schema):
    """How a request stands. So many peers were `asked`, so many still think about it (`waiting_for`).

    `told`: nobody could be found in time, and the clinician and the coordinator know. `conversation` is the latest.
    """

    id = ma.fields.UUID(required=True)
    urgency = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    topics = ma.fields.List(ma.fields.String(), required=True)
    languages = ma.fields.List(ma.fields.String(), required=True)
    ways = ma.fields.List(ma.fields.String(), required=True)
    asked = ma.fields.Integer(required=True)
    waiting_for = ma.fields.Integer(required=True)
    told = ma.fields.Boolean(required=True)
    unread = ma.fields.Boolean(required=True)
    wake = ma.fields.Boolean(required=True)
    feedback_given = ma.fields.Boolean(required=True)
    conversation = ma.fields.Nested(AskersConversationSchema(), required=True, allow_none=True)
    version = ma.fields.Integer(required=True)


@blueprint.get("")
@allow(asker)
@blueprint.alt_response(304, description="Not modified")
@blueprint.response(200, ProgressSchema())
def find() -> Any:
    """Find one's request by its secret alone: the way back in for a new phone."""
    with transaction(Side.ANONYMOUS) as session:
        return _versioned(support_requests.find(session, caller()))


@blueprint.get("/<uuid:request_id>")
@allow(asker)
@blueprint.alt_response(304, description="Not modified")
@blueprint.response(200, ProgressSchema())
def see(request_id: uuid.UUID) -> Any:
    """See how it stands. With `If-None-Match`, 304 until something has changed."""
    with transaction(Side.ANONYMOUS) as session:
        return _versioned(support_requests.see(session, caller(), request_id))


@blueprint.delete("/<uuid:request_id>")
@allow(asker)
@blueprint.response(204)
def withdraw(request_id: uuid.UUID) -> None:
    """Take it back. Phones that were rung go quiet; once ended, it changes nothing."""
    with transaction(Side.ANONYMOUS) as session:
        support_requests.withdraw(session, caller(), request_id, now())


@blueprint.put("/<uuid:request_id>/wake")
@allow(asker)
@blueprint.problems(409)
@blueprint.arguments(WakeSchema())
@blueprint.response(204)
def wake_me(address: Address, request_id: uuid.UUID) -> None:
    """Be woken directly from now on, at this address. It tells Firebase and the administrator which phone waits."""
    with transaction(Side.ANONYMOUS) as session:
        wakes.wake_me(session, caller(), request_id, address)


@blueprint.delete("/<uuid:request_id>/wake")
@allow(asker)
@blueprint.response(204)
def let_me_sleep(request_id: uuid.UUID) -> None:
    """Be woken no more; the address is gone at once."""
    with transaction(Side.ANONYMOUS) as session:
        wakes.let_me_sleep(session, caller(), request_id)


def _versioned(progress: Progress) -> Response | tuple[Progress, int, dict[str, str]]:
    etag = str(progress.version)
    return unchanged(etag) or (progress, 200, {"ETag": quote_etag(etag)})
