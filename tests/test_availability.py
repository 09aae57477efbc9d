"""Whether a peer can be asked, as he says it himself."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from backend.db import Side, transaction
from backend.models.agency.staff import Role
from tests import builders
from tests.askers import Asker, House, Time, asked, team
from tests.builders import Signed

URL = "/v1/staff/availability"


@pytest.fixture
def peer(house: House) -> Signed:
    with transaction(Side.OWNER) as session:
        return builders.staff(session, house.north, Role.PEER, reachable=False)


def test_a_peer_says_what_holds_for_him(client: FlaskClient, peer: Signed) -> None:
    said = {"state": "on post", "quiet_from": "22:00", "quiet_to": "06:30", "cap": 1}
    answer = client.put(URL, json=said, headers=peer.headers)
    assert answer.status_code == 200
    assert answer.get_json() == said | {"until": None, "rests_until": None}
    assert client.get(URL, headers=peer.headers).get_json() == answer.get_json()


def test_quiet_hours_are_kept_when_only_the_state_is_said(client: FlaskClient, peer: Signed, time: Time) -> None:
    until = (time.now + timedelta(hours=2)).isoformat()
    hours = {"quiet_from": "22:00", "quiet_to": "06:30", "cap": 1}
    client.put(URL, json=hours | {"state": "reachable", "until": until}, headers=peer.headers)
    answer = client.put(URL, json={"state": "away"}, headers=peer.headers).get_json()
    assert answer == hours | {"state": "away", "until": None, "rests_until": None}
    none = client.put(URL, json={"state": "away", "quiet_from": None, "quiet_to": None}, headers=peer.headers)
    assert none.get_json()["quiet_from"] is None


def test_after_its_time_he_counts_as_away(client: FlaskClient, peer: Signed, time: Time) -> None:
    soon = (time.now + timedelta(minutes=5)).isoformat()
    client.put(URL, json={"state": "reachable", "until": soon, "rests_until": soon}, headers=peer.headers)
    assert client.get(URL, headers=peer.headers).get_json()["state"] == "reachable"
    time.pass_by(minutes=5)
    later = client.get(URL, headers=peer.headers).get_json()
    assert (later["state"], later["until"], later["rests_until"]) == ("away", None, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"state": "asleep"}, "state"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"quiet_from": "22:00"}, "quiet_to"),
        ({"quiet_from": "22:00", "quiet_to": "22:00"}, "quiet_to"),
        ({"quiet_from": "25:00", "quiet_to": "06:00"}, "quiet_from"),
        ({"cap": 21}, "cap"),
    ],
)
def test_a_wrong_field_is_named(client: FlaskClient, peer: Signed, changes: dict[str, Any], field: str) -> None:
    answer = client.put(URL, json={"state": "reachable"} | changes, headers=peer.headers)
    assert (answer.status_code, list(answer.get_json()["fields"])) == (422, [field])


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "on post"},
        {"state": "away"},
        {"state": "reachable", "rests_until": "2099-01-01T00:00:00Z"},
        {"state": "reachable", "cap": 0},
    ],
)
def test_open_offers_pass_on_when_he_can_not_be_asked(
    client: FlaskClient, house: House, changes: dict[str, Any]
) -> None:
    peers = team(client, house, 2)
    Asker(client, house, {"urgency": "routine"}).ask()
    [first] = asked(peers)
    assert client.put(URL, json=changes, headers=first.signed.headers).status_code == 200
    assert [one.id for one in asked(peers)] == [one.id for one in peers if one.id != first.id]


def test_open_offers_stay_while_he_can_be_asked(client: FlaskClient, house: House) -> None:
    peers = team(client, house, 2)
    Asker(client, house, {"urgency": "routine"}).ask()
    [first] = asked(peers)
    assert client.put(URL, json={"state": "reachable", "cap": 2}, headers=first.signed.headers).status_code == 200
    assert [one.id for one in asked(peers)] == [first.id]
