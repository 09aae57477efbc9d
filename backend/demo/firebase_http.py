"""What the stand-in for Firebase says over HTTP.

`POST /token` and `POST /v1/projects/{project}/messages:send` are Google's. Under `/phones/` is what phones do through
Firebase's own library, and under `/faults` what nobody can ask of Google:

- `GET /phones/arrivals?after=N`: what has arrived since the N-th message.
- `POST /phones/topics` with `address` and `topic`: subscribe.
- `POST /faults` with `code`, `times`, `address`, `retry_after`: fail; `DELETE /faults`: recover.
"""

import base64
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

_SCOPES = {"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"}
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""Google's library names this one, whatever `token_uri` says."""
_SEND = re.compile(r"/v1/projects/([^/]+)/messages:send")
_TARGETS = ("fid", "token", "topic", "condition")
_RESERVED = re.compile(r"from|message_type|google\..*|gcm\.notification\..*")
_DURATION = re.compile(r"\d+(\.\d{1,9})?s")
_TOPIC = re.compile(r"[a-zA-Z0-9-_.~%]{1,900}")

# Firebase, "ErrorCode": the HTTP status and google.rpc.Code that each comes with.
ERRORS = {
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT"),
    "UNREGISTERED": (404, "NOT_FOUND"),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED"),
    "UNAVAILABLE": (503, "UNAVAILABLE"),
    "INTERNAL": (500, "INTERNAL"),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED"),
}


class Refused(Exception):
    """The request is answered with this error."""

    def __init__(self, code: str, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class Handler(BaseHTTPRequestHandler):
    """One connection, kept open as Google keeps it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def stand_in(self) -> Any:
        """The service that this connection talks to."""
        return vars(self.server)["stand_in"]

    def do_POST(self) -> None:  # the name is http.server's
        """Take a message, an assertion, or an order of a test."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == "/token":
            self._give_token(body)
        elif project := _SEND.fullmatch(path):
            self._take_message(project[1], body)
        elif path == "/phones/topics":
            self.stand_in.subscribe(**json.loads(body))
            self._answer(200, {})
        elif path == "/faults":
            self.stand_in.fail(**json.loads(body))
            self._answer(200, {})
        else:
            self._answer(404, {})

    def do_GET(self) -> None:
        """Say what has arrived."""
        parts = urlsplit(self.path)
        if parts.path == "/phones/arrivals":
            after = int(parse_qs(parts.query).get("after", ["0"])[0])
            self._answer(200, list(self.stand_in.after(after)))
        else:
            self._answer(200 if parts.path == "/" else 404, {})

    def do_DELETE(self) -> None:
        """Fail no more."""
        self.stand_in.recover()
        self._answer(200, {})

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Nothing is written down."""

    def _give_token(self, body: bytes) -> None:
        assertion = parse_qs(body.decode()).get("assertion", [""])[0]
        if not self._proves(assertion):
            self._answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
            return
        token = secrets.token_urlsafe(24)
        self.stand_in.tokens.add(token)
        self._answer(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def _proves(self, assertion: str) -> bool:
        """Whether the assertion is signed with the account's key, for us, now, and for sending (RFC 7523)."""
        try:
            head, claims, signature = assertion.split(".")
            signed = f"{head}.{claims}".encode()
            self.stand_in.public_key.verify(_decode(signature), signed, padding.PKCS1v15(), hashes.SHA256())
            said = json.loads(_decode(claims))
        except (ValueError, InvalidSignature):
            return False
        current = said["iat"] - 60 <= time.time() < said["exp"] <= said["iat"] + 3600
        return current and said["aud"] == _AUDIENCE and bool(_SCOPES & set(said["scope"].split()))

    def _take_message(self, project: str, body: bytes) -> None:
        self.stand_in.wait_if_held()
        asked: Any = None
        try:
            if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.stand_in.tokens:
                raise Refused("THIRD_PARTY_AUTH_ERROR")
            asked = _parse(body)
            address = next(asked["message"][target] for target in _TARGETS if target in asked["message"])
            if fault := self.stand_in.next_fault(address):
                raise Refused(fault.code, fault.retry_after)
            self.stand_in.deliver(asked["message"])
        except Refused as refused:
            status, answer = _error(refused.code)
            retry_after = refused.retry_after
        else:
            status, answer = 200, {"name": f"projects/{project}/messages/{secrets.token_hex(8)}"}
            retry_after = None
        self.stand_in.exchanges.append((asked, status, answer))
        self._answer(status, answer, retry_after)

    def _answer(self, status: int, body: Any, retry_after: int | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        with suppress(BrokenPipeError, ConnectionResetError):
            self.end_headers()
            self.wfile.write(content)


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _error(code: str) -> tuple[int, dict[str, Any]]:
    status, name = ERRORS[code]
    detail = {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}
    return status, {"error": {"code": status, "message": code.lower(), "status": name, "details": [detail]}}


def _parse(body: bytes) -> Any:
    """The request, if Google would take it; raises Refused."""
    try:
        asked = json.loads(body)
        message = asked["message"]
        wrong = list(_faults_in(message))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("INVALID_ARGUMENT") from None
    if wrong:
        raise Refused("INVALID_ARGUMENT")
    return asked


def _faults_in(message: dict[str, Any]) -> Iterator[str]:
    """What Google would refuse: Firebase, `projects.messages`, and Apple's rule for background pushes."""
    if sum(target in message for target in _TARGETS) != 1:
        yield "exactly one target"
    if "topic" in message and not _TOPIC.fullmatch(message["topic"]):
        yield "topic"
    for key, value in message.get("data", {}).items():
        if not isinstance(value, str) or _RESERVED.fullmatch(key):
            yield "data"
    android = message.get("android", {})
    if android.get("priority", "normal") not in ("normal", "high"):
        yield "priority"
    if not _DURATION.fullmatch(android.get("ttl", "0s")):
        yield "ttl"
    yield from _faults_for_apple(message.get("apns", {}))


def _faults_for_apple(apns: dict[str, Any]) -> Iterator[str]:
    headers = apns.get("headers", {})
    silent = "alert" not in apns.get("payload", {}).get("aps", {})
    if apns and silent and headers.get("apns-priority") != "5":
        yield "priority of a background push"
    if len(headers.get("apns-collapse-id", "").encode()) > 64:
        yield "collapse id"
