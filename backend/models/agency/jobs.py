"""Work that was left for later, in the transaction that wanted it done."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.tables import Facts, Table


class Job(Table):
    """One piece of work. Its arguments name rows; they never hold a token, a name or a text.

    A job is ready when `run_at` has passed and no lease is running. `generation` grows when the same key is
    asked for again while somebody works on it, so that the later wish is not lost with the earlier one.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index(
            "job_key",
            "kind",
            "key",
            unique=True,
            postgresql_where=text("key IS NOT NULL AND died_at IS NULL"),
        ),
        Index("job_ready", "run_at", postgresql_where=text("died_at IS NULL")),
        {"schema": "agency"},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    key: Mapped[str | None]
    args: Mapped[Facts]
    run_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    generation: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    died_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    """Why it died, in words that hold nothing of anybody: an error's kind, a status."""
