"""The worker: does what was left for later. As many as wanted may run, on as many machines.

Work of two sorts. A *deed* touches rows only: it is done in one transaction that also finishes its job, and so exactly
once. A *push* talks to Firebase: it is taken in one transaction, sent outside of any, settled in another, and so at
least once; whoever gets it twice sees one, since both carry the same collapse id.

A worker that is killed leaves nothing half done. What it held is free again when its lease has run out.
"""

import signal
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
import sqlalchemy.exc
from sqlalchemy.orm import Session

from backend import db, logs, metrics
from backend.actions.agency import bulletin_keys
from backend.actions.agency.bulletin import publish_bulletin
from backend.actions.agency.expiry import forget_expired as forget_agencys
from backend.actions.agency.public_agency import publish_agency
from backend.actions.agency.publishing import StaticName, publish
from backend.actions.anonymous.endings import do_close_idle, do_forget, do_lapse
from backend.actions.anonymous.expiry import forget_expired as forget_anonymous
from backend.actions.anonymous.feedback import do_feedback
from backend.actions.anonymous.news import publish_news
from backend.actions.anonymous.rechecks import do_recheck
from backend.actions.anonymous.waves import do_next_wave
from backend.actions.identified import key_rotation
from backend.actions.identified.expiry import forget_expired as forget_identified
from backend.actions.identified.key_list import publish_keys
from backend.clock import now
from backend.config import Config, Misconfigured
from backend.db import Side, transaction
from backend.jobs import CHANNEL, Kind, backoff, bury, claim, enqueue, finish, hold, postpone, seed
from backend.models.agency.jobs import Job
from backend.notify.beat import beat, hasten
from backend.notify.fan_out import fan_out, tell
from backend.notify.firebase import BATCH, Firebase, Sender
from backend.notify.push import settle, take

Deed = Callable[[Session, Config, dict[str, Any], datetime], None]

POLL = 0.2
"""Seconds between two looks at the table, where no NOTIFY came: a pooler in between would swallow it."""
HOURLY = timedelta(hours=1)
TRIES = 12
"""After so many a deed is buried: half an hour of failures."""
_DEEDS_AT_ONCE = 10
_TELLS_AT_ONCE = 100
_DEED_LEASE = timedelta(seconds=15)
"""How long deeds wait for a worker that was killed. One that is only slow loses them and does no harm (`hold`)."""


def _tell(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    fan_out(session, [args], now)


def _publish(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    match StaticName(args["name"]):
        case StaticName.AGENCY:
            publish_agency(session, config.sealing_key, now)
        case StaticName.KEYS:
            publish_keys(session, config.sealing_key, now)
        case StaticName.BULLETIN:
            publish_bulletin(session, config.sealing_key, now)
        case StaticName.NEWS:
            publish_news(session, now)
            hasten(session, now)


def _beat(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    beat(session, now)


def _keep_house(session: Session, config: Config, args: dict[str, Any], now: datetime) -> None:
    key_rotation.rotate(session, config.sealing_key, now)
    bulletin_keys.rotate(session, config.sealing_key, now)
    forget_identified(session, now)
    forget_agencys(session, now)
    forget_anonymous(session, now)
    publish(session, StaticName.KEYS, now)
    publish(session, StaticName.BULLETIN, now)
    enqueue(session, Kind.KEEP_HOUSE, run_at=now + HOURLY, key=Kind.KEEP_HOUSE)


DEEDS: dict[Kind, Deed] = {
    Kind.TELL: _tell,
    Kind.NEXT_WAVE: do_next_wave,
    Kind.LAPSE: do_lapse,
    Kind.RECHECK: do_recheck,
    Kind.CLOSE_IDLE: do_close_idle,
    Kind.FORGET: do_forget,
    Kind.FEEDBACK: do_feedback,
    Kind.PUBLISH: _publish,
    Kind.BEAT: _beat,
    Kind.KEEP_HOUSE: _keep_house,
}
FIRST = (Kind.TELL, Kind.NEXT_WAVE, Kind.LAPSE, Kind.RECHECK)
"""What somebody waits for: a lane of its own, so that it never stands behind the making of keys."""
REST = tuple(kind for kind in DEEDS if kind not in FIRST)
TIRELESS = frozenset(DEEDS) - {Kind.TELL, Kind.FEEDBACK, Kind.CLOSE_IDLE}
"""What is tried for ever: without it somebody would be left alone, or something kept too long."""


def do_deeds(config: Config, kinds: Sequence[Kind]) -> int:
    """Do a few ready deeds; returns how many were there."""
    with transaction(Side.WORKER) as session:
        jobs = claim(session, kinds, now(), _DEEDS_AT_ONCE, lease=_DEED_LEASE)
    for job in jobs:
        try:
            _do(config, job)
        except Exception as error:
            logs.failed("a deed failed", error, kind=Kind(job.kind), attempts=job.attempts)
            _put_off(job, error)
    return len(jobs)


def tell_many() -> int:
    """Fan out what is ready to be told, a hundred in one transaction; returns how many there were."""
    with transaction(Side.WORKER) as session:
        return tell(session, now(), _TELLS_AT_ONCE)


def tell_or_do(config: Config) -> int:
    """What somebody waits for. If a batch of notices fails, each is tried by itself, so that only one stays behind."""
    try:
        told = tell_many()
    except Exception as error:
        logs.failed("a batch failed", error, kind=Kind.TELL)
        told = 0
    return told + do_deeds(config, FIRST)


def send_pushes(firebase: Sender) -> int:
    """Send one batch of ready pushes; returns how many were taken."""
    with transaction(Side.WORKER) as session:
        pushes = take(session, now(), BATCH)
    if not pushes:
        return 0
    answers = firebase.send([push.message for push in pushes])
    for answer in answers:
        metrics.pushes.labels(answer.outcome).inc()
    with transaction(Side.WORKER) as session:
        settle(session, pushes, answers, now())
    return len(pushes)


def prepare() -> None:
    """See that what recurs is there."""
    with transaction(Side.WORKER) as session:
        seed(session, Kind.KEEP_HOUSE, now())
        seed(session, Kind.BEAT, now())
        publish(session, StaticName.NEWS, now())


def _do(config: Config, job: Job) -> None:
    with transaction(Side.WORKER) as session:
        if not hold(session, job):
            return
        moment = now()
        if job.expires_at is None or job.expires_at > moment:
            DEEDS[Kind(job.kind)](session, config, job.args, moment)
        finish(session, job)


def _put_off(job: Job, error: Exception) -> None:
    reason = type(error).__name__
    with transaction(Side.WORKER) as session:
        if job.attempts >= TRIES and job.kind not in TIRELESS:
            bury(session, job, reason, now())
        else:
            postpone(session, job, now() + backoff(job.attempts), reason)


class Worker:
    """Four lanes, each a thread: deeds that somebody waits for, other deeds, and two for pushes."""

    def __init__(self, config: Config, firebase: Sender) -> None:
        self._work: list[Callable[[], int]] = [
            lambda: tell_or_do(config),
            lambda: do_deeds(config, REST),
            lambda: send_pushes(firebase),
            lambda: send_pushes(firebase),
        ]
        self._bells = [threading.Event() for _ in self._work]
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until `stop`; then finish what is in hand."""
        lanes = [
            threading.Thread(target=self._run_lane, args=lane, daemon=True)
            for lane in zip(self._work, self._bells, strict=True)
        ]
        for lane in lanes:
            lane.start()
        while not self._stopping.is_set():
            self._listen()
        for lane in lanes:
            lane.join()

    def stop(self) -> None:
        """Take up nothing more."""
        self._stopping.set()
        self._ring()

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()

    def _run_lane(self, work: Callable[[], int], bell: threading.Event) -> None:
        while not self._stopping.is_set():
            bell.clear()
            try:
                found = work()
            except Exception as error:
                logs.failed("a lane stumbled", error)
                found = 0
                self._stopping.wait(1)
            if not found:
                bell.wait(POLL)

    def _listen(self) -> None:
        """Ring every lane when a transaction that left work has committed. Without this the lanes just poll."""
        try:
            with db.statement(Side.WORKER) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                while not self._stopping.is_set():
                    for _ in connection.notifies(timeout=POLL, stop_after=1):
                        self._ring()
        except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError):
            self._stopping.wait(1)


def run(config: Config) -> None:
    """Work until SIGTERM or SIGINT; raises Misconfigured."""
    if config.firebase_credentials is None:
        raise Misconfigured("FIREBASE_CREDENTIALS is missing: the worker can't tell anybody anything without.")
    firebase = Firebase(config.firebase_credentials, config.push_url)
    prepare()
    worker = Worker(config, firebase)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()
