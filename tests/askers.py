"""What the tests of asking and talking have in common: a house, phones that ask, a clock, and work that is due."""

import hashlib
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from backend import clock, worker
from backend.base64url import encode_base64
from backend.config import Config
from backend.db import Side, transaction
from backend.door.periods import Purpose
from backend.door.signing import SigningKey
from backend.jobs import Kind
from backend.models.agency.jobs import Job
from backend.models.agency.staff import Availability, Role
from backend.models.anonymous.requests import Offer, SupportRequest
from tests import builders

KINDS = (Kind.NEXT_WAVE, Kind.LAPSE, Kind.RECHECK, Kind.CLOSE_IDLE, Kind.FORGET, Kind.FEEDBACK)
REQUESTS = "/v1/anon/support-requests"


@lru_cache(maxsize=1)
def _support_key() -> SigningKey:
    """One key for all tests of a process: making one takes longer than most of them."""
    return SigningKey.generate()


class House:
    """An agency with one facility and a key for support passes."""

    def __init__(self, session: Session, config: Config) -> None:
        self.config = config
        self.agency = builders.agency(session)
        self.north = builders.facility(session)
        self.key = builders.issuer_key(session, config, Purpose.SUPPORT, key=_support_key())

    def a_pass(self) -> dict[str, str]:
        """The header that shows a pass for support."""
        return builders.shown(builders.a_pass(self.key))


@dataclass
class Asker:
    """A phone that asks: its secret, its pass, and what it says."""

    client: FlaskClient
    house: House
    says: dict[str, Any] = field(default_factory=dict)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    shown: dict[str, str] = field(default_factory=dict)
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer relief-asker-{encode_base64(self.secret)}"}

    @property
    def url(self) -> str:
        return f"{REQUESTS}/{self.id}"

    def try_ask(self) -> TestResponse:
        """Ask, and see what is answered."""
        self.shown = self.shown or self.house.a_pass()
        body = {
            "urgency": "now", "languages": ["en"], "ways": ["chat"], "notice_version": "2026-1",
            "secret_hash": encode_base64(hashlib.sha256(self.secret).digest()),
        }  # fmt: skip
        return self.client.post(REQUESTS, headers=self.shown, json=body | self.says)

    def ask(self) -> "Asker":
        """Ask; it has to succeed."""
        answer = self.try_ask()
        assert answer.status_code == 201, answer.get_json()
        self.id = uuid.UUID(answer.get_json()["id"])
        return self

    def see(self) -> dict[str, Any]:
        """How the request stands."""
        answer = self.client.get(self.url, headers=self.headers)
        assert answer.status_code == 200, answer.get_json()
        seen: dict[str, Any] = answer.get_json()
        return seen

    def do(self, method: str, what: str, **body: Any) -> TestResponse:
        """PUT, POST or GET something below the request."""
        return self.client.open(f"{self.url}{what}", method=method, headers=self.headers, json=body or None)

    def open(self, *devices: uuid.UUID) -> TestResponse:
        """Write the opening for these devices."""
        sealed = [{"device_id": str(device), "sealed": encode_base64(bytes(304))} for device in devices]
        return self.do("POST", "/opening", conversation_id=self.see()["conversation"]["id"], sealed=sealed)

    def write(self, counter: int = 1, sealed: bytes = bytes(288)) -> TestResponse:
        """Write a message."""
        conversation = self.see()["conversation"]["id"]
        return self.do("POST", "/messages", conversation_id=conversation, counter=counter, sealed=encode_base64(sealed))


@dataclass
class Helper:
    """A member of staff with a phone in his hand."""

    client: FlaskClient
    signed: builders.Signed
    device: uuid.UUID

    @property
    def id(self) -> uuid.UUID:
        return self.signed.id

    def do(self, method: str, what: str, **body: Any) -> TestResponse:
        """Something below /v1/staff."""
        return self.client.open(f"/v1/staff{what}", method=method, headers=self.signed.headers, json=body or None)

    def offers(self) -> list[dict[str, Any]]:
        """What he is asked."""
        found: list[dict[str, Any]] = self.do("GET", "/offers").get_json()["offers"]
        return found

    def answer(self, what: str) -> TestResponse:
        """Accept or decline the one offer that he has."""
        (offer,) = self.offers()
        return self.do("POST", f"/offers/{offer['id']}/{what}")

    def accept(self) -> str:
        """Accept the one offer that he has: the conversation's id."""
        answer = self.answer("accept")
        assert answer.status_code == 200, answer.get_json()
        conversation: str = answer.get_json()["id"]
        return conversation

    def write(self, conversation: str, counter: int = 1, sealed: bytes = bytes(288)) -> TestResponse:
        """Write a message."""
        return self.do("POST", f"/conversations/{conversation}/messages", counter=counter, sealed=encode_base64(sealed))


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def pass_by(self, **span: float) -> None:
        """So much later; nothing has been done meanwhile."""
        self.now += timedelta(**span)


@contextmanager
def standing_clock() -> Iterator[Time]:
    """Every entrance asks this clock."""
    before, time = clock.now.source, Time()
    clock.now.source = lambda: time.now
    try:
        yield time
    finally:
        clock.now.source = before


def do_what_is_due(config: Config) -> None:
    """What the worker would have done by now about requests and conversations, in its own role."""
    for _ in range(50):
        if not worker.do_deeds(config, KINDS):
            return
    raise AssertionError("The work never ends.")


def jobs(kind: Kind) -> list[Job]:
    """What is left for later of one kind."""
    with transaction(Side.WORKER) as session:
        return list(session.scalars(select(Job).where(Job.kind == kind).order_by(Job.id)))


def told(notice: str) -> set[uuid.UUID]:
    """Who of the staff is to be told, and not to go quiet."""
    return {
        uuid.UUID(job.args["staff"])
        for job in jobs(Kind.TELL)
        if job.args["notice"] == notice and "quiet" not in job.args
    }


def hushed(notice: str) -> set[uuid.UUID]:
    """Whose phones are to go quiet."""
    return {
        uuid.UUID(job.args["staff"]) for job in jobs(Kind.TELL) if job.args["notice"] == notice and "quiet" in job.args
    }


def alone(now: datetime) -> list[SupportRequest]:
    """Open requests without an offer, a look ahead or people told: there must never be one."""
    with transaction(Side.WORKER) as session:
        ahead = select(Job.key).where(Job.kind.in_([Kind.NEXT_WAVE, Kind.LAPSE]), Job.died_at.is_(None))
        keys = set(session.scalars(ahead))
        waiting = set(session.scalars(select(Offer.request_id).where(Offer.state == "open")))
        requests = session.scalars(select(SupportRequest).where(SupportRequest.state == "open"))
        return [one for one in requests if str(one.id) not in keys and one.id not in waiting]


def helper(client: FlaskClient, session: Session, house: House, *roles: Any, **changes: Any) -> Helper:
    """A member of staff at the house's facility (or another, if given) with a phone."""
    signed = builders.staff(session, changes.pop("facility", house.north), *roles, **changes)
    return Helper(client, signed, builders.device(session, signed.staff).id)


def team(client: FlaskClient, house: House, size: int, *roles: Role, **changes: Any) -> list[Helper]:
    """Some members of staff with phones, in a transaction of their own."""
    with transaction(Side.OWNER) as session:
        return [helper(client, session, house, *roles, **changes) for _ in range(size)]


def asked(peers: list[Helper]) -> list[Helper]:
    """Those of them who have an open offer."""
    return [peer for peer in peers if peer.offers()]


def set_availability(peer: Helper, **changes: Any) -> None:
    """What his own phone would have said."""
    with transaction(Side.OWNER) as session:
        session.execute(update(Availability).where(Availability.staff_id == peer.id).values(**changes))
