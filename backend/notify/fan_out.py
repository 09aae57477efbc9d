"""From somebody who is to be told to what is to be sent: one push for each device, wake address or topic.

Only rows are read and written here. A push names its device; the device's address is read when it is sent.
"""

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from backend.jobs import Kind, enqueue
from backend.models.agency.staff import Device, Staff, StaffSession
from backend.models.anonymous.requests import Wake
from backend.notify.kinds import OFFICERS_TOPIC, TELLING, Notice, Who, facility_topic
from backend.notify.tell import told_key
from backend.notify.wanted import still_wanted

UNSEEN = timedelta(days=270)
"""Firebase lets an Android registration die that has not connected for 270 days."""


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


def leave_push(
    session: Session,
    notice: Notice,
    about: uuid.UUID | None,
    aim: tuple[str, str],
    now: datetime,
    *,
    until: datetime,
    quiet: bool = False,
) -> None:
    """Leave one push. `aim`: `device`, `wake` or `topic`, and which. A later one for the same takes its place."""
    what, which = aim
    args: dict[str, Any] = {"notice": notice, what: which, "until": until.isoformat(), "quiet": quiet}
    if about:
        args["about"] = str(about)
    enqueue(session, Kind.PUSH, args, run_at=now, key=f"{notice} {about} {which}", expires_at=until)


def reachable_devices(today: date, now: datetime) -> Select[Device]:
    """Devices that may ring: registered, seen, working, and their sign-in still stands."""
    return (
        select(Device)
        .join(Staff, Staff.id == Device.staff_id)
        .join(StaffSession, StaffSession.id == Device.session_id)
        .where(Device.works, Device.seen_on > today - UNSEEN, Staff.active, StaffSession.expires_at > now)
        .order_by(Device.id)
    )


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
