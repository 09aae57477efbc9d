"""The bytes of a pass on its way: RFC 9577 (challenge, token) and RFC 9578 (request, response), token type 0x0002.

Sizes are exact, numbers are big-endian, and a byte too many is as wrong as one too few.
"""

import hashlib
from dataclasses import dataclass

TOKEN_TYPE = 0x0002
"""Blind RSA with 2048 bits (RFC 9578, section 8.2.1)."""
SIGNATURE_BYTES = 256
NONCE_BYTES = 32
DIGEST_BYTES = 32
REQUEST_BYTES = 2 + 1 + SIGNATURE_BYTES
RESPONSE_BYTES = SIGNATURE_BYTES
TOKEN_BYTES = 2 + NONCE_BYTES + DIGEST_BYTES + DIGEST_BYTES + SIGNATURE_BYTES

REQUEST_TYPE = "application/private-token-request"
RESPONSE_TYPE = "application/private-token-response"

_TYPE = TOKEN_TYPE.to_bytes(2)


class Unreadable(ValueError):
    """These bytes are not what they should be; the message says why, and repeats nothing of them."""


@dataclass(frozen=True)
class TokenChallenge:
    """What a token is asked for (RFC 9577, section 2.1.1). `redemption_context` has 0 or 32 bytes."""

    issuer_name: str
    origin_info: str = ""
    redemption_context: bytes = b""

    def to_bytes(self) -> bytes:
        """The challenge as it is sent and hashed."""
        return b"".join(
            (
                _TYPE,
                _counted(self.issuer_name.encode("ascii"), 2),
                _counted(self.redemption_context, 1),
                _counted(self.origin_info.encode("ascii"), 2),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "TokenChallenge":
        """Raises Unreadable."""
        _check_type(data)
        issuer_name, rest = _take_counted(data[2:], 2)
        redemption_context, rest = _take_counted(rest, 1)
        origin_info, rest = _take_counted(rest, 2)
        if rest or not issuer_name or len(redemption_context) not in (0, 32):
            raise Unreadable("A part of the challenge has the wrong size.")
        if not (issuer_name.isascii() and origin_info.isascii()):
            raise Unreadable("Names in a challenge are ASCII.")
        return cls(issuer_name.decode(), origin_info.decode(), redemption_context)

    def digest(self) -> bytes:
        """What a token holds of its challenge."""
        return hashlib.sha256(self.to_bytes()).digest()


@dataclass(frozen=True)
class TokenRequest:
    """What a phone sends to draw a pass (RFC 9578, section 6.1): 259 bytes."""

    truncated_key_id: int
    blinded: bytes

    def to_bytes(self) -> bytes:
        """The request as it is sent."""
        return _TYPE + self.truncated_key_id.to_bytes(1) + self.blinded

    @classmethod
    def from_bytes(cls, data: bytes) -> "TokenRequest":
        """Raises Unreadable."""
        _check_size(data, REQUEST_BYTES)
        _check_type(data)
        return cls(data[2], data[3:])


@dataclass(frozen=True)
class Token:
    """A pass (RFC 9577, section 2.2; RFC 9578, section 6.3): 354 bytes."""

    nonce: bytes
    challenge_digest: bytes
    key_id: bytes
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The part that the signature signs: 98 bytes."""
        return _TYPE + self.nonce + self.challenge_digest + self.key_id

    def to_bytes(self) -> bytes:
        """The token as it is sent."""
        return self.signed + self.signature

    @classmethod
    def from_bytes(cls, data: bytes) -> "Token":
        """Raises Unreadable."""
        _check_size(data, TOKEN_BYTES)
        _check_type(data)
        return cls(data[2:34], data[34:66], data[66:98], data[98:])


def one_challenge(host: str) -> TokenChallenge:
    """The one challenge of a deployment: issuer and origin are the same, and the context is always empty.

    Whoever holds a pass can tell nothing from it but the key that signed it.
    """
    return TokenChallenge(issuer_name=host, origin_info=host)


def _counted(value: bytes, width: int) -> bytes:
    return len(value).to_bytes(width) + value


def _take_counted(data: bytes, width: int) -> tuple[bytes, bytes]:
    end = width + int.from_bytes(data[:width])
    if len(data) < max(end, width):
        raise Unreadable("These bytes end too early.")
    return data[width:end], data[end:]


def _check_size(data: bytes, size: int) -> None:
    if len(data) != size:
        raise Unreadable(f"This must hold {size} bytes.")


def _check_type(data: bytes) -> None:
    if data[:2] != _TYPE:
        raise Unreadable("The token type must be 0x0002.")
