"""Pushes: what Firebase answers, and what becomes of the job and of the address."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from backend import clock, worker
from backend.config import Config, Misconfigured
from backend.db import Side, transaction
from backend.demo.firebase import StandIn
from backend.jobs import Kind
from backend.models.agency.jobs import Job
from backend.models.agency.staff import Device, Staff
from backend.models.anonymous.requests import SupportRequest, Wake
from backend.notify.firebase import Answer, Firebase
from backend.notify.kinds import Notice
from backend.notify.tell import hush_staff, tell_staff, wake_asker
from tests import builders
from tests.conftest import RolledBack

START = datetime(2026, 11, 20, 22, 1, tzinfo=UTC)
ADDRESS = "an-address-that-must-not-be-written-down"


class Time:
    now = START


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock.now, "source", lambda: time.now)
    return time


@pytest.fixture
def device(database: RolledBack, time: Time) -> Device:
    """The one phone of somebody on staff."""
    with transaction(Side.OWNER) as session:
        owner = builders.staff(session, builders.facility(session), now=START).staff
        return builders.device(session, owner, address=ADDRESS, seen_on=START.date())


@pytest.fixture
def push(device: Device, config: Config) -> Iterator[None]:
    """A push to it that is ready to be sent."""
    leave(device, config)
    yield


def leave(device: Device, config: Config, lasts: timedelta = timedelta(hours=1)) -> None:
    with transaction(Side.ANONYMOUS) as session:
        tell_staff(session, Notice.TEST, device.staff_id, uuid.uuid4(), clock.now(), expires_at=clock.now() + lasts)
    assert worker.do_deeds(config, [Kind.TELL]) == 1


def jobs() -> list[Job]:
    with transaction(Side.WORKER) as session:
        return list(session.scalars(select(Job).where(Job.kind == Kind.PUSH).order_by(Job.id)))


def works() -> bool:
    with transaction(Side.OWNER) as session:
        return session.scalars(select(Device.works)).one()


def test_what_was_sent_is_gone(push: None, firebase: Firebase, stand_in: StandIn) -> None:
    assert worker.send_pushes(firebase) == 1
    assert [arrival.address for arrival in stand_in.arrivals] == [ADDRESS]
    assert jobs() == []
    assert worker.send_pushes(firebase) == 0


@pytest.mark.parametrize("code", ["UNREGISTERED", "SENDER_ID_MISMATCH"])
def test_a_dead_address_is_struck_out(push: None, firebase: Firebase, stand_in: StandIn, code: str) -> None:
    stand_in.fail(code)
    worker.send_pushes(firebase)
    assert not works()
    assert jobs() == []


class Between:
    """Firebase, and something that happens between the answer and its being written down."""

    def __init__(self, firebase: Firebase, happens: Callable[[], None]) -> None:
        self._firebase = firebase
        self._happens = happens

    def send(self, messages: Sequence[Any]) -> list[Answer]:
        answers = self._firebase.send(messages)
        self._happens()
        return answers


def test_a_dead_address_says_nothing_of_the_one_registered_meanwhile(
    push: None, device: Device, firebase: Firebase, stand_in: StandIn
) -> None:
    def register_anew() -> None:
        with transaction(Side.ANONYMOUS) as session:
            session.get_one(Device, device.id).address = "another"

    stand_in.fail("UNREGISTERED")
    worker.send_pushes(Between(firebase, register_anew))
    assert stand_in.exchanges[0][1] == 404
    assert works()


def test_a_dead_wake_is_forgotten(device: Device, config: Config, firebase: Firebase, stand_in: StandIn) -> None:
    with transaction(Side.OWNER) as session:
        request = builders.support_request(session, now=START, unread=True)
        session.add(Wake(request_id=request.id, platform="ios", address_kind="fid", address=ADDRESS))
        session.flush()
        wake_asker(session, request.id, START)
    worker.do_deeds(config, [Kind.TELL])
    stand_in.fail("UNREGISTERED")
    worker.send_pushes(firebase)
    with transaction(Side.OWNER) as session:
        assert session.scalars(select(Wake)).all() == []
        assert session.get(SupportRequest, request.id)


def test_a_hush_that_comes_while_the_alert_is_sent_follows_it(
    device: Device, config: Config, firebase: Firebase, stand_in: StandIn
) -> None:
    about = uuid.uuid4()

    def settle() -> None:
        with transaction(Side.ANONYMOUS) as session:
            hush_staff(session, Notice.TEST, device.staff_id, about, START)
        worker.do_deeds(config, [Kind.TELL])

    with transaction(Side.ANONYMOUS) as session:
        tell_staff(session, Notice.TEST, device.staff_id, about, START)
    worker.do_deeds(config, [Kind.TELL])
    worker.send_pushes(Between(firebase, settle))
    worker.send_pushes(firebase)
    assert [arrival.why for arrival in stand_in.arrivals] == ["test", "quiet"]
    assert jobs() == []


@pytest.mark.parametrize("code", ["UNAVAILABLE", "QUOTA_EXCEEDED", "INTERNAL"])
@pytest.mark.parametrize(("retry_after", "waits"), [(None, 2), (90, 90)])
def test_it_waits_as_long_as_firebase_asks(
    push: None, time: Time, firebase: Firebase, stand_in: StandIn, code: str, retry_after: int | None, waits: int
) -> None:
    stand_in.fail(code, retry_after=retry_after)
    worker.send_pushes(firebase)
    time.now += timedelta(seconds=waits - 1)
    assert worker.send_pushes(firebase) == 0
    time.now += timedelta(seconds=1)
    assert worker.send_pushes(firebase) == 1
    assert [exchange[1] for exchange in stand_in.exchanges][1:] == [200]
    assert works()


def test_it_gives_up_when_it_would_come_too_late(push: None, time: Time, firebase: Firebase, stand_in: StandIn) -> None:
    stand_in.fail("UNAVAILABLE", times=-1)
    for _ in range(100):
        worker.send_pushes(firebase)
        time.now += timedelta(minutes=1)
    tries = len(stand_in.exchanges)
    assert 10 <= tries < 30
    assert stand_in.arrivals == []
    assert jobs() == []


def test_what_can_never_be_sent_is_kept_for_a_person_and_names_no_address(
    push: None, firebase: Firebase, stand_in: StandIn
) -> None:
    stand_in.fail("INVALID_ARGUMENT")
    worker.send_pushes(firebase)
    [job] = jobs()
    assert (bool(job.died_at), job.reason) == (True, "InvalidArgumentError")
    assert ADDRESS not in f"{job.args} {job.reason} {job.key}"
    assert works()


def test_a_batch_is_settled_one_by_one(device: Device, config: Config, firebase: Firebase, stand_in: StandIn) -> None:
    with transaction(Side.OWNER) as session:
        owner = session.get_one(Staff, device.staff_id)
        for code in ("UNREGISTERED", "UNAVAILABLE", "INVALID_ARGUMENT", "none"):
            builders.device(session, owner, address=code, seen_on=START.date())
            if code != "none":
                stand_in.fail(code, address=code)
    leave(device, config)
    assert worker.send_pushes(firebase) == 5
    assert {arrival.address for arrival in stand_in.arrivals} == {ADDRESS, "none"}
    left = jobs()
    assert sorted(job.reason or "" for job in left) == ["InvalidArgumentError", "UnavailableError"]
    with transaction(Side.OWNER) as session:
        assert session.scalars(select(Device.address).where(~Device.works)).all() == ["UNREGISTERED"]


def test_nobody_answering_is_a_reason_to_wait(push: None, tmp_path: Path) -> None:
    with StandIn(tmp_path / "account.json") as gone:
        firebase = Firebase(gone.credentials, gone.url)
    worker.send_pushes(firebase)
    firebase.close()
    [job] = jobs()
    assert (job.died_at, job.reason) == (None, "TransportError")


def test_where_firebase_hangs_the_rest_of_a_batch_is_put_off(
    push: None, firebase: Firebase, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.notify.firebase._BEGIN_WITHIN", -1.0)
    worker.send_pushes(firebase)
    assert stand_in.exchanges == []
    assert [(job.died_at, job.reason) for job in jobs()] == [(None, "NotTried")]


def test_a_file_that_is_no_account_is_refused(tmp_path: Path) -> None:
    for content in ("", "{}"):
        (tmp_path / "account.json").write_text(content)
        with pytest.raises(Misconfigured, match="FIREBASE_CREDENTIALS"):
            Firebase(tmp_path / "account.json")


def test_only_the_worker_loads_what_talks_to_firebase() -> None:
    program = "import sys, backend.app, backend.cli; sys.exit('firebase_admin' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
