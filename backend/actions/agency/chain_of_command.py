"""Who stands under whom and who is posted where, with its history: an old row ends, a new one begins.

A conflict of interest is weighed as things stood at the incident. So nothing is ever overwritten, and what was
known first counts as having been so always: an incident of last week must find today's supervisor.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.models.agency.places import Command
from backend.models.agency.staff import Post

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Turnover:
    """How many rows began and how many ended."""

    began: int
    ended: int


def change_command(session: Session, wanted: Collection[tuple[uuid.UUID, uuid.UUID]], now: datetime) -> Turnover:
    """From now on each unit stands under the one that it is paired with (unit, parent), and under no other."""
    rows = session.scalars(select(Command)).all()
    known = {row.unit_id for row in rows}
    standing = {(row.unit_id, row.parent_id): row for row in rows if row.until is None}
    ended = _end([row for pair, row in standing.items() if pair not in wanted], now)
    session.flush()
    fresh = [
        Command(unit_id=unit_id, parent_id=parent_id, since=now if unit_id in known else ALWAYS)
        for unit_id, parent_id in wanted
        if (unit_id, parent_id) not in standing
    ]
    session.add_all(fresh)
    session.flush()
    return Turnover(len(fresh), ended)


def change_posts(session: Session, wanted: Collection[tuple[uuid.UUID, uuid.UUID, bool]], now: datetime) -> Turnover:
    """From now on these posts stand (staff, unit, whether he supervises it), and no others."""
    rows = session.scalars(select(Post)).all()
    known = {row.staff_id for row in rows}
    standing = {(row.staff_id, row.unit_id, row.supervises): row for row in rows if row.until is None}
    ended = _end([row for post, row in standing.items() if post not in wanted], now)
    session.flush()
    fresh = [
        Post(staff_id=staff_id, unit_id=unit_id, supervises=supervises, since=now if staff_id in known else ALWAYS)
        for staff_id, unit_id, supervises in wanted
        if (staff_id, unit_id, supervises) not in standing
    ]
    session.add_all(fresh)
    session.flush()
    return Turnover(len(fresh), ended)


def _end(rows: list[Command] | list[Post], now: datetime) -> int:
    for row in rows:
        row.until = now
    return len(rows)
