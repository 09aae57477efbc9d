"""Staff's phones and computers: where they are rung, and their keys."""

import uuid
from typing import Any

import marshmallow as ma

from backend.actions.agency import devices
from backend.api.agency.callers import caller, staff
from backend.api.fields import Base64, Text
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction
from backend.models.agency.staff import Device

blueprint = Blueprint("devices", __name__, url_prefix="/v1/staff/devices", description="Staff's phones")

_KIND = ma.validate.OneOf(["fid", "token"])
_ADDRESS = ma.validate.Regexp("^[A-Za-z0-9_:.-]+$", error="This must be as Firebase gave it: letters, digits, _:.-")


class RegisterSchema(ma.Schema):
    """A phone. `address` is what Firebase calls it: an installation id (`fid`) or a registration `token`.

    `public_key`: X25519, 32 bytes. Its other half never leaves the phone.
    """

    name = Text(required=True, longest=80)
    platform = Text(required=True, validate=ma.validate.OneOf(["android", "ios"]))
    address_kind = Text(required=True, validate=_KIND)
    address = Text(required=True, longest=1024, validate=_ADDRESS)
    public_key = Base64(required=True, least=32, most=32)


class DeviceSchema(ma.Schema):
    """One of one's devices. `works`: Firebase takes what is sent to it. `signed_in`: it rings for a sign-in."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    platform = ma.fields.String(required=True)
    address_kind = ma.fields.String(required=True)
    public_key = Base64(required=True, least=32, most=32)
    seen_on = ma.fields.Date(required=True)
    works = ma.fields.Boolean(required=True)
    signed_in = ma.fields.Function(lambda device: device.session_id is not None, metadata={"type": "boolean"})


@blueprint.post("")
@allow(staff)
@blueprint.problems(409)
@blueprint.arguments(RegisterSchema())
@blueprint.response(201, DeviceSchema())
def register(facts: dict[str, Any]) -> Device:
    """Register this phone, or tell that it is still there. It rings for this sign-in, and for nobody else any more."""
    with transaction(Side.ANONYMOUS) as session:
        return devices.register(session, caller(), facts, now())


class DevicesSchema(ma.Schema):
    """One's own devices, by name."""

    devices = ma.fields.List(ma.fields.Nested(DeviceSchema), required=True)


@blueprint.get("")
@allow(staff)
@blueprint.response(200, DevicesSchema())
def mine() -> dict[str, list[Device]]:
    """See one's own devices."""
    with transaction(Side.ANONYMOUS) as session:
        return {"devices": devices.mine(session, caller().staff_id)}


class ChangedDeviceSchema(ma.Schema):
    """What is to be another, as in registering. A new address comes with its kind."""

    name = Text(longest=80)
    address_kind = Text(validate=_KIND)
    address = Text(longest=1024, validate=_ADDRESS)
    public_key = Base64(least=32, most=32)

    @ma.validates_schema
    def check_address(self, facts: dict[str, Any], **kwargs: Any) -> None:
        """An address without its kind would be sent to the wrong place."""
        if ("address" in facts) != ("address_kind" in facts):
            raise ma.ValidationError("Send the address and its kind together.", "address_kind")


@blueprint.patch("/<uuid:device_id>")
@allow(staff)
@blueprint.problems(409)
@blueprint.arguments(ChangedDeviceSchema())
@blueprint.response(200, DeviceSchema())
def change(facts: dict[str, Any], device_id: uuid.UUID) -> Device:
    """Change a device's name, key or address. It rings for this sign-in from now on."""
    with transaction(Side.ANONYMOUS) as session:
        return devices.change(session, caller(), device_id, facts, now())


@blueprint.delete("/<uuid:device_id>")
@allow(staff)
@blueprint.response(204)
def remove(device_id: uuid.UUID) -> None:
    """Remove a device. It is rung no more, and nothing more is sealed to it."""
    with transaction(Side.ANONYMOUS) as session:
        devices.remove(session, caller().staff_id, device_id, now())


@blueprint.post("/<uuid:device_id>/test")
@allow(staff)
@blueprint.problems(409)
@blueprint.response(202)
def try_out(device_id: uuid.UUID) -> None:
    """Ring this device, to hear whether it rings."""
    with transaction(Side.ANONYMOUS) as session:
        devices.try_out(session, caller().staff_id, device_id, now())
