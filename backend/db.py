"""The way to PostgreSQL: one transaction an entrance, and always as one of four roles."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol, cast

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

APPLICATION = "relief"
_PATIENCE = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
"""Seconds and milliseconds. A server that went away without a word must not hold a thread for minutes."""


class Side(StrEnum):
    """Who asks the database. What each may touch stands in the migrations, table by table.

    `OWNER` migrates and loads the agency's file, `IDENTIFIED` serves officers' accounts, `ANONYMOUS`
    serves everything else, and `WORKER` does what was left for later.
    """

    OWNER = "owner"
    IDENTIFIED = "identified"
    ANONYMOUS = "anonymous"
    WORKER = "worker"

    @property
    def role(self) -> str:
        """The name of the PostgreSQL role."""
        return f"relief_{self}"


class Database(Protocol):
    """What the entrances need of a database."""

    def begin(self, side: Side) -> Any:
        """A context manager around one session and one transaction, committed at its end."""

    def statement(self, side: Side) -> Any:
        """A context manager around a psycopg connection on which every statement is its own transaction."""


class PostgreSQL:
    """One pool a role, each connected when first needed, so that a process holds only what it uses.

    `urls` gives one address a side; a process that serves one side is given only that one.
    """

    def __init__(self, urls: Mapping[Side, str], pool_size: int = 8) -> None:
        # All at once and not on first use: two threads would make two pools of one side, and lose one.
        self._engines = {side: _pool(url, pool_size) for side, url in urls.items()}

    def engine(self, side: Side) -> Engine:
        """The pool of one side."""
        return self._engines[side]

    @contextmanager
    def begin(self, side: Side) -> Iterator[Session]:
        with sessionmaker(self.engine(side), expire_on_commit=False).begin() as session:
            yield session

    @contextmanager
    def statement(self, side: Side) -> Iterator[psycopg.Connection[Any]]:
        raw = self.engine(side).raw_connection()
        try:
            connection = cast(psycopg.Connection[Any], raw.driver_connection)
            connection.autocommit = True
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False
        finally:
            raw.close()

    def close(self) -> None:
        """Give every connection back to the server."""
        for engine in self._engines.values():
            engine.dispose()


def _pool(url: str, size: int) -> Engine:
    """A pool that connects when first needed. Values never appear in its errors."""
    return create_engine(
        sqlalchemy_url(url),
        hide_parameters=True,
        pool_size=size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_recycle=600,
        connect_args={"prepare_threshold": None, "application_name": APPLICATION} | _PATIENCE,
    )


class _Current:
    database: Database | None = None


def use(database: Database) -> None:
    """From now on every entrance of this process asks `database`."""
    _Current.database = database


def _current() -> Database:
    if _Current.database is None:
        raise RuntimeError("No database has been opened: call db.use() at the entrance of the process.")
    return _Current.database


@contextmanager
def transaction(side: Side) -> Iterator[Session]:
    """One block, one session, one transaction. Only an entrance opens it: a view, a job or a command."""
    with _current().begin(side) as session:
        yield session


@contextmanager
def statement(side: Side) -> Iterator[psycopg.Connection[Any]]:
    """A connection where each statement commits by itself: for the hot path, which is one statement."""
    with _current().statement(side) as connection:
        yield connection


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…` as SQLAlchemy wants it, with psycopg 3 as the driver."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ValueError("A database address starts with postgresql://")
    return f"postgresql+psycopg://{rest}"
