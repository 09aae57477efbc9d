"""Everything that an agency runs, on one machine: database, web, worker, and the stand-in for Firebase."""

import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes

from backend.actions.agency.agency_file import load
from backend.actions.agency.invitations import invite
from backend.actions.agency.record import make_key
from backend.actions.identified.vouchers import make_vouchers
from backend.clock import now
from backend.config import SIDE_VARIABLES
from backend.db import PostgreSQL, Side
from backend.demo.cast import COORDINATOR
from backend.demo.children import Children
from backend.demo.firebase import StandIn
from backend.embedded import EmbeddedPostgreSQL
from backend.migrate import migrate
from backend.rules.agency_file import read
from backend.rules.record import fingerprint

AGENCY = Path(__file__).parent / "agency.yaml"
_PUBLIC = ("agency", "keys", "bulletin", "news")
_VOUCHERS_LAST = timedelta(days=90)


@dataclass(frozen=True)
class Paper:
    """What is handed over on paper before anybody's phone is in play."""

    fingerprint: str
    vouchers: list[str]
    coordinators_code: str


class House:
    """The running whole. `server` is its address; `database` is asked as the owner, who alone may look everywhere."""

    def __init__(self, folder: Path, port: int, postgresql: EmbeddedPostgreSQL, firebase: StandIn) -> None:
        self.folder = folder
        self.port = port
        self.postgresql = postgresql
        self.firebase = firebase
        self.database = PostgreSQL(postgresql.urls())
        self._sealing_key = token_bytes(32)
        urls = {SIDE_VARIABLES[side]: url for side, url in postgresql.urls().items()}
        self.children = Children(
            folder,
            urls
            | {
                "SEALING_KEY": b64encode(self._sealing_key).decode(),
                "FIREBASE_CREDENTIALS": str(firebase.credentials),
                "PUSH_URL": firebase.url,
            },
        )

    @property
    def server(self) -> str:
        """Its address, once it has started."""
        return f"http://localhost:{self.port}"

    def set_up(self, officers: int, agency: Path = AGENCY) -> Paper:
        """Load the agency's file, print a voucher for each officer, invite the first coordinator."""
        with self.database.begin(Side.OWNER) as session:
            load(session, read(agency.read_text()), now())
            public_key = make_key(session, self._sealing_key)
            vouchers = make_vouchers(session, officers, now().date() + _VOUCHERS_LAST)
            return Paper(fingerprint(public_key), vouchers, invite(session, COORDINATOR, now()))

    def start(self) -> None:
        """Serve and work; returns once both do."""
        self._start_web_alone()
        self.start_worker()
        self.children.wait_for(f"{self.server}/health/ready")
        for name in _PUBLIC:
            self.children.wait_for(f"{self.server}/v1/public/{name}")

    def _start_web_alone(self) -> None:
        """Somebody else may have taken the port since we looked; then all would talk to his server, and not to ours."""
        self.start_web()
        while not self.children.has_said("web", "gunicorn listens"):
            self.children.look()
            if self.children.has_said("web", "the port is taken"):
                self.children.kill("web")
                self.children.log("web").unlink()
                self.port = free_port()
                self.start_web()
            time.sleep(0.05)

    def start_web(self) -> None:
        """Start the web process, and don't wait for it."""
        self.children.environment["PUBLIC_URL"] = self.server
        self.children.start("web", "serve", "--bind", f"127.0.0.1:{self.port}")

    def start_worker(self) -> None:
        """Start the worker, and don't wait for it."""
        self.children.start("worker", "worker")


@contextmanager
def open_house(folder: Path, port: int = 0) -> Iterator[House]:
    """A house in an empty folder; at the end everything in it has stopped. A taken port is replaced by a free one."""
    with EmbeddedPostgreSQL(folder / "postgresql") as postgresql, StandIn(folder / "firebase.json") as firebase:
        postgresql.make_database()
        migrate(postgresql.urls())
        house = House(folder, free_port(port), postgresql, firebase)
        try:
            with house.children:
                yield house
        finally:
            house.database.close()


def free_port(wished: int = 0) -> int:
    """A port of this machine that nobody listens on: the one that is wished, if it can be."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wished))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])
