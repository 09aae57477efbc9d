"""The public record's format: a chain of signed documents whose bytes anybody can check without this server.

A document names its predecessor and its body by their hashes, so a phone that was away for a year follows the chain
over a few hundred bytes a document, and a body may be dropped when its time is over without breaking anything.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FIRST_PREVIOUS = bytes(32)
_CONTEXT = b"relief record v1"
_EXACT = 2**53


class Broken(Exception):
    """The chain doesn't hold; the message says at which document, and why."""


@dataclass(frozen=True)
class Signed:
    """One document of the chain: its exact bytes, and the Ed25519 signature over them."""

    document: bytes
    signature: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 of the bytes: what the next document names."""
        return hashlib.sha256(self.document).digest()


def canonical(value: Any) -> bytes:
    """JSON in the one form that RFC 8785 allows; floats and numbers that a double can't hold raise ValueError."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= _EXACT):
        raise ValueError("The record holds whole numbers below 2^53 only: other numbers have more than one spelling.")
    return value


def sign(key: Ed25519PrivateKey, body: bytes, *, sequence: int, previous: bytes, kind: str, made_on: date) -> Signed:
    """The `sequence`-th document, counted from 1. `previous` is the hash of the one before, or `FIRST_PREVIOUS`."""
    document = canonical(
        {
            "sequence": sequence,
            "previous": previous.hex(),
            "kind": kind,
            "made_on": made_on.isoformat(),
            "body": hashlib.sha256(body).hexdigest(),
        }
    )
    return Signed(document, key.sign(_CONTEXT + document))


def follow(public_key: bytes, sequence: int, previous: bytes, signed: Signed) -> dict[str, Any]:
    """What `signed` says, if it is the document that comes `sequence`-th, after `previous`; raises Broken."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signed.signature, _CONTEXT + signed.document)
    except InvalidSignature:
        raise Broken(f"Document {sequence} is not signed by the record key.") from None
    said: dict[str, Any] = json.loads(signed.document)
    if said["sequence"] != sequence:
        raise Broken(f"Document {sequence} says that it is number {said['sequence']}.")
    if said["previous"] != previous.hex():
        raise Broken(f"Document {sequence} does not follow the one before it.")
    return said


def fingerprint(public_key: bytes) -> str:
    """SHA-256 of the record's public key (32 bytes), as `readable` prints it on vouchers."""
    return readable(hashlib.sha256(public_key).digest())


def readable(value: bytes) -> str:
    """Hexadecimal digits in groups of four, for people to compare."""
    return value.hex(" ", 2)
