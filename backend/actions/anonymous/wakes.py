"""Being woken directly: an address made for one request alone. It dies with the request."""

import uuid
from dataclasses import dataclass, field

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.actions.anonymous.access import ENDED, Asker, askers_request
from backend.errors import Conflict, Invalid
from backend.models.agency.staff import Device
from backend.models.anonymous.requests import SupportRequest, Wake
from backend.rules.policy import Urgency


@dataclass(frozen=True)
class Address:
    """What Firebase calls one installation of the app: `kind` is `fid` or `token`."""

    platform: str
    kind: str
    address: str = field(repr=False)


def wake_me(session: Session, asker: Asker, request_id: uuid.UUID, address: Address) -> None:
    """From now on an answer rings this phone.

    Raises Conflict for a request that isn't for now, or has ended; Invalid for an address of somebody on staff.
    """
    request = askers_request(session, asker, request_id)
    if request.urgency != Urgency.NOW or request.state in ENDED:
        raise Conflict("no-wake", "Only a request for now that hasn't ended can wake a phone directly.")
    put_wake(session, request, address)
    request.version += 1


def let_me_sleep(session: Session, asker: Asker, request_id: uuid.UUID) -> None:
    """The phone is woken no more, and its address is gone."""
    request = askers_request(session, asker, request_id)
    drop_wake(session, request.id)
    request.version += 1


def put_wake(session: Session, request: SupportRequest, address: Address) -> None:
    """Keep the address, in place of any before. Raises Invalid for one that stands beside somebody's name already."""
    if session.scalar(select(exists().where(Device.address == address.address))):
        raise Invalid({"wake": "This address is known as that of somebody on staff. Send one made for this request."})
    values = {"platform": address.platform, "address_kind": address.kind, "address": address.address}
    session.execute(
        insert(Wake)
        .values(request_id=request.id, **values)
        .on_conflict_do_update(index_elements=[Wake.request_id], set_=values)
    )


def drop_wake(session: Session, request_id: uuid.UUID) -> None:
    """Forget the address."""
    session.execute(delete(Wake).where(Wake.request_id == request_id))
