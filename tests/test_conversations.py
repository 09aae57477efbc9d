"""Conversations: how they open, lapse, are handed over, close and are forgotten."""

import uuid

from flask.testing import FlaskClient
from sqlalchemy import func, select

from backend.base64url import encode_base64
from backend.db import Side, transaction
from backend.jobs import Kind
from backend.models.agency.staff import Availability
from backend.models.anonymous.conversations import Conversation, Message
from backend.models.anonymous.requests import SupportRequest
from tests.askers import (
    Asker,
    Helper,
    House,
    Time,
    alone,
    asked,
    do_what_is_due,
    hushed,
    jobs,
    team,
    told,
)
from tests.phones import problem


def test_the_opening_reaches_the_peers_devices(asker: Asker, peer: Helper) -> None:
    conversation = peer.accept()
    assert asker.open(peer.device).status_code == 201
    assert told("message") == {peer.id}
    seen = peer.do("GET", f"/conversations/{conversation}").get_json()
    assert seen.pop("version")
    assert seen == {
        "id": conversation, "state": "open", "ending": None, "unread": True, "urgency": "now", "topics": ["sleep"],
        "languages": ["en"], "ways": ["chat", "call"],
        "opening": [{"device_id": str(peer.device), "sealed": encode_base64(bytes(304))}],
    }  # fmt: skip
    (listed,) = peer.do("GET", "/conversations").get_json()["conversations"]
    assert listed["id"] == conversation
    assert peer.do("PUT", f"/conversations/{conversation}/read").status_code == 204
    assert not peer.do("GET", f"/conversations/{conversation}").get_json()["unread"]
    assert hushed("message") == {peer.id}


def test_the_opening_is_written_once(asker: Asker, peer: Helper, client: FlaskClient, house: House) -> None:
    peer.accept()
    first, second = asker.open(peer.device), asker.open(peer.device)
    assert first.get_json() == second.get_json()
    body = {"conversation_id": asker.see()["conversation"]["id"],
            "sealed": [{"device_id": str(peer.device), "sealed": encode_base64(bytes(305))}]}  # fmt: skip
    assert problem(asker.do("POST", "/opening", **body), 409) == "already-opened"


def test_the_opening_is_sealed_to_his_devices_only(
    asker: Asker, peer: Helper, client: FlaskClient, house: House
) -> None:
    (other,) = team(client, house, 1)
    peer.accept()
    for devices in ([other.device], [peer.device, other.device], [uuid.uuid4()], [peer.device, peer.device], []):
        assert problem(asker.open(*devices), 422) == "invalid"
    assert asker.open(peer.device).status_code == 201


def test_a_conversation_of_somebody_else_is_not_there(
    asker: Asker, peer: Helper, client: FlaskClient, house: House
) -> None:
    (other,) = team(client, house, 1)
    at = f"/conversations/{peer.accept()}"
    assert other.do("GET", "/conversations").get_json() == {"conversations": []}
    for answer in (
        other.do("GET", at),
        other.do("PUT", f"{at}/read"),
        other.do("GET", f"{at}/messages"),
        other.do("POST", f"{at}/messages", counter=1, sealed=encode_base64(bytes(288))),
        other.do("POST", f"{at}/close", ending="done"),
        other.do("POST", f"{at}/hand-over", to="next"),
    ):
        assert problem(answer, 404) == "not-found"


def test_without_a_first_message_it_lapses_and_the_next_are_asked(
    asker: Asker, peer: Helper, client: FlaskClient, house: House, time: Time
) -> None:
    peer.accept()
    (next_one,) = team(client, house, 1)
    asker.open(peer.device)
    time.pass_by(seconds=599)
    do_what_is_due(house.config)
    assert asker.see()["state"] == "accepted"
    time.pass_by(seconds=1)
    do_what_is_due(house.config)
    seen = asker.see()
    assert (seen["state"], seen["conversation"]["ending"], seen["unread"]) == ("open", "lapsed", True)
    assert problem(peer.write(seen["conversation"]["id"]), 409) == "not-open"
    assert asked([peer, next_one]) == []
    assert alone(time.now) == []


def test_after_a_lapse_those_who_were_cancelled_are_asked_again(client: FlaskClient, house: House, time: Time) -> None:
    first, second = team(client, house, 2)
    asker = Asker(client, house).ask()
    first.accept()
    asker.open(first.device)
    time.pass_by(seconds=600)
    do_what_is_due(house.config)
    assert asked([first, second]) == [second]
    second.accept()
    assert asker.open(second.device).status_code == 201


def test_an_asker_who_never_opens_keeps_nobody_waiting(asker: Asker, peer: Helper, house: House, time: Time) -> None:
    peer.accept()
    time.pass_by(seconds=86399)
    do_what_is_due(house.config)
    assert asker.see()["state"] == "accepted"
    time.pass_by(seconds=1)
    do_what_is_due(house.config)
    seen = asker.see()
    assert (seen["state"], seen["conversation"]["ending"]) == ("closed", "no answer")


def talking(asker: Asker, peer: Helper) -> str:
    conversation = peer.accept()
    asker.open(peer.device)
    assert peer.write(conversation).status_code == 201
    return conversation


def test_who_has_written_does_not_lapse(asker: Asker, peer: Helper, house: House, time: Time) -> None:
    talking(asker, peer)
    assert jobs(Kind.LAPSE) == []
    time.pass_by(days=1)
    do_what_is_due(house.config)
    assert asker.see()["state"] == "talking"


def test_a_peer_closes_and_rests(asker: Asker, peer: Helper, house: House, time: Time) -> None:
    conversation = talking(asker, peer)
    closing = peer.do("POST", f"/conversations/{conversation}/close", ending="done", rest_hours=12)
    assert closing.status_code == 204
    seen = asker.see()
    assert (seen["state"], seen["conversation"]["ending"], seen["unread"]) == ("closed", "done", True)
    with transaction(Side.OWNER) as session:
        rests_until = session.scalars(select(Availability.rests_until)).one()
    assert rests_until and (rests_until - time.now).total_seconds() == 12 * 3600
    assert problem(asker.write(), 409) == "not-open"


def test_who_has_not_written_may_not_close(asker: Asker, peer: Helper) -> None:
    conversation = peer.accept()
    closing = peer.do("POST", f"/conversations/{conversation}/close", ending="no answer")
    assert problem(closing, 409) == "write-first"


def test_an_asker_closes(asker: Asker, peer: Helper, house: House) -> None:
    conversation = talking(asker, peer)
    for _ in range(2):
        assert asker.do("POST", "/close", ending="continued elsewhere").status_code == 204
    assert asker.see()["state"] == "closed"
    seen = peer.do("GET", f"/conversations/{conversation}").get_json()
    assert (seen["state"], seen["ending"], seen["unread"]) == ("closed", "continued elsewhere", True)
    assert problem(peer.do("POST", f"/conversations/{conversation}/hand-over", to="next"), 409) == "closed"


def test_there_is_nothing_to_close_before_somebody_accepts(asker: Asker) -> None:
    assert problem(asker.do("POST", "/close", ending="done"), 404) == "not-found"


def test_silence_closes_and_days_later_all_is_forgotten(asker: Asker, peer: Helper, house: House, time: Time) -> None:
    talking(asker, peer)
    time.pass_by(days=10)
    assert asker.write().status_code == 201
    time.pass_by(days=13)
    do_what_is_due(house.config)
    assert asker.see()["state"] == "talking"
    time.pass_by(days=1)
    do_what_is_due(house.config)
    assert asker.see()["conversation"]["ending"] == "no answer"
    time.pass_by(days=8)
    do_what_is_due(house.config)
    with transaction(Side.WORKER) as session:
        for table in (SupportRequest, Conversation, Message):
            assert session.scalar(select(func.count()).select_from(table)) == 0
    assert problem(asker.client.get(asker.url, headers=asker.headers), 404) == "not-found"
