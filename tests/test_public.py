"""Public files: the same bytes for everybody, from memory, whatever happens to the database."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend import db
from backend.actions.agency import record, static_files
from backend.actions.anonymous.news import publish_news
from backend.api.agency.shelf import File, Shelf
from backend.config import Config
from backend.db import Side, transaction
from tests import builders

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FILES = ("agency", "keys", "bulletin", "news", "record")


@pytest.fixture
def made(client: FlaskClient, config: Config) -> FlaskClient:
    """Somebody with a phone, when every file is there."""
    with transaction(Side.WORKER) as session:
        for kind in ("agency", "keys", "bulletin"):
            record.append(session, config.sealing_key, kind, b'{"crisis_lines":[]}', NOW)
        publish_news(session, NOW)
    return client


@pytest.mark.parametrize("name", FILES)
def test_who_has_it_already_is_told_so(made: FlaskClient, name: str) -> None:
    first = made.get(f"/v1/public/{name}")
    etag = first.headers["ETag"]
    assert first.status_code == 200
    assert first.content_type == "application/json"
    assert first.headers["Cache-Control"] == "public, max-age=5, stale-if-error=86400"
    for said in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = made.get(f"/v1/public/{name}", headers={"If-None-Match": said})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert made.get(f"/v1/public/{name}", headers={"If-None-Match": '"other"'}).data == first.data


@pytest.mark.parametrize("name", FILES)
def test_head_says_what_get_would(made: FlaskClient, name: str) -> None:
    full, head = made.get(f"/v1/public/{name}"), made.head(f"/v1/public/{name}")
    assert head.data == b""
    assert head.headers["Content-Length"] == str(len(full.data))
    assert head.headers["ETag"] == full.headers["ETag"]


@pytest.mark.parametrize("name", FILES)
def test_everybody_gets_the_same_bytes(made: FlaskClient, name: str) -> None:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        peer = builders.staff(session, builders.facility(session))
    callers: list[dict[str, str]] = [
        {},
        peer.headers,
        {"User-Agent": "another", "Accept-Language": "es", "Cookie": "a=b", "X-Forwarded-For": "192.0.2.1"},
    ]
    answers = [made.get(f"/v1/public/{name}", headers=headers, query_string={"t": 1}) for headers in callers]
    assert len({answer.data for answer in answers}) == 1
    assert len({tuple(answer.headers) for answer in answers}) == 1
    assert "Set-Cookie" not in answers[0].headers


def test_an_officers_session_is_refused_here_too(made: FlaskClient) -> None:
    assert made.get("/v1/public/news", headers={"Authorization": "Bearer relief-officer-x"}).status_code == 400


@pytest.mark.parametrize("path", ["nothing", "record/0", "record/9", "record/99999999999", "record/-1", "record/x"])
def test_what_is_not_there_is_not_found(made: FlaskClient, path: str) -> None:
    answer = made.get(f"/v1/public/{path}")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_what_was_never_made_is_away_for_a_moment(client: FlaskClient) -> None:
    for name in FILES:
        answer = client.get(f"/v1/public/{name}")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "2"
        assert "not been made yet" in answer.get_json()["detail"]


def test_a_document_of_the_record_is_kept_for_good(made: FlaskClient) -> None:
    answer = made.get("/v1/public/record/2")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert made.get("/v1/public/record/2").data == answer.data
    assert set(answer.get_json()) == {"sequence", "hash", "document", "signature"}


class Watch:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@contextmanager
def _counted(connection: Connection) -> Iterator[list[str]]:
    """The statements on this connection, but for savepoints and roles, which only tests need."""
    seen: list[str] = []

    def see(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL ROLE", "RESET ROLE")):
            seen.append(statement)

    event.listen(connection, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", see)


def _shelved(client: FlaskClient, watch: Watch) -> None:
    client.application.extensions["relief shelf"] = Shelf(watch)


def test_the_database_is_asked_once_a_second_at_most(made: FlaskClient, connection: Connection) -> None:
    watch = Watch()
    _shelved(made, watch)
    made.get("/v1/public/news")
    with _counted(connection) as statements:
        for _ in range(50):
            for name in FILES:
                assert made.get(f"/v1/public/{name}").status_code == 200
        assert statements == []
        watch.seconds += 1
        for _ in range(50):
            made.get("/v1/public/bulletin")
        assert len(statements) == 1
        assert "body" not in statements[0]


def test_a_change_is_seen_within_a_second(made: FlaskClient, connection: Connection) -> None:
    watch = Watch()
    _shelved(made, watch)
    before = made.get("/v1/public/agency").data
    with transaction(Side.WORKER) as session:
        static_files.put(session, "agency", b"changed")
    assert made.get("/v1/public/agency").data == before
    watch.seconds += 1
    with _counted(connection) as statements:
        assert made.get("/v1/public/agency").data == b"changed"
        assert len(statements) == 2
    assert made.get("/v1/public/news").status_code == 200


class Away:
    """A database that can't be reached."""

    @contextmanager
    def begin(self, side: Side) -> Iterator[Session]:
        raise OperationalError("", {}, Exception("away"))
        yield

    statement = begin


def test_crisis_lines_outlive_the_database(made: FlaskClient) -> None:
    watch = Watch()
    _shelved(made, watch)
    before = made.get("/v1/public/agency").data
    db.use(Away())
    for _ in range(3):
        watch.seconds += 10
        answer = made.get("/v1/public/agency")
        assert (answer.status_code, answer.data) == (200, before)


def test_a_process_that_never_saw_the_database_says_so(made: FlaskClient) -> None:
    _shelved(made, Watch())
    db.use(Away())
    answer = made.get("/v1/public/agency")
    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"


class Slow:
    """A database that answers when it is let."""

    def __init__(self, begin: Callable[[Side], Any]) -> None:
        self._begin = begin
        self.asked = 0
        self.reached = threading.Event()
        self.released = threading.Event()

    @contextmanager
    def begin(self, side: Side) -> Iterator[Session]:
        self.asked += 1
        self.reached.set()
        assert self.released.wait(10)
        with self._begin(side) as session:
            yield session

    statement = begin


def test_phones_that_come_together_after_a_quiet_night_all_read_what_is_new(made: FlaskClient, database: Any) -> None:
    watch = Watch()
    shelf = Shelf(watch)
    shelf.file("agency")
    with transaction(Side.WORKER) as session:
        static_files.put(session, "agency", b"this morning")
    slow = Slow(database.begin)
    db.use(slow)
    watch.seconds += 8 * 3600
    read: list[File | None] = []
    phones = [threading.Thread(target=lambda: read.append(shelf.file("agency"))) for _ in range(4)]
    for phone in phones:
        phone.start()
    assert slow.reached.wait(10)
    slow.released.set()
    for phone in phones:
        phone.join()
    assert [file.body for file in read if file] == [b"this morning"] * 4
    assert slow.asked == 1


def test_while_one_looks_the_others_read_on(made: FlaskClient, database: Any) -> None:
    watch = Watch()
    shelf = Shelf(watch)
    known = shelf.file("agency")
    slow = Slow(database.begin)
    db.use(slow)
    watch.seconds += 5
    looking = threading.Thread(target=shelf.file, args=["agency"])
    looking.start()
    assert slow.reached.wait(10)
    watch.seconds += 5
    assert [shelf.file("agency") for _ in range(20)] == [known] * 20
    slow.released.set()
    looking.join()
    assert slow.asked == 1
