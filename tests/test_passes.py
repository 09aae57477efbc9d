"""Showing and spending passes: once, for their purpose, in their time, and every other case a clear problem."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from backend import clock, db
from backend.actions.anonymous.expiry import forget_expired
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.demo.passes import authorization, parse_challenge
from backend.door.periods import Purpose
from backend.door.signing import SigningKey
from backend.door.wire import TOKEN_BYTES, one_challenge
from backend.models.agency.record import IssuerKey
from backend.models.anonymous.passes import SpentPass
from tests import builders
from tests.conftest import RolledBack
from tests.phones import House, problem, spending_app, together


@pytest.fixture
def house(database: RolledBack, config: Config) -> House:
    with transaction(Side.OWNER) as session:
        return House(config, session)


@pytest.fixture
def spender(database: RolledBack, config: Config) -> FlaskClient:
    """Somebody with a pass, and a place to spend it."""
    return spending_app(config).test_client()


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    before = clock.now.source

    def set_clock(moment: datetime) -> None:
        clock.now.source = lambda: moment

    yield set_clock
    clock.now.source = before


def spend(spender: FlaskClient, token: bytes | str, purpose: Purpose = Purpose.SUPPORT) -> TestResponse:
    headers = {"Authorization": token} if isinstance(token, str) else authorization(token)
    return spender.post(f"/v1/anon/spent/{purpose}", headers=headers)


def row(key: SigningKey) -> IssuerKey:
    with transaction(Side.OWNER) as session:
        return session.get_one(IssuerKey, key.public.key_id)


def spent() -> int:
    with transaction(Side.OWNER) as session:
        return session.scalar(select(func.count()).select_from(SpentPass)) or 0


# The challenge


def test_a_key_is_asked_for_with_the_one_challenge(client: FlaskClient, house: House) -> None:
    asked = set()
    for key in house.keys.values():
        answer = client.get(f"/v1/anon/keys/{key.public.key_id.hex()}/challenge")
        assert problem(answer, 401) == "pass-needed"
        challenge, spki = parse_challenge(answer.headers["WWW-Authenticate"])
        assert spki == key.public.spki
        assert hashlib.sha256(spki).digest() == key.public.key_id
        asked.add(challenge)
    assert asked == {one_challenge("localhost").to_bytes()}


def test_an_unknown_key_is_not_asked_for(client: FlaskClient, house: House) -> None:
    for name in ("00" * 32, "ab", "nothing"):
        assert problem(client.get(f"/v1/anon/keys/{name}/challenge"), 404) == "not-found"


def test_an_officers_session_is_not_told_what_to_show(client: FlaskClient, house: House) -> None:
    address = f"/v1/anon/keys/{house.support.public.key_id.hex()}/challenge"
    assert problem(client.get(address, headers=house.officer.headers), 400) == "wrong-side"


# How a pass is shown


def encoded(token: bytes, padded: bool) -> str:
    text = base64.urlsafe_b64encode(token).decode()
    return text if padded else text.rstrip("=")


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(
    "form",
    [
        'PrivateToken token="{}"',
        "PrivateToken token={}",
        'privatetoken TOKEN = "{}"',
        'PrivateToken  a=b, token="{}", c="d"',
    ],
)  # fmt: skip
def test_a_pass_is_read_however_it_is_written(spender: FlaskClient, house: House, form: str, padded: bool) -> None:
    token = builders.a_pass(house.support)
    answer = spend(spender, form.format(encoded(token, padded)))
    assert answer.status_code == 200, answer.text
    shown = answer.get_json()
    assert shown["pass_hash"] == hashlib.sha256(token).hexdigest()
    assert shown["key_id"] == house.support.public.key_id.hex()


def test_a_pass_is_one_pass_however_it_is_written(spender: FlaskClient, house: House) -> None:
    token = builders.a_pass(house.support)
    assert spend(spender, f'PrivateToken token="{encoded(token, True)}"').status_code == 200
    assert problem(spend(spender, f"PrivateToken token={encoded(token, False)}"), 409) == "pass-spent"


@pytest.mark.parametrize(
    "header",
    [
        "PrivateToken", "PrivateToken ", "PrivateToken token", "PrivateToken token=", 'PrivateToken token=""',
        "PrivateToken token=AAAA", "PrivateToken token=*", "PrivateToken AAAA", "PrivateToken token=\u00e9",
        f"PrivateToken token={'A' * 472}", f"PrivateToken token={'A' * 5000}", 'PrivateToken extensions="AAAA"',
    ],
)  # fmt: skip
def test_what_is_no_pass_is_refused(spender: FlaskClient, house: House, header: str) -> None:
    answer = spend(spender, header)
    assert problem(answer, 401) == "pass-unreadable"
    assert answer.headers["WWW-Authenticate"] == "PrivateToken"


def test_nothing_but_a_pass_is_taken(spender: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        peer = builders.staff(session, house.facility)
    for headers in ({}, peer.headers, {"Authorization": "Basic YTpi"}):
        assert problem(spender.post("/v1/anon/spent/support", headers=headers), 401) == "unproven"
    assert problem(spender.post("/v1/anon/spent/support", headers=house.officer.headers), 400) == "wrong-side"
    both = f"{authorization(builders.a_pass(house.support))['Authorization']}, {house.officer.headers['Authorization']}"
    assert problem(spend(spender, both), 400) == "wrong-side"


# What it is good for


@pytest.mark.parametrize("purpose", Purpose)
def test_a_pass_is_spent_once(
    spender: FlaskClient, house: House, at: Callable[[datetime], None], purpose: Purpose
) -> None:
    key = house.keys[purpose]
    at(row(key).spends_from)
    token = builders.a_pass(key)
    assert spend(spender, token, purpose).status_code == 200
    assert problem(spend(spender, token, purpose), 409) == "pass-spent"
    assert spend(spender, builders.a_pass(key), purpose).status_code == 200
    assert spent() == 2


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("wanted", Purpose)
def test_a_pass_is_good_for_its_purpose_alone(
    spender: FlaskClient, house: House, at: Callable[[datetime], None], purpose: Purpose, wanted: Purpose
) -> None:
    key = house.keys[purpose]
    at(row(key).spends_from)
    answer = spend(spender, builders.a_pass(key), wanted)
    if purpose is wanted:
        assert answer.status_code == 200
    else:
        assert problem(answer, 403) == "pass-for-something-else"


@pytest.mark.parametrize("purpose", Purpose)
def test_a_pass_is_good_in_its_time_alone(
    spender: FlaskClient, house: House, at: Callable[[datetime], None], purpose: Purpose
) -> None:
    key, second = house.keys[purpose], timedelta(seconds=1)
    token = builders.a_pass(key)
    at(row(key).spends_from - second)
    assert problem(spend(spender, token, purpose), 403) == "pass-too-early"
    at(row(key).spends_until)
    assert problem(spend(spender, token, purpose), 403) == "pass-too-late"
    assert spent() == 0
    at(row(key).spends_until - second)
    assert spend(spender, token, purpose).status_code == 200


def test_a_pass_says_its_cohort(spender: FlaskClient, house: House, config: Config) -> None:
    last_week = datetime.now(builders.ZONE).date() - timedelta(days=7)
    with transaction(Side.OWNER) as session:
        own = builders.issuer_key(session, config, Purpose.CHECK_IN, facility=house.facility, day=last_week)
        shared = builders.issuer_key(session, config, Purpose.CHECK_IN, day=last_week)
    said = [spend(spender, builders.a_pass(key), Purpose.CHECK_IN).get_json()["cohort_id"] for key in (own, shared)]
    assert said == [str(house.facility.cohort_id), None]


def test_a_pass_of_another_agency_is_refused(spender: FlaskClient, house: House) -> None:
    unknown = builders.a_pass(SigningKey.generate())
    assert problem(spend(spender, unknown), 401) == "pass-key-unknown"
    elsewhere = builders.a_pass(house.support, host="relief.example.gov")
    assert problem(spend(spender, elsewhere), 401) == "pass-for-another-server"


def test_a_pass_under_another_known_key_is_not_genuine(spender: FlaskClient, house: House) -> None:
    token = builders.a_pass(house.keys[Purpose.ASSESSMENT])
    forged = token[:66] + house.support.public.key_id + token[98:]
    assert problem(spend(spender, forged), 401) == "pass-not-genuine"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bit=st.integers(0, 8 * TOKEN_BYTES - 1))
def test_a_flipped_bit_anywhere_is_seen(spender: FlaskClient, house: House, bit: int) -> None:
    token = bytearray(builders.a_pass(house.support))
    token[bit // 8] ^= 1 << bit % 8
    expected = {
        range(2): "pass-unreadable",
        range(2, 34): "pass-not-genuine",
        range(34, 66): "pass-for-another-server",
        range(66, 98): "pass-key-unknown",
        range(98, 354): "pass-not-genuine",
    }
    kind = next(kind for place, kind in expected.items() if bit // 8 in place)
    assert problem(spend(spender, bytes(token)), 401) == kind


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80))
def test_no_header_breaks_the_door(spender: FlaskClient, house: House, header: str) -> None:
    assert problem(spend(spender, f"PrivateToken {header}"), 401) == "pass-unreadable"


# What stays of it


def test_what_was_spent_is_forgotten_when_its_time_is_over(spender: FlaskClient, house: House) -> None:
    assert spend(spender, builders.a_pass(house.support)).status_code == 200
    over = row(house.support).spends_until
    for moment, left in ((over, 1), (over + timedelta(days=1), 0)):
        with transaction(Side.WORKER) as session:
            forget_expired(session, moment)
        assert spent() == left


@pytest.mark.real
def test_of_a_hundred_spends_at_once_one_succeeds(clone: dict[Side, str], config: Config) -> None:
    database, tries, threads = PostgreSQL(clone), 100, 10
    db.use(database)
    with transaction(Side.OWNER) as session:
        house = House(config, session)
    app, token = spending_app(config), builders.a_pass(house.support)
    statuses: list[int] = []

    def race(_: int) -> None:
        spender = app.test_client()
        statuses.extend(spend(spender, token).status_code for _ in range(tries // threads))

    together(threads, race)
    database.close()
    assert sorted(statuses) == [200] + [409] * (tries - 1)
    print(f"\n{tries} spends of one pass: {statuses.count(200)} succeeded")
