"""`relief jobs`: the work that waits, and the work that died."""

from collections.abc import Iterator, Sequence

import click

from backend.actions.agency.jobs import Standing, dead, drop, retry, standing
from backend.cli.house import house
from backend.clock import now
from backend.db import Side, transaction
from backend.models.agency.jobs import Job


@click.group(invoke_without_command=True)
@click.pass_context
def jobs(context: click.Context) -> None:
    """Work for later: print what waits, what keeps failing, and what has died and why."""
    if context.invoked_subcommand:
        return
    with house(), transaction(Side.WORKER) as session:
        lines = [*_waiting(standing(session, now())), *_dead(dead(session))]
    click.echo("\n".join(lines))


@jobs.command("retry")
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
def try_again(number: int) -> None:
    """Have dead work tried again."""
    with house(), transaction(Side.WORKER) as session:
        retry(session, number, now())
    click.echo(f"{number} will be tried again.")


@jobs.command("drop")
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
def give_up(number: int) -> None:
    """Delete dead work for good."""
    with house(), transaction(Side.WORKER) as session:
        drop(session, number)
    click.echo(f"{number} is gone.")


def _waiting(kinds: Sequence[Standing]) -> Iterator[str]:
    yield "Nothing waits." if not kinds else "Waiting:"
    for kind in kinds:
        failing = f", {kind.failing} failed before ({kind.reason})" if kind.failing else ""
        yield f"  {kind.kind:<12} {kind.waiting:>6}, {kind.due} due{failing}"


def _dead(rows: Sequence[Job]) -> Iterator[str]:
    yield "Nothing is dead." if not rows else "Dead (`relief jobs retry NUMBER` or `drop NUMBER`):"
    for job in rows:
        yield f"  {job.id:<6} {job.kind:<12} {job.died_at:%Y-%m-%d %H:%M} UTC  {job.reason}, {job.attempts} tries"
