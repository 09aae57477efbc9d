"""Alembic's entrance: migrations run as the owner, on the connection that `relief migrate` hands over."""

from alembic import context

import backend.models.everything  # noqa: F401
from backend.models.tables import Table

SCHEMAS = {"agency", "identified", "anonymous"}


def _ours(name: str | None, kind: str, parents: object) -> bool:
    return kind != "schema" or name in SCHEMAS


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    include_schemas=True,
    include_name=_ours,
    compare_server_default=True,
    version_table_schema="public",
)
with context.begin_transaction():
    context.run_migrations()
