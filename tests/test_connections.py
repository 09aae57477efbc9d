"""What reaches gunicorn and never the application: bytes that are no request, and phones that fall silent."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from backend.connections import Timed
from backend.db import Side
from tests.serving import Served, serve, wait_for

MARK = "tell-nobody-83"
SIGN_IN = "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
REFUSED = [
    (f"GET /{MARK}\r\n\r\n", 400, "bad-request"),
    (f"GET / HTTP/1.1\r\n{MARK} : {MARK}\r\n\r\n", 400, "bad-request"),
    (f"GET /{5_000 * 'a'} HTTP/1.1\r\n\r\n", 414, "uri-too-long"),
    (f"GET / HTTP/1.1\r\nCookie: {9_000 * 'a'}\r\n\r\n", 431, "request-header-fields-too-large"),
    (f"{SIGN_IN}Expect: {MARK}\r\n\r\n", 417, "expectation-failed"),
    (f"{SIGN_IN}Transfer-Encoding: chunked\r\n\r\n{MARK}\r\n", 400, "broken-chunks"),
]
THREADS = 8


@contextmanager
def connected(served: Served, raw: str) -> Iterator[socket.socket]:
    """A connection on which this much was sent."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(raw.encode())
        yield connection


def exchange(served: Served, raw: str) -> tuple[str, str]:
    """Head and body of what comes back until the server hangs up."""
    with connected(served, raw) as connection:
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    return head, body


@pytest.mark.real
def test_what_is_not_http_is_refused_with_a_problem(clone: dict[Side, str], tmp_path: Path) -> None:
    with serve({Side.IDENTIFIED: clone[Side.IDENTIFIED]}, tmp_path, "--side", "identified") as served:
        for raw, status, kind in REFUSED:
            head, body = exchange(served, raw)
            assert head.startswith(f"HTTP/1.1 {status} ")
            assert "\r\nContent-Type: application/problem+json" in head
            assert "\r\nX-Content-Type-Options: nosniff" in head
            said = json.loads(body)
            assert (said["status"], said["type"]) == (status, f"/problems/{kind}")
            assert MARK not in head + body
        assert "error" not in {line["level"] for line in served.lines()}


@pytest.mark.real
@pytest.mark.thorough
def test_phones_that_fall_silent_hold_no_thread_for_ever(clone: dict[Side, str], tmp_path: Path) -> None:
    with serve({Side.IDENTIFIED: clone[Side.IDENTIFIED]}, tmp_path, "--side", "identified") as served:
        with ExitStack() as silent:
            held = [
                silent.enter_context(connected(served, f"{SIGN_IN}Content-Length: 9\r\n\r\n{{")) for _ in range(THREADS)
            ]
            held += [silent.enter_context(connected(served, "GET /health/live HTTP/1.1\r\n")) for _ in range(THREADS)]
            wait_for(f"http://127.0.0.1:{served.port}/health/live", served.process)
            assert b"did not arrive whole" in b"".join(iter(lambda: held[0].recv(65536), b""))


def test_receiving_ends_when_its_time_is_over() -> None:
    phone, ours = socket.socketpair()
    with phone, Timed(fileno=ours.detach()) as connection:
        connection.receive_until = time.monotonic()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        phone.sendall(b"x")
        connection.receive_until = time.monotonic() + 60
        assert connection.recv(1) == b"x"
        assert connection.gettimeout() is None


def test_whoever_sets_a_limit_of_his_own_keeps_it() -> None:
    phone, ours = socket.socketpair()
    with phone, Timed(fileno=ours.detach()) as connection:
        connection.receive_until = time.monotonic() + 60
        connection.settimeout(0.001)
        with pytest.raises(TimeoutError):
            connection.recv(1)
