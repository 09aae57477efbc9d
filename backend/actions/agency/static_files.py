"""Files that are the same for everybody, made when something changes and not when somebody asks."""

import hashlib

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.models.agency.record import StaticFile


def put(session: Session, path: str, body: bytes, media_type: str = "application/json") -> None:
    """From the commit on, `/v1/public/{path}` is these bytes; the ETag is their hash."""
    etag = hashlib.sha256(body).hexdigest()[:32]
    row = insert(StaticFile).values(path=path, media_type=media_type, body=body, etag=etag)
    changed = {"media_type": row.excluded.media_type, "body": row.excluded.body, "etag": row.excluded.etag}
    session.execute(
        row.on_conflict_do_update(index_elements=[StaticFile.path], set_=changed, where=StaticFile.etag != etag)
    )


def stored(session: Session, path: str) -> bytes | None:
    """The bytes as they stand."""
    file = session.get(StaticFile, path, populate_existing=True)
    return file.body if file else None
