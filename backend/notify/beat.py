"""The beat: officers' phones are woken all together, by an empty message to one topic.

Nobody's phone is woken alone, and a wake says nothing but "look". They are woken some random moment after the tag of a
request with something new has come into the news, at most every fifteen minutes; and without any news every two to
four hours, so that a quiet time doesn't stand out.
"""

import json
import secrets
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.jobs import Kind, enqueue
from backend.models.agency.jobs import Job
from backend.models.agency.record import StaticFile
from backend.models.anonymous.requests import SupportRequest
from backend.notify.kinds import OFFICERS_TOPIC, TELLING, Notice
from backend.notify.tell import leave_push
from backend.rules.news import QUARTER, tag

_REST = QUARTER
_SPARSE = (timedelta(hours=2), timedelta(hours=4))
_DELAY = (timedelta(), timedelta(seconds=30))
_JOB = (Job.kind == Kind.BEAT, Job.key == Kind.BEAT, Job.died_at.is_(None))


def beat(session: Session, now: datetime) -> None:
    """Wake the officers' phones if it is time, and say when to look next. What it remembers, its own job holds."""
    memory = session.scalar(select(Job.args).where(*_JOB).with_for_update()) or {}
    shown = _shown(session)
    news = bool(shown - set(memory.get("told", [])))
    sparse_at = _moment(memory, "sparse_at") or now + _between(*_SPARSE)
    rests_until = _moment(memory, "rests_until") or now
    told = shown & set(memory.get("told", []))
    if (news and rests_until <= now) or sparse_at <= now:
        leave_push(session, Notice.NEWS, None, ("topic", OFFICERS_TOPIC), now, until=now + TELLING[Notice.NEWS].lasts)
        rests_until, sparse_at, told, news = now + _REST, now + _between(*_SPARSE), shown, False
    memory = {"told": sorted(told), "rests_until": rests_until.isoformat(), "sparse_at": sparse_at.isoformat()}
    run_at = min(_next_quarter(now), rests_until) if news else _next_quarter(now)
    enqueue(session, Kind.BEAT, memory, run_at=run_at, key=Kind.BEAT)


def hasten(session: Session, now: datetime) -> None:
    """If there is news that the phones have not been woken for, beat soon instead of at the next quarter."""
    memory = session.scalar(select(Job.args).where(*_JOB).with_for_update())
    if memory is None or not _shown(session) - set(memory.get("told", [])):
        return
    soon = max(now, _moment(memory, "rests_until") or now) + _between(*_DELAY)
    session.execute(update(Job).where(*_JOB, Job.run_at > soon).values(run_at=soon))


def _shown(session: Session) -> Set[str]:
    """One mark for each unread request whose tag is in the news by now; another one when something is added to it."""
    stored = session.scalar(select(StaticFile.body).where(StaticFile.path == "news"))
    if stored is None:
        return set()
    file = json.loads(stored)
    tags = set(file["tags"])
    requests = session.scalars(select(SupportRequest).where(SupportRequest.unread))
    return {f"{row.id} {row.version}" for row in requests if tag(row.secret_hash, file["quarter"]) in tags}


def _moment(memory: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(memory[name]) if name in memory else None


def _between(shortest: timedelta, longest: timedelta) -> timedelta:
    return shortest + (longest - shortest) * secrets.SystemRandom().random()


def _next_quarter(now: datetime) -> datetime:
    epoch = datetime.fromtimestamp(0, UTC)
    return epoch + ((now - epoch) // QUARTER + 1) * QUARTER
