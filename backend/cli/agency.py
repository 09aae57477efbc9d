"""`relief agency`: take the agency's file, or only look it over."""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click

from backend.actions.agency.agency_file import Changes, load
from backend.cli.house import house
from backend.clock import now
from backend.db import Side, transaction
from backend.rules.agency_file import AgencyFile, read
from backend.rules.lines import Mistake, Mistaken

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group
def agency() -> None:
    """The agency: its places, its staff, how requests are passed on. All of it stands in one file."""


@agency.command("check")
@click.argument("file", type=_FILE)
def check_file(file: Path) -> None:
    """Say what is wrong with an agency's file. Changes nothing."""
    found = _read(file)
    click.echo(f"{file} can be loaded: {len(found.facilities)} facilities, {len(found.staff)} staff.")


@agency.command("load")
@click.argument("file", type=_FILE)
def load_file(file: Path) -> None:
    """Make the agency what its file says. Load it again whenever it has changed."""
    found = _read(file)
    with house(), transaction(Side.OWNER) as session:
        changes = load(session, found, now())
    for line in _told(changes):
        click.echo(line)


def _read(file: Path) -> AgencyFile:
    try:
        found = read(file.read_bytes().decode())
    except UnicodeDecodeError as error:
        _say(file, [Mistake(error.object[: error.start].count(b"\n") + 1, "this is not UTF-8")])
        sys.exit(1)
    except Mistaken as mistaken:
        _say(file, mistaken.mistakes)
        sys.exit(1)
    _say(file, found.warnings, "please note: ")
    return found


def _say(file: Path, mistakes: Iterable[Mistake], before: str = "") -> None:
    for mistake in mistakes:
        click.echo(f"{file}:{mistake.line}: {before}{mistake.reason}", err=True)


def _told(changes: Changes) -> list[str]:
    if not changes:
        return ["Nothing has changed."]
    parts = (("Added", changes.added), ("Changed", changes.changed), ("Ended", changes.ended))
    return [f"{word}: {_counted(counts)}." for word, counts in parts if counts]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} ({number})" for kind, number in sorted(counts.items()))
