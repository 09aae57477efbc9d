"""How gunicorn takes a request in: within a limit of time, and with problems where it makes no sense of one.

There are few threads, and a phone that loses its network in the middle of a request would hold one for ever.
"""

import errno
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from backend.api.headers import SECURITY
from backend.api.problems import PROBLEM

RECEIVE_WITHIN = 20.0
"""Seconds from the first byte of a request to its last. The largest body that is taken needs 13 KB/s."""
SEND_WITHIN = 60.0
"""Seconds for an answer, or a part of it that is sent at once."""

_WORDS = {
    LimitRequestLine: (414, "URI Too Long", "The address is too long."),
    LimitRequestHeaders: (431, "Request Header Fields Too Large", "The headers are too large."),
    ExpectationFailed: (417, "Expectation Failed", "Nothing can be expected here but 100-continue."),
}
_UNREADABLE = (400, "Bad Request", "This is not a request that can be read.")


class Timed(socket.socket):
    """A connection on which everything has an end. Who takes longer is treated like one who has hung up."""

    receive_until = 0.0

    def recv(self, size: int, flags: int = 0) -> bytes:
        with self._within(self.receive_until - time.monotonic()):
            return super().recv(size, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        with self._within(SEND_WITHIN):
            super().sendall(data, flags)

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        before = self.gettimeout()
        if before is not None:
            yield
            return
        self.settimeout(max(seconds, 0.001))
        try:
            yield
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "too slow") from None
        finally:
            self.settimeout(None)


class Worker(ThreadWorker):
    """gunicorn's threaded worker; it waits for nobody for ever, and speaks as the application does."""

    def handle(self, conn: TConn) -> Any:
        """Serve one request, whose first bytes are there or about to come."""
        if not isinstance(conn.sock, Timed):
            kind = (conn.sock.family, conn.sock.type, conn.sock.proto)
            conn.sock = Timed(*kind, fileno=conn.sock.detach())
        conn.sock.receive_until = time.monotonic() + RECEIVE_WITHIN
        return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """What never reached the application; nothing of it is repeated or written down."""
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        with suppress(OSError):
            client.sendall(_problem(*_WORDS.get(type(exc), _UNREADABLE)))


def _problem(status: int, title: str, detail: str) -> bytes:
    kind = "/problems/" + title.lower().replace(" ", "-")
    body = json.dumps({"type": kind, "title": title, "status": status, "detail": detail}).encode()
    headers = SECURITY | {
        "Cache-Control": "no-store",
        "Connection": "close",
        "Content-Length": str(len(body)),
        "Content-Type": PROBLEM,
    }
    lines = [f"HTTP/1.1 {status} {title}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
