"""Making keys before they are needed, and destroying them when they no longer are."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select

from backend import db
from backend.actions.agency.issuer_keys import keys_in_use
from backend.actions.identified.key_rotation import OWN_KEY_FROM, rotate
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.door.keys import PublicKey
from backend.jobs import Kind
from backend.models.agency.jobs import Job
from backend.models.agency.record import IssuerKey
from backend.models.identified.draws import PrivateKey
from tests import builders
from tests.conftest import RolledBack
from tests.phones import together


def rotate_once(config: Config, now: datetime) -> None:
    with transaction(Side.WORKER) as session:
        rotate(session, config.sealing_key, now)


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def kept() -> list[tuple[str, str, uuid.UUID | None]]:
    with transaction(Side.OWNER) as session:
        return [(key.purpose, key.period, key.cohort_id) for key in keys_in_use(session, NOW)]


def test_keys_are_made_ahead(database: RolledBack, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
    rotate_once(config, NOW)
    assert kept() == [
        ("assessment", "2026-11", None),
        ("assessment", "2026-12", None),
        ("check-in", "2026-W48", None),
        ("check-in", "2026-W49", None),
        ("check-in", "2026-W50", None),
        ("check-in", "2026-W51", None),
        ("check-in", "2026-W52", None),
        ("support", "2026-Q4", None),
    ]
    with transaction(Side.OWNER) as session:
        assert [(job.kind, job.key) for job in session.scalars(select(Job))] == [(Kind.PUBLISH, "keys")]
        for key in session.scalars(select(IssuerKey)):
            assert PublicKey.from_spki(key.spki).key_id == key.key_id
            assert session.get_one(PrivateKey, key.key_id)


def test_rotating_again_changes_nothing(database: RolledBack, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
    rotate_once(config, NOW)
    before = kept()
    with transaction(Side.OWNER) as session:
        session.execute(delete(Job))
    rotate_once(config, NOW + timedelta(hours=1))
    assert kept() == before
    with transaction(Side.OWNER) as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_private_keys_are_destroyed_when_their_time_is_over(database: RolledBack, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
    rotate_once(config, NOW)
    rotate_once(config, NOW + timedelta(days=7))
    with transaction(Side.OWNER) as session:
        gone = session.scalars(select(IssuerKey.period).where(IssuerKey.key_id.not_in(select(PrivateKey.key_id)))).all()
    assert gone == ["2026-W48"]


def test_a_cohort_has_its_own_keys_from_fifty_enrolled_on(database: RolledBack, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        small, large = builders.facility(session, "small"), builders.facility(session, "large")
        for facility, enrolled in ((small, OWN_KEY_FROM - 1), (large, OWN_KEY_FROM)):
            for _ in range(enrolled):
                builders.officer(session, facility)
    rotate_once(config, NOW)
    cohorts = {(purpose, cohort) for purpose, _, cohort in kept()}
    assert cohorts == {
        ("assessment", None), ("check-in", None), ("support", None),
        ("assessment", large.cohort_id), ("check-in", large.cohort_id),
    }  # fmt: skip


def test_a_cohort_that_grows_gets_its_own_key_with_the_next_period(database: RolledBack, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        facility = builders.facility(session)
    rotate_once(config, NOW)
    with transaction(Side.OWNER) as session:
        for _ in range(OWN_KEY_FROM):
            builders.officer(session, facility)
    rotate_once(config, NOW + timedelta(days=7))
    assert [period for _, period, cohort in kept() if cohort] == ["2027-01", "2026-W53"]


def test_without_an_agency_there_is_nothing_to_make(database: RolledBack, config: Config) -> None:
    rotate_once(config, NOW)
    assert kept() == []


@pytest.mark.real
def test_two_workers_make_one_set_of_keys(clone: dict[Side, str], config: Config) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        facility = builders.facility(session)
        for _ in range(OWN_KEY_FROM):
            builders.officer(session, facility)
    together(4, lambda _: rotate_once(config, NOW))
    assert len(kept()) == len(set(kept())) == 15
    with transaction(Side.OWNER) as session:
        assert session.scalar(select(func.count()).select_from(PrivateKey)) == 15
    database.close()
