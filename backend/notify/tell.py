"""Telling somebody: a row in the transaction that has something to tell. Nothing is sent before its commit.

One notice to one person about one thing is one job, found by its key. So telling it again while it waits doubles
nothing, and a phone that should go quiet again is told so after the ring, never before it.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from backend.jobs import Kind, Wish, enqueue, enqueue_all
from backend.notify.kinds import TELLING, Notice

Aim = tuple[str, str]
"""`device`, `wake` or `topic`, and which."""


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
    _leave(session, notice, about, now, until=expires_at, staff=str(staff_id))


def hush_staff(session: Session, notice: Notice, staff_id: uuid.UUID, about: uuid.UUID, now: datetime) -> None:
    """The matter has settled: what still waits is not sent, and phones that have rung take the alert away."""
    _leave(session, notice, about, now, staff=str(staff_id), quiet=True)


def wake_asker(session: Session, request_id: uuid.UUID, now: datetime) -> None:
    """Wake the phone that waits for an answer to this request, if it has asked to be woken directly."""
    _leave(session, Notice.ANSWER, request_id, now)


def ring_facility(session: Session, facility_slug: str, incident_id: uuid.UUID, now: datetime) -> None:
    """A visible alert to every phone of one facility: something severe has happened, and help stands ready."""
    _leave(session, Notice.INCIDENT, incident_id, now, facility=facility_slug)


def leave_push(
    session: Session, notice: Notice, about: uuid.UUID | None, aim: Aim, now: datetime, *, until: datetime
) -> None:
    """Leave one push without asking who else there is to tell."""
    enqueue_all(session, [push(notice, about, aim, now, until=until)])


def push(
    notice: Notice, about: uuid.UUID | None, aim: Aim, now: datetime, *, until: datetime, quiet: bool = False
) -> Wish:
    """One push, to be left. A later one for the same takes its place."""
    what, which = aim
    args: dict[str, Any] = {"notice": notice, what: which, "until": until.isoformat(), "quiet": quiet}
    if about:
        args["about"] = str(about)
    return Wish(Kind.PUSH, args, now, f"{notice} {about} {which}", until)


def told_key(notice: Notice, about: uuid.UUID, to: str) -> str:
    """The key of the one job that tells this notice about this thing to this person."""
    return f"{notice} {about} {to}"


def _leave(
    session: Session, notice: Notice, about: uuid.UUID, now: datetime, *, until: datetime | None = None, **to: Any
) -> None:
    until = until or now + TELLING[notice].lasts
    args = {"notice": notice, "about": str(about), "until": until.isoformat(), **to}
    key = told_key(notice, about, to.get("staff") or to.get("facility") or "asker")
    enqueue(session, Kind.TELL, args, run_at=now, key=key, expires_at=until)
