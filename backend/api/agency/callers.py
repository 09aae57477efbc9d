"""Staff show who they are with the access token of their sign-in, other systems with their key."""

import uuid
from dataclasses import dataclass
from typing import Any

from flask import g

from backend.actions.agency import integration_keys
from backend.actions.agency.integration_keys import PREFIX as KEY_PREFIX
from backend.actions.agency.staff_sessions import PREFIX, StaffCaller, recognise
from backend.api.frame import bearer
from backend.clock import now
from backend.db import Side, transaction
from backend.errors import Forbidden, SessionEnded, Unproven
from backend.models.agency.staff import Role


@dataclass(frozen=True)
class System:
    """Another system, known by the key that it was given."""

    key_id: uuid.UUID


class StaffWay:
    """A staff session; with `roles`, of somebody who has at least one of them."""

    problems: tuple[int, ...] = (400, 401, 403)
    scheme: dict[str, Any] | None = {"type": "http", "scheme": "bearer", "description": f"`{PREFIX}…`"}

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles or Role)
        self.name = "staff" if not roles else "-or-".join(roles)

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


class IntegrationWay:
    """A key of another system."""

    name = "integration"
    problems: tuple[int, ...] = (400, 401)
    scheme: dict[str, Any] | None = {"type": "http", "scheme": "bearer", "description": f"`{KEY_PREFIX}…`"}

    def fits(self, authorization: str) -> bool:
        return bool(bearer(authorization, KEY_PREFIX))

    def prove(self, authorization: str) -> System:
        with transaction(Side.ANONYMOUS) as session:
            key_id = integration_keys.recognise(session, bearer(authorization, KEY_PREFIX))
        if key_id is None:
            raise Unproven("key-revoked", "This key isn't good.", headers={"WWW-Authenticate": "Bearer"})
        return System(key_id)


staff = StaffWay()
peer = StaffWay(Role.PEER)
coordinator = StaffWay(Role.COORDINATOR)
clinician = StaffWay(Role.CLINICIAN)
integration = IntegrationWay()


def caller() -> StaffCaller:
    """Who of the staff is calling the present view."""
    found: StaffCaller = g.caller
    return found


def calling_system() -> uuid.UUID | None:
    """The id of the key, if it is another system that calls the present view and not somebody on staff."""
    return g.caller.key_id if isinstance(g.caller, System) else None
