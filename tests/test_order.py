"""The order: wishes bend, each a little less than the one before it."""

import uuid
from typing import Any

from backend.rules.conflicts import Colleague
from backend.rules.order import Where, Wishes, in_order

HOME, ELSEWHERE = uuid.UUID(int=1), uuid.UUID(int=2)


def colleague(**changes: Any) -> Colleague:
    facts: dict[str, Any] = {
        "id": uuid.uuid4(), "facility": HOME, "languages": frozenset({"en"}), "topics": frozenset(), "conversations": 0,
        "cap": 3,
    }  # fmt: skip
    return Colleague(**(facts | changes))


def test_each_wish_counts_more_than_all_after_it() -> None:
    preferred = colleague(facility=ELSEWHERE, conversations=2)
    near = colleague(conversations=2)
    fitting = colleague(facility=ELSEWHERE, topics=frozenset({"sleep", "family"}), conversations=2)
    half_fitting = colleague(facility=ELSEWHERE, topics=frozenset({"sleep"}), conversations=1)
    idle, busy = colleague(facility=ELSEWHERE), colleague(facility=ELSEWHERE, conversations=1)
    wishes = Wishes(Where.SAME, HOME, frozenset({preferred.id}), frozenset({"sleep", "family"}))
    everybody = [busy, idle, half_fitting, fitting, near, preferred]
    assert in_order(wishes, everybody) == [one.id for one in reversed(everybody)]


def test_the_wish_for_another_facility() -> None:
    near, far = colleague(), colleague(facility=ELSEWHERE)
    assert in_order(Wishes(Where.OTHER, HOME), [near, far]) == [far.id, near.id]


def test_a_preferred_peer_is_not_overloaded() -> None:
    preferred, free = colleague(conversations=3), colleague(conversations=1)
    assert in_order(Wishes(prefer=frozenset({preferred.id})), [preferred, free]) == [free.id, preferred.id]


def test_chance_decides_between_equals() -> None:
    first, second = colleague(), colleague()
    draws = iter([0.9, 0.1])
    assert in_order(Wishes(), [first, second], lambda: next(draws)) == [second.id, first.id]
    seen = {in_order(Wishes(), [first, second])[0] for _ in range(64)}
    assert seen == {first.id, second.id}


def test_wishes_never_show_themselves() -> None:
    assert repr(Wishes(Where.SAME, HOME, frozenset({HOME}), frozenset({"sleep"}))) == "Wishes()"
