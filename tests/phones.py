"""What the tests of passes have in common: a house with keys in it, and the things that a phone does."""

import threading
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from backend.actions.anonymous.passes import spend
from backend.api.anonymous.passes import pass_for, shown_pass
from backend.api.frame import Blueprint, allow
from backend.app import create_app
from backend.config import Config
from backend.db import Side, transaction
from backend.demo.passes import PassRequest, request_pass
from backend.door.periods import Purpose
from backend.door.signing import SigningKey
from backend.door.wire import REQUEST_TYPE, one_challenge
from tests import builders

CHALLENGE = one_challenge("localhost").to_bytes()


class House:
    """An agency with one facility, one officer, and a key for each purpose."""

    def __init__(self, config: Config, session: Session) -> None:
        builders.agency(session)
        self.facility = builders.facility(session)
        self.officer = builders.officer(session, self.facility)
        self.keys = {purpose: builders.issuer_key(session, config, purpose) for purpose in Purpose}

    @property
    def support(self) -> SigningKey:
        return self.keys[Purpose.SUPPORT]


def begin(key: SigningKey) -> PassRequest:
    """A pass being drawn."""
    return request_pass(CHALLENGE, key.public.spki)


def send(
    client: FlaskClient, headers: dict[str, str], key_id: bytes | str, body: bytes, media_type: str = REQUEST_TYPE
) -> TestResponse:
    """Send a token request."""
    name = key_id if isinstance(key_id, str) else key_id.hex()
    return client.post(f"/v1/draws/{name}", data=body, content_type=media_type, headers=headers)


def draw(client: FlaskClient, house: House, key: SigningKey, request: PassRequest | None = None) -> TestResponse:
    """The house's officer draws."""
    return send(client, house.officer.headers, key.public.key_id, (request or begin(key)).to_bytes())


def problem(answer: TestResponse, status: int) -> str:
    """The kind of the problem that was answered, which has to be one, with this status."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    kind: str = answer.get_json()["type"].removeprefix("/problems/")
    return kind


def together(number: int, act: Callable[[int], None]) -> None:
    """Run `act` in so many threads that all begin at once."""
    barrier = threading.Barrier(number)

    def run(index: int) -> None:
        barrier.wait()
        act(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def spending_app(config: Config) -> Flask:
    """The application, with one more route for each purpose where a pass is spent and nothing else happens."""
    app = create_app(config)
    app.testing = True
    blueprint = Blueprint("spent", __name__, url_prefix="/v1/anon/spent")
    for purpose in Purpose:
        blueprint.add_url_rule(f"/{purpose}", purpose, allow(pass_for(purpose))(_spend), methods=["POST"])
    app.register_blueprint(blueprint)
    return app


def _spend() -> dict[str, str | None]:
    shown = shown_pass()
    with transaction(Side.ANONYMOUS) as session:
        spend(session, shown)
    cohort = str(shown.cohort_id) if shown.cohort_id else None
    return {"pass_hash": shown.pass_hash.hex(), "key_id": shown.key_id.hex(), "cohort_id": cohort}
