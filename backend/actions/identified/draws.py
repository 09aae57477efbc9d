"""Drawing passes. The server signs what it can't see, and counts how many it signed for each account."""

import hashlib
import uuid
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.actions.agency.issuer_keys import find_key
from backend.actions.identified.key_rotation import SEALED_AS
from backend.door.periods import QUOTA, Purpose
from backend.door.signing import SigningKey
from backend.door.wire import TokenRequest, Unreadable
from backend.errors import Conflict, Forbidden, Gone, Invalid, Missing
from backend.models.agency.places import Facility
from backend.models.agency.record import IssuerKey
from backend.models.identified.accounts import Account
from backend.models.identified.draws import Draw, PrivateKey
from backend.sealing import unseal


def draw(
    session: Session, account_id: uuid.UUID, key_id: str, token_request: bytes, *, sealing_key: bytes, now: datetime
) -> bytes:
    """The TokenResponse (256 bytes) to a TokenRequest (259 bytes).

    The same request again gets the same answer and isn't counted: signing is deterministic. Raises Missing for an
    unknown key, Forbidden for another cohort's, Conflict before the key's time and over the quota, Gone after it,
    and Invalid for bytes that can't be signed (RFC 9578, section 6.2).
    """
    key = find_key(session, key_id)
    request = _read(token_request, key)
    _check_time(key, now)
    account = session.scalar(select(Account).where(Account.id == account_id).with_for_update(key_share=True))
    if account is None:
        raise Missing("This account")
    _count(session, account, key, hashlib.sha256(request.blinded).digest())
    return _sign(session, key, request, sealing_key)


def _read(token_request: bytes, key: IssuerKey) -> TokenRequest:
    try:
        request = TokenRequest.from_bytes(token_request)
    except Unreadable as unreadable:
        raise Invalid({"body": str(unreadable)}) from None
    if request.truncated_key_id != key.key_id[-1]:
        raise Invalid({"body": "The truncated key id is not that of the key in the address."})
    return request


def _check_time(key: IssuerKey, now: datetime) -> None:
    if now < key.draws_from:
        raise Conflict("draw-too-early", "Passes with this key can't be drawn yet. The key list says from when.")
    if now >= key.draws_until:
        raise Gone("draw-over", "Passes with this key can no longer be drawn. Please take a later key from the list.")


def _count(session: Session, account: Account, key: IssuerKey, blinded_hash: bytes) -> None:
    """Count the draw, unless it was counted before. The account's row is locked, so that no two are counted at once."""
    drawn_with = session.scalar(
        select(Draw.key_id).where(Draw.account_id == account.id, Draw.blinded_hash == blinded_hash)
    )
    if drawn_with == key.key_id:
        return
    if drawn_with is not None:
        raise Conflict("blinded-for-another-key", "This was drawn with another key. Please make a new request.")
    _check_cohort(session, account, key)
    before = session.scalar(
        select(func.count()).where(
            Draw.account_id == account.id, Draw.purpose == key.purpose, Draw.period == key.period
        )
    )
    if before is None or before >= QUOTA[Purpose(key.purpose)]:
        raise Conflict("quota-reached", "You have drawn every pass of this kind for this period.")
    session.add(
        Draw(
            account_id=account.id,
            purpose=key.purpose,
            period=key.period,
            number=before + 1,
            key_id=key.key_id,
            blinded_hash=blinded_hash,
        )
    )
    session.flush()


def _check_cohort(session: Session, account: Account, key: IssuerKey) -> None:
    """The key must be the one for where the officer is now: his cohort's own if it has one, else the shared one.

    The quota doesn't look at the cohort. So a changed facility counts from the first week not yet drawn.
    """
    own = session.execute(
        select(IssuerKey.key_id, IssuerKey.cohort_id)
        .join(Facility, Facility.cohort_id == IssuerKey.cohort_id)
        .where(Facility.id == account.facility_id, IssuerKey.purpose == key.purpose, IssuerKey.period == key.period)
    ).one_or_none()
    if key.cohort_id != (own.cohort_id if own else None):
        raise Forbidden(
            "another-cohorts-key", "This key is not for your facility. Please take the one for it from the key list."
        )


def _sign(session: Session, key: IssuerKey, request: TokenRequest, sealing_key: bytes) -> bytes:
    sealed = session.scalar(select(PrivateKey.sealed_key).where(PrivateKey.key_id == key.key_id))
    if sealed is None:
        raise Gone("draw-over", "Passes with this key can no longer be drawn. Please take a later key from the list.")
    try:
        return SigningKey.from_bytes(unseal(sealing_key, sealed, SEALED_AS)).sign(request.blinded)
    except Unreadable as unreadable:
        raise Invalid({"body": str(unreadable)}) from None
