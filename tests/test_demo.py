"""The evening of `make demo`, played once; then everything that was written down is searched."""

import base64
import hashlib
import re
import socket
import tempfile
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from backend.clock import now
from backend.demo.asking import Asking
from backend.demo.bells import Bells
from backend.demo.cast import STORIES
from backend.demo.evening import Evening
from backend.demo.house import AGENCY, open_house
from backend.demo.line import Line
from backend.demo.narrator import Narrator
from backend.demo.words import make_words
from backend.door.wire import TOKEN_BYTES
from tests.watched import Watched

pytestmark = [pytest.mark.real, pytest.mark.thorough]

MARKED_UNIT = "hill-" + uuid.uuid4().hex[:20]
KEPT_AWAY, PREFERRED = "away-" + uuid.uuid4().hex[:20], "liked-" + uuid.uuid4().hex[:20]
"""A unit and two colleagues whom one asker alone names, so that a trace of them can only be his."""

SHARED = {("account", "facility_id"), ("draw", "key_id"), ("private_key", "key_id")}
"""What the identified side has from the common ground, and may share."""
TELLS_NOTHING = {("draw", "purpose"), ("draw", "period"), ("draw", "number"), ("sign_in_attempt", "failures")}
"""Words and small numbers that say the same of everybody."""


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """The evening with an agency that has the marked unit and colleagues besides, and a short policy."""
    told = StringIO()
    with tempfile.TemporaryDirectory(prefix="relief-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with open_house(folder) as house:
            paper = house.set_up(len(STORIES) + 2, _marked_agency(folder))
            house.start()
            bells = Bells(house.firebase)
            with Evening(house, paper, bells, Narrator(told)) as evening:
                with bells:
                    played = evening.play()
                yield Watched(house, evening, played, paper.vouchers, told.getvalue())


def _marked_agency(folder: Path) -> Path:
    text = AGENCY.read_text().replace("5 seconds", "3 seconds")
    text = text.replace("      hill-yard:", f"      {MARKED_UNIT}: {{name: Marked}}\n      hill-yard:")
    for slug, units in ((KEPT_AWAY, ""), (PREFERRED, f"\n    units: [{MARKED_UNIT}]")):
        entry = (
            f"\n  {slug}:\n    first name: {slug}\n    last name: Marked\n    roles: [peer]\n    facility: hill-camp"
        )
        text = text.replace("\nstaff:\n", f"\nstaff:{entry}{units}\n    languages: [en]\n")
    path = folder / "agency.yaml"
    path.write_text(text)
    return path


def test_nobody_is_left_alone_and_no_conflict_passes(watched: Watched) -> None:
    figures = watched.played.figures
    assert watched.played.went_well
    assert (figures["left_alone"], figures["conflicts_of_interest"], figures["disturbed"]) == (0, 0, 0)
    assert figures["enrolments"] == len(STORIES) + 2
    assert figures["requests"] == figures["passes"]["spent"] == len(STORIES)
    assert figures["handed_over"] == figures["withdrawn"] == 1
    assert min(figures[name] for name in ("lapsed", "declined", "expired")) >= 1
    assert figures["accepted"] >= len(STORIES) + 1
    assert {"offer", "message", "quiet", "answer", "incident", "no peer left"} <= figures["pushes"].keys()
    assert figures["answer_to_asker"].keys() >= {"direct wake", "open screen", "news"}
    assert figures["request_to_push"]["median"] <= figures["request_to_push"]["p99"]


def test_the_evening_is_told_in_plain_words(watched: Watched) -> None:
    for said in (
        "asks for a peer",
        "accepts",
        "declines",
        "doesn't write",
        "hands the conversation over",
        "twelve words",
    ):
        assert said in watched.told
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|Traceback|None", watched.told)


def test_a_dump_joins_no_account_to_anything(watched: Watched) -> None:
    values = _identified_values(watched) | _officers_secrets(watched)
    assert len(values) > 100
    outside = watched.dump("agency", "anonymous")
    assert "anonymous.support_request" in outside
    found = {said for said, forms in values.items() if any(form in outside for form in forms)}
    assert not found


def test_a_dump_of_accounts_holds_nothing_anonymous(watched: Watched) -> None:
    identified = watched.dump("identified")
    assert "identified.draw" in identified
    asked = [str(row[name]) for row in watched.rows("anonymous", "support_request") for name in ("id", "tell_at")]
    hashes = [
        row[name].hex() for row in watched.rows("anonymous", "support_request") for name in ("pass_hash", "secret_hash")
    ]
    spent = [row["pass_hash"].hex() for row in watched.rows("anonymous", "spent_pass")]
    assert len(spent) == len(STORIES)
    assert not [value for value in asked + hashes + spent if value in identified]


def test_passes_are_nowhere_but_as_hashes(watched: Watched) -> None:
    everything = watched.dump("agency", "identified", "anonymous")
    passes = [ready.token for phone in watched.evening.phones for ready in phone.passes]
    assert len(passes) > 50
    for token in passes:
        assert len(token) == TOKEN_BYTES
        assert token.hex() not in everything
        assert hashlib.sha256(token).hexdigest() not in everything


def test_what_only_an_asker_knows_reaches_no_disk(watched: Watched) -> None:
    """Unit, wish and exclusion of one asker: not in a row, not in the write-ahead log, not in a log."""
    traces = _traces(watched)
    before = set(watched.dump("agency", "anonymous").splitlines())
    start = watched.settle()
    request_id = _ask_with_marks(watched)
    written = watched.written_since(start)
    assert request_id.bytes in written, "the search would find what is there"
    assert not [said for said, forms in traces.items() if any(form in written for form in forms)]
    new = "\n".join(set(watched.dump("agency", "anonymous").splitlines()) - before)
    assert str(request_id) in new
    for said, forms in traces.items():
        assert not any(form.decode("latin-1") in new + watched.logs() for form in forms), said


def test_no_unit_of_any_asker_stands_on_the_anonymous_side(watched: Watched) -> None:
    rows = watched.dump("anonymous")
    units = {row["slug"]: str(row["id"]) for row in watched.rows("agency", "unit")}
    for story in STORIES:
        assert story.unit not in rows
        assert units[story.unit] not in rows


def test_logs_hold_no_secret(watched: Watched) -> None:
    logs = watched.logs()
    assert "gunicorn listens" in logs
    secrets = _officers_secrets(watched)
    assert not [said for said, forms in secrets.items() if any(form in logs for form in forms)]
    assert "127.0.0.1" not in logs
    assert "/v1/" not in logs


def _identified_values(watched: Watched) -> dict[str, list[str]]:
    """Every value of the identified side that could join, by where it stands, as it may be written elsewhere."""
    values = {}
    for table in watched.tables("identified"):
        for number, row in enumerate(watched.rows("identified", table)):
            for column, value in row.items():
                if value is not None and (table, column) not in SHARED | TELLS_NOTHING:
                    values[f"{table}.{column} {number}"] = _written(value)
    return values


def _officers_secrets(watched: Watched) -> dict[str, list[str]]:
    secrets = {f"voucher {number}": [code] for number, code in enumerate(watched.vouchers)}
    for number, phone in enumerate(watched.evening.phones):
        assert phone.account
        for name in ("access_token", "refresh_token"):
            token = phone.tokens[name]
            secrets[f"{name} {number}"] = [token, hashlib.sha256(token.encode()).hexdigest()]
        secrets[f"account {number}"] = [phone.account.name, phone.account.recovery_code, phone.account.passphrase]
    return secrets


def test_whoever_loses_the_race_for_a_port_takes_another() -> None:
    with tempfile.TemporaryDirectory(prefix="relief-demo-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with open_house(Path(folder)) as house, socket.create_server(("127.0.0.1", house.port)) as faster:
            house.set_up(1)
            house.start()
            assert house.port != faster.getsockname()[1]
            with Line(house.server) as line:
                assert line.ask("GET", "/openapi.json").json()["servers"] == [{"url": house.server}]


def _written(value: Any) -> list[str]:
    match value:
        case uuid.UUID():
            return [str(value), value.hex]
        case bytes():
            encoded = [base64.b64encode(value), base64.urlsafe_b64encode(value)]
            return [value.hex(), *(text.rstrip(b"=").decode() for text in encoded)]
        case datetime():
            return [f"{value:%Y-%m-%d %H:%M:%S.%f}".rstrip("0"), f"{value:%Y-%m-%dT%H:%M:%S.%f}".rstrip("0")]
        case date():
            return [value.isoformat()]
        case _:
            return [str(value)]


def _traces(watched: Watched) -> dict[str, list[bytes]]:
    """What the marked asker says, in every form in which it could be written down."""
    units = {row["slug"]: row["id"] for row in watched.rows("agency", "unit")}
    staff = {row["slug"]: row["id"] for row in watched.rows("agency", "staff")}
    ids = {MARKED_UNIT: units[MARKED_UNIT], KEPT_AWAY: staff[KEPT_AWAY], PREFERRED: staff[PREFERRED]}
    return {slug: [slug.encode(), key.bytes, str(key).encode(), key.hex.encode()] for slug, key in ids.items()}


def _ask_with_marks(watched: Watched) -> uuid.UUID:
    """One more officer asks, is offered a peer, and takes it back."""
    phone = watched.evening.phones[-1]
    staff = {one["first_name"]: one["id"] for one in phone.read_bulletin()["staff"]}
    asking = Asking(phone.nameless, make_words())
    wish = {
        "urgency": "today",
        "languages": ["en"],
        "ways": ["meet"],
        "unit": MARKED_UNIT,
        "wishes": {"facility": "other", "prefer": [staff[PREFERRED]]},
        "keep_away": [staff[KEPT_AWAY]],
        "notice_version": phone.record.read("agency")["notice"]["version"],
    }
    request_id = asking.ask(phone.take_pass("support", now()), wish)
    assert asking.look()["asked"] == 1
    asking.withdraw()
    return request_id
