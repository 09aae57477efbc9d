"""The evening in a few sentences, for whoever has to answer for it."""

from typing import Any

from backend.demo.narrator import Narrator

_KINDS = {
    "answer": "to the one phone that chose to be woken directly",
    "beat": "to all officers' phones together, empty",
    "incident": "to the phones of the facility",
    "message": "to staff: something was written",
    "no peer left": "to the clinician and the coordinator: nobody is left to ask",
    "offer": "to peers: somebody asks for you",
    "quiet": "to staff: read, answered or no longer needed, so be quiet",
}

_WAYS = {"news": "a wake of all phones and the news", "open screen": "the open screen"}


def summarise(figures: dict[str, Any], narrator: Narrator) -> None:
    """Print the figures as sentences."""
    narrator.chapter("What came of it")
    for line in _lines(figures):
        narrator.plain(f"  {line}")
    narrator.plain("\n  Pushes; none of them carried any content:")
    for kind, number in figures["pushes"].items():
        narrator.plain(f"    {number:>3}  {_KINDS.get(kind, kind)}")


def _lines(figures: dict[str, Any]) -> list[str]:
    passes = figures["passes"]
    lines = [
        f"{figures['enrolments']} officers enrolled. Passes drawn: {passes['drawn']}; spent: {passes['spent']}.",
        f"{figures['requests']} asked for a peer; {figures['withdrawn']} took it back.",
        f"{figures['offers']} offers were made: {figures['accepted']} accepted, {figures['declined']} declined, "
        f"{figures['expired']} not answered in time, {figures['cancelled']} no longer needed.",
        f"{figures['lapsed']} lapsed because no first message came, {figures['handed_over']} handed over; "
        "each time the next were asked at once.",
        f"Left alone: {figures['left_alone']}.",
        f"Asked in spite of a conflict of interest: {figures['conflicts_of_interest']}.",
        f"Asked in quiet hours, on post or away: {figures['disturbed']}.",
    ]
    if figures["request_to_push"]:
        lines.append(f"From an officer's tap to a peer's ring: {_time(figures['request_to_push'])}.")
    for way, spread in figures["answer_to_asker"].items():
        lines.append(f"From the answer to the officer's knowing, by {_WAYS.get(way, way)}: {_time(spread)}.")
    return lines


def _time(spread: dict[str, float]) -> str:
    return f"{spread['median'] / 1000:.2f} s in the middle, {spread['p99'] / 1000:.2f} s at worst"
