"""The staff of the evening: each with a phone, and with what he does when it rings."""

import secrets
import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

from backend.clock import now
from backend.demo.cast import CLINICIAN, COORDINATOR, OUT_OF_REACH, Act
from backend.demo.firebase import Arrival
from backend.demo.line import Refused
from backend.demo.staff_phone import StaffPhone
from backend.demo.stage import Stage
from backend.notify.kinds import Notice, collapse_id

_ZONE = ZoneInfo("America/Chicago")
_QUIET = "quiet"
_URGENCY = {"now": "now", "today": "today", "routine": "when it suits"}
_GREETING = "I'm here, and I have time. Write or call, as you like."


class Member:
    """One of the staff, with his phone."""

    def __init__(self, stage: Stage, slug: str) -> None:
        self._stage = stage
        self.phone = StaffPhone(stage.house.server, stage.fingerprint, slug, f"phone-of-{slug}")
        self.name = self.phone.name
        self._ringing: set[str] = set()
        self._seen: set[str] = set()
        self._talks: dict[uuid.UUID, tuple[uuid.UUID, Act]] = {}
        self._greeted: set[uuid.UUID] = set()
        stage.bells.connect(self.phone.address, self.ring)

    def ring(self, arrival: Arrival) -> None:
        """Something has arrived on the phone."""
        match arrival.why:
            case Notice.OFFER:
                self._look_at_offers()
            case Notice.MESSAGE:
                for conversation_id in self.phone.unread():
                    self._talk(conversation_id)
            case Notice.NO_PEER_LEFT:
                self._step_in()
            case _ if arrival.why == _QUIET:
                self._fall_silent(arrival.message["data"]["c"])

    def _look_at_offers(self) -> None:
        for offer in self.phone.offers():
            if offer["id"] not in self._seen:
                self._seen.add(offer["id"])
                self._decide(offer["id"], offer["urgency"])

    def _decide(self, offer_id: str, urgency: str) -> None:
        request_id = self._stage.request_of(offer_id)
        act = self._stage.next_act(request_id)
        officer = self._stage.script(request_id).story.officer
        wanted = f"somebody asks for a peer, {_URGENCY[urgency]}"
        if act is Act.SLEEP:
            self._ringing.add(collapse_id(Notice.OFFER, uuid.UUID(offer_id)))
            self._stage.say(f"{self.name}'s phone rings ({wanted}), and {self.name} doesn't hear it. [{officer}]")
            return
        self.phone.answer(offer_id, "opened")
        if act is Act.DECLINE:
            self._stage.say(f"{self.name}'s phone rings ({wanted}). {self.name} can't, and declines. [{officer}]")
            self.phone.answer(offer_id, "decline")
            return
        self._accept(offer_id, request_id, act, wanted)

    def _accept(self, offer_id: str, request_id: uuid.UUID, act: Act, wanted: str) -> None:
        officer = self._stage.script(request_id).story.officer
        self._stage.answered(request_id)
        try:
            taken = self.phone.answer(offer_id, "accept")
        except Refused as refused:
            if refused.status != 409:
                raise
            self._stage.say(
                f"{self.name}'s phone rings too, and {self.name} accepts; but another was faster, "
                f"and the phone says so. [{officer}]"
            )
            return
        self._talks[uuid.UUID(taken["id"])] = request_id, act
        self._stage.say(f"{self.name}'s phone rings ({wanted}). {self.name} accepts. [{officer}]")

    def _step_in(self) -> None:
        for request in self.phone.waiting_requests():
            request_id = uuid.UUID(request["id"])
            officer = self._stage.script(request_id).story.officer
            if request["may_take"]:
                self._stage.say(
                    f"{self.name}, the clinician, is told that no peer is left to ask, and takes it. [{officer}]"
                )
                self._stage.answered(request_id)
                taken = self.phone.take(request["id"])
                self._talks[uuid.UUID(taken["id"])] = request_id, Act.ACCEPT
            elif request["id"] not in self._seen:
                self._stage.say(f"{self.name}, the coordinator, is told as well. [{officer}]")
            self._seen.add(request["id"])

    def _fall_silent(self, collapse: str) -> None:
        if collapse in self._ringing:
            self._ringing.remove(collapse)
            self._stage.say(f"{self.name}'s phone goes quiet: it is no longer needed.")

    def _talk(self, conversation_id: uuid.UUID) -> None:
        request_id, act = self._talks[conversation_id]
        officer = self._stage.script(request_id).story.officer
        opening, new = self.phone.enter(conversation_id)
        if act is Act.LEAVE:
            self._stage.say(f"{self.name} has accepted, is called away, and doesn't write. [{officer}]")
        elif conversation_id not in self._greeted:
            self._greeted.add(conversation_id)
            card = f", with a contact card: “{opening['card']}”" if "card" in opening else ""
            self._stage.answered(request_id)
            self.phone.write(conversation_id, _GREETING, now())
            self._stage.say(f"{self.name} reads the opening{card}, and writes. [{officer}]")
        elif new:
            self._stage.has_read(conversation_id).set()
            if act is Act.HAND_OVER:
                self._stage.say(f"{self.name} has to go, and hands the conversation over to the next. [{officer}]")
                self.phone.hand_over(conversation_id)


class Team:
    """Everybody on staff."""

    def __init__(self, stage: Stage, slugs: list[str]) -> None:
        self.members = {slug: Member(stage, slug) for slug in slugs}
        self.coordinator = self.members[COORDINATOR].phone
        self.passphrase = secrets.token_urlsafe(9)

    def come_in(self, coordinators_code: str) -> None:
        """The coordinator takes up the code and invites the others; each registers a phone, and says when to ring."""
        self.coordinator.take_up(coordinators_code, self.passphrase)
        for slug, member in self.members.items():
            if slug != COORDINATOR:
                member.phone.take_up(self.coordinator.invite(slug), self.passphrase)
            member.phone.register()
            self._say_how_to_reach(slug, member.phone)

    def check_own_keys(self) -> None:
        """Each phone looks for itself in the signed bulletin; raises Distrust."""
        for member in self.members.values():
            member.phone.check_own_key()

    @staticmethod
    def _say_how_to_reach(slug: str, phone: StaffPhone) -> None:
        if slug in (CLINICIAN, COORDINATOR):
            return
        state = OUT_OF_REACH.get(slug, "reachable")
        if state == "quiet hours":
            local = now().astimezone(_ZONE)
            quiet = {
                "quiet_from": f"{local - timedelta(hours=1):%H:%M}",
                "quiet_to": f"{local + timedelta(hours=6):%H:%M}",
            }
            phone.be("reachable", **quiet)
        else:
            phone.be(state)
