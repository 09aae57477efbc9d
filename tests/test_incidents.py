"""Incidents: recorded by a coordinator or another system, corrected, closed."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from backend import db
from backend.actions.agency import integration_keys
from backend.app import create_app
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.models.agency.incidents import Incident
from backend.models.agency.jobs import Job
from backend.models.agency.staff import Role
from tests import builders
from tests.builders import Signed

URL = "/v1/staff/incidents"


@dataclass
class Scene:
    """North with two units, south with one; a coordinator, a peer, and a system with a key."""

    coordinator: Signed
    peer: Signed
    system: dict[str, str]


def set_scene() -> Scene:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        north, south = builders.facility(session, "north"), builders.facility(session, "south")
        builders.unit(session, north, "north-a")
        builders.unit(session, north, "north-b")
        builders.unit(session, south, "south-a")
        key = integration_keys.make(session, "Camera system").key
        return Scene(
            builders.staff(session, north, Role.COORDINATOR, slug="casey"),
            builders.staff(session, north, Role.PEER, slug="lee"),
            {"Authorization": f"Bearer {key}"},
        )


@pytest.fixture
def scene(client: FlaskClient) -> Scene:
    return set_scene()


def facts(**changes: Any) -> dict[str, Any]:
    happened = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    return {
        "type": "staff-assault", "facility": "north", "units": ["north-a"], "started_at": happened.isoformat(),
        "severity": "serious", "staff": ["lee"],
    } | changes  # fmt: skip


def jobs(kind: str) -> list[dict[str, Any]]:
    with transaction(Side.OWNER) as session:
        return list(session.scalars(select(Job.args).where(Job.kind == kind).order_by(Job.id)))


def test_an_incident_is_recorded_and_enters_the_bulletin(client: FlaskClient, scene: Scene) -> None:
    answer = client.post(URL, json=facts(), headers=scene.coordinator.headers)
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    said = answer.get_json()
    assert (said["facility"], said["units"], said["staff"], said["closed_at"]) == ("north", ["north-a"], ["lee"], None)
    assert jobs("publish") == [{"name": "bulletin"}]
    assert jobs("tell") == []
    assert client.get(f"{URL}/{said['id']}", headers=scene.coordinator.headers).get_json() == said


def test_a_severe_incident_rings_its_facility_once(client: FlaskClient, scene: Scene) -> None:
    said = client.post(URL, json=facts(severity="severe"), headers=scene.coordinator.headers).get_json()
    rung = jobs("tell")
    assert [(job["notice"], job["facility"], job["about"]) for job in rung] == [("incident", "north", said["id"])]
    version = {"If-Match": '"1"'}
    client.patch(f"{URL}/{said['id']}", json={"type": "riot"}, headers=scene.coordinator.headers | version)
    assert jobs("tell") == rung


def test_an_incident_that_turns_out_severe_rings_then(client: FlaskClient, scene: Scene) -> None:
    said = client.post(URL, json=facts(), headers=scene.coordinator.headers).get_json()
    answer = client.patch(
        f"{URL}/{said['id']}", json={"severity": "severe"}, headers=scene.coordinator.headers | {"If-Match": '"1"'}
    )
    assert answer.status_code == 200
    assert [job["facility"] for job in jobs("tell")] == ["north"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "parking"}, "type"),
        ({"severity": "mild"}, "severity"),
        ({"facility": "west"}, "facility"),
        ({"units": ["north-a", "south-a"]}, "units.1"),
        ({"units": ["nowhere"]}, "units.0"),
        ({"staff": ["lee", "nobody"]}, "staff.1"),
        ({"started_at": "2026-11-20T12:00:00"}, "started_at"),
        ({"started_at": "9999-12-31T23:59:59-23:00"}, "started_at"),
        ({"started_at": "0001-01-01T00:00:00+23:00"}, "started_at"),
        ({"started_at": (datetime.now(UTC) + timedelta(days=2)).isoformat()}, "started_at"),
        ({"ended_at": (datetime.now(UTC) + timedelta(days=2)).isoformat()}, "ended_at"),
        ({"ended_at": (datetime.now(UTC) - timedelta(days=2)).isoformat()}, "ended_at"),
        ({"people": ["John"]}, "people"),
    ],
)
def test_what_cannot_be_is_refused_by_field(
    client: FlaskClient, scene: Scene, changes: dict[str, Any], field: str
) -> None:
    answer = client.post(URL, json=facts(**changes), headers=scene.coordinator.headers)
    assert answer.status_code == 422
    assert list(answer.get_json()["fields"]) == [field]
    assert jobs("publish") == []


def test_peers_do_not_record_incidents(client: FlaskClient, scene: Scene) -> None:
    assert client.post(URL, json=facts(), headers=scene.peer.headers).status_code == 403
    assert client.get(URL, headers=scene.peer.headers).status_code == 403


def test_a_correction_is_made_to_the_version_that_was_read(client: FlaskClient, scene: Scene) -> None:
    said = client.post(URL, json=facts(staff=[]), headers=scene.coordinator.headers).get_json()
    address, headers = f"{URL}/{said['id']}", scene.coordinator.headers
    assert client.patch(address, json={"staff": ["lee"]}, headers=headers).get_json()["fields"].keys() == {"If-Match"}
    wrong = client.patch(address, json={"staff": ["lee"]}, headers=headers | {"If-Match": "three"})
    assert wrong.status_code == 422
    corrected = client.patch(address, json={"staff": ["lee"]}, headers=headers | {"If-Match": '"1"'})
    assert (corrected.status_code, corrected.headers["ETag"]) == (200, '"2"')
    assert corrected.get_json() == said | {"staff": ["lee"], "version": 2}
    assert client.patch(address, json={"staff": []}, headers=headers | {"If-Match": '"1"'}).status_code == 412
    assert jobs("recheck") == [{"incident": said["id"]}]


def test_another_facility_needs_its_own_units(client: FlaskClient, scene: Scene) -> None:
    said = client.post(URL, json=facts(), headers=scene.coordinator.headers).get_json()
    address, headers = f"{URL}/{said['id']}", scene.coordinator.headers | {"If-Match": '"1"'}
    wrong = client.patch(address, json={"facility": "south", "units": ["north-a"]}, headers=headers)
    assert wrong.get_json()["fields"].keys() == {"units.0"}
    right = client.patch(address, json={"facility": "south", "units": ["south-a"]}, headers=headers)
    assert (right.get_json()["facility"], right.get_json()["units"]) == ("south", ["south-a"])


def test_a_closed_incident_stays_closed(client: FlaskClient, scene: Scene) -> None:
    said = client.post(URL, json=facts(), headers=scene.coordinator.headers).get_json()
    address, headers = f"{URL}/{said['id']}", scene.coordinator.headers
    closed = client.post(f"{address}/close", headers=headers).get_json()
    assert closed["closed_at"]
    assert client.post(f"{address}/close", headers=headers).get_json() == closed
    late = client.patch(address, json={"type": "riot"}, headers=headers | {"If-Match": '"2"'})
    assert (late.status_code, late.get_json()["type"]) == (409, "/problems/closed")


def test_what_is_known_already_is_not_sent_again(client: FlaskClient, scene: Scene) -> None:
    said = client.post(URL, json=facts(), headers=scene.coordinator.headers).get_json()
    again = client.get(f"{URL}/{said['id']}", headers=scene.coordinator.headers | {"If-None-Match": 'W/"1"'})
    assert (again.status_code, again.headers["ETag"]) == (304, '"1"')
    assert client.get(f"{URL}/{uuid.uuid4()}", headers=scene.coordinator.headers).status_code == 404


def test_incidents_are_read_page_by_page(client: FlaskClient, scene: Scene) -> None:
    made = [client.post(URL, json=facts(), headers=scene.coordinator.headers).get_json()["number"] for _ in range(5)]
    read: list[int] = []
    before: dict[str, int] = {}
    while True:
        page = client.get(URL, query_string={"limit": 2} | before, headers=scene.coordinator.headers).get_json()
        read += [incident["number"] for incident in page["incidents"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert read == made[::-1]


def test_another_system_records_and_is_told_the_same_again(client: FlaskClient, scene: Scene) -> None:
    headers = scene.system | {"Idempotency-Key": "event-1"}
    incident = facts(severity="severe", ended_at=datetime.now(UTC).isoformat())
    first = client.post(URL, json=incident, headers=headers)
    assert first.status_code == 201
    address = f"{URL}/{first.get_json()['id']}"
    version = {"If-Match": first.headers["ETag"]}
    assert client.patch(address, json={"units": []}, headers=scene.system | version).status_code == 200
    again = client.post(URL, json=incident, headers=headers)
    assert (again.status_code, again.get_json(), again.headers["ETag"]) == (201, first.get_json(), '"1"')
    other = client.post(URL, json=incident | {"units": []}, headers=headers)
    assert (other.status_code, other.get_json()["fields"].keys()) == (422, {"Idempotency-Key"})
    assert len(jobs("tell")) == 1
    assert client.post(f"{address}/close", headers=scene.system).status_code == 200


def test_a_refused_recording_can_be_mended_under_the_same_key(client: FlaskClient, scene: Scene) -> None:
    headers = scene.system | {"Idempotency-Key": "event-1"}
    assert client.post(URL, json=facts(facility="west"), headers=headers).status_code == 422
    assert client.post(URL, json=facts(), headers=headers).status_code == 201


def test_another_system_can_do_nothing_else(client: FlaskClient, scene: Scene) -> None:
    without = client.post(URL, json=facts(), headers=scene.system)
    assert (without.status_code, without.get_json()["fields"].keys()) == (422, {"Idempotency-Key"})
    assert client.get(URL, headers=scene.system).status_code == 401
    assert client.get(f"{URL}/{uuid.uuid4()}", headers=scene.system).status_code == 401
    assert client.post("/v1/staff/integration-keys", json={"name": "More"}, headers=scene.system).status_code == 401


@pytest.mark.real
def test_one_key_makes_one_incident_however_often_it_comes_at_once(clone: dict[Side, str], config: Config) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    scene = set_scene()
    app, tries, incident = create_app(config), 8, facts()

    def send(number: int) -> tuple[int, Any]:
        headers = scene.system | {"Idempotency-Key": "event-1"}
        answer = app.test_client().post(URL, json=incident, headers=headers)
        return answer.status_code, answer.get_json()

    with ThreadPoolExecutor(tries) as pool:
        answers = list(pool.map(send, range(tries)))
    with transaction(Side.OWNER) as session:
        recorded = session.scalar(select(func.count()).select_from(Incident))
    database.close()
    print(f"{tries} at once under one idempotency key: {recorded} incident")
    assert recorded == 1
    assert answers == [answers[0]] * tries
    assert answers[0][0] == 201
