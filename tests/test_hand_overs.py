"""Handing a conversation over."""

from flask.testing import FlaskClient

from backend.models.agency.staff import Role
from tests.askers import (
    Asker,
    Helper,
    House,
    Time,
    asked,
    team,
)
from tests.phones import problem


def test_handing_over_to_the_next(asker: Asker, peer: Helper, client: FlaskClient, house: House) -> None:
    conversation = peer.accept()
    assert peer.do("POST", f"/conversations/{conversation}/hand-over", to="next").status_code == 204
    seen = asker.see()
    assert (seen["state"], seen["conversation"]["ending"], seen["unread"]) == ("open", "handed over", True)
    assert asked([peer]) == []
    assert seen["told"], "nobody is left"


def test_handing_over_to_a_clinician(client: FlaskClient, house: House, time: Time) -> None:
    peer, other = team(client, house, 2)
    (clinician,) = team(client, house, 1, Role.CLINICIAN, reachable=False)
    asker = Asker(client, house).ask()
    conversation = peer.accept()
    assert peer.do("POST", f"/conversations/{conversation}/hand-over", to="clinician").status_code == 204
    assert asked([peer, other, clinician]) == [clinician]
    second = clinician.accept()
    assert asker.open(clinician.device).status_code == 201
    assert clinician.write(second).status_code == 201
    assert asker.see()["state"] == "talking"


def test_handing_over_to_a_clinician_where_there_is_none(asker: Asker, peer: Helper) -> None:
    conversation = peer.accept()
    answer = peer.do("POST", f"/conversations/{conversation}/hand-over", to="clinician")
    assert problem(answer, 409) == "no-clinician"
    assert asker.see()["state"] == "accepted", "nothing has changed"


def test_handing_over_to_somebody_by_name(client: FlaskClient, house: House) -> None:
    peers = team(client, house, 3)
    (stranger,) = team(client, house, 1, languages=["es"])
    asker = Asker(client, house).ask()
    peer, declined, free = peers
    declined.answer("decline")
    at = f"/conversations/{peer.accept()}/hand-over"
    for wrong in (stranger, declined, peer):
        assert problem(peer.do("POST", at, staff_id=str(wrong.id)), 409) == "cannot-be-asked"
    assert peer.do("POST", at, staff_id=str(free.id)).status_code == 204
    assert asked([*peers, stranger]) == [free]
    assert asker.see()["state"] == "open"


def test_a_hand_over_says_to_whom(asker: Asker, peer: Helper) -> None:
    at = f"/conversations/{peer.accept()}/hand-over"
    both = {"to": "next", "staff_id": str(peer.id)}
    assert problem(peer.do("POST", at, **both), 422) == "invalid"
    assert problem(peer.client.post(f"/v1/staff{at}", headers=peer.signed.headers, json={}), 422) == "invalid"


def test_who_declined_as_a_peer_is_not_asked_as_a_clinician(client: FlaskClient, house: House) -> None:
    (peer,), (both,) = team(client, house, 1), team(client, house, 1, Role.PEER, Role.CLINICIAN)
    asker = Asker(client, house).ask()
    both.answer("decline")
    answer = peer.do("POST", f"/conversations/{peer.accept()}/hand-over", to="clinician")
    assert problem(answer, 409) == "no-clinician"
    assert asker.see()["state"] == "accepted"
