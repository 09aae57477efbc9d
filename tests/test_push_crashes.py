"""A worker that is killed in the middle of a push: nothing is lost, and what comes twice replaces the first."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, select

from backend import clock, db, worker
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.demo.firebase import StandIn
from backend.jobs import LEASE, Kind
from backend.models.agency.jobs import Job
from backend.models.anonymous.requests import Offer
from backend.notify.firebase import Firebase
from backend.notify.kinds import Notice
from backend.notify.tell import tell_staff
from tests import builders

ADDRESSES = ["phone", "tablet"]
ONCE, TWICE = 1, 2
STEPS = {
    "told, not committed": ONCE,
    "taken, not committed": ONCE,
    "taken": ONCE,
    "asked": TWICE,
    "sent": TWICE,
    "settled, not committed": TWICE,
}


@pytest.fixture
def house(clone: dict[Side, str]) -> Iterator[SimpleNamespace]:
    """A peer with two phones, on a database where commits are real."""
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        peer = builders.staff(session, builders.facility(session)).staff
        for address in ADDRESSES:
            builders.device(session, peer, address=address)
        request = builders.support_request(session)
    yield SimpleNamespace(peer=peer, request=request, urls=clone)
    database.close()


def offer(house: SimpleNamespace) -> None:
    with transaction(Side.OWNER) as session:
        offer = builders.offer(session, house.request, house.peer)
        tell_staff(session, Notice.OFFER, house.peer.id, offer.id, clock.now(), expires_at=offer.expires_at)


def left() -> list[str]:
    """The jobs that remain, without the look whether it should ring again."""
    with transaction(Side.WORKER) as session:
        return list(session.scalars(select(Job.kind).where(Job.run_at <= datetime.now(UTC) + LEASE)))


@pytest.fixture
def dying(house: SimpleNamespace, stand_in: StandIn) -> Iterator[subprocess.Popen[str]]:
    arguments = [house.urls[Side.WORKER], str(stand_in.credentials), stand_in.url]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.dying_worker", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.terminate()


def kill_at(step: str, dying: subprocess.Popen[str], stand_in: StandIn) -> int:
    """Let a worker run and die; the signal that ended it."""
    assert dying.stdin and dying.stdout
    if step == "asked":
        stand_in.hold.clear()
    dying.stdin.write(f"{step}\n")
    dying.stdin.flush()
    child = int(dying.stdout.readline())
    if step == "asked":
        wait_until(lambda: stand_in.held >= len(ADDRESSES))
        os.kill(child, signal.SIGKILL)
    ended = -int(dying.stdout.readline())
    stand_in.hold.set()
    wait_until(lambda: not stand_in.held)
    return ended


def wait_until(happens: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until, "It has not happened."
        time.sleep(0.01)


@pytest.mark.real
def test_a_worker_killed_at_any_step_loses_nothing(
    house: SimpleNamespace,
    dying: subprocess.Popen[str],
    config: Config,
    firebase: Firebase,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for step, times in STEPS.items():
        stand_in.forget()
        with transaction(Side.OWNER) as session:
            session.execute(delete(Offer))
            session.execute(delete(Job))
        offer(house)
        assert kill_at(step, dying, stand_in) == signal.SIGKILL
        with monkeypatch.context() as patch:
            patch.setattr(clock.now, "source", lambda: datetime.now(UTC) + LEASE + timedelta(seconds=1))
            worker.do_deeds(config, [Kind.TELL])
            worker.send_pushes(firebase)
        arrived = Counter(arrival.address for arrival in stand_in.arrivals)
        assert arrived == dict.fromkeys(ADDRESSES, times), step
        assert len({arrival.message["data"]["c"] for arrival in stand_in.arrivals}) == 1, step
        assert left() == [], step
    print(f"killed at {len(STEPS)} steps, nothing lost")


@pytest.mark.real
def test_a_worker_wakes_by_itself_and_stops_when_asked(
    house: SimpleNamespace, config: Config, stand_in: StandIn
) -> None:
    settings = {
        "WORKER_DATABASE_URL": house.urls[Side.WORKER],
        "PUBLIC_URL": "http://localhost",
        "SEALING_KEY": "A" * 43 + "=",
        "FIREBASE_CREDENTIALS": str(stand_in.credentials),
        "PUSH_URL": stand_in.url,
    }
    with subprocess.Popen([sys.executable, "-m", "backend.cli.work"], env=os.environ | settings) as process:
        offer(house)
        wait_until(lambda: len(stand_in.arrivals) == len(ADDRESSES))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with transaction(Side.WORKER) as session:
        assert session.scalars(select(Job.id).where(Job.leased_until.is_not(None))).all() == []
        assert set(session.scalars(select(Job.kind))) >= {Kind.BEAT, Kind.KEEP_HOUSE}
