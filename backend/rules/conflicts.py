"""Who must never be asked. These rules are hard: no wish and no setting bends them.

Source of the list: IACP peer support guidelines (2016): nobody whom one supervises, evaluates or investigates, who
does so to oneself, or who was part of the same incident; here as far as the chain of command and the asker tell it.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Span:
    """From when until when something held: `since` counts, `until` no more; None: it still does."""

    since: datetime
    until: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether it held at that moment."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True)
class Link:
    """That `unit` stood under `parent`."""

    unit: uuid.UUID
    parent: uuid.UUID
    span: Span


@dataclass(frozen=True)
class Posting:
    """That somebody belonged to `unit` or supervised it: for a conflict it is the same."""

    staff: uuid.UUID
    unit: uuid.UUID
    span: Span


@dataclass(frozen=True)
class Colleague:
    """A peer or clinician, as far as it matters for who is asked first."""

    id: uuid.UUID
    facility: uuid.UUID
    languages: frozenset[str]
    topics: frozenset[str]
    conversations: int
    """How many he has open now."""
    cap: int


@dataclass(frozen=True)
class Command:
    """The chain of command with its history: who stood under whom, and who was posted where."""

    links: Sequence[Link]
    postings: Sequence[Posting]


@dataclass(frozen=True)
class HardFacts:
    """What an asker says that nobody may go against. Lives in memory only, and never shows itself."""

    unit: uuid.UUID | None = field(repr=False)
    moments: Sequence[datetime] = field(repr=False)
    """Today, and the start of the incident if there is one."""
    involved: frozenset[uuid.UUID] = field(repr=False)
    """Who was part of the incident."""
    keep_away: frozenset[uuid.UUID] = field(repr=False)
    languages: frozenset[str] = field(repr=False)


def without_conflict(facts: HardFacts, colleagues: Iterable[Colleague], command: Command) -> list[Colleague]:
    """Those of the colleagues who may be asked, in the order in which they came."""
    barred = facts.involved | facts.keep_away | _in_chain(facts, command)
    return [one for one in colleagues if one.id not in barred and one.languages & facts.languages]


def _in_chain(facts: HardFacts, command: Command) -> frozenset[uuid.UUID]:
    """Who was posted, at any of the moments, in a unit of the asker's chain of command at any of them."""
    if facts.unit is None:
        return frozenset()
    units: set[uuid.UUID] = set()
    for moment in facts.moments:
        units |= chain_of_command(facts.unit, command.links, moment)
    return frozenset(
        posting.staff
        for posting in command.postings
        if posting.unit in units and any(posting.span.holds(moment) for moment in facts.moments)
    )


def chain_of_command(unit: uuid.UUID, links: Iterable[Link], moment: datetime) -> set[uuid.UUID]:
    """The unit, all above it and all below it at that moment."""
    above: dict[uuid.UUID, list[uuid.UUID]] = {}
    below: dict[uuid.UUID, list[uuid.UUID]] = {}
    for link in links:
        if link.span.holds(moment):
            above.setdefault(link.unit, []).append(link.parent)
            below.setdefault(link.parent, []).append(link.unit)
    return _reached(unit, above) | _reached(unit, below)


def _reached(start: uuid.UUID, steps: Mapping[uuid.UUID, list[uuid.UUID]]) -> set[uuid.UUID]:
    reached, ahead = {start}, [start]
    while ahead:
        fresh = [unit for unit in steps.get(ahead.pop(), ()) if unit not in reached]
        reached.update(fresh)
        ahead.extend(fresh)
    return reached
