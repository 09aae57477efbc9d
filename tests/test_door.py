"""The door's bytes: every vector of RFC 9474 and RFC 9578 (type 0x0002), and everything that is a byte off."""

import base64
import json
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from Crypto.PublicKey import RSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from backend.demo.passes import Refused, blind, encode, parse_challenge, request_pass, unblind
from backend.door import signing
from backend.door.keys import SPKI_BYTES, PublicKey
from backend.door.periods import LEAD, QUOTA, Purpose, due, period
from backend.door.signing import Faulty, SigningKey, blind_sign
from backend.door.wire import REQUEST_BYTES, TOKEN_BYTES, Token, TokenChallenge, TokenRequest, Unreadable, one_challenge

VECTORS = Path(__file__).parent / "vectors"
ZONES = st.sampled_from(["America/Chicago", "America/St_Johns", "Pacific/Honolulu", "UTC"]).map(ZoneInfo)
MOMENTS = st.integers(1_700_000_000, 2_200_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
"""Seconds from 2023 to 2039."""


def _vectors(name: str) -> list[dict[str, bytes]]:
    raw: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())
    return [
        {
            field: value.encode() if field == "name" else bytes.fromhex(value.removeprefix("0x"))
            for field, value in one.items()
        }
        for one in raw
    ]


def _name(vector: dict[str, bytes]) -> str:
    return vector["name"].decode() if "name" in vector else vector["nonce"].hex()[:8]


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.mark.parametrize("vector", _vectors("rfc9474.json"), ids=_name)
def test_vectors_of_blind_rsa(vector: dict[str, bytes]) -> None:
    n, e, d, p, q = (int.from_bytes(vector[name]) for name in ("n", "e", "d", "p", "q"))
    inverse = int.from_bytes(vector["inv"])
    message = vector["msg_prefix"] + vector["msg"]
    assert message == vector["input_msg"]
    assert encode(message, n.bit_length() - 1, vector["salt"]) == vector.get("encoded_msg", _encoded(vector))
    blinded = blind(n, message, vector["salt"], pow(inverse, -1, n))
    assert (blinded.blinded, blinded.inverse) == (vector["blinded_msg"], inverse)
    signed = blind_sign(RSA.construct((n, e, d, p, q)), vector["blinded_msg"])
    assert signed == vector["blind_sig"]
    assert unblind(n, signed, inverse) == vector["sig"]


def _encoded(vector: dict[str, bytes]) -> bytes:
    """What was signed, opened again with the public key."""
    n, e = int.from_bytes(vector["n"]), int.from_bytes(vector["e"])
    return pow(int.from_bytes(vector["sig"]), e, n).to_bytes(math.ceil((n.bit_length() - 1) / 8))


def _der(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


@pytest.mark.parametrize("vector", _vectors("rfc9578-type2.json"), ids=_name)
def test_vectors_of_privacy_pass(vector: dict[str, bytes]) -> None:
    private, public = SigningKey.from_bytes(_der(vector["skS"])), PublicKey.from_spki(vector["pkS"])
    assert private.public == public
    assert public.spki == vector["pkS"]

    challenge = TokenChallenge.from_bytes(vector["token_challenge"])
    assert challenge.to_bytes() == vector["token_challenge"]
    unsigned = Token(vector["nonce"], challenge.digest(), public.key_id, b"")
    blinded = blind(public.modulus, unsigned.signed, vector["salt"], int.from_bytes(vector["blind"]))
    request = TokenRequest(public.key_id[-1], blinded.blinded)
    assert request.to_bytes() == vector["token_request"]
    assert TokenRequest.from_bytes(vector["token_request"]) == request

    response = private.sign(request.blinded)
    assert response == vector["token_response"]
    token = unsigned.signed + unblind(public.modulus, response, blinded.inverse)
    assert token == vector["token"]
    read = Token.from_bytes(token)
    assert read.to_bytes() == token
    assert public.verifies(read.signed, read.signature)


def test_a_key_keeps_its_bytes(key: SigningKey) -> None:
    again = SigningKey.from_bytes(key.to_bytes())
    assert again.public == key.public
    assert PublicKey.from_spki(key.public.spki) == key.public
    assert len(key.public.spki) == SPKI_BYTES == 342
    assert again.sign(b"\x02" * 256) == key.sign(b"\x02" * 256)


def test_a_key_of_another_kind_is_no_signing_key() -> None:
    other = Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(Unreadable):
        SigningKey.from_bytes(other)


@pytest.mark.parametrize("off", [0, 1, -1, 0x1_0000])
def test_what_signs_itself_is_not_signed(key: SigningKey, off: int) -> None:
    message = off if off in (0, 1) else key.public.modulus + off
    with pytest.raises(Unreadable):
        key.sign((message % 2**2048).to_bytes(256))


@pytest.mark.parametrize("size", [0, 255, 257])
def test_a_blinded_message_has_the_keys_size(key: SigningKey, size: int) -> None:
    with pytest.raises(Unreadable):
        key.sign(b"\x02" * size)


def test_the_edges_that_can_be_signed_are(key: SigningKey) -> None:
    for message in (2, key.public.modulus - 2):
        signature = int.from_bytes(key.sign(message.to_bytes(256)))
        assert pow(signature, 65537, key.public.modulus) == message


def test_a_miscalculation_is_never_given_away(key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    right: Any = RSA.RsaKey._decrypt_to_bytes

    def wrong_by_one_bit(self: RSA.RsaKey, message: int) -> bytes:
        done = bytearray(right(self, message))
        done[-1] ^= 1
        return bytes(done)

    monkeypatch.setattr(RSA.RsaKey, "_decrypt_to_bytes", wrong_by_one_bit)
    with pytest.raises(Faulty):
        key.sign(b"\x02" * 256)


def test_signing_needs_constant_time(key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    assert signing.CONSTANT_TIME
    monkeypatch.setattr(signing, "CONSTANT_TIME", False)
    with pytest.raises(Faulty):
        key.sign(b"\x02" * 256)


def test_the_private_operation_is_blinded(key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    factors = []
    right: Any = RSA.RsaKey._blinding_pair

    def watched(self: RSA.RsaKey) -> Any:
        factors.append(right(self))
        return factors[-1]

    monkeypatch.setattr(RSA.RsaKey, "_blinding_pair", watched)
    first, second = key.sign(b"\x02" * 256), key.sign(b"\x02" * 256)
    assert first == second
    assert len({int(encrypted) for encrypted, _ in factors}) == 2


@given(st.binary(max_size=400))
def test_bytes_are_read_as_they_would_be_written_or_not_at_all(data: bytes) -> None:
    for shape in (Token, TokenRequest, TokenChallenge):
        try:
            assert shape.from_bytes(data).to_bytes() == data
        except Unreadable:
            continue


@given(st.binary(min_size=TOKEN_BYTES - 2, max_size=TOKEN_BYTES - 2))
def test_every_token_of_the_right_size_is_read(rest: bytes) -> None:
    assert Token.from_bytes(b"\x00\x02" + rest).to_bytes() == b"\x00\x02" + rest
    for wrong in (b"\x00\x01" + rest, b"\x00\x02" + rest + b"\x00", b"\x00\x02" + rest[:-1]):
        with pytest.raises(Unreadable):
            Token.from_bytes(wrong)


@given(st.binary(min_size=REQUEST_BYTES - 2, max_size=REQUEST_BYTES - 2))
def test_every_request_of_the_right_size_is_read(rest: bytes) -> None:
    assert TokenRequest.from_bytes(b"\x00\x02" + rest).to_bytes() == b"\x00\x02" + rest
    for wrong in (b"\xda\x7a" + rest, b"\x00\x02" + rest + b"\x00", b"\x00\x02" + rest[:-1]):
        with pytest.raises(Unreadable):
            TokenRequest.from_bytes(wrong)


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


@given(NAMES, NAMES, st.sampled_from([b"", bytes(32)]), st.data())
def test_a_challenge_cut_short_or_long_is_not_read(name: str, origin: str, context: bytes, data: st.DataObject) -> None:
    whole = TokenChallenge(name, origin, context).to_bytes()
    assert TokenChallenge.from_bytes(whole) == TokenChallenge(name, origin, context)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for wrong in (whole[:cut], whole + b"\x00"):
        with pytest.raises(Unreadable):
            TokenChallenge.from_bytes(wrong)


def test_a_challenge_names_somebody_in_ascii() -> None:
    for wrong in ("00020000000000", "00020002c3a9000000", "000200016101aa0000"):
        with pytest.raises(Unreadable):
            TokenChallenge.from_bytes(bytes.fromhex(wrong))


@given(st.integers(0, SPKI_BYTES * 8 - 1))
def test_a_key_with_a_flipped_bit_is_another_key_or_none(bit: int) -> None:
    spki = _vectors("rfc9578-type2.json")[0]["pkS"]
    flipped = bytearray(spki)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        assert PublicKey.from_spki(bytes(flipped)).key_id != PublicKey.from_spki(spki).key_id
    except Unreadable:
        return


@pytest.mark.parametrize("size", [0, 100, 341, 343])
def test_a_key_has_342_bytes(key: SigningKey, size: int) -> None:
    with pytest.raises(Unreadable):
        PublicKey.from_spki((key.public.spki + b"\x00")[:size])


def test_a_phone_refuses_a_signature_that_does_not_verify(key: SigningKey) -> None:
    request = request_pass(one_challenge("localhost").to_bytes(), key.public.spki)
    other = request_pass(one_challenge("localhost").to_bytes(), key.public.spki)
    for wrong in (key.sign(other.message.blinded), bytes(256), bytes(255)):
        with pytest.raises(Refused):
            request.finish(wrong)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "PrivateToken", 'PrivateToken challenge="AAE="', "Basic challenge=AAI="]
)
def test_a_phone_refuses_what_is_no_challenge(header: str) -> None:
    with pytest.raises(Refused):
        parse_challenge(header)


@given(st.sampled_from(Purpose), MOMENTS, ZONES)
def test_there_is_always_a_key_to_draw_with(purpose: Purpose, moment: datetime, zone: ZoneInfo) -> None:
    made = list(due(purpose, moment, zone))
    assert len({one.name for one in made}) == len(made)
    assert [one for one in made if one.draws_from <= moment < one.draws_until]
    following = period(purpose, made[-1].draws_until.astimezone(zone).date(), zone)
    assert following.draws_from > moment + LEAD


@given(st.sampled_from(Purpose), MOMENTS, ZONES)
def test_periods_follow_each_other_without_a_gap(purpose: Purpose, moment: datetime, zone: ZoneInfo) -> None:
    one = period(purpose, moment.astimezone(zone).date(), zone)
    assert one.draws_from < one.draws_until <= one.spends_until
    assert one.spends_from < one.spends_until
    following = period(purpose, one.draws_until.astimezone(zone).date(), zone)
    assert following.name > one.name
    assert following.draws_from < one.draws_until
    assert following.spends_from <= one.spends_until


@given(MOMENTS, ZONES)
def test_a_check_in_is_never_drawn_when_it_can_be_spent(moment: datetime, zone: ZoneInfo) -> None:
    week = period(Purpose.CHECK_IN, moment.astimezone(zone).date(), zone)
    assert week.draws_until == week.spends_from
    assert week.draws_until - week.draws_from >= timedelta(weeks=5, hours=-1)


@given(MOMENTS, ZONES)
def test_a_support_pass_drawn_on_any_day_can_be_spent_for_four_weeks(moment: datetime, zone: ZoneInfo) -> None:
    quarter = period(Purpose.SUPPORT, moment.astimezone(zone).date(), zone)
    assert quarter.spends_from <= moment < quarter.draws_until
    assert quarter.spends_until - moment > timedelta(weeks=4, hours=-2)


@pytest.mark.parametrize(
    ("day", "names"),
    [
        (date(2026, 11, 23), ["2026-W48", "2026-11", "2026-Q4"]),
        (date(2027, 1, 3), ["2026-W53", "2027-01", "2027-Q1"]),
        (date(2024, 12, 30), ["2025-W01", "2024-12", "2024-Q4"]),
    ],
)
def test_periods_are_called_by_iso_week_month_and_quarter(day: date, names: list[str]) -> None:
    assert [period(purpose, day, ZoneInfo("America/Chicago")).name for purpose in Purpose] == names


def test_quotas_are_the_designs() -> None:
    assert QUOTA == {Purpose.CHECK_IN: 1, Purpose.ASSESSMENT: 1, Purpose.SUPPORT: 20}
