"""Drawing passes: what is signed, for whom, how often, and when."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from backend import clock, db
from backend.actions.identified.expiry import forget_expired
from backend.app import create_app
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.door.periods import QUOTA, Purpose
from backend.door.wire import RESPONSE_TYPE
from backend.models.agency.places import Facility
from backend.models.agency.record import IssuerKey
from backend.models.identified.accounts import Account
from backend.models.identified.accounts import Session as OfficerSession
from backend.models.identified.draws import Draw, PrivateKey
from tests import builders
from tests.conftest import RolledBack
from tests.phones import House, begin, draw, problem, send, together


@pytest.fixture
def house(database: RolledBack, config: Config) -> House:
    with transaction(Side.OWNER) as session:
        return House(config, session)


def drawn() -> int:
    with transaction(Side.OWNER) as session:
        return session.scalar(select(func.count()).select_from(Draw)) or 0


@pytest.mark.parametrize("purpose", Purpose)
def test_a_pass_is_drawn(client: FlaskClient, house: House, purpose: Purpose) -> None:
    request = begin(house.keys[purpose])
    answer = draw(client, house, house.keys[purpose], request)
    assert answer.status_code == 200
    assert answer.content_type == RESPONSE_TYPE
    assert len(request.finish(answer.data)) == 354
    assert drawn() == 1


def test_the_same_request_gets_the_same_answer_and_counts_once(client: FlaskClient, house: House) -> None:
    key = house.keys[Purpose.CHECK_IN]
    request = begin(key)
    answers = {draw(client, house, key, request).data for _ in range(3)}
    assert len(answers) == 1
    assert drawn() == 1


@pytest.mark.parametrize("purpose", Purpose)
def test_nobody_draws_more_than_the_quota(client: FlaskClient, house: House, purpose: Purpose) -> None:
    key = house.keys[purpose]
    for _ in range(QUOTA[purpose]):
        assert draw(client, house, key).status_code == 200
    assert problem(draw(client, house, key), 409) == "quota-reached"
    assert drawn() == QUOTA[purpose]


def test_an_answer_that_was_lost_is_repeated_over_the_quota_too(client: FlaskClient, house: House) -> None:
    key = house.keys[Purpose.CHECK_IN]
    request = begin(key)
    first = draw(client, house, key, request)
    assert problem(draw(client, house, key), 409) == "quota-reached"
    assert draw(client, house, key, request).data == first.data


def test_each_officer_has_a_quota_of_his_own(client: FlaskClient, house: House, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        other = builders.officer(session, house.facility)
    key = house.keys[Purpose.ASSESSMENT]
    assert draw(client, house, key).status_code == 200
    assert send(client, other.headers, key.public.key_id, begin(key).to_bytes()).status_code == 200


def test_the_same_bytes_for_another_key_are_refused(client: FlaskClient, house: House, config: Config) -> None:
    request = begin(house.support)
    assert draw(client, house, house.support, request).status_code == 200
    other = house.keys[Purpose.CHECK_IN].public.key_id
    body = request.to_bytes()[:2] + other[-1:] + request.to_bytes()[3:]
    answer = send(client, house.officer.headers, other, body)
    # The blinded number may be larger than the other key's modulus; it is refused before that is looked at.
    assert problem(answer, 409) == "blinded-for-another-key"


# Whose key it is


def test_a_cohort_with_a_key_of_its_own_draws_with_no_other(client: FlaskClient, house: House, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        elsewhere = builders.facility(session, "south")
        own = builders.issuer_key(session, config, Purpose.CHECK_IN, facility=elsewhere)
    assert problem(draw(client, house, own), 403) == "another-cohorts-key"

    move(house, elsewhere)
    assert problem(draw(client, house, house.keys[Purpose.CHECK_IN]), 403) == "another-cohorts-key"
    assert draw(client, house, own).status_code == 200


def test_a_changed_facility_counts_from_the_first_week_not_yet_drawn(
    client: FlaskClient, house: House, config: Config
) -> None:
    next_week = datetime.now(builders.ZONE).date() + timedelta(days=7)
    with transaction(Side.OWNER) as session:
        elsewhere = builders.facility(session, "south")
        this = builders.issuer_key(session, config, Purpose.CHECK_IN, facility=elsewhere)
        following = builders.issuer_key(session, config, Purpose.CHECK_IN, facility=elsewhere, day=next_week)
    assert draw(client, house, house.keys[Purpose.CHECK_IN]).status_code == 200
    move(house, elsewhere)
    assert problem(draw(client, house, this), 409) == "quota-reached"
    assert draw(client, house, following).status_code == 200


def move(house: House, facility: Facility) -> None:
    with transaction(Side.OWNER) as session:
        session.get_one(Account, house.officer.account.id).facility_id = facility.id


# When


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """Set the clock."""
    before = clock.now.source

    def set_clock(moment: datetime) -> None:
        clock.now.source = lambda: moment

    yield set_clock
    clock.now.source = before


def test_a_key_is_drawn_from_within_its_time_alone(
    client: FlaskClient, house: House, at: Callable[[datetime], None]
) -> None:
    key = house.keys[Purpose.CHECK_IN]
    with transaction(Side.OWNER) as session:
        row = session.get_one(IssuerKey, key.public.key_id)
    second = timedelta(seconds=1)
    keep_signed_in(house)
    at(row.draws_from - second)
    assert problem(draw(client, house, key), 409) == "draw-too-early"
    at(row.draws_until)
    assert problem(draw(client, house, key), 410) == "draw-over"
    at(row.draws_until - second)
    assert draw(client, house, key).status_code == 200


def keep_signed_in(house: House) -> None:
    with transaction(Side.OWNER) as session:
        for row in session.scalars(select(OfficerSession)):
            row.access_expires_at = datetime(2100, 1, 1, tzinfo=UTC)


def test_a_destroyed_key_signs_no_more(client: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        session.delete(session.get_one(PrivateKey, house.support.public.key_id))
    assert problem(draw(client, house, house.support), 410) == "draw-over"
    assert drawn() == 0


def test_what_was_drawn_is_forgotten_once_it_can_no_longer_be_spent(client: FlaskClient, house: House) -> None:
    assert draw(client, house, house.support).status_code == 200
    with transaction(Side.OWNER) as session:
        over = session.get_one(IssuerKey, house.support.public.key_id).spends_until
    for moment, left in ((over - timedelta(seconds=1), 1), (over, 0)):
        with transaction(Side.WORKER) as session:
            forget_expired(session, moment)
        assert drawn() == left


# What is sent


@pytest.mark.parametrize("media_type", ["application/octet-stream", "application/json", "", "text/plain"])
def test_another_media_type_is_refused(client: FlaskClient, house: House, media_type: str) -> None:
    body = begin(house.support).to_bytes()
    answer = send(client, house.officer.headers, house.support.public.key_id, body, media_type)
    assert problem(answer, 415) == "wrong-media-type"


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"",
        lambda body: body[:-1],
        lambda body: body + b"\x00",
        lambda body: b"\x00\x01" + body[2:],
        lambda body: body[:2] + bytes([body[2] ^ 1]) + body[3:],
        lambda body: body[:3] + bytes(256),
        lambda body: body[:3] + bytes(255) + b"\x01",
        lambda body: body[:3] + b"\xff" * 256,
    ],
    ids=["empty", "short", "long", "type", "truncated key id", "zero", "one", "more than the modulus"],
)
def test_bytes_that_are_no_request_are_refused(
    client: FlaskClient, house: House, change: Callable[[bytes], bytes]
) -> None:
    body = change(begin(house.support).to_bytes())
    answer = send(client, house.officer.headers, house.support.public.key_id, body)
    assert problem(answer, 422) == "invalid"
    assert list(answer.get_json()["fields"]) == ["body"]
    assert drawn() == 0


@pytest.mark.parametrize("name", ["ab", "zz" * 32, "00" * 32, "%00" * 32, "00 " * 32])
def test_an_unknown_key_is_missing(client: FlaskClient, house: House, name: str) -> None:
    assert problem(send(client, house.officer.headers, name, begin(house.support).to_bytes()), 404) == "not-found"


def test_a_key_has_one_name(client: FlaskClient, house: House) -> None:
    name = house.support.public.key_id.hex()
    for wrong in (name.upper(), f"{name[:2]} {name[2:]}"):
        answer = send(client, house.officer.headers, wrong, begin(house.support).to_bytes())
        assert problem(answer, 404) == "not-found"


def test_only_an_officer_draws(client: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        peer = builders.staff(session, house.facility)
    body = begin(house.support).to_bytes()
    unsigned = builders.a_pass(house.support)
    for headers in ({}, peer.headers, {"Authorization": "Bearer relief-officer-x"}, builders.shown(unsigned)):
        answer = send(client, headers, house.support.public.key_id, body)
        assert answer.status_code == 401, headers
    assert drawn() == 0


# Races


@pytest.mark.real
def test_draws_at_the_same_time_keep_the_quota(clone: dict[Side, str], config: Config) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        house = House(config, session)
    app = create_app(config)
    key = house.keys[Purpose.CHECK_IN]

    same, tries = begin(key), 8
    repeated: list[TestResponse] = []
    together(tries, lambda _: repeated.append(draw(app.test_client(), house, key, same)))
    assert {answer.status_code for answer in repeated} == {200}
    assert len({answer.data for answer in repeated}) == 1
    assert drawn() == 1

    requests = [begin(house.support) for _ in range(2 * tries + QUOTA[Purpose.SUPPORT])]
    statuses: list[int] = []

    def race(index: int) -> None:
        for request in requests[index::tries]:
            statuses.append(draw(app.test_client(), house, house.support, request).status_code)

    together(tries, race)
    assert sorted(statuses) == [200] * QUOTA[Purpose.SUPPORT] + [409] * 2 * tries
    print(f"\none draw {tries} times at once: 1 counted; {len(requests)} at once: {QUOTA[Purpose.SUPPORT]} signed")
    database.close()
