"""The evening in figures: counted from what happened, with what only the officers know, not by the server's code."""

import math
import statistics
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.demo.cast import OUT_OF_REACH, Story
from backend.demo.firebase import Arrival
from backend.notify.kinds import Notice, collapse_id

BEAT = "beat"


@dataclass
class Fate:
    """What became of one officer's evening, as he knows it himself."""

    story: Story
    request_id: uuid.UUID
    asked_at: datetime
    withdrew: bool = False
    answered: bool = False
    """Whether somebody has written to him, and he has read it."""
    waits: list[tuple[str, float]] = field(default_factory=list)
    """How he heard of answers: the way, and the seconds from the answer to his knowing."""

    @property
    def left_alone(self) -> bool:
        """Nobody wrote to him, and it wasn't he who took it back."""
        return not (self.answered or self.withdrew)


@dataclass(frozen=True)
class Asked:
    """One offer, as the database has it at the end."""

    offer_id: uuid.UUID
    request_id: uuid.UUID
    slug: str
    state: str


def all_offers(session: Session) -> list[Asked]:
    """Who was asked for which request. Needs to be the owner."""
    rows = session.execute(
        text(
            "SELECT o.id, o.request_id, s.slug, o.state FROM anonymous.offer o JOIN agency.staff s ON s.id = o.staff_id"
        )
    )
    return [Asked(*row) for row in rows]


def conflicts_of_interest(fates: Iterable[Fate], offers: Iterable[Asked]) -> int:
    """How many offers went to somebody who must never be asked by that officer."""
    never = {fate.request_id: fate.story.never for fate in fates}
    return sum(offer.slug in never[offer.request_id] for offer in offers)


def disturbed(offers: Iterable[Asked]) -> int:
    """How many offers went to somebody who had said that he can't be reached."""
    return sum(offer.slug in OUT_OF_REACH for offer in offers)


def request_to_push(fates: Iterable[Fate], offers: Collection[Asked], arrivals: Iterable[Arrival]) -> list[float]:
    """Seconds from the tap to the first ring of a peer's phone, for each request that rang one."""
    rang: dict[str, datetime] = {}
    for arrival in arrivals:
        rang.setdefault(arrival.message["data"].get("c", ""), datetime.fromisoformat(arrival.at))
    waits = []
    for fate in fates:
        mine = [collapse_id(Notice.OFFER, offer.offer_id) for offer in offers if offer.request_id == fate.request_id]
        rings = [rang[one] for one in mine if one in rang]
        if rings:
            waits.append((min(rings) - fate.asked_at).total_seconds())
    return waits


def pushes(arrivals: Sequence[Arrival]) -> dict[str, int]:
    """How many messages there were of each kind; one to a topic is one, however many phones it reached."""
    messages = {id(arrival.message): arrival.why or BEAT for arrival in arrivals}
    return dict(sorted(Counter(messages.values()).items()))


def spread(seconds: Sequence[float]) -> dict[str, float] | None:
    """Median and 99th percentile (nearest rank) in milliseconds; None where there is nothing to measure."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    worst = ordered[math.ceil(0.99 * len(ordered)) - 1]
    return {"median": round(statistics.median(ordered) * 1000, 1), "p99": round(worst * 1000, 1)}


def figures(
    fates: Sequence[Fate], offers: Sequence[Asked], arrivals: Sequence[Arrival], counts: Mapping[str, int]
) -> dict[str, Any]:
    """What `demo.json` says. `counts`: `enrolments`, `drawn` and `spent`, as the phones counted them."""
    states = Counter(offer.state for offer in offers)
    ways = sorted({way for fate in fates for way, _ in fate.waits})
    return {
        "enrolments": counts["enrolments"],
        "passes": {"drawn": counts["drawn"], "spent": counts["spent"]},
        "requests": len(fates),
        "offers": len(offers),
        "accepted": sum(states[state] for state in ("accepted", "lapsed", "handed over")),
        "lapsed": states["lapsed"],
        "handed_over": states["handed over"],
        "declined": states["declined"],
        "expired": states["expired"],
        "cancelled": states["cancelled"],
        "withdrawn": sum(fate.withdrew for fate in fates),
        "left_alone": sum(fate.left_alone for fate in fates),
        "conflicts_of_interest": conflicts_of_interest(fates, offers),
        "disturbed": disturbed(offers),
        "pushes": pushes(arrivals),
        "request_to_push": spread(request_to_push(fates, offers, arrivals)),
        "answer_to_asker": {
            way: spread([wait for fate in fates for by, wait in fate.waits if by == way]) for way in ways
        },
    }
