"""What the anonymous side forgets by itself. A request that has ended is forgotten by its own job."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from backend.models.anonymous.passes import SpentPass


def forget_expired(session: Session, now: datetime) -> None:
    """Delete what is kept of passes that could not be spent again anyway."""
    session.execute(delete(SpentPass).where(SpentPass.forget_on <= now.date()))
