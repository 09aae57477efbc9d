"""An officer's own account: what it says, what he changes, how it goes on and how it ends. Days, never times."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from backend.actions.agency.attempts import Claim
from backend.actions.identified.recoveries import recovering
from backend.actions.identified.sessions import OfficerCaller, signing_in
from backend.actions.identified.vouchers import use_voucher
from backend.errors import Invalid, Missing
from backend.models.agency.places import Facility
from backend.models.identified.accounts import Account
from backend.models.identified.accounts import Session as OfficerSession

LASTS = timedelta(days=365)


@dataclass(frozen=True)
class Me:
    """All that an officer's account says of him; `facility` is its slug."""

    name: str
    facility: str
    lapses_on: date


def show(session: Session, account_id: uuid.UUID) -> Me:
    """The account as its owner sees it."""
    found = session.execute(
        select(Account.name, Facility.slug, Account.lapses_on)
        .join(Facility, Facility.id == Account.facility_id)
        .where(Account.id == account_id)
    ).one_or_none()
    if found is None:
        raise Missing("This account")
    return Me(*found)


def find_facility(session: Session, slug: str) -> uuid.UUID:
    """The facility of that slug, unless it is closed; raises Invalid."""
    found = session.scalar(select(Facility.id).where(Facility.slug == slug, ~Facility.closed))
    if found is None:
        raise Invalid({"facility": "There is no facility of this name. Please pick one from the list."})
    return found


def move(session: Session, account_id: uuid.UUID, facility: str) -> None:
    """He works elsewhere now. What he draws from now on is drawn for the new place."""
    facility_id = find_facility(session, facility)
    session.execute(update(Account).where(Account.id == account_id).values(facility_id=facility_id))


def claim_own(session: Session, sealing_key: bytes, account_id: uuid.UUID, now: datetime) -> Claim:
    """Who is signed in says that he also knows the passphrase; raises TooMany."""
    found = session.execute(select(Account.name, Account.passphrase_hash).where(Account.id == account_id)).one_or_none()
    if found is None:
        raise Missing("This account")
    name, passphrase_hash = found
    tried = signing_in(sealing_key, name)
    tried.check(session, now)
    return Claim(tried, account_id, passphrase_hash)


@dataclass(frozen=True)
class NewPassphrase:
    """Hashes: of the one that was shown to be known, and of the one to come."""

    old_hash: str | None
    new_hash: str


def change_passphrase(session: Session, caller: OfficerCaller, new: NewPassphrase) -> None:
    """Set it, unless another was set meanwhile (Invalid). All other sign-ins end."""
    changed = session.scalar(
        update(Account)
        .where(Account.id == caller.account_id, Account.passphrase_hash == new.old_hash)
        .values(passphrase_hash=new.new_hash)
        .returning(Account.id)
    )
    if changed is None:
        raise wrong_passphrase()
    session.execute(
        delete(OfficerSession).where(
            OfficerSession.account_id == caller.account_id, OfficerSession.id != caller.session_id
        )
    )


def wrong_passphrase() -> Invalid:
    """What whoever doesn't know his present passphrase is told."""
    return Invalid({"old_passphrase": "This is not your present passphrase."})


def renew(session: Session, account_id: uuid.UUID, voucher: str, now: datetime) -> Me:
    """Another year, for another voucher."""
    use_voucher(session, voucher, now)
    session.execute(update(Account).where(Account.id == account_id).values(lapses_on=now.date() + LASTS))
    return show(session, account_id)


def leave(session: Session, sealing_key: bytes, account_id: uuid.UUID) -> None:
    """Delete the account, its sign-ins, its draws, and the count of its failures: nothing is left."""
    name = session.scalar(delete(Account).where(Account.id == account_id).returning(Account.name))
    if name is not None:
        signing_in(sealing_key, name).forget(session)
        recovering(sealing_key, name).forget(session)
