"""Telling somebody: a row in the transaction that has something to tell. Nothing is sent before its commit.

One notice to one person about one thing is one job, found by its key. So telling it again while it waits doubles
nothing, and a phone that should go quiet again is told so after the ring, never before it.
"""

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from backend.jobs import Kind, enqueue
from backend.notify.kinds import TELLING, Notice


def tell_staff(
    session: Session,
    notice: Notice,
    staff_id: uuid.UUID,
    about: uuid.UUID,
    now: datetime,
    *,
    expires_at: datetime | None = None,
) -> None:
    """Ring every device of one member of staff. After `expires_at` nobody is rung any more."""
    enqueue(
        session,
        Kind.TELL,
        {"notice": notice, "staff": str(staff_id), "about": str(about)},
        run_at=now,
        key=f"{notice} {about} {staff_id}",
        expires_at=expires_at or now + TELLING[notice].lasts,
    )


def hush_staff(session: Session, notice: Notice, staff_id: uuid.UUID, about: uuid.UUID, now: datetime) -> None:
    """The matter has settled: what still waits is not sent, and phones that have rung take the alert away."""
    enqueue(
        session,
        Kind.TELL,
        {"notice": notice, "staff": str(staff_id), "about": str(about), "quiet": True},
        run_at=now,
        key=f"{notice} {about} {staff_id}",
        expires_at=now + TELLING[notice].lasts,
    )


def wake_asker(session: Session, request_id: uuid.UUID, now: datetime) -> None:
    """Wake the phone that waits for an answer to this request, if it has asked to be woken directly."""
    enqueue(
        session,
        Kind.TELL,
        {"notice": Notice.ANSWER, "about": str(request_id)},
        run_at=now,
        key=f"{Notice.ANSWER} {request_id}",
        expires_at=now + TELLING[Notice.ANSWER].lasts,
    )


def ring_facility(session: Session, facility_slug: str, incident_id: uuid.UUID, now: datetime) -> None:
    """A visible alert to every phone of one facility: something severe has happened, and help stands ready."""
    enqueue(
        session,
        Kind.TELL,
        {"notice": Notice.INCIDENT, "facility": facility_slug, "about": str(incident_id)},
        run_at=now,
        key=f"{Notice.INCIDENT} {incident_id} {facility_slug}",
        expires_at=now + TELLING[Notice.INCIDENT].lasts,
    )
