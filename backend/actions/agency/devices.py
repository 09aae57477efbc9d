"""Staff's phones: where each is rung, and the key that asks are sealed to. Keys stand in the signed bulletin."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.actions.agency.publishing import StaticName, publish
from backend.actions.agency.staff_sessions import StaffCaller
from backend.errors import Conflict, Invalid, Missing
from backend.models.agency.staff import Device, Staff
from backend.notify.devices import reachable_devices
from backend.notify.kinds import TELLING, Notice
from backend.notify.tell import leave_push

MOST = 10
"""An asker's phone seals its first message once for each device."""


def mine(session: Session, staff_id: uuid.UUID) -> list[Device]:
    """One's own devices, by name."""
    return list(session.scalars(select(Device).where(Device.staff_id == staff_id).order_by(Device.name, Device.id)))


def register(session: Session, caller: StaffCaller, facts: Mapping[str, Any], now: datetime) -> Device:
    """This phone is the caller's and rings for his sign-in, whosever it was before. Raises Invalid or Conflict.

    With another owner it becomes another device, by its id too: what was sealed to the one before stays his.
    """
    check_key(facts["public_key"])
    session.scalar(select(Staff.id).where(Staff.id == caller.staff_id).with_for_update(key_share=True))
    row = insert(Device).values(id=uuid.uuid4(), **facts, **_bound(caller, now))
    new = row.excluded
    device = session.scalars(
        row.on_conflict_do_update(
            index_elements=[Device.address],
            set_={name: new[name] for name in (*facts, *_bound(caller, now))}
            | {"id": case((Device.staff_id == new.staff_id, Device.id), else_=new.id)},
        ).returning(Device),
        execution_options={"populate_existing": True},
    ).one()
    _check_number(session, caller.staff_id)
    publish(session, StaticName.BULLETIN, now)
    return device


def change(
    session: Session, caller: StaffCaller, device_id: uuid.UUID, facts: Mapping[str, Any], now: datetime
) -> Device:
    """Another name, key or address; from now on it rings for this sign-in. Raises Missing, Invalid or Conflict."""
    device = _lock(session, caller.staff_id, device_id)
    if "public_key" in facts:
        check_key(facts["public_key"])
    if "address" in facts:
        session.execute(delete(Device).where(Device.address == facts["address"], Device.id != device_id))
    for name, value in (dict(facts) | _bound(caller, now)).items():
        setattr(device, name, value)
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError:
        raise Conflict("address-taken", "Another phone is being registered with this address. Try again.") from None
    publish(session, StaticName.BULLETIN, now)
    return device


def remove(session: Session, staff_id: uuid.UUID, device_id: uuid.UUID, now: datetime) -> None:
    """It rings no more, and nothing more is sealed to it; raises Missing."""
    session.delete(_lock(session, staff_id, device_id))
    session.flush()
    publish(session, StaticName.BULLETIN, now)


def try_out(session: Session, staff_id: uuid.UUID, device_id: uuid.UUID, now: datetime) -> None:
    """Ring this one device, and no other; raises Missing, or Conflict where it can't ring."""
    _lock(session, staff_id, device_id)
    if session.scalar(reachable_devices(now.date(), now).where(Device.id == device_id)) is None:
        raise Conflict("silent", "This device can't be rung: sign in on it, and register it again.")
    until = now + TELLING[Notice.TEST].lasts
    leave_push(session, Notice.TEST, device_id, ("device", str(device_id)), now, until=until)


def _bound(caller: StaffCaller, now: datetime) -> dict[str, Any]:
    return {"staff_id": caller.staff_id, "session_id": caller.session_id, "seen_on": now.date(), "works": True}


def _lock(session: Session, staff_id: uuid.UUID, device_id: uuid.UUID) -> Device:
    his = select(Device).where(Device.id == device_id, Device.staff_id == staff_id)
    device = session.scalar(his.with_for_update())
    if device is None:
        raise Missing("This device")
    return device


def _check_number(session: Session, staff_id: uuid.UUID) -> None:
    """His own row is locked, so that two phones can't both be the last."""
    number = session.scalar(select(func.count()).select_from(Device).where(Device.staff_id == staff_id))
    if number is not None and number > MOST:
        raise Conflict("too-many-devices", f"You have {MOST} devices already. Please remove one first.")


def check_key(public_key: bytes) -> None:
    """A point of small order gives every private key the same secret: nothing sealed to it would be secret.

    `cryptography` refuses an exchange that gives zeros (RFC 7748, section 6.1), whichever private key is tried.
    """
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError:
        raise Invalid({"public_key": "This is no key that anything can be sealed to."}) from None
