"""Work for later: a row in the transaction that wants it, taken up after its commit, until it is done or dies.

Delivery is at least once. A handler that only touches rows finishes its job in the same transaction, and so runs
exactly once; one that talks to the world outside may run again, and must be harmless then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.models.agency.jobs import Job

LEASE = timedelta(seconds=60)


class Kind(StrEnum):
    """What can be left for later. Each kind has a handler in `backend.worker`."""

    PUBLISH = "publish"
    """Make one static file anew; key: its name."""
    TELL = "tell"
    """Tell somebody something: becomes one push for each of his devices."""
    PUSH = "push"
    """Hand one message to Firebase."""
    NEXT_WAVE = "next wave"
    """Look after a support request: ask the next peers, or tell people; key: the request."""
    LAPSE = "lapse"
    """A peer accepted and the first message is due; key: the conversation."""
    CLOSE_IDLE = "close idle"
    """Close a conversation in which nobody writes any more; key: the conversation."""
    FORGET = "forget"
    """Delete a request that ended some days ago; key: the request."""
    KEEP_HOUSE = "keep house"
    """Each hour: make keys ahead, destroy old ones, let accounts lapse, drop what has expired."""
    BEAT = "beat"
    """Each quarter of an hour: change the news' tags, and wake the officers' phones if there is news."""


def enqueue(
    session: Session,
    kind: Kind,
    args: dict[str, Any] | None = None,
    *,
    run_at: datetime,
    key: str | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Leave work for later. With a `key`, a job that is still waiting is moved instead of doubled."""
    row = insert(Job).values(
        kind=kind, key=key, args=args or {}, run_at=run_at, expires_at=expires_at, attempts=0, generation=0
    )
    if key is not None:
        row = row.on_conflict_do_update(
            index_elements=[Job.kind, Job.key],
            index_where=text("key IS NOT NULL AND died_at IS NULL"),
            set_={
                "args": row.excluded.args,
                "run_at": row.excluded.run_at,
                "expires_at": row.excluded.expires_at,
                "attempts": 0,
                "generation": Job.generation + 1,
            },
        )
    session.execute(row)


def cancel(session: Session, kind: Kind, key: str) -> None:
    """The work is no longer wanted."""
    session.execute(delete(Job).where(Job.kind == kind, Job.key == key, Job.died_at.is_(None)))


def claim(session: Session, kinds: Sequence[Kind], now: datetime, limit: int) -> list[Job]:
    """Take up to `limit` ready jobs for the length of a lease; what another worker holds is passed over."""
    ready = (
        select(Job.id)
        .where(
            Job.kind.in_(kinds),
            Job.run_at <= now,
            Job.died_at.is_(None),
            or_(Job.leased_until.is_(None), Job.leased_until <= now),
        )
        .order_by(Job.run_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(Job)
        .where(Job.id.in_(ready.scalar_subquery()))
        .values(leased_until=now + LEASE, attempts=Job.attempts + 1)
        .returning(Job)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(session.scalars(taken), key=lambda job: job.run_at)


def finish(session: Session, job: Job) -> None:
    """Done. If the same was asked for again meanwhile, it stays for that."""
    done = session.scalar(
        delete(Job)
        .where(Job.id == job.id, Job.generation == job.generation)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        _release(session, job)


def postpone(session: Session, job: Job, run_at: datetime, *, counted: bool = True) -> None:
    """Try again at `run_at`; `counted=False` for a wait that is no failure."""
    later = func.greatest(Job.run_at, run_at) if counted else run_at
    values: dict[str, Any] = {"run_at": later} if counted else {"run_at": later, "attempts": 0}
    session.execute(
        update(Job)
        .where(Job.id == job.id, Job.generation == job.generation)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    _release(session, job)


def bury(session: Session, job: Job, reason: str, now: datetime) -> None:
    """It can't be done: keep it for a person to see (`relief jobs`). `reason` holds nothing of anybody."""
    session.execute(
        update(Job)
        .where(Job.id == job.id)
        .values(died_at=now, reason=reason, leased_until=None)
        .execution_options(synchronize_session=False)
    )


def backoff(attempts: int) -> timedelta:
    """How long to wait after the `attempts`-th failure: 2 s, doubling, five minutes at most."""
    return timedelta(seconds=min(300, 2**attempts))


def _release(session: Session, job: Job) -> None:
    session.execute(
        update(Job).where(Job.id == job.id).values(leased_until=None).execution_options(synchronize_session=False)
    )
