"""News and bulletin for all phones at once, beside nginx serving the same bytes as files.

`python -m bench.public` prints requests a second. Both sides have two processes; the load comes from wrk on the same
machine, so both have what it leaves them. Without wrk there is nothing to measure with; without nginx its columns stay
empty.
"""

import base64
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from backend import db
from backend.actions.agency import record
from backend.actions.anonymous.news import publish_news
from backend.base64url import encode_base64
from backend.db import PostgreSQL, Side, transaction
from backend.embedded import EmbeddedPostgreSQL
from backend.migrate import migrate
from backend.rules import bulletin
from backend.rules.record import canonical

PEERS = 1500
"""Of an agency with 50,000 officers: 20 to 30 in each of sixty prisons."""
SECONDS = 5
CONNECTIONS = 64
FILES = ("news", "bulletin")


def main() -> None:
    """Measure, and print a table."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: there is nothing to measure with.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)  # PostgreSQL runs as another user than root, and must get in.
        postgresql = stack.enter_context(EmbeddedPostgreSQL(folder / "postgresql", durable=False))
        urls = _fill(postgresql)
        relief = stack.enter_context(_relief(urls))
        nginx = stack.enter_context(_nginx(folder, relief)) if shutil.which("nginx") else None
        before, began = _transactions(postgresql), time.monotonic()
        rows = [(name, how, _rate(relief, name, how), _rate(nginx, name, how)) for name in FILES for how in (304, 200)]
        asked = (_transactions(postgresql) - before) / (time.monotonic() - began)
    _print(rows, asked)


def _fill(postgresql: EmbeddedPostgreSQL) -> dict[Side, str]:
    postgresql.make_database()
    urls = postgresql.urls()
    migrate(urls)
    database = PostgreSQL(urls)
    db.use(database)
    with transaction(Side.WORKER) as session:
        body = bulletin.seal(secrets.token_bytes(32), 1, _bulletin(), secrets.token_bytes(12))
        record.append(session, secrets.token_bytes(32), "bulletin", canonical(body), datetime.now(UTC))
        publish_news(session, datetime.now(UTC))
    database.close()
    return urls


def _bulletin() -> bytes:
    staff = [
        {"id": str(uuid.uuid4()), "roles": ["peer"], "first_name": "Jo", "facility": f"f{n % 60}", "languages": ["en"]}
        for n in range(PEERS)
    ]
    devices = [
        {"id": str(uuid.uuid4()), "staff_id": peer["id"], "key": encode_base64(secrets.token_bytes(32))}
        for peer in staff
    ]
    return canonical({"staff": staff, "devices": devices})


@contextmanager
def _relief(urls: dict[Side, str]) -> Iterator[str]:
    port = _free_port()
    metrics = tempfile.mkdtemp(prefix="relief-metrics-")
    environment = os.environ | {
        "ANONYMOUS_DATABASE_URL": urls[Side.ANONYMOUS],
        "SEALING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "PUBLIC_URL": f"http://localhost:{port}",
        "PROMETHEUS_MULTIPROC_DIR": metrics,
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:backend.wsgi", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*gunicorn, "backend.wsgi:web('anonymous')"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield _up(f"http://127.0.0.1:{port}/v1/public")
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(metrics, ignore_errors=True)


@contextmanager
def _nginx(folder: Path, relief: str) -> Iterator[str]:
    port, files = _free_port(), folder / "files"
    files.mkdir()
    for name in FILES:
        with urllib.request.urlopen(f"{relief}/{name}") as answer:
            (files / name).write_bytes(answer.read())
    settings = folder / "nginx.conf"
    settings.write_text(
        f"daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log stderr crit;\n"
        + ("user root;\n" if os.geteuid() == 0 else "")
        + "events { worker_connections 1024; }\n"
        "http { access_log off; sendfile on; keepalive_requests 1000000; default_type application/json;\n"
        f"  server {{ listen 127.0.0.1:{port}; root {files}; }} }}\n"
    )
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(settings)], stderr=subprocess.DEVNULL)
    try:
        yield _up(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)


def _rate(server: str | None, name: str, how: int) -> float | None:
    """Requests a second; `how` is the status to ask for: 304 with the ETag in hand, 200 without."""
    if server is None:
        return None
    with urllib.request.urlopen(f"{server}/{name}") as answer:
        header = [f"If-None-Match: {answer.headers['ETag']}"] if how == 304 else []
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", *(x for h in header for x in ("-H", h))]
    said = subprocess.run([*command, f"{server}/{name}"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None or "Non-2xx" in said:
        raise RuntimeError(f"{name} was not answered as it should be:\n{said}")
    return float(found[1])


def _up(url: str) -> str:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/news").close()
        except OSError:
            time.sleep(0.1)
        else:
            return url
    raise RuntimeError(f"{url} does not answer.")


def _transactions(postgresql: EmbeddedPostgreSQL) -> int:
    """How many transactions the database has seen."""
    time.sleep(1.2)
    with psycopg.connect(postgresql.url("postgres"), autocommit=True) as connection:
        row = connection.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = 'relief'").fetchone()
    count: int = row[0] if row else 0
    return count


def _print(rows: list[tuple[str, int, float | None, float | None]], asked: float) -> None:
    print(f"{'file':<10}{'answer':>8}{'relief/s':>12}{'nginx/s':>12}{'ratio':>8}{'50,000 phones':>16}")
    for name, how, relief, nginx in rows:
        assert relief is not None
        beside = f"{nginx:>12,.0f}{relief / nginx:>8.3f}" if nginx else f"{'missing':>12}{'':>8}"
        print(f"{name:<10}{how:>8}{relief:>12,.0f}{beside}{50_000 / relief:>14.1f} s")
    print(f"The database was asked {asked:.1f} times a second, by two processes.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
