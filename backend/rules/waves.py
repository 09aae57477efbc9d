"""Waves: whom to ask next, and when to look again."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from itertools import islice


@dataclass(frozen=True)
class Reach:
    """Whether somebody can be asked: his phone's word, his quiet hours, his rest, his cap."""

    state: str
    until: datetime | None
    quiet_from: time | None
    quiet_to: time | None
    rests_until: datetime | None
    cap: int
    conversations: int


def next_wave(
    order: Sequence[uuid.UUID],
    asked: Collection[uuid.UUID],
    reaches: Mapping[uuid.UUID, Reach],
    *,
    size: int,
    now: datetime,
    zone: tzinfo,
) -> list[uuid.UUID]:
    """The next `size` of the order who haven't been asked and can be asked now; the others keep their turn."""
    free = (one for one in order if one not in asked and one in reaches and can_be_asked(reaches[one], now, zone))
    return list(islice(free, size))


def can_be_asked(reach: Reach, now: datetime, zone: tzinfo) -> bool:
    """Phone at hand, awake, not resting, below his cap."""
    at_hand = reach.state == "reachable" and (reach.until is None or now < reach.until)
    return at_hand and not is_left_in_peace(reach, now, zone) and reach.conversations < reach.cap


def is_left_in_peace(reach: Reach, now: datetime, zone: tzinfo) -> bool:
    """Whether he rests or has quiet hours: a right, which nobody who offers a request may pass over."""
    resting = reach.rests_until is not None and now < reach.rests_until
    return resting or _is_quiet(reach.quiet_from, reach.quiet_to, now.astimezone(zone).time())


def _is_quiet(start: time | None, end: time | None, local: time) -> bool:
    if start is None or end is None:
        return False
    if start <= end:
        return start <= local < end
    return local >= start or local < end


def next_look(now: datetime, tell_at: datetime, expiries: Collection[datetime], answer_within: timedelta) -> datetime:
    """When an open request is to be looked after again: an offer ends, people are to be told, or peers may be back."""
    return min(tell_at, *(expiries or [now + answer_within]))
