"""From the tap to the buzz: an officer asks, and the first peer's push is at Firebase.

`python -m bench.tap_to_buzz` serves as production does (gunicorn, the worker, a stand-in for Firebase, each a process),
and lets 500 officers ask within a minute. A time counts from the moment at which an officer meant to ask to the moment
at which the first push of the first wave has arrived. Beside it, in the same minute: one commit and one HTTP round
trip, which is the least that anything could take.
"""

import base64
import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import select

from backend import db
from backend.config import SIDE_VARIABLES, Config
from backend.db import PostgreSQL, Side, transaction
from backend.door.periods import Purpose
from backend.embedded import EmbeddedPostgreSQL
from backend.migrate import migrate
from backend.models.anonymous.requests import Offer
from backend.notify.kinds import Notice, collapse_id
from bench.stand_in import Google, google
from tests import builders

OFFICERS = 500
SECONDS = 60
PEERS = 300
AT_ONCE = 16


def main() -> None:
    """Measure, and print a table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)  # PostgreSQL runs as another user than root, and must get in.
        postgresql = stack.enter_context(EmbeddedPostgreSQL(folder / "postgresql"))
        passes, settings = _fill(postgresql)
        firebase = stack.enter_context(google(folder))
        settings |= {"FIREBASE_CREDENTIALS": str(firebase.credentials), "PUSH_URL": firebase.url}
        port = stack.enter_context(_house(settings))
        least = stack.enter_context(_least(postgresql, firebase))
        taps = _ask(port, passes)
        buzzes = _buzzes(firebase, len(taps))
    lost = set(taps) - set(buzzes)
    heard = [(buzzes[request] - tap, answer - tap) for request, (tap, answer) in taps.items() if request in buzzes]
    _print([buzz for buzz, _ in heard], [answer for _, answer in heard], least)
    if lost or len(taps) < OFFICERS:
        sys.exit(f"{OFFICERS - len(taps)} could not ask, {len(lost)} were not heard.")


def _fill(postgresql: EmbeddedPostgreSQL) -> tuple[list[bytes], dict[str, str]]:
    """Peers with a phone each, and a pass for each officer; and what the processes find in their environment."""
    postgresql.make_database()
    urls = postgresql.urls()
    migrate(urls)
    db.use(PostgreSQL(urls))
    config = Config(public_url="http://localhost", sealing_key=secrets.token_bytes(32), database_urls={})
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        facilities = [builders.facility(session, f"f{number}") for number in range(10)]
        for number in range(PEERS):
            peer = builders.staff(session, facilities[number % len(facilities)])
            builders.device(session, peer.staff)
        key = builders.issuer_key(session, config, Purpose.SUPPORT)
    settings = {SIDE_VARIABLES[side]: url for side, url in urls.items() if side is not Side.OWNER}
    settings |= {
        "PUBLIC_URL": config.public_url,
        "SEALING_KEY": base64.b64encode(config.sealing_key).decode(),
        "PROMETHEUS_MULTIPROC_DIR": tempfile.mkdtemp(prefix="relief-metrics-"),
    }
    return [builders.a_pass(key) for _ in range(OFFICERS)], settings


@contextmanager
def _house(settings: Mapping[str, str]) -> Iterator[int]:
    """Web and worker."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    gunicorn = [
        "gunicorn",
        "--config",
        "python:backend.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "backend.wsgi:web('anonymous')",
    ]
    processes = [
        subprocess.Popen([sys.executable, "-m", *command], env=os.environ | settings)
        for command in (gunicorn, ["backend.cli.work"])
    ]
    try:
        _until(lambda: bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1)))
        yield port
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)


def _until(happens: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if happens():
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("The server does not answer.")


def _ask(port: int, passes: list[bytes]) -> dict[str, tuple[float, float]]:
    """When each officer meant to ask, and when he was answered, by the id of his request; at random moments."""
    moments = sorted(secrets.SystemRandom().uniform(0, SECONDS) for _ in passes)
    begin = time.time() + 1
    with ThreadPoolExecutor(AT_ONCE) as officers:
        asked = officers.map(lambda pair: _tap(port, begin + pair[0], pair[1]), zip(moments, passes, strict=True))
        return dict(answer for answer in asked if answer)


def _tap(port: int, moment: float, token: bytes) -> tuple[str, tuple[float, float]] | None:
    time.sleep(max(0, moment - time.time()))
    body = {
        "urgency": "now",
        "languages": ["en"],
        "topics": ["sleep"],
        "ways": ["chat"],
        "facility": "f0",
        "notice_version": "2026-1",
        "secret_hash": base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode(),
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", **builders.shown(token)}
    connection.request("POST", "/v1/anon/support-requests", json.dumps(body), headers)
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    if answer.status != 201:
        print(answer.status, said)
        return None
    return said["id"], (moment, time.time())


def _buzzes(firebase: Google, expected: int, seconds: float = 60) -> dict[str, float]:
    """When the first push of each request had arrived; waits until so many are there."""
    until = time.monotonic() + seconds
    while len(first := _arrived(firebase)) < expected and time.monotonic() < until:
        time.sleep(1)
    return first


def _arrived(firebase: Google) -> dict[str, float]:
    with urllib.request.urlopen(f"{firebase.url}/phones/arrivals") as answer:
        arrivals: list[dict[str, Any]] = json.load(answer)
    with transaction(Side.WORKER) as session:
        offers = {
            collapse_id(Notice.OFFER, offer_id): str(request_id)
            for offer_id, request_id in session.execute(select(Offer.id, Offer.request_id).where(Offer.wave == 1))
        }
    first: dict[str, float] = {}
    for arrival in arrivals:
        request = offers.get(arrival["message"]["data"].get("c", ""))
        if request:
            first.setdefault(request, datetime.fromisoformat(arrival["at"]).astimezone(UTC).timestamp())
    return first


@contextmanager
def _least(postgresql: EmbeddedPostgreSQL, firebase: Google) -> Iterator[list[float]]:
    """One commit and one round trip, ten times a second, beside everything else."""
    over, took = threading.Event(), list[float]()

    def run() -> None:
        host = firebase.url.removeprefix("http://")
        with psycopg.connect(postgresql.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE public.least (number int)")
            connection_out = http.client.HTTPConnection(host)
            while not over.wait(0.1):
                began = time.perf_counter()
                connection.execute("INSERT INTO public.least VALUES (1)")
                connection_out.request("GET", "/")
                connection_out.getresponse().read()
                took.append(time.perf_counter() - began)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


def _print(taken: list[float], answered: list[float], least: list[float]) -> None:
    print(f"{len(taken)} officers ask within {SECONDS} s; {PEERS} peers, three of them asked by each\n")
    print(f"{'':<38}{'median':>10}{'p99':>10}")
    rows = {
        "tap to buzz": taken,
        "  of it, until the asker is answered": answered,
        "one commit and one HTTP round trip": least,
    }
    for name, seconds in rows.items():
        print(f"{name:<38}{1000 * statistics.median(seconds):>7.1f} ms{1000 * _p99(seconds):>7.1f} ms")
    print(
        f"{'ratio':<38}{statistics.median(taken) / statistics.median(least):>10.1f}{_p99(taken) / _p99(least):>10.1f}"
    )
    print(f"{'aim: p99 under 1 s':<38}{'':>10}{'held' if _p99(taken) < 1 else 'missed':>10}")


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


if __name__ == "__main__":
    main()
