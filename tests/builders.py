"""Hand-written builders: what a test needs to be there, in one line each. They write rows as the owner."""

import os
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.actions.agency import tokens
from backend.actions.identified.key_rotation import SEALED_AS
from backend.actions.identified.vouchers import make_vouchers
from backend.config import Config
from backend.db import Side, transaction
from backend.demo.passes import authorization, request_pass
from backend.door.periods import Purpose, period
from backend.door.signing import SigningKey
from backend.door.wire import one_challenge
from backend.models.agency.places import Agency, Cohort, Command, Facility, Unit
from backend.models.agency.record import IssuerKey
from backend.models.agency.staff import Availability, Device, Post, Role, Staff, StaffAccount, StaffSession
from backend.models.anonymous.requests import Offer, SupportRequest
from backend.models.identified.accounts import Account
from backend.models.identified.accounts import Session as OfficerSession
from backend.models.identified.draws import PrivateKey
from backend.sealing import seal

ZONE = ZoneInfo("America/Chicago")
PASSPHRASE = "a quiet walk by the river"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

POLICY = {
    "now": {"size": 3, "answer_within": 180, "tell_after": 600},
    "today": {"size": 2, "answer_within": 1800, "tell_after": 7200},
    "routine": {"size": 1, "answer_within": 14400, "tell_after": 86400},
    "opening_within": 86400,
    "first_message_within": 600,
    "tell_again_after": 300,
    "idle_days": 14,
    "keep_days": 7,
}


@dataclass
class Signed:
    """A member of staff and the header that shows it."""

    staff: Staff
    headers: dict[str, str] = field(repr=False)

    @property
    def id(self) -> uuid.UUID:
        return self.staff.id


@dataclass
class Officer:
    """An officer's account and the header that shows it."""

    account: Account
    headers: dict[str, str] = field(repr=False)

    @property
    def id(self) -> uuid.UUID:
        return self.account.id


def agency(session: Session, **changes: Any) -> Agency:
    """The agency, with one crisis line and a policy in seconds."""
    facts: dict[str, Any] = {
        "name": "Department of Corrections",
        "time_zone": "America/Chicago",
        "languages": ["en", "es"],
        "topics": ["after an incident", "family", "sleep", "grief"],
        "crisis_lines": [{"name": "988", "call": "988", "text": "988"}],
        "resources": [],
        "notice": {"version": "2026-1", "text": {"en": "What stays between us, and what can't."}},
        "policy": POLICY,
    }
    row = Agency(**(facts | changes))
    session.add(row)
    session.flush()
    return row


def facility(session: Session, slug: str = "north", cohort: Cohort | None = None) -> Facility:
    """A facility, in a cohort of its own unless one is given."""
    cohort = cohort or Cohort(slug=slug, name=slug.title())
    session.add(cohort)
    session.flush()
    row = Facility(slug=slug, name=f"{slug.title()} Facility", cohort_id=cohort.id)
    session.add(row)
    session.flush()
    return row


def unit(session: Session, facility: Facility, slug: str, parent: Unit | None = None) -> Unit:
    """A unit, under another if one is given."""
    row = Unit(slug=slug, name=slug.title(), facility_id=facility.id)
    session.add(row)
    session.flush()
    if parent:
        session.add(Command(unit_id=row.id, parent_id=parent.id, since=LONG_AGO))
        session.flush()
    return row


def staff(
    session: Session,
    facility: Facility,
    *roles: Role,
    slug: str | None = None,
    unit: Unit | None = None,
    supervises: Unit | None = None,
    reachable: bool = True,
    now: datetime | None = None,
    **changes: Any,
) -> Signed:
    """A member of staff who is signed in; reachable, and posted where it is said."""
    slug = slug or f"staff-{uuid.uuid4().hex[:8]}"
    facts: dict[str, Any] = {
        "first_name": slug.title(), "last_name": "Doe", "languages": ["en"], "topics": [], "profile": {},
        "shows": ["first_name", "facility", "languages"],
    }  # fmt: skip
    row = Staff(slug=slug, roles=list(roles or [Role.PEER]), facility_id=facility.id, **(facts | changes))
    session.add(row)
    session.flush()
    for post_unit, leads in ((unit, False), (supervises, True)):
        if post_unit:
            session.add(Post(staff_id=row.id, unit_id=post_unit.id, supervises=leads, since=LONG_AGO))
    session.add(Availability(staff_id=row.id, state="reachable" if reachable else "away"))
    return Signed(row, sign_in(session, row, now))


def sign_in(session: Session, row: Staff, now: datetime | None = None) -> dict[str, str]:
    """A sign-in of somebody on staff that is good for the day, as the header that shows it."""
    pair = tokens.fresh("relief-staff-")
    moment = now or datetime.now(UTC)
    session.add(StaffSession(staff_id=row.id, **tokens.stored(pair, moment + timedelta(days=1))))
    session.flush()
    return {"Authorization": f"Bearer {pair.access_token}"}


def device(session: Session, owner: Staff, **changes: Any) -> Device:
    """A phone of somebody on staff, known to Firebase, where he has signed in last."""
    newest = select(StaffSession.id).where(StaffSession.staff_id == owner.id).order_by(StaffSession.rotated_at.desc())
    facts: dict[str, Any] = {
        "name": "Phone", "platform": "android", "address_kind": "token", "address": uuid.uuid4().hex,
        "public_key": os.urandom(32), "seen_on": datetime.now(UTC).date(),
        "session_id": session.scalar(newest.limit(1)),
    }  # fmt: skip
    row = Device(staff_id=owner.id, **(facts | changes))
    session.add(row)
    session.flush()
    return row


def support_request(session: Session, *, now: datetime | None = None, **changes: Any) -> SupportRequest:
    """A request that is open, of which nobody has been told; its secret is unknown."""
    facts: dict[str, Any] = {
        "pass_hash": os.urandom(32), "secret_hash": os.urandom(32), "urgency": "now", "topics": [], "languages": ["en"],
        "ways": ["chat"], "notice_version": "2026-1", "tell_at": (now or datetime.now(UTC)) + timedelta(minutes=10),
    }  # fmt: skip
    row = SupportRequest(**(facts | changes))
    session.add(row)
    session.flush()
    return row


def offer(
    session: Session, request: SupportRequest, staff: Staff, *, now: datetime | None = None, **changes: Any
) -> Offer:
    """That somebody is asked to take it, for the next ten minutes."""
    facts: dict[str, Any] = {"wave": 1, "expires_at": (now or datetime.now(UTC)) + timedelta(minutes=10)}
    row = Offer(request_id=request.id, staff_id=staff.id, **(facts | changes))
    session.add(row)
    session.flush()
    return row


def officer(session: Session, facility: Facility, *, now: datetime | None = None, **changes: Any) -> Officer:
    """An enrolled officer who is signed in. The passphrase is unknown: enrol through HTTP where it matters."""
    moment = now or datetime.now(UTC)
    facts: dict[str, Any] = {
        "name": f"brave-otter-{uuid.uuid4().hex[:6]}", "passphrase_hash": "", "recovery_hash": os.urandom(32),
        "lapses_on": moment.date() + timedelta(days=365),
    }  # fmt: skip
    row = Account(facility_id=facility.id, **(facts | changes))
    session.add(row)
    session.flush()
    pair = tokens.fresh("relief-officer-")
    session.add(OfficerSession(account_id=row.id, **tokens.stored(pair, moment + timedelta(days=1))))
    session.flush()
    return Officer(row, {"Authorization": f"Bearer {pair.access_token}"})


def issuer_key(
    session: Session,
    config: Config,
    purpose: Purpose,
    *,
    day: date | None = None,
    facility: Facility | None = None,
    key: SigningKey | None = None,
) -> SigningKey:
    """A key for the period that `day` (default: today) lies in: the shared one, or that of a facility's cohort."""
    when = period(purpose, day or datetime.now(ZONE).date(), ZONE)
    key = key or (SigningKey.generate() if facility else _shared_key(purpose, when.name))
    public = {"key_id": key.public.key_id, "spki": key.public.spki, "cohort_id": facility and facility.cohort_id}
    session.add(IssuerKey(**public, period=when.name, **{k: v for k, v in vars(when).items() if k != "name"}))
    session.flush()
    sealed = seal(config.sealing_key, key.to_bytes(), SEALED_AS)
    session.add(PrivateKey(key_id=key.public.key_id, sealed_key=sealed))
    session.flush()
    return key


@cache
def _shared_key(purpose: Purpose, period_name: str) -> SigningKey:
    """The same in every test of a process: making one takes longer than most tests."""
    return SigningKey.generate()


def a_pass(key: SigningKey, host: str = "localhost") -> bytes:
    """A pass signed with this key: drawn by nobody, but as good as any."""
    request = request_pass(one_challenge(host).to_bytes(), key.public.spki)
    return request.finish(key.sign(request.message.blinded))


def voucher(session: Session, expires_on: date = date(2100, 1, 1)) -> str:
    """The code of a voucher."""
    return make_vouchers(session, 1, expires_on)[0]


def enrol(client: FlaskClient, facility: str = "north", passphrase: str = PASSPHRASE) -> dict[str, Any]:
    """Enrol over HTTP, with a voucher made for it: what the phone was given."""
    with transaction(Side.OWNER) as session:
        code = voucher(session)
    answer = client.post("/v1/enrolments", json={"voucher": code, "facility": facility, "passphrase": passphrase})
    assert answer.status_code == 201, answer.get_json()
    given: dict[str, Any] = answer.get_json()
    return given


def bearer(given: dict[str, Any]) -> dict[str, str]:
    """The header for the tokens that a phone was given."""
    return {"Authorization": f"Bearer {given['access_token']}"}


def shown(token: bytes) -> dict[str, str]:
    """The header that shows a pass."""
    return authorization(token)


def staff_account(session: Session, signed: Signed, passphrase_hash: str) -> None:
    """A passphrase for somebody on staff."""
    session.add(StaffAccount(staff_id=signed.id, passphrase_hash=passphrase_hash))
    session.flush()
