"""Take an agency's file: change what has changed, lose nothing, and touch no row that is right already.

What the file doesn't name any more is closed or becomes inactive and stays where it is, because requests and incidents
refer to it. What staff set themselves (what officers may see of them, their wishes, their availability) is theirs.
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from backend.actions.agency.chain_of_command import Turnover, change_command, change_posts
from backend.actions.agency.publishing import StaticName, publish
from backend.jobs import Kind, enqueue
from backend.models.agency.places import Agency, Cohort, Facility, Unit
from backend.models.agency.staff import Availability, Device, Invitation, Staff, StaffAccount, StaffSession
from backend.rules.agency_file import AgencyFile

_Named = TypeVar("_Named", Cohort, Facility, Unit, Staff)
_Place = TypeVar("_Place", Facility, Unit)
Facts = dict[str, Any]
Ids = dict[str, uuid.UUID]
SHOWN_AT_FIRST = ["first_name", "facility", "languages"]


@dataclass
class Changes:
    """What loading a file did: how many rows of each kind were `added`, `changed`, `ended`; and who `left`."""

    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    left: list[uuid.UUID] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.ended)

    def turn(self, kind: str, turnover: Turnover) -> None:
        """Count what began and what ended."""
        self.added += Counter({kind: turnover.began})
        self.ended += Counter({kind: turnover.ended})


def load(session: Session, file: AgencyFile, now: datetime) -> Changes:
    """Make the agency what its file says, in one go; whoever is no longer in it is signed out."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('relief agency file'))"))
    changes = Changes()
    _load_agency(session, file, changes)
    cohorts = _take(session, Cohort, {slug: {"name": name} for slug, name in file.cohorts.items()}, changes)
    facilities = _load_facilities(session, file, cohorts, changes)
    units = _load_units(session, file, facilities, changes)
    staff = _load_staff(session, file, facilities, changes)
    changes.turn("chain of command", change_command(session, _command(file, units), now))
    changes.turn("post", change_posts(session, _posts(file, units, staff), now))
    for staff_id in changes.left:
        enqueue(session, Kind.RECHECK, {"staff": str(staff_id)}, run_at=now, key=f"staff {staff_id}")
    if changes:
        publish(session, StaticName.AGENCY, now)
        publish(session, StaticName.BULLETIN, now)
        enqueue(session, Kind.KEEP_HOUSE, run_at=now, key=Kind.KEEP_HOUSE)  # A first agency needs keys, now.
    return changes


def _load_agency(session: Session, file: AgencyFile, changes: Changes) -> None:
    row = session.scalar(select(Agency))
    facts: Facts = {
        "name": file.name,
        "time_zone": file.time_zone,
        "languages": file.languages,
        "topics": file.topics,
        "crisis_lines": file.crisis_lines,
        "resources": file.resources,
        "notice": file.notice,
        "policy": file.policy,
    }
    if row is None:
        session.add(Agency(**facts))
        changes.added["agency"] += 1
    elif _differs(row, facts):
        changes.changed["agency"] += 1


def _load_facilities(session: Session, file: AgencyFile, cohorts: Ids, changes: Changes) -> Ids:
    wanted: dict[str, Facts] = {
        slug: {"name": place.name, "cohort_id": cohorts[place.cohort], "closed": False}
        for slug, place in file.facilities.items()
    }
    _close_others(session, Facility, wanted, changes)
    return _take(session, Facility, wanted, changes)


def _load_units(session: Session, file: AgencyFile, facilities: Ids, changes: Changes) -> Ids:
    wanted: dict[str, Facts] = {
        slug: {"name": unit.name, "facility_id": facilities[unit.facility], "closed": False}
        for slug, unit in file.units.items()
    }
    _close_others(session, Unit, wanted, changes)
    return _take(session, Unit, wanted, changes)


def _close_others(session: Session, table: type[_Place], wanted: Facts, changes: Changes) -> None:
    for row in session.scalars(select(table).where(table.slug.not_in(wanted), ~table.closed)):
        row.closed = True
        changes.ended[table.__tablename__] += 1


def _load_staff(session: Session, file: AgencyFile, facilities: Ids, changes: Changes) -> Ids:
    wanted: dict[str, Facts] = {
        slug: {
            "first_name": entry.first_name,
            "last_name": entry.last_name,
            "roles": list(entry.roles),
            "facility_id": facilities[entry.facility],
            "languages": list(entry.languages),
            "active": True,
        }
        for slug, entry in file.staff.items()
    }
    for row in session.scalars(select(Staff).where(Staff.slug.not_in(wanted), Staff.active)):
        row.active = False
        changes.left.append(row.id)
        changes.ended["staff"] += 1
    _sign_out(session, changes.left)
    ids = _take(session, Staff, wanted, changes, {"topics": [], "profile": {}, "shows": SHOWN_AT_FIRST})
    present = set(session.scalars(select(Availability.staff_id)))
    session.add_all(Availability(staff_id=staff_id) for staff_id in ids.values() if staff_id not in present)
    return ids


def _sign_out(session: Session, left: list[uuid.UUID]) -> None:
    """Nothing opens any more, also if the name stands in the file again: it may be somebody else's by then."""
    if left:
        for table in (StaffSession, Invitation, StaffAccount, Device):
            session.execute(delete(table).where(table.staff_id.in_(left)))
        session.execute(update(Availability).where(Availability.staff_id.in_(left)).values(state="away", until=None))


def _command(file: AgencyFile, units: Ids) -> set[tuple[uuid.UUID, uuid.UUID]]:
    return {(units[slug], units[unit.under]) for slug, unit in file.units.items() if unit.under}


def _posts(file: AgencyFile, units: Ids, staff: Ids) -> set[tuple[uuid.UUID, uuid.UUID, bool]]:
    belong = {(staff[slug], units[unit], False) for slug, entry in file.staff.items() for unit in entry.units}
    supervise = {(staff[who], units[slug], True) for slug, unit in file.units.items() for who in unit.supervisors}
    return belong | supervise


def _take(
    session: Session, table: type[_Named], wanted: Mapping[str, Facts], changes: Changes, at_first: Facts | None = None
) -> Ids:
    """Add what is missing (with what it has `at_first`) and change what differs; the ids by slug."""
    rows = {row.slug: row for row in session.scalars(select(table).with_for_update(key_share=True))}
    for slug, facts in wanted.items():
        if slug not in rows:
            rows[slug] = table(id=uuid.uuid4(), slug=slug, **facts, **at_first or {})
            session.add(rows[slug])
            changes.added[table.__tablename__] += 1
        elif _differs(rows[slug], facts):
            changes.changed[table.__tablename__] += 1
    session.flush()
    return {slug: rows[slug].id for slug in wanted}


def _differs(row: Any, facts: Facts) -> bool:
    """Whether the row was something else; it is these facts from now on."""
    different = {name: value for name, value in facts.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)
