"""What an asker says of the help. It is kept apart from the request, at a moment that doesn't tell whose it is."""

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, insert, select
from sqlalchemy.orm import Session

from backend.actions.agency.policies import agency_zone
from backend.actions.anonymous.access import Asker, askers_request
from backend.config import Config
from backend.errors import Conflict
from backend.jobs import Kind, enqueue
from backend.models.anonymous.conversations import Conversation, Feedback

_WITHIN = timedelta(days=1)


def give_feedback(
    session: Session, asker: Asker, request_id: uuid.UUID, *, helped: str, would_ask_again: str, now: datetime
) -> None:
    """Say it once for each request; raises Conflict for a second time, or if nobody has accepted yet.

    Rows written in one transaction carry its number, and would join the feedback to the request and so to the peer.
    So a job writes it, alone, at a random moment of the following day.
    """
    request = askers_request(session, asker, request_id)
    accepted = session.scalar(select(exists().where(Conversation.request_id == request.id)))
    if request.feedback_given or not accepted:
        raise Conflict("no-feedback", "Feedback can be given once, after somebody has accepted.")
    request.feedback_given = True
    request.version += 1
    delay = _WITHIN * (secrets.randbelow(1_000_000) / 1_000_000)
    enqueue(session, Kind.FEEDBACK, {"helped": helped, "would_ask_again": would_ask_again}, run_at=now + delay)


def do_feedback(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    """The deed of `Kind.FEEDBACK`."""
    month = f"{now.astimezone(agency_zone(session)):%Y-%m}"
    session.execute(
        insert(Feedback).values(
            id=uuid.uuid4(), month=month, helped=args["helped"], would_ask_again=args["would_ask_again"]
        )
    )
