"""Keeping the public record: one chain, one key, and no document without need."""

import hashlib
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.actions.agency import static_files
from backend.base64url import encode_base64
from backend.errors import Missing
from backend.models.agency.record import RecordDocument, RecordKey
from backend.rules import record as rules
from backend.sealing import seal, unseal

_PURPOSE = "record key"


def make_key(session: Session, sealing_key: bytes) -> bytes:
    """The public half (32 bytes) of the agency's record key, which is made if there is none. There is never another."""
    found: bytes | None = session.scalar(select(RecordKey.public_key))
    if found is not None:
        return found
    key = Ed25519PrivateKey.generate()
    sealed = seal(sealing_key, key.private_bytes_raw(), _PURPOSE)
    values = {"one": True, "public_key": key.public_key().public_bytes_raw(), "sealed_key": sealed}
    session.execute(insert(RecordKey).values(values).on_conflict_do_nothing())
    made: bytes = session.scalars(select(RecordKey.public_key)).one()
    return made


def lock(session: Session) -> None:
    """From here to the commit nobody else adds to the record.

    Who makes a document takes it before he reads what the document will say, so that of two who make one at once
    the later sees what the earlier saw, and more.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('relief record'))"))


def append(session: Session, sealing_key: bytes, kind: str, body: bytes, now: datetime) -> RecordDocument:
    """The latest document of this kind with this body: a new one, signed, unless the last says the same already.

    The files that phones read (`/v1/public/{kind}` and the record's head) change with it.
    """
    lock(session)
    public_key = make_key(session, sealing_key)
    document = latest(session, kind)
    if document is None or document.body != body:
        document = _sign(session, sealing_key, kind, body, now)
        static_files.put(session, "record", rules.canonical(_shown(document, public_key)))
    file = _shown(document, public_key) | {"body": body.decode()}
    static_files.put(session, kind, rules.canonical(file))
    return document


def latest(session: Session, kind: str) -> RecordDocument | None:
    """The newest document of a kind."""
    return session.scalar(
        select(RecordDocument).where(RecordDocument.kind == kind).order_by(RecordDocument.sequence.desc()).limit(1)
    )


def head(session: Session) -> RecordDocument | None:
    """The newest document of all."""
    return session.scalar(select(RecordDocument).order_by(RecordDocument.sequence.desc()).limit(1))


def read(session: Session, sequence: int) -> bytes:
    """One document as `/v1/public/record/{sequence}` gives it; raises Missing."""
    document = session.get(RecordDocument, sequence)
    if document is None:
        raise Missing("This document")
    return rules.canonical(_shown(document))


def drop_bodies(session: Session, kind: str) -> None:
    """Forget the bodies of all documents of a kind but the newest. The chain keeps their hashes."""
    newest = select(func.max(RecordDocument.sequence)).where(RecordDocument.kind == kind).scalar_subquery()
    session.execute(
        update(RecordDocument)
        .where(RecordDocument.kind == kind, RecordDocument.sequence < newest, RecordDocument.body.is_not(None))
        .values(body=None)
        .execution_options(synchronize_session=False)
    )


def verify(session: Session) -> int:
    """Walk the whole chain; returns how many documents it has, or raises `backend.rules.record.Broken`."""
    public_key = session.scalar(select(RecordKey.public_key)) or b""
    previous, sequence = rules.FIRST_PREVIOUS, 0
    rows = select(RecordDocument).order_by(RecordDocument.sequence).execution_options(yield_per=500)
    with session.scalars(rows) as documents:
        for sequence, row in enumerate(documents, start=1):
            previous = _check(row, sequence, previous, public_key)
    return sequence


def _check(row: RecordDocument, sequence: int, previous: bytes, public_key: bytes) -> bytes:
    signed = rules.Signed(row.document, row.signature)
    said = rules.follow(public_key, sequence, previous, signed)
    if (said["kind"], signed.hash) != (row.kind, row.hash):
        raise rules.Broken(f"Document {sequence} is filed as something that it is not.")
    if row.body is not None and hashlib.sha256(row.body).hexdigest() != said["body"]:
        raise rules.Broken(f"The body of document {sequence} is not the one that was signed.")
    return signed.hash


def _sign(session: Session, sealing_key: bytes, kind: str, body: bytes, now: datetime) -> RecordDocument:
    sealed = session.scalars(select(RecordKey.sealed_key)).one()
    key = Ed25519PrivateKey.from_private_bytes(unseal(sealing_key, sealed, _PURPOSE))
    last = head(session)
    sequence, previous = (last.sequence + 1, last.hash) if last else (1, rules.FIRST_PREVIOUS)
    signed = rules.sign(key, body, sequence=sequence, previous=previous, kind=kind, made_on=now.date())
    row = RecordDocument(
        sequence=sequence,
        kind=kind,
        document=signed.document,
        signature=signed.signature,
        hash=signed.hash,
        body=body,
    )
    session.add(row)
    session.flush()
    return row


def _shown(document: RecordDocument, public_key: bytes | None = None) -> dict[str, str | int]:
    shown: dict[str, str | int] = {
        "sequence": document.sequence,
        "hash": document.hash.hex(),
        "document": document.document.decode(),
        "signature": encode_base64(document.signature),
    }
    return shown | ({"public_key": encode_base64(public_key)} if public_key else {})
