"""The bulletin's envelope: the same bytes for every phone, readable by those who hold this week's key.

The text is deflated (zlib, RFC 1950), padded and sealed with AES-256-GCM; docs/wire.md has it byte by byte.
"""

import zlib
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.base64url import decode_base64, encode_base64

_CONTEXT = b"relief bulletin v1"
_SMALLEST = 8192
_LARGEST_TEXT = 64 * 1024 * 1024


class Unreadable(Exception):
    """Not sealed under this key, or not a bulletin."""


def seal(key: bytes, key_number: int, text: bytes, nonce: bytes) -> dict[str, Any]:
    """The body that the record carries: `key_number`, `nonce` (12 bytes, never used before) and `ciphertext`."""
    padded = _pad(zlib.compress(text, 9))
    sealed = AESGCM(key).encrypt(nonce, padded, _bound(key_number))
    return {"key_number": key_number, "nonce": encode_base64(nonce), "ciphertext": encode_base64(sealed)}


def unseal(key: bytes, body: dict[str, Any]) -> bytes:
    """The text of a bulletin; raises Unreadable."""
    try:
        nonce, sealed = decode_base64(body["nonce"]), decode_base64(body["ciphertext"])
        return _inflate(_unpad(AESGCM(key).decrypt(nonce, sealed, _bound(body["key_number"]))))
    except (InvalidTag, ValueError, zlib.error):
        raise Unreadable from None


def bucket(length: int) -> int:
    """The size that `length` bytes are padded to: from 8 KiB, four sizes to each doubling, so at most a quarter more.

    The length then says roughly how large the programme is, and not that an incident was added.
    """
    size = _SMALLEST
    while size < length:
        size *= 2
    quarter = size // 8
    while size > _SMALLEST and size - quarter >= length:
        size -= quarter
    return size


def _pad(text: bytes) -> bytes:
    """A byte 0x80, then zeros (ISO/IEC 7816-4)."""
    return (text + b"\x80").ljust(bucket(len(text) + 1), b"\0")


def _unpad(padded: bytes) -> bytes:
    text, mark, rest = padded.rpartition(b"\x80")
    if not mark or rest.strip(b"\0"):
        raise ValueError("not padded")
    return text


def _inflate(deflated: bytes) -> bytes:
    inflater = zlib.decompressobj()
    text = inflater.decompress(deflated, _LARGEST_TEXT)
    if not inflater.eof:
        raise ValueError("cut short, or too large")
    return text


def _bound(key_number: int) -> bytes:
    return _CONTEXT + key_number.to_bytes(4, "big")
