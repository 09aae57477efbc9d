"""How the two talk: an opening sealed to each device of the staff member, then messages under keys from its secret.

The opening is HPKE (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM). Every message has a
key of its own, from a fresh salt: two devices of one peer can never use one key twice. Conversation, sender and count
are bound in. Everything is padded to one of four lengths.
"""

import json
import secrets
import uuid
from collections.abc import Sequence
from enum import Enum
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.base64url import decode_base64, encode_base64

BUCKETS = (256, 1024, 4096, 16384)
"""Lengths of a padded plaintext, in bytes; an opening has one of the first three."""
OPENING_ADDS, MESSAGE_ADDS = 32 + 16, 16 + 16
"""What sealing adds to a bucket: encapsulated key and tag; salt and tag."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_NONCE = bytes(12)


class Unreadable(Exception):
    """Changed on the way, or meant for another conversation, place, direction or device."""


class Sender(Enum):
    """Who wrote; the value is the byte that is bound into the message."""

    ASKER = b"\x00"
    STAFF = b"\x01"


def seal_opening(
    conversation_id: uuid.UUID, device_id: uuid.UUID, public_key: bytes, secret: bytes, **further: str
) -> bytes:
    """The opening for one device (`public_key`: X25519, 32 bytes): the secret, and a `card` and `text` if wished."""
    plain = json.dumps({"secret": encode_base64(secret), **further}, ensure_ascii=False).encode()
    key = X25519PublicKey.from_public_bytes(public_key)
    return _SUITE.encrypt(pad(plain, BUCKETS[:3]), key, _opening_info(conversation_id, device_id))


def open_opening(
    conversation_id: uuid.UUID, device_id: uuid.UUID, private_key: X25519PrivateKey, sealed: bytes
) -> dict[str, Any]:
    """What the asker's phone sealed: `secret` as 32 bytes, `card` and `text` where given; raises Unreadable."""
    try:
        plain = _SUITE.decrypt(sealed, private_key, _opening_info(conversation_id, device_id))
    except InvalidTag:
        raise Unreadable from None
    said = _read(plain)
    try:
        return said | {"secret": decode_base64(said.get("secret"))}
    except ValueError:
        raise Unreadable from None


def seal_message(
    secret: bytes, conversation_id: uuid.UUID, sender: Sender, counter: int, said: dict[str, Any]
) -> bytes:
    """salt (16 bytes) ‖ ciphertext ‖ tag (16 bytes). `counter` is the sender's own, from 1."""
    salt = secrets.token_bytes(16)
    key = message_key(secret, salt, conversation_id, sender, counter)
    plain = pad(json.dumps(said, ensure_ascii=False).encode())
    return salt + AESGCM(key).encrypt(_NONCE, plain, _place(conversation_id, sender, counter))


def open_message(
    secret: bytes, conversation_id: uuid.UUID, sender: Sender, counter: int, sealed: bytes
) -> dict[str, Any]:
    """What the other said at this place of this conversation; raises Unreadable."""
    key = message_key(secret, sealed[:16], conversation_id, sender, counter)
    try:
        plain = AESGCM(key).decrypt(_NONCE, sealed[16:], _place(conversation_id, sender, counter))
    except InvalidTag:
        raise Unreadable from None
    return _read(plain)


def message_key(secret: bytes, salt: bytes, conversation_id: uuid.UUID, sender: Sender, counter: int) -> bytes:
    """The key of one message, 32 bytes. It is used once, so its nonce can be zero."""
    info = b"relief message v1" + _place(conversation_id, sender, counter)
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def pad(plain: bytes, buckets: Sequence[int] = BUCKETS) -> bytes:
    """0x80 and zeros up to the next bucket (ISO/IEC 7816-4); raises ValueError when it is longer than the largest."""
    marked = plain + b"\x80"
    for bucket in buckets:
        if len(marked) <= bucket:
            return marked.ljust(bucket, b"\x00")
    raise ValueError(f"This holds at most {buckets[-1] - 1} bytes.")


def unpad(padded: bytes) -> bytes:
    """What was padded; raises Unreadable where there is no mark."""
    plain, mark, zeros = padded.rpartition(b"\x80")
    if not mark or zeros.strip(b"\x00"):
        raise Unreadable
    return plain


def _read(padded: bytes) -> dict[str, Any]:
    try:
        said = json.loads(unpad(padded))
    except ValueError:
        raise Unreadable from None
    if not isinstance(said, dict):
        raise Unreadable
    return said


def _opening_info(conversation_id: uuid.UUID, device_id: uuid.UUID) -> bytes:
    return b"relief opening v1" + conversation_id.bytes + device_id.bytes


def _place(conversation_id: uuid.UUID, sender: Sender, counter: int) -> bytes:
    return conversation_id.bytes + sender.value + counter.to_bytes(4, "big")
