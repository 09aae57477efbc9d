"""Bytes as text: unpadded base64url (RFC 4648, section 5)."""

import base64
import binascii
from typing import Any


def encode_base64(value: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode_base64(value: Any) -> bytes:
    """Bytes from base64url, padded or not; raises ValueError for anything else."""
    if not isinstance(value, str) or not value.isascii():
        raise ValueError("not base64url")
    text = value.rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None
