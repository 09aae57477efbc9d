"""Alembic's entrance: migrations run as the owner, on the connection that `relief migrate` hands over, or as SQL."""

from alembic import context

from backend.models.everything import METADATA

SCHEMAS = {"agency", "identified", "anonymous"}


def _ours(name: str | None, kind: str, parents: object) -> bool:
    return kind != "schema" or name in SCHEMAS


context.configure(
    connection=context.config.attributes.get("connection"),
    dialect_name="postgresql",
    literal_binds=context.is_offline_mode(),
    target_metadata=METADATA,
    include_schemas=True,
    include_name=_ours,
    compare_server_default=True,
    version_table_schema="public",
)
with context.begin_transaction():
    context.run_migrations()
