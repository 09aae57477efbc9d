"""An officer who lost his passphrase comes back with his recovery code, and gets another one."""

import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from backend.actions.agency.attempts import Attempt, attempt
from backend.actions.agency.tokens import Tokens
from backend.actions.identified.names import as_meant
from backend.actions.identified.sessions import open_session, signing_in
from backend.codes import hash_code, make_code
from backend.models.identified.accounts import Account, SignInAttempt
from backend.models.identified.accounts import Session as OfficerSession


@dataclass(frozen=True)
class Recovery:
    """Somebody who showed a recovery code; `account_id` None: it was not the one of that name."""

    name: str
    recovery_hash: bytes
    account_id: uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class Recovered(Tokens):
    """What he gets: tokens, and the next recovery code."""

    recovery_code: str


def recovering(sealing_key: bytes, name: str) -> Attempt:
    """A try to recover the account of this name."""
    return attempt(SignInAttempt, sealing_key, "recover", as_meant(name))


def claim(session: Session, sealing_key: bytes, name: str, recovery_code: str, now: datetime) -> Recovery:
    """Look at the code, and count a failure; raises TooMany."""
    tried = recovering(sealing_key, name)
    tried.check(session, now)
    whose = Account.name == as_meant(name), Account.lapses_on > now.date()
    found = session.execute(select(Account.id, Account.recovery_hash).where(*whose)).one_or_none()
    account_id, recovery_hash = found or (None, bytes(32))
    shown = hash_code(recovery_code)
    if not hmac.compare_digest(shown, recovery_hash):
        account_id = None
        tried.fail(session, now)
    return Recovery(as_meant(name), shown, account_id)


def recover(
    session: Session, sealing_key: bytes, recovery: Recovery, passphrase_hash: str, now: datetime
) -> Recovered | None:
    """Set the passphrase, end all sign-ins and open a new one; None if the code was used meanwhile."""
    code = make_code()
    account_id = session.scalar(
        update(Account)
        .where(Account.id == recovery.account_id, Account.recovery_hash == recovery.recovery_hash)
        .values(passphrase_hash=passphrase_hash, recovery_hash=hash_code(code))
        .returning(Account.id)
    )
    if account_id is None:
        return None
    session.execute(delete(OfficerSession).where(OfficerSession.account_id == account_id))
    for tried in (signing_in(sealing_key, recovery.name), recovering(sealing_key, recovery.name)):
        tried.forget(session)
    return Recovered(recovery_code=code, **vars(open_session(session, account_id, now)))
