"""An asker shows the secret of the request that his phone made."""

import hashlib
from typing import Any

from flask import g

from backend.actions.anonymous.access import Asker
from backend.api.frame import bearer
from backend.base64url import decode_base64
from backend.errors import Unproven

PREFIX = "relief-asker-"
_SECRET_BYTES = 32


class AskerWay:
    """The secret of a request. Whether there is such a request is for the action to say: a wrong secret is a 404."""

    name = "asker"
    problems: tuple[int, ...] = (400, 401, 404)
    scheme: dict[str, Any] | None = {
        "type": "http",
        "scheme": "bearer",
        "description": f"`{PREFIX}…`, the request's secret: 32 bytes in base64url",
    }

    def fits(self, authorization: str) -> bool:
        return bool(bearer(authorization, PREFIX))

    def prove(self, authorization: str) -> Asker:
        try:
            secret = decode_base64(bearer(authorization, PREFIX).removeprefix(PREFIX))
        except ValueError:
            secret = b""
        if len(secret) != _SECRET_BYTES:
            raise Unproven(
                "secret-unreadable",
                "This is not the secret of a request: 32 bytes in base64url.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return Asker(hashlib.sha256(secret).digest())


asker = AskerWay()


def caller() -> Asker:
    """Who is asking in the present view."""
    found: Asker = g.caller
    return found
