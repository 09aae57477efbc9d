"""What we send and what the stand-in answers, held against Google's own description of FCM v1."""

import json
import re
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from backend.demo.firebase import PROJECT, StandIn
from backend.demo.firebase_http import ERRORS
from backend.metrics import Outcome
from backend.notify.firebase import TIMEOUT, Firebase
from backend.notify.kinds import TELLING, Notice, Who
from backend.notify.messages import Target, build

DESCRIPTION: dict[str, Any] = json.loads(
    (files("googleapiclient") / "discovery_cache" / "documents" / "fcm.v1.json").read_text()
)
FORMATS = {"google-duration": re.compile(r"\d+(\.\d{1,9})?s")}
NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=3)
ABOUT = uuid.UUID(int=7)
TARGETS = [
    Target("fid", "an-installation", "android"),
    Target("token", "a-registration", "ios"),
    Target("topic", "facility-north", None),
]


def misfits(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Where `value` is not what the description says. Names may be camelCase or, as protobuf allows, snake_case."""
    if "$ref" in schema:
        schema = DESCRIPTION["schemas"][schema["$ref"]]
    kind = schema["type"]
    if kind == "object":
        yield from _misfits_in_object(value, schema, path)
    elif kind == "array":
        for item in value:
            yield from misfits(item, schema["items"], path)
    elif kind == "string":
        fits = isinstance(value, str) and value.upper() in schema.get("enum", [value.upper()])
        pattern = FORMATS.get(schema.get("format", ""))
        if not fits or (pattern and not pattern.fullmatch(value)):
            yield path
    elif kind == "boolean" and not isinstance(value, bool):
        yield path


def _misfits_in_object(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield path
        return
    for name, inner in value.items():
        camel = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        known = schema.get("properties", {}).get(camel) or schema.get("additionalProperties")
        if known is None:
            yield f"{path}.{name}"
        else:
            yield from misfits(inner, known, f"{path}.{name}")


def misfits_of(exchange: tuple[Any, int, Any]) -> list[str]:
    asked, status, answer = exchange
    wrong = list(misfits(asked, {"$ref": "SendMessageRequest"}, "request"))
    if status == 200:
        wrong += misfits(answer, {"$ref": "Message"}, "answer")
    return wrong


def every_message() -> Iterator[Any]:
    for notice in Notice:
        for target in TARGETS:
            for quiet in (False, True):
                yield build(notice, ABOUT, target, NOW, until=UNTIL, quiet=quiet)


def test_every_message_fits_googles_description(firebase: Firebase, stand_in: StandIn) -> None:
    messages = list(every_message())
    answers = firebase.send(messages)
    assert [answer.outcome for answer in answers] == [Outcome.SENT] * len(messages)
    assert len(stand_in.exchanges) == len(messages)
    assert [wrong for exchange in stand_in.exchanges for wrong in misfits_of(exchange)] == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("message", "notification_text"), "x"),
        (("message", "data", "w"), 1),
        (("message", "android", "ttl"), "three minutes"),
        (("message", "android", "priority"), "urgent"),
        (("message", "apns", "headers", "apns-priority"), 5),
    ],
)
def test_the_check_finds_what_does_not_fit(
    firebase: Firebase, stand_in: StandIn, place: tuple[str, ...], value: Any
) -> None:
    firebase.send([build(Notice.OFFER, ABOUT, TARGETS[2], NOW, until=UNTIL, quiet=False)])
    [exchange] = stand_in.exchanges
    assert misfits_of(exchange) == []
    inner = exchange[0]
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    assert misfits_of(exchange) == [".".join(("request", *place))]


def test_we_send_where_google_listens(google: tuple[StandIn, Firebase], stand_in: StandIn) -> None:
    """The private attribute that PUSH_URL sets is there, and without PUSH_URL it is Google's address."""
    method = DESCRIPTION["resources"]["projects"]["resources"]["messages"]["methods"]["send"]
    path = method["path"].replace("{+parent}", f"projects/{PROJECT}")
    plain, ours = Firebase(stand_in.credentials), google[1]
    assert plain._service._fcm_url == DESCRIPTION["rootUrl"] + path
    assert ours._service._fcm_url == f"{stand_in.url}/{path}"
    plain.close()


def test_with_an_address_of_our_own_nobody_else_is_asked(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        looked_up.append(host)
        return find(host, *args, **kwargs)

    find = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    firebase = Firebase(stand_in.credentials, stand_in.url)
    before = set(threading.enumerate())
    firebase.send([build(Notice.TEST, ABOUT, TARGETS[0], NOW, until=UNTIL, quiet=False)])
    for thread in set(threading.enumerate()) - before:
        thread.join(0.3)
    firebase.close()
    assert set(looked_up) == {"127.0.0.1"}


def test_the_library_neither_retries_nor_waits_long(firebase: Firebase, stand_in: StandIn) -> None:
    client = firebase._service._client
    for url in ("https://fcm.googleapis.com/v1", stand_in.url):
        assert client.session.get_adapter(url).max_retries.total == 0
    assert client.timeout == TIMEOUT
    stand_in.fail("UNAVAILABLE", times=-1)
    [answer] = firebase.send([build(Notice.TEST, ABOUT, TARGETS[0], NOW, until=UNTIL, quiet=False)])
    assert (answer.outcome, len(stand_in.exchanges)) == (Outcome.LATER, 1)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("INVALID_ARGUMENT", Outcome.DEAD),
        ("UNREGISTERED", Outcome.GONE),
        ("SENDER_ID_MISMATCH", Outcome.GONE),
        ("QUOTA_EXCEEDED", Outcome.LATER),
        ("UNAVAILABLE", Outcome.LATER),
        ("INTERNAL", Outcome.LATER),
        ("THIRD_PARTY_AUTH_ERROR", Outcome.LATER),
    ],
)
def test_every_error_is_understood(firebase: Firebase, stand_in: StandIn, code: str, outcome: Outcome) -> None:
    stand_in.fail(code, times=-1, retry_after=7)
    [answer] = firebase.send([build(Notice.TEST, ABOUT, TARGETS[0], NOW, until=UNTIL, quiet=False)])
    assert answer.outcome is outcome
    assert answer.wait == (timedelta(seconds=7) if outcome is Outcome.LATER else None)
    assert TARGETS[0].address not in answer.reason


def test_the_stand_in_knows_the_errors_that_firebase_names() -> None:
    assert set(ERRORS) >= {"UNREGISTERED", "INVALID_ARGUMENT", "QUOTA_EXCEEDED", "UNAVAILABLE", "INTERNAL"}


@pytest.mark.parametrize("notice", Notice)
def test_no_message_carries_content(notice: Notice) -> None:
    """Whatever it is about, whoever it goes to: only the target, the collapse id and the expiry differ."""
    for target in TARGETS:
        message = json.loads(str(build(notice, ABOUT, target, NOW, until=UNTIL, quiet=False)))
        assert "notification" not in message
        assert "notification" not in message.get("android", {})
        assert set(message["data"]) <= {"w", "c"}
        assert message["data"]["w"] in ("", notice)
        assert str(ABOUT) not in json.dumps(message)


def shape(notice: Notice, quiet: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    message = json.loads(str(build(notice, ABOUT, TARGETS[2], NOW, until=UNTIL, quiet=quiet)))
    return message["android"], message["apns"]


@pytest.mark.parametrize("notice", [n for n in Notice if TELLING[n].who in (Who.STAFF, Who.ASKER)])
def test_an_alert_rings_through_and_says_fixed_words(notice: Notice) -> None:
    android, apns = shape(notice)
    assert (android["priority"], android["ttl"]) == ("high", "180s")
    headers, aps = apns["headers"], apns["payload"]["aps"]
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("alert", "10")
    assert headers["apns-expiration"] == str(int(UNTIL.timestamp()))
    assert headers["apns-collapse-id"] == android["collapse_key"]
    words = TELLING[notice].words
    assert aps["alert"] == {"title-loc-key": f"{words}_title", "loc-key": f"{words}_body"}
    assert (aps["mutable-content"], aps["interruption-level"]) == (1, "time-sensitive")


@pytest.mark.parametrize(
    ("notice", "quiet", "priority"), [(Notice.NEWS, False, "normal"), (Notice.OFFER, True, "high")]
)
def test_a_silent_message_shows_nothing(notice: Notice, quiet: bool, priority: str) -> None:
    android, apns = shape(notice, quiet)
    assert android["priority"] == priority
    assert (apns["headers"]["apns-push-type"], apns["headers"]["apns-priority"]) == ("background", "5")
    assert apns["payload"]["aps"] == {"content-available": 1}


def test_a_hush_replaces_the_alert_that_it_takes_away() -> None:
    assert shape(Notice.OFFER)[0]["collapse_key"] == shape(Notice.OFFER, quiet=True)[0]["collapse_key"]


def test_who_has_not_the_accounts_key_gets_no_token(stand_in: StandIn, tmp_path: Any) -> None:
    with StandIn(tmp_path / "other.json") as other:
        account = json.loads(other.credentials.read_text()) | {"token_uri": f"{stand_in.url}/token"}
        other.credentials.write_text(json.dumps(account))
        impostor = Firebase(other.credentials, stand_in.url)
        [answer] = impostor.send([build(Notice.TEST, ABOUT, TARGETS[0], NOW, until=UNTIL, quiet=False)])
        impostor.close()
    assert (answer.outcome, answer.reason) == (Outcome.LATER, "RefreshError")
    assert stand_in.exchanges == []


def test_an_empty_batch_is_no_mistake(firebase: Firebase) -> None:
    assert firebase.send([]) == []
