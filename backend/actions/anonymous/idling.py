"""Silence: a conversation in which nobody writes closes by itself, some days after the last word."""

from datetime import UTC, datetime, time, timedelta

from sqlalchemy.orm import Session

from backend.jobs import Kind, enqueue
from backend.models.anonymous.conversations import Conversation
from backend.rules.policy import Policy


def stay_awake(session: Session, conversation: Conversation, policy: Policy, now: datetime) -> None:
    """Somebody has written: the days begin anew. Only the day is kept, and the job moves at most once a day."""
    idle_on = (now + timedelta(days=policy.idle_days)).date()
    if conversation.idle_on == idle_on:
        return
    conversation.idle_on = idle_on
    key = str(conversation.id)
    run_at = datetime.combine(idle_on, time(), UTC)
    enqueue(session, Kind.CLOSE_IDLE, {"conversation": key}, run_at=run_at, key=key)
