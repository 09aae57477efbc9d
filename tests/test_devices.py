"""Staff's phones: whose they are, what they are told, and the keys that asks are sealed to."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from backend import db
from backend.actions.agency import devices
from backend.app import create_app
from backend.base64url import encode_base64
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.errors import Invalid
from backend.models.agency.jobs import Job
from backend.models.agency.staff import Device, Role
from tests import builders
from tests.builders import Signed

URL = "/v1/staff/devices"
P = 2**255 - 19
SMALL_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    P - 1,
    P,
    P + 1,
]
"""The points of small order, and those written another way (RFC 7748, section 7; C. Allen's list)."""


@pytest.fixture
def peer(client: FlaskClient) -> Signed:
    with transaction(Side.OWNER) as session:
        return builders.staff(session, builders.facility(session), Role.PEER)


def another() -> Signed:
    with transaction(Side.OWNER) as session:
        return builders.staff(session, builders.facility(session, "south"), Role.PEER)


def phone(**changes: Any) -> dict[str, Any]:
    key = X25519PrivateKey.generate().public_key().public_bytes_raw()
    return {
        "name": "My phone", "platform": "android", "address_kind": "fid", "address": uuid.uuid4().hex,
        "public_key": encode_base64(key),
    } | changes  # fmt: skip


def jobs(kind: str) -> list[dict[str, Any]]:
    with transaction(Side.OWNER) as session:
        return list(session.scalars(select(Job.args).where(Job.kind == kind)))


def test_a_phone_is_registered_and_its_key_enters_the_bulletin(client: FlaskClient, peer: Signed) -> None:
    facts = phone()
    made = client.post(URL, json=facts, headers=peer.headers)
    assert made.status_code == 201
    assert made.get_json()["public_key"] == facts["public_key"]
    assert (made.get_json()["works"], made.get_json()["signed_in"]) == (True, True)
    assert "address" not in made.get_json()
    assert client.get(URL, headers=peer.headers).get_json() == {"devices": [made.get_json()]}
    assert jobs("publish") == [{"name": "bulletin"}]


def test_registering_again_changes_the_same_device(client: FlaskClient, peer: Signed) -> None:
    facts = phone()
    first = client.post(URL, json=facts, headers=peer.headers).get_json()
    with transaction(Side.OWNER) as session:
        session.get_one(Device, uuid.UUID(first["id"])).works = False
    again = client.post(URL, json=facts | {"name": "Old phone"}, headers=peer.headers).get_json()
    assert again == first | {"name": "Old phone"}


def test_an_address_is_whoever_registered_it_last_and_another_device_then(client: FlaskClient, peer: Signed) -> None:
    facts, other = phone(), another()
    first = client.post(URL, json=facts, headers=peer.headers).get_json()
    second = client.post(URL, json=facts, headers=other.headers).get_json()
    assert client.get(URL, headers=peer.headers).get_json() == {"devices": []}
    assert [device["id"] for device in client.get(URL, headers=other.headers).get_json()["devices"]] == [second["id"]]
    assert second["id"] != first["id"]


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(client: FlaskClient, peer: Signed, point: int) -> None:
    for high_bit in (0, 1 << 255):
        key = encode_base64((point | high_bit).to_bytes(32, "little"))
        answer = client.post(URL, json=phone(public_key=key), headers=peer.headers)
        assert (answer.status_code, list(answer.get_json()["fields"])) == (422, ["public_key"])
    assert jobs("publish") == []


@given(st.binary(min_size=32, max_size=32))
def test_a_key_is_taken_or_refused_whatever_its_bytes(key: bytes) -> None:
    bare = int.from_bytes(key, "little") % 2**255
    try:
        devices.check_key(key)
    except Invalid:
        assert bare in SMALL_ORDER


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"public_key": encode_base64(bytes(range(31)))}, "public_key"),
        ({"address": "not an address"}, "address"),
        ({"address": "a" * 1025}, "address"),
        ({"platform": "fax"}, "platform"),
        ({"address_kind": "topic"}, "address_kind"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_field_is_named(client: FlaskClient, peer: Signed, changes: dict[str, Any], field: str) -> None:
    answer = client.post(URL, json=phone(**changes), headers=peer.headers)
    assert (answer.status_code, list(answer.get_json()["fields"])) == (422, [field])
    assert "pattern" not in answer.get_json()["fields"][field]


def test_a_phone_gets_another_key_and_address(client: FlaskClient, peer: Signed) -> None:
    made = client.post(URL, json=phone(), headers=peer.headers).get_json()
    stale = client.post(URL, json=phone(address="new-address"), headers=another().headers).get_json()
    key = phone()["public_key"]
    changed = client.patch(
        f"{URL}/{made['id']}",
        json={"public_key": key, "address": "new-address", "address_kind": "token"},
        headers=peer.headers,
    )
    assert (changed.status_code, changed.get_json()) == (200, made | {"public_key": key, "address_kind": "token"})
    with transaction(Side.OWNER) as session:
        assert session.get(Device, uuid.UUID(stale["id"])) is None
    alone = client.patch(f"{URL}/{made['id']}", json={"address": "x"}, headers=peer.headers)
    assert (alone.status_code, list(alone.get_json()["fields"])) == (422, ["address_kind"])
    zero = client.patch(f"{URL}/{made['id']}", json={"public_key": encode_base64(bytes(32))}, headers=peer.headers)
    assert zero.status_code == 422


def test_what_is_not_ones_own_is_not_there(client: FlaskClient, peer: Signed) -> None:
    made, other = client.post(URL, json=phone(), headers=peer.headers).get_json(), another()
    address = f"{URL}/{made['id']}"
    assert client.patch(address, json={"name": "Mine"}, headers=other.headers).status_code == 404
    assert client.post(f"{address}/test", headers=other.headers).status_code == 404
    assert client.delete(address, headers=other.headers).status_code == 404
    assert client.delete(address, headers=peer.headers).status_code == 204
    assert client.delete(address, headers=peer.headers).status_code == 404


def test_a_test_rings_this_device_alone(client: FlaskClient, peer: Signed) -> None:
    made = client.post(URL, json=phone(), headers=peer.headers).get_json()
    client.post(URL, json=phone(), headers=peer.headers)
    assert client.post(f"{URL}/{made['id']}/test", headers=peer.headers).status_code == 202
    assert [(push["notice"], push["device"]) for push in jobs("push")] == [("test", made["id"])]


def test_a_device_that_nobody_is_signed_in_on_can_not_be_rung(client: FlaskClient, peer: Signed) -> None:
    with transaction(Side.OWNER) as session:
        silent = builders.device(session, peer.staff, session_id=None).id
    answer = client.post(f"{URL}/{silent}/test", headers=peer.headers)
    assert (answer.status_code, answer.get_json()["type"]) == (409, "/problems/silent")
    assert jobs("push") == []


def test_nobody_has_more_devices_than_a_phone_can_seal_to(client: FlaskClient, peer: Signed) -> None:
    facts = [phone() for _ in range(devices.MOST + 1)]
    assert [client.post(URL, json=one, headers=peer.headers).status_code for one in facts[:-1]] == [201] * devices.MOST
    late = client.post(URL, json=facts[-1], headers=peer.headers)
    assert (late.status_code, late.get_json()["type"]) == (409, "/problems/too-many-devices")
    assert client.post(URL, json=facts[0], headers=peer.headers).status_code == 201


@pytest.mark.real
def test_one_address_has_one_owner_however_many_register_it_at_once(clone: dict[Side, str], config: Config) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        north = builders.facility(session)
        people = [builders.staff(session, north, Role.PEER) for _ in range(6)]
    app, facts = create_app(config), phone()

    def send(who: Signed) -> int:
        return app.test_client().post(URL, json=facts, headers=who.headers).status_code

    with ThreadPoolExecutor(len(people)) as pool:
        answers = list(pool.map(send, people))
    with transaction(Side.OWNER) as session:
        owners = session.scalars(select(Device.staff_id)).all()
    database.close()
    print(f"{len(people)} register one address at once: {len(owners)} device")
    assert answers == [201] * len(people)
    assert len(owners) == 1
