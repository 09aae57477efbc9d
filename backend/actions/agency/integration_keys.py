"""Keys with which other systems record incidents, and do nothing else."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.codes import hash_token, make_token
from backend.errors import Conflict, Missing
from backend.models.agency.incidents import IntegrationKey

PREFIX = "relief-integration-"


@dataclass(frozen=True)
class MadeKey:
    """A new key, shown once."""

    id: uuid.UUID
    name: str
    key: str = field(repr=False)


def make(session: Session, name: str) -> MadeKey:
    """A key for the system of this name; raises Conflict if one by that name is in use."""
    made = MadeKey(uuid.uuid4(), name, make_token(PREFIX))
    row = insert(IntegrationKey).values(id=made.id, name=name, key_hash=hash_token(made.key))
    if session.scalar(row.on_conflict_do_nothing().returning(IntegrationKey.id)) is None:
        raise Conflict("name-taken", "A key by this name is in use. Revoke it first, or choose another name.")
    return made


def in_use(session: Session) -> list[IntegrationKey]:
    """The keys that are good, by name."""
    keys = select(IntegrationKey).where(IntegrationKey.revoked_at.is_(None)).order_by(IntegrationKey.name)
    return list(session.scalars(keys))


def revoke(session: Session, key_id: uuid.UUID, now: datetime) -> None:
    """From now on it opens nothing; raises Missing."""
    revoked = session.scalar(
        update(IntegrationKey)
        .where(IntegrationKey.id == key_id, IntegrationKey.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(IntegrationKey.id)
    )
    if revoked is None:
        raise Missing("This key")


def recognise(session: Session, key: str) -> uuid.UUID | None:
    """Which key this is, if it is still good."""
    good = (IntegrationKey.key_hash == hash_token(key), IntegrationKey.revoked_at.is_(None))
    return session.scalar(select(IntegrationKey.id).where(*good))
