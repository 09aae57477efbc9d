"""The key that opens the bulletin, for staff; what it looks like is the same for officers."""

from typing import Any

import marshmallow as ma

from backend.actions.agency.bulletin_keys import current_bulletin_key
from backend.api.agency.callers import staff
from backend.api.fields import Base64
from backend.api.frame import Blueprint, allow, config
from backend.clock import now
from backend.db import Side, transaction

blueprint = Blueprint(
    "staff_bulletin_key",
    __name__,
    url_prefix="/v1/staff/bulletin-key",
    description="The key that opens the bulletin, for staff",
)


class BulletinKeySchema(ma.Schema):
    """AES-256, 32 bytes; `number` says which bulletins it opens."""

    number = ma.fields.Integer(required=True)
    key = Base64(required=True, least=32, most=32)


class CurrentKeySchema(ma.Schema):
    """The key of today's bulletin; null before the first."""

    bulletin_key = ma.fields.Nested(BulletinKeySchema, required=True, allow_none=True)


@blueprint.get("")
@allow(staff)
@blueprint.response(200, CurrentKeySchema())
def show() -> dict[str, Any]:
    """Get the present bulletin key: the same for everybody. The next one is announced inside the bulletin."""
    with transaction(Side.ANONYMOUS) as session:
        return {"bulletin_key": current_bulletin_key(session, config().sealing_key, now())}
