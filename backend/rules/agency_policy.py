"""The policy in the agency's file, in the words and durations of people; kept as whole seconds and days."""

import re
from typing import Any

from yaml.nodes import Node

from backend.rules.lines import Page

URGENCIES = ("now", "today", "routine")
_DURATION = re.compile(r"([0-9]{1,5}) (second|minute|hour|day|week)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_DAY = 86400
_LONGEST = 90 * _DAY
_WAVE = ("peers at a time", "answer within", "tell people after")
_TIMES = ("first message within", "tell again after", "close idle after", "delete after")


def read_policy(page: Page, node: Node | None) -> dict[str, Any]:
    """What `agency.agency.policy` keeps, as `backend.rules.policy` reads it: times in seconds, or in days by name."""
    found = page.keys(node, [*URGENCIES, *_TIMES], ["opening within"])
    opening = {"opening_within": duration(page, found["opening within"])} if "opening within" in found else {}
    return (
        {urgency: _wave(page, found.get(urgency)) for urgency in URGENCIES}
        | opening
        | {
            "first_message_within": duration(page, found.get("first message within")),
            "tell_again_after": duration(page, found.get("tell again after")),
            "idle_days": _days(page, found.get("close idle after")),
            "keep_days": _days(page, found.get("delete after")),
        }
    )


def _wave(page: Page, node: Node | None) -> dict[str, int]:
    found = page.keys(node, _WAVE)
    return {
        "size": page.number(found.get("peers at a time"), 1, 20),
        "answer_within": duration(page, found.get("answer within")),
        "tell_after": duration(page, found.get("tell people after")),
    }


def duration(page: Page, node: Node | None) -> int:
    """Seconds, from a duration like `3 minutes`: at least one second, 90 days at most."""
    word = page.word(node)
    match = _DURATION.fullmatch(word)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if word and not 1 <= seconds <= _LONGEST:
        page.wrong(word.line, "here belongs a time like “3 minutes”, from 1 second to 90 days")
    return seconds


def _days(page: Page, node: Node | None) -> int:
    seconds = duration(page, node)
    if node is not None and seconds % _DAY:
        page.wrong(node.start_mark.line + 1, "here belong whole days, like “7 days”")
    return seconds // _DAY
