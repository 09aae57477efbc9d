"""Which of staff's devices can be rung."""

from datetime import date, datetime, timedelta

from sqlalchemy import Select, select

from backend.models.agency.staff import Device, Staff, StaffSession

UNSEEN = timedelta(days=270)
"""Firebase lets an Android registration die that has not connected for 270 days."""


def reachable_devices(today: date, now: datetime) -> Select[Device]:
    """Devices that may ring: registered, seen, working, and their sign-in still stands."""
    return (
        select(Device)
        .join(Staff, Staff.id == Device.staff_id)
        .join(StaffSession, StaffSession.id == Device.session_id)
        .where(Device.works, Device.seen_on > today - UNSEEN, Staff.active, StaffSession.expires_at > now)
        .order_by(Device.id)
    )
