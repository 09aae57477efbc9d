"""How conversations and requests end: by a person's word, by silence, by a peer who didn't write."""

import uuid
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from backend.actions.agency.policies import policy_in_force
from backend.actions.agency.publishing import StaticName, publish
from backend.actions.anonymous.access import (
    Asker,
    askers_conversation,
    askers_request,
    lock_request,
    staffs_conversation,
)
from backend.actions.anonymous.wakes import drop_wake
from backend.actions.anonymous.waves import look_after, settle
from backend.config import Config
from backend.errors import Conflict
from backend.jobs import Kind, cancel, enqueue
from backend.models.agency.staff import Availability
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, Place, SupportRequest
from backend.notify.kinds import Notice
from backend.notify.tell import hush_staff


def close_by_asker(
    session: Session,
    asker: Asker,
    request_id: uuid.UUID,
    conversation_id: uuid.UUID | None,
    *,
    ending: str,
    now: datetime,
) -> None:
    """The asker ends the conversation, and with it the request. Once closed, it changes nothing."""
    request = askers_request(session, asker, request_id)
    conversation = askers_conversation(session, request, conversation_id)
    if conversation.state != "closed":
        close_conversation(session, conversation, ending, now)
        conversation.staff_unread = True
        end_request(session, request, "closed", now)


def close_by_staff(
    session: Session,
    staff_id: uuid.UUID,
    conversation_id: uuid.UUID,
    *,
    ending: str,
    rest: timedelta | None,
    now: datetime,
) -> None:
    """He ends the conversation, and may rest. Raises Conflict if he hasn't written: nobody is left without a word."""
    request, conversation = staffs_conversation(session, staff_id, conversation_id)
    if conversation.state != "closed":
        if request.state != "talking":
            raise Conflict("write-first", "Please write a first message, or hand the conversation over.")
        close_conversation(session, conversation, ending, now)
        end_request(session, request, "closed", now, unread=True)
    if rest:
        _rest(session, staff_id, now + rest)


def close_conversation(session: Session, conversation: Conversation, ending: str, now: datetime) -> None:
    """Close it, and all that was still to come of it."""
    conversation.state = "closed"
    conversation.ending = ending
    conversation.idle_on = None
    conversation.staff_unread = False
    conversation.version += 1
    cancel(session, Kind.LAPSE, str(conversation.id))
    cancel(session, Kind.CLOSE_IDLE, str(conversation.id))
    hush_staff(session, Notice.MESSAGE, conversation.staff_id, conversation.id, now)


def end_request(session: Session, request: SupportRequest, state: str, now: datetime, *, unread: bool = False) -> None:
    """Nobody looks after it any more: its wake, the order and all times are gone at once, the rest some days later.

    `unread` if it wasn't the asker who ended it: then he is to learn of it.
    """
    settle(session, request, now)
    drop_wake(session, request.id)
    request.state = state
    request.unread = unread
    request.version += 1
    last_day = (now + timedelta(days=policy_in_force(session).keep_days)).date()
    request.deletes_at = datetime.combine(last_day + timedelta(days=1), time(), UTC)
    _strip(session, request, request.deletes_at)
    enqueue(session, Kind.FORGET, {"request": str(request.id)}, run_at=request.deletes_at, key=str(request.id))
    publish(session, StaticName.NEWS, now)


def _strip(session: Session, request: SupportRequest, midnight: datetime) -> None:
    """From the order one could guess at the asker's facility and unit, from the moments at when he asked."""
    session.execute(delete(Place).where(Place.request_id == request.id))
    request.tell_at = midnight
    session.execute(
        update(Offer)
        .where(Offer.request_id == request.id)
        .values(expires_at=midnight)
        .execution_options(synchronize_session=False)
    )


def take_back(session: Session, request: SupportRequest, state: str, now: datetime) -> None:
    """The one who had it has it no more (`state`: lapsed or handed over): the request is open again."""
    offer = session.scalars(select(Offer).where(Offer.request_id == request.id, Offer.state == "accepted")).one()
    offer.state = state
    session.flush()
    request.state = "open"
    request.unread = True
    request.version += 1


def do_lapse(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    """The deed of `Kind.LAPSE`: what was due from one of the two has not come.

    No first message: the next are asked at once. No opening: the asker's phone is gone, and the request ends.
    """
    found = _locked(session, args)
    if found is None or found[0].state != "accepted":
        return
    request, conversation = found
    if conversation.opening is None:
        close_conversation(session, conversation, "no answer", now)
        end_request(session, request, "closed", now, unread=True)
        return
    close_conversation(session, conversation, "lapsed", now)
    take_back(session, request, "lapsed", now)
    look_after(session, request, now)
    publish(session, StaticName.NEWS, now)


def do_close_idle(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    """The deed of `Kind.CLOSE_IDLE`: nobody has written for long."""
    found = _locked(session, args)
    if found is None:
        return
    request, conversation = found
    close_conversation(session, conversation, "no answer", now)
    end_request(session, request, "closed", now, unread=True)


def do_forget(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    """The deed of `Kind.FORGET`: the request ended some days ago, and goes with all that hangs on it."""
    session.execute(
        delete(SupportRequest).where(SupportRequest.id == uuid.UUID(args["request"]), SupportRequest.deletes_at <= now)
    )


def _locked(session: Session, args: dict[str, Any]) -> tuple[SupportRequest, Conversation] | None:
    """The conversation of a job with its request, unless it has closed or gone meanwhile."""
    conversation_id = uuid.UUID(args["conversation"])
    request_id = session.scalar(select(Conversation.request_id).where(Conversation.id == conversation_id))
    request = lock_request(session, request_id) if request_id else None
    if request is None:
        return None
    conversation = session.get_one(Conversation, conversation_id, populate_existing=True)
    return None if conversation.state == "closed" else (request, conversation)


def _rest(session: Session, staff_id: uuid.UUID, until: datetime) -> None:
    availability = session.get(Availability, staff_id, with_for_update=True)
    if availability:
        availability.rests_until = max(until, availability.rests_until or until)
