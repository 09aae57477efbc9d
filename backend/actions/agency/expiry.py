"""What the agency's own tables forget by themselves."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from backend.models.agency.incidents import IdempotentAnswer
from backend.models.agency.staff import Invitation, SignInAttempt, StaffSession


def forget_expired(session: Session, now: datetime) -> None:
    """Delete invitations, sign-ins, counts of failed sign-ins and remembered answers whose time is over."""
    session.execute(delete(Invitation).where(Invitation.expires_at <= now))
    session.execute(delete(StaffSession).where(StaffSession.expires_at <= now))
    session.execute(delete(SignInAttempt).where(SignInAttempt.window_ends_at <= now))
    session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.expires_at <= now))
