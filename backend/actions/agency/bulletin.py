"""The bulletin: what every enrolled phone needs to know, the same bytes for all."""

import json
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.actions.agency import record
from backend.actions.agency.bulletin_keys import OpenBulletinKey, announced_bulletin_key, current_bulletin_key
from backend.actions.agency.publishing import StaticName
from backend.base64url import encode_base64
from backend.models.agency.incidents import Incident, IncidentUnit
from backend.models.agency.places import Agency, Facility, Unit
from backend.models.agency.staff import Device, Staff
from backend.rules import bulletin as envelope
from backend.rules import news, outreach
from backend.rules.record import canonical

_POLICY = ("first_message_within", "idle_days", "keep_days")


def publish_bulletin(session: Session, sealing_key: bytes, now: datetime) -> None:
    """Make `/v1/public/bulletin` anew, under the key in use. The text of the one before it is forgotten."""
    record.lock(session)
    agency = session.scalar(select(Agency))
    key = current_bulletin_key(session, sealing_key, now)
    if agency is None or key is None:
        return
    text = canonical(_tell(session, agency, now) | {"next_key": _next_key(session, sealing_key)})
    body = _unchanged(session, key, text)
    if body is None:
        body = canonical(envelope.seal(key.key, key.number, text, secrets.token_bytes(12)))
    record.append(session, sealing_key, StaticName.BULLETIN, body, now)
    record.drop_bodies(session, StaticName.BULLETIN)


def _unchanged(session: Session, key: OpenBulletinKey, text: bytes) -> bytes | None:
    """The body of the last bulletin if it says the same under the same key: to encrypt it again would be news."""
    last = record.latest(session, StaticName.BULLETIN)
    if last is None or last.body is None:
        return None
    try:
        return last.body if envelope.unseal(key.key, json.loads(last.body)) == text else None
    except envelope.Unreadable:
        return None


def _tell(session: Session, agency: Agency, now: datetime) -> dict[str, Any]:
    facilities = {row.id: row.slug for row in session.scalars(select(Facility))}
    return {
        "crisis_lines": agency.crisis_lines,
        "resources": agency.resources,
        "staff": _staff(session, facilities),
        "devices": _devices(session),
        "incidents": _incidents(session, facilities, now),
        "outreach": outreach.schedule(),
        "policy": {key: agency.policy[key] for key in _POLICY if key in agency.policy},
        "news_every_seconds": int(news.QUARTER.total_seconds()),
    }


def _next_key(session: Session, sealing_key: bytes) -> dict[str, Any] | None:
    key = announced_bulletin_key(session, sealing_key)
    return {"number": key.number, "key": encode_base64(key.key)} if key else None


def _staff(session: Session, facilities: dict[Any, str]) -> list[dict[str, Any]]:
    rows = session.scalars(select(Staff).where(Staff.active).order_by(Staff.id))
    return [_profile(row, facilities[row.facility_id]) for row in rows]


def _profile(staff: Staff, facility: str) -> dict[str, Any]:
    """Only the fields that he lets officers see; `id` and `roles` always, so that he can be named in a request."""
    fields = staff.profile | {
        "first_name": staff.first_name,
        "last_name": staff.last_name,
        "facility": facility,
        "languages": staff.languages,
        "topics": staff.topics,
    }
    chosen = {field: fields[field] for field in staff.shows if field in fields}
    return chosen | {"id": str(staff.id), "roles": staff.roles}


def _devices(session: Session) -> list[dict[str, Any]]:
    rows = select(Device.id, Device.staff_id, Device.public_key).join(Staff, Staff.id == Device.staff_id)
    return [
        {"id": str(device_id), "staff_id": str(staff_id), "key": encode_base64(key)}
        for device_id, staff_id, key in session.execute(rows.where(Staff.active).order_by(Device.id))
    ]


def _incidents(session: Session, facilities: dict[Any, str], now: datetime) -> list[dict[str, Any]]:
    """Those whose outreach still runs. Which of the programme's staff were part of one is nobody's to read."""
    ended = func.coalesce(Incident.ended_at, Incident.started_at)
    rows = select(Incident).where(ended > now - outreach.lasts()).order_by(Incident.number)
    units = _touched(session)
    return [
        {
            "id": str(row.id),
            "number": row.number,
            "type": row.type,
            "severity": row.severity,
            "facility": facilities[row.facility_id],
            "units": units.get(row.id, []),
            "started_at": _minute(row.started_at),
            "ended_at": _minute(row.ended_at),
            "closed": row.closed_at is not None,
            "version": row.version,
        }
        for row in session.scalars(rows)
    ]


def _touched(session: Session) -> dict[Any, list[str]]:
    rows = select(IncidentUnit.incident_id, Unit.slug).join(Unit, Unit.id == IncidentUnit.unit_id)
    units: dict[Any, list[str]] = {}
    for incident_id, slug in session.execute(rows.order_by(Unit.slug)):
        units.setdefault(incident_id, []).append(slug)
    return units


def _minute(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the minute."""
    return moment.strftime("%Y-%m-%dT%H:%MZ") if moment else None
