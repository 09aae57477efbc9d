"""An officer's own account."""

import uuid
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, select, text, update

import backend.models.everything
from backend.clock import now
from backend.config import Config
from backend.db import Side, transaction
from backend.door.periods import Purpose
from backend.models.identified.accounts import Account
from backend.models.identified.draws import Draw
from backend.models.tables import Table
from tests import builders
from tests.builders import PASSPHRASE, bearer

ANOTHER = "a bench under the old oak"
ALL_TABLES = [table for name, table in Table.metadata.tables.items() if vars(backend.models.everything) and name]


@pytest.fixture
def client(client: FlaskClient) -> FlaskClient:
    """Somebody with a phone, and two facilities."""
    with transaction(Side.OWNER) as session:
        builders.facility(session)
        builders.facility(session, "south")
    return client


def everything(connection: Connection) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    return {
        table.fullname: sorted(connection.scalars(text(f"SELECT t::text FROM {table.fullname} t")))
        for table in ALL_TABLES
    }


def test_an_account_says_three_things(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    answer = client.get("/v1/me", headers=bearer(officer))
    assert set(answer.get_json()) == {"name", "facility", "lapses_on"}
    assert client.get("/v1/me").status_code == 401


def test_the_facility_can_be_changed(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    changed = client.patch("/v1/me", headers=bearer(officer), json={"facility": "south"})
    assert (changed.status_code, changed.get_json()["facility"]) == (200, "south")
    refused = client.patch("/v1/me", headers=bearer(officer), json={"facility": "nowhere"})
    assert (refused.status_code, list(refused.get_json()["fields"])) == (422, ["facility"])
    assert client.get("/v1/me", headers=bearer(officer)).get_json()["facility"] == "south"


def test_the_passphrase_can_be_changed_and_other_sign_ins_end(client: FlaskClient) -> None:
    phone = builders.enrol(client)
    credentials = {"name": phone["name"], "passphrase": PASSPHRASE}
    tablet = client.post("/v1/sessions", json=credentials).get_json()
    wish = {"old_passphrase": PASSPHRASE, "passphrase": ANOTHER}
    assert client.patch("/v1/me", headers=bearer(phone), json=wish).status_code == 200
    assert client.get("/v1/me", headers=bearer(phone)).status_code == 200
    assert client.get("/v1/me", headers=bearer(tablet)).status_code == 401
    assert client.post("/v1/sessions", json=credentials).status_code == 401
    assert client.post("/v1/sessions", json=credentials | {"passphrase": ANOTHER}).status_code == 201


@pytest.mark.parametrize(
    "wish",
    [
        {"passphrase": ANOTHER, "old_passphrase": "not the one", "facility": "south"},
        {"passphrase": ANOTHER, "facility": "south"},
        {"old_passphrase": PASSPHRASE, "facility": "south"},
    ],
)
def test_without_the_present_passphrase_nothing_changes(client: FlaskClient, wish: dict[str, str]) -> None:
    officer = builders.enrol(client)
    answer = client.patch("/v1/me", headers=bearer(officer), json=wish)
    assert (answer.status_code, list(answer.get_json()["fields"])) == (422, ["old_passphrase"])
    assert client.get("/v1/me", headers=bearer(officer)).get_json()["facility"] == "north"


def test_a_stolen_phone_may_not_guess_for_ever(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    wish = {"passphrase": ANOTHER, "old_passphrase": "not the one"}
    tries = [client.patch("/v1/me", headers=bearer(officer), json=wish).status_code for _ in range(11)]
    assert tries == [422] * 10 + [429]


def test_leaving_leaves_nothing(client: FlaskClient, connection: Connection, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        key = builders.issuer_key(session, config, Purpose.SUPPORT)
    before = everything(connection)
    officer = builders.enrol(client)
    client.post("/v1/sessions", json={"name": officer["name"], "passphrase": PASSPHRASE})
    with transaction(Side.OWNER) as session:
        account_id = session.scalars(select(Account.id)).one()
        facts = {"account_id": account_id, "purpose": "support", "period": "2026-Q4", "number": 1}
        session.add(Draw(**facts, key_id=key.public.key_id, blinded_hash=b"drawn"))
    client.post("/v1/sessions", json={"name": officer["name"], "passphrase": "not the one"})
    recovery = {"name": officer["name"], "recovery_code": "not the one", "passphrase": ANOTHER}
    client.post("/v1/recoveries", json=recovery)
    written = {name for name, rows in everything(connection).items() if rows != before[name]}
    sides = ("account", "session", "draw", "sign_in_attempt")
    assert written == {f"identified.{name}" for name in sides}

    assert client.delete("/v1/me", headers=bearer(officer)).status_code == 204

    after = everything(connection)
    assert after == before
    print(f"searched {len(after)} tables and {sum(map(len, after.values()))} rows: nothing left")
    assert client.get("/v1/me", headers=bearer(officer)).status_code == 401
    refreshing = {"refresh_token": officer["refresh_token"]}
    assert client.post("/v1/sessions/refresh", json=refreshing).status_code == 401


def test_leaving_takes_nobody_else_along(client: FlaskClient) -> None:
    leaving, staying = builders.enrol(client), builders.enrol(client)
    client.delete("/v1/me", headers=bearer(leaving))
    assert client.get("/v1/me", headers=bearer(staying)).status_code == 200


def test_another_voucher_gives_another_year(client: FlaskClient) -> None:
    officer, soon = builders.enrol(client), now().date() + timedelta(days=3)
    with transaction(Side.OWNER) as session:
        session.execute(update(Account).values(lapses_on=soon))
        code = builders.voucher(session)
    renewed = client.post("/v1/me/renewals", headers=bearer(officer), json={"voucher": code})
    a_year = (now().date() + timedelta(days=365)).isoformat()
    assert (renewed.status_code, renewed.get_json()["lapses_on"]) == (200, a_year)
    again = client.post("/v1/me/renewals", headers=bearer(officer), json={"voucher": code})
    assert (again.status_code, list(again.get_json()["fields"])) == (422, ["voucher"])


def test_staff_are_nobody_here(client: FlaskClient) -> None:
    with transaction(Side.OWNER) as session:
        signed = builders.staff(session, builders.facility(session, f"west-{uuid.uuid4().hex[:4]}"))
    assert client.get("/v1/me", headers=signed.headers).status_code == 401
