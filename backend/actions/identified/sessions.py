"""Officers sign in, stay signed in, and sign out."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.codes import hash_token
from backend.models.identified.accounts import Account
from backend.models.identified.accounts import Session as OfficerSession

PREFIX = "relief-officer-"


@dataclass(frozen=True)
class OfficerCaller:
    """An officer who is signed in."""

    account_id: uuid.UUID
    session_id: uuid.UUID
    facility_id: uuid.UUID


def recognise(session: Session, access_token: str, now: datetime) -> OfficerCaller | None:
    """Whose access token this is, if it is still good and the account has not lapsed."""
    found = session.execute(
        select(Account.id, OfficerSession.id, Account.facility_id)
        .join(Account, Account.id == OfficerSession.account_id)
        .where(
            OfficerSession.access_hash == hash_token(access_token),
            OfficerSession.access_expires_at > now,
            Account.lapses_on > now.date(),
        )
    ).one_or_none()
    return OfficerCaller(*found) if found else None
