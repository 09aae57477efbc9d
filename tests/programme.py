"""An agency at work at random, and the rules that must hold whatever happens: said here once more, slowly."""

import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection, select, update

from backend.actions.anonymous.offers import pass_on
from backend.config import Config
from backend.db import Side, transaction
from backend.jobs import Kind, enqueue
from backend.models.agency.incidents import Incident, IncidentStaff
from backend.models.agency.places import Command
from backend.models.agency.staff import Post, Role, Staff
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, SupportRequest
from tests import builders
from tests.askers import Asker, Helper, House, alone, do_what_is_due, helper, set_availability, standing_clock

ROLES = [[Role.PEER], [Role.PEER], [Role.PEER], [Role.CLINICIAN], [Role.PEER, Role.CLINICIAN], [Role.COORDINATOR]]
UNITS = 5
AGO = [timedelta(days=20), timedelta(days=5), timedelta(days=2)]
"""How long ago something began or ended; the incident began five days ago."""

spans = st.tuples(st.sampled_from(AGO), st.none() | st.sampled_from(AGO)).filter(
    lambda one: not one[1] or one[1] < one[0]
)
posts = st.lists(st.tuples(st.integers(0, UNITS - 1), spans), max_size=2, unique_by=lambda post: post[0])
members = st.tuples(
    st.sampled_from(ROLES), posts, st.sampled_from([["en", "es"], ["en"], ["es"]]), st.sampled_from([True, True, False])
)
links = st.tuples(st.integers(1, UNITS - 1), st.integers(0, UNITS - 2), spans).filter(lambda link: link[0] > link[1])
some = st.integers(0, 30)
wishes = st.tuples(
    st.sampled_from(["now", "now", "today", "routine"]),
    st.none() | st.integers(0, UNITS - 1),
    st.sets(some, max_size=2),
    st.sampled_from(["en", "es"]),
    st.booleans(),
)


@dataclass
class Known:
    """What the test knows of a request and the server must not keep: whom it bars."""

    asker: Asker
    barred: set[uuid.UUID]
    incident: bool


class Programme(RuleBasedStateMachine):
    """An agency at work, in a database that is rolled back after each example."""

    tally = {"requests": 0, "offers": 0, "accepted": 0, "examples": 0}

    def __init__(self, connection: Connection, client: FlaskClient, config: Config) -> None:
        super().__init__()
        self.client, self.config, self.stack = client, config, ExitStack()
        self.savepoint = connection.begin_nested()
        self.time = self.stack.enter_context(standing_clock())
        self.requests: dict[uuid.UUID, Known] = {}
        self.declined: set[tuple[uuid.UUID, uuid.UUID]] = set()
        self.seen: set[uuid.UUID] = set()
        self.left: set[uuid.UUID] = set()
        self.tally["examples"] += 1

    def teardown(self) -> None:
        self.stack.close()
        self.savepoint.rollback()

    @initialize(
        members=st.lists(members, min_size=5, max_size=9),
        links=st.lists(links, max_size=6, unique_by=lambda link: link[0]),
        involved=st.sets(some, max_size=1),
        first=st.lists(wishes, min_size=2, max_size=4),
    )
    def begin(self, members: list[Any], links: list[Any], involved: set[int], first: list[Any]) -> None:
        with transaction(Side.OWNER) as session:
            self.house = House(session, self.config)
            self.units = [builders.unit(session, self.house.north, f"unit-{number}") for number in range(UNITS)]
            for low, high, span in links:
                session.add(Command(unit_id=self.units[low].id, parent_id=self.units[high].id, **self._dates(span)))
            self.staff = [self._join(session, *member) for member in members]
            began = self.time.now - AGO[1]
            self.incident = Incident(type="riot", facility_id=self.house.north.id, severity="severe", started_at=began)
            session.add(self.incident)
            session.flush()
            for one in {self._one(number).id for number in involved}:
                session.add(IncidentStaff(incident_id=self.incident.id, staff_id=one))
        for wish in first:
            self.ask(wish)

    def _join(self, session: Any, roles: list[Role], posts: list[Any], languages: list[str], awake: bool) -> Helper:
        later = self.time.now + timedelta(days=60)
        one = helper(self.client, session, self.house, *roles, languages=languages, reachable=awake, now=later)
        for unit, span in posts:
            session.add(Post(staff_id=one.id, unit_id=self.units[unit].id, supervises=True, **self._dates(span)))
        return one

    def _ago(self, ago: timedelta | None) -> datetime | None:
        return None if ago is None else self.time.now - ago

    def _dates(self, span: tuple[timedelta, timedelta | None]) -> dict[str, datetime | None]:
        return {"since": self._ago(span[0]), "until": self._ago(span[1])}

    def _one(self, number: int) -> Helper:
        there = [one for one in self.staff if one.id not in self.left] or self.staff
        return there[number % len(there)]

    @rule(wish=wishes)
    def ask(self, wish: tuple[str, int | None, set[int], str, bool]) -> None:
        urgency, unit, keep_away, language, because = wish
        avoided = {self._one(number).id for number in keep_away}
        says: dict[str, Any] = {"urgency": urgency, "languages": [language], "keep_away": [str(one) for one in avoided]}
        if unit is not None:
            says["unit"] = self.units[unit].slug
        if because:
            says["incident"] = str(self.incident.id)
        barred = avoided | self._barred(unit, language, because)
        asker = Asker(self.client, self.house, says).ask()
        self.requests[asker.id] = Known(asker, barred, because)
        self.tally["requests"] += 1

    @rule(which=some)
    def accept(self, which: int) -> None:
        offer = self._open_offer(which)
        if offer:
            answer = self._by_id(offer.staff_id).do("POST", f"/offers/{offer.id}/accept")
            assert answer.status_code in (200, 409)
            self.tally["accepted"] += answer.status_code == 200

    @rule(which=some)
    def decline(self, which: int) -> None:
        offer = self._open_offer(which)
        if offer:
            assert self._by_id(offer.staff_id).do("POST", f"/offers/{offer.id}/decline").status_code == 204
            self.declined.add((offer.request_id, offer.staff_id))

    def _open_offer(self, which: int) -> Offer | None:
        with transaction(Side.WORKER) as session:
            rows = session.scalars(select(Offer).where(Offer.state == "open").order_by(Offer.id)).all()
        rows = [offer for offer in rows if offer.staff_id not in self.left]
        return rows[which % len(rows)] if rows else None

    @rule(state=st.sampled_from(["reachable", "reachable", "on post", "away"]), who=some)
    def change_availability(self, who: int, state: str) -> None:
        set_availability(self._one(who), state=state)
        if state != "reachable":
            with transaction(Side.ANONYMOUS) as session:
                pass_on(session, self._one(who).id, self.time.now)

    @rule(who=some, resting=st.booleans())
    def rest(self, who: int, resting: bool) -> None:
        until = self.time.now + timedelta(hours=2) if resting else None
        set_availability(self._one(who), rests_until=until)

    @rule(seconds=st.sampled_from([60, 181, 601, 1801, 7201, 14401]))
    def let_time_pass(self, seconds: int) -> None:
        self.time.pass_by(seconds=seconds)
        do_what_is_due(self.config)

    @rule(which=some)
    def open_and_write(self, which: int) -> None:
        known, conversation = self._talk(which)
        if known and conversation:
            one = self._by_id(conversation.staff_id)
            assert known.asker.open(one.device).status_code == 201
            if which % 3 and one.id not in self.left:
                assert one.write(str(conversation.id)).status_code == 201

    @rule(which=some)
    def accept_and_forget(self, which: int) -> None:
        self.accept(which)
        known, conversation = self._talk(which)
        if known and conversation:
            assert known.asker.open(self._by_id(conversation.staff_id).device).status_code == 201
        self.let_time_pass(601)

    @rule(which=some, to=st.sampled_from(["next", "clinician"]))
    def hand_over(self, which: int, to: str) -> None:
        _, conversation = self._talk(which)
        if conversation and conversation.staff_id not in self.left:
            answer = self._by_id(conversation.staff_id).do("POST", f"/conversations/{conversation.id}/hand-over", to=to)
            assert answer.status_code in (204, 409)

    def _by_id(self, staff_id: uuid.UUID) -> Helper:
        return next(one for one in self.staff if one.id == staff_id)

    def _talk(self, which: int) -> tuple[Known | None, Conversation | None]:
        with transaction(Side.WORKER) as session:
            rows = session.scalars(select(Conversation).where(Conversation.state != "closed").order_by(Conversation.id))
            found = rows.all()
        if not found:
            return None, None
        conversation = found[which % len(found)]
        return self.requests[conversation.request_id], conversation

    @rule(which=some)
    def withdraw(self, which: int) -> None:
        if self.requests and which % 3 == 0:
            known = list(self.requests.values())[which % len(self.requests)]
            assert known.asker.do("DELETE", "").status_code == 204

    @rule(who=some, which=some)
    def choose_or_take(self, who: int, which: int) -> None:
        for coordinator in (
            one for one in self.staff if Role.COORDINATOR in one.signed.staff.roles and one.id not in self.left
        ):
            listed = coordinator.do("GET", "/support-requests").get_json()["support_requests"]
            for request in listed:
                at, chosen = f"/support-requests/{request['id']}/offers", str(self._one(which).id)
                answer = coordinator.do("POST", at, staff_id=chosen)
                assert answer.status_code in (204, 409)
        if Role.CLINICIAN in self._one(who).signed.staff.roles:
            for request_id in self.requests:
                answer = self._one(who).do("POST", f"/support-requests/{request_id}/take")
                assert answer.status_code in (200, 404, 409)
                if answer.status_code == 200:
                    self.declined.discard((request_id, self._one(who).id))

    @rule(who=some)
    def name_as_part_of_the_incident(self, who: int) -> None:
        key = {"incident_id": self.incident.id, "staff_id": self._one(who).id}
        with transaction(Side.OWNER) as session:
            session.merge(IncidentStaff(**key))
            enqueue(session, Kind.RECHECK, {"incident": str(self.incident.id)}, run_at=self.time.now)
        do_what_is_due(self.config)

    @rule(who=some)
    def leave_the_programme(self, who: int) -> None:
        if who % 4 == 0 and len(self.left) < len(self.staff) - 1:
            one = self._one(who)
            self.left.add(one.id)
            with transaction(Side.OWNER) as session:
                session.execute(update(Staff).where(Staff.id == one.id).values(active=False))

    @invariant()
    def no_offer_breaks_a_hard_rule(self) -> None:
        with transaction(Side.WORKER) as session:
            rows = session.scalars(select(Offer)).all()
            involved = set(session.scalars(select(IncidentStaff.staff_id)))
            active = set(session.scalars(select(Staff.id).where(Staff.active)))
        for offer in rows:
            if offer.id in self.seen:
                assert not (offer.state == "open" and self.requests[offer.request_id].incident) or (
                    offer.staff_id not in involved
                )
                continue
            self.seen.add(offer.id)
            self.tally["offers"] += 1
            known = self.requests[offer.request_id]
            assert offer.staff_id not in known.barred
            assert offer.staff_id in active
            assert not (known.incident and offer.staff_id in involved)
            assert (offer.request_id, offer.staff_id) not in self.declined

    @invariant()
    def nobody_is_left_alone(self) -> None:
        assert alone(self.time.now) == []
        with transaction(Side.WORKER) as session:
            waiting = set(session.scalars(select(Offer.request_id).where(Offer.state == "open")))
            requests = session.scalars(select(SupportRequest)).all()
            talks = set(session.scalars(select(Conversation.request_id).where(Conversation.state != "closed")))
        for request in requests:
            assert (request.id in waiting) <= (request.state == "open")
            assert (request.id in talks) == (request.state in ("accepted", "talking"))
            if request.state == "open" and request.urgency == "now":
                assert request.id in waiting or request.told

    def _barred(self, unit: int | None, language: str, because: bool) -> set[uuid.UUID]:
        """Whom the hard rules bar, found by trying every posting at every moment against every way up."""
        moments = [self.incident.started_at, self.time.now] if because else [self.time.now]
        with transaction(Side.WORKER) as session:
            posts, ways = session.scalars(select(Post)).all(), session.scalars(select(Command)).all()
            involved = set(session.scalars(select(IncidentStaff.staff_id))) if because else set()
        own = self.units[unit].id if unit is not None else None
        return (
            involved
            | {one.id for one in self.staff if language not in one.signed.staff.languages}
            | {
                post.staff_id
                for post in posts
                for posted_at in moments
                for moment in moments
                if own and held(post, posted_at)
                and (leads(post.unit_id, own, moment, ways) or leads(own, post.unit_id, moment, ways))
            }
        )  # fmt: skip


def leads(low: uuid.UUID, high: uuid.UUID, moment: datetime, ways: Any) -> bool:
    """Whether there is a way up from `low` to `high`."""
    return low == high or any(
        way.unit_id == low and held(way, moment) and leads(way.parent_id, high, moment, ways) for way in ways
    )


def held(row: Post | Command, moment: datetime) -> bool:
    return not (moment < row.since or (row.until is not None and row.until <= moment))
