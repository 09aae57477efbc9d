"""Passphrases: Argon2id (RFC 9106), one at a time on a server, with a rest after each, and behind everything else.

A storm of sign-ins must not take the threads, the cores or the memory (19 MiB each) of somebody who asks for help. Of
a process's four threads two can be here at most; whoever finds both places taken is told to come again in a moment.
"""

import fcntl
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.errors import Busy

hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
NOBODY = hasher.hash("a passphrase that nobody has, so that unknown names cost the same work")
_STEP = 10
_LONGEST_REST = 0.1
_places = threading.BoundedSemaphore(2)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Proof:
    """Whether the passphrase was right; `renewed` is a hash to store instead, if the old one is out of date."""

    right: bool
    renewed: str | None = None


def hash_passphrase(passphrase: str) -> str:
    """The PHC string to store; raises Busy."""
    return _aside(lambda: hasher.hash(passphrase))


def prove(passphrase: str, stored: str | None) -> Proof:
    """Look at a passphrase; `None` (nobody by that name) costs the same work and is never right. Raises Busy."""
    return _aside(lambda: _prove(passphrase, stored))


def _prove(passphrase: str, stored: str | None) -> Proof:
    try:
        right = hasher.verify(stored or NOBODY, passphrase) and stored is not None
    except (VerificationError, InvalidHashError):
        right = False
    if right and stored and hasher.check_needs_rehash(stored):
        return Proof(right, hasher.hash(passphrase))
    return Proof(right)


def _aside(work: Callable[[], Result]) -> Result:
    """Do it in a thread of its own that gives way, since a thread that has stepped back can't step forward again."""
    if not _places.acquire(blocking=False):
        raise Busy(1 + secrets.randbelow(5))
    try:
        with _turn(), ThreadPoolExecutor(1, initializer=_step_back) as thread:
            return thread.submit(work).result()
    finally:
        _places.release()


@contextmanager
def _turn() -> Iterator[None]:
    """The lock is on this very file, so that all processes know it; the system unlocks for one that dies.

    It is kept for as long again as the work took: a storm has half a core.
    """
    with Path(__file__).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        start = time.monotonic()
        yield
        time.sleep(min(_LONGEST_REST, time.monotonic() - start))


def _step_back() -> None:
    """Linux knows the niceness of a single thread, by its id; elsewhere it has to do without."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _STEP)
