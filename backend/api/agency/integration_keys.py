"""Keys for other systems that record incidents."""

import uuid
from typing import Any

import marshmallow as ma

from backend.actions.agency import integration_keys
from backend.actions.agency.integration_keys import MadeKey
from backend.api.agency.callers import coordinator
from backend.api.fields import Text
from backend.api.frame import Blueprint, allow
from backend.clock import now
from backend.db import Side, transaction
from backend.models.agency.incidents import IntegrationKey

blueprint = Blueprint(
    "integration_keys", __name__, url_prefix="/v1/staff/integration-keys", description="Keys for other systems"
)


class NewKeySchema(ma.Schema):
    """What to call the system that gets the key."""

    name = Text(required=True, longest=80)


class IntegrationKeySchema(ma.Schema):
    """A key that is in use. The key itself isn't kept."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)


class MadeKeySchema(IntegrationKeySchema):
    """A new key, shown this once: the system sends it as `Authorization: Bearer …`."""

    key = ma.fields.String(required=True)


class IntegrationKeysSchema(ma.Schema):
    """All keys that are in use, by name."""

    keys = ma.fields.List(ma.fields.Nested(IntegrationKeySchema), required=True)


@blueprint.post("")
@allow(coordinator)
@blueprint.problems(409)
@blueprint.arguments(NewKeySchema())
@blueprint.response(201, MadeKeySchema())
def make(wish: dict[str, Any]) -> MadeKey:
    """Make a key with which another system can record, correct and close incidents, and do nothing else."""
    with transaction(Side.ANONYMOUS) as session:
        return integration_keys.make(session, wish["name"])


@blueprint.get("")
@allow(coordinator)
@blueprint.response(200, IntegrationKeysSchema())
def in_use() -> dict[str, list[IntegrationKey]]:
    """See which systems have a key."""
    with transaction(Side.ANONYMOUS) as session:
        return {"keys": integration_keys.in_use(session)}


@blueprint.delete("/<uuid:key_id>")
@allow(coordinator)
@blueprint.response(204)
def revoke(key_id: uuid.UUID) -> None:
    """Revoke a key. It opens nothing from now on."""
    with transaction(Side.ANONYMOUS) as session:
        integration_keys.revoke(session, key_id, now())
