"""Asking for a peer: what is kept of it, what is not, and how it stands."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, func, select, text

from backend.app import create_app
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction, use
from backend.jobs import Kind
from backend.models.agency.incidents import Incident, IncidentStaff
from backend.models.agency.staff import Role
from backend.models.anonymous.passes import SpentPass
from backend.models.anonymous.requests import Offer, Place, SupportRequest, Wake
from backend.models.tables import Table
from tests import builders
from tests.askers import REQUESTS, Asker, House, Time, do_what_is_due, helper, hushed, jobs, told
from tests.phones import problem, together


def places() -> list[tuple[uuid.UUID, str]]:
    with transaction(Side.WORKER) as session:
        return list(session.execute(select(Place.staff_id, Place.role).order_by(Place.position)))


def offered() -> set[uuid.UUID]:
    with transaction(Side.WORKER) as session:
        return set(session.scalars(select(Offer.staff_id).where(Offer.state == "open")))


def incident(house: House, *involved: uuid.UUID, kind: str = "staff-assault") -> uuid.UUID:
    with transaction(Side.OWNER) as session:
        row = Incident(
            type=kind, facility_id=house.north.id, started_at=datetime.now(UTC) - timedelta(hours=5), severity="serious"
        )
        session.add(row)
        session.flush()
        session.add_all(IncidentStaff(incident_id=row.id, staff_id=one) for one in involved)
        return row.id


def test_the_first_wave_is_asked_in_the_same_transaction(client: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        peers = [helper(client, session, house) for _ in range(5)]
        helper(client, session, house, Role.COORDINATOR)
    asker = Asker(client, house, {"topics": ["sleep"]}).ask()
    asked = {peer.id for peer in peers if peer.offers()}
    assert len(asked) == 3
    assert told("offer") == asked
    assert len(places()) == 5
    seen = asker.see()
    assert (seen["state"], seen["asked"], seen["waiting_for"], seen["told"]) == ("open", 3, 3, False)
    assert len(jobs(Kind.NEXT_WAVE)) == 1


def test_asking_again_with_the_same_pass_and_secret_is_the_same_request(client: FlaskClient, house: House) -> None:
    asker = Asker(client, house)
    first, second = asker.try_ask(), asker.try_ask()
    assert (first.status_code, first.get_json()) == (second.status_code, second.get_json()) == (201, first.get_json())


def test_a_pass_asks_once(client: FlaskClient, house: House) -> None:
    asker = Asker(client, house).ask()
    other = Asker(client, house, shown=asker.shown)
    assert problem(other.try_ask(), 409) == "pass-spent"


def test_a_secret_belongs_to_one_request(client: FlaskClient, house: House) -> None:
    asker = Asker(client, house).ask()
    again = Asker(client, house, secret=asker.secret)
    assert problem(again.try_ask(), 409) == "secret-used"
    again.secret = bytes(32)
    assert again.try_ask().status_code == 201, "the pass was not spent"


@pytest.mark.parametrize(
    ("says", "field"),
    [
        ({"unit": "nowhere"}, "unit"),
        ({"facility": "nowhere"}, "facility"),
        ({"incident": str(uuid.uuid4())}, "incident"),
        ({"keep_away": [str(uuid.uuid4())]}, "keep_away.0"),
        ({"wishes": {"prefer": [str(uuid.uuid4())]}}, "wishes.prefer.0"),
        ({"wishes": {"facility": "same"}}, "wishes.facility"),
        ({"topics": ["the weather"]}, "topics"),
        ({"languages": ["tlh"]}, "languages"),
        ({"notice_version": "1999"}, "notice_version"),
        ({"urgency": "today", "wake": {"platform": "ios", "address_kind": "fid", "address": "x"}}, "wake"),
    ],
)
def test_what_names_nothing_is_said_and_costs_no_pass(
    client: FlaskClient, house: House, says: dict[str, Any], field: str
) -> None:
    asker = Asker(client, house, says)
    answer = asker.try_ask()
    assert problem(answer, 422) == "invalid"
    assert list(answer.get_json()["fields"]) == [field]
    for value in says.values():
        assert str(value) not in answer.get_data(as_text=True)
    asker.says = {}
    assert asker.try_ask().status_code == 201


def test_a_conflict_of_interest_has_no_place(client: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        top = builders.unit(session, house.north, "custody")
        own = builders.unit(session, house.north, "a-block", top)
        below = builders.unit(session, house.north, "a-block-night", own)
        beside = builders.unit(session, house.north, "b-block", top)
        free = builders.staff(session, house.north, unit=beside)
        for changes in (
            {"unit": own},
            {"supervises": own},
            {"supervises": top},
            {"unit": below},
            {"languages": ["es"]},
        ):
            builders.staff(session, house.north, **changes)
        involved, avoided = builders.staff(session, house.north), builders.staff(session, house.north)
        clinician = builders.staff(session, house.north, Role.CLINICIAN)
        builders.staff(session, house.north, Role.CLINICIAN, supervises=own)
    Asker(client, house, {"unit": "a-block", "incident": str(incident(house, involved.id)),
                          "keep_away": [str(avoided.id)]}).ask()  # fmt: skip
    assert places() == [(free.id, "peer"), (clinician.id, "clinician")]
    assert offered() == {free.id}


def test_wishes_bend_and_order(client: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        south = builders.facility(session, "south")
        stranger = builders.staff(session, south)
        sleeper = builders.staff(session, house.north, topics=["sleep"])
        near, known = builders.staff(session, house.north), builders.staff(session, south)
    wishes = {"facility": "same", "prefer": [str(known.id)]}
    Asker(client, house, {"facility": "north", "topics": ["sleep"], "wishes": wishes}).ask()
    assert [one for one, _ in places()] == [known.id, sleeper.id, near.id, stranger.id]


def test_after_a_colleagues_death_others_come_first(client: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        own = builders.staff(session, house.north, topics=["grief"])
        other = builders.staff(session, builders.facility(session, "south"))
    named = str(incident(house, kind="colleague-suicide"))
    Asker(client, house, {"topics": ["grief"], "incident": named}).ask()
    assert [one for one, _ in places()] == [other.id, own.id]


def test_nothing_that_was_weighed_reaches_the_database(client: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        own = builders.unit(session, house.north, "a-block")
        for _ in range(3):
            builders.staff(session, house.north)
        avoided = builders.staff(session, house.north)
        liked = builders.staff(session, builders.facility(session, "south"))
    asker = Asker(client, house, {"unit": "a-block", "facility": "north", "keep_away": [str(avoided.id)],
                                  "wishes": {"facility": "other", "prefer": [str(liked.id)]}})  # fmt: skip
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append(f"{statement} {parameters}")

    asker.shown = house.a_pass()
    before = dump()
    event.listen(Engine, "before_cursor_execute", note)
    try:
        asker.ask()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    written = [line for line in dump() if line not in before]
    assert any(str(liked.id) in line for line in sent), "places and offers are written"
    for fact in (str(own.id), "a-block", str(avoided.id), str(house.north.id), "other", "prefer", "keep"):
        assert not [line for line in sent if fact in line], fact
        assert not [line for line in written if fact in line], fact


def dump() -> list[str]:
    """Every row of every table as text."""
    with transaction(Side.OWNER) as session:
        return [
            row
            for table in Table.metadata.sorted_tables
            for row in session.scalars(text(f"SELECT t::text FROM {table.schema}.{table.name} t"))
        ]


def test_a_lost_phone_finds_its_request_by_the_secret(client: FlaskClient, house: House) -> None:
    asker = Asker(client, house).ask()
    assert client.get(REQUESTS, headers=asker.headers).get_json() == asker.see()


def test_another_secret_finds_nothing(client: FlaskClient, house: House) -> None:
    asker, other = Asker(client, house).ask(), Asker(client, house)
    assert problem(client.get(REQUESTS, headers=other.headers), 404) == "not-found"
    assert problem(client.get(asker.url, headers=other.headers), 404) == "not-found"
    assert problem(client.delete(asker.url, headers=other.headers), 404) == "not-found"
    assert problem(client.get(asker.url, headers={"Authorization": "Bearer relief-asker-x"}), 401)
    assert client.get(asker.url, headers=asker.headers).status_code == 200


def test_an_unchanged_request_costs_304(client: FlaskClient, house: House) -> None:
    with transaction(Side.OWNER) as session:
        peer = helper(client, session, house)
    asker = Asker(client, house).ask()
    etag = client.get(asker.url, headers=asker.headers).headers["ETag"]
    same = client.get(asker.url, headers=asker.headers | {"If-None-Match": etag})
    assert (same.status_code, same.headers["ETag"]) == (304, etag)
    peer.accept()
    changed = client.get(asker.url, headers=asker.headers | {"If-None-Match": etag})
    assert changed.status_code == 200


def test_withdrawing_lets_phones_go_quiet_and_forgets_the_wake(client: FlaskClient, house: House, time: Time) -> None:
    with transaction(Side.OWNER) as session:
        peer = helper(client, session, house)
    wake = {"platform": "ios", "address_kind": "token", "address": "made for this"}
    asker = Asker(client, house, {"wake": wake}).ask()
    assert asker.see()["wake"]
    assert client.delete(asker.url, headers=asker.headers).status_code == 204
    assert client.delete(asker.url, headers=asker.headers).status_code == 204
    assert asker.see()["state"] == "withdrawn"
    assert peer.offers() == []
    assert hushed("offer") == {peer.id}
    assert jobs(Kind.NEXT_WAVE) == []
    with transaction(Side.WORKER) as session:
        assert session.scalar(select(func.count()).select_from(Wake)) == 0
    time.pass_by(days=8)
    do_what_is_due(house.config)
    with transaction(Side.WORKER) as session:
        for table in (SupportRequest, Place, Offer):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_of_a_request_that_has_ended_neither_order_nor_hour_is_kept(
    client: FlaskClient, house: House, time: Time
) -> None:
    with transaction(Side.OWNER) as session:
        peers = [helper(client, session, house) for _ in range(3)]
    asker = Asker(client, house).ask()
    assert len(places()) == len(peers)
    assert client.delete(asker.url, headers=asker.headers).status_code == 204
    assert places() == []
    with transaction(Side.WORKER) as session:
        request = session.scalars(select(SupportRequest)).one()
        offers = session.scalars(select(Offer.expires_at)).all()
    kept = {request.tell_at, request.deletes_at, *offers, *[job.run_at for job in jobs(Kind.FORGET)]}
    [moment] = kept
    assert moment is not None
    assert time.now + timedelta(days=7) < moment <= time.now + timedelta(days=8)
    assert (moment - datetime.fromtimestamp(0, UTC)) % timedelta(days=1) == timedelta()


def test_a_wake_can_come_later_and_go(client: FlaskClient, house: House) -> None:
    asker = Asker(client, house).ask()
    wake = {"platform": "ios", "address_kind": "token", "address": "made for this"}
    assert asker.do("PUT", "/wake", **wake).status_code == 204
    assert asker.do("PUT", "/wake", **wake | {"address": "another"}).status_code == 204
    assert asker.see()["wake"]
    assert asker.do("DELETE", "/wake").status_code == 204
    assert not asker.see()["wake"]
    calm = Asker(client, house, {"urgency": "routine"}).ask()
    assert problem(calm.do("PUT", "/wake", **wake), 409) == "no-wake"


def test_an_address_that_names_somebody_on_staff_wakes_no_asker(client: FlaskClient, house: House) -> None:
    """Peers ask too. An address under which a phone has a name already would say who asks."""
    with transaction(Side.OWNER) as session:
        known = builders.device(session, builders.staff(session, house.north).staff, address="of a known phone")
    wake = {"platform": "ios", "address_kind": "token", "address": known.address}
    asker = Asker(client, house, {"wake": wake})
    assert problem(asker.try_ask(), 422) == "invalid"
    asker.says = {}
    asker.ask()
    assert problem(asker.do("PUT", "/wake", **wake), 422) == "invalid"
    with transaction(Side.WORKER) as session:
        assert session.scalar(select(func.count()).select_from(Wake)) == 0


@pytest.mark.real
def test_a_pass_asks_once_however_many_try(clone: dict[Side, str], config: Config) -> None:
    tried = 100
    database = PostgreSQL(clone, pool_size=16)
    use(database)
    app = create_app(config)
    with transaction(Side.OWNER) as session:
        house = House(session, config)
        builders.staff(session, house.north)
    shown = house.a_pass()
    askers = [Asker(app.test_client(), house, shown=shown) for _ in range(tried)]
    twins = [Asker(app.test_client(), house, shown=shown, secret=askers[0].secret) for _ in range(8)]
    answers: list[tuple[int, str]] = []

    def ask(index: int) -> None:
        answer = [*askers, *twins][index].try_ask()
        answers.append((answer.status_code, answer.get_data(as_text=True)))

    together(tried + len(twins), ask)
    asked = [body for status, body in answers if status == 201]
    assert len(set(asked)) == 1
    assert len(asked) in (1, 1 + len(twins))
    assert sorted({status for status, _ in answers}) == [201, 409]
    with transaction(Side.WORKER) as session:
        for table in (SupportRequest, Offer, SpentPass):
            assert session.scalar(select(func.count()).select_from(table)) == 1
    database.close()
    print(f"{tried + len(twins)} spends of one pass at once: one request")


@pytest.mark.real
def test_the_same_spend_repeated_at_once_is_answered_the_same(clone: dict[Side, str], config: Config) -> None:
    tried = 20
    database = PostgreSQL(clone)
    use(database)
    app = create_app(config)
    with transaction(Side.OWNER) as session:
        house = House(session, config)
    first = Asker(app.test_client(), house, shown=house.a_pass())
    answers: list[tuple[int, str]] = []

    def ask(index: int) -> None:
        answer = Asker(app.test_client(), house, shown=first.shown, secret=first.secret).try_ask()
        answers.append((answer.status_code, answer.get_data(as_text=True)))

    together(tried, ask)
    database.close()
    assert len(answers) == tried
    assert {status for status, _ in answers} == {201}
    assert len(set(answers)) == 1
    print(f"{tried} times the same spend at once: {tried} times the same answer")
