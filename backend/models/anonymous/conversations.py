"""The two talk. The server relays what it can't read, and forgets it some days after the close."""

import uuid
from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.tables import FactList, Key, Table


class Conversation(Table):
    """An asker and one staff member. It begins with the opening that the asker's phone seals to his devices."""

    __tablename__ = "conversation"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'open', 'closed')", name="state"),
        CheckConstraint(
            "ending IN ('done', 'handed over', 'continued elsewhere', 'no answer', 'lapsed', 'withdrawn')",
            name="ending",
        ),
        UniqueConstraint("request_id", "number"),
        Index("conversation_one_open", "request_id", unique=True, postgresql_where=text("state <> 'closed'")),
        {"schema": "anonymous"},
    )

    id: Mapped[Key]
    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("anonymous.support_request.id", ondelete="CASCADE"))
    number: Mapped[int]
    """The how-manieth of its request, from 1: after a lapse or a hand-over there is another."""
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id"), index=True)
    state: Mapped[str] = mapped_column(default="waiting")
    ending: Mapped[str | None]
    opening: Mapped[FactList | None]
    """One entry a device of the staff member: `device_id` and `sealed`, base64url (RFC 9180)."""
    staff_unread: Mapped[bool] = mapped_column(default=False)
    idle_on: Mapped[date | None]
    """The day on which it closes by itself if nobody writes."""
    version: Mapped[int] = mapped_column(default=1)


class Message(Table):
    """One sealed message. No time is kept: its place is the sender's own count, its time is inside."""

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint("sender IN ('asker', 'staff')", name="sender"),
        UniqueConstraint("conversation_id", "sender", "counter"),
        UniqueConstraint("conversation_id", "place"),
        {"schema": "anonymous"},
    )

    id: Mapped[Key]
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("anonymous.conversation.id", ondelete="CASCADE"))
    sender: Mapped[str]
    counter: Mapped[int]
    place: Mapped[int]
    """The order in which the server took them, from 1, over both senders."""
    sealed: Mapped[bytes]


class Feedback(Table):
    """What an asker said of the help, by fixed choices. It stands alone: no request, no peer, no day."""

    __tablename__ = "feedback"
    __table_args__ = ({"schema": "anonymous"},)

    id: Mapped[Key]
    month: Mapped[str]
    helped: Mapped[str]
    would_ask_again: Mapped[str]
