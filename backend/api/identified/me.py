"""An officer's own account."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from backend.actions.identified import accounts
from backend.actions.identified.accounts import Me, NewPassphrase
from backend.api.fields import Passphrase, Text
from backend.api.frame import Blueprint, allow, config
from backend.api.identified.callers import caller, officer
from backend.clock import now
from backend.db import Side, transaction
from backend.passphrases import hash_passphrase, prove

blueprint = Blueprint("me", __name__, url_prefix="/v1/me", description="An officer's own account")


class AccountSchema(ma.Schema):
    """All that the account says of its owner. From `lapses_on` on it is gone, unless it is renewed."""

    name = ma.fields.String(required=True)
    facility = ma.fields.String(required=True)
    lapses_on = ma.fields.Date(required=True)


class AccountChangeSchema(ma.Schema):
    """Another facility, or another passphrase (then with the present one), or both."""

    facility = Text(longest=80)
    passphrase = Passphrase()
    old_passphrase = Passphrase()

    @ma.validates_schema
    def _both(self, wish: Mapping[str, Any], **kwargs: Any) -> None:
        if ("passphrase" in wish) != ("old_passphrase" in wish):
            raise ma.ValidationError("A new passphrase needs the present one beside it.", "old_passphrase")


class RenewSchema(ma.Schema):
    """The code on another voucher."""

    voucher = Text(required=True, longest=80)


@blueprint.get("")
@allow(officer)
@blueprint.problems(404)
@blueprint.response(200, AccountSchema())
def show() -> Me:
    """See one's account."""
    with transaction(Side.IDENTIFIED) as session:
        return accounts.show(session, caller().account_id)


@blueprint.patch("")
@allow(officer)
@blueprint.problems(404, 429)
@blueprint.arguments(AccountChangeSchema())
@blueprint.response(200, AccountSchema())
def change(wish: dict[str, Any]) -> Me:
    """Change facility or passphrase. A new passphrase ends all other sign-ins."""
    new = _new_passphrase(wish) if "passphrase" in wish else None
    with transaction(Side.IDENTIFIED) as session:
        if new:
            accounts.change_passphrase(session, caller(), new)
        if "facility" in wish:
            accounts.move(session, caller().account_id, wish["facility"])
        return accounts.show(session, caller().account_id)


def _new_passphrase(wish: Mapping[str, Any]) -> NewPassphrase:
    with transaction(Side.IDENTIFIED) as session:
        claim = accounts.claim_own(session, config().sealing_key, caller().account_id, now())
    if not prove(wish["old_passphrase"], claim.passphrase_hash).right:
        with transaction(Side.IDENTIFIED) as session:
            claim.attempt.fail(session, now())
        raise accounts.wrong_passphrase()
    return NewPassphrase(claim.passphrase_hash, hash_passphrase(wish["passphrase"]))


@blueprint.delete("")
@allow(officer)
@blueprint.response(204)
def leave() -> None:
    """Delete one's account. Nothing of it is left."""
    with transaction(Side.IDENTIFIED) as session:
        accounts.leave(session, config().sealing_key, caller().account_id)


@blueprint.post("/renewals")
@allow(officer)
@blueprint.problems(404)
@blueprint.arguments(RenewSchema())
@blueprint.response(200, AccountSchema())
def renew(wish: dict[str, Any]) -> Me:
    """Stay for another year, for another voucher."""
    with transaction(Side.IDENTIFIED) as session:
        return accounts.renew(session, caller().account_id, wish["voucher"], now())
