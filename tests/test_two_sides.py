"""The rule of the two sides, asked of the database itself, signed in as each role.

What each role may do is written down here a second time, and on purpose: whoever widens a grant has to say so twice.
"""

from collections.abc import Iterator
from itertools import product
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from backend.db import Side
from backend.models.everything import METADATA
from backend.models.tables import Table

pytestmark = pytest.mark.real

SCHEMAS = ("agency", "identified", "anonymous")
ROLES = (Side.IDENTIFIED, Side.ANONYMOUS, Side.WORKER)

# For the identified, the anonymous and the worker's role: r read, a add, w change, d delete, - nothing. A capital: some
# columns only, which stand below.
MAY = {
    "agency.agency": "r r r",
    "agency.availability": "- rawd r",
    "agency.bulletin_key": "r r rawd",
    "agency.cohort": "r r r",
    "agency.command": "- r r",
    "agency.device": "- rawd rwd",
    "agency.facility": "r r r",
    "agency.idempotent_answer": "- rawd rd",
    "agency.incident": "- raw r",
    "agency.incident_staff": "- rawd r",
    "agency.incident_unit": "- rawd r",
    "agency.integration_key": "- raw -",
    "agency.invitation": "- rawd rd",
    "agency.issuer_key": "r r ra",
    "agency.job": "- rawd rawd",
    "agency.post": "- r r",
    "agency.record_document": "- r raW",
    "agency.record_key": "- - ra",
    "agency.sign_in_attempt": "- rawd rd",
    "agency.staff": "- rw r",
    "agency.staff_account": "- rawd -",
    "agency.staff_session": "- rawd rd",
    "agency.static_file": "- r rawd",
    "agency.unit": "- r r",
    "anonymous.conversation": "- rawd rawd",
    "anonymous.feedback": "- - a",
    "anonymous.message": "- rawd rawd",
    "anonymous.offer": "- rawd rawd",
    "anonymous.place": "- rawd rawd",
    "anonymous.spent_pass": "- ra rd",
    "anonymous.support_request": "- rawd rawd",
    "anonymous.wake": "- rawd rawd",
    "identified.account": "rawd - -",
    "identified.draw": "ra - -",
    "identified.private_key": "r - Rad",
    "identified.session": "rawd - -",
    "identified.sign_in_attempt": "rawd - -",
    "identified.voucher": "rawd - -",
}
SOME_COLUMNS = {
    ("agency.record_document", "relief_worker", "UPDATE", "body"),
    ("identified.private_key", "relief_worker", "SELECT", "key_id"),
}
VERBS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
TRIES: dict[str, LiteralString] = {
    "SELECT": "SELECT * FROM {table} LIMIT 0",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = NULL WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table}",
}
FUNCTIONS = {
    "enrolled": "TABLE(cohort_id uuid, accounts bigint)",
    "drawn": "TABLE(key_id bytea, accounts bigint)",
    "forget": "void",
}
"""What the worker is told of the identified side: counts, and that old rows are gone."""

MOMENTS = {"offer.expires_at", "support_request.tell_at", "support_request.deletes_at"}
"""The only times on the anonymous side, all ahead: an offer ends, people are told, a request is deleted."""
DAYS = {"conversation.idle_on", "spent_pass.forget_on"}
BYTES = {"message.sealed", "spent_pass.pass_hash", "support_request.pass_hash", "support_request.secret_hash"}


@pytest.fixture
def owner(clone: dict[Side, str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(clone[Side.OWNER]) as connection:
        yield connection


def rows(connection: psycopg.Connection, query: LiteralString) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in connection.execute(query).fetchall()]


def refused(connection: psycopg.Connection, verb: str, table: str, column: str) -> bool:
    """Whether the role that is signed in has no right to try."""
    names = {"table": sql.Identifier(*table.split(".")), "column": sql.Identifier(column)}
    try:
        connection.execute(sql.SQL(TRIES[verb]).format(**names))
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.errors.IntegrityError:
        return False
    finally:
        connection.rollback()
    return False


def test_every_table_lies_in_the_schema_of_its_package(owner: psycopg.Connection) -> None:
    for mapper in Table.registry.mappers:
        assert mapper.class_.__module__.startswith(f"backend.models.{mapper.local_table.schema}."), mapper
    found = rows(
        owner,
        "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    )
    assert (
        {table for (table,) in found}
        == {*METADATA.tables, "public.alembic_version"}
        == {*MAY, "public.alembic_version"}
    )


@pytest.mark.parametrize("side", ROLES)
def test_what_a_role_must_not_do_is_refused(clone: dict[Side, str], side: Side) -> None:
    wrong = []
    with psycopg.connect(clone[side]) as connection:
        for (table, may), (verb, _) in product(MAY.items(), TRIES.items()):
            allowed = {VERBS[letter] for letter in may.split()[ROLES.index(side)] if letter in VERBS}
            column = METADATA.tables[table].columns.keys()[0]
            if refused(connection, verb, table, column) == (verb in allowed):
                wrong.append(f"{side.role} {verb} {table}")
    assert wrong == []


def test_rights_to_some_columns_are_these_alone(owner: psycopg.Connection) -> None:
    found = rows(
        owner,
        "SELECT n.nspname || '.' || c.relname, pg_get_userbyid(x.grantee), x.privilege_type, a.attname"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,"
        " aclexplode(a.attacl) x WHERE n.nspname IN ('agency', 'identified', 'anonymous', 'public')",
    )
    assert set(found) == SOME_COLUMNS
    capitals = {(table, letter) for table, may in MAY.items() for letter in may if letter.isupper()}
    assert capitals == {(table, "W" if verb == "UPDATE" else "R") for table, _, verb, _ in SOME_COLUMNS}


def test_nobody_but_the_owner_reads_both_accounts_and_anything_anonymous(clone: dict[Side, str]) -> None:
    for side in ROLES:
        with psycopg.connect(clone[side]) as connection:
            readable = {
                table
                for table in MAY
                if not refused(connection, "SELECT", table, METADATA.tables[table].columns.keys()[0])
            }
        accounts = {"identified.account", "identified.session", "identified.voucher", "identified.draw"} & readable
        anonymous = {table for table in readable if table.startswith("anonymous.")}
        assert not (accounts and anonymous), side


def test_the_roles_are_nothing_more_than_themselves(owner: psycopg.Connection) -> None:
    powers = "rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
    found = rows(owner, f"SELECT rolname FROM pg_roles WHERE rolname LIKE 'relief%' AND ({powers})")
    assert found == []
    members = rows(
        owner,
        "SELECT pg_get_userbyid(member), pg_get_userbyid(roleid) FROM pg_auth_members"
        " WHERE pg_get_userbyid(member) LIKE 'relief%'",
    )
    assert members == []
    create = rows(
        owner,
        "SELECT r.rolname, n.nspname FROM pg_roles r, pg_namespace n WHERE r.rolname LIKE 'relief%'"
        " AND r.rolname <> 'relief_owner' AND has_schema_privilege(r.oid, n.oid, 'CREATE')",
    )
    assert create == []
    everybody = rows(
        owner,
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) x"
        " WHERE n.nspname IN ('agency', 'identified', 'anonymous') AND x.grantee = 0",
    )
    assert everybody == []


def test_what_crosses_by_a_function_is_counted(owner: psycopg.Connection) -> None:
    ours = (
        "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname IN ('agency', 'identified', 'anonymous', 'public') AND p.probin IS NULL"
    )
    found = rows(owner, f"SELECT proname, pg_get_function_result(p.oid) {ours}")
    assert set(found) == set(FUNCTIONS.items())
    callers = rows(
        owner,
        f"SELECT DISTINCT r.rolname FROM pg_roles r, (SELECT p.oid {ours}) f WHERE r.rolname LIKE 'relief%'"
        " AND r.rolname <> 'relief_owner' AND has_function_privilege(r.oid, f.oid, 'EXECUTE')",
    )
    assert callers == [("relief_worker",)]


def test_no_foreign_key_crosses_the_sides_and_the_agency_refers_to_neither(owner: psycopg.Connection) -> None:
    crossing = set(
        rows(
            owner,
            "SELECT DISTINCT here.relnamespace::regnamespace, there.relnamespace::regnamespace FROM pg_constraint k"
            " JOIN pg_class here ON here.oid = k.conrelid JOIN pg_class there ON there.oid = k.confrelid",
        )
    )
    assert crossing == {
        ("agency", "agency"),
        ("identified", "identified"),
        ("identified", "agency"),
        ("anonymous", "anonymous"),
        ("anonymous", "agency"),
    }


def test_an_anonymous_row_has_no_room_for_an_account_or_a_moment(owner: psycopg.Connection) -> None:
    found = rows(
        owner,
        "SELECT table_name || '.' || column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'anonymous'",
    )
    by_type: dict[str, set[str]] = {}
    for column, kind in found:
        by_type.setdefault(kind, set()).add(column)
    assert by_type.pop("timestamp with time zone") == MOMENTS
    assert by_type.pop("date") == DAYS
    assert by_type.pop("bytea") == BYTES
    assert by_type.pop("uuid") == references(owner) | keys(owner)
    assert by_type.keys() == {"text", "ARRAY", "jsonb", "boolean", "integer"}


def references(owner: psycopg.Connection) -> set[str]:
    """Columns of the anonymous side that are a foreign key, and so name what they may hold."""
    found = rows(
        owner,
        "SELECT c.relname || '.' || a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)"
        " WHERE k.contype = 'f' AND c.relnamespace = 'anonymous'::regnamespace",
    )
    return {column for (column,) in found}


def keys(owner: psycopg.Connection) -> set[str]:
    """Columns of the anonymous side that are a primary key all by themselves."""
    found = rows(
        owner,
        "SELECT c.relname || '.' || a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey) AND a.atttypid = 'uuid'::regtype"
        " WHERE k.contype = 'p' AND cardinality(k.conkey) = 1 AND c.relnamespace = 'anonymous'::regnamespace",
    )
    return {column for (column,) in found}
