"""What an asker says of the help."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from backend.config import Config
from backend.db import Side, transaction
from backend.jobs import Kind
from backend.models.anonymous.conversations import Feedback
from tests.askers import (
    Asker,
    Helper,
    House,
    Time,
    do_what_is_due,
    jobs,
    standing_clock,
    team,
)
from tests.builders import ZONE
from tests.conftest import RolledBack
from tests.phones import problem


@pytest.fixture
def house(database: RolledBack, config: Config) -> House:
    with transaction(Side.OWNER) as session:
        return House(session, config)


@pytest.fixture
def time() -> Iterator[Time]:
    with standing_clock() as time:
        yield time


@pytest.fixture
def peer(client: FlaskClient, house: House, time: Time) -> Helper:
    (peer,) = team(client, house, 1)
    return peer


@pytest.fixture
def asker(client: FlaskClient, house: House, peer: Helper) -> Asker:
    """Somebody who has asked, and whose one peer thinks about it."""
    return Asker(client, house, {"ways": ["chat", "call"], "topics": ["sleep"]}).ask()


def talking(asker: Asker, peer: Helper) -> str:
    conversation = peer.accept()
    asker.open(peer.device)
    assert peer.write(conversation).status_code == 201
    return conversation


def test_feedback_is_given_once_and_stands_alone(asker: Asker, peer: Helper, house: House, time: Time) -> None:
    said = {"helped": "yes", "would_ask_again": "perhaps"}
    assert problem(asker.do("PUT", "/feedback", **said), 409) == "no-feedback"
    talking(asker, peer)
    assert problem(asker.do("PUT", "/feedback", **said | {"helped": "a lot"}), 422) == "invalid"
    assert asker.do("PUT", "/feedback", **said).status_code == 204
    assert problem(asker.do("PUT", "/feedback", **said), 409) == "no-feedback"
    assert asker.see()["feedback_given"]
    time.pass_by(days=1)
    do_what_is_due(house.config)
    with transaction(Side.OWNER) as session:
        rows = session.execute(select(Feedback.helped, Feedback.would_ask_again, Feedback.month)).all()
    assert [tuple(row) for row in rows] == [("yes", "perhaps", f"{time.now.astimezone(ZONE):%Y-%m}")]
    assert jobs(Kind.FEEDBACK) == []
