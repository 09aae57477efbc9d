"""Pushes a second: our worker, from rows in the table to rows settled, beside firebase-admin's own `send_each`.

Both send the same messages to the same stand-in in the same run, by turns. What `send_each` does is only half of the
work: it remembers nothing, and waits where it should try again later. `python -m bench.pushes` prints the table.
"""

import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import firebase_admin
from firebase_admin import credentials, messaging
from sqlalchemy import func, select

from backend import db, worker
from backend.db import PostgreSQL, Side, transaction
from backend.embedded import EmbeddedPostgreSQL
from backend.migrate import migrate
from backend.models.agency.jobs import Job
from backend.notify.firebase import Firebase
from backend.notify.kinds import Notice
from backend.notify.messages import Target, build
from backend.notify.tell import leave_push
from bench.stand_in import Google, google
from tests import builders

PUSHES = 2000
ROUNDS = 5
LARGEST_BATCH = 500
"""What `send_each` takes at once."""


def main() -> None:
    """Measure, and print a table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)  # PostgreSQL runs as another user than root, and must get in.
        postgresql = stack.enter_context(EmbeddedPostgreSQL(folder / "postgresql"))
        postgresql.make_database()
        urls = postgresql.urls()
        migrate(urls)
        db.use(PostgreSQL(urls))
        firebase = stack.enter_context(google(folder))
        devices = _devices()
        sides = {"relief": _ours(firebase, devices), "send_each": _theirs(firebase)}
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, send in sides.items():
                rates[name].append(PUSHES / send())
    _print({name: statistics.median(found) for name, found in rates.items()})


def _devices() -> list[str]:
    with transaction(Side.OWNER) as session:
        facility = builders.facility(session)
        owners = [builders.staff(session, facility).staff for _ in range(PUSHES // 2)]
        return [str(builders.device(session, owner).id) for owner in owners for _ in range(2)]


def _ours(firebase: Google, devices: list[str]) -> Callable[[], float]:
    """Two lanes, as a worker has them: claim, read addresses, send, settle."""
    sender = Firebase(firebase.credentials, firebase.url)

    def work() -> None:
        while worker.send_pushes(sender):
            pass

    def send() -> float:
        _leave(devices)
        began = time.perf_counter()
        lanes = [threading.Thread(target=work) for _ in range(2)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        took = time.perf_counter() - began
        with transaction(Side.WORKER) as session:
            if session.scalar(select(func.count()).select_from(Job)):
                raise RuntimeError("Some pushes were not sent.")
        return took

    return send


def _leave(devices: list[str]) -> None:
    now = datetime.now(UTC)
    with transaction(Side.WORKER) as session:
        for device in devices:
            until = now + timedelta(hours=1)
            leave_push(session, Notice.TEST, uuid.uuid4(), ("device", device), now, until=until)


def _theirs(firebase: Google) -> Callable[[], float]:
    """As the library comes, with the pool of connections that it has for Google."""
    app = firebase_admin.initialize_app(credentials.Certificate(str(firebase.credentials)), name="send_each")
    service = messaging._get_messaging_service(app)
    service._fcm_url = f"{firebase.url}/v1/projects/{app.project_id}/messages:send"
    adapter = service._client.session.get_adapter("https://fcm.googleapis.com/")
    service._client.session.mount(firebase.url, adapter)

    def send() -> float:
        now = datetime.now(UTC)
        targets = [Target("token", uuid.uuid4().hex, "android") for _ in range(PUSHES)]
        began = time.perf_counter()
        until = now + timedelta(hours=1)
        messages = [build(Notice.TEST, uuid.uuid4(), target, now, until=until, quiet=False) for target in targets]
        for start in range(0, PUSHES, LARGEST_BATCH):
            answer = messaging.send_each(messages[start : start + LARGEST_BATCH], app=app)
            if answer.failure_count:
                raise RuntimeError("Some pushes were not sent.")
        return time.perf_counter() - began

    return send


def _print(rates: dict[str, float]) -> None:
    print(f"{PUSHES} pushes, median of {ROUNDS} rounds by turns\n")
    print(f"{'':<42}{'pushes/s':>10}")
    print(f"{'relief: table, addresses, send, settle':<42}{rates['relief']:>10.0f}")
    print(f"{'firebase-admin: send_each':<42}{rates['send_each']:>10.0f}")
    print(f"{'ratio (aim: at least 1.0)':<42}{rates['relief'] / rates['send_each']:>10.2f}")


if __name__ == "__main__":
    main()
