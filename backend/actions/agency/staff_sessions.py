"""Who of the staff is calling; how staff sign in, stay signed in, and sign out."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.actions.agency.attempts import Attempt, Claim, attempt
from backend.actions.agency.tokens import Tokens, fresh, hash_family, rotate, stored
from backend.codes import hash_token
from backend.models.agency.staff import Role, SignInAttempt, Staff, StaffAccount, StaffSession
from backend.passphrases import Proof

PREFIX = "relief-staff-"


@dataclass(frozen=True)
class StaffCaller:
    """A member of staff who is signed in."""

    staff_id: uuid.UUID
    session_id: uuid.UUID
    roles: frozenset[Role]


def recognise(session: Session, access_token: str, now: datetime) -> StaffCaller | None:
    """Whose access token this is, if it is still good and he still belongs to the programme."""
    found = session.execute(
        select(StaffSession.id, Staff.id, Staff.roles)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(
            StaffSession.access_hash == hash_token(access_token),
            StaffSession.access_expires_at > now,
            Staff.active,
        )
    ).one_or_none()
    if found is None:
        return None
    session_id, staff_id, roles = found
    return StaffCaller(staff_id, session_id, frozenset(Role(role) for role in roles))


def signing_in(sealing_key: bytes, slug: str) -> Attempt:
    """A try to sign in by this name."""
    return attempt(SignInAttempt, sealing_key, "sign in", slug.lower())


def claim(session: Session, sealing_key: bytes, slug: str, now: datetime) -> Claim:
    """Somebody says that he is `slug`; raises TooMany. Who left the programme is nobody."""
    tried = signing_in(sealing_key, slug)
    tried.check(session, now)
    found = session.execute(
        select(Staff.id, StaffAccount.passphrase_hash)
        .join(StaffAccount, StaffAccount.staff_id == Staff.id)
        .where(Staff.slug == slug.lower(), Staff.active)
    ).one_or_none()
    staff_id, passphrase_hash = found or (None, None)
    return Claim(tried, staff_id, passphrase_hash)


def sign_in(session: Session, claim: Claim, proof: Proof, now: datetime) -> Tokens | None:
    """New tokens, or None and one more failure; raises TooMany. Look at the proof outside a transaction."""
    account = _lock(session, claim) if proof.right else None
    if account is None:
        claim.attempt.fail(session, now)
        return None
    claim.attempt.succeed(session, now)
    account.passphrase_hash = proof.renewed or account.passphrase_hash
    return open_session(session, account.staff_id, now)


def _lock(session: Session, claim: Claim) -> StaffAccount | None:
    """The account, if the passphrase that was looked at is still the one."""
    return session.scalar(
        select(StaffAccount)
        .where(StaffAccount.staff_id == claim.owner_id, StaffAccount.passphrase_hash == claim.passphrase_hash)
        .with_for_update()
    )


def open_session(session: Session, staff_id: uuid.UUID, now: datetime) -> Tokens:
    """A new sign-in for this member of staff."""
    tokens = fresh(PREFIX)
    session.add(StaffSession(staff_id=staff_id, **stored(tokens, now)))
    session.flush()
    return tokens


def refresh(session: Session, refresh_token: str, now: datetime) -> Tokens | None:
    """The next tokens; None if this sign-in has ended, or ends with this."""
    family = session.scalar(
        select(StaffSession)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(StaffSession.family_hash == hash_family(refresh_token), Staff.active)
        .with_for_update(of=StaffSession)
    )
    return rotate(session, family, refresh_token, now) if family else None


def sign_out(session: Session, session_id: uuid.UUID) -> None:
    """End this sign-in. The phones that rang for it stay silent from now on (`Device.session_id` becomes null)."""
    session.execute(delete(StaffSession).where(StaffSession.id == session_id))
