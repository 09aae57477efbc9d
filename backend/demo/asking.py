"""One request for a peer, on the phone that asked or on a new one: everything follows from its twelve words."""

import hashlib
import uuid
from datetime import datetime
from typing import Any

from backend.base64url import decode_base64, encode_base64
from backend.demo import words
from backend.demo.conversation import Conversation
from backend.demo.line import Cached, Line
from backend.demo.talk import Sender, seal_opening
from backend.rules import news

_REQUESTS = "/v1/anon/support-requests"


class Asking:
    """A request. `line` is the phone's nameless one."""

    def __init__(self, line: Line, twelve_words: str) -> None:
        self._line = line
        self._entropy = words.read_words(twelve_words)
        self._token = words.asker_token(self._entropy)
        self._secret_hash = hashlib.sha256(words.request_secret(self._entropy)).digest()
        self._news = Cached(line, "/v1/public/news")
        self._with: dict[uuid.UUID, uuid.UUID] = {}
        self._conversations: dict[uuid.UUID, Conversation] = {}

    def ask(self, shown_pass: dict[str, str], wish: dict[str, Any]) -> uuid.UUID:
        """Ask, with the header of a pass; the request's id. The same again is the same request."""
        body = wish | {"secret_hash": encode_base64(self._secret_hash)}
        self._keep(self._line.send(_REQUESTS, body, headers=shown_pass)["id"])
        return self.id

    def find(self) -> dict[str, Any]:
        """Come back with nothing but the twelve words: how the request stands."""
        progress: dict[str, Any] = self._line.read(_REQUESTS, token=self._token)
        self._keep(progress["id"])
        self._meet(progress)
        return progress

    def has_changed(self) -> bool:
        """Whether there is something new, by its ETag; for an open screen."""
        return self._progress.fetch(self._token)

    def is_in_news(self, now: datetime) -> bool:
        """Whether the news file, the same for all phones, has this request's tag."""
        self._news.fetch()
        file = self._news.json()
        return news.tag(self._secret_hash, file["quarter"]) in file["tags"]

    def look(self) -> dict[str, Any]:
        """How the request stands."""
        self._progress.fetch(self._token)
        progress: dict[str, Any] = self._progress.json()
        self._meet(progress)
        return progress

    def open(self, conversation_id: uuid.UUID, devices: list[dict[str, str]], **further: str) -> None:
        """Write the opening, sealed to each of these devices of the bulletin, with `card` and `text` if wished.

        The devices are those of whom the conversation was first said to be with, or nothing is sealed.
        """
        if {device["staff_id"] for device in devices} != {str(self._with[conversation_id])}:
            raise ValueError("A conversation is with one person, and stays so.")
        secret = words.conversation_secret(self._entropy, conversation_id, self._with[conversation_id])
        sealed = [
            {"device_id": device["id"], "sealed": encode_base64(_seal(conversation_id, device, secret, further))}
            for device in devices
        ]
        body = {"conversation_id": str(conversation_id), "sealed": sealed}
        self._line.send(f"{self._path}/opening", body, token=self._token)

    def read(self, conversation_id: uuid.UUID) -> list[str]:
        """What the other has newly said."""
        conversation = self.conversation(conversation_id)
        path = f"{self._path}/messages?conversation_id={conversation_id}&after={len(conversation.heard)}"
        new = conversation.take(self._line.read(path, token=self._token)["messages"])
        self._line.send(f"{self._path}/read", method="PUT", token=self._token)
        return new

    def write(self, conversation_id: uuid.UUID, text: str, now: datetime) -> None:
        """Say something."""
        conversation = self.conversation(conversation_id)
        letter = conversation.letter(text, now) | {"conversation_id": str(conversation_id)}
        self._line.send(f"{self._path}/messages", letter, token=self._token)

    def conversation(self, conversation_id: uuid.UUID) -> Conversation:
        """A conversation of this request; its keys follow from the twelve words."""
        if conversation_id not in self._conversations:
            secret = words.conversation_secret(self._entropy, conversation_id, self._with[conversation_id])
            self._conversations[conversation_id] = Conversation(conversation_id, Sender.ASKER, secret)
        return self._conversations[conversation_id]

    def close(self) -> None:
        """It is done; and say in two fixed words how it was."""
        self._line.send(f"{self._path}/close", {"ending": "done"}, token=self._token)
        feedback = {"helped": "yes", "would_ask_again": "yes"}
        self._line.send(f"{self._path}/feedback", feedback, method="PUT", token=self._token)

    def withdraw(self) -> None:
        """Take it back."""
        self._line.ask("DELETE", self._path, token=self._token)

    def _meet(self, progress: dict[str, Any]) -> None:
        """Remember with whom a conversation is, as it was first said."""
        if progress["conversation"]:
            said = progress["conversation"]
            self._with.setdefault(uuid.UUID(said["id"]), uuid.UUID(said["staff_id"]))

    def _keep(self, request_id: str) -> None:
        self.id = uuid.UUID(request_id)
        self._path = f"{_REQUESTS}/{request_id}"
        self._progress = Cached(self._line, self._path)


def _seal(conversation_id: uuid.UUID, device: dict[str, str], secret: bytes, further: dict[str, str]) -> bytes:
    return seal_opening(conversation_id, uuid.UUID(device["id"]), decode_base64(device["key"]), secret, **further)
