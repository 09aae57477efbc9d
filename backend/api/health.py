"""For the machines that watch over this one: is it up, and can it do its work?"""

import marshmallow as ma
from flask import current_app

from backend.api.frame import Blueprint, allow, anyone
from backend.db import transaction
from backend.errors import Unavailable
from backend.migrate import is_up_to_date

blueprint = Blueprint("health", __name__, url_prefix="/health", description="Is it up, and can it do its work?")


class HealthSchema(ma.Schema):
    status = ma.fields.String(required=True, metadata={"enum": ["live", "ready"]})


@blueprint.get("/live")
@allow(anyone)
@blueprint.response(200, HealthSchema())
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@blueprint.get("/ready")
@allow(anyone)
@blueprint.problems(503)
@blueprint.response(200, HealthSchema())
def ready() -> dict[str, str]:
    """The database of every side that is served answers, and is migrated."""
    for side in current_app.config["SIDES"]:
        with transaction(side) as session:
            if not is_up_to_date(session):
                raise Unavailable("The database is not migrated yet.")
    return {"status": "ready"}
