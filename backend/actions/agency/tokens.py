"""Signing in and staying so: short access tokens, rotating refresh tokens, and no second use of one.

Staff and officers have tables of their own, of one shape; what is the same for both stands here.

A refresh token is `<prefix>refresh-<family>.<secret>`. The tokens that follow it are made from it and from a salt drawn
at each rotation: whoever shows a spent token again within `REPEAT` gets the very same pair, however often and however
many at once. Whoever shows it later, or an older one, ends the family (RFC 9700, section 4.14.2).
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from backend.codes import hash_token, make_token
from backend.models.agency.signing_in import Family

ACCESS = timedelta(minutes=15)
FAMILY = timedelta(days=90)
REPEAT = timedelta(seconds=20)
"""How long a lost answer can be repeated: a phone whose connection broke sends the spent token again at once."""


@dataclass(frozen=True)
class Tokens:
    """What a phone is given: `access_token` for `expires_in` seconds, and `refresh_token` for the next."""

    access_token: str
    refresh_token: str
    expires_in: int = int(ACCESS.total_seconds())


def fresh(prefix: str) -> Tokens:
    """Two new random tokens, of a new family."""
    family = secrets.token_urlsafe(16)
    return Tokens(make_token(prefix), make_token(f"{prefix}refresh-{family}."))


def stored(tokens: Tokens, now: datetime) -> dict[str, Any]:
    """What a new family keeps of its tokens: hashes and times."""
    return {
        "family_hash": hash_family(tokens.refresh_token),
        "access_hash": hash_token(tokens.access_token),
        "access_expires_at": now + ACCESS,
        "refresh_hash": hash_token(tokens.refresh_token),
        "spent_refresh_hash": None,
        "salt": secrets.token_bytes(32),
        "rotated_at": now,
        "expires_at": now + FAMILY,
    }


def hash_family(refresh_token: str) -> bytes:
    """By which a family is found: the hash of what all its refresh tokens begin with."""
    return hash_token(refresh_token.partition(".")[0])


def rotate(session: Session, family: Family, refresh_token: str, now: datetime) -> Tokens | None:
    """The next tokens of a family, whose row is locked; None if there are none, and the family may have ended."""
    shown = hash_token(refresh_token)
    if family.expires_at <= now:
        return None
    if hmac.compare_digest(shown, family.refresh_hash):
        return _turn(family, refresh_token, now)
    repeatable = family.spent_refresh_hash is not None and now < family.rotated_at + REPEAT
    if repeatable and hmac.compare_digest(shown, family.spent_refresh_hash or b""):
        return _next(family.salt, refresh_token, family.access_expires_at - now)
    session.delete(family)
    return None


def _turn(family: Family, refresh_token: str, now: datetime) -> Tokens:
    family.salt = secrets.token_bytes(32)
    tokens = _next(family.salt, refresh_token, ACCESS)
    family.spent_refresh_hash = family.refresh_hash
    family.refresh_hash = hash_token(tokens.refresh_token)
    family.access_hash = hash_token(tokens.access_token)
    family.access_expires_at = now + ACCESS
    family.rotated_at = now
    family.expires_at = now + FAMILY
    return tokens


def _next(salt: bytes, refresh_token: str, lasts: timedelta) -> Tokens:
    """HMAC-SHA256 under the salt: without the token that was spent, the salt is worth nothing."""
    start = refresh_token.partition(".")[0]
    prefix = start.partition("refresh-")[0]
    secret, access = (_make(salt, what, refresh_token) for what in ("refresh", "access"))
    return Tokens(prefix + access, f"{start}.{secret}", int(lasts.total_seconds()))


def _make(salt: bytes, what: str, refresh_token: str) -> str:
    made = hmac.new(salt, f"{what} {refresh_token}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
