"""Enrolling: a voucher, a facility and a passphrase become an account. Nothing else is asked or kept."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.actions.agency.bulletin_keys import OpenBulletinKey, current_bulletin_key
from backend.actions.agency.tokens import Tokens
from backend.actions.identified.accounts import LASTS, find_facility
from backend.actions.identified.names import make_name
from backend.actions.identified.sessions import open_session
from backend.actions.identified.vouchers import check_voucher, use_voucher
from backend.codes import hash_code, make_code
from backend.models.identified.accounts import Account


@dataclass(frozen=True, kw_only=True)
class Enrolled(Tokens):
    """What a new officer is given. Name and recovery code are shown once, to be written down."""

    name: str
    recovery_code: str
    bulletin_key: OpenBulletinKey | None


def check(session: Session, voucher: str, facility: str, now: datetime) -> None:
    """Whether there is anything to enrol with, before a passphrase is hashed; raises Invalid."""
    check_voucher(session, voucher, now)
    find_facility(session, facility)


def enrol(
    session: Session, voucher: str, facility: str, passphrase_hash: str, now: datetime, *, sealing_key: bytes
) -> Enrolled:
    """A new account, and its first sign-in. The voucher is gone; raises Invalid."""
    use_voucher(session, voucher, now)
    code = make_code()
    facts = {
        "passphrase_hash": passphrase_hash,
        "recovery_hash": hash_code(code),
        "facility_id": find_facility(session, facility),
        "lapses_on": now.date() + LASTS,
    }
    account_id, name = _name(session, facts)
    tokens = open_session(session, account_id, now)
    key = current_bulletin_key(session, sealing_key, now)
    return Enrolled(name=name, recovery_code=code, bulletin_key=key, **vars(tokens))


def _name(session: Session, facts: dict[str, object]) -> tuple[uuid.UUID, str]:
    """Add the account under a name that nobody has. There are 29 billion, so a second try is rare."""
    while True:
        row = insert(Account).values(name=make_name(), **facts).on_conflict_do_nothing(index_elements=[Account.name])
        added = session.execute(row.returning(Account.id, Account.name)).one_or_none()
        if added is not None:
            account_id, name = added
            return account_id, name
