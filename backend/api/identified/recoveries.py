"""Coming back with the recovery code, after a passphrase was lost."""

from typing import Any

import marshmallow as ma

from backend.actions.identified import recoveries
from backend.actions.identified.recoveries import Recovered
from backend.api.agency.tokens import TokensSchema
from backend.api.fields import Passphrase, Text
from backend.api.frame import Blueprint, allow, anyone, config
from backend.clock import now
from backend.db import Side, transaction
from backend.errors import Unrecognised
from backend.passphrases import hash_passphrase

blueprint = Blueprint("recoveries", __name__, url_prefix="/v1/recoveries", description="A lost passphrase")


class RecoverSchema(ma.Schema):
    """One's name, the code written down at enrolment, and a new passphrase."""

    name = Text(required=True, longest=80)
    recovery_code = Text(required=True, longest=80)
    passphrase = Passphrase(required=True)


class RecoveredSchema(TokensSchema):
    """`recovery_code` is the next one: the old one is used up."""

    recovery_code = ma.fields.String(required=True)


@blueprint.post("")
@allow(anyone)
@blueprint.problems(401, 429)
@blueprint.arguments(RecoverSchema())
@blueprint.response(201, RecoveredSchema())
def recover(wish: dict[str, Any]) -> Recovered:
    """Set a new passphrase. All other sign-ins end."""
    key = config().sealing_key
    with transaction(Side.IDENTIFIED) as session:
        recovery = recoveries.claim(session, key, wish["name"], wish["recovery_code"], now())
    if recovery.account_id is None:
        raise Unrecognised
    passphrase_hash = hash_passphrase(wish["passphrase"])
    with transaction(Side.IDENTIFIED) as session:
        recovered = recoveries.recover(session, key, recovery, passphrase_hash, now())
    if recovered is None:
        raise Unrecognised
    return recovered
