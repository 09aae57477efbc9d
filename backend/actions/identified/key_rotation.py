"""Making the keys that sign passes before they are needed, and destroying them when they no longer are.

The worker writes private keys and can't read them: its role may insert and delete them, and see their ids.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_new
from sqlalchemy.orm import Session

from backend.actions.agency.publishing import StaticName, publish
from backend.door.periods import Period, Purpose, due
from backend.door.signing import SigningKey
from backend.models.agency.places import Agency
from backend.models.agency.record import IssuerKey
from backend.models.identified.draws import PrivateKey
from backend.sealing import seal

SEALED_AS = "issuer key"
OWN_KEY_FROM = 50
"""Enrolled accounts from which on a cohort has keys of its own: fewer would be too small a crowd."""

MadeKeys = list[tuple[uuid.UUID | None, SigningKey]]


def rotate(session: Session, sealing_key: bytes, now: datetime) -> None:
    """Make every key that is due, destroy every private key that nobody may draw with any more.

    May run as often as wanted, and in two workers at once. Keys are made before the first row is written, so that
    the tens of milliseconds for each are spent under no lock.
    """
    made = [(period, _make(cohorts)) for period, cohorts in _missing(session, now)]
    kept = [_keep(session, period, keys, sealing_key) for period, keys in made]
    if any(kept):
        publish(session, StaticName.KEYS, now)
    _destroy(session, now)


def _missing(session: Session, now: datetime) -> Iterator[tuple[Period, list[uuid.UUID]]]:
    """The periods that have no keys yet, and the cohorts that get one of their own in them."""
    zone = session.scalar(select(Agency.time_zone))
    if zone is None:
        return
    periods = [period for purpose in Purpose for period in due(purpose, now, ZoneInfo(zone))]
    named = tuple_(IssuerKey.purpose, IssuerKey.period)
    wanted = [(period.purpose, period.name) for period in periods]
    made = session.execute(select(IssuerKey.purpose, IssuerKey.period).where(named.in_(wanted)))
    there = {(purpose, name) for purpose, name in made}
    large = _large_cohorts(session)
    for period in periods:
        if (period.purpose, period.name) not in there:
            yield period, [] if period.purpose is Purpose.SUPPORT else large


def _large_cohorts(session: Session) -> list[uuid.UUID]:
    enrolled = func.identified.enrolled().table_valued("cohort_id", "accounts")
    return list(session.scalars(select(enrolled.c.cohort_id).where(enrolled.c.accounts >= OWN_KEY_FROM)))


def _make(cohorts: list[uuid.UUID]) -> MadeKeys:
    return [(cohort, SigningKey.generate()) for cohort in (None, *cohorts)]


def _keep(session: Session, period: Period, keys: MadeKeys, sealing_key: bytes) -> bool:
    """Write down the keys of a period, all of them or, where another worker was first, none.

    The shared key comes first and decides: who inserts it has the period. Otherwise one worker's shared key could
    stand beside another's key for a cohort, and the cohort's passes would be split between them.
    """
    for cohort_id, key in keys:
        inserted = session.scalar(
            insert_new(IssuerKey)
            .values(
                key_id=key.public.key_id,
                purpose=period.purpose,
                period=period.name,
                cohort_id=cohort_id,
                spki=key.public.spki,
                draws_from=period.draws_from,
                draws_until=period.draws_until,
                spends_from=period.spends_from,
                spends_until=period.spends_until,
            )
            .on_conflict_do_nothing()
            .returning(IssuerKey.key_id)
        )
        if inserted is None:
            return False
        sealed = seal(sealing_key, key.to_bytes(), SEALED_AS)
        session.execute(insert(PrivateKey).values(key_id=key.public.key_id, sealed_key=sealed))
    return True


def _destroy(session: Session, now: datetime) -> None:
    over = select(IssuerKey.key_id).where(IssuerKey.draws_until <= now)
    session.execute(delete(PrivateKey).where(PrivateKey.key_id.in_(over)).execution_options(synchronize_session=False))
