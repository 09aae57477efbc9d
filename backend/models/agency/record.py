"""The public record: issuer keys, bulletin keys, the chain of signed documents, and static files."""

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.tables import Table


class IssuerKey(Table):
    """The public half of a key that signs passes. `key_id` is the SHA-256 of `spki` (RFC 9578, section 6.5)."""

    __tablename__ = "issuer_key"
    __table_args__ = (
        CheckConstraint("purpose IN ('check-in', 'assessment', 'support')", name="purpose"),
        Index(
            "issuer_key_one_a_period",
            "purpose",
            "period",
            text("coalesce(cohort_id, '00000000-0000-0000-0000-000000000000')"),
            unique=True,
        ),
        {"schema": "agency"},
    )

    key_id: Mapped[bytes] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    period: Mapped[str]
    """`2026-W48`, `2026-11` or `2026-Q4`, by purpose; agency time."""
    cohort_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agency.cohort.id"))
    """Null: shared by every cohort that is too small for a key of its own; for support, by all."""
    spki: Mapped[bytes]
    draws_from: Mapped[datetime]
    draws_until: Mapped[datetime]
    spends_from: Mapped[datetime]
    spends_until: Mapped[datetime]


class BulletinKey(Table):
    """A key that the bulletin is encrypted under; the same for every phone. Sealed at rest."""

    __tablename__ = "bulletin_key"
    __table_args__ = ({"schema": "agency"},)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[date | None]
    """Null: announced inside the bulletin, and not in use yet."""
    sealed_key: Mapped[bytes]


class RecordKey(Table):
    """The agency's Ed25519 key that signs the record; its public half is printed on every voucher."""

    __tablename__ = "record_key"
    __table_args__ = (CheckConstraint("one", name="one"), {"schema": "agency"})

    one: Mapped[bool] = mapped_column(primary_key=True, default=True)
    public_key: Mapped[bytes]
    sealed_key: Mapped[bytes]


class RecordDocument(Table):
    """One signed document of the chain; `document` holds its exact bytes, `hash` their SHA-256.

    The document names its body by hash. The body of a bulletin is dropped once there is a newer one: the chain stays
    whole, and who has left is not kept.
    """

    __tablename__ = "record_document"
    __table_args__ = (
        CheckConstraint("kind IN ('agency', 'keys', 'bulletin', 'publication', 'receipts')", name="kind"),
        {"schema": "agency"},
    )

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    document: Mapped[bytes]
    body: Mapped[bytes | None]
    signature: Mapped[bytes]
    hash: Mapped[bytes] = mapped_column(unique=True)


class StaticFile(Table):
    """What `/v1/public` serves: bytes made when something changed, and their ETag."""

    __tablename__ = "static_file"
    __table_args__ = ({"schema": "agency"},)

    path: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    body: Mapped[bytes]
    etag: Mapped[str]
