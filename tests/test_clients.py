"""An unmodified Privacy Pass library, given the session header and nothing else, draws a pass and asks with it."""

import json
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select
from werkzeug.serving import make_server

from backend import db
from backend.app import create_app
from backend.base64url import encode_base64
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.models.anonymous.passes import SpentPass
from backend.models.anonymous.requests import SupportRequest
from tests import builders
from tests.phones import House

CLIENTS = Path(__file__).parent / "clients"
NODE, NPM = shutil.which("node"), shutil.which("npm")


@contextmanager
def serving(config: Config, urls: dict[Side, str]) -> Iterator[str]:
    """The application on a port of its own; gives its address."""
    database = PostgreSQL(urls)
    db.use(database)
    server = make_server("127.0.0.1", 0, create_app(config), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        database.close()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """node, with the library installed beside the script. The cache is ours: somebody without a home has none."""
    if NODE is None or NPM is None:
        pytest.skip("node and npm are not here")
    if not (CLIENTS / "node_modules" / ".package-lock.json").exists():
        cache = str(tmp_path_factory.mktemp("npm"))
        install = [NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", cache]
        subprocess.run(install, cwd=CLIENTS, check=True, capture_output=True)
    return NODE


@pytest.mark.real
def test_an_unmodified_library_draws_and_asks(clone: dict[Side, str], config: Config, library: str) -> None:
    with serving(config, clone) as address:
        with transaction(Side.OWNER) as session:
            house = House(config, session)
            builders.staff(session, house.facility)
        wanted = {
            "urgency": "routine",
            "languages": ["en"],
            "ways": ["chat"],
            "notice_version": "2026-1",
            "secret_hash": encode_base64(secrets.token_bytes(32)),
        }
        key_id, session_header = house.support.public.key_id.hex(), house.officer.headers["Authorization"]
        script = [library, "draw-and-spend.mjs", address, key_id, session_header, "/v1/anon/support-requests"]
        done = subprocess.run(
            [*script, json.dumps(wanted)], cwd=CLIENTS, check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"asked": 401, "spent": 201, "again": 201}
        with transaction(Side.OWNER) as session:
            assert session.scalar(select(func.count()).select_from(SpentPass)) == 1
            assert session.scalar(select(func.count()).select_from(SupportRequest)) == 1
