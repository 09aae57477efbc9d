"""How often somebody may fail: a count for each name, whether anybody has it or not.

Staff and officers have tables of their own, of one shape; what is the same for both stands here.
"""

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.errors import TooMany
from backend.models.agency.signing_in import Attempts
from backend.sealing import derive

FAILURES = 10
WINDOW = timedelta(minutes=15)


@dataclass(frozen=True)
class Attempt:
    """One try, counted in `table` under a keyed hash of the name."""

    table: type[Attempts]
    name_hash: bytes

    def check(self, session: Session, now: datetime) -> None:
        """Raises TooMany if there were too many failures of late; `Retry-After` says how long to wait."""
        ends_at = session.scalar(
            select(self.table.window_ends_at).where(
                self.table.name_hash == self.name_hash,
                self.table.failures >= FAILURES,
                self.table.window_ends_at > now,
            )
        )
        if ends_at is not None:
            raise TooMany(_seconds(ends_at - now))

    def fail(self, session: Session, now: datetime) -> None:
        """Count a failure. The window starts with the first, and no later one makes it longer.

        Raises TooMany where others, at the same moment, were the last that could be answered.
        """
        table = self.table
        row = insert(table).values(name_hash=self.name_hash, failures=1, window_ends_at=now + WINDOW)
        over = table.window_ends_at <= now
        failures, ends_at = session.execute(
            row.on_conflict_do_update(
                index_elements=[table.name_hash],
                set_={
                    "failures": case((over, 1), else_=table.failures + 1),
                    "window_ends_at": case((over, now + WINDOW), else_=table.window_ends_at),
                },
            ).returning(table.failures, table.window_ends_at)
        ).one()
        if failures > FAILURES:
            raise TooMany(_seconds(ends_at - now))

    def succeed(self, session: Session, now: datetime) -> None:
        """Forget the failures, unless there were too many meanwhile: then raises TooMany, right or not."""
        self.check(session, now)
        self.forget(session)

    def forget(self, session: Session) -> None:
        """Count from nought again."""
        session.execute(delete(self.table).where(self.table.name_hash == self.name_hash))


@dataclass(frozen=True)
class Claim:
    """Somebody says who he is. `owner_id` and `passphrase_hash` are None where there is nobody by that name."""

    attempt: Attempt
    owner_id: uuid.UUID | None
    passphrase_hash: str | None


def attempt(table: type[Attempts], sealing_key: bytes, what: str, name: str) -> Attempt:
    """One try to do `what` as `name`."""
    key = derive(sealing_key, "sign-in attempts")
    return Attempt(table, hmac.new(key, f"{what} {name}".encode(), hashlib.sha256).digest())


def _seconds(wait: timedelta) -> int:
    return max(1, -(-wait // timedelta(seconds=1)))
