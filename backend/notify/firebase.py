"""Firebase Cloud Messaging, through `firebase-admin`: the one place in Relief that talks to the world outside.

What the library does by itself is turned off where our own queue does it better: it retries for up to eight seconds
inside a call, waits two minutes for an answer, starts a thread for each message of a batch, and reads the proxy's
settings anew for each. It has no setting for the address of the service, so that
`PUSH_URL` (the local stand-in, or a relay that speaks FCM v1) is set in its private `_fcm_url`, and then nobody else is
asked for anything; tests/test_firebase_contract.py fails where a new release moves that.

Only the worker imports this module: it takes 0.7 s and 21 MB.
"""

import functools
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol

import firebase_admin
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from requests.adapters import HTTPAdapter

from backend.config import Misconfigured
from backend.metrics import Outcome

TIMEOUT = 10.0
"""Seconds for one call."""
BATCH = 100
_AT_ONCE = 16
_BEGIN_WITHIN = 10.0
"""Seconds in which the calls of a batch begin: where Firebase hangs, a batch ends before the lease of its jobs."""
_LONGEST_WAIT = timedelta(minutes=30)
_DEAD_ADDRESS = (messaging.UnregisteredError, messaging.SenderIdMismatchError)
_TRANSIENT = (
    messaging.QuotaExceededError,
    messaging.ThirdPartyAuthError,
    exceptions.ResourceExhaustedError,
    exceptions.UnavailableError,
    exceptions.InternalError,
    exceptions.DeadlineExceededError,
    exceptions.AbortedError,
    exceptions.CancelledError,
    exceptions.UnknownError,
    exceptions.UnauthenticatedError,
    exceptions.PermissionDeniedError,
)


@dataclass(frozen=True)
class Answer:
    """What came of one message. `reason` is an error's kind; `wait` is what a Retry-After asked for."""

    outcome: Outcome
    reason: str = ""
    wait: timedelta | None = None


class Sender(Protocol):
    """Whoever takes messages."""

    def send(self, messages: Sequence[messaging.Message]) -> list[Answer]:
        """One answer each, in their order."""


class Firebase:
    """The service under one account. `push_url`: the address of something else that speaks FCM v1."""

    def __init__(self, credentials_file: Path, push_url: str | None = None) -> None:
        try:
            certificate = credentials.Certificate(str(credentials_file))
        except (OSError, ValueError):
            raise Misconfigured("FIREBASE_CREDENTIALS must name a service account's JSON file.") from None
        self._app = firebase_admin.initialize_app(certificate, {"httpTimeout": TIMEOUT}, name=secrets.token_hex(8))
        self._credential = certificate.get_credential()
        self._refresh = functools.partial(self._credential.refresh, functools.partial(Request(), timeout=TIMEOUT))
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="push")
        self._point_to(push_url)

    def send(self, messages: Sequence[messaging.Message]) -> list[Answer]:
        """Send each, some at once; one answer each, in their order."""
        until = time.monotonic() + _BEGIN_WITHIN
        try:
            if messages and not self._credential.valid:
                self._refresh()
        except GoogleAuthError as error:
            return [Answer(Outcome.LATER, type(error).__name__)] * len(messages)
        return list(self._threads.map(lambda message: self._send(message, until), messages))

    def close(self) -> None:
        """Forget the account."""
        self._threads.shutdown()
        self._service._client.session.close()
        firebase_admin.delete_app(self._app)

    def _send(self, message: messaging.Message, until: float) -> Answer:
        if time.monotonic() > until:
            return Answer(Outcome.LATER, "NotTried")
        try:
            messaging.send(message, app=self._app)
        except exceptions.FirebaseError as error:
            return _read(error)
        except GoogleAuthError as error:
            return Answer(Outcome.LATER, type(error).__name__)
        return Answer(Outcome.SENT)

    def _point_to(self, push_url: str | None) -> None:
        self._service = messaging._get_messaging_service(self._app)
        if push_url:
            self._service._fcm_url = f"{push_url.rstrip('/')}/v1/projects/{self._app.project_id}/messages:send"
            # Google's library asks Google, in a thread of its own, where this account's data may lie.
            vars(self._credential)["_is_regional_access_boundary_lookup_required"] = lambda: False
        session = self._service._client.session
        adapter = HTTPAdapter(pool_maxsize=2 * _AT_ONCE, max_retries=0)
        for prefix in ("https://fcm.googleapis.com", "https://", "http://"):
            session.mount(prefix, adapter)
        settings = session.merge_environment_settings(self._service._fcm_url, {}, None, None, None)
        session.proxies, session.verify, session.trust_env = settings["proxies"], settings["verify"], False


def _read(error: exceptions.FirebaseError) -> Answer:
    reason = type(error).__name__
    if isinstance(error, _DEAD_ADDRESS):
        return Answer(Outcome.GONE, reason)
    if isinstance(error, _TRANSIENT):
        return Answer(Outcome.LATER, reason, _retry_after(error))
    return Answer(Outcome.DEAD, reason)


def _retry_after(error: exceptions.FirebaseError) -> timedelta | None:
    """Seconds or a date (RFC 9110, section 10.2.3); never longer than half an hour."""
    response = error.http_response
    value = response.headers.get("Retry-After", "") if response is not None else ""
    try:
        wait = timedelta(seconds=int(value)) if value.isdigit() else parsedate_to_datetime(value) - datetime.now(UTC)
    except ValueError:
        return None
    return min(max(wait, timedelta()), _LONGEST_WAIT)
