"""Staff's own entries, and the roster."""

from base64 import b64encode
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import db
from backend.app import create_app
from backend.cli import main
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.models.agency.jobs import Job
from backend.models.agency.staff import Role, StaffAccount
from tests import builders
from tests.builders import Signed

URL = "/v1/staff/me"


@pytest.fixture
def peer(client: FlaskClient) -> Signed:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        return builders.staff(session, builders.facility(session), Role.PEER, slug="lee")


def published() -> list[str | None]:
    with transaction(Side.OWNER) as session:
        return list(session.scalars(select(Job.key).where(Job.kind == "publish")))


def test_what_officers_see_is_chosen_by_oneself(client: FlaskClient, peer: Signed) -> None:
    before = client.get(URL, headers=peer.headers).get_json()
    assert before["shows"] == ["first_name", "facility", "languages"]
    wishes = {
        "topics": ["grief"],
        "profile": {"years_of_service": 12, "about": "Ask me anything."},
        "shows": ["first_name", "about"],
    }
    after = client.patch(URL, json=wishes, headers=peer.headers)
    assert (after.status_code, after.get_json()) == (200, before | wishes)
    assert client.get(URL, headers=peer.headers).get_json() == before | wishes
    assert published() == ["bulletin"]


def test_the_same_wishes_again_are_no_news(client: FlaskClient, peer: Signed) -> None:
    client.patch(URL, json={"shows": ["first_name", "facility", "languages"]}, headers=peer.headers)
    assert published() == []


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"topics": ["sleep", "cars"]}, "topics.1"),
        ({"shows": ["passphrase"]}, "shows.0"),
        ({"profile": {"years_of_service": -1}}, "profile.years_of_service"),
        ({"profile": {"badge": 7}}, "profile.badge"),
        ({"roles": ["coordinator"]}, "roles"),
        ({"first_name": "Boss"}, "first_name"),
    ],
)
def test_what_is_not_ones_own_to_set_is_refused(
    client: FlaskClient, peer: Signed, wishes: dict[str, Any], field: str
) -> None:
    answer = client.patch(URL, json=wishes, headers=peer.headers)
    assert (answer.status_code, list(answer.get_json()["fields"])) == (422, [field])
    assert published() == []


def test_the_roster_shows_who_can_be_told(client: FlaskClient, peer: Signed) -> None:
    with transaction(Side.OWNER) as session:
        south = builders.facility(session, "south")
        coordinator = builders.staff(session, south, Role.COORDINATOR, slug="casey", reachable=False)
        gone = builders.staff(session, south, Role.PEER, slug="max", active=False)
        session.add(StaffAccount(staff_id=peer.id, passphrase_hash="-"))
    key = {"public_key": "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "address_kind": "fid", "address": "abc"}
    client.post("/v1/staff/devices", json=key | {"name": "Phone", "platform": "ios"}, headers=peer.headers)
    listed = client.get("/v1/staff/roster", headers=coordinator.headers).get_json()["staff"]
    said = {one["name"]: (one["availability"]["state"], one["has_account"], one["device_rings"]) for one in listed}
    assert said == {"lee": ("reachable", True, True), "casey": ("away", False, False)}
    assert gone.staff.slug not in said
    assert client.get("/v1/staff/roster", headers=peer.headers).status_code == 403


def test_on_the_roster_a_device_without_a_sign_in_does_not_ring(client: FlaskClient, peer: Signed) -> None:
    with transaction(Side.OWNER) as session:
        builders.device(session, peer.staff, session_id=None)
        coordinator = builders.staff(session, builders.facility(session, "south"), Role.COORDINATOR)
    listed = client.get("/v1/staff/roster", headers=coordinator.headers).get_json()["staff"]
    assert not any(one["device_rings"] for one in listed)


@pytest.mark.real
def test_the_first_coordinator_is_let_in_from_the_terminal(
    clone: dict[Side, str], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", clone[Side.OWNER])
    monkeypatch.setenv("SEALING_KEY", b64encode(bytes(32)).decode())
    monkeypatch.setenv("PUBLIC_URL", "http://localhost")
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        builders.staff(session, builders.facility(session), Role.COORDINATOR, slug="casey")
    code = CliRunner().invoke(main, ["staff", "invite", "casey"], catch_exceptions=False).output.split("\n")[0]
    nobody = CliRunner().invoke(main, ["staff", "invite", "nobody"], catch_exceptions=False)
    db.use(database)
    taken_up = {"code": code, "passphrase": builders.PASSPHRASE}
    welcome = create_app(config).test_client().post("/v1/staff/accounts", json=taken_up)
    database.close()
    assert (welcome.status_code, welcome.get_json()["name"]) == (201, "casey")
    assert (nobody.exit_code, "Nobody of this name" in nobody.output) == (1, True)
