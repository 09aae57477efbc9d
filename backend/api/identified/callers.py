"""Officers show who they are with the access token of their sign-in."""

from typing import Any

from flask import g

from backend.actions.identified.sessions import PREFIX, OfficerCaller, recognise
from backend.api.frame import bearer
from backend.clock import now
from backend.db import Side, transaction
from backend.errors import SessionEnded


class OfficerWay:
    """An officer's session. It exists on the identified side alone; everywhere else it is refused."""

    name = "officer"
    problems: tuple[int, ...] = (401,)
    scheme: dict[str, Any] | None = {"type": "http", "scheme": "bearer", "description": f"`{PREFIX}…`"}

    def fits(self, authorization: str) -> bool:
        return bool(bearer(authorization, PREFIX))

    def prove(self, authorization: str) -> OfficerCaller:
        with transaction(Side.IDENTIFIED) as session:
            caller = recognise(session, bearer(authorization, PREFIX), now())
        if caller is None:
            raise SessionEnded
        return caller


officer = OfficerWay()


def caller() -> OfficerCaller:
    """Which officer is calling the present view."""
    found: OfficerCaller = g.caller
    return found
