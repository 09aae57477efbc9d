"""What everybody of the evening shares: the house, the bells, the narrator, and the truth about who asked what."""

import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from backend.clock import now
from backend.db import Side
from backend.demo.bells import Bells
from backend.demo.cast import Act, Story
from backend.demo.house import House
from backend.demo.line import PATIENCE
from backend.demo.narrator import Narrator

_SOON = 10.0


@dataclass
class Script:
    """One request: whose it is, who of those asked comes next, and when an answer was tapped."""

    story: Story
    asked: int = 0
    rung: threading.Event = field(default_factory=threading.Event)
    answers: list[datetime] = field(default_factory=list)


class Stage:
    """The evening's common knowledge. No phone may look here for what it should learn from the server."""

    def __init__(self, house: House, bells: Bells, narrator: Narrator, fingerprint: str) -> None:
        self.house = house
        self.bells = bells
        self.narrator = narrator
        self.fingerprint = fingerprint
        self._scripts: dict[uuid.UUID, Script] = {}
        self._known = threading.Condition()
        self._read: dict[uuid.UUID, threading.Event] = defaultdict(threading.Event)

    def say(self, text: str) -> None:
        """Tell what has just happened."""
        self.narrator.say(text)

    def announce(self, request_id: uuid.UUID, story: Story) -> Script:
        """This request is that officer's."""
        with self._known:
            script = self._scripts[request_id] = Script(story)
            self._known.notify_all()
        return script

    def script(self, request_id: uuid.UUID) -> Script:
        """Whose request it is; a peer may be rung before the officer's phone has its answer."""
        with self._known:
            self._known.wait_for(lambda: request_id in self._scripts, _SOON)
            return self._scripts[request_id]

    def request_of(self, offer_id: str) -> uuid.UUID:
        """Which request an offer is for: something that no phone is told, and only the owner can look up."""
        asked = text("SELECT request_id FROM anonymous.offer WHERE id = :id")
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with self.house.database.begin(Side.OWNER) as session:
                    found: uuid.UUID = session.execute(asked, {"id": offer_id}).scalar_one()
                    return found
            except OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def next_act(self, request_id: uuid.UUID) -> Act:
        """What the one does who is asked next for this request."""
        script = self.script(request_id)
        with self._known:
            acts = script.story.acts
            act = acts[script.asked] if script.asked < len(acts) else Act.ACCEPT
            script.asked += 1
        script.rung.set()
        return act

    def answered(self, request_id: uuid.UUID) -> None:
        """Somebody has just tapped an answer to this request."""
        self.script(request_id).answers.append(now())

    def has_read(self, conversation_id: uuid.UUID) -> threading.Event:
        """Set once the staff member has read what the officer wrote."""
        with self._known:
            return self._read[conversation_id]
