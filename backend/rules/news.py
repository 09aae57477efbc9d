"""The news: one small file for all phones, which tells an asker that something waits for him, and nobody else.

What the file shows to somebody who reads every version of it depends on the clock, and on how many requests had
something unread when the quarter began, rounded up to a power of two. It does not depend on what happened since:
each version adds the same number of tags to the one before, takes none away, and is made at a fixed moment. New
requests take the place of some of the random tags that would have been added anyway; docs/decisions/0008 has the
reasoning.
"""

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

QUARTER = timedelta(minutes=15)
TICK = timedelta(seconds=10)
_FEWEST = 32
_SHARE = 16
_TAG_BYTES = 8
_CONTEXT = b"relief news"


@dataclass(frozen=True)
class Moment:
    """When a version is made: which quarter of an hour since the Unix epoch, and which tick of ten seconds in it."""

    quarter: int
    tick: int

    @property
    def ends_at(self) -> datetime:
        """When the next version is due."""
        return datetime.fromtimestamp(0, UTC) + self.quarter * QUARTER + (self.tick + 1) * TICK


def moment(now: datetime) -> Moment:
    """The moment that `now` lies in."""
    quarter, rest = divmod(now - datetime.fromtimestamp(0, UTC), QUARTER)
    return Moment(quarter, rest // TICK)


def tag(secret_hash: bytes, quarter: int) -> str:
    """A request's tag for one quarter. `secret_hash` is the SHA-256 of the asker's secret."""
    return hmac.digest(secret_hash, _CONTEXT + quarter.to_bytes(8, "big"), "sha256")[:_TAG_BYTES].hex()


def compose(at: Moment, unread: Collection[bytes], before: dict[str, Any] | None) -> dict[str, Any]:
    """The file for this moment: `quarter`, `tick` and sorted `tags`.

    `unread` holds the secret hashes of requests with something unread, `before` is the file as it stands. Of one
    moment there is only one version. Who finds no room (a burst) is in a version soon after, and in the first of the
    next quarter at the latest.
    """
    real = {tag(secret_hash, at.quarter) for secret_hash in unread}
    if before is None or before["quarter"] != at.quarter:
        old: set[str] = set()
        first = _padded(len(real))
    elif before["tick"] >= at.tick:
        return before
    else:
        old = set(before["tags"])
        first = len(old) * _SHARE // (_SHARE + before["tick"])
    size = first + at.tick * (first // _SHARE)
    new = _some(real - old, size - len(old))
    while len(old) + len(new) < size:
        new.add(secrets.token_hex(_TAG_BYTES))
    return {"quarter": at.quarter, "tick": at.tick, "tags": sorted(old | new)}


def _padded(real: int) -> int:
    """How many tags a quarter begins with: a power of two, at least 32, at least twice what is real."""
    return max(_FEWEST, 1 << (2 * real - 1).bit_length())


def _some(tags: set[str], room: int) -> set[str]:
    """As many of them as there is room for, by lot."""
    return set(secrets.SystemRandom().sample(sorted(tags), min(len(tags), room)))
