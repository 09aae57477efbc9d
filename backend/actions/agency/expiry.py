"""What the agency's own tables forget by themselves."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from backend.models.agency.incidents import IdempotentAnswer
from backend.models.agency.jobs import Job
from backend.models.agency.staff import Invitation, SignInAttempt, StaffSession

BURIED = timedelta(days=30)
"""How long a person has to look at work that died. It names the request or the peer that it was about."""


def forget_expired(session: Session, now: datetime) -> None:
    """Delete invitations, sign-ins, counts of failed sign-ins, remembered answers and dead work whose time is over."""
    session.execute(delete(Invitation).where(Invitation.expires_at <= now))
    session.execute(delete(StaffSession).where(StaffSession.expires_at <= now))
    session.execute(delete(SignInAttempt).where(SignInAttempt.window_ends_at <= now))
    session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.expires_at <= now))
    session.execute(delete(Job).where(Job.died_at <= now - BURIED))
