"""How staff come to have accounts."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import db
from backend.actions.agency.invitations import invite as invite_somebody
from backend.api.agency import invitations
from backend.app import create_app
from backend.clock import now
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.models.agency.staff import Role, Staff
from tests import builders
from tests.builders import PASSPHRASE, Signed, bearer

ANOTHER = "a bench under the old oak"


@pytest.fixture
def dana(client: FlaskClient) -> Signed:
    """The coordinator."""
    with transaction(Side.OWNER) as session:
        north = builders.facility(session)
        builders.staff(session, north, Role.PEER, slug="sam")
        return builders.staff(session, north, Role.COORDINATOR, slug="dana")


def invite(client: FlaskClient, by: Signed, slug: str = "sam") -> TestResponse:
    return client.post("/v1/staff/invitations", headers=by.headers, json={"staff": slug})


def take_up(client: FlaskClient, code: str, passphrase: str = PASSPHRASE) -> TestResponse:
    return client.post("/v1/staff/accounts", json={"code": code, "passphrase": passphrase})


def is_in(client: FlaskClient, tokens: dict[str, Any]) -> bool:
    return client.delete("/v1/staff/sessions", headers=bearer(tokens)).status_code == 204


def test_the_invited_set_a_passphrase_and_are_in(client: FlaskClient, dana: Signed) -> None:
    invited = invite(client, dana)
    assert invited.status_code == 201
    taken_up = take_up(client, invited.get_json()["code"])
    assert (taken_up.status_code, taken_up.get_json()["name"]) == (201, "sam")
    assert is_in(client, taken_up.get_json())
    credentials = {"name": "sam", "passphrase": PASSPHRASE}
    assert client.post("/v1/staff/sessions", json=credentials).status_code == 201


def test_only_a_coordinator_invites(client: FlaskClient, dana: Signed) -> None:
    with transaction(Side.OWNER) as session:
        south = builders.facility(session, "south")
        others = [builders.staff(session, south, role) for role in (Role.PEER, Role.CLINICIAN)]
    assert [invite(client, other).status_code for other in others] == [403, 403]
    assert client.post("/v1/staff/invitations", json={"staff": "sam"}).status_code == 401


def test_used_replaced_expired_and_made_up_codes_look_alike(
    client: FlaskClient, dana: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced, used = (invite(client, dana).get_json()["code"] for _ in range(2))
    assert take_up(client, used).status_code == 201
    expired, moment = invite(client, dana).get_json()["code"], now()
    monkeypatch.setattr(now, "source", lambda: moment + timedelta(days=7, seconds=1))
    answers = [take_up(client, code) for code in (replaced, used, expired, "4F7QX-9K2MA")]
    assert {answer.status_code for answer in answers} == {422}
    assert len({answer.data for answer in answers}) == 1


def test_an_invitation_resets_the_passphrase_and_ends_other_sign_ins(client: FlaskClient, dana: Signed) -> None:
    take_up(client, invite(client, dana).get_json()["code"])
    old = client.post("/v1/staff/sessions", json={"name": "sam", "passphrase": PASSPHRASE}).get_json()
    for _ in range(10):
        client.post("/v1/staff/sessions", json={"name": "sam", "passphrase": "not the one"})
    assert take_up(client, invite(client, dana).get_json()["code"], ANOTHER).status_code == 201
    assert not is_in(client, old)
    tries = [{"name": "sam", "passphrase": said} for said in (PASSPHRASE, ANOTHER)]
    assert [client.post("/v1/staff/sessions", json=said).status_code for said in tries] == [401, 201]


@pytest.mark.parametrize("slug", ["nobody", "gone"])
def test_who_is_not_in_the_programme_is_not_invited(client: FlaskClient, dana: Signed, slug: str) -> None:
    with transaction(Side.OWNER) as session:
        builders.staff(session, builders.facility(session, "south"), slug="gone", active=False)
    answer = invite(client, dana, slug)
    assert (answer.status_code, list(answer.get_json()["fields"])) == (422, ["staff"])


def test_who_left_since_is_not_let_in(client: FlaskClient, dana: Signed) -> None:
    code = invite(client, dana).get_json()["code"]
    with transaction(Side.OWNER) as session:
        session.query(Staff).filter_by(slug="sam").update({"active": False})
    assert take_up(client, code).status_code == 422


def test_a_short_passphrase_is_refused_and_the_code_stays_good(client: FlaskClient, dana: Signed) -> None:
    code = invite(client, dana).get_json()["code"]
    assert [take_up(client, code, said).status_code for said in ("short", PASSPHRASE)] == [422, 201]


def test_an_officers_session_has_no_place_here(client: FlaskClient, dana: Signed) -> None:
    officer = builders.enrol(client)
    answer = client.post("/v1/staff/accounts", headers=bearer(officer), json={})
    assert (answer.status_code, answer.get_json()["type"]) == (400, "/problems/wrong-side")


@pytest.mark.real
def test_of_eight_uses_of_one_invitation_one_succeeds(
    clone: dict[Side, str], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        builders.staff(session, builders.facility(session), slug="sam")
        code = invite_somebody(session, "sam", now())
    app, at_once = create_app(config), threading.Barrier(8)

    def all_have_shown_the_code(passphrase: str) -> str:
        at_once.wait(30)
        return passphrase

    monkeypatch.setattr(invitations, "hash_passphrase", all_have_shown_the_code)
    with ThreadPoolExecutor(8) as threads:
        statuses = Counter(threads.map(lambda shown: take_up(app.test_client(), shown).status_code, [code] * 8))
    database.close()
    assert statuses == {201: 1, 422: 7}
    print(f"uses of one invitation, eight at once: {statuses.total()} tried, {statuses[201]} succeeded")
