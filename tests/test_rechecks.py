"""When somebody leaves the programme: nobody goes on waiting for him."""

from flask.testing import FlaskClient
from sqlalchemy import update

from backend.clock import now
from backend.db import Side, transaction
from backend.jobs import Kind, enqueue
from backend.models.agency.staff import Staff
from tests.askers import Asker, Helper, House, alone, asked, do_what_is_due, team


def leave(peer: Helper, *, back: bool = False) -> None:
    """He is no longer in the agency's file, and the file was loaded; perhaps he is `back` already."""
    with transaction(Side.OWNER) as session:
        session.execute(update(Staff).where(Staff.id == peer.id).values(active=back))
        enqueue(session, Kind.RECHECK, {"staff": str(peer.id)}, run_at=now(), key=f"staff {peer.id}")


def test_the_offers_of_somebody_who_has_left_pass_on(client: FlaskClient, house: House) -> None:
    peers = team(client, house, 2)
    Asker(client, house, {"urgency": "routine"}).ask()
    [first] = asked(peers)
    leave(first)
    do_what_is_due(house.config)
    assert [peer.id for peer in asked([peer for peer in peers if peer.id != first.id])] != []


def test_the_conversations_of_somebody_who_has_left_go_to_the_next(client: FlaskClient, house: House) -> None:
    peers = team(client, house, 2)
    asker = Asker(client, house, {"urgency": "routine"}).ask()
    [first] = asked(peers)
    first.accept()
    leave(first)
    do_what_is_due(house.config)
    assert asker.see()["state"] == "open"
    assert len(asked([peer for peer in peers if peer.id != first.id])) == 1
    assert alone(now()) == []


def test_nothing_moves_for_somebody_who_is_back(client: FlaskClient, house: House) -> None:
    peers = team(client, house, 2)
    asker = Asker(client, house, {"urgency": "routine"}).ask()
    [first] = asked(peers)
    first.accept()
    leave(first, back=True)
    do_what_is_due(house.config)
    assert asker.see()["state"] == "accepted"
