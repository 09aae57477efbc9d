"""Work for later: a row in the transaction that wants it, taken up after its commit, until it is done or dies.

Delivery is at least once. A handler that only touches rows finishes its job in the same transaction, and so runs
exactly once; one that talks to the world outside may run again, and must be harmless then.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, any_, delete, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from backend.models.agency.jobs import Job

LEASE = timedelta(seconds=30)
"""How long a claimed job waits for a worker that was killed; longer than the slowest push takes."""
CHANNEL = "relief_job"
"""PostgreSQL tells workers on this channel (NOTIFY) when a transaction that left work has committed."""
_LOCKS = 0x72656C66


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
    RECHECK = "recheck"
    """The facts behind offers have changed: take back those that no longer stand. Args: `incident`, whose facts were
    corrected, or `staff`, who left the programme (each an id); key: which of the two, and the id."""
    CLOSE_IDLE = "close idle"
    """Close a conversation in which nobody writes any more; key: the conversation."""
    FORGET = "forget"
    """Delete a request that ended some days ago; key: the request."""
    FEEDBACK = "feedback"
    """Keep what an asker said of the help, at a moment that doesn't tell whose it is."""
    KEEP_HOUSE = "keep house"
    """Each hour: make keys ahead, destroy old ones, let accounts lapse, drop what has expired."""
    BEAT = "beat"
    """Each quarter of an hour: change the news' tags, and wake the officers' phones if there is news."""


@dataclass(frozen=True)
class Wish:
    """Work to be left: what `enqueue` takes."""

    kind: Kind
    args: dict[str, Any]
    run_at: datetime
    key: str | None = None
    expires_at: datetime | None = None


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
    enqueue_all(session, [Wish(kind, args or {}, run_at, key, expires_at)])


def enqueue_all(session: Session, wishes: Collection[Wish]) -> None:
    """`enqueue`, for many of which no two have one key; in the order of their keys, as everybody locks them."""
    if not wishes:
        return
    ordered = sorted(wishes, key=lambda wish: wish.key or "")
    row = insert(Job).values([vars(wish) | {"attempts": 0, "generation": 0} for wish in ordered])
    row = row.on_conflict_do_update(
        index_elements=[Job.kind, Job.key],
        index_where=text("key IS NOT NULL AND died_at IS NULL"),
        set_={
            "args": row.excluded.args,
            "run_at": row.excluded.run_at,
            "expires_at": row.excluded.expires_at,
            "attempts": 0,
            "reason": None,
            "generation": Job.generation + 1,
        },
    )
    session.execute(row.returning(func.pg_notify(CHANNEL, "")))


def seed(session: Session, kind: Kind, now: datetime) -> None:
    """See that a recurring job is there. Its key is its kind; one that waits already keeps its time."""
    session.execute(
        insert(Job).values(kind=kind, key=kind, args={}, run_at=now, attempts=0, generation=0).on_conflict_do_nothing()
    )


def cancel(session: Session, kind: Kind, key: str) -> None:
    """The work is no longer wanted."""
    session.execute(delete(Job).where(Job.kind == kind, Job.key == key, Job.died_at.is_(None)))


def claim(session: Session, kinds: Sequence[Kind], now: datetime, limit: int, *, lease: timedelta = LEASE) -> list[Job]:
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
        # Without this the planner may run the selection again for each row, and lock more than `limit`.
        .cte("ready")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    taken = (
        update(Job)
        .where(Job.id == ready.c.id)
        .values(leased_until=now + lease, attempts=Job.attempts + 1)
        .returning(Job)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(session.scalars(taken), key=lambda job: job.run_at)


def hold(session: Session, job: Job) -> bool:
    """Whether a claimed job is still ours to do; then nobody else can do it before this transaction ends.

    A worker may have slept through its lease. The lock is an advisory one and not the row's: a handler locks the rows
    it works on, whose other writers enqueue and cancel jobs, and two orders of locking would be a deadlock.
    """
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCKS, job.id & 0x7FFFFFFF))):
        return False
    return session.scalar(select(Job.id).where(_ours(job))) is not None


def finish(session: Session, job: Job) -> None:
    """Done, whoever holds it by now. If the same was asked for again meanwhile, it stays for that."""
    finish_all(session, [job])


def finish_all(session: Session, jobs: Sequence[Job]) -> None:
    """`finish`, for many."""
    numbers = func.unnest(_array(job.id for job in jobs), _array(job.generation for job in jobs))
    held = numbers.table_valued("id", "generation").render_derived(name="held")
    done = (
        delete(Job)
        .where(Job.id == held.c.id, Job.generation == held.c.generation, Job.died_at.is_(None))
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    finished = set(session.scalars(done)) if jobs else set()
    _release(session, [job for job in jobs if job.id not in finished])


def lock_all(session: Session, jobs: Sequence[Job]) -> None:
    """Lock these rows in the order of their keys, as everybody does who changes several."""
    ours = Job.id == any_(_array(job.id for job in jobs))
    session.execute(select(Job.id).where(ours).order_by(Job.key, Job.id).with_for_update())


def postpone(session: Session, job: Job, run_at: datetime, reason: str) -> None:
    """Try again at `run_at`, unless the same was asked for anew meanwhile. `reason` holds nothing of anybody."""
    session.execute(
        update(Job)
        .where(_ours(job), Job.generation == job.generation)
        .values(run_at=run_at, reason=reason)
        .execution_options(synchronize_session=False)
    )
    _release(session, [job])


def bury(session: Session, job: Job, reason: str, now: datetime) -> None:
    """It can't be done: keep it for a person to see (`relief jobs`). `reason` holds nothing of anybody."""
    session.execute(
        update(Job)
        .where(_ours(job), Job.generation == job.generation)
        .values(died_at=now, reason=reason)
        .execution_options(synchronize_session=False)
    )
    _release(session, [job])


def backoff(attempts: int) -> timedelta:
    """How long to wait after the `attempts`-th failure: 2 s, doubling, five minutes at most."""
    return timedelta(seconds=min(300, 2 ** min(attempts, 9)))


def _array(numbers: Iterable[int]) -> ColumnElement[list[int]]:
    """As one value: a list of a hundred would be parsed anew for each length."""
    return literal(list(numbers), ARRAY(BigInteger))


def _ours(job: Job) -> ColumnElement[bool]:
    """A lease is known by its end: another worker's claim has another."""
    return and_(Job.id == job.id, Job.leased_until == job.leased_until, Job.died_at.is_(None))


def _release(session: Session, jobs: Sequence[Job]) -> None:
    if not jobs:
        return
    ours = or_(*(and_(Job.id == job.id, Job.leased_until == job.leased_until) for job in jobs))
    session.execute(update(Job).where(ours).values(leased_until=None).execution_options(synchronize_session=False))
