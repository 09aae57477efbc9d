"""What the identified side forgets by itself."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


def forget_expired(session: Session, now: datetime) -> None:
    """Delete accounts that have lapsed, with all they had; expired vouchers, sign-ins and counts of failed ones; and
    what was drawn of passes that can no longer be spent.

    The worker asks for it and may read none of it: a function in the database does it as its owner.
    """
    session.execute(text("SELECT identified.forget(:today, :moment)"), {"today": now.date(), "moment": now})
