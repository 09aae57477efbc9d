"""A support request, the order of peers that was weighed for it, and who was asked."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.tables import Key, Table, Words


class SupportRequest(Table):
    """An officer asks. Unit, wishes and exclusions never reach the disk: only the `Place`s that followed from them.

    `secret_hash` is the SHA-256 of the secret that the asker's phone made: the only way back in.
    `pass_hash` is the SHA-256 of the pass that was spent.
    """

    __tablename__ = "support_request"
    __table_args__ = (
        CheckConstraint("urgency IN ('now', 'today', 'routine')", name="urgency"),
        CheckConstraint("state IN ('open', 'accepted', 'talking', 'closed', 'withdrawn')", name="state"),
        {"schema": "anonymous"},
    )

    id: Mapped[Key]
    pass_hash: Mapped[bytes] = mapped_column(unique=True)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    urgency: Mapped[str]
    topics: Mapped[Words]
    languages: Mapped[Words]
    ways: Mapped[Words]
    incident_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agency.incident.id"))
    notice_version: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    wave: Mapped[int] = mapped_column(default=0)
    tell_at: Mapped[datetime]
    """When the clinicians and coordinators are told next, if nobody has accepted by then."""
    told: Mapped[bool] = mapped_column(default=False)
    """Whether they have been told, and so see it in their list."""
    unread: Mapped[bool] = mapped_column(default=False)
    """Whether the asker has something unread: then the news carries the request's tag."""
    version: Mapped[int] = mapped_column(default=1)
    feedback_given: Mapped[bool] = mapped_column(default=False)
    deletes_at: Mapped[datetime | None]


class Place(Table):
    """One staff member's place in the order of a request. Who is in conflict has no place."""

    __tablename__ = "place"
    __table_args__ = (
        CheckConstraint("role IN ('peer', 'clinician')", name="role"),
        {"schema": "anonymous"},
    )

    request_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("anonymous.support_request.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id"))
    role: Mapped[str]


class Offer(Table):
    """That one staff member was asked to take one request.

    Nobody is asked twice, with two exceptions: a person may choose him again, and an offer that was cancelled
    (somebody else was quicker, or he had to leave his phone) was never his to answer.
    """

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint(
            "state IN ('open', 'accepted', 'declined', 'expired', 'lapsed', 'cancelled', 'handed over')",
            name="state",
        ),
        Index("offer_open_once", "request_id", "staff_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("offer_accepted_once", "request_id", unique=True, postgresql_where=text("state = 'accepted'")),
        {"schema": "anonymous"},
    )

    id: Mapped[Key]
    request_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("anonymous.support_request.id", ondelete="CASCADE"), index=True
    )
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id"), index=True)
    wave: Mapped[int]
    state: Mapped[str] = mapped_column(default="open")
    opened: Mapped[bool] = mapped_column(default=False)
    """Whether the peer has looked at it: then it need not ring again."""
    expires_at: Mapped[datetime]


class Wake(Table):
    """An address made for one request alone (`wake: direct`), with which its phone is woken. Dies with the request."""

    __tablename__ = "wake"
    __table_args__ = (
        CheckConstraint("address_kind IN ('fid', 'token')", name="address_kind"),
        {"schema": "anonymous"},
    )

    request_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("anonymous.support_request.id", ondelete="CASCADE"), primary_key=True
    )
    platform: Mapped[str]
    address_kind: Mapped[str]
    address: Mapped[str]
