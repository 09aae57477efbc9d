"""Every answer keeps to the OpenAPI document, whatever is sent: no 500, no answer that isn't documented."""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Connection

from backend.actions.agency import bulletin_keys, record
from backend.actions.anonymous.news import publish_news
from backend.app import create_app
from backend.clock import now
from backend.config import Config
from backend.db import Side, transaction
from backend.door.wire import REQUEST_TYPE
from backend.models.agency.staff import Role
from tests import askers, builders, phones
from tests.conftest import RolledBack

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
INCIDENT = {
    "type": "staff-assault",
    "facility": "north",
    "severity": "severe",
    "started_at": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
}

CONFIG = Config(public_url="http://localhost", sealing_key=bytes(32), database_urls={})
APP = create_app(CONFIG)
APP.testing = True
SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", APP)

schemathesis.openapi.media_type(REQUEST_TYPE, st.binary(max_size=600))
schemathesis.serializer(REQUEST_TYPE)(lambda context, value: value)

pytestmark = pytest.mark.thorough


@dataclass
class World:
    """An agency in the middle of an evening: how everybody shows who he is, and what stands in paths and bodies."""

    headers: dict[str, dict[str, str]]
    ids: dict[str, str]
    known: dict[str, Any]


@pytest.fixture
def world(database: RolledBack) -> World:
    client = APP.test_client()
    with transaction(Side.OWNER) as session:
        house = askers.House(session, CONFIG)
        officer = builders.officer(session, house.north)
        voucher = builders.voucher(session)
    with transaction(Side.WORKER) as session:
        bulletin_keys.rotate(session, CONFIG.sealing_key, now())
        for kind in ("agency", "keys", "bulletin"):
            record.append(session, CONFIG.sealing_key, kind, b"{}", now())
        publish_news(session, now())
    everybody = askers.team(client, house, 3, *Role)
    asker = askers.Asker(client, house).ask()
    askers.do_what_is_due(CONFIG)
    me = askers.asked(everybody)[0]
    incident = me.do("POST", "/incidents", **INCIDENT).get_json()
    integration = me.do("POST", "/integration-keys", name="Dispatch").get_json()
    conversation = me.accept()
    asker.open(me.device)
    askers.Asker(client, house).ask()
    askers.do_what_is_due(CONFIG)
    staff = dict.fromkeys(["staff", "coordinator", "clinician", "clinician-or-coordinator"], me.signed.headers)
    return World(
        headers=staff
        | {
            "officer": officer.headers,
            "integration": {"Authorization": f"Bearer {integration['key']}"},
            "asker": asker.headers,
            "pass-support": house.a_pass(),
        },
        ids={
            "conversation_id": conversation,
            "request_id": str(asker.id),
            "offer_id": me.offers()[0]["id"],
            "incident_id": incident["id"],
            "device_id": str(me.device),
            "key_id": house.key.public.key_id.hex(),
            "sequence": "1",
        },
        known=INCIDENT
        | {
            "languages": ["en"],
            "ways": ["chat"],
            "notice_version": "2026-1",
            "conversation_id": conversation,
            "device_id": str(me.device),
            "staff_id": str(me.id),
            "voucher": voucher,
            "passphrase": builders.PASSPHRASE,
            "name": officer.account.name,
            REQUEST_TYPE: phones.begin(house.key).to_bytes(),
        },
    )


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(case: Case[Any], world: World, connection: Connection) -> None:
    """Each call meets the same evening; what it changes is undone."""
    show_and_point(case, world)
    savepoint = connection.begin_nested()
    try:
        case.call_and_validate(checks=CHECKS)
    finally:
        savepoint.rollback()


def show_and_point(case: Case[Any], world: World) -> None:
    """Mostly as somebody who may, about something that is there; now and then neither."""
    dice = zlib.crc32(case.as_curl_command().encode())
    callers = case.operation.definition.raw["x-callers"]
    if dice % 8:
        case.headers.update(world.headers.get(callers[dice % len(callers)], {}))
    if dice % 5:
        case.path_parameters.update({name: world.ids[name] for name in case.path_parameters if name in world.ids})
    if dice % 3:
        case.body = world.known.get(case.media_type or "", known(case.body, world))


def known(value: Any, world: World) -> Any:
    """The same, with facts of this world in the places that want one."""
    if isinstance(value, dict):
        return {key: world.known.get(key, known(below, world)) for key, below in value.items()}
    if isinstance(value, list):
        return [known(below, world) for below in value]
    return value
