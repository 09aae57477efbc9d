"""`relief staff`: let somebody on staff in."""

import click

from backend.actions.agency.invitations import LASTS, invite
from backend.cli.house import house
from backend.clock import now
from backend.db import Side, transaction


@click.group
def staff() -> None:
    """Staff who are known by name: peers, coordinators, clinicians."""


@staff.command("invite")
@click.argument("slug")
def invite_somebody(slug: str) -> None:
    """Print a code with which somebody sets his passphrase: the first coordinator, or whoever has lost it."""
    with house(), transaction(Side.OWNER) as session:
        code = invite(session, slug, now())
    click.echo(f"{code}\nGood once, for {LASTS.days} days. It lets whoever holds it in as {slug}.")
