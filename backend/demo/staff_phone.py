"""The phone of somebody on staff: rung for offers, and the only place where his key opens what is sealed to him."""

import uuid
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from backend.base64url import decode_base64, encode_base64
from backend.demo.conversation import Conversation
from backend.demo.line import Line
from backend.demo.phone import read_sealed
from backend.demo.record import Distrust, Record
from backend.demo.talk import Sender, open_opening


class StaffPhone:
    """One phone of one member of staff; `address` is what Firebase calls it."""

    def __init__(self, server: str, fingerprint: str, slug: str, address: str) -> None:
        self.slug = slug
        self.name = slug.removesuffix("-example").capitalize()
        self.address = address
        self._line = Line(server)
        self._record = Record(self._line, fingerprint)
        self._key = X25519PrivateKey.generate()
        self._token = ""
        self._device = ""
        self._bulletin_keys: dict[int, bytes] = {}
        self._conversations: dict[uuid.UUID, Conversation] = {}

    def take_up(self, code: str, passphrase: str) -> None:
        """Take up the coordinator's invitation: from now on he is signed in."""
        self._token = self._line.send("/v1/staff/accounts", {"code": code, "passphrase": passphrase})["access_token"]

    def invite(self, slug: str) -> str:
        """A code for somebody else (coordinators)."""
        return str(self.send("/invitations", {"staff": slug})["code"])

    def make_integration_key(self, name: str) -> str:
        """A key for another system (coordinators)."""
        return str(self.send("/integration-keys", {"name": name})["key"])

    def register(self) -> None:
        """Tell where this phone is rung, and which key opens what is sealed to it."""
        device = {
            "name": f"{self.name}'s phone",
            "platform": "android",
            "address_kind": "fid",
            "address": self.address,
            "public_key": encode_base64(self.public_key()),
        }
        self._device = self.send("/devices", device)["id"]

    def public_key(self) -> bytes:
        """The public half of this phone's key: X25519, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def be(self, state: str, **further: Any) -> None:
        """Say whether he can be asked: `reachable`, `on post` or `away`; and quiet hours, if any."""
        self.send("/availability", {"state": state} | further, method="PUT")

    def check_own_key(self) -> None:
        """Look for oneself in the signed bulletin (rule 18); raises Distrust where it isn't as this phone knows it."""
        key = self.read("/bulletin-key")["bulletin_key"]
        self._bulletin_keys[key["number"]] = decode_base64(key["key"])
        self._record.catch_up()
        devices = read_sealed(self._record.read("bulletin"), self._bulletin_keys)["devices"]
        mine = {"id": self._device, "key": encode_base64(self.public_key())}
        found = [device for device in devices if device["id"] == self._device]
        all_of_his = [device for device in devices if found and device["staff_id"] == found[0]["staff_id"]]
        if [{"id": device["id"], "key": device["key"]} for device in all_of_his] != [mine]:
            raise Distrust(f"{self.name}'s phone is not in the bulletin as it should be, or not alone.")

    def offers(self) -> list[dict[str, Any]]:
        """What he is asked: the list is the truth, the push was a hint."""
        found: list[dict[str, Any]] = self.read("/offers")["offers"]
        return found

    def answer(self, offer_id: str, word: str) -> Any:
        """`opened`, `accept` or `decline`; raises Refused where somebody was faster."""
        return self.send(f"/offers/{offer_id}/{word}")

    def waiting_requests(self) -> list[dict[str, Any]]:
        """What nobody has taken (clinicians and coordinators)."""
        found: list[dict[str, Any]] = self.read("/support-requests")["support_requests"]
        return found

    def take(self, request_id: str) -> Any:
        """Take it (clinicians): the conversation that follows."""
        return self.send(f"/support-requests/{request_id}/take")

    def unread(self) -> list[uuid.UUID]:
        """His open conversations with something that he hasn't read."""
        found = self.read("/conversations")["conversations"]
        return [uuid.UUID(one["id"]) for one in found if one["unread"] and one["state"] == "open"]

    def enter(self, conversation_id: uuid.UUID) -> tuple[dict[str, Any], list[str]]:
        """Open a conversation: what the opening says, and what is new in it."""
        seen = self.read(f"/conversations/{conversation_id}")
        sealed = next(one["sealed"] for one in seen["opening"] if one["device_id"] == self._device)
        opening = open_opening(conversation_id, uuid.UUID(self._device), self._key, decode_base64(sealed))
        conversation = self._conversations.setdefault(
            conversation_id, Conversation(conversation_id, Sender.STAFF, opening["secret"])
        )
        path = f"/conversations/{conversation_id}"
        new = conversation.take(self.read(f"{path}/messages?after={len(conversation.heard)}")["messages"])
        self.send(f"{path}/read", method="PUT")
        return opening, new

    def write(self, conversation_id: uuid.UUID, text: str, now: datetime) -> None:
        """Say something, after `enter`."""
        letter = self._conversations[conversation_id].letter(text, now)
        self.send(f"/conversations/{conversation_id}/messages", letter)

    def hand_over(self, conversation_id: uuid.UUID) -> None:
        """Give it to the next."""
        self.send(f"/conversations/{conversation_id}/hand-over", {"to": "next"})

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def read(self, path: str) -> Any:
        """GET of a staff route."""
        return self._line.read(f"/v1/staff{path}", token=self._token)

    def send(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        """POST or PUT to a staff route."""
        return self._line.send(f"/v1/staff{path}", body, method=method, token=self._token)
