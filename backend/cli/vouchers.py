"""`relief vouchers`: a sheet to print and cut up, with one enrolment code on each piece."""

import os
from datetime import date, datetime
from pathlib import Path

import click
import segno
from jinja2 import Environment, FileSystemLoader
from sqlalchemy import select

from backend.actions.agency.record import make_key
from backend.actions.identified.vouchers import make_vouchers
from backend.cli.house import house
from backend.clock import now
from backend.db import Side, transaction
from backend.models.agency.places import Agency
from backend.rules.record import fingerprint

_A_PAGE = 8
_MOST = 10_000
_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


@click.group
def vouchers() -> None:
    """Enrolment codes on paper: handed to everybody, each good once, and nobody notes who took which."""


@vouchers.command("print")
@click.option("--count", type=click.IntRange(1, _MOST), default=100, show_default=True, help="How many.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), required=True, help="They are good before this day.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The HTML file to write.")
def print_sheet(count: int, expires: datetime, out: Path) -> None:
    """Write a sheet of vouchers to print and cut up. The database keeps hashes only."""
    expires_on = expires.date()
    if expires_on <= now().date():
        raise click.BadParameter("they would never be good: take a day to come.", param_hint="--expires")
    with house() as config, transaction(Side.OWNER) as session:
        agency = session.scalar(select(Agency.name))
        printed = fingerprint(make_key(session, config.sealing_key))
        codes = make_vouchers(session, count, expires_on)
        _write(out, sheet(codes, config.public_url, printed, expires_on, agency=agency or ""))
    click.echo(f"{count} vouchers, good before {_spoken(expires_on)}: print {out}, cut it up, and delete the file.")


def sheet(codes: list[str], server: str, fingerprint: str, expires_on: date, *, agency: str = "") -> str:
    """The page as HTML, eight to a sheet of A4 or Letter; it needs nothing from anywhere."""
    cards = [{"code": code.split("-"), "picture": _picture(address(server, code, fingerprint))} for code in codes]
    pages = [cards[start : start + _A_PAGE] for start in range(0, len(cards), _A_PAGE)]
    return _TEMPLATES.get_template("vouchers.html").render(
        pages=pages,
        agency=agency,
        server=server.partition("://")[2],
        groups=fingerprint.split(),
        before=_spoken(expires_on),
    )


def address(server: str, code: str, fingerprint: str) -> str:
    """What the QR code says. Code and fingerprint follow a `#`, so that no browser ever sends them anywhere."""
    return f"{server}/enrol#v={code.replace('-', '')}&r={fingerprint.replace(' ', '')}"


def _picture(text: str) -> str:
    return segno.make(text, error="m", micro=False).svg_inline(border=0, omitsize=True, svgclass="qr", lineclass=None)


def _spoken(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _write(out: Path, page: str) -> None:
    """A new file that its owner alone can read: whoever reads it can enrol."""
    try:
        made = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.BadParameter(f"{out} is there already; nothing is written over.", param_hint="--out") from None
    except OSError as error:
        raise click.BadParameter(f"{out} can't be written: {error.strerror}.", param_hint="--out") from None
    with os.fdopen(made, "w") as file:
        file.write(page)
