"""Staff are invited by the coordinator: a code for one of them, with which he sets his passphrase."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.actions.agency.staff_sessions import open_session, signing_in
from backend.actions.agency.tokens import Tokens
from backend.codes import hash_code, make_code
from backend.errors import Invalid
from backend.models.agency.staff import Invitation, Staff, StaffAccount, StaffSession

LASTS = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Welcome(Tokens):
    """What a member of staff is given: tokens, and the name that he signs in with."""

    name: str


def invite(session: Session, staff_slug: str, now: datetime) -> str:
    """A code for him, shown once, good for seven days; raises Invalid. The one before it is no longer good."""
    whom = select(Staff.id).where(Staff.slug == staff_slug, Staff.active)
    staff_id = session.scalar(whom.with_for_update(key_share=True))
    if staff_id is None:
        raise Invalid({"staff": "Nobody of this name is in the agency's file."})
    code = make_code()
    session.execute(delete(Invitation).where(Invitation.staff_id == staff_id))
    session.add(Invitation(code_hash=hash_code(code), staff_id=staff_id, expires_at=now + LASTS))
    session.flush()
    return code


def check_invitation(session: Session, code: str, now: datetime) -> None:
    """Raises Invalid unless it is good at this moment; says so before anything costly is done."""
    good = select(Invitation.staff_id).where(Invitation.code_hash == hash_code(code), Invitation.expires_at > now)
    if session.scalar(good) is None:
        raise _not_good()


def take_up(session: Session, sealing_key: bytes, code: str, passphrase_hash: str, now: datetime) -> Welcome:
    """Make his account, or set a new passphrase and end his other sign-ins. The code is gone; raises Invalid."""
    staff_id = session.scalar(
        delete(Invitation)
        .where(Invitation.code_hash == hash_code(code), Invitation.expires_at > now)
        .returning(Invitation.staff_id)
    )
    if staff_id is None:
        raise _not_good()
    slug = _active(session, staff_id)
    account = insert(StaffAccount).values(staff_id=staff_id, passphrase_hash=passphrase_hash)
    session.execute(
        account.on_conflict_do_update(
            index_elements=[StaffAccount.staff_id], set_={"passphrase_hash": account.excluded.passphrase_hash}
        )
    )
    session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))
    signing_in(sealing_key, slug).forget(session)
    return Welcome(name=slug, **vars(open_session(session, staff_id, now)))


def _active(session: Session, staff_id: uuid.UUID) -> str:
    slug = session.scalar(select(Staff.slug).where(Staff.id == staff_id, Staff.active))
    if slug is None:
        raise _not_good()
    return slug


def _not_good() -> Invalid:
    return Invalid({"code": "This code isn't good. It may be mistyped, used already, or too old: ask for another one."})
