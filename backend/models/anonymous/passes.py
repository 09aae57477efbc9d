"""Passes that were spent."""

from datetime import date

from sqlalchemy.orm import Mapped, mapped_column

from backend.models.tables import Table


class SpentPass(Table):
    """The SHA-256 of a pass that was spent, until its key's period is over and it couldn't be spent again anyway."""

    __tablename__ = "spent_pass"
    __table_args__ = ({"schema": "anonymous"},)

    pass_hash: Mapped[bytes] = mapped_column(primary_key=True)
    forget_on: Mapped[date]
