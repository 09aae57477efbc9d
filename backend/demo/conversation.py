"""A conversation as one of the two ends holds it: what was read so far, and what is written next."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.base64url import decode_base64, encode_base64
from backend.demo.talk import Sender, open_message, seal_message


@dataclass
class Conversation:
    """One end of a conversation (`me`), with the secret that the opening carried."""

    id: uuid.UUID
    me: Sender
    secret: bytes = field(repr=False)
    heard: list[tuple[Sender, str]] = field(default_factory=list)
    """What both have said, in the server's order, as far as it was read."""
    written: int = 0
    """The count of the last letter of one's own."""

    def take(self, messages: Iterable[dict[str, Any]]) -> list[str]:
        """Read the messages after the last one heard; what the other has newly said. Raises Unreadable.

        The count is the one that is due, not the one that the server states: nothing can be moved, turned or left out.
        """
        new = []
        for message in messages:
            sender = Sender[message["sender"].upper()]
            said = open_message(self.secret, self.id, sender, self._due(sender), decode_base64(message["sealed"]))
            self.heard.append((sender, said["text"]))
            if sender is not self.me:
                new.append(said["text"])
        return new

    def letter(self, text: str, now: datetime) -> dict[str, Any]:
        """What to send so that the other reads this text: `counter` and `sealed`."""
        self.written = max(self.written + 1, self._due(self.me))
        said = {"text": text, "at": now.isoformat(timespec="seconds")}
        sealed = seal_message(self.secret, self.id, self.me, self.written, said)
        return {"counter": self.written, "sealed": encode_base64(sealed)}

    def _due(self, sender: Sender) -> int:
        return sum(one is sender for one, _ in self.heard) + 1
