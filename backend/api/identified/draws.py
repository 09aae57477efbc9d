"""Drawing passes (RFC 9578, section 6)."""

from flask import Response

from backend.actions.identified import draws
from backend.api.frame import Blueprint, allow, config
from backend.api.identified.callers import caller, officer
from backend.clock import now
from backend.db import Side, transaction
from backend.door.wire import REQUEST_BYTES, REQUEST_TYPE, RESPONSE_BYTES, RESPONSE_TYPE

blueprint = Blueprint("draws", __name__, url_prefix="/v1/draws", description="Passes, drawn with an account")

SIGNATURE = {"type": "string", "format": "binary", "minLength": RESPONSE_BYTES, "maxLength": RESPONSE_BYTES}


@blueprint.post("/<key_id>")
@allow(officer)
@blueprint.problems(403, 409, 410)
@blueprint.takes(REQUEST_TYPE, REQUEST_BYTES)
@blueprint.response(200, SIGNATURE, content_type=RESPONSE_TYPE)
def draw(token_request: bytes, key_id: str) -> Response:
    """Draw one pass: send a TokenRequest, get a TokenResponse. The same bytes again get the same answer."""
    with transaction(Side.IDENTIFIED) as session:
        signed = draws.draw(
            session, caller().account_id, key_id, token_request, sealing_key=config().sealing_key, now=now()
        )
    return Response(signed, mimetype=RESPONSE_TYPE)
