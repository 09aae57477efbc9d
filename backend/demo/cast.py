"""Who plays the evening: what each officer asks, what only he knows, and what the peers do who are asked.

`never` is written by hand from `agency.yaml`: who may not be asked by this officer. The server is never told; the demo
counts with it whether a conflict of interest passed.
"""

from dataclasses import dataclass
from enum import Enum

INVOLVED = "ines-example"
"""The peer who was part of the incident."""
CLINICIAN, COORDINATOR = "robin-example", "casey-example"
OUT_OF_REACH = {"finn-example": "quiet hours", "gus-example": "on post", "uma-example": "away"}


class Act(Enum):
    """What a peer does with an offer."""

    ACCEPT = "accept"
    DECLINE = "decline"
    SLEEP = "sleep through it"
    LEAVE = "accept, and then not write"
    HAND_OVER = "accept, write, and hand over"


class Ending(Enum):
    """How it goes on for the officer once somebody has written to him."""

    TALK = "talk"
    NEW_PHONE = "go on with a new phone, from the twelve words"
    WITHDRAW = "withdraw before anybody accepts"


class Hears(Enum):
    """How the officer's phone learns that somebody has answered."""

    DIRECT = "direct wake"
    SCREEN = "open screen"
    NEWS = "news"


@dataclass(frozen=True)
class Story:
    """One officer's evening. `acts` are what those who are asked do, in the order in which they are asked."""

    officer: str
    unit: str
    place: str
    urgency: str
    hears: Hears
    never: frozenset[str]
    acts: tuple[Act, ...]
    incident: bool = True
    languages: tuple[str, ...] = ("en",)
    keep_away: tuple[str, ...] = ()
    card: str = ""
    ending: Ending = Ending.TALK
    says: str = "I was there tonight. I keep hearing it."


@dataclass(frozen=True)
class Shift:
    """The officers of one shift, who ask at about the same time."""

    title: str
    stories: tuple[Story, ...]


_NORTH = frozenset({"jo-example", INVOLVED})

EVENING = (
    Shift(
        "The day shift goes home",
        (
            Story(
                officer="Officer 1",
                unit="north-a",
                place="Block A, North",
                urgency="now",
                hears=Hears.DIRECT,
                never=_NORTH | {"ada-example", "cleo-example"},
                keep_away=("cleo-example",),
                acts=(Act.ACCEPT, Act.SLEEP),
            ),
            Story(
                officer="Officer 2",
                unit="north-a",
                place="Block A, North",
                urgency="today",
                hears=Hears.SCREEN,
                never=_NORTH | {"ada-example"},
                acts=(Act.LEAVE, Act.ACCEPT),
            ),
        ),
    ),
    Shift(
        "The evening shift goes home",
        (
            Story(
                officer="Officer 3",
                unit="north-b",
                place="Block B, North",
                urgency="now",
                hears=Hears.SCREEN,
                never=_NORTH | {"ben-example"},
                languages=("es",),
                acts=(Act.ACCEPT,),
                says="Estuve ahí. No puedo dormir.",
            ),
            Story(
                officer="Officer 4",
                unit="north-b",
                place="Block B, North",
                urgency="today",
                hears=Hears.SCREEN,
                never=_NORTH | {"ben-example"},
                acts=(Act.DECLINE, Act.HAND_OVER, Act.ACCEPT),
            ),
            Story(
                officer="Officer 5",
                unit="south-a",
                place="Block A, South",
                urgency="routine",
                hears=Hears.SCREEN,
                never=frozenset({"dan-example", "uma-example"}),
                incident=False,
                acts=(Act.SLEEP, Act.ACCEPT),
                ending=Ending.NEW_PHONE,
                says="It's not about tonight. My marriage is going under.",
            ),
        ),
    ),
    Shift(
        "The night shift goes home",
        (
            Story(
                officer="Officer 6",
                unit="north-yard",
                place="Yard, North",
                urgency="today",
                hears=Hears.SCREEN,
                never=_NORTH | {"cleo-example"},
                acts=(Act.SLEEP,),
                ending=Ending.WITHDRAW,
            ),
            Story(
                officer="Officer 7",
                unit="north-a",
                place="Block A, North",
                urgency="now",
                hears=Hears.NEWS,
                never=_NORTH | {"ada-example"},
                acts=(Act.ACCEPT, Act.ACCEPT),
            ),
            Story(
                officer="Officer 8",
                unit="hill-dorms",
                place="Dormitories, Hill Camp",
                urgency="routine",
                hears=Hears.NEWS,
                never=frozenset({"hana-example", "max-example"}),
                incident=False,
                acts=(Act.ACCEPT,),
                card="Call me on 555-0142.",
            ),
        ),
    ),
)

STORIES = tuple(story for shift in EVENING for story in shift.stories)
QUIET_OFFICERS = 16
"""Officers who enrol and draw like the others, and ask for nothing: the crowd that the others hide in."""
