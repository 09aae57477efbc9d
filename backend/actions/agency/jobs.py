"""The work for later, as an operator sees it: what waits, what keeps failing, what has died and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.errors import Conflict, Missing
from backend.models.agency.jobs import Job


@dataclass(frozen=True)
class Standing:
    """How the work of one kind stands: how much of it waits, how much of that is due, and how much has failed."""

    kind: str
    waiting: int
    due: int
    failing: int
    reason: str | None


def standing(session: Session, now: datetime) -> list[Standing]:
    """Every kind of which something waits."""
    failing = Job.reason.is_not(None)
    rows = session.execute(
        select(
            Job.kind,
            func.count(),
            func.count().filter(Job.run_at <= now),
            func.count().filter(failing),
            func.max(Job.reason),
        )
        .where(Job.died_at.is_(None))
        .group_by(Job.kind)
        .order_by(Job.kind)
    )
    return [Standing(*row) for row in rows]


def dead(session: Session) -> Sequence[Job]:
    """What can't be done, the oldest first."""
    return session.scalars(select(Job).where(Job.died_at.is_not(None)).order_by(Job.died_at)).all()


def retry(session: Session, number: int, now: datetime) -> None:
    """Have it tried again; raises Missing, or Conflict if the same was asked for anew meanwhile."""
    job = _dead(session, number)
    try:
        with session.begin_nested():
            job.died_at, job.reason, job.run_at, job.attempts = None, None, now, 0
    except IntegrityError:
        raise Conflict("asked-for-anew", "The same work waits again already. Drop this one.") from None


def drop(session: Session, number: int) -> None:
    """Delete it for good; raises Missing."""
    session.delete(_dead(session, number))


def _dead(session: Session, number: int) -> Job:
    job = session.scalar(select(Job).where(Job.id == number, Job.died_at.is_not(None)).with_for_update())
    if job is None:
        raise Missing("Dead work of this number")
    return job
