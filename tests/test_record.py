"""The public record: one chain, that nobody can fork, change or cut short unseen."""

import hashlib
import json
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from backend import db
from backend.actions.agency import record
from backend.actions.agency.public_agency import publish_agency
from backend.actions.identified.key_list import publish_keys
from backend.base64url import decode_base64
from backend.cli import main
from backend.cli.house import house, new_sealing_key
from backend.config import Config
from backend.db import PostgreSQL, Side, transaction
from backend.door.periods import Purpose
from backend.models.agency.record import RecordDocument
from backend.models.identified.draws import Draw
from backend.rules.record import FIRST_PREVIOUS, Broken, Signed, canonical, fingerprint, follow, sign
from backend.sealing import Unsealable
from tests import builders
from tests.conftest import RolledBack

_ALL = json.loads((Path(__file__).parent / "vectors" / "relief.json").read_text(encoding="utf-8"))
VECTORS, SPELLED = _ALL["record"], _ALL["canonical"]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _append(config: Config, kind: str, body: bytes, moment: datetime = NOW) -> RecordDocument:
    with transaction(Side.WORKER) as session:
        return record.append(session, config.sealing_key, kind, body, moment)


def _verify() -> int:
    with transaction(Side.OWNER) as session:
        return record.verify(session)


def test_a_phone_can_follow_the_chain_with_nothing_but_the_fingerprint(client: FlaskClient, config: Config) -> None:
    for number in range(3):
        _append(config, "bulletin", canonical({"number": number}))
    with transaction(Side.OWNER) as session:
        printed = fingerprint(record.make_key(session, config.sealing_key))
    head = client.get("/v1/public/record").get_json()
    public_key = decode_base64(head["public_key"])
    assert fingerprint(public_key) == printed
    previous = FIRST_PREVIOUS
    for sequence in range(1, head["sequence"] + 1):
        shown = client.get(f"/v1/public/record/{sequence}").get_json()
        signed = Signed(shown["document"].encode(), decode_base64(shown["signature"]))
        said = follow(public_key, sequence, previous, signed)
        assert (said["kind"], said["made_on"]) == ("bulletin", "2026-11-23")
        previous = signed.hash
    assert head["hash"] == previous.hex()


def test_a_document_tells_the_day_and_nothing_finer(database: RolledBack, config: Config) -> None:
    document = json.loads(_append(config, "keys", b"{}").document)
    assert document["made_on"] == "2026-11-23"
    assert set(document) == {"sequence", "previous", "kind", "made_on", "body"}


def test_what_says_the_same_is_no_new_document(database: RolledBack, config: Config) -> None:
    first = _append(config, "keys", b'{"a":1}')
    assert _append(config, "keys", b'{"a":1}', NOW + timedelta(days=9)).sequence == first.sequence
    assert _append(config, "agency", b'{"a":1}').sequence == first.sequence + 1
    assert _append(config, "keys", b'{"a":2}').sequence == first.sequence + 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"document": b"{}"}, "not signed"),
        ({"signature": bytes(64)}, "not signed"),
        ({"body": b"{}"}, "body of document 2"),
        ({"kind": "receipts"}, "filed as"),
        ({"hash": bytes(32)}, "filed as"),
    ],
)
def test_tampering_shows(database: RolledBack, config: Config, change: dict[str, object], said: str) -> None:
    for number in range(3):
        _append(config, "keys", canonical({"number": number}))
    assert _verify() == 3
    with transaction(Side.OWNER) as session:
        session.execute(update(RecordDocument).where(RecordDocument.sequence == 2).values(change))
    with pytest.raises(Broken, match=said):
        _verify()


def test_a_document_that_is_left_out_shows(database: RolledBack, config: Config) -> None:
    for number in range(3):
        _append(config, "keys", canonical({"number": number}))
    with transaction(Side.OWNER) as session:
        session.delete(session.get(RecordDocument, 2))
    with pytest.raises(Broken, match="says that it is number 3"):
        _verify()


def test_a_second_chain_by_the_same_key_shows_at_the_first_difference() -> None:
    key = Ed25519PrivateKey.generate()
    public_key = key.public_key().public_bytes_raw()
    other = sign(key, b"{}", sequence=2, previous=bytes(31) + b"\1", kind="keys", made_on=date(2026, 11, 23))
    with pytest.raises(Broken, match="does not follow"):
        follow(public_key, 2, FIRST_PREVIOUS, other)


def test_the_signing_key_opens_with_the_sealing_key_alone(database: RolledBack, config: Config) -> None:
    _append(config, "keys", b"{}")
    with pytest.raises(Unsealable), transaction(Side.WORKER) as session:
        record.append(session, bytes(32), "keys", b'{"b":1}', NOW)


@pytest.mark.parametrize("side", [Side.ANONYMOUS, Side.IDENTIFIED])
def test_the_web_can_neither_read_the_signing_key_nor_write_the_record(
    side: Side, database: RolledBack, config: Config
) -> None:
    _append(config, "keys", b"{}")
    for table in ("agency.record_key", "agency.record_document"):
        with transaction(Side.OWNER) as session:
            may = select(func.has_table_privilege(side.role, table, "INSERT, UPDATE, DELETE"))
            assert session.scalar(may) is False
    with transaction(Side.OWNER) as session:
        assert session.scalar(select(func.has_table_privilege(side.role, "agency.record_key", "SELECT"))) is False


@pytest.mark.real
def test_workers_that_write_at_once_make_one_chain(clone: dict[Side, str], config: Config) -> None:
    database = PostgreSQL(clone)
    db.use(database)
    start, writers, each = threading.Barrier(6), 6, 5
    failures: list[BaseException] = []

    def write(name: int) -> None:
        try:
            start.wait()
            for number in range(each):
                _append(config, "keys" if name % 2 else "agency", canonical({"writer": name, "number": number}))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=write, args=[name]) for name in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert _verify() == writers * each
    print(f"{writers * each} documents by {writers} writers at once: one chain.")
    database.close()


@pytest.mark.real
def test_from_a_terminal(clone: dict[Side, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", clone[Side.OWNER])
    monkeypatch.setenv("SEALING_KEY", new_sealing_key())
    monkeypatch.setenv("PUBLIC_URL", "http://localhost")
    empty = CliRunner().invoke(main, ["record", "head"])
    assert empty.exit_code == 1
    assert "still empty" in empty.stderr
    with house() as settings, transaction(Side.OWNER) as session:
        printed = fingerprint(record.make_key(session, settings.sealing_key))
        document = record.append(session, settings.sealing_key, "keys", b"{}", NOW)
    assert CliRunner().invoke(main, ["record", "key"]).stdout == f"{printed}\n"
    head = CliRunner().invoke(main, ["record", "head"]).stdout
    assert printed in head
    assert document.hash.hex() in head.replace(" ", "")
    assert "The record holds: 1 documents" in CliRunner().invoke(main, ["record", "verify"]).stdout
    with house(), transaction(Side.OWNER) as session:
        session.execute(update(RecordDocument).values(document=b"{}"))
    broken = CliRunner().invoke(main, ["record", "verify"])
    assert (broken.exit_code, broken.stderr) == (
        1,
        "The record is broken. Document 1 is not signed by the record key.\n",
    )


def test_the_agency_is_shown_with_crisis_lines_first(client: FlaskClient, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        north = builders.facility(session)
        above = builders.unit(session, north, "command")
        builders.unit(session, north, "block-a", parent=above)
        closed = builders.facility(session, "old")
        closed.closed = True
    with transaction(Side.WORKER) as session:
        publish_agency(session, config.sealing_key, NOW)
    file = client.get("/v1/public/agency").get_json()
    body = json.loads(file["body"])
    assert body["crisis_lines"][0]["call"] == "988"
    assert [facility["slug"] for facility in body["facilities"]] == ["north"]
    assert [(unit["slug"], unit["under"]) for unit in body["facilities"][0]["units"]] == [
        ("block-a", "command"),
        ("command", None),
    ]
    assert body["notice"]["version"] == "2026-1"


def test_the_key_list_counts_who_drew_in_tens_and_once_a_day(database: RolledBack, config: Config) -> None:
    with transaction(Side.OWNER) as session:
        builders.agency(session)
        north = builders.facility(session)
        key = builders.issuer_key(session, config, Purpose.SUPPORT, day=NOW.date())
        officers = [builders.officer(session, north, now=NOW) for _ in range(23)]
        for number, officer in enumerate(officers[:12]):
            _draw(session, officer, key.public.key_id, number)
        _draw(session, officers[0], key.public.key_id, 1000, second=True)
    assert _listed(config, NOW) == 10
    with transaction(Side.OWNER) as session:
        for number, officer in enumerate(officers[12:], start=12):
            _draw(session, officer, key.public.key_id, number)
    assert _listed(config, NOW + timedelta(hours=3)) == 10
    assert _listed(config, NOW + timedelta(days=1)) == 20
    with transaction(Side.OWNER) as session:
        session.execute(delete(Draw))
    assert _listed(config, NOW + timedelta(days=2)) == 20


def _draw(session: Session, officer: builders.Officer, key_id: bytes, number: int, *, second: bool = False) -> None:
    session.add(
        Draw(
            account_id=officer.account.id,
            purpose="support",
            period="2026-Q4",
            number=2 if second else 1,
            key_id=key_id,
            blinded_hash=number.to_bytes(32, "big"),
        )
    )


def _listed(config: Config, moment: datetime) -> int:
    with transaction(Side.WORKER) as session:
        publish_keys(session, config.sealing_key, moment)
        latest = record.latest(session, "keys")
    assert latest is not None
    assert latest.body is not None
    said = json.loads(latest.body)
    assert said["cohorts"] == [{"slug": "north", "name": "North", "own_keys": False}]
    (key,) = said["keys"]
    drawn: int = key["drawn"]
    return drawn


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
        max_leaves=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_there_is_one_spelling_of_everything(value: object) -> None:
    spelled = canonical(value)
    assert json.loads(spelled) == value
    assert canonical(json.loads(spelled)) == spelled


def test_keys_are_sorted_as_rfc_8785_has_it() -> None:
    # The RFC's own example (section 3.2.3): by UTF-16 code units, in which an emoji comes before U+FB33.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    spelled = canonical(dict.fromkeys(keys, 0)).decode()
    assert list(json.loads(spelled)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize("value", [1.5, 2**53, float("nan")])
def test_numbers_with_several_spellings_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        canonical({"number": value})


def test_the_vectors_hold() -> None:
    key = Ed25519PrivateKey.from_private_bytes(decode_base64(VECTORS["private_key"]))
    public_key = decode_base64(VECTORS["public_key"])
    assert fingerprint(public_key) == VECTORS["fingerprint"]
    previous = FIRST_PREVIOUS
    for vector in VECTORS["documents"]:
        body, day = vector["body"].encode(), date.fromisoformat(vector["made_on"])
        signed = sign(key, body, sequence=vector["sequence"], previous=previous, kind=vector["kind"], made_on=day)
        assert signed == Signed(vector["document"].encode(), decode_base64(vector["signature"]))
        assert follow(public_key, vector["sequence"], previous, signed)["body"] == hashlib.sha256(body).hexdigest()
        assert signed.hash.hex() == vector["hash"]
        previous = signed.hash


@pytest.mark.parametrize("vector", SPELLED)
def test_the_vectors_of_spelling_hold(vector: dict[str, Any]) -> None:
    assert canonical(vector["value"]).decode() == vector["spelled"]
