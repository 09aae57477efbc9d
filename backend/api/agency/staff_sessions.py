"""Staff sign in, stay signed in, and sign out."""

from typing import Any

from backend.actions.agency import staff_sessions
from backend.actions.agency.tokens import Tokens
from backend.api.agency.callers import caller, staff
from backend.api.agency.tokens import CredentialsSchema, RefreshSchema, TokensSchema
from backend.api.frame import Blueprint, allow, anyone, config
from backend.clock import now
from backend.db import Side, transaction
from backend.errors import SessionEnded, Unrecognised
from backend.passphrases import prove

blueprint = Blueprint("staff_sessions", __name__, url_prefix="/v1/staff/sessions", description="Staff's sign-ins")


@blueprint.post("")
@allow(anyone)
@blueprint.problems(400, 401, 429)
@blueprint.arguments(CredentialsSchema())
@blueprint.response(201, TokensSchema())
def sign_in(credentials: dict[str, Any]) -> Tokens:
    """Sign in. A name that nobody has gets the same answer as a wrong passphrase."""
    with transaction(Side.ANONYMOUS) as session:
        claim = staff_sessions.claim(session, config().sealing_key, credentials["name"], now())
    proof = prove(credentials["passphrase"], claim.passphrase_hash)
    with transaction(Side.ANONYMOUS) as session:
        tokens = staff_sessions.sign_in(session, claim, proof, now())
    if tokens is None:
        raise Unrecognised
    return tokens


@blueprint.post("/refresh")
@allow(anyone)
@blueprint.problems(400, 401)
@blueprint.arguments(RefreshSchema())
@blueprint.response(200, TokensSchema())
def refresh(spent: dict[str, Any]) -> Tokens:
    """Get the next tokens. Showing an old refresh token again ends this sign-in everywhere."""
    with transaction(Side.ANONYMOUS) as session:
        tokens = staff_sessions.refresh(session, spent["refresh_token"], now())
    if tokens is None:
        raise SessionEnded
    return tokens


@blueprint.delete("")
@allow(staff)
@blueprint.response(204)
def sign_out() -> None:
    """Sign out: this sign-in ends, and the phones that rang for it stay silent."""
    with transaction(Side.ANONYMOUS) as session:
        staff_sessions.sign_out(session, caller().session_id)
