"""A name that somebody has and one that nobody has: the same answer, the same work, the same time."""

import math
import random
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask.testing import FlaskClient
from sqlalchemy import Connection, event

from backend import passphrases
from backend.actions.agency import attempts
from backend.db import Side, transaction
from tests import builders

NAMES = 4
TRIES = 10
ALPHA = 1e-6
"""How often the test of times would fail although there is nothing to see: once in a million runs."""

Try = Callable[[int, bool], Any]


@pytest.fixture
def heavy(light_passphrases: None, monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """The real work again."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    monkeypatch.setattr(passphrases, "hasher", hasher)
    monkeypatch.setattr(passphrases, "NOBODY", hasher.hash("nobody's"))
    return hasher


@pytest.fixture(params=["/v1/sessions", "/v1/staff/sessions"])
def wrong(request: pytest.FixtureRequest, client: FlaskClient, heavy: PasswordHasher) -> Try:
    """Sign in wrongly: with one of the names that somebody has, or one of those that nobody has."""
    stored = heavy.hash(builders.PASSPHRASE)
    with transaction(Side.OWNER) as session:
        facility = builders.facility(session)
        for number in range(NAMES):
            builders.officer(session, facility, name=f"known-name-{number}", passphrase_hash=stored)
            builders.staff_account(session, builders.staff(session, facility, slug=f"known-name-{number}"), stored)

    def sign_in(number: int, known: bool) -> Any:
        name = f"{'known' if known else 'other'}-name-{number % NAMES}"
        return client.post(request.param, json={"name": name, "passphrase": "not the one"})

    return sign_in


@contextmanager
def work_done(connection: Connection) -> Iterator[list[str]]:
    """Every statement that reaches the database, and every passphrase looked at, with its parameters."""
    done: list[str] = []
    verify = PasswordHasher.verify

    def looking(hasher: PasswordHasher, stored: str, passphrase: str) -> Any:
        done.append(str(extract_parameters(stored)))
        return verify(hasher, stored, passphrase)

    def asking(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        if "SAVEPOINT" not in statement:
            done.append(statement)

    event.listen(connection, "before_cursor_execute", asking)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PasswordHasher, "verify", looking)
        yield done
    event.remove(connection, "before_cursor_execute", asking)


def test_the_answers_are_the_same(wrong: Try) -> None:
    known, unknown = wrong(0, True), wrong(0, False)
    assert known.status_code == unknown.status_code == 401
    assert known.data == unknown.data
    assert known.headers == unknown.headers


def test_the_work_is_the_same(wrong: Try, connection: Connection) -> None:
    for _ in range(2):
        with work_done(connection) as for_known:
            wrong(0, True)
        with work_done(connection) as for_unknown:
            wrong(0, False)
        assert for_known == for_unknown
    hashes = [step for step in for_known if "memory_cost=19456" in step]
    assert len(hashes) == 1
    print(f"a wrong sign-in, known or unknown: one passphrase looked at, {len(for_known) - 1} statements")


@pytest.mark.thorough
def test_the_time_is_the_same(wrong: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kolmogorov and Smirnov's distance of the two samples, whose tries follow one another in random order.

    Chance alone reaches the bound at most once in a million times: P(D >= d) <= e exp(-n d²) for two samples of n
    (Wei and Dudley 2012). That it would notice names let off lightly is shown by letting them off.
    """
    monkeypatch.setattr(attempts, "FAILURES", 10 * NAMES * TRIES)
    known, unknown = measure(wrong)
    bound = math.sqrt(math.log(math.e / ALPHA) / (NAMES * TRIES))
    found = distance(known, unknown)
    monkeypatch.setattr(passphrases, "NOBODY", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))
    light = distance(*measure(wrong))
    print(f"known and unknown names: distance {found:.2f}, bound {bound:.2f}; let off lightly it would be {light:.2f}")
    assert found < bound < light


def measure(wrong: Try) -> tuple[list[float], list[float]]:
    """Seconds of each try, for known names and for unknown ones."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    tries = [(number, known) for number in range(NAMES * TRIES) for known in (True, False)]
    random.SystemRandom().shuffle(tries)
    for number, known in tries:
        start = time.perf_counter()
        wrong(number, known)
        seconds[known].append(time.perf_counter() - start)
    return seconds[True], seconds[False]


def distance(first: list[float], second: list[float]) -> float:
    """The largest difference of the two empirical distribution functions, 0 to 1."""
    first, second = sorted(first), sorted(second)
    return max(
        abs(bisect_right(first, moment) / len(first) - bisect_right(second, moment) / len(second))
        for moment in first + second
    )
