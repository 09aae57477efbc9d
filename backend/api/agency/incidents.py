"""Critical incidents: recorded by coordinators and other systems, corrected, closed."""

import uuid
from typing import Any

import marshmallow as ma

from backend.actions.agency import incidents
from backend.actions.agency.incidents import SeenIncident
from backend.actions.agency.recordings import HEADER, record_once
from backend.api.agency.callers import calling_system, coordinator, integration
from backend.api.fields import Moment, Text, Version, WholeInQuery
from backend.api.frame import Blueprint, allow, unchanged
from backend.clock import now
from backend.db import Side, transaction
from backend.rules.incident_types import INCIDENT_TYPES, SEVERITIES

blueprint = Blueprint(
    "incidents", __name__, url_prefix="/v1/staff/incidents", description="Critical incidents, and what follows them"
)

_TYPE = ma.validate.OneOf(list(INCIDENT_TYPES))
_SEVERITY = ma.validate.OneOf(SEVERITIES)
_FEW = ma.validate.Length(max=100)
_VISIBLE = ma.validate.Regexp("^[!-~]+$", error="This must be ASCII that can be seen, without spaces.")


class IdempotencyKeySchema(ma.Schema):
    """What another system calls this request, so that a repeat gets the same answer. Coordinators need none."""

    idempotency_key = Text(data_key=HEADER, longest=200, validate=_VISIBLE)


class RecordSchema(ma.Schema):
    """What happened, where and when; facility, units and staff by their slugs in the agency's file.

    `staff`: who of the programme was part of it or saw it, and so must not be asked for help with it. Nobody else who
    was involved is ever named here.
    """

    type = Text(required=True, validate=_TYPE)
    facility = Text(required=True)
    units = ma.fields.List(Text(), load_default=list, validate=_FEW)
    started_at = Moment(required=True)
    ended_at = Moment(load_default=None, allow_none=True)
    severity = Text(required=True, validate=_SEVERITY)
    staff = ma.fields.List(Text(), load_default=list, validate=_FEW)


class IncidentSchema(ma.Schema):
    """An incident. `number` counts them for people; `version` grows with each correction and is the ETag."""

    id = ma.fields.UUID(required=True)
    number = ma.fields.Integer(required=True)
    type = ma.fields.String(required=True)
    facility = ma.fields.String(required=True)
    units = ma.fields.List(ma.fields.String(), required=True)
    started_at = ma.fields.AwareDateTime(required=True)
    ended_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    severity = ma.fields.String(required=True)
    staff = ma.fields.List(ma.fields.String(), required=True)
    version = ma.fields.Integer(required=True)
    closed_at = ma.fields.AwareDateTime(required=True, allow_none=True)


@blueprint.post("")
@allow(coordinator, integration)
@blueprint.arguments(IdempotencyKeySchema(), location="headers")
@blueprint.arguments(RecordSchema())
@blueprint.response(201, IncidentSchema())
def record(headers: dict[str, Any], facts: dict[str, Any]) -> Any:
    """Record an incident. It enters the bulletin; a severe one rings the phones of its facility."""
    with transaction(Side.ANONYMOUS) as session:
        system = calling_system()
        if system:
            return _tagged(record_once(session, system, headers.get("idempotency_key"), facts, now()))
        return _tagged(incidents.record(session, facts, now()))


class PageSchema(ma.Schema):
    """`before`: the `next` of the page before."""

    before = WholeInQuery(least=1, load_default=None)
    limit = WholeInQuery(least=1, most=100, load_default=50)


class IncidentsSchema(ma.Schema):
    """Incidents, the latest recorded first; `next` is null at the end."""

    incidents = ma.fields.List(ma.fields.Nested(IncidentSchema), required=True)
    next = ma.fields.Integer(required=True, allow_none=True)


@blueprint.get("")
@allow(coordinator)
@blueprint.arguments(PageSchema(), location="query")
@blueprint.response(200, IncidentsSchema())
def latest(page: dict[str, Any]) -> dict[str, Any]:
    """See what was recorded."""
    with transaction(Side.ANONYMOUS) as session:
        found = incidents.latest(session, page["before"], page["limit"])
        return {"incidents": found, "next": found[-1].number if len(found) == page["limit"] else None}


@blueprint.get("/<uuid:incident_id>")
@allow(coordinator)
@blueprint.alt_response(304, description="You have this version already.")
@blueprint.response(200, IncidentSchema())
def find(incident_id: uuid.UUID) -> Any:
    """See one incident."""
    with transaction(Side.ANONYMOUS) as session:
        seen = incidents.find(session, incident_id)
        return unchanged(str(seen.version)) or _tagged(seen)


class VersionSchema(ma.Schema):
    """The ETag of the version that is being corrected."""

    version = Version(required=True, data_key="If-Match")


class CorrectionSchema(ma.Schema):
    """What is to be changed, as in recording. Units are named anew when the facility changes."""

    type = Text(validate=_TYPE)
    facility = Text()
    units = ma.fields.List(Text(), validate=_FEW)
    started_at = Moment()
    ended_at = Moment(allow_none=True)
    severity = Text(validate=_SEVERITY)
    staff = ma.fields.List(Text(), validate=_FEW)


@blueprint.patch("/<uuid:incident_id>")
@allow(coordinator, integration)
@blueprint.problems(409, 412)
@blueprint.arguments(VersionSchema(), location="headers")
@blueprint.arguments(CorrectionSchema())
@blueprint.response(200, IncidentSchema())
def correct(headers: dict[str, Any], facts: dict[str, Any], incident_id: uuid.UUID) -> Any:
    """Correct an incident. Offers to somebody who was part of it after all are taken back."""
    with transaction(Side.ANONYMOUS) as session:
        return _tagged(incidents.correct(session, incident_id, headers["version"], facts, now()))


@blueprint.post("/<uuid:incident_id>/close")
@allow(coordinator, integration)
@blueprint.response(200, IncidentSchema())
def close(incident_id: uuid.UUID) -> Any:
    """Close an incident. What is closed already stays as it is."""
    with transaction(Side.ANONYMOUS) as session:
        return _tagged(incidents.close(session, incident_id, now()))


def _tagged(seen: SeenIncident) -> tuple[SeenIncident, dict[str, str]]:
    return seen, {"ETag": f'"{seen.version}"'}
