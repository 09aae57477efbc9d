"""What is forgotten by itself, hour by hour, by the worker, who may read none of the identified side."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from backend import clock, worker
from backend.actions.agency.expiry import forget_expired as forget_agencys
from backend.actions.identified.expiry import forget_expired as forget_identified
from backend.config import Config
from backend.db import Side, transaction
from backend.jobs import Kind, seed
from backend.models.agency.incidents import IdempotentAnswer, IntegrationKey
from backend.models.agency.jobs import Job
from backend.models.agency.staff import Invitation, SignInAttempt, StaffSession
from backend.models.anonymous.passes import SpentPass
from backend.models.identified.accounts import Account, Voucher
from backend.models.identified.accounts import Session as OfficerSession
from backend.models.tables import Table
from tests import builders
from tests.conftest import RolledBack

NOW = datetime(2026, 11, 20, 22, 1, tzinfo=UTC)
PAST, FUTURE = NOW - timedelta(days=2), NOW + timedelta(days=2)
FORGETFUL: list[type[Table]] = [
    Account, OfficerSession, Voucher, StaffSession, Invitation, SignInAttempt, IdempotentAnswer, SpentPass,
]  # fmt: skip


@pytest.fixture
def house(database: RolledBack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of everything that expires, one that has and one that hasn't."""
    monkeypatch.setattr(clock.now, "source", lambda: NOW)
    with transaction(Side.OWNER) as session:
        facility = builders.facility(session)
        key = IntegrationKey(name="incidents", key_hash=os.urandom(32))
        session.add(key)
        session.flush()
        for moment in (PAST, FUTURE):
            builders.officer(session, facility, now=moment - timedelta(days=91), lapses_on=moment.date())
            builders.officer(session, facility, now=moment - timedelta(days=91))
            peer = builders.staff(session, facility, now=moment - timedelta(days=91)).staff
            answer = {"request_hash": b"", "answer": {}, "idempotency_key": str(moment)}
            session.add_all(
                [
                    Voucher(code_hash=os.urandom(32), expires_on=moment.date()),
                    Invitation(code_hash=os.urandom(32), staff_id=peer.id, expires_at=moment),
                    SignInAttempt(name_hash=os.urandom(32), failures=1, window_ends_at=moment),
                    IdempotentAnswer(integration_key_id=key.id, expires_at=moment, **answer),
                    SpentPass(pass_hash=os.urandom(32), forget_on=moment.date()),
                ]
            )


def counts() -> dict[str, int]:
    with transaction(Side.OWNER) as session:
        return {table.__tablename__: len(session.scalars(select(table)).all()) for table in FORGETFUL}


def test_what_has_expired_goes_and_what_has_not_stays(house: None, config: Config) -> None:
    before = counts()
    with transaction(Side.WORKER) as session:
        seed(session, Kind.KEEP_HOUSE, NOW)
    worker.do_deeds(config, [Kind.KEEP_HOUSE])
    gone = {name: count - left for (name, count), left in zip(before.items(), counts().values(), strict=True)}
    assert gone == dict.fromkeys(before, 1) | {"session": 2}
    with transaction(Side.OWNER) as session:
        assert min(session.scalars(select(Account.lapses_on))) > NOW.date()
        assert session.scalars(select(Job.run_at).where(Job.kind == Kind.KEEP_HOUSE)).one() == NOW + worker.HOURLY


def test_of_the_hour_at_which_an_account_was_last_used_the_day_is_left(house: None, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        busy = builders.officer(session, builders.facility(session, "south"), now=NOW - timedelta(days=1))
    for _ in range(2):
        with transaction(Side.WORKER) as session:
            forget_identified(session, NOW)
    with transaction(Side.OWNER) as session:
        for row in session.scalars(select(OfficerSession)):
            hours = {moment.hour for moment in (row.access_expires_at, row.rotated_at, row.expires_at)}
            assert hours == ({NOW.hour} if row.account_id == busy.id else {0})


def test_dead_work_outlives_what_it_was_about_by_some_weeks_only(database: RolledBack) -> None:
    with transaction(Side.WORKER) as session:
        for days in (29, 30):
            about = {"notice": "answer", "wake": f"request {days}"}
            died = NOW - timedelta(days=days)
            session.add(Job(kind=Kind.PUSH, key=str(days), args=about, run_at=died, died_at=died))
    with transaction(Side.WORKER) as session:
        forget_agencys(session, NOW)
    with transaction(Side.OWNER) as session:
        assert session.scalars(select(Job.key)).all() == ["29"]


def test_it_comes_again_even_if_it_fails(house: None, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(worker, "forget_anonymous", fail)
    with transaction(Side.WORKER) as session:
        seed(session, Kind.KEEP_HOUSE, NOW)
    before = counts()
    worker.do_deeds(config, [Kind.KEEP_HOUSE])
    assert counts() == before
    with transaction(Side.OWNER) as session:
        job = session.scalars(select(Job).where(Job.kind == Kind.KEEP_HOUSE)).one()
        assert (job.died_at, job.reason) == (None, "ValueError")
        assert date(2026, 11, 20) == job.run_at.date()
