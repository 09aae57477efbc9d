"""A sign-in storm, and what the rest of the system feels of it.

`python -m bench.storm` serves as production does (gunicorn, 2 processes of 4 threads) and lets a phone's cheapest
question with a session, `GET /v1/me`, be asked at a fixed rate: while it is quiet, and while everybody signs in at
once. Times count from the moment at which a question was due, so that a server that stands still can't hide it. Quiet
and storm take turns, so that whatever else the machine does falls on both.
"""

import base64
import http.client
import json
import math
import multiprocessing
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from backend import db
from backend.actions.agency.tokens import Tokens
from backend.actions.identified.sessions import open_session
from backend.config import SIDE_VARIABLES
from backend.db import PostgreSQL, Side, transaction
from backend.embedded import EmbeddedPostgreSQL
from backend.migrate import migrate
from backend.models.agency.places import Cohort, Facility
from backend.models.identified.accounts import Account
from backend.passphrases import hash_passphrase

PHONES = 48
"""That sign in at once; whoever is told to come again comes again when he was told to."""
RATE = 50
"""Cheap questions a second."""
ROUNDS = 6
AIM = 2.0
"""The p99 in the storm is at most so many times the quiet one."""
SECONDS = 5
PASSPHRASE = "a quiet walk by the river"


@dataclass
class Measured:
    """Seconds of every cheap question, and what the storm was answered."""

    quiet: list[float] = field(default_factory=list)
    storm: list[float] = field(default_factory=list)
    sign_ins: Counter[int] = field(default_factory=Counter)

    @property
    def ratio(self) -> float:
        """How much slower the slowest hundredth gets."""
        return p99(self.storm) / p99(self.quiet)


def main() -> None:
    """Measure, and print a table."""
    measured = measure()
    print(f"{'':8} {'median':>9} {'p99':>9}   cheap questions at {RATE}/s beside a sign-in storm of {PHONES} phones")
    for name, seconds in (("quiet", measured.quiet), ("storm", measured.storm)):
        print(f"{name:8} {1000 * median(seconds):6.1f} ms {1000 * p99(seconds):6.1f} ms")
    print(f"ratio    {median(measured.storm) / median(measured.quiet):9.2f} {measured.ratio:9.2f}")
    print(f"aim      {'':9} {AIM:9.2f}   {'held' if measured.ratio <= AIM else 'not held'}")
    signed_in, told_to_wait = measured.sign_ins[201], measured.sign_ins[503]
    print(f"{signed_in / (ROUNDS * SECONDS):.0f} sign-ins a second, {told_to_wait} times told to come again")
    unexpected = {status: count for status, count in measured.sign_ins.items() if status not in (201, 503)}
    if unexpected:
        sys.exit(f"Not as it should be: {unexpected}")


def measure() -> Measured:
    """Take turns: quiet, storm, quiet, …"""
    measured = Measured()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)  # PostgreSQL runs as another user than root, and must get in.
        postgresql = stack.enter_context(EmbeddedPostgreSQL(folder / "postgresql"))
        asker = _fill(postgresql)
        port = stack.enter_context(_server(postgresql.urls()))
        storm, answers = stack.enter_context(_storm(port))
        _ask(port, asker, 2)
        for _ in range(ROUNDS):
            measured.quiet += _ask(port, asker, SECONDS)
            storm.set()
            _ask(port, asker, 1)
            measured.storm += _ask(port, asker, SECONDS)
            storm.clear()
            time.sleep(1)
    measured.sign_ins = answers()
    return measured


def _fill(postgresql: EmbeddedPostgreSQL) -> Tokens:
    """An account for each phone of the storm, and one that is signed in."""
    postgresql.make_database()
    migrate(postgresql.urls())
    database = PostgreSQL(postgresql.urls())
    db.use(database)
    stored = hash_passphrase(PASSPHRASE)
    with transaction(Side.OWNER) as session:
        cohort = Cohort(slug="north", name="North")
        session.add(cohort)
        session.flush()
        facility = Facility(slug="north", name="North", cohort_id=cohort.id)
        session.add(facility)
        session.flush()
        lapses_on = datetime.now(UTC).date() + timedelta(days=365)
        facts = {"recovery_hash": bytes(32), "facility_id": facility.id, "lapses_on": lapses_on}
        accounts = [Account(name=_name(number), passphrase_hash=stored, **facts) for number in range(PHONES + 1)]
        session.add_all(accounts)
        session.flush()
        tokens = open_session(session, accounts[-1].id, datetime.now(UTC))
    database.close()
    return tokens


def _name(number: int) -> str:
    return f"cedar-morning-{1000 + number}"


@contextmanager
def _server(urls: dict[Side, str]) -> Iterator[int]:
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="relief-metrics-") as metrics:
        environment = os.environ | {
            **{SIDE_VARIABLES[side]: url for side, url in urls.items()},
            "SEALING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "PUBLIC_URL": f"http://localhost:{port}",
            "PROMETHEUS_MULTIPROC_DIR": metrics,
        }
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:backend.wsgi", "--bind", f"127.0.0.1:{port}"]
        application = "backend.wsgi:web('identified', 'anonymous')"
        process = subprocess.Popen([*gunicorn, application], env=environment, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _ask(port: int, asker: Tokens, seconds: float, hands: int = 8) -> list[float]:
    """Ask at the fixed rate, with some hands, so that one slow answer doesn't keep the next question waiting."""
    start, taken = time.monotonic() + 0.05, list[float]()
    due = iter([start + number / RATE for number in range(int(RATE * seconds))])
    one_at_a_time = threading.Lock()

    def hand() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while True:
            with one_at_a_time:
                moment = next(due, None)
            if moment is None:
                line.close()
                return
            time.sleep(max(0.0, moment - time.monotonic()))
            status, _ = _request(line, "GET", "/v1/me", {"Authorization": f"Bearer {asker.access_token}"})
            taken.append(time.monotonic() - moment)
            if status != 200:
                raise RuntimeError(f"GET /v1/me was answered with {status}.")

    _all_at_once(hand, hands)
    return taken


@contextmanager
def _storm(port: int) -> Iterator[tuple[Event, Callable[[], Counter[int]]]]:
    """Phones in a process of their own, which sign in for as long as the event is set; and what they were answered."""
    spawn = multiprocessing.get_context("spawn")
    blowing, over, answers = spawn.Event(), spawn.Event(), spawn.Queue()
    process = spawn.Process(target=_phones, args=(port, blowing, over, answers))
    process.start()

    def end() -> Counter[int]:
        over.set()
        blowing.set()
        found: Counter[int] = answers.get(timeout=60)
        return found

    try:
        yield blowing, end
    finally:
        over.set()
        blowing.set()
        process.join(60)


def _phones(port: int, blowing: Event, over: Event, answers: Any) -> None:
    counted: Counter[int] = Counter()
    numbers = iter(range(PHONES))

    def phone() -> None:
        body = json.dumps({"name": _name(next(numbers)), "passphrase": PASSPHRASE})
        while blowing.wait() and not over.is_set():
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            status, wait = _request(line, "POST", "/v1/sessions", {"Content-Type": "application/json"}, body)
            line.close()
            counted[status] += 1
            time.sleep(wait)

    _all_at_once(phone, PHONES)
    answers.put(counted)


def _request(
    line: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> tuple[int, float]:
    """Status, and seconds to wait before coming again."""
    try:
        line.request(method, path, body, headers)
        answer = line.getresponse()
    except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
        line.close()  # The server closed the line while it was idle, as it may.
        line.request(method, path, body, headers)
        answer = line.getresponse()
    answer.read()
    return answer.status, float(answer.headers.get("Retry-After", 0))


def _all_at_once(work: Callable[[], None], hands: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(hands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def median(seconds: list[float]) -> float:
    """The middle one."""
    return sorted(seconds)[len(seconds) // 2]


def p99(seconds: list[float]) -> float:
    """What one in a hundred takes longer than."""
    return sorted(seconds)[math.ceil(0.99 * len(seconds)) - 1]


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server does not come up.")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
