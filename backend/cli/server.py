"""Run the server, its worker and its migrations."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

from backend import startup
from backend.cli.house import data_folder, environment, house, new_sealing_key, on_its_own
from backend.config import SIDE_VARIABLES, Misconfigured, from_environment
from backend.db import Side
from backend.demo.firebase import StandIn
from backend.migrate import as_sql
from backend.migrate import migrate as bring_up_to_date

WEB_SIDES = (Side.IDENTIFIED, Side.ANONYMOUS)
_GUNICORN = (sys.executable, "-m", "gunicorn", "--config", "python:backend.wsgi")
_WORKER = (sys.executable, "-m", "backend.cli.work")


@click.command
def key() -> None:
    """Print a fresh SEALING_KEY."""
    click.echo(new_sealing_key())


@click.command
@click.option("--sql", is_flag=True, help="Print the SQL instead, and touch nothing.")
def migrate(sql: bool) -> None:
    """Bring the database to today's shape: its roles, then its tables."""
    if sql:
        click.echo(as_sql())
        return
    with house() as config:
        if Side.OWNER not in config.database_urls:
            raise Misconfigured("DATABASE_URL is missing: migrations run as the owner of the database.")
        bring_up_to_date(config.database_urls)
    click.echo("The database is up to date.")


@click.command
@click.option("--side", type=click.Choice([str(side) for side in WEB_SIDES]), help="One side only; both without.")
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="Where to listen, as HOST:PORT.")
def serve(side: str | None, bind: str) -> None:
    """Serve phones and staff. With no database named: bring one, and a worker too."""
    sides = (Side(side),) if side else WEB_SIDES
    if on_its_own():
        _serve_everything(sides, bind)
        return
    _check(sides)
    os.execve(sys.executable, _web(sides, bind), _only(os.environ, sides) | _counting())


@click.command
def worker() -> None:
    """Do what was left for later: ask peers, tell people, make keys. As many may run as wanted."""
    if not on_its_own():
        _check([Side.WORKER])
    os.execve(sys.executable, _WORKER, _only(os.environ, [Side.WORKER]))


def _check(sides: Sequence[Side]) -> None:
    """Refuse to start on a database server that writes down what it is told; print what else to look at."""
    for warning in startup.check(from_environment().database_urls, sides):
        click.echo(f"relief: warning: {warning}", err=True)


def _serve_everything(sides: Sequence[Side], bind: str) -> None:
    """Database, web and worker under one roof, until one of them ends or somebody says stop."""
    public_url = f"http://localhost:{bind.rpartition(':')[2]}"
    with environment(public_url) as settings, _pushes() as pushes:
        everybody = os.environ | settings | pushes
        children: list[subprocess.Popen[bytes]] = []
        try:
            children.append(subprocess.Popen(_web(sides, bind), env=_only(everybody, sides) | _counting()))
            children.append(subprocess.Popen(_WORKER, env=_without(everybody, "METRICS_PORT")))
            click.echo(f"Serving on {settings['PUBLIC_URL']}, with every route at /docs.")
            click.echo("Other commands find the database by themselves.")
            while all(child.poll() is None for child in children):
                time.sleep(0.5)
            raise click.ClickException("A part of it has ended by itself, so all of it ends.")
        except KeyboardInterrupt:
            click.echo("Stopping.")
        finally:
            _stop(children)


@contextmanager
def _pushes() -> Iterator[dict[str, str]]:
    """Who rings the phones: Firebase where there are credentials, else a stand-in that rings none."""
    if "FIREBASE_CREDENTIALS" in os.environ:
        yield {}
        return
    with StandIn(data_folder() / "firebase.json") as firebase:
        click.echo("No FIREBASE_CREDENTIALS: a local stand-in takes the pushes, and no phone rings.", err=True)
        yield {"FIREBASE_CREDENTIALS": str(firebase.credentials), "PUSH_URL": firebase.url}


def _stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.send_signal(signal.SIGTERM)
    for child in children:
        child.wait()


def _web(sides: Sequence[Side], bind: str) -> list[str]:
    """How gunicorn is called; the figures have a port of their own."""
    port = os.environ.get("METRICS_PORT")
    figures = ["--bind", f"0.0.0.0:{port}"] if port else []
    arguments = ", ".join(f"'{side}'" for side in sides)
    return [*_GUNICORN, "--bind", bind, *figures, f"backend.wsgi:web({arguments})"]


def _counting() -> dict[str, str]:
    """Where the web processes add up what they count; it must stand in the environment before they begin."""
    return {"PROMETHEUS_MULTIPROC_DIR": tempfile.mkdtemp(prefix="relief-metrics-")}


def _only(settings: Mapping[str, str], sides: Collection[Side]) -> dict[str, str]:
    """The environment of a process, without what only others need: some hosts give every process every secret."""
    foreign = {name for side, name in SIDE_VARIABLES.items() if side not in sides} | {"FIREBASE_CREDENTIALS_JSON"}
    if Side.WORKER not in sides:
        foreign |= {"FIREBASE_CREDENTIALS", "PUSH_URL"}
    return {name: value for name, value in settings.items() if name not in foreign}


def _without(settings: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in settings.items() if key != name}
