"""The end of the order: the clinician may take a request, a coordinator may offer it to somebody he chooses."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from backend.actions.agency.policies import agency_zone, policy_in_force
from backend.actions.anonymous.access import lock_request
from backend.actions.anonymous.offers import begin, is_fit, taken
from backend.actions.anonymous.waves import look_again, make_offer, open_offers, reaches, still_fit
from backend.errors import Conflict, Missing
from backend.models.agency.staff import Role, Staff
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, Place, SupportRequest
from backend.rules.waves import is_left_in_peace


@dataclass(frozen=True)
class Choice:
    """Somebody whom a coordinator may offer the request to."""

    id: uuid.UUID
    first_name: str
    last_name: str


@dataclass(frozen=True)
class Told:
    """A request that nobody has taken yet, as those see it who were told of it."""

    id: uuid.UUID
    urgency: str
    topics: Sequence[str]
    languages: Sequence[str]
    may_take: bool
    choices: list[Choice]


def told_requests(
    session: Session,
    staff_id: uuid.UUID,
    roles: frozenset[Role],
    *,
    after: uuid.UUID | None,
    limit: int,
    now: datetime,
) -> list[Told]:
    """The requests that he was told of, by id: a coordinator all, a clinician those that he may take."""
    mine = exists().where(
        Place.request_id == SupportRequest.id, Place.staff_id == staff_id, Place.role == Role.CLINICIAN
    )
    page = select(SupportRequest, mine.label("mine")).where(SupportRequest.state == "open", SupportRequest.told)
    if Role.COORDINATOR not in roles:
        page = page.where(mine)
    if after:
        page = page.where(SupportRequest.id > after)
    rows = session.execute(page.order_by(SupportRequest.id).limit(limit)).all()
    return [
        Told(
            id=request.id,
            urgency=request.urgency,
            topics=request.topics,
            languages=request.languages,
            may_take=has_place and Role.CLINICIAN in roles,
            choices=choices(session, request, now) if Role.COORDINATOR in roles else [],
        )
        for request, has_place in rows
    ]


def take(session: Session, staff_id: uuid.UUID, request_id: uuid.UUID, now: datetime) -> Conversation:
    """The clinician takes it. Raises Missing if it isn't his to take, Conflict if somebody has it."""
    request = _told_request(session, request_id)
    if request.state != "open":
        raise taken()
    place = select(Place.staff_id).where(
        Place.request_id == request_id, Place.staff_id == staff_id, Place.role == Role.CLINICIAN
    )
    if session.scalar(place) is None:
        raise Missing("This request")
    if not is_fit(session, request, staff_id):
        raise taken()
    offers = [offer for offer in open_offers(session, request_id) if offer.staff_id == staff_id]
    offer = offers[0] if offers else make_offer(session, request, staff_id, policy_in_force(session), now)
    return begin(session, request, offer, now)


def offer_to(session: Session, request_id: uuid.UUID, chosen: uuid.UUID, now: datetime) -> Offer:
    """A coordinator offers it to somebody of the order. Raises Conflict, always the same, if that can't be."""
    request = _told_request(session, request_id)
    if request.state != "open":
        raise taken()
    offer = offer_to_chosen(session, request, chosen, now)
    request.tell_at = offer.expires_at
    look_again(session, request, open_offers(session, request_id), policy_in_force(session), now)
    return offer


def offer_to_chosen(session: Session, request: SupportRequest, chosen: uuid.UUID, now: datetime) -> Offer:
    """One offer past the order, under the same hard rules; an offer that he has already is the answer."""
    for offer in open_offers(session, request.id):
        if offer.staff_id == chosen:
            return offer
    if chosen not in {choice.id for choice in choices(session, request, now)}:
        raise cannot_be_asked()
    request.wave += 1
    request.version += 1
    return make_offer(session, request, chosen, policy_in_force(session), now)


def cannot_be_asked() -> Conflict:
    """One answer for every reason, so that it tells nothing about the request."""
    return Conflict("cannot-be-asked", "This person can't be asked now. Please choose somebody else.")


def choices(session: Session, request: SupportRequest, now: datetime) -> list[Choice]:
    """Whom it may be offered to: of the order, still fit, not declined, not asked just now, not at rest; by name."""
    out = select(Offer.staff_id).where(
        Offer.request_id == request.id, Offer.state.in_(["open", "accepted", "declined"])
    )
    rows = session.execute(
        select(Staff.id, Staff.first_name, Staff.last_name)
        .join(Place, Place.staff_id == Staff.id)
        .where(Place.request_id == request.id, Place.role == Role.PEER, still_fit(request, Role.PEER))
        .where(Staff.id.not_in(out))
        .order_by(Staff.last_name, Staff.first_name, Staff.id)
    )
    found = [Choice(*row) for row in rows]
    zone, known = agency_zone(session), reaches(session, [choice.id for choice in found])
    return [one for one in found if one.id not in known or not is_left_in_peace(known[one.id], now, zone)]


def _told_request(session: Session, request_id: uuid.UUID) -> SupportRequest:
    request = lock_request(session, request_id)
    if request is None or (request.state == "open" and not request.told):
        raise Missing("This request")
    return request
