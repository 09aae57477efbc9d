"""The list of keys that passes are signed with, as it stands in the public record.

Each key comes with how many have drawn from it, so that a phone can refuse a crowd that is too small. The counts
change once a day, in tens rounded down, and never fall: nobody can see from them when somebody drew, or left.
"""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.actions.agency import record
from backend.actions.agency.issuer_keys import keys_in_use
from backend.actions.agency.publishing import StaticName
from backend.actions.identified.key_rotation import OWN_KEY_FROM
from backend.base64url import encode_base64
from backend.models.agency.places import Cohort
from backend.models.agency.record import IssuerKey
from backend.rules.record import canonical

_COARSE = 10


def publish_keys(session: Session, sealing_key: bytes, now: datetime) -> None:
    """Make `/v1/public/keys` anew. Made daily even where nothing else changes, it shows that the record is alive."""
    record.lock(session)
    before = _before(session)
    today = now.date().isoformat()
    same_day = before is not None and before["counted_on"] == today
    counts, large = _stated(before) if before and same_day else _counted(session, before)
    cohorts = {row.id: row for row in session.scalars(select(Cohort).order_by(Cohort.slug))}
    body = {
        "counted_on": today,
        "cohorts": [{"slug": c.slug, "name": c.name, "own_keys": c.slug in large} for c in cohorts.values()],
        "keys": [_describe(key, cohorts, counts) for key in keys_in_use(session, now)],
    }
    record.append(session, sealing_key, StaticName.KEYS, canonical(body), now)


def _before(session: Session) -> dict[str, Any] | None:
    last = record.latest(session, StaticName.KEYS)
    said: dict[str, Any] | None = json.loads(last.body) if last and last.body else None
    return said


def _stated(before: dict[str, Any]) -> tuple[dict[str, int], set[str]]:
    """How many drew each key, and which cohorts are large enough for their own, as the last list says."""
    counts = {key["key_id"]: key["drawn"] for key in before["keys"]}
    return counts, {cohort["slug"] for cohort in before["cohorts"] if cohort["own_keys"]}


def _counted(session: Session, before: dict[str, Any] | None) -> tuple[dict[str, int], set[str]]:
    """The same, counted now."""
    counts = _stated(before)[0] if before else {}
    drawn = func.identified.drawn().table_valued("key_id", "accounts")
    for key_id, accounts in session.execute(select(drawn.c.key_id, drawn.c.accounts)):
        name = bytes(key_id).hex()
        counts[name] = max(counts.get(name, 0), accounts // _COARSE * _COARSE)
    enrolled = func.identified.enrolled().table_valued("cohort_id", "accounts")
    large = select(Cohort.slug).join(enrolled, enrolled.c.cohort_id == Cohort.id)
    return counts, set(session.scalars(large.where(enrolled.c.accounts >= OWN_KEY_FROM)))


def _describe(key: IssuerKey, cohorts: dict[Any, Cohort], counts: dict[str, int]) -> dict[str, Any]:
    return {
        "key_id": key.key_id.hex(),
        "purpose": key.purpose,
        "period": key.period,
        "cohort": cohorts[key.cohort_id].slug if key.cohort_id else None,
        "spki": encode_base64(key.spki),
        "draws_from": _moment(key.draws_from),
        "draws_until": _moment(key.draws_until),
        "spends_from": _moment(key.spends_from),
        "spends_until": _moment(key.spends_until),
        "drawn": counts.get(key.key_id.hex(), 0),
    }


def _moment(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
