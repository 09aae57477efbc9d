"""Codes that people read off paper: Crockford's base 32, in groups, forgiving in case, dashes, O and I."""

import hashlib
import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FORGIVEN = str.maketrans("OIL", "011", " -\u2010\u2011\u2013")


def make_code(characters: int = 26) -> str:
    """A random code, 5 bits a character (26: 130 bits), like `4F7QX-9K2MA-…`."""
    plain = "".join(secrets.choice(_ALPHABET) for _ in range(characters))
    return "-".join(plain[start : start + 5] for start in range(0, characters, 5))


def hash_code(code: str) -> bytes:
    """SHA-256 of the code as it was meant. A plain hash is enough: there are 2^128 codes to try."""
    return hashlib.sha256(code.upper().translate(_FORGIVEN).encode()).digest()


def make_token(prefix: str) -> str:
    """A bearer token: `prefix` and 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """SHA-256 of a token: what is stored of it."""
    return hashlib.sha256(token.encode()).digest()
