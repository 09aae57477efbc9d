"""Fields that stop at the door what the database would choke on."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from backend.base64url import decode_base64, encode_base64

_LARGEST = 2**31 - 1
_LONGEST_PASSPHRASE = 1024
"""Bytes. Longer ones are refused before they cost anything."""


class Text(fields.String):
    """A line or a paragraph: NFC, trimmed, 1 to `longest` characters, no control characters but line breaks."""

    def __init__(self, *, longest: int = 200, shortest: int = 1, **kwargs: Any) -> None:
        self.longest = longest
        checks = kwargs.pop("validate", [])
        checks = [*checks] if isinstance(checks, (list, tuple)) else [checks]
        super().__init__(validate=[validate.Length(shortest, longest), *checks], **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        text = unicodedata.normalize("NFC", text).strip()
        if any(unicodedata.category(character) in ("Cc", "Cs") and character != "\n" for character in text):
            raise ValidationError("This holds characters that can't be kept.")
        return text


class Passphrase(fields.String):
    """A passphrase as it was typed (NFC, RFC 8265 section 4.2): 8 characters at least, 1,024 bytes at most."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(8, _LONGEST_PASSPHRASE), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **kwargs))
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
            raise ValidationError("This holds characters that a passphrase can't have.")
        if len(text.encode()) > _LONGEST_PASSPHRASE:
            raise ValidationError("This is longer than 1,024 bytes.")
        return text


class Whole(fields.Integer):
    """A whole number within bounds that the database can hold."""

    def __init__(self, *, least: int = 0, most: int = _LARGEST, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(least, most), **kwargs)


class WholeInQuery(Whole):
    """The same where all there is are strings: digits and nothing else."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(int(value), attr, data, **kwargs)


class Moment(fields.AwareDateTime):
    """A moment with its zone (RFC 3339), of this century; it becomes UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        if not 2000 < moment.year < 2100:
            raise ValidationError("This must be a moment of this century.")
        return moment.astimezone(UTC)


class Version(fields.Field[int]):
    """The ETag that somebody was given, as `If-Match` sends it back (RFC 9110, section 13.1.1): `"3"`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "string", "pattern": '^"[0-9]{1,9}"$'}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        digits = str(value).strip('"')
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise ValidationError('This must be the ETag that you were given, like "3".')
        return int(digits)


class Base64(fields.Field[bytes]):
    """Bytes as unpadded base64url (RFC 4648, section 5), of `least` to `most` bytes; padding is accepted."""

    def __init__(self, *, least: int = 1, most: int = 65536, **kwargs: Any) -> None:
        self.least, self.most = least, most
        characters = {"minLength": -(-least * 4 // 3), "maxLength": -(-most * 4 // 3) + 2}
        metadata = {"type": "string", "format": "base64url", **characters} | kwargs.pop("metadata", {})
        super().__init__(metadata=metadata, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else encode_base64(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bytes:
        try:
            decoded = decode_base64(value)
        except ValueError:
            raise ValidationError("This must be base64url.") from None
        if not self.least <= len(decoded) <= self.most:
            size = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
            raise ValidationError(f"This must hold {size} bytes.")
        return decoded
