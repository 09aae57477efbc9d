"""The news: which requests have something unread, said so that only their askers can tell."""

import json
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.actions.agency import static_files
from backend.actions.agency.publishing import StaticName, publish
from backend.models.anonymous.requests import SupportRequest
from backend.rules import news
from backend.rules.record import canonical


def publish_news(session: Session, now: datetime) -> None:
    """Make `/v1/public/news` anew, if its next version is due, and leave word for the one after it.

    Nothing that happens makes it change sooner: who watches the file sees a clock (`backend.rules.news`).
    """
    at = news.moment(now)
    stored = static_files.stored(session, StaticName.NEWS)
    before = json.loads(stored) if stored else None
    unread = session.scalars(select(SupportRequest.secret_hash).where(SupportRequest.unread)).all()
    static_files.put(session, StaticName.NEWS, canonical(news.compose(at, unread, before)))
    publish(session, StaticName.NEWS, at.ends_at)
