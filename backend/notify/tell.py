"""Telling somebody: a row in the transaction that has something to tell. Nothing is sent before its commit.

One notice to one person about one thing is one job, found by its key. So telling it again while it waits doubles
nothing, and a phone that should go quiet again is told so after the ring, never before it.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from backend.jobs import Kind, enqueue
from backend.notify.kinds import TELLING, Notice


def tell_staff(
    session: Session,
    notice: Notice,
    staff_id: uuid.UUID,
    about: uuid.UUID,
    now: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Ring every device of one member of staff. After `expires_at` nobody is rung any more."""
    _tell(session, notice, f"{staff_id}", about, now, expires_at, staff=str(staff_id))


def hush_staff(session: Session, notice: Notice, staff_id: uuid.UUID, about: uuid.UUID, now: datetime) -> None:
    """The matter has settled: what still waits is not sent, and phones that have rung take the alert away."""
    _tell(session, notice, f"{staff_id}", about, now, None, staff=str(staff_id), quiet=True)


def wake_asker(session: Session, request_id: uuid.UUID, now: datetime) -> None:
    """Wake the phone that waits for an answer to this request, if it has asked to be woken directly."""
    _tell(session, Notice.ANSWER, "asker", request_id, now, None)


def ring_facility(session: Session, facility_slug: str, incident_id: uuid.UUID, now: datetime) -> None:
    """A visible alert to every phone of one facility: something severe has happened, and help stands ready."""
    _tell(session, Notice.INCIDENT, facility_slug, incident_id, now, None, facility=facility_slug)


def _tell(
    session: Session,
    notice: Notice,
    to: str,
    about: uuid.UUID,
    now: datetime,
    expires_at: datetime | None,
    **args: Any,
) -> None:
    enqueue(
        session,
        Kind.TELL,
        {"notice": notice, "about": str(about), **args},
        run_at=now,
        key=f"{notice} {to} {about}",
        expires_at=expires_at or now + TELLING[notice].lasts,
    )
