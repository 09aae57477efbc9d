"""Staff who are known by name: peers, coordinators, clinicians; their posts, accounts and phones."""

import uuid
from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.agency.signing_in import Attempts, Family
from backend.models.tables import Facts, Key, Table, Words


class Role(StrEnum):
    """What somebody on staff does in the programme; one person may do several."""

    PEER = "peer"
    COORDINATOR = "coordinator"
    CLINICIAN = "clinician"


class Staff(Table):
    """One member of staff. `shows` lists the fields of the profile that he lets officers see."""

    __tablename__ = "staff"
    __table_args__ = ({"schema": "agency"},)

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    """Names him in the agency's file, and is what he signs in with."""
    first_name: Mapped[str]
    last_name: Mapped[str]
    roles: Mapped[Words]
    facility_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.facility.id"))
    languages: Mapped[Words]
    topics: Mapped[Words]
    """What he would rather be asked about; a wish, never a rule."""
    profile: Mapped[Facts]
    """Further things that he may choose to show: years of service, background, a sentence of his own."""
    shows: Mapped[Words]
    active: Mapped[bool] = mapped_column(default=True)


class Post(Table):
    """That somebody belonged to a unit or supervised it, from when until when (`until` null: still)."""

    __tablename__ = "post"
    __table_args__ = (
        Index(
            "post_once_now",
            "staff_id",
            "unit_id",
            "supervises",
            unique=True,
            postgresql_where=text("until IS NULL"),
        ),
        {"schema": "agency"},
    )

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id"))
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.unit.id"))
    supervises: Mapped[bool]
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class Availability(Table):
    """Whether a peer can be asked: his phone's word, his quiet hours, his cap. Follows the phone, not the rota."""

    __tablename__ = "availability"
    __table_args__ = (
        CheckConstraint("state IN ('reachable', 'on post', 'away')", name="state"),
        CheckConstraint("cap BETWEEN 0 AND 20", name="cap"),
        {"schema": "agency"},
    )

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(default="away")
    until: Mapped[datetime | None]
    """When `state` ends by itself; afterwards he counts as `away`."""
    quiet_from: Mapped[time | None]
    quiet_to: Mapped[time | None]
    """Agency time; may pass midnight. Quiet hours are a right: no offer is made in them."""
    rests_until: Mapped[datetime | None]
    cap: Mapped[int] = mapped_column(default=3)


class StaffAccount(Table):
    """How somebody on staff signs in."""

    __tablename__ = "staff_account"
    __table_args__ = ({"schema": "agency"},)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id", ondelete="CASCADE"), primary_key=True)
    passphrase_hash: Mapped[str]


class Invitation(Table):
    """A single-use code with which somebody on staff makes his account, or sets a new passphrase."""

    __tablename__ = "invitation"
    __table_args__ = ({"schema": "agency"},)

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime]


class StaffSession(Family, Table):
    """One sign-in of somebody on staff."""

    __tablename__ = "staff_session"
    __table_args__ = ({"schema": "agency"},)

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id", ondelete="CASCADE"), index=True)


class Device(Table):
    """A phone or computer of somebody on staff: where it is told, and the key that asks are sealed to.

    `address` is what Firebase calls the registration (`address_kind`: `fid` or `token`).
    `public_key` is X25519, 32 bytes (RFC 9180, DHKEM(X25519, HKDF-SHA256)).
    """

    __tablename__ = "device"
    __table_args__ = (
        CheckConstraint("address_kind IN ('fid', 'token')", name="address_kind"),
        CheckConstraint("platform IN ('android', 'ios')", name="platform"),
        {"schema": "agency"},
    )

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agency.staff_session.id", ondelete="SET NULL"))
    """The sign-in that it rings for; signed out, it stays silent and keeps its key."""
    name: Mapped[str]
    platform: Mapped[str]
    address_kind: Mapped[str]
    address: Mapped[str] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    seen_on: Mapped[date]
    works: Mapped[bool] = mapped_column(default=True)
    """False once Firebase has said that the address is dead."""


class SignInAttempt(Attempts, Table):
    """How often somebody failed to sign in as staff."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = ({"schema": "agency"},)
