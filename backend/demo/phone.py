"""An officer's phone: enrolled on one line, nameless on the other, and never both in one go (`docs/client-rules.md`).

The rules that make a phone wait (an hour between the two sides, a random day for drawing) are for the caller to keep: a
demo plays a week in a minute.
"""

import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from backend.base64url import decode_base64
from backend.demo.line import Line
from backend.demo.passes import authorization, request_pass
from backend.demo.record import Distrust, Record
from backend.door.wire import REQUEST_TYPE, one_challenge
from backend.rules import bulletin

BATCH = {"check-in": 1, "assessment": 1, "support": 4}
"""How many passes every phone draws of each key, used or not (rule 10)."""
LEAST_CROWD = 20
"""How many must have drawn a key before the phone calls it a crowd (rule 13)."""


@dataclass(frozen=True)
class Pass:
    """A pass that lies ready: what it is good for, between when and when."""

    purpose: str
    key_id: str
    spends_from: datetime
    spends_until: datetime
    token: bytes = field(repr=False)


@dataclass(frozen=True)
class Account:
    """What an officer writes down of his enrolment."""

    name: str
    recovery_code: str = field(repr=False)
    passphrase: str = field(repr=False)


class OfficerPhone:
    """One officer's phone. `fingerprint` is what his voucher says of the record."""

    def __init__(self, server: str, fingerprint: str) -> None:
        self._server = server
        self.installation = f"installation-{uuid.uuid4().hex}"
        """What Firebase knows this phone by; the server never learns it, since phones join topics by themselves."""
        self._named = Line(server)
        self.nameless = Line(server)
        self.record = Record(self.nameless, fingerprint)
        self.passes: list[Pass] = []
        self._bulletin_keys: dict[int, bytes] = {}
        self.account: Account | None = None
        self.tokens: dict[str, Any] = {}
        self._cohort = ""

    def enrol(self, voucher: str, facility: str) -> None:
        """Use the voucher up. What the officer should write down is his `account`."""
        passphrase = secrets.token_urlsafe(16)
        wish = {"voucher": voucher, "facility": facility, "passphrase": passphrase}
        said = self._named.send("/v1/enrolments", wish)
        self._cohort = self._cohort_of(facility)
        self.tokens = said
        self._keep_key(said["bulletin_key"])
        self.account = Account(said["name"], said["recovery_code"], passphrase)

    def _cohort_of(self, facility: str) -> str:
        places = self.record.read("agency")["facilities"]
        return str(next(place["cohort"] for place in places if place["slug"] == facility))

    def draw_ahead(self, now: datetime) -> int:
        """Draw the fixed batch from every key in the record that is open for drawing; how many passes that were."""
        drawn = 0
        for key in self._my_keys():
            if _moment(key["draws_from"]) <= now < _moment(key["draws_until"]):
                drawn += sum(self._draw(key) for _ in range(BATCH[key["purpose"]]))
        return drawn

    def _my_keys(self) -> list[dict[str, Any]]:
        """Of every purpose and period the key of this phone's cohort, where there is one, else the one for all."""
        keys = [key for key in self.record.read("keys")["keys"] if key["cohort"] in (None, self._cohort)]
        own = {(key["purpose"], key["period"]) for key in keys if key["cohort"]}
        return [key for key in keys if key["cohort"] or (key["purpose"], key["period"]) not in own]

    def _draw(self, key: dict[str, Any]) -> bool:
        """One pass, checked against the key in the record."""
        challenge = one_challenge(urlsplit(self._server).hostname or "").to_bytes()
        asked = request_pass(challenge, decode_base64(key["spki"]))
        answer = self._named.ask(
            "POST",
            f"/v1/draws/{key['key_id']}",
            token=self.tokens["access_token"],
            content=asked.to_bytes(),
            headers={"Content-Type": REQUEST_TYPE},
        )
        token = asked.finish(answer.content)
        times = _moment(key["spends_from"]), _moment(key["spends_until"])
        self.passes.append(Pass(key["purpose"], key["key_id"], *times, token))
        return True

    def crowd(self, purpose: str, now: datetime) -> int:
        """How many had drawn the key of the next pass, by the record's last daily count, in tens."""
        ready = self._ready(purpose, now)
        return next(int(key["drawn"]) for key in self._my_keys() if key["key_id"] == ready.key_id)

    def take_pass(self, purpose: str, now: datetime) -> dict[str, str]:
        """The header that shows a pass. It is the phone's no more; a repeat shows the same header."""
        ready = self._ready(purpose, now)
        self.passes.remove(ready)
        return authorization(ready.token)

    def _ready(self, purpose: str, now: datetime) -> Pass:
        return next(p for p in self.passes if p.purpose == purpose and p.spends_from <= now < p.spends_until)

    def read_bulletin(self) -> dict[str, Any]:
        """The bulletin, from the record, under the key given at enrolment or one announced inside; raises Distrust."""
        self.record.catch_up()
        body = self.record.read("bulletin")
        text = read_sealed(body, self._bulletin_keys)
        if text["next_key"]:
            self._keep_key(text["next_key"])
        return text

    def _keep_key(self, key: dict[str, Any] | None) -> None:
        if key:
            self._bulletin_keys[key["number"]] = decode_base64(key["key"])

    def close(self) -> None:
        """Hang up both lines."""
        self._named.close()
        self.nameless.close()


def read_sealed(body: dict[str, Any], keys: dict[int, bytes]) -> dict[str, Any]:
    """What a bulletin says, under one of these keys; raises Distrust."""
    try:
        text: dict[str, Any] = json.loads(bulletin.unseal(keys[body["key_number"]], body))
    except (KeyError, bulletin.Unreadable):
        raise Distrust("The bulletin can't be opened.") from None
    return text


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
