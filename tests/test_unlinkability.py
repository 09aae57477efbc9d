"""Acceptance: with the private key and all records, every draw explains every pass equally well.

For each pair of a draw and a pass there is exactly one blinding factor with which a phone would have sent what was
drawn and shown what was spent. It is computed here, with the private key, and given to the phone's own code.
"""

import math
import random
from dataclasses import dataclass, replace

import pytest
from Crypto.PublicKey import RSA
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.config import Config
from backend.db import Side, transaction
from backend.demo.passes import SALT_BYTES, authorization, blind, stretch, unblind
from backend.door.periods import Purpose
from backend.door.signing import SigningKey
from backend.door.wire import Token
from backend.models.anonymous.passes import SpentPass
from backend.models.identified.accounts import Account
from backend.models.identified.draws import Draw
from tests import builders
from tests.conftest import RolledBack
from tests.phones import House, begin, send, spending_app

OFFICERS = 8


@dataclass
class Drawn:
    """What the server saw of a draw, and what it knows of who drew."""

    account_name: str
    key_id: bytes
    blinded: bytes
    signed: bytes


class Server:
    """All that one who holds the server could have written down, private keys included."""

    def __init__(self) -> None:
        self.keys: dict[bytes, RSA.RsaKey] = {}
        self.draws: list[Drawn] = []
        self.passes: list[Token] = []

    def matchings(self) -> int:
        """How many ways there are to say which draw each pass came from."""
        return permanent([[self.explains(draw, shown) for shown in self.passes] for draw in self.draws])

    def explains(self, draw: Drawn, shown: Token) -> bool:
        """Whether a phone could have drawn this and shown that."""
        if draw.key_id != shown.key_id:
            return False
        key = self.keys[draw.key_id]
        n, message = key.n, pow(int.from_bytes(shown.signature), key.e, key.n)
        factor = pow(int.from_bytes(draw.blinded) * pow(message, -1, n), key.d, n)
        if math.gcd(factor, n) != 1:
            return False
        phone = blind(n, shown.signed, salt_of(message), factor)
        return phone.blinded == draw.blinded and unblind(n, draw.signed, phone.inverse) == shown.signature


def salt_of(message: int) -> bytes:
    """The salt in an encoded message (EMSA-PSS, RFC 8017, section 9.1.2)."""
    encoded = message.to_bytes(256)
    masked, digest = encoded[:-49], encoded[-49:-1]
    block = bytes(a ^ b for a, b in zip(masked, stretch(digest, len(masked)), strict=True))
    return block[-SALT_BYTES:]


def permanent(matrix: list[list[bool]]) -> int:
    """The number of ways to pick one true cell in each row and each column."""
    ways = {0: 1}
    for line in matrix:
        following: dict[int, int] = {}
        for taken, count in ways.items():
            for column, possible in enumerate(line):
                if possible and not taken >> column & 1:
                    following[taken | 1 << column] = following.get(taken | 1 << column, 0) + count
        ways = following
    return ways.get((1 << len(matrix)) - 1, 0)


@pytest.fixture
def client(database: RolledBack, config: Config) -> FlaskClient:
    return spending_app(config).test_client()


def evening(client: FlaskClient, keys: list[SigningKey], officers: list[builders.Officer]) -> Server:
    """Each officer draws a pass with his key of these; then all are spent, in any order."""
    server, tokens = Server(), []
    for officer, key in zip(officers, keys, strict=True):
        request = begin(key)
        signed = send(client, officer.headers, key.public.key_id, request.to_bytes()).data
        server.keys[key.public.key_id] = RSA.import_key(key.to_bytes())
        server.draws.append(Drawn(officer.account.name, key.public.key_id, request.message.blinded, signed))
        tokens.append(request.finish(signed))
    random.shuffle(tokens)
    for token in tokens:
        assert client.post("/v1/anon/spent/support", headers=authorization(token)).status_code == 200
        server.passes.append(Token.from_bytes(token))
    return server


def enrolled(session: Session, house: House) -> list[builders.Officer]:
    return [builders.officer(session, house.facility) for _ in range(OFFICERS)]


def test_every_draw_explains_every_pass(client: FlaskClient, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        house = House(config, session)
        officers = enrolled(session, house)
    server = evening(client, [house.support] * OFFICERS, officers)
    matchings = server.matchings()
    assert matchings == math.factorial(OFFICERS)
    print(f"\n{OFFICERS} draws, {OFFICERS} passes, private key in hand: {matchings} matchings, equally consistent")


def test_what_is_written_down_tells_no_more(client: FlaskClient, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        house = House(config, session)
        officers = enrolled(session, house)
    evening(client, [house.support] * OFFICERS, officers)
    with transaction(Side.OWNER) as session:
        draws, spent = session.scalars(select(Draw)).all(), session.scalars(select(SpentPass)).all()
    assert {column.name for column in SpentPass.__table__.columns} == {"pass_hash", "forget_on"}
    assert len({row.forget_on for row in spent}) == 1
    assert len({(row.purpose, row.period, row.number, row.key_id) for row in draws}) == 1
    assert not {row.blinded_hash for row in draws} & {row.pass_hash for row in spent}


def test_a_key_made_for_one_officer_would_give_him_away(client: FlaskClient, config: Config) -> None:
    """What the count is worth: the same evening with a key for each has one matching, the true one."""
    with transaction(Side.OWNER) as session:
        house = House(config, session)
        officers = enrolled(session, house)
        keys = [house.support]
        for number in range(1, OFFICERS):
            facility = builders.facility(session, f"alone-{number}")
            keys.append(builders.issuer_key(session, config, Purpose.SUPPORT, facility=facility))
            session.get_one(Account, officers[number].account.id).facility_id = facility.id
    assert evening(client, keys, officers).matchings() == 1


def test_a_pass_that_was_never_drawn_is_explained_by_no_draw(client: FlaskClient, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        house = House(config, session)
    server = evening(client, [house.support], [house.officer])
    assert server.matchings() == 1
    stranger = bytearray(server.passes[0].signature)
    stranger[-1] ^= 1
    server.passes[0] = replace(server.passes[0], signature=bytes(stranger))
    assert server.matchings() == 0
