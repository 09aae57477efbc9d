"""How staff come to have accounts: the coordinator invites, the invited set a passphrase."""

from typing import Any

import marshmallow as ma

from backend.actions.agency import invitations
from backend.actions.agency.invitations import Welcome
from backend.api.agency.callers import coordinator
from backend.api.agency.tokens import TokensSchema
from backend.api.fields import Passphrase, Text
from backend.api.frame import Blueprint, allow, anyone, config
from backend.clock import now
from backend.db import Side, transaction
from backend.passphrases import hash_passphrase

blueprint = Blueprint("invitations", __name__, url_prefix="/v1/staff", description="How staff come to have accounts")


class InviteSchema(ma.Schema):
    """Whom to invite: the slug that names him in the agency's file."""

    staff = Text(required=True, longest=80)


class InvitationSchema(ma.Schema):
    """The code, shown this once: to be handed over in person. It is good once, and for seven days."""

    code = ma.fields.String(required=True)


class TakeUpSchema(ma.Schema):
    """The code that the coordinator handed over, and a passphrase."""

    code = Text(required=True, longest=80)
    passphrase = Passphrase(required=True)


class WelcomeSchema(TokensSchema):
    """`name` is what he signs in with from now on."""

    name = ma.fields.String(required=True)


@blueprint.post("/invitations")
@allow(coordinator)
@blueprint.arguments(InviteSchema())
@blueprint.response(201, InvitationSchema())
def invite(wish: dict[str, Any]) -> dict[str, str]:
    """Invite somebody on staff, or let somebody who lost his passphrase set another."""
    with transaction(Side.ANONYMOUS) as session:
        return {"code": invitations.invite(session, wish["staff"], now())}


@blueprint.post("/accounts")
@allow(anyone)
@blueprint.arguments(TakeUpSchema())
@blueprint.response(201, WelcomeSchema())
def take_up(wish: dict[str, Any]) -> Welcome:
    """Take up an invitation. Whoever has an account already sets a new passphrase, and his other sign-ins end."""
    with transaction(Side.ANONYMOUS) as session:
        invitations.check_invitation(session, wish["code"], now())
    passphrase_hash = hash_passphrase(wish["passphrase"])
    with transaction(Side.ANONYMOUS) as session:
        return invitations.take_up(session, config().sealing_key, wish["code"], passphrase_hash, now())
