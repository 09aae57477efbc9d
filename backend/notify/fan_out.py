"""From somebody who is to be told to what is to be sent: one push for each device, wake address or topic.

Only rows are read and written here. A push names its device; the device's address is read when it is sent.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.jobs import Kind, Wish, claim, enqueue_all, finish_all
from backend.models.agency.staff import Device
from backend.models.anonymous.requests import Wake
from backend.notify.devices import reachable_devices
from backend.notify.kinds import OFFICERS_TOPIC, TELLING, Notice, Who, facility_topic
from backend.notify.tell import Aim, push, told_key
from backend.notify.wanted import still_wanted


@dataclass(frozen=True)
class Call:
    """The arguments of one `Kind.TELL`, read."""

    notice: Notice
    about: uuid.UUID
    until: datetime
    quiet: bool
    args: dict[str, Any]

    @property
    def staff(self) -> uuid.UUID:
        """Whom of the staff to tell."""
        return uuid.UUID(self.args["staff"])


def tell(session: Session, now: datetime, limit: int) -> int:
    """Take up to `limit` that are ready, fan them out and finish them, in this one transaction; how many there were."""
    jobs = claim(session, [Kind.TELL], now, limit)
    fan_out(session, [job.args for job in jobs], now)
    finish_all(session, jobs)
    return len(jobs)


def fan_out(session: Session, tells: Sequence[dict[str, Any]], now: datetime) -> None:
    """Leave a push for everything that these reach, except for what has settled meanwhile or would come too late."""
    calls = _wanted(session, [call for call in map(_read, tells) if call.until > now], now)
    devices = _devices(session, [call.staff for call in calls if TELLING[call.notice].who is Who.STAFF], now)
    wakes = _wakes(session, [call.about for call in calls if TELLING[call.notice].who is Who.ASKER])
    pushes = [
        push(call.notice, call.about, aim, now, until=call.until, quiet=call.quiet)
        for call in calls
        for aim in _aims(call, devices, wakes)
    ]
    enqueue_all(session, [*pushes, *(wish for call in calls for wish in _ring_again(call, now))])


def _read(args: dict[str, Any]) -> Call:
    until = datetime.fromisoformat(args["until"])
    return Call(Notice(args["notice"]), uuid.UUID(args["about"]), until, bool(args.get("quiet")), args)


def _wanted(session: Session, calls: Sequence[Call], now: datetime) -> list[Call]:
    abouts: dict[Notice, set[uuid.UUID]] = defaultdict(set)
    for call in calls:
        if not call.quiet:
            abouts[call.notice].add(call.about)
    wanted = {notice: still_wanted(session, notice, some, now) for notice, some in abouts.items()}
    return [call for call in calls if call.quiet or call.about in wanted[call.notice]]


def _devices(session: Session, staff: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, list[uuid.UUID]]:
    devices: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    if staff:
        for device in session.scalars(reachable_devices(now.date(), now).where(Device.staff_id.in_(staff))):
            devices[device.staff_id].append(device.id)
    return devices


def _wakes(session: Session, requests: Collection[uuid.UUID]) -> set[uuid.UUID]:
    if not requests:
        return set()
    return set(session.scalars(select(Wake.request_id).where(Wake.request_id.in_(requests))))


def _aims(call: Call, devices: dict[uuid.UUID, list[uuid.UUID]], wakes: set[uuid.UUID]) -> list[Aim]:
    who = TELLING[call.notice].who
    if who is Who.STAFF:
        return [("device", str(device_id)) for device_id in devices[call.staff]]
    if who is Who.ASKER:
        return [("wake", str(call.about))] if call.about in wakes else []
    return [("topic", OFFICERS_TOPIC if who is Who.OFFICERS else facility_topic(call.args["facility"]))]


def _ring_again(call: Call, now: datetime) -> Iterator[Wish]:
    """Once more, later, if nobody has looked by then. It waits under the same key, so that a hush takes its place."""
    after = TELLING[call.notice].again_after
    if after and not call.args.get("again") and not call.quiet and now + after < call.until:
        key = told_key(call.notice, call.about, call.args["staff"])
        yield Wish(Kind.TELL, call.args | {"again": True}, now + after, key, call.until)
