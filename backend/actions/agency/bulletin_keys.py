"""The key that opens the bulletin: the same for every phone, given to who is enrolled or on staff."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.actions.agency.publishing import StaticName, publish
from backend.actions.agency.record import lock
from backend.models.agency.record import BulletinKey
from backend.sealing import seal, unseal

PURPOSE = "bulletin key"
IN_USE = timedelta(days=7)


@dataclass(frozen=True)
class OpenBulletinKey:
    """The key in clear (AES-256, 32 bytes), and its number."""

    number: int
    key: bytes


def current_bulletin_key(session: Session, sealing_key: bytes, now: datetime) -> OpenBulletinKey | None:
    """The newest that is in use; None before the first."""
    row = session.scalar(
        select(BulletinKey).where(BulletinKey.since <= now.date()).order_by(BulletinKey.number.desc()).limit(1)
    )
    return OpenBulletinKey(row.number, unseal(sealing_key, row.sealed_key, PURPOSE)) if row else None


def announced_bulletin_key(session: Session, sealing_key: bytes) -> OpenBulletinKey | None:
    """The one that comes next, as the bulletin announces it."""
    row = session.scalar(select(BulletinKey).where(BulletinKey.since.is_(None)))
    return OpenBulletinKey(row.number, unseal(sealing_key, row.sealed_key, PURPOSE)) if row else None


def rotate(session: Session, sealing_key: bytes, now: datetime) -> None:
    """Once a week the announced key comes into use, and another is announced. Safe to repeat at any time.

    Who held the last key has read the announcement, if his phone looked once in that week; so has somebody who left
    and goes on looking (docs/decisions/0008). The old key is forgotten: nothing that we keep is sealed under it.
    """
    lock(session)
    keys = list(session.scalars(select(BulletinKey).order_by(BulletinKey.number)))
    if keys and keys[0].since and now.date() < keys[0].since + IN_USE:
        return
    coming = next((key for key in keys if key.since is None), None) or _make(session, sealing_key, 1)
    coming.since = now.date()
    session.execute(delete(BulletinKey).where(BulletinKey.number < coming.number))
    _make(session, sealing_key, coming.number + 1)
    session.flush()
    publish(session, StaticName.BULLETIN, now)


def _make(session: Session, sealing_key: bytes, number: int) -> BulletinKey:
    row = BulletinKey(number=number, since=None, sealed_key=seal(sealing_key, secrets.token_bytes(32), PURPOSE))
    session.add(row)
    return row
