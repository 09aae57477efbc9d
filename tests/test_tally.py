"""The demo's own count would see what must not happen."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.demo.cast import OUT_OF_REACH, STORIES
from backend.demo.evening import Played
from backend.demo.firebase import Arrival
from backend.demo.tally import Asked, Fate, figures, spread
from backend.notify.kinds import Notice, collapse_id

ASKED_AT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
COUNTS = {"enrolments": 1, "drawn": 11, "spent": 1}


@pytest.fixture
def fate() -> Fate:
    """An officer who was answered."""
    return Fate(STORIES[0], uuid.uuid4(), ASKED_AT, answered=True)


def _offer(fate: Fate, slug: str, state: str = "accepted") -> Asked:
    return Asked(uuid.uuid4(), fate.request_id, slug, state)


def _counted(fate: Fate, *offers: Asked, arrivals: tuple[Arrival, ...] = ()) -> dict[str, Any]:
    return figures([fate], offers, arrivals, COUNTS)


def test_an_evening_that_went_well_is_told_so(fate: Fate) -> None:
    assert Played(_counted(fate, _offer(fate, "dan-example")), "", "").went_well


@pytest.mark.parametrize("slug", sorted(STORIES[0].never))
def test_an_offer_to_somebody_in_conflict_is_seen(fate: Fate, slug: str) -> None:
    counted = _counted(fate, _offer(fate, "dan-example"), _offer(fate, slug, "cancelled"))
    assert counted["conflicts_of_interest"] == 1
    assert not Played(counted, "", "").went_well


@pytest.mark.parametrize("slug", OUT_OF_REACH)
def test_an_offer_to_somebody_out_of_reach_is_seen(fate: Fate, slug: str) -> None:
    assert not Played(_counted(fate, _offer(fate, slug)), "", "").went_well


def test_somebody_to_whom_nobody_wrote_is_seen(fate: Fate) -> None:
    fate.answered = False
    counted = _counted(fate, _offer(fate, "dan-example"))
    assert counted["left_alone"] == 1
    assert not Played(counted, "", "").went_well
    fate.withdrew = True
    assert _counted(fate)["left_alone"] == 0


def test_what_lapsed_or_was_handed_over_had_been_accepted(fate: Fate) -> None:
    offers = [_offer(fate, "dan-example", state) for state in ("lapsed", "handed over", "accepted", "declined")]
    counted = _counted(fate, *offers)
    assert (counted["accepted"], counted["lapsed"], counted["handed_over"], counted["declined"]) == (3, 1, 1, 1)


def test_what_became_of_the_offers_adds_up(fate: Fate) -> None:
    states = ("accepted", "lapsed", "handed over", "declined", "expired", "expired", "cancelled")
    counted = _counted(fate, *(_offer(fate, "dan-example", state) for state in states))
    became = [counted[name] for name in ("accepted", "declined", "expired", "cancelled")]
    assert became == [3, 1, 2, 1]
    assert sum(became) == counted["offers"]


def test_the_first_ring_counts_from_the_tap(fate: Fate) -> None:
    offer = _offer(fate, "dan-example")
    message = {"data": {"w": "offer", "c": collapse_id(Notice.OFFER, offer.offer_id)}}
    times = ("2026-11-23T22:00:00.250+00:00", "2026-11-23T22:00:09+00:00")
    arrivals = tuple(Arrival(number, at, "phone", None, message) for number, at in enumerate(times, 1))
    counted = _counted(fate, offer, arrivals=arrivals)
    assert counted["request_to_push"] == {"median": 250.0, "p99": 250.0}
    assert counted["pushes"] == {"offer": 1}


def test_the_worst_of_a_few_is_their_last_percentile() -> None:
    assert spread([0.1, 0.2, 0.9]) == {"median": 200.0, "p99": 900.0}
    assert spread([]) is None
