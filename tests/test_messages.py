"""Messages: sealed, in order, once, and read only by the two."""

import pytest
from flask.testing import FlaskClient

from backend.base64url import encode_base64
from backend.jobs import Kind
from tests.askers import Asker, Helper, House, jobs, team, told
from tests.phones import problem


@pytest.fixture
def asker(client: FlaskClient, house: House, peer: Helper) -> Asker:
    return Asker(client, house, {"wake": {"platform": "ios", "address_kind": "fid", "address": "x"}}).ask()


@pytest.fixture
def conversation(asker: Asker, peer: Helper) -> str:
    """It has begun: the opening is there."""
    conversation = peer.accept()
    assert asker.open(peer.device).status_code == 201
    return conversation


def test_nobody_writes_before_the_opening(asker: Asker, peer: Helper) -> None:
    conversation = peer.accept()
    assert problem(peer.write(conversation), 409) == "not-open"
    assert problem(asker.write(), 409) == "not-open"


def test_the_two_read_the_same_in_the_same_order(asker: Asker, peer: Helper, conversation: str) -> None:
    assert peer.write(conversation, 1, b"a" * 288).status_code == 201
    assert asker.write(1, b"b" * 288).status_code == 201
    assert peer.write(conversation, 2, b"c" * 288).get_json()["place"] == 3
    of_asker = asker.do("GET", "/messages").get_json()["messages"]
    of_peer = peer.do("GET", f"/conversations/{conversation}/messages").get_json()["messages"]
    assert of_asker == of_peer
    assert [(one["place"], one["sender"], one["counter"]) for one in of_peer] == [
        (1, "staff", 1), (2, "asker", 1), (3, "staff", 2)
    ]  # fmt: skip
    assert of_peer[1]["sealed"] == encode_base64(b"b" * 288)
    later = asker.client.get(f"{asker.url}/messages?after=1&limit=1", headers=asker.headers).get_json()["messages"]
    assert later == of_peer[1:2]


@pytest.mark.parametrize("who", ["asker", "staff"])
def test_a_repeat_is_the_same_and_other_bytes_are_refused(
    asker: Asker, peer: Helper, conversation: str, who: str
) -> None:
    def write(sealed: bytes) -> tuple[int, object]:
        answer = asker.write(1, sealed) if who == "asker" else peer.write(conversation, 1, sealed)
        return answer.status_code, answer.get_json()

    assert write(b"a" * 288) == write(b"a" * 288)
    assert write(b"b" * 288)[0] == 409
    assert len(asker.do("GET", "/messages").get_json()["messages"]) == 1


def test_a_repeat_is_the_same_after_the_close_too(asker: Asker, peer: Helper, conversation: str) -> None:
    first = peer.write(conversation)
    asker.do("POST", "/close", ending="done")
    assert peer.write(conversation).get_json() == first.get_json()
    assert problem(peer.write(conversation, 2), 409) == "not-open"


def test_what_is_too_large_or_too_small_is_refused(asker: Asker, peer: Helper, conversation: str) -> None:
    for size in (31, 16897):
        assert problem(asker.write(1, bytes(size)), 422) == "invalid"
        assert problem(peer.write(conversation, 1, bytes(size)), 422) == "invalid"
    for counter in (0, 2**31):
        assert problem(peer.write(conversation, counter), 422) == "invalid"
    assert asker.write(1, bytes(16896)).status_code == 201


def test_a_message_of_the_asker_rings_the_peer(asker: Asker, peer: Helper, conversation: str) -> None:
    peer.do("PUT", f"/conversations/{conversation}/read")
    assert told("message") == set()
    asker.write()
    assert told("message") == {peer.id}
    assert peer.do("GET", f"/conversations/{conversation}").get_json()["unread"]


def test_a_message_of_the_peer_is_news_for_the_asker(
    asker: Asker, peer: Helper, conversation: str, client: FlaskClient
) -> None:
    assert asker.do("PUT", "/read").status_code == 204
    assert not asker.see()["unread"]
    before = generation()
    etag = client.get(asker.url, headers=asker.headers).headers["ETag"]
    peer.write(conversation)
    assert asker.see()["unread"]
    assert asker.see()["state"] == "talking"
    assert client.get(asker.url, headers=asker.headers | {"If-None-Match": etag}).status_code == 200
    assert generation() > before
    assert len([job for job in jobs(Kind.TELL) if job.args["notice"] == "answer"]) == 1
    asker.do("PUT", "/read")
    assert generation() > before + 1


def generation() -> int:
    """How often the news was asked for."""
    (job,) = jobs(Kind.PUBLISH)
    return job.generation


def test_a_conversation_that_was_is_still_there_to_read(
    asker: Asker, peer: Helper, conversation: str, client: FlaskClient, house: House
) -> None:
    peer.write(conversation)
    peer.do("POST", f"/conversations/{conversation}/hand-over", to="next")
    (other,) = team(client, house, 1)
    old = client.get(f"{asker.url}/messages?conversation_id={conversation}", headers=asker.headers)
    assert len(old.get_json()["messages"]) == 1
    assert problem(other.do("GET", f"/conversations/{conversation}/messages"), 404) == "not-found"
