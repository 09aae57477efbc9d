"""Telling people: who is told, on which phones, how often, and when it is better to stay quiet."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, func, select

from backend import clock, worker
from backend.config import Config
from backend.db import Side, transaction
from backend.demo.firebase import StandIn
from backend.jobs import Kind, enqueue
from backend.models.agency.incidents import Incident
from backend.models.agency.jobs import Job
from backend.models.agency.record import StaticFile
from backend.models.agency.staff import Device, Role, StaffSession
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, SupportRequest, Wake
from backend.notify.beat import beat, hasten
from backend.notify.firebase import Firebase
from backend.notify.kinds import OFFICERS_TOPIC, TELLING, Notice, facility_topic
from backend.notify.tell import hush_staff, ring_facility, tell_staff, wake_asker
from backend.rules.news import tag
from backend.rules.record import canonical
from tests import builders
from tests.conftest import RolledBack

START = datetime(2026, 11, 20, 22, 1, tzinfo=UTC)


@pytest.fixture
def house(database: RolledBack, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A peer with two phones, a coordinator with one, and a request that the peer has been offered."""
    world = SimpleNamespace(now=START)
    monkeypatch.setattr(clock.now, "source", lambda: world.now)
    with transaction(Side.OWNER) as session:
        facility = builders.facility(session)
        world.facility_id = facility.id
        world.peer = builders.staff(session, facility, now=START).staff
        world.coordinator = builders.staff(session, facility, Role.COORDINATOR, now=START).staff
        for owner, address, platform in (
            (world.peer, "peer's phone", "ios"),
            (world.peer, "peer's tablet", "android"),
            (world.coordinator, "coordinator's phone", "android"),
        ):
            builders.device(session, owner, address=address, platform=platform, seen_on=START.date())
        world.request = builders.support_request(session, now=START)
        world.offer = builders.offer(session, world.request, world.peer, now=START)
    return world


@pytest.fixture
def work(firebase: Firebase) -> Callable[[], None]:
    """Let the worker do all that is ready."""

    def work() -> None:
        while worker.tell_many() or worker.send_pushes(firebase):
            pass

    return work


@pytest.fixture
def phones(stand_in: StandIn) -> Callable[[], Counter[tuple[str, str]]]:
    """What has arrived on which phone since the last look."""
    seen = 0

    def look() -> Counter[tuple[str, str]]:
        nonlocal seen
        news = stand_in.arrivals[seen:]
        seen = len(stand_in.arrivals)
        return Counter((arrival.address, arrival.why) for arrival in news)

    return look


Work = Callable[[], None]
Phones = Callable[[], Counter[tuple[str, str]]]
BOTH = Counter({("peer's phone", "offer"): 1, ("peer's tablet", "offer"): 1})
QUIET = Counter({("peer's phone", "quiet"): 1, ("peer's tablet", "quiet"): 1})


def tell_offer(house: SimpleNamespace) -> None:
    with transaction(Side.ANONYMOUS) as session:
        tell_staff(session, Notice.OFFER, house.peer.id, house.offer.id, house.now, expires_at=house.offer.expires_at)


def change(table: type, about: uuid.UUID, **values: object) -> None:
    with transaction(Side.OWNER) as session:
        for name, value in values.items():
            setattr(session.get_one(table, about), name, value)


def left() -> int:
    with transaction(Side.WORKER) as session:
        return session.scalar(select(func.count()).select_from(Job)) or 0


def test_every_phone_of_who_is_told_rings_once(house: SimpleNamespace, work: Work, phones: Phones) -> None:
    tell_offer(house)
    assert not phones()
    work()
    assert phones() == BOTH


def test_it_rings_once_more_if_nobody_has_looked(house: SimpleNamespace, work: Work, phones: Phones) -> None:
    tell_offer(house)
    work()
    phones()
    house.now += TELLING[Notice.OFFER].again_after or timedelta()
    work()
    assert phones() == BOTH
    house.now += timedelta(minutes=5)
    work()
    assert not phones()
    assert left() == 0


def test_it_does_not_ring_again_once_somebody_has_looked(house: SimpleNamespace, work: Work, phones: Phones) -> None:
    tell_offer(house)
    work()
    phones()
    change(Offer, house.offer.id, opened=True)
    house.now += timedelta(minutes=5)
    work()
    assert not phones()


def test_the_repeat_replaces_the_first_on_the_phone(house: SimpleNamespace, work: Work, stand_in: StandIn) -> None:
    tell_offer(house)
    work()
    house.now += timedelta(minutes=3)
    work()
    assert len(stand_in.arrivals) == 4
    assert len({arrival.message["data"]["c"] for arrival in stand_in.arrivals}) == 1


def test_a_phone_goes_quiet_when_the_matter_has_settled(house: SimpleNamespace, work: Work, phones: Phones) -> None:
    tell_offer(house)
    work()
    phones()
    change(Offer, house.offer.id, state="cancelled")
    with transaction(Side.ANONYMOUS) as session:
        hush_staff(session, Notice.OFFER, house.peer.id, house.offer.id, house.now)
    work()
    assert phones() == QUIET
    house.now += timedelta(minutes=5)
    work()
    assert not phones()


@pytest.mark.parametrize("settled", [{"state": "cancelled"}, {"opened": True}, {"expires_at": START}])
@pytest.mark.parametrize("late", [False, True])
def test_what_has_settled_meanwhile_does_not_ring(
    house: SimpleNamespace, work: Work, phones: Phones, config: Config, settled: dict[str, object], late: bool
) -> None:
    tell_offer(house)
    if late:
        assert worker.do_deeds(config, [Kind.TELL]) == 1
    change(Offer, house.offer.id, **settled)
    work()
    assert not phones()


@pytest.mark.parametrize(
    "fact", [{"works": False}, {"session_id": None}, {"seen_on": START.date() - timedelta(days=270)}]
)
@pytest.mark.parametrize("late", [False, True])
def test_a_phone_that_is_signed_out_or_dead_stays_silent(
    house: SimpleNamespace, work: Work, phones: Phones, config: Config, fact: dict[str, object], late: bool
) -> None:
    tell_offer(house)
    if late:
        assert worker.do_deeds(config, [Kind.TELL]) == 1
    with transaction(Side.OWNER) as session:
        device_id = session.scalars(select(Device.id).where(Device.address == "peer's phone")).one()
    change(Device, device_id, **fact)
    work()
    assert phones() == Counter({("peer's tablet", "offer"): 1})


def test_signing_out_silences_a_push_that_waits(
    house: SimpleNamespace, work: Work, phones: Phones, config: Config
) -> None:
    tell_offer(house)
    assert worker.do_deeds(config, [Kind.TELL]) == 1
    with transaction(Side.ANONYMOUS) as session:
        session.execute(delete(StaffSession).where(StaffSession.staff_id == house.peer.id))
    work()
    assert not phones()
    assert left() == 1  # the look whether it should ring again


def test_who_has_left_the_programme_is_not_rung(house: SimpleNamespace, work: Work, phones: Phones) -> None:
    tell_offer(house)
    change(type(house.peer), house.peer.id, active=False)
    work()
    assert not phones()


def test_a_message_rings_until_it_is_read(house: SimpleNamespace, work: Work, phones: Phones) -> None:
    with transaction(Side.OWNER) as session:
        conversation = Conversation(
            request_id=house.request.id, staff_id=house.peer.id, number=1, state="open", staff_unread=True
        )
        session.add(conversation)
        session.flush()
        tell_staff(session, Notice.MESSAGE, house.peer.id, conversation.id, house.now)
    work()
    assert phones() == Counter({("peer's phone", "message"): 1, ("peer's tablet", "message"): 1})
    change(Conversation, conversation.id, staff_unread=False)
    house.now += timedelta(hours=1)
    work()
    assert not phones()


def test_clinicians_and_coordinators_hear_that_nobody_is_left(
    house: SimpleNamespace, work: Work, phones: Phones
) -> None:
    for state, expected in (("open", 1), ("accepted", 0)):
        change(SupportRequest, house.request.id, state=state)
        with transaction(Side.ANONYMOUS) as session:
            tell_staff(session, Notice.NO_PEER_LEFT, house.coordinator.id, house.request.id, house.now)
        work()
        assert phones() == Counter({("coordinator's phone", "no peer left"): expected} if expected else {})


def test_a_notice_that_cannot_be_read_holds_up_no_other(
    house: SimpleNamespace, config: Config, firebase: Firebase, phones: Phones
) -> None:
    tell_offer(house)
    with transaction(Side.ANONYMOUS) as session:
        enqueue(session, Kind.TELL, {"notice": "gossip"}, run_at=house.now)
    assert worker.tell_or_do(config) == 2
    worker.send_pushes(firebase)
    assert phones() == BOTH
    with transaction(Side.WORKER) as session:
        assert set(session.scalars(select(Job.reason))) == {None, "KeyError"}


def test_a_test_alert_always_rings(house: SimpleNamespace, work: Work, phones: Phones) -> None:
    with transaction(Side.ANONYMOUS) as session:
        tell_staff(session, Notice.TEST, house.coordinator.id, uuid.uuid4(), house.now)
    work()
    assert phones() == Counter({("coordinator's phone", "test"): 1})
    assert left() == 0


@pytest.mark.parametrize(("unread", "wake", "rings"), [(True, True, 1), (False, True, 0), (True, False, 0)])
def test_the_asker_is_woken_if_he_wished_it_and_has_something_to_read(
    house: SimpleNamespace, work: Work, phones: Phones, unread: bool, wake: bool, rings: int
) -> None:
    with transaction(Side.OWNER) as session:
        if wake:
            session.add(Wake(request_id=house.request.id, platform="ios", address_kind="fid", address="asker's phone"))
        session.get_one(SupportRequest, house.request.id).unread = unread
    with transaction(Side.ANONYMOUS) as session:
        wake_asker(session, house.request.id, house.now)
    work()
    assert phones() == Counter({("asker's phone", "answer"): 1} if rings else {})


@pytest.mark.parametrize(("closed", "rings"), [(False, 1), (True, 0)])
def test_a_severe_incident_rings_the_facility(
    house: SimpleNamespace, work: Work, phones: Phones, stand_in: StandIn, closed: bool, rings: int
) -> None:
    stand_in.subscribe("somebody's phone", facility_topic("north"))
    stand_in.subscribe("another's phone", facility_topic("south"))
    with transaction(Side.OWNER) as session:
        incident = Incident(
            type="assault", facility_id=house.facility_id, started_at=START, severity="severe",
            closed_at=START if closed else None,
        )  # fmt: skip
        session.add(incident)
        session.flush()
    with transaction(Side.ANONYMOUS) as session:
        ring_facility(session, "north", incident.id, house.now)
    work()
    assert phones() == Counter({("somebody's phone", "incident"): 1} if rings else {})


def show_in_the_news(*requests: SupportRequest) -> None:
    tags = [tag(request.secret_hash, 7) for request in requests]
    body = canonical({"quarter": 7, "tick": 0, "tags": tags})
    with transaction(Side.OWNER) as session:
        session.merge(StaticFile(path="news", media_type="application/json", body=body, etag="x"))


def let_beat(house: SimpleNamespace) -> None:
    with transaction(Side.WORKER) as session:
        hasten(session, house.now)
        if session.scalars(select(Job.run_at).where(Job.kind == Kind.BEAT)).one() <= house.now:
            beat(session, house.now)


@pytest.fixture
def officers(house: SimpleNamespace, stand_in: StandIn) -> Iterator[None]:
    stand_in.subscribe("officer's phone", OFFICERS_TOPIC)
    with transaction(Side.WORKER) as session:
        beat(session, house.now)
    yield


WOKEN = Counter({("officer's phone", ""): 1})


def test_officers_phones_are_woken_together_when_a_tag_has_come_into_the_news(
    house: SimpleNamespace, officers: None, work: Work, phones: Phones
) -> None:
    change(SupportRequest, house.request.id, unread=True)
    house.now += timedelta(minutes=1)
    show_in_the_news()
    let_beat(house)
    work()
    assert not phones()
    show_in_the_news(house.request)
    let_beat(house)
    house.now += timedelta(seconds=30)
    let_beat(house)
    work()
    assert phones() == WOKEN


def test_officers_phones_rest_a_quarter_of_an_hour(
    house: SimpleNamespace, officers: None, work: Work, phones: Phones
) -> None:
    change(SupportRequest, house.request.id, unread=True)
    show_in_the_news(house.request)
    woken = []
    for second in range(0, 3600, 10):
        house.now = START + timedelta(seconds=second)
        if second % 300 == 0:
            change(SupportRequest, house.request.id, version=second + 2)
        let_beat(house)
        work()
        if phones():
            woken.append(second)
    gaps = [after - before for before, after in pairwise(woken)]
    assert 3 <= len(woken) <= 4
    assert min(gaps) >= 15 * 60


def test_without_news_they_are_woken_seldom_and_not_by_a_clock(
    house: SimpleNamespace, officers: None, work: Work, phones: Phones
) -> None:
    woken = []
    for quarter in range(1, 4 * 24):
        house.now = START + timedelta(minutes=15) * quarter
        let_beat(house)
        work()
        if phones():
            woken.append(house.now)
    gaps = [(after - before) / timedelta(hours=1) for before, after in pairwise(woken)]
    assert min(gaps) >= 2
    assert max(gaps) <= 4.5
    assert len(set(gaps)) > 1


def test_what_phones_were_woken_for_wakes_them_no_more(
    house: SimpleNamespace, officers: None, work: Work, phones: Phones
) -> None:
    change(SupportRequest, house.request.id, unread=True)
    show_in_the_news(house.request)
    for seconds in range(0, 7200, 60):
        house.now = START + timedelta(seconds=seconds)
        let_beat(house)
        work()
    assert phones() == WOKEN
