"""Signing in and staying so: short access tokens, rotating refresh tokens, and no second use of one.

Staff and officers have tables of their own, of one shape; what is the same for both stands here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.orm import Mapped

from backend.codes import hash_token, make_token

ACCESS = timedelta(minutes=15)
FAMILY = timedelta(days=90)
REPEAT = timedelta(seconds=20)
"""How long a lost answer can be repeated: a phone whose connection broke sends the spent token again at once."""


class Family(Protocol):
    """A row that holds one sign-in: `identified.session` or `agency.staff_session`."""

    access_hash: Mapped[bytes]
    access_expires_at: Mapped[datetime]
    refresh_hash: Mapped[bytes]
    spent_refresh_hash: Mapped[bytes | None]
    rotated_at: Mapped[datetime]
    expires_at: Mapped[datetime]


@dataclass(frozen=True)
class Tokens:
    """What a phone is given: `access_token` for `expires_in` seconds, and `refresh_token` for the next."""

    access_token: str
    refresh_token: str
    expires_in: int = int(ACCESS.total_seconds())


def fresh(prefix: str) -> Tokens:
    """Two new random tokens."""
    return Tokens(make_token(prefix), make_token(f"{prefix}refresh-"))


def stored(tokens: Tokens, now: datetime) -> dict[str, Any]:
    """What a new family keeps of its tokens: hashes and times."""
    return {
        "access_hash": hash_token(tokens.access_token),
        "access_expires_at": now + ACCESS,
        "refresh_hash": hash_token(tokens.refresh_token),
        "spent_refresh_hash": None,
        "rotated_at": now,
        "expires_at": now + FAMILY,
    }
