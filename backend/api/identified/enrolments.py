"""Enrolling: how an officer comes to have an account."""

from typing import Any

import marshmallow as ma

from backend.actions.identified import enrolments
from backend.actions.identified.enrolments import Enrolled
from backend.api.agency.bulletin_key import BulletinKeySchema
from backend.api.agency.tokens import TokensSchema
from backend.api.fields import Passphrase, Text
from backend.api.frame import Blueprint, allow, anyone, config
from backend.clock import now
from backend.db import Side, transaction
from backend.passphrases import hash_passphrase

blueprint = Blueprint("enrolments", __name__, url_prefix="/v1/enrolments", description="How officers come to be here")


class EnrolSchema(ma.Schema):
    """The code on the voucher, the slug of one's facility, and a passphrase. Nothing else is asked."""

    voucher = Text(required=True, longest=80)
    facility = Text(required=True, longest=80)
    passphrase = Passphrase(required=True)


class EnrolledSchema(TokensSchema):
    """`name` and `recovery_code` are shown this once, to be written down; the server made both."""

    name = ma.fields.String(required=True)
    recovery_code = ma.fields.String(required=True)
    bulletin_key = ma.fields.Nested(BulletinKeySchema, required=True, allow_none=True)


@blueprint.post("")
@allow(anyone)
@blueprint.arguments(EnrolSchema())
@blueprint.response(201, EnrolledSchema())
def enrol(wish: dict[str, Any]) -> Enrolled:
    """Enrol with a voucher, which is used up. No e-mail, phone or badge number is taken."""
    with transaction(Side.IDENTIFIED) as session:
        enrolments.check(session, wish["voucher"], wish["facility"], now())
    passphrase_hash = hash_passphrase(wish["passphrase"])
    with transaction(Side.IDENTIFIED) as session:
        return enrolments.enrol(
            session, wish["voucher"], wish["facility"], passphrase_hash, now(), sealing_key=config().sealing_key
        )
