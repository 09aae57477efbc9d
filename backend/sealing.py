"""Secrets at rest: AES-256-GCM under the key from the environment, bound to what they are for."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Unsealable(Exception):
    """The key in the environment is not the one that this was sealed under, or the bytes were changed."""


def seal(key: bytes, secret: bytes, purpose: str) -> bytes:
    """nonce (12 bytes) ‖ ciphertext ‖ tag; `purpose` must be given again to open it."""
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, secret, purpose.encode())


def unseal(key: bytes, sealed: bytes, purpose: str) -> bytes:
    """What was sealed; raises Unsealable."""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], purpose.encode())
    except (InvalidTag, ValueError):
        raise Unsealable(f"The {purpose} can't be opened with this SEALING_KEY.") from None


def derive(key: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one other purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(SHA256(), length=32, salt=None, info=f"relief {purpose}".encode()).derive(key)
