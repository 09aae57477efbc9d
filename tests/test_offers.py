"""Offers: a peer sees who asks, accepts or declines; one has it, whoever else tries at the same moment."""

import uuid
from time import sleep

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from backend import worker
from backend.app import create_app
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction, use
from backend.jobs import Kind
from backend.models.agency.staff import Role, Staff
from backend.models.anonymous.conversations import Conversation
from backend.models.anonymous.requests import Offer, SupportRequest
from tests.askers import Asker, Helper, House, asked, hushed, jobs, set_availability, standing_clock, team
from tests.phones import problem, together

ROUNDS = 12
LEAD = 0.0015
"""Seconds by which one side of a race starts earlier than in the round before, so that each side wins sometimes."""


def test_an_offer_shows_urgency_topics_languages_and_no_more(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1)
    Asker(client, house, {"topics": ["sleep"], "ways": ["meet"]}).ask()
    (offer,) = peer.offers()
    uuid.UUID(offer.pop("id"))
    assert offer == {"urgency": "now", "topics": ["sleep"], "languages": ["en"]}


def test_looking_at_the_list_marks_nothing_but_opening_does(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1)
    Asker(client, house).ask()
    (offer,) = peer.offers()
    assert not opened()
    assert peer.do("POST", f"/offers/{offer['id']}/opened").status_code == 204
    assert opened()


def opened() -> bool:
    with transaction(Side.WORKER) as session:
        return session.scalars(select(Offer.opened)).one()


def test_the_first_to_accept_has_it_and_the_others_phones_go_quiet(client: FlaskClient, house: House) -> None:
    first, second, third = team(client, house, 3)
    asker = Asker(client, house).ask()
    (late,) = second.offers()
    conversation = first.accept()
    assert problem(second.do("POST", f"/offers/{late['id']}/accept"), 409) == "no-longer-open"
    assert asked([first, second, third]) == []
    assert {second.id, third.id} <= hushed("offer")
    seen = asker.see()
    assert (seen["state"], seen["unread"]) == ("accepted", True)
    assert seen["conversation"] == {
        "id": conversation, "staff_id": str(first.id), "state": "waiting", "ending": None
    }  # fmt: skip
    assert jobs(Kind.NEXT_WAVE) == []
    assert [job.args for job in jobs(Kind.LAPSE)] == [{"conversation": conversation}]
    assert [job.args["name"] for job in jobs(Kind.PUBLISH)] == ["news"]


def test_accepting_twice_is_accepting_once(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1)
    Asker(client, house).ask()
    (offer,) = peer.offers()
    first, second = (peer.do("POST", f"/offers/{offer['id']}/accept") for _ in range(2))
    assert first.get_json() == second.get_json()


def test_an_offer_of_somebody_else_is_not_there(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1)
    Asker(client, house).ask()
    (other,) = team(client, house, 1)
    (offer,) = peer.offers()
    for act in ("opened", "accept", "decline"):
        assert problem(other.do("POST", f"/offers/{offer['id']}/{act}"), 404) == "not-found"
    assert peer.accept()


def test_whoever_is_at_his_cap_can_still_take_what_he_was_offered(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1)
    Asker(client, house).ask()
    set_availability(peer, cap=0)
    assert peer.accept()


def test_whoever_is_no_peer_any_more_cannot_accept(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1, Role.PEER, Role.COORDINATOR)
    Asker(client, house).ask()
    with transaction(Side.OWNER) as session:
        session.get_one(Staff, peer.id).roles = ["coordinator"]
    assert problem(peer.answer("accept"), 409) == "no-longer-open"


def test_declining_is_final_and_can_be_said_twice(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1)
    Asker(client, house).ask()
    (offer,) = peer.offers()
    for _ in range(2):
        assert peer.do("POST", f"/offers/{offer['id']}/decline").status_code == 204
    assert problem(peer.do("POST", f"/offers/{offer['id']}/accept"), 409) == "no-longer-open"


def test_what_was_accepted_is_handed_over_and_not_declined(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1)
    Asker(client, house).ask()
    (offer,) = peer.offers()
    peer.accept()
    assert problem(peer.do("POST", f"/offers/{offer['id']}/decline"), 409) == "accepted"


def test_accepting_wakes_the_asker(client: FlaskClient, house: House) -> None:
    (peer,) = team(client, house, 1)
    asker = Asker(client, house, {"wake": {"platform": "ios", "address_kind": "fid", "address": "x"}}).ask()
    assert not [job for job in jobs(Kind.TELL) if job.args["notice"] == "answer"]
    peer.accept()
    assert [job.args["about"] for job in jobs(Kind.TELL) if job.args["notice"] == "answer"] == [str(asker.id)]


def real_house(clone: dict[Side, str], config: Config) -> tuple[PostgreSQL, FlaskClient, House]:
    database = PostgreSQL(clone, pool_size=10)
    use(database)
    with transaction(Side.OWNER) as session:
        return database, create_app(config).test_client(), House(session, config)


@pytest.mark.real
def test_of_eight_accepts_at_once_one_wins(clone: dict[Side, str], config: Config) -> None:
    policy = {"now": {"size": 8, "answer_within": 180, "tell_after": 600}}
    database, client, house = real_house(clone, config)
    with transaction(Side.OWNER) as session:
        agency = session.merge(house.agency)
        agency.policy = agency.policy | policy
    peers = [Helper(create_app(config).test_client(), one.signed, one.device) for one in team(client, house, 8)]
    rounds = 4
    for _ in range(rounds):
        for peer in peers:
            set_availability(peer, cap=20)
        Asker(client, house).ask()
        answers: list[int] = []

        def accept(index: int, answers: list[int] = answers) -> None:
            answers.append(peers[index].answer("accept").status_code)

        together(8, accept)
        assert sorted(answers) == [200] + [409] * 7
    with transaction(Side.WORKER) as session:
        assert session.scalar(select(func.count()).select_from(Conversation)) == rounds
    database.close()
    print(f"{rounds} times 8 accepts at once: one conversation each")


@pytest.mark.real
def test_accept_against_withdraw(clone: dict[Side, str], config: Config) -> None:
    database, client, house = real_house(clone, config)
    (one,) = team(client, house, 1)
    peer = Helper(create_app(config).test_client(), one.signed, one.device)
    set_availability(peer, cap=20)
    accepted = 0
    for number in range(ROUNDS):
        asker = Asker(client, house).ask()
        (offer,) = peer.offers()
        answers: dict[int, int] = {}

        def act(
            index: int,
            asker: Asker = asker,
            offer: str = offer["id"],
            answers: dict[int, int] = answers,
            lead: float = number * LEAD,
        ) -> None:
            sleep(lead if index else 0)
            answer = asker.do("DELETE", "") if index else peer.do("POST", f"/offers/{offer}/accept")
            answers[index] = answer.status_code

        together(2, act)
        assert answers[1] == 204
        assert answers[0] in (200, 409)
        accepted += answers[0] == 200
        assert asker.see()["state"] == "withdrawn"
        conversation = asker.see()["conversation"]
        assert (conversation and conversation["ending"]) == ("withdrawn" if answers[0] == 200 else None)
    with transaction(Side.WORKER) as session:
        assert not session.scalar(select(func.count()).where(Conversation.state != "closed"))
        assert not session.scalar(select(func.count()).where(SupportRequest.state != "withdrawn"))
    assert jobs(Kind.LAPSE) == jobs(Kind.NEXT_WAVE) == []
    database.close()
    print(f"accept against withdraw, {ROUNDS} times: {accepted} accepted first, nothing left over")


@pytest.mark.real
def test_lapse_against_the_first_message(clone: dict[Side, str], config: Config) -> None:
    database, client, house = real_house(clone, config)
    one, _ = team(client, house, 2)
    peer = Helper(create_app(config).test_client(), one.signed, one.device)
    written = 0
    with standing_clock() as time:
        for number in range(ROUNDS):
            set_availability(peer, cap=20)
            asker = Asker(client, house).ask()
            conversation = peer.accept()
            asker.open(peer.device)
            time.pass_by(seconds=601)
            answers: list[int] = []

            def act(
                index: int,
                conversation: str = conversation,
                answers: list[int] = answers,
                lead: float = number * LEAD,
            ) -> None:
                if index:
                    sleep(lead)
                    answers.append(peer.write(conversation).status_code)
                else:
                    worker.do_deeds(config, (Kind.LAPSE,))

            together(2, act)
            worker.do_deeds(config, (Kind.LAPSE,))
            state = asker.see()["state"]
            assert (answers, state) in (([201], "talking"), ([409], "open")), number
            written += state == "talking"
            asker.do("DELETE", "")
    database.close()
    print(f"lapse against first message, {ROUNDS} times: {written} written first, the others passed on")
