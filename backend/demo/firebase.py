"""A local stand-in for Firebase Cloud Messaging: it speaks FCM v1 over HTTP, and remembers whose phone would ring.

It signs nobody in who doesn't show the service account's signature (RFC 7523), answers what Google would answer, and
fails on demand. For the demo, the tests and the benchmarks; it keeps what it gets in memory and listens on this
machine alone. `python -m backend.demo.firebase` runs it by itself.
"""

import argparse
import json
import secrets
import signal
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from backend.demo.firebase_http import Handler

PROJECT = "relief-stand-in"


@dataclass(frozen=True)
class Arrival:
    """One message at one phone: `number` counts from 1, `at` is ISO 8601; a topic's message arrives at each phone."""

    number: int
    at: str
    address: str
    topic: str | None
    message: dict[str, Any] = field(repr=False)

    @property
    def why(self) -> str:
        """What the phone is told: a notice, `quiet`, or nothing for the beat."""
        return str(self.message["data"]["w"])


@dataclass
class Fault:
    """An error to answer with. `code`: FCM's ErrorCode; `times`: how often (-1: always); `address` None: whoever."""

    code: str
    times: int = 1
    address: str | None = None
    retry_after: int | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024  # `send_each` opens hundreds of connections at once.


class StandIn:
    """The service, on a port of 127.0.0.1 (0: any that is free). `credentials` is where the service account is put."""

    def __init__(self, credentials: Path, port: int = 0) -> None:
        self.credentials = credentials
        self.arrivals: list[Arrival] = []
        self.exchanges: list[tuple[Any, int, Any]] = []
        """Each call of `messages:send`: the body, the status, the answer."""
        self.tokens: set[str] = set()
        self._faults: list[Fault] = []
        self._topics: dict[str, set[str]] = defaultdict(set)
        self._lock = threading.Lock()
        self._key = rsa.generate_private_key(65537, 2048)
        self.hold = threading.Event()
        """Cleared, no message is answered until it is set again: somebody who waits can be killed meanwhile."""
        self.hold.set()
        self.held = 0
        """How many messages wait for that."""
        self._server = _Server(("127.0.0.1", port), Handler)
        vars(self._server)["stand_in"] = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._write_credentials()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What the service account's assertions are verified with."""
        return self._key.public_key()

    def subscribe(self, address: str, topic: str) -> None:
        """What a phone's Firebase library does: from now on it gets the topic's messages."""
        with self._lock:
            self._topics[topic].add(address)

    def fail(self, code: str, times: int = 1, address: str | None = None, retry_after: int | None = None) -> None:
        """Answer the next messages with this error."""
        with self._lock:
            self._faults.append(Fault(code, times, address, retry_after))

    def recover(self) -> None:
        """No errors any more."""
        with self._lock:
            self._faults.clear()

    def forget(self) -> None:
        """As if nothing had happened: no arrivals, no subscriptions, no errors."""
        with self._lock:
            self.arrivals.clear()
            self.exchanges.clear()
            self._topics.clear()
            self._faults.clear()

    def wait_if_held(self) -> None:
        """A message has come; it goes on when `hold` is set."""
        with self._lock:
            self.held += 1
        self.hold.wait()
        with self._lock:
            self.held -= 1

    def next_fault(self, address: str) -> Fault | None:
        """The error that a message to this address gets, if one is due."""
        with self._lock:
            for fault in self._faults:
                if fault.times and fault.address in (None, address):
                    fault.times -= 1
                    return fault
        return None

    def deliver(self, message: dict[str, Any]) -> None:
        """The message has been taken: it arrives, at one phone or at every phone of its topic."""
        topic = message.get("topic")
        at = datetime.now(UTC).isoformat()
        with self._lock:
            addresses = self._topics[topic] if topic else {message.get("fid") or message.get("token") or ""}
            for address in sorted(addresses):
                self.arrivals.append(Arrival(len(self.arrivals) + 1, at, address, topic, message))

    def after(self, number: int) -> Iterator[dict[str, Any]]:
        """The arrivals after this one, as JSON objects with `why`."""
        for arrival in self.arrivals[number:]:
            yield asdict(arrival) | {"why": arrival.why}

    def _write_credentials(self) -> None:
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": secrets.token_hex(20),
            "private_key": pem.decode(),
            "client_email": f"relief@{PROJECT}.iam.gserviceaccount.com",
            "client_id": "0",
            "token_uri": f"{self.url}/token",
        }
        self.credentials.touch(mode=0o600)
        self.credentials.write_text(json.dumps(account))


def main() -> None:
    """Run until SIGTERM or Ctrl-C; the first line printed is the address for PUSH_URL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--credentials", type=Path, required=True, help="Where to put the service account's JSON.")
    asked = parser.parse_args()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with StandIn(asked.credentials, asked.port) as stand_in:
        print(stand_in.url, flush=True)
        over.wait()


if __name__ == "__main__":
    main()
