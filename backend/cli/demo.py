"""`relief demo`: an evening of an agency, played on this machine from beginning to end."""

import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from backend.cli.house import stop_politely
from backend.demo.bells import Bells
from backend.demo.cast import QUIET_OFFICERS, STORIES
from backend.demo.children import Ended
from backend.demo.evening import Evening, Played
from backend.demo.house import House, open_house
from backend.demo.narrator import Narrator
from backend.demo.summary import summarise

_FIGURES = Path("demo.json")


@click.command
@click.option("--once", is_flag=True, help="Write demo.json and end, instead of leaving the server running.")
@click.option("--port", default=8000, show_default=True, help="Where to serve; any other where this one is taken.")
def demo(once: bool, port: int) -> None:
    """Play an evening of an agency: database, server, worker and phones, all on this machine."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_politely)
    narrator = Narrator()
    with tempfile.TemporaryDirectory(prefix="relief-demo-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        try:
            with open_house(Path(folder), 0 if once else port) as house:
                played = _play(house, narrator)
                if once:
                    _FIGURES.write_text(json.dumps(played.figures, indent=2) + "\n")
                    narrator.plain(f"\nThe figures are in {_FIGURES}.")
                else:
                    _stay(house, played, narrator)
        except Ended as ended:
            raise click.ClickException(str(ended)) from None
    if not played.went_well:
        sys.exit(1)


def _play(house: House, narrator: Narrator) -> Played:
    narrator.chapter("Relief: an evening at the Example Department of Corrections")
    narrator.plain("People and places are made up; server, database, worker and cryptography are real.")
    narrator.plain("Starting them …")
    paper = house.set_up(len(STORIES) + QUIET_OFFICERS)
    house.start()
    with Bells(house.firebase) as bells, Evening(house, paper, bells, narrator) as evening:
        played = evening.play()
    summarise(played.figures, narrator)
    return played


def _stay(house: House, played: Played, narrator: Narrator) -> None:
    narrator.chapter("The server keeps running")
    for address, what in _addresses(house).items():
        narrator.plain(f"  {address:<45} {what}")
    narrator.plain(f"\nThe coordinator is {played.coordinator}, the passphrase {played.passphrase}")
    narrator.plain("To try as the coordinator: POST /v1/staff/sessions at /docs, then Authorize with the access_token.")
    narrator.plain("Ctrl-C stops everything.")
    try:
        while True:
            house.children.look()
            time.sleep(0.5)
    except KeyboardInterrupt:
        narrator.plain("\nStopping.")


def _addresses(house: House) -> dict[str, Any]:
    return {
        f"{house.server}/docs": "every route, to read and to try",
        f"{house.server}/openapi.json": "the same for machines",
        f"{house.server}/v1/public/agency": "what every phone reads first: crisis lines, places, the notice",
        f"{house.server}/v1/public/bulletin": "the bulletin, sealed for phones that are enrolled",
        f"{house.server}/health/ready": "whether the server is ready",
    }
