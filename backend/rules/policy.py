"""The agency's policy: how fast requests are passed on, read once from its JSON and typed from then on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

_LONGEST = 366 * 86400
_DEFAULTS = {"opening_within": 86400}


class Urgency(StrEnum):
    """How soon the asker needs somebody."""

    NOW = "now"
    TODAY = "today"
    ROUTINE = "routine"


class WrongPolicy(ValueError):
    """A policy that can't be followed: `path` names the entry, like `now.size`, and `reason` is for its writer."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class Pace:
    """How requests of one urgency go: `size` peers at once have `answer_within`; after `tell_after` people are told."""

    size: int
    answer_within: timedelta
    tell_after: timedelta


@dataclass(frozen=True)
class Policy:
    """How requests are passed on, and when they end.

    `opening_within` is how long the asker's phone may take to write its opening, `first_message_within` how long
    the peer may then take to answer. `idle_days` closes a silent conversation, `keep_days` deletes what has ended.
    """

    paces: Mapping[Urgency, Pace]
    opening_within: timedelta
    first_message_within: timedelta
    tell_again_after: timedelta
    idle_days: int
    keep_days: int


def read_policy(facts: Mapping[str, Any]) -> Policy:
    """The policy in an agency's JSON (times in seconds); raises WrongPolicy."""
    facts = _DEFAULTS | dict(facts)
    known = {*Urgency, "opening_within", "first_message_within", "tell_again_after", "idle_days", "keep_days"}
    for name in sorted(set(facts) - known):
        raise WrongPolicy(str(name), "no policy has this entry")
    return Policy(
        paces={urgency: _pace(urgency, facts.get(urgency)) for urgency in Urgency},
        opening_within=_seconds(facts, "opening_within"),
        first_message_within=_seconds(facts, "first_message_within"),
        tell_again_after=_seconds(facts, "tell_again_after"),
        idle_days=_whole(facts, "idle_days", 366),
        keep_days=_whole(facts, "keep_days", 90),
    )


def _pace(urgency: Urgency, facts: Any) -> Pace:
    if not isinstance(facts, Mapping):
        raise WrongPolicy(urgency, "this needs size, answer_within and tell_after")
    for name in sorted(set(facts) - {"size", "answer_within", "tell_after"}):
        raise WrongPolicy(f"{urgency}.{name}", "no pace has this entry")
    return Pace(
        size=_whole(facts, "size", 20, f"{urgency}."),
        answer_within=_seconds(facts, "answer_within", f"{urgency}."),
        tell_after=_seconds(facts, "tell_after", f"{urgency}."),
    )


def _seconds(facts: Mapping[str, Any], name: str, below: str = "") -> timedelta:
    return timedelta(seconds=_whole(facts, name, _LONGEST, below))


def _whole(facts: Mapping[str, Any], name: str, most: int, below: str = "") -> int:
    value = facts.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise WrongPolicy(f"{below}{name}", f"this must be a whole number from 1 to {most}")
    return value
