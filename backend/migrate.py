"""Bring a database to today's shape: its roles, then its migrations."""

import io
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import LiteralString, TextIO

import psycopg
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from backend.db import Side, sqlalchemy_url

_FOLDER = Path(__file__).parent.parent / "migrations"
_ROLE_ATTRIBUTES: Mapping[Side, LiteralString] = {
    Side.OWNER: "NOLOGIN",
    Side.IDENTIFIED: "LOGIN",
    Side.ANONYMOUS: "LOGIN",
    Side.WORKER: "LOGIN",
}

QUIET = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
"""Settings that only a superuser may give a role; on a server where we aren't one, `backend.startup` looks."""


def migrate(urls: Mapping[Side, str], revision: str = "head") -> None:
    """Make the four roles where they are missing, give them the passwords that their addresses hold, and migrate.

    Safe to repeat. The address of `Side.OWNER` needs the right to create roles and schemas.
    """
    with psycopg.connect(urls[Side.OWNER], autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('relief migrate'))")
        _make_roles(connection)
        _hush_roles(connection)
        for side in (Side.IDENTIFIED, Side.ANONYMOUS, Side.WORKER):
            if side in urls:
                _set_password(connection, side, urls[side])
        _migrate_tables(urls[Side.OWNER], revision)


def _migrate_tables(url: str, revision: str) -> None:
    engine = create_engine(sqlalchemy_url(url), hide_parameters=True)
    try:
        with engine.begin() as alembic_connection:
            alembic_connection.execute(text(f"SET LOCAL ROLE {Side.OWNER.role}"))
            alembic_connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            settings = configuration()
            settings.attributes["connection"] = alembic_connection
            command.upgrade(settings, revision)
    finally:
        engine.dispose()


def as_sql() -> str:
    """All migrations as SQL, for somebody who wants to read them first; the roles must be there."""
    said = io.StringIO()
    command.upgrade(configuration(said), "head", sql=True)
    return said.getvalue()


def configuration(output: TextIO | None = None) -> AlembicConfig:
    """Alembic's settings; there is no ini file."""
    settings = AlembicConfig(output_buffer=output)
    settings.set_main_option("script_location", str(_FOLDER))
    settings.set_main_option("path_separator", "os")
    return settings


def is_up_to_date(session: Session) -> bool:
    """Whether the database has the shape that this code wants."""
    version: str | None = session.scalar(text("SELECT version_num FROM public.alembic_version"))
    return version == _head()


@cache
def _head() -> str | None:
    return ScriptDirectory.from_config(configuration()).get_current_head()


def _make_roles(connection: psycopg.Connection) -> None:
    for side, attributes in _ROLE_ATTRIBUTES.items():
        name = sql.Identifier(side.role)
        found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [side.role]).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE ROLE {} {}").format(name, sql.SQL(attributes)))
    owner = sql.Identifier(Side.OWNER.role)
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
    connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, owner))
    connection.execute(sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {}").format(owner))


def _hush_roles(connection: psycopg.Connection) -> None:
    """What these roles say is not written to the server's log, whatever else is; where we may say so."""
    for side in _ROLE_ATTRIBUTES:
        for setting, value in QUIET.items():
            alter = sql.SQL("ALTER ROLE {} SET {} = {}")
            with suppress(psycopg.errors.InsufficientPrivilege):
                connection.execute(alter.format(sql.Identifier(side.role), sql.Identifier(setting), sql.Literal(value)))


def _set_password(connection: psycopg.Connection, side: Side, url: str) -> None:
    """Only the SCRAM verifier travels, so that no statement log can ever hold the password."""
    password = psycopg.conninfo.conninfo_to_dict(url).get("password")
    if not password:
        return
    verifier = connection.pgconn.encrypt_password(str(password).encode(), side.role.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(side.role), sql.Literal(verifier.decode()))
    )
