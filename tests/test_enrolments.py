"""Enrolling with a voucher."""

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from backend import db
from backend.actions.identified import enrolments as actions
from backend.api.identified import enrolments
from backend.app import create_app
from backend.clock import now
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.models.agency.record import BulletinKey
from backend.models.identified.accounts import Account
from backend.sealing import seal
from tests import builders
from tests.builders import PASSPHRASE, bearer


@pytest.fixture
def client(client: FlaskClient) -> FlaskClient:
    """Somebody with a phone, and a facility to enrol in."""
    with transaction(Side.OWNER) as session:
        builders.facility(session)
    return client


def voucher(**facts: Any) -> str:
    with transaction(Side.OWNER) as session:
        return builders.voucher(session, **facts)


def wish(**changes: Any) -> dict[str, Any]:
    return {"facility": "north", "passphrase": PASSPHRASE} | changes


def test_a_voucher_a_facility_and_a_passphrase_make_an_account(client: FlaskClient) -> None:
    answer = client.post("/v1/enrolments", json=wish(voucher=voucher()))
    given = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{4}", given["name"])
    assert len(given["recovery_code"].replace("-", "")) == 26
    assert given["expires_in"] == 900
    assert given["bulletin_key"] is None
    me = client.get("/v1/me", headers=bearer(given)).get_json()
    a_year = (now().date() + timedelta(days=365)).isoformat()
    assert me == {"name": given["name"], "facility": "north", "lapses_on": a_year}


def test_a_code_may_be_typed_as_people_type(client: FlaskClient) -> None:
    typed = voucher().lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert client.post("/v1/enrolments", json=wish(voucher=typed)).status_code == 201


def test_the_bulletin_key_of_today_comes_along(client: FlaskClient, config: Config) -> None:
    today = now().date()
    keys = {1: today - timedelta(days=9), 2: today, 3: today + timedelta(days=2)}
    with transaction(Side.OWNER) as session:
        for number, since in keys.items():
            sealed = seal(config.sealing_key, bytes([number]) * 32, "bulletin key")
            session.add(BulletinKey(number=number, since=since, sealed_key=sealed))
    given = builders.enrol(client)
    assert given["bulletin_key"] == {"number": 2, "key": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"}
    again = client.get("/v1/bulletin-key", headers=bearer(given))
    assert again.get_json() == {"bulletin_key": given["bulletin_key"]}
    assert client.get("/v1/bulletin-key").status_code == 401


def test_unknown_used_and_expired_vouchers_look_alike(client: FlaskClient) -> None:
    used, expired = voucher(), voucher(expires_on=now().date())
    assert client.post("/v1/enrolments", json=wish(voucher=used)).status_code == 201
    answers = [client.post("/v1/enrolments", json=wish(voucher=code)) for code in (used, expired, "4F7QX-9K2MA")]
    assert {answer.status_code for answer in answers} == {422}
    assert len({answer.data for answer in answers}) == 1
    assert list(answers[0].get_json()["fields"]) == ["voucher"]


@pytest.mark.parametrize(
    "changes",
    [
        {"facility": "nowhere"},
        {"passphrase": "short"},
        {"passphrase": "é" * 513},
        {"passphrase": "a" * 1025},
        {"passphrase": "a broken \ud800 letter"},
        {"email": "somebody@example.gov"},
    ],
)
def test_what_is_wrong_is_named_and_the_voucher_stays_good(client: FlaskClient, changes: dict[str, str]) -> None:
    code = voucher()
    answer = client.post("/v1/enrolments", json=wish(voucher=code) | changes)
    assert answer.status_code == 422
    assert list(answer.get_json()["fields"]) == list(changes)
    assert client.post("/v1/enrolments", json=wish(voucher=code)).status_code == 201


def test_the_longest_passphrase_is_taken(client: FlaskClient) -> None:
    given = builders.enrol(client, passphrase="é" * 512)
    credentials = {"name": given["name"], "passphrase": "é" * 512}
    assert client.post("/v1/sessions", json=credentials).status_code == 201


def test_a_name_that_somebody_has_is_not_given_again(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["cedar-morning-4821", "cedar-morning-4821", "otter-window-1003"])
    monkeypatch.setattr(actions, "make_name", lambda: next(names))
    assert [builders.enrol(client)["name"] for _ in range(2)] == ["cedar-morning-4821", "otter-window-1003"]


def test_only_days_are_kept(client: FlaskClient) -> None:
    builders.enrol(client)
    assert {column.type.python_type for column in Account.__table__.columns} & {date} == {date}
    assert "created" not in " ".join(Account.__table__.columns.keys())


@pytest.mark.real
def test_of_eight_uses_of_one_voucher_one_succeeds(
    clone: dict[Side, str], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        builders.facility(session)
    app, at_once, tried = create_app(config), threading.Barrier(8), Counter[int]()

    def all_have_seen_the_voucher(passphrase: str) -> str:
        at_once.wait(30)
        return passphrase

    monkeypatch.setattr(enrolments, "hash_passphrase", all_have_seen_the_voucher)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            code = voucher()
            answers = threads.map(
                lambda body: app.test_client().post("/v1/enrolments", json=body).status_code, [wish(voucher=code)] * 8
            )
            statuses = Counter(answers)
            assert statuses == {201: 1, 422: 7}
            tried += statuses
    database.close()
    print(f"uses of one voucher, eight at once: {tried.total()} tried, {tried[201]} succeeded for 5 vouchers")
