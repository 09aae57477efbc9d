"""What people are told: the table of who, in which words, how urgently, for how long.

No push ever carries content. A phone is told *that* there is something, in fixed words that stand in the app under
a localisation key; what it is, the app asks the server.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Who(StrEnum):
    """Whom a notice reaches."""

    STAFF = "staff"
    """The devices of one member of staff."""
    ASKER = "asker"
    """The one phone that asked to be woken directly."""
    OFFICERS = "officers"
    """Every officer's phone, by one topic."""
    FACILITY = "facility"
    """Every phone that belongs to one facility, by its topic."""


class Notice(StrEnum):
    """One thing that somebody can be told; `about` names the row that it is about."""

    OFFER = "offer"
    """Somebody asks for you; about: the offer."""
    MESSAGE = "message"
    """Something new in a conversation; about: the conversation."""
    NO_PEER_LEFT = "no peer left"
    """Somebody asked, and nobody has taken it: to clinicians and coordinators; about: the request."""
    TEST = "test"
    """A staff member tries whether his phone rings; about: anything."""
    ANSWER = "answer"
    """Somebody answered you: to the address made for one request; about: the request."""
    NEWS = "news"
    """Look at the news: to all officers' phones at once, silently; about: nothing."""
    INCIDENT = "incident"
    """A severe incident: to a facility's topic; about: the incident."""


@dataclass(frozen=True)
class Telling:
    """How one notice is told.

    `words`: the localisation key of the fixed words that the app shows; None: silent, nothing is shown.
    `lasts`: how long the push may be delivered late. `again_after`: when it rings once more if nobody has looked.
    """

    who: Who
    words: str | None
    lasts: timedelta
    again_after: timedelta | None = None


TELLING: dict[Notice, Telling] = {
    Notice.OFFER: Telling(Who.STAFF, "offer", timedelta(hours=4), again_after=timedelta(minutes=2)),
    Notice.MESSAGE: Telling(Who.STAFF, "message", timedelta(days=1), again_after=timedelta(minutes=5)),
    Notice.NO_PEER_LEFT: Telling(Who.STAFF, "no_peer_left", timedelta(hours=4)),
    Notice.TEST: Telling(Who.STAFF, "test", timedelta(minutes=5)),
    Notice.ANSWER: Telling(Who.ASKER, "answer", timedelta(hours=4)),
    Notice.NEWS: Telling(Who.OFFICERS, None, timedelta(minutes=30)),
    Notice.INCIDENT: Telling(Who.FACILITY, "incident", timedelta(hours=12)),
}

OFFICERS_TOPIC = "officers"


def facility_topic(slug: str) -> str:
    """The topic that the phones of one facility subscribe to."""
    return f"facility-{slug}"


def collapse_id(notice: Notice, about: uuid.UUID | None) -> str:
    """32 hex digits, the same for every push of one notice about one thing, so that a repeat replaces the first."""
    return hashlib.sha256(f"relief {notice} {about}".encode()).hexdigest()[:32]
