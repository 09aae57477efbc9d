"""Critical incidents, and the keys with which other systems record them."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.tables import Facts, Key, Table


class Incident(Table):
    """One critical incident. Who was involved is never recorded, except staff of the programme (`IncidentStaff`)."""

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint("severity IN ('moderate', 'serious', 'severe')", name="severity"),
        CheckConstraint("ended_at >= started_at", name="ends_after_start"),
        {"schema": "agency"},
    )

    id: Mapped[Key]
    number: Mapped[int] = mapped_column(Identity(), unique=True)
    type: Mapped[str]
    facility_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.facility.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    severity: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    closed_at: Mapped[datetime | None]


class IncidentUnit(Table):
    """A unit that an incident touched."""

    __tablename__ = "incident_unit"
    __table_args__ = ({"schema": "agency"},)

    incident_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("agency.incident.id", ondelete="CASCADE"), primary_key=True
    )
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.unit.id"), primary_key=True)


class IncidentStaff(Table):
    """A peer or clinician who was part of an incident or witnessed it, and so is out of every order for it."""

    __tablename__ = "incident_staff"
    __table_args__ = ({"schema": "agency"},)

    incident_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("agency.incident.id", ondelete="CASCADE"), primary_key=True
    )
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.staff.id"), primary_key=True)


class IntegrationKey(Table):
    """Lets another system record incidents, and do nothing else. Kept as SHA-256."""

    __tablename__ = "integration_key"
    __table_args__ = (
        Index("integration_key_name_in_use", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
        {"schema": "agency"},
    )

    id: Mapped[Key]
    name: Mapped[str]
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    revoked_at: Mapped[datetime | None]


class IdempotentAnswer(Table):
    """What another system was told the first time, so that a repeat is told the same."""

    __tablename__ = "idempotent_answer"
    __table_args__ = (UniqueConstraint("integration_key_id", "idempotency_key"), {"schema": "agency"})

    id: Mapped[Key]
    integration_key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.integration_key.id", ondelete="CASCADE"))
    idempotency_key: Mapped[str]
    request_hash: Mapped[bytes]
    answer: Mapped[Facts]
    expires_at: Mapped[datetime]
