"""Where a command finds its settings and its database.

With a database address in the environment it is that one. Without any, there is a PostgreSQL of one's own in a data
folder: the first command that needs it starts it and stops it at its end, and commands in other terminals find it
through a small file that lies in the folder meanwhile.
"""

import fcntl
import json
import os
import secrets
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend import db, migrate
from backend.config import SIDE_VARIABLES, Config, Misconfigured, from_environment
from backend.db import PostgreSQL
from backend.embedded import EmbeddedPostgreSQL

LOCAL_URL = "http://localhost:8000"


@contextmanager
def house() -> Iterator[Config]:
    """The settings; and from here on `transaction(side)` works, for every side whose address is known."""
    with environment() as settings:
        os.environ.update(settings)
        config = from_environment()
        database = PostgreSQL(config.database_urls)
        db.use(database)
        try:
            yield config
        finally:
            database.close()


@contextmanager
def environment(public_url: str = LOCAL_URL) -> Iterator[dict[str, str]]:
    """What the environment must say for the processes of this house: nothing new where it names a database.

    `public_url` is where its server will be, unless the environment says something else.
    """
    if not on_its_own():
        yield {}
        return
    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with _running(folder, os.environ.get("PUBLIC_URL", public_url)) as settings:
        yield settings | {"SEALING_KEY": _sealing_key(folder)}


def on_its_own() -> bool:
    """Whether no database is named, so that we bring our own."""
    return not any(os.environ.get(name) for name in SIDE_VARIABLES.values())


def data_folder() -> Path:
    """Where the user's programs keep their data (XDG Base Directory); for root `/var/lib/relief`, unless it says so."""
    home = os.environ.get("XDG_DATA_HOME")
    if home:
        return Path(home) / "relief"
    return Path("/var/lib/relief") if os.geteuid() == 0 else Path.home() / ".local" / "share" / "relief"


def stop_politely(number: int, frame: Any) -> None:
    """A signal handler that lets what is open be closed."""
    sys.exit(128 + number)


def _sealing_key(folder: Path) -> str:
    """The key in the folder, made once, readable by its owner alone."""
    path = folder / "sealing.key"
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(made, "w") as file:
        file.write(new_sealing_key())
    return path.read_text()


def new_sealing_key() -> str:
    """32 random bytes in base64, as SEALING_KEY holds them."""
    return b64encode(secrets.token_bytes(32)).decode()


@contextmanager
def _running(folder: Path, public_url: str) -> Iterator[dict[str, str]]:
    """Where the running server is; started here, and migrated, if nobody else runs it."""
    note = folder / "running.json"
    with (folder / "lock").open("w") as lock:
        if not _took(lock.fileno()):
            yield _read(note)
            return
        note.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, stop_politely)
        with EmbeddedPostgreSQL(folder / "postgresql") as server:
            server.make_database()
            urls = server.urls()
            migrate.migrate(urls)
            settings = {"PUBLIC_URL": public_url} | {SIDE_VARIABLES[side]: url for side, url in urls.items()}
            _write(note, settings)
            try:
                yield settings
            finally:
                note.unlink(missing_ok=True)


def _took(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(note: Path, settings: dict[str, str]) -> None:
    part = note.with_suffix(".part")
    part.write_text(json.dumps(settings))
    part.rename(note)


def _read(note: Path, seconds: float = 30) -> dict[str, str]:
    for _ in range(int(seconds / 0.1)):
        if note.exists():
            settings: dict[str, str] = json.loads(note.read_text())
            return settings
        time.sleep(0.1)
    raise Misconfigured(f"Another command holds {note.parent}, and its database does not come up.")
