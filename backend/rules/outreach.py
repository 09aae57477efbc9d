"""When support is offered after a critical incident: offers, never orders, counted from the end of one's shift."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_suffix(".json")
_AFTERWARDS = timedelta(days=7)


@cache
def schedule() -> dict[str, Any]:
    """`version`, `counted_from`, and `offers` in their order: hours `within` or `after` which each is made.

    `self_check` marks the one that comes with an optional questionnaire. Sources stand in `outreach.json`.
    """
    said = json.loads(_FILE.read_text(encoding="utf-8"))
    return {key: said[key] for key in ("version", "counted_from", "offers")}


def lasts() -> timedelta:
    """How long after its end an incident is of interest to phones: until a week after the last offer."""
    hours = max(offer.get("after_hours", 0) for offer in schedule()["offers"])
    return timedelta(hours=hours) + _AFTERWARDS
