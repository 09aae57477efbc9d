"""A real PostgreSQL for every test: rolled back after most, a clone of its own for races and crashes."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.orm import Session

from backend import db, passphrases
from backend.app import create_app
from backend.config import Config
from backend.db import Side, sqlalchemy_url, transaction
from backend.demo.firebase import StandIn
from backend.embedded import EmbeddedPostgreSQL
from backend.migrate import migrate
from backend.notify.firebase import Firebase
from tests.askers import Asker, Helper, House, Time, standing_clock, team

TEMPLATE = "relief_template"


class RolledBack:
    """A database whose every transaction is a savepoint of one that is rolled back; roles are real."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def begin(self, side: Side) -> Iterator[Session]:
        with self._as_role(side):
            with Session(self._connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
                yield session
                session.commit()

    @contextmanager
    def statement(self, side: Side) -> Iterator[psycopg.Connection[Any]]:
        with self._as_role(side):
            driver: Any = self._connection.connection.driver_connection
            yield driver

    @contextmanager
    def _as_role(self, side: Side) -> Iterator[None]:
        with self._connection.begin_nested():
            self._connection.execute(text(f"SET LOCAL ROLE {side.role}"))
            yield
            self._connection.execute(text("RESET ROLE"))


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgreSQL]:
    """One server for each test process, with a migrated template to clone."""
    folder = Path(tempfile.mkdtemp(prefix="relief-tests-"))
    with EmbeddedPostgreSQL(folder, durable=False) as server:
        server.make_database(TEMPLATE)
        migrate(server.urls(TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def connection(server: EmbeddedPostgreSQL) -> Iterator[Connection]:
    """One connection on which all rolled-back tests run."""
    server.make_database("relief_rolled_back", TEMPLATE)
    engine = create_engine(sqlalchemy_url(server.url("relief_rolled_back")), connect_args={"prepare_threshold": None})
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def database(connection: Connection) -> Iterator[RolledBack]:
    """The database of one test, empty again after it."""
    transaction = connection.begin()
    rolled_back = RolledBack(connection)
    db.use(rolled_back)
    yield rolled_back
    transaction.rollback()


@pytest.fixture
def clone(server: EmbeddedPostgreSQL) -> Iterator[dict[Side, str]]:
    """The addresses of a database of one's own, where commits are real."""
    name = f"relief_{secrets.token_hex(6)}"
    server.make_database(name, TEMPLATE)
    yield server.urls(name)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(autouse=True)
def light_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passphrases with little work, so that tests spend their time elsewhere."""
    light = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passphrases, "hasher", light)
    monkeypatch.setattr(passphrases, "NOBODY", light.hash("nobody's"))


@pytest.fixture(scope="session")
def config() -> Config:
    """The settings of the application under test."""
    return Config(public_url="http://localhost", sealing_key=os.urandom(32), database_urls={})


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandIn, Firebase]]:
    """The stand-in for Firebase, and the worker's way to it over HTTP."""
    with StandIn(tmp_path_factory.mktemp("firebase") / "account.json") as stand_in:
        firebase = Firebase(stand_in.credentials, stand_in.url)
        yield stand_in, firebase
        firebase.close()


@pytest.fixture
def stand_in(google: tuple[StandIn, Firebase]) -> StandIn:
    """The stand-in for Firebase, as if nothing had happened yet."""
    google[0].forget()
    return google[0]


@pytest.fixture
def firebase(google: tuple[StandIn, Firebase], stand_in: StandIn) -> Firebase:
    """The worker's way to the stand-in."""
    return google[1]


@pytest.fixture
def client(database: RolledBack, config: Config) -> FlaskClient:
    """Somebody with a phone."""
    app = create_app(config)
    app.testing = True
    return app.test_client()


@pytest.fixture
def house(database: RolledBack, config: Config) -> House:
    """An agency with one facility, ready to be asked in."""
    with transaction(Side.OWNER) as session:
        return House(session, config)


@pytest.fixture
def time() -> Iterator[Time]:
    """A clock that stands until it is moved."""
    with standing_clock() as time:
        yield time


@pytest.fixture
def peer(client: FlaskClient, house: House, time: Time) -> Helper:
    """The one peer who can be asked."""
    (peer,) = team(client, house, 1)
    return peer


@pytest.fixture
def asker(client: FlaskClient, house: House, peer: Helper) -> Asker:
    """Somebody who has asked, and whose one peer thinks about it."""
    return Asker(client, house, {"ways": ["chat", "call"], "topics": ["sleep"]}).ask()
