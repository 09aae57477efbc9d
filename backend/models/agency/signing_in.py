"""What signing in keeps, of one shape for staff and for officers. Each has tables of their own."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column


class Family:
    """One sign-in: the family of its rotating tokens. Tokens are kept as SHA-256, and never in clear."""

    family_hash: Mapped[bytes] = mapped_column(unique=True)
    """Of the part that all refresh tokens of the family share, so that the oldest is known for what it is."""
    access_hash: Mapped[bytes] = mapped_column(unique=True)
    access_expires_at: Mapped[datetime]
    refresh_hash: Mapped[bytes]
    spent_refresh_hash: Mapped[bytes | None]
    """The refresh token before this one, whose answer can be repeated for some seconds."""
    salt: Mapped[bytes]
    """Makes the present tokens from the one before them. Alone it makes nothing."""
    rotated_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Attempts:
    """How often a sign-in failed of late for one name, known or not. `name_hash` is a keyed hash."""

    name_hash: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    window_ends_at: Mapped[datetime]
