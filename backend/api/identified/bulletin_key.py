"""The key that opens the bulletin, for whoever is enrolled."""

from typing import Any

from backend.actions.agency.bulletin_keys import current_bulletin_key
from backend.api.agency.bulletin_key import CurrentKeySchema
from backend.api.frame import Blueprint, allow, config
from backend.api.identified.callers import officer
from backend.clock import now
from backend.db import Side, transaction

blueprint = Blueprint(
    "bulletin_key", __name__, url_prefix="/v1/bulletin-key", description="The key that opens the bulletin"
)


@blueprint.get("")
@allow(officer)
@blueprint.response(200, CurrentKeySchema())
def show() -> dict[str, Any]:
    """Get the present bulletin key: the same for everybody. The next one is announced inside the bulletin."""
    with transaction(Side.IDENTIFIED) as session:
        return {"bulletin_key": current_bulletin_key(session, config().sealing_key, now())}
