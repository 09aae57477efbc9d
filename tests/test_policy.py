"""The policy as it is read."""

from datetime import timedelta
from typing import Any

import pytest

from backend.rules.policy import Urgency, WrongPolicy, read_policy
from tests.builders import POLICY


def test_times_are_seconds() -> None:
    policy = read_policy(POLICY)
    assert policy.paces[Urgency.NOW].answer_within == timedelta(minutes=3)
    assert policy.paces[Urgency.ROUTINE].size == 1
    assert (policy.first_message_within, policy.keep_days) == (timedelta(minutes=10), 7)


def test_the_opening_has_a_day_unless_it_is_said() -> None:
    assert read_policy({key: POLICY[key] for key in POLICY if key != "opening_within"}).opening_within == timedelta(1)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"now": {"size": 0, "answer_within": 180, "tell_after": 600}}, "now.size"),
        ({"now": {"size": 3, "answer_within": 180}}, "now.tell_after"),
        ({"now": {"size": 3, "answer_within": 180, "tell_after": 600, "loud": 1}}, "now.loud"),
        ({"today": None}, "today"),
        ({"keep_days": True}, "keep_days"),
        ({"first_message_within": "soon"}, "first_message_within"),
        ({"conflicts": "allowed"}, "conflicts"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(WrongPolicy) as refused:
        read_policy(POLICY | changes)
    assert refused.value.path == path
