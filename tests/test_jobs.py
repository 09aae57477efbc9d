"""Work for later: what is left in a transaction is done after it, once, or a person sees why not."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend import db, worker
from backend.cli import main
from backend.cli.house import new_sealing_key
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.errors import Missing
from backend.jobs import (
    CHANNEL,
    LEASE,
    Kind,
    backoff,
    bury,
    cancel,
    claim,
    enqueue,
    finish,
    finish_all,
    hold,
    postpone,
    seed,
)
from backend.models.agency.jobs import Job
from tests.conftest import RolledBack
from tests.phones import together

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)


@pytest.fixture
def session(database: RolledBack) -> Iterator[Session]:
    with transaction(Side.WORKER) as session:
        yield session


def take(session: Session, now: datetime = NOW, limit: int = 10) -> list[Job]:
    return claim(session, [Kind.TELL], now, limit)


def waiting(session: Session) -> list[Job]:
    return list(session.scalars(select(Job).order_by(Job.id).execution_options(populate_existing=True)))


def test_ready_work_is_taken_in_its_order_and_once(session: Session) -> None:
    for minutes in (3, 1, 2, -1):
        enqueue(session, Kind.TELL, {"m": minutes}, run_at=NOW - timedelta(minutes=minutes))
    assert [job.args["m"] for job in take(session, limit=2)] == [3, 2]
    assert [job.args["m"] for job in take(session)] == [1]
    assert take(session) == []


def test_work_of_another_kind_is_left(session: Session) -> None:
    enqueue(session, Kind.BEAT, run_at=NOW)
    assert take(session) == []


def test_a_lease_that_has_run_out_frees_the_work(session: Session) -> None:
    enqueue(session, Kind.TELL, run_at=NOW)
    [first] = take(session)
    session.expunge(first)
    [second] = take(session, NOW + LEASE)
    assert second.attempts == 2
    assert not hold(session, first)
    assert hold(session, second)
    postpone(session, first, SOON, "Refused")
    bury(session, first, "Refused", NOW)
    assert hold(session, second)
    finish(session, second)
    assert not waiting(session)


def test_the_same_key_is_moved_and_not_doubled(session: Session) -> None:
    enqueue(session, Kind.TELL, {"n": 1}, run_at=NOW, key="k")
    enqueue(session, Kind.TELL, {"n": 2}, run_at=SOON, key="k")
    [job] = waiting(session)
    assert (job.args, job.run_at) == ({"n": 2}, SOON)


def test_a_wish_that_comes_while_the_work_is_done_is_not_lost_with_it(session: Session) -> None:
    enqueue(session, Kind.TELL, {"n": 1}, run_at=NOW, key="k")
    [job] = take(session)
    session.expunge(job)
    enqueue(session, Kind.TELL, {"n": 2}, run_at=NOW, key="k")
    finish(session, job)
    [again] = take(session)
    assert again.args == {"n": 2}
    session.expunge(again)
    enqueue(session, Kind.TELL, {"n": 3}, run_at=NOW, key="k")
    postpone(session, again, SOON, "Refused")
    assert [job.args["n"] for job in take(session)] == [3]


def test_cancelled_work_is_not_done(session: Session) -> None:
    enqueue(session, Kind.TELL, run_at=NOW, key="k")
    [job] = take(session)
    session.expunge(job)
    cancel(session, Kind.TELL, "k")
    assert not hold(session, job)


def test_what_failed_comes_back_with_its_reason(session: Session) -> None:
    enqueue(session, Kind.TELL, run_at=NOW)
    [job] = take(session)
    postpone(session, job, SOON, "Refused")
    assert take(session) == []
    [again] = take(session, SOON)
    assert (again.attempts, again.reason) == (2, "Refused")


def test_what_is_buried_stays_for_a_person_and_frees_its_key(session: Session) -> None:
    enqueue(session, Kind.TELL, run_at=NOW, key="k")
    [job] = take(session)
    session.expunge(job)
    bury(session, job, "Refused", NOW)
    assert take(session, NOW + LEASE) == []
    enqueue(session, Kind.TELL, run_at=NOW, key="k")
    assert len(waiting(session)) == 2


def test_many_are_finished_at_once(session: Session) -> None:
    for number in range(4):
        enqueue(session, Kind.TELL, {"n": number}, run_at=NOW)
    jobs = take(session)
    finish_all(session, jobs[1:])
    finish_all(session, [])
    assert [job.args["n"] for job in waiting(session)] == [0]


def test_what_recurs_is_seeded_once_and_keeps_its_memory(session: Session) -> None:
    seed(session, Kind.BEAT, NOW)
    enqueue(session, Kind.BEAT, {"told": ["x"]}, run_at=SOON, key=Kind.BEAT)
    seed(session, Kind.BEAT, NOW)
    [job] = waiting(session)
    assert (job.args, job.run_at) == ({"told": ["x"]}, SOON)


def test_waiting_grows_and_has_an_end() -> None:
    waits = [backoff(attempts).total_seconds() for attempts in range(1, 40)]
    assert waits[:3] == [2, 4, 8]
    assert waits == sorted(waits)
    assert waits[-1] == 300


def test_every_kind_has_a_handler() -> None:
    assert set(worker.DEEDS) | {Kind.PUSH} == set(Kind)
    assert set(worker.FIRST) | set(worker.REST) == set(worker.DEEDS)


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a name that must not be written down")

    for kind in (Kind.TELL, Kind.NEXT_WAVE):
        monkeypatch.setitem(worker.DEEDS, kind, fail)


def test_a_deed_that_fails_changes_nothing_and_is_tried_again(
    database: RolledBack, config: Config, fails: None
) -> None:
    with transaction(Side.ANONYMOUS) as session:
        enqueue(session, Kind.TELL, run_at=NOW)
    assert worker.do_deeds(config, worker.FIRST) == 1
    with transaction(Side.WORKER) as session:
        [job] = waiting(session)
        assert (job.reason, job.leased_until, job.died_at) == ("ValueError", None, None)
        assert job.run_at > NOW


@pytest.mark.parametrize(("kind", "dies"), [(Kind.TELL, True), (Kind.NEXT_WAVE, False)])
def test_a_deed_that_keeps_failing_is_buried_unless_somebody_depends_on_it(
    database: RolledBack, config: Config, fails: None, kind: Kind, dies: bool
) -> None:
    with transaction(Side.WORKER) as session:
        enqueue(session, kind, run_at=NOW)
        waiting(session)[0].attempts = worker.TRIES - 1
    worker.do_deeds(config, worker.FIRST)
    with transaction(Side.WORKER) as session:
        [job] = waiting(session)
        assert bool(job.died_at) is dies


def test_work_that_has_expired_is_dropped(database: RolledBack, config: Config, fails: None) -> None:
    with transaction(Side.WORKER) as session:
        enqueue(session, Kind.TELL, run_at=NOW, expires_at=NOW)
    worker.do_deeds(config, worker.FIRST)
    with transaction(Side.WORKER) as session:
        assert not waiting(session)


@pytest.mark.real
def test_several_workers_do_each_deed_once(
    clone: dict[Side, str], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Counter[str] = Counter()
    tried: Counter[str] = Counter()

    def deed(session: Session, config: Config, args: dict[str, str], now: datetime) -> None:
        tried[args["n"]] += 1
        enqueue(session, Kind.FEEDBACK, args, run_at=now)
        if args["n"].startswith("3") and tried[args["n"]] == 1:
            raise ValueError("the first try fails")

    monkeypatch.setitem(worker.DEEDS, Kind.TELL, deed)
    monkeypatch.setattr(worker, "backoff", lambda attempts: timedelta())
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.ANONYMOUS) as session:
        for number in range(120):
            enqueue(session, Kind.TELL, {"n": str(number)}, run_at=NOW)

    def work() -> None:
        while worker.do_deeds(config, [Kind.TELL]):
            pass

    together(4, lambda _: work())
    with transaction(Side.WORKER) as session:
        jobs = waiting(session)
        done.update(job.args["n"] for job in jobs if job.kind == Kind.FEEDBACK)
        assert not [job for job in jobs if job.kind == Kind.TELL]
    database.close()
    assert done == Counter(str(number) for number in range(120))
    print(f"{sum(tried.values())} tries by 4 workers, {sum(done.values())} deeds")


@pytest.mark.real
def test_a_worker_that_slept_through_its_lease_does_nothing_twice(
    clone: dict[Side, str], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep, wake_up = threading.Event(), threading.Event()
    done: list[int] = []

    def deed(session: Session, config: Config, args: dict[str, str], now: datetime) -> None:
        if not done:
            asleep.set()
            assert wake_up.wait(20)
        enqueue(session, Kind.FEEDBACK, run_at=now)
        done.append(1)

    monkeypatch.setitem(worker.DEEDS, Kind.TELL, deed)
    monkeypatch.setattr(worker, "_DEED_LEASE", timedelta())
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.ANONYMOUS) as session:
        enqueue(session, Kind.TELL, run_at=NOW)
    slow = threading.Thread(target=worker.do_deeds, args=(config, [Kind.TELL]))
    slow.start()
    assert asleep.wait(20)
    assert worker.do_deeds(config, [Kind.TELL]) == 1
    wake_up.set()
    slow.join()
    while worker.do_deeds(config, [Kind.TELL]):
        pass
    with transaction(Side.WORKER) as session:
        assert [job.kind for job in waiting(session)] == [Kind.FEEDBACK]
    database.close()


@pytest.mark.real
def test_a_commit_wakes_who_listens(clone: dict[Side, str]) -> None:
    with psycopg.connect(clone[Side.WORKER], autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        database = PostgreSQL(clone)
        db.use(database)
        with transaction(Side.ANONYMOUS) as session:
            enqueue(session, Kind.TELL, run_at=NOW)
            session.flush()
            assert not list(listener.notifies(timeout=0.05))
        assert list(listener.notifies(timeout=10, stop_after=1))
        database.close()


@pytest.fixture
def relief(clone: dict[Side, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """The `relief` command on a database of its own, on which the test can write too."""
    monkeypatch.setenv("WORKER_DATABASE_URL", clone[Side.WORKER])
    monkeypatch.setenv("PUBLIC_URL", "http://localhost")
    monkeypatch.setenv("SEALING_KEY", new_sealing_key())
    database = PostgreSQL(clone)
    db.use(database)
    with transaction(Side.WORKER) as session:
        for number in range(2):
            enqueue(session, Kind.TELL, {"n": number}, run_at=NOW, key=str(number))
        for job in take(session):
            bury(session, job, "Refused", NOW)
    yield lambda *arguments: CliRunner().invoke(main, arguments)
    database.close()


def numbers(output: str) -> list[str]:
    return re.findall(r"^ +(\d+) +tell .* Refused, 1 tries$", output, re.MULTILINE)


@pytest.mark.real
def test_an_operator_sees_what_has_died_and_decides(relief: Callable[..., Result]) -> None:
    first, second = numbers(relief("jobs").output)
    assert relief("jobs", "retry", first).exit_code == 0
    assert relief("jobs", "drop", second).exit_code == 0
    output = relief("jobs").output
    assert "tell              1, 1 due" in output
    assert "Nothing is dead." in output
    again = relief("jobs", "retry", first)
    assert (again.exit_code, again.output) == (1, f"relief: {Missing('Dead work of this number').detail}\n")


@pytest.mark.real
def test_dead_work_is_not_tried_beside_the_same_that_lives(
    relief: Callable[..., Result], clone: dict[Side, str]
) -> None:
    with psycopg.connect(clone[Side.WORKER]) as connection:
        connection.execute(
            "INSERT INTO agency.job (kind, key, args, run_at, attempts, generation)"
            " VALUES ('tell', '0', '{}', now(), 0, 0)"
        )
    refused = relief("jobs", "retry", numbers(relief("jobs").output)[0])
    assert (refused.exit_code, refused.output) == (1, "relief: The same work waits again already. Drop this one.\n")
