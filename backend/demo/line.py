"""One connection of one phone: an HTTP client that says no more about itself than it must."""

import json
import ssl
import time
from types import TracebackType
from typing import Any, Self

import httpx

PATIENCE = 30.0
"""Seconds for which a phone repeats what was not answered."""

_CERTIFICATES = ssl.create_default_context()
_SAYS = {"User-Agent": "relief", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "keep-alive"}


class Refused(Exception):
    """The server answered with a problem (RFC 9457): `status`, `kind` and the sentence in `detail`."""

    def __init__(self, answer: httpx.Response) -> None:
        said = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
        self.status = answer.status_code
        self.kind = str(said.get("type", "")).removeprefix("/problems/")
        self.detail = str(said.get("detail", answer.reason_phrase))
        self.fields = dict(said.get("fields", {}))
        super().__init__(f"{answer.request.method} {answer.request.url.path}: {self.status} {self.kind} {self.fields}")


class Line:
    """A client with a connection pool of its own. A phone keeps one for each side, and never lends one to the other."""

    def __init__(self, server: str) -> None:
        self._client = httpx.Client(base_url=server, headers=_SAYS, verify=_CERTIFICATES, timeout=30, trust_env=False)

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: Any = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One request, with a bearer token where one is given; raises Refused for every problem.

        Where the server is away or busy, the same is asked again: every route takes a repeat for what it is.
        """
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        request = self._client.build_request(method, path, json=body, content=content, headers=sent)
        answer = self._patiently(request)
        if answer.status_code >= 400:
            raise Refused(answer)
        return answer

    def _patiently(self, request: httpx.Request) -> httpx.Response:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._client.send(request)
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
                wait = 0.2
            else:
                if answer.status_code != 503 or time.monotonic() > until:
                    return answer
                wait = float(answer.headers.get("Retry-After", "1"))
            time.sleep(wait)

    def read(self, path: str, **how: Any) -> Any:
        """GET, as JSON."""
        return self.ask("GET", path, **how).json()

    def send(self, path: str, body: Any = None, *, method: str = "POST", **how: Any) -> Any:
        """POST (or another method) of JSON; the answer as JSON, None where it has no body."""
        answer = self.ask(method, path, body=body if body is not None else {}, **how)
        return answer.json() if answer.content else None

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Cached:
    """A file that is fetched again and again, with its ETag: the body, and whether it has changed."""

    def __init__(self, line: Line, path: str) -> None:
        self._line, self._path = line, path
        self._etag = ""
        self.body = b""

    def fetch(self, token: str = "") -> bool:
        """Fetch it anew; True where it has changed since."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        answer = self._line.ask("GET", self._path, token=token, headers=headers)
        if answer.status_code == 304:
            return False
        self._etag, self.body = answer.headers.get("ETag", ""), answer.content
        return True

    def json(self) -> Any:
        """What was fetched last."""
        return json.loads(self.body)
