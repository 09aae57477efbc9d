"""The policy in force, and the agency's time."""

from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.models.agency.places import Agency
from backend.rules.policy import Policy, read_policy


def policy_in_force(session: Session) -> Policy:
    """How requests are passed on."""
    return read_policy(session.scalars(select(Agency.policy)).one())


def agency_zone(session: Session) -> ZoneInfo:
    """The time zone in which quiet hours and days are meant."""
    return ZoneInfo(session.scalars(select(Agency.time_zone)).one())
