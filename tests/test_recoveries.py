"""Coming back with the recovery code."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import db
from backend.api.identified import recoveries
from backend.app import create_app
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from tests import builders
from tests.builders import PASSPHRASE, bearer

ANOTHER = "a bench under the old oak"


@pytest.fixture
def client(client: FlaskClient) -> FlaskClient:
    """Somebody with a phone, and a facility to enrol in."""
    with transaction(Side.OWNER) as session:
        builders.facility(session)
    return client


def recover(client: FlaskClient, name: str, code: str) -> TestResponse:
    return client.post("/v1/recoveries", json={"name": name, "recovery_code": code, "passphrase": ANOTHER})


def sign_in(client: FlaskClient, name: str, passphrase: str) -> int:
    return client.post("/v1/sessions", json={"name": name, "passphrase": passphrase}).status_code


def test_the_recovery_code_sets_a_new_passphrase_and_ends_all_sign_ins(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    answer = recover(client, officer["name"].upper(), officer["recovery_code"].lower())
    assert answer.status_code == 201
    assert client.get("/v1/me", headers=bearer(answer.get_json())).get_json()["name"] == officer["name"]
    assert client.get("/v1/me", headers=bearer(officer)).status_code == 401
    assert [sign_in(client, officer["name"], said) for said in (PASSPHRASE, ANOTHER)] == [401, 201]


def test_a_recovery_code_is_good_once_and_the_next_one_comes_with_it(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    first = recover(client, officer["name"], officer["recovery_code"]).get_json()
    assert recover(client, officer["name"], officer["recovery_code"]).status_code == 401
    assert recover(client, officer["name"], first["recovery_code"]).status_code == 201


def test_a_wrong_code_and_an_unknown_name_look_alike(client: FlaskClient) -> None:
    officer, other = builders.enrol(client), builders.enrol(client)
    wrong = recover(client, officer["name"], other["recovery_code"])
    unknown = recover(client, "nobody-here-1000", other["recovery_code"])
    assert (wrong.status_code, wrong.data) == (unknown.status_code, unknown.data)
    assert wrong.status_code == 401
    assert client.get("/v1/me", headers=bearer(officer)).status_code == 200


def test_the_eleventh_wrong_code_waits_and_passphrases_are_counted_apart(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    for name in (officer["name"], "nobody-here-1000"):
        assert [recover(client, name, "4F7QX-9K2MA").status_code for _ in range(11)] == [401] * 10 + [429]
    assert recover(client, officer["name"], officer["recovery_code"]).status_code == 429
    assert sign_in(client, officer["name"], PASSPHRASE) == 201


def test_who_guessed_too_often_may_still_recover(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    for _ in range(10):
        sign_in(client, officer["name"], "not the one")
    assert recover(client, officer["name"], officer["recovery_code"]).status_code == 201
    assert sign_in(client, officer["name"], ANOTHER) == 201


@pytest.mark.real
def test_of_eight_uses_of_one_recovery_code_one_succeeds(
    clone: dict[Side, str], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.OWNER) as session:
        builders.facility(session)
    app, at_once, tried = create_app(config), threading.Barrier(8), Counter[int]()
    officer = builders.enrol(app.test_client())

    def all_have_shown_the_code(passphrase: str) -> str:
        at_once.wait(30)
        return passphrase

    monkeypatch.setattr(recoveries, "hash_passphrase", all_have_shown_the_code)
    code = officer["recovery_code"]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            answers = list(threads.map(lambda shown: recover(app.test_client(), officer["name"], shown), [code] * 8))
            tried += Counter(answer.status_code for answer in answers)
            (code,) = [answer.get_json()["recovery_code"] for answer in answers if answer.status_code == 201]
    database.close()
    assert tried == {201: 5, 401: 35}
    print(f"uses of one recovery code, eight at once: {tried.total()} tried, {tried[201]} succeeded for 5 codes")
