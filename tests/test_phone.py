"""When a phone believes what it is shown, and when it stops."""

import hashlib
import json
import uuid
from datetime import date
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from backend.base64url import decode_base64, encode_base64
from backend.demo.line import Line
from backend.demo.phone import read_sealed
from backend.demo.record import Distrust, Record
from backend.demo.staff_phone import StaffPhone
from backend.rules import bulletin
from backend.rules.record import FIRST_PREVIOUS, Signed, canonical, fingerprint, sign

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
TODAY = date(2026, 11, 23)


class Shown(Line):
    """What a server shows to one phone: a chain of documents of one kind, and its files."""

    def __init__(self, *bodies: Any, key: Ed25519PrivateKey = KEY) -> None:
        self.files: dict[str, Any] = {}
        self._key = key
        self._previous = FIRST_PREVIOUS
        for body in bodies:
            self.add("keys", body)

    def add(self, kind: str, body: Any) -> None:
        text = canonical(body)
        sequence = sum(path.startswith("/v1/public/record/") for path in self.files) + 1
        signed = sign(self._key, text, sequence=sequence, previous=self._previous, kind=kind, made_on=TODAY)
        self._previous = signed.hash
        shown = _shown(sequence, signed)
        head = shown | {"public_key": encode_base64(self._key.public_key().public_bytes_raw())}
        self.files[f"/v1/public/record/{sequence}"] = shown
        self.files["/v1/public/record"] = head
        self.files[f"/v1/public/{kind}"] = head | {"body": text.decode()}

    def read(self, path: str, **how: Any) -> Any:
        return self.files[path]


def _shown(sequence: int, signed: Signed) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "hash": signed.hash.hex(),
        "document": signed.document.decode(),
        "signature": encode_base64(signed.signature),
    }


def test_a_phone_follows_an_honest_record() -> None:
    shown = Shown({"n": 1}, {"n": 2})
    record = Record(shown, fingerprint(PUBLIC))
    assert record.read("keys") == {"n": 2}
    shown.add("keys", {"n": 3})
    record.catch_up()
    assert record.read("keys") == {"n": 3}
    assert record.head.hex() == shown.files["/v1/public/record"]["hash"]


def test_another_key_than_the_one_on_the_voucher_is_not_believed() -> None:
    other = Ed25519PrivateKey.generate()
    with pytest.raises(Distrust, match="voucher"):
        Record(Shown({"n": 1}, key=other), fingerprint(PUBLIC)).read("keys")


def test_a_body_that_was_not_signed_is_not_believed() -> None:
    shown = Shown({"n": 1})
    shown.files["/v1/public/keys"] |= {"body": json.dumps({"n": 2})}
    with pytest.raises(Distrust, match="not the one in the record"):
        Record(shown, fingerprint(PUBLIC)).read("keys")


def test_a_file_of_another_kind_is_not_believed() -> None:
    shown = Shown({"n": 1})
    shown.files["/v1/public/bulletin"] = shown.files["/v1/public/keys"]
    with pytest.raises(Distrust):
        Record(shown, fingerprint(PUBLIC)).read("bulletin")


def test_a_flipped_bit_in_a_signature_is_not_believed() -> None:
    shown = Shown({"n": 1}, {"n": 2})
    signature = bytearray(decode_base64(shown.files["/v1/public/record/1"]["signature"]))
    signature[5] ^= 1
    shown.files["/v1/public/record/1"] |= {"signature": encode_base64(bytes(signature))}
    with pytest.raises(Distrust):
        Record(shown, fingerprint(PUBLIC)).read("keys")


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ([{"n": 1}], "shorter"),
        ([{"n": 1}, {"n": "for one officer"}], "two heads"),
        ([{"n": 1}, {"n": "for one officer"}, {"n": 3}], "does not follow"),
    ],
)
def test_a_record_that_was_rewritten_is_not_believed(then: list[dict[str, Any]], why: str) -> None:
    """A phone that has seen two documents is shown another past."""
    shown = Shown({"n": 1}, {"n": 2})
    record = Record(shown, fingerprint(PUBLIC))
    record.read("keys")
    shown.files = Shown(*then).files
    with pytest.raises(Distrust, match=why):
        record.catch_up()


def test_a_bulletin_under_another_key_is_not_believed() -> None:
    body = bulletin.seal(bytes(32), 1, b"{}", bytes(12))
    assert read_sealed(body, {1: bytes(32)}) == {}
    for keys in ({}, {1: hashlib.sha256(b"another").digest()}, {2: bytes(32)}):
        with pytest.raises(Distrust):
            read_sealed(body, keys)


def test_a_staff_phone_finds_itself_in_the_bulletin_and_nobody_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, his = str(uuid.uuid4()), str(uuid.uuid4())
    shown = Shown()
    phone = StaffPhone("http://localhost", fingerprint(PUBLIC), "ben-example", "phone-of-ben")
    key = phone.public_key()
    sent: dict[str, Any] = {"/devices": {"id": mine}}
    monkeypatch.setattr(phone, "send", lambda path, *_, **__: sent[path])
    monkeypatch.setattr(phone, "read", lambda path: {"bulletin_key": {"number": 1, "key": encode_base64(bytes(32))}})
    monkeypatch.setattr(phone, "_record", Record(shown, fingerprint(PUBLIC)))
    phone.register()
    own = {"id": mine, "staff_id": his, "key": encode_base64(key)}
    other = {"id": str(uuid.uuid4()), "staff_id": str(uuid.uuid4()), "key": encode_base64(bytes(32))}
    _publish(shown, own, other)
    phone.check_own_key()
    for wrong in ([other], [own | {"key": other["key"]}, other], [own, other | {"staff_id": his}]):
        _publish(shown, *wrong)
        with pytest.raises(Distrust, match="Ben"):
            phone.check_own_key()
    phone.close()


def _publish(shown: Shown, *devices: dict[str, str]) -> None:
    text = canonical({"devices": list(devices)})
    shown.add("bulletin", bulletin.seal(bytes(32), 1, text, uuid.uuid4().bytes[:12]))
