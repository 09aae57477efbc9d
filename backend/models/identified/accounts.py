"""Officers' accounts: how they come to be, how they sign in, when they end."""

import uuid
from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.agency.signing_in import Attempts, Family
from backend.models.tables import Key, Table


class Voucher(Table):
    """A single-use enrolment code, kept as SHA-256. Using it deletes it: nothing says who used which."""

    __tablename__ = "voucher"
    __table_args__ = ({"schema": "identified"},)

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    expires_on: Mapped[date]


class Account(Table):
    """An officer's account. It can do one thing that matters: draw passes. Days, never times."""

    __tablename__ = "account"
    __table_args__ = ({"schema": "identified"},)

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    """Made by the server: two words and a number."""
    passphrase_hash: Mapped[str]
    recovery_hash: Mapped[bytes]
    facility_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.facility.id"))
    lapses_on: Mapped[date]


class Session(Family, Table):
    """One sign-in of an officer."""

    __tablename__ = "session"
    __table_args__ = ({"schema": "identified"},)

    id: Mapped[Key]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identified.account.id", ondelete="CASCADE"), index=True)


class SignInAttempt(Attempts, Table):
    """How often somebody failed to sign in as an officer."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = ({"schema": "identified"},)
