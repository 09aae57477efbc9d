"""From somebody who is to be told to what is to be sent: one push for each device, wake address or topic.

Only rows are read and written here. A push names its device; the device's address is read when it is sent.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.jobs import Kind, enqueue
from backend.models.agency.staff import Device
from backend.models.anonymous.requests import Wake
from backend.notify.devices import reachable_devices
from backend.notify.kinds import OFFICERS_TOPIC, TELLING, Notice, Who, facility_topic
from backend.notify.tell import leave_push, told_key
from backend.notify.wanted import still_wanted


def fan_out(session: Session, args: dict[str, Any], now: datetime) -> None:
    """Do one `Kind.TELL`: leave a push for everything that this notice reaches, unless it has settled meanwhile."""
    notice = Notice(args["notice"])
    about = uuid.UUID(args["about"])
    until = datetime.fromisoformat(args["until"])
    if until <= now or not (args.get("quiet") or still_wanted(session, notice, [about], now)):
        return
    for aim in _aims(session, notice, args, now):
        leave_push(session, notice, about, aim, now, until=until, quiet=bool(args.get("quiet")))
    _ring_again(session, notice, args, now, until=until)


def _aims(session: Session, notice: Notice, args: dict[str, Any], now: datetime) -> list[tuple[str, str]]:
    who = TELLING[notice].who
    if who is Who.STAFF:
        devices = session.scalars(reachable_devices(now.date(), now).where(Device.staff_id == uuid.UUID(args["staff"])))
        return [("device", str(device.id)) for device in devices]
    if who is Who.ASKER:
        wakes = session.scalars(select(Wake.request_id).where(Wake.request_id == uuid.UUID(args["about"])))
        return [("wake", str(request_id)) for request_id in wakes]
    return [("topic", OFFICERS_TOPIC if who is Who.OFFICERS else facility_topic(args["facility"]))]


def _ring_again(session: Session, notice: Notice, args: dict[str, Any], now: datetime, *, until: datetime) -> None:
    """Once more, later, if nobody has looked by then. It waits under the same key, so that a hush takes its place."""
    after = TELLING[notice].again_after
    if after is None or args.get("again") or args.get("quiet") or now + after >= until:
        return
    key = told_key(notice, uuid.UUID(args["about"]), args["staff"])
    enqueue(session, Kind.TELL, args | {"again": True}, run_at=now + after, key=key, expires_at=until)
