"""Another system records an incident, and perhaps tells us twice: a repeat gets the first answer again.

As in the IETF's draft on the Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header): the same key with
another body is refused.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.actions.agency.incidents import SeenIncident, record
from backend.errors import Invalid
from backend.models.agency.incidents import IdempotentAnswer

REMEMBERED = timedelta(days=2)
HEADER = "Idempotency-Key"
_MOMENTS = ("started_at", "ended_at", "closed_at")


def record_once(
    session: Session, system: uuid.UUID, idempotency_key: str | None, facts: Mapping[str, Any], now: datetime
) -> SeenIncident:
    """Record an incident, or say again what was said the first time; raises Invalid.

    The row of the answer is written first: a second request that comes meanwhile waits for it.
    """
    if idempotency_key is None:
        raise Invalid({HEADER: "Send a key of your own with each incident, so that a repeat can be told from another."})
    request_hash = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).digest()
    mine = {"integration_key_id": system, "idempotency_key": idempotency_key}
    first = session.scalar(
        insert(IdempotentAnswer)
        .values(id=uuid.uuid4(), **mine, request_hash=request_hash, answer={}, expires_at=now + REMEMBERED)
        .on_conflict_do_nothing()
        .returning(IdempotentAnswer.id)
    )
    if first is None:
        return _said_before(session, mine, request_hash)
    seen = record(session, facts, now)
    session.execute(update(IdempotentAnswer).where(IdempotentAnswer.id == first).values(answer=_kept(seen)))
    return seen


def _said_before(session: Session, mine: Mapping[str, Any], request_hash: bytes) -> SeenIncident:
    before = session.scalars(select(IdempotentAnswer).filter_by(**mine)).one()
    if before.request_hash != request_hash:
        raise Invalid({HEADER: "This key came before with another incident."})
    return _told(before.answer)


def _kept(seen: SeenIncident) -> dict[str, Any]:
    moments = {name: getattr(seen, name) for name in _MOMENTS}
    told = {name: moment and moment.isoformat() for name, moment in moments.items()}
    return vars(seen) | {"id": str(seen.id)} | told


def _told(kept: Mapping[str, Any]) -> SeenIncident:
    moments = {name: kept[name] and datetime.fromisoformat(kept[name]) for name in _MOMENTS}
    return SeenIncident(**(dict(kept) | {"id": uuid.UUID(kept["id"])} | moments))
