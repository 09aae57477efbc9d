"""One officer's evening: he asks, hears of an answer, talks; as his phone does it, by `docs/client-rules.md`."""

import queue
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from backend.clock import now
from backend.demo.asking import Asking
from backend.demo.cast import INVOLVED, Act, Ending, Hears, Story
from backend.demo.firebase import Arrival
from backend.demo.line import Line
from backend.demo.phone import OfficerPhone
from backend.demo.stage import Script, Stage
from backend.demo.tally import Fate
from backend.demo.words import make_words

OPEN_SCREEN, REMINDER = 0.25, 8.0
"""Seconds: how often an open screen asks, when a phone reminds of itself. A real phone asks every 3 seconds and
reminds after 5, 15 and 30 minutes."""
WAKE = 60.0
"""Seconds that a phone waits to be woken with all others, before it reads the news without."""
PATIENCE = 120.0
"""Seconds after which an officer to whom nobody has written counts as left alone."""
_PUBLIC_AGE = 1.5


class Officer:
    """One officer with his phone, and the story that only he knows."""

    def __init__(self, stage: Stage, story: Story, phone: OfficerPhone, incident: str) -> None:
        self._stage = stage
        self.story = story
        self._phone = phone
        self._incident = incident if story.incident else None
        self._words = make_words()
        self._asking = Asking(phone.nameless, self._words)
        self._woken: queue.Queue[datetime] = queue.Queue()
        self._opened: set[uuid.UUID] = set()
        self._talked: set[uuid.UUID] = set()
        self._paired = 0
        self._wait: Callable[[], tuple[str, datetime]] = {
            Hears.DIRECT: self._wait_for_wake,
            Hears.SCREEN: self._wait_at_screen,
            Hears.NEWS: self._wait_for_news,
        }[story.hears]

    def play(self) -> Fate:
        """The whole evening; what became of it."""
        bulletin = self._phone.read_bulletin()
        wish = self._wish(bulletin)
        shown_pass = self._phone.take_pass("support", now())
        self._say_that_he_asks()
        asked_at = now()
        fate = Fate(self.story, self._asking.ask(shown_pass, wish), asked_at)
        script = self._stage.announce(fate.request_id, self.story)
        if self.story.ending is Ending.WITHDRAW:
            self._withdraw(script)
            fate.withdrew = True
            return fate
        until = time.monotonic() + PATIENCE
        while len(self._talked) < self._turns() and time.monotonic() < until:
            self._go_on(fate, script)
        fate.answered = len(self._talked) == self._turns()
        if fate.answered:
            self._finish()
        return fate

    def _turns(self) -> int:
        """How many staff members will write to him: one more for each hand-over."""
        return 1 + self.story.acts.count(Act.HAND_OVER)

    def _wish(self, bulletin: dict[str, Any]) -> dict[str, Any]:
        ids = {f"{one['first_name'].lower()}-example": one["id"] for one in bulletin["staff"]}
        notice = self._phone.record.read("agency")["notice"]
        wish: dict[str, Any] = {
            "urgency": self.story.urgency,
            "topics": ["after an incident"] if self.story.incident else ["family"],
            "languages": list(self.story.languages),
            "ways": ["chat", "call"] if self.story.card else ["chat"],
            "unit": self.story.unit,
            "keep_away": [ids[slug] for slug in self.story.keep_away],
            "incident": self._incident,
            "notice_version": notice["version"],
        }
        if self.story.hears is Hears.DIRECT:
            address = f"for-one-request-{uuid.uuid4().hex}"
            self._stage.bells.connect(address, self._be_woken)
            wish["wake"] = {"platform": "android", "address_kind": "fid", "address": address}
        elif self.story.hears is Hears.NEWS:
            self._stage.bells.connect(self._phone.installation, self._be_woken)
        return wish

    def _say_that_he_asks(self) -> None:
        story = self.story
        how = {
            Hears.DIRECT: "chooses to have this one phone woken",
            Hears.SCREEN: "keeps the screen open",
            Hears.NEWS: "chooses to wait with everybody",
        }[story.hears]
        urgency = {"now": "now", "today": "today", "routine": "when it suits"}[story.urgency]
        spanish = ", in Spanish (which among the peers only Ines and Jo speak)" if story.languages == ("es",) else ""
        other = "" if story.incident else ", not about tonight"
        self._stage.say(
            f"{story.officer} ({story.place}) asks for a peer, {urgency}{other}{spanish}, and {how}. "
            f"Never to be asked: {self._out()}."
        )

    def _out(self) -> str:
        """Whom nobody may offer this request to, and why."""
        names = sorted(slug.removesuffix("-example").capitalize() for slug in self.story.never)
        why = ["own unit or chain of command"]
        why += ["part of the incident"] if INVOLVED in self.story.never else []
        why += ["named by the officer"] if self.story.keep_away else []
        return f"{', '.join(names)} ({', '.join(why)})"

    def _go_on(self, fate: Fate, script: Script) -> None:
        """Wait until there is something, and do what it asks for."""
        way, heard_at = self._wait()
        progress = self._asking.look()
        self._note_wait(fate, script, way, heard_at)
        conversation = progress["conversation"]
        if conversation is None:
            return
        conversation_id = uuid.UUID(conversation["id"])
        if conversation["state"] == "waiting" and conversation_id not in self._opened:
            self._open(conversation_id, conversation["staff_id"], way)
        elif conversation["state"] == "open" and self._asking.read(conversation_id):
            self._reply(conversation_id)

    def _note_wait(self, fate: Fate, script: Script, way: str, heard_at: datetime) -> None:
        """The first answer that he had not heard of yet, and how long it took to reach him."""
        waiting = [tapped for tapped in script.answers[self._paired :] if tapped <= heard_at]
        if waiting:
            fate.waits.append((way, (heard_at - waiting[0]).total_seconds()))
            self._paired += len(waiting)

    def _open(self, conversation_id: uuid.UUID, staff_id: str, way: str) -> None:
        """The phone writes first, by itself: sealed to every device of that person in the signed bulletin."""
        self._opened.add(conversation_id)
        bulletin = self._phone.read_bulletin()
        devices = [device for device in bulletin["devices"] if device["staff_id"] == staff_id]
        name = next(one["first_name"] for one in bulletin["staff"] if one["id"] == staff_id)
        further = {"text": self.story.says} | ({"card": self.story.card} if self.story.card else {})
        self._asking.open(conversation_id, devices, **further)
        self._stage.say(
            f"{self.story.officer}'s phone hears of {name} ({way}) and writes the opening by itself, "
            f"sealed to {name}'s phone."
        )

    def _reply(self, conversation_id: uuid.UUID) -> None:
        self._talked.add(conversation_id)
        self._asking.write(conversation_id, "Thank you for being there.", now())
        self._stage.say(f"{self.story.officer} reads the answer, and writes back.")
        if not self._stage.has_read(conversation_id).wait(PATIENCE):
            raise TimeoutError(f"What {self.story.officer} wrote was not read.")

    def _finish(self) -> None:
        if self.story.ending is Ending.NEW_PHONE:
            self._change_phones()
        self._asking.close()
        self._stage.say(f"{self.story.officer} has been heard: each has read what the other wrote. It is done.")

    def _change_phones(self) -> None:
        """A new phone that knows the twelve words and nothing else."""
        before = self._read_all(self._asking)
        with Line(self._stage.house.server) as line:
            again = Asking(line, self._words)
            again.find()
            if self._read_all(again) != before:
                raise ValueError("The new phone reads something else than the old one.")
        self._stage.say(
            f"{self.story.officer} has lost the phone. A new one, with the twelve words alone, reads everything again."
        )

    def _read_all(self, asking: Asking) -> list[Any]:
        for conversation_id in self._talked:
            asking.read(conversation_id)
        return [asking.conversation(conversation_id).heard for conversation_id in sorted(self._talked)]

    def _withdraw(self, script: Script) -> None:
        script.rung.wait(PATIENCE)
        self._asking.withdraw()
        self._stage.say(f"{self.story.officer} feels better, and takes the request back.")

    def _be_woken(self, arrival: Arrival) -> None:
        self._woken.put(datetime.fromisoformat(arrival.at))

    def _wait_for_wake(self) -> tuple[str, datetime]:
        try:
            return Hears.DIRECT.value, self._woken.get(timeout=REMINDER)
        except queue.Empty:
            return "reminder", now()

    def _wait_at_screen(self) -> tuple[str, datetime]:
        until = time.monotonic() + REMINDER
        while time.monotonic() < until:
            if self._asking.has_changed():
                break
            time.sleep(OPEN_SCREEN)
        return Hears.SCREEN.value, now()

    def _wait_for_news(self) -> tuple[str, datetime]:
        """Until all phones are woken together; who finds his tag in the news opens the app, and its screen asks."""
        until = time.monotonic() + WAKE
        while (left := until - time.monotonic()) > 0:
            with suppress(queue.Empty):
                self._woken.get(timeout=left)
            if self._finds_himself_in_the_news():
                self._wait = self._wait_at_screen
                return Hears.NEWS.value, now()
        return "reminder", now()

    def _finds_himself_in_the_news(self) -> bool:
        """Public files may be a second old, so a phone that was woken looks twice."""
        for _ in range(2):
            if self._asking.is_in_news(now()):
                return True
            time.sleep(_PUBLIC_AGE)
        return False
