"""Pushes: taken from the table with what they need, and settled after they were sent. The sending lies between."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebase_admin.messaging import Message
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from backend.jobs import Kind, backoff, bury, claim, finish_all, lock_all, postpone
from backend.metrics import Outcome
from backend.models.agency.jobs import Job
from backend.models.agency.staff import Device
from backend.models.anonymous.requests import Wake
from backend.notify.devices import reachable_devices
from backend.notify.firebase import Answer
from backend.notify.kinds import Notice
from backend.notify.messages import Target, build
from backend.notify.wanted import still_wanted


@dataclass(frozen=True)
class Push:
    """One push on its way, with the address that it goes to."""

    job: Job
    target: Target
    message: Message


def take(session: Session, now: datetime, limit: int) -> list[Push]:
    """Claim up to `limit` pushes. Those that have expired, or ring for nothing any more, end here."""
    jobs = claim(session, [Kind.PUSH], now, limit)
    wanted = _wanted(session, [job for job in jobs if job.expires_at is None or job.expires_at > now], now)
    targets = _targets(session, wanted, now)
    taken = [Push(job, targets[job.id], _message(job, targets[job.id], now)) for job in wanted if job.id in targets]
    kept = {push.job.id for push in taken}
    finish_all(session, [job for job in jobs if job.id not in kept])
    return taken


def settle(session: Session, pushes: Sequence[Push], answers: Sequence[Answer], now: datetime) -> None:
    """Write down what came of them. An address that is dead is believed so only if it is still the same."""
    lock_all(session, [push.job for push in pushes])
    done = []
    for push, answer in zip(pushes, answers, strict=True):
        if answer.outcome is Outcome.LATER:
            postpone(session, push.job, now + _wait(push.job, answer), answer.reason)
        elif answer.outcome is Outcome.DEAD:
            bury(session, push.job, answer.reason, now)
        else:
            done.append(push.job)
        if answer.outcome is Outcome.GONE:
            _strike_out(session, push)
    finish_all(session, done)


def _wait(job: Job, answer: Answer) -> timedelta:
    return max(backoff(job.attempts), answer.wait or timedelta())


def _wanted(session: Session, jobs: Iterable[Job], now: datetime) -> list[Job]:
    by_notice: dict[Notice, list[Job]] = defaultdict(list)
    wanted = []
    for job in jobs:
        if job.args["quiet"] or "about" not in job.args:
            wanted.append(job)
        else:
            by_notice[Notice(job.args["notice"])].append(job)
    for notice, group in by_notice.items():
        open_ones = still_wanted(session, notice, {_about(job) for job in group}, now)
        wanted += [job for job in group if _about(job) in open_ones]
    return wanted


def _targets(session: Session, jobs: Sequence[Job], now: datetime) -> dict[int, Target]:
    """Where each goes, read now: a device may have been signed out or registered anew since the job was left."""
    devices: dict[str, Device | Wake] = {
        str(device.id): device
        for device in session.scalars(reachable_devices(now.date(), now).where(Device.id.in_(_named(jobs, "device"))))
    }
    wakes: dict[str, Device | Wake] = {
        str(wake.request_id): wake
        for wake in session.scalars(select(Wake).where(Wake.request_id.in_(_named(jobs, "wake"))))
    }
    targets = {}
    for job in jobs:
        row = devices.get(job.args.get("device", "")) or wakes.get(job.args.get("wake", ""))
        if row:
            targets[job.id] = Target(row.address_kind, row.address, row.platform)
        elif "topic" in job.args:
            targets[job.id] = Target("topic", job.args["topic"], None)
    return targets


def _named(jobs: Iterable[Job], what: str) -> set[uuid.UUID]:
    return {uuid.UUID(job.args[what]) for job in jobs if what in job.args}


def _about(job: Job) -> Any:
    return uuid.UUID(job.args["about"]) if "about" in job.args else None


def _message(job: Job, target: Target, now: datetime) -> Message:
    until = datetime.fromisoformat(job.args["until"])
    return build(Notice(job.args["notice"]), _about(job), target, now, until=until, quiet=job.args["quiet"])


def _strike_out(session: Session, push: Push) -> None:
    args, address = push.job.args, push.target.address
    if "device" in args:
        device_id = uuid.UUID(args["device"])
        session.execute(update(Device).where(Device.id == device_id, Device.address == address).values(works=False))
    elif "wake" in args:
        request_id = uuid.UUID(args["wake"])
        session.execute(delete(Wake).where(Wake.request_id == request_id, Wake.address == address))
