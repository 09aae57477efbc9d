"""The news: an asker finds his tag, nobody else finds anything, and the file says nothing of when."""

import hashlib
import json
import secrets
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from backend.actions.anonymous.news import publish_news
from backend.base64url import decode_base64
from backend.db import Side, transaction
from backend.jobs import Kind
from backend.models.agency.jobs import Job
from backend.models.anonymous.requests import SupportRequest
from backend.rules.news import QUARTER, TICK, Moment, compose, moment, tag

VECTORS = json.loads((Path(__file__).parent / "vectors" / "relief.json").read_text(encoding="utf-8"))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TICKS = QUARTER // TICK


def _request(secret: bytes, *, unread: bool) -> None:
    row = SupportRequest(
        pass_hash=secrets.token_bytes(32), secret_hash=hashlib.sha256(secret).digest(), urgency="now", topics=[],
        languages=["en"], ways=["chat"], notice_version="2026-1", tell_at=NOON, unread=unread,
    )  # fmt: skip
    with transaction(Side.ANONYMOUS) as session:
        session.add(row)


def _made(client: FlaskClient, at: datetime) -> dict[str, Any]:
    """The file that phones read after the worker has made it at this moment."""
    with transaction(Side.WORKER) as session:
        publish_news(session, at)
    client.application.extensions.pop("relief shelf", None)
    said: dict[str, Any] = client.get("/v1/public/news").get_json()
    return said


def _finds(secret: bytes, file: dict[str, Any]) -> bool:
    return tag(hashlib.sha256(secret).digest(), file["quarter"]) in file["tags"]


def test_the_asker_finds_his_tag_and_others_do_not(client: FlaskClient) -> None:
    waiting, read, stranger = (secrets.token_bytes(32) for _ in range(3))
    _request(waiting, unread=True)
    _request(read, unread=False)
    file = _made(client, NOON)
    assert _finds(waiting, file)
    assert not _finds(read, file)
    assert not _finds(stranger, file)


def test_a_tag_is_of_use_for_one_quarter_of_an_hour(client: FlaskClient) -> None:
    secret = secrets.token_bytes(32)
    _request(secret, unread=True)
    first, second = _made(client, NOON), _made(client, NOON + QUARTER)
    assert (first["quarter"], second["quarter"]) == (1994928, 1994929)
    assert _finds(secret, first)
    assert _finds(secret, second)
    assert not set(first["tags"]) & set(second["tags"])


def test_what_comes_within_a_quarter_is_there_at_the_next_tick(client: FlaskClient) -> None:
    secret = secrets.token_bytes(32)
    before = _made(client, NOON)
    _request(secret, unread=True)
    assert _made(client, NOON + TICK / 2) == before
    assert _finds(secret, _made(client, NOON + TICK))


def test_each_version_leaves_word_for_the_next(client: FlaskClient) -> None:
    _made(client, NOON + TICK / 2)
    with transaction(Side.OWNER) as session:
        run_at = session.scalars(select(Job.run_at).where(Job.kind == Kind.PUBLISH, Job.key == "news")).one()
    assert run_at == NOON + TICK


def test_a_watcher_sees_the_same_whatever_happens(client: FlaskClient) -> None:
    """Sizes, arrivals and departures of a busy quarter are those of a quiet one, tick by tick."""
    secrets_of = [secrets.token_bytes(32) for _ in range(12)]
    quiet = [_made(client, NOON + tick * TICK) for tick in range(TICKS)]
    busy = []
    for tick in range(TICKS):
        if tick and tick % 7 == 0 and tick // 7 <= len(secrets_of):
            _request(secrets_of[tick // 7 - 1], unread=True)
        if tick % 20 == 19:
            with transaction(Side.ANONYMOUS) as session:
                session.execute(update(SupportRequest).values(unread=False))
        busy.append(_made(client, NOON + QUARTER + tick * TICK))
    assert _watched(busy) == _watched(quiet)
    assert sum(_finds(secret, busy[-1]) for secret in secrets_of) == len(secrets_of)


def _watched(versions: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    """All that comparing two versions can tell: how many tags there are, have come, have gone."""
    tags = [set(version["tags"]) for version in versions]
    return [(len(after), len(after - before), len(before - after)) for before, after in pairwise(tags)]


def test_nobody_can_pick_the_real_ones_among_those_that_are_new() -> None:
    """An observer who guesses among a version's new tags by any fixed rule is right as often as chance has it.

    1,000 quarters with one new request each, always among two new tags. He always takes the smaller. The bound is
    five standard deviations of a fair coin (chance of failing by accident: less than one in a million).
    """
    tries, hits = 1000, 0
    for quarter in range(tries):
        before = compose(Moment(quarter, 0), [], None)
        secret_hash = secrets.token_bytes(32)
        after = compose(Moment(quarter, 1), [secret_hash], before)
        new = sorted(set(after["tags"]) - set(before["tags"]))
        assert len(new) == 2
        hits += new[0] == tag(secret_hash, quarter)
    print(f"Right {hits} times in {tries}; chance alone has 500.")
    assert abs(hits - tries / 2) < 5 * (tries / 4) ** 0.5


def test_tags_look_like_nothing_else_than_random_bytes(client: FlaskClient) -> None:
    _request(secrets.token_bytes(32), unread=True)
    file = _made(client, NOON)
    assert set(file) == {"quarter", "tick", "tags"}
    assert file["tags"] == sorted(set(file["tags"]))
    assert all(len(bytes.fromhex(one)) == 8 for one in file["tags"])


@given(st.integers(0, 400), st.integers(0, TICKS - 1), st.lists(st.integers(0, 40), max_size=8))
@settings(max_examples=40, deadline=None)
def test_it_is_padded_and_nobody_is_left_out_for_long(real: int, start: int, later: list[int]) -> None:
    unread = [secrets.token_bytes(32) for _ in range(real)]
    file = compose(Moment(7, start), unread, None)
    first = len(file["tags"]) * 16 // (16 + start)
    assert first >= 32
    assert first >= 2 * real
    assert first.bit_count() == 1
    for tick, more in enumerate(later, start + 1):
        if tick < TICKS:
            unread += [secrets.token_bytes(32) for _ in range(more)]
            after = compose(Moment(7, tick), unread, file)
            assert set(after["tags"]) >= set(file["tags"])
            assert len(after["tags"]) == first + tick * first // 16
            file = after
    opening = compose(Moment(8, 0), unread, file)
    assert {tag(one, 8) for one in unread} <= set(opening["tags"])


def test_a_burst_finds_room_tick_by_tick() -> None:
    crowd = [secrets.token_bytes(32) for _ in range(20)]
    file = compose(Moment(7, 0), [], None)
    for tick in range(1, 11):
        file = compose(Moment(7, tick), crowd, file)
        found = sum(tag(one, 7) in file["tags"] for one in crowd)
        assert found == 2 * tick
    assert len(file["tags"]) == 32 + 20


def test_a_worker_that_slept_goes_on_as_if_it_had_not(client: FlaskClient) -> None:
    awake = [_made(client, NOON + tick * TICK) for tick in range(31)][-1]
    with transaction(Side.OWNER) as session:
        session.execute(delete(Job))
    _made(client, NOON + QUARTER)
    slept = _made(client, NOON + QUARTER + 30 * TICK)
    assert len(slept["tags"]) == len(awake["tags"])


def test_a_moment_is_a_quarter_and_a_tick() -> None:
    assert moment(NOON) == Moment(1994928, 0)
    assert moment(NOON + QUARTER - TICK / 2) == Moment(1994928, TICKS - 1)
    assert moment(NOON + QUARTER - TICK / 2).ends_at == NOON + QUARTER


def test_the_vectors_hold() -> None:
    for vector in VECTORS["news"]:
        secret_hash = hashlib.sha256(decode_base64(vector["secret"])).digest()
        assert secret_hash.hex() == vector["secret_hash_hex"]
        assert tag(secret_hash, vector["quarter"]) == vector["tag_hex"]
