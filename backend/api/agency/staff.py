"""Staff's own entries, and the coordinators' roster."""

from typing import Any

import marshmallow as ma

from backend.actions.agency import staff as members
from backend.actions.agency.staff import SHOWABLE, Listed, Member
from backend.api.agency.availability import AvailabilitySchema
from backend.api.agency.callers import caller, coordinator, staff
from backend.api.fields import Text, Whole
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction

blueprint = Blueprint("staff", __name__, url_prefix="/v1/staff", description="Staff who are known by name")


class ProfileSchema(ma.Schema):
    """What one may tell of oneself. Officers see of it what `shows` names."""

    years_of_service = Whole(most=70)
    background = Text(longest=200)
    about = Text(longest=500)


class MeSchema(ma.Schema):
    """Oneself. Name, roles, facility and languages come from the agency's file; `name` is what one signs in with."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    first_name = ma.fields.String(required=True)
    last_name = ma.fields.String(required=True)
    roles = ma.fields.List(ma.fields.String(), required=True)
    facility = ma.fields.String(required=True)
    languages = ma.fields.List(ma.fields.String(), required=True)
    topics = ma.fields.List(ma.fields.String(), required=True)
    profile = ma.fields.Nested(ProfileSchema, required=True)
    shows = ma.fields.List(ma.fields.String(), required=True)


@blueprint.get("/me")
@allow(staff)
@blueprint.response(200, MeSchema())
def me() -> Member:
    """See one's own entry."""
    with transaction(Side.ANONYMOUS) as session:
        return members.me(session, caller().staff_id)


class ChangedMeSchema(ma.Schema):
    """`topics`: what one would rather be asked about. `shows`: the fields of one's entry that officers see."""

    topics = ma.fields.List(Text(longest=80), validate=ma.validate.Length(max=50))
    profile = ma.fields.Nested(ProfileSchema)
    shows = ma.fields.List(Text(validate=ma.validate.OneOf(SHOWABLE)), validate=ma.validate.Length(max=len(SHOWABLE)))


@blueprint.patch("/me")
@allow(staff)
@blueprint.arguments(ChangedMeSchema())
@blueprint.response(200, MeSchema())
def change_me(wishes: dict[str, Any]) -> Member:
    """Change one's wishes, one's profile, or what officers see of it. It goes into the bulletin."""
    with transaction(Side.ANONYMOUS) as session:
        return members.change_me(session, caller().staff_id, wishes, now())


class ListedSchema(ma.Schema):
    """Somebody on the roster. Without an account or a device that rings he can't be told of anything."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    first_name = ma.fields.String(required=True)
    last_name = ma.fields.String(required=True)
    roles = ma.fields.List(ma.fields.String(), required=True)
    facility = ma.fields.String(required=True)
    languages = ma.fields.List(ma.fields.String(), required=True)
    availability = ma.fields.Nested(AvailabilitySchema, required=True)
    has_account = ma.fields.Boolean(required=True)
    device_rings = ma.fields.Boolean(required=True)


class RosterSchema(ma.Schema):
    """Everybody who belongs to the programme, by name."""

    staff = ma.fields.List(ma.fields.Nested(ListedSchema), required=True)


@blueprint.get("/roster")
@allow(coordinator)
@blueprint.response(200, RosterSchema())
def roster() -> dict[str, list[Listed]]:
    """See who can be asked, and who has no device that rings."""
    with transaction(Side.ANONYMOUS) as session:
        return {"staff": members.roster(session, now())}
