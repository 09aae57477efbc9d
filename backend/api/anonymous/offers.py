"""What a peer is asked, and what he answers."""

import uuid

import marshmallow as ma

from backend.actions.anonymous import offers
from backend.actions.anonymous.offers import SeenOffer
from backend.api.agency.callers import caller, staff
from backend.api.anonymous.conversations import TakenSchema
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction
from backend.models.anonymous.conversations import Conversation

blueprint = Blueprint("offers", __name__, url_prefix="/v1/staff/offers", description="Peers are asked")


class OfferSchema(ma.Schema):
    """All that is shown of a request before it is accepted."""

    id = ma.fields.UUID(required=True)
    urgency = ma.fields.String(required=True)
    topics = ma.fields.List(ma.fields.String(), required=True)
    languages = ma.fields.List(ma.fields.String(), required=True)


class OffersSchema(ma.Schema):
    """The offers that wait for an answer, the first to end first."""

    offers = ma.fields.List(ma.fields.Nested(OfferSchema()), required=True)


@blueprint.get("")
@allow(staff)
@blueprint.response(200, OffersSchema())
def my_offers() -> dict[str, list[SeenOffer]]:
    """See what one is asked. It marks nothing as seen."""
    with transaction(Side.ANONYMOUS) as session:
        return {"offers": offers.my_offers(session, caller().staff_id)}


@blueprint.post("/<uuid:offer_id>/opened")
@allow(staff)
@blueprint.response(204)
def note_opened(offer_id: uuid.UUID) -> None:
    """Say that one is looking at it, so that it doesn't ring again."""
    with transaction(Side.ANONYMOUS) as session:
        offers.note_opened(session, caller().staff_id, offer_id)


@blueprint.post("/<uuid:offer_id>/accept")
@allow(staff)
@blueprint.problems(409)
@blueprint.response(200, TakenSchema())
def accept(offer_id: uuid.UUID) -> Conversation:
    """Take the request. The first to accept has it; the others' phones go quiet."""
    with transaction(Side.ANONYMOUS) as session:
        return offers.accept(session, caller().staff_id, offer_id, now())


@blueprint.post("/<uuid:offer_id>/decline")
@allow(staff)
@blueprint.problems(409)
@blueprint.response(204)
def decline(offer_id: uuid.UUID) -> None:
    """Not this one; nobody is told who declined."""
    with transaction(Side.ANONYMOUS) as session:
        offers.decline(session, caller().staff_id, offer_id, now())
