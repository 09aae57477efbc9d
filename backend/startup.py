"""Before anything is served: does the database keep quiet about what it is told?

A server that logs statements or parameters writes down, with the time, what nobody was to know. Then we don't start.
Sources: PostgreSQL's manual, "Error Reporting and Logging"; auto_explain; pgaudit.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import LiteralString

import psycopg

from backend.config import SIDE_VARIABLES, Misconfigured
from backend.db import Side

OLDEST = 150000


@dataclass(frozen=True)
class Rule:
    """One setting of the server, what is fine, and what goes wrong otherwise. Unset is always fine."""

    setting: str
    fine: Callable[[str], bool]
    remedy: str
    because: str


def _off(value: str) -> bool:
    return float(value) < 0


def _zero(value: str) -> bool:
    return float(value) == 0


def _is_off(value: str) -> bool:
    return value == "off"


LOGGED = (
    Rule("log_statement", lambda value: value == "none", "none", "it logs statements"),
    Rule("log_min_duration_statement", _off, "-1", "it logs slow statements with their parameters"),
    Rule("log_min_duration_sample", _off, "-1", "it logs a sample of statements with their parameters"),
    Rule("log_transaction_sample_rate", _zero, "0", "it logs whole transactions"),
    Rule("log_parameter_max_length_on_error", _zero, "0", "it logs parameters when a statement fails"),
    Rule("auto_explain.log_min_duration", _off, "-1", "auto_explain logs statements"),
    Rule("pgaudit.log", lambda value: value.strip() in ("", "none"), "none", "pgaudit logs statements"),
    Rule("pgaudit.role", lambda value: not value.strip(), "''", "pgaudit logs statements about some tables"),
    Rule("debug_print_parse", _is_off, "off", "it logs statements as it reads them"),
    Rule("debug_print_rewritten", _is_off, "off", "it logs statements as it reads them"),
    Rule("debug_print_plan", _is_off, "off", "it logs plans, and with them parameters"),
)
"""Nothing is served while one of these is otherwise."""

TOLD = (
    Rule("log_min_error_statement", lambda value: value == "panic", "panic", "it logs the text of failed statements"),
    Rule("log_error_verbosity", lambda value: value == "terse", "terse", "an error's detail may name a key"),
    Rule("track_commit_timestamp", _is_off, "off", "every row can be asked when it was written"),
)
"""An operator is told of these: they can give away a time or a key, never an answer."""


def check(urls: Mapping[Side, str], sides: Iterable[Side]) -> list[str]:
    """Look at the server as each side that is about to be served; gives warnings, raises Misconfigured."""
    warnings: list[str] = []
    for side in sides:
        if side not in urls:
            raise Misconfigured(f"{SIDE_VARIABLES[side]} is missing: this process works as {side.role}.")
        with psycopg.connect(urls[side], connect_timeout=10) as connection:
            _refuse(connection, side)
            warnings += _warn(connection)
    return list(dict.fromkeys(warnings))


def _refuse(connection: psycopg.Connection, side: Side) -> None:
    variable = SIDE_VARIABLES[side]
    if connection.info.server_version < OLDEST:
        raise Misconfigured("PostgreSQL 15 or newer is needed.")
    user = _first(connection, "SELECT current_user")
    if side is not Side.OWNER and user != side.role:
        raise Misconfigured(f"{variable} must sign in as {side.role}: the two sides are kept apart by their roles.")
    wrong = _broken(connection, LOGGED)
    if wrong:
        said = "; ".join(f"set {rule.setting} = {rule.remedy} ({rule.because})" for rule in wrong)
        raise Misconfigured(f"The database of {variable} writes down what it is told, so nothing starts: {said}.")


def _warn(connection: psycopg.Connection) -> list[str]:
    said = [f"set {rule.setting} = {rule.remedy}: {rule.because}" for rule in _broken(connection, TOLD)]
    encrypted = _first(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    local = connection.info.host.startswith("/") or connection.info.host in ("localhost", "127.0.0.1", "::1")
    if not encrypted and not local:
        said.append("the way to the database is not encrypted: add sslmode=verify-full to its address")
    return said


def _broken(connection: psycopg.Connection, rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if not _fine(rule, _setting(connection, rule.setting))]


def _fine(rule: Rule, value: str | None) -> bool:
    return value is None or rule.fine(value)


def _setting(connection: psycopg.Connection, name: str) -> str | None:
    """A setting in its base unit as this role has it (`current_setting` would say "5s"); None where unknown."""
    row = connection.execute("SELECT setting FROM pg_settings WHERE name = %s", [name]).fetchone()
    return str(row[0]) if row and row[0] is not None else None


def _first(connection: psycopg.Connection, query: LiteralString) -> object:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
