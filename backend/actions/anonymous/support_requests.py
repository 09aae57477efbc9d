"""An officer asks for a peer, sees how it goes, and may take it back."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Text, Uuid, bindparam, column, exists, func, insert, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from backend.actions.agency.policies import policy_in_force
from backend.actions.anonymous.access import ENDED, Asker, askers_request, lock_request, open_conversation
from backend.actions.anonymous.endings import close_conversation, end_request
from backend.actions.anonymous.passes import ShownPass, spend
from backend.actions.anonymous.wakes import Address, put_wake
from backend.actions.anonymous.waves import look_after
from backend.actions.anonymous.weighing import Facts, Weighed, weigh
from backend.errors import Conflict, Invalid, Missing
from backend.models.agency.places import Agency
from backend.models.agency.staff import Role
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, Place, SupportRequest, Wake
from backend.rules.policy import Urgency


@dataclass(frozen=True)
class Wanted:
    """What is asked for and may be kept; `facts` are weighed and forgotten."""

    urgency: Urgency
    ways: Collection[str]
    notice_version: str
    secret_hash: bytes = field(repr=False)
    facts: Facts = field(repr=False)
    wake: Address | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Progress:
    """How a request stands: `asked` peers so far, `waiting_for` of them now; whether people were `told`."""

    id: uuid.UUID
    urgency: str
    state: str
    topics: Collection[str]
    languages: Collection[str]
    ways: Collection[str]
    asked: int
    waiting_for: int
    told: bool
    unread: bool
    wake: bool
    feedback_given: bool
    conversation: Conversation | None
    version: int


def ask(session: Session, shown: ShownPass, wanted: Wanted, now: datetime) -> uuid.UUID:
    """Ask for a peer with a pass: the request's id, and the first peers have their offers.

    The same pass with the same secret's hash asks nothing again and gets the same id. Raises Conflict for a pass
    that was spent on something else, Invalid for a field that names what isn't there; then nothing is spent.
    """
    try:
        spend(session, shown)
    except Conflict:
        return _asked_before(session, shown, wanted)
    _check(session, wanted)
    weighed = weigh(session, wanted.facts, now)
    request = _write(session, shown, wanted, now)
    _write_order(session, request.id, weighed)
    if wanted.wake:
        put_wake(session, request, wanted.wake)
    look_after(session, request, now)
    return request.id


def find(session: Session, asker: Asker) -> Progress:
    """The request that a secret belongs to: the way back in for a new phone; raises Missing."""
    found = session.scalar(select(SupportRequest).where(SupportRequest.secret_hash == asker.secret_hash))
    if found is None:
        raise Missing("This request")
    return _progress(session, found)


def see(session: Session, asker: Asker, request_id: uuid.UUID) -> Progress:
    """How the request stands; raises Missing."""
    return _progress(session, askers_request(session, asker, request_id, lock=False))


def withdraw(session: Session, asker: Asker, request_id: uuid.UUID, now: datetime) -> None:
    """Take it back: nobody is asked any more, and a conversation ends. Once ended, it changes nothing."""
    request = askers_request(session, asker, request_id)
    if request.state in ENDED:
        return
    conversation = open_conversation(session, request.id)
    if conversation:
        close_conversation(session, conversation, "withdrawn", now)
        conversation.staff_unread = True
    end_request(session, request, "withdrawn", now)


def _asked_before(session: Session, shown: ShownPass, wanted: Wanted) -> uuid.UUID:
    same = select(SupportRequest.id).where(
        SupportRequest.pass_hash == shown.pass_hash, SupportRequest.secret_hash == wanted.secret_hash
    )
    request_id = session.scalar(same)
    if request_id is None:
        raise Conflict("pass-spent", "This pass was used before. Please use another one.")
    return request_id


def _check(session: Session, wanted: Wanted) -> None:
    topics, languages, version = session.execute(
        select(Agency.topics, Agency.languages, Agency.notice["version"].astext)
    ).one()
    if wanted.notice_version != version:
        raise Invalid({"notice_version": "The notice has changed. Please read the new one first."})
    if not set(wanted.facts.topics) <= set(topics):
        raise Invalid({"topics": "One of these is not a topic of this agency."})
    if not set(wanted.facts.languages) <= set(languages):
        raise Invalid({"languages": "One of these is not a language of this agency."})
    if wanted.wake and wanted.urgency != Urgency.NOW:
        raise Invalid({"wake": "Only a request for now can wake a phone directly."})


def _write(session: Session, shown: ShownPass, wanted: Wanted, now: datetime) -> SupportRequest:
    tell_after = policy_in_force(session).paces[wanted.urgency].tell_after
    request_id = session.scalar(
        upsert(SupportRequest)
        .values(
            id=uuid.uuid4(),
            pass_hash=shown.pass_hash,
            secret_hash=wanted.secret_hash,
            urgency=wanted.urgency,
            topics=list(wanted.facts.topics),
            languages=list(wanted.facts.languages),
            ways=list(wanted.ways),
            incident_id=wanted.facts.incident,
            notice_version=wanted.notice_version,
            tell_at=now + tell_after,
        )
        .on_conflict_do_nothing(index_elements=[SupportRequest.secret_hash])
        .returning(SupportRequest.id)
    )
    request = lock_request(session, request_id) if request_id else None
    if request is None:
        raise Conflict("secret-used", "A request with this secret exists. Please make a new secret.")
    return request


def _write_order(session: Session, request_id: uuid.UUID, weighed: Weighed) -> None:
    """In one statement: the order may hold a thousand places, and somebody waits."""
    staff = bindparam("staff", [*weighed.peers, *weighed.clinicians], ARRAY(Uuid))
    roles = [Role.PEER] * len(weighed.peers) + [Role.CLINICIAN] * len(weighed.clinicians)
    columns = column("staff_id", Uuid), column("role", Text)
    unnested = func.unnest(staff, bindparam("roles", roles, ARRAY(Text)))
    order = unnested.table_valued(*columns, with_ordinality="position").render_derived()
    places = select(literal(request_id, Uuid), order.c.position, order.c.staff_id, order.c.role)
    session.execute(insert(Place).from_select(["request_id", "position", "staff_id", "role"], places))


def _progress(session: Session, request: SupportRequest) -> Progress:
    asked, waiting_for = session.execute(
        select(func.count(Offer.staff_id.distinct()), func.count().filter(Offer.state == "open")).where(
            Offer.request_id == request.id
        )
    ).one()
    latest = select(Conversation).where(Conversation.request_id == request.id)
    return Progress(
        id=request.id,
        urgency=request.urgency,
        state=request.state,
        topics=request.topics,
        languages=request.languages,
        ways=request.ways,
        asked=asked,
        waiting_for=waiting_for,
        told=request.told,
        unread=request.unread,
        wake=session.scalars(select(exists().where(Wake.request_id == request.id))).one(),
        feedback_given=request.feedback_given,
        conversation=session.scalar(latest.order_by(Conversation.number.desc()).limit(1)),
        version=request.version,
    )
