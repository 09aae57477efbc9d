"""A house in which an evening was played, and everything that it has written down: rows, logs, the write-ahead log."""

from typing import Any

import psycopg
from psycopg import sql

from backend.demo.evening import Evening, Played
from backend.demo.house import House


class Watched:
    """A house in which the evening has been played, and its figures."""

    def __init__(self, house: House, evening: Evening, played: Played, vouchers: list[str], told: str) -> None:
        self.house = house
        self.evening = evening
        self.played = played
        self.vouchers = vouchers
        self.told = told
        self.url = house.postgresql.url()

    def tables(self, schema: str) -> list[str]:
        """The names of a schema's tables."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [schema])
            return [name for (name,) in found]

    def rows(self, schema: str, table: str) -> list[dict[str, Any]]:
        """Every row of a table."""
        with psycopg.connect(self.url, row_factory=psycopg.rows.dict_row) as connection:
            query = sql.SQL("SELECT * FROM {}.{}").format(sql.Identifier(schema), sql.Identifier(table))
            return connection.execute(query).fetchall()

    def dump(self, *schemas: str) -> str:
        """Every row of these schemas as PostgreSQL writes it down."""
        lines = []
        with psycopg.connect(self.url) as connection:
            for schema in schemas:
                for table in self.tables(schema):
                    query = sql.SQL("SELECT t::text FROM {}.{} t").format(sql.Identifier(schema), sql.Identifier(table))
                    lines += [f"{schema}.{table} {row}" for (row,) in connection.execute(query)]
        return "\n".join(lines)

    def logs(self) -> str:
        """All that web, worker and PostgreSQL have written into their logs."""
        files = [*self.house.folder.glob("*.log"), self.house.postgresql.log]
        return "\n".join(file.read_text(errors="replace") for file in files)

    def settle(self) -> int:
        """Where the write-ahead log stands, with nothing old left that PostgreSQL might write again by itself.

        After a checkpoint it logs whole pages when they are first touched, with everything else that stands there: the
        staff beside one whom a foreign key names, the places in the orders of earlier askers. So every page is touched
        beforehand.
        """
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM (FREEZE)")
            connection.execute("CHECKPOINT")
            for schema in ("agency", "anonymous"):
                for table in self.tables(schema):
                    name = sql.Identifier(schema, table)
                    connection.execute(sql.SQL("SELECT FROM {} FOR KEY SHARE").format(name))
            return _position(connection)

    def written_since(self, start: int) -> bytes:
        """The write-ahead log from `start` until now; behind the end of a segment lie old bytes, which don't count."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            end = _position(connection)
            size = connection.execute(
                "SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'"
            ).fetchone()
            assert size
            (segment,) = size
            written = b""
            for number in range(start // segment, end // segment + 1):
                name = f"pg_wal/00000001{number * segment >> 32:08X}{number * segment % 2**32 // segment:08X}"
                read = connection.execute("SELECT pg_read_binary_file(%s)", [name]).fetchone()
                assert read
                first, last = start - number * segment, end - number * segment
                written += bytes(read[0])[max(0, first) : last]
            return written


def _position(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").fetchone()
    assert row
    return int(row[0])
