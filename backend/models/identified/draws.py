"""Drawing passes: the private keys that sign them, and who has drawn how many."""

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.tables import Key, Table


class PrivateKey(Table):
    """The private half of an issuer key, sealed under the key from the environment; deleted after its period."""

    __tablename__ = "private_key"
    __table_args__ = ({"schema": "identified"},)

    key_id: Mapped[bytes] = mapped_column(ForeignKey("agency.issuer_key.key_id"), primary_key=True)
    sealed_key: Mapped[bytes]


class Draw(Table):
    """That an account drew its `number`-th pass of a purpose in a period.

    The quota is a constraint on `number`: one check-in, one assessment, twenty for support (`door.periods.QUOTA`).
    `blinded_hash` is the SHA-256 of the blinded message: uniformly random to everybody but the phone.
    """

    __tablename__ = "draw"
    __table_args__ = (
        UniqueConstraint("account_id", "purpose", "period", "number"),
        UniqueConstraint("account_id", "blinded_hash"),
        CheckConstraint("number BETWEEN 1 AND CASE purpose WHEN 'support' THEN 20 ELSE 1 END", name="quota"),
        {"schema": "identified"},
    )

    id: Mapped[Key]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identified.account.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    period: Mapped[str]
    number: Mapped[int]
    key_id: Mapped[bytes] = mapped_column(ForeignKey("agency.issuer_key.key_id"), index=True)
    blinded_hash: Mapped[bytes]
