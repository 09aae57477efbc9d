"""Web, worker and database break in the middle of an evening: nothing lost, nothing twice, nobody left alone."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from signal import SIGQUIT
from typing import Any

import psycopg
import pytest

from backend.clock import now
from backend.demo.asking import Asking
from backend.demo.bells import Bells
from backend.demo.cast import EVENING, STORIES
from backend.demo.evening import Evening, Played
from backend.demo.house import House, Paper, open_house
from backend.demo.narrator import Narrator
from backend.demo.phone import OfficerPhone
from backend.demo.words import make_words

pytestmark = [pytest.mark.real, pytest.mark.thorough]


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[House, Paper]]:
    """A house that is running and set up."""
    with tempfile.TemporaryDirectory(prefix="relief-crash-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        with open_house(Path(name)) as house:
            paper = house.set_up(len(STORIES) + 1)
            house.start()
            yield house, paper


def test_everything_breaks_and_nobody_is_left_alone(running: tuple[House, Paper]) -> None:
    house, paper = running
    told = StringIO()
    paper = Paper(paper.fingerprint, paper.vouchers[:-1], paper.coordinators_code)
    bells = Bells(house.firebase)
    with Evening(house, paper, bells, Narrator(told)) as evening, bells:
        with _breaking(house, lambda: "asks for a peer" in told.getvalue()) as broken:
            played = evening.play(EVENING[:2])
    print(f"\nbroken while two shifts asked: {', '.join(broken)}")
    assert {"database", "web", "worker"} <= set(broken)
    _check(house, played)


def test_the_web_dies_in_a_request_and_it_is_asked_once(running: tuple[House, Paper]) -> None:
    """The request waits for a lock when the process is killed; the phone sends the same again."""
    house, paper = running
    phone = OfficerPhone(house.server, paper.fingerprint)
    phone.enrol(paper.vouchers[-1], "south")
    phone.draw_ahead(now())
    asking = Asking(phone.nameless, make_words())
    wish = {
        "urgency": "routine",
        "languages": ["en"],
        "ways": ["chat"],
        "notice_version": phone.record.read("agency")["notice"]["version"],
    }
    shown_pass = phone.take_pass("support", now())
    with psycopg.connect(house.postgresql.url()) as lock:
        before = _count(lock, "support_request")
        lock.execute("LOCK TABLE anonymous.support_request IN EXCLUSIVE MODE")
        asks = threading.Thread(target=asking.ask, args=(shown_pass, wish))
        asks.start()
        _wait_until(lambda: _waiting(house) > 0)
        house.children.kill("web")
        house.start_web()
    asks.join(60)
    assert asking.look()["state"] == "open"
    with psycopg.connect(house.postgresql.url()) as connection:
        assert _count(connection, "support_request") == before + 1
    asking.withdraw()
    phone.close()


@contextmanager
def _breaking(house: House, begun: Callable[[], bool]) -> Iterator[list[str]]:
    """Once it has begun, break one thing after another, and let each come back."""
    broken: list[str] = []
    over = threading.Event()

    def run() -> None:
        _wait_until(begun, 120)
        for name, breaks in (("database", _crash_database), ("worker", _kill_worker), ("web", _kill_web)):
            if not over.wait(1.5):
                breaks(house)
                broken.append(name)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield broken
    finally:
        over.set()
        thread.join()


def _kill_web(house: House) -> None:
    house.children.kill("web")
    house.start_web()


def _kill_worker(house: House) -> None:
    house.children.kill("worker")
    house.start_worker()


def _crash_database(house: House) -> None:
    house.postgresql.stop(SIGQUIT)
    house.postgresql.start()


def _check(house: House, played: Played) -> None:
    """What the phones know and what the database holds are the same, and each thing is there once."""
    figures = played.figures
    asked = sum(len(shift.stories) for shift in EVENING[:2])
    assert played.went_well, figures
    with psycopg.connect(house.postgresql.url()) as connection:
        assert _count(connection, "support_request") == _count(connection, "spent_pass") == asked
        ends: list[tuple[Any, ...]] = connection.execute("SELECT state FROM anonymous.support_request").fetchall()
        twice = connection.execute(
            "SELECT count(*) FROM anonymous.offer WHERE state = 'accepted' GROUP BY request_id HAVING count(*) > 1"
        ).fetchall()
        gaps = connection.execute(
            "SELECT conversation_id FROM anonymous.message GROUP BY conversation_id, sender "
            "HAVING max(counter) <> count(*)"
        ).fetchall()
        dead = connection.execute("SELECT kind, reason FROM agency.job WHERE died_at IS NOT NULL").fetchall()
    assert {state for (state,) in ends} == {"closed"}
    assert not twice
    assert not gaps
    assert not dead


def _count(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM anonymous.{table}").fetchone()
    assert row
    return int(row[0])


def _waiting(house: House) -> int:
    with psycopg.connect(house.postgresql.url()) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'relief_anonymous' AND wait_event_type = 'Lock'"
        row = connection.execute(query).fetchone()
        assert row
        return int(row[0])


def _wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
