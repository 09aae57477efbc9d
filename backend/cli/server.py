"""Run the server, its worker and its migrations."""

import os
import subprocess
import sys
import tempfile

import click

from backend import startup
from backend.cli.house import environment, house, new_sealing_key, on_its_own
from backend.config import Config, Misconfigured, from_environment
from backend.db import Side
from backend.migrate import migrate as bring_up_to_date

WEB_SIDES = (Side.IDENTIFIED, Side.ANONYMOUS)
_GUNICORN = (sys.executable, "-m", "gunicorn", "--config", "python:backend.wsgi")


@click.command
def key() -> None:
    """Print a fresh SEALING_KEY."""
    click.echo(new_sealing_key())


@click.command
def migrate() -> None:
    """Bring the database to today's shape: its roles, then its tables."""
    with house() as config:
        if Side.OWNER not in config.database_urls:
            raise Misconfigured("DATABASE_URL is missing: migrations run as the owner of the database.")
        bring_up_to_date(config.database_urls)
    click.echo("The database is up to date.")


@click.command
@click.option("--side", type=click.Choice([str(side) for side in WEB_SIDES]), help="One side only; both without.")
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="Where to listen, as HOST:PORT.")
def serve(side: str | None, bind: str) -> None:
    """Serve phones and staff. With no database named, bring one, and a worker too."""
    sides = (Side(side),) if side else WEB_SIDES
    if on_its_own():
        _serve_everything(sides, bind)
    check(from_environment(), sides)
    command, settings = _web(sides, bind)
    os.execve(command[0], command, os.environ | settings)


def _serve_everything(sides: tuple[Side, ...], bind: str) -> None:
    """Database, web and worker under one roof, until Ctrl-C or until one of them ends."""
    with environment() as settings:
        command, more = _web(sides, bind)
        web = subprocess.Popen(command, env=os.environ | settings | more)
        click.echo(f"Serving on http://{bind}. Other commands find the database by themselves.")
        try:
            sys.exit(web.wait())
        except KeyboardInterrupt:
            sys.exit(web.wait(40))


def _web(sides: tuple[Side, ...], bind: str) -> tuple[list[str], dict[str, str]]:
    """How gunicorn is called, and what it must find in the environment before it imports anything."""
    arguments = ", ".join(f"'{side}'" for side in sides)
    counts = tempfile.mkdtemp(prefix="relief-metrics-")
    return [*_GUNICORN, "--bind", bind, f"backend.wsgi:web({arguments})"], {"PROMETHEUS_MULTIPROC_DIR": counts}


def check(config: Config, sides: tuple[Side, ...]) -> None:
    """Refuse to start on a database server that writes down what it is told; print what else to look at."""
    for warning in startup.check(config.database_urls, sides):
        click.echo(f"relief: warning: {warning}", err=True)
