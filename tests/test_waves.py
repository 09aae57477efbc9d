"""Waves: peers are asked, a few at a time, until somebody takes the request or people are told."""

import uuid
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from backend.actions.anonymous.offers import pass_on
from backend.db import Side, transaction
from backend.jobs import Kind, enqueue
from backend.models.agency.incidents import Incident, IncidentStaff
from backend.models.agency.staff import Role, Staff
from backend.rules.waves import Reach, can_be_asked, next_look, next_wave
from tests import builders
from tests.askers import (
    Asker,
    Helper,
    House,
    Time,
    alone,
    asked,
    do_what_is_due,
    hushed,
    jobs,
    set_availability,
    team,
    told,
)

CHICAGO = ZoneInfo("America/Chicago")
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


def reach(**changes: Any) -> Reach:
    facts: dict[str, Any] = {
        "state": "reachable", "until": None, "quiet_from": None, "quiet_to": None, "rests_until": None, "cap": 3,
        "conversations": 0,
    }  # fmt: skip
    return Reach(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "can"),
    [
        ({}, True),
        ({"state": "on post"}, False),
        ({"state": "away"}, False),
        ({"until": NOON + timedelta(minutes=1)}, True),
        ({"until": NOON}, False),
        ({"rests_until": NOON + timedelta(minutes=1)}, False),
        ({"rests_until": NOON}, True),
        ({"conversations": 2}, True),
        ({"conversations": 3}, False),
        ({"cap": 0}, False),
        ({"quiet_from": clock_time(12), "quiet_to": clock_time(13)}, False),
        ({"quiet_from": clock_time(11), "quiet_to": clock_time(12)}, True),
        ({"quiet_from": clock_time(22), "quiet_to": clock_time(6)}, True),
        ({"quiet_from": clock_time(22), "quiet_to": clock_time(12, 1)}, False),
        ({"quiet_from": clock_time(11), "quiet_to": clock_time(6)}, False),
    ],
)
def test_who_can_be_asked_at_noon_in_chicago(changes: dict[str, Any], can: bool) -> None:
    assert can_be_asked(reach(**changes), NOON, CHICAGO) is can


def test_a_wave_skips_and_those_skipped_keep_their_turn() -> None:
    asked, asleep, ready, later = (uuid.uuid4() for _ in range(4))
    reaches = {asked: reach(), asleep: reach(state="away"), ready: reach(), later: reach()}
    order = [asked, asleep, ready, later]
    assert next_wave(order, {asked}, reaches, size=1, now=NOON, zone=CHICAGO) == [ready]
    awake = reaches | {asleep: reach()}
    assert next_wave(order, {asked, ready}, awake, size=2, now=NOON, zone=CHICAGO) == [asleep, later]


def test_the_next_look_is_at_whatever_comes_first() -> None:
    soon, late = NOON + timedelta(minutes=1), NOON + timedelta(hours=1)
    assert next_look(NOON, late, [soon], timedelta(minutes=3)) == soon
    assert next_look(NOON, soon, [late], timedelta(minutes=3)) == soon
    assert next_look(NOON, late, [], timedelta(minutes=3)) == NOON + timedelta(minutes=3)


def test_an_unanswered_wave_passes_to_the_next(client: FlaskClient, house: House, time: Time) -> None:
    peers = team(client, house, 5)
    asker = Asker(client, house).ask()
    first = asked(peers)
    time.pass_by(seconds=179)
    do_what_is_due(house.config)
    assert asked(peers) == first
    time.pass_by(seconds=1)
    do_what_is_due(house.config)
    second = asked(peers)
    assert (len(first), len(second)) == (3, 2)
    assert not set(map(id, first)) & set(map(id, second))
    assert hushed("offer") == {peer.id for peer in first}
    assert asker.see()["asked"] == 5


def test_a_wave_that_declines_early_passes_at_once(client: FlaskClient, house: House) -> None:
    peers = team(client, house, 4)
    Asker(client, house).ask()
    first = asked(peers)
    for peer in first:
        assert len(asked(peers)) <= 3
        assert peer.answer("decline").status_code == 204
    (last,) = asked(peers)
    assert last not in first


def test_who_was_asleep_may_be_asked_later(client: FlaskClient, house: House, time: Time) -> None:
    (sleeper,) = team(client, house, 1, reachable=False)
    (coordinator,) = team(client, house, 1, Role.COORDINATOR)
    asker = Asker(client, house, {"urgency": "today"}).ask()
    assert asked([sleeper]) == []
    set_availability(sleeper, state="reachable")
    time.pass_by(seconds=1800)
    do_what_is_due(house.config)
    assert asked([sleeper]) == [sleeper]
    assert not asker.see()["told"]
    assert told("no peer left") == set()
    assert not coordinator.offers()


def test_where_nobody_is_left_now_people_are_told_at_once_and_again(
    client: FlaskClient, house: House, time: Time
) -> None:
    team(client, house, 2, reachable=False)
    (clinician,), (coordinator,) = team(client, house, 1, Role.CLINICIAN), team(client, house, 1, Role.COORDINATOR)
    asker = Asker(client, house).ask()
    assert asker.see()["told"]
    assert told("no peer left") == {clinician.id, coordinator.id}
    for _ in range(3):
        before = {job.id: job.generation for job in jobs(Kind.TELL)}
        time.pass_by(seconds=300)
        do_what_is_due(house.config)
        assert all(job.generation > before[job.id] for job in jobs(Kind.TELL))
        assert alone(time.now) == []


def test_today_people_are_told_when_it_is_time(client: FlaskClient, house: House, time: Time) -> None:
    (coordinator,) = team(client, house, 1, Role.COORDINATOR)
    asker = Asker(client, house, {"urgency": "today"}).ask()
    time.pass_by(seconds=7199)
    do_what_is_due(house.config)
    assert not asker.see()["told"]
    time.pass_by(seconds=1)
    do_what_is_due(house.config)
    assert asker.see()["told"]
    assert told("no peer left") == {coordinator.id}


def test_when_people_are_told_an_offer_that_runs_goes_on(client: FlaskClient, house: House, time: Time) -> None:
    (peer,), (coordinator,) = team(client, house, 1, reachable=False), team(client, house, 1, Role.COORDINATOR)
    asker = Asker(client, house, {"urgency": "today"}).ask()
    for _ in range(3):
        time.pass_by(seconds=1800)
        do_what_is_due(house.config)
    time.pass_by(seconds=600)
    set_availability(peer, state="reachable")
    other = Asker(client, house, {"urgency": "today"}).ask()
    for _ in range(3):
        time.pass_by(seconds=400)
        do_what_is_due(house.config)
    assert told("no peer left") == {coordinator.id}
    assert (asker.see()["told"], asker.see()["waiting_for"]) == (True, 1)
    assert other.see()["told"] is False


def test_whoever_has_left_is_not_asked(client: FlaskClient, house: House, time: Time) -> None:
    peers = team(client, house, 4)
    Asker(client, house).ask()
    (last,) = [peer for peer in peers if not peer.offers()]
    with transaction(Side.OWNER) as session:
        session.execute(update(Staff).where(Staff.id == last.id).values(active=False))
    time.pass_by(seconds=180)
    do_what_is_due(house.config)
    assert told("offer") == set()


def incident(house: House) -> uuid.UUID:
    with transaction(Side.OWNER) as session:
        row = Incident(type="riot", facility_id=house.north.id, started_at=builders.LONG_AGO, severity="severe")
        session.add(row)
        session.flush()
        return row.id


def name_as_part(house: House, incident_id: uuid.UUID, who: Helper, time: Time) -> None:
    with transaction(Side.OWNER) as session:
        session.add(IncidentStaff(incident_id=incident_id, staff_id=who.id))
        enqueue(session, Kind.RECHECK, {"incident": str(incident_id)}, run_at=time.now, key=str(incident_id))


def test_who_is_named_as_part_of_the_incident_loses_offer_and_place(
    client: FlaskClient, house: House, time: Time
) -> None:
    named = incident(house)
    peers = team(client, house, 2)
    asker = Asker(client, house, {"urgency": "routine", "incident": str(named)}).ask()
    (first,) = asked(peers)
    name_as_part(house, named, first, time)
    assert first.answer("accept").status_code == 409, "before the worker has come to it"
    do_what_is_due(house.config)
    (second,) = asked(peers)
    assert second is not first
    assert hushed("offer") == {first.id}
    second.answer("decline")
    time.pass_by(days=1)
    do_what_is_due(house.config)
    assert asked(peers) == []
    assert asker.see()["told"]


def test_offers_pass_on_when_a_peer_has_to_leave_his_phone(client: FlaskClient, house: House, time: Time) -> None:
    peers = team(client, house, 2)
    Asker(client, house, {"urgency": "routine"}).ask()
    (first,) = asked(peers)
    leave_phone(first, time)
    (second,) = asked(peers)
    assert second is not first
    second.answer("decline")
    set_availability(first, state="reachable")
    time.pass_by(seconds=14400)
    do_what_is_due(house.config)
    assert asked(peers) == [first], "he had no chance to answer"


def leave_phone(peer: Helper, time: Time) -> None:
    set_availability(peer, state="on post")
    with transaction(Side.ANONYMOUS) as session:
        pass_on(session, peer.id, time.now)
