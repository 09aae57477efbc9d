"""`relief`: set up, run and look after an agency's server from a terminal. One file a noun."""

import sys
from typing import Any

import click
import psycopg
import sqlalchemy.exc

from backend.cli import agency, demo, jobs, record, server, staff, vouchers
from backend.config import Misconfigured
from backend.errors import Problem


class Commands(click.Group):
    """Commands that say in one line what went wrong, and never what was in the rows."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except Misconfigured as wrong:
            reason = str(wrong)
        except Problem as problem:
            reason = " ".join([problem.detail, *(f"{path}: {said}" for path, said in problem.fields.items())])
        except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error) as error:
            reason = _terse(error)
        click.echo(f"relief: {reason}", err=True)
        sys.exit(1)


def _terse(error: Exception) -> str:
    """What kind of database error it is, by its SQLSTATE; its message may hold values."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None)
    if state is None and isinstance(cause, psycopg.OperationalError):
        return "The database can't be reached."
    return f"The database refused: {type(cause).__name__}" + (f" (SQLSTATE {state})." if state else ".")


main = Commands(
    name="relief",
    help="Run and look after an agency's server.",
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=[
        agency.agency,
        demo.demo,
        jobs.jobs,
        record.record,
        server.key,
        server.migrate,
        server.serve,
        server.worker,
        staff.staff,
        vouchers.vouchers,
    ],
)
