"""Going down the order: peers are asked, a few at a time, until one takes the request or people are told.

At every commit an open request has an open offer, a look ahead (`Kind.NEXT_WAVE`), or people told and a look ahead
at which they are told again. `look_after` is the one place that sees to it.
"""

import uuid
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from backend.actions.agency.policies import agency_zone, policy_in_force
from backend.actions.anonymous.access import lock_request
from backend.actions.anonymous.weighing import open_conversations
from backend.config import Config
from backend.jobs import Kind, cancel, enqueue
from backend.models.agency.incidents import IncidentStaff
from backend.models.agency.staff import Availability, Role, Staff
from backend.models.anonymous.requests import Offer, Place, SupportRequest
from backend.notify.kinds import Notice
from backend.notify.tell import hush_staff, tell_staff
from backend.rules.policy import Policy, Urgency
from backend.rules.waves import Reach, next_look, next_wave

_BLOCK = 50
"""How much of an order is looked at in one go."""


def look_after(session: Session, request: SupportRequest, now: datetime) -> None:
    """Do what an open request needs now: end what nobody answered, ask the next, tell people. It is locked."""
    policy = policy_in_force(session)
    offers = _still_open(session, request, now) or _ask_next(session, request, policy, now)
    if not offers and request.urgency == Urgency.NOW and not request.told:
        request.tell_at = now
    if request.tell_at <= now:
        tell_people(session, request, policy, now)
    look_again(session, request, offers, policy, now)


def do_next_wave(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    """The deed of `Kind.NEXT_WAVE`."""
    request = lock_request(session, uuid.UUID(args["request"]))
    if request is not None and request.state == "open":
        look_after(session, request, now)


def look_again(
    session: Session, request: SupportRequest, offers: Collection[Offer], policy: Policy, now: datetime
) -> None:
    """See to it that the request is looked after when its next moment comes."""
    pace = policy.paces[Urgency(request.urgency)]
    run_at = next_look(now, request.tell_at, [offer.expires_at for offer in offers], pace.answer_within)
    enqueue(session, Kind.NEXT_WAVE, {"request": str(request.id)}, run_at=run_at, key=str(request.id))


def make_offer(session: Session, request: SupportRequest, staff_id: uuid.UUID, policy: Policy, now: datetime) -> Offer:
    """Ask one member of staff, and let his phones ring."""
    offer = Offer(
        id=uuid.uuid4(),
        request_id=request.id,
        staff_id=staff_id,
        wave=request.wave,
        state="open",
        expires_at=now + policy.paces[Urgency(request.urgency)].answer_within,
    )
    session.add(offer)
    tell_staff(session, Notice.OFFER, staff_id, offer.id, now, expires_at=offer.expires_at)
    return offer


def open_offers(session: Session, request_id: uuid.UUID) -> list[Offer]:
    """The offers of a request that wait for an answer."""
    return list(
        session.scalars(
            select(Offer)
            .where(Offer.request_id == request_id, Offer.state == "open")
            .order_by(Offer.id)
            .execution_options(populate_existing=True)
        )
    )


def end_offer(session: Session, offer: Offer, state: str, now: datetime) -> None:
    """The offer waits no longer, and the phones that it rang go quiet."""
    offer.state = state
    hush_staff(session, Notice.OFFER, offer.staff_id, offer.id, now)


def still_fit(request: SupportRequest, role: Role) -> Any:
    """The condition on Staff that somebody may be asked today: active, in his role, no part in the incident."""
    fit = Staff.active & Staff.roles.contains([role])
    if request.incident_id is None:
        return fit
    involved = select(IncidentStaff.staff_id).where(IncidentStaff.incident_id == request.incident_id)
    return fit & Staff.id.not_in(involved)


def people_to_tell(session: Session, request: SupportRequest) -> list[uuid.UUID]:
    """Who stands at the end of the order: its clinicians, and every coordinator."""
    clinicians = select(Place.staff_id).where(Place.request_id == request.id, Place.role == Role.CLINICIAN)
    able = or_(
        Staff.id.in_(clinicians) & still_fit(request, Role.CLINICIAN),
        Staff.active & Staff.roles.contains([Role.COORDINATOR]),
    )
    return list(session.scalars(select(Staff.id).where(able).order_by(Staff.id)))


def tell_people(session: Session, request: SupportRequest, policy: Policy, now: datetime) -> None:
    """Tell them, and note when they are told again."""
    for staff_id in people_to_tell(session, request):
        tell_staff(session, Notice.NO_PEER_LEFT, staff_id, request.id, now)
    request.told = True
    request.tell_at = now + policy.tell_again_after
    request.version += 1


def settle(session: Session, request: SupportRequest, now: datetime) -> None:
    """Nobody needs to be found any more: what is open is cancelled, who was told hears no more of it."""
    for offer in open_offers(session, request.id):
        end_offer(session, offer, "cancelled", now)
    if request.told:
        for staff_id in people_to_tell(session, request):
            hush_staff(session, Notice.NO_PEER_LEFT, staff_id, request.id, now)
    request.told = False
    cancel(session, Kind.NEXT_WAVE, str(request.id))


def _still_open(session: Session, request: SupportRequest, now: datetime) -> list[Offer]:
    offers = open_offers(session, request.id)
    for offer in offers:
        if offer.expires_at <= now:
            end_offer(session, offer, "expired", now)
    return [offer for offer in offers if offer.state == "open"]


def _ask_next(session: Session, request: SupportRequest, policy: Policy, now: datetime) -> list[Offer]:
    size = policy.paces[Urgency(request.urgency)].size
    asked, zone = _asked(session, request), agency_zone(session)
    chosen: list[uuid.UUID] = []
    for block in _order_today(session, request):
        known = reaches(session, block)
        chosen += next_wave(block, asked, known, size=size - len(chosen), now=now, zone=zone)
        if len(chosen) == size:
            break
    if chosen:
        request.wave += 1
        request.version += 1
    return [make_offer(session, request, staff_id, policy, now) for staff_id in chosen]


def _order_today(session: Session, request: SupportRequest) -> Iterator[list[uuid.UUID]]:
    """The peers of the order, some at a time, without those who have left or were part of the incident after all."""
    order = (
        select(Place.position, Place.staff_id)
        .join(Staff, Staff.id == Place.staff_id)
        .where(Place.request_id == request.id, Place.role == Role.PEER, still_fit(request, Role.PEER))
        .order_by(Place.position)
        .limit(_BLOCK)
    )
    block = session.execute(order).all()
    while block:
        yield [staff_id for _, staff_id in block]
        block = session.execute(order.where(Place.position > block[-1].position)).all()


def _asked(session: Session, request: SupportRequest) -> set[uuid.UUID]:
    """Who has had his chance. A cancelled offer was none."""
    return set(
        session.scalars(select(Offer.staff_id).where(Offer.request_id == request.id, Offer.state != "cancelled"))
    )


def reaches(session: Session, staff: Collection[uuid.UUID]) -> dict[uuid.UUID, Reach]:
    """Whether they can be asked now, for those who have said."""
    loads = open_conversations(session, staff)
    rows = session.scalars(select(Availability).where(Availability.staff_id.in_(staff)))
    return {
        row.staff_id: Reach(
            state=row.state,
            until=row.until,
            quiet_from=row.quiet_from,
            quiet_to=row.quiet_to,
            rests_until=row.rests_until,
            cap=row.cap,
            conversations=loads.get(row.staff_id, 0),
        )
        for row in rows
    }
