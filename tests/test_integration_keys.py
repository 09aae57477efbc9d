"""Keys for other systems."""

import uuid

import pytest
from flask.testing import FlaskClient

from backend.db import Side, transaction
from backend.models.agency.staff import Role
from tests import builders
from tests.builders import Signed

URL = "/v1/staff/integration-keys"


@pytest.fixture
def coordinator(client: FlaskClient) -> Signed:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        return builders.staff(session, builders.facility(session), Role.COORDINATOR)


def test_a_key_is_shown_once(client: FlaskClient, coordinator: Signed) -> None:
    made = client.post(URL, json={"name": "Camera system"}, headers=coordinator.headers)
    assert made.status_code == 201
    assert made.get_json()["key"].startswith("relief-integration-")
    listed = client.get(URL, headers=coordinator.headers).get_json()
    assert listed == {"keys": [{"id": made.get_json()["id"], "name": "Camera system"}]}


def test_a_name_is_free_again_once_its_key_is_revoked(client: FlaskClient, coordinator: Signed) -> None:
    made = client.post(URL, json={"name": "Camera system"}, headers=coordinator.headers).get_json()
    taken = client.post(URL, json={"name": "Camera system"}, headers=coordinator.headers)
    assert (taken.status_code, taken.get_json()["type"]) == (409, "/problems/name-taken")
    assert client.delete(f"{URL}/{made['id']}", headers=coordinator.headers).status_code == 204
    assert client.post(URL, json={"name": "Camera system"}, headers=coordinator.headers).status_code == 201


def test_a_revoked_key_opens_nothing(client: FlaskClient, coordinator: Signed) -> None:
    made = client.post(URL, json={"name": "Camera system"}, headers=coordinator.headers).get_json()
    close, key = f"/v1/staff/incidents/{uuid.uuid4()}/close", {"Authorization": f"Bearer {made['key']}"}
    assert client.post(close, headers=key).status_code == 404
    client.delete(f"{URL}/{made['id']}", headers=coordinator.headers)
    assert client.post(close, headers=key).status_code == 401
    assert client.delete(f"{URL}/{made['id']}", headers=coordinator.headers).status_code == 404


def test_only_a_coordinator_makes_keys(client: FlaskClient, coordinator: Signed) -> None:
    with transaction(Side.OWNER) as session:
        peer = builders.staff(session, builders.facility(session, "south"), Role.PEER)
    assert client.post(URL, json={"name": "Mine"}, headers=peer.headers).status_code == 403
    assert client.get(URL).status_code == 401
