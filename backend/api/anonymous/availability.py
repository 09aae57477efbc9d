"""How somebody on staff says whether he can be asked: open offers to him move on if he can't."""

from typing import Any

import marshmallow as ma

from backend.actions.agency.availability import SeenAvailability
from backend.actions.anonymous import availability
from backend.api.agency.availability import CLOCK, STATES, AvailabilitySchema
from backend.api.agency.callers import caller, staff
from backend.api.fields import Moment, Text, Whole
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction

blueprint = Blueprint(
    "changed_availability", __name__, url_prefix="/v1/staff/availability", description="Who can be asked"
)


class ChangedAvailabilitySchema(ma.Schema):
    """`reachable` (phone at hand), `on post` (no phone inside) or `away`, and `until` when, if it ends by itself.

    Quiet hours, rest and `cap` (how many conversations at once) stay as they are where they are left out.
    """

    state = Text(required=True, validate=ma.validate.OneOf(STATES))
    until = Moment(allow_none=True)
    quiet_from = ma.fields.Time(allow_none=True, format=CLOCK)
    quiet_to = ma.fields.Time(allow_none=True, format=CLOCK)
    rests_until = Moment(allow_none=True)
    cap = Whole(most=20)


@blueprint.put("")
@allow(staff)
@blueprint.arguments(ChangedAvailabilitySchema())
@blueprint.response(200, AvailabilitySchema())
def change(wishes: dict[str, Any]) -> SeenAvailability:
    """Say whether one can be asked. Whoever can't keeps nobody waiting: his open offers go to the next."""
    with transaction(Side.ANONYMOUS) as session:
        return availability.change(session, caller().staff_id, wishes, now())
