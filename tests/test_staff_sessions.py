"""Staff sign in, stay signed in, and sign out."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend.actions.agency.invitations import invite
from backend.clock import now
from backend.db import Side, transaction
from backend.models.agency.staff import Device, Staff, StaffSession
from tests import builders
from tests.builders import PASSPHRASE, bearer


@pytest.fixture
def sam(client: FlaskClient) -> dict[str, Any]:
    """A peer who has taken up his invitation: his tokens."""
    with transaction(Side.OWNER) as session:
        builders.staff(session, builders.facility(session), slug="sam")
        code = invite(session, "sam", now())
    given: dict[str, Any] = client.post("/v1/staff/accounts", json={"code": code, "passphrase": PASSPHRASE}).get_json()
    return given


def sign_in(client: FlaskClient, name: str = "sam", passphrase: str = PASSPHRASE) -> TestResponse:
    return client.post("/v1/staff/sessions", json={"name": name, "passphrase": passphrase})


def refresh(client: FlaskClient, tokens: dict[str, Any]) -> TestResponse:
    return client.post("/v1/staff/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})


def sign_out(client: FlaskClient, tokens: dict[str, Any]) -> int:
    return client.delete("/v1/staff/sessions", headers=bearer(tokens)).status_code


def test_signing_in_and_out(client: FlaskClient, sam: dict[str, Any]) -> None:
    answer = sign_in(client, " SAM ")
    assert answer.status_code == 201
    tokens = answer.get_json()
    assert tokens["access_token"].startswith("relief-staff-")
    assert [sign_out(client, tokens) for _ in range(2)] == [204, 401]
    assert refresh(client, tokens).status_code == 401
    assert sign_out(client, sam) == 204


def test_signed_out_a_phone_stays_silent_and_keeps_its_key(client: FlaskClient, sam: dict[str, Any]) -> None:
    with transaction(Side.OWNER) as session:
        row = session.scalars(select(Staff).where(Staff.slug == "sam")).one()
        newest = select(StaffSession.id).order_by(StaffSession.expires_at).limit(1)
        device_id = builders.device(session, row, session_id=session.scalar(newest)).id
    sign_out(client, sam)
    with transaction(Side.OWNER) as session:
        device = session.get_one(Device, device_id)
        assert device.session_id is None
        assert len(device.public_key) == 32


def test_tokens_rotate_and_a_spent_one_ends_the_family(
    client: FlaskClient, sam: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = now()
    monkeypatch.setattr(now, "source", lambda: moment)
    second = refresh(client, sam).get_json()
    assert second == refresh(client, sam).get_json()
    monkeypatch.setattr(now, "source", lambda: moment + timedelta(seconds=30))
    assert refresh(client, sam).status_code == 401
    assert sign_out(client, second) == 401


@pytest.mark.parametrize("name", ["nobody", "left", "invited"])
def test_who_can_not_sign_in_looks_like_a_wrong_passphrase(client: FlaskClient, sam: dict[str, Any], name: str) -> None:
    with transaction(Side.OWNER) as session:
        south = builders.facility(session, "south")
        builders.staff(session, south, slug="left", active=False)
        builders.staff(session, south, slug="invited")
    wrong, refused = sign_in(client, "sam", "not the one"), sign_in(client, name)
    assert (refused.status_code, refused.data) == (wrong.status_code, wrong.data)
    assert refused.status_code == 401


def test_who_leaves_the_programme_is_out_at_once(client: FlaskClient, sam: dict[str, Any]) -> None:
    with transaction(Side.OWNER) as session:
        session.scalars(select(Staff).where(Staff.slug == "sam")).one().active = False
    assert refresh(client, sam).status_code == 401
    assert sign_out(client, sam) == 401


@pytest.mark.parametrize("name", ["sam", "nobody"])
def test_the_eleventh_try_waits(client: FlaskClient, sam: dict[str, Any], name: str) -> None:
    assert [sign_in(client, name, "not the one").status_code for _ in range(11)] == [401] * 10 + [429]
    assert int(sign_in(client, name).headers["Retry-After"]) <= 900
