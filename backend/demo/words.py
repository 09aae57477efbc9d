"""The word code: twelve words that an officer may write down, from which everything of his request follows.

128 bits as 12 English words of BIP 39, checksum included. The request's secret and its conversations' keys are
derived from them with HKDF-SHA256 (RFC 5869), so that a lost phone is not a lost conversation.
"""

import secrets
import uuid

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from mnemonic import Mnemonic

from backend.base64url import encode_base64

_SALT = b"relief word code v1"
_ENGLISH = Mnemonic("english")


class WrongWords(Exception):
    """These are not twelve words of the list, or one of them was copied wrong (the checksum tells)."""


def make_words() -> str:
    """Twelve words from 128 random bits."""
    return write_words(secrets.token_bytes(16))


def write_words(entropy: bytes) -> str:
    """The twelve words for 16 bytes."""
    return str(_ENGLISH.to_mnemonic(entropy))


def read_words(words: str) -> bytes:
    """The 16 bytes behind twelve words; case and spacing are forgiven, and four letters of a word are enough.

    Raises WrongWords.
    """
    whole = _ENGLISH.expand(" ".join(words.lower().split()))
    if len(whole.split()) != 12:
        raise WrongWords("There are twelve words.")
    try:
        return bytes(_ENGLISH.to_entropy(whole))
    except (ValueError, LookupError):
        raise WrongWords("One of the words was copied wrong.") from None


def request_secret(entropy: bytes) -> bytes:
    """32 bytes that lead back into the request. The server keeps their SHA-256."""
    return _derive(entropy, b"request secret")


def asker_token(entropy: bytes) -> str:
    """The request's secret as the bearer token that the asker's routes take."""
    return f"relief-asker-{encode_base64(request_secret(entropy))}"


def conversation_secret(entropy: bytes, conversation_id: uuid.UUID, staff_id: uuid.UUID) -> bytes:
    """32 bytes from which the keys of one conversation with one staff member follow. The opening carries them to him.

    Were he not bound in, a server could name the same conversation again with somebody else, who could then read it.
    """
    return _derive(entropy, b"conversation" + conversation_id.bytes + staff_id.bytes)


def _derive(entropy: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, _SALT, info).derive(entropy)
