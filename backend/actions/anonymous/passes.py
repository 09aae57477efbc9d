"""Spending passes: each is good once, for its purpose, in its time. Nothing here can tell whose it was."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.door.keys import PublicKey
from backend.door.periods import Purpose
from backend.door.wire import Token
from backend.errors import Conflict, Forbidden, Unproven
from backend.models.agency.record import IssuerKey
from backend.models.anonymous.passes import SpentPass

BARE = {"WWW-Authenticate": "PrivateToken"}


@dataclass(frozen=True)
class KnownKey:
    """An issuer key as far as spending needs it. It never changes."""

    public: PublicKey
    purpose: Purpose
    period: str
    cohort_id: uuid.UUID | None
    spends_from: datetime
    spends_until: datetime


@dataclass(frozen=True)
class ShownPass:
    """A pass that is genuine and good for what it was shown for; whether it was spent before is for `spend` to say."""

    pass_hash: bytes
    """SHA-256 of the token."""
    key_id: bytes
    purpose: Purpose
    period: str
    cohort_id: uuid.UUID | None
    spends_until: datetime


def known_key(session: Session, key_id: bytes) -> KnownKey:
    """The key that signed a pass; raises Unproven for one that isn't ours."""
    row = session.get(IssuerKey, key_id)
    if row is None:
        raise Unproven("pass-key-unknown", "This pass was not signed with a key of this agency.", headers=BARE)
    return KnownKey(
        PublicKey.from_spki(row.spki),
        Purpose(row.purpose),
        row.period,
        row.cohort_id,
        row.spends_from,
        row.spends_until,
    )


def check(token: Token, key: KnownKey, purpose: Purpose, challenge_digest: bytes, now: datetime) -> ShownPass:
    """The pass, if it is genuine and good for `purpose` now; raises Unproven or Forbidden."""
    if token.challenge_digest != challenge_digest:
        raise Unproven("pass-for-another-server", "This pass was drawn for another server.", headers=BARE)
    if not key.public.verifies(token.signed, token.signature):
        raise Unproven("pass-not-genuine", "The signature of this pass doesn't fit it.", headers=BARE)
    if key.purpose is not purpose:
        raise Forbidden("pass-for-something-else", f"This pass is for {key.purpose}; here one for {purpose} is needed.")
    if now < key.spends_from:
        raise Forbidden("pass-too-early", "The time of this pass has not come. The key list says when it does.")
    if now >= key.spends_until:
        raise Forbidden("pass-too-late", "The time of this pass is over. Please use a newer one.")
    pass_hash = hashlib.sha256(token.to_bytes()).digest()
    return ShownPass(pass_hash, token.key_id, purpose, key.period, key.cohort_id, key.spends_until)


def spend(session: Session, shown: ShownPass) -> None:
    """Spend the pass; raises Conflict if it was spent before, also by somebody at this very moment."""
    forget_on = shown.spends_until.date() + timedelta(days=1)
    spent = session.scalar(
        insert(SpentPass)
        .values(pass_hash=shown.pass_hash, forget_on=forget_on)
        .on_conflict_do_nothing()
        .returning(SpentPass.pass_hash)
    )
    if spent is None:
        raise Conflict("pass-spent", "This pass was used before. Please use another one.")
