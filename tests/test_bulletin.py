"""The bulletin: everything that a phone needs, nothing that somebody didn't choose to show."""

import json
import os
import secrets
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.actions.agency import bulletin_keys, record
from backend.actions.agency.bulletin import publish_bulletin
from backend.actions.agency.bulletin_keys import OpenBulletinKey, announced_bulletin_key, current_bulletin_key
from backend.base64url import decode_base64, encode_base64
from backend.config import Config
from backend.db import Side, transaction
from backend.jobs import Kind
from backend.models.agency.incidents import Incident, IncidentStaff, IncidentUnit
from backend.models.agency.jobs import Job
from backend.models.agency.places import Facility, Unit
from backend.models.agency.record import BulletinKey, RecordDocument
from backend.models.agency.staff import Role
from backend.rules import outreach
from backend.rules.bulletin import Unreadable, bucket, seal, unseal
from tests import builders
from tests.conftest import RolledBack

VECTORS = json.loads((Path(__file__).parent / "vectors" / "relief.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def north(database: RolledBack, config: Config) -> Facility:
    """An agency with one facility, whose first bulletin key is in use."""
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        facility = builders.facility(session)
    _rotate(config, NOW)
    return facility


def _rotate(config: Config, moment: datetime) -> None:
    with transaction(Side.WORKER) as session:
        bulletin_keys.rotate(session, config.sealing_key, moment)


def _key(config: Config, moment: datetime = NOW) -> OpenBulletinKey:
    with transaction(Side.WORKER) as session:
        key = current_bulletin_key(session, config.sealing_key, moment)
    assert key
    return key


def _publish(config: Config, moment: datetime = NOW) -> dict[str, Any]:
    """The body of the bulletin, made now."""
    with transaction(Side.WORKER) as session:
        publish_bulletin(session, config.sealing_key, moment)
        latest = record.latest(session, "bulletin")
    assert latest
    assert latest.body
    body: dict[str, Any] = json.loads(latest.body)
    return body


def _read(config: Config, moment: datetime = NOW) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(unseal(_key(config, moment).key, _publish(config, moment)))
    return said


def test_enrolled_phones_can_read_it_and_nobody_else(client: FlaskClient, config: Config, north: Facility) -> None:
    with transaction(Side.OWNER) as session:
        peer = builders.staff(session, north)
        given_key = client.get("/v1/staff/bulletin-key", headers=peer.headers).get_json()["bulletin_key"]
    _publish(config)
    file = client.get("/v1/public/bulletin").get_json()
    body = json.loads(file["body"])
    said = json.loads(unseal(decode_base64(given_key["key"]), body))
    assert said["crisis_lines"][0]["call"] == "988"
    assert body["key_number"] == given_key["number"]
    with pytest.raises(Unreadable):
        unseal(os.urandom(32), body)
    assert client.get("/v1/staff/bulletin-key").status_code == 401


def test_a_phone_that_held_the_last_key_reads_on_under_the_next(config: Config, north: Facility) -> None:
    held = _key(config)
    announced = _read(config)["next_key"]
    _rotate(config, NOW + WEEK)
    later = _publish(config, NOW + WEEK)
    assert later["key_number"] == announced["number"] == held.number + 1
    assert json.loads(unseal(decode_base64(announced["key"]), later))["next_key"]["number"] == held.number + 2
    with pytest.raises(Unreadable):
        unseal(held.key, later)


def test_keys_rotate_once_a_week_and_the_old_one_is_forgotten(config: Config, north: Facility) -> None:
    first = _key(config)
    for days in range(7):
        _rotate(config, NOW + timedelta(days=days))
        assert _key(config, NOW + timedelta(days=days)) == first
    _rotate(config, NOW + timedelta(weeks=3))
    assert _key(config, NOW + timedelta(weeks=3)).number == first.number + 1
    with transaction(Side.WORKER) as session:
        keys = session.scalars(select(BulletinKey.number).order_by(BulletinKey.number))
        assert keys.all() == [first.number + 1, first.number + 2]
        wanted = session.scalars(select(Job.key).where(Job.kind == Kind.PUBLISH)).all()
        assert "bulletin" in wanted


def test_a_peer_shows_what_he_chose_and_no_more(config: Config, north: Facility) -> None:
    profile = {"years": 12, "sentence": "I have been there."}
    with transaction(Side.OWNER) as session:
        usual = builders.staff(session, north, profile=profile)
        open_hearted = builders.staff(session, north, profile=profile, topics=["grief"], shows=["years", "topics"])
        shy = builders.staff(session, north, Role.CLINICIAN, shows=[])
        gone = builders.staff(session, north, active=False)
        gone_device = builders.device(session, gone.staff)
    said = _read(config)
    staff = {person["id"]: person for person in said["staff"]}
    assert staff[str(usual.id)] == {
        "id": str(usual.id),
        "roles": ["peer"],
        "first_name": usual.staff.first_name,
        "facility": "north",
        "languages": ["en"],
    }
    assert staff[str(open_hearted.id)] == {
        "id": str(open_hearted.id),
        "roles": ["peer"],
        "years": 12,
        "topics": ["grief"],
    }
    assert staff[str(shy.id)] == {"id": str(shy.id), "roles": ["clinician"]}
    assert str(gone.id) not in staff
    assert str(gone_device.id) not in json.dumps(said)


def test_nobody_can_pass_for_another_by_his_profile(config: Config, north: Facility) -> None:
    with transaction(Side.OWNER) as session:
        sly = builders.staff(session, north, profile={"id": "x", "roles": ["clinician"]}, shows=["id", "roles"])
    (shown,) = _read(config)["staff"]
    assert shown == {"id": str(sly.id), "roles": ["peer"]}


def test_every_device_has_its_key_there(config: Config, north: Facility) -> None:
    with transaction(Side.OWNER) as session:
        peer = builders.staff(session, north)
        devices = [builders.device(session, peer.staff) for _ in range(2)]
    shown = {device["id"]: device for device in _read(config)["devices"]}
    for device in devices:
        assert shown[str(device.id)] == {
            "id": str(device.id),
            "staff_id": str(peer.id),
            "key": encode_base64(device.public_key),
        }


def _incident(session: Session, facility: Facility, unit: Unit, started_at: datetime, **changes: Any) -> Incident:
    row = Incident(type="staff-assault", facility_id=facility.id, started_at=started_at, severity="serious", **changes)
    session.add(row)
    session.flush()
    session.add(IncidentUnit(incident_id=row.id, unit_id=unit.id))
    session.flush()
    return row


def test_incidents_are_there_while_their_outreach_runs(config: Config, north: Facility) -> None:
    with transaction(Side.OWNER) as session:
        unit = builders.unit(session, north, "block-a")
        recent = _incident(session, north, unit, NOW - timedelta(days=89, minutes=1, seconds=7))
        closed = _incident(session, north, unit, NOW - timedelta(hours=1), closed_at=NOW)
        _incident(session, north, unit, NOW - outreach.lasts() - timedelta(minutes=1))
        part = builders.staff(session, north)
        session.add(IncidentStaff(incident_id=recent.id, staff_id=part.id))
    said = _read(config)
    assert [incident["id"] for incident in said["incidents"]] == [str(recent.id), str(closed.id)]
    assert said["incidents"][0] == {
        "id": str(recent.id),
        "number": recent.number,
        "type": "staff-assault",
        "severity": "serious",
        "facility": "north",
        "units": ["block-a"],
        "started_at": "2026-08-26T11:58Z",
        "ended_at": None,
        "closed": False,
        "version": 1,
    }
    assert said["incidents"][1]["closed"] is True


def test_offers_of_support_follow_the_field() -> None:
    schedule = outreach.schedule()
    assert schedule["counted_from"] == "end of shift"
    assert [offer.get("within_hours") or offer["after_hours"] for offer in schedule["offers"]] == [
        12, 72, 7 * 24, 14 * 24, 30 * 24, 90 * 24,
    ]  # fmt: skip
    assert [offer["after_hours"] for offer in schedule["offers"] if offer.get("self_check")] == [30 * 24]


def test_the_same_said_again_is_the_same_bytes(config: Config, north: Facility) -> None:
    first = _publish(config)
    assert _publish(config, NOW + timedelta(days=2)) == first
    with transaction(Side.OWNER) as session:
        builders.staff(session, north)
    second = _publish(config, NOW + timedelta(days=2))
    assert second != first
    assert second["nonce"] != first["nonce"]


def test_what_an_older_bulletin_said_is_forgotten_and_the_chain_holds(config: Config, north: Facility) -> None:
    for _ in range(3):
        with transaction(Side.OWNER) as session:
            builders.staff(session, north)
        _publish(config)
    with transaction(Side.OWNER) as session:
        bodies = session.scalars(select(RecordDocument.body).order_by(RecordDocument.sequence)).all()
        assert [body is None for body in bodies] == [True, True, False]
        assert record.verify(session) == 3


def test_without_an_agency_there_is_nothing_to_tell(client: FlaskClient, config: Config) -> None:
    _rotate(config, NOW)
    with transaction(Side.WORKER) as session:
        publish_bulletin(session, config.sealing_key, NOW)
    assert client.get("/v1/public/bulletin").status_code == 503


@given(st.binary(max_size=4000), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_what_was_sealed_is_what_is_read(text: bytes, number: int) -> None:
    key = secrets.token_bytes(32)
    body = seal(key, number, text, secrets.token_bytes(12))
    assert unseal(key, body) == text
    with pytest.raises(Unreadable):
        unseal(key, body | {"key_number": number ^ 1})


@given(st.integers(1, 10**7))
@settings(max_examples=100, deadline=None)
def test_padding_hides_the_length_and_costs_a_quarter_at_most(length: int) -> None:
    size = bucket(length)
    assert size >= length
    assert size == 8192 or size < length * 1.25
    assert bucket(size) == size


def test_a_short_bulletin_that_would_fill_the_memory_is_refused() -> None:
    key = secrets.token_bytes(32)
    bomb = seal(key, 1, bytes(65 * 1024 * 1024), secrets.token_bytes(12))
    assert len(bomb["ciphertext"]) < 200_000
    with pytest.raises(Unreadable):
        unseal(key, bomb)


def test_lengths_do_not_tell_one_incident_from_two() -> None:
    key = secrets.token_bytes(32)
    one, two = (seal(key, 1, b"incident" * count, secrets.token_bytes(12)) for count in (1, 2))
    assert len(one["ciphertext"]) == len(two["ciphertext"])
    assert len(decode_base64(one["ciphertext"])) == 8192 + 16
    assert zlib.decompress(zlib.compress(b"incident")) == b"incident"


def test_the_announced_key_is_not_given_out_before_its_time(config: Config, north: Facility) -> None:
    with transaction(Side.WORKER) as session:
        announced = announced_bulletin_key(session, config.sealing_key)
    assert announced
    assert _key(config, NOW + timedelta(days=400)).number == announced.number - 1


def test_the_vectors_hold() -> None:
    vector = VECTORS["bulletin"]
    key, nonce, text = decode_base64(vector["key"]), decode_base64(vector["nonce"]), vector["text"].encode()
    assert unseal(key, vector["body"]) == text
    # Two versions of zlib may deflate differently, and both rightly.
    assert unseal(key, seal(key, vector["key_number"], text, nonce)) == text
    for length, size in VECTORS["bulletin_sizes"]:
        assert bucket(length) == size
