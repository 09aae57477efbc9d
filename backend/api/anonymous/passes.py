"""Passes: how they are asked for and how they are shown (RFC 9577)."""

import base64
from functools import lru_cache
from typing import Any, NoReturn

from flask import g

from backend.actions.agency.issuer_keys import find_key
from backend.actions.anonymous.passes import BARE, KnownKey, ShownPass, check, known_key
from backend.api.frame import Blueprint, allow, anyone, config
from backend.base64url import decode_base64
from backend.clock import now
from backend.db import Side, transaction
from backend.door.periods import Purpose
from backend.door.wire import Token, one_challenge
from backend.errors import Unproven

blueprint = Blueprint("passes", __name__, url_prefix="/v1/anon/keys", description="Passes, spent without an account")

_SCHEME = "privatetoken"


class PassWay:
    """A pass for one purpose. It is looked at here, and spent by the action that it is shown for."""

    problems: tuple[int, ...] = (400, 401, 403)
    scheme: dict[str, Any] | None = {
        "type": "http",
        "scheme": "PrivateToken",
        "description": 'RFC 9577: `PrivateToken token="…"`, 354 bytes in base64url',
    }

    def __init__(self, purpose: Purpose) -> None:
        self.purpose = purpose
        self.name = f"pass-{purpose}"

    def fits(self, authorization: str) -> bool:
        return authorization.partition(" ")[0].lower() == _SCHEME

    def prove(self, authorization: str) -> ShownPass:
        token = _read(authorization)
        return check(token, _key(token.key_id), self.purpose, one_challenge(config().host).digest(), now())


def pass_for(purpose: Purpose) -> PassWay:
    """The way for whoever holds a pass for `purpose`."""
    return PassWay(purpose)


def shown_pass() -> ShownPass:
    """The pass that was shown to the present view."""
    found: ShownPass = g.caller
    return found


@lru_cache(maxsize=1024)
def _key(key_id: bytes) -> KnownKey:
    """Kept in memory once found: a key never changes, and reading one takes longer than checking a pass."""
    with transaction(Side.ANONYMOUS) as session:
        return known_key(session, key_id)


def _read(authorization: str) -> Token:
    """The token in `PrivateToken token=…`: quoted or not, padded or not, among other parameters or alone."""
    _, _, parameters = authorization.partition(" ")
    values = {
        name.strip().lower(): value.strip().strip('"')
        for name, _, value in (parameter.partition("=") for parameter in parameters.split(","))
    }
    try:
        return Token.from_bytes(decode_base64(values.get("token")))
    except ValueError:
        raise Unproven("pass-unreadable", "This is not a pass: 354 bytes in base64url.", headers=BARE) from None


@blueprint.get("/<key_id>/challenge")
@allow(anyone)
@blueprint.problems(401)
def challenge(key_id: str) -> NoReturn:
    """Get the challenge that passes with this key answer, and the key: always 401, as RFC 9577 has it.

    The challenge is the same for every key and everybody.
    """
    with transaction(Side.ANONYMOUS) as session:
        key = find_key(session, key_id)
    asked, token_key = one_challenge(config().host).to_bytes(), key.spki
    header = f'PrivateToken challenge="{_padded(asked)}", token-key="{_padded(token_key)}"'
    raise Unproven("pass-needed", "Show a pass.", headers={"WWW-Authenticate": header})


def _padded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
