"""`relief record`: what to hang on the notice board, and whether the chain holds."""

import sys

import click

from backend.actions.agency.record import head, make_key, verify
from backend.cli.house import house
from backend.db import Side, transaction
from backend.rules.record import Broken, fingerprint, readable


@click.group
def record() -> None:
    """The public record: one chain of signed documents that every phone can check."""


@record.command("key")
def show_key() -> None:
    """Print the fingerprint of the record's key, which every voucher carries. Make the key if there is none."""
    with house() as config, transaction(Side.OWNER) as session:
        public_key = make_key(session, config.sealing_key)
    click.echo(fingerprint(public_key))


@record.command("head")
def show_head() -> None:
    """Print the newest document's number and hash, for the notice board. Any phone shows the same, or is lied to."""
    with house() as config, transaction(Side.OWNER) as session:
        public_key = make_key(session, config.sealing_key)
        document = head(session)
    if document is None:
        click.echo("The record is still empty: `relief agency load` and the worker begin it.", err=True)
        sys.exit(1)
    click.echo(f"number       {document.sequence}")
    click.echo(f"hash         {readable(document.hash)}")
    click.echo(f"fingerprint  {fingerprint(public_key)}")


@record.command("verify")
def verify_chain() -> None:
    """Walk the whole chain: every signature, every link, every body that is still kept."""
    with house(), transaction(Side.OWNER) as session:
        try:
            documents = verify(session)
        except Broken as broken:
            click.echo(f"The record is broken. {broken}", err=True)
            sys.exit(1)
    click.echo(f"The record holds: {documents} documents, each signed and each following the one before it.")
