"""In which order colleagues are asked: wishes, which bend where hard rules don't."""

import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from backend.rules.conflicts import Colleague

Chance = Callable[[], float]
chance: Chance = secrets.SystemRandom().random


class Where(StrEnum):
    """From which facility the asker would rather have somebody."""

    SAME = "same"
    OTHER = "other"
    ANY = "any"


@dataclass(frozen=True)
class Wishes:
    """What the asker would rather have. Lives in memory only, and never shows itself.

    `home` is the facility that `where` is measured from; None if it isn't known, and then `where` is ANY.
    """

    where: Where = field(default=Where.ANY, repr=False)
    home: uuid.UUID | None = field(default=None, repr=False)
    prefer: frozenset[uuid.UUID] = field(default=frozenset(), repr=False)
    topics: frozenset[str] = field(default=frozenset(), repr=False)


def in_order(wishes: Wishes, colleagues: Iterable[Colleague], chance: Chance = chance) -> list[uuid.UUID]:
    """Who is asked first, second and so on.

    Named peers who aren't overloaded, the wished facility, shared topics, fewer open conversations, chance.
    """

    def rank(one: Colleague) -> tuple[bool, bool, int, int, float]:
        return (
            one.id not in wishes.prefer or one.conversations >= one.cap,
            not _as_wished(wishes, one),
            -len(one.topics & wishes.topics),
            one.conversations,
            chance(),
        )

    return [one.id for one in sorted(colleagues, key=rank)]


def _as_wished(wishes: Wishes, one: Colleague) -> bool:
    if wishes.where is Where.ANY or wishes.home is None:
        return True
    return (one.facility == wishes.home) is (wishes.where is Where.SAME)
