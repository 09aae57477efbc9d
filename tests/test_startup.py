"""Nothing is served on a database server that writes down what it is told."""

import psycopg
import pytest
from psycopg import sql

from backend import startup
from backend.config import Misconfigured
from backend.db import Side
from backend.migrate import QUIET

pytestmark = pytest.mark.real


def setting(clone: dict[Side, str], name: str, value: str) -> None:
    """Say it for the anonymous role in this database alone, which counts for more than any other place."""
    with psycopg.connect(clone[Side.OWNER], autocommit=True) as owner:
        owner.execute(
            sql.SQL("ALTER ROLE relief_anonymous IN DATABASE {} SET {} = {}").format(
                sql.Identifier(owner.info.dbname), sql.Identifier(*name.split(".")), sql.Literal(value)
            )
        )


def test_a_migrated_server_keeps_quiet(clone: dict[Side, str]) -> None:
    sides = (Side.IDENTIFIED, Side.ANONYMOUS, Side.WORKER)
    assert startup.check(clone, sides) == []
    with psycopg.connect(clone[Side.OWNER]) as owner:
        found = owner.execute(
            "SELECT rolname, setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole"
            " WHERE rolname LIKE 'relief%%' AND setdatabase = 0"
        ).fetchall()
    expected = {f"{name}={value}" for name, value in QUIET.items()}
    assert {role: set(config) for role, config in found} == {side.role: expected for side in Side}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log_statement", "all"),
        ("log_statement", "ddl"),
        ("log_min_duration_statement", "0"),
        ("log_min_duration_statement", "5s"),
        ("log_min_duration_sample", "1min"),
        ("log_transaction_sample_rate", "0.001"),
        ("log_parameter_max_length_on_error", "-1"),
        ("log_parameter_max_length_on_error", "64"),
        ("debug_print_parse", "on"),
        ("debug_print_rewritten", "on"),
        ("debug_print_plan", "on"),
    ],
)
def test_it_refuses_where_statements_are_logged(clone: dict[Side, str], name: str, value: str) -> None:
    setting(clone, name, value)
    startup.check(clone, [Side.IDENTIFIED])
    with pytest.raises(Misconfigured, match=f"set {name} = "):
        startup.check(clone, [Side.IDENTIFIED, Side.ANONYMOUS])


def test_it_refuses_where_auto_explain_logs_statements(clone: dict[Side, str]) -> None:
    setting(clone, "session_preload_libraries", "auto_explain")
    assert startup.check(clone, [Side.ANONYMOUS]) == []
    setting(clone, "auto_explain.log_min_duration", "100")
    with pytest.raises(Misconfigured, match="auto_explain"):
        startup.check(clone, [Side.ANONYMOUS])


@pytest.mark.parametrize(("name", "value"), [("pgaudit.log", "write"), ("pgaudit.role", "auditor")])
def test_pgaudit_is_to_be_silent(name: str, value: str) -> None:
    """Asked of the rule alone: the server of these tests has no such extension."""
    [rule] = [rule for rule in startup.LOGGED if rule.setting == name]
    assert (rule.fine(""), rule.fine(value)) == (True, False)


@pytest.mark.parametrize(("name", "value"), [("log_min_error_statement", "error"), ("log_error_verbosity", "default")])
def test_it_warns_of_what_may_name_a_key(clone: dict[Side, str], name: str, value: str) -> None:
    setting(clone, name, value)
    [warning] = startup.check(clone, [Side.ANONYMOUS])
    assert warning.startswith(f"set {name} = ")


def test_each_side_needs_its_own_address_and_role(clone: dict[Side, str]) -> None:
    with pytest.raises(Misconfigured, match="ANONYMOUS_DATABASE_URL is missing"):
        startup.check({Side.OWNER: clone[Side.OWNER]}, [Side.ANONYMOUS])
    with pytest.raises(Misconfigured, match="must sign in as relief_anonymous"):
        startup.check({Side.ANONYMOUS: clone[Side.IDENTIFIED]}, [Side.ANONYMOUS])
