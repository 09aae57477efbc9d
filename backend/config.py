"""What the environment says. Nothing here can turn protection off."""

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError

from backend.db import Side

SIDE_VARIABLES = {
    Side.OWNER: "DATABASE_URL",
    Side.IDENTIFIED: "IDENTIFIED_DATABASE_URL",
    Side.ANONYMOUS: "ANONYMOUS_DATABASE_URL",
    Side.WORKER: "WORKER_DATABASE_URL",
}


class Misconfigured(Exception):
    """A setting is missing or wrong; the message says which one and what it should be."""


@dataclass(frozen=True)
class Config:
    """The settings of one process.

    `database_urls` names only the sides that this process may connect as. `sealing_key` (32 bytes) seals private
    keys at rest. `public_url` is where phones reach the server; its host is the issuer and the origin of passes.
    """

    public_url: str
    sealing_key: bytes = field(repr=False)
    database_urls: dict[Side, str] = field(repr=False)
    firebase_credentials: Path | None = None
    push_url: str | None = None
    metrics_port: int | None = None

    @property
    def host(self) -> str:
        """The host name in `public_url`, without a port: issuer name and origin (RFC 9577, section 2.1)."""
        return urlsplit(self.public_url).hostname or ""


def from_environment() -> Config:
    """Read the settings; raises Misconfigured."""
    env = Env()
    urls = {side: env.str(name) for side, name in SIDE_VARIABLES.items() if env.str(name, None)}
    if not urls:
        raise Misconfigured(f"Set at least one of {', '.join(SIDE_VARIABLES.values())}.")
    credentials = env.str("FIREBASE_CREDENTIALS", None)
    return Config(
        public_url=_public_url(env.str("PUBLIC_URL", "")),
        sealing_key=decode_sealing_key(env.str("SEALING_KEY", "")),
        database_urls=urls,
        firebase_credentials=Path(credentials) if credentials else None,
        push_url=_push_url(env.str("PUSH_URL", None)),
        metrics_port=_port(env),
    )


def _port(env: Env) -> int | None:
    try:
        return env.int("METRICS_PORT", None)
    except EnvError:
        raise Misconfigured("METRICS_PORT must be a number, like 9091.") from None


def _is_encrypted(value: str) -> bool:
    """Or never leaves this machine."""
    parts = urlsplit(value)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1")


def _push_url(value: str | None) -> str | None:
    if value and not _is_encrypted(value):
        raise Misconfigured("PUSH_URL must begin with https:// — it is told which phone is rung, and when.")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Misconfigured("PUBLIC_URL must be the address that phones use, like https://relief.example.gov")
    if not _is_encrypted(value):
        raise Misconfigured("PUBLIC_URL must begin with https:// — phones never send a word unencrypted.")
    return value.rstrip("/")


def decode_sealing_key(value: str) -> bytes:
    """32 bytes from base64; raises Misconfigured."""
    try:
        key = base64.b64decode(value, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise Misconfigured("SEALING_KEY must be 32 random bytes in base64. `relief key` makes one.")
    return key
