"""The agency itself, and its places: facilities, units and the chain of command, with its history."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.tables import FactList, Facts, Key, Table, Words


class Agency(Table):
    """The one agency that this deployment serves: at most one row."""

    __tablename__ = "agency"
    __table_args__ = (CheckConstraint("one", name="one"), {"schema": "agency"})

    one: Mapped[bool] = mapped_column(primary_key=True, default=True)
    name: Mapped[str]
    time_zone: Mapped[str]
    languages: Mapped[Words]
    topics: Mapped[Words]
    crisis_lines: Mapped[FactList]
    resources: Mapped[FactList]
    notice: Mapped[Facts]
    """The confidentiality notice: `version` and `text` by language."""
    policy: Mapped[Facts]
    """How requests are passed on, by urgency; read through `backend.rules.policy`."""


class Cohort(Table):
    """A facility, or several together: the group that a check-in is counted under."""

    __tablename__ = "cohort"
    __table_args__ = ({"schema": "agency"},)

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class Facility(Table):
    """A prison or jail. `slug` names it in the agency's file, in topics and in addresses."""

    __tablename__ = "facility"
    __table_args__ = ({"schema": "agency"},)

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    cohort_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.cohort.id"))
    closed: Mapped[bool] = mapped_column(default=False)


class Unit(Table):
    """A part of a facility with its own supervisor."""

    __tablename__ = "unit"
    __table_args__ = ({"schema": "agency"},)

    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    facility_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.facility.id"), index=True)
    closed: Mapped[bool] = mapped_column(default=False)


class Command(Table):
    """That one unit stood under another, from when until when (`until` null: still)."""

    __tablename__ = "command"
    __table_args__ = (
        CheckConstraint("unit_id <> parent_id", name="no_own_parent"),
        Index("command_one_parent_now", "unit_id", unique=True, postgresql_where=text("until IS NULL")),
        {"schema": "agency"},
    )

    id: Mapped[Key]
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.unit.id"))
    parent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agency.unit.id"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
