"""Requests that nobody has taken: clinicians and coordinators are told, and act."""

import uuid
from typing import Any

import marshmallow as ma

from backend.actions.anonymous import last_resorts
from backend.actions.anonymous.last_resorts import Told
from backend.api.agency.callers import StaffWay, caller, clinician, coordinator
from backend.api.anonymous.conversations import ByIdSchema, TakenSchema
from backend.api.anonymous.offers import OfferSchema
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction
from backend.models.agency.staff import Role
from backend.models.anonymous.conversations import Conversation

blueprint = Blueprint(
    "last resorts", __name__, url_prefix="/v1/staff/support-requests", description="At the end of the order"
)

clinician_or_coordinator = StaffWay(Role.CLINICIAN, Role.COORDINATOR)


class ChoiceSchema(ma.Schema):
    """Somebody whom a coordinator may offer the request to."""

    id = ma.fields.UUID(required=True)
    first_name = ma.fields.String(required=True)
    last_name = ma.fields.String(required=True)


class ToldSchema(OfferSchema):
    """A request that waits. `may_take`: as clinician; `choices`: as coordinator."""

    may_take = ma.fields.Boolean(required=True)
    choices = ma.fields.List(ma.fields.Nested(ChoiceSchema()), required=True)


class ToldListSchema(ma.Schema):
    """One page of the requests that wait."""

    support_requests = ma.fields.List(ma.fields.Nested(ToldSchema()), required=True)


@blueprint.get("")
@allow(clinician_or_coordinator)
@blueprint.arguments(ByIdSchema(), location="query")
@blueprint.response(200, ToldListSchema())
def told_requests(page: dict[str, Any]) -> dict[str, list[Told]]:
    """See the requests that one was told of and that nobody has taken, by id."""
    with transaction(Side.ANONYMOUS) as session:
        found = last_resorts.told_requests(session, caller().staff_id, caller().roles, **page, now=now())
        return {"support_requests": found}


@blueprint.post("/<uuid:request_id>/take")
@allow(clinician)
@blueprint.problems(409)
@blueprint.response(200, TakenSchema())
def take(request_id: uuid.UUID) -> Conversation:
    """Take it, as the clinician."""
    with transaction(Side.ANONYMOUS) as session:
        return last_resorts.take(session, caller().staff_id, request_id, now())


class ChosenSchema(ma.Schema):
    """Whom to offer it to."""

    staff_id = ma.fields.UUID(required=True)


@blueprint.post("/<uuid:request_id>/offers")
@allow(coordinator)
@blueprint.problems(409)
@blueprint.arguments(ChosenSchema())
@blueprint.response(204)
def offer_to(chosen: dict[str, uuid.UUID], request_id: uuid.UUID) -> None:
    """Offer it to somebody of the order whom one has chosen."""
    with transaction(Side.ANONYMOUS) as session:
        last_resorts.offer_to(session, request_id, chosen["staff_id"], now())
