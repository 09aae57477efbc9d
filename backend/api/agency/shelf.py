"""Public files in memory, so that fifty thousand phones that wake at once don't touch the database."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy.exc
from flask import current_app
from sqlalchemy import select

from backend import logs
from backend.actions.agency import record
from backend.db import Side, transaction
from backend.models.agency.record import StaticFile

_FRESH = 1.0
_PATIENCE = 0.5
"""Seconds to wait for the one who looks. Phones come together after a quiet night: what was seen last is old then."""
_KEPT_DOCUMENTS = 2048
_AWAY = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError)


@dataclass(frozen=True)
class File:
    """One public file as it is sent."""

    body: bytes
    etag: str
    media_type: str = "application/json"


class Shelf:
    """The public files of one process, looked after at most once a second, by one thread for all.

    Where the database is away or slow, what was last seen goes on being served: phone lines must not go down with it.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._files: dict[str, File] | None = None
        self._documents: dict[int, File] = {}
        self._look_again_at = 0.0
        self._patience = _PATIENCE

    def file(self, path: str) -> File | None:
        """The file as it stood a second ago or later, while the database answers; None if it was never made."""
        if self._files is None:
            with self._lock:
                self._files = self._files or self._look({})
        elif self._is_due():
            self._refresh()
        return self._files.get(path)

    def document(self, sequence: int) -> File:
        """A document of the record, which never changes; raises Missing."""
        found = self._documents.get(sequence)
        if found is None:
            with transaction(Side.ANONYMOUS) as session:
                found = File(record.read(session, sequence), str(sequence))
            if len(self._documents) < _KEPT_DOCUMENTS:
                self._documents[sequence] = found
        return found

    def _is_due(self) -> bool:
        return self._monotonic() >= self._look_again_at

    def _refresh(self) -> None:
        """Look, or wait for the one who does; who has waited in vain waits no more until a look succeeds."""
        if not self._lock.acquire(timeout=self._patience):
            self._patience = 0.0
            return
        try:
            if self._is_due():
                self._files = self._look(self._files or {})
                self._patience = _PATIENCE
        except _AWAY as error:
            self._patience = 0.0
            logs.failed("the database is away, public files come from memory", error)
        finally:
            self._lock.release()

    def _look(self, known: dict[str, File]) -> dict[str, File]:
        try:
            return self._read(known)
        finally:
            self._look_again_at = self._monotonic() + _FRESH

    @staticmethod
    def _read(known: dict[str, File]) -> dict[str, File]:
        """One short query; another only for what has changed."""
        with transaction(Side.ANONYMOUS) as session:
            etags = dict(session.execute(select(StaticFile.path, StaticFile.etag)).all())
            same = {path: file for path, file in known.items() if etags.get(path) == file.etag}
            changed = etags.keys() - same.keys()
            if not changed:
                return same
            rows = session.scalars(select(StaticFile).where(StaticFile.path.in_(changed)))
            return same | {row.path: File(row.body, row.etag, row.media_type) for row in rows}


def shelf() -> Shelf:
    """The shelf of the running application."""
    found: Shelf = current_app.extensions.setdefault("relief shelf", Shelf())
    return found
