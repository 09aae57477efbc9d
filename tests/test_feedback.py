"""What an asker says of the help."""

from sqlalchemy import select

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
)
from tests.builders import ZONE
from tests.phones import problem


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
