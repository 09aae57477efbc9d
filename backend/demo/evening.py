"""An evening of an agency, over real HTTP with real cryptography: an assault, three shifts, and who was there."""

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from backend.clock import now
from backend.db import Side
from backend.demo import tally
from backend.demo.bells import Bells
from backend.demo.cast import EVENING, INVOLVED, OUT_OF_REACH, STORIES, Shift
from backend.demo.house import AGENCY, House, Paper
from backend.demo.line import Line
from backend.demo.narrator import Narrator
from backend.demo.officers import Officer
from backend.demo.phone import LEAST_CROWD, OfficerPhone
from backend.demo.recording import RecordingSystem
from backend.demo.stage import Stage
from backend.demo.tally import Fate
from backend.demo.team import Team
from backend.demo.together import together
from backend.notify.kinds import OFFICERS_TOPIC, Notice, facility_topic
from backend.rules.agency_file import read

_AT_ONCE = 2
"""Enrolments at a time: a passphrase takes a core for a moment, on purpose."""
_SOON = 20.0


@dataclass(frozen=True)
class Played:
    """An evening that is over: its figures, and what the coordinator signs in with."""

    figures: dict[str, Any]
    coordinator: str
    passphrase: str

    @property
    def went_well(self) -> bool:
        """Nobody was left alone, no conflict of interest passed, and nobody was asked in his own time."""
        return not any(self.figures[name] for name in ("left_alone", "conflicts_of_interest", "disturbed"))


class Evening:
    """The evening, on a house that is running and set up."""

    def __init__(self, house: House, paper: Paper, bells: Bells, narrator: Narrator) -> None:
        self._house = house
        self._paper = paper
        self._stage = Stage(house, bells, narrator, paper.fingerprint)
        self._narrator = narrator
        self._team = Team(self._stage, list(read(AGENCY.read_text()).staff))
        self.phones: list[OfficerPhone] = []
        self._drawn = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for phone in self.phones:
            phone.close()
        for member in self._team.members.values():
            member.phone.close()

    def play(self, shifts: Sequence[Shift] = EVENING) -> Played:
        """Everything, in its order."""
        self._gather_staff()
        self._enrol()
        incident = self._record_incident()
        fates = [fate for shift in shifts for fate in self._play_shift(shift, incident)]
        with self._house.database.begin(Side.OWNER) as session:
            offers = tally.all_offers(session)
        counts = {"enrolments": len(self.phones), "drawn": self._drawn, "spent": len(fates)}
        figures = tally.figures(fates, offers, self._house.firebase.arrivals, counts)
        return Played(figures, self._team.coordinator.slug, self._team.passphrase)

    def _gather_staff(self) -> None:
        self._narrator.chapter("Some weeks before: the peer team")
        self._team.come_in(self._paper.coordinators_code)
        self._stage.say(
            f"The coordinator has invited {len(self._team.members) - 1} colleagues. "
            "Each has a phone with a key of its own."
        )
        states = ", ".join(f"{_name(slug)} {_how(state)}" for slug, state in OUT_OF_REACH.items())
        self._stage.say(f"Who may be asked is theirs to say: {states}. All other peers can be reached.")

    def _enrol(self) -> None:
        self._narrator.chapter("Some weeks before: officers")
        count = len(self._paper.vouchers)
        self._stage.say(
            f"{count} vouchers were handed out at muster, to everybody. One looks like this: {self._paper.vouchers[-1]}"
        )
        places = [_facility(story.unit) for story in STORIES]
        places += [("north", "south", "hill-camp")[number % 3] for number in range(count - len(places))]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self.phones = list(pool.map(self._enrol_one, self._paper.vouchers, places))
        self._stage.say(f"{count} officers have enrolled, without a name, an e-mail or a number.")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self._drawn = sum(pool.map(lambda phone: phone.draw_ahead(now()), self.phones))
        self._stage.say(
            f"Their phones have drawn {self._drawn} passes ahead, each the same batch, used or not. "
            "The server has signed them without seeing them."
        )

    def _enrol_one(self, voucher: str, facility: str) -> OfficerPhone:
        phone = OfficerPhone(self._house.server, self._paper.fingerprint)
        phone.enrol(voucher, facility)
        for topic in (OFFICERS_TOPIC, facility_topic(facility)):
            self._house.firebase.subscribe(phone.installation, topic)
        return phone

    def _record_incident(self) -> str:
        self._narrator.chapter("This evening, in Block A of North: an assault on staff")
        facts = {
            "type": "staff-assault",
            "facility": "north",
            "units": ["north-a"],
            "started_at": (now() - timedelta(hours=1)).isoformat(timespec="seconds"),
            "severity": "severe",
            "staff": [INVOLVED],
        }
        key = str(uuid.uuid4())
        with Line(self._house.server) as line:
            system = RecordingSystem(line, self._team.coordinator.make_integration_key("Duty log"))
            incident, again = system.record(facts, key), system.record(facts, key)
        self._stage.say(
            f"The duty log records incident {incident['number']}: severe; {_name(INVOLVED)}, a peer, was part of it. "
            f"Sent twice, recorded {'once' if again['id'] == incident['id'] else 'TWICE'}."
        )
        self._wait_for_bulletin(incident["id"])
        self._team.check_own_keys()
        self._stage.say("Every staff phone has looked for its own key in the signed bulletin, and found it.")
        self._warn_of_crowd()
        return str(incident["id"])

    def _wait_for_bulletin(self, incident_id: str) -> None:
        phone = self.phones[0]
        _wait_until(lambda: incident_id in {one["id"] for one in phone.read_bulletin()["incidents"]})
        self._stage.say(
            "Every officer's phone can read of it in the bulletin: the same bytes for all, signed, no questions asked."
        )
        _wait_until(lambda: self._rung_for_incident() > 0)
        self._stage.say(f"It was severe, so the {self._rung_for_incident()} phones of North ring.")

    def _rung_for_incident(self) -> int:
        return sum(arrival.why == Notice.INCIDENT for arrival in self._house.firebase.arrivals)

    def _warn_of_crowd(self) -> None:
        """What a phone says where few are known to have drawn; on the first day the list has not counted yet."""
        crowd = self.phones[0].crowd("support", now())
        if crowd < LEAST_CROWD:
            self._stage.say(
                f"A pass hides among all that were drawn. They are counted once a day, and today's list still says "
                f"{crowd}: each phone warns its officer of that before it asks, and each officer goes on."
            )

    def _play_shift(self, shift: Shift, incident: str) -> list[Fate]:
        self._narrator.chapter(shift.title)
        first = STORIES.index(shift.stories[0])
        phones = self.phones[first : first + len(shift.stories)]
        officers = [
            Officer(self._stage, story, phone, incident) for story, phone in zip(shift.stories, phones, strict=True)
        ]
        fates = together([officer.play for officer in officers])
        self._stage.bells.check()
        self._house.children.look()
        for fate in fates:
            if fate.left_alone:
                self._stage.say(f"NOBODY WROTE TO {fate.story.officer.upper()}.")
        return fates


def _wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + _SOON
    while not true():
        if time.monotonic() > until:
            raise TimeoutError("What should have happened by now has not happened.")
        time.sleep(0.1)


def _name(slug: str) -> str:
    return slug.removesuffix("-example").capitalize()


def _how(state: str) -> str:
    return {"quiet hours": "sleeps (quiet hours)", "on post": "is on post without a phone", "away": "is away"}[state]


def _facility(unit: str) -> str:
    return read(AGENCY.read_text()).units[unit].facility
