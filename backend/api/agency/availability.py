"""How somebody on staff sees whether he can be asked. Saying so moves offers too, and stands on the other side."""

import marshmallow as ma

from backend.actions.agency import availability
from backend.actions.agency.availability import SeenAvailability
from backend.api.agency.callers import caller, staff
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction

STATES = ("reachable", "on post", "away")
CLOCK = "%H:%M"
blueprint = Blueprint("availability", __name__, url_prefix="/v1/staff/availability", description="Who can be asked")


class AvailabilitySchema(ma.Schema):
    """How it stands now. Quiet hours, in the agency's time zone, may pass midnight: no offer is made in them."""

    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    until = ma.fields.AwareDateTime(required=True, allow_none=True)
    quiet_from = ma.fields.Time(required=True, allow_none=True, format=CLOCK)
    quiet_to = ma.fields.Time(required=True, allow_none=True, format=CLOCK)
    rests_until = ma.fields.AwareDateTime(required=True, allow_none=True)
    cap = ma.fields.Integer(required=True)


@blueprint.get("")
@allow(staff)
@blueprint.response(200, AvailabilitySchema())
def find() -> SeenAvailability:
    """See whether one can be asked."""
    with transaction(Side.ANONYMOUS) as session:
        return availability.find(session, caller().staff_id, now())
