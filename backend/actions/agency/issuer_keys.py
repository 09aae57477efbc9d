"""The keys that passes are signed with, as everybody may know them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.errors import Missing
from backend.models.agency.record import IssuerKey


def find_key(session: Session, key_id: str) -> IssuerKey:
    """The key with this id (64 hexadecimal digits, lower case); raises Missing."""
    try:
        found = session.get(IssuerKey, bytes.fromhex(key_id))
    except ValueError:
        found = None
    if found is None or found.key_id.hex() != key_id:
        raise Missing("This key")
    return found


def keys_in_use(session: Session, now: datetime) -> list[IssuerKey]:
    """Every key whose passes can still be drawn or spent, or will be; always in the same order."""
    return list(
        session.scalars(
            select(IssuerKey)
            .where(IssuerKey.spends_until > now)
            .order_by(IssuerKey.purpose, IssuerKey.period, IssuerKey.key_id)
        )
    )
