"""Officers sign in, stay signed in, and sign out."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.actions.agency.attempts import Attempt, Claim, attempt
from backend.actions.agency.tokens import Tokens, fresh, hash_family, rotate, stored
from backend.actions.identified.names import as_meant
from backend.codes import hash_token
from backend.models.identified.accounts import Account, SignInAttempt
from backend.models.identified.accounts import Session as OfficerSession
from backend.passphrases import Proof

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


def signing_in(sealing_key: bytes, name: str) -> Attempt:
    """A try to sign in by this name."""
    return attempt(SignInAttempt, sealing_key, "sign in", as_meant(name))


def claim(session: Session, sealing_key: bytes, name: str, now: datetime) -> Claim:
    """Somebody says that he is `name`; raises TooMany. A lapsed account is nobody's."""
    tried = signing_in(sealing_key, name)
    tried.check(session, now)
    found = session.execute(
        select(Account.id, Account.passphrase_hash).where(
            Account.name == as_meant(name), Account.lapses_on > now.date()
        )
    ).one_or_none()
    account_id, passphrase_hash = found or (None, None)
    return Claim(tried, account_id, passphrase_hash)


def sign_in(session: Session, claim: Claim, proof: Proof, now: datetime) -> Tokens | None:
    """New tokens, or None and one more failure; raises TooMany. Look at the proof outside a transaction."""
    account = _lock(session, claim) if proof.right else None
    if account is None:
        claim.attempt.fail(session, now)
        return None
    claim.attempt.succeed(session, now)
    account.passphrase_hash = proof.renewed or account.passphrase_hash
    return open_session(session, account.id, now)


def _lock(session: Session, claim: Claim) -> Account | None:
    """The account, if the passphrase that was looked at is still the one."""
    return session.scalar(
        select(Account)
        .where(Account.id == claim.owner_id, Account.passphrase_hash == claim.passphrase_hash)
        .with_for_update()
    )


def open_session(session: Session, account_id: uuid.UUID, now: datetime) -> Tokens:
    """A new sign-in for this account."""
    tokens = fresh(PREFIX)
    session.add(OfficerSession(account_id=account_id, **stored(tokens, now)))
    session.flush()
    return tokens


def refresh(session: Session, refresh_token: str, now: datetime) -> Tokens | None:
    """The next tokens; None if this sign-in has ended, or ends with this."""
    family = session.scalar(
        select(OfficerSession)
        .join(Account, Account.id == OfficerSession.account_id)
        .where(OfficerSession.family_hash == hash_family(refresh_token), Account.lapses_on > now.date())
        .with_for_update(of=OfficerSession)
    )
    return rotate(session, family, refresh_token, now) if family else None


def sign_out(session: Session, session_id: uuid.UUID) -> None:
    """End this sign-in, with all its tokens."""
    session.execute(delete(OfficerSession).where(OfficerSession.id == session_id))
