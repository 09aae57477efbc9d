"""The phone's half of a pass: blind RSA (RFC 9474) and Privacy Pass (RFC 9577, RFC 9578), token type 0x0002.

Only public keys are used here. What must never leave the phone before the pass is spent is the token input, and
what must never leave it at all is the blinding factor.
"""

import base64
import hashlib
import math
import re
import secrets
from dataclasses import dataclass, field

from backend.door.keys import EXPONENT, PublicKey
from backend.door.wire import NONCE_BYTES, TOKEN_TYPE, Token, TokenRequest

SALT_BYTES = 48
_HASH = hashlib.sha384


class Refused(Exception):
    """What the server sent is not what it should be; a phone drops it and says so."""


@dataclass(frozen=True)
class Blinded:
    """A message on its way to be signed: `blinded` is sent, `inverse` stays."""

    blinded: bytes
    inverse: int = field(repr=False)


def blind(modulus: int, message: bytes, salt: bytes, factor: int) -> Blinded:
    """Blind (RFC 9474, section 4.2) with a given salt (any length) and blinding factor."""
    encoded = int.from_bytes(encode(message, modulus.bit_length() - 1, salt))
    if math.gcd(encoded, modulus) != 1:
        raise Refused("The modulus has a small factor.")
    hidden = encoded * pow(factor, EXPONENT, modulus) % modulus
    return Blinded(hidden.to_bytes(_size(modulus)), pow(factor, -1, modulus))


def unblind(modulus: int, blind_signature: bytes, inverse: int) -> bytes:
    """The signature in a blind signature; whether it verifies is for the caller to see."""
    if len(blind_signature) != _size(modulus):
        raise Refused("The blind signature has the wrong size.")
    return (int.from_bytes(blind_signature) * inverse % modulus).to_bytes(_size(modulus))


def encode(message: bytes, bits: int, salt: bytes) -> bytes:
    """EMSA-PSS-ENCODE with SHA-384 (RFC 8017, section 9.1.1)."""
    size = (bits + 7) // 8
    digest = _HASH(bytes(8) + _HASH(message).digest() + salt).digest()
    block = bytes(size - len(salt) - len(digest) - 2) + b"\x01" + salt
    mask = stretch(digest, len(block))
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=True))
    masked[0] &= 0xFF >> (8 * size - bits)
    return bytes(masked) + digest + b"\xbc"


@dataclass(frozen=True)
class PassRequest:
    """A pass being drawn: send `to_bytes()`, and `finish` with the answer."""

    key: PublicKey
    unsigned: Token
    message: Blinded = field(repr=False)

    def to_bytes(self) -> bytes:
        """The TokenRequest: 259 bytes."""
        return TokenRequest(self.key.key_id[-1], self.message.blinded).to_bytes()

    def finish(self, response: bytes) -> bytes:
        """The token (354 bytes) from a TokenResponse (256 bytes); raises Refused for a wrong signature."""
        signature = unblind(self.key.modulus, response, self.message.inverse)
        if not self.key.verifies(self.unsigned.signed, signature):
            raise Refused("The server's signature doesn't verify.")
        token = self.unsigned
        return Token(token.nonce, token.challenge_digest, token.key_id, signature).to_bytes()


def request_pass(challenge: bytes, spki: bytes) -> PassRequest:
    """Begin to draw a pass for a challenge, to be signed with a key (RFC 9578, section 6.1)."""
    key = PublicKey.from_spki(spki)
    unsigned = Token(secrets.token_bytes(NONCE_BYTES), hashlib.sha256(challenge).digest(), key.key_id, b"")
    factor = secrets.randbelow(key.modulus - 1) + 1
    return PassRequest(key, unsigned, blind(key.modulus, unsigned.signed, secrets.token_bytes(SALT_BYTES), factor))


def parse_challenge(header: str) -> tuple[bytes, bytes]:
    """The challenge and the key in a `WWW-Authenticate: PrivateToken …` header; raises Refused."""
    found = dict(re.findall(r'([a-z-]+)="?([A-Za-z0-9_-]+=*)"?', header.removeprefix("PrivateToken ")))
    if not header.startswith("PrivateToken ") or not {"challenge", "token-key"} <= found.keys():
        raise Refused("The server didn't ask for a pass.")
    challenge = base64.urlsafe_b64decode(found["challenge"])
    if int.from_bytes(challenge[:2]) != TOKEN_TYPE:
        raise Refused("The server asked for another type of token.")
    return challenge, base64.urlsafe_b64decode(found["token-key"])


def authorization(token: bytes) -> dict[str, str]:
    """The header that shows a pass."""
    return {"Authorization": f'PrivateToken token="{base64.urlsafe_b64encode(token).decode()}"'}


def _size(modulus: int) -> int:
    return (modulus.bit_length() + 7) // 8


def stretch(seed: bytes, size: int) -> bytes:
    """MGF1 with SHA-384 (RFC 8017, appendix B.2.1)."""
    blocks = -(-size // _HASH().digest_size)
    return b"".join(_HASH(seed + counter.to_bytes(4)).digest() for counter in range(blocks))[:size]
