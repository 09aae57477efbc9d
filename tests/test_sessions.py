"""Officers sign in, stay signed in, and sign out."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text, update
from werkzeug.test import TestResponse

from backend import db
from backend.app import create_app
from backend.clock import now
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.models.identified.accounts import Account
from tests import builders
from tests.builders import PASSPHRASE, bearer

MOMENT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
Later = Callable[[timedelta], None]


@pytest.fixture
def client(client: FlaskClient) -> FlaskClient:
    """Somebody with a phone, and a facility to enrol in."""
    with transaction(Side.OWNER) as session:
        builders.facility(session)
    return client


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Let time pass, counted from `MOMENT`."""
    monkeypatch.setattr(now, "source", lambda: MOMENT)
    return lambda passed: monkeypatch.setattr(now, "source", lambda: MOMENT + passed)


def sign_in(client: FlaskClient, name: str, passphrase: str = PASSPHRASE) -> TestResponse:
    return client.post("/v1/sessions", json={"name": name, "passphrase": passphrase})


def refresh(client: FlaskClient, tokens: dict[str, Any]) -> TestResponse:
    return client.post("/v1/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})


def is_in(client: FlaskClient, tokens: dict[str, Any]) -> bool:
    return client.get("/v1/me", headers=bearer(tokens)).status_code == 200


def test_signing_in_gives_tokens(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    answer = sign_in(client, officer["name"])
    assert answer.status_code == 201
    assert is_in(client, answer.get_json())
    assert is_in(client, officer)


def test_a_name_may_be_typed_as_people_type(client: FlaskClient) -> None:
    name = builders.enrol(client)["name"]
    assert sign_in(client, f" {name.replace('-', ' ').upper()} ").status_code == 201


def test_an_access_token_lasts_a_quarter_of_an_hour(client: FlaskClient, later: Later) -> None:
    tokens = builders.enrol(client)
    later(timedelta(minutes=14, seconds=59))
    assert is_in(client, tokens)
    later(timedelta(minutes=15))
    assert not is_in(client, tokens)


def test_a_refresh_token_is_no_access_token(client: FlaskClient) -> None:
    tokens = builders.enrol(client)
    assert not is_in(client, {"access_token": tokens["refresh_token"]})


def test_refreshing_goes_on_for_as_long_as_somebody_comes_back(client: FlaskClient, later: Later) -> None:
    tokens = builders.enrol(client)
    for week in range(12, 48, 12):
        later(timedelta(weeks=week))
        answer = refresh(client, tokens)
        assert answer.status_code == 200
        assert not is_in(client, tokens)
        tokens = answer.get_json()
        assert is_in(client, tokens)
    later(timedelta(weeks=36) + timedelta(days=90))
    assert refresh(client, tokens).status_code == 401


def test_a_lost_answer_can_be_repeated_for_some_seconds(client: FlaskClient, later: Later) -> None:
    spent = builders.enrol(client)
    first = refresh(client, spent).get_json()
    later(timedelta(seconds=19))
    second = refresh(client, spent).get_json()
    assert second == first | {"expires_in": 900 - 19}
    assert is_in(client, second)
    assert refresh(client, second).status_code == 200


def test_repeating_does_not_make_the_time_to_repeat_longer(client: FlaskClient, later: Later) -> None:
    spent = builders.enrol(client)
    for seconds in (0, 15):
        later(timedelta(seconds=seconds))
        tokens = refresh(client, spent).get_json()
    later(timedelta(seconds=20))
    assert refresh(client, spent).status_code == 401
    assert not is_in(client, tokens)


@pytest.mark.parametrize("rotations", [1, 2, 5])
def test_a_spent_token_ends_the_family_however_old_it_is(client: FlaskClient, later: Later, rotations: int) -> None:
    stolen = tokens = builders.enrol(client)
    for minute in range(rotations):
        later(timedelta(minutes=minute))
        tokens = refresh(client, tokens).get_json()
    assert is_in(client, tokens)
    later(timedelta(minutes=rotations))
    assert refresh(client, stolen).status_code == 401
    assert not is_in(client, tokens)
    assert refresh(client, tokens).status_code == 401


def test_another_sign_in_of_the_same_officer_goes_on(client: FlaskClient, later: Later) -> None:
    phone = builders.enrol(client)
    tablet = sign_in(client, phone["name"]).get_json()
    refresh(client, phone)
    later(timedelta(minutes=1))
    refresh(client, phone)
    assert refresh(client, tablet).status_code == 200


def test_a_token_of_no_family_ends_none(client: FlaskClient) -> None:
    tokens = builders.enrol(client)
    made_up = {"refresh_token": "relief-officer-refresh-made-up.secret"}
    assert refresh(client, made_up).status_code == 401
    assert refresh(client, tokens).status_code == 200


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=8))
def test_at_most_one_line_of_tokens_is_ever_alive(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[int, int]]
) -> None:
    """Whoever shows which token when: only the newest is good, and once an old one was refused, none is."""
    monkeypatch.setattr(now, "source", lambda: MOMENT)
    line, ended, passed = [builders.enrol(client)], False, 0
    for back, seconds in steps:
        passed += seconds
        monkeypatch.setattr(now, "source", lambda moment=MOMENT + timedelta(seconds=passed): moment)
        answer = refresh(client, line[max(0, len(line) - 1 - back)])
        ended = ended or answer.status_code == 401
        assert answer.status_code == (401 if ended else 200)
        fresh = answer.get_json()
        if not ended and fresh["refresh_token"] != line[-1]["refresh_token"]:
            line.append(fresh)
        alive = [tokens for tokens in line if is_in(client, tokens)]
        assert [tokens["refresh_token"] for tokens in alive] == ([] if ended else [line[-1]["refresh_token"]])


def test_signing_out_ends_this_sign_in_alone(client: FlaskClient) -> None:
    phone = builders.enrol(client)
    tablet = sign_in(client, phone["name"]).get_json()
    assert client.delete("/v1/sessions", headers=bearer(phone)).status_code == 204
    assert not is_in(client, phone)
    assert refresh(client, phone).status_code == 401
    assert is_in(client, tablet)


def test_whose_account_has_lapsed_is_nobody(client: FlaskClient) -> None:
    officer = builders.enrol(client)
    with transaction(Side.OWNER) as session:
        session.execute(update(Account).values(lapses_on=now().date()))
    assert not is_in(client, officer)
    assert refresh(client, officer).status_code == 401
    assert sign_in(client, officer["name"]).data == sign_in(client, "nobody-here-1000").data


def test_the_worker_forgets_whose_account_has_lapsed(client: FlaskClient, connection: Connection) -> None:
    officer = builders.enrol(client)
    today = now().date() + timedelta(days=365)
    for day, left in ((today - timedelta(days=1), 1), (today, 0)):
        with transaction(Side.WORKER) as session:
            session.execute(text("SELECT identified.forget(:day, :moment)"), {"day": day, "moment": now()})
        assert connection.scalar(text("SELECT count(*) FROM identified.account")) == left
    assert sign_in(client, officer["name"]).status_code == 401


@pytest.mark.parametrize("known", [True, False])
def test_the_eleventh_try_waits_whether_anybody_has_the_name(client: FlaskClient, later: Later, known: bool) -> None:
    name = builders.enrol(client)["name"] if known else "nobody-here-1000"
    assert [sign_in(client, name, "not the one").status_code for _ in range(11)] == [401] * 10 + [429]
    later(timedelta(minutes=5))
    waiting = sign_in(client, name)
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (429, "600")
    later(timedelta(minutes=15))
    assert sign_in(client, name).status_code == (201 if known else 401)


def test_a_name_is_counted_however_it_is_typed(client: FlaskClient) -> None:
    name = builders.enrol(client)["name"]
    for typed in (name, name.upper(), name.replace("-", " ")) * 3:
        sign_in(client, typed, "not the one")
    assert [sign_in(client, name, "not the one").status_code for _ in range(2)] == [401, 429]


def test_the_right_passphrase_starts_the_count_again(client: FlaskClient) -> None:
    name = builders.enrol(client)["name"]
    tries = ["not the one"] * 9 + [PASSPHRASE] + ["not the one"] * 10
    assert [sign_in(client, name, tried).status_code for tried in tries] == [401] * 9 + [201] + [401] * 10


def test_the_count_holds_no_name(client: FlaskClient, connection: Connection) -> None:
    sign_in(client, "nobody-here-1000")
    (row,) = connection.execute(text("SELECT * FROM identified.sign_in_attempt")).all()
    assert len(row.name_hash) == 32
    assert "nobody" not in str(row)


def test_an_old_hash_is_made_anew(client: FlaskClient) -> None:
    name = builders.enrol(client)["name"]
    older = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSPHRASE)
    with transaction(Side.OWNER) as session:
        session.execute(update(Account).values(passphrase_hash=older))
    assert [sign_in(client, name).status_code for _ in range(2)] == [201, 201]
    with transaction(Side.OWNER) as session:
        assert "m=8,t=1,p=1" in session.scalars(select(Account.passphrase_hash)).one()


@pytest.mark.real
def test_refreshing_in_parallel_gives_all_the_same_tokens(clone: dict[Side, str], config: Config) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    app, at_once, tried = create_app(config), threading.Barrier(8), Counter[int]()
    with transaction(Side.OWNER) as session:
        builders.facility(session)
    tokens = builders.enrol(app.test_client())

    def refresh_at_once(spent: dict[str, Any]) -> TestResponse:
        at_once.wait(30)
        return refresh(app.test_client(), spent)

    with ThreadPoolExecutor(8) as threads:
        for _ in range(10):
            answers = list(threads.map(refresh_at_once, [tokens] * 8))
            tried += Counter(answer.status_code for answer in answers)
            (pair,) = {(answer.get_json()["access_token"], answer.get_json()["refresh_token"]) for answer in answers}
            tokens = dict(zip(("access_token", "refresh_token"), pair, strict=True))
            assert is_in(app.test_client(), tokens)
    database.close()
    assert tried == {200: 80}
    print(f"refreshes with one token, eight at once: {tried.total()} tried, one pair each time")


@pytest.mark.real
def test_guessing_in_parallel_gives_no_more_than_ten_answers(clone: dict[Side, str], config: Config) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    app, answers = create_app(config), Counter[int]()
    at_once = threading.Barrier(4)

    def guess(number: int) -> None:
        at_once.wait(30)
        while True:
            status = sign_in(app.test_client(), "nobody-here-1000", f"guess number {number}").status_code
            if status != 503:
                answers[status] += 1
                return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(guess, range(24)))
    database.close()
    assert answers == {401: 10, 429: 14}
    print(f"guesses at one name, four at once: {answers.total()} tried, {answers[401]} answered")
