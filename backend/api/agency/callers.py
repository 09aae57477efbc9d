"""Staff show who they are with the access token of their sign-in."""

from typing import Any

from flask import g

from backend.actions.agency.staff_sessions import PREFIX, StaffCaller, recognise
from backend.api.frame import bearer
from backend.clock import now
from backend.db import Side, transaction
from backend.errors import Forbidden, SessionEnded
from backend.models.agency.staff import Role


class StaffWay:
    """A staff session; with `roles`, of somebody who has at least one of them."""

    problems: tuple[int, ...] = (400, 401, 403)
    scheme: dict[str, Any] | None = {"type": "http", "scheme": "bearer", "description": f"`{PREFIX}…`"}

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles or Role)
        self.name = "staff" if not roles else " or ".join(roles)

    def fits(self, authorization: str) -> bool:
        return bool(bearer(authorization, PREFIX))

    def prove(self, authorization: str) -> StaffCaller:
        with transaction(Side.ANONYMOUS) as session:
            caller = recognise(session, bearer(authorization, PREFIX), now())
        if caller is None:
            raise SessionEnded
        if not caller.roles & self.roles:
            raise Forbidden("wrong-role", f"This is for a {' or a '.join(sorted(self.roles))}.")
        return caller


staff = StaffWay()
peer = StaffWay(Role.PEER)
coordinator = StaffWay(Role.COORDINATOR)
clinician = StaffWay(Role.CLINICIAN)


def caller() -> StaffCaller:
    """Who of the staff is calling the present view."""
    found: StaffCaller = g.caller
    return found
