"""Passphrases: Argon2id (RFC 9106), never more at once than the machine has cores, and a short queue.

A storm of sign-ins must not take the memory or the time of somebody who asks for help: whoever finds the queue full
is told to come again in a moment.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.errors import Busy

hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_cores = os.cpu_count() or 1
_running = threading.BoundedSemaphore(max(1, _cores // 2))
_waiting = threading.BoundedSemaphore(2 * _cores)
NOBODY = hasher.hash("a passphrase that nobody has, so that unknown names cost the same work")


def hash_passphrase(passphrase: str) -> str:
    """The PHC string to store; raises Busy."""
    with _turn():
        return hasher.hash(passphrase)


@dataclass(frozen=True)
class Proof:
    """Whether the passphrase was right; `renewed` is a hash to store instead, if the old one is out of date."""

    right: bool
    renewed: str | None = None


def prove(passphrase: str, stored: str | None) -> Proof:
    """Look at a passphrase; `None` (nobody by that name) costs the same work and is never right. Raises Busy."""
    with _turn():
        try:
            right = hasher.verify(stored or NOBODY, passphrase) and stored is not None
        except (VerificationError, InvalidHashError):
            right = False
        if right and stored and hasher.check_needs_rehash(stored):
            return Proof(right, hasher.hash(passphrase))
        return Proof(right)


@contextmanager
def _turn() -> Iterator[None]:
    if not _waiting.acquire(blocking=False):
        raise Busy
    try:
        with _running:
            yield
    finally:
        _waiting.release()
